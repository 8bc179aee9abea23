//! Asking the AWS endpoint of a running cluster what is not AWS's: where HSMs are, the network.
use crate::{Failure, Ready};
use hsm_client::call_endpoint;
use serde_json::Value;

/// The endpoint of a cluster that `up` runs.
pub(crate) fn of(ready: &Ready) -> Result<&str, Failure> {
    ready.endpoint.as_deref().ok_or_else(|| {
        Failure::new("the cluster has no AWS endpoint: it was started with --no-endpoint")
    })
}

pub(crate) async fn get(url: &str, path: &str) -> Result<Value, Failure> {
    ask(url, path, None).await
}

pub(crate) async fn post(url: &str, path: &str) -> Result<Value, Failure> {
    ask(url, path, Some(Vec::new())).await
}

async fn ask(url: &str, path: &str, body: Option<Vec<u8>>) -> Result<Value, Failure> {
    let named = |why: &dyn std::fmt::Display| Failure::new(format!("the endpoint {url}: {why}"));
    let (good, body) = call_endpoint(url, path, body).await.map_err(Failure::new)?;
    let json: Value = serde_json::from_slice(&body).map_err(|e| named(&e))?;
    if good {
        return Ok(json);
    }
    Err(named(&json["message"].as_str().unwrap_or("it refuses")))
}
