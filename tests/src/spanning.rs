//! A cluster whose HSMs are on three hosts, one of which is cut off and healed. What a host is, and
//! how it is cut off, is the caller's.
use crate::cluster::{Up, create_user};
use crate::patience::until;
use crate::plane::{Owned, Plane, active, hsms};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const ZONES: [char; 3] = ['a', 'b', 'c'];

/// A machine with `hsm-node --join`. Dropped, it is killed.
pub struct Host {
    start: Box<dyn Fn(&str) -> Command>,
    /// Where it listens, and another address that it has.
    listen: [String; 2],
    cut: Box<dyn Fn(Pid, bool)>,
    folder: PathBuf,
    child: Child,
}

impl Host {
    /// `start` makes the command that runs `node`, `cut` separates the host from the others (true)
    /// or connects it again.
    pub fn start(
        folder: &Path,
        up: &Up,
        zone: char,
        listen: [String; 2],
        start: impl Fn() -> Command + 'static,
        cut: impl Fn(Pid, bool) + 'static,
    ) -> Self {
        Self::start_in(folder.join(format!("host-{zone}")), up, zone, listen, start, cut)
    }

    /// The same, in this very folder: a zone may have several machines.
    pub fn start_in(
        folder: PathBuf,
        up: &Up,
        zone: char,
        listen: [String; 2],
        start: impl Fn() -> Command + 'static,
        cut: impl Fn(Pid, bool) + 'static,
    ) -> Self {
        let (url, key) = (Plane::url(up), up.folder().join("service/join.key"));
        let dir = folder.clone();
        let start = move |listen: &str| {
            let mut command = start();
            command.args(["node", "--listen", listen, "--join", &url]);
            command.args(["--zone", &format!("us-east-1{zone}"), "--join-key"]).arg(&key);
            command
                .env("RUST_LOG", "error")
                .arg("--dir")
                .arg(&dir)
                .stdin(Stdio::null())
                .stdout(Stdio::null());
            command
        };
        let child = start(&listen[0]).spawn().unwrap();
        Self { listen, start: Box::new(start), cut: Box::new(cut), folder, child }
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.listen[0]
    }

    /// The folder of the HSM that it is.
    pub fn node(&self) -> PathBuf {
        self.folder.join("node")
    }

    /// The ids of the HSMs that it has set aside.
    pub fn set_aside(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.join("set-aside"));
        let names = entries.into_iter().flatten().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect()
    }

    /// From now on nothing of it is heard, and it hears nothing.
    pub fn cut_off(&self) {
        (self.cut)(self.pid(), true);
    }

    /// Connected again.
    pub fn heal(&self) {
        (self.cut)(self.pid(), false);
    }

    /// The power fails.
    pub fn power_off(&mut self) {
        kill(self.pid(), Signal::SIGKILL).unwrap();
        self.child.wait().unwrap();
    }

    /// Started again, in the same folder.
    pub fn power_on(&mut self) {
        self.child = (self.start)(&self.listen[0]).spawn().unwrap();
    }

    /// Whether anybody answers where it listens.
    fn answers(&self) -> bool {
        let at = self.listen[0].parse().unwrap();
        TcpStream::connect_timeout(&at, Duration::from_secs(1)).is_ok()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// From three hosts that have just been started to a key store that has survived them.
pub fn a_cluster_spans(up: &Up, hosts: &mut [Host; 3]) {
    let plane = Plane::of(up);
    let offers = || plane.sim("GET /_sim/hosts")["hosts"].as_array().unwrap().len();
    until("three hosts offer themselves", || offers() == 3);
    let owned = Owned::activated(&plane);
    for zone in &ZONES[1..] {
        plane.add_hsm(&owned.id, *zone);
    }
    plane.has(&owned.id, 3);
    on_hosts(&plane, &owned);
    owned.operate(&create_user("kmsuser", "kmsPswd"));
    let (store, key) = key_store(&plane, &owned);
    let encrypt = || {
        let kms = plane.kms();
        kms.ok("Encrypt", json!({ "KeyId": key, "Plaintext": "c2VjcmV0" }))["CiphertextBlob"]
            .clone()
    };
    let blob = encrypt();
    let opens = |blob: &Value| {
        let opened = plane.kms().call("Decrypt", &json!({ "CiphertextBlob": blob }));
        opened.is_ok_and(|opened| opened["Plaintext"] == "c2VjcmV0")
    };

    // One is cut off: nobody who asks KMS sees it, but DescribeClusters does.
    hosts[2].cut_off();
    assert!((0..50).all(|_| opens(&blob)), "one host of three is cut off");
    plane.until(&owned.id, |cluster| cluster["State"] == "DEGRADED" && active(cluster) == 2);
    let degraded = json!({ "Filters": { "states": ["DEGRADED"] } });
    let degraded = plane.call("DescribeClusters", degraded);
    assert_eq!(degraded["Clusters"][0]["ClusterId"], owned.id.as_str());
    let made = json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store });
    let made = plane.kms().ok("CreateKey", made)["KeyMetadata"]["KeyId"].clone();
    let meanwhile = plane.kms().ok("Encrypt", json!({ "KeyId": made, "Plaintext": "c2VjcmV0" }));
    let meanwhile = &meanwhile["CiphertextBlob"];
    // It is healed, and has the key that was made meanwhile: soon it is the only one there.
    hosts[2].heal();
    plane.until(&owned.id, |cluster| cluster["State"] == "ACTIVE" && active(cluster) == 3);
    until("the key is brought over", || on_all(&owned));
    hosts[0].cut_off();
    hosts[1].cut_off();
    until("the healed host decrypts alone", || opens(meanwhile) && opens(&blob));
    hosts[0].heal();
    hosts[1].heal();
    plane.until(&owned.id, |cluster| cluster["State"] == "ACTIVE" && active(cluster) == 3);

    hosts[1].power_off();
    plane.until(&owned.id, |cluster| active(cluster) == 2);
    // It comes back with another address, as a container does.
    hosts[1].listen.swap(0, 1);
    hosts[1].power_on();
    plane.has(&owned.id, 3);
    on_hosts(&plane, &owned);
    // The security group is closed, and opened again.
    plane.sim(&format!("POST /_sim/network?region=us-east-1&action=close-group&of={}", owned.id));
    until("nobody reaches the hosts", || hosts.iter().all(|host| !host.answers()));
    plane.sim(&format!("POST /_sim/network?region=us-east-1&action=open-group&of={}", owned.id));
    plane.has(&owned.id, 3);
    // What is deleted is erased there, and the host is free for another HSM.
    let last = hsm_in(&plane, &owned, 'c');
    plane.call("DeleteHsm", json!({ "ClusterId": owned.id, "HsmId": last["HsmId"] }));
    plane.has(&owned.id, 2);
    until("the host is erased", || !hosts[2].node().exists());
    assert!(hosts[2].set_aside().is_empty(), "an operator has deleted it");
    plane.add_hsm(&owned.id, 'c');
    plane.has(&owned.id, 3);
    on_hosts(&plane, &owned);
    assert_ne!(hsm_in(&plane, &owned, 'c')["HsmId"], last["HsmId"]);
    until("the new HSM has every key", || on_all(&owned));
    assert!(opens(&blob));
}

/// All HSMs are where hosts are.
fn on_hosts(plane: &Plane, owned: &Owned) {
    let all = plane.sim("GET /_sim/hsms");
    let all = all["hsms"].as_array().unwrap().iter();
    let mine: Vec<_> = all.filter(|hsm| hsm["cluster_id"] == owned.id.as_str()).collect();
    assert_eq!(mine.len(), 3, "{mine:?}");
    let hosts = plane.sim("GET /_sim/hosts");
    for hsm in mine {
        let host = hosts["hosts"].as_array().unwrap().iter();
        let host = host.clone().find(|host| host["host"] == hsm["host"]).unwrap();
        assert_eq!((&hsm["address"], &hsm["zone"]), (&host["address"], &host["zone"]));
    }
}

fn hsm_in(plane: &Plane, owned: &Owned, zone: char) -> Value {
    let cluster = plane.describe(&owned.id);
    let in_zone = |hsm: &&Value| hsm["AvailabilityZone"] == format!("us-east-1{zone}");
    hsms(&cluster).iter().find(in_zone).unwrap().clone()
}

/// A key store on the cluster that is connected, and a key in it.
fn key_store(plane: &Plane, owned: &Owned) -> (Value, Value) {
    let kms = plane.kms();
    let store = kms.ok(
        "CreateCustomKeyStore",
        json!({
            "CustomKeyStoreName": "spanning", "CloudHsmClusterId": owned.id,
            "KeyStorePassword": "kmsPswd", "TrustAnchorCertificate": owned.trust_anchor(),
        }),
    )["CustomKeyStoreId"]
        .clone();
    kms.connect(store.as_str().unwrap());
    let wanted = json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store });
    let key = kms.ok("CreateKey", wanted)["KeyMetadata"]["KeyId"].clone();
    (store, key)
}

/// Does every HSM have every key?
fn on_all(owned: &Owned) -> bool {
    let listed = owned.operate(&["key", "list", "--verbose", "--max-items", "1000"]);
    listed.contains("\"total_key_count\": 2")
        && !listed.contains("\"cluster-coverage\": \"partial\"")
        && !listed.contains("\"cluster-coverage\": \"inconsistent\"")
}
