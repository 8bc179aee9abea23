//! Two endpoints on one PostgreSQL database are one KMS.
use crate::{ENDPOINT, PROGRAM, until};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tests::cluster::{Up, answer};
use tests::endpoint::Alone;
use tests::kms::{Kms, Refusal};
use tests::postgres::Postgres;

/// What one endpoint may know later than the other.
const STALE: Duration = Duration::from_secs(1);
/// A busy machine takes its time, too.
const SOON: Duration = Duration::from_secs(5);
/// A lease of three seconds, the look of another endpoint, and the connecting itself.
const TAKEN_OVER: Duration = Duration::from_secs(15);

/// The endpoint that `up` started, and how to start more on the same database.
struct Bed {
    up: Up,
    database: String,
    _postgres: Postgres,
}

impl Bed {
    fn start(arguments: &[&str]) -> Self {
        let postgres = Postgres::start();
        let database = postgres.database("kms");
        let more = ["--nodes", "2", "--database", &database];
        let up = Up::start(PROGRAM, &[arguments, &more].concat());
        Self { up, database, _postgres: postgres }
    }

    fn kms(&self) -> Kms {
        Kms::at(self.up.ready()["endpoint"].as_str().unwrap())
    }

    fn another(&self, connecting_ms: u64) -> (Alone, Kms) {
        let cluster = self.up.folder();
        let more = json!({
            "database": self.database, "clusters": [cluster], "connecting_ms": connecting_ms,
            "key_file": cluster.join("kms.key"),
        });
        let alone = Alone::start(ENDPOINT, cluster, more);
        let kms = Kms::at(&alone.url);
        (alone, kms)
    }

    fn create_store(&self, kms: &Kms) -> Value {
        let anchor = std::fs::read_to_string(self.up.folder().join("customerCA.crt")).unwrap();
        let made = kms.ok(
            "CreateCustomKeyStore",
            json!({
                "CustomKeyStoreName": "shared", "CloudHsmClusterId": self.up.ready()["cluster_id"],
                "KeyStorePassword": "kmsPswd", "TrustAnchorCertificate": anchor,
            }),
        );
        json!({ "CustomKeyStoreId": made["CustomKeyStoreId"] })
    }

    /// An admin gives kmsuser a password, which the HSMs refuse while it is logged in.
    fn admin_sets(&self, password: &str) -> bool {
        let pin = self.up.pin("admin");
        let words = ["user", "change-password", "--username", "kmsuser", "--role", "crypto-user"];
        let words = [&words[..], &["--password", password]].concat();
        let output = self.up.ctl(Some(("admin", &pin)), &words, "");
        let said = answer(&output);
        let free = said["error_code"] == 0;
        assert!(free || said["data"].as_str().unwrap().contains("logged in"), "{said}");
        free
    }
}

fn state(kms: &Kms, store: &Value) -> String {
    let stores = kms.ok("DescribeCustomKeyStores", store.clone());
    let found = &stores["CustomKeyStores"][0];
    assert_ne!(found["ConnectionState"], "FAILED", "{found}");
    found["ConnectionState"].as_str().unwrap().to_owned()
}

fn connect(kms: &Kms, store: &Value) {
    kms.ok("ConnectCustomKeyStore", store.clone());
    until("CONNECTED", SOON, || state(kms, store) == "CONNECTED");
}

fn create_key(kms: &Kms, store: &Value) -> String {
    let mut wanted = store.clone();
    if !store["CustomKeyStoreId"].is_null() {
        wanted["Origin"] = "AWS_CLOUDHSM".into();
    }
    kms.ok("CreateKey", wanted.clone())["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
}

fn encrypt(kms: &Kms, key: &str) -> Result<Value, Refusal> {
    kms.call("Encrypt", &json!({ "KeyId": key, "Plaintext": "aGVsbG8=" }))
}

/// Encrypted here, decrypted there.
fn crosses(here: &Kms, there: &Kms, key: &str) {
    let sealed = encrypt(here, key).unwrap_or_else(|error| panic!("{error:?}"));
    let opened = there.ok("Decrypt", json!({ "CiphertextBlob": sealed["CiphertextBlob"] }));
    assert_eq!(opened["Plaintext"], "aGVsbG8=");
    assert_eq!(opened["KeyId"], sealed["KeyId"]);
}

#[test]
fn what_one_endpoint_does_the_other_knows() {
    let bed = Bed::start(&["--until", "kmsuser"]);
    let (a, (_other, b)) = (&bed.kms(), &bed.another(0));
    let store = bed.create_store(a);
    assert_eq!(state(b, &store), "DISCONNECTED");
    // Asked at the same time, one changes the password and the other follows.
    std::thread::scope(|scope| {
        scope.spawn(|| a.ok("ConnectCustomKeyStore", store.clone()));
        scope.spawn(|| b.ok("ConnectCustomKeyStore", store.clone()));
    });
    until("CONNECTED", SOON, || state(b, &store) == "CONNECTED");
    let key = create_key(a, &store);
    crosses(b, a, &key);
    crosses(a, b, &key);
    a.ok("CreateAlias", json!({ "AliasName": "alias/shared", "TargetKeyId": key }));
    crosses(b, a, "alias/shared");

    // Keys of KMS's own, made by either.
    for (here, there) in [(a, b), (b, a)] {
        let own = create_key(here, &json!({}));
        crosses(there, here, &own);
        crosses(here, there, &own);
    }
    keys_change(a, b, &key);

    // kmsuser is free when both have logged it out.
    a.ok("DisconnectCustomKeyStore", store.clone());
    let took = until("kmsuser is free", SOON, || bed.admin_sets("kmsPswd2"));
    assert!(took < STALE + Duration::from_millis(500), "{took:?}");
    let refused = encrypt(b, &key).unwrap_err();
    assert_eq!(refused.name, "KMSInvalidStateException", "{refused:?}");
    let mut told = store.clone();
    told["KeyStorePassword"] = "kmsPswd2".into();
    b.ok("UpdateCustomKeyStore", told.clone());
    connect(b, &store);
    crosses(a, b, &key);
    bed.up.stop();
}

/// Being disabled, and the time: known to the other within a second.
fn keys_change(a: &Kms, b: &Kms, key: &str) {
    let named = json!({ "KeyId": key });
    for (operation, enabled) in [("DisableKey", false), ("EnableKey", true)] {
        a.ok(operation, named.clone());
        let took = until(operation, SOON, || encrypt(b, key).is_ok() == enabled);
        assert!(took < STALE + Duration::from_millis(500), "{operation}: {took:?}");
    }
    let doomed = create_key(a, &json!({}));
    let schedule = json!({ "KeyId": doomed, "PendingWindowInDays": 7 });
    b.ok("ScheduleKeyDeletion", schedule.clone());
    assert_eq!(a.sim("POST /_sim/clock?days=6")["status"], "ok");
    let later = create_key(a, &json!({}));
    std::thread::sleep(STALE);
    // Seven days from the time that it is to both, though only one was told.
    b.ok("ScheduleKeyDeletion", json!({ "KeyId": later, "PendingWindowInDays": 7 }));
    assert_eq!(b.sim("POST /_sim/clock?days=2")["status"], "ok");
    let is_gone = |kms: &Kms| kms.call("DescribeKey", &json!({ "KeyId": doomed })).is_err();
    until("the key is gone", SOON, || is_gone(a) && is_gone(b));
    let there = a.ok("DescribeKey", json!({ "KeyId": later }));
    assert_eq!(there["KeyMetadata"]["KeyState"], "PendingDeletion");
}

#[test]
fn connecting_again_and_again_disturbs_no_endpoint_that_is_in_use() {
    let bed = Bed::start(&["--until", "kmsuser"]);
    let (a, (_other, b)) = (&bed.kms(), &bed.another(0));
    let store = bed.create_store(a);
    connect(a, &store);
    let key = create_key(a, &store);
    let done = AtomicBool::new(false);
    // Whoever uses the key meanwhile is served, or told that its key store is not connected.
    let load = |kms: &Kms| {
        let mut served = 0;
        while !done.load(Ordering::Relaxed) {
            match encrypt(kms, &key) {
                Ok(_) => served += 1,
                Err(refused) => assert_eq!(refused.name, "KMSInvalidStateException"),
            }
        }
        assert!(served > 0, "{} was never served", kms.address);
    };
    std::thread::scope(|scope| {
        let loads = [a, b].map(|kms| scope.spawn(|| load(kms)));
        let rounds = std::panic::AssertUnwindSafe(|| {
            for round in 0..6 {
                let (here, there) = if round % 2 == 0 { (a, b) } else { (b, a) };
                here.ok("DisconnectCustomKeyStore", store.clone());
                connect(there, &store);
                until("in use again", SOON, || encrypt(here, &key).is_ok());
            }
        });
        let rounds = std::panic::catch_unwind(rounds);
        // Also when they failed: the load must end for the test to end.
        done.store(true, Ordering::Relaxed);
        rounds.unwrap();
        for load in loads {
            load.join().unwrap();
        }
    });
    bed.up.stop();
}

#[test]
fn an_endpoint_that_is_killed_while_it_connects_is_followed_by_the_other() {
    let bed = Bed::start(&["--until", "kmsuser"]);
    let b = &bed.kms();
    let store = bed.create_store(b);
    // Killed while it waits out its CONNECTING, and in the middle of changing the password.
    for (connecting_ms, killed_after_ms) in [(2_000, 500), (0, 0), (0, 5), (0, 20), (0, 60)] {
        let (dies, a) = bed.another(connecting_ms);
        a.ok("ConnectCustomKeyStore", store.clone());
        std::thread::sleep(Duration::from_millis(killed_after_ms));
        if connecting_ms > 0 {
            assert_eq!(state(b, &store), "CONNECTING");
        }
        drop(dies);
        until("CONNECTED", TAKEN_OVER, || state(b, &store) == "CONNECTED");
        crosses(b, b, &create_key(b, &store));
        b.ok("DisconnectCustomKeyStore", store.clone());
    }
    // The same with what the dead endpoint had logged in.
    let (dies, a) = bed.another(0);
    connect(&a, &store);
    drop(dies);
    crosses(b, b, &create_key(b, &store));
    bed.up.stop();
}

#[test]
fn a_reset_by_one_endpoint_is_one_for_both() {
    let bed = Bed::start(&[]);
    let (a, (_other, b)) = (&bed.kms(), &bed.another(0));
    crosses(b, a, "alias/example");
    let before = b.ok("DescribeKey", json!({ "KeyId": "alias/example" }));
    a.sim("POST /_sim/reset");
    until("another key", SOON, || {
        let now = b.call("DescribeKey", &json!({ "KeyId": "alias/example" }));
        now.is_ok_and(|now| now["KeyMetadata"]["KeyId"] != before["KeyMetadata"]["KeyId"])
    });
    until("in use again", SOON, || encrypt(b, "alias/example").is_ok());
    crosses(a, b, "alias/example");
    let listed = b.ok("ListKeys", json!({}));
    assert_eq!(listed["Keys"].as_array().map(Vec::len), Some(1), "{listed}");
    bed.up.stop();
}
