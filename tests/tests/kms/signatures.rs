//! An endpoint with access keys takes only what was signed with one of them, not long ago.
use super::sdk::{client, code};
use super::{ENDPOINT, PROGRAM};
use serde_json::{Value, json};
use std::process::Command;
use tests::cluster::{Up, folder, run, text};
use tests::endpoint::Alone;
use tests::http::send;
use tests::kms::Kms;
use tests::plane::Plane;

const KEY: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// What is said to a request with these headers.
fn refusal(kms: &Kms, headers: &[(&str, &str)]) -> (String, String) {
    let target = [("x-amz-target", "TrentService.ListKeys")];
    let answer = send(&kms.address, "POST /", &[&target[..], headers].concat(), b"{}");
    assert_eq!(answer.status, 400);
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    let text = |name: &str| body[name].as_str().unwrap().to_owned();
    (text("__type"), text("message"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_right_secret_of_now_is_taken() {
    let folder = folder();
    let keys = json!([{ "access_key_id": KEY, "secret_access_key": SECRET }]);
    let endpoint = Alone::start(ENDPOINT, folder.path(), json!({ "access_keys": keys }));
    let list = |key, secret| client(&endpoint.url, key, secret).list_keys().send();
    assert!(list(KEY, SECRET).await.unwrap().keys().is_empty());
    assert_eq!(code(list(KEY, "another").await), "InvalidSignatureException");
    assert_eq!(code(list("AKIDUNKNOWN", SECRET).await), "UnrecognizedClientException");

    let kms = Kms::at(&endpoint.url);
    assert_eq!(refusal(&kms, &[]).0, "MissingAuthenticationTokenException");
    let (name, _) = refusal(&kms, &[("authorization", "AWS4-HMAC-SHA256 Credential=x")]);
    assert_eq!(name, "IncompleteSignatureException");
    let old = format!(
        "AWS4-HMAC-SHA256 Credential={KEY}/20150830/us-east-1/kms/aws4_request, \
         SignedHeaders=host;x-amz-date;x-amz-target, Signature={}",
        "0".repeat(64)
    );
    let (name, message) =
        refusal(&kms, &[("authorization", &old), ("x-amz-date", "20150830T123600Z")]);
    assert_eq!(name, "InvalidSignatureException");
    assert!(message.starts_with("Signature expired"), "{message}");
    // Whose the key store is that nobody may see, is no secret of the health check.
    kms.sim("GET /_sim/health");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn up_takes_access_keys_too() {
    let folder = folder();
    let keys = folder.path().join("keys.json");
    let listed = json!([{ "access_key_id": KEY, "secret_access_key": SECRET }]);
    std::fs::write(&keys, listed.to_string()).unwrap();
    let strict = ["--nodes", "1", "--auth", "strict", "--access-keys", keys.to_str().unwrap()];
    let up = Up::start(PROGRAM, &strict);
    let kms = Plane::of(&up).kms();
    let list = |secret| client(&Plane::url(&up), KEY, secret).list_keys().send();
    assert!(list(SECRET).await.is_ok());
    assert_eq!(code(list("another").await), "InvalidSignatureException");
    assert_eq!(refusal(&kms, &[]).0, "MissingAuthenticationTokenException");
    up.stop();
    // A file without a key, and no file at all.
    std::fs::write(&keys, "[]").unwrap();
    let refused = |words: &[&str]| {
        let mut up = Command::new(PROGRAM);
        up.args(["up", "--ephemeral", "--base-port", "0", "--endpoint-port", "0"]).args(words);
        let output = run(&mut up, "");
        (output.status.code(), text(&output))
    };
    let (status, said) = refused(&strict);
    assert!(status == Some(1) && said.contains("keys.json: it holds no access key"), "{said}");
    let (status, said) = refused(&["--auth", "strict"]);
    assert!(status == Some(2) && said.contains("--access-keys"), "{said}");
}
