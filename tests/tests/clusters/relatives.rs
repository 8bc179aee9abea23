//! A cluster, those that were made from its backups, and from theirs: no two of their HSMs have one
//! number, and no key of one passes for another's.
use crate::PROGRAM;
use fleet::{Authority, Fleet, Launch, Layout, Roster, Seat};
use fleet::{make_ca, make_client_certificate, provision};
use hsm_client::{Connection, TlsIdentity, Trust};
use proto::command::audit::GetAuditLog;
use proto::command::cipher::{Decrypt, Encrypt};
use proto::command::key::{ExtractMaskedObject, GenerateKey, InsertMaskedObject, ShareObject};
use proto::command::session::Login;
use proto::command::user::{ChangePassword, CreateUser};
use proto::{Attribute, Blob, Fault, KeyType, Mechanism, Role, Secret, Setting};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};
use tests::cluster::{Up, folder};
use tests::plane::{Plane, hsms};

/// Nothing here takes as long, on any machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// The numbers of all HSMs whose folders are below, by HSM.
fn numbers(below: &Path, into: &mut BTreeMap<String, u64>) {
    for entry in std::fs::read_dir(below).unwrap().flatten() {
        let path = entry.path();
        if let Ok(card) = std::fs::read_to_string(path.join("node.json")) {
            let card: Value = serde_json::from_str(&card).unwrap();
            let hsm_id = card["hsm_id"].as_str().unwrap().to_owned();
            into.insert(hsm_id, card["node"].as_u64().unwrap());
        } else if path.is_dir() {
            numbers(&path, into);
        }
    }
}

#[test]
fn no_two_hsms_of_relatives_have_one_number_in_any_region_whoever_asks_at_once() {
    let place = folder();
    let start = |nodes: &str| {
        let arguments = ["--nodes", nodes, "--limits", "none", "--until", "activated"];
        Up::start_in(PROGRAM, place.path(), &arguments)
    };
    let up = start("2");
    let (plane, own) = (Plane::of(&up), up.cluster_id());
    let backup = plane.newest_backup(&own);
    let heir = plane.create_from(&backup);
    let west = plane.in_region("us-west-2");
    let copy = json!({ "BackupId": backup, "DestinationRegion": "us-west-2" });
    plane.call("CopyBackupToRegion", copy);
    let far = west.create_from(&west.newest_backup(&own));
    let places =
        [(&plane, &own, 'c'), (&plane, &heir, 'a'), (&plane, &heir, 'b'), (&west, &far, 'a')];
    std::thread::scope(|scope| {
        for (plane, id, zone) in places {
            scope.spawn(move || plane.add_hsm(id, zone));
        }
    });
    plane.has(&own, 3);
    plane.has(&heir, 2);
    west.has(&far, 1);
    // Of the second generation.
    let grandchild = plane.create_from(&plane.newest_backup(&heir));
    plane.add_hsm(&grandchild, 'c');
    plane.has(&grandchild, 1);
    up.stop();
    // More for the cluster of `up`, which numbers them before the control plane runs.
    let up = start("5");
    let plane = Plane::of(&up);
    plane.has(&own, 5);
    plane.has(&heir, 2);
    let mut all = BTreeMap::new();
    numbers(place.path(), &mut all);
    let mut given: Vec<_> = all.values().collect();
    given.sort_unstable();
    given.dedup();
    assert_eq!((all.len(), given.len()), (9, 9), "{all:?}");
    up.stop();
}

/// A new KMS key in the key store, once KMS has noticed which HSMs there are.
fn create(plane: &Plane, store: &Value) -> Value {
    let wanted = json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store });
    let begun = Instant::now();
    loop {
        match plane.kms().call("CreateKey", &wanted) {
            Ok(made) => return made["KeyMetadata"]["KeyId"].clone(),
            Err(refused) => assert!(begun.elapsed() < PATIENCE, "{refused:?}"),
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn encrypted(plane: &Plane, key: &Value) -> Value {
    let wanted = json!({ "KeyId": key, "Plaintext": "c2VjcmV0" });
    plane.kms().ok("Encrypt", wanted)["CiphertextBlob"].clone()
}

fn decrypts(plane: &Plane, key: &Value, blob: &Value) {
    let opened = plane.kms().ok("Decrypt", json!({ "KeyId": key, "CiphertextBlob": blob }));
    assert_eq!(opened["Plaintext"], "c2VjcmV0");
}

/// Connects the key store on another cluster.
fn moved(plane: &Plane, store: &Value, cluster: &str) {
    let (kms, id) = (plane.kms(), store.as_str().unwrap());
    kms.ok("DisconnectCustomKeyStore", json!({ "CustomKeyStoreId": store }));
    assert_eq!(kms.settled(id), "DISCONNECTED");
    let update = json!({ "CustomKeyStoreId": store, "CloudHsmClusterId": cluster });
    kms.ok("UpdateCustomKeyStore", update);
    kms.connect(id);
}

/// Adds two HSMs to a cluster, and deletes all that it had.
fn renewed(plane: &Plane, id: &str) {
    let before = plane.describe(id);
    for zone in ['a', 'b'] {
        plane.add_hsm(id, zone);
    }
    plane.has(id, hsms(&before).len() + 2);
    for hsm in hsms(&before) {
        plane.call("DeleteHsm", json!({ "ClusterId": id, "HsmId": hsm["HsmId"] }));
    }
    plane.has(id, 2);
}

#[test]
fn a_key_store_that_moves_to_a_relative_uses_its_own_keys_there_and_destroys_no_other_s() {
    let up = Up::start(PROGRAM, &["--nodes", "2", "--limits", "none"]);
    let (plane, own) = (Plane::of(&up), up.cluster_id());
    let kms = plane.kms();
    let store = kms.ok("DescribeCustomKeyStores", json!({}))["CustomKeyStores"][0].clone();
    let store = &store["CustomKeyStoreId"];
    let shared = create(&plane, store);
    let blob = encrypted(&plane, &shared);
    // From here on the two clusters go apart, each with HSMs of its own.
    plane.add_hsm(&own, 'c');
    plane.has(&own, 3);
    let heir = plane.create_from(&plane.newest_backup(&own));
    for zone in ['a', 'b'] {
        plane.add_hsm(&heir, zone);
    }
    plane.has(&heir, 2);
    renewed(&plane, &own);
    let here: Vec<_> = (0..6).map(|_| create(&plane, store)).collect();
    let blobs: Vec<_> = here.iter().map(|key| encrypted(&plane, key)).collect();

    let cluster_of = |key: &Value| {
        let shown = kms.ok("DescribeKey", json!({ "KeyId": key }));
        shown["KeyMetadata"]["CloudHsmClusterId"].clone()
    };
    assert_eq!(cluster_of(&shared), json!(own));
    moved(&plane, store, &heir);
    assert_eq!(cluster_of(&shared), json!(heir), "keys follow their store to its new cluster");
    decrypts(&plane, &shared, &blob);
    let there: Vec<_> = (0..6).map(|_| create(&plane, store)).collect();
    let blobs_there: Vec<_> = there.iter().map(|key| encrypted(&plane, key)).collect();
    for (key, blob) in here.iter().zip(&blobs) {
        let wanted = json!({ "KeyId": key, "Plaintext": "c2VjcmV0" });
        let refused = kms.refused("Encrypt", wanted);
        assert_eq!(refused.name, "KMSInvalidStateException", "{refused:?}");
        let refused = kms.refused("Decrypt", json!({ "KeyId": key, "CiphertextBlob": blob }));
        assert_eq!(refused.name, "KMSInvalidStateException", "{refused:?}");
    }
    // Deleting those that are not here touches none of those that are.
    for key in &here[..5] {
        kms.ok("ScheduleKeyDeletion", json!({ "KeyId": key, "PendingWindowInDays": 7 }));
    }
    kms.sim("POST /_sim/clock?days=8");
    let gone = |key: &Value| kms.call("DescribeKey", &json!({ "KeyId": key })).is_err();
    while !here[..5].iter().all(gone) {
        std::thread::sleep(Duration::from_millis(50));
    }
    for (key, blob) in there.iter().zip(&blobs_there) {
        decrypts(&plane, key, blob);
    }
    up.stop();
}

/// Two clusters of one HSM each, as an earlier version left them: the second was made from the
/// backup of the first, and both HSMs have the number 1.
struct Collided {
    fleets: [Fleet; 2],
    ca: Authority,
    _place: tempfile::TempDir,
}

const USERS: [(&str, &str); 2] = [("mallory", "mallorypw1"), ("victim", "victimpw1")];

impl Collided {
    async fn new() -> Self {
        let place = folder();
        let layout = Layout::new(place.path());
        let first = provision(&layout, Some(1), &["us-east-1a"], None).unwrap();
        let ca = make_ca("customerCA").unwrap();
        let heirs = layout.of_cluster("cluster-heir2345678");
        for of in [&layout, &heirs] {
            fleet::make_folder(of.root()).unwrap();
            fleet::write_public(&of.customer_ca(), ca.certificate().as_bytes()).unwrap();
        }
        let seat = Seat { hsm_id: "hsm-heir2345678".to_owned(), ..first.nodes[0].clone() };
        let second = Roster {
            cluster_id: "cluster-heir2345678".to_owned(),
            nodes: vec![seat.clone()],
            ..first.clone()
        };
        fleet::provision_node(&heirs, &second.cluster_id, &seat).unwrap();
        let launch = || Launch {
            program: PROGRAM.into(),
            arguments: ["node", "--sync-interval-ms=0"].map(Into::into).into(),
            address: std::net::Ipv4Addr::LOCALHOST.into(),
            base_port: 0,
            restart: false,
        };
        let one = Fleet::start(&layout, &first, launch()).await.unwrap().0;
        let two = Fleet::start(&heirs, &second, launch()).await.unwrap().0;
        let all = Self { fleets: [one, two], ca, _place: place };
        let [origin, heir] = [0, 1].map(|n| all.fleets[n].nodes().remove(0));
        fleet::initialize(&all.appliance(0).await, &origin, &all.ca).await.unwrap();
        all.make_users().await;
        let backup = fleet::backup(&all.appliance(0).await, &origin).await.unwrap();
        fleet::restore(&all.appliance(1).await, &heir, &backup).await.unwrap();
        all
    }

    async fn appliance(&self, n: usize) -> Connection {
        let node = self.fleets[n].nodes().remove(0);
        self.fleets[n].connect(&node).await.unwrap()
    }

    async fn make_users(&self) {
        let (role, username) = (Role::Preco, "admin".to_owned());
        let line = self.enter(0, role, "admin", "password").await;
        let password = Secret::new("adminpass1");
        let change = ChangePassword { role, username, password, second_factor: None };
        line.call(&change).await.unwrap();
        let officer = self.enter(0, Role::Co, "admin", "adminpass1").await;
        for (name, password) in USERS {
            let (username, password) = (name.to_owned(), Secret::new(password));
            let user = CreateUser { role: Role::Cu, username, password, second_factor: None };
            officer.call(&user).await.unwrap();
        }
    }

    /// A client's connection to the HSM of a cluster, logged in.
    async fn enter(&self, n: usize, role: Role, name: &str, password: &str) -> Connection {
        let client = make_client_certificate(&self.ca, "client").unwrap();
        let trust = Trust::Cluster { anchor_pem: self.ca.certificate().to_owned() };
        let identity = TlsIdentity::new(trust, &client.certificate, &client.key).unwrap();
        let node = self.fleets[n].nodes().remove(0);
        let line = Connection::open(&node.endpoint(), &identity, PATIENCE).await.unwrap();
        let (username, password) = (name.to_owned(), Secret::new(password));
        line.call(&Login { role, username, password }).await.unwrap();
        line
    }
}

fn aes(label: &str) -> GenerateKey {
    GenerateKey {
        key_type: KeyType::Aes,
        bytes: 32,
        label: label.to_owned(),
        token: true,
        attributes: [Attribute::Encrypt, Attribute::Decrypt].map(|a| Setting::flag(a, true)).into(),
        retry: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_brings_her_own_key_to_a_relative_does_not_get_another_s_that_has_its_handle() {
    let all = Collided::new().await;
    let [mallory, victim] = USERS;
    let (here, there) = (
        all.enter(0, Role::Cu, mallory.0, mallory.1).await,
        all.enter(1, Role::Cu, mallory.0, mallory.1).await,
    );
    let victim = all.enter(1, Role::Cu, victim.0, victim.1).await;
    let handle = here.call(&aes("hers")).await.unwrap().handle;
    assert_eq!(victim.call(&aes("the victim's")).await.unwrap().handle, handle, "they collide");
    let data = Blob(b"of the victim".to_vec());
    let mechanism = Mechanism::AesGcm;
    let sealed = Encrypt { key: handle, mechanism, iv: None, aad: None, data };
    let sealed = victim.call(&sealed).await.unwrap();
    // She shares hers with the victim, extracts it, and brings it where the victim's is.
    let share = ShareObject { handle, username: "victim".to_owned(), share: true };
    here.call(&share).await.unwrap();
    let object = here.call(&ExtractMaskedObject { handle }).await.unwrap().object;
    let refused = there.call(&InsertMaskedObject { object }).await.unwrap_err();
    assert_eq!(refused.refusal().map(|why| why.fault), Some(Fault::OtherKey), "{refused}");
    let open = Decrypt { key: handle, mechanism, iv: sealed.iv, aad: None, data: sealed.data };
    let refused = there.call(&open).await.unwrap_err();
    assert_eq!(refused.refusal().map(|why| why.fault), Some(Fault::KeyAccessDenied), "{refused}");
    assert_eq!(victim.call(&open).await.unwrap().data.0, b"of the victim");
    // Records of refusals are written with the next change.
    victim.call(&aes("another")).await.unwrap();
    let log = all.appliance(1).await.call(&GetAuditLog { from: 0 }).await.unwrap();
    let told = log
        .records
        .iter()
        .any(|it| it.response == Fault::OtherKey as u16 && it.private_or_secret == Some(handle));
    assert!(told, "the audit log has it");
    let Collided { fleets, .. } = all;
    for fleet in fleets {
        fleet.stop().await;
    }
}
