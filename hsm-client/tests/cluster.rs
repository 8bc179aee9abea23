//! A cluster of HSMs that vanish, come back, refuse and lose replies.
#![allow(clippy::unwrap_used)]

#[path = "fake/hsm.rs"]
mod fake;

use fake::{Authority, Fake, Trick};
use hsm_client::{CallError, Cluster, ClusterConfig, Coverage, Endpoint};
use proto::command::key::{FindKeys, GenerateKey, SetAttribute, ShareObject};
use proto::command::sign::Sign;
use proto::command::user::{ChangePassword, CreateUser};
use proto::{Attribute, Blob, Fault, Hash, KeyType, Mechanism, Opcode, Role, Secret, Setting};
use std::time::Duration;

struct Three {
    authority: Authority,
    fakes: Vec<Fake>,
}

impl Three {
    async fn start(count: u16) -> Self {
        let authority = Authority::new("customerCA");
        let mut fakes = Vec::new();
        for node in 0..count {
            fakes.push(Fake::start(&authority, node).await);
        }
        let members: Vec<_> = fakes.iter().map(Fake::member).collect();
        for fake in &fakes {
            *fake.state.members.lock().unwrap() = members.clone();
        }
        Self { authority, fakes }
    }

    fn config(&self) -> ClusterConfig {
        ClusterConfig::new(vec![self.fakes[0].endpoint.clone()], self.authority.client())
    }

    async fn open(&self) -> Cluster {
        Cluster::open(self.config()).await.unwrap()
    }

    /// With no patience: what fails, fails at once.
    async fn open_hasty(&self) -> Cluster {
        let hasty = ClusterConfig { availability_retry: Duration::ZERO, ..self.config() };
        Cluster::open(hasty).await.unwrap()
    }

    fn count(&self, opcode: Opcode) -> Vec<usize> {
        self.fakes.iter().map(|fake| fake.state.count(opcode)).collect()
    }

    fn holders(&self, key: u64) -> usize {
        self.fakes.iter().filter(|fake| fake.state.keys.lock().unwrap().contains(&key)).count()
    }
}

fn key(token: bool) -> GenerateKey {
    GenerateKey {
        key_type: KeyType::Aes,
        bytes: 32,
        label: "k".into(),
        token,
        attributes: vec![],
        retry: None,
    }
}

fn sign(key: u64) -> Sign {
    Sign {
        key,
        mechanism: Mechanism::ALL[0],
        hash: Hash::Sha256,
        digested: false,
        salt_len: None,
        data: Blob(vec![1]),
    }
}

fn find() -> FindKeys {
    FindKeys { attributes: vec![], owner: None, after: 0, limit: 100 }
}

fn create_user() -> CreateUser {
    CreateUser {
        role: Role::Cu,
        username: "bob".into(),
        password: Secret::new("password1"),
        second_factor: None,
    }
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn all_members_are_learned_from_one_and_share_the_work() {
    let three = Three::start(3).await;
    let cluster = three.open().await;
    let nodes = cluster.nodes();
    let ids: Vec<_> = nodes.iter().map(|node| node.hsm_id.as_str()).collect();
    assert_eq!(ids, ["hsm-0", "hsm-1", "hsm-2"]);
    assert!(nodes.iter().all(|node| node.connected && node.node.is_some()), "{nodes:?}");
    // Light requests go to one HSM sixteen at a time.
    for _ in 0..48 {
        cluster.call(&find()).await.unwrap();
    }
    assert_eq!(three.count(Opcode::FindKeys), [16, 16, 16]);
    cluster.call_on("hsm-2", &find()).await.unwrap();
    assert_eq!(three.count(Opcode::FindKeys), [16, 16, 17]);
    assert!(cluster.call_on("hsm-9", &find()).await.is_err());
}

#[tokio::test]
async fn without_members_the_configured_servers_are_the_cluster() {
    let three = Three::start(2).await;
    for fake in &three.fakes {
        fake.state.members.lock().unwrap().clear();
    }
    let mut config = three.config();
    config.servers.push(three.fakes[1].endpoint.clone());
    let cluster = Cluster::open(config).await.unwrap();
    let ids: Vec<_> = cluster.nodes().into_iter().map(|node| node.hsm_id).collect();
    assert_eq!(ids, ["hsm-0", "hsm-1"]);
}

#[tokio::test]
async fn a_cluster_that_does_not_answer_says_why_for_each_server() {
    let three = Three::start(2).await;
    three.fakes[0].stop().await;
    let mut config = three.config();
    config.servers.push(Endpoint::new("no-such-host.invalid", 2223));
    let error = Cluster::open(config.clone()).await.unwrap_err();
    let text = error.to_string();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("Failed to initialize hsm1 context"));
    assert!(lines.next().unwrap().contains("nobody listens there"), "{text}");
    assert!(lines.next().unwrap().contains("no-such-host.invalid:2223"), "{text}");
    config.servers = vec![three.fakes[1].endpoint.clone()];
    config.cluster_id = Some("cluster-2".into());
    let text = Cluster::open(config).await.unwrap_err().to_string();
    assert!(text.contains("belongs to cluster-1") && text.contains("cluster-2"), "{text}");
}

#[tokio::test]
async fn a_server_that_answers_second_is_left_in_good_order() {
    let three = Three::start(1).await;
    let slow = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = three.config();
    config.servers.push(Endpoint::new("127.0.0.1", slow.local_addr().unwrap().port()));
    let _cluster = Cluster::open(config).await.unwrap();
    let (tcp, _) = slow.accept().await.unwrap();
    let (acceptor, state) = (three.fakes[0].acceptor.clone(), three.fakes[0].state.clone());
    fake::serve(tcp, acceptor, state).await.unwrap();
}

#[tokio::test]
async fn reads_fail_over_and_writes_do_not() {
    let three = Three::start(3).await;
    let cluster = three.open().await;
    for fake in &three.fakes[..2] {
        fake.state.trick(Opcode::FindKeys, Trick::CutBefore);
    }
    for _ in 0..3 {
        cluster.call(&find()).await.unwrap();
    }
    until(|| cluster.nodes().iter().all(|node| node.connected)).await;
    for fake in &three.fakes {
        fake.state.trick(Opcode::ShareObject, Trick::CutAfter);
        fake.state.keys.lock().unwrap().insert(7);
    }
    let share = ShareObject { handle: 7, username: "bob".into(), share: true };
    let error = cluster.share(&share).await.unwrap_err();
    assert!(matches!(error, CallError::Lost { .. }), "{error}");
    assert_eq!(three.count(Opcode::ShareObject).iter().sum::<usize>(), 1);
}

#[tokio::test]
async fn the_only_hsm_is_waited_for_while_a_read_is_due() {
    let mut three = Three::start(1).await;
    let config = ClusterConfig { availability_retry: Duration::from_secs(30), ..three.config() };
    let cluster = Cluster::open(config).await.unwrap();
    three.fakes[0].stop().await;
    let waiting = tokio::spawn({
        let cluster = cluster.clone();
        async move { cluster.call(&find()).await }
    });
    until(|| !cluster.nodes()[0].connected).await;
    assert!(cluster.nodes()[0].last_error.is_some());
    three.fakes[0].restart().await;
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn token_keys_come_to_all_hsms_and_session_keys_stay() {
    let three = Three::start(3).await;
    let cluster = three.open().await;
    let mut made = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let cluster = cluster.clone();
        made.spawn(async move { cluster.generate_key(key(true)).await.unwrap().handle });
    }
    let mut handles = made.join_all().await;
    handles.sort_unstable();
    handles.dedup();
    assert_eq!(handles.len(), 100);
    assert!(handles.iter().all(|handle| three.holders(*handle) == 3));
    assert_eq!(cluster.coverage(handles[0]).await.unwrap(), Coverage::Full);
    assert_eq!(cluster.find(&find()).await.unwrap().handles, handles);
    // One that misses a key does not keep the others from losing it.
    three.fakes[1].state.keys.lock().unwrap().remove(&handles[0]);
    assert_eq!(cluster.coverage(handles[0]).await.unwrap(), Coverage::Inconsistent);
    assert_eq!(cluster.destroy(handles.clone()).await.unwrap().count, 100);
    assert!(handles.iter().all(|handle| three.holders(*handle) == 0));
    let gone = cluster.destroy(vec![handles[0]]).await.unwrap_err();
    assert_eq!(gone.refusal().unwrap().fault, Fault::InvalidHandle);

    let session = cluster.generate_key(key(false)).await.unwrap().handle;
    assert_eq!(three.holders(session), 1);
    let signed = three.count(Opcode::Sign);
    for _ in 0..6 {
        cluster.call(&sign(session)).await.unwrap();
    }
    let more =
        three.count(Opcode::Sign).iter().zip(&signed).filter(|(now, then)| now > then).count();
    assert_eq!(more, 1, "a session key is asked for where it lives");
    assert_eq!(cluster.destroy(vec![session]).await.unwrap().count, 1);
    assert!(cluster.call(&sign(session)).await.is_err());
}

#[tokio::test]
async fn a_key_that_one_hsm_lacks_is_asked_of_the_others() {
    let three = Three::start(3).await;
    let cluster = three.open().await;
    three.fakes[2].state.keys.lock().unwrap().insert(99);
    for _ in 0..3 {
        cluster.call(&sign(99)).await.unwrap();
    }
    let error = cluster.call(&sign(98)).await.unwrap_err();
    assert_eq!(error.refusal().unwrap().fault, Fault::InvalidHandle);
}

#[tokio::test]
async fn a_lost_reply_is_fetched_by_its_token_from_the_same_hsm() {
    let three = Three::start(3).await;
    let cluster = three.open().await;
    for fake in &three.fakes {
        fake.state.trick(Opcode::GenerateKey, Trick::CutAfter);
    }
    let made = cluster.generate_key(key(true)).await.unwrap().handle;
    let asked = three.count(Opcode::GenerateKey);
    assert_eq!(asked.iter().sum::<usize>(), 2, "{asked:?}");
    assert!(asked.contains(&2), "the same HSM was asked again: {asked:?}");
    let all: std::collections::BTreeSet<u64> =
        three.fakes.iter().flat_map(|fake| fake.state.keys.lock().unwrap().clone()).collect();
    assert_eq!(all.into_iter().collect::<Vec<_>>(), [made], "no second key");
}

#[tokio::test]
async fn a_key_that_a_vanished_hsm_may_have_made_is_not_made_on_another() {
    let three = Three::start(3).await;
    let cluster = three.open().await;
    for fake in &three.fakes {
        fake.state.trick(Opcode::GenerateKey, Trick::CutAfter);
        // It comes back long after the client has given up.
        (0..20).for_each(|_| fake.state.trick(Opcode::Hello, Trick::CutBefore));
    }
    let error = cluster.generate_key(key(true)).await.unwrap_err();
    assert!(matches!(error, CallError::Lost { .. }), "{error}");
    assert_eq!(three.count(Opcode::GenerateKey).iter().sum::<usize>(), 1);
}

#[tokio::test]
async fn a_busy_hsm_is_waited_for_and_not_passed_over() {
    let three = Three::start(3).await;
    let cluster = three.open().await;
    for fake in &three.fakes {
        fake.state.trick(Opcode::GenerateKey, Trick::Refuse(Fault::Busy));
        fake.state.trick(Opcode::InsertMaskedObject, Trick::Refuse(Fault::Busy));
    }
    let made = cluster.generate_key(key(true)).await.unwrap().handle;
    let mut asked = three.count(Opcode::GenerateKey);
    asked.sort_unstable();
    assert_eq!(asked, [0, 0, 2], "the same HSM was asked again");
    assert_eq!(three.holders(made), 3, "a peer's copy came at the same moment");
}

#[tokio::test]
async fn an_hsm_that_does_not_return_is_replaced_by_another() {
    let three = Three::start(3).await;
    let cluster = three.open().await;
    three.fakes[1].stop().await;
    until(|| !cluster.nodes()[1].connected).await;
    for _ in 0..6 {
        let made = cluster.generate_key(key(true)).await.unwrap().handle;
        assert_eq!(three.holders(made), 2);
    }
}

#[tokio::test]
async fn the_availability_check_wants_two_hsms() {
    let three = Three::start(2).await;
    let cluster = three.open_hasty().await;
    let both = cluster.generate_key(key(true)).await.unwrap().handle;
    // The second does not take the copy: the key is taken back.
    for fake in &three.fakes {
        fake.state.trick(Opcode::InsertMaskedObject, Trick::Refuse(Fault::KeysFull));
    }
    let error = cluster.generate_key(key(true)).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Cannot perform the requested key operation as the key must be available on at least 2 HSMs"
    );
    assert_eq!(cluster.find(&find()).await.unwrap().handles, [both]);

    three.fakes[1].stop().await;
    until(|| !cluster.nodes()[1].connected).await;
    let made = three.count(Opcode::GenerateKey);
    assert!(matches!(cluster.generate_key(key(true)).await, Err(CallError::KeyAvailability)));
    assert!(matches!(cluster.call(&sign(both)).await, Err(CallError::KeyAvailability)));
    assert_eq!(three.count(Opcode::GenerateKey), made, "nothing was made");
    let session = cluster.generate_key(key(false)).await.unwrap().handle;
    cluster.call(&sign(session)).await.unwrap();

    let off = ClusterConfig { key_availability_check: false, ..three.config() };
    let off = Cluster::open(off).await.unwrap();
    let alone = off.generate_key(key(true)).await.unwrap().handle;
    off.call(&sign(alone)).await.unwrap();
    assert_eq!(off.nodes().iter().filter(|node| node.connected).count(), 1);
}

#[tokio::test]
async fn a_session_key_becomes_a_token_key_on_two_hsms_or_not_at_all() {
    let three = Three::start(2).await;
    let cluster = three.open_hasty().await;
    let onto_token =
        |handle| SetAttribute { handle, attribute: Setting::flag(Attribute::Token, true) };
    let kept = cluster.generate_key(key(false)).await.unwrap().handle;
    let label = Setting::text(Attribute::Label, "mine");
    cluster.set_attribute(&SetAttribute { handle: kept, attribute: label }).await.unwrap();
    assert_eq!(three.holders(kept), 1);
    cluster.set_attribute(&onto_token(kept)).await.unwrap();
    assert_eq!(three.holders(kept), 2);

    for fake in &three.fakes {
        fake.state.trick(Opcode::InsertMaskedObject, Trick::Refuse(Fault::KeysFull));
    }
    let refused = cluster.generate_key(key(false)).await.unwrap().handle;
    let error = cluster.set_attribute(&onto_token(refused)).await.unwrap_err();
    assert!(matches!(error, CallError::KeyAvailability), "{error}");
    assert_eq!(three.holders(refused), 0);

    three.fakes[1].stop().await;
    until(|| !cluster.nodes()[1].connected).await;
    let alone = cluster.generate_key(key(false)).await.unwrap().handle;
    let changed = three.count(Opcode::SetAttribute);
    let error = cluster.set_attribute(&onto_token(alone)).await.unwrap_err();
    assert!(matches!(error, CallError::KeyAvailability), "{error}");
    assert_eq!(three.count(Opcode::SetAttribute), changed, "nothing was changed");
    cluster.call(&sign(alone)).await.unwrap();
}

#[tokio::test]
async fn a_change_that_its_hsm_does_not_give_out_is_not_called_done() {
    let three = Three::start(2).await;
    let cluster = three.open().await;
    let handle = cluster.generate_key(key(true)).await.unwrap().handle;
    for fake in &three.fakes {
        fake.state.trick(Opcode::ExtractMaskedObject, Trick::Refuse(Fault::UseForbidden));
    }
    let label = Setting::text(Attribute::Label, "mine");
    let error = cluster.set_attribute(&SetAttribute { handle, attribute: label }).await;
    let text = error.unwrap_err().to_string();
    assert!(text.starts_with("Key replicate failed on 1 of 2 connections: hsm-"), "{text}");
}

#[tokio::test]
async fn logins_are_repeated_once_on_a_new_connection_and_refused_ones_never() {
    let mut three = Three::start(2).await;
    three.fakes[1].state.passwords.lock().unwrap().insert("alice".into(), "another1".into());
    let cluster = three.open().await;
    let wrong = cluster.login(Role::Cu, "alice", &Secret::new("wrong-all")).await;
    assert!(wrong.all_ok().is_err());
    let partial = cluster.login(Role::Cu, "alice", &Secret::new("password1")).await;
    assert_eq!(partial.results.iter().filter(|(_, result)| result.is_ok()).count(), 1);
    let text = partial.all_ok().unwrap_err().to_string();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "failed on 1 of 2 HSMs");
    assert!(lines[1].starts_with("  hsm-0 (127.0.0.1:") && lines[1].ends_with("): done"), "{text}");
    assert!(lines[2].contains("hsm-1 (127.0.0.1:") && lines[2].contains("LOGIN_FAILURE"), "{text}");
    assert_eq!(three.count(Opcode::Login), [2, 2]);
    for fake in &mut three.fakes {
        fake.stop().await;
    }
    until(|| cluster.nodes().iter().all(|node| !node.connected)).await;
    for fake in &mut three.fakes {
        fake.restart().await;
    }
    until(|| cluster.nodes().iter().all(|node| node.connected)).await;
    assert_eq!(three.count(Opcode::Login), [3, 2], "repeated where accepted, and once");
    // What needs a login goes where there is one.
    let (before, calls) = (three.count(Opcode::FindKeys), 4);
    for _ in 0..calls {
        cluster.call(&find()).await.unwrap();
    }
    assert_eq!(three.count(Opcode::FindKeys), [before[0] + calls, before[1]]);
    cluster.logout().await.all_ok().unwrap();
    for fake in &mut three.fakes {
        fake.stop().await;
        fake.restart().await;
    }
    until(|| three.count(Opcode::Hello)[0] >= 3 && cluster.nodes().iter().all(|n| n.connected))
        .await;
    assert_eq!(three.count(Opcode::Login), [3, 2]);
}

#[tokio::test]
async fn a_changed_password_is_the_one_that_is_repeated() {
    let mut three = Three::start(2).await;
    let cluster = three.open().await;
    cluster.login(Role::Cu, "alice", &Secret::new("password1")).await.all_ok().unwrap();
    let change = ChangePassword {
        role: Role::Cu,
        username: "alice".into(),
        password: Secret::new("password2"),
        second_factor: None,
    };
    cluster.change_password(&change).await.all_ok().unwrap();
    three.fakes[0].stop().await;
    until(|| !cluster.nodes()[0].connected).await;
    three.fakes[0].restart().await;
    until(|| cluster.nodes()[0].connected).await;
    assert_eq!(three.count(Opcode::Login), [2, 1]);
    let login = cluster.nodes();
    assert!(login.iter().all(|node| node.last_error.is_none()), "{login:?}");
}

#[tokio::test]
async fn user_changes_go_to_every_hsm_once_and_partial_results_are_told() {
    let three = Three::start(3).await;
    let cluster = three.open().await;
    cluster.call_each(&create_user()).await.all_ok().unwrap();
    three.fakes[1].state.trick(Opcode::CreateUser, Trick::CutAfter);
    three.fakes[2].stop().await;
    until(|| !cluster.nodes()[2].connected).await;
    let results = cluster.call_each(&create_user()).await;
    assert_eq!(three.count(Opcode::CreateUser), [2, 2, 1], "never repeated");
    let failure = results.all_ok().unwrap_err();
    let errors: Vec<_> = failure.failed().map(|(_, error)| error).collect();
    assert!(
        matches!(errors[..], [CallError::Lost { .. }, CallError::NotSent { .. }]),
        "{errors:?}"
    );
    let text = failure.to_string();
    assert!(text.starts_with("failed on 2 of 3 HSMs\n  hsm-0"), "{text}");
    assert!(text.contains("unknown"), "{text}");
}

#[tokio::test]
async fn members_come_and_go() {
    let three = Three::start(3).await;
    let all: Vec<_> = three.fakes.iter().map(Fake::member).collect();
    let tell = |members: &[_]| {
        for fake in &three.fakes {
            *fake.state.members.lock().unwrap() = members.to_vec();
        }
    };
    tell(&all[..2]);
    let cluster = three.open().await;
    cluster.login(Role::Cu, "alice", &Secret::new("password1")).await.all_ok().unwrap();
    assert_eq!(cluster.nodes().len(), 2);
    tell(&all[1..]);
    until(|| {
        let nodes = cluster.nodes();
        nodes.len() == 2 && nodes[1].hsm_id == "hsm-2" && nodes[1].connected
    })
    .await;
    assert_eq!(three.count(Opcode::Login), [1, 1, 1], "the newcomer was sent the login");
    cluster.call(&find()).await.unwrap();
}
