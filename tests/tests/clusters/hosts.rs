//! HSMs that are not the endpoint's own processes: hosts that have joined, here on one machine.
use crate::PROGRAM;
use hsm_client::{JoinRequest, SealingKey, open_order, seal_request};
use std::net::TcpListener;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};
use tests::alone::freeze;
use tests::cluster::{Up, folder};
use tests::plane::Plane;
use tests::spanning::{Host, a_cluster_spans};

#[test]
fn a_cluster_spans_three_hosts_one_of_which_is_frozen() {
    let place = folder();
    let up = Up::start(PROGRAM, &["--nodes", "1", "--limits", "none", "--replace-after", "600"]);
    // A host keeps its address when it is started again.
    let free: [_; 6] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    let listen = free.each_ref().map(|it| it.local_addr().unwrap().to_string());
    drop(free);
    let host = |zone: char, at: usize| {
        let listen = [listen[at].clone(), listen[at + 3].clone()];
        let start = || Command::new(PROGRAM);
        Host::start(place.path(), &up, zone, listen, start, freeze)
    };
    let mut hosts = [host('a', 0), host('b', 1), host('c', 2)];
    a_cluster_spans(&up, &mut hosts);
    up.stop();
}

#[test]
fn a_request_that_was_recorded_is_not_taken_again() {
    let up = Up::start(PROGRAM, &["--nodes", "1"]);
    let plane = Plane::of(&up);
    let key = std::fs::read_to_string(up.folder().join("service/join.key")).unwrap();
    let key = SealingKey::from_hex(&key).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let now = u64::try_from(now).unwrap();
    let request = |at_ms: u64, address: &str| JoinRequest {
        host: "host-1".to_owned(),
        region: "us-east-1".to_owned(),
        zone: "us-east-1a".to_owned(),
        address: address.to_owned(),
        hsm_id: None,
        nonce: at_ms.to_string(),
        at_ms: now + at_ms,
        condition: None,
        set_aside: Vec::new(),
    };
    let sealed = |at_ms, address| seal_request(&key, &request(at_ms, address)).unwrap();
    let first = sealed(7, "10.0.0.1:2223");
    let answer = plane.send("POST /_sim/join", &first);
    let order = open_order(&key, &request(7, "10.0.0.1:2223"), &answer.body).unwrap();
    assert_eq!((order.hsm_id, order.files.len(), order.wait), (None, 0, false));
    assert_eq!(plane.send("POST /_sim/join", &sealed(8, "10.0.0.2:2223")).status, 200);
    let hour = 3_600_000;
    for old in [
        first,
        sealed(8, "10.0.0.3:2223"),
        sealed(6, "10.0.0.3:2223"),
        sealed(hour, "10.0.0.3:2223"),
    ] {
        assert_eq!(plane.send("POST /_sim/join", &old).status, 400);
    }
    // A machine of an earlier version would erase what it is told to leave.
    let older = JoinRequest {
        host: "host-2".to_owned(),
        hsm_id: Some("hsm-aaaaaaaaaaa".to_owned()),
        ..request(9, "10.0.0.9:2223")
    };
    let answer = plane.send("POST /_sim/join", &seal_request(&key, &older).unwrap());
    let said = String::from_utf8(answer.body).unwrap();
    assert!(answer.status == 400 && said.contains("of an earlier version"), "{said}");
    for nowhere in ["0.0.0.0:2223", "10.0.0.1", ""] {
        assert_eq!(plane.send("POST /_sim/join", &sealed(9, nowhere)).status, 400, "{nowhere}");
    }
    let hosts = plane.sim("GET /_sim/hosts");
    assert_eq!(hosts["hosts"][0]["address"], "10.0.0.2:2223", "{hosts}");
    assert_eq!(hosts["hosts"][1]["hsm_id"], "hsm-aaaaaaaaaaa", "{hosts}");
    up.stop();
}

#[test]
fn a_host_without_the_join_key_is_told_so_and_gets_nothing() {
    let place = folder();
    let up = Up::start(PROGRAM, &["--nodes", "1"]);
    let plane = Plane::of(&up);
    for body in [&b""[..], &[0; 11], &[7; 4_000]] {
        let answer = plane.send("POST /_sim/join", body);
        assert_eq!(answer.status, 400);
        let said = String::from_utf8(answer.body).unwrap();
        assert!(said.contains("join.key"), "{said}");
    }
    let wrong = place.path().join("wrong.key");
    std::fs::write(&wrong, "00".repeat(31)).unwrap();
    let url = Plane::url(&up);
    let mut command = Command::new(PROGRAM);
    command.args(["node", "--join", &url, "--zone", "us-east-1a", "--join-key"]).arg(&wrong);
    let output = tests::cluster::run(command.arg("--dir").arg(place.path().join("host")), "");
    let said = tests::cluster::text(&output);
    assert!(!output.status.success() && said.contains("wrong.key: not a key"), "{said}");
    assert_eq!(plane.sim("GET /_sim/hosts")["hosts"].as_array().unwrap().len(), 0);
    up.stop();
}
