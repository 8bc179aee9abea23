//! The shapes and operations of AWS CloudHSM.
//!
//! Made by `cargo xtask codegen` of `aws-api/model/cloudhsmv2.json`; not edited by hand.
#![allow(dead_code, unused_imports, reason = "the whole model, used or not")]
use super::constraint::{ANY, Rule, Validate, Violations};
use super::wire::{Blob, Sensitive, Timestamp, object, objects};
use super::{ErrorKind, Nothing, Operation};
use crate::call::Call;
use crate::cloudhsmv2::{ControlPlane, run};
use crate::error::ApiError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Of which botocore the model is.
const MODEL: &str = "1.44.8 of 2026-11-20";

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Backup {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) backup_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) backup_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) backup_state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cluster_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) create_timestamp: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) copy_timestamp: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) never_expires: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_backup: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_cluster: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) delete_timestamp: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tag_list: Option<Vec<Tag>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hsm_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct BackupRetentionPolicy {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) r#type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<String>,
}

impl Validate for BackupRetentionPolicy {
    fn validate(&self, found: &mut Violations) {
        found.optional("type", &self.r#type, &BACKUP_RETENTION_TYPE);
        found.optional("value", &self.value, &BACKUP_RETENTION_VALUE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Certificates {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cluster_csr: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hsm_certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) aws_hardware_certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) manufacturer_hardware_certificate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cluster_certificate: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Cluster {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) backup_policy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) backup_retention_policy: Option<BackupRetentionPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cluster_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) create_timestamp: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hsms: Option<Vec<Hsm>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hsm_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hsm_type_rollback_expiration: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pre_co_password: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) security_group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_backup_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state_message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subnet_mapping: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) vpc_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) network_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) certificates: Option<Certificates>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tag_list: Option<Vec<Tag>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct CopyBackupToRegionRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) destination_region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) backup_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "objects")]
    pub(crate) tag_list: Option<Vec<Tag>>,
}

impl Validate for CopyBackupToRegionRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("destinationRegion", &self.destination_region, &REGION);
        found.required("backupId", &self.backup_id, &BACKUP_ID);
        found.optional("tagList", &self.tag_list, &TAG_LIST);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CopyBackupToRegionResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) destination_backup: Option<DestinationBackup>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct CreateClusterRequest {
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "object")]
    pub(crate) backup_retention_policy: Option<BackupRetentionPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hsm_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_backup_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subnet_ids: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) network_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "objects")]
    pub(crate) tag_list: Option<Vec<Tag>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<String>,
}

impl Validate for CreateClusterRequest {
    fn validate(&self, found: &mut Violations) {
        found.optional("backupRetentionPolicy", &self.backup_retention_policy, &ANY);
        found.required("hsmType", &self.hsm_type, &HSM_TYPE);
        found.optional("sourceBackupId", &self.source_backup_id, &BACKUP_ARN);
        found.required("subnetIds", &self.subnet_ids, &SUBNET_IDS);
        found.optional("networkType", &self.network_type, &NETWORK_TYPE);
        found.optional("tagList", &self.tag_list, &TAG_LIST);
        found.optional("mode", &self.mode, &CLUSTER_MODE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CreateClusterResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cluster: Option<Cluster>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct CreateHsmRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cluster_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) availability_zone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ip_address: Option<String>,
}

impl Validate for CreateHsmRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("clusterId", &self.cluster_id, &CLUSTER_ID);
        found.required("availabilityZone", &self.availability_zone, &EXTERNAL_AZ);
        found.optional("ipAddress", &self.ip_address, &IP_ADDRESS);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CreateHsmResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hsm: Option<Hsm>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct DeleteBackupRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) backup_id: Option<String>,
}

impl Validate for DeleteBackupRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("backupId", &self.backup_id, &BACKUP_ID);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DeleteBackupResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) backup: Option<Backup>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct DeleteClusterRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cluster_id: Option<String>,
}

impl Validate for DeleteClusterRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("clusterId", &self.cluster_id, &CLUSTER_ID);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DeleteClusterResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cluster: Option<Cluster>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct DeleteHsmRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cluster_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hsm_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) eni_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) eni_ip: Option<String>,
}

impl Validate for DeleteHsmRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("clusterId", &self.cluster_id, &CLUSTER_ID);
        found.optional("hsmId", &self.hsm_id, &HSM_ID);
        found.optional("eniId", &self.eni_id, &ENI_ID);
        found.optional("eniIp", &self.eni_ip, &IP_ADDRESS);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DeleteHsmResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hsm_id: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct DeleteResourcePolicyRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resource_arn: Option<String>,
}

impl Validate for DeleteResourcePolicyRequest {
    fn validate(&self, found: &mut Violations) {
        found.optional("resourceArn", &self.resource_arn, &CLOUD_HSM_ARN);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DeleteResourcePolicyResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resource_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"), deny_unknown_fields)]
pub(crate) struct DescribeBackupsRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_results: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) filters: Option<BTreeMap<String, Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) shared: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sort_ascending: Option<bool>,
}

impl Validate for DescribeBackupsRequest {
    fn validate(&self, found: &mut Violations) {
        found.optional("nextToken", &self.next_token, &NEXT_TOKEN);
        found.optional("maxResults", &self.max_results, &BACKUPS_MAX_SIZE);
        found.optional("filters", &self.filters, &FILTERS);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DescribeBackupsResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) backups: Option<Vec<Backup>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_token: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"), deny_unknown_fields)]
pub(crate) struct DescribeClustersRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) filters: Option<BTreeMap<String, Vec<String>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_results: Option<i32>,
}

impl Validate for DescribeClustersRequest {
    fn validate(&self, found: &mut Violations) {
        found.optional("filters", &self.filters, &FILTERS);
        found.optional("nextToken", &self.next_token, &NEXT_TOKEN);
        found.optional("maxResults", &self.max_results, &CLUSTERS_MAX_SIZE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DescribeClustersResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) clusters: Option<Vec<Cluster>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_token: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DestinationBackup {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) create_timestamp: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_backup: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_cluster: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct GetResourcePolicyRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resource_arn: Option<String>,
}

impl Validate for GetResourcePolicyRequest {
    fn validate(&self, found: &mut Violations) {
        found.optional("resourceArn", &self.resource_arn, &CLOUD_HSM_ARN);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetResourcePolicyResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Hsm {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) availability_zone: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cluster_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) subnet_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) eni_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) eni_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) eni_ip_v6: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hsm_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hsm_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state_message: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct InitializeClusterRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cluster_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signed_cert: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trust_anchor: Option<String>,
}

impl Validate for InitializeClusterRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("clusterId", &self.cluster_id, &CLUSTER_ID);
        found.required("signedCert", &self.signed_cert, &CERT);
        found.required("trustAnchor", &self.trust_anchor, &CERT);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct InitializeClusterResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) state_message: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"), deny_unknown_fields)]
pub(crate) struct ListTagsRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resource_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_results: Option<i32>,
}

impl Validate for ListTagsRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("resourceId", &self.resource_id, &RESOURCE_ID);
        found.optional("nextToken", &self.next_token, &NEXT_TOKEN);
        found.optional("maxResults", &self.max_results, &MAX_SIZE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListTagsResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tag_list: Option<Vec<Tag>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_token: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct ModifyBackupAttributesRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) backup_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) never_expires: Option<bool>,
}

impl Validate for ModifyBackupAttributesRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("backupId", &self.backup_id, &BACKUP_ID);
        found.required("neverExpires", &self.never_expires, &ANY);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ModifyBackupAttributesResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) backup: Option<Backup>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct ModifyClusterRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hsm_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "object")]
    pub(crate) backup_retention_policy: Option<BackupRetentionPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cluster_id: Option<String>,
}

impl Validate for ModifyClusterRequest {
    fn validate(&self, found: &mut Violations) {
        found.optional("hsmType", &self.hsm_type, &HSM_TYPE);
        found.optional("backupRetentionPolicy", &self.backup_retention_policy, &ANY);
        found.required("clusterId", &self.cluster_id, &CLUSTER_ID);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ModifyClusterResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cluster: Option<Cluster>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct PutResourcePolicyRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resource_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<String>,
}

impl Validate for PutResourcePolicyRequest {
    fn validate(&self, found: &mut Violations) {
        found.optional("resourceArn", &self.resource_arn, &CLOUD_HSM_ARN);
        found.optional("policy", &self.policy, &RESOURCE_POLICY);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PutResourcePolicyResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resource_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct RestoreBackupRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) backup_id: Option<String>,
}

impl Validate for RestoreBackupRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("backupId", &self.backup_id, &BACKUP_ID);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RestoreBackupResponse {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) backup: Option<Backup>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct Tag {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<String>,
}

impl Validate for Tag {
    fn validate(&self, found: &mut Violations) {
        found.required("key", &self.key, &TAG_KEY);
        found.required("value", &self.value, &TAG_VALUE);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct TagResourceRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resource_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "objects")]
    pub(crate) tag_list: Option<Vec<Tag>>,
}

impl Validate for TagResourceRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("resourceId", &self.resource_id, &RESOURCE_ID);
        found.required("tagList", &self.tag_list, &TAG_LIST);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct TagResourceResponse {}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all(serialize = "camelCase", deserialize = "PascalCase"))]
pub(crate) struct UntagResourceRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resource_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tag_key_list: Option<Vec<String>>,
}

impl Validate for UntagResourceRequest {
    fn validate(&self, found: &mut Violations) {
        found.required("resourceId", &self.resource_id, &RESOURCE_ID);
        found.required("tagKeyList", &self.tag_key_list, &TAG_KEY_LIST);
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct UntagResourceResponse {}

static BACKUP_ARN: Rule = Rule::pattern(
    r#"^(arn:aws(-(us-gov))?:cloudhsm:([a-z]{2}(-(gov|isob|iso))?-(east|west|north|south|central){1,2}-[0-9]{1}):[0-9]{12}:backup/)?backup-[2-7a-zA-Z]{11,16}"#,
);
static BACKUP_ID: Rule = Rule::pattern(r#"backup-[2-7a-zA-Z]{11,16}"#);
static BACKUP_RETENTION_TYPE: Rule = Rule::any().values(&["DAYS"]);
static BACKUP_RETENTION_VALUE: Rule = Rule::pattern(r#"[0-9]+"#).min(1).max(3);
static BACKUPS_MAX_SIZE: Rule = Rule::any().min(1).max(50);
static CERT: Rule = Rule::pattern(r#"[a-zA-Z0-9+-/=\s]*"#).max(20000);
static CLOUD_HSM_ARN: Rule = Rule::pattern(
    r#"arn:aws(-(us-gov))?:cloudhsm:([a-z]{2}(-(gov|isob|iso))?-(east|west|north|south|central){1,2}-[0-9]{1}):[0-9]{12}:(backup/backup|cluster/cluster|hsm/hsm)-[2-7a-zA-Z]{11,16}"#,
);
static CLUSTER_ID: Rule = Rule::pattern(r#"cluster-[2-7a-zA-Z]{11,16}"#);
static CLUSTER_MODE: Rule = Rule::any().values(&["FIPS", "NON_FIPS"]);
static CLUSTERS_MAX_SIZE: Rule = Rule::any().min(1).max(25);
static ENI_ID: Rule = Rule::pattern(r#"eni-[0-9a-fA-F]{8,17}"#);
static EXTERNAL_AZ: Rule =
    Rule::pattern(r#"[a-z]{2}(-(gov))?-(east|west|north|south|central){1,2}-\d[a-z]"#);
static FIELD: Rule = Rule::pattern(r#"[a-zA-Z0-9_-]+"#);
static FILTERS: Rule = Rule::any().max(30).keys(&FIELD);
static HSM_ID: Rule = Rule::pattern(r#"hsm-[2-7a-zA-Z]{11,16}"#);
static HSM_TYPE: Rule = Rule::pattern(r#"((p|)hsm[0-9][a-z.]*\.[a-zA-Z]+)"#).max(32);
static IP_ADDRESS: Rule = Rule::pattern(r#"\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}"#);
static MAX_SIZE: Rule = Rule::any().min(1).max(100);
static NETWORK_TYPE: Rule = Rule::any().values(&["IPV4", "DUALSTACK"]);
static NEXT_TOKEN: Rule = Rule::pattern(r#".*"#).max(256);
static REGION: Rule = Rule::pattern(r#"[a-z]{2}(-(gov))?-(east|west|north|south|central){1,2}-\d"#);
static RESOURCE_ID: Rule = Rule::pattern(r#"(?:cluster|backup)-[2-7a-zA-Z]{11,16}"#);
static RESOURCE_POLICY: Rule = Rule::any().min(1).max(20000);
static SUBNET_ID: Rule = Rule::pattern(r#"subnet-[0-9a-fA-F]{8,17}"#);
static SUBNET_IDS: Rule = Rule::any().min(1).max(10).each(&SUBNET_ID);
static TAG_KEY: Rule = Rule::pattern(r#"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$"#).min(1).max(128);
static TAG_KEY_LIST: Rule = Rule::any().min(1).max(50).each(&TAG_KEY);
static TAG_LIST: Rule = Rule::any().min(1).max(50);
static TAG_VALUE: Rule = Rule::pattern(r#"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$"#).min(0).max(256);

impl Operation for CopyBackupToRegionRequest {
    const NAME: &'static str = "CopyBackupToRegion";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::CloudHsmAccessDeniedException,
        ErrorKind::CloudHsmInternalFailureException,
        ErrorKind::CloudHsmInvalidRequestException,
        ErrorKind::CloudHsmResourceNotFoundException,
        ErrorKind::CloudHsmServiceException,
        ErrorKind::CloudHsmTagException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = CopyBackupToRegionResponse;
}

impl Operation for CreateClusterRequest {
    const NAME: &'static str = "CreateCluster";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::CloudHsmAccessDeniedException,
        ErrorKind::CloudHsmInternalFailureException,
        ErrorKind::CloudHsmInvalidRequestException,
        ErrorKind::CloudHsmResourceNotFoundException,
        ErrorKind::CloudHsmServiceException,
        ErrorKind::CloudHsmTagException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = CreateClusterResponse;
}

impl Operation for CreateHsmRequest {
    const NAME: &'static str = "CreateHsm";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::CloudHsmInternalFailureException,
        ErrorKind::CloudHsmServiceException,
        ErrorKind::CloudHsmInvalidRequestException,
        ErrorKind::CloudHsmResourceNotFoundException,
        ErrorKind::CloudHsmAccessDeniedException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = CreateHsmResponse;
}

impl Operation for DeleteBackupRequest {
    const NAME: &'static str = "DeleteBackup";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::CloudHsmAccessDeniedException,
        ErrorKind::CloudHsmInternalFailureException,
        ErrorKind::CloudHsmInvalidRequestException,
        ErrorKind::CloudHsmResourceNotFoundException,
        ErrorKind::CloudHsmServiceException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = DeleteBackupResponse;
}

impl Operation for DeleteClusterRequest {
    const NAME: &'static str = "DeleteCluster";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::CloudHsmAccessDeniedException,
        ErrorKind::CloudHsmInternalFailureException,
        ErrorKind::CloudHsmInvalidRequestException,
        ErrorKind::CloudHsmResourceNotFoundException,
        ErrorKind::CloudHsmServiceException,
        ErrorKind::CloudHsmTagException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = DeleteClusterResponse;
}

impl Operation for DeleteHsmRequest {
    const NAME: &'static str = "DeleteHsm";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::CloudHsmInternalFailureException,
        ErrorKind::CloudHsmServiceException,
        ErrorKind::CloudHsmResourceNotFoundException,
        ErrorKind::CloudHsmInvalidRequestException,
        ErrorKind::CloudHsmAccessDeniedException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = DeleteHsmResponse;
}

impl Operation for DeleteResourcePolicyRequest {
    const NAME: &'static str = "DeleteResourcePolicy";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::CloudHsmInternalFailureException,
        ErrorKind::CloudHsmServiceException,
        ErrorKind::CloudHsmInvalidRequestException,
        ErrorKind::CloudHsmResourceNotFoundException,
        ErrorKind::CloudHsmAccessDeniedException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = DeleteResourcePolicyResponse;
}

impl Operation for DescribeBackupsRequest {
    const NAME: &'static str = "DescribeBackups";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::CloudHsmAccessDeniedException,
        ErrorKind::CloudHsmInternalFailureException,
        ErrorKind::CloudHsmInvalidRequestException,
        ErrorKind::CloudHsmResourceNotFoundException,
        ErrorKind::CloudHsmServiceException,
        ErrorKind::CloudHsmTagException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = DescribeBackupsResponse;
}

impl Operation for DescribeClustersRequest {
    const NAME: &'static str = "DescribeClusters";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::CloudHsmAccessDeniedException,
        ErrorKind::CloudHsmInternalFailureException,
        ErrorKind::CloudHsmInvalidRequestException,
        ErrorKind::CloudHsmServiceException,
        ErrorKind::CloudHsmTagException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = DescribeClustersResponse;
}

impl Operation for GetResourcePolicyRequest {
    const NAME: &'static str = "GetResourcePolicy";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::CloudHsmInternalFailureException,
        ErrorKind::CloudHsmServiceException,
        ErrorKind::CloudHsmInvalidRequestException,
        ErrorKind::CloudHsmResourceNotFoundException,
        ErrorKind::CloudHsmAccessDeniedException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = GetResourcePolicyResponse;
}

impl Operation for InitializeClusterRequest {
    const NAME: &'static str = "InitializeCluster";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::CloudHsmAccessDeniedException,
        ErrorKind::CloudHsmInternalFailureException,
        ErrorKind::CloudHsmInvalidRequestException,
        ErrorKind::CloudHsmResourceNotFoundException,
        ErrorKind::CloudHsmServiceException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = InitializeClusterResponse;
}

impl Operation for ListTagsRequest {
    const NAME: &'static str = "ListTags";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::CloudHsmAccessDeniedException,
        ErrorKind::CloudHsmInternalFailureException,
        ErrorKind::CloudHsmInvalidRequestException,
        ErrorKind::CloudHsmResourceNotFoundException,
        ErrorKind::CloudHsmServiceException,
        ErrorKind::CloudHsmTagException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = ListTagsResponse;
}

impl Operation for ModifyBackupAttributesRequest {
    const NAME: &'static str = "ModifyBackupAttributes";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::CloudHsmAccessDeniedException,
        ErrorKind::CloudHsmInternalFailureException,
        ErrorKind::CloudHsmInvalidRequestException,
        ErrorKind::CloudHsmResourceNotFoundException,
        ErrorKind::CloudHsmServiceException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = ModifyBackupAttributesResponse;
}

impl Operation for ModifyClusterRequest {
    const NAME: &'static str = "ModifyCluster";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::CloudHsmAccessDeniedException,
        ErrorKind::CloudHsmInternalFailureException,
        ErrorKind::CloudHsmInvalidRequestException,
        ErrorKind::CloudHsmResourceNotFoundException,
        ErrorKind::CloudHsmServiceException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = ModifyClusterResponse;
}

impl Operation for PutResourcePolicyRequest {
    const NAME: &'static str = "PutResourcePolicy";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::CloudHsmInternalFailureException,
        ErrorKind::CloudHsmServiceException,
        ErrorKind::CloudHsmInvalidRequestException,
        ErrorKind::CloudHsmResourceNotFoundException,
        ErrorKind::CloudHsmAccessDeniedException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = PutResourcePolicyResponse;
}

impl Operation for RestoreBackupRequest {
    const NAME: &'static str = "RestoreBackup";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::CloudHsmAccessDeniedException,
        ErrorKind::CloudHsmInternalFailureException,
        ErrorKind::CloudHsmInvalidRequestException,
        ErrorKind::CloudHsmResourceNotFoundException,
        ErrorKind::CloudHsmServiceException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = RestoreBackupResponse;
}

impl Operation for TagResourceRequest {
    const NAME: &'static str = "TagResource";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::CloudHsmAccessDeniedException,
        ErrorKind::CloudHsmInternalFailureException,
        ErrorKind::CloudHsmInvalidRequestException,
        ErrorKind::CloudHsmResourceLimitExceededException,
        ErrorKind::CloudHsmResourceNotFoundException,
        ErrorKind::CloudHsmServiceException,
        ErrorKind::CloudHsmTagException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = TagResourceResponse;
}

impl Operation for UntagResourceRequest {
    const NAME: &'static str = "UntagResource";
    const ERRORS: &'static [ErrorKind] = &[
        ErrorKind::CloudHsmAccessDeniedException,
        ErrorKind::CloudHsmInternalFailureException,
        ErrorKind::CloudHsmInvalidRequestException,
        ErrorKind::CloudHsmResourceNotFoundException,
        ErrorKind::CloudHsmServiceException,
        ErrorKind::CloudHsmTagException,
    ];
    const MODEL: &'static str = MODEL;
    type Output = UntagResourceResponse;
}

/// The answer of an operation by its name; none if there is no such operation.
pub(crate) async fn dispatch(
    operation: &str,
    body: &[u8],
    cloudhsmv2: &std::sync::Arc<ControlPlane>,
    call: &mut Call,
) -> Option<Result<Vec<u8>, ApiError>> {
    Some(match operation {
        "CopyBackupToRegion" => run::<CopyBackupToRegionRequest>(body, cloudhsmv2, call).await,
        "CreateCluster" => run::<CreateClusterRequest>(body, cloudhsmv2, call).await,
        "CreateHsm" => run::<CreateHsmRequest>(body, cloudhsmv2, call).await,
        "DeleteBackup" => run::<DeleteBackupRequest>(body, cloudhsmv2, call).await,
        "DeleteCluster" => run::<DeleteClusterRequest>(body, cloudhsmv2, call).await,
        "DeleteHsm" => run::<DeleteHsmRequest>(body, cloudhsmv2, call).await,
        "DeleteResourcePolicy" => run::<DeleteResourcePolicyRequest>(body, cloudhsmv2, call).await,
        "DescribeBackups" => run::<DescribeBackupsRequest>(body, cloudhsmv2, call).await,
        "DescribeClusters" => run::<DescribeClustersRequest>(body, cloudhsmv2, call).await,
        "GetResourcePolicy" => run::<GetResourcePolicyRequest>(body, cloudhsmv2, call).await,
        "InitializeCluster" => run::<InitializeClusterRequest>(body, cloudhsmv2, call).await,
        "ListTags" => run::<ListTagsRequest>(body, cloudhsmv2, call).await,
        "ModifyBackupAttributes" => {
            run::<ModifyBackupAttributesRequest>(body, cloudhsmv2, call).await
        }
        "ModifyCluster" => run::<ModifyClusterRequest>(body, cloudhsmv2, call).await,
        "PutResourcePolicy" => run::<PutResourcePolicyRequest>(body, cloudhsmv2, call).await,
        "RestoreBackup" => run::<RestoreBackupRequest>(body, cloudhsmv2, call).await,
        "TagResource" => run::<TagResourceRequest>(body, cloudhsmv2, call).await,
        "UntagResource" => run::<UntagResourceRequest>(body, cloudhsmv2, call).await,
        _ => return None,
    })
}

#[cfg(test)]
use super::trial::Trial;

#[cfg(test)]
pub(super) const TRIALS: &[Trial] = &[
    Trial::of::<CopyBackupToRegionRequest>(),
    Trial::of::<CreateClusterRequest>(),
    Trial::of::<CreateHsmRequest>(),
    Trial::of::<DeleteBackupRequest>(),
    Trial::of::<DeleteClusterRequest>(),
    Trial::of::<DeleteHsmRequest>(),
    Trial::of::<DeleteResourcePolicyRequest>(),
    Trial::of::<DescribeBackupsRequest>(),
    Trial::of::<DescribeClustersRequest>(),
    Trial::of::<GetResourcePolicyRequest>(),
    Trial::of::<InitializeClusterRequest>(),
    Trial::of::<ListTagsRequest>(),
    Trial::of::<ModifyBackupAttributesRequest>(),
    Trial::of::<ModifyClusterRequest>(),
    Trial::of::<PutResourcePolicyRequest>(),
    Trial::of::<RestoreBackupRequest>(),
    Trial::of::<TagResourceRequest>(),
    Trial::of::<UntagResourceRequest>(),
];
