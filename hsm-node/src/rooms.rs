//! Connections whose client is known: so many of customers, and others that are kept free for the
//! service CA. When a room is full, one that is idle without a login goes for a newcomer.
use hsm_core::Peer;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// Connections of the service CA's certificates: HSMs ask each other, the control plane asks and
/// looks after all, and each endpoint has its logins.
pub(crate) const SERVICE_MAX: usize = 128;

/// A connection without a login that has asked nothing for so long goes when its place is needed.
const QUIET_MIN: Duration = Duration::from_secs(5);

/// What stands for "not to be sent away": it is logged in, or something is under way.
const BUSY: u64 = u64::MAX;

/// One room for each kind of certificate.
pub(crate) struct Rooms {
    clients: Arc<Room>,
    service: Arc<Room>,
}

impl Rooms {
    /// `clients`: how many connections of customers there may be.
    pub(crate) fn new(clients: usize) -> Self {
        Self { clients: Room::new(clients), service: Room::new(SERVICE_MAX) }
    }

    pub(crate) fn of(&self, peer: Peer) -> &Arc<Room> {
        match peer {
            Peer::Client => &self.clients,
            Peer::Appliance => &self.service,
        }
    }
}

/// Seats for connections of one kind.
pub(crate) struct Room {
    pub(crate) most: usize,
    opened: Instant,
    next: AtomicU64,
    taken: Mutex<BTreeMap<u64, Taken>>,
}

struct Taken {
    quiet_since: Arc<AtomicU64>,
    leave: oneshot::Sender<()>,
}

/// A connection's seat, free again when dropped.
pub(crate) struct Seat {
    room: Arc<Room>,
    number: u64,
    quiet_since: Arc<AtomicU64>,
    leave: oneshot::Receiver<()>,
}

impl Room {
    fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            opened: Instant::now(),
            next: AtomicU64::new(0),
            taken: Mutex::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Taken>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds since the room was opened.
    fn at(&self, moment: Instant) -> u64 {
        moment.duration_since(self.opened).as_millis() as u64
    }

    /// A seat, if there is one, or if somebody can go.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Seat> {
        self.enter_at(self.at(Instant::now()))
    }

    fn enter_at(self: &Arc<Self>, now: u64) -> Option<Seat> {
        let mut taken = self.lock();
        if taken.len() >= self.most {
            let seats = taken.iter();
            let goes = who_goes(
                seats.map(|(number, seat)| (*number, seat.quiet_since.load(Ordering::Relaxed))),
                now,
            );
            // It may have ended this moment.
            let _ = taken.remove(&goes?)?.leave.send(());
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let quiet_since = Arc::new(AtomicU64::new(now));
        let (leave, left) = oneshot::channel();
        taken.insert(number, Taken { quiet_since: Arc::clone(&quiet_since), leave });
        Some(Seat { room: Arc::clone(self), number, quiet_since, leave: left })
    }
}

impl Seat {
    /// It is not to be sent away.
    pub(crate) fn is_busy(&self) {
        self.quiet_since.store(BUSY, Ordering::Relaxed);
    }

    /// It has no login, nothing is under way, and it was heard last at this moment.
    pub(crate) fn is_quiet(&self, heard: Instant) {
        self.quiet_since.store(self.room.at(heard), Ordering::Relaxed);
    }

    /// Returns when its place is needed for another.
    pub(crate) async fn told_to_leave(&mut self) {
        let _ = (&mut self.leave).await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.lock().remove(&self.number);
    }
}

/// Who has been quiet for the longest, if it was long enough; of equals, the oldest.
fn who_goes(seats: impl Iterator<Item = (u64, u64)>, now: u64) -> Option<u64> {
    let (number, since) = seats.min_by_key(|(number, since)| (*since, *number))?;
    (since.saturating_add(QUIET_MIN.as_millis() as u64) <= now).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_quiet_for_long_goes_and_nobody_else() {
        for (seats, goes) in [
            (&[][..], None),
            (&[(1, 20_000), (2, 15_001)], None),
            (&[(1, 15_000), (2, 14_000), (3, 14_000)], Some(2)),
            (&[(1, BUSY), (2, 0)], Some(2)),
            (&[(1, BUSY), (2, BUSY)], None),
        ] {
            assert_eq!(who_goes(seats.iter().copied(), 20_000), goes, "{seats:?}");
        }
    }

    #[tokio::test]
    async fn a_full_room_lets_in_when_somebody_can_go_or_is_gone() {
        let later = QUIET_MIN.as_millis() as u64;
        let room = Room::new(2);
        let (mut first, second) = (room.enter_at(0).unwrap(), room.enter_at(0).unwrap());
        second.is_busy();
        assert!(room.enter_at(later - 1).is_none());
        let third = room.enter_at(later).unwrap();
        first.told_to_leave().await;
        assert!(room.enter_at(later).is_none(), "the third has just come");
        drop(first);
        assert!(room.enter_at(later).is_none(), "the first had no seat any more");
        drop(third);
        assert!(room.enter_at(later).is_some());
    }
}
