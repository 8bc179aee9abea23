//! A set of handles, kept as ranges. An HSM gives handles one after the other: those of deleted
//! keys grow together, and many take as little room as one.
use crate::mix::mix;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Handles, in ranges that neither overlap nor touch: equal sets have equal ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ranges {
    /// By the first handle of a range, its last.
    lasts: BTreeMap<u64, u64>,
    sum: u64,
}

impl Ranges {
    /// Adds all handles of a range.
    pub fn insert(&mut self, range: RangeInclusive<u64>) {
        let (mut first, mut last) = range.into_inner();
        if first > last {
            return;
        }
        while let Some((start, end)) = self.touching(first, last) {
            self.lasts.remove(&start);
            self.sum ^= hash(start, end);
            (first, last) = (first.min(start), last.max(end));
        }
        self.lasts.insert(first, last);
        self.sum ^= hash(first, last);
    }

    /// A range that overlaps these handles or that they continue.
    fn touching(&self, first: u64, last: u64) -> Option<(u64, u64)> {
        let (start, end) = self.lasts.range(..=last.saturating_add(1)).next_back()?;
        (end.saturating_add(1) >= first).then_some((*start, *end))
    }

    /// Whether the handle is in the set.
    pub fn contains(&self, handle: u64) -> bool {
        self.lasts.range(..=handle).next_back().is_some_and(|(_, last)| *last >= handle)
    }

    /// What the set holds from `first` on, rising.
    pub fn from(&self, first: u64) -> impl Iterator<Item = RangeInclusive<u64>> + '_ {
        let begun = self.lasts.range(..first).next_back().filter(|(_, last)| **last >= first);
        let begun = begun.map(|(_, last)| first..=*last);
        begun.into_iter().chain(self.lasts.range(first..).map(|(first, last)| *first..=*last))
    }

    /// The parts of a range that the set does not hold, rising.
    pub fn missing(&self, range: RangeInclusive<u64>) -> Vec<RangeInclusive<u64>> {
        let (mut from, last) = range.into_inner();
        let mut parts = Vec::new();
        for (start, end) in self.from(from).map(RangeInclusive::into_inner) {
            if start > last {
                break;
            }
            if start > from {
                parts.push(from..=start - 1);
            }
            let Some(next) = end.checked_add(1) else { return parts };
            from = next;
        }
        if from <= last {
            parts.push(from..=last);
        }
        parts
    }

    /// A hash of the set, kept as it grows: equal for equal sets, whatever the order of insertions.
    pub fn sum(&self) -> u64 {
        self.sum
    }
}

fn hash(first: u64, last: u64) -> u64 {
    mix(mix(first) ^ last)
}

impl Extend<RangeInclusive<u64>> for Ranges {
    fn extend<I: IntoIterator<Item = RangeInclusive<u64>>>(&mut self, ranges: I) {
        ranges.into_iter().for_each(|range| self.insert(range));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn of(ranges: &[RangeInclusive<u64>]) -> Ranges {
        let mut set = Ranges::default();
        set.extend(ranges.iter().cloned());
        set
    }

    fn listed(set: &Ranges) -> Vec<RangeInclusive<u64>> {
        set.from(0).collect()
    }

    #[test]
    fn neighbours_join_in_any_order() {
        for order in [[1..=1, 2..=4, 5..=5], [5..=5, 1..=1, 2..=4], [2..=4, 5..=5, 1..=1]] {
            assert_eq!(listed(&of(&order)), [1..=5]);
            assert_eq!(of(&order), of(&[1..=5]), "the sum, too");
        }
        assert_eq!(listed(&of(&[1..=3, 5..=6])), [1..=3, 5..=6]);
        assert_eq!(listed(&of(&[1..=3, 9..=9, 5..=6, 2..=8])), [1..=9]);
        assert_ne!(of(&[1..=3]).sum(), of(&[1..=2]).sum());
        assert_eq!(Ranges::default().sum(), 0);
    }

    #[test]
    fn the_largest_handles_are_handles_too() {
        let set = of(&[u64::MAX - 1..=u64::MAX, 0..=0]);
        assert!(set.contains(u64::MAX) && set.contains(0) && !set.contains(1));
        assert_eq!(set.missing(0..=u64::MAX), [1..=u64::MAX - 2]);
        assert_eq!(set.from(u64::MAX).collect::<Vec<_>>(), [u64::MAX..=u64::MAX]);
        assert_eq!(listed(&of(&[0..=u64::MAX, 7..=9])), [0..=u64::MAX]);
    }

    #[test]
    fn it_holds_what_a_plain_set_would() {
        let mut seed = 1;
        let mut random = |below: u64| {
            seed = mix(seed);
            seed % below
        };
        for _ in 0..300 {
            let (mut ranges, mut plain) = (Ranges::default(), BTreeSet::new());
            for _ in 0..random(60) {
                let first = random(200);
                let range = first..=first + random(20);
                plain.extend(range.clone());
                ranges.insert(range);
            }
            let held = |asked: RangeInclusive<u64>, there: bool| {
                asked.filter(|h| plain.contains(h) == there).collect::<Vec<_>>()
            };
            let (first, all) = (random(230), 0..=230);
            let asked = first..=first + random(40);
            let contained: Vec<_> = all.clone().filter(|h| ranges.contains(*h)).collect();
            assert_eq!(contained, held(all, true));
            assert_eq!(ranges.from(first).flatten().collect::<Vec<_>>(), held(first..=230, true));
            let missing = ranges.missing(asked.clone()).into_iter().flatten();
            assert_eq!(missing.collect::<Vec<_>>(), held(asked, false));
            let singly: Vec<_> = plain.iter().rev().map(|h| *h..=*h).collect();
            assert_eq!(ranges, of(&singly), "whatever the order");
        }
    }
}
