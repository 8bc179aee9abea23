//! What a node refuses: certificates, frames, silence, and half a frame.
use crate::authority::{Authority, Identity};
use crate::bed::{Bed, hello, start};
use crate::disk::Disk;
use crate::line::Line;
use hsm_node::Node;
use proto::command::cluster::GetHsmInfo;
use proto::limits::FRAME_MAX;
use proto::{Fault, put_frame};
use std::io::ErrorKind;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

async fn ready(bed: &Bed) -> Node {
    let node = bed.start(Disk::default()).await;
    bed.initialize(&node).await;
    node
}

/// What a client hears that shows this certificate: in TLS 1.3, at its first read.
async fn hears(node: &Node, identity: Option<&Identity>) -> String {
    let shaken = match Line::open(node.address(), identity).await {
        Ok(mut line) => line.try_call(&hello()).await.map(drop),
        Err(cause) => Err(cause),
    };
    shaken.unwrap_err().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_refused_with_the_alert_that_says_why() {
    let bed = Bed::new();
    let node = bed.start(Disk::default()).await;
    let early = hears(&node, Some(&bed.client)).await;
    assert!(early.contains("UnknownCA"), "before initialization: {early}");
    bed.initialize(&node).await;

    let stranger = Authority::new("customerCA").issue("client", 2049);
    let other = Authority::new("another CA").issue("client", 2049);
    let expired = bed.customer.issue("client", 2021);
    let expired_service = bed.service.issue("control plane", 2021);
    for (identity, alert) in [
        (None, "CertificateRequired"),
        (Some(&other), "UnknownCA"),
        (Some(&stranger), "UnknownCA"),
        (Some(&expired), "CertificateExpired"),
        (Some(&expired_service), "CertificateExpired"),
    ] {
        let heard = hears(&node, identity).await;
        assert!(heard.contains(alert), "{alert}: {heard}");
    }
    bed.user_line(&node).await.call(&GetHsmInfo {}).await;
    bed.service_line(&node).await.call(&GetHsmInfo {}).await;
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_tcp_on_the_tls_port_is_closed() {
    let bed = Bed::new();
    let node = ready(&bed).await;
    let mut tcp = TcpStream::connect(node.address()).await.unwrap();
    tcp.write_all(b"GET / HTTP/1.1\r\nHost: hsm\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    tcp.read_to_end(&mut answer).await.unwrap();
    assert_eq!(answer.first(), Some(&21), "a TLS alert: {answer:?}");
    bed.user_line(&node).await;
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_of_impossible_lengths_end_the_connection_with_a_refusal() {
    let bed = Bed::new();
    let node = ready(&bed).await;
    for length in [0, 5, FRAME_MAX as u32 + 1, u32::MAX] {
        let mut line = bed.user_line(&node).await;
        line.stream.write_all(&length.to_be_bytes()).await.unwrap();
        line.stream.write_all(&[0xff; 4_000]).await.unwrap();
        line.stream.flush().await.unwrap();
        assert_eq!(line.last_words().await, Fault::Malformed, "length {length}");
    }
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_understood_in_a_frame_is_refused_and_the_connection_goes_on() {
    let bed = Bed::new();
    let node = ready(&bed).await;
    let mut line = bed.user_line(&node).await;
    let largest = vec![0xa5; FRAME_MAX - 6];
    let cases: [(u16, &[u8], Fault); 4] = [
        (0x7777, b"", Fault::NoSuchCommand),
        (0x0017, b"garbage", Fault::Malformed),
        (0x000d, b"\xa1", Fault::Malformed),
        (0x8022, &largest, Fault::Malformed),
    ];
    for (code, content, fault) in cases {
        let mut bytes = Vec::new();
        put_frame(&mut bytes, 9, code, |body| body.extend_from_slice(content));
        line.stream.write_all(&bytes).await.unwrap();
        line.stream.flush().await.unwrap();
        let (id, refused, _) = line.receive().await.unwrap();
        assert_eq!((id, Fault::from_code(refused)), (9, fault));
    }
    line.call(&GetHsmInfo {}).await;
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_ends_a_connection_before_and_within_a_frame() {
    let bed = Bed::new();
    let mut options = bed.options(0);
    options.idle_timeout_ms = 100;
    let node = start(&options, Disk::default()).await.unwrap();
    for begun in [&b""[..], &[0, 0], &[0, 0, 0, 200, 1, 2, 3]] {
        let mut line = bed.service_line(&node).await;
        line.stream.write_all(begun).await.unwrap();
        line.stream.flush().await.unwrap();
        assert_eq!(line.receive().await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    }
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_that_drips_in_ends_the_connection() {
    let bed = Bed::new();
    let mut options = bed.options(0);
    options.idle_timeout_ms = 300;
    let node = start(&options, Disk::default()).await.unwrap();
    let mut line = bed.service_line(&node).await;
    let mut frame = Vec::new();
    put_frame(&mut frame, 9, 0x7777, |body| body.resize(40, 0));
    for byte in frame {
        // The node may be gone already.
        let _ = line.stream.write_all(&[byte]).await;
        let _ = line.stream.flush().await;
        sleep(Duration::from_millis(30)).await;
    }
    line.receive().await.unwrap_err();
    node.stop().await.unwrap();
}
