//! The door: lets in who passes the handshake, within the bound on connections.
use crate::connection::{Connection, Ended, close, stopped};
use crate::node::Shared;
use hsm_core::Peer;
use proto::limits::FRAME_MAX;
use proto::{Deframer, Fault, put_frame};
use rustls::pki_types::UnixTime;
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{debug, info, warn};

/// A handshake takes two round trips and three signatures.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections whose client is not known yet: they take no place from those that are.
const HANDSHAKES_MAX: usize = 64;

/// A client speaks first. One that has not by then goes when others wait at the door.
const SILENT_MAX: Duration = Duration::from_millis(250);

/// A peer that is gone without a word is found within 10 + 3 * 5 = 25 s, also when it owes us
/// acknowledgements: its login must not outlive it for long.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(5);
const KEEPALIVE_TRIES: u32 = 3;

/// When the node stops, what is in flight has so long to finish.
const FINISH: Duration = Duration::from_millis(700);

/// Takes connections until the node stops, then waits for those that are there.
pub(crate) async fn listen(
    listener: TcpListener,
    hall: Arc<Hall>,
    mut stopping: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    let stop = stopping.clone();
    loop {
        let (tcp, from) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(cause) => {
                    // Out of file descriptors, most likely: give the others time to close some.
                    warn!("no connection can be taken: {cause}");
                    sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            Some(_) = connections.join_next() => continue,
            () = stopped(&mut stopping) => break,
        };
        if hall.handshakes.available_permits() == 0 {
            hall.crowd.send_replace(());
        }
        let shaking = tokio::select! {
            shaking = Arc::clone(&hall.handshakes).acquire_owned() => shaking.ok(),
            () = stopped(&mut stopping) => break,
        };
        let arrival = Arrival { tcp, from, shaking, crowd: hall.crowd.subscribe() };
        connections.spawn(Arc::clone(&hall).serve(arrival, stop.clone()));
    }
    drop(listener);
    let _ = timeout(FINISH, async { while connections.join_next().await.is_some() {} }).await;
}

/// A connection whose client is not known yet.
struct Arrival {
    tcp: TcpStream,
    from: SocketAddr,
    shaking: Option<OwnedSemaphorePermit>,
    /// Changes when others wait for a handshake.
    crowd: watch::Receiver<()>,
}

/// What all connections come through, whichever port they came to.
pub(crate) struct Hall {
    node: Arc<Shared>,
    acceptor: TlsAcceptor,
    handshakes: Arc<Semaphore>,
    /// Changes when somebody waits for a handshake.
    crowd: watch::Sender<()>,
    /// For clients whose certificate was accepted.
    places: Semaphore,
    max_connections: usize,
}

/// Why a connection came to nothing.
enum Turned {
    /// The client or the line ended it: nothing is wrong here.
    Back(String),
    Away(String),
}

impl Hall {
    pub(crate) fn new(node: Arc<Shared>, acceptor: TlsAcceptor, max_connections: usize) -> Self {
        Self {
            node,
            acceptor,
            handshakes: Arc::new(Semaphore::new(HANDSHAKES_MAX)),
            crowd: watch::Sender::new(()),
            places: Semaphore::new(max_connections),
            max_connections,
        }
    }

    async fn serve(self: Arc<Self>, arrival: Arrival, mut stopping: watch::Receiver<bool>) {
        let Arrival { tcp, from, shaking, crowd } = arrival;
        let admitted = tokio::select! {
            admitted = timeout(HANDSHAKE_TIMEOUT, self.admit(tcp, crowd)) => admitted,
            () = stopped(&mut stopping) => return,
        };
        drop(shaking);
        let (stream, peer, _place) = match admitted {
            Ok(Ok(admitted)) => admitted,
            Ok(Err(Turned::Back(why))) => return debug!(%from, "not connected: {why}"),
            Ok(Err(Turned::Away(why))) => return warn!(%from, "refused: {why}"),
            Err(_) => {
                let seconds = HANDSHAKE_TIMEOUT.as_secs();
                return warn!(%from, "refused: no TLS handshake within {seconds} s");
            }
        };
        debug!(%from, ?peer, "connected");
        match Connection::new(Arc::clone(&self.node), stream, peer).run(stopping).await {
            ended @ (Ended::ByClient | Ended::Lost(_) | Ended::Stopping) => {
                debug!(%from, "ended: {ended}")
            }
            ended @ Ended::Idle => info!(%from, "closed: {ended}"),
            ended => warn!(%from, "closed: {ended}"),
        }
    }

    /// From the first bytes to a client that is known and has a place.
    async fn admit(
        &self,
        tcp: TcpStream,
        crowd: watch::Receiver<()>,
    ) -> Result<(TlsStream<TcpStream>, Peer, SemaphorePermit<'_>), Turned> {
        set_up(&tcp).map_err(|cause| Turned::Back(cause.to_string()))?;
        hear(&tcp, crowd).await?;
        let stream = shake_hands(&self.acceptor, tcp).await?;
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        // The trust anchor may have changed during the handshake.
        let peer = self.node.gate.classify(chain, UnixTime::now());
        let peer = peer.map_err(|why| Turned::Away(why.to_string()))?;
        if let Ok(place) = self.places.try_acquire() {
            return Ok((stream, peer, place));
        }
        // It may be gone before it knows.
        let _ = refuse(stream).await;
        Err(Turned::Away(format!("there are {} connections already", self.max_connections)))
    }
}

/// Waits for the first bytes; when others wait too, not for long.
async fn hear(tcp: &TcpStream, mut crowd: watch::Receiver<()>) -> Result<(), Turned> {
    let crowded = async {
        sleep(SILENT_MAX).await;
        let _ = crowd.changed().await;
    };
    tokio::select! {
        biased;
        ready = tcp.readable() => ready.map_err(|cause| Turned::Back(cause.to_string())),
        () = crowded => Err(Turned::Away("it said nothing, and others wait".into())),
    }
}

fn set_up(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let socket = SockRef::from(tcp);
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_EVERY)
        .with_retries(KEEPALIVE_TRIES);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(KEEPALIVE_IDLE + KEEPALIVE_TRIES * KEEPALIVE_EVERY))?;
    Ok(())
}

/// The handshake; the error is for the log, the client has had its alert.
async fn shake_hands(
    acceptor: &TlsAcceptor,
    tcp: TcpStream,
) -> Result<TlsStream<TcpStream>, Turned> {
    match acceptor.accept(tcp).into_fallible().await {
        Ok(stream) => Ok(stream),
        Err((cause, mut tcp)) => {
            // Behind its certificate the client may have sent a request already.
            close(&mut tcp).await;
            Err(explain(&cause))
        }
    }
}

fn explain(cause: &io::Error) -> Turned {
    use rustls::{CertificateError, Error};
    let refused = cause.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    Turned::Away(match refused {
        None => return Turned::Back(cause.to_string()),
        // It says so where it runs. An HSM that has not joined its cluster yet is no surprise.
        Some(Error::AlertReceived(alert)) => {
            return Turned::Back(format!("it does not accept this HSM: {alert:?}"));
        }
        Some(Error::InvalidMessage(_)) => "it does not speak TLS".into(),
        Some(Error::NoCertificatesPresented) => "it showed no client certificate".into(),
        Some(Error::InvalidCertificate(why)) => match why {
            CertificateError::Expired => "its client certificate has expired".into(),
            CertificateError::NotValidYet => "its client certificate is not valid yet".into(),
            CertificateError::UnknownIssuer => {
                "its client certificate is not of customerCA nor of the service CA".into()
            }
            other => format!("its client certificate does not hold: {other}"),
        },
        Some(other) => other.to_string(),
    })
}

/// Answers the first request of a connection too many, so that the client knows why.
async fn refuse(mut stream: TlsStream<TcpStream>) -> io::Result<()> {
    let mut came = Vec::new();
    let id = loop {
        match Deframer::new(&came).next() {
            Ok(Some(frame)) => break frame.id,
            Ok(None) if came.len() <= FRAME_MAX => {}
            _ => break 0,
        }
        if stream.read_buf(&mut came).await? == 0 {
            break 0;
        }
    };
    let mut reply = Vec::new();
    put_frame(&mut reply, id, Fault::TooManyConnections as u16, |_| {});
    stream.write_all(&reply).await?;
    close(&mut stream).await;
    Ok(())
}
