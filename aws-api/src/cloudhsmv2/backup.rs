//! Backups: taken of HSMs, kept as sealed files, copied, deleted and restored.
use super::record::{
    BackupRecord, BackupState, ClusterRecord, add, all, change, failed, get, remove,
};
use super::{ControlPlane, Execute, filter, invalid, tag, view};
use crate::call::Call;
use crate::clock::real_now_ms;
use crate::error::ApiError;
use crate::model::cloudhsmv2::*;
use crate::model::wire::Timestamp;
use crate::page::{Listing, Order, most};
use fleet::{Backup as SealedBackup, Layout, make_folder, write_secret};
use std::path::PathBuf;
use std::sync::Arc;

/// User guide, delete and restore backups: how long a deleted backup can be restored.
const DELETED_FOR_MS: i64 = 7 * DAY_MS;
/// A backup that is not READY by then never will be.
const WRITTEN_WITHIN_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// API, DescribeBackups: backups of a page.
const PAGE: usize = 50;

/// A backup that a cluster can be made from, by its id or ARN.
pub(super) async fn usable_backup(
    plane: &ControlPlane,
    call: &Call,
    name: &str,
) -> Result<BackupRecord, ApiError> {
    let id = name.rsplit_once('/').map_or(name, |(_, id)| id);
    let backup: BackupRecord = get(&plane.database, &call.region, id).await?;
    if backup.state != BackupState::Ready {
        let state = backup.state.name();
        return Err(invalid(format!("The backup {id} is {state}: it must be READY.")));
    }
    Ok(backup)
}

impl ControlPlane {
    fn backup_file(&self, region: &str, id: &str) -> Result<PathBuf, ApiError> {
        let folder = Layout::new(&self.hosting()?.installation).backups().join(region);
        make_folder(&folder).map_err(|e| failed("the backups' folder", e))?;
        Ok(folder.join(id))
    }

    /// What was taken of an HSM becomes a backup of its cluster.
    pub(super) async fn keep_backup(
        &self,
        region: &str,
        cluster: &ClusterRecord,
        content: &SealedBackup,
    ) -> Result<(), ApiError> {
        let record = BackupRecord {
            id: fleet::new_id("backup"),
            state: BackupState::CreateInProgress,
            cluster_id: cluster.id.clone(),
            created_ms: self.clock.now_ms(),
            taken_ms: real_now_ms(),
            copied_ms: None,
            never_expires: false,
            source: None,
            delete_ms: None,
            tags: Default::default(),
            hsm_type: cluster.hsm_type.clone(),
            mode: cluster.mode.clone(),
            retention_days: cluster.retention_days,
            policy: None,
            cluster_certificate: cluster.certificates.cluster.clone().unwrap_or_default(),
            trust_anchor: cluster.trust_anchor.clone().unwrap_or_default(),
            next_node: cluster.next_node,
            family: cluster.family().to_owned(),
        };
        self.write_backup(region, record, content.as_bytes()).await
    }

    /// CREATE_IN_PROGRESS until its content is on disk.
    async fn write_backup(
        &self,
        region: &str,
        record: BackupRecord,
        content: &[u8],
    ) -> Result<(), ApiError> {
        add(&self.database, region, &record).await?;
        let file = self.backup_file(region, &record.id)?;
        write_secret(&file, content).map_err(|e| failed("a backup", e))?;
        change(&self.database, region, &record.id, |record: &mut BackupRecord| {
            record.state = BackupState::Ready;
            Ok(())
        })
        .await?;
        Ok(())
    }

    /// The content of the newest backup of a cluster, or of the one that it was made from.
    pub(super) async fn latest_backup(
        &self,
        region: &str,
        cluster: &ClusterRecord,
    ) -> Result<SealedBackup, ApiError> {
        let mut backups: Vec<BackupRecord> = all(&self.database, region).await?;
        backups.retain(|it| it.is_of(&cluster.id) && it.state != BackupState::CreateInProgress);
        let ready = |backup: &BackupRecord| backup.state == BackupState::Ready;
        let newest = backups.into_iter().max_by_key(|backup| (ready(backup), backup.taken_ms));
        let id = newest.map(|backup| backup.id).or_else(|| cluster.source_backup.clone());
        let id = id.ok_or_else(|| failed(&cluster.id, "there is no backup of it"))?;
        let content = std::fs::read(self.backup_file(region, &id)?);
        let content = content.map_err(|e| failed(&format!("the backup {id}"), e))?;
        Ok(SealedBackup::from_bytes(content))
    }

    /// Removes backups whose time is over: the deleted ones after 7 days, others when their
    /// retention ends, but never the last one of a cluster.
    pub(super) async fn purge_backups(&self, region: &str) -> Result<(), ApiError> {
        let backups: Vec<BackupRecord> = all(&self.database, region).await?;
        let now_ms = self.clock.now_ms();
        for backup in &backups {
            let newer = |other: &&BackupRecord| {
                other.is_of(&backup.cluster_id)
                    && other.state == BackupState::Ready
                    && other.created_ms > backup.created_ms
            };
            let expired = backup.state == BackupState::Ready
                && !backup.never_expires
                && backup.copied_ms.is_none()
                && now_ms - backup.created_ms > backup.retention_days * DAY_MS
                && backups.iter().any(|other| newer(&other));
            // The endpoint has ended while it was written.
            let abandoned = backup.state == BackupState::CreateInProgress
                && real_now_ms() - backup.taken_ms > WRITTEN_WITHIN_MS;
            if abandoned || backup.delete_ms.is_some_and(|at| at <= now_ms) {
                remove::<BackupRecord>(&self.database, region, &backup.id).await?;
                let _ = std::fs::remove_file(self.backup_file(region, &backup.id)?);
            } else if expired {
                self.delete_backup(region, &backup.id).await?;
            }
        }
        Ok(())
    }

    async fn delete_backup(&self, region: &str, id: &str) -> Result<BackupRecord, ApiError> {
        let delete_ms = self.clock.now_ms() + DELETED_FOR_MS;
        change(&self.database, region, id, |record: &mut BackupRecord| {
            if record.state != BackupState::Ready {
                return Err(invalid(format!("The backup {id} is {}.", record.state.name())));
            }
            record.state = BackupState::PendingDeletion;
            record.delete_ms = Some(delete_ms);
            Ok(())
        })
        .await
    }

    fn show(&self, call: &Call, backup: &BackupRecord) -> Backup {
        view::backup(backup, &call.region, &self.account)
    }

    /// When the newest backup of a cluster was taken.
    pub(super) async fn last_backup_ms(&self, region: &str, id: &str) -> Result<i64, ApiError> {
        let backups: Vec<BackupRecord> = all(&self.database, region).await?;
        let of_it = backups.iter().filter(|backup| backup.is_of(id));
        Ok(of_it.max_by_key(|backup| backup.taken_ms).map_or(0, |backup| backup.created_ms))
    }
}

impl Execute for DescribeBackupsRequest {
    async fn execute(
        self,
        plane: &Arc<ControlPlane>,
        call: &mut Call,
    ) -> Result<Self::Output, ApiError> {
        let mut backups = Vec::new();
        // Of what other accounts share there is nothing here.
        let mine = self.shared != Some(true);
        for record in all::<BackupRecord>(&plane.database, &call.region).await? {
            let value = |name: &str| match name {
                "backupIds" => Some(record.id.clone()),
                "clusterIds" => Some(record.cluster_id.clone()),
                "states" => Some(record.state.name().to_owned()),
                "neverExpires" => Some(record.never_expires.to_string()),
                "sourceBackupIds" => {
                    Some(record.source.as_ref().map_or(String::new(), |(_, id, _)| id.clone()))
                }
                _ => None,
            };
            if filter::passes(&self.filters, value)? && mine {
                backups.push(record);
            }
        }
        let order = if self.sort_ascending == Some(true) { Order::Rising } else { Order::Falling };
        let resource = if order == Order::Rising { "rising" } else { "" };
        let (list, most) =
            (Listing::of::<Self>(&call.region, resource), most(self.max_results, PAGE));
        // Digits that sort as the number does.
        let place = |it: &BackupRecord| format!("{:020} {}", it.created_ms.max(0), it.id);
        let page = list.cut(backups, self.next_token.as_deref(), most, order, place)?;
        Ok(DescribeBackupsResponse {
            backups: Some(page.items.iter().map(|backup| plane.show(call, backup)).collect()),
            next_token: page.next,
        })
    }
}

impl Execute for DeleteBackupRequest {
    async fn execute(
        self,
        plane: &Arc<ControlPlane>,
        call: &mut Call,
    ) -> Result<Self::Output, ApiError> {
        let id = self.backup_id.unwrap_or_default();
        let deleted = plane.delete_backup(&call.region, &id).await?;
        Ok(DeleteBackupResponse { backup: Some(plane.show(call, &deleted)) })
    }
}

impl Execute for RestoreBackupRequest {
    async fn execute(
        self,
        plane: &Arc<ControlPlane>,
        call: &mut Call,
    ) -> Result<Self::Output, ApiError> {
        let id = self.backup_id.unwrap_or_default();
        let restored = change(&plane.database, &call.region, &id, |record: &mut BackupRecord| {
            if record.state != BackupState::PendingDeletion {
                let state = record.state.name();
                return Err(invalid(format!(
                    "The backup {id} is {state}: only one in PENDING_DELETION can be restored."
                )));
            }
            record.state = BackupState::Ready;
            record.delete_ms = None;
            Ok(())
        })
        .await?;
        Ok(RestoreBackupResponse { backup: Some(plane.show(call, &restored)) })
    }
}

impl Execute for ModifyBackupAttributesRequest {
    async fn execute(
        self,
        plane: &Arc<ControlPlane>,
        call: &mut Call,
    ) -> Result<Self::Output, ApiError> {
        let id = self.backup_id.unwrap_or_default();
        let never = self.never_expires.unwrap_or_default();
        let changed = change(&plane.database, &call.region, &id, |record: &mut BackupRecord| {
            record.never_expires = never;
            Ok(())
        })
        .await?;
        Ok(ModifyBackupAttributesResponse { backup: Some(plane.show(call, &changed)) })
    }
}

impl Execute for CopyBackupToRegionRequest {
    async fn execute(
        self,
        plane: &Arc<ControlPlane>,
        call: &mut Call,
    ) -> Result<Self::Output, ApiError> {
        let to = self.destination_region.unwrap_or_default();
        let id = self.backup_id.unwrap_or_default();
        if to == call.region {
            return Err(invalid("DestinationRegion must be another Region."));
        }
        let backup = usable_backup(plane, call, &id).await?;
        let content = std::fs::read(plane.backup_file(&call.region, &id)?);
        let content = content.map_err(|e| failed(&format!("the backup {id}"), e))?;
        let (created_ms, cluster_id) = (backup.created_ms, backup.cluster_id.clone());
        let copy = BackupRecord {
            id: fleet::new_id("backup"),
            state: BackupState::CreateInProgress,
            taken_ms: real_now_ms(),
            copied_ms: Some(plane.clock.now_ms()),
            source: Some((call.region.clone(), id.clone(), cluster_id.clone())),
            tags: tag::added(Default::default(), self.tag_list.unwrap_or_default())?,
            policy: None,
            never_expires: false,
            ..backup
        };
        plane.write_backup(&to, copy, &content).await?;
        Ok(CopyBackupToRegionResponse {
            destination_backup: Some(DestinationBackup {
                create_timestamp: Some(Timestamp::from_ms(created_ms)),
                source_region: Some(call.region.clone()),
                source_backup: Some(id),
                source_cluster: Some(cluster_id),
            }),
        })
    }
}
