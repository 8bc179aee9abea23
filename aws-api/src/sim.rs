//! What is not AWS's: health, reset, and moving the clock, under `/_sim/`.
use crate::error::ApiError;
use crate::key_stores::KeyStores;
use crate::kms::Kms;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use std::sync::Arc;

const DAY_MS: u32 = 24 * 60 * 60 * 1000;
/// Days that one request may move the clock: more than the longest waiting period.
const DAYS_MAX: u32 = 45;

/// The answer to a request that is not AWS's; `None`: there is no such thing. The aliases are for
/// test suites that were written for other emulators.
pub(crate) async fn answer(
    method: &Method,
    path: &str,
    query: Option<&str>,
    kms: &Arc<Kms>,
) -> Option<(StatusCode, Value)> {
    let outcome = match (method.as_str(), path) {
        ("GET", "/_sim/health" | "/_localstack/health") => health(kms).await,
        ("POST", "/_sim/reset" | "/moto-api/reset") => {
            kms.reset().await.map(|()| json!({ "status": "ok" }))
        }
        ("POST", "/_sim/clock") => match days(query) {
            Some(days) => move_clock(days, kms).await,
            None => {
                let why = format!("give ?days=N, 0 to {DAYS_MAX}");
                let answer = json!({ "status": "failed", "message": why });
                return Some((StatusCode::BAD_REQUEST, answer));
            }
        },
        _ => return None,
    };
    Some(match outcome {
        Ok(json) => (StatusCode::OK, json),
        Err(error) => {
            let why = error.message.unwrap_or_default();
            (StatusCode::INTERNAL_SERVER_ERROR, json!({ "status": "failed", "message": why }))
        }
    })
}

async fn health(kms: &Kms) -> Result<Value, ApiError> {
    let stores: Vec<_> = KeyStores::read_all(&kms.database)
        .await?
        .into_iter()
        .flat_map(|(region, stores)| {
            stores.stores.into_iter().map(move |store| {
                json!({
                    "region": region, "custom_key_store_id": store.id, "name": store.name,
                    "cluster_id": store.cluster_id, "connection_state": store.state.name(),
                })
            })
        })
        .collect();
    Ok(json!({
        "services": { "kms": "running" },
        "edition": "cloudhsm-sim",
        "version": env!("CARGO_PKG_VERSION"),
        "custom_key_stores": stores,
    }))
}

/// `days=8`: so that a waiting period can be rehearsed without the waiting.
fn days(query: Option<&str>) -> Option<u32> {
    query?.strip_prefix("days=")?.parse().ok().filter(|days| *days <= DAYS_MAX)
}

async fn move_clock(days: u32, kms: &Kms) -> Result<Value, ApiError> {
    kms.clock.advance(&kms.database, days * DAY_MS).await?;
    Ok(json!({ "status": "ok", "now_ms": kms.clock.now_ms() }))
}
