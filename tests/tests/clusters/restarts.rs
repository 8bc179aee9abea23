//! `kill -9` of the endpoint, and so of all HSMs, while they come and go: the next one finishes.
use crate::PROGRAM;
use nix::sys::signal::Signal;
use serde_json::json;
use std::time::Duration;
use tests::cluster::{Up, folder};
use tests::plane::{Owned, Plane, active, hsms};

#[test]
fn whatever_was_begun_when_the_endpoint_was_killed_is_finished_by_the_next() {
    let place = folder();
    let start = || Up::start_in(PROGRAM, place.path(), &["--nodes", "1", "--limits", "none"]);
    let mut up = start();
    let mut plane = Plane::of(&up);
    let owned = Owned::activated(&plane);
    // At many moments of the work, which takes some tenths of a second.
    for (round, millis) in [0, 30, 60, 100, 150, 220, 300, 400].into_iter().enumerate() {
        let wanted = if round % 2 == 0 {
            plane.add_hsm(&owned.id, 'b');
            2
        } else {
            let cluster = plane.describe(&owned.id);
            let last = hsms(&cluster).last().unwrap();
            plane.call("DeleteHsm", json!({ "ClusterId": owned.id, "HsmId": last["HsmId"] }));
            1
        };
        std::thread::sleep(Duration::from_millis(millis));
        up.signal(Signal::SIGKILL);
        drop(up);
        up = start();
        plane = Plane::of(&up);
        let cluster = plane.has(&owned.id, wanted);
        assert_eq!(cluster["State"], "ACTIVE", "{cluster}");
    }
    // A cluster of which nothing but the record is there yet, and one that is being deleted.
    let young = plane.create();
    plane.until(&young, |cluster| cluster["State"] == "UNINITIALIZED");
    plane.call("DeleteCluster", json!({ "ClusterId": young }));
    let younger = plane.create();
    up.signal(Signal::SIGKILL);
    drop(up);
    up = start();
    plane = Plane::of(&up);
    plane.until(&young, serde_json::Value::is_null);
    plane.until(&younger, |cluster| cluster["State"] == "UNINITIALIZED");
    up.stop();
}

#[test]
fn a_cluster_whose_endpoint_is_killed_at_every_step_of_its_life_gets_to_the_end_of_it() {
    let place = folder();
    let start = || Up::start_in(PROGRAM, place.path(), &["--nodes", "1", "--limits", "none"]);
    let again = |up: Up, after_ms: u64| {
        std::thread::sleep(Duration::from_millis(after_ms));
        up.signal(Signal::SIGKILL);
        drop(up);
        let up = start();
        let plane = Plane::of(&up);
        (up, plane)
    };
    let mut up = start();
    let mut plane = Plane::of(&up);
    for after_ms in [0, 25, 70, 150] {
        let owned = Owned::created(&plane);
        owned.begin_to_initialize();
        (up, plane) = again(up, after_ms);
        plane.until(&owned.id, |cluster| cluster["State"] == "INITIALIZED");
        let owned = owned.behind(&plane);
        plane.has(&owned.id, 1);
        owned.activate();
        (up, plane) = again(up, after_ms);
        plane.until(&owned.id, |cluster| cluster["State"] == "ACTIVE");
        // From its backup, which was taken at activation, another cluster.
        let named = json!({ "Filters": { "clusterIds": [owned.id] } });
        let backups = plane.call("DescribeBackups", named);
        let backup = backups["Backups"][0]["BackupId"].clone();
        let subnets: Vec<_> = plane.subnets().iter().map(|it| it["id"].clone()).collect();
        let wanted = json!({ "HsmType": "hsm2m.medium", "Mode": "FIPS", "SubnetIds": subnets,
                             "SourceBackupId": backup });
        let heir = plane.call("CreateCluster", wanted)["Cluster"]["ClusterId"].clone();
        let heir = heir.as_str().unwrap();
        (up, plane) = again(up, after_ms);
        plane.until(heir, |cluster| cluster["State"] == "ACTIVE");
        plane.add_hsm(heir, 'b');
        (up, plane) = again(up, after_ms);
        plane.has(heir, 1);
        // The operator's certificate and password are those of the first one.
        plane.has(&owned.id, 1);
        let first = owned.behind(&plane);
        assert!(first.operate(&["user", "list"]).contains("\"admin\""));
        let heir = first.named(heir);
        assert!(heir.operate(&["user", "list"]).contains("\"admin\""));
    }
    up.stop();
}

/// The CU of `up`, and a key of its own with this label.
fn make_key(up: &Up, label: &str) {
    let pin = up.pin("example_user");
    let make = ["key", "generate-symmetric", "aes", "--key-length-bytes", "32", "--label", label];
    up.data(Some(("crypto-user", &pin)), &make);
}

fn has_key(up: &Up, label: &str) -> bool {
    let (pin, filter) = (up.pin("example_user"), format!("attr.label={label}"));
    let listed = up.data(Some(("crypto-user", &pin)), &["key", "list", "--filter", &filter]);
    listed["total_key_count"] == 1
}

#[test]
fn up_takes_its_cluster_through_the_control_plane() {
    let up = Up::start(PROGRAM, &["--nodes", "3", "--until", "initialized"]);
    let plane = Plane::of(&up);
    let id = up.cluster_id();
    let cluster = plane.describe(&id);
    assert_eq!(cluster["State"], "INITIALIZED", "{cluster:#}");
    assert!(cluster["Certificates"]["ClusterCertificate"].is_string(), "{cluster:#}");
    let states: Vec<_> =
        cluster["Hsms"].as_array().unwrap().iter().map(|it| &it["State"]).collect();
    assert_eq!(states, ["ACTIVE", "CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS"]);
    let trail = std::fs::read_to_string(up.folder().join("cloudtrail.jsonl")).unwrap();
    assert!(trail.contains("\"eventName\":\"InitializeCluster\""), "{trail}");
    // Once a person has activated it, the others join.
    up.data_text(&["cluster", "activate", "--password", "adminPassw0rd"]);
    assert_eq!(plane.has(&id, 3)["State"], "ACTIVE");
    let named = json!({ "Filters": { "clusterIds": [id] } });
    let backups = plane.call("DescribeBackups", named);
    let backups = backups["Backups"].as_array().unwrap().len();
    // At activation, and for each HSM that joined.
    assert_eq!(backups, 3);
    up.stop();
}

#[test]
fn an_hsm_that_is_down_at_activation_joins_when_it_runs_again() {
    let up = Up::start(PROGRAM, &["--nodes", "3", "--until", "initialized"]);
    let plane = Plane::of(&up);
    let id = up.cluster_id();
    up.data_text(&["sim", "kill", "2"]);
    up.data_text(&["cluster", "activate", "--password", "adminPassw0rd"]);
    plane.until(&id, |cluster| active(cluster) == 2);
    up.data_text(&["sim", "restart", "2"]);
    plane.has(&id, 3);
    up.stop();
}

#[test]
fn a_cluster_whose_database_is_lost_is_known_again_by_its_hsms() {
    let place = folder();
    let up = Up::start_in(PROGRAM, place.path(), &["--nodes", "3"]);
    let id = up.cluster_id();
    make_key(&up, "kept");
    up.stop();
    for name in ["kms.sqlite", "kms.sqlite-shm", "kms.sqlite-wal"] {
        let _ = std::fs::remove_file(place.path().join(name));
    }
    let up = Up::start_in(PROGRAM, place.path(), &["--nodes", "3"]);
    assert_eq!(up.cluster_id(), id);
    let cluster = Plane::of(&up).has(&id, 3);
    assert_eq!(cluster["State"], "ACTIVE");
    assert!(cluster["Certificates"]["ClusterCertificate"].is_string(), "{cluster:#}");
    assert!(has_key(&up, "kept"));
    up.stop();
}

#[test]
fn without_an_endpoint_nobody_is_kmsuser() {
    let place = folder();
    Up::start_in(PROGRAM, place.path(), &["--nodes", "2"]).stop();
    let up = Up::start_in(PROGRAM, place.path(), &["--nodes", "2", "--no-endpoint"]);
    // Longer than KMS takes to log in: then its password could not be changed.
    std::thread::sleep(Duration::from_secs(2));
    let change = ["user", "change-password", "--username", "kmsuser", "--role", "crypto-user"];
    let pin = up.pin("admin");
    up.data(Some(("admin", &pin)), &[&change[..], &["--password", "kmsPswd"]].concat());
    up.stop();
}

#[test]
fn an_hsm_that_cannot_start_for_a_while_keeps_all_that_it_knows() {
    let arguments = ["--nodes", "1", "--replace-after", "1"];
    let up = Up::start(PROGRAM, &arguments);
    let plane = Plane::of(&up);
    let id = up.cluster_id();
    let config = std::fs::read_to_string(up.folder().join("cloudhsm-cli.cfg")).unwrap();
    // One HSM alone may be used without the availability check.
    assert!(config.contains("\"disable_key_availability_check\": true"), "{config}");
    make_key(&up, "kept");
    let before = plane.describe(&id)["Hsms"][0]["HsmId"].clone();
    let address = up.ready()["nodes"][0]["address"].as_str().unwrap().to_owned();
    up.data_text(&["sim", "kill", "1"]);
    let taken = std::net::TcpListener::bind(&address).unwrap();
    std::fs::remove_file(up.folder().join(before.as_str().unwrap()).join("held")).unwrap();
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(plane.describe(&id)["Hsms"][0]["HsmId"], before, "it is the only one");
    drop(taken);
    plane.has(&id, 1);
    assert!(has_key(&up, "kept"));
    up.stop();
}

#[test]
fn an_hsm_that_was_broken_before_up_was_killed_is_replaced_by_the_next() {
    let place = folder();
    let start = |after: &str| {
        Up::start_in(PROGRAM, place.path(), &["--nodes", "3", "--replace-after", after])
    };
    let up = start("600");
    let id = up.cluster_id();
    make_key(&up, "kept");
    let broken = up.hsm_id(1);
    up.data_text(&["sim", "destroy", "2"]);
    up.signal(Signal::SIGKILL);
    drop(up);
    let up = start("1");
    let plane = Plane::of(&up);
    let cluster = plane.until(&id, |cluster| {
        hsms(cluster).len() == 3
            && hsms(cluster).iter().all(|hsm| hsm["State"] == "ACTIVE" && hsm["HsmId"] != *broken)
    });
    assert_eq!(cluster["State"], "ACTIVE");
    assert!(has_key(&up, "kept"));
    up.stop();
}

#[test]
fn a_cluster_of_up_without_hsms_is_there_again_with_its_users_and_keys() {
    let place = folder();
    let start = || Up::start_in(PROGRAM, place.path(), &["--nodes", "2"]);
    let up = start();
    let plane = Plane::of(&up);
    let id = up.cluster_id();
    make_key(&up, "kept");
    for hsm in hsms(&plane.describe(&id)) {
        plane.call("DeleteHsm", json!({ "ClusterId": id, "HsmId": hsm["HsmId"] }));
    }
    plane.has(&id, 0);
    up.stop();
    let up = start();
    let plane = Plane::of(&up);
    assert_eq!(plane.describe(&id)["State"], "ACTIVE");
    plane.add_hsm(&id, 'a');
    plane.add_hsm(&id, 'b');
    plane.has(&id, 2);
    tests::patience::until("the configuration names them", || {
        up.ready()["nodes"].as_array().unwrap().len() == 2 && {
            let config = std::fs::read_to_string(place.path().join("cloudhsm-cli.cfg")).unwrap();
            let ready = up.ready();
            let mut nodes = ready["nodes"].as_array().unwrap().iter();
            nodes.all(|node| {
                let port = node["address"].as_str().unwrap().rsplit_once(':').unwrap().1;
                config.contains(port)
            })
        }
    });
    assert!(has_key(&up, "kept"));
    // The cluster itself is deleted, and the folder is good for others.
    for hsm in hsms(&plane.describe(&id)) {
        plane.call("DeleteHsm", json!({ "ClusterId": id, "HsmId": hsm["HsmId"] }));
    }
    plane.has(&id, 0);
    plane.call("DeleteCluster", json!({ "ClusterId": id }));
    plane.until(&id, serde_json::Value::is_null);
    up.stop();
    let up = start();
    let plane = Plane::of(&up);
    assert!(plane.describe(&id).is_null());
    let other = plane.create();
    plane.until(&other, |cluster| cluster["State"] == "UNINITIALIZED");
    up.stop();
}
