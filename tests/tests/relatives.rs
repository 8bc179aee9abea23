//! HSMs of two clusters that were made from one backup: their keys never mix, even where an earlier
//! version gave two nodes one number.
#![allow(clippy::unwrap_used)]
use hsm_core::EngineKind;
use proto::command::audit::GetAuditLog;
use proto::command::cipher::{Decrypt, Encrypt};
use proto::command::cluster::{GetKeyHash, HandleRange, InsertTombstones};
use proto::command::key::*;
use proto::command::session::Login;
use proto::{Attribute, Blob, Fault, KeyType, Mechanism, Setting};
use tests::memory::{Memory, join, settings};
use tests::say::{say, say_text, try_say};

/// An HSM in service, and one of a relative's that has the same number.
fn relatives() -> (Memory, Memory) {
    let mut first = Memory::activated(EngineKind::Native, true);
    let mut second = join(&mut first, 0);
    for hsm in [&mut first, &mut second] {
        say_text::<Login>(hsm, "alice", "role=CU username=alice password=alicepw1");
        say_text::<Login>(hsm, "bob", "role=CU username=bob password=bobspw12");
    }
    (first, second)
}

fn generate(label: &str) -> GenerateKey {
    let uses = [Attribute::Encrypt, Attribute::Decrypt].map(|a| Setting::flag(a, true));
    GenerateKey {
        key_type: KeyType::Aes,
        bytes: 32,
        label: label.to_owned(),
        token: true,
        attributes: uses.to_vec(),
        retry: None,
    }
}

fn extract(hsm: &mut Memory, who: &str, handle: u64) -> InsertMaskedObject {
    InsertMaskedObject { object: say(hsm, who, &ExtractMaskedObject { handle }).object }
}

/// How often the audit log says that another key had the handle.
fn refusals(hsm: &mut Memory, handle: u64) -> usize {
    let log = say(hsm, "peer", &GetAuditLog { from: 0 });
    let refused = |response| response == Fault::OtherKey as u16;
    let about = log.records.iter().filter(|it| refused(it.response));
    about.filter(|it| it.private_or_secret == Some(handle)).count()
}

#[test]
fn another_user_s_key_under_a_handle_is_not_shared_by_bringing_one_s_own() {
    let (mut first, mut second) = relatives();
    let victim = say(&mut second, "bob", &generate("bob's"));
    let own = say(&mut first, "alice", &generate("alice's"));
    assert_eq!(own.handle, victim.handle, "both nodes have one number");
    let handle = victim.handle;
    // Alice shares her own key in her cluster, with whom she will be there.
    say(&mut first, "alice", &ShareObject { handle, username: "bob".into(), share: true });
    let brought = extract(&mut first, "alice", handle);
    let secret = Encrypt {
        key: handle,
        mechanism: Mechanism::AesGcm,
        iv: None,
        aad: None,
        data: Blob(b"of bob".to_vec()),
    };
    let sealed = say(&mut second, "bob", &secret);
    let described = say(&mut second, "bob", &GetAttributes { handle });
    for who in ["alice", "peer"] {
        let refusal = try_say(&mut second, who, &brought).expect_err("another key");
        assert_eq!(refusal.fault, Fault::OtherKey, "{who}");
        assert!(refusal.detail.contains(&format!("{handle:#x}, its owner")), "{refusal}");
    }
    second.hsm.audit_blocks(&second.world);
    assert_eq!(refusals(&mut second, handle), 2, "the audit log has it, whoever brought it");
    assert_eq!(say(&mut second, "bob", &GetAttributes { handle }), described);
    let open = Decrypt {
        key: handle,
        mechanism: Mechanism::AesGcm,
        iv: sealed.iv,
        aad: None,
        data: sealed.data,
    };
    let refusal = try_say(&mut second, "alice", &open).expect_err("bob's");
    assert_eq!(refusal.fault, Fault::KeyAccessDenied);
    assert_eq!(say(&mut second, "bob", &open).data.0, b"of bob");
}

#[test]
fn kind_and_material_tell_keys_apart_and_what_may_change_does_not() {
    let other_kinds = [
        ("material", generate("k")),
        ("material", GenerateKey { bytes: 16, ..generate("k") }),
        (
            "kind",
            GenerateKey { key_type: KeyType::GenericSecret, attributes: vec![], ..generate("k") },
        ),
    ];
    for (what, other) in other_kinds {
        let (mut first, mut second) = relatives();
        let handle = say(&mut first, "alice", &generate("k")).handle;
        assert_eq!(say(&mut second, "alice", &other).handle, handle);
        let hashes = [&mut first, &mut second].map(|hsm| say(hsm, "peer", &GetKeyHash {}).hash);
        if what == "kind" {
            assert_ne!(hashes[0], hashes[1], "peers see that they differ");
        }
        let brought = extract(&mut first, "peer", handle);
        let refusal = try_say(&mut second, "peer", &brought).expect_err("another key");
        assert_eq!(refusal.fault, Fault::OtherKey);
        assert!(refusal.detail.contains(what), "{refusal}");
    }

    let mut first = Memory::activated(EngineKind::Native, true);
    let mut second = join(&mut first, 1);
    say_text::<Login>(&mut first, "alice", "role=CU username=alice password=alicepw1");
    let handle = say(&mut first, "alice", &generate("k")).handle;
    let brought = extract(&mut first, "peer", handle);
    say(&mut second, "peer", &brought);
    let label = Setting::text(Attribute::Label, "renamed");
    say(&mut first, "alice", &SetAttribute { handle, attribute: label });
    say(&mut first, "alice", &ShareObject { handle, username: "bob".into(), share: true });
    let brought = extract(&mut first, "peer", handle);
    say(&mut second, "peer", &brought);
    let hashes = [&mut first, &mut second].map(|hsm| say(hsm, "peer", &GetKeyHash {}).hash);
    assert_eq!(hashes[0], hashes[1]);
}

#[test]
fn retry_tokens_tell_keys_of_one_owner_and_kind_apart_for_peers() {
    let (mut first, mut second) = relatives();
    let with = |token: u8| GenerateKey { retry: Some(Blob(vec![token; 16])), ..generate("k") };
    say(&mut first, "alice", &with(1));
    say(&mut second, "alice", &with(2));
    let hashes = [&mut first, &mut second].map(|hsm| say(hsm, "peer", &GetKeyHash {}).hash);
    assert_ne!(hashes[0], hashes[1]);
}

#[test]
fn new_keys_pass_the_handles_that_a_relative_s_keys_have_taken() {
    let (mut first, mut second) = relatives();
    let brought: Vec<_> = (0..3)
        .map(|_| {
            let handle = say(&mut first, "alice", &generate("k")).handle;
            (handle, extract(&mut first, "alice", handle))
        })
        .collect();
    for (_, object) in &brought {
        say(&mut second, "alice", object);
    }
    let last = brought[2].0;
    let session_key = say(&mut second, "bob", &GenerateKey { token: false, ..generate("s") });
    assert!(session_key.handle > last, "a session key hides no other's token key");
    // A restart, and a restored backup, find the keys and tombstones in their places.
    let far = last + 10_000;
    let ranges = vec![HandleRange { first: far, last: far }];
    say(&mut second, "peer", &InsertTombstones { ranges });
    let mut joined = join(&mut second, 0);
    let mut second = second.restart(settings(0, EngineKind::Native, true));
    for hsm in [&mut joined, &mut second] {
        say_text::<Login>(hsm, "alice", "role=CU username=alice password=alicepw1");
        assert!(say(hsm, "alice", &generate("k")).handle > far);
    }
}

#[test]
fn a_retry_token_is_bound_to_its_request_also_after_a_restart_and_on_another_hsm() {
    let mut hsm = Memory::activated(EngineKind::Native, true);
    let login = "role=CU username=alice password=alicepw1";
    say_text::<Login>(&mut hsm, "alice", login);
    let retry = Some(Blob(vec![5; 16]));
    let request = GenerateKey { retry: retry.clone(), ..generate("once") };
    let made = say(&mut hsm, "alice", &request);
    let mut joined = join(&mut hsm, 1);
    let mut hsm = hsm.restart(settings(0, EngineKind::Native, true));
    for hsm in [&mut hsm, &mut joined] {
        say_text::<Login>(hsm, "alice", login);
        assert_eq!(say(hsm, "alice", &request).handle, made.handle);
        let generic = GenerateKey { key_type: KeyType::GenericSecret, ..request.clone() };
        let longer = GenerateKey { bytes: 16, ..request.clone() };
        for other in [generic, longer] {
            let refusal = try_say(hsm, "alice", &other).expect_err("another request");
            assert_eq!(refusal.fault, Fault::RetryUnfit);
        }
        let pair = "modulus_bits=2048 public_exponent=65537 public_label=p private_label=q \
                    token=true retry=05050505050505050505050505050505";
        let pair: GenerateRsaKeyPair = proto::Message::read(pair).unwrap();
        let refusal = try_say(hsm, "alice", &pair).expect_err("another command");
        assert_eq!(refusal.fault, Fault::RetryUnfit);
    }
}
