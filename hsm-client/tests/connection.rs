//! One connection against an HSM that answers, misbehaves, vanishes, or is none.
#![allow(clippy::unwrap_used)]

#[path = "fake/hsm.rs"]
mod fake;

use fake::{Authority, Fake, Trick};
use hsm_client::{CallError, ConnectError, Connection, Endpoint, TlsError, TlsIdentity, Trust};
use proto::command::key::{DestroyObjects, FindKeys, GenerateKey};
use proto::command::user::ListUsers;
use proto::{Fault, KeyType, Opcode};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

const LONG: Duration = Duration::from_secs(30);

fn find(after: u64) -> FindKeys {
    FindKeys { attributes: vec![], owner: None, after, limit: 10 }
}

fn session_key() -> GenerateKey {
    GenerateKey {
        key_type: KeyType::Aes,
        bytes: 32,
        label: "k".into(),
        token: false,
        attributes: vec![],
        retry: None,
    }
}

async fn open(fake: &Fake, authority: &Authority) -> Connection {
    Connection::open(&fake.endpoint, &authority.client(), LONG).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_share_a_line_and_keep_their_order() {
    let authority = Authority::new("customerCA");
    let fake = Fake::start(&authority, 4).await;
    let connection = open(&fake, &authority).await;
    assert_eq!(connection.welcome().hsm_id, "hsm-4");
    assert!(connection.is_open());
    // More than are allowed in flight: the rest waits its turn.
    let pending: Vec<_> = (0..5_000).map(|_| connection.submit(&session_key())).collect();
    let mut last = 0;
    for (at, made) in pending.into_iter().enumerate() {
        let handle = made.await.unwrap().handle;
        if at < 1_000 {
            assert!(handle > last);
        }
        last = handle;
    }
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let connection = connection.clone();
        tasks.spawn(async move {
            for _ in 0..50 {
                connection.call(&find(0)).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(connection.in_flight(), 0);
    let refused = connection.call(&DestroyObjects { handles: vec![1] }).await.unwrap_err();
    assert_eq!(refused.refusal().unwrap().fault, Fault::InvalidHandle);
}

#[tokio::test]
async fn a_request_too_large_for_a_frame_is_not_sent() {
    let authority = Authority::new("customerCA");
    let fake = Fake::start(&authority, 0).await;
    let connection = open(&fake, &authority).await;
    let handles = (1 << 40..(1 << 40) + 20_000).collect();
    let error = connection.call(&DestroyObjects { handles }).await.unwrap_err();
    assert_eq!(error.refusal().unwrap().fault, Fault::Malformed);
    connection.call(&ListUsers {}).await.unwrap();
}

#[tokio::test]
async fn replies_still_come_when_the_last_handle_is_dropped() {
    let authority = Authority::new("customerCA");
    let fake = Fake::start(&authority, 0).await;
    let connection = open(&fake, &authority).await;
    let pending = connection.submit(&ListUsers {});
    drop(connection);
    pending.await.unwrap();
}

#[tokio::test]
async fn nonsense_ends_the_line_and_every_call() {
    let authority = Authority::new("customerCA");
    let fake = Fake::start(&authority, 0).await;
    for (trick, word) in [
        (Trick::Garbage, "garbage"),
        (Trick::WrongId, "garbage"),
        (Trick::HalfFrame, "hung up"),
        (Trick::CutAfter, "hung up"),
    ] {
        let connection = open(&fake, &authority).await;
        fake.state.trick(Opcode::ListUsers, trick.clone());
        let first = connection.submit(&ListUsers {});
        let second = connection.submit(&find(0));
        for error in [first.await.unwrap_err(), second.await.unwrap_err()] {
            assert!(matches!(error, CallError::Lost { .. }), "{trick:?}: {error}");
            let text = error.to_string();
            assert!(text.contains("hsm-0 (127.0.0.1:") && text.contains("unknown"), "{text}");
        }
        let why = connection.closed().await;
        assert!(why.contains(word) || why.contains("close_notify"), "{trick:?}: {why}");
        assert!(!connection.is_open());
        let late = connection.call(&ListUsers {}).await.unwrap_err();
        assert!(matches!(late, CallError::NotSent { .. }), "{late}");
    }
}

#[tokio::test]
async fn a_reply_that_cannot_be_read_spoils_only_its_call() {
    let authority = Authority::new("customerCA");
    let fake = Fake::start(&authority, 0).await;
    let connection = open(&fake, &authority).await;
    fake.state.trick(Opcode::ListUsers, Trick::BadBody);
    let error = connection.call(&ListUsers {}).await.unwrap_err();
    assert!(matches!(error, CallError::BadReply(_)), "{error}");
    connection.call(&ListUsers {}).await.unwrap();
}

#[tokio::test]
async fn a_vanished_server_is_noticed() {
    let authority = Authority::new("customerCA");
    let fake = Fake::start(&authority, 0).await;
    let connection = open(&fake, &authority).await;
    fake.stop().await;
    connection.closed().await;
    let refused = Connection::open(&fake.endpoint, &authority.client(), LONG).await.unwrap_err();
    assert!(matches!(refused, ConnectError::Refused { .. }));
    let text = refused.to_string();
    assert_eq!(text, format!("{}: nobody listens there: is the HSM running?", fake.endpoint));
}

#[tokio::test]
async fn a_server_of_another_ca_or_with_a_clients_certificate_is_not_trusted() {
    let (ours, theirs) = (Authority::new("customerCA"), Authority::new("other CA"));
    let fake = Fake::start(&theirs, 0).await;
    let identity = ours.client().named("/state/customerCA.crt", "/state/client.crt");
    let error = Connection::open(&fake.endpoint, &identity, LONG).await.unwrap_err();
    assert!(matches!(error, ConnectError::BadServerCertificate { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("issued by \"other CA\"") && text.contains("/state/customerCA.crt"),
        "{text}"
    );

    let posing = Fake::start_as(&ours, 0, "some client").await;
    let error = Connection::open(&posing.endpoint, &identity, LONG).await.unwrap_err();
    assert!(matches!(error, ConnectError::BadServerCertificate { .. }), "{error}");
    assert!(error.to_string().contains("made out to \"some client\""), "{error}");
}

#[tokio::test]
async fn a_client_that_is_not_admitted_learns_why() {
    let (ours, theirs) = (Authority::new("customerCA"), Authority::new("other CA"));
    let fake = Fake::start(&ours, 0).await;
    for (made, word) in [
        (theirs.issue("client", 2020..2090), "was not issued by the CA"),
        (ours.issue("client", 2020..2021), "has expired"),
    ] {
        let identity = ours.client_of(&made).named("ca.crt", "/state/client.crt");
        let error = Connection::open(&fake.endpoint, &identity, LONG).await.unwrap_err();
        assert!(matches!(error, ConnectError::ClientCertificateRefused { .. }), "{error}");
        let text = error.to_string();
        assert!(text.contains(word) && text.contains("/state/client.crt"), "{text}");
        assert!(text.contains("cluster-ctl client-cert"), "{text}");
    }
}

#[tokio::test]
async fn what_is_no_hsm_is_told_apart() {
    let authority = Authority::new("customerCA");
    let identity = authority.client();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::new("127.0.0.1", listener.local_addr().unwrap().port());
    let talker = tokio::spawn(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        tcp.write_all(b"SSH-2.0-OpenSSH_9.6\r\n").await.unwrap();
        let (tcp, _) = listener.accept().await.unwrap();
        (tcp, listener.accept().await)
    });
    let error = Connection::open(&endpoint, &identity, LONG).await.unwrap_err();
    assert!(matches!(error, ConnectError::NotTls { .. }), "{error}");
    let silent = Duration::from_millis(50);
    let error = Connection::open(&endpoint, &identity, silent).await.unwrap_err();
    assert!(matches!(error, ConnectError::TimedOut { .. }), "{error}");
    assert!(error.to_string().contains("within 50 ms"), "{error}");
    talker.abort();
    let nowhere = Endpoint::new("no-such-host.invalid", 2223);
    let error = Connection::open(&nowhere, &identity, LONG).await.unwrap_err();
    assert!(matches!(error, ConnectError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn another_version_and_a_full_server_are_named() {
    let authority = Authority::new("customerCA");
    let fake = Fake::start(&authority, 0).await;
    let open =
        || async { Connection::open(&fake.endpoint, &authority.client(), LONG).await.unwrap_err() };
    fake.state.trick(Opcode::Hello, Trick::Refuse(Fault::VersionMismatch));
    assert!(matches!(open().await, ConnectError::Version { .. }));
    fake.state.trick(Opcode::Hello, Trick::Garbage);
    assert!(matches!(open().await, ConnectError::Version { .. }));
    fake.state.trick(Opcode::Hello, Trick::CutAfter);
    assert!(matches!(open().await, ConnectError::Lost { .. }));
    fake.state.trick(Opcode::Hello, Trick::Refuse(Fault::TooManyConnections));
    let full = open().await;
    assert!(matches!(full, ConnectError::Declined { .. }), "{full}");
}

#[test]
fn identities_are_checked_when_they_are_made() {
    let authority = Authority::new("customerCA");
    let (one, two) = (authority.issue("a", 2020..2090), authority.issue("b", 2020..2090));
    let trust = || Trust::Cluster { anchor_pem: authority.pem() };
    let make = |cert: &str, key: &str| TlsIdentity::new(trust(), cert, key).err();
    assert!(make(&one.certificate, &one.key).is_none());
    assert!(matches!(make(&one.certificate, &two.key), Some(TlsError::KeyMismatch)));
    assert!(matches!(make("nothing", &one.key), Some(TlsError::Certificate(_))));
    assert!(matches!(make(&one.certificate, "nothing"), Some(TlsError::Key(_))));
    let encrypted =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let error = make(&one.certificate, encrypted).unwrap().to_string();
    assert!(error.contains("pass phrase"), "{error}");
    let no_anchor = Trust::Cluster { anchor_pem: String::new() };
    let error = TlsIdentity::new(no_anchor, &one.certificate, &one.key).unwrap_err();
    assert!(matches!(error, TlsError::Anchor(_)));
}
