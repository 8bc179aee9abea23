//! The door: who passes the handshake gets a seat.
use crate::connection::{Connection, Ended, close, stopped};
use crate::lobby::{Arrival, Lobby, Stage};
use crate::node::Shared;
use crate::rooms::{Rooms, Seat};
use hsm_core::Peer;
use proto::limits::FRAME_MAX;
use proto::{Deframer, Fault, put_frame};
use rustls::ServerConfig;
use rustls::pki_types::UnixTime;
use rustls::server::Acceptor;
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{debug, info, warn};

/// A handshake takes two round trips and three signatures.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// A client speaks first.
const FIRST_BYTES_TIMEOUT: Duration = Duration::from_secs(2);

/// What the operating system holds of a connection, either way (Linux: twice that). By itself it
/// takes 4 MiB of replies that nobody reads.
const SYSTEM_MAX: usize = 128 * 1024;

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
        let accepted = tokio::select! {
            accepted = accept(&listener, &hall.lobby) => accepted,
            Some(_) = connections.join_next() => continue,
            () = stopped(&mut stopping) => break,
        };
        match accepted {
            Ok((tcp, from, arrival)) => {
                connections.spawn(Arc::clone(&hall).serve(tcp, from, arrival, stop.clone()));
            }
            Err(cause) => {
                // Out of file descriptors, most likely: others have to close some.
                warn!("no connection can be taken: {cause}");
                hall.lobby.make_room(Instant::now());
                sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    let _ = timeout(FINISH, async { while connections.join_next().await.is_some() {} }).await;
}

/// The next connection, in the lobby. It can be dropped at any moment and asked again.
async fn accept(
    listener: &TcpListener,
    lobby: &Arc<Lobby>,
) -> io::Result<(TcpStream, SocketAddr, Arrival)> {
    let held = lobby.room().await.ok_or(io::ErrorKind::Other)?;
    let (tcp, from) = listener.accept().await?;
    Ok((tcp, from, lobby.enter(from.ip(), held)))
}

/// What all connections come through, whichever port they came to.
pub(crate) struct Hall {
    node: Arc<Shared>,
    config: Arc<ServerConfig>,
    /// For clients that are not known yet.
    lobby: Arc<Lobby>,
    /// For clients whose certificate was accepted.
    rooms: Rooms,
}

/// Why a connection came to nothing.
enum Turned {
    /// The client or the line ended it: nothing is wrong here.
    Back(String),
    Away(String),
}

impl Hall {
    pub(crate) fn new(
        node: Arc<Shared>,
        config: Arc<ServerConfig>,
        max_connections: usize,
    ) -> Self {
        Self { node, config, lobby: Lobby::new(), rooms: Rooms::new(max_connections) }
    }

    async fn serve(
        self: Arc<Self>,
        tcp: TcpStream,
        from: SocketAddr,
        mut arrival: Arrival,
        mut stopping: watch::Receiver<bool>,
    ) {
        let stage = arrival.stage();
        let admitted = tokio::select! {
            admitted = timeout(HANDSHAKE_TIMEOUT, self.admit(tcp, &stage)) => admitted,
            () = arrival.told_to_leave() => {
                return debug!(%from, "not connected: it was slow, and others came");
            }
            () = stopped(&mut stopping) => return,
        };
        drop(arrival);
        let (stream, peer, seat) = match admitted {
            Ok(Ok(admitted)) => admitted,
            Ok(Err(Turned::Back(why))) => return debug!(%from, "not connected: {why}"),
            Ok(Err(Turned::Away(why))) => return warn!(%from, "refused: {why}"),
            Err(_) => {
                let seconds = HANDSHAKE_TIMEOUT.as_secs();
                return warn!(%from, "refused: no TLS handshake within {seconds} s");
            }
        };
        debug!(%from, ?peer, "connected");
        match Connection::new(Arc::clone(&self.node), stream, peer, seat).run(stopping).await {
            ended @ (Ended::ByClient | Ended::Lost(_) | Ended::Stopping) => {
                debug!(%from, "ended: {ended}")
            }
            ended @ Ended::Idle => info!(%from, "closed: {ended}"),
            ended => warn!(%from, "closed: {ended}"),
        }
    }

    /// From the first bytes to a client that is known and has a seat. `stage`: how far it is.
    async fn admit(
        &self,
        tcp: TcpStream,
        stage: &AtomicU8,
    ) -> Result<(TlsStream<TcpStream>, Peer, Seat), Turned> {
        set_up(&tcp).map_err(|cause| Turned::Back(cause.to_string()))?;
        hear(&tcp).await?;
        stage.store(Stage::Speaking as u8, Ordering::Relaxed);
        let stream = self.shake_hands(tcp, stage).await?;
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        // The trust anchor may have changed during the handshake.
        let peer = self.node.gate.classify(chain, UnixTime::now());
        let peer = peer.map_err(|why| Turned::Away(why.to_string()))?;
        let room = self.rooms.of(peer);
        if let Some(seat) = room.enter() {
            return Ok((stream, peer, seat));
        }
        stage.store(Stage::Silent as u8, Ordering::Relaxed);
        // It may be gone before it knows.
        let _ = refuse(stream).await;
        Err(Turned::Away(format!("there are {} connections already", room.most)))
    }

    /// The handshake; the error is for the log, the client has had its alert.
    async fn shake_hands(
        &self,
        tcp: TcpStream,
        stage: &AtomicU8,
    ) -> Result<TlsStream<TcpStream>, Turned> {
        let mut hello = LazyConfigAcceptor::new(Acceptor::default(), tcp);
        let begun = match (&mut hello).await {
            Ok(begun) => begun,
            Err(cause) => return Err(not_understood(hello.take_io(), &cause).await),
        };
        stage.store(Stage::Greeted as u8, Ordering::Relaxed);
        match begun.into_stream(Arc::clone(&self.config)).into_fallible().await {
            Ok(stream) => Ok(stream),
            Err((cause, tcp)) => Err(not_understood(Some(tcp), &cause).await),
        }
    }
}

/// Waits for the first bytes.
async fn hear(tcp: &TcpStream) -> Result<(), Turned> {
    let seconds = FIRST_BYTES_TIMEOUT.as_secs();
    match timeout(FIRST_BYTES_TIMEOUT, tcp.readable()).await {
        Ok(ready) => ready.map_err(|cause| Turned::Back(cause.to_string())),
        Err(_) => Err(Turned::Back(format!("it said nothing for {seconds} s"))),
    }
}

fn set_up(tcp: &TcpStream) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let socket = SockRef::from(tcp);
    socket.set_send_buffer_size(SYSTEM_MAX)?;
    socket.set_recv_buffer_size(SYSTEM_MAX)?;
    let keepalive = TcpKeepalive::new()
        .with_time(KEEPALIVE_IDLE)
        .with_interval(KEEPALIVE_EVERY)
        .with_retries(KEEPALIVE_TRIES);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(KEEPALIVE_IDLE + KEEPALIVE_TRIES * KEEPALIVE_EVERY))?;
    Ok(())
}

/// Ends a handshake that came to nothing; tells why.
async fn not_understood(tcp: Option<TcpStream>, cause: &io::Error) -> Turned {
    if let Some(mut tcp) = tcp {
        // Behind its certificate the client may have sent a request already.
        close(&mut tcp).await;
    }
    explain(cause)
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
