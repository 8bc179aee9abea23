//! The binary: what it prints, how it ends, and that it can be killed at any moment.
use crate::rig::{PASSWORD, Rig, STORE};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Instant;

/// Writes a configuration for the cluster.
fn config(rig: &Rig) -> PathBuf {
    let path = rig.folder.path().join("connector.json");
    let servers: Vec<String> = rig.servers().iter().map(ToString::to_string).collect();
    let text = json!({
        "store_id": STORE,
        "cluster_id": rig.roster.cluster_id,
        "servers": servers,
        "trust_anchor": "customerCA.crt",
        "certificate": "service/service.crt",
        "key": "service/service.key",
        "credentials": "key-store",
    });
    std::fs::write(&path, text.to_string()).unwrap();
    path
}

fn command(rig: &Rig, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kms-connector"));
    command.arg("--config").arg(config(rig)).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs `password` with this standard input.
fn tell(rig: &Rig, password: &str) -> Output {
    let mut child = command(rig, &["password"]).spawn().unwrap();
    writeln!(child.stdin.take().unwrap(), "{password}").unwrap();
    child.wait_with_output().unwrap()
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Connects, and returns the line that it printed.
fn connected(rig: &Rig) -> (Child, BufReader<std::process::ChildStdout>, Value) {
    let mut child = command(rig, &["--json", "connect"]).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    let state: Value = serde_json::from_str(&line).unwrap();
    (child, out, state)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_connects_says_so_and_disconnects_when_it_is_told_to() {
    let rig = Rig::new(&["us-east-1a", "us-east-1b"]).await;
    let short = tell(&rig, "short");
    assert!(!short.status.success());
    assert!(String::from_utf8_lossy(&short.stderr).contains("7 to 32 letters and digits"));
    assert!(tell(&rig, PASSWORD).status.success());

    let (mut child, mut out, state) = connected(&rig);
    assert_eq!(state["state"], "CONNECTED");
    assert_eq!(state["store_id"], STORE);
    assert_eq!(state["hsms"][1]["zone"], "us-east-1b");
    assert_eq!(state["hsms"][1]["rotated"], true);
    let second = command(&rig, &["connect"]).output().unwrap();
    assert!(String::from_utf8_lossy(&second.stderr).contains("another connector"));

    signal(&child, "-TERM");
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert!(child.wait().unwrap().success());
    assert!(rest.contains("DISCONNECTED"), "{rest}");
    assert_eq!(rig.kmsuser(0).await.logins, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn its_failures_have_a_code_and_a_status() {
    let rig = Rig::new(&["us-east-1a"]).await;
    assert!(tell(&rig, "wrong1234").status.success());
    let failed = command(&rig, &["--json", "connect"]).output().unwrap();
    assert!(!failed.status.success());
    let state: Value = serde_json::from_slice(&failed.stdout).unwrap();
    assert_eq!(state["connection_error_code"], "INVALID_CREDENTIALS");
    assert!(String::from_utf8_lossy(&failed.stderr).contains("INVALID_CREDENTIALS: the password"));
    std::fs::remove_file(rig.layout.customer_ca()).unwrap();
    let failed = command(&rig, &["connect"]).output().unwrap();
    assert!(String::from_utf8_lossy(&failed.stderr).contains("customerCA.crt"));
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_it_connects_again() {
    let rig = Rig::new(&["us-east-1a", "us-east-1b", "us-east-1c"]).await;
    assert!(tell(&rig, PASSWORD).status.success());
    let begun = Instant::now();
    let (mut child, ..) = connected(&rig);
    let whole = begun.elapsed();
    child.kill().unwrap();
    child.wait().unwrap();
    for turn in 0..12 {
        let mut child = command(&rig, &["--json", "connect"]).spawn().unwrap();
        // The moments of the kill are spread over the whole of a connect.
        tokio::time::sleep(whole * turn / 10).await;
        child.kill().unwrap();
        child.wait().unwrap();
        for n in 0..3 {
            assert!(!rig.kmsuser(n).await.locked);
        }
    }
    let (mut child, _out, state) = connected(&rig);
    assert_eq!(state["state"], "CONNECTED", "{state}");
    child.kill().unwrap();
    child.wait().unwrap();
    // Its logins are still being cleared away.
    let (child, _out, state) = connected(&rig);
    assert_eq!(state["state"], "CONNECTED", "{state}");
    signal(&child, "-INT");
    assert!(child.wait_with_output().unwrap().status.success());
}
