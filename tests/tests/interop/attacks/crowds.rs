//! Attempts of one user, and of strangers, to keep KMS and others from the HSMs.
use crate::PROGRAM;
use hsm_client::{Connection, Endpoint, TlsIdentity, Trust};
use proto::command::cluster::GetCertificates;
use proto::command::key::GenerateRsaKeyPair;
use proto::command::session::Login;
use proto::{Role, Secret};
use serde_json::json;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;
use tests::alone::address;
use tests::cluster::Up;
use tests::kms::Kms;
use tests::strangers::fill;
use tokio::runtime::{Builder, Runtime};

/// Connections of the one user, at both HSMs together.
const FLOOD: usize = 60;

/// Clients that read no replies; the memory that they may cost the HSM, in MiB: each alone may hold
/// one, of what all share there is 32, and each has 224 KiB besides.
const DEAF: usize = 200;
const COST_MAX: usize = 32 + DEAF * 224 / 1_024;

fn identity(up: &Up) -> TlsIdentity {
    let file = |name: &str| fs::read_to_string(up.folder().join(name)).unwrap();
    let trust = Trust::Cluster { anchor_pem: file("customerCA.crt") };
    TlsIdentity::new(trust, &file("client.crt"), &file("client.key")).unwrap()
}

async fn open(up: &Up, node: usize, identity: &TlsIdentity) -> Connection {
    let endpoint: Endpoint = address(up, node).parse().unwrap();
    Connection::open(&endpoint, identity, Duration::from_secs(30)).await.unwrap()
}

/// Disconnects the key store and connects it again: with a login, a change of password and a login
/// at each HSM.
fn connects_again(up: &Up) {
    let kms = Kms::at(up.ready()["endpoint"].as_str().unwrap());
    let stores = kms.ok("DescribeCustomKeyStores", json!({}));
    let id = stores["CustomKeyStores"][0]["CustomKeyStoreId"].as_str().unwrap();
    kms.ok("DisconnectCustomKeyStore", json!({ "CustomKeyStoreId": id }));
    assert_eq!(kms.settled(id), "DISCONNECTED");
    kms.connect(id);
}

fn key_pair() -> GenerateRsaKeyPair {
    GenerateRsaKeyPair {
        modulus_bits: 4_096,
        public_exponent: 65_537,
        public_label: "public".into(),
        private_label: "private".into(),
        token: false,
        public_attributes: Vec::new(),
        private_attributes: Vec::new(),
        retry: None,
    }
}

#[test]
fn one_users_key_pairs_keep_neither_kms_nor_other_users_from_logging_in() {
    let up = Up::start(PROGRAM, &["--nodes", "2"]);
    let runtime = Runtime::new().unwrap();
    let (pin, identity) = (up.pin("example_user"), identity(&up));
    let (name, password) = pin.split_once(':').unwrap();
    let answered = Arc::new(AtomicUsize::new(0));
    for n in 0..FLOOD {
        let login =
            Login { role: Role::Cu, username: name.into(), password: Secret::new(password) };
        let connection = runtime.block_on(open(&up, n % 2, &identity));
        let answered = Arc::clone(&answered);
        runtime.block_on(connection.call(&login)).unwrap();
        runtime.spawn(async move {
            if connection.call(&key_pair()).await.is_ok() {
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    connects_again(&up);
    let admin = up.pin("admin");
    up.data(Some(("admin", &admin)), &["user", "list"]);
    let answered = answered.load(Ordering::Relaxed);
    assert!(answered < FLOOD, "the flood was over: nothing is shown");
    println!("{answered} of {FLOOD} key pairs were made meanwhile");
    runtime.shutdown_background();
}

#[test]
fn strangers_at_every_hsm_keep_kms_from_nothing() {
    let up = Up::start(PROGRAM, &["--nodes", "2"]);
    thread::scope(|threads| {
        for node in 0..2 {
            let at = address(&up, node);
            threads.spawn(move || fill(&at, 300, Duration::from_secs(6)));
        }
        thread::sleep(Duration::from_secs(1));
        connects_again(&up);
    });
}

#[test]
#[cfg(target_os = "linux")]
fn clients_that_read_no_replies_cost_an_hsm_a_bounded_sum() {
    let up = Up::start(PROGRAM, &["--nodes", "1", "--no-endpoint"]);
    let memory = || {
        let status = fs::read_to_string(format!("/proc/{}/status", up.pid(0))).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.split_whitespace().next().unwrap().parse::<usize>().unwrap() / 1_024
    };
    let identity = identity(&up);
    // Whoever drives this runtime reads: after the requests are sent, nobody does.
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let before = memory();
    let connections = runtime.block_on(async {
        let mut connections = Vec::new();
        for _ in 0..DEAF {
            connections.push(open(&up, 0, &identity).await);
        }
        for connection in &connections {
            for _ in 0..1_000 {
                drop(connection.submit(&GetCertificates {}));
            }
        }
        // A few rounds, until all is sent; replies of so many take far longer.
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        connections
    });
    let mut most = 0;
    while memory() > most {
        most = memory();
        thread::sleep(Duration::from_secs(2));
    }
    println!("MiB: {before} before, {most} at most");
    assert!(most >= before + 16, "nothing is shown: {before} MiB before, {most} MiB at most");
    assert!(most <= before + COST_MAX, "{before} MiB before, {most} MiB at most");
    drop(connections);
}
