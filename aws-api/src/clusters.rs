//! The clusters that key stores can stand on: those of the control plane, and those of the state
//! folders that the endpoint was given.
use crate::cloudhsmv2::network::Network;
use crate::cloudhsmv2::record::{ClusterRecord, ClusterState, HsmRecord, HsmState, find};
use crate::cloudhsmv2::{ControlPlane, is_deleted};
use crate::error::ApiError;
use fleet::{FleetError, Layout, NodeView, Seat, read};
use hsm_client::{Endpoint, TlsIdentity, Trust};
use proto::NodeState;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A cluster as DescribeClusters would show it, and its network.
pub(crate) struct ClusterView {
    pub(crate) cluster_id: String,
    pub(crate) active: bool,
    /// Those that are ACTIVE to the control plane: they run.
    pub(crate) hsms: Vec<NodeView>,
    /// Its security group lets KMS in.
    pub(crate) open: bool,
    /// A subnet of it that is public.
    pub(crate) public_subnet: Option<String>,
    layout: Layout,
}

/// The part of `ready.json` that tells where a cluster is.
#[derive(Deserialize)]
struct Ready {
    cluster_id: String,
    region: String,
    state: String,
    nodes: Vec<ReadyNode>,
}

#[derive(Deserialize)]
struct ReadyNode {
    hsm_id: String,
    address: String,
    zone: String,
    pid: Option<u32>,
}

/// What the customer's certificates say about a cluster.
pub(crate) struct Certificates {
    /// `customerCA.crt`, as it was given to InitializeCluster.
    pub(crate) trust_anchor: String,
    /// Shared by all clusters that have a backup as a common ancestor.
    pub(crate) cluster_certificate: String,
}

/// The control plane, and state folders, each with one cluster.
pub(crate) struct Clusters {
    plane: Arc<ControlPlane>,
    folders: Vec<PathBuf>,
}

impl Clusters {
    pub(crate) fn new(plane: Arc<ControlPlane>, folders: Vec<PathBuf>) -> Self {
        Self { plane, folders }
    }

    /// The cluster with this id in this Region, as things are now.
    pub(crate) async fn find(
        &self,
        region: &str,
        cluster_id: &str,
    ) -> Result<Option<ClusterView>, ApiError> {
        let database = &self.plane.database;
        let found = find::<ClusterRecord>(database, region, cluster_id).await?;
        if let Some((record, _)) = found
            && let Ok(layout) = self.plane.layout(&record)
        {
            let network = self.plane.network(region).await?;
            let record = self.plane.as_it_is(record, &network);
            return Ok(Some(ClusterView::of_record(record, layout, &network)));
        }
        Ok(self.in_folders(region, cluster_id))
    }

    /// A cluster that another endpoint runs. What this one runs is in the database, or gone.
    fn in_folders(&self, region: &str, cluster_id: &str) -> Option<ClusterView> {
        let others = self.folders.iter().filter(|folder| !self.plane.is_own(folder));
        others.into_iter().find_map(|folder| {
            let layout = Layout::new(folder);
            if is_deleted(&layout, cluster_id) {
                return None;
            }
            let text = read(&folder.join("ready.json")).ok()?;
            let ready: Ready = serde_json::from_str(&text).ok()?;
            let here = ready.cluster_id == cluster_id && ready.region == region;
            here.then(|| ClusterView::new(ready, layout))
        })
    }
}

impl ClusterView {
    fn new(ready: Ready, layout: Layout) -> Self {
        let runs = |(number, node): (u16, ReadyNode)| {
            let listens = node.pid.and(node.address.parse().ok())?;
            let ReadyNode { hsm_id, zone, .. } = node;
            Some(NodeView::at(&Seat { hsm_id, node: number, zone, address: None }, listens))
        };
        Self {
            cluster_id: ready.cluster_id,
            active: ready.state == NodeState::Active.name(),
            hsms: (1..).zip(ready.nodes).filter_map(runs).collect(),
            open: true,
            public_subnet: None,
            layout,
        }
    }

    fn of_record(record: ClusterRecord, layout: Layout, network: &Network) -> Self {
        let active = record.hsms.iter().filter(|hsm| hsm.state == HsmState::Active);
        let is_public = |id: &&String| network.subnet(id).is_some_and(|subnet| subnet.public);
        Self {
            active: record.state == ClusterState::Active,
            hsms: active.filter_map(HsmRecord::node).collect(),
            open: network.is_open(&record.id),
            public_subnet: record.subnets.values().find(is_public).cloned(),
            cluster_id: record.id,
            layout,
        }
    }

    /// In how many availability zones there is an HSM.
    pub(crate) fn zones(&self) -> usize {
        self.hsms.iter().map(|hsm| hsm.zone.as_str()).collect::<BTreeSet<_>>().len()
    }

    pub(crate) fn endpoints(&self) -> Vec<Endpoint> {
        self.hsms.iter().map(NodeView::endpoint).collect()
    }

    /// Who KMS is to the HSMs, with the trust anchor that the customer gave for the key store.
    pub(crate) fn identity(&self, trust_anchor: &str) -> Result<TlsIdentity, String> {
        let certificate = read(&self.layout.service_certificate()).map_err(|e| e.to_string())?;
        let key = Zeroizing::new(read(&self.layout.service_key()).map_err(|e| e.to_string())?);
        let trust = Trust::Cluster { anchor_pem: trust_anchor.to_owned() };
        TlsIdentity::new(trust, &certificate, &key).map_err(|e| e.to_string())
    }

    /// Asks the first HSM that answers.
    pub(crate) async fn certificates(&self) -> Result<Certificates, String> {
        let mut why = format!("{} has no HSM", self.cluster_id);
        for hsm in &self.hsms {
            match self.certificates_of(hsm).await {
                Ok(certificates) => return Ok(certificates),
                Err(error) => why = error.to_string(),
            }
        }
        Err(why)
    }

    async fn certificates_of(&self, hsm: &NodeView) -> Result<Certificates, FleetError> {
        let line = fleet::connect(&self.layout, hsm).await?;
        let got = fleet::certificates(&line, hsm).await?;
        Ok(Certificates {
            trust_anchor: got.trust_anchor.unwrap_or_default(),
            cluster_certificate: got.cluster_certificate.unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests;
