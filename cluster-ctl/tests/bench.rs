//! The benchmark measures, tells what it measured, and refuses what it cannot do.
#![allow(clippy::unwrap_used)]

use nix::sys::signal::Signal;
use nix::unistd::Pid;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

fn bench(what: &str, words: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_cluster-ctl");
    Command::new(program).args(["bench", what]).args(words).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn measured(what: &str, words: &[&str]) -> (String, serde_json::Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let (json, plot) = (folder.path().join("found.json"), folder.path().join("found.svg"));
    let files = ["--seconds=1", "--json", json.to_str().unwrap(), "--plot", plot.to_str().unwrap()];
    let output = bench(what, &[words, &files].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let found = serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    (text(&output.stdout), found, std::fs::read_to_string(plot).unwrap())
}

#[test]
fn session_keys_are_measured_and_destroyed() {
    let (table, found, plot) = measured("keygen", &["--kind=aes256", "--engine=rust"]);
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
    let (table, found, _) = measured("keygen", &["--kind=ec-p256", "--token", "--connections=1"]);
    let expected = "token EC P-256 key pairs, durable on all 3 HSMs\n";
    assert!(table.starts_with(expected), "{table}");
    assert!(found["cluster"]["keys"].as_u64().unwrap() > 0);
}

#[test]
fn calls_of_an_endpoint_are_measured() {
    for (operation, title) in [
        ("encrypt", "Encrypt of 32 bytes, under a key in the HSMs of a key store\n"),
        ("generate-data-key", "GenerateDataKey of 32 bytes, under a key in the HSMs"),
        ("create-key", "CreateKey, AES-256 in a key store, durable on all its HSMs\n"),
    ] {
        let (table, found, plot) = measured("kms", &["--operation", operation, "--connections=4"]);
        assert!(table.starts_with(title), "{table}");
        assert!(found["endpoint"]["calls"].as_u64().unwrap() > 0);
        assert!(found["endpoint"]["latency_us"]["p50"].as_u64().unwrap() > 1);
        assert_eq!(found["series"].as_array().unwrap().len(), 4);
        assert!(plot.contains("throughput (calls/s)"));
    }
}

/// Two that run are measured in turn, and the keys that the benchmark made are to be deleted.
#[test]
fn an_endpoint_is_measured_beside_another() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let ready = folder.path().join("ready.json");
    let program = env!("CARGO_BIN_EXE_cluster-ctl");
    let mut up = Command::new(program)
        .args(["up", "--nodes=2", "--base-port=0", "--endpoint-port=0", "--json", "--state"])
        .arg(&state)
        .arg("--ready-file")
        .arg(&ready)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    while !ready.exists() {
        assert_eq!(up.try_wait().unwrap(), None, "up ended");
        std::thread::sleep(Duration::from_millis(20));
    }
    let url: serde_json::Value = serde_json::from_slice(&std::fs::read(&ready).unwrap()).unwrap();
    let url = url["endpoint"].as_str().unwrap();
    let (table, found, _) = measured(
        "kms",
        &["--state", state.to_str().unwrap(), "--beside", url, "--connections=2", "--size=100"],
    );
    nix::sys::signal::kill(Pid::from_raw(up.id() as i32), Signal::SIGINT).unwrap();
    assert!(up.wait().unwrap().success());
    assert!(table.contains("ratio: "), "{table}");
    assert!(table.contains("1 key that this made: deletion is scheduled"), "{table}");
    assert!(found["ratio"].as_f64().unwrap() > 0.0);
    for figures in [&found["endpoint"], &found["beside"]["beside"]] {
        assert!(figures["calls"].as_u64().unwrap() > 0, "{found}");
    }
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
        let output = bench("keygen", &words);
        assert_eq!(output.status.code(), Some(status), "{words:?}");
        assert!(text(&output.stderr).contains(says), "{words:?}: {}", text(&output.stderr));
    }
    let (taken, nobody) = ("http://127.0.0.1:1", "127.0.0.1:1");
    for (words, status, says) in [
        (vec!["--state", nowhere], 1, "no cluster runs in"),
        (vec!["--endpoint", taken], 1, "Connection refused"),
        (vec!["--endpoint", nobody], 2, "http://"),
        (vec!["--endpoint", taken, "--state", nowhere], 2, "leave one out"),
        (vec!["--operation=create-key", "--size=1"], 2, "create-key has no --size"),
        (vec!["--operation=generate-data-key", "--size=1025"], 2, "1024"),
    ] {
        let output = bench("kms", &words);
        assert_eq!(output.status.code(), Some(status), "{words:?}");
        assert!(text(&output.stderr).contains(says), "{words:?}: {}", text(&output.stderr));
    }
}
