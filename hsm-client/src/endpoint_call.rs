//! One HTTP request to the AWS endpoint, for what is not AWS's and not an HSM's.
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use proto::Secret;
use std::fmt::Display;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The longest answer that is read.
const ANSWER_MAX: usize = 16 * 1024 * 1024;
/// A control plane that works answers at once; a reset takes its time.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// The header of the token that an endpoint asks for, where strangers may reach it, before it does
/// what is not AWS's.
pub const SIM_TOKEN: &str = "x-sim-token";

/// GET without a body, POST with one (which may be empty): whether the status was a success, and
/// the answer's body. `token` is what ready.json has under `sim_token`. The error names the URL.
pub async fn call_endpoint(
    url: &str,
    path: &str,
    body: Option<Vec<u8>>,
    token: Option<&Secret>,
) -> Result<(bool, Bytes), String> {
    let named = |why: &dyn Display| format!("the endpoint {url}: {why}");
    let host = url.strip_prefix("http://").unwrap_or(url).trim_end_matches('/');
    let asked = async {
        let stream = TcpStream::connect(host).await.map_err(|e| named(&e))?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|e| named(&e))?;
        tokio::spawn(connection);
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let mut request = Request::builder().method(method).uri(path).header("host", host);
        if let Some(token) = token {
            request = request.header(SIM_TOKEN, token.expose());
        }
        let body = Full::new(Bytes::from(body.unwrap_or_default()));
        let request = request.body(body).map_err(|e| named(&e))?;
        let answer = sender.send_request(request).await.map_err(|e| named(&e))?;
        let good = answer.status().is_success();
        let body = Limited::new(answer.into_body(), ANSWER_MAX).collect().await;
        Ok((good, body.map_err(|e| named(&e))?.to_bytes()))
    };
    timeout(ANSWER_WITHIN, asked).await.unwrap_or_else(|_| Err(named(&"it does not answer")))
}
