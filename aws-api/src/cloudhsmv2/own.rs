//! The cluster of `up`: the same steps as for any other, and all its HSMs run from the start.
use super::family::{family_of, reserve};
use super::network::{Group, Network, Subnet, new_aws_id};
use super::record::{
    CertificateTexts, ClusterRecord, ClusterState, HsmRecord, HsmState, add, change, failed, find,
};
use super::work::{PutOff, Step};
use super::{ControlPlane, invalid, run};
use crate::database::Database;
use crate::error::ApiError;
use crate::model::cloudhsmv2::InitializeClusterRequest;
use crate::{Endpoint, EndpointError};
use fleet::{Event, Fleet, Front, Layout, NodeView, Roster, Seat, read, write_public};
use proto::NodeState;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc;

/// `up` waits for nothing that takes time at AWS alone.
const LONG_AGO: i64 = 0;

/// Takes numbers for `count` HSMs that the roster of this cluster is to get; the first of them,
/// which is `least` or more. Clusters that were made from a backup of it, through any endpoint on
/// the database, count on with it: the roster alone does not know which numbers they have.
pub async fn reserve_nodes(
    database: &str,
    region: &str,
    cluster_id: &str,
    least: u16,
    count: u16,
) -> Result<u16, EndpointError> {
    let database = Database::open(database).await.map_err(EndpointError::Database)?;
    Ok(reserve(&database, region, cluster_id, least, count).await?)
}

impl Endpoint {
    /// Starts the HSMs of the installation's own cluster, all at the same time. What happens to
    /// them is told to the receiver.
    pub async fn start_hsms(
        &self,
        region: &str,
        roster: &Roster,
    ) -> Result<(Arc<Fleet>, mpsc::Receiver<Event>), EndpointError> {
        self.kms().plane.start_own(region, roster).await
    }

    /// Waits until the control plane has come as far as the HSMs: `state`, which a person may have
    /// brought about, and those of the roster are members. The state then, since an earlier start
    /// may have begun more, and the ids of all members, in the order of their numbers. The first
    /// time, all other clusters are taken up, too, and requests are served.
    pub async fn catch_up(
        &mut self,
        region: &str,
        id: &str,
        state: NodeState,
    ) -> Result<(NodeState, Vec<String>), EndpointError> {
        let plane = self.kms().plane.clone();
        if !plane.begun.swap(true, Ordering::Relaxed) {
            self.tasks.push(tokio::spawn(super::keep(Arc::downgrade(&plane))));
            self.serve();
        }
        plane.see(region, id, state).await?;
        Ok(plane.settled(region, id, state).await?)
    }

    /// InitializeCluster, and waits until it is done.
    pub async fn initialize_cluster(
        &self,
        region: &str,
        id: &str,
        signed_cert: &str,
        trust_anchor: &str,
    ) -> Result<(), EndpointError> {
        let plane = &self.kms().plane;
        let request = json!({
            "ClusterId": id, "SignedCert": signed_cert, "TrustAnchor": trust_anchor,
        });
        let body = request.to_string();
        let mut call = self.kms().own_call(region);
        run::<InitializeClusterRequest>(body.as_bytes(), plane, &mut call).await?;
        match plane.settled(region, id, NodeState::Initialized).await? {
            (NodeState::Uninitialized, _) => {
                Err(invalid("Its security group is closed: nobody reaches its HSMs.").into())
            }
            _ => Ok(()),
        }
    }

    /// Ends all HSMs; the next start goes on with them.
    pub async fn stop_hsms(&self) {
        self.kms().plane.stop().await;
    }
}

impl ControlPlane {
    async fn start_own(
        &self,
        region: &str,
        roster: &Roster,
    ) -> Result<(Arc<Fleet>, mpsc::Receiver<Event>), EndpointError> {
        let hosting = self.hosting()?;
        let layout = Layout::new(&hosting.installation);
        let started = Fleet::start(&layout, roster, hosting.launch.clone()).await;
        let (fleet, events) = started.map_err(EndpointError::Hsms)?;
        let fleet = Arc::new(fleet);
        self.fleets().insert(roster.cluster_id.clone(), fleet.clone());
        self.enter(region, roster, &fleet.nodes()).await?;
        Ok((fleet, events))
    }

    /// Makes the cluster one of the control plane's, or brings what that knows of it up to date.
    async fn enter(
        &self,
        region: &str,
        roster: &Roster,
        nodes: &[NodeView],
    ) -> Result<(), ApiError> {
        let id = &roster.cluster_id;
        if find::<ClusterRecord>(&self.database, region, id).await?.is_none() {
            if roster.nodes.is_empty() && roster.next_node > 1 {
                // It was deleted, and all that is left of it is the number of its last HSM.
                return Ok(());
            }
            // It is there, and may have been deleted before.
            let _ = std::fs::remove_file(deletion(&Layout::new(&self.hosting()?.installation)));
            let group = Group { id: new_aws_id("sg"), open: true };
            let front = roster.front.unwrap_or(Front::SHOWN);
            let network = self.change_network_from(front, region, |network| {
                network.groups.entry(id.clone()).or_insert_with(|| group.clone());
                let own = network.own_subnets();
                let own = |subnet: &&mut Subnet| own.values().any(|it| it.id == subnet.id);
                for subnet in network.subnets.iter_mut().filter(own) {
                    let there = roster.nodes.iter().filter(|seat| seat.zone == subnet.zone);
                    subnet.free -= there.map(|_| 1).sum::<u32>().min(subnet.free);
                }
                Ok(())
            });
            let record = new_record(id, &network.await?, self.clock.now_ms());
            add(&self.database, region, &record).await?;
        }
        let family = family_of(&self.database, region, id).await?;
        self.pass_nodes(&family, roster.next_node).await?;
        let network = self.network(region).await?;
        change(&self.database, region, id, |record: &mut ClusterRecord| {
            record.next_node = record.next_node.max(roster.next_node);
            let there = std::mem::take(&mut record.hsms);
            // One that has died may still be in the roster.
            let dead: Vec<_> = there.iter().filter_map(|hsm| hsm.replaces.clone()).collect();
            let seats = roster.nodes.iter().filter(|seat| !dead.contains(&seat.hsm_id));
            record.hsms = seats.map(|seat| listed(seat, &there, nodes, &network)).collect();
            // The roster has those alone that run on this machine.
            let coming = |hsm: &HsmRecord| hsm.state != HsmState::Active || hsm.host.is_some();
            let new = there.into_iter().filter(coming);
            let new = new.filter(|hsm| !roster.nodes.iter().any(|seat| seat.hsm_id == hsm.id));
            record.hsms.extend(new.collect::<Vec<_>>());
            Ok(())
        })
        .await?;
        Ok(())
    }

    /// The HSMs are initialized, and nobody has asked this control plane for it: it was done at
    /// the first HSM, or another database knew it.
    async fn see(
        self: &Arc<Self>,
        region: &str,
        id: &str,
        state: NodeState,
    ) -> Result<(), ApiError> {
        let Some((known, _)) = find::<ClusterRecord>(&self.database, region, id).await? else {
            return Ok(());
        };
        let behind = |record: &ClusterRecord| {
            matches!(record.state, ClusterState::CreateInProgress | ClusterState::Uninitialized)
        };
        if state != NodeState::Uninitialized && behind(&known) {
            let (texts, fresh) = self.found(&self.nodes(id)).await?;
            change(&self.database, region, id, |record: &mut ClusterRecord| {
                if behind(record) {
                    record.state = ClusterState::Initialized;
                    (record.certificates, record.trust_anchor) = texts.clone();
                    // Also one that is down has joined before.
                    let active = state == NodeState::Active;
                    let members = record.hsms.iter_mut().filter(|hsm| {
                        active
                            && hsm.state == HsmState::CreateInProgress
                            && !fresh.contains(&hsm.id)
                    });
                    members.for_each(|hsm| hsm.state = HsmState::Active);
                }
                Ok(())
            })
            .await?;
        }
        self.tell_members(region, id).await?;
        self.wake(region, id);
        Ok(())
    }

    /// Waits until the cluster has reached the state, and nothing is left to be done for its HSMs
    /// that run here. How far it is and who its members are; or what cannot be done.
    async fn settled(
        &self,
        region: &str,
        id: &str,
        state: NodeState,
    ) -> Result<(NodeState, Vec<String>), ApiError> {
        let mut progress = self.progress.subscribe();
        // HSMs that cannot be brought in now, which the control plane tries again.
        let mut given_up = Vec::new();
        loop {
            let found = find::<ClusterRecord>(&self.database, region, id).await?;
            let Some((cluster, _)) = found else {
                return Ok((NodeState::Uninitialized, Vec::new()));
            };
            let nodes = self.nodes(id);
            let down = |hsm_id: &String| {
                let elsewhere = |hsm: &HsmRecord| hsm.id == *hsm_id && hsm.host.is_some();
                nodes.iter().any(|node| node.hsm_id == *hsm_id && !node.runs)
                    || cluster.hsms.iter().any(elsewhere)
            };
            let awaited = |step: &Step| match step {
                Step::Create | Step::Initialize | Step::CutOff => true,
                Step::Start(hsm_id) => !down(hsm_id) && !given_up.contains(hsm_id),
                Step::NoticeActivation => state == NodeState::Active,
                Step::RemoveHsm(_) | Step::Delete => false,
            };
            if !self.due(region, &cluster).await?.iter().any(awaited) {
                let members = cluster.hsms.iter().filter(|hsm| hsm.state == HsmState::Active);
                let members = members.map(|hsm| hsm.id.clone()).collect();
                return Ok((reached(cluster.state), members));
            }
            // The control plane outlives whoever waits for it.
            let _ = progress.changed().await;
            let put_off = progress.borrow_and_update().clone();
            match put_off.filter(|it| it.cluster_id == id && awaited(&it.step)) {
                Some(PutOff { step: Step::Start(hsm_id), .. })
                    if cluster.state == ClusterState::Active =>
                {
                    given_up.push(hsm_id);
                }
                Some(PutOff { why: Some(why), .. }) => return Err(why),
                _ => {}
            }
        }
    }

    /// The certificates and the trust anchor, as the first HSM that answers shows them; and which
    /// HSMs are fresh.
    async fn found(
        &self,
        nodes: &[NodeView],
    ) -> Result<((CertificateTexts, Option<String>), Vec<String>), ApiError> {
        let layout = Layout::new(&self.hosting()?.installation);
        let (mut texts, mut fresh) = (None, Vec::new());
        for view in nodes.iter().filter(|node| node.runs) {
            let Ok(line) = fleet::connect(&layout, view).await else { continue };
            if line.welcome().state == NodeState::Uninitialized {
                fresh.push(view.hsm_id.clone());
            } else if texts.is_none() {
                let got = fleet::certificates(&line, view).await;
                let got = got.map_err(|e| failed(&view.hsm_id, e))?;
                let trust_anchor = got.trust_anchor.clone();
                texts = Some((got.into(), trust_anchor));
            }
        }
        let texts = texts.ok_or_else(|| failed("the cluster", "no HSM of it answers"))?;
        Ok((texts, fresh))
    }
}

/// Where it is said that DeleteCluster has deleted the cluster of `up`, whose `ready.json` stays.
fn deletion(layout: &Layout) -> PathBuf {
    layout.root().join("deleted-cluster")
}

/// Is this cluster of a state folder, which another endpoint may look into, gone?
pub(crate) fn is_deleted(layout: &Layout, id: &str) -> bool {
    read(&deletion(layout)).is_ok_and(|deleted| deleted == id)
}

/// Says so, before the database forgets the cluster.
pub(super) fn mark_deleted(layout: &Layout, id: &str) -> Result<(), ApiError> {
    let path = deletion(layout);
    write_public(&path, id.as_bytes()).map_err(|e| failed(&path.display().to_string(), e))
}

/// How far the HSMs of such a cluster are.
fn reached(state: ClusterState) -> NodeState {
    match state {
        ClusterState::CreateInProgress
        | ClusterState::Uninitialized
        | ClusterState::InitializeInProgress
        | ClusterState::DeleteInProgress => NodeState::Uninitialized,
        ClusterState::Initialized => NodeState::Initialized,
        ClusterState::Active => NodeState::Active,
    }
}

fn new_record(id: &str, network: &Network, now_ms: i64) -> ClusterRecord {
    let subnets = network.own_subnets().into_iter().map(|(zone, it)| (zone, it.id)).collect();
    ClusterRecord {
        id: id.to_owned(),
        created_ms: now_ms,
        hsm_type: "hsm2m.medium".to_owned(),
        mode: "FIPS".to_owned(),
        network_type: "IPV4".to_owned(),
        retention_days: super::cluster::DEFAULT_RETENTION_DAYS,
        source_backup: None,
        state: ClusterState::CreateInProgress,
        since_ms: LONG_AGO,
        message: None,
        vpc_id: network.vpc_id.clone(),
        subnets,
        security_group: network.groups.get(id).map(|it| it.id.clone()).unwrap_or_default(),
        tags: Default::default(),
        certificates: CertificateTexts::default(),
        trust_anchor: None,
        signed_cert: None,
        hsms: Vec::new(),
        next_node: 1,
        family: id.to_owned(),
        in_root: true,
    }
}

/// An HSM of the roster, as it was listed before or for the first time.
fn listed(seat: &Seat, before: &[HsmRecord], nodes: &[NodeView], network: &Network) -> HsmRecord {
    let known = before.iter().find(|hsm| hsm.id == seat.hsm_id).cloned();
    let node = nodes.iter().find(|node| node.hsm_id == seat.hsm_id);
    let mut hsm = known.unwrap_or_else(|| {
        let subnet = network.own_subnets().remove(&seat.zone);
        let (id, front) = subnet.map_or((String::new(), Front::SHOWN), |it| (it.id, it.front));
        let shown = front.address(0, seat.node);
        HsmRecord {
            id: seat.hsm_id.clone(),
            node: seat.node,
            zone: seat.zone.clone(),
            subnet_id: id,
            eni_id: new_aws_id("eni"),
            eni_ip: seat.address.or(shown).map_or(String::new(), |address| address.to_string()),
            address: None,
            host: None,
            replaces: None,
            dead: None,
            brought_back: false,
            state: HsmState::CreateInProgress,
            since_ms: LONG_AGO,
            message: None,
        }
    });
    hsm.address = node.map(|node| node.address).or(hsm.address);
    hsm
}
