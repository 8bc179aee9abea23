//! Twenty clusters with sixty HSMs at once: started, described, used and deleted.
use crate::PROGRAM;
use serde_json::json;
use std::sync::Mutex;
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

#[test]
fn twenty_clusters_of_three_hsms_are_started_used_and_deleted() {
    let up = Up::start(PROGRAM, &["--nodes", "1", "--limits", "none"]);
    let plane = Plane::of(&up);
    let owned = for_all(|| {
        let owned = Owned::activated(&plane);
        plane.add_hsm(&owned.id, 'b');
        plane.add_hsm(&owned.id, 'c');
        plane.has(&owned.id, 3);
        owned
    });
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
fn the_quotas_of_an_account_hold() {
    let up = Up::start(PROGRAM, &["--nodes", "3"]);
    let plane = Plane::of(&up);
    let id = up.ready()["cluster_id"].as_str().unwrap().to_owned();
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
