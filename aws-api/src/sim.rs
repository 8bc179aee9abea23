//! What is not AWS's, under `/_sim/`: health, reset, the clock, where HSMs listen, the network, the
//! roots, and machines that join.
use crate::cloudhsmv2::NotJoined;
use crate::error::ApiError;
use crate::key_stores::KeyStores;
use crate::kms::Kms;
use crate::model::ErrorKind;
use hsm_client::JOIN_PATH;
use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

mod network;

/// What AWS and Marvell have for download.
const ROOTS: &str = "/_sim/roots/";
const DAY_MS: u32 = 24 * 60 * 60 * 1000;
/// Days that one request may move the clock: more than the longest waiting period.
const DAYS_MAX: u32 = 45;

/// An answer, JSON mostly.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    fn json(status: StatusCode, json: &Value) -> Self {
        Self { status, content_type: "application/json", body: json.to_string().into_bytes() }
    }

    fn failed(status: StatusCode, why: &str) -> Self {
        Self::json(status, &json!({ "status": "failed", "message": why }))
    }

    fn of(outcome: Result<Value, ApiError>) -> Self {
        match outcome {
            Ok(json) => Self::json(StatusCode::OK, &json),
            Err(error) => {
                let status = match error.kind {
                    ErrorKind::CloudHsmInvalidRequestException => StatusCode::BAD_REQUEST,
                    _ => StatusCode::INTERNAL_SERVER_ERROR,
                };
                let why = error.message.unwrap_or_default();
                Self::failed(status, &why)
            }
        }
    }

    fn unread(why: &str) -> Self {
        Self::failed(StatusCode::BAD_REQUEST, why)
    }
}

/// The answer to a request that is not AWS's; `None`: there is no such thing. The aliases are for
/// test suites that were written for other emulators.
pub(crate) async fn answer(
    method: &Method,
    path: &str,
    query: Option<&str>,
    body: &[u8],
    kms: &Arc<Kms>,
) -> Option<Answer> {
    let outcome = match (method.as_str(), path) {
        ("GET", "/_sim/health" | "/_localstack/health") => {
            return Some(to_anybody(health(kms).await));
        }
        ("POST", "/_sim/reset" | "/moto-api/reset") => {
            kms.reset().await.map(|()| json!({ "status": "ok" }))
        }
        ("POST", "/_sim/clock") => match days(query) {
            Some(days) => move_clock(days, kms).await,
            None => return Some(Answer::unread(&format!("give ?days=N, 0 to {DAYS_MAX}"))),
        },
        ("GET", "/_sim/hsms") => hsms(kms).await,
        ("GET", "/_sim/hosts") => Ok(json!({ "hosts": kms.plane.offers() })),
        ("GET", "/_sim/set-aside") => kms.plane.set_aside_hsms(),
        ("POST", "/_sim/bring-back") => match query.and_then(|it| it.strip_prefix("hsm=")) {
            Some(hsm_id) => kms.plane.bring_back(hsm_id).await,
            None => return Some(Answer::unread("give ?hsm=ID")),
        },
        ("GET", "/_sim/network") => network::show(query.unwrap_or_default(), kms).await,
        ("POST", "/_sim/network") => network::change(query.unwrap_or_default(), kms).await,
        ("POST", JOIN_PATH) => return Some(join(body, kms).await),
        ("GET", path) => return root(path.strip_prefix(ROOTS)?, kms),
        _ => return None,
    };
    Some(Answer::of(outcome))
}

/// A machine offers itself for an HSM.
async fn join(body: &[u8], kms: &Arc<Kms>) -> Answer {
    let content_type = "application/octet-stream";
    match kms.plane.join(body).await {
        Ok(body) => Answer { status: StatusCode::OK, content_type, body },
        Err(NotJoined::Unread(why)) => Answer::unread(&why),
        Err(NotJoined::Failed(error)) => to_anybody(Err(error)),
    }
}

/// An answer to somebody who may be a stranger: what exactly failed, and in which file, is for the
/// log alone.
fn to_anybody(outcome: Result<Value, ApiError>) -> Answer {
    match outcome {
        Err(error) if error.kind.status() == 500 => {
            let why = "the endpoint has failed: see its log";
            Answer::failed(StatusCode::INTERNAL_SERVER_ERROR, why)
        }
        outcome => Answer::of(outcome),
    }
}

/// The simulated AWS's and manufacturer's root, which AWS and Marvell have for download.
fn root(name: &str, kms: &Kms) -> Option<Answer> {
    let is_it = |path: &PathBuf| path.file_name().is_some_and(|it| it == name);
    let path = kms.plane.roots()?.into_iter().find(is_it)?;
    Some(match fleet::read(&path) {
        Ok(pem) => Answer {
            status: StatusCode::OK,
            content_type: "application/x-pem-file",
            body: pem.into_bytes(),
        },
        Err(error) => Answer::failed(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
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

/// Where each HSM of the control plane listens: in the layout of ports an ENI's address is for
/// show.
async fn hsms(kms: &Kms) -> Result<Value, ApiError> {
    let mut hsms = Vec::new();
    for region in kms.plane.regions().await? {
        for cluster in kms.plane.clusters_as_they_are(&region).await? {
            hsms.extend(cluster.hsms.iter().map(|hsm| {
                json!({
                    "region": region, "cluster_id": cluster.id, "hsm_id": hsm.id,
                    "address": hsm.address, "zone": hsm.zone, "host": hsm.host,
                    "eni_ip": hsm.eni_ip, "state": hsm.state.name(), "message": hsm.message,
                })
            }));
        }
    }
    Ok(json!({ "hsms": hsms }))
}

/// `days=8`: so that a waiting period can be rehearsed without the waiting.
fn days(query: Option<&str>) -> Option<u32> {
    query?.strip_prefix("days=")?.parse().ok().filter(|days| *days <= DAYS_MAX)
}

async fn move_clock(days: u32, kms: &Kms) -> Result<Value, ApiError> {
    kms.clock.advance(&kms.database, days * DAY_MS).await?;
    Ok(json!({ "status": "ok", "now_ms": kms.clock.now_ms() }))
}
