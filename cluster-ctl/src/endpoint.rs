//! Asking the AWS endpoint of a running cluster what is not AWS's: where HSMs are, the network.
use crate::{Failure, Ready};
use hsm_client::call_endpoint;
use proto::Secret;
use serde_json::Value;

/// Where to ask, and by which right.
pub(crate) struct Asked {
    pub(crate) url: String,
    /// What the endpoint asks for where strangers may reach it.
    pub(crate) token: Option<Secret>,
}

/// The endpoint of a cluster that `up` runs.
pub(crate) fn of(ready: &Ready) -> Result<Asked, Failure> {
    let url = ready.endpoint.clone().ok_or_else(|| {
        Failure::new("the cluster has no AWS endpoint: it was started with --no-endpoint")
    })?;
    Ok(Asked { url, token: ready.sim_token.clone() })
}

impl Asked {
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.ask(path, None).await
    }

    pub(crate) async fn post(&self, path: &str) -> Result<Value, Failure> {
        self.ask(path, Some(Vec::new())).await
    }

    async fn ask(&self, path: &str, body: Option<Vec<u8>>) -> Result<Value, Failure> {
        let url = &self.url;
        let named =
            |why: &dyn std::fmt::Display| Failure::new(format!("the endpoint {url}: {why}"));
        let asked = call_endpoint(url, path, body, self.token.as_ref());
        let (good, body) = asked.await.map_err(Failure::new)?;
        let json: Value = serde_json::from_slice(&body).map_err(|e| named(&e))?;
        if good {
            return Ok(json);
        }
        Err(named(&json["message"].as_str().unwrap_or("it refuses")))
    }
}
