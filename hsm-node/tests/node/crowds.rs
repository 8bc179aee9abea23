//! Many connections: of strangers who say little, and of customers who have every place.
use crate::bed::{Bed, hello, start};
use crate::disk::Disk;
use crate::line::{Line, client_hello};
use hsm_node::Node;
use proto::Fault;
use proto::command::cluster::GetHsmInfo;
use std::io::ErrorKind;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// Connections of strangers: more than handshakes at the same time.
const STRANGERS: usize = 300;

/// Strangers that are still there when a client is served that came after them: it did not wait
/// until they were given up. Each of them had its time, before.
const STILL_THERE: usize = 200;

async fn strangers(node: &Node, says: &[u8]) -> Vec<TcpStream> {
    let mut strangers = Vec::new();
    for _ in 0..STRANGERS {
        let mut stranger = TcpStream::connect(node.address()).await.unwrap();
        // The node may have closed the first when the last are there.
        let _ = stranger.write_all(says).await;
        strangers.push(stranger);
    }
    strangers
}

/// Whether the node has not closed it; what it has said is passed over.
fn is_there(stranger: &TcpStream) -> bool {
    let mut bytes = [0; 4_096];
    loop {
        match stranger.try_read(&mut bytes) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(cause) => return cause.kind() == ErrorKind::WouldBlock,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_who_are_slow_keep_nobody_out() {
    let bed = Bed::new();
    let node = start(&bed.options(0), Disk::default()).await.unwrap();
    bed.initialize(&node).await;
    let hello = client_hello();
    for says in [&b""[..], &hello[..1], &hello[..hello.len() / 2], &hello] {
        let strangers = strangers(&node, says).await;
        let mut lines = vec![bed.service_line(&node).await, bed.client_line(&node).await];
        for line in &mut lines {
            line.call(&GetHsmInfo {}).await;
        }
        let there = strangers.iter().filter(|stranger| is_there(stranger)).count();
        assert!(there >= STILL_THERE, "{there} are left of those who said {} bytes", says.len());
    }
    node.stop().await.unwrap();
}

/// A connection of a customer that is let in, however often it has to ask.
async fn let_in(bed: &Bed, node: &Node) -> (Line, usize) {
    for refusals in 0.. {
        let mut line = Line::open(node.address(), Some(&bed.client)).await.unwrap();
        match line.try_call(&hello()).await.unwrap() {
            Ok(_) => return (line, refusals),
            Err(why) => assert_eq!(why.fault, Fault::TooManyConnections),
        }
    }
    unreachable!()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_too_many_is_told_so() {
    let bed = Bed::new();
    let mut options = bed.options(0);
    options.max_connections = 2;
    let node = start(&options, Disk::default()).await.unwrap();
    bed.initialize(&node).await;
    let (first, _) = let_in(&bed, &node).await;
    let (_second, _) = let_in(&bed, &node).await;
    let mut third = Line::open(node.address(), Some(&bed.client)).await.unwrap();
    let refused = third.try_call(&hello()).await.unwrap().unwrap_err();
    assert_eq!(refused.fault, Fault::TooManyConnections);
    // The place is free again as soon as the node has seen the end of the first.
    drop(first);
    let_in(&bed, &node).await;
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_take_no_places_from_the_service_and_idle_ones_none_from_customers() {
    let bed = Bed::new();
    let node = start(&bed.options(0), Disk::default()).await.unwrap();
    bed.initialize(&node).await;
    let mut user = bed.user_line(&node).await;
    let mut idle = Vec::new();
    for _ in 1..900 {
        idle.push(let_in(&bed, &node).await.0);
    }
    for _ in 0..10 {
        bed.service_line(&node).await.call(&GetHsmInfo {}).await;
    }
    // Who came first has been idle for the longest. It goes when it had its time, not before.
    let (mut late, _) = let_in(&bed, &node).await;
    late.call(&GetHsmInfo {}).await;
    assert_eq!(idle[0].receive().await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    user.call(&GetHsmInfo {}).await;
    node.stop().await.unwrap();
}
