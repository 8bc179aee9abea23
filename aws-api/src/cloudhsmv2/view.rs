//! Clusters, HSMs and backups as the API shows them.
use super::record::{BackupRecord, BackupState, ClusterRecord, ClusterState, HsmRecord, HsmState};
use crate::model::cloudhsmv2::*;
use crate::model::wire::Timestamp;
use std::collections::BTreeMap;

/// What AWS says of every HSM that is ACTIVE (recorded).
const CREATED: &str = "HSM created.";

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

pub(super) fn tags(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    let tag = |(key, value): (&String, &String)| Tag { key: some(key), value: some(value) };
    tags.iter().map(tag).collect()
}

fn retention(days: i64) -> BackupRetentionPolicy {
    BackupRetentionPolicy { r#type: some("DAYS"), value: Some(days.to_string()) }
}

/// A cluster is as well as its HSMs.
pub(super) fn state(record: &ClusterRecord) -> &'static str {
    let degraded = record.state == ClusterState::Active
        && record.hsms.iter().any(|hsm| hsm.state == HsmState::Degraded);
    if degraded { "DEGRADED" } else { record.state.name() }
}

/// As the answer of CreateCluster has it: the security group and the tags come later (recorded).
pub(super) fn new_cluster(record: &ClusterRecord) -> Cluster {
    Cluster { security_group: None, tag_list: None, ..cluster(record) }
}

pub(super) fn cluster(record: &ClusterRecord) -> Cluster {
    let certificates = &record.certificates;
    Cluster {
        backup_policy: some("DEFAULT"),
        backup_retention_policy: Some(retention(record.retention_days)),
        cluster_id: some(&record.id),
        create_timestamp: Some(Timestamp::from_ms(record.created_ms)),
        hsms: Some(record.hsms.iter().map(|it| hsm(it, record)).collect()),
        hsm_type: some(&record.hsm_type),
        security_group: some(&record.security_group),
        source_backup_id: record.source_backup.clone(),
        state: some(state(record)),
        state_message: record.message.clone(),
        subnet_mapping: Some(record.subnets.clone()),
        vpc_id: some(&record.vpc_id),
        network_type: some(&record.network_type),
        certificates: Some(Certificates {
            cluster_csr: certificates.cluster_csr.clone(),
            hsm_certificate: certificates.hsm.clone(),
            aws_hardware_certificate: certificates.aws_hardware.clone(),
            manufacturer_hardware_certificate: certificates.manufacturer_hardware.clone(),
            cluster_certificate: certificates.cluster.clone(),
        }),
        tag_list: Some(tags(&record.tags)),
        mode: some(&record.mode),
        ..Default::default()
    }
}

/// As the answer of CreateHsm has it: the interface and the type come later (recorded).
pub(super) fn new_hsm(record: &HsmRecord, cluster: &ClusterRecord) -> Hsm {
    Hsm { eni_id: None, eni_ip: None, hsm_type: None, ..hsm(record, cluster) }
}

pub(super) fn hsm(record: &HsmRecord, cluster: &ClusterRecord) -> Hsm {
    let created = (record.state == HsmState::Active).then(|| CREATED.to_owned());
    Hsm {
        availability_zone: some(&record.zone),
        cluster_id: some(&cluster.id),
        subnet_id: some(&record.subnet_id),
        eni_id: some(&record.eni_id),
        eni_ip: some(&record.eni_ip),
        hsm_id: some(&record.id),
        hsm_type: some(&cluster.hsm_type),
        state: some(record.state.name()),
        state_message: record.message.clone().or(created),
        ..Default::default()
    }
}

pub(super) fn backup(record: &BackupRecord, region: &str, account: &str) -> Backup {
    let source = record.source.clone();
    let pending = record.state == BackupState::PendingDeletion;
    Backup {
        backup_id: some(&record.id),
        backup_arn: Some(backup_arn(&record.id, region, account)),
        backup_state: some(record.state.name()),
        cluster_id: some(&record.cluster_id),
        create_timestamp: Some(Timestamp::from_ms(record.created_ms)),
        copy_timestamp: record.copied_ms.map(Timestamp::from_ms),
        never_expires: Some(record.never_expires),
        source_region: source.as_ref().map(|(region, ..)| region.clone()),
        source_backup: source.as_ref().map(|(_, backup, _)| backup.clone()),
        source_cluster: source.map(|(.., cluster)| cluster),
        delete_timestamp: record.delete_ms.filter(|_| pending).map(Timestamp::from_ms),
        tag_list: Some(tags(&record.tags)),
        hsm_type: some(&record.hsm_type),
        mode: some(&record.mode),
    }
}

pub(super) fn backup_arn(id: &str, region: &str, account: &str) -> String {
    format!("arn:aws:cloudhsm:{region}:{account}:backup/{id}")
}
