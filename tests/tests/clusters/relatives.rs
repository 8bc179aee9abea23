//! A cluster, those that were made from its backups, and from theirs: no two of their HSMs have one
//! number, and no key of one passes for another's.
use crate::PROGRAM;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};
use tests::cluster::{Up, folder};
use tests::plane::{Plane, hsms};

/// Nothing here takes as long, on any machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The numbers of all HSMs whose folders are below, by HSM.
fn numbers(below: &Path, into: &mut BTreeMap<String, u64>) {
    for entry in std::fs::read_dir(below).unwrap().flatten() {
        let path = entry.path();
        if let Ok(card) = std::fs::read_to_string(path.join("node.json")) {
            let card: Value = serde_json::from_str(&card).unwrap();
            let hsm_id = card["hsm_id"].as_str().unwrap().to_owned();
            into.insert(hsm_id, card["node"].as_u64().unwrap());
        } else if path.is_dir() {
            numbers(&path, into);
        }
    }
}

#[test]
fn no_two_hsms_of_relatives_have_one_number_in_any_region_whoever_asks_at_once() {
    let place = folder();
    let start = |nodes: &str| {
        let arguments = ["--nodes", nodes, "--limits", "none", "--until", "activated"];
        Up::start_in(PROGRAM, place.path(), &arguments)
    };
    let up = start("2");
    let (plane, own) = (Plane::of(&up), up.cluster_id());
    let backup = plane.newest_backup(&own);
    let heir = plane.create_from(&backup);
    let west = plane.in_region("us-west-2");
    let copy = json!({ "BackupId": backup, "DestinationRegion": "us-west-2" });
    plane.call("CopyBackupToRegion", copy);
    let far = west.create_from(&west.newest_backup(&own));
    let places =
        [(&plane, &own, 'c'), (&plane, &heir, 'a'), (&plane, &heir, 'b'), (&west, &far, 'a')];
    std::thread::scope(|scope| {
        for (plane, id, zone) in places {
            scope.spawn(move || plane.add_hsm(id, zone));
        }
    });
    plane.has(&own, 3);
    plane.has(&heir, 2);
    west.has(&far, 1);
    // Of the second generation.
    let grandchild = plane.create_from(&plane.newest_backup(&heir));
    plane.add_hsm(&grandchild, 'c');
    plane.has(&grandchild, 1);
    up.stop();
    // More for the cluster of `up`, which numbers them before the control plane runs.
    let up = start("5");
    let plane = Plane::of(&up);
    plane.has(&own, 5);
    plane.has(&heir, 2);
    let mut all = BTreeMap::new();
    numbers(place.path(), &mut all);
    let mut given: Vec<_> = all.values().collect();
    given.sort_unstable();
    given.dedup();
    assert_eq!((all.len(), given.len()), (9, 9), "{all:?}");
    up.stop();
}

/// A new KMS key in the key store, once KMS has noticed which HSMs there are.
fn create(plane: &Plane, store: &Value) -> Value {
    let wanted = json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store });
    let begun = Instant::now();
    loop {
        match plane.kms().call("CreateKey", &wanted) {
            Ok(made) => return made["KeyMetadata"]["KeyId"].clone(),
            Err(refused) => assert!(begun.elapsed() < PATIENCE, "{refused:?}"),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn encrypted(plane: &Plane, key: &Value) -> Value {
    let wanted = json!({ "KeyId": key, "Plaintext": "c2VjcmV0" });
    plane.kms().ok("Encrypt", wanted)["CiphertextBlob"].clone()
}

fn decrypts(plane: &Plane, key: &Value, blob: &Value) {
    let opened = plane.kms().ok("Decrypt", json!({ "KeyId": key, "CiphertextBlob": blob }));
    assert_eq!(opened["Plaintext"], "c2VjcmV0");
}

/// Connects the key store on another cluster.
fn moved(plane: &Plane, store: &Value, cluster: &str) {
    let (kms, id) = (plane.kms(), store.as_str().unwrap());
    kms.ok("DisconnectCustomKeyStore", json!({ "CustomKeyStoreId": store }));
    assert_eq!(kms.settled(id), "DISCONNECTED");
    let update = json!({ "CustomKeyStoreId": store, "CloudHsmClusterId": cluster });
    kms.ok("UpdateCustomKeyStore", update);
    kms.connect(id);
}

/// Adds two HSMs to a cluster, and deletes all that it had.
fn renewed(plane: &Plane, id: &str) {
    let before = plane.describe(id);
    for zone in ['a', 'b'] {
        plane.add_hsm(id, zone);
    }
    plane.has(id, hsms(&before).len() + 2);
    for hsm in hsms(&before) {
        plane.call("DeleteHsm", json!({ "ClusterId": id, "HsmId": hsm["HsmId"] }));
    }
    plane.has(id, 2);
}

#[test]
fn a_key_store_that_moves_to_a_relative_uses_its_own_keys_there_and_destroys_no_other_s() {
    let up = Up::start(PROGRAM, &["--nodes", "2", "--limits", "none"]);
    let (plane, own) = (Plane::of(&up), up.cluster_id());
    let kms = plane.kms();
    let store = kms.ok("DescribeCustomKeyStores", json!({}))["CustomKeyStores"][0].clone();
    let store = &store["CustomKeyStoreId"];
    let shared = create(&plane, store);
    let blob = encrypted(&plane, &shared);
    // From here on the two clusters go apart, each with HSMs of its own.
    plane.add_hsm(&own, 'c');
    plane.has(&own, 3);
    let heir = plane.create_from(&plane.newest_backup(&own));
    for zone in ['a', 'b'] {
        plane.add_hsm(&heir, zone);
    }
    plane.has(&heir, 2);
    renewed(&plane, &own);
    let here: Vec<_> = (0..6).map(|_| create(&plane, store)).collect();
    let blobs: Vec<_> = here.iter().map(|key| encrypted(&plane, key)).collect();

    let cluster_of = |key: &Value| {
        let shown = kms.ok("DescribeKey", json!({ "KeyId": key }));
        shown["KeyMetadata"]["CloudHsmClusterId"].clone()
    };
    assert_eq!(cluster_of(&shared), json!(own));
    moved(&plane, store, &heir);
    assert_eq!(cluster_of(&shared), json!(heir), "keys follow their store to its new cluster");
    decrypts(&plane, &shared, &blob);
    let there: Vec<_> = (0..6).map(|_| create(&plane, store)).collect();
    let blobs_there: Vec<_> = there.iter().map(|key| encrypted(&plane, key)).collect();
    for (key, blob) in here.iter().zip(&blobs) {
        let wanted = json!({ "KeyId": key, "Plaintext": "c2VjcmV0" });
        let refused = kms.refused("Encrypt", wanted);
        assert_eq!(refused.name, "KMSInvalidStateException", "{refused:?}");
        let refused = kms.refused("Decrypt", json!({ "KeyId": key, "CiphertextBlob": blob }));
        assert_eq!(refused.name, "KMSInvalidStateException", "{refused:?}");
    }
    // Deleting those that are not here touches none of those that are.
    for key in &here[..5] {
        kms.ok("ScheduleKeyDeletion", json!({ "KeyId": key, "PendingWindowInDays": 7 }));
    }
    kms.sim("POST /_sim/clock?days=8");
    let gone = |key: &Value| kms.call("DescribeKey", &json!({ "KeyId": key })).is_err();
    while !here[..5].iter().all(gone) {
        std::thread::sleep(Duration::from_millis(50));
    }
    for (key, blob) in there.iter().zip(&blobs_there) {
        decrypts(&plane, key, blob);
    }
    up.stop();
}
