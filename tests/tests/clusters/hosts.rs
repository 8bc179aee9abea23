//! HSMs that are not the endpoint's own processes: hosts that have joined, here on one machine.
use crate::PROGRAM;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::net::TcpListener;
use std::process::Command;
use tests::cluster::{Up, folder};
use tests::spanning::{Host, a_cluster_spans};

/// As if the network were gone: nothing is answered, and nothing is closed.
fn freeze(pid: Pid, cut: bool) {
    kill(pid, if cut { Signal::SIGSTOP } else { Signal::SIGCONT }).unwrap();
}

#[test]
fn a_cluster_spans_three_hosts_one_of_which_is_frozen() {
    let place = folder();
    let up = Up::start(PROGRAM, &["--nodes", "1", "--limits", "none", "--replace-after", "600"]);
    // A host keeps its address when it is started again.
    let free: [_; 3] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    let listen = free.each_ref().map(|it| it.local_addr().unwrap().to_string());
    drop(free);
    let host = |zone: char, at: usize| {
        let start = || Command::new(PROGRAM);
        Host::start(place.path(), &up, zone, &listen[at], start, freeze)
    };
    let mut hosts = [host('a', 0), host('b', 1), host('c', 2)];
    a_cluster_spans(&up, &mut hosts);
    up.stop();
}

#[test]
fn a_host_without_the_join_key_is_told_so_and_gets_nothing() {
    let place = folder();
    let up = Up::start(PROGRAM, &["--nodes", "1"]);
    let plane = tests::plane::Plane::of(&up);
    for body in [&b""[..], &[0; 11], &[7; 4_000]] {
        let answer = plane.send("POST /_sim/join", body);
        assert_eq!(answer.status, 400);
        let said = String::from_utf8(answer.body).unwrap();
        assert!(said.contains("join.key"), "{said}");
    }
    let wrong = place.path().join("wrong.key");
    std::fs::write(&wrong, "00".repeat(31)).unwrap();
    let url = tests::plane::Plane::url(&up);
    let mut command = Command::new(PROGRAM);
    command.args(["node", "--join", &url, "--zone", "us-east-1a", "--join-key"]).arg(&wrong);
    let output = tests::cluster::run(command.arg("--dir").arg(place.path().join("host")), "");
    let said = tests::cluster::text(&output);
    assert!(!output.status.success() && said.contains("wrong.key: not a key"), "{said}");
    assert_eq!(plane.sim("GET /_sim/hosts")["hosts"].as_array().unwrap().len(), 0);
    up.stop();
}
