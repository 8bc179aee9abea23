//! What a web page tries that somebody has open beside a running cluster, and what strangers try at
//! an endpoint that checks signatures.
use crate::{PROGRAM, ok};
use serde_json::json;
use std::process::Command;
use tests::cluster::{Up, folder, run};
use tests::http::{send, send_to};
use tests::kms::Kms;
use tests::plane::Plane;

/// The simulator's own paths, and AWS's.
const LINES: &[&str] = &[
    "POST /_sim/reset",
    "POST /moto-api/reset",
    "POST /_sim/clock?days=40",
    "POST /_sim/network?region=us-east-1&action=close-group&of=CLUSTER",
    "POST /_sim/bring-back?hsm=HSM",
    "POST /_sim/join",
    "POST /",
];
/// How often each is tried.
const TIMES: usize = 20;

/// By botocore, which is not ours: the access key, its secret, method, URL; prints the status.
const SIGNS: &str = "
import sys, urllib.error, urllib.request
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
key, secret, method, url = sys.argv[1:]
request = AWSRequest(method=method, url=url)
SigV4Auth(Credentials(key, secret), 'kms', 'us-east-1').add_auth(request)
sent = urllib.request.Request(url, method=method, headers=dict(request.headers))
try:
    print(urllib.request.urlopen(sent).status)
except urllib.error.HTTPError as error:
    print(error.code)
";

#[test]
fn a_web_page_leaves_a_cluster_as_it_is() {
    let up = Up::start(PROGRAM, &["--nodes", "2"]);
    let plane = Plane::of(&up);
    let (kms, network) = (plane.kms(), plane.sim("GET /_sim/network"));
    let key = kms.ok("DescribeKey", json!({ "KeyId": "alias/example" }));
    let (own, evil) = (kms.address.as_str(), "evil.example:4566");
    let target = ("x-amz-target", "TrentService.ScheduleKeyDeletion");
    let body = json!({ "KeyId": "alias/example" }).to_string();
    for sent in [
        &[("host", own), ("origin", "https://evil.example")][..],
        &[("host", own), ("origin", "null"), ("content-type", "text/plain")],
        &[("host", own), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")],
        &[("host", evil), ("origin", "http://evil.example:4566"), target],
        &[("host", evil), ("sec-fetch-site", "same-origin"), target],
    ] {
        for line in LINES.iter().flat_map(|line| std::iter::repeat_n(line, TIMES)) {
            let line = line.replace("CLUSTER", &up.cluster_id()).replace("HSM", &up.hsm_id(0));
            let answer = send_to(own, sent, &line, body.as_bytes());
            assert_eq!(answer.status, 403, "{line} {sent:?}");
        }
        for line in ["GET /_sim/hsms", "GET /_sim/network", "GET /_sim/health"] {
            let is_rebound = sent[0].1 == evil;
            let status = send_to(own, sent, line, b"").status;
            // What another origin may ask for it cannot read; a name that it made its own could.
            assert_eq!(status, if is_rebound { 403 } else { 200 }, "{line} {sent:?}");
        }
    }
    assert_eq!(kms.ok("DescribeKey", json!({ "KeyId": "alias/example" })), key);
    assert_eq!(plane.sim("GET /_sim/network"), network);
    up.stop();
}

#[test]
fn strangers_do_nothing_where_signatures_are_checked_and_known_keys_do() {
    let folder = folder();
    let keys = folder.path().join("keys.json");
    let listed = json!([{ "access_key_id": "AKIDEXAMPLE", "secret_access_key": "secret" }]);
    std::fs::write(&keys, listed.to_string()).unwrap();
    let strict = ["--until", "nodes", "--nodes", "1", "--auth", "strict", "--access-keys"];
    let up = Up::start(PROGRAM, &[&strict[..], &[keys.to_str().unwrap()]].concat());
    let address = Kms::at(&Plane::url(&up)).address;
    let lines = ["POST /_sim/clock?days=1", "POST /_sim/network?region=us-east-1&action=add-vpc"];
    for line in lines.into_iter().chain(["GET /_sim/hsms", "GET /_sim/network"]) {
        for _ in 0..TIMES {
            assert_eq!(send(&address, line, &[], b"").status, 403, "{line}");
        }
        let (method, path) = line.split_once(' ').unwrap();
        let url = Plane::url(&up) + path;
        for (secret, expected) in [("secret", "200"), ("another", "403")] {
            let mut python = Command::new("python3");
            python.args(["-c", SIGNS, "AKIDEXAMPLE", secret, method, &url]);
            assert_eq!(ok(run(&mut python, "")).trim(), expected, "{line} {secret}");
        }
    }
    up.stop();
}
