//! Where HSMs listen, and what takes the place of one that has died for good.
use crate::PROGRAM;
use std::net::TcpStream;
use std::process::Command;
use tests::cluster::{Up, folder, run, text};
use tests::plane::{Owned, Plane, active, hsms};

#[test]
#[cfg(target_os = "linux")]
fn each_hsm_has_its_eni_s_address_and_ports_2223_to_2225() {
    let place = folder();
    let arguments = ["--nodes", "2", "--layout", "addresses"];
    let up = Up::start_in(PROGRAM, place.path(), &arguments);
    let plane = Plane::of(&up);
    let owned = Owned::activated(&plane);
    plane.add_hsm(&owned.id, 'b');
    plane.has(&owned.id, 2);
    let own = plane.describe(up.ready()["cluster_id"].as_str().unwrap());
    let others = plane.describe(&owned.id);
    let mut addresses = Vec::new();
    for hsm in hsms(&own).iter().chain(hsms(&others)) {
        let ip = hsm["EniIp"].as_str().unwrap().to_owned();
        for port in 2223..=2225 {
            TcpStream::connect((ip.as_str(), port)).unwrap();
        }
        addresses.push(ip);
    }
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), 4, "{addresses:?}");
    assert!(owned.operate(&["user", "list"]).contains("\"cluster-coverage\": \"full\""));
    // A configuration by addresses, as `configure -a` of AWS's tools makes it: the port is 2223.
    let config = place.path().join("by-address.cfg");
    let state = |name: &str| place.path().join(name).to_str().unwrap().to_owned();
    let [ca, certificate, key] = ["customerCA.crt", "client.crt", "client.key"].map(state);
    let output = config.to_str().unwrap();
    let hsm = &hsms(&own)[0]["EniIp"];
    let address = ["configure", "-a", hsm.as_str().unwrap(), "--output", output];
    let files = ["--hsm-ca-cert", &ca, "--client-cert", &certificate, "--client-key", &key];
    up.data_text(&[&address[..], &files].concat());
    let listed = up.data_text(&["user", "list", "--config", output]);
    assert!(listed.contains("\"kmsuser\""), "{listed}");
    up.stop();
    // They are kept, and another layout is refused.
    let mut other = Command::new(PROGRAM);
    other.args(["up", "--layout", "ports", "--endpoint-port", "0", "--state"]).arg(place.path());
    let refused = text(&run(&mut other, ""));
    assert!(refused.contains("was begun with --layout addresses"), "{refused}");
    let up = Up::start_in(PROGRAM, place.path(), &[]);
    let again = Plane::of(&up).has(&owned.id, 2);
    assert!(hsms(&again).iter().all(|hsm| addresses.iter().any(|ip| hsm["EniIp"] == ip.as_str())));
    up.stop();
}

#[test]
fn an_hsm_that_has_died_for_good_is_replaced_in_its_place() {
    let up = Up::start(PROGRAM, &["--nodes", "3", "--replace-after", "1"]);
    let plane = Plane::of(&up);
    let id = up.cluster_id();
    let pin = up.pin("example_user");
    let login = Some(("crypto-user", pin.as_str()));
    let make = ["key", "generate-symmetric", "aes", "--key-length-bytes", "32", "--label", "kept"];
    up.data(login, &make);
    // One that an operator keeps down is not replaced.
    up.data_text(&["sim", "kill", "1"]);
    let before = plane.until(&id, |cluster| active(cluster) == 2);
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert_eq!(hsms(&plane.describe(&id))[0]["HsmId"], hsms(&before)[0]["HsmId"]);
    up.data_text(&["sim", "restart", "1"]);
    let before = plane.has(&id, 3);
    up.data_text(&["sim", "destroy", "2"]);
    let is_new = |cluster: &serde_json::Value| {
        active(cluster) == 3 && hsms(cluster)[1]["HsmId"] != hsms(&before)[1]["HsmId"]
    };
    let after = plane.until(&id, is_new);
    for same in ["EniId", "EniIp", "AvailabilityZone", "SubnetId"] {
        assert_eq!(hsms(&after)[1][same], hsms(&before)[1][same]);
    }
    let dead = hsms(&before)[1]["HsmId"].as_str().unwrap();
    assert!(!up.folder().join(dead).exists(), "what was left of it is gone");
    // It has the users and the keys, also without the others.
    up.data_text(&["sim", "kill", "1"]);
    up.data_text(&["sim", "kill", "3"]);
    let listed = up.data(login, &["key", "list", "--filter", "attr.label=kept"]);
    assert_eq!(listed["total_key_count"], 1, "{listed}");
    up.stop();
}
