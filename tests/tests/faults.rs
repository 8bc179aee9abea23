//! Bad input and faults through the shipped program: each is told clearly, and costs nothing.
#![allow(clippy::unwrap_used)]
use hsm_client::{CallError, Cluster, ClusterConfig, Connection, Endpoint};
use proto::command::key::{FindKeys, GenerateKey};
use proto::command::session::Login;
use proto::command::user::CreateUser;
use proto::{Attribute, Blob, Datum, KeyType, Role, Secret, Setting};
use rcgen::{CertificateParams, DnType, Issuer, KeyPair, date_time_ymd};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tests::cluster::{Up, create_user, folder, run, text};
use tests::patience::until;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cluster-ctl-tested");
const ACTIVATED: &[&str] = &["--until", "activated", "--nodes", "1"];
const MAKER: (&str, &str) = ("crypto-user", "maker:makerpw1");

/// Creates the CU of [`MAKER`].
fn create_maker(up: &Up) {
    let create = ["user", "create", "--username", "maker", "--role", "crypto-user"];
    let create = [&create[..], &["--password", "makerpw1"]].concat();
    up.data(Some(("admin", &up.pin("admin"))), &create);
}

/// Makes a key with this label.
fn make_key(up: &Up, label: &str) -> Value {
    let make = ["key", "generate-symmetric", "aes", "--key-length-bytes", "32", "--label", label];
    up.data(Some(MAKER), &make)
}

fn keys(up: &Up, label: &str) -> u64 {
    let listed = up.data(Some(MAKER), &["key", "list", "--filter", &format!("attr.label={label}")]);
    listed["total_key_count"].as_u64().unwrap()
}

/// An `up` in this folder that must fail; gives what it says.
fn refused_up(folder: &Path) -> String {
    let mut up = Command::new(PROGRAM);
    let up = up.args(["up", "--base-port", "0", "--until", "activated", "--state"]).arg(folder);
    let ended = run(up, "");
    let said = text(&ended);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

/// Any other command that must fail; gives what it says.
fn refused(up: &Up, arguments: &[&str]) -> String {
    let ended = up.ctl(None, arguments, "");
    let said = text(&ended);
    assert_eq!(ended.status.code(), Some(1), "{arguments:?}: {said}");
    assert!(!said.contains("panicked"), "{said}");
    said
}

/// A client certificate of customerCA that was valid in 2020 alone, beside its key.
fn expired_certificate(folder: &Path) {
    let pem = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let ca_key = KeyPair::from_pem(&pem("customerCA.key")).unwrap();
    let ca = Issuer::from_ca_cert_pem(&pem("customerCA.crt"), ca_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "late");
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2021, 1, 1);
    let certificate = params.signed_by(&key, &ca).unwrap();
    fs::write(folder.join("late.crt"), certificate.pem()).unwrap();
    fs::write(folder.join("late.key"), key.serialize_pem()).unwrap();
}

#[test]
fn what_a_client_is_configured_with_is_named_when_it_does_not_fit() {
    let up = Up::start(PROGRAM, ACTIVATED);
    create_maker(&up);
    make_key(&up, "kept");
    let file = |name: &str| up.folder().join(name).to_str().unwrap().to_owned();
    let good = fs::read_to_string(file("cloudhsm-cli.cfg")).unwrap();
    let stranger = fleet::make_ca("customerCA").unwrap();
    let strange = fleet::make_client_certificate(&stranger, "stranger").unwrap();
    fs::write(file("other.crt"), stranger.certificate()).unwrap();
    fs::write(file("strange.crt"), &strange.certificate).unwrap();
    fs::write(file("strange.key"), &*strange.key).unwrap();
    expired_certificate(up.folder());
    // Files instead of the good ones, the file that is named, and what is said of it.
    for (instead, named, says) in [
        (&[("customerCA.crt", "other.crt")][..], "other.crt", "is not accepted"),
        (&[("customerCA.crt", "none.crt")], "none.crt", "No such file"),
        (&[("client.key", "none.key")], "none.key", "No such file"),
        (&[("client.key", "customerCA.crt")], "customerCA.crt", "client key cannot be used"),
        (&[("client.key", "strange.key")], "strange.key", "does not belong"),
        (
            &[("client.crt", "strange.crt"), ("client.key", "strange.key")],
            "strange.crt",
            "was not issued by the CA of this cluster",
        ),
        (&[("client.crt", "late.crt"), ("client.key", "late.key")], "late.crt", "has expired"),
    ] {
        let config = instead.iter().fold(good.clone(), |config, (from, to)| {
            assert!(config.contains(from), "{config}");
            config.replace(from, to)
        });
        fs::write(file("bad.cfg"), config).unwrap();
        let said = refused(&up, &["user", "list", "--config", &file("bad.cfg")]);
        assert!(said.contains(&file(named)) && said.contains(says), "{named}: {said}");
    }
    let said = refused(&up, &["user", "list", "--config", &file("none.cfg")]);
    assert!(said.contains(&file("none.cfg")), "{said}");
    for broken in ["", "{", "[]", &good[..good.len() / 2]] {
        fs::write(file("cloudhsm-cli.cfg"), broken).unwrap();
        let said = refused(&up, &["user", "list"]);
        assert!(said.contains(&file("cloudhsm-cli.cfg")), "{broken:?}: {said}");
    }
    fs::write(file("cloudhsm-cli.cfg"), &good).unwrap();
    assert_eq!(keys(&up, "kept"), 1);
    up.stop();
}

#[test]
fn an_unknown_hsm_and_a_broken_ready_json_are_named() {
    let up = Up::start(PROGRAM, ACTIVATED);
    let (hsm, pid) = (up.hsm_id(0), up.pid(0));
    for command in ["kill", "stop", "continue", "restart"] {
        for unknown in ["hsm-aaaaaaaaaaa", "0", "2"] {
            let said = refused(&up, &["sim", command, unknown]);
            assert!(said.contains(unknown) && said.contains(&hsm), "{said}");
        }
    }
    let path = up.folder().join("ready.json");
    let good = fs::read_to_string(&path).unwrap();
    for broken in ["", "{", "[]", &good[..good.len() / 2]] {
        fs::write(&path, broken).unwrap();
        let said = refused(&up, &["sim", "kill", "1"]);
        assert!(said.contains(path.to_str().unwrap()), "{said}");
    }
    fs::write(&path, &good).unwrap();
    assert_eq!(up.pid(0), pid, "nothing has happened to it");
    up.data(None, &["user", "list"]);
    up.stop();
}

#[test]
fn names_passwords_and_labels_that_do_not_fit_and_a_cu_that_owns_keys() {
    let up = Up::start(PROGRAM, ACTIVATED);
    create_maker(&up);
    let pin = up.pin("admin");
    let admin = Some(("admin", pin.as_str()));
    let users = up.data(None, &["user", "list"]);
    let create = |name: &str, password: &str| {
        let words = ["user", "create", "--role", "crypto-user", "--username", name];
        up.refusal(admin, &[&words[..], &["--password", password]].concat())
    };
    let long = "n".repeat(32);
    for name in ["", "a-b", "a b", "é", long.as_str()] {
        let said = create(name, "carolpw1");
        assert!(said.contains("1 to 31 letters") && said.contains(&format!("{name:?}")), "{said}");
    }
    let long = "p".repeat(33);
    for (password, says) in [
        ("short1", "7 to 32"),
        (long.as_str(), "7 to 32"),
        ("a:colon1", "colons"),
        ("a space1", "spaces"),
        ("pässword", "ASCII"),
    ] {
        let said = create("carol", password);
        assert!(said.contains(says) && !said.contains(password), "{said}");
    }
    assert_eq!(up.data(None, &["user", "list"]), users, "nobody came of it");

    let label = |length| "l".repeat(length);
    make_key(&up, &label(127));
    let make = ["key", "generate-symmetric", "aes", "--key-length-bytes", "32", "--label"];
    for label in [label(128), "é".repeat(64)] {
        let said = up.refusal(Some(MAKER), &[&make[..], &[&label]].concat());
        assert!(said.contains("128 bytes") && said.contains("127"), "{said}");
    }
    assert_eq!(keys(&up, &label(127)), 1);

    let delete = ["user", "delete", "--username", "maker", "--role", "crypto-user"];
    let said = up.refusal(admin, &delete);
    assert!(said.contains("owns keys") && said.contains("maker"), "{said}");
    up.data(Some(MAKER), &["key", "delete", "--filter", &format!("attr.label={}", label(127))]);
    up.data(admin, &delete);
    up.stop();
}

#[test]
fn a_folder_that_cannot_be_used_is_named_and_comes_back_unharmed() {
    assert!(refused_up(Path::new("/proc/cloudhsm-sim")).contains("/proc/cloudhsm-sim"));
    let folder = folder();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("a file"), "").unwrap();
    assert!(refused_up(&path("a file")).contains(path("a file").to_str().unwrap()));

    let state = path("state");
    let up = Up::start_in(PROGRAM, &state, ACTIVATED);
    create_maker(&up);
    make_key(&up, "kept");
    let hsm = up.hsm_id(0);
    up.stop();
    for name in ["ready.json", "fleet.json"] {
        let good = fs::read_to_string(state.join(name)).unwrap();
        for broken in ["{", "[]", &good[..good.len() / 2]] {
            fs::write(state.join(name), broken).unwrap();
            let said = refused_up(&state);
            assert!(said.contains(state.join(name).to_str().unwrap()), "{said}");
        }
        fs::write(state.join(name), good).unwrap();
    }
    // Another key, half a key, and none.
    let key = state.join(&hsm).join("master.key");
    let good = fs::read_to_string(&key).unwrap();
    fs::write(&key, "5a".repeat(32)).unwrap();
    let said = refused_up(&state);
    assert!(said.contains(&hsm) && said.contains("the record"), "{said}");
    assert!(said.contains("master.key"), "{said}");
    assert!(!said.contains('\0'), "a record's name can be printed: {said:?}");
    fs::write(&key, &good[..32]).unwrap();
    let said = refused_up(&state);
    assert!(said.contains(&hsm) && said.contains(key.to_str().unwrap()), "{said}");
    fs::remove_file(&key).unwrap();
    let said = refused_up(&state);
    assert!(said.contains(&hsm) && said.contains(key.to_str().unwrap()), "{said}");
    fs::write(&key, good).unwrap();

    let up = Up::start_in(PROGRAM, &state, ACTIVATED);
    assert_eq!(up.hsm_id(0), hsm);
    assert_eq!(keys(&up, "kept"), 1);
    up.stop();
}

/// Runs the program where no file may grow beyond a size: to a node that is what a full disk is.
/// A shell does it, because the limit is inherited; without the trap the signal would kill first.
fn with_a_small_disk() -> Command {
    let mut shell = Command::new("sh");
    // 512 blocks: of 512 bytes, or in some shells of 1,024.
    let script = "trap '' XFSZ; ulimit -f 512; exec \"$0\" \"$@\"";
    shell.args(["-c", script, PROGRAM]);
    shell
}

/// The cluster of `up`, logged in to as [`MAKER`].
async fn log_in(up: &Up) -> Cluster {
    let config = ClusterConfig::from_file(&up.folder().join("cloudhsm-cli.cfg")).unwrap();
    let cluster = Cluster::open(config).await.unwrap();
    cluster.login(Role::Cu, "maker", &Secret::new("makerpw1")).await.all_ok().unwrap();
    cluster
}

async fn handles(cluster: &Cluster) -> BTreeSet<u64> {
    let mut all = BTreeSet::new();
    loop {
        let after = all.last().copied().unwrap_or(0);
        let page = FindKeys { attributes: vec![], owner: None, after, limit: 4096 };
        let found = cluster.call(&page).await.unwrap();
        if found.handles.is_empty() {
            return all;
        }
        all.extend(found.handles);
    }
}

fn aes(label: &str, retry: Option<Blob>) -> GenerateKey {
    let label = label.to_owned();
    GenerateKey { key_type: KeyType::Aes, bytes: 32, label, token: true, attributes: vec![], retry }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_up_stops_the_node_and_loses_nothing_acknowledged() {
    let folder = folder();
    let up = Up::start_in(PROGRAM, folder.path(), ACTIVATED);
    create_maker(&up);
    up.stop();
    let arguments = [ACTIVATED, &["--no-restart"]].concat();
    let up = Up::start_as(with_a_small_disk(), PROGRAM, folder.path(), &arguments);
    let cluster = log_in(&up).await;
    let mut acknowledged = BTreeSet::new();
    let failed = loop {
        match cluster.generate_key(aes(&"l".repeat(127), None)).await {
            Ok(made) => acknowledged.insert(made.handle),
            Err(why) => break why.to_string(),
        };
    };
    let hsm = up.hsm_id(0);
    assert!(failed.contains(&hsm), "{failed}");
    until("what happens in the background", || up.said_later().contains("stays down"));
    let said = up.said_later();
    let store = folder.path().join(&hsm).join("store");
    for word in
        [hsm.as_str(), "File too large", store.to_str().unwrap(), "nothing acknowledged is lost"]
    {
        assert!(said.contains(word), "no {word:?} in: {said}");
    }
    assert!(!acknowledged.is_empty());
    up.stop();

    assert!(up_again_has(folder.path(), &acknowledged).await);
}

/// With room again: the keys are there, and more can be made.
async fn up_again_has(folder: &Path, acknowledged: &BTreeSet<u64>) -> bool {
    let up = Up::start_in(PROGRAM, folder, ACTIVATED);
    let cluster = log_in(&up).await;
    let found = handles(&cluster).await;
    let made = cluster.generate_key(aes("more", None)).await.unwrap();
    up.stop();
    acknowledged.is_subset(&found) && !found.contains(&made.handle)
}

#[test]
fn a_disk_that_is_full_at_the_first_start_is_named_and_leaves_nothing_in_the_way() {
    let folder = folder();
    let mut up = with_a_small_disk();
    up.args(["up", "--base-port", "0", "--state"]).arg(folder.path()).args(ACTIVATED);
    let ended = run(&mut up, "");
    let said = text(&ended);
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("File too large") && said.contains("store"), "{said}");
    let up = Up::start_in(PROGRAM, folder.path(), ACTIVATED);
    create_maker(&up);
    up.stop();
}

/// Passes bytes between a client and a node, until it is to swallow a reply and hang up.
struct Between {
    port: u16,
    swallow: Arc<AtomicBool>,
}

impl Between {
    fn start(node: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let swallow = Arc::new(AtomicBool::new(false));
        let swallows = swallow.clone();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, node) = (client.unwrap(), TcpStream::connect(&node).unwrap());
                let (mut from, mut to) = (client.try_clone().unwrap(), node.try_clone().unwrap());
                std::thread::spawn(move || std::io::copy(&mut from, &mut to));
                let swallows = swallows.clone();
                std::thread::spawn(move || pass_replies(node, client, &swallows));
            }
        });
        Self { port, swallow }
    }
}

fn pass_replies(mut node: TcpStream, mut client: TcpStream, swallow: &AtomicBool) {
    let mut bytes = [0; 4096];
    while let Ok(length @ 1..) = node.read(&mut bytes) {
        if swallow.swap(false, Ordering::SeqCst) || client.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    let _ = client.shutdown(Shutdown::Both);
    let _ = node.shutdown(Shutdown::Both);
}

async fn connect(up: &Up, port: u16) -> Connection {
    let config = ClusterConfig::from_file(&up.folder().join("cloudhsm-cli.cfg")).unwrap();
    let endpoint = Endpoint { host: "127.0.0.1".into(), port };
    let opened = Connection::open(&endpoint, &config.identity, Duration::from_secs(60)).await;
    let connection = opened.unwrap();
    let (role, username, password) = (Role::Cu, "maker".to_owned(), Secret::new("makerpw1"));
    connection.call(&Login { role, username, password }).await.unwrap();
    connection
}

async fn once(connection: &Connection) -> Vec<u64> {
    let label = Setting { attribute: Attribute::Label, value: Datum::Text("once".into()) };
    let find = FindKeys { attributes: vec![label], owner: None, after: 0, limit: 10 };
    connection.call(&find).await.unwrap().handles
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_after_a_lost_reply_finds_the_key_that_was_made() {
    let folder = folder();
    let up = Up::start_in(PROGRAM, folder.path(), ACTIVATED);
    create_maker(&up);
    let address = |up: &Up| up.ready()["nodes"][0]["address"].as_str().unwrap().to_owned();
    let port = |up: &Up| address(up).rsplit_once(':').unwrap().1.parse::<u16>().unwrap();
    let between = Between::start(address(&up));
    let request = aes("once", Some(Blob(vec![7; 16])));

    let line = connect(&up, between.port).await;
    between.swallow.store(true, Ordering::SeqCst);
    let lost = line.call(&request).await.unwrap_err();
    assert!(matches!(lost, CallError::Lost { .. }), "{lost}");
    assert!(lost.to_string().contains(&up.hsm_id(0)), "{lost}");

    let line = connect(&up, port(&up)).await;
    let made = once(&line).await;
    assert_eq!(made.len(), 1, "the reply was lost, not the key");
    for _ in 0..2 {
        assert_eq!(line.call(&request).await.unwrap().handle, made[0]);
    }
    drop(line);
    up.stop();

    let up = Up::start_in(PROGRAM, folder.path(), ACTIVATED);
    let line = connect(&up, port(&up)).await;
    assert_eq!(line.call(&request).await.unwrap().handle, made[0], "also after a restart");
    assert_eq!(once(&line).await, made);
    up.stop();
}

/// Makes keys or users from several clients until the HSM refuses one.
async fn until_full<F: Future<Output = Result<(), CallError>> + Send + 'static>(
    make: impl Fn(usize) -> F + Send + Sync + 'static,
) -> CallError {
    let (make, next) = (Arc::new(make), Arc::new(AtomicUsize::new(0)));
    let mut makers = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let (make, next) = (Arc::clone(&make), Arc::clone(&next));
        makers.spawn(async move {
            loop {
                if let Err(error) = make(next.fetch_add(1, Ordering::Relaxed)).await {
                    return error;
                }
            }
        });
    }
    makers.join_all().await.remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_too_many_for_the_hsm_type_is_refused_by_the_cli() {
    let up = Up::start(PROGRAM, ACTIVATED);
    create_maker(&up);
    let cluster = log_in(&up).await;
    let maker = cluster.clone();
    let full = until_full(move |n| {
        let maker = maker.clone();
        async move { maker.call(&aes(&format!("key-{n}"), None)).await.map(drop) }
    });
    assert_eq!(full.await.refusal().unwrap().fault, proto::Fault::KeysFull);
    assert_eq!(handles(&cluster).await.len(), proto::limits::KEYS_HSM2M);
    let one_more = ["key", "generate-symmetric", "aes", "--key-length-bytes", "32"];
    let said = up.refusal(Some(MAKER), &[&one_more[..], &["--label", "one-more"]].concat());
    assert!(said.contains("the HSM has as many keys as its type allows"), "{said}");
    assert_eq!(keys(&up, "one-more"), 0);
    up.data(Some(MAKER), &["key", "delete", "--filter", "attr.label=key-7"]);
    make_key(&up, "one-more");
    up.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_user_too_many_for_the_hsm_type_is_refused_by_the_cli() {
    let up = Up::start(PROGRAM, ACTIVATED);
    let config = ClusterConfig::from_file(&up.folder().join("cloudhsm-cli.cfg")).unwrap();
    let cluster = Cluster::open(config).await.unwrap();
    let pin = up.pin("admin");
    let password = Secret::new(pin.strip_prefix("admin:").unwrap());
    cluster.login(Role::Co, "admin", &password).await.all_ok().unwrap();
    let admin = cluster.clone();
    let full = until_full(move |n| {
        let (admin, username) = (admin.clone(), format!("user_{n}"));
        let (role, password) = (Role::Cu, Secret::new("userpassw0rd"));
        let create = CreateUser { role, username, password, second_factor: None };
        async move { admin.call(&create).await.map(drop) }
    });
    assert_eq!(full.await.refusal().unwrap().fault, proto::Fault::UsersFull);
    let said = up.refusal(Some(("admin", &pin)), &create_user("one_more", "userpassw0rd"));
    assert!(said.contains("the HSM has as many users as its type allows"), "{said}");
    let users = up.data(None, &["user", "list"]);
    let users = users["users"].as_array().unwrap();
    assert_eq!(users.len(), proto::limits::USERS_HSM2M, "and none of them is one_more");
    up.stop();
}
