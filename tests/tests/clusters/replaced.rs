//! What is no death, and what becomes of an HSM that has died: nothing that an HSM has acknowledged
//! is lost without an operator's word.
use crate::PROGRAM;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tests::alone::*;
use tests::cluster::{Up, create_user, run, text};
use tests::patience::until;
use tests::plane::{Owned, Plane, active, hsms};
use tests::strangers;

#[test]
fn an_intact_hsm_whose_port_another_program_has_takes_another_port_and_is_not_replaced() {
    an_intact_hsm_loses_its_port(PROGRAM);
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

#[test]
fn a_machine_whose_port_strangers_fill_is_not_replaced_and_loses_nothing() {
    let long = Duration::from_secs(12);
    a_machine_whose_port_is_filled(
        PROGRAM,
        &[&|_, host| strangers::fill(host.address(), 300, long)],
    );
}

#[test]
fn a_machine_that_was_cut_off_and_replaced_sets_its_hsm_aside_and_brings_it_back() {
    let machines = Machines::start(PROGRAM, "2");
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
    let machines = Machines::start(PROGRAM, "600");
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
fn a_machine_that_has_lost_its_hsm_does_not_get_another_under_the_same_number() {
    let machines = Machines::start(PROGRAM, "2");
    let plane = &machines.plane;
    let mut host = machines.host("first", 'a');
    let owned = Owned::activated(plane);
    let before = hsms(&plane.describe(&owned.id))[0]["HsmId"].clone();
    owned.operate(&create_user("late_user", "Passw0rd1"));
    host.power_off();
    std::fs::remove_dir_all(host.node()).unwrap();
    std::fs::remove_file(host.node().with_file_name("hsm")).unwrap();
    host.power_on();
    // From the last backup, which is older than the user.
    plane.until(&owned.id, |it| active(it) == 1 && hsms(it)[0]["HsmId"] != before);
    let users = owned.operate(&["user", "list"]);
    assert!(users.contains("\"admin\"") && !users.contains("late_user"), "{users}");
    let card = std::fs::read_to_string(host.node().join("node.json")).unwrap();
    let card: Value = serde_json::from_str(&card).unwrap();
    assert_eq!(card["node"], 2, "handles start with it");
    machines.up.stop();
}

#[test]
fn sim_help_shows_how_an_hsm_is_brought_back() {
    let help = text(&run(Command::new(PROGRAM).args(["sim", "--help"]), ""));
    for word in ["set-aside", "bring-back", "sim bring-back hsm-"] {
        assert!(help.contains(word), "{help}");
    }
}
