//! When each KMS key was used last, since this endpoint was started.
use super::{Execute, Kms};
use crate::call::Call;
use crate::error::ApiError;
use crate::model::kms::*;
use crate::model::wire::Timestamp;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use uuid::Uuid;

/// Keys that are tracked; all are forgotten when there are more.
const TRACKED_MAX: usize = 50_000;

#[derive(Clone)]
struct Use {
    operation: &'static str,
    at_ms: i64,
    request: Uuid,
}

/// The last use of each key, by ARN.
pub(crate) struct Usage {
    since_ms: i64,
    last: Mutex<HashMap<String, Use>>,
}

impl Usage {
    pub(crate) fn since(since_ms: i64) -> Self {
        Self { since_ms, last: Mutex::default() }
    }

    /// Only what has succeeded counts.
    pub(super) fn used(&self, arn: &str, operation: &'static str, call: &Call) {
        let new = Use { operation, at_ms: call.at_ms, request: call.id };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = last.get_mut(arn) {
            *there = new;
            return;
        }
        if last.len() >= TRACKED_MAX {
            last.clear();
        }
        last.insert(arn.to_owned(), new);
    }
}

impl Execute for GetKeyLastUsageRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let found = kms.find::<Self>(call, &self.key_id.unwrap_or_default()).await?;
        let last = kms.usage.last.lock().unwrap_or_else(PoisonError::into_inner);
        let last = last.get(&found.arn).cloned();
        Ok(GetKeyLastUsageResponse {
            key_last_usage: last.map(|last| KeyLastUsageData {
                operation: Some(last.operation.to_owned()),
                timestamp: Some(Timestamp::from_ms(last.at_ms)),
                kms_request_id: Some(last.request.to_string()),
                ..Default::default()
            }),
            tracking_start_date: Some(Timestamp::from_ms(
                kms.usage.since_ms.max(found.key.created_ms),
            )),
            key_creation_date: Some(Timestamp::from_ms(found.key.created_ms)),
            key_id: Some(found.arn),
        })
    }
}
