//! An endpoint that is killed while it connects a key store: the next one brings it to its end.
use super::{ENDPOINT, PROGRAM, create_store};
use nix::sys::signal::Signal;
use serde_json::json;
use std::time::Duration;
use tests::cluster::{Up, folder};
use tests::endpoint::Alone;
use tests::kms::Kms;

/// Milliseconds from the beginning of a connect to the kill: into each of its phases.
const MOMENTS: [u64; 6] = [0, 10, 40, 80, 160, 320];

#[test]
fn killed_at_any_moment_of_a_connect_it_leaves_nothing_to_repair() {
    let up = Up::start(PROGRAM, &["--until", "kmsuser", "--nodes", "2", "--no-endpoint"]);
    let place = folder();
    let start = || Alone::start(ENDPOINT, place.path(), json!({ "clusters": [up.folder()] }));
    let mut endpoint = start();
    let store = create_store(&up, &Kms::at(&endpoint.url));
    let id = json!({ "CustomKeyStoreId": store });
    let mut blob = None;
    for moment in MOMENTS {
        let kms = Kms::at(&endpoint.url);
        kms.ok("ConnectCustomKeyStore", id.clone());
        std::thread::sleep(Duration::from_millis(moment));
        drop(endpoint);
        endpoint = start();
        let kms = Kms::at(&endpoint.url);
        assert_eq!(kms.settled(&store), "CONNECTED", "killed after {moment} ms");
        let sealed = blob.get_or_insert_with(|| {
            let key = json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store });
            let key = kms.ok("CreateKey", key)["KeyMetadata"]["KeyId"].clone();
            let sealed = kms.ok("Encrypt", json!({ "KeyId": key, "Plaintext": "c2VjcmV0" }));
            sealed["CiphertextBlob"].clone()
        });
        let opened = kms.ok("Decrypt", json!({ "CiphertextBlob": sealed }));
        assert_eq!(opened["Plaintext"], "c2VjcmV0", "killed after {moment} ms");
        kms.ok("DisconnectCustomKeyStore", id.clone());
    }
    drop(endpoint);
    up.stop();
}

#[test]
fn a_second_endpoint_on_the_same_database_goes_on_where_the_first_was_killed() {
    let up = Up::start(PROGRAM, &["--until", "kmsuser", "--nodes", "2", "--no-endpoint"]);
    let place = folder();
    let start = |more: u64| {
        let more = json!({ "clusters": [up.folder()], "connecting_ms": more });
        Alone::start(ENDPOINT, place.path(), more)
    };
    // The first one takes for ever to say that it is connected: it is killed before.
    let (first, second) = (start(3_600_000), start(0));
    let (one, other) = (Kms::at(&first.url), Kms::at(&second.url));
    let store = create_store(&up, &one);
    let id = json!({ "CustomKeyStoreId": store });
    one.ok("ConnectCustomKeyStore", id.clone());
    assert_eq!(other.store(&store)["ConnectionState"], "CONNECTING");
    let create = json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store });
    let refusal = other.refused("CreateKey", create.clone());
    assert_eq!(refusal.name, "CustomKeyStoreInvalidStateException");
    drop(first);
    assert_eq!(other.settled(&store), "CONNECTED");
    other.ok("CreateKey", create);
    drop(second);
    up.stop();
}

#[test]
fn up_that_is_killed_while_it_connects_comes_back_connected() {
    let folder = folder();
    let up = Up::start_in(PROGRAM, folder.path(), &["--until", "kmsuser", "--nodes", "2"]);
    let kms = Kms::at(up.ready()["endpoint"].as_str().unwrap());
    let store = create_store(&up, &kms);
    up.stop();
    let slow = ["--until", "kmsuser", "--connecting-ms", "3600000"];
    let up = Up::start_in(PROGRAM, folder.path(), &slow);
    let kms = Kms::at(up.ready()["endpoint"].as_str().unwrap());
    kms.ok("ConnectCustomKeyStore", json!({ "CustomKeyStoreId": store }));
    // Long enough for the password to be another: nobody but the endpoint knows when.
    std::thread::sleep(Duration::from_millis(500));
    up.signal(Signal::SIGKILL);
    drop(up);
    let up = Up::start_in(PROGRAM, folder.path(), &["--until", "kmsuser"]);
    let kms = Kms::at(up.ready()["endpoint"].as_str().unwrap());
    assert_eq!(kms.settled(&store), "CONNECTED", "{}", kms.store(&store));
    up.stop();
}
