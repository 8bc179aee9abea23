//! A node killed with SIGKILL while keys are made loses no acknowledged key, on no node.
#![allow(clippy::unwrap_used)]
use hsm_client::{Cluster, ClusterConfig};
use nix::sys::signal::{Signal, kill};
use proto::command::key::{FindKeys, GenerateKey};
use proto::{KeyType, Role, Secret};
use std::collections::BTreeSet;
use std::time::Duration;
use tests::cluster::{Up, create_user};

/// How often it is looked whether an HSM has every key: peers compare them every second.
const LOOKS: usize = 1_200;
const KILLS: usize = 20;

fn aes(label: String) -> GenerateKey {
    GenerateKey {
        key_type: KeyType::Aes,
        bytes: 32,
        label,
        token: true,
        attributes: vec![],
        retry: None,
    }
}

/// Makes keys without a pause until told to stop; gives the handles that were acknowledged.
async fn make_keys(
    cluster: Cluster,
    mut stop: tokio::sync::watch::Receiver<bool>,
) -> BTreeSet<u64> {
    let mut acknowledged = BTreeSet::new();
    for n in 0.. {
        if *stop.borrow_and_update() {
            break;
        }
        match cluster.generate_key(aes(format!("key {n}"))).await {
            Ok(made) => {
                acknowledged.insert(made.handle);
            }
            // What was not acknowledged may or may not be there.
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_times_and_every_acknowledged_key_is_on_all_nodes() {
    let arguments = ["--sync-interval-ms", "100", "--limits", "none", "--until", "activated"];
    let up = Up::start(env!("CARGO_BIN_EXE_cluster-ctl-tested"), &arguments);
    let admin = up.pin("admin");
    let create = create_user("maker", "makerpw1");
    up.data(Some(("admin", &admin)), &create);
    let mut config = ClusterConfig::from_file(&up.folder().join("cloudhsm-cli.cfg")).unwrap();
    config.key_availability_check = false;
    let cluster = Cluster::open(config).await.unwrap();
    cluster.login(Role::Cu, "maker", &Secret::new("makerpw1")).await.all_ok().unwrap();

    let (stop, stopped) = tokio::sync::watch::channel(false);
    let makers: Vec<_> =
        (0..8).map(|_| tokio::spawn(make_keys(cluster.clone(), stopped.clone()))).collect();
    for n in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let pid = up.pid(n % 3);
        kill(pid, Signal::SIGKILL).unwrap();
        while up.ready()["nodes"][n % 3]["pid"]
            .as_i64()
            .is_none_or(|p| p == i64::from(pid.as_raw()))
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    stop.send(true).unwrap();
    let mut acknowledged = BTreeSet::new();
    for maker in makers {
        acknowledged.extend(maker.await.unwrap());
    }
    assert!(acknowledged.len() > KILLS, "keys were made in between: {}", acknowledged.len());

    // A cluster handle of its own, so that no node is asked on a connection from before.
    let mut config = ClusterConfig::from_file(&up.folder().join("cloudhsm-cli.cfg")).unwrap();
    config.key_availability_check = false;
    let cluster = Cluster::open(config).await.unwrap();
    cluster.login(Role::Cu, "maker", &Secret::new("makerpw1")).await.all_ok().unwrap();
    for n in 0..3 {
        let hsm_id = up.hsm_id(n);
        let mut missing = acknowledged.len();
        for _ in 0..LOOKS {
            let found = handles(&cluster, &hsm_id).await;
            missing = acknowledged.difference(&found).count();
            if missing == 0 {
                break;
            }
            eprintln!("{hsm_id}: {missing} of {} keys are still to come", acknowledged.len());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(missing, 0, "{hsm_id} has lost keys that were acknowledged");
    }
    up.stop();
}

async fn handles(cluster: &Cluster, hsm_id: &str) -> BTreeSet<u64> {
    let mut all = BTreeSet::new();
    loop {
        let after = all.last().copied().unwrap_or(0);
        let page = FindKeys { attributes: vec![], owner: None, after, limit: 4096 };
        let found = cluster.call_on(hsm_id, &page).await.unwrap();
        if found.handles.is_empty() {
            return all;
        }
        all.extend(found.handles);
    }
}
