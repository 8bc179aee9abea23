//! Two connections at the same moment: what each is told stays true.
#![allow(clippy::unwrap_used)]
use hsm_core::{Account, EngineKind, Hsm, Peer, Session};
use proto::command::cluster::{HandleRange, InsertTombstones, ListTombstones};
use proto::command::key::{
    DestroyObjects, ExtractMaskedObject, FindKeys, GenerateKey, GenerateRsaKeyPair,
    InsertMaskedObject, KeysFound,
};
use proto::command::session::{Hello, Login};
use proto::command::user::{CreateUser, DeleteUser};
use proto::{Blob, Command, Deframer, Fault, Frame, Message, Refusal};
use tests::memory::{Memory, Still, join};

/// One connection of an HSM that others use at the same time.
struct Line<'a> {
    hsm: &'a Hsm,
    world: &'a Still,
    session: Session,
}

impl<'a> Line<'a> {
    fn open(hsm: &'a Hsm, world: &'a Still, peer: Peer) -> Self {
        let mut line = Self { hsm, world, session: hsm.open_session(peer) };
        line.say(&Hello { version: 1 }).unwrap();
        line
    }

    fn say<C: Command>(&mut self, request: &C) -> Result<C::Reply, Refusal> {
        let (mut body, mut out) = (Vec::new(), Vec::new());
        proto::encode(request, &mut body);
        let frame = Frame { id: 1, code: C::SPEC.opcode as u16, body: &body };
        self.hsm.serve(self.world, &mut self.session, frame, &mut out);
        match Deframer::new(&out).next().unwrap().unwrap() {
            reply if reply.code == 0 => Ok(proto::decode(reply.body).unwrap()),
            reply => Err(Refusal::decode(reply.code, reply.body)),
        }
    }

    fn account<C: Command>(&self, words: &str) -> Option<Account> {
        let mut body = Vec::new();
        proto::encode(&C::read(words).unwrap(), &mut body);
        let frame = Frame { id: 1, code: C::SPEC.opcode as u16, body: &body };
        self.hsm.account(&self.session, frame)
    }

    fn say_text<C: Command>(&mut self, words: &str) -> Result<C::Reply, Refusal> {
        self.say(&C::read(words).unwrap())
    }
}

#[test]
fn a_user_is_not_deleted_while_it_logs_in() {
    let memory = Memory::activated(EngineKind::Native, true);
    let open = || Line::open(&memory.hsm, &memory.world, Peer::Client);
    let mut admin = open();
    admin.say_text::<Login>("role=CO username=admin password=adminpw1").unwrap();
    for round in 0..10 {
        let name = format!("user{round}");
        admin
            .say_text::<CreateUser>(&format!("role=CU username={name} password=password1"))
            .unwrap();
        let login = format!("role=CU username={name} password=password1");
        let (mut user, login) = (open(), &login);
        let (entered, deleted) = std::thread::scope(|threads| {
            let entering = threads.spawn(move || user.say_text::<Login>(login));
            // Into the midst of the password hash.
            std::thread::sleep(std::time::Duration::from_millis(round));
            let deleted = admin.say_text::<DeleteUser>(&format!("role=CU username={name}"));
            (entering.join().unwrap(), deleted)
        });
        assert!(entered.is_err() || deleted.is_err(), "logged in as a user that is gone");
        assert!(entered.is_ok() || deleted.is_ok(), "one of them was first");
    }
}

#[test]
fn a_retry_that_comes_while_the_first_request_runs_makes_no_second_key() {
    let memory = Memory::activated(EngineKind::Native, true);
    let open = || {
        let mut line = Line::open(&memory.hsm, &memory.world, Peer::Client);
        line.say_text::<Login>("role=CU username=alice password=alicepw1").unwrap();
        line
    };
    let words = "modulus_bits=3072 public_exponent=65537 public_label=p private_label=q token=true";
    let mut request = GenerateRsaKeyPair::read(words).unwrap();
    request.retry = Some(Blob(vec![7; 16]));
    let (mut first, mut second) = (open(), open());
    let (made, retried) = std::thread::scope(|threads| {
        let making = threads.spawn(|| first.say(&request));
        let retried = second.say(&request);
        (making.join().unwrap(), retried)
    });
    let (winner, loser) = if made.is_ok() { (made, retried) } else { (retried, made) };
    let winner = winner.unwrap();
    match loser {
        Ok(same) => assert_eq!(same, winner),
        Err(refusal) => assert_eq!(refusal.fault, Fault::Busy),
    }
    assert_eq!(second.say(&request).unwrap(), winner, "afterwards it is found");
    let KeysFound { total, .. } = second.say_text::<FindKeys>("after=0 limit=10").unwrap();
    assert_eq!(total, 2, "one pair");
}

#[test]
fn a_key_that_a_client_and_a_peer_bring_at_the_same_moment_is_taken_once() {
    let mut first = Memory::activated(EngineKind::Native, true);
    let second = join(&mut first, 1);
    let login = "role=CU username=alice password=alicepw1";
    let mut line = Line::open(&first.hsm, &first.world, Peer::Client);
    line.say_text::<Login>(login).unwrap();
    let masked = (0..500).map(|_| {
        let key = "key_type=aes bytes=32 label=k token=true";
        let handle = line.say_text::<GenerateKey>(key).unwrap().handle;
        line.say(&ExtractMaskedObject { handle }).unwrap().object
    });
    let objects: Vec<Blob> = masked.collect();
    let mut client = Line::open(&second.hsm, &second.world, Peer::Client);
    client.say_text::<Login>(login).unwrap();
    let mut peer = Line::open(&second.hsm, &second.world, Peer::Appliance);
    std::thread::scope(|threads| {
        for line in [&mut client, &mut peer] {
            let objects = &objects;
            threads.spawn(move || {
                for object in objects {
                    line.say(&InsertMaskedObject { object: object.clone() }).unwrap();
                }
            });
        }
    });
    let KeysFound { total, .. } = client.say_text::<FindKeys>("after=0 limit=0").unwrap();
    assert_eq!(total, 500);
}

#[test]
fn keys_that_a_client_and_a_peer_delete_at_the_same_moment_are_gone_for_good() {
    let memory = Memory::activated(EngineKind::Native, true);
    let mut client = Line::open(&memory.hsm, &memory.world, Peer::Client);
    client.say_text::<Login>("role=CU username=alice password=alicepw1").unwrap();
    let key = "key_type=aes bytes=32 label=k token=true";
    let handles: Vec<u64> =
        (0..2_000).map(|_| client.say_text::<GenerateKey>(key).unwrap().handle).collect();
    let mut peer = Line::open(&memory.hsm, &memory.world, Peer::Appliance);
    let ends = |handles: &[u64]| HandleRange { first: handles[0], last: handles[9] };
    std::thread::scope(|threads| {
        threads.spawn(|| {
            for handle in &handles {
                let deleted = client.say(&DestroyObjects { handles: vec![*handle] });
                let not_found = |why: &Refusal| why.fault == Fault::InvalidHandle;
                assert!(deleted.is_ok() || deleted.is_err_and(|why| not_found(&why)));
            }
        });
        for ten in handles.chunks(10) {
            let inserted = peer.say(&InsertTombstones { ranges: vec![ends(ten)] });
            assert!(inserted.is_ok() || inserted.is_err_and(|why| why.fault == Fault::Busy));
        }
    });
    let listed = peer.say(&ListTombstones { after: 0 }).unwrap().ranges;
    let all = HandleRange { first: handles[0], last: handles[1_999] };
    assert_eq!(listed, [all]);
    drop((client, peer));
    let memory = memory.restart(tests::memory::settings(0, EngineKind::Native, true));
    let mut peer = Line::open(&memory.hsm, &memory.world, Peer::Appliance);
    assert_eq!(peer.say(&ListTombstones { after: 0 }).unwrap().ranges, listed);
}

#[test]
fn heavy_requests_are_done_for_their_user_and_refused_ones_for_nobody() {
    let memory = Memory::activated(EngineKind::Native, true);
    let open = |peer| Line::open(&memory.hsm, &memory.world, peer);
    let key_pair =
        "modulus_bits=2048 public_exponent=65537 public_label=p private_label=q token=false";
    let (mut alice, mut again, kms) =
        (open(Peer::Client), open(Peer::Client), open(Peer::Appliance));
    let claimed = alice.account::<Login>("role=CU username=Alice password=guessed1").unwrap();
    alice.say_text::<Login>("role=CU username=alice password=alicepw1").unwrap();
    again.say_text::<Login>("role=CU username=alice password=alicepw1").unwrap();
    let accounts = [
        Some(claimed),
        alice.account::<GenerateRsaKeyPair>(key_pair),
        again.account::<GenerateRsaKeyPair>(key_pair),
    ];
    assert_eq!(accounts, [Some(claimed); 3], "one account, however many connections");

    let fresh = open(Peer::Client);
    let bob = fresh.account::<Login>("role=CU username=bob password=bobspw12").unwrap();
    let by_kms = kms.account::<Login>("role=CU username=alice password=alicepw1").unwrap();
    let nobody = fresh.account::<Login>("role=CU username=mallory password=guessed1").unwrap();
    let other = fresh.account::<Login>("role=CU username=mallory2 password=guessed1").unwrap();
    assert!(bob != claimed && by_kms != claimed && nobody != claimed && nobody != bob);
    assert_eq!(nobody, other, "names that nobody has are one account");
    assert_eq!(fresh.account::<GenerateRsaKeyPair>(key_pair), None, "not logged in");
    assert_eq!(alice.account::<CreateUser>("role=CU username=x password=password1"), None, "no CO");
    let garbage = Frame { id: 1, code: Login::SPEC.opcode as u16, body: b"garbage" };
    assert_eq!(memory.hsm.account(&fresh.session, garbage), None);
}
