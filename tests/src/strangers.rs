//! Connections that say nothing sensible, as anybody on the network can make them: bounded, counted
//! and to this machine only.
use hsm_client::{Connection, Endpoint, TlsIdentity};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Keeps `count` connections with one byte each at this address for so long; what is closed is
/// opened again.
pub fn fill(address: &str, count: usize, long: Duration) {
    let address: SocketAddr = address.parse().unwrap();
    assert!(address.ip().is_loopback() && count <= 1_000);
    let mut held: Vec<TcpStream> = Vec::new();
    let begun = Instant::now();
    while begun.elapsed() < long {
        held.retain_mut(is_open);
        while held.len() < count {
            let Ok(mut one) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else {
                break;
            };
            // The first byte of a TLS record.
            let _ = one.write_all(&[22]);
            let _ = one.set_nonblocking(true);
            held.push(one);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Opens `count` connections that send so much, and keep the rest to themselves.
pub fn halves(address: &str, count: usize, sent: &[u8]) -> Vec<TcpStream> {
    let address: SocketAddr = address.parse().unwrap();
    assert!(address.ip().is_loopback() && count <= 1_200);
    let half = |_| {
        let mut one = TcpStream::connect_timeout(&address, Duration::from_secs(5)).unwrap();
        // It may be hung up on before it has said all.
        let _ = one.write_all(sent);
        one.set_nonblocking(true).unwrap();
        one
    };
    (0..count).map(half).collect()
}

/// Opens `count` connections that send such a head and then `length` bytes, as fast as they are
/// taken, for so long; those that are hung up on are not opened again.
pub fn bodies(address: &str, count: usize, head: &[u8], length: usize, long: Duration) {
    let sent = [head, &vec![b' '; length]].concat();
    let mut held: Vec<_> = halves(address, count, b"").into_iter().map(|one| (one, 0)).collect();
    let begun = Instant::now();
    while begun.elapsed() < long {
        held.retain_mut(|(one, at)| match one.write(&sent[*at..]) {
            Ok(more) => {
                *at += more;
                true
            }
            Err(e) => e.kind() == std::io::ErrorKind::WouldBlock,
        });
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// How many of these are open, and have heard nothing.
pub fn open_ones(held: &mut [TcpStream]) -> usize {
    held.iter_mut().map(|one| usize::from(is_silent(one))).sum()
}

fn is_silent(one: &mut TcpStream) -> bool {
    matches!(one.read(&mut [0; 1]), Err(e) if e.kind() == std::io::ErrorKind::WouldBlock)
}

fn is_open(one: &mut TcpStream) -> bool {
    match one.read(&mut [0; 1]) {
        Ok(read) => read > 0,
        Err(e) => e.kind() == std::io::ErrorKind::WouldBlock,
    }
}

/// Keeps `count` connections with this certificate at this address for so long, which ask nothing.
/// How many there were at most.
pub fn idle(address: &str, identity: &TlsIdentity, count: usize, long: Duration) -> usize {
    let endpoint: Endpoint = address.parse().unwrap();
    assert!(endpoint.host == "127.0.0.1" && count <= 1_000);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (mut held, mut most): (Vec<Connection>, usize) = (Vec::new(), 0);
        let begun = Instant::now();
        while begun.elapsed() < long {
            held.retain(Connection::is_open);
            while held.len() < count && begun.elapsed() < long {
                let opened = Connection::open(&endpoint, identity, Duration::from_secs(1)).await;
                let Ok(one) = opened else { break };
                held.push(one);
            }
            most = most.max(held.len());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        most
    })
}
