//! What a newcomer does: `up`, and the commands that it names, through the shipped program.
#![allow(clippy::unwrap_used)]
use nix::sys::signal::{Signal, kill};
use serde_json::Value;
use std::process::Command;
use tests::cluster::{Up, create_user, folder, run, text};
use tests::patience::until;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cluster-ctl-tested");

/// What the CLI prints of a key, by its label.
fn listed(up: &Up, login: (&str, &str), label: &str) -> Value {
    let filter = format!("attr.label={label}");
    up.data(Some(login), &["key", "list", "--filter", &filter, "--verbose"])
}

fn mode(path: &std::path::Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_newcomer_gets_a_cluster_uses_it_and_finds_it_again() {
    let folder = folder();
    let up = Up::start_in(PROGRAM, folder.path(), &[]);
    let ready = up.ready();
    let members = [
        "cluster_id",
        "region",
        "account",
        "state",
        "customer_ca",
        "client_cert",
        "client_key",
        "nodes",
        "admin",
        "kmsuser",
        "example_user",
        "endpoint",
    ];
    for member in members {
        assert!(ready.get(member).is_some(), "ready.json has no {member}: {ready}");
    }
    check_first_start(&up, &ready);
    // The connector has rotated the password and stays logged in.
    let kms = ("crypto-user", "kmsuser:kmsPswd");
    up.refusal(Some(kms), &["key", "list"]);
    let admin = up.pin("admin");
    let admin = ("admin", admin.as_str());
    let change = [
        "user",
        "change-password",
        "--username",
        "kmsuser",
        "--role",
        "crypto-user",
        "--password",
        "kmsPswd1",
    ];
    let refused = up.refusal(Some(admin), &change);
    assert!(refused.contains("logged in"), "{refused}");

    let pin = up.pin("example_user");
    let login = ("crypto-user", pin.as_str());
    let made = up.data(
        Some(login),
        &["key", "generate-symmetric", "aes", "--label", "mine", "--key-length-bytes", "32"],
    );
    assert_eq!(made["key"]["attributes"]["key-length-bytes"], 32);
    let before = listed(&up, login, "mine");
    assert_eq!(before["matched_keys"][0]["key-info"]["cluster-coverage"], "full", "{before}");
    up.stop();

    let up = Up::start_in(PROGRAM, folder.path(), &[]);
    assert_eq!(up.ready()["cluster_id"], ready["cluster_id"]);
    assert_eq!(up.ready()["nodes"][2]["hsm_id"], ready["nodes"][2]["hsm_id"]);
    assert_eq!(up.pin("example_user"), pin, "the same user");
    assert_eq!(listed(&up, login, "mine"), before, "the same key");
    let kms_keys =
        up.data(Some(admin), &["key", "list", "--filter", "attr.key-type=aes", "--verbose"]);
    let keys = kms_keys["matched_keys"].as_array().unwrap();
    let backing: Vec<&Value> = keys
        .iter()
        .filter(|k| {
            k["attributes"]["label"].as_str().is_some_and(|l| l.starts_with("arn:aws:kms:"))
        })
        .collect();
    assert_eq!(backing.len(), 1, "one backing key, made once: {kms_keys}");
    check_backing_key(backing[0]);
    up.stop();
}

/// Three HSMs in three zones, secrets that only their owner reads, users on all HSMs.
fn check_first_start(up: &Up, ready: &Value) {
    assert_eq!(ready["state"], "ACTIVE");
    assert_eq!(ready["nodes"].as_array().map(Vec::len), Some(3));
    let zones: Vec<&str> = (0..3).map(|n| ready["nodes"][n]["zone"].as_str().unwrap()).collect();
    assert_eq!(zones, ["us-east-1a", "us-east-1b", "us-east-1c"]);
    for secret in ["customerCA.key", "client.key", "ready.json"] {
        assert_eq!(mode(&up.folder().join(secret)), 0o600, "{secret}");
    }

    let users = up.data(None, &["user", "list"]);
    let named = |name: &str| {
        let all = users["users"].as_array().unwrap();
        all.iter()
            .find(|u| u["username"] == name)
            .unwrap_or_else(|| panic!("no {name}: {users}"))
            .clone()
    };
    for (name, role) in [
        ("admin", "admin"),
        ("kmsuser", "crypto-user"),
        ("example_user", "crypto-user"),
        ("app_user", "internal(APPLIANCE_USER)"),
    ] {
        assert_eq!(named(name)["role"], role);
        assert_eq!(named(name)["cluster-coverage"], "full", "{name}");
        assert_eq!(named(name)["locked"], "false", "{name}");
    }
}

/// The KMS developer guide's attributes of a backing key, word for word.
fn check_backing_key(key: &Value) {
    let attributes = &key["attributes"];
    for (name, value) in [
        ("encrypt", true),
        ("decrypt", true),
        ("token", true),
        ("always-sensitive", true),
        ("derive", false),
        ("destroyable", true),
        ("extractable", false),
        ("local", true),
        ("modifiable", true),
        ("never-extractable", false),
        ("private", true),
        ("sensitive", true),
        ("sign", false),
        ("trusted", false),
        ("unwrap", true),
        ("verify", false),
        ("wrap", true),
        ("wrap-with-trusted", false),
    ] {
        assert_eq!(attributes[name], value, "{name}");
    }
    assert_eq!(attributes["key-type"], "aes");
    assert_eq!(attributes["class"], "secret-key");
    assert_eq!(attributes["key-length-bytes"], 32);
    let id = attributes["id"].as_str().unwrap();
    assert_eq!(id.len(), 2 + 128, "the ASCII of 64 hex digits, as hex: {id}");
    assert_eq!(key["key-info"]["key-owners"][0]["username"], "kmsuser");
    assert_eq!(key["key-info"]["shared-users"].as_array().map(Vec::len), Some(0));
}

#[test]
fn the_documented_steps_by_hand_from_activation_to_the_shell_s_create_user() {
    let up = Up::start(PROGRAM, &["--until", "initialized", "--nodes", "1"]);
    assert_eq!(up.ready()["state"], "INITIALIZED");
    assert!(up.ready()["admin"].is_null());
    let said = up.ctl(None, &["cluster", "activate", "--password", "adminpw1"], "");
    assert!(said.status.success(), "{}", text(&said));
    assert!(text(&said).contains("Cluster activation successful"), "{}", text(&said));
    let shell = "loginHSM CO admin adminpw1\ncreateUser CU kmsuser kmsPswd\ny\nlistUsers\nquit\n";
    let said = up.ctl(None, &["mgmt"], shell);
    let said = text(&said);
    for line in [
        "loginHSM success on server 0(127.0.0.1)",
        "Creating User kmsuser(CU) on 1 nodes",
        "createUser success on server 0(127.0.0.1)",
        "Users on server 0(127.0.0.1):",
        "*************************CAUTION********************************",
        "disconnecting from servers, please wait...",
    ] {
        assert!(said.contains(line), "no {line:?} in:\n{said}");
    }
    up.stop();
}

#[test]
fn a_kmsuser_with_a_second_factor_or_an_unfit_password_is_refused_everywhere() {
    let up = Up::start(PROGRAM, &["--until", "activated", "--nodes", "2"]);
    let pin = up.pin("admin");
    let admin = ("admin", pin.as_str());
    let (_, password) = pin.split_once(':').unwrap();
    let shell = format!(
        "loginHSM CO admin {password}\ncreateUser CU kmsuser kmsPswd -2fa /tmp/x\ny\nA\nquit\n"
    );
    let said = up.ctl(None, &["mgmt"], &shell);
    assert!(!said.status.success());
    assert!(text(&said).contains("KMS"), "{}", text(&said));
    for password in ["kmsPsw", "kms_Pswd", "k12345678901234567890123456789012"] {
        let create = create_user("kmsuser", password);
        let said = up.refusal(Some(admin), &create);
        assert!(said.contains("7 to 32"), "{said}");
    }
    let create = create_user("kmsuser", "kmsPswd");
    let data = up.data(Some(admin), &create);
    assert_eq!(data, serde_json::json!({"username": "kmsuser", "role": "crypto-user"}));
    let twice = up.refusal(Some(admin), &create);
    assert!(twice.contains("exists"), "{twice}");
    let factor = [
        "user",
        "change-mfa",
        "token-sign",
        "--username",
        "kmsuser",
        "--role",
        "crypto-user",
        "--token",
        "/tmp/x",
    ];
    let said = up.refusal(Some(admin), &factor);
    assert!(said.contains("KMS"), "{said}");
    up.stop();
}

#[test]
fn one_node_alone_makes_no_backing_key_and_says_why() {
    let up = Up::start(PROGRAM, &["--nodes", "1"]);
    assert!(up.said.contains("2 zones"), "{}", up.said);
    let config = std::fs::read_to_string(up.folder().join("cloudhsm-cli.cfg")).unwrap();
    assert!(config.contains("\"disable_key_availability_check\": true"), "{config}");
    let pin = up.pin("example_user");
    up.data(
        Some(("crypto-user", &pin)),
        &["key", "generate-symmetric", "aes", "--label", "k", "--key-length-bytes", "16"],
    );
    up.stop();
}

#[test]
fn two_at_once_on_one_folder_and_a_taken_port_are_clear_errors() {
    let folder = folder();
    let up = Up::start_in(PROGRAM, folder.path(), &["--until", "nodes", "--nodes", "1"]);
    let second = run(
        Command::new(PROGRAM).args(["up", "--base-port", "0", "--state"]).arg(folder.path()),
        "",
    );
    assert_eq!(second.status.code(), Some(1));
    let said = text(&second);
    assert!(said.contains(folder.path().to_str().unwrap()), "{said}");

    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let third = run(Command::new(PROGRAM).args(["up", "--ephemeral", "--base-port", &port]), "");
    assert_eq!(third.status.code(), Some(1));
    assert!(text(&third).contains(&port), "{}", text(&third));
    up.stop();
}

#[test]
fn a_user_change_that_misses_a_node_is_never_success() {
    let up = Up::start(PROGRAM, &["--until", "activated", "--no-restart"]);
    let pin = up.pin("admin");
    let admin = ("admin", pin.as_str());
    let hsm = up.hsm_id(2);
    assert!(up.ctl(None, &["sim", "kill", &hsm], "").status.success());
    let create = create_user("carol", "carolpw1");
    let said = up.refusal(Some(admin), &create);
    assert!(said.contains(&hsm), "names the HSM that missed it: {said}");
    assert!(up.ctl(None, &["sim", "restart", &hsm], "").status.success());
    until("what up sees in the background", || {
        up.data(None, &["user", "list"])["users"]
            .as_array()
            .unwrap()
            .iter()
            .any(|u| u["username"] == "carol" && u["cluster-coverage"] == "inconsistent")
    });
    // AWS's repair: the same command again.
    up.data(Some(admin), &create);
    let users = up.data(None, &["user", "list"]);
    let carol = users["users"]
        .as_array()
        .unwrap()
        .iter()
        .find(|u| u["username"] == "carol")
        .unwrap()
        .clone();
    assert_eq!(carol["cluster-coverage"], "full");
    up.stop();
}

#[test]
fn a_key_that_a_node_missed_is_brought_over_and_a_deletion_too() {
    let up = Up::start(PROGRAM, &["--no-restart", "--sync-interval-ms", "100"]);
    let pin = up.pin("example_user");
    let login = ("crypto-user", pin.as_str());
    let generate = |label: &str| {
        up.data(
            Some(login),
            &["key", "generate-symmetric", "aes", "--label", label, "--key-length-bytes", "32"],
        )
    };
    generate("early");
    let hsm = up.hsm_id(1);
    assert!(up.ctl(None, &["sim", "kill", &hsm], "").status.success());
    generate("late");
    up.data(Some(login), &["key", "delete", "--filter", "attr.label=early"]);
    assert!(up.ctl(None, &["sim", "restart", &hsm], "").status.success());
    until("what up sees in the background", || {
        let late = listed(&up, login, "late");
        let early = listed(&up, login, "early");
        late["matched_keys"][0]["key-info"]["cluster-coverage"] == "full"
            && early["total_key_count"] == 0
    });
    up.stop();
}

#[test]
fn a_stopped_and_a_continued_node_and_the_loss_of_all_but_one() {
    let up = Up::start(PROGRAM, &["--no-restart"]);
    let pin = up.pin("example_user");
    let login = ("crypto-user", pin.as_str());
    let pair = [
        "key",
        "generate-asymmetric-pair",
        "ec",
        "--curve",
        "secp256r1",
        "--public-label",
        "pub",
        "--private-label",
        "priv",
        "--public-attributes",
        "verify=true",
        "--private-attributes",
        "sign=true",
    ];
    up.data(Some(login), &pair);
    let sign = [
        "crypto",
        "sign",
        "ecdsa",
        "--key-filter",
        "attr.label=priv",
        "--hash-function",
        "sha256",
        "--data",
        "YWJj",
    ];
    let signature = up.data(Some(login), &sign)["signature"].as_str().unwrap().to_owned();
    let verify = [
        "crypto",
        "verify",
        "ecdsa",
        "--key-filter",
        "attr.label=pub",
        "--hash-function",
        "sha256",
        "--data",
        "YWJj",
        "--signature",
        &signature,
    ];
    assert_eq!(up.data(Some(login), &verify)["message"], "Signature verified successfully");
    assert!(up.ctl(None, &["sim", "stop", "3"], "").status.success());
    assert!(up.ctl(None, &["sim", "continue", "3"], "").status.success());
    up.data(Some(login), &sign);
    for hsm in ["2", "3"] {
        assert!(up.ctl(None, &["sim", "kill", hsm], "").status.success());
    }
    // CloudHSM's availability check: a token key must be on two HSMs to be used.
    let said = up.refusal(Some(login), &sign);
    assert_eq!(
        said,
        "Cannot perform the requested key operation as the key must be available on at least 2 HSMs"
    );
    up.stop();
}

#[test]
fn up_that_is_killed_takes_its_nodes_along_and_can_be_started_again() {
    let folder = folder();
    let up = Up::start_in(PROGRAM, folder.path(), &["--nodes", "2"]);
    let pids = [up.pid(0), up.pid(1)];
    up.signal(Signal::SIGKILL);
    drop(up);
    until("what up sees in the background", || pids.iter().all(|pid| kill(*pid, None).is_err()));
    let up = Up::start_in(PROGRAM, folder.path(), &[]);
    assert_eq!(up.ready()["state"], "ACTIVE");
    up.stop();
}
