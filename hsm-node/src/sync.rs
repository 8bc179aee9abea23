//! Node to node: brings over the token keys and deletions that this HSM missed. Never users.
use crate::connection::reached;
use crate::folder::PeerIdentity;
use crate::node::Shared;
use hsm_client::{CallError, Connection, Endpoint, TlsIdentity, Trust};
use hsm_core::{Peer, Ranges, Session};
use proto::command::cluster::*;
use proto::command::key::{ExtractMaskedObject, InsertMaskedObject};
use proto::command::session::Hello;
use proto::limits::{HANDLES_MAX, RANGES_MAX};
use proto::{Command, Deframer, Fault, Frame, Refusal, decode, encode};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tracing::{info, warn};

/// A peer must answer a connection attempt within this time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Keys asked of a peer before the first is awaited.
const PIPELINE: usize = 64;

/// A key that this HSM refused (its owner is missing, say) is not asked for again so soon.
const REFUSED_FOR: Duration = Duration::from_secs(10);
/// One whose handle another key has here is refused until one of the two is deleted; each refusal
/// is in the audit log.
const OTHER_FOR: Duration = Duration::from_secs(60 * 60);

/// Bytes of one bucket's hash.
const BUCKET: usize = 8;

/// Why a round with one peer came to nothing.
enum Missed {
    Peer(String),
    Here(Refusal),
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer(why) => f.write_str(why),
            Self::Here(why) => write!(f, "this HSM refuses: {why}"),
        }
    }
}

impl From<CallError> for Missed {
    fn from(error: CallError) -> Self {
        Self::Peer(error.to_string())
    }
}

impl From<Refusal> for Missed {
    fn from(refusal: Refusal) -> Self {
        Self::Here(refusal)
    }
}

/// Compares keys with the peers every `every`, for as long as it is polled.
pub(crate) async fn run(node: Arc<Shared>, identity: PeerIdentity, every: Duration) {
    // At the start of a cluster its HSMs come up together: the peers get a moment to listen.
    let mut ticks = interval_at(Instant::now() + every, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sync = Sync {
        node,
        identity,
        tls: None,
        lines: HashMap::new(),
        troubles: HashMap::new(),
        refused: Refused::default(),
    };
    loop {
        ticks.tick().await;
        sync.round().await;
    }
}

struct Sync {
    node: Arc<Shared>,
    identity: PeerIdentity,
    /// The trust anchor, and the TLS identity made with it.
    tls: Option<(String, TlsIdentity)>,
    lines: HashMap<String, Connection>,
    /// The last error of each peer: it is logged when it changes.
    troubles: HashMap<String, String>,
    refused: Refused,
}

/// Keys that this HSM refused, and when to ask again, until they are taken or gone.
#[derive(Default)]
struct Refused(HashMap<u64, Instant>);

impl Refused {
    /// Whether to ask for the key now.
    fn is_due(&self, handle: u64, now: Instant) -> bool {
        self.0.get(&handle).is_none_or(|due| now >= *due)
    }

    /// Whether it is news.
    fn add(&mut self, handle: u64, fault: Fault, now: Instant) -> bool {
        let pause = if fault == Fault::OtherKey { OTHER_FOR } else { REFUSED_FOR };
        self.0.insert(handle, now + pause).is_none()
    }

    fn forget(&mut self, handle: u64) {
        self.0.remove(&handle);
    }

    fn forget_all(&mut self, gone: &Ranges) {
        self.0.retain(|handle, _| !gone.contains(*handle));
    }
}

impl Sync {
    async fn round(&mut self) {
        let own = self.node.hsm_id.clone();
        let Some(tls) = self.tls() else { return };
        let peers = self.node.hsm.members().into_iter().filter(|peer| peer.hsm_id != own);
        let peers: Vec<Member> = peers.collect();
        self.lines.retain(|id, line| line.is_open() && peers.iter().any(|peer| peer.hsm_id == *id));
        self.troubles.retain(|id, _| peers.iter().any(|peer| peer.hsm_id == *id));
        for peer in peers {
            let outcome = self.with_peer(&peer, &tls).await;
            self.note(&peer.hsm_id, outcome);
        }
    }

    /// A TLS identity for the trust anchor of now; none before initialization.
    fn tls(&mut self) -> Option<TlsIdentity> {
        let anchor = self.node.hsm.identity().trust_anchor.clone()?;
        if self.tls.as_ref().is_none_or(|(of, _)| *of != anchor) {
            let trust = Trust::Cluster { anchor_pem: anchor.clone() };
            match TlsIdentity::new(trust, &self.identity.certificate, &self.identity.key) {
                Ok(tls) => self.tls = Some((anchor, tls)),
                Err(why) => {
                    self.note("", Err(Missed::Peer(format!("peer.crt, peer.key: {why}"))));
                    return None;
                }
            }
        }
        self.tls.as_ref().map(|(_, tls)| tls.clone())
    }

    /// Logs what is new about a peer.
    fn note(&mut self, hsm_id: &str, outcome: Result<u64, Missed>) {
        let trouble = match outcome {
            Ok(changes) => {
                if changes > 0 {
                    info!(peer = hsm_id, "brought over {changes} keys or deletions");
                }
                if self.troubles.remove(hsm_id).is_some() {
                    info!(peer = hsm_id, "compares keys with this peer again");
                }
                return;
            }
            Err(why) => why.to_string(),
        };
        if self.troubles.get(hsm_id) != Some(&trouble) {
            warn!(peer = hsm_id, "cannot compare keys with this peer: {trouble}");
            self.troubles.insert(hsm_id.to_owned(), trouble);
        }
    }

    /// Compares with one peer; the number of changes made here.
    async fn with_peer(&mut self, peer: &Member, tls: &TlsIdentity) -> Result<u64, Missed> {
        let line = match self.lines.get(&peer.hsm_id) {
            Some(line) => line.clone(),
            None => {
                let at = Endpoint { host: peer.hostname.clone(), port: peer.port };
                let line = Connection::open(&at, tls, CONNECT_TIMEOUT).await;
                let line = line.map_err(|why| Missed::Peer(why.to_string()))?;
                self.lines.insert(peer.hsm_id.clone(), line.clone());
                line
            }
        };
        let theirs = line.call(&GetKeyHash {}).await?;
        let mut here = Here::open(&self.node)?;
        let mut ours = here.call(&GetKeyHash {})?;
        if ours == theirs {
            return Ok(0);
        }
        let mut gone = here.tombstones()?;
        let mut changes = 0;
        if ours.tombstones != theirs.tombstones {
            changes += tombstones(&mut here, &line, &mut gone).await?;
            self.refused.forget_all(&gone);
            ours = here.call(&GetKeyHash {})?;
        }
        for bucket in differing(&ours, &theirs) {
            changes += self.bucket(&mut here, &line, bucket, &gone).await?;
        }
        Ok(changes)
    }

    /// Copies the keys of a bucket that are missing or other here.
    async fn bucket(
        &mut self,
        here: &mut Here,
        line: &Connection,
        bucket: u16,
        gone: &Ranges,
    ) -> Result<u64, Missed> {
        let mut ours = BTreeMap::new();
        let mut after = 0;
        while let Some(last) = {
            let page = here.call(&ListKeyVersions { bucket, after })?.versions;
            ours.extend(page.iter().map(|key| (key.handle, key.version)));
            page.last().map(|key| key.handle)
        } {
            after = last;
        }
        let mut changes = 0;
        let mut after = 0;
        loop {
            let page = line.call(&ListKeyVersions { bucket, after }).await?.versions;
            let Some(last) = page.last() else { return Ok(changes) };
            after = last.handle;
            for handles in wanted(&ours, gone, &page).chunks(PIPELINE) {
                changes += self.pull(here, line, handles).await?;
            }
        }
    }

    /// Copies keys from the peer.
    async fn pull(
        &mut self,
        here: &mut Here,
        line: &Connection,
        handles: &[u64],
    ) -> Result<u64, Missed> {
        let now = Instant::now();
        let due = handles.iter().filter(|handle| self.refused.is_due(**handle, now));
        let asked: Vec<_> =
            due.map(|&handle| (handle, line.submit(&ExtractMaskedObject { handle }))).collect();
        let mut copied = 0;
        for (handle, answer) in asked {
            let object = match answer.await {
                Ok(masked) => masked.object,
                // It was deleted there meanwhile: the next round brings the tombstone.
                Err(CallError::Refused(why)) if why.fault == Fault::InvalidHandle => {
                    self.refused.forget(handle);
                    continue;
                }
                Err(why) => return Err(why.into()),
            };
            match here.call(&InsertMaskedObject { object }) {
                Ok(_) => {
                    self.refused.forget(handle);
                    copied += 1;
                }
                // It was deleted here meanwhile: the peer's next round brings it the tombstone.
                Err(why) if why.fault == Fault::Deleted => self.refused.forget(handle),
                Err(why) => {
                    if self.refused.add(handle, why.fault, Instant::now()) {
                        warn!("key {handle:#x} of a peer is not taken: {why}");
                    }
                }
            }
        }
        Ok(copied)
    }
}

/// The buckets whose hashes are not the same.
fn differing(ours: &KeyHash, theirs: &KeyHash) -> Vec<u16> {
    let pairs = ours.buckets.0.chunks(BUCKET).zip(theirs.buckets.0.chunks(BUCKET));
    (0..).zip(pairs).filter(|(_, (ours, theirs))| ours != theirs).map(|(n, _)| n).collect()
}

/// Removes here what the peer has removed, and adds it to `gone`, which holds what is removed here.
async fn tombstones(here: &mut Here, line: &Connection, gone: &mut Ranges) -> Result<u64, Missed> {
    let (mut changes, mut after) = (0, 0);
    loop {
        let page = line.call(&ListTombstones { after }).await?.ranges;
        let Some(last) = page.last() else { return Ok(changes) };
        after = last.last;
        let missing = page.into_iter().flat_map(|range| gone.missing(range.into()));
        let mut missing: VecDeque<_> = missing.collect();
        while !missing.is_empty() {
            let ranges = cut(&mut missing);
            gone.extend(ranges.iter().cloned().map(RangeInclusive::from));
            changes += here.call(&InsertTombstones { ranges })?.count;
            // Others have their turn, and no more than this waits for the disk.
            here.durable().await;
        }
    }
}

/// Takes as much off the front as one request may hold.
fn cut(missing: &mut VecDeque<RangeInclusive<u64>>) -> Vec<HandleRange> {
    let (mut ranges, mut room) = (Vec::new(), HANDLES_MAX as u64);
    while room > 0
        && ranges.len() < RANGES_MAX
        && let Some(range) = missing.pop_front()
    {
        let (first, end) = range.into_inner();
        let last = end.min(first.saturating_add(room - 1));
        if last < end {
            missing.push_front(last + 1..=end);
        }
        room -= last - first + 1;
        ranges.push(HandleRange { first, last });
    }
    ranges
}

/// Of a page of the peer's versions, the keys that are missing here or other than here, but not
/// removed. Versions are hashes: which is newer is found out by merging.
fn wanted(ours: &BTreeMap<u64, u64>, gone: &Ranges, page: &[KeyVersion]) -> Vec<u64> {
    let lacking = |key: &&KeyVersion| {
        ours.get(&key.handle) != Some(&key.version) && !gone.contains(key.handle)
    };
    page.iter().filter(lacking).map(|key| key.handle).collect()
}

/// This node's own HSM, asked as a peer would ask it.
struct Here {
    node: Arc<Shared>,
    session: Option<Session>,
    /// What must be durable before the last reply may be told to others.
    position: u64,
}

impl Here {
    fn open(node: &Arc<Shared>) -> Result<Self, Refusal> {
        let session = Some(node.hsm.open_session(Peer::Appliance));
        let mut here = Self { node: Arc::clone(node), session, position: 0 };
        here.call(&Hello { version: proto::VERSION })?;
        Ok(here)
    }

    fn call<C: Command>(&mut self, request: &C) -> Result<C::Reply, Refusal> {
        let Some(session) = &mut self.session else { return Err(Fault::Internal.into()) };
        let (mut body, mut reply) = (Vec::new(), Vec::new());
        encode(request, &mut body);
        let frame = Frame { id: 0, code: C::SPEC.opcode as u16, body: &body };
        // Nobody is told of the reply, so it need not wait until it is durable.
        self.position = self.node.hsm.serve(&self.node.machine, session, frame, &mut reply);
        match Deframer::new(&reply).next()? {
            Some(frame) if frame.code == 0 => decode(frame.body),
            Some(frame) => Err(Refusal::decode(frame.code, frame.body)),
            None => Err(Fault::Internal.into()),
        }
    }

    /// Waits until the last reply is durable.
    async fn durable(&self) {
        reached(&mut self.node.machine.queue.progress(), Some(self.position)).await;
    }

    /// All handles that are removed here.
    fn tombstones(&mut self) -> Result<Ranges, Refusal> {
        let (mut gone, mut after) = (Ranges::default(), 0);
        loop {
            let page = self.call(&ListTombstones { after })?.ranges;
            let Some(last) = page.last() else { return Ok(gone) };
            after = last.last;
            gone.extend(page.into_iter().map(RangeInclusive::from));
        }
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            self.node.hsm.close_session(&self.node.machine, session);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_key_is_asked_for_again_and_is_news_once() {
        let (mut refused, now) = (Refused::default(), Instant::now());
        let fault = Fault::OwnerMissing;
        assert!(refused.is_due(7, now) && refused.add(7, fault, now));
        assert!(!refused.is_due(7, now));
        let later = now + REFUSED_FOR;
        assert!(refused.is_due(7, later) && !refused.add(7, fault, later));
        assert!(!refused.is_due(7, later));
        refused.forget(7);
        assert!(refused.is_due(7, later) && refused.add(7, Fault::OtherKey, later));
        assert!(!refused.is_due(7, later + REFUSED_FOR), "it will not be taken so soon");
    }

    #[test]
    fn what_is_removed_or_equal_here_is_not_wanted() {
        let ours = BTreeMap::from([(1, 5), (3, 5), (4, 5), (6, 7)]);
        let mut gone = Ranges::default();
        gone.insert(2..=2);
        let theirs = [(1, 6), (2, 9), (4, 5), (5, 1), (6, 6)];
        let page = theirs.map(|(handle, version)| KeyVersion { handle, version });
        assert_eq!(wanted(&ours, &gone, &page), [1, 5, 6]);
    }

    #[test]
    fn a_refused_key_that_is_deleted_is_forgotten() {
        let (mut refused, now) = (Refused::default(), Instant::now());
        let mut add = |handle| refused.add(handle, Fault::OwnerMissing, now);
        assert!(add(7) && add(9));
        let mut gone = Ranges::default();
        gone.insert(1..=8);
        refused.forget_all(&gone);
        let mut add = |handle| refused.add(handle, Fault::OwnerMissing, now);
        assert!(add(7) && !add(9));
    }

    #[test]
    fn a_long_range_takes_several_requests_and_short_ones_share_one() {
        let handles = HANDLES_MAX as u64;
        let mut missing = VecDeque::from([1..=3, 10..=9 + 2 * handles]);
        let range = |first, last| HandleRange { first, last };
        assert_eq!(cut(&mut missing), [range(1, 3), range(10, handles + 6)]);
        assert_eq!(cut(&mut missing), [range(handles + 7, 2 * handles + 6)]);
        assert_eq!(cut(&mut missing), [range(2 * handles + 7, 2 * handles + 9)]);
        assert_eq!(missing, []);

        let mut missing: VecDeque<_> = (0..=RANGES_MAX as u64).map(|n| 3 * n..=3 * n).collect();
        assert_eq!((cut(&mut missing).len(), missing.len()), (RANGES_MAX, 1));

        let mut all = VecDeque::from([0..=u64::MAX, 7..=7]);
        assert_eq!(cut(&mut all), [range(0, handles - 1)]);
        assert_eq!(all, [handles..=u64::MAX, 7..=7]);
        let mut end = VecDeque::from([u64::MAX..=u64::MAX]);
        assert_eq!(cut(&mut end), [range(u64::MAX, u64::MAX)]);
    }
}
