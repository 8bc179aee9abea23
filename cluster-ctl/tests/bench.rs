//! The benchmark measures, tells what it measured, and refuses what it cannot do.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

fn bench(words: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_cluster-ctl");
    Command::new(program).args(["bench", "keygen"]).args(words).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn measured(words: &[&str]) -> (String, serde_json::Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let (json, plot) = (folder.path().join("found.json"), folder.path().join("found.svg"));
    let files = ["--seconds=1", "--json", json.to_str().unwrap(), "--plot", plot.to_str().unwrap()];
    let output = bench(&[words, &files].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let found = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    (text(&output.stdout), found, std::fs::read_to_string(plot).unwrap())
}

#[test]
fn session_keys_are_measured_and_destroyed() {
    let (table, found, plot) = measured(&["--kind=aes256", "--engine=rust"]);
    assert!(table.starts_with("session AES-256 keys, not durable (session keys)\n"), "{table}");
    assert!(table.contains("that time is counted"), "{table}");
    let hsms = found["hsms"].as_array().unwrap();
    assert_eq!(hsms.len(), 3);
    let keys: u64 = hsms.iter().map(|hsm| hsm["keys"].as_u64().unwrap()).sum();
    assert_eq!(found["cluster"]["keys"].as_u64().unwrap(), keys);
    assert!(keys > 0);
    assert_eq!(found["engine"], "rust");
    assert!(found["destroyed"]["handles_while_counting"].as_u64().unwrap() > 0);
    let latency = &found["cluster"]["latency_us"];
    assert!(latency["p50"].as_u64().unwrap() > 1);
    assert!(latency["p50"].as_u64() <= latency["p99.9"].as_u64());
    assert_eq!(found["series"].as_array().unwrap().len(), 4);
    assert!(plot.starts_with("<svg ") && plot.ends_with("</svg>\n"));
    assert!(plot.contains("throughput (keys/s)") && plot.contains("latency (ms)"));
}

#[test]
fn token_keys_count_when_they_are_durable_on_all_hsms() {
    let (table, found, _) = measured(&["--kind=ec-p256", "--token", "--connections=1"]);
    let expected = "token EC P-256 key pairs, durable on all 3 HSMs\n";
    assert!(table.starts_with(expected), "{table}");
    assert!(found["cluster"]["keys"].as_u64().unwrap() > 0);
}

#[test]
fn what_cannot_be_done_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().to_str().unwrap();
    let not_there = folder.path().join("no/such/file");
    for (words, status, says) in [
        (vec!["--state", nowhere], 1, "no cluster runs in"),
        (vec!["--state", nowhere, "--engine=rust"], 2, "leave --engine out"),
        (vec!["--json", not_there.to_str().unwrap()], 1, "cannot write"),
        (vec!["--token", "--session"], 2, "cannot be used with"),
        (vec!["--seconds=0"], 2, "--seconds"),
        (vec!["--kind=des"], 2, "ec-p384"),
    ] {
        let output = bench(&words);
        assert_eq!(output.status.code(), Some(status), "{words:?}");
        assert!(text(&output.stderr).contains(says), "{words:?}: {}", text(&output.stderr));
    }
}
