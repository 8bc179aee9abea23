//! Twenty clusters with sixty HSMs at once: started, described, used and deleted.
use crate::PROGRAM;
use serde_json::json;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tests::cluster::Up;
use tests::plane::{Owned, Plane, active, hsms};

const CLUSTERS: usize = 20;
/// Clusters that are worked on at the same time.
const AT_ONCE: usize = 4;

/// Does the work for so many clusters, some at a time.
fn for_all<T: Send>(work: impl Fn() -> T + Sync) -> Vec<T> {
    let (left, done) = (Mutex::new(CLUSTERS), Mutex::new(Vec::new()));
    let take = || {
        let mut left = left.lock().unwrap();
        let any = *left > 0;
        *left -= usize::from(any);
        any
    };
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while take() {
                    let made = work();
                    done.lock().unwrap().push(made);
                }
            });
        }
    });
    done.into_inner().unwrap()
}

/// Resident memory of `up` and of all its HSMs, in MB: each process for itself (RSS), and with
/// shared pages counted once (PSS).
#[cfg(target_os = "linux")]
fn memory(up: &Up) -> [u64; 2] {
    let own = up.process().to_string();
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let names = processes.map(|it| it.file_name().into_string().unwrap_or_default());
    let mine = names.filter(|pid| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let behind = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        *pid == own || behind.split_whitespace().nth(1) == Some(&own)
    });
    let mut sums = [0, 0];
    for pid in mine {
        let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        for (sum, name) in sums.iter_mut().zip(["Rss:", "Pss:"]) {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
            *sum += line.split_whitespace().nth(1).map_or(0, |kb| kb.parse().unwrap());
        }
    }
    sums.map(|kb| kb / 1024)
}

/// The tested program, or another build of it, to be measured.
fn program() -> String {
    std::env::var("CLOUDHSM_SIM_MEASURED").unwrap_or_else(|_| PROGRAM.to_owned())
}

#[test]
fn twenty_clusters_of_three_hsms_are_started_used_and_deleted() {
    let up = Up::start(&program(), &["--nodes", "1", "--limits", "none"]);
    let plane = Plane::of(&up);
    #[cfg(target_os = "linux")]
    let before = memory(&up);
    let begun = Instant::now();
    let owned = for_all(|| {
        let owned = Owned::activated(&plane);
        plane.add_hsm(&owned.id, 'b');
        plane.add_hsm(&owned.id, 'c');
        plane.has(&owned.id, 3);
        owned
    });
    println!(
        "{} HSMs in {CLUSTERS} clusters: {:.1} s",
        3 * CLUSTERS,
        begun.elapsed().as_secs_f64()
    );
    #[cfg(target_os = "linux")]
    println!("[RSS, PSS] in MB: {before:?} before, {:?} with them", memory(&up));
    let seen = plane.clusters();
    assert_eq!(seen.len(), CLUSTERS + 1, "and that of `up`");
    assert_eq!(seen.iter().map(active).sum::<usize>(), 3 * CLUSTERS + 1);
    for owned in &owned {
        let name = format!("user_{}", &owned.id[8..]);
        let create = ["user", "create", "--username", &name, "--role", "crypto-user"];
        owned.operate(&[&create[..], &["--password", "userPassw0rd"]].concat());
        let listed = owned.operate(&["user", "list"]);
        assert!(
            listed.contains(&name.to_lowercase()) && !listed.contains("inconsistent"),
            "{listed}"
        );
    }
    for owned in &owned {
        for hsm in hsms(&plane.describe(&owned.id)) {
            plane.call("DeleteHsm", json!({ "ClusterId": owned.id, "EniIp": hsm["EniIp"] }));
        }
    }
    for owned in &owned {
        plane.has(&owned.id, 0);
        plane.call("DeleteCluster", json!({ "ClusterId": owned.id }));
        plane.until(&owned.id, serde_json::Value::is_null);
    }
    assert_eq!(plane.clusters().len(), 1);
    assert!(!up.folder().join("clusters").read_dir().unwrap().any(|_| true), "folders are left");
    up.stop();
}

#[test]
fn transitions_last_as_long_as_at_aws_where_that_is_asked_for() {
    let up = Up::start(PROGRAM, &["--nodes", "1", "--aws-timing"]);
    let plane = Plane::of(&up);
    let id = plane.create();
    let own = up.cluster_id();
    plane.add_hsm(&own, 'b');
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(plane.describe(&id)["State"], "CREATE_IN_PROGRESS");
    let cluster = plane.describe(&own);
    let states: Vec<_> = hsms(&cluster).iter().map(|hsm| hsm["State"].clone()).collect();
    assert_eq!(states, ["ACTIVE", "CREATE_IN_PROGRESS"]);
    plane.call("DeleteCluster", json!({ "ClusterId": id }));
    assert_eq!(plane.describe(&id)["State"], "DELETE_IN_PROGRESS");
    up.stop();
}

#[test]
fn hsms_that_are_created_at_once_have_addresses_of_their_own_and_keep_the_quota() {
    let up = Up::start(PROGRAM, &["--nodes", "1"]);
    let plane = Plane::of(&up);
    let id = up.cluster_id();
    std::thread::scope(|scope| {
        for n in 0..10_u8 {
            let (plane, id) = (&plane, &id);
            scope.spawn(move || plane.add_hsm(id, char::from(b'a' + n % 2)));
        }
    });
    let cluster = plane.has(&id, 6);
    let mut addresses: Vec<_> =
        hsms(&cluster).iter().map(|hsm| hsm["EniIp"].as_str().unwrap()).collect();
    addresses.sort_unstable();
    addresses.dedup();
    assert_eq!(addresses.len(), 6, "{addresses:?}");
    let free: u64 = plane.subnets().iter().map(|it| it["free"].as_u64().unwrap()).sum();
    // KMS has none: one HSM was too few for a key store. Nor has a call that was refused.
    assert_eq!(free, 3 * 251 - 6);
    up.stop();
}

#[test]
fn the_quotas_of_an_account_hold() {
    let up = Up::start(PROGRAM, &["--nodes", "3"]);
    let plane = Plane::of(&up);
    let id = up.cluster_id();
    for zone in ['a', 'b', 'c'] {
        plane.add_hsm(&id, zone);
    }
    let subnets: Vec<_> = plane.subnets().iter().map(|subnet| subnet["id"].clone()).collect();
    let wanted = json!({ "HsmType": "hsm2m.medium", "Mode": "FIPS", "SubnetIds": subnets });
    let seventh = json!({ "ClusterId": id, "AvailabilityZone": "us-east-1a" });
    let refused = plane.call("CreateHsm", seventh);
    assert_eq!(refused["__type"], "CloudHsmInvalidRequestException", "{refused}");
    assert!(refused["Message"].as_str().unwrap().contains("6 HSMs"), "{refused}");
    for _ in 0..3 {
        plane.create();
    }
    let refused = plane.call("CreateCluster", wanted);
    assert!(refused["Message"].as_str().unwrap().contains("4 clusters"), "{refused}");
    plane.has(&id, 6);
    up.stop();
}
