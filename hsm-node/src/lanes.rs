//! Where heavy commands run: each kind on threads of its own, its places given out in turn among
//! the accounts that want one.
use hsm_core::Account;
use proto::Weight;
use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::available_parallelism;
use tokio::sync::oneshot;

/// A hash takes 7 MiB: one at a time keeps the node within its memory.
const PASSWORDS: usize = 1;

/// Backups take the time of the whole HSM, and are the appliance user's alone.
const BACKUPS: usize = 1;

/// Key pairs that are made at the same time: one for each processor, and no more than this.
const KEY_PAIRS_MAX: usize = 4;

/// Threads that the lanes together take at most.
pub(crate) const THREADS: usize = PASSWORDS + KEY_PAIRS_MAX + BACKUPS;

/// One lane for each kind of weight.
pub(crate) struct Lanes {
    passwords: Arc<Lane>,
    key_pairs: Arc<Lane>,
    backups: Arc<Lane>,
}

impl Lanes {
    pub(crate) fn new() -> Self {
        let processors = available_parallelism().map_or(1, usize::from);
        Self {
            passwords: Lane::new(PASSWORDS),
            key_pairs: Lane::new(processors.min(KEY_PAIRS_MAX)),
            backups: Lane::new(BACKUPS),
        }
    }

    /// The lane of a weight; none for what runs in place.
    pub(crate) fn of(&self, weight: Weight) -> Option<&Arc<Lane>> {
        match weight {
            Weight::Light => None,
            Weight::Password => Some(&self.passwords),
            Weight::KeyPair => Some(&self.key_pairs),
            Weight::Backup => Some(&self.backups),
        }
    }
}

/// Places for commands of one kind.
pub(crate) struct Lane(Mutex<Turns<Account, oneshot::Sender<Place>>>);

impl Lane {
    fn new(places: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Turns::new(places))))
    }

    fn lock(&self) -> MutexGuard<'_, Turns<Account, oneshot::Sender<Place>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a place. It comes when it is the account's turn; who drops the receiver wants it
    /// no more.
    pub(crate) fn enter(self: &Arc<Self>, account: Account) -> oneshot::Receiver<Place> {
        let (ticket, place) = oneshot::channel();
        let turn = self.lock().arrive(account, ticket);
        if let Some(ticket) = turn {
            self.give(ticket);
        }
        place
    }

    /// Gives a free place to this one, or to the first behind it that still wants it.
    fn give(self: &Arc<Self>, first: oneshot::Sender<Place>) {
        let mut next = Some(first);
        while let Some(ticket) = next {
            match ticket.send(Place { lane: Some(Arc::clone(self)) }) {
                Ok(()) => return,
                // Not by dropping it: a thousand who went away would be a thousand calls deep.
                Err(mut unwanted) => unwanted.lane = None,
            }
            next = self.lock().leave();
        }
    }
}

/// A place in a lane, free again when dropped.
pub(crate) struct Place {
    lane: Option<Arc<Lane>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(lane) = self.lane.take() {
            let next = lane.lock().leave();
            if let Some(ticket) = next {
                lane.give(ticket);
            }
        }
    }
}

/// Whose turn it is. An account that waits with many has as many turns as one that waits with one.
struct Turns<A, T> {
    places: usize,
    taken: usize,
    waiting: HashMap<A, VecDeque<T>>,
    /// The accounts that wait, the next first.
    order: VecDeque<A>,
}

impl<A: Copy + Eq + Hash, T> Turns<A, T> {
    fn new(places: usize) -> Self {
        Self { places, taken: 0, waiting: HashMap::new(), order: VecDeque::new() }
    }

    /// Takes a place for this one and gives it back, or lets it wait.
    fn arrive(&mut self, account: A, ticket: T) -> Option<T> {
        if self.taken < self.places {
            self.taken += 1;
            return Some(ticket);
        }
        let line = self.waiting.entry(account).or_default();
        if line.is_empty() {
            self.order.push_back(account);
        }
        line.push_back(ticket);
        None
    }

    /// A place is free: the next one that waits has it.
    fn leave(&mut self) -> Option<T> {
        let Some(account) = self.order.pop_front() else {
            self.taken -= 1;
            return None;
        };
        let line = self.waiting.get_mut(&account);
        let ticket = line.and_then(VecDeque::pop_front);
        if self.waiting.get(&account).is_some_and(|line| !line.is_empty()) {
            self.order.push_back(account);
        } else {
            self.waiting.remove(&account);
        }
        ticket
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hsm_core::Peer;

    /// The order in which these are served that come one after the other, an account each, while
    /// nobody leaves.
    fn served(places: usize, arrivals: &str) -> String {
        let mut turns = Turns::new(places);
        let mut order = String::new();
        for account in arrivals.chars() {
            order.extend(turns.arrive(account, account));
        }
        while turns.taken > 0 {
            order.extend(turns.leave());
        }
        assert!(turns.waiting.is_empty() && turns.order.is_empty(), "nothing is kept of anybody");
        order
    }

    #[test]
    fn accounts_have_their_turns_whoever_waits_with_many() {
        for (places, arrivals, order) in [
            (1, "", ""),
            (1, "aaa", "aaa"),
            (1, "aaaab", "aabaa"),
            (1, "aaaabb", "aababa"),
            (1, "aaaabbcc", "aabcabca"),
            (2, "aaaaaab", "aaabaaa"),
            (2, "ab", "ab"),
        ] {
            assert_eq!(served(places, arrivals), order, "{places} places, {arrivals}");
        }
    }

    #[test]
    fn one_that_comes_late_waits_for_one_turn_of_each_account_before_it() {
        let mut turns = Turns::new(1);
        assert!(turns.arrive('a', 0).is_some());
        for ticket in 1..=60 {
            assert!(turns.arrive('a', ticket).is_none());
        }
        assert_eq!(turns.leave(), Some(1));
        assert!(turns.arrive('b', 100).is_none());
        assert_eq!((turns.leave(), turns.leave()), (Some(2), Some(100)));
    }

    #[tokio::test]
    async fn places_of_those_who_went_away_go_to_the_next() {
        let lane = Lane::new(1);
        let account = |user| Account { peer: Peer::Client, user: Some(user) };
        let first = lane.enter(account(0)).await.unwrap();
        drop((0..5_000).map(|_| lane.enter(account(0))).collect::<Vec<_>>());
        let next = lane.enter(account(1));
        let unread = lane.enter(account(2));
        drop(first);
        drop(next.await.unwrap());
        // Given, and never looked at.
        drop(unread);
        lane.enter(account(3)).await.unwrap();
    }
}
