//! What one HSM, or several in memory, must keep true through restarts, restores and copies.
#![allow(clippy::unwrap_used)]
use hsm_core::{EngineKind, Hsm, HsmType, OpenError, Settings};
use proto::command::audit::{AuditLog, AuditRecord};
use proto::command::cluster::{BackupRead, HandleRange, KeyHash};
use proto::command::key::{FindKeys, GenerateKey, KeyGenerated, KeysFound, MaskedObject};
use proto::command::user::{CreateUser, UsersListed};
use proto::{Blob, Fault, KeyType, Message, Role, Secret, limits};
use std::collections::BTreeSet;
use tests::memory::{Memory, join, settings};
use tests::say::{say, say_text, try_say};
use tests::script::Answering;

use proto::command::{cluster, key, session, user};

fn log_in(hsm: &mut Memory, connection: &str) {
    say_text::<session::Login>(hsm, connection, "role=CU username=alice password=alicepw1");
}

fn generate(label: &str) -> GenerateKey {
    GenerateKey {
        key_type: KeyType::Aes,
        bytes: 32,
        label: label.to_owned(),
        token: true,
        attributes: vec![],
        retry: None,
    }
}

fn native() -> Settings {
    settings(0, EngineKind::Native, true)
}

#[test]
fn a_restart_keeps_users_keys_tombstones_and_locks_and_repeats_no_handle() {
    let mut hsm = Memory::activated(EngineKind::Native, true);
    log_in(&mut hsm, "a");
    let kept = say(&mut hsm, "a", &generate("kept"));
    let gone = say(&mut hsm, "a", &generate("gone"));
    let session_key = say(&mut hsm, "a", &GenerateKey { token: false, ..generate("session") });
    say(&mut hsm, "a", &key::DestroyObjects { handles: vec![gone.handle] });
    say_text::<key::SetAttribute>(
        &mut hsm,
        "a",
        &format!("handle={} attribute=label:renamed", kept.handle),
    );
    for _ in 0..6 {
        let wrong =
            session::Login::read("role=CU username=bob password=wrong123").expect("a request");
        assert_eq!(try_say(&mut hsm, "b", &wrong).expect_err("wrong").fault, Fault::LoginFailure);
    }
    let hash: KeyHash = say_text::<cluster::GetKeyHash>(&mut hsm, "peer", "");
    let members = "members=[hsm_id=hsm-aaaaaaaaaaa;hostname=127.0.0.1;port=2223;zone=us-east-1a]";
    say_text::<cluster::SetMembers>(&mut hsm, "peer", members);
    let masked: MaskedObject =
        say(&mut hsm, "a", &key::ExtractMaskedObject { handle: kept.handle });

    let mut hsm = hsm.restart(native());
    assert_eq!(say_text::<cluster::GetKeyHash>(&mut hsm, "peer", ""), hash, "the same keys");
    assert_eq!(hsm.hsm.members()[0].port, 2223, "it knows its peers without being told again");
    let locked = session::Login::read("role=CU username=bob password=bobspw12").expect("a request");
    assert_eq!(try_say(&mut hsm, "b", &locked).expect_err("locked").fault, Fault::UserLocked);
    log_in(&mut hsm, "a");
    let found: KeysFound =
        say_text::<FindKeys>(&mut hsm, "a", "attributes=label:renamed after=0 limit=10");
    assert_eq!(found.handles, [kept.handle]);
    for handle in [gone.handle, session_key.handle] {
        let refusal = try_say(&mut hsm, "a", &key::GetAttributes { handle }).expect_err("gone");
        assert_eq!(refusal.fault, Fault::InvalidHandle);
    }
    say(&mut hsm, "a", &key::InsertMaskedObject { object: masked.object });
    let next = say(&mut hsm, "a", &generate("next"));
    assert!(next.handle > session_key.handle, "{} after {}", next.handle, session_key.handle);
}

#[test]
fn records_of_another_master_key_or_damaged_ones_are_refused_by_name() {
    let hsm = Memory::activated(EngineKind::Native, true);
    let open = |settings, records: Vec<hsm_core::Record>| {
        Hsm::open(settings, records.into_iter(), &hsm.world).err()
    };
    let other = Settings { master_key: [9; 32].into(), ..native() };
    assert!(matches!(open(other, hsm.world.records()), Some(OpenError::Broken { .. })));
    let mut damaged = hsm.world.records();
    damaged[0].value[20] ^= 1;
    assert!(matches!(open(native(), damaged), Some(OpenError::Broken { .. })));
    let mut swapped = hsm.world.records();
    let users: Vec<usize> =
        (0..swapped.len()).filter(|n| swapped[*n].slot.starts_with(b"u/")).collect();
    let value = swapped[users[0]].value.clone();
    swapped[users[0]].value = std::mem::replace(&mut swapped[users[1]].value, value);
    assert!(
        matches!(open(native(), swapped), Some(OpenError::Broken { .. })),
        "records cannot trade places"
    );
    assert_eq!(open(native(), vec![]), Some(OpenError::Empty));
}

#[test]
fn a_restored_backup_is_a_clone_with_an_id_and_handles_of_its_own() {
    let mut first = Memory::activated(EngineKind::Native, true);
    log_in(&mut first, "a");
    let key = say(&mut first, "a", &generate("shared by both"));
    let mut second = join(&mut first, 1);
    log_in(&mut second, "a");
    let found: KeysFound = say_text::<FindKeys>(&mut second, "a", "after=0 limit=10");
    assert_eq!(found.handles, [key.handle]);
    let own = say(&mut second, "a", &generate("of the second"));
    assert_eq!(own.handle >> 18, 1, "the node's number is in the handle");
    let welcome = say_text::<session::Hello>(&mut second, "c", "version=1");
    assert_eq!(welcome.hsm_id, "hsm-aaaaaaaaaab");
    assert_eq!(first.hsm.identity().chain, second.hsm.identity().chain, "one cluster certificate");
    let again = try_say(&mut second, "peer", &cluster::RestoreBackup {}).expect_err("once");
    assert_eq!(again.fault, Fault::AlreadyInitialized);

    let mut stranger = Memory::new(Settings {
        backup_key: [7; 32].into(),
        ..settings(2, EngineKind::Native, true)
    });
    say_text::<cluster::BeginBackup>(&mut first, "peer", "");
    let BackupRead { piece } = say(&mut first, "peer", &cluster::ReadBackup { offset: 0 });
    say(&mut stranger, "peer", &cluster::WriteBackup { piece });
    let refusal =
        try_say(&mut stranger, "peer", &cluster::RestoreBackup {}).expect_err("another factory");
    assert_eq!(refusal.fault, Fault::BackupUnfit);
}

fn copy(from: &mut Memory, to: &mut Memory, handle: u64) {
    let MaskedObject { object } = say(from, "peer", &key::ExtractMaskedObject { handle });
    say(to, "peer", &key::InsertMaskedObject { object });
}

#[test]
fn changes_on_hsms_that_were_cut_apart_converge_in_any_order() {
    let mut first = Memory::activated(EngineKind::Native, true);
    let mut second = join(&mut first, 1);
    log_in(&mut first, "a");
    log_in(&mut second, "a");
    let KeyGenerated { handle, .. } = say(&mut first, "a", &generate("one"));
    copy(&mut first, &mut second, handle);
    let set = |hsm: &mut Memory, words: &str| {
        say_text::<key::SetAttribute>(hsm, "a", &format!("handle={handle} attribute={words}"));
    };
    set(&mut first, "label:first");
    set(&mut second, "label:second");
    set(&mut second, "wrap:true");
    set(&mut first, "encrypt:true");
    say_text::<key::ShareObject>(
        &mut first,
        "a",
        &format!("handle={handle} username=bob share=true"),
    );
    copy(&mut first, &mut second, handle);
    copy(&mut second, &mut first, handle);
    copy(&mut first, &mut second, handle);
    let described = |hsm: &mut Memory| say(hsm, "a", &key::GetAttributes { handle });
    assert_eq!(described(&mut first), described(&mut second));
    assert_eq!(described(&mut first).shared_with, ["bob"]);
    let hash = |hsm: &mut Memory| say_text::<cluster::GetKeyHash>(hsm, "peer", "");
    assert_eq!(hash(&mut first), hash(&mut second));

    say(&mut second, "a", &key::DestroyObjects { handles: vec![handle] });
    assert_ne!(hash(&mut first), hash(&mut second));
    let tombstones = say_text::<cluster::ListTombstones>(&mut second, "peer", "after=0");
    assert_eq!(tombstones.ranges, [range(handle, handle)]);
    say(&mut first, "peer", &cluster::InsertTombstones { ranges: tombstones.ranges });
    assert_eq!(hash(&mut first), hash(&mut second));
}

fn range(first: u64, last: u64) -> HandleRange {
    HandleRange { first, last }
}

#[test]
fn tombstones_join_into_ranges_that_restarts_and_backups_keep() {
    let mut hsm = Memory::activated(EngineKind::Native, true);
    log_in(&mut hsm, "a");
    let keys = [(); 4].map(|()| say(&mut hsm, "a", &generate("k")).handle);
    say(&mut hsm, "a", &key::DestroyObjects { handles: vec![keys[1]] });
    let insert = |hsm: &mut Memory, ranges: &[HandleRange]| {
        try_say(hsm, "peer", &cluster::InsertTombstones { ranges: ranges.to_vec() })
    };
    let far = range(1 << 30, (1 << 30) + 999);
    let asked = [range(keys[2], keys[2]), far.clone(), range(keys[3], keys[3] + 8)];
    let inserted = insert(&mut hsm, &asked).expect("they fit");
    assert_eq!(inserted.count, 1 + 1000 + 9, "also where no key is");
    assert_eq!(insert(&mut hsm, &asked).expect("they fit").count, 0, "once");
    let of_ranges = hsm.world.records().iter().filter(|r| r.slot.starts_with(b"t/")).count();
    assert_eq!(of_ranges, 2, "keys that were here have their own slots");

    let ends = |range: &HandleRange| (range.first, range.last);
    for wrong in [
        vec![range(1, limits::HANDLES_MAX as u64 + 1)],
        vec![range(0, u64::MAX)],
        vec![range(8, 7)],
        (0..=limits::RANGES_MAX as u64).map(|n| range(3 * n, 3 * n)).collect(),
    ] {
        let refusal = insert(&mut hsm, &wrong).expect_err("too many");
        assert_eq!(refusal.fault, Fault::SizeUnfit, "{:?}", wrong.first().map(ends));
    }

    let listed =
        |hsm: &mut Memory, after| say(hsm, "peer", &cluster::ListTombstones { after }).ranges;
    let all = [range(keys[1], keys[3] + 8), far];
    assert_eq!(listed(&mut hsm, 0), all);
    assert_eq!(listed(&mut hsm, keys[2]), [range(keys[3], keys[3] + 8), all[1].clone()]);
    assert_eq!(listed(&mut hsm, all[1].last), []);
    assert_eq!(listed(&mut hsm, u64::MAX), []);
    let hash: KeyHash = say_text::<cluster::GetKeyHash>(&mut hsm, "peer", "");
    let mut hsm = hsm.restart(native());
    let mut joined = join(&mut hsm, 1);
    for hsm in [&mut hsm, &mut joined] {
        assert_eq!(say_text::<cluster::GetKeyHash>(hsm, "peer", ""), hash);
        assert_eq!(listed(hsm, 0), all);
        log_in(hsm, "a");
        assert_eq!(say_text::<FindKeys>(hsm, "a", "after=0 limit=10").handles, [keys[0]]);
    }
    let mut joined = joined.restart(settings(1, EngineKind::Native, true));
    assert_eq!(listed(&mut joined, 0), all);
}

#[test]
fn a_key_whose_owner_is_missing_is_not_taken_in() {
    let mut first = Memory::activated(EngineKind::Native, true);
    let mut second = join(&mut first, 1);
    say_text::<session::Login>(&mut first, "admin", "role=CO username=admin password=adminpw1");
    say_text::<user::CreateUser>(&mut first, "admin", "role=CU username=carol password=carolpw1");
    say_text::<session::Login>(&mut first, "c", "role=CU username=carol password=carolpw1");
    let KeyGenerated { handle, .. } = say(&mut first, "c", &generate("carol's"));
    let MaskedObject { object } = say(&mut first, "peer", &key::ExtractMaskedObject { handle });
    let refusal =
        try_say(&mut second, "peer", &key::InsertMaskedObject { object }).expect_err("no carol");
    assert_eq!(refusal.fault, Fault::OwnerMissing);
    assert!(refusal.detail.contains("carol"), "{refusal}");
}

#[test]
fn the_hsm_type_s_limits_hold_to_the_user_and_to_the_key() {
    let small = |limits| Settings {
        hsm_type: HsmType::Hsm1Medium,
        ..settings(0, EngineKind::Native, limits)
    };
    let mut hsm = Memory::activated(EngineKind::Native, true).restart(small(true));
    log_in(&mut hsm, "a");
    for n in 0..limits::KEYS_HSM1 {
        say(&mut hsm, "a", &GenerateKey { token: n % 2 == 0, ..generate("k") });
    }
    for token in [true, false] {
        let refusal = try_say(&mut hsm, "a", &GenerateKey { token, ..generate("k") });
        if token {
            // Half of the keys are session keys: token keys are counted among themselves.
            assert!(refusal.is_ok());
        } else {
            assert_eq!(refusal.expect_err("one too many").fault, Fault::KeysFull);
        }
    }
    hsm.hang_up("a");
    log_in(&mut hsm, "a");
    say(&mut hsm, "a", &GenerateKey { token: false, ..generate("k") });

    let mut hsm = hsm.restart(small(false));
    log_in(&mut hsm, "a");
    let mut count = say_text::<FindKeys>(&mut hsm, "a", "after=0 limit=0").total;
    while count < limits::KEYS_HSM1 as u64 + 1 {
        say(&mut hsm, "a", &generate("k"));
        count += 1;
    }
    let mut hsm = hsm.restart(small(true));
    log_in(&mut hsm, "a");
    let refusal = try_say(&mut hsm, "a", &generate("k")).expect_err("one too many");
    assert_eq!(refusal.fault, Fault::KeysFull);
    assert!(refusal.detail.contains("3300"), "{refusal}");
}

#[test]
fn one_user_too_many_is_refused() {
    // The limit is 1,024; users are written as records, since each password hash takes long.
    let mut hsm = Memory::activated(EngineKind::Native, true)
        .restart(Settings { hsm_type: HsmType::Hsm1Medium, ..native() });
    say_text::<session::Login>(&mut hsm, "admin", "role=CO username=admin password=adminpw1");
    let UsersListed { users } = say_text::<user::ListUsers>(&mut hsm, "admin", "");
    let create = |n: usize| CreateUser {
        role: Role::Cu,
        username: format!("user{n}"),
        password: Secret::new("password1"),
        second_factor: None,
    };
    for n in users.len()..limits::USERS_HSM1 {
        say(&mut hsm, "admin", &create(n));
    }
    let refusal =
        try_say(&mut hsm, "admin", &create(limits::USERS_HSM1)).expect_err("one too many");
    assert_eq!(refusal.fault, Fault::UsersFull);
    assert!(refusal.detail.contains("250"), "{refusal}");
}

#[test]
fn labels_have_up_to_127_bytes() {
    let mut hsm = Memory::activated(EngineKind::Native, true);
    log_in(&mut hsm, "a");
    say(&mut hsm, "a", &generate(&"l".repeat(127)));
    let refusal = try_say(&mut hsm, "a", &generate(&"l".repeat(128))).expect_err("too long");
    assert_eq!(refusal.fault, Fault::LabelUnfit);
    assert!(refusal.detail.contains("128"), "{refusal}");
    let wide = try_say(&mut hsm, "a", &generate(&"é".repeat(64))).expect_err("128 bytes");
    assert_eq!(wide.fault, Fault::LabelUnfit);
}

#[test]
fn the_audit_log_is_gapless_chained_and_bounded_across_restarts() {
    let mut hsm = Memory::activated(EngineKind::Native, true);
    log_in(&mut hsm, "a");
    for _ in 0..20_000 {
        let key = say(&mut hsm, "a", &GenerateKey { token: false, ..generate("k") });
        if key.handle.is_multiple_of(64) {
            say(&mut hsm, "a", &key::DestroyObjects { handles: vec![key.handle] });
        }
        if key.handle.is_multiple_of(4096) {
            hsm.hang_up("a");
            log_in(&mut hsm, "a");
        }
    }
    let before = read_log(&mut hsm);
    let mut hsm = hsm.restart(native());
    let after = read_log(&mut hsm);
    let overlap: Vec<&AuditRecord> =
        before.iter().filter(|r| r.sequence >= after[0].sequence).collect();
    assert!(overlap.len() > 16_000, "{}", overlap.len());
    assert_eq!(overlap, after.iter().take(overlap.len()).collect::<Vec<_>>());
    let last = after.last().expect("records");
    assert_eq!((last.name.as_str(), last.reboot), ("CN_INIT_DONE", 2));
    let names: BTreeSet<&str> = after.iter().map(|r| r.name.as_str()).collect();
    assert!(names.contains("CN_GENERATE_KEY") && names.contains("CN_DESTROY_OBJECT"), "{names:?}");
}

fn read_log(hsm: &mut Memory) -> Vec<AuditRecord> {
    let mut all: Vec<AuditRecord> = Vec::new();
    let mut from = 0;
    loop {
        let AuditLog { records, next, chain } =
            say(hsm, "peer", &proto::command::audit::GetAuditLog { from });
        assert_ne!(chain, Blob(vec![0; 32]));
        if records.is_empty() {
            break;
        }
        all.extend(records);
        from = next;
    }
    for pair in all.windows(2) {
        assert_eq!(pair[0].sequence + 1, pair[1].sequence, "no gap");
    }
    assert!(all.len() <= 16_384);
    all
}

#[test]
fn a_later_user_of_the_same_name_inherits_no_shares() {
    let mut hsm = Memory::activated(EngineKind::Native, true);
    log_in(&mut hsm, "a");
    let KeyGenerated { handle, .. } = say(&mut hsm, "a", &generate("shared"));
    let share = format!("handle={handle} username=bob share=true");
    say_text::<key::ShareObject>(&mut hsm, "a", &share);
    let admin = "role=CO username=admin password=adminpw1";
    say_text::<session::Login>(&mut hsm, "admin", admin);
    say_text::<user::DeleteUser>(&mut hsm, "admin", "role=CU username=bob");
    let again = "role=CU username=bob password=bobspw34";
    say_text::<user::CreateUser>(&mut hsm, "admin", again);
    say_text::<session::Login>(&mut hsm, "b", again);
    let refusal = try_say(&mut hsm, "b", &key::GetAttributes { handle }).expect_err("another bob");
    assert_eq!(refusal.fault, Fault::KeyAccessDenied);
}

#[test]
fn a_session_key_that_there_is_no_room_for_as_a_token_key_stays() {
    let full = Settings { hsm_type: HsmType::Hsm1Medium, ..native() };
    let mut hsm = Memory::activated(EngineKind::Native, true).restart(full);
    log_in(&mut hsm, "a");
    let spare = say(&mut hsm, "a", &GenerateKey { token: false, ..generate("spare") });
    // Token keys are counted among themselves.
    for _ in 0..limits::KEYS_HSM1 {
        say(&mut hsm, "a", &generate("k"));
    }
    let promote = format!("handle={} attribute=token:true", spare.handle);
    let promote = key::SetAttribute::read(&promote).expect("a request");
    let refusal = try_say(&mut hsm, "a", &promote).expect_err("full");
    assert_eq!(refusal.fault, Fault::KeysFull);
    say(&mut hsm, "a", &key::GetAttributes { handle: spare.handle });
}

#[test]
fn setting_what_is_set_already_records_nothing() {
    let mut hsm = Memory::activated(EngineKind::Native, true);
    log_in(&mut hsm, "a");
    let KeyGenerated { handle, .. } = say(&mut hsm, "a", &generate("k"));
    let before = say_text::<cluster::GetKeyHash>(&mut hsm, "peer", "");
    let same = format!("handle={handle} attribute=wrap-with-trusted:false");
    say_text::<key::SetAttribute>(&mut hsm, "a", &same);
    assert_eq!(say_text::<cluster::GetKeyHash>(&mut hsm, "peer", ""), before);
}

#[test]
fn sizes_are_accepted_up_to_their_bound_and_refused_behind_it() {
    use proto::command::{digest, random};
    let mut hsm = Memory::activated(EngineKind::Native, true);
    log_in(&mut hsm, "a");
    let id = |bytes: usize| GenerateKey {
        attributes: vec![proto::Setting::bytes(proto::Attribute::Id, vec![7; bytes])],
        ..generate("k")
    };
    say(&mut hsm, "a", &id(limits::KEY_ID_MAX));
    let refusal = try_say(&mut hsm, "a", &id(limits::KEY_ID_MAX + 1)).expect_err("too long");
    assert_eq!(refusal.fault, Fault::AttributeUnfit);

    let secret = |bytes: usize| GenerateKey {
        key_type: KeyType::GenericSecret,
        bytes: bytes as u32,
        ..generate("g")
    };
    say(&mut hsm, "a", &secret(limits::GENERIC_SECRET_MAX));
    let refusal = try_say(&mut hsm, "a", &secret(limits::GENERIC_SECRET_MAX + 1));
    assert_eq!(refusal.expect_err("too long").fault, Fault::SizeUnfit);

    let hash =
        |bytes: usize| digest::Digest { hash: proto::Hash::Sha256, data: Blob(vec![7; bytes]) };
    say(&mut hsm, "a", &hash(limits::DATA_MAX));
    let refusal = try_say(&mut hsm, "a", &hash(limits::DATA_MAX + 1)).expect_err("too long");
    assert_eq!(refusal.fault, Fault::DataUnfit);

    let random = |bytes: usize| random::GenerateRandom { count: bytes as u32 };
    say(&mut hsm, "a", &random(limits::RANDOM_MAX));
    let refusal = try_say(&mut hsm, "a", &random(limits::RANDOM_MAX + 1)).expect_err("too many");
    assert_eq!(refusal.fault, Fault::SizeUnfit);

    let members = |count: usize| {
        let member = cluster::Member {
            hsm_id: "hsm-aaaaaaaaaaa".to_owned(),
            hostname: "127.0.0.1".to_owned(),
            port: 2223,
            zone: "us-east-1a".to_owned(),
        };
        cluster::SetMembers { members: vec![member; count] }
    };
    say(&mut hsm, "peer", &members(limits::CLUSTER_NODES_MAX));
    let refusal = try_say(&mut hsm, "peer", &members(limits::CLUSTER_NODES_MAX + 1));
    assert_eq!(refusal.expect_err("too many").fault, Fault::SizeUnfit);
}
