//! Automatic rotation of keys whose material is KMS's own: the setting is kept.
use super::keys::{Found, Key, KeyState, Material};
use super::{Execute, Kms};
use crate::call::Call;
use crate::error::ApiError;
use crate::model::Operation;
use crate::model::kms::*;
use crate::model::wire::Timestamp;
use crate::page::Listing;
use std::sync::Arc;

/// KMS developer guide, rotating keys: the period when none is given.
const DEFAULT_DAYS: i32 = 365;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// Keys in key stores are never rotated, and cannot even be asked.
fn rotates(found: &Found) -> Result<(), ApiError> {
    match found.key.material {
        Material::Kms { .. } => Ok(()),
        Material::CloudHsm { .. } => Err(super::refused::wrong_origin(found)),
    }
}

async fn set<O: Operation>(
    kms: &Arc<Kms>,
    call: &mut Call,
    name: Option<String>,
    days: Option<i32>,
) -> Result<(), ApiError> {
    let found = kms.find::<O>(call, &name.unwrap_or_default()).await?;
    rotates(&found)?;
    let now_ms = kms.clock.now_ms();
    kms.change_key(call, &found.key.key_id, |now, key: &mut Key| {
        now.usable()?;
        // Another period counts from the same day.
        if days.is_none() || key.rotation_days.is_none() {
            key.rotation_since_ms = days.map(|_| now_ms);
        }
        key.rotation_days = days;
        Ok(())
    })
    .await?;
    Ok(())
}

/// The first end of a period that is still to come: counted from the day on which rotation was
/// turned on.
fn next_after(key: &Key, days: i32, now_ms: i64) -> i64 {
    let (since_ms, period_ms) =
        (key.rotation_since_ms.unwrap_or(key.created_ms), i64::from(days) * DAY_MS);
    let over = (now_ms - since_ms).max(0) / period_ms.max(1);
    since_ms + (over + 1) * period_ms
}

impl Execute for EnableKeyRotationRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let days = self.rotation_period_in_days.unwrap_or(DEFAULT_DAYS);
        set::<Self>(kms, call, self.key_id, Some(days)).await?;
        Ok(Self::Output::default())
    }
}

impl Execute for DisableKeyRotationRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        set::<Self>(kms, call, self.key_id, None).await?;
        Ok(Self::Output::default())
    }
}

impl Execute for GetKeyRotationStatusRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let found = kms.find::<Self>(call, &self.key_id.unwrap_or_default()).await?;
        rotates(&found)?;
        // It is off while the key waits for its deletion, and on again when that is cancelled.
        let days = found.key.rotation_days.filter(|_| found.state != KeyState::PendingDeletion);
        let next = |days: i32| next_after(&found.key, days, kms.clock.now_ms());
        Ok(GetKeyRotationStatusResponse {
            key_rotation_enabled: Some(days.is_some()),
            rotation_period_in_days: days,
            next_rotation_date: days.map(|days| Timestamp::from_ms(next(days))),
            key_id: Some(found.arn),
            ..Default::default()
        })
    }
}

impl Execute for ListKeyRotationsRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let found = kms.find::<Self>(call, &self.key_id.unwrap_or_default()).await?;
        rotates(&found)?;
        // None has ever happened: there is no cursor of this list.
        Listing::of::<Self>(&call.region, &found.key.key_id).after(self.marker.as_deref())?;
        let all = self.include_key_material.as_deref() == Some("ALL_KEY_MATERIAL");
        let first = RotationsListEntry {
            key_id: Some(found.arn.clone()),
            key_material_id: found.key.material.id().map(str::to_owned),
            key_material_state: Some("CURRENT".to_owned()),
            ..Default::default()
        };
        Ok(ListKeyRotationsResponse {
            rotations: Some(all.then_some(first).into_iter().collect()),
            next_marker: None,
            truncated: Some(false),
        })
    }
}
