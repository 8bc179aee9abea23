//! Clients that hang up or read nothing, many at once, and what an endpoint must not do to kmsuser
//! while HSMs come and go.
use super::{PROGRAM, create_store, free_cluster};
use serde_json::{Value, json};
use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::time::Duration;
use tests::cluster::{Up, folder, text};
use tests::kms::Kms;
use tests::patience::until;
use tests::plane::Plane;

fn request(operation: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: x\r\nx-amz-target: TrentService.{operation}\r\n\
         content-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

/// The events of an operation, and the keys of origin AWS_CLOUDHSM that `up` has.
fn events(up: &Up, name: &str) -> usize {
    let text = std::fs::read_to_string(up.folder().join("cloudtrail.jsonl")).unwrap_or_default();
    let named = |line: &&str| line.contains(&format!("\"eventName\":\"{name}\""));
    text.lines().filter(named).count()
}

#[test]
fn whoever_hangs_up_does_not_stop_what_was_begun() {
    let (up, kms) = free_cluster("2");
    let store = create_store(&up, &kms);
    kms.connect(&store);
    let create = json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store });
    let sent = request("CreateKey", &create);
    const CALLS: usize = 60;
    for n in 0..CALLS {
        let mut stream = TcpStream::connect(&kms.address).unwrap();
        stream.write_all(&sent).unwrap();
        std::thread::sleep(Duration::from_millis(n as u64 % 12));
        stream.shutdown(Shutdown::Both).unwrap();
    }
    // One that was hung up on before it was read was never begun; each that was is whole.
    let made = || {
        let listed = kms.ok("ListKeys", json!({ "Limit": 1000 }));
        listed["Keys"].as_array().unwrap().len()
    };
    until("every key has its event", || made() > 0 && made() == events(&up, "CreateKey"));
    let pin = up.pin("admin");
    let backing = up.data(Some(("admin", &pin)), &["key", "list", "--max-items", "1000"]);
    assert_eq!(backing["total_key_count"], made(), "no key without a KMS key");
    up.stop();
}

#[test]
#[cfg(target_os = "linux")]
fn a_client_that_reads_no_answer_costs_little() {
    let up = Up::start(PROGRAM, &["--nodes", "1"]);
    let kms = Plane::of(&up).kms();
    let resident = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", up.process())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    };
    let before = resident();
    let mut stream = TcpStream::connect(&kms.address).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(2))).unwrap();
    let many = request("ListKeys", &json!({})).repeat(1_000);
    let mut sent = 0;
    while sent < 100 && stream.write_all(&many).is_ok() {
        sent += 1;
    }
    assert!(sent < 100, "the endpoint takes requests whose answers nobody reads");
    let after = resident();
    assert!(after < before + 32, "{before} MB before, {after} MB after");
    kms.ok("ListKeys", json!({}));
    up.stop();
}

#[test]
fn many_may_change_one_key_at_once() {
    let up = Up::start(PROGRAM, &["--nodes", "1"]);
    let kms = Plane::of(&up).kms();
    let key = kms.ok("CreateKey", json!({}))["KeyMetadata"]["KeyId"].clone();
    std::thread::scope(|scope| {
        for n in 0..32 {
            let (kms, key) = (&kms, &key);
            scope.spawn(move || {
                let tag = json!({ "TagKey": format!("t{n}"), "TagValue": "v" });
                kms.ok("TagResource", json!({ "KeyId": key, "Tags": [tag] }));
            });
        }
    });
    let tags = kms.ok("ListResourceTags", json!({ "KeyId": key, "Limit": 50 }));
    assert_eq!(tags["Tags"].as_array().unwrap().len(), 32, "{tags}");
    let xks =
        json!({ "CustomKeyStoreId": "cks-1234567890abcdef0", "XksProxyUriPath": "/a/kms/xks/v1" });
    assert_eq!(kms.refused("UpdateCustomKeyStore", xks).name, "ValidationException");
    let long = json!({ "KeyId": key, "Plaintext": "AAAA",
                       "EncryptionContext": { "a": "b".repeat(20_000) } });
    assert_eq!(kms.refused("Encrypt", long).name, "ValidationException");
    up.stop();
}

#[test]
fn disconnecting_in_the_midst_of_connecting_lets_kmsuser_go() {
    let waits = ["--until", "kmsuser", "--nodes", "2", "--connecting-ms", "1500"];
    let up = Up::start(PROGRAM, &waits);
    let kms = Plane::of(&up).kms();
    let store = create_store(&up, &kms);
    let id = json!({ "CustomKeyStoreId": store });
    for after_ms in [0, 1_480, 1_520] {
        kms.ok("ConnectCustomKeyStore", id.clone());
        std::thread::sleep(Duration::from_millis(after_ms));
        kms.ok("DisconnectCustomKeyStore", id.clone());
        assert_eq!(kms.settled(&store), "DISCONNECTED");
        let change = ["user", "change-password", "--username", "kmsuser", "--role", "crypto-user"];
        let pin = up.pin("admin");
        until("nobody is logged in as kmsuser", || {
            let words = [&change[..], &["--password", "kmsPswd"]].concat();
            up.ctl(Some(("admin", &pin)), &words, "").status.success()
        });
        kms.ok(
            "UpdateCustomKeyStore",
            json!({ "CustomKeyStoreId": store, "KeyStorePassword": "kmsPswd" }),
        );
    }
    kms.connect(&store);
    up.stop();
}

#[test]
fn an_hsm_that_was_away_when_the_password_changed_is_left_alone() {
    let place = folder();
    let start = || Up::start_in(PROGRAM, place.path(), &["--nodes", "3"]);
    let mut up = start();
    let kms = Plane::of(&up).kms();
    let stores = kms.ok("DescribeCustomKeyStores", json!({}));
    let store = stores["CustomKeyStores"][0]["CustomKeyStoreId"].as_str().unwrap().to_owned();
    up.data_text(&["sim", "kill", "2"]);
    kms.ok("DisconnectCustomKeyStore", json!({ "CustomKeyStoreId": store }));
    kms.connect(&store);
    up.data_text(&["sim", "restart", "2"]);
    // More often than wrong passwords lock a user out.
    for _ in 0..7 {
        up.stop();
        up = start();
    }
    let listed = up.data(None, &["user", "list"]);
    let users = listed["users"].as_array().unwrap();
    let kmsuser = users.iter().find(|user| user["username"] == "kmsuser").unwrap();
    assert_eq!(kmsuser["locked"], "false", "{kmsuser}");
    let kms: Kms = Plane::of(&up).kms();
    kms.ok("DisconnectCustomKeyStore", json!({ "CustomKeyStoreId": store }));
    kms.connect(&store);
    up.stop();
}

#[test]
fn a_reset_that_is_cut_short_is_finished_by_the_next() {
    let place = folder();
    let start = || Up::start_in(PROGRAM, place.path(), &["--nodes", "2"]);
    let mut up = start();
    for after_ms in [0, 5, 10, 20, 40, 80] {
        let address = Plane::of(&up).kms().address;
        let mut stream = TcpStream::connect(&address).unwrap();
        let reset = b"POST /_sim/reset HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(reset).unwrap();
        std::thread::sleep(Duration::from_millis(after_ms));
        up.signal(nix::sys::signal::Signal::SIGKILL);
        drop(up);
        up = start();
        let kms = Plane::of(&up).kms();
        kms.sim("POST /_sim/reset");
        let stores = kms.ok("DescribeCustomKeyStores", json!({}));
        let state = &stores["CustomKeyStores"][0]["ConnectionState"];
        assert_eq!(state, "CONNECTED", "killed after {after_ms} ms: {stores}\n{}", up.said);
    }
    // Wrong passwords that KMS was told do not add up to a lock-out by resets.
    for _ in 0..3 {
        let kms = Plane::of(&up).kms();
        let stores = kms.ok("DescribeCustomKeyStores", json!({}));
        let id = json!({ "CustomKeyStoreId": stores["CustomKeyStores"][0]["CustomKeyStoreId"] });
        kms.ok("DisconnectCustomKeyStore", id.clone());
        kms.sim("POST /_sim/reset");
    }
    let listed = up.ctl(None, &["user", "list"], "");
    assert!(!text(&listed).contains("\"locked\": \"true\""), "{}", text(&listed));
    up.stop();
}
