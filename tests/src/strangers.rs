//! Connections that say nothing sensible, as anybody on the network can make them: bounded, counted
//! and to this machine only.
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

fn is_open(one: &mut TcpStream) -> bool {
    match one.read(&mut [0; 1]) {
        Ok(read) => read > 0,
        Err(e) => e.kind() == std::io::ErrorKind::WouldBlock,
    }
}
