//! HTTP: bounds on connections, time and size; which URL is what.
use crate::auth::Signed;
use crate::body::{BODY_MAX, Memory, Unread};
use crate::call::{Call, Told, new_id};
use crate::descriptors::room_for;
use crate::error::ApiError;
use crate::kms::Kms;
use crate::model::{ErrorKind, cloudhsmv2, kms};
use crate::places::{Asker, CONNECTIONS_MAX, Place, Places, Working};
use crate::sim;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, EXPIRES, HeaderName, HeaderValue, PRAGMA};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

/// How long a new connection may take for its first head.
const FIRST_HEAD_WITHIN: Duration = Duration::from_secs(5);
/// How long a client may take for another head, and how long a connection may be idle.
const HEAD_WITHIN: Duration = Duration::from_secs(60);
/// Bytes of a head, and what is read ahead of a body; HTTP allows a head 100 headers besides.
const HEAD_MAX: usize = 16 * 1024;
/// A client that takes nothing of an answer for so long is hung up on (Linux).
#[cfg(target_os = "linux")]
const READ_WITHIN: Duration = Duration::from_secs(30);
/// How long to leave the listener alone when it fails (too many open files, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The services of this endpoint.
#[derive(Clone, Copy)]
enum Service {
    Kms,
    CloudHsm,
}

impl Service {
    /// Which service, and which of its operations, an X-Amz-Target names.
    fn of(target: &str) -> Option<(Self, &str)> {
        let kms = target.strip_prefix("TrentService.").map(|name| (Self::Kms, name));
        kms.or_else(|| Some((Self::CloudHsm, target.strip_prefix("BaldrApiService.")?)))
    }

    /// The member of an error that holds its message.
    fn message(self) -> &'static str {
        match self {
            Self::Kms => "message",
            Self::CloudHsm => "Message",
        }
    }

    /// As signatures name it.
    fn signing_name(self) -> &'static str {
        match self {
            Self::Kms => "kms",
            Self::CloudHsm => "cloudhsm",
        }
    }
}

const JSON: &str = "application/x-amz-json-1.1";
/// Where a request belongs that names no Region.
pub(crate) const DEFAULT_REGION: &str = "us-east-1";

/// What every answer of AWS KMS bears.
const HEADERS: [(HeaderName, HeaderValue); 3] = [
    (CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store, must-revalidate, private")),
    (EXPIRES, HeaderValue::from_static("0")),
    (PRAGMA, HeaderValue::from_static("no-cache")),
];

/// What every other answer bears.
const PROTECTION: [(&str, &str); 4] = [
    (
        "content-security-policy",
        "default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
];
/// Characters of a path that are repeated to whoever asked for it.
const SHOWN_MAX: usize = 128;
/// With `--auth strict`, or on an address that others reach.
const TOKEN_MISSING: &str = "this endpoint may be reached by strangers: send the sim_token of \
                             ready.json as X-Sim-Token, or sign with a known access key";

type Answer = Response<Full<Bytes>>;

/// Serves until it is aborted.
pub(crate) async fn listen(listener: TcpListener, kms: Weak<Kms>) {
    let (places, memory) = (Places::new(room_for(CONNECTIONS_MAX)), Memory::new());
    loop {
        let Some(room) = places.room().await else { return };
        match listener.accept().await {
            Ok((stream, peer)) => {
                let Some(kms) = kms.upgrade() else { return };
                let place = places.enter(peer.ip(), room);
                tokio::spawn(serve(stream, peer, place, memory.clone(), kms));
            }
            Err(error) => {
                tracing::warn!("a connection could not be accepted: {error}");
                // Mostly there are too many open files.
                places.make_room();
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Until the client, a deadline or somebody who needs the place ends it.
async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    mut place: Place,
    memory: Memory,
    kms: Arc<Kms>,
) {
    let _ = stream.set_nodelay(true);
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(READ_WITHIN));
    let asker = place.asker();
    let service = service_fn(|request| {
        let (kms, asker, memory) = (kms.clone(), asker.clone(), memory.clone());
        asker.is_heard();
        async move { Ok::<_, Infallible>(answer(request, peer, asker, memory, kms).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEAD_MAX)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        ended = connection => if let Err(error) = ended {
            tracing::debug!(%peer, "the connection ended: {error}");
        },
        () = place.told_to_leave() => tracing::debug!(%peer, "its place is needed for another"),
        () = has_said_nothing(&asker) => tracing::debug!(%peer, "no head came in time"),
    }
}

/// Returns when a new connection has had its time for a head, and none was whole.
async fn has_said_nothing(asker: &Asker) {
    tokio::time::sleep(FIRST_HEAD_WITHIN).await;
    if asker.was_heard() {
        std::future::pending().await
    }
}

async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    asker: Asker,
    memory: Memory,
    kms: Arc<Kms>,
) -> Answer {
    let (head, body) = request.into_parts();
    let id = new_id();
    if let Err(why) = kms.guard.admit(&head.method, &head.uri, &head.headers) {
        return refused(id, StatusCode::FORBIDDEN, &why);
    }
    let body = match memory.read(body).await {
        Ok(body) => body,
        Err(unread) => return not_read(id, unread),
    };
    let begun = match is_operation(&head) {
        true => asker.begin().await,
        // Health, above all, does not wait for operations.
        false => asker.begin_at_once(),
    };
    let Some(working) = begun else {
        let why = "there are too many connections, and this one was idle: connect again";
        return refused(id, StatusCode::SERVICE_UNAVAILABLE, why);
    };
    // A task of its own: whoever hangs up does not stop what was begun.
    let doing = tokio::spawn(async move {
        let answer = carry_out(id, head, &body, peer, &kms).await;
        drop::<Working>(working);
        answer
    });
    let answer = doing.await.unwrap_or_else(|panic| {
        tracing::error!("request {id}: {panic}");
        refused(id, StatusCode::INTERNAL_SERVER_ERROR, "the endpoint has failed: see its log")
    });
    memory.count(answer).await.unwrap_or_else(|| {
        let why =
            "answers that their clients do not take have all the memory for answers: try again";
        refused(id, StatusCode::SERVICE_UNAVAILABLE, why)
    })
}

fn not_read(id: Uuid, unread: Unread) -> Answer {
    match unread {
        Unread::Late => refused(id, StatusCode::REQUEST_TIMEOUT, "the body did not come in time"),
        Unread::NoMemory => {
            let why = "other requests have all the memory for bodies: try again";
            refused(id, StatusCode::SERVICE_UNAVAILABLE, why)
        }
        Unread::TooLarge | Unread::Broken => {
            let why = format!("the body is not whole, or has more than {BODY_MAX} bytes");
            refused(id, StatusCode::PAYLOAD_TOO_LARGE, &why)
        }
    }
}

/// One of AWS's, not of the endpoint's own paths.
fn is_operation(head: &Parts) -> bool {
    head.method == Method::POST && head.uri.path() == "/"
}

async fn carry_out(id: Uuid, head: Parts, body: &[u8], peer: SocketAddr, kms: &Arc<Kms>) -> Answer {
    let Parts { method, uri, headers, .. } = &head;
    let request = Signed { method, uri, headers, body };
    if (method, uri.path()) == (&Method::POST, "/") {
        return aws(id, &request, peer, kms).await;
    }
    let now_ms = crate::clock::real_now_ms();
    if kms.guard.asks(uri.path(), headers) && !kms.settings.auth.knows(&request, now_ms) {
        return refused(id, StatusCode::FORBIDDEN, TOKEN_MISSING);
    }
    match sim::answer(method, uri.path(), uri.query(), body, kms).await {
        Some(answer) => said(id, answer),
        None => {
            let path: String = uri.path().chars().take(SHOWN_MAX).collect();
            refused(id, StatusCode::NOT_FOUND, &format!("there is nothing at {method} {path}"))
        }
    }
}

async fn aws(id: Uuid, request: &Signed<'_>, peer: SocketAddr, kms: &Arc<Kms>) -> Answer {
    let body = request.body;
    let target = request.headers.get("x-amz-target").and_then(|value| value.to_str().ok());
    let target = target.unwrap_or_default();
    let named = Service::of(target);
    let message = named.map_or("message", |(service, _)| service.message());
    let outcome = match begin(id, request, peer, kms, named.map(|(service, _)| service)) {
        Err(error) => Err(error),
        Ok(mut call) => {
            let outcome = match named {
                Some((Service::Kms, name)) => kms::dispatch(name, body, kms, &mut call).await,
                Some((Service::CloudHsm, name)) => {
                    cloudhsmv2::dispatch(name, body, &kms.plane, &mut call).await
                }
                None => None,
            };
            outcome.unwrap_or_else(|| Err(unknown(target)))
        }
    };
    match outcome {
        Ok(body) => answered(id, StatusCode::OK, body),
        Err(error) => {
            let status = StatusCode::from_u16(error.kind.status());
            answered(id, status.unwrap_or(StatusCode::BAD_REQUEST), error.body(message))
        }
    }
}

/// By whom, and in which Region.
fn begin(
    id: Uuid,
    request: &Signed<'_>,
    peer: SocketAddr,
    kms: &Kms,
    service: Option<Service>,
) -> Result<Call, ApiError> {
    let text = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
    let service = service.ok_or_else(|| unknown(text("x-amz-target").unwrap_or_default()))?;
    let now_ms = crate::clock::real_now_ms();
    let sender = kms.settings.auth.sender(request, now_ms, service.signing_name())?;
    Ok(Call {
        id,
        at_ms: kms.clock.now_ms(),
        region: sender.region.unwrap_or_else(|| DEFAULT_REGION.to_owned()),
        account: kms.settings.account.clone(),
        caller: sender.caller,
        source: Some(peer.ip()),
        user_agent: text("user-agent").unwrap_or_default().chars().take(256).collect(),
        told: Told::default(),
    })
}

fn unknown(target: &str) -> ApiError {
    let shown: String = target.chars().take(64).collect();
    ErrorKind::UnknownOperationException
        .with(format!("X-Amz-Target {shown:?} names no operation of AWS KMS or CloudHSM"))
}

fn answered(id: Uuid, status: StatusCode, body: Vec<u8>) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
        headers.insert("x-amzn-requestid", id);
    }
    answer
}

fn said(id: Uuid, said: sim::Answer) -> Answer {
    let mut answer = answered(id, said.status, said.body);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(said.content_type));
    protected(headers);
    answer
}

/// What is not AWS's is for no browser to show, to guess the type of, or to keep.
fn protected(headers: &mut HeaderMap) {
    for (name, value) in PROTECTION {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}

/// What is refused before it is known which operation it is.
fn refused(id: Uuid, status: StatusCode, why: &str) -> Answer {
    let kind = match status {
        StatusCode::NOT_FOUND => "UnknownOperationException",
        StatusCode::FORBIDDEN => "AccessDeniedException",
        StatusCode::PAYLOAD_TOO_LARGE => "RequestEntityTooLargeException",
        StatusCode::INTERNAL_SERVER_ERROR => "KMSInternalException",
        StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailableException",
        _ => "RequestTimeoutException",
    };
    let body = serde_json::json!({ "__type": kind, "message": why }).to_string().into_bytes();
    let mut answer = answered(id, status, body);
    protected(answer.headers_mut());
    answer
}
