//! The door: takes connections within the bound, and lets in who passes the handshake.
use crate::connection::{Connection, Ended, close, stopped};
use crate::node::Shared;
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
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{debug, info, warn};

/// A handshake takes two round trips and three signatures.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// Connections over the bound that are told so, at the same time; the rest are only closed.
const REFUSED_POLITELY: usize = 16;

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
    node: Arc<Shared>,
    acceptor: TlsAcceptor,
    max_connections: usize,
    mut stopping: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(max_connections));
    let polite = Arc::new(Semaphore::new(REFUSED_POLITELY));
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
        let (node, acceptor, stop) = (Arc::clone(&node), acceptor.clone(), stop.clone());
        if let Ok(place) = Arc::clone(&places).try_acquire_owned() {
            connections.spawn(async move {
                serve(node, acceptor, tcp, from, stop).await;
                drop(place);
            });
        } else {
            warn!(%from, "refused: there are {max_connections} connections already");
            if let Ok(place) = Arc::clone(&polite).try_acquire_owned() {
                connections.spawn(async move {
                    let _ = timeout(HANDSHAKE_TIMEOUT, refuse(acceptor, tcp)).await;
                    drop(place);
                });
            }
        }
    }
    drop(listener);
    let _ = timeout(FINISH, async { while connections.join_next().await.is_some() {} }).await;
}

async fn serve(
    node: Arc<Shared>,
    acceptor: TlsAcceptor,
    tcp: TcpStream,
    from: SocketAddr,
    mut stopping: watch::Receiver<bool>,
) {
    if let Err(cause) = set_up(&tcp) {
        debug!(%from, "lost before the handshake: {cause}");
        return;
    }
    let stream = tokio::select! {
        shaken = timeout(HANDSHAKE_TIMEOUT, shake_hands(acceptor, tcp)) => match shaken {
            Ok(Ok(stream)) => stream,
            Ok(Err(why)) => return warn!(%from, "refused: {why}"),
            Err(_) => {
                let seconds = HANDSHAKE_TIMEOUT.as_secs();
                return warn!(%from, "refused: no TLS handshake within {seconds} s");
            }
        },
        () = stopped(&mut stopping) => return,
    };
    let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let peer = match node.gate.classify(chain, UnixTime::now()) {
        Ok(peer) => peer,
        // The trust anchor changed during the handshake.
        Err(why) => return warn!(%from, "refused: {why}"),
    };
    debug!(%from, ?peer, "connected");
    match Connection::new(node, stream, peer).run(stopping).await {
        ended @ (Ended::ByClient | Ended::Lost(_) | Ended::Stopping) => {
            debug!(%from, "ended: {ended}")
        }
        ended @ Ended::Idle => info!(%from, "closed: {ended}"),
        ended => warn!(%from, "closed: {ended}"),
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
    acceptor: TlsAcceptor,
    tcp: TcpStream,
) -> Result<TlsStream<TcpStream>, String> {
    match acceptor.accept(tcp).into_fallible().await {
        Ok(stream) => Ok(stream),
        Err((cause, mut tcp)) => {
            // Behind its certificate the client may have sent a request already.
            close(&mut tcp).await;
            Err(explain(&cause))
        }
    }
}

fn explain(cause: &io::Error) -> String {
    use rustls::{CertificateError, Error};
    let refused = cause.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match refused {
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
        Some(Error::AlertReceived(alert)) => format!("it does not accept this HSM: {alert:?}"),
        Some(other) => other.to_string(),
        None => cause.to_string(),
    }
}

/// Answers the first request of a connection too many, so that the client knows why.
async fn refuse(acceptor: TlsAcceptor, tcp: TcpStream) -> io::Result<()> {
    let mut stream = acceptor.accept(tcp).await?;
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
