//! Counts and times, kept apart by each driver and added up at intervals.
use hdrhistogram::Histogram;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// The grain of the series over time.
pub(super) const INTERVAL: Duration = Duration::from_millis(250);
/// Decimal digits of a latency: percentiles are true within 1 %.
const DIGITS: u8 = 2;

/// When measuring begins and ends.
#[derive(Clone, Copy)]
pub(super) struct Clock {
    pub(super) begin: Instant,
    pub(super) end: Instant,
}

impl Clock {
    pub(super) fn new(warm_up: Duration, seconds: Duration) -> Self {
        let begin = Instant::now() + warm_up;
        Self { begin, end: begin + seconds }
    }

    /// The interval that a moment is in; none outside of the measurement.
    fn interval(&self, now: Instant) -> Option<usize> {
        let since = now.checked_duration_since(self.begin)?;
        (now < self.end).then(|| (since.as_nanos() / INTERVAL.as_nanos()) as usize)
    }
}

/// Latencies in microseconds. There is one for each interval: small counters keep them small.
pub(super) type Latency = Histogram<u32>;

fn latency() -> Latency {
    Histogram::new(DIGITS).expect("two digits are within what a histogram offers")
}

/// What one driver counted of one part (an HSM, say) in one interval.
pub(super) struct Slice {
    part: usize,
    interval: usize,
    counted: u64,
    destroyed: u64,
    latency: Latency,
}

/// A driver's own count for one part, handed over at intervals and when it is dropped.
pub(super) struct Meter {
    part: usize,
    clock: Clock,
    slice: Option<Slice>,
    to: mpsc::UnboundedSender<Slice>,
}

impl Meter {
    pub(super) fn new(part: usize, clock: Clock, to: mpsc::UnboundedSender<Slice>) -> Self {
        Self { part, clock, slice: None, to }
    }

    /// What comes next happened at this moment.
    pub(super) fn at(&mut self, now: Instant) {
        let interval = self.clock.interval(now);
        if self.slice.as_ref().map(|slice| slice.interval) == interval {
            return;
        }
        self.hand_over();
        let (part, counted, destroyed) = (self.part, 0, 0);
        self.slice = interval.map(|interval| Slice {
            part,
            interval,
            counted,
            destroyed,
            latency: latency(),
        });
    }

    /// One more: a key was made, a call answered.
    pub(super) fn count(&mut self, took: Duration) {
        if let Some(slice) = &mut self.slice {
            slice.counted += 1;
            // It grows as it must; only a time of centuries would not fit.
            let _ = slice.latency.record(took.as_micros() as u64);
        }
    }

    /// Handles were destroyed.
    pub(super) fn destroyed(&mut self, handles: u64) {
        if let Some(slice) = &mut self.slice {
            slice.destroyed += handles;
        }
    }

    fn hand_over(&mut self) {
        if let Some(slice) = self.slice.take() {
            // Nobody listens any more when the measurement has failed.
            let _ = self.to.send(slice);
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.hand_over();
    }
}

/// A sum of slices.
pub(super) struct Count {
    pub(super) counted: u64,
    pub(super) latency: Latency,
}

impl Count {
    fn new() -> Self {
        Self { counted: 0, latency: latency() }
    }

    fn add(&mut self, slice: &Slice) {
        self.counted += slice.counted;
        self.latency += &slice.latency;
    }
}

/// All that was counted.
pub(super) struct Tally {
    pub(super) parts: Vec<Count>,
    pub(super) all: Count,
    /// By interval.
    pub(super) series: Vec<Count>,
    pub(super) destroyed: u64,
}

impl Tally {
    pub(super) fn new(parts: usize) -> Self {
        let parts = (0..parts).map(|_| Count::new()).collect();
        Self { parts, all: Count::new(), series: Vec::new(), destroyed: 0 }
    }

    pub(super) fn add(&mut self, slice: &Slice) {
        if self.series.len() <= slice.interval {
            self.series.resize_with(slice.interval + 1, Count::new);
        }
        let part = self.parts.get_mut(slice.part);
        let interval = self.series.get_mut(slice.interval);
        for count in part.into_iter().chain(interval).chain([&mut self.all]) {
            count.add(slice);
        }
        self.destroyed += slice.destroyed;
    }

    /// Adds what was counted later, after this had lasted so long.
    pub(super) fn append(&mut self, later: Self, lasted: Duration) {
        let intervals = (lasted.as_nanos() / INTERVAL.as_nanos()) as usize;
        self.series.resize_with(intervals, Count::new);
        self.series.extend(later.series);
        let parts = self.parts.iter_mut().zip(&later.parts);
        for (count, more) in parts.chain([(&mut self.all, &later.all)]) {
            count.counted += more.counted;
            count.latency += &more.latency;
        }
        self.destroyed += later.destroyed;
    }

    /// So many a second in the last interval but one, which all drivers have handed over.
    pub(super) fn latest_rate(&self) -> Option<f64> {
        let interval = self.series.len().checked_sub(2)?;
        self.series.get(interval).map(|count| count.counted as f64 / INTERVAL.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_outside_of_the_measurement_are_not_counted() {
        let clock = Clock::new(Duration::from_secs(1), Duration::from_secs(1));
        let (to, mut slices) = mpsc::unbounded_channel();
        let mut meter = Meter::new(1, clock, to);
        let ms = Duration::from_millis;
        let events = [(0, 9), (999, 9), (1000, 1), (1249, 2), (1250, 3), (1999, 4), (2000, 9)];
        for (after_ms, took_ms) in events {
            meter.at(clock.begin - ms(1000) + ms(after_ms));
            meter.count(ms(took_ms));
            meter.destroyed(2);
        }
        drop(meter);
        let mut tally = Tally::new(2);
        while let Ok(slice) = slices.try_recv() {
            tally.add(&slice);
        }
        let keys: Vec<_> = tally.series.iter().map(|count| count.counted).collect();
        assert_eq!(keys, [2, 1, 0, 1]);
        assert_eq!((tally.all.counted, tally.parts[0].counted, tally.parts[1].counted), (4, 0, 4));
        assert_eq!(tally.destroyed, 8);
        assert_eq!(tally.all.latency.max() / 100, 40, "4 ms within 1 %");
        assert_eq!(tally.latest_rate(), Some(0.0));
    }
}
