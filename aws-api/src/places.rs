//! Connections of HTTP. They are bounded, and a newcomer never waits: when all places are taken,
//! one goes that waits for its client, of the address that has the most.
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;

/// Connections at a time, where there are file descriptors for so many.
pub(crate) const CONNECTIONS_MAX: usize = 1_024;

/// Those that were told to go and are not gone yet: a moment's work for each.
const LEAVING_MAX: usize = 64;

/// A client on the way has this time for its request before others are preferred.
const GRACE: Duration = Duration::from_millis(200);

/// What stands for "an operation is under way".
const WORKING: u64 = u64::MAX;
/// What stands for "it was told to go".
const GONE: u64 = u64::MAX - 1;

/// All connections that there are.
pub(crate) struct Places {
    most: usize,
    opened: Instant,
    there: Mutex<BTreeMap<u64, There>>,
    /// Bounds also those that were told to go.
    held: Arc<Semaphore>,
    /// Turns of operations, the endpoint's own paths apart. Half as many as places: among the
    /// connections, some always wait for their clients and can go.
    operations: Arc<Semaphore>,
    next: AtomicU64,
    turned_away: AtomicU64,
}

struct There {
    source: IpAddr,
    state: Arc<State>,
    leave: oneshot::Sender<()>,
}

/// How a connection stands.
struct State {
    /// Whether the head of a request was whole, ever.
    heard: AtomicBool,
    /// Since when its client is waited for, in milliseconds since [`Places::opened`]; or
    /// [`WORKING`], or [`GONE`].
    waits_since: AtomicU64,
}

/// A connection's place, free again when dropped.
pub(crate) struct Place {
    asker: Asker,
    number: u64,
    leave: oneshot::Receiver<()>,
    _held: OwnedSemaphorePermit,
}

/// What the requests of a connection know of its place; clones are the same.
#[derive(Clone)]
pub(crate) struct Asker {
    places: Arc<Places>,
    state: Arc<State>,
}

/// While this lives, the connection is not sent away. Dropped when its client has to do the next
/// thing: to take the answer, and to ask anew.
pub(crate) struct Working {
    asker: Asker,
    _turn: Option<OwnedSemaphorePermit>,
}

impl Places {
    /// So many at most.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            opened: Instant::now(),
            there: Mutex::default(),
            held: Arc::new(Semaphore::new(most + LEAVING_MAX)),
            operations: Arc::new(Semaphore::new(most / 2)),
            next: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
        })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, There>> {
        self.there.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u64 {
        self.opened.elapsed().as_millis() as u64
    }

    /// Waits until another connection may be held: never longer than somebody needs to go.
    pub(crate) async fn room(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.held).acquire_owned().await.ok()
    }

    /// Takes a newcomer in; another goes if there are too many.
    pub(crate) fn enter(self: &Arc<Self>, from: IpAddr, held: OwnedSemaphorePermit) -> Place {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (leave, left) = oneshot::channel();
        let state = Arc::new(State {
            heard: AtomicBool::new(false),
            waits_since: AtomicU64::new(self.now()),
        });
        let newcomer = There { source: source(from), state: Arc::clone(&state), leave };
        let crowded = {
            let mut there = self.lock();
            there.insert(number, newcomer);
            there.len() > self.most
        };
        if crowded {
            self.make_room();
        }
        let asker = Asker { places: Arc::clone(self), state };
        Place { asker, number, leave: left, _held: held }
    }

    /// One goes: there is no place, or no file descriptor, for the next.
    pub(crate) fn make_room(&self) {
        let now = self.now();
        let mut there = self.lock();
        let goes = loop {
            let Some((number, seen)) = self.who_goes(&there, now) else { return };
            let Some(it) = there.get(&number) else { return };
            // Its request may have come whole this moment: then it stays, and another goes.
            let told = it.state.waits_since.compare_exchange(
                seen,
                GONE,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            if told.is_ok() {
                break there.remove(&number);
            }
        };
        drop(there);
        let Some(There { leave, source, .. }) = goes else { return };
        // It may be done this moment.
        let _ = leave.send(());
        let count = self.turned_away.fetch_add(1, Ordering::Relaxed) + 1;
        // A flood must not flood the log, too.
        if count.is_power_of_two() {
            tracing::warn!(%source, "more than {} connections: {count} made room", self.most);
        }
    }

    fn who_goes(&self, there: &BTreeMap<u64, There>, now: u64) -> Option<(u64, u64)> {
        who_goes(
            there.iter().map(|(number, it)| Standing {
                number: *number,
                source: it.source,
                heard: it.state.heard.load(Ordering::Relaxed),
                waits_since: it.state.waits_since.load(Ordering::Relaxed),
            }),
            now,
        )
    }
}

impl Place {
    pub(crate) fn asker(&self) -> Asker {
        self.asker.clone()
    }

    /// Returns when its place is needed for another.
    pub(crate) async fn told_to_leave(&mut self) {
        let _ = (&mut self.leave).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.asker.places.lock().remove(&self.number);
    }
}

impl Asker {
    /// The head of a request is whole.
    pub(crate) fn is_heard(&self) {
        self.state.heard.store(true, Ordering::Relaxed);
    }

    /// Whether the head of a request was whole, ever.
    pub(crate) fn was_heard(&self) -> bool {
        self.state.heard.load(Ordering::Relaxed)
    }

    /// A request is whole, and its operation begins when it is its turn. `None`: it must not, for
    /// the connection was told to go.
    pub(crate) async fn begin(&self) -> Option<Working> {
        let turn = Arc::clone(&self.places.operations).acquire_owned().await.ok();
        self.work(turn)
    }

    /// As [`Self::begin`], for what never waits for a turn.
    pub(crate) fn begin_at_once(&self) -> Option<Working> {
        self.work(None)
    }

    fn work(&self, turn: Option<OwnedSemaphorePermit>) -> Option<Working> {
        let stays = |since: u64| (since != GONE).then_some(WORKING);
        let before =
            self.state.waits_since.fetch_update(Ordering::Relaxed, Ordering::Relaxed, stays);
        before.ok()?;
        Some(Working { asker: self.clone(), _turn: turn })
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        let asker = &self.asker;
        asker.state.waits_since.store(asker.places.now(), Ordering::Relaxed);
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
    heard: bool,
    waits_since: u64,
}

/// Of those that wait for their clients, from the source with the most connections: who has had
/// time and never sent a whole head, then who has had time, then anybody; the longest first. Also
/// since when it waits.
fn who_goes(there: impl Iterator<Item = Standing>, now: u64) -> Option<(u64, u64)> {
    let there: Vec<Standing> = there.collect();
    let mut sources: HashMap<IpAddr, usize> = HashMap::new();
    for standing in &there {
        *sources.entry(standing.source).or_default() += 1;
    }
    there
        .iter()
        .filter(|it| it.waits_since < GONE)
        .min_by_key(|it| {
            let fewer = usize::MAX - sources.get(&it.source).copied().unwrap_or_default();
            let young = it.waits_since.saturating_add(GRACE.as_millis() as u64) > now;
            (fewer, young, it.heard && !young, it.waits_since, it.number)
        })
        .map(|it| (it.number, it.waits_since))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 10_000;
    const MOST: usize = 100;

    /// Who goes of these: a source's last number, `s`ilent or `h`eard, and since when it waits, in
    /// milliseconds before now; or `w`orking.
    fn goes(there: &str) -> Option<u64> {
        let standings = there.split_whitespace().zip(0..).map(|(one, number)| {
            let (source, heard, waits) = (&one[..1], &one[1..2], &one[2..]);
            Standing {
                number,
                source: IpAddr::from([10, 0, 0, source.parse().unwrap()]),
                heard: heard == "h",
                waits_since: waits.parse().map_or(WORKING, |before: u64| NOW - before),
            }
        });
        who_goes(standings, NOW).map(|(number, _)| number)
    }

    #[test]
    fn the_one_goes_whose_client_was_waited_for_and_has_shown_the_least() {
        for (there, number) in [
            ("", None),
            ("1hw 1hw", None),
            // Half a head before the longest idle.
            ("1h5000 1s900 1s1000", Some(2)),
            ("1h5000 1h6000 1hw", Some(1)),
            // Whoever has just come, or was just answered, has its time.
            ("1h5000 1s100 1h100", Some(0)),
            ("1h150 1s100 1s20", Some(0)),
            // Not those of a source that has fewer, though it has waited longer.
            ("2s9000 1h100 1hw", Some(1)),
            ("2s9000 2s900 1hw 1hw 1h20", Some(4)),
            // Of a source whose connections all work, nobody can go.
            ("2s900 1hw 1hw 3h900 3h900", Some(3)),
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
    }

    #[tokio::test]
    async fn no_newcomer_waits_the_bound_holds_and_who_works_stays() {
        let (places, here) = (Places::new(MOST), IpAddr::from([127, 0, 0, 1]));
        let first = places.enter(here, places.room().await.unwrap());
        first.asker().is_heard();
        let working = first.asker().begin().await.unwrap();
        let mut others = Vec::new();
        for _ in 1..MOST + LEAVING_MAX {
            others.push(places.enter(here, places.room().await.unwrap()));
            assert!(places.lock().len() <= MOST);
        }
        for left in &mut others[..LEAVING_MAX] {
            left.told_to_leave().await;
            assert!(left.asker().begin().await.is_none(), "it was told to go");
        }
        assert!(places.held.try_acquire().is_err(), "those told to go are there until they went");
        assert!(places.lock().contains_key(&first.number));
        drop(working);
        assert!(first.state_is_waiting());
        drop((first, others));
        assert!(places.lock().is_empty());
        assert_eq!(places.held.available_permits(), MOST + LEAVING_MAX);
    }

    #[tokio::test]
    async fn operations_take_turns_and_what_is_the_endpoints_own_does_not() {
        let (places, here) = (Places::new(MOST), IpAddr::from([127, 0, 0, 1]));
        let mut under_way = Vec::new();
        for _ in 0..MOST / 2 {
            let place = places.enter(here, places.room().await.unwrap());
            under_way.push((place.asker().begin().await.unwrap(), place));
        }
        let next = places.enter(here, places.room().await.unwrap());
        let asker = next.asker();
        let mut waits = Box::pin(asker.begin());
        assert!(is_pending(&mut waits).await);
        drop(next.asker().begin_at_once().unwrap());
        under_way.pop();
        assert!(waits.await.is_some());
    }

    impl Place {
        fn state_is_waiting(&self) -> bool {
            self.asker.state.waits_since.load(Ordering::Relaxed) < GONE
        }
    }

    async fn is_pending(future: &mut (impl Future + Unpin)) -> bool {
        tokio::time::timeout(Duration::from_millis(20), future).await.is_err()
    }
}
