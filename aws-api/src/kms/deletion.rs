//! Scheduling the deletion of KMS keys, and what happens when its time has come.
use super::keys::{Deletion, Key, KeyState, Material};
use super::{Execute, Kms};
use crate::call::Call;
use crate::database::{Statement, number, text};
use crate::error::ApiError;
use crate::key_stores::State;
use crate::model::ErrorKind;
use crate::model::kms::*;
use crate::model::wire::Timestamp;
use kms_connector::KeyError;
use serde_json::{Map, Value, json};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// KMS developer guide, deleting keys: the waiting period.
const DAYS: std::ops::RangeInclusive<i32> = 7..=30;
const DEFAULT_DAYS: i32 = 30;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// How often it is looked for keys whose time has come.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Keys that are deleted in one look.
const DUE_MAX: i64 = 100;

impl Execute for ScheduleKeyDeletionRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let days = self.pending_window_in_days.unwrap_or(DEFAULT_DAYS);
        if !DAYS.contains(&days) {
            return Err(ErrorKind::ValidationException.with(format!(
                "PendingWindowInDays must be between {} and {}",
                DAYS.start(),
                DAYS.end()
            )));
        }
        let at_ms = kms.clock.now_ms() + i64::from(days) * DAY_MS;
        let schedule = |key: &mut Key| {
            key.deletion = Some(Deletion { at_ms, days });
            Ok(())
        };
        let found = kms.change_named::<Self>(call, self.key_id, schedule).await?;
        let date = Timestamp::from_ms(at_ms);
        call.told.response = Some(json!({
            "keyId": found.arn, "keyState": found.state.name(), "deletionDate": date,
            "pendingWindowInDays": days,
        }));
        Ok(ScheduleKeyDeletionResponse {
            key_id: Some(found.arn),
            deletion_date: Some(date),
            key_state: Some(found.state.name().to_owned()),
            pending_window_in_days: Some(days),
        })
    }
}

impl Execute for CancelKeyDeletionRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let found = kms.find::<Self>(call, &self.key_id.unwrap_or_default()).await?;
        let found = kms
            .change_key(call, &found.key.key_id, |now, key| {
                if now.state != KeyState::PendingDeletion {
                    return Err(ErrorKind::KMSInvalidStateException
                        .with(format!("{} is not pending deletion.", now.arn)));
                }
                key.deletion = None;
                key.enabled = false;
                Ok(())
            })
            .await?;
        call.told.response = Some(json!({ "keyId": found.arn }));
        Ok(CancelKeyDeletionResponse { key_id: Some(found.arn) })
    }
}

/// Deletes keys whose time has come, for as long as the endpoint lives.
pub(crate) async fn delete_due(kms: Weak<Kms>) {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(kms) = kms.upgrade() else { return };
        if let Err(error) = kms.delete_due().await {
            tracing::warn!("keys could not be deleted: {error:?}");
        }
    }
}

impl Kms {
    async fn delete_due(&self) -> Result<(), ApiError> {
        let sql = "SELECT region, document, version FROM keys \
                   WHERE deletion_at > 0 AND deletion_at <= $1 LIMIT $2";
        let due = self.database.rows(sql, [self.clock.now_ms().into(), DUE_MAX.into()]).await?;
        for row in due {
            let (region, key) = (text(&row, 0)?, super::key::of_row(&row, 1)?);
            self.delete(&region, &key, number(&row, 2)?).await?;
        }
        Ok(())
    }

    /// The record first, then, once and as well as can be, the key material: what is not reached
    /// now stays in the HSMs for good.
    async fn delete(&self, region: &str, key: &Key, version: i64) -> Result<(), ApiError> {
        let of_key = || [region.into(), key.key_id.as_str().into()];
        let gone = [region.into(), key.key_id.as_str().into(), version.into()];
        let written = self
            .database
            .write(vec![
                Statement::one(
                    "DELETE FROM keys WHERE region = $1 AND key_id = $2 AND version = $3",
                    gone,
                ),
                Statement::any("DELETE FROM aliases WHERE region = $1 AND key_id = $2", of_key()),
                Statement::any("DELETE FROM grants WHERE region = $1 AND key_id = $2", of_key()),
            ])
            .await;
        if written.is_err() {
            // Cancelled, or deleted by another endpoint; a database that fails is asked again.
            return Ok(());
        }
        self.keys.forget(region, &key.key_id);
        let arn = format!("arn:aws:kms:{region}:{}:key/{}", self.settings.account, key.key_id);
        let additional = match &key.material {
            Material::Kms { .. } => Map::new(),
            Material::CloudHsm { store_id, cluster_id, backing_key_id, .. } => {
                let outcome = self.delete_material(region, store_id, key).await;
                // The key store may have moved to another cluster since the key was made.
                let stores = self.stores(region, store_id).await.ok();
                let store = stores.as_ref().and_then(|stores| stores.by_id(store_id));
                let cluster_id = store.map_or(cluster_id, |store| &store.cluster_id);
                told(store_id, cluster_id, backing_key_id, outcome)
            }
        };
        self.trail.deleted(region, &arn, additional, self.clock.now_ms()).await;
        Ok(())
    }

    async fn delete_material(&self, region: &str, store_id: &str, key: &Key) -> Result<(), String> {
        let stores = self.stores(region, store_id).await.map_err(|e| format!("{e:?}"))?;
        let store = stores.by_id(store_id).filter(|store| store.state == State::Connected);
        let store = store.ok_or("the key store is not connected")?;
        let line = self.lines.get(self, region, store).await.map_err(|e| e.to_string())?;
        let meant = key.identity().ok_or("the key is in no key store")?;
        match line.delete_located(&meant).await {
            // Somebody has deleted it before.
            Ok(()) | Err(KeyError::NotFound) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn told(
    store_id: &str,
    cluster_id: &str,
    backing_key_id: &str,
    outcome: Result<(), String>,
) -> Map<String, Value> {
    if let Err(why) = &outcome {
        tracing::warn!(backing_key_id, "the key material stays in the HSMs: {why}");
    }
    let status = if outcome.is_ok() { "SUCCESS" } else { "FAILURE" };
    let keys = json!([{ "backingKeyId": backing_key_id }]);
    let statuses = json!([{ "backingKeyId": backing_key_id, "deletionStatus": status }]);
    Map::from_iter([
        ("customKeyStoreId".to_owned(), Value::from(store_id)),
        ("clusterId".to_owned(), Value::from(cluster_id)),
        ("backingKeys".to_owned(), Value::from(keys.to_string())),
        ("backingKeysDeletionStatus".to_owned(), Value::from(statuses.to_string())),
    ])
}
