//! The real aws-cli and boto3 take the endpoint for AWS KMS.
use crate::{PROGRAM, ok, until};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;
use tests::cluster::{Up, run, text};
use tests::kms::Kms;

/// The tests' Python.
pub(crate) fn python() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python")
}

/// What the README says to set.
fn settings() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = include_str!("../../../README.md").lines();
    let exports = lines.filter(|line| line.starts_with("export AWS_"));
    exports.flat_map(|line| line.split(' ').skip(1)).filter_map(|it| it.split_once('='))
}

/// A program as somebody starts it who has set what the README says, and nothing else of AWS's.
pub(crate) fn command(program: &str, up: &Up) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") {
            command.env_remove(name);
        }
    }
    for name in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
        command.env(name, "/dev/null");
    }
    command.envs(settings());
    // Another port, since there may be an `up` on this machine.
    command.env("AWS_ENDPOINT_URL", up.ready()["endpoint"].as_str().unwrap());
    command.current_dir(up.folder());
    command
}

/// A command line of the documentation's, as a shell takes it.
fn shell(up: &Up, line: &str) -> Output {
    run(command("bash", up).args(["-c", line]), "")
}

/// What a command that must succeed printed; nothing is `null`.
fn say(up: &Up, line: &str) -> Value {
    let said = ok(shell(up, line));
    if said.is_empty() {
        return Value::Null;
    }
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{line}: {error}: {said}"))
}

fn refusal(up: &Up, line: &str) -> String {
    let output = shell(up, line);
    assert!(!output.status.success(), "{line}: {}", text(&output));
    text(&output)
}

fn create(cluster_id: &str) -> String {
    format!(
        "aws kms create-custom-key-store --custom-key-store-name ExampleKeyStore \
         --cloud-hsm-cluster-id {cluster_id} --key-store-password kmsPswd \
         --trust-anchor-certificate file://customerCA.crt"
    )
}

/// Waits until the key store is in this state, by the command that the documentation gives.
fn wait_for(up: &Up, id: &str, state: &str) -> Value {
    let line = format!("aws kms describe-custom-key-stores --custom-key-store-id {id}");
    let mut seen = Value::Null;
    until(state, Duration::from_secs(30), || {
        seen = say(up, &line)["CustomKeyStores"][0].clone();
        assert_ne!(seen["ConnectionState"], "FAILED", "{seen}");
        seen["ConnectionState"] == state
    });
    seen
}

#[test]
fn the_documented_commands_run_word_for_word_in_the_real_aws_cli() {
    let up = Up::start(PROGRAM, &["--until", "kmsuser", "--nodes", "2", "--connecting-ms", "1500"]);
    // The documentation's own example breaks the model's pattern: letters and the digits 2 to 7.
    let refused = refusal(&up, &create("cluster-1a23b4cdefg"));
    let why = "An error occurred (ValidationException) when calling the CreateCustomKeyStore \
               operation: 1 validation error detected: Value 'cluster-1a23b4cdefg' at \
               'cloudHsmClusterId' failed to satisfy constraint: Member must satisfy regular \
               expression pattern: cluster-[2-7a-zA-Z]{11,16}";
    assert!(refused.contains(why), "{refused}");

    let cluster_id = up.cluster_id();
    let made = say(&up, &create(&cluster_id));
    let id = made["CustomKeyStoreId"].as_str().unwrap().to_owned();
    let shown = &say(&up, "aws kms describe-custom-key-stores")["CustomKeyStores"][0];
    let anchor = std::fs::read_to_string(up.folder().join("customerCA.crt")).unwrap();
    for (member, value) in [
        ("CustomKeyStoreId", &*id),
        ("CustomKeyStoreName", "ExampleKeyStore"),
        ("CloudHsmClusterId", &cluster_id),
        ("TrustAnchorCertificate", &anchor),
        ("ConnectionState", "DISCONNECTED"),
        ("CustomKeyStoreType", "AWS_CLOUDHSM"),
    ] {
        assert_eq!(shown[member], value, "{shown}");
    }
    say(&up, &format!("aws kms connect-custom-key-store --custom-key-store-id {id}"));
    wait_for(&up, &id, "CONNECTING");
    wait_for(&up, &id, "CONNECTED");
    use_a_key(&up, &id, &cluster_id);
    leave(&up, &id);
    up.stop();
}

/// create-key, describe-key, encrypt, decrypt; then the key goes.
fn use_a_key(up: &Up, id: &str, cluster_id: &str) {
    let made =
        say(up, &format!("aws kms create-key --origin AWS_CLOUDHSM --custom-key-store-id {id}"));
    let key = made["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned();
    let described = say(up, &format!("aws kms describe-key --key-id {key}"));
    assert_eq!(described["KeyMetadata"], made["KeyMetadata"]);
    for (member, value) in [
        ("Origin", "AWS_CLOUDHSM"),
        ("CustomKeyStoreId", id),
        ("CloudHsmClusterId", cluster_id),
        ("KeyState", "Enabled"),
    ] {
        assert_eq!(described["KeyMetadata"][member], value, "{described}");
    }
    std::fs::write(up.folder().join("ExamplePlaintextFile"), "of the seed").unwrap();
    ok(shell(
        up,
        &format!(
            "aws kms encrypt --key-id {key} --plaintext fileb://ExamplePlaintextFile \
             --output text --query CiphertextBlob | base64 --decode > ExampleEncryptedFile"
        ),
    ));
    let opened = ok(shell(
        up,
        "aws kms decrypt --ciphertext-blob fileb://ExampleEncryptedFile \
         --output text --query Plaintext | base64 --decode",
    ));
    assert_eq!(opened, "of the seed");
    say(up, &format!("aws kms schedule-key-deletion --key-id {key} --pending-window-in-days 7"));
    let kms = Kms::at(up.ready()["endpoint"].as_str().unwrap());
    kms.sim("POST /_sim/clock?days=8");
    until("the key is gone", Duration::from_secs(30), || {
        let output = shell(up, &format!("aws kms describe-key --key-id {key}"));
        let gone = text(&output).contains("(NotFoundException)");
        assert!(gone || output.status.success(), "{}", text(&output));
        gone
    });
}

/// disconnect, an admin's new password, update, connect with it, delete.
fn leave(up: &Up, id: &str) {
    let on_store = |what: &str| {
        say(up, &format!("aws kms {what}-custom-key-store --custom-key-store-id {id}"))
    };
    let refused =
        refusal(up, &format!("aws kms delete-custom-key-store --custom-key-store-id {id}"));
    assert!(refused.contains("(CustomKeyStoreInvalidStateException)"), "{refused}");
    on_store("disconnect");
    wait_for(up, id, "DISCONNECTED");
    let admin = up.pin("admin");
    let change = "user change-password --username kmsuser --role crypto-user --password kmsPswd2";
    let words: Vec<_> = change.split(' ').collect();
    up.data(Some(("admin", &admin)), &words);
    say(
        up,
        &format!(
            "aws kms update-custom-key-store --custom-key-store-id {id} \
             --new-custom-key-store-name DevelopmentKeys --key-store-password kmsPswd2"
        ),
    );
    on_store("connect");
    assert_eq!(wait_for(up, id, "CONNECTED")["CustomKeyStoreName"], "DevelopmentKeys");
    on_store("disconnect");
    on_store("delete");
    let left = say(up, "aws kms describe-custom-key-stores");
    assert_eq!(left["CustomKeyStores"].as_array().map(Vec::len), Some(0), "{left}");
}

/// Runs the whole flow of boto3 on this cluster.
pub(crate) fn boto3(up: &Up) {
    let mut script = command("python3", up);
    script.arg(python().join("whole_flow.py")).env("PYTHONDONTWRITEBYTECODE", "1");
    script.arg(up.ready()["cluster_id"].as_str().unwrap());
    let said = ok(run(&mut script, ""));
    assert!(said.ends_with("whole flow: every answer is as the model says\n"), "{said}");
}

#[test]
fn the_real_boto3_runs_the_whole_flow() {
    let up = Up::start(PROGRAM, &["--until", "kmsuser", "--nodes", "2"]);
    boto3(&up);
    up.stop();
}
