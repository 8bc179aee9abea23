//! The cluster of `up`, which is there before the control plane hears of it.
use super::ControlPlane;
use super::network::{Group, Network, new_aws_id};
use super::record::{
    CertificateTexts, ClusterRecord, ClusterState, HsmRecord, HsmState, add, change, failed, find,
};
use crate::clock::real_now_ms;
use crate::error::ApiError;
use crate::{Endpoint, EndpointError};
use fleet::{Fleet, Front, NodeView, Roster, Seat};
use proto::NodeState;
use std::sync::Arc;

/// A cluster that runs in the installation's own folder.
pub struct Adopted<'a> {
    /// Its Region.
    pub region: &'a str,
    /// Who its HSMs are.
    pub roster: &'a Roster,
    /// How far it is.
    pub state: NodeState,
    /// Its processes.
    pub fleet: &'a Arc<Fleet>,
}

impl Endpoint {
    /// Makes the cluster one of the control plane's, or brings what that knows of it up to date.
    pub async fn adopt(&self, cluster: Adopted<'_>) -> Result<(), EndpointError> {
        Ok(self.kms().plane.adopt(cluster).await?)
    }

    /// Ends all HSMs; the next start goes on with them.
    pub async fn stop_hsms(&self) {
        self.kms().plane.stop().await;
    }
}

impl ControlPlane {
    async fn adopt(self: &Arc<Self>, it: Adopted<'_>) -> Result<(), ApiError> {
        let (region, id) = (it.region, &it.roster.cluster_id);
        let known = find::<ClusterRecord>(&self.database, region, id).await?;
        if known.is_none() && it.roster.nodes.is_empty() && it.roster.next_node > 1 {
            // It was deleted, and all that is left of it is the number of its last HSM.
            return Ok(());
        }
        self.fleets().insert(id.clone(), it.fleet.clone());
        if known.is_none() {
            let group = Group { id: new_aws_id("sg"), open: true };
            let front = it.roster.front.unwrap_or(Front::SHOWN);
            let network = self.change_network_from(front, region, |network| {
                network.groups.entry(id.clone()).or_insert_with(|| group.clone());
                for subnet in &mut network.subnets {
                    let there = it.roster.nodes.iter().filter(|seat| seat.zone == subnet.zone);
                    subnet.free -= there.map(|_| 1).sum::<u32>().min(subnet.free);
                }
                Ok(())
            });
            let record = new_record(id, &network.await?, self.clock.now_ms());
            add(&self.database, region, &record).await?;
        }
        let network = self.network(region).await?;
        let nodes = it.fleet.nodes();
        let texts = self.texts(&nodes, it.state, known.as_ref().map(|(record, _)| record)).await?;
        // Before it is active, a cluster has one HSM: the others have not joined yet.
        let members = if it.state == NodeState::Active { usize::MAX } else { 1 };
        change(&self.database, region, id, |record: &mut ClusterRecord| {
            if let Some((certificates, trust_anchor)) = &texts {
                record.certificates = certificates.clone();
                record.trust_anchor.clone_from(trust_anchor);
            }
            record.next_node = record.next_node.max(it.roster.next_node);
            let begun = record.state == ClusterState::InitializeInProgress;
            record.state = match it.state {
                _ if record.state == ClusterState::DeleteInProgress => record.state,
                NodeState::Uninitialized if begun => ClusterState::InitializeInProgress,
                NodeState::Uninitialized => ClusterState::Uninitialized,
                NodeState::Initialized => ClusterState::Initialized,
                NodeState::Active => ClusterState::Active,
            };
            let there = std::mem::take(&mut record.hsms);
            // One that has died may still be in the roster.
            let dead: Vec<_> = there.iter().filter_map(|hsm| hsm.replaces.clone()).collect();
            let seats = it.roster.nodes.iter().take(members);
            let seats = seats.filter(|seat| !dead.contains(&seat.hsm_id));
            record.hsms = seats.map(|seat| listed(seat, &there, &nodes, &network)).collect();
            // The roster has those alone that run on this machine.
            let coming = |hsm: &HsmRecord| hsm.state != HsmState::Active || hsm.host.is_some();
            let new = there.into_iter().filter(coming);
            let new = new.filter(|hsm| !it.roster.nodes.iter().any(|seat| seat.hsm_id == hsm.id));
            record.hsms.extend(new.collect::<Vec<_>>());
            Ok(())
        })
        .await?;
        self.wake(region, id);
        Ok(())
    }

    /// The certificates and the trust anchor, as the first HSM that answers shows them; `None`:
    /// they are known.
    async fn texts(
        &self,
        nodes: &[NodeView],
        state: NodeState,
        known: Option<&ClusterRecord>,
    ) -> Result<Option<(CertificateTexts, Option<String>)>, ApiError> {
        let done = |record: &ClusterRecord| {
            record.trust_anchor.is_some() && record.certificates.cluster.is_some()
        };
        if known.is_some_and(done) && state != NodeState::Uninitialized {
            return Ok(None);
        }
        let layout = fleet::Layout::new(&self.hosting()?.installation);
        for view in nodes.iter().filter(|node| node.runs) {
            let Ok(line) = fleet::connect(&layout, view).await else { continue };
            let got = fleet::certificates(&line, view).await;
            let got = got.map_err(|e| failed(&view.hsm_id, e))?;
            let texts = CertificateTexts {
                cluster_csr: got.cluster_csr,
                hsm: got.hsm_certificate,
                aws_hardware: got.aws_hardware_certificate,
                manufacturer_hardware: got.manufacturer_hardware_certificate,
                cluster: got.cluster_certificate,
            };
            return Ok(Some((texts, got.trust_anchor)));
        }
        Ok(None)
    }
}

fn new_record(id: &str, network: &Network, now_ms: i64) -> ClusterRecord {
    let subnets = network.subnets.iter().map(|it| (it.zone.clone(), it.id.clone())).collect();
    ClusterRecord {
        id: id.to_owned(),
        created_ms: now_ms,
        hsm_type: "hsm2m.medium".to_owned(),
        mode: "FIPS".to_owned(),
        network_type: "IPV4".to_owned(),
        retention_days: super::cluster::DEFAULT_RETENTION_DAYS,
        source_backup: None,
        state: ClusterState::Uninitialized,
        since_ms: real_now_ms(),
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
        in_root: true,
    }
}

/// An HSM of the roster, as it was listed before or for the first time.
fn listed(seat: &Seat, before: &[HsmRecord], nodes: &[NodeView], network: &Network) -> HsmRecord {
    let known = before.iter().find(|hsm| hsm.id == seat.hsm_id).cloned();
    let node = nodes.iter().find(|node| node.hsm_id == seat.hsm_id);
    let mut hsm = known.unwrap_or_else(|| {
        let subnet = network.subnets.iter().find(|subnet| subnet.zone == seat.zone);
        let (id, front) = subnet.map_or(("", Front::SHOWN), |it| (it.id.as_str(), it.front));
        let shown = front.address(0, seat.node);
        HsmRecord {
            id: seat.hsm_id.clone(),
            node: seat.node,
            zone: seat.zone.clone(),
            subnet_id: id.to_owned(),
            eni_id: new_aws_id("eni"),
            eni_ip: seat.address.or(shown).map_or(String::new(), |address| address.to_string()),
            address: None,
            host: None,
            replaces: None,
            state: HsmState::Active,
            since_ms: real_now_ms(),
            message: None,
        }
    });
    hsm.address = node.map(|node| node.address).or(hsm.address);
    hsm
}
