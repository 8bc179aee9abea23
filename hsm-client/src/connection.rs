//! One TLS line to one HSM: many calls at once, their replies in order.
use crate::line::{Line, Shared};
use crate::pending::{Call, Pending};
use crate::tls::Refused;
use crate::{CallError, ConnectError, Endpoint, TlsIdentity};
use proto::command::session::{Hello, Welcome};
use proto::{Command, Deframer, Fault, Refusal, VERSION, decode, encode, put_frame};
use rustls::pki_types::ServerName;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use zeroize::Zeroizing;

/// A command that can be called from any task: every row of the table is one.
pub trait Request: Command<Reply: Send + 'static> + Send + Sync + 'static {}

impl<C: Command<Reply: Send + 'static> + Send + Sync + 'static> Request for C {}

/// One TLS connection to an HSM, pipelined: calls may be made from many tasks at once, and are
/// executed in the order in which they were submitted. Clones share the line, which ends when all
/// are dropped and every reply has come.
#[derive(Clone)]
pub struct Connection(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    welcome: Welcome,
    endpoint: Endpoint,
    number: u64,
    closed: watch::Receiver<Option<Arc<str>>>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.finish();
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Connection({}, {})", self.0.welcome.hsm_id, self.0.endpoint)
    }
}

impl Connection {
    /// Connects, shows the certificates, and greets: all of it within `timeout`.
    pub async fn open(
        endpoint: &Endpoint,
        identity: &TlsIdentity,
        timeout: Duration,
    ) -> Result<Self, ConnectError> {
        let opened = tokio::time::timeout(timeout, greet(endpoint, identity)).await;
        let timed_out = |_| ConnectError::TimedOut { endpoint: endpoint.clone(), after: timeout };
        let (stream, welcome) = opened.map_err(timed_out)??;
        let name = format!("{} ({endpoint})", welcome.hsm_id);
        let shared = Arc::new(Shared::new(name.into()));
        let (ended, closed) = watch::channel(None);
        let line = Line::new(stream, shared.clone(), identity.clone());
        tokio::spawn(async move {
            let why = line.run().await;
            ended.send_replace(Some(why));
        });
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Ok(Self(Arc::new(Handle { shared, welcome, endpoint: endpoint.clone(), number, closed })))
    }

    /// What the HSM said of itself when the connection was opened.
    pub fn welcome(&self) -> &Welcome {
        &self.0.welcome
    }

    /// Where the HSM listens.
    pub fn endpoint(&self) -> &Endpoint {
        &self.0.endpoint
    }

    /// Whether calls can still be made.
    pub fn is_open(&self) -> bool {
        self.0.closed.borrow().is_none()
    }

    /// Waits until the line is lost, and says why.
    pub async fn closed(&self) -> Arc<str> {
        let mut closed = self.0.closed.clone();
        match closed.wait_for(Option::is_some).await {
            Ok(why) => why.clone().unwrap_or_default(),
            Err(_) => "the client is shutting down".into(),
        }
    }

    /// Sends a request and waits for its reply.
    pub async fn call<C: Request>(&self, request: &C) -> Result<C::Reply, CallError> {
        self.submit(request).await
    }

    /// Sends a request; its reply is awaited later. Nothing is spawned. When the connection has as
    /// many requests in flight as it takes, this one is sent once it is polled and its turn has
    /// come.
    pub fn submit<C: Request>(&self, request: &C) -> Pending<C::Reply> {
        let shared = &self.0.shared;
        let call = Call::<C::Reply>::new();
        if shared.take_turn() {
            shared.put(C::SPEC, call.clone(), |body| encode(request, body));
            return Pending::sent(call);
        }
        let mut body = Zeroizing::new(Vec::new());
        encode(request, &mut body);
        // The connection lives on until the request has had its turn.
        let connection = self.clone();
        Pending::waiting(async move {
            let shared = &connection.0.shared;
            shared.wait_turn().await;
            shared.put(C::SPEC, call.clone(), |out| out.extend_from_slice(&body));
            call
        })
    }

    /// How many requests are on their way.
    pub fn in_flight(&self) -> usize {
        self.0.shared.in_flight()
    }

    /// A number that no other connection of this process has.
    pub(crate) fn number(&self) -> u64 {
        self.0.number
    }
}

async fn greet(
    endpoint: &Endpoint,
    identity: &TlsIdentity,
) -> Result<(TlsStream<TcpStream>, Welcome), ConnectError> {
    let tcp = TcpStream::connect((endpoint.host.as_str(), endpoint.port)).await;
    let tcp = tcp.map_err(|error| match error.kind() {
        io::ErrorKind::ConnectionRefused => ConnectError::Refused { endpoint: endpoint.clone() },
        _ => ConnectError::Unreachable { endpoint: endpoint.clone(), why: error.to_string() },
    })?;
    let failed = |error: io::Error, during: &str| broken(endpoint, identity, &error, during);
    tcp.set_nodelay(true).map_err(|error| failed(error, "when it began"))?;
    // Names and addresses are not in CloudHSM's certificates; TlsIdentity looks at the chain and
    // the CN.
    let name =
        ServerName::try_from("hsm").map_err(|e| failed(io::Error::other(e), "when it began"))?;
    let tls = TlsConnector::from(identity.config()).connect(name, tcp).await;
    let mut tls = tls.map_err(|error| failed(error, "during the TLS handshake"))?;
    let mut hello = Vec::new();
    put_frame(&mut hello, 0, Hello::SPEC.opcode as u16, |b| encode(&Hello { version: VERSION }, b));
    let sent = async {
        tls.write_all(&hello).await?;
        tls.flush().await
    };
    let sent = sent.await;
    // An HSM that refuses our certificate says so and hangs up: its alert tells more than our
    // write.
    let reply = read_welcome(&mut tls, endpoint).await;
    match (reply, sent) {
        (Ok(welcome), _) => Ok((tls, welcome?)),
        (Err(read), Ok(())) => Err(failed(read, "at the first request")),
        (Err(read), Err(write)) => match identity.explain(&read) {
            Some(_) => Err(failed(read, "at the first request")),
            None => Err(failed(write, "at the first request")),
        },
    }
}

fn broken(
    endpoint: &Endpoint,
    identity: &TlsIdentity,
    error: &io::Error,
    during: &str,
) -> ConnectError {
    let endpoint = endpoint.clone();
    match identity.explain(error) {
        Some(Refused::Server(why)) => ConnectError::BadServerCertificate { endpoint, why },
        Some(Refused::Client(why)) => ConnectError::ClientCertificateRefused { endpoint, why },
        Some(Refused::NotTls(why)) => ConnectError::NotTls { endpoint, why },
        None => ConnectError::Lost { endpoint, why: format!("{error} {during}") },
    }
}

/// Reads the answer to `Hello`. The outer error is the line's, the inner one the HSM's.
async fn read_welcome(
    tls: &mut TlsStream<TcpStream>,
    endpoint: &Endpoint,
) -> io::Result<Result<Welcome, ConnectError>> {
    let mut input = Vec::new();
    loop {
        let version = |why: String| ConnectError::Version { endpoint: endpoint.clone(), why };
        let mut frames = Deframer::new(&input);
        match frames.next() {
            Err(garbage) => return Ok(Err(version(garbage.to_string()))),
            Ok(Some(frame)) if frame.code == 0 && frame.id == 0 => {
                return Ok(match decode::<Welcome>(frame.body) {
                    Ok(welcome) if welcome.version == VERSION => Ok(welcome),
                    Ok(welcome) => Err(version(format!(
                        "it speaks version {}, this is {VERSION}",
                        welcome.version
                    ))),
                    Err(garbage) => Err(version(garbage.to_string())),
                });
            }
            Ok(Some(frame)) => {
                let refusal = Refusal::decode(frame.code, frame.body);
                return Ok(Err(match refusal.fault {
                    Fault::VersionMismatch | Fault::Malformed | Fault::NoSuchCommand => {
                        version(refusal.to_string())
                    }
                    _ => ConnectError::Declined { endpoint: endpoint.clone(), refusal },
                }));
            }
            Ok(None) => {}
        }
        if tls.read_buf(&mut input).await? == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the HSM hung up"));
        }
    }
}
