//! Tables of what is decided in which case.
use super::*;
use proto::command::user::CreateUser;
use proto::{Blob, Command, KeyType, Role, Secret};

fn lost() -> CallError {
    CallError::Lost { node: "n".into(), why: "w".into() }
}

fn not_sent() -> CallError {
    CallError::NotSent { node: "n".into(), why: "w".into() }
}

fn refused(fault: Fault) -> CallError {
    CallError::Refused(fault.into())
}

#[test]
fn the_least_loaded_ready_connection_is_chosen_in_turn() {
    let choice = |loads: &[(bool, usize)], turn, tried: &[u64]| {
        let candidates = loads.iter().enumerate().map(|(at, (ready, load))| Candidate {
            number: at as u64,
            ready: *ready,
            load: *load,
        });
        choose(candidates, Weight::KeyPair, turn, tried)
    };
    let idle = [(true, 0); 3];
    assert_eq!(
        [0, 1, 2, 3].map(|turn| choice(&idle, turn, &[])),
        [Some(0), Some(1), Some(2), Some(0)]
    );
    assert_eq!(choice(&idle, 0, &[0]), Some(1));
    assert_eq!(choice(&idle, 0, &[0, 1, 2]), None);
    assert_eq!(choice(&[(true, 9), (true, 2), (true, 9)], 0, &[]), Some(1));
    assert_eq!(choice(&[(false, 0), (true, 9)], 0, &[]), Some(1));
    assert_eq!(choice(&[(false, 0), (true, 9)], 0, &[1]), Some(0));
    assert_eq!(choice(&[], 5, &[]), None);
}

#[test]
fn light_requests_go_to_one_connection_several_at_a_time() {
    let choice = |loads: [usize; 3], turn| {
        let candidates =
            (0..).zip(loads).map(|(number, load)| Candidate { number, ready: true, load });
        choose(candidates.collect::<Vec<_>>().into_iter(), Weight::Light, turn, &[])
    };
    let turns = [0, TOGETHER - 1, TOGETHER, 3 * TOGETHER].map(|turn| choice([0; 3], turn));
    assert_eq!(turns, [Some(0), Some(0), Some(1), Some(0)]);
    assert_eq!(choice([TOGETHER - 1, 0, 0], 0), Some(0));
    assert_eq!(choice([TOGETHER, TOGETHER, 0], 0), Some(2));
}

#[test]
fn only_what_is_harmless_is_sent_again() {
    use Next::{Elsewhere, SameHsm, Stop};
    let read = <sign::Sign as Command>::SPEC;
    let write = <SetAttribute as Command>::SPEC;
    let make = <GenerateKey as Command>::SPEC;
    let user = <CreateUser as Command>::SPEC;
    for (spec, repeat, error, next) in [
        (read, Repeat::Anywhere, lost(), Elsewhere),
        (read, Repeat::Anywhere, not_sent(), Elsewhere),
        (read, Repeat::Anywhere, refused(Fault::InvalidHandle), Elsewhere),
        (read, Repeat::Anywhere, refused(Fault::UseForbidden), Stop),
        (read, Repeat::Anywhere, CallError::BadReply(Fault::Malformed.into()), Stop),
        (write, Repeat::Never, lost(), Stop),
        (write, Repeat::Never, not_sent(), Elsewhere),
        (write, Repeat::Never, refused(Fault::InvalidHandle), Elsewhere),
        (make, Repeat::SameHsm, lost(), SameHsm),
        (make, Repeat::Anywhere, lost(), Elsewhere),
        (make, Repeat::Never, lost(), Stop),
        (make, Repeat::SameHsm, refused(Fault::Busy), SameHsm),
        (make, Repeat::Anywhere, refused(Fault::Busy), Elsewhere),
        (make, Repeat::SameHsm, refused(Fault::KeysFull), Stop),
        (user, Repeat::Never, lost(), Stop),
        (user, Repeat::Never, not_sent(), Stop),
        (user, Repeat::Never, refused(Fault::Busy), Stop),
    ] {
        assert_eq!(after_failure(spec, repeat, &error), next, "{} {repeat:?} {error:?}", spec.name);
    }
}

#[test]
fn a_request_says_whether_it_may_be_repeated() {
    let make = |token, retry: Option<Blob>| GenerateKey {
        key_type: KeyType::Aes,
        bytes: 32,
        label: String::new(),
        token,
        attributes: vec![],
        retry,
    };
    let of = |request: &GenerateKey| repeat(<GenerateKey as Command>::SPEC, request);
    assert_eq!(of(&make(true, Some(Blob(vec![1; 16])))), Repeat::SameHsm);
    assert_eq!(of(&make(true, None)), Repeat::Never);
    assert_eq!(of(&make(false, None)), Repeat::Anywhere);
    let user = CreateUser {
        role: Role::Cu,
        username: "u".into(),
        password: Secret::new("p"),
        second_factor: None,
    };
    assert_eq!(repeat(<CreateUser as Command>::SPEC, &user), Repeat::Never);
    let read = GetAttributes { handle: 1 };
    assert_eq!(repeat(<GetAttributes as Command>::SPEC, &read), Repeat::Anywhere);
}

#[test]
fn every_command_that_only_reads_may_be_repeated_and_no_user_change_is() {
    for spec in Opcode::ALL {
        let repeated = repeat(spec, &());
        assert_eq!(repeated == Repeat::Anywhere, spec.effect == Effect::Reads, "{}", spec.name);
        if spec.family == "user" && spec.effect == Effect::Writes {
            assert_eq!(
                after_failure(spec, Repeat::Anywhere, &not_sent()),
                Next::Stop,
                "{}",
                spec.name
            );
        }
    }
}

#[test]
fn keys_are_read_from_requests() {
    let describe = GetAttributes { handle: 5 };
    let named = keys_named(Opcode::GetAttributes, &describe);
    assert_eq!(named, KeysNamed { handles: [Some(5), None], used: false });
    let wrap = wrap::WrapKey {
        key: 1,
        wrapping_key: 2,
        mechanism: proto::Mechanism::ALL[0],
        hash: None,
        aad: None,
    };
    let named = keys_named(Opcode::WrapKey, &wrap);
    assert_eq!(named, KeysNamed { handles: [Some(1), Some(2)], used: true });
    assert_eq!(keys_named(Opcode::GetHsmInfo, &()), KeysNamed::default());
}

#[test]
fn two_holders_are_enough_and_hope_ends_with_the_time() {
    use Standing::{Enough, TooFew, Wait};
    for (check, holders, hope, time_left, expected) in [
        (true, 2, false, false, Enough),
        (true, 3, true, true, Enough),
        (true, 1, true, true, Wait),
        (true, 1, true, false, TooFew),
        (true, 1, false, true, TooFew),
        (false, 1, true, true, Enough),
        (false, 1, false, false, Enough),
    ] {
        assert_eq!(standing(check, holders, hope, time_left), expected);
    }
}

#[test]
fn a_login_is_repeated_until_it_is_refused_or_too_often_unanswered() {
    let fresh = LoginMemory::Repeat { login: 1, unanswered: 0 };
    assert_eq!(LoginMemory::<u8>::Nothing.to_send(), None);
    assert_eq!(LoginMemory::<u8>::Spent.to_send(), None);
    assert_eq!(fresh.after(&1, Attempt::Accepted), fresh);
    assert_eq!(fresh.after(&1, Attempt::NotSent), fresh);
    for fault in [Fault::LoginFailure, Fault::UserLocked, Fault::UserNotFound] {
        assert_eq!(fresh.after(&1, Attempt::Refused(fault)), LoginMemory::Spent);
    }
    assert_eq!(fresh.after(&1, Attempt::Refused(Fault::Busy)), fresh);
    let mut memory = fresh.clone();
    for _ in 0..2 {
        memory = memory.after(&1, Attempt::Unanswered);
        assert_eq!(memory.to_send(), Some(&1));
    }
    assert_eq!(memory.after(&1, Attempt::Accepted), fresh);
    assert_eq!(memory.after(&1, Attempt::Unanswered), LoginMemory::Spent);
}

#[test]
fn pauses_double_up_to_three_seconds() {
    let mut backoff = Backoff::default();
    let pauses: Vec<_> = (0..7).map(|_| backoff.pause().as_millis()).collect();
    assert_eq!(pauses, [100, 200, 400, 800, 1600, 3000, 3000]);
    (0..100).for_each(|_| assert!(backoff.pause() <= Backoff::LAST));
}

#[test]
fn an_empty_list_of_members_says_nothing() {
    let servers = [Endpoint::new("10.0.0.9", 2223)];
    let member =
        |id: &str| Member { hsm_id: id.into(), hostname: "h".into(), port: 1, zone: String::new() };
    let configured = members(vec![], None, &servers);
    assert_eq!((configured[0].hostname.as_str(), configured[0].port), ("10.0.0.9", 2223));
    let learned = vec![member("a"), member("b")];
    assert_eq!(members(learned.clone(), None, &servers), learned);
    assert_eq!(members(vec![], Some(learned.clone()), &servers), learned);
    assert_eq!(members(vec![member("c")], Some(learned), &servers), [member("c")]);
}

#[test]
fn pages_are_merged_without_gaps() {
    let page = |handles: &[u64], total| Page { handles: handles.to_vec(), total };
    for (pages, limit, handles, total) in [
        (vec![page(&[1, 2], 2), page(&[2, 3], 2)], 10, vec![1, 2, 3], 3),
        // The second has more behind 2: 5 and 6 wait for the next page.
        (vec![page(&[1, 5, 6], 3), page(&[1, 2, 3], 9)], 3, vec![1, 2, 3], 9),
        (vec![page(&[5, 6], 2), page(&[1, 2], 9)], 2, vec![1, 2], 9),
        (vec![page(&[1], 1), page(&[], 0)], 5, vec![1], 1),
        (vec![], 5, vec![], 0),
    ] {
        let merged = merge_pages(pages, limit);
        assert_eq!((merged.handles, merged.total), (handles, total));
    }
}

#[test]
fn a_lost_hsm_says_more_than_one_that_lacks_the_key() {
    let lacking = || refused(Fault::InvalidHandle);
    assert!(matches!(graver(Some(lost()), lacking()), CallError::Lost { .. }));
    assert!(matches!(graver(Some(lacking()), lost()), CallError::Lost { .. }));
    assert!(matches!(graver(None, lacking()), CallError::Refused(_)));
}
