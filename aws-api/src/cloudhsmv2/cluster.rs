//! Creating, describing, modifying and deleting clusters.
use super::backup::usable_backup;
use super::network::{self, Group, new_aws_id};
use super::record::{
    BackupRecord, CertificateTexts, ClusterRecord, ClusterState, add, all, change,
};
use super::{ControlPlane, Execute, filter, invalid, tag, view};
use crate::call::Call;
use crate::error::ApiError;
use crate::model::cloudhsmv2::*;
use crate::page::{Listing, Order, most};
use std::collections::BTreeMap;
use std::sync::Arc;

/// API, BackupRetentionPolicy: days that a backup is kept.
const RETENTION_DAYS: std::ops::RangeInclusive<i64> = 7..=379;
pub(super) const DEFAULT_RETENTION_DAYS: i64 = 90;
/// User guide, quotas: clusters of an account in a Region.
const CLUSTERS_MAX: usize = 4;
/// API, DescribeClusters: clusters of a page.
const PAGE: usize = 25;
/// As AWS says it (recorded).
const NO_MODE: &str = "Mode is a required argument for this hsm type";
/// The only type that AWS creates today.
const HSM_TYPE: &str = "hsm2m.medium";

fn retention(policy: Option<BackupRetentionPolicy>) -> Result<i64, ApiError> {
    let Some(policy) = policy else { return Ok(DEFAULT_RETENTION_DAYS) };
    let days = policy.value.unwrap_or_default().parse().ok();
    let days = days.filter(|days| RETENTION_DAYS.contains(days));
    days.filter(|_| policy.r#type.as_deref() == Some("DAYS")).ok_or_else(|| {
        let (least, most) = (RETENTION_DAYS.start(), RETENTION_DAYS.end());
        invalid(format!("BackupRetentionPolicy must be of Type DAYS, with {least} to {most} days."))
    })
}

impl Execute for CreateClusterRequest {
    async fn execute(
        self,
        plane: &Arc<ControlPlane>,
        call: &mut Call,
    ) -> Result<Self::Output, ApiError> {
        let hosting = plane.hosting()?;
        if self.hsm_type.as_deref() != Some(HSM_TYPE) {
            return Err(invalid("Provided HsmType is not supported."));
        }
        let backup = match &self.source_backup_id {
            Some(id) => Some(usable_backup(plane, call, id).await?),
            None => None,
        };
        let mode = self.mode.or_else(|| backup.as_ref().map(|backup| backup.mode.clone()));
        let mode = mode.ok_or_else(|| invalid(NO_MODE))?;
        if backup.as_ref().is_some_and(|backup| backup.mode != mode) {
            return Err(invalid("Mode must be that of the backup."));
        }
        let retention_days = retention(self.backup_retention_policy)?;
        let tags = tag::added(BTreeMap::new(), self.tag_list.unwrap_or_default())?;
        if mode != "FIPS" || self.network_type.as_deref().is_some_and(|kind| kind != "IPV4") {
            return Err(invalid("Only Mode FIPS and NetworkType IPV4 are simulated."));
        }
        let _one = plane.addressing.lock().await;
        if hosting.quotas {
            within_quota(plane, call).await?;
        }
        let id = fleet::new_id("cluster");
        let group = Group { id: new_aws_id("sg"), open: true };
        let subnets = self.subnet_ids.unwrap_or_default();
        let (vpc_id, mapping) = plane.place(&call.region, &id, &group, &subnets).await?;
        let now_ms = plane.clock.now_ms();
        let record = ClusterRecord {
            id: id.clone(),
            created_ms: now_ms,
            hsm_type: HSM_TYPE.to_owned(),
            mode,
            network_type: self.network_type.unwrap_or_else(|| "IPV4".to_owned()),
            retention_days,
            state: ClusterState::CreateInProgress,
            since_ms: crate::clock::real_now_ms(),
            message: None,
            vpc_id,
            subnets: mapping,
            security_group: group.id,
            tags,
            certificates: CertificateTexts {
                cluster: backup.as_ref().map(|backup| backup.cluster_certificate.clone()),
                ..Default::default()
            },
            trust_anchor: backup.as_ref().map(|backup| backup.trust_anchor.clone()),
            signed_cert: None,
            hsms: Vec::new(),
            next_node: backup.as_ref().map_or(1, |backup| backup.next_node),
            family: backup.as_ref().map_or(id.as_str(), BackupRecord::family).to_owned(),
            source_backup: backup.map(|backup| backup.id),
            in_root: false,
        };
        add(&plane.database, &call.region, &record).await?;
        plane.wake(&call.region, &record.id);
        Ok(CreateClusterResponse { cluster: Some(view::new_cluster(&record)) })
    }
}

impl ControlPlane {
    /// Gives a new cluster its security group, and finds its subnets: the VPC, and the subnet of
    /// each zone.
    async fn place(
        &self,
        region: &str,
        id: &str,
        group: &Group,
        subnets: &[String],
    ) -> Result<(String, BTreeMap<String, String>), ApiError> {
        let adopted = self.hosting()?.adopted_zones.as_ref();
        let mut found = None;
        self.change_network(region, |network| {
            if let Some(zones) = adopted {
                network.adopt(region, subnets, zones, self.front())?;
            }
            found = Some(subnet_mapping(network, subnets)?);
            network.groups.insert(id.to_owned(), group.clone());
            Ok(())
        })
        .await?;
        Ok(found.unwrap_or_default())
    }
}

async fn within_quota(plane: &ControlPlane, call: &Call) -> Result<(), ApiError> {
    let existing: Vec<ClusterRecord> = all(&plane.database, &call.region).await?;
    if existing.len() >= CLUSTERS_MAX {
        return Err(invalid(format!(
            "This account has {CLUSTERS_MAX} clusters in this Region already, which is its quota."
        )));
    }
    Ok(())
}

/// A subnet for each zone: they must be there, in one VPC, and no two in one zone.
fn subnet_mapping(
    network: &network::Network,
    ids: &[String],
) -> Result<(String, BTreeMap<String, String>), ApiError> {
    let (mut mapping, mut vpc_id) = (BTreeMap::new(), None);
    for id in ids {
        let subnet = network
            .subnet(id)
            .ok_or_else(|| invalid(format!("The subnet {id} does not exist in this Region.")))?;
        if vpc_id.get_or_insert(&subnet.vpc_id) != &&subnet.vpc_id {
            return Err(invalid("The subnets must be of one VPC."));
        }
        if mapping.insert(subnet.zone.clone(), id.clone()).is_some() {
            return Err(invalid(format!(
                "Only one subnet of an availability zone can be given; {} has several.",
                subnet.zone
            )));
        }
    }
    Ok((vpc_id.cloned().unwrap_or_default(), mapping))
}

impl Execute for DescribeClustersRequest {
    async fn execute(
        self,
        plane: &Arc<ControlPlane>,
        call: &mut Call,
    ) -> Result<Self::Output, ApiError> {
        let mut clusters = Vec::new();
        for record in plane.clusters_as_they_are(&call.region).await? {
            let value = |name: &str| match name {
                "clusterIds" => Some(record.id.clone()),
                "vpcIds" => Some(record.vpc_id.clone()),
                "states" => Some(view::state(&record).to_owned()),
                _ => None,
            };
            if filter::passes(&self.filters, value)? {
                clusters.push(record);
            }
        }
        let (list, most) = (Listing::of::<Self>(&call.region, ""), most(self.max_results, PAGE));
        let name = |record: &ClusterRecord| record.id.clone();
        let page = list.cut(clusters, self.next_token.as_deref(), most, Order::Rising, name)?;
        Ok(DescribeClustersResponse {
            clusters: Some(page.items.iter().map(view::cluster).collect()),
            next_token: page.next,
        })
    }
}

impl Execute for ModifyClusterRequest {
    async fn execute(
        self,
        plane: &Arc<ControlPlane>,
        call: &mut Call,
    ) -> Result<Self::Output, ApiError> {
        let id = self.cluster_id.unwrap_or_default();
        let mut cluster = plane.cluster(call, &id).await?;
        if let Some(hsm_type) = &self.hsm_type
            && *hsm_type != cluster.hsm_type
        {
            return Err(invalid("Provided HsmType is not supported."));
        }
        if let Some(policy) = self.backup_retention_policy {
            let days = retention(Some(policy))?;
            cluster = change(&plane.database, &call.region, &id, |record: &mut ClusterRecord| {
                record.retention_days = days;
                Ok(())
            })
            .await?;
        }
        Ok(ModifyClusterResponse { cluster: Some(view::cluster(&cluster)) })
    }
}

impl Execute for DeleteClusterRequest {
    async fn execute(
        self,
        plane: &Arc<ControlPlane>,
        call: &mut Call,
    ) -> Result<Self::Output, ApiError> {
        let id = self.cluster_id.unwrap_or_default();
        let deleted = change(&plane.database, &call.region, &id, |record: &mut ClusterRecord| {
            if !record.hsms.is_empty() {
                return Err(invalid(format!(
                    "Cluster '{}' contains HSMs: delete them first.",
                    record.id
                )));
            }
            if record.state != ClusterState::DeleteInProgress {
                record.state = ClusterState::DeleteInProgress;
                record.message = Some("The cluster is being deleted.".to_owned());
                record.since_ms = crate::clock::real_now_ms();
            }
            Ok(())
        })
        .await?;
        plane.wake(&call.region, &id);
        Ok(DeleteClusterResponse { cluster: Some(view::cluster(&deleted)) })
    }
}

impl BackupRecord {
    /// Backups of a cluster that is gone stay.
    pub(super) fn is_of(&self, cluster_id: &str) -> bool {
        self.cluster_id == cluster_id && self.source.is_none()
    }
}
