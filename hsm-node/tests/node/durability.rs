//! What was acknowledged is there again, whatever happens to the disk.
use crate::bed::{Bed, PASSWORD, aes, create_user, find_all, login, start};
use crate::disk::Disk;
use hsm_node::Node;
use proto::command::cluster::{GetHsmInfo, HsmInfo};
use proto::command::key::{GenerateKey, GenerateRsaKeyPair, KeyGenerated};
use proto::command::random::GenerateRandom;
use proto::command::user::{CreateUser, UserCreated};
use proto::limits::RANDOM_MAX;
use proto::{Command, Role, decode, encode, put_frame};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;

/// Something that a client was told, and how often the disk had been synced by then.
struct Told<T> {
    what: T,
    syncs: usize,
}

async fn keys_of(bed: &Bed, node: &Node) -> BTreeSet<u64> {
    bed.user_line(node).await.call(&find_all(0)).await.handles.into_iter().collect()
}

/// Makes token keys on one connection, several requests deep.
async fn make_keys(bed: &Bed, node: &Node, disk: &Disk, count: usize) -> Vec<Told<u64>> {
    const DEPTH: usize = 8;
    let mut line = bed.user_line(node).await;
    let mut told = Vec::new();
    for sent in 0..count + DEPTH {
        if sent < count {
            line.send(&aes("k", true)).await.unwrap();
        }
        if sent >= DEPTH {
            let (_, code, body) = line.receive().await.unwrap();
            assert_eq!(code, 0);
            let key: KeyGenerated = decode(&body).unwrap();
            told.push(Told { what: key.handle, syncs: disk.syncs() });
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_at_any_point_loses_nothing_acknowledged() {
    let (bed, disk) = (std::sync::Arc::new(Bed::new()), Disk::default());
    let node = std::sync::Arc::new(bed.start(disk.clone()).await);
    bed.initialize(&node).await;
    let begun = disk.syncs();

    let mut makers = JoinSet::new();
    for _ in 0..4 {
        let (bed, node, disk) = (bed.clone(), node.clone(), disk.clone());
        makers.spawn(async move { make_keys(&bed, &node, &disk, 100).await });
    }
    let mut officer = bed.client_line(&node).await;
    officer.call(&login(Role::Co, "admin", "adminpass1")).await;
    let mut users = Vec::new();
    for n in 0..3 {
        let name = format!("user{n}");
        let UserCreated { .. } = officer.call(&create_user(&name)).await;
        users.push(Told { what: name, syncs: disk.syncs() });
    }
    let keys: Vec<Told<u64>> = makers.join_all().await.into_iter().flatten().collect();
    assert_eq!(keys.len(), 400);
    let ended = disk.syncs();
    std::sync::Arc::into_inner(node).unwrap().stop().await.unwrap();

    for step in 0..=6 {
        let at = begun + (ended - begun) * step / 6;
        let node = bed.start(disk.cut(at, step % 3)).await;
        let there = keys_of(&bed, &node).await;
        for key in keys.iter().filter(|key| key.syncs <= at) {
            assert!(there.contains(&key.what), "key {} is lost by a cut after {at}", key.what);
        }
        for user in users.iter().filter(|user| user.syncs <= at) {
            bed.client_line(&node).await.call(&login(Role::Cu, &user.what, PASSWORD)).await;
        }
        node.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_wait_for_the_disk_and_later_requests_do_not() {
    let (bed, disk) = (Bed::new(), Disk::default());
    let node = bed.start(disk.clone()).await;
    bed.initialize(&node).await;
    let mut waiting = bed.user_line(&node).await;
    let mut other = bed.user_line(&node).await;
    // The first key of a block of handles waits until the block is reserved on disk.
    other.call(&aes("session", false)).await;
    disk.hold(true);
    let first = waiting.send(&aes("first", true)).await.unwrap();
    let second = waiting.send(&GetHsmInfo {}).await.unwrap();
    let third = waiting.send(&aes("third", false)).await.unwrap();
    // Another connection is not stopped by it.
    other.call(&aes("session", false)).await;
    other.call(&GetHsmInfo {}).await;
    let early = timeout(Duration::from_millis(50), waiting.receive()).await;
    assert!(early.is_err(), "a reply came before its change was durable");
    disk.hold(false);
    for id in [first, second, third] {
        assert_eq!(waiting.receive().await.unwrap().0, id);
    }
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_the_node_before_it_acknowledges_more() {
    let (bed, disk) = (Bed::new(), Disk::default());
    let node = bed.start(disk.clone()).await;
    bed.initialize(&node).await;
    let mut line = bed.user_line(&node).await;
    let kept = line.call(&aes("kept", true)).await.handle;
    disk.fill(true);
    line.send(&aes("lost", true)).await.unwrap();
    let why = node.failed().await.to_string();
    assert!(why.contains("hsm-00000000000/store failed: no storage space"), "{why}");
    assert_eq!(line.receive().await.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    node.stop().await.unwrap_err();

    disk.fill(false);
    let node = start(&bed.options(0), disk).await.unwrap();
    assert!(keys_of(&bed, &node).await.contains(&kept));
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_store_gives_back_users_and_keys() {
    let bed = Bed::new();
    let options = bed.options(0);
    let node = bed.start_on_disk(&options).await;
    bed.initialize(&node).await;
    let mut line = bed.user_line(&node).await;
    let mut made = BTreeSet::new();
    for _ in 0..50 {
        made.insert(line.call(&aes("k", true)).await.handle);
    }
    node.stop().await.unwrap();
    let node = bed.start_on_disk(&options).await;
    assert_eq!(keys_of(&bed, &node).await, made);
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn heavy_requests_keep_their_place_and_a_stop_waits_for_them() {
    let (bed, disk) = (Bed::new(), Disk::default());
    let node = bed.start(disk).await;
    bed.initialize(&node).await;
    let mut line = bed.user_line(&node).await;
    let rsa = GenerateRsaKeyPair {
        modulus_bits: 2048,
        public_exponent: 65_537,
        public_label: "pub".into(),
        private_label: "prv".into(),
        token: false,
        public_attributes: Vec::new(),
        private_attributes: Vec::new(),
        retry: None,
    };
    let ids = [
        line.send(&GetHsmInfo {}).await.unwrap(),
        line.send(&rsa).await.unwrap(),
        line.send(&aes("behind", false)).await.unwrap(),
    ];
    for id in ids {
        let (got, code, _) = line.receive().await.unwrap();
        assert_eq!((got, code), (id, 0));
    }
    // In flight when the node stops: the reply comes, and then the end.
    let mut officer = bed.client_line(&node).await;
    officer.call(&login(Role::Co, "admin", "adminpass1")).await;
    let id = officer.send::<CreateUser>(&create_user("late")).await.unwrap();
    yield_now().await;
    let stopping = tokio::spawn(node.stop());
    match officer.receive().await {
        Ok((got, code, _)) => assert_eq!((got, code), (id, 0)),
        // The stop came before the request was read: nothing was acknowledged.
        Err(end) => assert_eq!(end.kind(), ErrorKind::UnexpectedEof),
    }
    stopping.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn more_requests_than_may_be_in_flight_are_all_answered_in_order() {
    let (bed, disk) = (Bed::new(), Disk::default());
    let node = bed.start(disk).await;
    bed.initialize(&node).await;
    let mut line = bed.user_line(&node).await;
    let mut last = 0;
    for n in 0..3_000 {
        last = match n % 3 {
            0 => line.send::<GenerateKey>(&aes("k", n % 2 == 0)).await.unwrap(),
            _ => line.send(&GetHsmInfo {}).await.unwrap(),
        };
    }
    let first = last - 2_999;
    for id in first..=last {
        let (got, code, body) = line.receive().await.unwrap();
        assert_eq!((got, code), (id, 0));
        if (id - first) % 3 != 0 {
            decode::<HsmInfo>(&body).unwrap();
        }
    }
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_that_fill_the_outbox_strand_no_request_behind_them() {
    let (bed, disk) = (Bed::new(), Disk::default());
    let node = bed.start(disk.clone()).await;
    bed.initialize(&node).await;
    let mut line = bed.user_line(&node).await;
    // All wait for the disk behind the key, until there is no room for more.
    disk.hold(true);
    let key = line.send(&aes("first", true)).await.unwrap();
    let mut requests = Vec::new();
    for n in 1..=100 {
        let random = GenerateRandom { count: RANDOM_MAX as u32 };
        let code = GenerateRandom::SPEC.opcode as u16;
        put_frame(&mut requests, key + n, code, |body| encode(&random, body));
    }
    line.stream.write_all(&requests).await.unwrap();
    line.stream.flush().await.unwrap();
    let early = timeout(Duration::from_millis(200), line.receive()).await;
    assert!(early.is_err(), "a reply came before its change was durable");
    disk.hold(false);
    for id in key..=key + 100 {
        let (got, code, _) = line.receive().await.unwrap();
        assert_eq!((got, code), (id, 0));
    }
    node.stop().await.unwrap();
}
