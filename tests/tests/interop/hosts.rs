//! Hosts as Linux sees them: network namespaces of their own, with a cable each that can be pulled.
use crate::{PROGRAM, ok};
use nix::unistd::Pid;
use std::process::Command;
use tests::cluster::{Up, folder, run};
use tests::spanning::{Host, a_cluster_spans};

/// A bridge with this machine at `.1`, and three namespaces at `.11`, `.12` and `.13`. Named by the
/// process, so that several can be there at once; gone when it is dropped.
struct Wires {
    name: String,
    front: String,
}

fn ip(words: &str) {
    ok(run(Command::new("ip").args(words.split(' ')), ""));
}

impl Wires {
    fn lay() -> Self {
        let pid = std::process::id();
        let front = format!("10.{}.{}", 200 + pid % 50, pid / 50 % 250);
        let wires = Self { name: format!("hsm{pid}"), front };
        let (name, front) = (&wires.name, &wires.front);
        ip(&format!("link add {name} type bridge"));
        ip(&format!("addr add {front}.1/24 dev {name}"));
        ip(&format!("link set {name} up"));
        for host in 1..=3 {
            ip(&format!("netns add {name}-{host}"));
            ip(&format!("link add {name}.{host} type veth peer name eth0 netns {name}-{host}"));
            ip(&format!("link set {name}.{host} master {name} up"));
            ip(&format!("-n {name}-{host} addr add {front}.1{host}/24 dev eth0"));
            ip(&format!("-n {name}-{host} link set lo up"));
            ip(&format!("-n {name}-{host} link set eth0 up"));
        }
        wires
    }

    fn host(&self, host: usize, zone: char, place: &std::path::Path, up: &Up) -> Host {
        let Self { name, front } = self;
        let namespace = format!("{name}-{host}");
        let start = move || {
            let mut command = Command::new("ip");
            command.args(["netns", "exec", &namespace, PROGRAM]);
            command
        };
        let cable = format!("{name}.{host}");
        let pull = move |_: Pid, cut: bool| {
            ip(&format!("link set {cable} {}", if cut { "down" } else { "up" }));
        };
        let listen = [2223, 2323].map(|port| format!("{front}.1{host}:{port}"));
        Host::start(place, up, zone, listen, start, pull)
    }
}

impl Drop for Wires {
    fn drop(&mut self) {
        for host in 1..=3 {
            let name = format!("{}-{host}", self.name);
            let _ = Command::new("ip").args(["netns", "del", &name]).status();
        }
        let _ = Command::new("ip").args(["link", "del", &self.name]).status();
    }
}

#[test]
fn hosts_in_network_namespaces_are_cut_off_and_healed() {
    let wires = Wires::lay();
    let place = folder();
    let address = format!("{}.1", wires.front);
    let limits = ["--nodes", "1", "--limits", "none", "--replace-after", "600"];
    let up = Up::start(PROGRAM, &[&limits[..], &["--address", &address]].concat());
    let mut hosts =
        [(1, 'a'), (2, 'b'), (3, 'c')].map(|(n, zone)| wires.host(n, zone, place.path(), &up));
    a_cluster_spans(&up, &mut hosts);
    drop(hosts);
    up.stop();
}
