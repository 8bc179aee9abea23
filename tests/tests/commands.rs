//! Every command of CloudHSM CLI and of the cloudhsm_mgmt_util shell, once, through the shipped
//! program at three HSMs; and how `up` begins and ends.
#![allow(clippy::unwrap_used)]
use nix::sys::signal::Signal;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use tests::cluster::{Up, create_user, folder, run, text};
use tests::patience::until;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cluster-ctl-tested");
const ALICE: (&str, &str) = ("crypto-user", "alice:alicepw1");
const BOB: (&str, &str) = ("crypto-user", "bob:bobspw12");

/// A key as `key list --verbose` shows it, by its label.
fn key(up: &Up, login: (&str, &str), label: &str) -> Value {
    let filter = format!("attr.label={label}");
    let listed = up.data(Some(login), &["key", "list", "--filter", &filter, "--verbose"]);
    listed["matched_keys"][0].clone()
}

#[test]
fn every_command_of_the_cli_does_what_it_says() {
    let up = Up::start(PROGRAM, &["--until", "activated", "--no-endpoint"]);
    let pin = up.pin("admin");
    let admin = Some(("admin", pin.as_str()));
    let info = up.data(None, &["cluster", "hsm-info"]);
    assert_eq!(info["hsms"].as_array().unwrap().len(), 3, "{info}");
    up.data(admin, &create_user("alice", "alicepw1"));
    up.data(admin, &create_user("bob", "bobspw00"));
    let change = ["user", "change-password", "--username", "bob", "--role", "crypto-user"];
    up.data(admin, &[&change[..], &["--password", "bobspw12"]].concat());
    keys(&up);
    signatures(&up);
    up.data(Some(ALICE), &["key", "delete", "--filter", "attr.label=pub-ec"]);
    let delete = ["user", "delete", "--username", "bob", "--role", "crypto-user"];
    up.data(admin, &delete);
    let users = up.data(None, &["user", "list"]);
    let names: Vec<_> = users["users"].as_array().unwrap().iter().collect();
    assert!(names.iter().any(|user| user["username"] == "alice"), "{users}");
    assert!(!names.iter().any(|user| user["username"] == "bob"), "{users}");
    up.stop();
}

fn keys(up: &Up) {
    let make = ["key", "generate-symmetric"];
    let aes = ["aes", "--label", "one", "--key-length-bytes", "32"];
    let secret = ["generic-secret", "--label", "two", "--key-length-bytes", "64"];
    up.data(Some(ALICE), &[&make[..], &aes].concat());
    up.data(Some(ALICE), &[&make[..], &secret].concat());
    assert_eq!(key(up, ALICE, "two")["attributes"]["key-length-bytes"], 64);
    assert!(key(up, BOB, "one").is_null(), "bob has no part in it");
    let with_bob = ["--filter", "attr.label=one", "--username", "bob", "--role", "crypto-user"];
    up.data(Some(ALICE), &[&["key", "share"], &with_bob[..]].concat());
    assert_eq!(key(up, BOB, "one")["key-info"]["shared-users"][0]["username"], "bob");
    up.data(Some(ALICE), &[&["key", "unshare"], &with_bob[..]].concat());
    assert!(key(up, BOB, "one").is_null());
    let set = ["key", "set-attribute", "--filter", "attr.label=one", "--name", "encrypt"];
    up.data(Some(ALICE), &[&set[..], &["--value", "false"]].concat());
    let one = key(up, ALICE, "one");
    assert_eq!(one["attributes"]["encrypt"], false);
    // CloudHSM's guide writes the first, KMS's the second.
    for filter in ["key-reference", "attr.key-reference"] {
        let filter = format!("{filter}={}", one["key-reference"].as_str().unwrap());
        let listed = up.data(Some(ALICE), &["key", "list", "--filter", &filter]);
        assert_eq!(listed["matched_keys"][0]["attributes"]["label"], "one", "{filter}: {listed}");
        assert_eq!(listed["total_key_count"], 1, "{filter}: {listed}");
    }
}

fn signatures(up: &Up) {
    let pair = ["key", "generate-asymmetric-pair"];
    let uses = ["--public-attributes", "verify=true", "--private-attributes", "sign=true"];
    let labels = |name: &str| [format!("pub-{name}"), format!("priv-{name}")];
    let [public, private] = labels("ec");
    let named = ["--public-label", &public, "--private-label", &private];
    up.data(Some(ALICE), &[&pair[..], &["ec", "--curve", "secp384r1"], &named, &uses].concat());
    let [public, private] = labels("rsa");
    let named = ["--public-label", &public, "--private-label", &private];
    let size = ["rsa", "--public-exponent", "65537", "--modulus-size-bits", "2048"];
    up.data(Some(ALICE), &[&pair[..], &size, &named, &uses].concat());
    let pss = ["--mgf", "mgf1-sha256", "--salt-length", "32"];
    for (mechanism, name, more) in
        [("ecdsa", "ec", &[][..]), ("rsa-pkcs", "rsa", &[]), ("rsa-pkcs-pss", "rsa", &pss)]
    {
        let [public, private] = labels(name).map(|label| format!("attr.label={label}"));
        let hash = ["--hash-function", "sha256"];
        let sign = ["crypto", "sign", mechanism, "--key-filter", &private, "--data", "aGVsbG8="];
        let signed = up.data(Some(ALICE), &[&sign[..], &hash, more].concat());
        let signature = signed["signature"].as_str().unwrap();
        let verify = |data: &str| {
            let verify = ["crypto", "verify", mechanism, "--key-filter", &public, "--data", data];
            let signature = ["--signature", signature];
            up.ctl(Some(ALICE), &[&verify[..], &signature, &hash, more].concat(), "")
        };
        let good = verify("aGVsbG8=");
        assert!(good.status.success(), "{mechanism}: {}", text(&good));
        assert!(!verify("aGVsbG9v").status.success(), "{mechanism}: another text");
    }
}

#[test]
fn every_command_of_the_shell_does_what_it_says() {
    let up = Up::start(PROGRAM, &["--until", "activated", "--no-endpoint"]);
    let pin = up.pin("admin");
    let password = pin.strip_prefix("admin:").unwrap();
    let login = format!("loginHSM CO admin {password}");
    let shell = |lines: &[&str]| {
        let output = up.ctl(None, &["mgmt"], &(lines.join("\n") + "\n"));
        (output.status.success(), text(&output))
    };
    let (good, said) = shell(&[
        &login,
        "createUser CU carol carolpw1",
        "y",
        "changePswd CU carol carolpw2",
        "y",
        "listUsers",
        "info server 0",
        "findAllKeys 3 0",
        "server 1",
        "listUsers",
        "exit",
        "logoutHSM",
        "loginHSM CU carol carolpw2",
        "logoutHSM",
        &login,
        "deleteUser CU carol",
        "quit",
    ]);
    assert!(good, "{said}");
    assert!(!said.contains(password) && !said.contains("carolpw"), "{said}");
    for part in [
        "Creating User carol(CU) on 3 nodes",
        "createUser success on server 2",
        "Changing password for carol(CU) on 3 nodes",
        "changePswd success on server 0",
        "carol",
        "Deleting user carol(CU) on 3 nodes",
        "deleteUser success on server 2",
    ] {
        assert!(said.contains(part), "no {part:?} in\n{said}");
    }
    let (good, said) = shell(&["loginHSM CU carol carolpw2", "quit"]);
    assert!(!good, "carol is gone: {said}");
    // What is no text is a command that nobody knows, and what follows is done.
    let script = format!("{login}\nbog\u{1}us\ncreateUser CU dave davespw1\ny\nquit\n");
    let mut script = script.into_bytes();
    let bad = script.iter().position(|byte| *byte == 1).unwrap();
    script[bad] = 0xff;
    let mut mgmt = Command::new(PROGRAM);
    mgmt.arg("--state").arg(up.folder()).arg("mgmt").stdin(Stdio::piped()).stdout(Stdio::null());
    let mut mgmt = mgmt.spawn().unwrap();
    std::io::Write::write_all(&mut mgmt.stdin.take().unwrap(), &script).unwrap();
    assert!(!mgmt.wait().unwrap().success());
    let users = up.data(None, &["user", "list"]);
    assert!(users.to_string().contains("\"dave\""), "{users}");
    up.stop();
}

#[test]
fn up_says_json_takes_a_bare_file_name_and_leaves_nothing_of_a_temporary_folder() {
    let place = folder();
    let mut up = Command::new(PROGRAM);
    up.args(["up", "--ephemeral", "--nodes", "1", "--base-port", "0", "--endpoint-port", "0"]);
    up.args(["--json", "--ready-file", "ready.json"]).current_dir(place.path());
    let mut up = up.stdout(Stdio::piped()).spawn().unwrap();
    let ready = place.path().join("ready.json");
    until("it is ready", || ready.exists());
    let read = || serde_json::from_str::<Value>(&fs::read_to_string(&ready).unwrap()).unwrap();
    let there = read();
    assert!(there["nodes"][0]["pid"].is_number() && there["endpoint"].is_string(), "{there}");
    let state = fs::canonicalize(there["customer_ca"].as_str().unwrap()).unwrap();
    let state = state.parent().unwrap().to_owned();
    let process = nix::unistd::Pid::from_raw(up.id().try_into().unwrap());
    nix::sys::signal::kill(process, Signal::SIGTERM).unwrap();
    let output = std::io::read_to_string(up.stdout.take().unwrap()).unwrap();
    assert!(up.wait().unwrap().success(), "{output}");
    let events: Vec<Value> =
        output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.iter().any(|event| event["event"] == "ready"), "{output}");
    assert!(!state.exists(), "{} is left", state.display());
    let after = read();
    assert!(after["nodes"][0]["pid"].is_null() && after["endpoint"].is_null(), "{after}");
}

#[test]
fn a_folder_in_which_nothing_can_be_written_is_named() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    use std::os::unix::process::CommandExt;
    let place = folder();
    let mode = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(place.path(), 0o755);
    let program = place.path().join("cluster-ctl");
    fs::copy(PROGRAM, &program).unwrap();
    let state = place.path().join("state");
    fs::create_dir(&state).unwrap();
    mode(&state, 0o555);
    let mut up = Command::new(&program);
    up.args(["up", "--nodes", "1", "--base-port", "0", "--no-endpoint", "--state"]).arg(&state);
    if fs::metadata(&program).unwrap().uid() == 0 {
        // Root may write everywhere: somebody else is asked.
        up.uid(65_534).gid(65_534);
    }
    let output = run(&mut up, "");
    let said = text(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(state.to_str().unwrap()), "{said}");
    assert!(said.to_lowercase().contains("permission denied"), "{said}");
}

#[test]
fn an_up_that_was_killed_at_its_start_is_followed_by_the_next() {
    let killed_after = |place: &Path, ms: u64| {
        let mut up = Command::new(PROGRAM);
        up.args(["up", "--nodes", "3", "--base-port", "0", "--no-endpoint", "--state"]);
        let mut up = up.arg(place).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(ms));
        up.kill().unwrap();
        up.wait().unwrap();
    };
    // Before there is a folder, and up to the moment in which it is ready.
    for after_ms in (20..1_000).step_by(70) {
        let place = folder();
        killed_after(place.path(), after_ms);
        killed_after(place.path(), after_ms / 2);
        let up = Up::start_in(PROGRAM, place.path(), &["--nodes", "3", "--no-endpoint"]);
        assert_eq!(up.ready()["state"], "ACTIVE", "killed after {after_ms} ms");
        let hsms = up.data(None, &["cluster", "hsm-info"])["hsms"].as_array().unwrap().len();
        assert_eq!(hsms, 3, "killed after {after_ms} ms");
        up.stop();
    }
}

#[test]
fn a_configuration_that_is_written_in_another_folder_works_in_every_folder() {
    let up = Up::start(PROGRAM, &["--nodes", "1", "--until", "activated"]);
    let (place, elsewhere) = (folder(), folder());
    let pin = up.pin("admin");
    let at = |folder: &Path, words: &[&str]| {
        let mut command = Command::new(PROGRAM);
        command.arg("--state").arg(up.folder()).args(words).current_dir(folder);
        run(command.env("CLOUDHSM_ROLE", "admin").env("CLOUDHSM_PIN", &pin), "")
    };
    let works = |config: &Path| {
        let listed = at(elsewhere.path(), &["user", "list", "--config", config.to_str().unwrap()]);
        assert!(listed.status.success(), "{}", text(&listed));
    };
    let id = up.cluster_id();
    let said = at(place.path(), &["configure", "--cluster-id", &id]);
    assert!(said.status.success() && !text(&said).contains("not there"), "{}", text(&said));
    works(&place.path().join("cloudhsm-cli.cfg"));
    let address = up.ready()["nodes"][0]["address"].as_str().unwrap().to_owned();
    let said = at(place.path(), &["configure", "-a", &address, "--output", "by-address.cfg"]);
    assert!(said.status.success(), "{}", text(&said));
    works(&place.path().join("by-address.cfg"));

    // What is here comes first, and what is not there yet is named.
    for name in ["customerCA.crt", "client.crt"] {
        std::fs::copy(up.folder().join(name), place.path().join(name)).unwrap();
    }
    let missing = "--client-key=my.key";
    let said = text(&at(place.path(), &["configure", "--cluster-id", &id, missing]));
    let key = place.path().join("my.key");
    assert!(said.contains(&format!("{} is not there yet", key.display())), "{said}");
    let written = std::fs::read_to_string(place.path().join("cloudhsm-cli.cfg")).unwrap();
    for name in ["customerCA.crt", "client.crt", "my.key"] {
        let path = place.path().join(name);
        assert!(written.contains(path.to_str().unwrap()), "{name}: {written}");
    }
    up.stop();
}
