//! What a web page in somebody's browser could send, and what strangers could: nothing is changed
//! and nothing is told.
use super::{ENDPOINT, PROGRAM};
use serde_json::{Value, json};
use tests::cluster::{Up, folder};
use tests::endpoint::Alone;
use tests::http::{Answer, send, send_to};
use tests::kms::Kms;
use tests::plane::Plane;

const EVIL: &str = "https://evil.example";
/// All that changes something.
const CHANGES: &[&str] = &[
    "POST /_sim/reset",
    "POST /moto-api/reset",
    "POST /_sim/clock?days=40",
    "POST /_sim/network?region=us-east-1&action=add-vpc",
    "POST /_sim/bring-back?hsm=hsm-1",
    "POST /_sim/join",
];

fn message(answer: &Answer) -> String {
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    body["message"].as_str().unwrap().to_owned()
}

fn is_refused(answer: &Answer, what: &str) {
    assert_eq!(answer.status, 403, "{what}: {:?}", String::from_utf8_lossy(&answer.body));
    assert!(!answer.headers.contains_key("access-control-allow-origin"), "{what}");
    assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{what}");
    assert!(answer.headers["content-security-policy"].contains("frame-ancestors 'none'"), "{what}");
}

#[test]
fn a_web_page_changes_nothing_and_reads_nothing() {
    let folder = folder();
    let allowed = json!({ "allow_hosts": ["kms.test.example"] });
    let endpoint = Alone::start(ENDPOINT, folder.path(), allowed);
    let kms = Kms::at(&endpoint.url);
    let key = kms.ok("CreateKey", json!({}))["KeyMetadata"]["KeyId"].clone();
    // A form or a script of another site; of another port of this machine; of a sandboxed frame.
    let own = ("host", kms.address.as_str());
    for from in [
        &[("origin", EVIL)][..],
        &[("origin", "http://127.0.0.1:1")],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")],
        &[("sec-fetch-site", "same-site")],
    ] {
        let headers = [&[own], from].concat();
        for line in CHANGES {
            is_refused(&send_to(&kms.address, &headers, line, b""), &format!("{line} {from:?}"));
        }
        let target = ("x-amz-target", "TrentService.ListKeys");
        let answer = send_to(&kms.address, &[&headers[..], &[target]].concat(), "POST /", b"{}");
        is_refused(&answer, "AWS KMS");
    }
    // A name that somebody else has pointed here, for whatever is asked.
    let target = ("x-amz-target", "TrentService.ListKeys");
    for line in [CHANGES, &["GET /_sim/health", "GET /_sim/hsms", "GET /", "POST /"]].concat() {
        let named = [("host", "evil.example"), ("origin", "http://evil.example"), target];
        let answer = send_to(&kms.address, &named, line, b"{}");
        is_refused(&answer, line);
        assert!(message(&answer).contains("--allow-host"), "{}", message(&answer));
        if !["POST /", "POST /_sim/join"].contains(&line) {
            is_refused(&send_to(&kms.address, &[target], line, b"{}"), "no host");
        }
    }
    // What a browser asks first, before it sends headers of a script's choice.
    let asked = [own, ("origin", EVIL), ("access-control-request-method", "POST")];
    let answer = send_to(&kms.address, &asked, "OPTIONS /_sim/reset", b"");
    assert_eq!(answer.status, 404);
    assert!(!answer.headers.keys().any(|name| name.starts_with("access-control")));
    // Its own names, and AWS's clients by any.
    let health = send_to(&kms.address, &[("host", "kms.test.example")], "GET /_sim/health", b"");
    assert_eq!(health.status, 200);
    assert_eq!(health.headers["cross-origin-resource-policy"], "same-origin");
    let sdk = [("host", "kms.us-east-1.amazonaws.com"), target];
    assert_eq!(send_to(&kms.address, &sdk, "POST /", b"{}").status, 200);
    assert_eq!(kms.ok("ListKeys", json!({}))["Keys"][0]["KeyId"], key);
    kms.sim("POST /_sim/reset");
    assert_eq!(kms.ok("ListKeys", json!({}))["Keys"], json!([]));
}

#[test]
fn with_strict_signatures_the_simulator_asks_for_its_token() {
    let folder = folder();
    let keys = json!([{ "access_key_id": "AKIDEXAMPLE", "secret_access_key": "secret" }]);
    let endpoint = Alone::start(ENDPOINT, folder.path(), json!({ "access_keys": keys }));
    let kms = Kms::at(&endpoint.url);
    let file = folder.path().join("endpoint/sim.token");
    let token = std::fs::read_to_string(&file).unwrap();
    assert_eq!(mode(&file), 0o600);
    let reads = ["GET /_sim/hsms", "GET /_sim/hosts", "GET /_sim/network", "GET /_sim/set-aside"];
    let joins = "POST /_sim/join";
    for line in reads.iter().chain(CHANGES).filter(|line| **line != joins) {
        let bearer = format!("Bearer {}", &token[1..]);
        for wrong in [None, Some(("x-sim-token", "wrong")), Some(("authorization", &*bearer))] {
            let answer = send(&kms.address, line, wrong.as_slice(), b"");
            assert_eq!(answer.status, 403, "{line}");
            assert!(message(&answer).contains("X-Sim-Token"), "{line}");
            assert!(!message(&answer).contains(&token), "{line}");
        }
    }
    for right in [("x-sim-token", &*token), ("authorization", &*format!("Bearer {token}"))] {
        assert_eq!(send(&kms.address, "POST /_sim/reset", &[right], b"").status, 200);
    }
    // What strangers may ask tells them no path.
    kms.sim("GET /_sim/health");
    let refused = send(&kms.address, joins, &[], b"no sealed request");
    assert_ne!(refused.status, 403);
    let place = folder.path().to_str().unwrap();
    assert!(!message(&refused).contains(place), "{}", message(&refused));
    drop(endpoint);
    // The next start needs none: an old token is no use lying about.
    let endpoint = Alone::start(ENDPOINT, folder.path(), json!({}));
    assert!(!file.exists());
    Kms::at(&endpoint.url).sim("POST /_sim/reset");
}

#[test]
fn up_hands_its_token_to_its_own_commands() {
    let folder = folder();
    let keys = folder.path().join("keys.json");
    let listed = json!([{ "access_key_id": "AKIDEXAMPLE", "secret_access_key": "secret" }]);
    std::fs::write(&keys, listed.to_string()).unwrap();
    let strict = ["--until", "nodes", "--nodes", "1", "--auth", "strict", "--access-keys"];
    let up = Up::start(PROGRAM, &[&strict[..], &[keys.to_str().unwrap()]].concat());
    let plane = Plane::of(&up);
    assert_eq!(mode(&up.folder().join("ready.json")), 0o600);
    assert_eq!(send(&plane.kms().address, "GET /_sim/network", &[], b"").status, 403);
    assert!(plane.sim("GET /_sim/network").is_object());
    let shown = up.ctl(None, &["sim", "network", "list"], "");
    assert!(shown.status.success(), "{}", tests::cluster::text(&shown));
    // Whoever joins without the key is told what is missing, and not where it lies here.
    let refused = message(&send(&plane.kms().address, "POST /_sim/join", &[], b"nothing sealed"));
    let place = up.folder().to_str().unwrap();
    assert!(refused.contains("join.key") && !refused.contains(place), "{refused}");
    up.stop();
}

fn mode(file: &std::path::Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file).unwrap().permissions().mode() & 0o777
}
