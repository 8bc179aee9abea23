//! Connections whose client is not known yet. They are bounded, and a newcomer never waits: when
//! there is no place, the one goes that has kept its place for the least.
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;
use tracing::warn;

/// Handshakes at the same time. A client that speaks at once is done before so many others come.
const ARRIVALS_MAX: usize = 256;

/// Those that were told to go and are not gone yet: a moment's work for each.
const LEAVING_MAX: usize = 64;

/// Connections that the lobby holds at most, for the bound on file descriptors.
pub(crate) const HELD_MAX: usize = ARRIVALS_MAX + LEAVING_MAX;

/// A client on the way has this time for its first bytes before others are preferred.
const GRACE: Duration = Duration::from_millis(200);

/// How far a handshake has come.
#[derive(Clone, Copy)]
pub(crate) enum Stage {
    /// It has said nothing; or it was refused, and is only to hear why.
    Silent = 0,
    /// It has sent something.
    Speaking = 1,
    /// Its first message is whole, and answered.
    Greeted = 2,
}

/// All that are there.
pub(crate) struct Lobby {
    there: Mutex<BTreeMap<u64, There>>,
    /// Bounds also those that were told to go.
    held: Arc<Semaphore>,
    next: AtomicU64,
    turned_away: AtomicU64,
}

struct There {
    source: IpAddr,
    since: Instant,
    stage: Arc<AtomicU8>,
    leave: oneshot::Sender<()>,
}

/// One of them. Dropped, it is gone.
pub(crate) struct Arrival {
    lobby: Arc<Lobby>,
    number: u64,
    stage: Arc<AtomicU8>,
    leave: oneshot::Receiver<()>,
    _held: OwnedSemaphorePermit,
}

impl Lobby {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            there: Mutex::default(),
            held: Arc::new(Semaphore::new(HELD_MAX)),
            next: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, There>> {
        self.there.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until another connection may be held: never longer than somebody needs to go.
    pub(crate) async fn room(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.held).acquire_owned().await.ok()
    }

    /// Takes a newcomer in; another goes if there are too many.
    pub(crate) fn enter(self: &Arc<Self>, from: IpAddr, held: OwnedSemaphorePermit) -> Arrival {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let stage = Arc::new(AtomicU8::new(Stage::Silent as u8));
        let (leave, left) = oneshot::channel();
        let now = Instant::now();
        let newcomer = There { source: source(from), since: now, stage: Arc::clone(&stage), leave };
        let crowded = {
            let mut there = self.lock();
            there.insert(number, newcomer);
            there.len() > ARRIVALS_MAX
        };
        if crowded {
            self.make_room(now);
        }
        Arrival { lobby: Arc::clone(self), number, stage, leave: left, _held: held }
    }

    /// One goes: there is no place, or no file descriptor, for the next.
    pub(crate) fn make_room(&self, now: Instant) {
        let mut there = self.lock();
        let goes = who_goes(there.iter().map(|(number, there)| Standing {
            number: *number,
            source: there.source,
            young: now.duration_since(there.since) < GRACE,
            stage: there.stage.load(Ordering::Relaxed),
        }));
        let gone = goes.and_then(|number| there.remove(&number));
        drop(there);
        if let Some(There { leave, source, .. }) = gone {
            // It may be done this moment.
            let _ = leave.send(());
            let count = self.turned_away.fetch_add(1, Ordering::Relaxed) + 1;
            // A flood must not flood the log, too.
            if count.is_power_of_two() {
                warn!(%source, "more than {ARRIVALS_MAX} handshakes: {count} so far made room");
            }
        }
    }
}

impl Arrival {
    /// The handshake has come so far.
    pub(crate) fn stage(&self) -> Arc<AtomicU8> {
        Arc::clone(&self.stage)
    }

    /// Returns when its place is needed for another.
    pub(crate) async fn told_to_leave(&mut self) {
        let _ = (&mut self.leave).await;
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        self.lobby.lock().remove(&self.number);
    }
}

/// Whom an address stands for: a host has a whole /64 of IPv6.
fn source(from: IpAddr) -> IpAddr {
    match from.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

/// What decides who goes.
struct Standing {
    number: u64,
    source: IpAddr,
    young: bool,
    stage: u8,
}

/// Of the source with the most: who has had time and come the least far, the oldest first. When
/// none has had time, the oldest.
fn who_goes(there: impl Iterator<Item = Standing>) -> Option<u64> {
    let there: Vec<Standing> = there.collect();
    let mut sources: HashMap<IpAddr, usize> = HashMap::new();
    for standing in &there {
        *sources.entry(standing.source).or_default() += 1;
    }
    let most = sources.values().max().copied();
    there
        .iter()
        .filter(|standing| sources.get(&standing.source).copied() == most)
        .min_by_key(|standing| {
            let stage = if standing.young { 0 } else { standing.stage };
            (standing.young, stage, standing.number)
        })
        .map(|standing| standing.number)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who goes of these, in the order in which they came: a source's last number, `o`ld or
    /// `y`oung, the stage.
    fn goes(there: &str) -> Option<u64> {
        who_goes(there.split_whitespace().zip(0..).map(|(one, number)| {
            let [source, age, stage] = one.as_bytes() else { panic!("{one}") };
            Standing {
                number,
                source: IpAddr::from([10, 0, 0, source - b'0']),
                young: *age == b'y',
                stage: stage - b'0',
            }
        }))
    }

    #[test]
    fn the_one_goes_that_has_kept_its_place_for_the_least() {
        for (there, number) in [
            ("", None),
            ("1o2 1o1 1o0 1o0", Some(2)),
            ("1o2 1o2 1o1 1y0", Some(2)),
            // A newcomer has not had its time: one that had it goes, however far it has come.
            ("1o2 1o2 1y0 1y0", Some(0)),
            ("1y2 1y0 1y0", Some(0)),
            // Not those of a source that has fewer.
            ("2o0 1o2 1y2", Some(1)),
            ("2o0 2o0 1y0 1y1 1y1", Some(2)),
            ("1o1 2o0", Some(1)),
        ] {
            assert_eq!(goes(there), number, "{there}");
        }
    }

    #[test]
    fn a_host_is_one_source() {
        let of = |text: &str| source(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_ne!(of("10.0.0.2"), of("10.0.0.1"));
    }

    #[tokio::test]
    async fn no_newcomer_waits_and_the_bound_holds() {
        let lobby = Lobby::new();
        let mut arrivals = Vec::new();
        for _ in 0..ARRIVALS_MAX {
            arrivals.push(lobby.enter(IpAddr::from([127, 0, 0, 1]), lobby.room().await.unwrap()));
        }
        for _ in 0..LEAVING_MAX {
            arrivals.push(lobby.enter(IpAddr::from([127, 0, 0, 1]), lobby.room().await.unwrap()));
            assert_eq!(lobby.lock().len(), ARRIVALS_MAX);
        }
        for left in &mut arrivals[..LEAVING_MAX] {
            left.told_to_leave().await;
        }
        assert!(lobby.held.try_acquire().is_err(), "those told to go are there until they went");
        drop(arrivals);
        assert!(lobby.lock().is_empty());
        assert_eq!(lobby.held.available_permits(), HELD_MAX);
    }
}
