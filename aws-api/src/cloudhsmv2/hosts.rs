//! Machines that offer themselves for HSMs, and what they are told.
use super::record::{ClusterRecord, HsmRecord, HsmState, all, change_hsm, failed};
use super::{ControlPlane, invalid};
use crate::error::ApiError;
use fleet::{Layout, factory_files, read};
use hsm_client::{
    Condition, JoinOrder, JoinRequest, SealingKey, SetAsideHsm, open_request, seal_order,
};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// A host asks every second: one that has not for so long is not given an HSM.
const FRESH: Duration = Duration::from_secs(5);
/// How far the clocks may be apart, as in AWS's signatures.
const SKEW_MS: u64 = 5 * 60 * 1_000;
/// Hosts that are remembered.
const HOSTS_MAX: usize = 1_000;

/// A machine, as it was heard of last.
pub(super) struct Host {
    region: String,
    zone: String,
    address: SocketAddr,
    seen: Instant,
    /// Of its last request: what comes with an earlier one was recorded, and is sent again.
    at_ms: u64,
    /// Given to an HSM a moment ago, which may not be in the records yet.
    given: Option<Instant>,
    /// The HSM that it is, and how that is.
    hsm_id: Option<String>,
    condition: Option<Condition>,
    /// The HSM of the records that it does not have any more.
    lost: Option<String>,
    /// The HSMs that it has set aside.
    set_aside: Vec<String>,
}

/// What a machine has said of its HSM a moment ago.
pub(super) struct Heard {
    hsm_id: Option<String>,
    condition: Option<Condition>,
    lost: Option<String>,
}

impl Heard {
    /// Why the HSM does not run, in the words of its own process.
    pub(super) fn trouble(&self, hsm_id: &str) -> Option<String> {
        if self.hsm_id.as_deref() != Some(hsm_id) {
            return self.broken(hsm_id);
        }
        Some(self.condition.as_ref()?.trouble.as_ref()?.why.clone())
    }

    /// The HSM's disk is broken or gone, and why that is known.
    pub(super) fn broken(&self, hsm_id: &str) -> Option<String> {
        if self.lost.as_deref() == Some(hsm_id) {
            return Some("its machine does not have it any more".to_owned());
        }
        let trouble = self.condition.as_ref()?.trouble.as_ref()?;
        let is_it = self.hsm_id.as_deref() == Some(hsm_id);
        (is_it && trouble.disk).then(|| trouble.why.clone())
    }
}

impl Host {
    fn is_there(&self) -> bool {
        self.seen.elapsed() < FRESH
    }

    fn is_given(&self) -> bool {
        self.given.is_some_and(|given| given.elapsed() < FRESH)
    }
}

/// Why a machine is not answered.
pub(crate) enum NotJoined {
    /// Its request cannot be read: whose fault that is, in a sentence.
    Unread(String),
    Failed(ApiError),
}

impl From<ApiError> for NotJoined {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}

impl ControlPlane {
    fn hosts(&self) -> MutexGuard<'_, HashMap<String, Host>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a machine says of itself; `None`: it is not heard of.
    pub(super) fn heard(&self, host: &str) -> Option<Heard> {
        let hosts = self.hosts();
        let host = hosts.get(host).filter(|host| host.is_there())?;
        let (hsm_id, condition) = (host.hsm_id.clone(), host.condition.clone());
        Some(Heard { hsm_id, condition, lost: host.lost.clone() })
    }

    /// The sealed answer to a machine's sealed request.
    pub(crate) async fn join(self: &Arc<Self>, sealed: &[u8]) -> Result<Vec<u8>, NotJoined> {
        let layout = Layout::new(&self.hosting()?.installation);
        let key = join_key(&layout)?;
        let request = open_request(&key, sealed).map_err(|e| {
            // No path: whoever reads this may be a stranger.
            let from = "service/join.key of the control plane's state folder";
            NotJoined::Unread(format!("{e}: give the machine a copy of {from}"))
        })?;
        let address = request.address.parse::<SocketAddr>();
        let address = address.ok().filter(|address| !address.ip().is_unspecified());
        let address = address.ok_or_else(|| {
            let given = &request.address;
            NotJoined::Unread(format!("{given:?} is no address with a port: use --advertise"))
        })?;
        self.clock_fits(&request)?;
        self.remember(&request, address).map_err(NotJoined::Unread)?;
        let order = self.order(&request, address).await?;
        let answer = seal_order(&key, &request, &order);
        Ok(answer.map_err(|e| failed("the answer to a host", e))?)
    }

    /// A request that was recorded long ago is not taken, even by an endpoint that starts anew.
    fn clock_fits(&self, request: &JoinRequest) -> Result<(), NotJoined> {
        let now = u64::try_from(crate::clock::real_now_ms()).unwrap_or_default();
        if now.abs_diff(request.at_ms) <= SKEW_MS {
            return Ok(());
        }
        let seconds = now.abs_diff(request.at_ms) / 1_000;
        Err(NotJoined::Unread(format!(
            "the host's clock and that of the control plane are {seconds} s apart: set them right"
        )))
    }

    fn remember(&self, request: &JoinRequest, address: SocketAddr) -> Result<(), String> {
        let mut hosts = self.hosts();
        if hosts.len() >= HOSTS_MAX && !hosts.contains_key(&request.host) {
            hosts.retain(|_, host| host.is_there());
        }
        if hosts.len() >= HOSTS_MAX && !hosts.contains_key(&request.host) {
            return Err(format!("there are {HOSTS_MAX} hosts already"));
        }
        let before = hosts.get(&request.host);
        if before.is_some_and(|host| host.at_ms >= request.at_ms) {
            return Err("the request is older than the last one of this host".to_owned());
        }
        let given = before.and_then(|host| host.given);
        let lost = before.and_then(|host| host.lost.clone());
        let host = Host {
            region: request.region.clone(),
            zone: request.zone.clone(),
            address,
            seen: Instant::now(),
            at_ms: request.at_ms,
            given,
            hsm_id: request.hsm_id.clone(),
            condition: request.condition.clone(),
            lost,
            set_aside: request.set_aside.clone(),
        };
        if hosts.insert(request.host.clone(), host).is_none() {
            tracing::info!("{} offers {address} in {}", request.host, request.zone);
        }
        Ok(())
    }

    /// The records say which HSM a host is to be.
    async fn order(
        self: &Arc<Self>,
        request: &JoinRequest,
        address: SocketAddr,
    ) -> Result<JoinOrder, NotJoined> {
        let clusters: Vec<ClusterRecord> = all(&self.database, &request.region).await?;
        let mine = |hsm: &&HsmRecord| hsm.host.as_ref() == Some(&request.host);
        let found = clusters.iter().find_map(|it| Some((it, it.hsms.iter().find(mine)?)));
        let Some((cluster, hsm)) = found else {
            self.is_of_nobody(request).await?;
            let wait = self.hosts().get(&request.host).is_some_and(Host::is_given);
            return Ok(JoinOrder { wait, erase: self.may_erase(request).await?, ..nothing() });
        };
        if hsm.state == HsmState::DeleteInProgress {
            // It goes on until its last backup is taken.
            return Ok(waiting());
        }
        let watched = self.nodes(&cluster.id).into_iter().find(|node| node.hsm_id == hsm.id);
        let elsewhere = watched.is_some_and(|node| node.address != address);
        if hsm.address != Some(address) || elsewhere {
            // As a container that was started again.
            self.put_on(&request.region, cluster, hsm, &request.host, address).await?;
            self.wake(&request.region, &cluster.id);
        }
        self.order_to_be(request, cluster, hsm).await
    }

    /// To be this HSM: the one that the machine has, or has set aside, or a new one.
    async fn order_to_be(
        &self,
        request: &JoinRequest,
        cluster: &ClusterRecord,
        hsm: &HsmRecord,
    ) -> Result<JoinOrder, NotJoined> {
        let hsm_id = Some(hsm.id.clone());
        let closed = !self.network(&request.region).await?.is_open(&cluster.id);
        let is_here = request.hsm_id == hsm_id;
        let may_be_made = hsm.state == HsmState::CreateInProgress && !hsm.brought_back;
        let is_aside = request.set_aside.contains(&hsm.id);
        let is_lost = !is_here && !may_be_made && !is_aside;
        self.set_lost(&request.host, is_lost.then(|| hsm.id.clone()));
        if is_here {
            return Ok(JoinOrder { hsm_id, closed, ..nothing() });
        }
        if is_lost {
            // A new HSM under its number would give its handles a second time.
            return Ok(waiting());
        }
        let order =
            JoinOrder { hsm_id, closed, erase: self.may_erase(request).await?, ..nothing() };
        if is_aside {
            return Ok(order);
        }
        match factory_files(&self.layout(cluster)?, &hsm.id) {
            Ok(files) => Ok(JoinOrder { files, ..order }),
            // It is being made.
            Err(_) => Ok(waiting()),
        }
    }

    fn set_lost(&self, host: &str, lost: Option<String>) {
        if let Some(host) = self.hosts().get_mut(host) {
            host.lost = lost;
        }
    }

    /// An HSM that is another host's, or of another Region, is not left: the machine was started
    /// wrongly.
    async fn is_of_nobody(&self, request: &JoinRequest) -> Result<(), NotJoined> {
        let Some(is) = &request.hsm_id else { return Ok(()) };
        for region in self.regions().await? {
            let clusters: Vec<ClusterRecord> = all(&self.database, &region).await?;
            let mut hsms = clusters.iter().flat_map(|cluster| &cluster.hsms);
            if let Some(hsm) = hsms.find(|hsm| hsm.id == *is) {
                let host = hsm.host.as_deref().unwrap_or("no host");
                return Err(NotJoined::Unread(format!(
                    "{is} is of {host} in {region}, and not of {} in {}: start it with --region \
                     {region} and its own --dir",
                    request.host, request.region
                )));
            }
        }
        Ok(())
    }

    /// Whether the HSM that the machine is to leave was deleted by an operator. Any other is set
    /// aside, which machines of an earlier version cannot do: they are not told to leave it.
    async fn may_erase(&self, request: &JoinRequest) -> Result<Option<bool>, NotJoined> {
        let Some(hsm_id) = &request.hsm_id else { return Ok(None) };
        if self.is_deleted(hsm_id).await? {
            return Ok(Some(true));
        }
        if request.condition.is_none() {
            return Err(NotJoined::Unread(format!(
                "{hsm_id} is to be set aside, which hsm-node of an earlier version cannot do: \
                 start this version of it, with the same --dir"
            )));
        }
        Ok(None)
    }

    /// The machine that has set an HSM aside, and is to be it again: its name and address.
    pub(super) fn holding(
        &self,
        name: &str,
        kept: &SetAsideHsm,
        clusters: &[ClusterRecord],
    ) -> Result<(String, SocketAddr), ApiError> {
        let hsm_id = &kept.hsm_id;
        let mut there = clusters.iter().flat_map(|cluster| &cluster.hsms);
        if let Some(hsm) = there.find(|hsm| hsm.host.as_deref() == Some(name)) {
            return Err(invalid(format!(
                "{hsm_id} is set aside on {name}, which is {} now: delete that one first",
                hsm.id
            )));
        }
        let mut hosts = self.hosts();
        let host = hosts.get_mut(name).filter(|host| host.is_there() && !host.is_given());
        let has = |host: &&mut Host| host.set_aside.contains(hsm_id);
        let host = host.filter(has).ok_or_else(|| {
            invalid(format!(
                "{hsm_id} was on {name}, which has not said that it has set it aside: start that \
                 machine's hsm-node with its --dir, and try again"
            ))
        })?;
        host.given = Some(Instant::now());
        Ok((name.to_owned(), host.address))
    }

    /// The host of an HSM that is being made is gone: another one of the zone takes its place.
    pub(super) async fn place_anew(
        &self,
        region: &str,
        cluster: &ClusterRecord,
        hsm: &HsmRecord,
    ) -> Result<(), ApiError> {
        let is_there = |name: &String| self.hosts().get(name).is_some_and(Host::is_there);
        // One that is brought back is on one machine alone.
        if hsm.brought_back || hsm.host.as_ref().is_some_and(is_there) {
            return Ok(());
        }
        let clusters: Vec<ClusterRecord> = all(&self.database, region).await?;
        let Some((host, address)) = self.offered(region, &hsm.zone, &clusters) else {
            return Ok(());
        };
        self.put_on(region, cluster, hsm, &host, address).await
    }

    /// From now on it is watched where it is.
    async fn put_on(
        &self,
        region: &str,
        cluster: &ClusterRecord,
        hsm: &HsmRecord,
        host: &str,
        address: SocketAddr,
    ) -> Result<(), ApiError> {
        let place = |there: &mut HsmRecord| there.place_on(host, address);
        change_hsm(&self.database, region, &cluster.id, &hsm.id, place).await?;
        self.fleet(cluster)?.remove(&hsm.id).await;
        Ok(())
    }

    /// The machines that have offered themselves, for people.
    pub(crate) fn offers(&self) -> Vec<serde_json::Value> {
        let hosts = self.hosts();
        let mut offers: Vec<_> = hosts.iter().collect();
        offers.sort_by_key(|(name, _)| *name);
        let offer = |(name, host): (&String, &Host)| {
            serde_json::json!({
                "host": name, "region": host.region, "zone": host.zone, "address": host.address,
                "heard_of": host.is_there(), "hsm_id": host.hsm_id, "set_aside": host.set_aside,
                "trouble": host.condition.as_ref().and_then(|it| Some(&it.trouble.as_ref()?.why)),
            })
        };
        offers.into_iter().map(offer).collect()
    }

    /// A machine in this zone that no HSM of these clusters has: its name and address.
    pub(super) fn offered(
        &self,
        region: &str,
        zone: &str,
        clusters: &[ClusterRecord],
    ) -> Option<(String, SocketAddr)> {
        let taken = |name: &String| {
            let mut hsms = clusters.iter().flat_map(|cluster| &cluster.hsms);
            hsms.any(|hsm| hsm.host.as_ref() == Some(name))
        };
        let mut hosts = self.hosts();
        let mut free: Vec<_> = hosts
            .iter_mut()
            .filter(|(_, host)| host.region == region && host.zone == zone)
            .filter(|(_, host)| host.is_there() && !host.is_given())
            .filter(|(name, _)| !taken(name))
            .collect();
        free.sort_by_key(|(name, _)| (*name).clone());
        let (name, host) = free.into_iter().next()?;
        host.given = Some(Instant::now());
        Some((name.clone(), host.address))
    }
}

fn nothing() -> JoinOrder {
    JoinOrder { hsm_id: None, files: Vec::new(), wait: false, closed: false, erase: None }
}

fn waiting() -> JoinOrder {
    JoinOrder { wait: true, ..nothing() }
}

fn join_key(layout: &Layout) -> Result<SealingKey, ApiError> {
    let path = layout.join_key();
    let text = read(&path).map(Zeroizing::new).map_err(|e| failed("the join key", e))?;
    let key = SealingKey::from_hex(&text);
    key.ok_or_else(|| failed(&path.display().to_string(), "not a key of 64 hex digits"))
}
