//! What only one HSM has acknowledged, and how it comes through: an HSM whose port another program
//! has, and a machine whose port strangers fill.
use crate::cluster::{Up, answer, create_user, folder};
use crate::patience::until;
use crate::plane::{Owned, Plane, active, hsms};
use crate::spanning::Host;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

const AES: [&str; 7] =
    ["key", "generate-symmetric", "aes", "--key-length-bytes", "32", "--label", "late"];

/// What a user does at some HSMs of `up`'s cluster, without the availability check.
pub fn alone(up: &Up, hsms: &[String], login: (&str, &str), words: &[&str]) -> Value {
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
pub fn coverage(up: &Up, label: &str) -> Value {
    let pin = up.pin("example_user");
    let filter = format!("attr.label={label}");
    let list = ["key", "list", "--verbose", "--filter", &filter];
    up.data(Some(("crypto-user", &pin)), &list)["matched_keys"][0]["key-info"]["cluster-coverage"]
        .clone()
}

/// Where an HSM listens.
pub fn address(up: &Up, node: usize) -> String {
    up.ready()["nodes"][node]["address"].as_str().unwrap().to_owned()
}

/// A user and a key that only HSM 1 has acknowledged, while HSM 2 is down; then it dies, too.
pub fn only_the_first_knows(up: &Up) -> String {
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

/// Both are at this HSM.
pub fn has_both(up: &Up, node: usize) {
    let (at, admin, user) = ([address(up, node)], up.pin("admin"), up.pin("example_user"));
    let users = alone(up, &at, ("admin", &admin), &["user", "list"]).to_string();
    assert!(users.contains("\"late_user\""), "{users}");
    let listed = ["key", "list", "--filter", "attr.label=late"];
    let keys = alone(up, &at, ("crypto-user", &user), &listed);
    assert_eq!(keys["total_key_count"], 1, "{keys}");
}

/// HSM 1 dies while HSM 2 is down, and another program takes its port: it is no death.
pub fn an_intact_hsm_loses_its_port(program: &str) {
    let up = Up::start(program, &["--nodes", "2", "--replace-after", "1"]);
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

/// Machines on this one, each with one HSM of a cluster.
pub struct Machines {
    pub up: Up,
    pub plane: Plane,
    program: String,
    place: TempDir,
}

impl Machines {
    /// The control plane, without any machine yet.
    pub fn start(program: &str, replace_after: &str) -> Self {
        let arguments = ["--nodes", "1", "--limits", "none", "--replace-after", replace_after];
        let up = Up::start(program, &arguments);
        Self { plane: Plane::of(&up), up, program: program.to_owned(), place: folder() }
    }

    /// One more machine in this zone.
    pub fn host(&self, name: &str, zone: char) -> Host {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let listen = free.local_addr().unwrap().to_string();
        drop(free);
        let folder = self.place.path().join(name);
        let before = self.offers();
        let program = self.program.clone();
        let start = move || Command::new(&program);
        let listen = [listen.clone(), listen];
        let host = Host::start_in(folder, &self.up, zone, listen, start, freeze);
        until("the machine offers itself", || self.offers() > before);
        host
    }

    fn offers(&self) -> usize {
        self.plane.sim("GET /_sim/hosts")["hosts"].as_array().unwrap().len()
    }
}

/// A key that this HSM alone acknowledges, if the others are away.
pub fn make_key_there(owned: &Owned, host: &Host) {
    owned.operate_at(&[host.address()], ("crypto-user", "late_user:Passw0rd1"), &AES);
}

/// The key is there.
pub fn is_there(owned: &Owned, host: &Host) {
    let list = ["key", "list", "--filter", "attr.label=late"];
    let login = ("crypto-user", "late_user:Passw0rd1");
    let listed = owned.operate_at(&[host.address()], login, &list);
    assert!(listed.contains("\"total_key_count\": 1"), "{listed}");
}

/// As if the network were gone: nothing is answered, and nothing is closed.
pub fn freeze(pid: Pid, cut: bool) {
    kill(pid, if cut { Signal::SIGSTOP } else { Signal::SIGCONT }).unwrap();
}

/// What fills the port of a machine of this cluster.
pub type Crowd<'c> = &'c dyn Fn(&Owned, &Host);

/// Strangers, or clients that do nothing, fill the port of a machine, one kind after the other: it
/// is not replaced, though a free machine is there, and loses nothing.
pub fn a_machine_whose_port_is_filled(program: &str, fill: &[Crowd<'_>]) {
    let machines = Machines::start(program, "2");
    let first = machines.host("first", 'a');
    let owned = Owned::activated(&machines.plane);
    let second = machines.host("second", 'b');
    machines.plane.add_hsm(&owned.id, 'b');
    let before = machines.plane.has(&owned.id, 2);
    // One that is free: it would take the place of the second.
    let _free = machines.host("free", 'b');
    owned.operate(&create_user("late_user", "Passw0rd1"));
    make_key_there(&owned, &second);
    for fill in fill {
        fill(&owned, &second);
    }
    let after = machines.plane.until(&owned.id, |cluster| active(cluster) == 2);
    let ids =
        |cluster: &Value| hsms(cluster).iter().map(|it| it["HsmId"].clone()).collect::<Vec<_>>();
    assert_eq!(ids(&after), ids(&before));
    assert!(second.node().join("master.key").exists() && second.set_aside().is_empty());
    is_there(&owned, &second);
    drop(first);
    machines.up.stop();
}
