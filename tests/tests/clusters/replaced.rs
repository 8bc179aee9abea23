//! What is no death, and what becomes of an HSM that has died: nothing that an HSM has acknowledged
//! is lost without an operator's word.
use crate::PROGRAM;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tests::cluster::{Up, answer, create_user, run, text};
use tests::patience::until;
use tests::plane::{Owned, Plane, active, hsms};
use tests::spanning::Host;

const AES: [&str; 7] =
    ["key", "generate-symmetric", "aes", "--key-length-bytes", "32", "--label", "late"];

/// What a user does at some HSMs of `up`'s cluster, without the availability check.
fn alone(up: &Up, hsms: &[String], login: (&str, &str), words: &[&str]) -> Value {
    let config = up.folder().join("alone.cfg");
    let config = config.to_str().unwrap();
    let file = |name: &str| up.folder().join(name).to_str().unwrap().to_owned();
    let files = [file("customerCA.crt"), file("client.crt"), file("client.key")];
    let named: Vec<_> = hsms.iter().flat_map(|hsm| ["-a", hsm]).collect();
    let rest = [
        "--disable-key-availability-check",
        "--output",
        config,
        "--hsm-ca-cert",
        &files[0],
        "--client-cert",
        &files[1],
        "--client-key",
        &files[2],
    ];
    up.data_text(&[&["configure"][..], &named, &rest].concat());
    answer(&up.ctl(Some(login), &[words, &["--config", config]].concat(), ""))["data"].clone()
}

/// How many HSMs of all have the key that was made late: `full`, `partial`.
fn coverage(up: &Up, label: &str) -> Value {
    let pin = up.pin("example_user");
    let filter = format!("attr.label={label}");
    let list = ["key", "list", "--verbose", "--filter", &filter];
    up.data(Some(("crypto-user", &pin)), &list)["matched_keys"][0]["key-info"]["cluster-coverage"]
        .clone()
}

fn address(up: &Up, node: usize) -> String {
    up.ready()["nodes"][node]["address"].as_str().unwrap().to_owned()
}

/// A user and a key that only HSM 1 has acknowledged, while HSM 2 is down; then it dies, too.
fn only_the_first_knows(up: &Up) -> String {
    up.data_text(&["sim", "kill", "2"]);
    let first = [address(up, 0)];
    let (admin, user) = (up.pin("admin"), up.pin("example_user"));
    let made = alone(up, &first, ("admin", &admin), &create_user("late_user", "Passw0rd1"));
    // Each HSM answers for itself, and this one has.
    let done = format!("{} ({}): done", up.hsm_id(0), first[0]);
    assert!(made.to_string().contains(&done), "{made}");
    let made = alone(up, &first, ("crypto-user", &user), &AES);
    assert!(made["key"].is_object(), "{made}");
    up.data_text(&["sim", "kill", "1"]);
    up.hsm_id(0)
}

fn has_both(up: &Up, node: usize) {
    let (at, admin, user) = ([address(up, node)], up.pin("admin"), up.pin("example_user"));
    let users = alone(up, &at, ("admin", &admin), &["user", "list"]).to_string();
    assert!(users.contains("\"late_user\""), "{users}");
    let listed = ["key", "list", "--filter", "attr.label=late"];
    let keys = alone(up, &at, ("crypto-user", &user), &listed);
    assert_eq!(keys["total_key_count"], 1, "{keys}");
}

#[test]
fn an_intact_hsm_whose_port_another_program_has_takes_another_port_and_is_not_replaced() {
    let up = Up::start(PROGRAM, &["--nodes", "2", "--replace-after", "1"]);
    let plane = Plane::of(&up);
    let (id, first) = (up.cluster_id(), only_the_first_knows(&up));
    let before = address(&up, 0);
    let _taken = TcpListener::bind(&before).unwrap();
    std::fs::remove_file(up.folder().join(&first).join("held")).unwrap();
    up.data_text(&["sim", "restart", "2"]);
    // Longer than a dead one is waited for.
    std::thread::sleep(Duration::from_secs(6));
    assert!(up.folder().join(&first).join("master.key").exists(), "an intact disk is removed");
    let cluster = plane.has(&id, 2);
    assert_eq!(hsms(&cluster)[0]["HsmId"], first.as_str(), "it was replaced");
    until("ready.json says where it is", || address(&up, 0) != before);
    until("the control plane says where it is", || {
        let hsms = plane.sim("GET /_sim/hsms");
        hsms["hsms"][0]["address"] == address(&up, 0).as_str()
    });
    assert!(up.said_later().contains("another program has its port"), "{}", up.said_later());
    has_both(&up, 0);
    until("the other HSM has the key", || coverage(&up, "late") == "full");
    up.stop();
}

#[test]
fn an_hsm_with_a_broken_disk_says_why_is_set_aside_and_can_be_brought_back() {
    let up = Up::start(PROGRAM, &["--nodes", "2", "--replace-after", "3"]);
    let plane = Plane::of(&up);
    let (id, first) = (up.cluster_id(), only_the_first_knows(&up));
    let folder = up.folder().join(&first);
    let key = std::fs::read(folder.join("master.key")).unwrap();
    std::fs::remove_file(folder.join("master.key")).unwrap();
    std::fs::remove_file(folder.join("held")).unwrap();
    up.data_text(&["sim", "restart", "2"]);
    let says = |it: &Value, what: &str| {
        hsms(it)[0]["StateMessage"].as_str().is_some_and(|why| why.contains(what))
    };
    let degraded = plane.until(&id, |it| says(it, "master.key"));
    assert_eq!(hsms(&degraded)[0]["State"], "DEGRADED");
    plane.until(&id, |it| active(it) == 2 && hsms(it)[0]["HsmId"] != first.as_str());

    // All that it had is kept, where the list says.
    assert!(!folder.exists());
    let listed: Value = serde_json::from_str(&up.data_text(&["sim", "set-aside"])).unwrap();
    let kept = &listed["hsms"][0];
    assert_eq!((&kept["hsm_id"], &kept["cluster_id"]), (&json!(first), &json!(id)), "{listed}");
    assert!(kept["why"].as_str().unwrap().contains("master.key"), "{listed}");
    let kept = Path::new(kept["folder"].as_str().unwrap()).to_owned();
    assert!(kept.starts_with(up.folder().join("set-aside")) && kept.join("store").exists());
    let back = |hsm: &str| text(&up.ctl(None, &["sim", "bring-back", hsm], ""));
    assert!(back("hsm-aaaaaaaaaaa").contains("is not set aside"), "{}", back("hsm-aaaaaaaaaaa"));
    assert!(back(&first).contains("has no master.key"), "{}", back(&first));

    // The disk is mended: it joins beside its successor, and the others get what it alone had.
    std::fs::write(kept.join("master.key"), key).unwrap();
    assert!(back(&first).contains("joins"), "{}", plane.describe(&id));
    let cluster = plane.has(&id, 3);
    let ips: std::collections::BTreeSet<_> =
        hsms(&cluster).iter().map(|hsm| hsm["EniIp"].to_string()).collect();
    assert_eq!(ips.len(), 3, "{cluster:#}");
    assert!(back(&first).contains("is not set aside"), "{}", back(&first));
    let nodes = || up.ready()["nodes"].as_array().unwrap().clone();
    until("`up` lists it", || nodes().iter().any(|node| node["hsm_id"] == first.as_str()));
    let at = nodes().iter().position(|node| node["hsm_id"] == first.as_str()).unwrap();
    has_both(&up, at);
    until("the others have the key", || coverage(&up, "late") == "full");
    assert_eq!(plane.sim("GET /_sim/set-aside")["hsms"], json!([]));
    up.stop();
}

/// Machines on this one, each with one HSM of a cluster.
struct Machines {
    up: Up,
    plane: Plane,
    place: tempfile::TempDir,
}

impl Machines {
    fn start(replace_after: &str) -> Self {
        let arguments = ["--nodes", "1", "--limits", "none", "--replace-after", replace_after];
        let up = Up::start(PROGRAM, &arguments);
        Self { plane: Plane::of(&up), up, place: tests::cluster::folder() }
    }

    fn host(&self, name: &str, zone: char) -> Host {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = free.local_addr().unwrap().to_string();
        drop(free);
        let folder = self.place.path().join(name);
        let before = self.offers();
        let start = || Command::new(PROGRAM);
        let listen = [listen.clone(), listen];
        let host = Host::start_in(folder, &self.up, zone, listen, start, crate::hosts::freeze);
        until("the machine offers itself", || self.offers() > before);
        host
    }

    fn offers(&self) -> usize {
        self.plane.sim("GET /_sim/hosts")["hosts"].as_array().unwrap().len()
    }
}

/// A key that this HSM alone acknowledges, if the others are away.
fn make_key_there(owned: &Owned, host: &Host) {
    owned.operate_at(&[host.address()], ("crypto-user", "late_user:Passw0rd1"), &AES);
}

fn is_there(owned: &Owned, host: &Host) {
    let list = ["key", "list", "--filter", "attr.label=late"];
    let login = ("crypto-user", "late_user:Passw0rd1");
    let listed = owned.operate_at(&[host.address()], login, &list);
    assert!(listed.contains("\"total_key_count\": 1"), "{listed}");
}

#[test]
fn a_machine_whose_port_strangers_fill_is_not_replaced_and_loses_nothing() {
    let machines = Machines::start("2");
    let first = machines.host("first", 'a');
    let owned = Owned::activated(&machines.plane);
    let second = machines.host("second", 'b');
    machines.plane.add_hsm(&owned.id, 'b');
    let before = machines.plane.has(&owned.id, 2);
    // One that is free: it would take the place of the second.
    let _free = machines.host("free", 'b');
    owned.operate(&create_user("late_user", "Passw0rd1"));
    make_key_there(&owned, &second);
    tests::strangers::fill(second.address(), 300, Duration::from_secs(15));
    let after = machines.plane.until(&owned.id, |cluster| active(cluster) == 2);
    let ids =
        |cluster: &Value| hsms(cluster).iter().map(|it| it["HsmId"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&after), ids(&before));
    assert!(second.node().join("master.key").exists() && second.set_aside().is_empty());
    is_there(&owned, &second);
    drop(first);
    machines.up.stop();
}

#[test]
fn a_machine_that_was_cut_off_and_replaced_sets_its_hsm_aside_and_brings_it_back() {
    let machines = Machines::start("2");
    let plane = &machines.plane;
    let first = machines.host("first", 'a');
    let owned = Owned::activated(plane);
    let mut second = machines.host("second", 'b');
    plane.add_hsm(&owned.id, 'b');
    plane.has(&owned.id, 2);
    let _free = machines.host("free", 'b');
    let old = hsms(&plane.describe(&owned.id))[1]["HsmId"].as_str().unwrap().to_owned();
    // Only the second knows it; the first is away meanwhile.
    owned.operate(&create_user("late_user", "Passw0rd1"));
    first.cut_off();
    make_key_there(&owned, &second);
    second.power_off();
    first.heal();
    plane.until(&owned.id, |it| active(it) == 2 && hsms(it)[1]["HsmId"] != old.as_str());
    let back = || text(&machines.up.ctl(None, &["sim", "bring-back", &old], ""));
    assert!(back().contains("has not said that it has set it aside"), "{}", back());
    second.power_on();
    until("it is set aside there", || second.set_aside() == [old.clone()]);
    assert!(!second.node().exists());
    until("it joins again", || back().contains("joins"));
    plane.has(&owned.id, 3);
    assert!(second.node().join("master.key").exists() && second.set_aside().is_empty());
    is_there(&owned, &second);
    // Of what an operator deletes nothing is kept, also where the machine is off meanwhile.
    second.power_off();
    plane.call("DeleteHsm", json!({ "ClusterId": owned.id, "HsmId": old }));
    plane.has(&owned.id, 2);
    second.power_on();
    until("it is erased", || !second.node().exists());
    assert!(second.set_aside().is_empty());
    machines.up.stop();
}

#[test]
fn a_machine_that_cannot_start_its_hsm_says_why_and_goes_on() {
    let machines = Machines::start("600");
    let plane = &machines.plane;
    let mut host = machines.host("first", 'a');
    let owned = Owned::activated(plane);
    host.power_off();
    let taken = TcpListener::bind(host.address()).unwrap();
    host.power_on();
    let degraded = plane.until(&owned.id, |it| {
        hsms(it)[0]["StateMessage"].as_str().is_some_and(|why| why.contains("is taken by another"))
    });
    assert_eq!(hsms(&degraded)[0]["State"], "DEGRADED");
    drop(taken);
    plane.has(&owned.id, 1);
    machines.up.stop();
}

#[test]
fn sim_help_shows_how_an_hsm_is_brought_back() {
    let help = text(&run(Command::new(PROGRAM).args(["sim", "--help"]), ""));
    for word in ["set-aside", "bring-back", "sim bring-back hsm-"] {
        assert!(help.contains(word), "{help}");
    }
}
