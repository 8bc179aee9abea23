//! Asking the AWS endpoint of a running cluster what is not AWS's: where HSMs are, the network.
use crate::{Failure, Ready};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// The longest answer that is read.
const ANSWER_MAX: usize = 16 * 1024 * 1024;

/// The endpoint of a cluster that `up` runs.
pub(crate) fn of(ready: &Ready) -> Result<&str, Failure> {
    ready.endpoint.as_deref().ok_or_else(|| {
        Failure::new("the cluster has no AWS endpoint: it was started with --no-endpoint")
    })
}

pub(crate) async fn get(url: &str, path: &str) -> Result<Value, Failure> {
    ask(url, Method::GET, path).await
}

pub(crate) async fn post(url: &str, path: &str) -> Result<Value, Failure> {
    ask(url, Method::POST, path).await
}

async fn ask(url: &str, method: Method, path: &str) -> Result<Value, Failure> {
    let named = |why: &dyn std::fmt::Display| Failure::new(format!("the endpoint {url}: {why}"));
    let host = url.strip_prefix("http://").unwrap_or(url).trim_end_matches('/');
    let stream = TcpStream::connect(host).await.map_err(|e| named(&e))?;
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|e| named(&e))?;
    tokio::spawn(connection);
    let request = Request::builder().method(method).uri(path).header("host", host);
    let request = request.body(Full::<Bytes>::default()).map_err(|e| named(&e))?;
    let answer = sender.send_request(request).await.map_err(|e| named(&e))?;
    let good = answer.status().is_success();
    let body = Limited::new(answer.into_body(), ANSWER_MAX).collect().await;
    let body = body.map_err(|e| named(&e))?.to_bytes();
    let json: Value = serde_json::from_slice(&body).map_err(|e| named(&e))?;
    if good {
        return Ok(json);
    }
    Err(named(&json["message"].as_str().unwrap_or("it refuses")))
}
