//! CloudHSM's control plane: clusters, HSMs and backups, whose HSMs are processes of this machine.
use crate::call::Call;
use crate::clock::Clock;
use crate::database::Database;
use crate::error::ApiError;
use crate::model::{ErrorKind, Operation, decode};
use crate::trail::{CLOUDHSM, Trail};
use fleet::{Fleet, Launch, Layout};
use hosts::Host;
use network::Network;
use record::{ClusterRecord, HsmState, all, find, get};
use serde_json::value::to_raw_value;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};

mod backup;
mod cluster;
pub(crate) mod family;
mod filter;
mod hosts;
mod hsm;
mod initialize;
mod interfaces;
pub(crate) mod network;
mod own;
mod policy;
pub(crate) mod record;
mod replace;
mod run;
mod set_aside;
mod steps;
mod tag;
mod view;
pub(crate) mod vpc;
mod work;

pub(crate) use hosts::NotJoined;
pub(crate) use own::is_deleted;
pub use own::reserve_nodes;
use work::{PutOff, keep};

/// How long HSMs may take to be cut off, or to be back, before whoever asked for it is answered.
const GROUP_WITHIN: Duration = Duration::from_secs(3);
const GROUP_TICK: Duration = Duration::from_millis(20);

/// How this endpoint runs HSMs.
#[derive(Clone)]
pub struct Hosting {
    /// The state folder: what the HSMs' folders, certificates and backups are in.
    pub installation: PathBuf,
    /// The program that is a node, and where HSMs listen that have no address of their own.
    pub launch: Launch,
    /// Each HSM has an address of its own, which is that of its ENI (Linux: 127.x).
    pub own_addresses: bool,
    /// An HSM that has been dead for so long, its disk broken or its machine not heard of, is
    /// replaced by another.
    pub replace_after: Duration,
    /// How long transitions last.
    pub timing: Timing,
    /// Subnet ids that nobody has added are taken for those of another emulator of EC2: they are in
    /// these zones of the Region, by letter, in turn. `None`: they are refused.
    pub adopted_zones: Option<Vec<char>>,
    /// Whether the quotas of an account hold: 4 clusters and 6 HSMs in a Region.
    pub quotas: bool,
}

/// How long each transition lasts at least.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timing {
    pub(crate) create: Duration,
    pub(crate) create_hsm: Duration,
    pub(crate) initialize: Duration,
    pub(crate) notice_activation: Duration,
    pub(crate) delete_hsm: Duration,
    pub(crate) delete: Duration,
}

impl Timing {
    /// As long as at AWS, where that was measured: an HSM joins in 313 s, is listed for 120 s when
    /// it is deleted, and activation is noticed after 80 s. The others are guesses.
    pub const fn aws() -> Self {
        Self {
            create: Duration::from_secs(30),
            create_hsm: Duration::from_secs(313),
            initialize: Duration::from_secs(120),
            notice_activation: Duration::from_secs(80),
            delete_hsm: Duration::from_secs(120),
            delete: Duration::from_secs(30),
        }
    }
}

/// How an operation is carried out, once its parameters are sound.
pub(crate) trait Execute: Operation {
    fn execute(
        self,
        plane: &Arc<ControlPlane>,
        call: &mut Call,
    ) -> impl Future<Output = Result<Self::Output, ApiError>> + Send;
}

/// All that the control plane is made of.
pub(crate) struct ControlPlane {
    pub(crate) database: Database,
    pub(crate) clock: Arc<Clock>,
    pub(crate) trail: Trail,
    pub(crate) account: Arc<str>,
    hosting: Option<Hosting>,
    /// The running HSMs of each cluster.
    fleets: Mutex<HashMap<String, Arc<Fleet>>>,
    /// Machines that have offered themselves, by name.
    hosts: Mutex<HashMap<String, Host>>,
    /// Since when HSMs that should run do not, and since when clusters are activated.
    since: Mutex<HashMap<String, Instant>>,
    /// When what was set aside was looked through last.
    purged_ms: Mutex<i64>,
    /// Who gives out addresses and counts quotas does it alone.
    addressing: tokio::sync::Mutex<()>,
    /// Nobody works on clusters before the HSMs of `up` have been started, or while all are ended.
    begun: AtomicBool,
    /// Clusters that are worked on; true: something has come up meanwhile.
    working: Mutex<HashMap<(String, String), bool>>,
    /// Ends the pauses of those who work.
    woken: Notify,
    /// Changes with every step that was taken or put off.
    progress: watch::Sender<Option<PutOff>>,
}

/// Decodes, checks, executes, tells CloudTrail; the body of the answer.
pub(crate) async fn run<O: Execute>(
    body: &[u8],
    plane: &Arc<ControlPlane>,
    call: &mut Call,
) -> Result<Vec<u8>, ApiError> {
    let (parameters, outcome) = match decode::<O>(body) {
        Ok(request) => {
            let parameters = to_raw_value(&request).ok().filter(|json| json.get() != "{}");
            (parameters, request.execute(plane, call).await)
        }
        // The model has no ValidationException: what does not fit is an invalid request.
        Err(ApiError { kind: ErrorKind::ValidationException, message }) => {
            let kind = ErrorKind::CloudHsmInvalidRequestException;
            (None, Err(ApiError { kind, message }))
        }
        Err(error) => (None, Err(error)),
    };
    let refusal = outcome.as_ref().err();
    plane.trail.record(call, O::NAME, parameters.as_deref(), refusal, CLOUDHSM).await;
    let answer = serde_json::to_vec(&outcome?);
    answer.map_err(|e| record::failed("the answer", e))
}

pub(crate) fn invalid(why: impl Into<String>) -> ApiError {
    ErrorKind::CloudHsmInvalidRequestException.with(why)
}

impl ControlPlane {
    pub(crate) fn new(
        database: Database,
        clock: Arc<Clock>,
        trail: Trail,
        account: Arc<str>,
        hosting: Option<Hosting>,
    ) -> Self {
        Self {
            database,
            clock,
            trail,
            account,
            hosting,
            fleets: Mutex::default(),
            hosts: Mutex::default(),
            since: Mutex::default(),
            purged_ms: Mutex::default(),
            addressing: Default::default(),
            begun: AtomicBool::new(false),
            working: Mutex::default(),
            woken: Notify::new(),
            progress: watch::Sender::default(),
        }
    }

    fn hosting(&self) -> Result<&Hosting, ApiError> {
        self.hosting.as_ref().ok_or_else(|| {
            invalid("this endpoint starts no HSMs: ask the one that `cluster-ctl up` has started")
        })
    }

    fn fleets(&self) -> MutexGuard<'_, HashMap<String, Arc<Fleet>>> {
        self.fleets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The roots that vouch for every HSM's hardware.
    pub(crate) fn roots(&self) -> Option<[PathBuf; 2]> {
        let layout = Layout::new(&self.hosting.as_ref()?.installation);
        Some([layout.aws_root(), layout.manufacturer_root()])
    }

    /// Is this the state folder that this endpoint's own HSMs are in?
    pub(crate) fn is_own(&self, folder: &Path) -> bool {
        self.hosting.as_ref().is_some_and(|hosting| hosting.installation == folder)
    }

    /// Where a cluster's files are.
    pub(crate) fn layout(&self, cluster: &ClusterRecord) -> Result<Layout, ApiError> {
        let root = Layout::new(&self.hosting()?.installation);
        Ok(if cluster.in_root { root } else { root.of_cluster(&cluster.id) })
    }

    fn nodes(&self, id: &str) -> Vec<fleet::NodeView> {
        self.fleets().get(id).map(|fleet| fleet.nodes()).unwrap_or_default()
    }

    /// Is this HSM down, so that it serves nobody?
    pub(crate) fn is_down(&self, cluster_id: &str, hsm_id: &str) -> bool {
        let nodes = self.nodes(cluster_id);
        !nodes.iter().any(|node| node.hsm_id == hsm_id && node.runs)
    }

    /// Waits until the HSMs of a cluster are as its security group wants them: cut off, or there.
    /// One that stays down for another reason is not waited for.
    pub(crate) async fn follow_group(&self, region: &str, id: &str) -> Result<(), ApiError> {
        let until = Instant::now() + GROUP_WITHIN;
        while Instant::now() < until {
            let open = self.network(region).await?.is_open(id);
            let Some((cluster, _)) = find::<ClusterRecord>(&self.database, region, id).await?
            else {
                break;
            };
            let mut members = cluster.hsms.iter().filter(|hsm| hsm.state == HsmState::Active);
            let done = match open {
                true => members.all(|hsm| !self.is_down(id, &hsm.id)),
                false => self.nodes(id).is_empty(),
            };
            if done {
                break;
            }
            tokio::time::sleep(GROUP_TICK).await;
        }
        Ok(())
    }

    /// The record of a cluster as it is to be shown: an HSM that is down is DEGRADED. One behind a
    /// closed security group is not: only the way to it is cut.
    /// Its message says why.
    pub(crate) fn as_it_is(&self, mut cluster: ClusterRecord, network: &Network) -> ClusterRecord {
        let open = network.is_open(&cluster.id);
        let mut hsms = std::mem::take(&mut cluster.hsms);
        for hsm in hsms.iter_mut().filter(|_| open) {
            let is_down = || self.is_down(&cluster.id, &hsm.id);
            match hsm.state {
                HsmState::Active if is_down() => {
                    hsm.message = self.why_down(&cluster, hsm).or(hsm.message.take());
                    hsm.state = HsmState::Degraded;
                }
                HsmState::CreateInProgress if is_down() => {
                    hsm.message = self.trouble(&cluster, hsm).or(hsm.message.take());
                }
                _ => {}
            }
        }
        cluster.hsms = hsms;
        cluster
    }

    /// All clusters of a Region, as they are to be shown.
    pub(crate) async fn clusters_as_they_are(
        &self,
        region: &str,
    ) -> Result<Vec<ClusterRecord>, ApiError> {
        let clusters: Vec<ClusterRecord> = all(&self.database, region).await?;
        if clusters.is_empty() {
            return Ok(clusters);
        }
        let network = self.network(region).await?;
        Ok(clusters.into_iter().map(|cluster| self.as_it_is(cluster, &network)).collect())
    }

    /// The cluster's record.
    async fn cluster(&self, call: &Call, id: &str) -> Result<ClusterRecord, ApiError> {
        get(&self.database, &call.region, id).await
    }

    /// Ends all HSMs; they are started again by the next endpoint.
    pub(crate) async fn stop(&self) {
        self.begun.store(false, Ordering::Relaxed);
        self.woken.notify_waiters();
        let fleets: Vec<_> = self.fleets().drain().collect();
        for (_, fleet) in fleets {
            fleet.stop().await;
        }
    }
}
