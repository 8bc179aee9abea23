//! All HSMs of a cluster as one: any may be asked, all are kept in reach, lost ones stepped over.
use crate::connection::Request;
use crate::decisions::{
    Backoff, Candidate, HOLDERS_MIN, KeysNamed, Next, after_failure, choose, graver, is_busy,
    keys_named, repeat,
};
use crate::keeper::{learn, meet};
use crate::node::Node;
use crate::{CallError, ConnectError, Connection, Endpoint, NodeView, OpenError, TlsIdentity};
use proto::Weight;
use proto::command::cluster::{GetMembers, Member};
use proto::command::session::Login;
use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, timeout_at};

/// After a lost reply, how long the same HSM is waited for: it alone knows the retry token.
const SAME_HSM_GRACE: Duration = Duration::from_secs(1);
/// How often an HSM is asked that is still at the first attempt: for 12 s, the pauses together. An
/// RSA pair may take some.
const BUSY_TRIES: u32 = 8;

/// Which cluster, and how to behave towards it.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    /// Where at least one HSM listens; it names the others.
    pub servers: Vec<Endpoint>,
    /// Who we are and whom we trust.
    pub identity: TlsIdentity,
    /// If given, HSMs of other clusters are refused.
    pub cluster_id: Option<String>,
    /// Whether token keys must be on two HSMs to be made or used: on in CloudHSM, off with one HSM.
    pub key_availability_check: bool,
    /// How long a call waits for an HSM to come back before it fails. AWS was measured at 87 s.
    pub availability_retry: Duration,
    /// How long an attempt to connect may take, the handshake and the greeting included.
    pub connect_timeout: Duration,
    /// HSMs, by id, on which a login is not tried: the user has another password there.
    pub other_password: Vec<String>,
    /// TLS connections to each HSM. A session key lives on one of them.
    pub connections_per_node: usize,
}

impl ClusterConfig {
    /// The cluster at these servers, with CloudHSM's check on and one connection to each HSM.
    pub fn new(servers: Vec<Endpoint>, identity: TlsIdentity) -> Self {
        Self {
            servers,
            identity,
            cluster_id: None,
            key_availability_check: true,
            availability_retry: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(5),
            other_password: Vec::new(),
            connections_per_node: 1,
        }
    }
}

/// A cluster of HSMs. Clones share the connections, which end when all are dropped.
#[derive(Clone)]
pub struct Cluster(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    learner: AbortHandle,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.learner.abort();
        for (node, tasks) in self.shared.kept().nodes.drain(..) {
            tasks.iter().for_each(AbortHandle::abort);
            node.leave();
        }
        self.shared.changed();
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.nodes().iter().map(ToString::to_string)).finish()
    }
}

/// What the cluster's calls and its background tasks share.
pub(crate) struct Shared {
    pub(crate) config: ClusterConfig,
    kept: Mutex<Kept>,
    live: RwLock<Arc<Vec<Live>>>,
    change: watch::Sender<()>,
    pub(crate) learning: Notify,
    turn: AtomicUsize,
    /// Session keys and the numbers of the connections that made them.
    homes: Mutex<HashMap<u64, u64>>,
}

/// What changes seldom.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) nodes: Vec<(Arc<Node>, Vec<AbortHandle>)>,
    pub(crate) learned: Option<Vec<Member>>,
    pub(crate) login: Option<Arc<Login>>,
    cluster_id: Option<String>,
}

/// A connection that can be called now.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) node: Arc<Node>,
    pub(crate) connection: Connection,
    ready: bool,
}

impl Shared {
    pub(crate) fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn live(&self) -> Arc<Vec<Live>> {
        self.live.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn homes(&self) -> MutexGuard<'_, HashMap<u64, u64>> {
        self.homes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Collects the live connections anew, and wakes whoever waits for one.
    pub(crate) fn changed(&self) {
        let kept = self.kept();
        let wanted = kept.login.is_some();
        let mut live = Vec::new();
        for (node, _) in &kept.nodes {
            for (connection, logged_in) in node.connections() {
                live.push(Live { node: node.clone(), connection, ready: logged_in || !wanted });
            }
        }
        *self.live.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(live);
        drop(kept);
        self.change.send_replace(());
    }

    pub(crate) fn has_other_password(&self, node: &Node) -> bool {
        self.config.other_password.iter().any(|hsm_id| node.has_id(hsm_id))
    }

    pub(crate) fn learn_soon(&self) {
        self.learning.notify_one();
    }

    /// Session keys are gone with the connection that made them.
    pub(crate) fn forget_session_keys(&self, connection: &Connection) {
        self.homes().retain(|_, home| *home != connection.number());
    }

    /// Connects to an HSM of this cluster, and to no other cluster's.
    pub(crate) async fn connect(&self, endpoint: &Endpoint) -> Result<Connection, ConnectError> {
        let connection =
            Connection::open(endpoint, &self.config.identity, self.config.connect_timeout).await?;
        let found = &connection.welcome().cluster_id;
        let mut kept = self.kept();
        let expected = kept.cluster_id.get_or_insert_with(|| found.clone());
        if found != expected {
            let (expected, found) = (expected.clone(), found.clone());
            return Err(ConnectError::OtherCluster { endpoint: endpoint.clone(), expected, found });
        }
        drop(kept);
        Ok(connection)
    }
}

impl Cluster {
    /// Connects to any configured server, learns the members from it, and tries each of them once.
    /// HSMs that do not answer are tried again in the background. Must be called inside a tokio
    /// runtime.
    pub async fn open(config: ClusterConfig) -> Result<Self, OpenError> {
        let kept = Kept { cluster_id: config.cluster_id.clone(), ..Kept::default() };
        let shared = Arc::new(Shared {
            config,
            kept: Mutex::new(kept),
            live: RwLock::default(),
            change: watch::channel(()).0,
            learning: Notify::new(),
            turn: AtomicUsize::new(0),
            homes: Mutex::default(),
        });
        let first = first_to_answer(&shared).await?;
        let listed = first.call(&GetMembers {}).await.map(|listed| listed.members);
        meet(&shared, listed.unwrap_or_default(), Some(first));
        let learner = tokio::spawn(learn(shared.clone())).abort_handle();
        let cluster = Self(Arc::new(Handle { shared, learner }));
        let mut change = cluster.shared().change.subscribe();
        while !cluster.shared().kept().nodes.iter().all(|(node, _)| node.was_attempted()) {
            if change.changed().await.is_err() {
                break;
            }
        }
        Ok(cluster)
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    /// How this client behaves towards the cluster.
    pub fn config(&self) -> &ClusterConfig {
        &self.0.shared.config
    }

    /// All HSMs of the cluster, those out of reach too.
    pub fn nodes(&self) -> Vec<NodeView> {
        self.shared().kept().nodes.iter().map(|(node, _)| node.view()).collect()
    }

    /// Sends a request to one HSM. Requests that only read are sent to another when one is lost; so
    /// are those that were not sent, or that name a key which that HSM has not got.
    pub async fn call<C: Request>(&self, request: &C) -> Result<C::Reply, CallError> {
        self.call_routed(request).await.map(|(_, reply)| reply)
    }

    /// Sends a request to this HSM alone, once.
    pub async fn call_on<C: Request>(
        &self,
        hsm_id: &str,
        request: &C,
    ) -> Result<C::Reply, CallError> {
        let node = self.shared().kept().nodes.iter().find(|(node, _)| node.has_id(hsm_id)).cloned();
        let Some((node, _)) = node else {
            return Err(CallError::NoNode {
                why: format!("{hsm_id} is not in this cluster").into(),
            });
        };
        let (connection, _) =
            node.connections().into_iter().next().ok_or_else(|| unreached(&node))?;
        connection.call(request).await
    }

    /// Like [`Cluster::call`], and tells who answered.
    pub(crate) async fn call_routed<C: Request>(
        &self,
        request: &C,
    ) -> Result<(Live, C::Reply), CallError> {
        let opcode = C::SPEC.opcode;
        let keys = keys_named(opcode, request);
        if let Some(home) = self.home_of(keys) {
            let reply = home.connection.call(request).await?;
            return Ok((home, reply));
        }
        let deadline = Instant::now() + self.config().availability_retry;
        if keys.used {
            self.wait_for_two(deadline).await?;
        }
        let repeat = repeat(C::SPEC, request);
        let mut tried = Vec::new();
        let mut failure = None;
        loop {
            let Some(live) = self.choose(C::SPEC.weight, &tried, deadline, failure.as_ref()).await
            else {
                return Err(failure.unwrap_or_else(|| self.nobody()));
            };
            tried.push(live.connection.number());
            let error = match live.connection.call(request).await {
                Ok(reply) => return Ok((live, reply)),
                Err(error) => error,
            };
            let next = after_failure(C::SPEC, repeat, &error);
            if next == Next::SameHsm {
                return self.call_same_again(live, request, error).await;
            }
            failure = Some(graver(failure, error));
            if next == Next::Stop {
                break;
            }
        }
        Err(failure.unwrap_or_else(|| self.nobody()))
    }

    /// A connection that was not tried yet. When the HSMs were lost, one that comes back is waited
    /// for.
    async fn choose(
        &self,
        weight: Weight,
        tried: &[u64],
        deadline: Instant,
        failure: Option<&CallError>,
    ) -> Option<Live> {
        let patient = failure.is_none_or(|failure| failure.refusal().is_none());
        self.wait_until(if patient { deadline } else { Instant::now() }, |live| {
            let candidates = live.iter().map(|live| Candidate {
                number: live.connection.number(),
                ready: live.ready,
                load: live.connection.in_flight(),
            });
            let turn = self.shared().turn.fetch_add(1, Ordering::Relaxed);
            choose(candidates, weight, turn, tried).and_then(|at| live.get(at)).cloned()
        })
        .await
    }

    /// Sends a request with a retry token to the same HSM again, as long as `error` is that its
    /// reply was lost or that it is busy. Once one was lost, nothing but a reply tells the outcome.
    async fn call_same_again<C: Request>(
        &self,
        mut live: Live,
        request: &C,
        mut error: CallError,
    ) -> Result<(Live, C::Reply), CallError> {
        let until = Instant::now() + SAME_HSM_GRACE;
        let mut lines = vec![live.connection.number()];
        let mut lost = None;
        let mut backoff = Backoff::default();
        for _ in 0..BUSY_TRIES {
            if is_busy(&error) {
                tokio::time::sleep(backoff.pause()).await;
            } else if matches!(error, CallError::Lost { .. } | CallError::NotSent { .. }) {
                lost.get_or_insert(error.clone());
                let Some(back) = self.back_again(&live.node, &lines, until).await else { break };
                lines.push(back.connection.number());
                live = back;
            } else {
                break;
            }
            match live.connection.call(request).await {
                Ok(reply) => return Ok((live, reply)),
                Err(now) => error = now,
            }
        }
        Err(lost.unwrap_or(error))
    }

    async fn back_again(&self, node: &Arc<Node>, tried: &[u64], until: Instant) -> Option<Live> {
        let untried = |live: &&Live| !tried.contains(&live.connection.number());
        self.wait_until(until, |live| {
            live.iter().filter(untried).find(|live| Arc::ptr_eq(&live.node, node)).cloned()
        })
        .await
    }

    /// Waits until the live connections are such that `found` finds something in them.
    pub(crate) async fn wait_until<T>(
        &self,
        deadline: Instant,
        found: impl Fn(&[Live]) -> Option<T>,
    ) -> Option<T> {
        if let Some(found) = found(&self.shared().live()) {
            return Some(found);
        }
        let mut change = self.shared().change.subscribe();
        loop {
            if let Some(found) = found(&self.shared().live()) {
                return Some(found);
            }
            timeout_at(deadline, change.changed()).await.ok()?.ok()?;
        }
    }

    /// The availability check: with it, a token key is made and used only while two HSMs are in
    /// reach.
    pub(crate) async fn wait_for_two(&self, deadline: Instant) -> Result<(), CallError> {
        if !self.config().key_availability_check {
            return Ok(());
        }
        let enough = |live: &[Live]| (distinct(live).len() >= HOLDERS_MIN).then_some(());
        self.wait_until(deadline, enough).await.ok_or(CallError::KeyAvailability)
    }

    /// The connection that made the session key which a request names.
    pub(crate) fn home_of(&self, keys: KeysNamed) -> Option<Live> {
        let homes = self.shared().homes();
        if homes.is_empty() {
            return None;
        }
        let number = keys.handles.iter().flatten().find_map(|handle| homes.get(handle).copied())?;
        drop(homes);
        self.shared().live().iter().find(|live| live.connection.number() == number).cloned()
    }

    fn nobody(&self) -> CallError {
        let why: Vec<String> = self
            .nodes()
            .iter()
            .map(|node| node.last_error.clone().unwrap_or_else(|| format!("{node} was tried")))
            .collect();
        CallError::NoNode { why: why.join("; ").into() }
    }
}

/// One connection of each HSM that is in reach: the one with the least load. HSMs that refused the
/// login are left out, unless all did.
pub(crate) fn distinct(live: &[Live]) -> Vec<Live> {
    let mut found: Vec<Live> = Vec::new();
    let any_ready = live.iter().any(|live| live.ready);
    for live in live.iter().filter(|live| live.ready || !any_ready) {
        match found.iter_mut().find(|found| Arc::ptr_eq(&found.node, &live.node)) {
            None => found.push(live.clone()),
            Some(found) if live.connection.in_flight() < found.connection.in_flight() => {
                *found = live.clone();
            }
            Some(_) => {}
        }
    }
    found
}

/// The error of an HSM that is out of reach.
pub(crate) fn unreached(node: &Node) -> CallError {
    let view = node.view();
    let why = view.last_error.clone().unwrap_or_else(|| "it is not connected".into());
    CallError::NotSent { node: view.to_string().into(), why: why.into() }
}

/// Tries all configured servers at once; the first that answers is taken.
async fn first_to_answer(shared: &Arc<Shared>) -> Result<Connection, OpenError> {
    let mut attempts = JoinSet::new();
    for (at, server) in shared.config.servers.iter().cloned().enumerate() {
        let shared = shared.clone();
        attempts.spawn(async move { (at, shared.connect(&server).await) });
    }
    let mut servers = Vec::new();
    while let Some(attempt) = attempts.join_next().await {
        match attempt {
            Ok((_, Ok(connection))) => {
                // The others end in good order: an HSM would log a handshake that breaks off.
                attempts.detach_all();
                return Ok(connection);
            }
            Ok((at, Err(error))) => servers.push((at, error)),
            Err(_) => {}
        }
    }
    servers.sort_by_key(|(at, _)| *at);
    Err(OpenError { servers: servers.into_iter().map(|(_, error)| error).collect() })
}
