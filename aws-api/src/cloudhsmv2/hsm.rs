//! Creating and deleting the HSMs of a cluster.
use super::network::{Network, new_aws_id};
use super::record::{ClusterRecord, ClusterState, HsmRecord, HsmState, all, change};
use super::{ControlPlane, Execute, invalid, view};
use crate::call::Call;
use crate::error::ApiError;
use crate::model::ErrorKind;
use crate::model::cloudhsmv2::*;
use proto::limits::CLUSTER_NODES_MAX;
use std::collections::BTreeSet;
use std::sync::Arc;

/// User guide, quotas: HSMs of an account in a Region.
const HSMS_MAX: usize = 6;

impl Execute for CreateHsmRequest {
    async fn execute(
        self,
        plane: &Arc<ControlPlane>,
        call: &mut Call,
    ) -> Result<Self::Output, ApiError> {
        let hosting = plane.hosting()?;
        let id = self.cluster_id.unwrap_or_default();
        let zone = self.availability_zone.unwrap_or_default();
        let _one = plane.addressing.lock().await;
        let clusters: Vec<ClusterRecord> = all(&plane.database, &call.region).await?;
        let hsms: usize = clusters.iter().map(|cluster| cluster.hsms.len()).sum();
        let cluster = clusters.iter().find(|cluster| cluster.id == id);
        let cluster = cluster.ok_or_else(|| super::record::missing::<ClusterRecord>(&id))?;
        admit(cluster, &zone)?;
        if hosting.quotas && hsms >= HSMS_MAX {
            return Err(invalid(format!(
                "This account has {HSMS_MAX} HSMs in this Region already, which is its quota."
            )));
        }
        let subnet_id = cluster.subnets.get(&zone).cloned().unwrap_or_default();
        let host = plane.offered(&call.region, &zone, &clusters);
        let mut eni_ip = String::new();
        plane
            .change_network(&call.region, |network| {
                let taken = network.taken(&clusters);
                eni_ip = address(network, &subnet_id, self.ip_address.as_deref(), &taken)?;
                Ok(())
            })
            .await?;
        let hsm = HsmRecord {
            id: fleet::new_id("hsm"),
            node: plane.give_node(cluster).await?,
            zone: zone.clone(),
            subnet_id,
            eni_id: new_aws_id("eni"),
            eni_ip: host.as_ref().map_or(eni_ip, |(_, address)| address.ip().to_string()),
            address: host.as_ref().map(|(_, address)| *address),
            host: host.map(|(name, _)| name),
            replaces: None,
            dead: None,
            brought_back: false,
            state: HsmState::CreateInProgress,
            since_ms: crate::clock::real_now_ms(),
            message: None,
        };
        let cluster = change(&plane.database, &call.region, &id, |record: &mut ClusterRecord| {
            admit(record, &zone)?;
            record.next_node = record.next_node.max(hsm.node + 1);
            record.hsms.push(hsm.clone());
            Ok(())
        });
        let cluster = match cluster.await {
            Ok(cluster) => cluster,
            // The cluster's state has changed meanwhile.
            Err(refused) => {
                plane.give_back_address(&call.region, &hsm.subnet_id).await?;
                return Err(refused);
            }
        };
        plane.wake(&call.region, &id);
        Ok(CreateHsmResponse { hsm: Some(view::new_hsm(&hsm, &cluster)) })
    }
}

/// May the cluster get an HSM in this zone?
pub(super) fn admit(cluster: &ClusterRecord, zone: &str) -> Result<(), ApiError> {
    let id = &cluster.id;
    match cluster.state {
        ClusterState::Active => {}
        ClusterState::Uninitialized if cluster.hsms.is_empty() => {}
        ClusterState::Uninitialized
        | ClusterState::InitializeInProgress
        | ClusterState::Initialized => {
            return Err(invalid(format!(
                "Cluster '{id}' already contains an HSM but has not yet been fully activated"
            )));
        }
        state => return Err(invalid(format!("Cluster '{id}' is in state {}.", state.name()))),
    }
    if cluster.hsms.len() >= CLUSTER_NODES_MAX {
        return Err(invalid(format!("Cluster '{id}' has {CLUSTER_NODES_MAX} HSMs already.")));
    }
    if !cluster.subnets.contains_key(zone) {
        let zones: Vec<_> = cluster.subnets.keys().map(String::as_str).collect();
        return Err(invalid(format!(
            "Cluster '{id}' has no subnet in {zone}; it has subnets in {}.",
            zones.join(", ")
        )));
    }
    Ok(())
}

/// A free address of the subnet, or the one that was asked for.
pub(super) fn address(
    network: &mut Network,
    subnet_id: &str,
    wanted: Option<&str>,
    taken: &BTreeSet<String>,
) -> Result<String, ApiError> {
    let mut subnets = network.subnets.iter_mut();
    let subnet = subnets
        .find(|subnet| subnet.id == subnet_id)
        .ok_or_else(|| invalid(format!("The subnet {subnet_id} does not exist any more.")))?;
    let is_full = subnet.free == 0;
    subnet.take_address(wanted, taken).ok_or_else(|| match wanted {
        Some(wanted) if !is_full => {
            invalid(format!("The address {wanted} is not a free one of {subnet_id}."))
        }
        _ => invalid(format!("The subnet {subnet_id} has no free address.")),
    })
}

impl Execute for DeleteHsmRequest {
    async fn execute(
        self,
        plane: &Arc<ControlPlane>,
        call: &mut Call,
    ) -> Result<Self::Output, ApiError> {
        plane.hosting()?;
        let id = self.cluster_id.clone().unwrap_or_default();
        let names = [&self.hsm_id, &self.eni_id, &self.eni_ip];
        if names.iter().filter(|name| name.is_some()).count() != 1 {
            return Err(invalid("Give exactly one of HsmId, EniId and EniIp."));
        }
        let is_meant = |hsm: &HsmRecord| {
            let mine = [&hsm.id, &hsm.eni_id, &hsm.eni_ip];
            names.iter().zip(mine).any(|(name, mine)| name.as_ref() == Some(mine))
        };
        let mut deleted = String::new();
        change(&plane.database, &call.region, &id, |record: &mut ClusterRecord| {
            let hsm = record.hsms.iter_mut().find(|hsm| is_meant(hsm)).ok_or_else(|| {
                ErrorKind::CloudHsmResourceNotFoundException
                    .with(format!("The HSM was not found in cluster {id}."))
            })?;
            if hsm.state != HsmState::DeleteInProgress {
                hsm.state = HsmState::DeleteInProgress;
                hsm.since_ms = crate::clock::real_now_ms();
            }
            deleted.clone_from(&hsm.id);
            Ok(())
        })
        .await?;
        plane.wake(&call.region, &id);
        Ok(DeleteHsmResponse { hsm_id: Some(deleted) })
    }
}
