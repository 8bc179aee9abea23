//! The decisions, each as a table: what was seen, and the error or the attempts that follow.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::tries::Try;

fn user(change: impl FnOnce(&mut UserListed)) -> UserListed {
    let mut user = UserListed {
        id: 3,
        role: Role::Cu,
        username: KMSUSER.to_owned(),
        login_failures: 0,
        locked: false,
        logins: 0,
        second_factor: false,
    };
    change(&mut user);
    user
}

#[test]
fn which_error_it_is_that_nobody_was_reached() {
    let silent = || Unreached::Silent("nobody listens there".to_owned());
    let other = || Unreached::OtherCluster("cluster-b".to_owned());
    let untrusted = || Unreached::Untrusted("issued by somebody".to_owned());
    let idle = || Unreached::NotActive("INITIALIZED".to_owned());
    let cases: &[(&[Unreached], Code, &str)] = &[
        (&[], Code::InsufficientCloudhsmHsms, "cluster-a has no HSM"),
        (&[silent()], Code::NetworkErrors, "h0: nobody listens there"),
        (&[silent(), other()], Code::ClusterNotFound, "h1: it is an HSM of cluster-b"),
        (&[untrusted()], Code::NetworkErrors, "trust anchor must be the customerCA.crt"),
        (&[silent(), untrusted()], Code::NetworkErrors, "trust anchor"),
        (&[Unreached::NotAdmitted("no".to_owned())], Code::NetworkErrors, "service certificate"),
        (&[silent(), idle()], Code::InsufficientCloudhsmHsms, "h1: it is INITIALIZED"),
        (&[other(), idle()], Code::InsufficientCloudhsmHsms, "no active HSM"),
    ];
    for (servers, code, text) in cases {
        let named = servers.iter().enumerate().map(|(n, why)| (format!("h{n}"), why.clone()));
        let error = nobody_reached("cluster-a", &named.collect::<Vec<_>>());
        assert_eq!(error.code, *code, "{servers:?}");
        assert!(error.message.contains(text), "{error}");
    }
}

#[test]
fn which_kmsuser_is_fit() {
    let fit = || Some(user(|_| {}));
    let locked = || Some(user(|u| u.locked = true));
    let busy = || Some(user(|u| u.logins = 2));
    let second = || Some(user(|u| u.second_factor = true));
    let failed = || Some(user(|u| u.login_failures = 5));
    type Case<'a> = (&'a [Option<UserListed>], Option<Code>, &'a str);
    let cases: &[Case<'_>] = &[
        (&[fit(), fit()], None, ""),
        (&[fit(), failed()], None, ""),
        (&[fit(), None], Some(Code::UserNotFound), "missing on h1 (it was found on 1 of 2 HSMs)"),
        (&[None, None], Some(Code::UserNotFound), "missing on h0, h1 (it was found on 0 of 2"),
        (&[locked(), fit()], Some(Code::UserLockedOut), "locked out on h0:"),
        (&[fit(), busy()], Some(Code::UserLoggedIn), "logged in elsewhere on h1:"),
        (&[second(), second()], Some(Code::InvalidCredentials), "second factor (2FA) on h0, h1"),
        // What is said first is what has to be mended first.
        (&[None, locked()], Some(Code::UserNotFound), "h0"),
        (&[second(), locked()], Some(Code::InvalidCredentials), "h0"),
        (&[busy(), locked()], Some(Code::UserLockedOut), "h1"),
    ];
    for (users, code, text) in cases {
        let names = ["h0", "h1"];
        let seen: Vec<_> = names.into_iter().zip(users.iter().map(Option::as_ref)).collect();
        let error = kmsuser_is_fit(&seen).err();
        assert_eq!(error.as_ref().map(|e| e.code), *code, "{users:?}");
        let message = error.map(|e| e.message).unwrap_or_default();
        assert!(message.contains(text), "{message}");
    }
}

#[test]
fn kmsuser_is_the_crypto_user_of_that_name() {
    let officer = user(|u| u.role = Role::Co);
    let other = user(|u| u.username = "kmsuser2".to_owned());
    assert_eq!(kmsuser(vec![officer.clone(), other.clone()]), None);
    assert_eq!(kmsuser(vec![officer, other, user(|_| {})]), Some(user(|_| {})));
}

#[test]
fn which_passwords_are_tried_and_in_which_order() {
    /// The next password, the HSM's count, what it has refused; what is tried, and what is said.
    type Case<'a> = (Option<&'a str>, u32, &'a [(&'a str, u32)], &'a [&'a str], Option<Code>);
    let cases: &[Case<'_>] = &[
        (None, 0, &[], &["old"], None),
        (None, 3, &[], &["old"], None),
        (None, 4, &[], &[], Some(Code::UserLockedOut)),
        (None, 6, &[], &[], Some(Code::UserLockedOut)),
        (Some("new"), 0, &[], &["new", "old"], None),
        (Some("new"), 2, &[], &["new", "old"], None),
        (Some("new"), 3, &[], &["new"], None),
        (Some("new"), 4, &[], &[], Some(Code::UserLockedOut)),
        // What the HSM has refused is not tried again while it counts on, whoever adds to it.
        (None, 1, &[("old", 1)], &[], Some(Code::InvalidCredentials)),
        (None, 3, &[("old", 1)], &[], Some(Code::InvalidCredentials)),
        (Some("new"), 1, &[("new", 1)], &["old"], None),
        (Some("new"), 2, &[("new", 1), ("old", 2)], &[], Some(Code::InvalidCredentials)),
        (Some("new"), 4, &[("new", 1)], &[], Some(Code::UserLockedOut)),
        // It has begun to count anew; or the connector died before the HSM heard of the try.
        (None, 0, &[("old", 1)], &["old"], None),
        (Some("new"), 1, &[("new", 1), ("old", 2)], &["old"], None),
        (Some("new"), 0, &[("new", 1), ("old", 2)], &["new", "old"], None),
        // Another password says nothing.
        (None, 1, &[("older", 1)], &["old"], None),
    ];
    for (next, failures, refused, expected, code) in cases {
        let passwords = Passwords { current: Secret::new("old"), next: next.map(Secret::new) };
        let refused = refused.iter().map(|(password, failures)| Try {
            hsm_id: "h0".to_owned(),
            password: Secret::new(*password),
            failures: *failures,
        });
        let tries = Tries { tries: refused.collect() };
        let tried = attempts("h0", &passwords, *failures, &tries);
        let tried: Vec<_> = tried.into_iter().map(Secret::expose).collect();
        assert_eq!(tried, *expected, "{next:?} after {failures}, {tries:?}");
        let wrong = *failures + tried.len() as u32;
        assert!(wrong < limits::WRONG_PASSWORDS_MAX.max(*failures + 1), "two attempts are left");
        if let Some(code) = code {
            let error = not_logged_in("h0", &passwords, *failures, &tries);
            assert_eq!(error.code, *code, "{next:?} after {failures}, {tries:?}");
            assert!(error.message.contains("h0") && !error.message.contains("old"));
        }
    }
}

#[test]
fn what_a_failed_request_means() {
    let lost = || CallError::Lost { node: "h0".into(), why: "cut".into() };
    assert!(matches!(setback("h0", &lost()), Setback::Away(_)));
    for (fault, code) in [
        (Fault::UserLocked, Code::UserLockedOut),
        (Fault::UserNotFound, Code::UserNotFound),
        (Fault::UserLoggedIn, Code::UserLoggedIn),
        (Fault::LoginFailure, Code::InvalidCredentials),
        (Fault::NotInitialized, Code::InsufficientCloudhsmHsms),
        (Fault::TooManyConnections, Code::NetworkErrors),
        (Fault::StorageFailed, Code::InternalError),
    ] {
        let refused = CallError::Refused(fault.into());
        assert_eq!(is_wrong_password(&refused), fault == Fault::LoginFailure);
        match setback("h0", &refused) {
            Setback::Fatal(error) => assert_eq!(error.code, code, "{error}"),
            away => panic!("{away:?}"),
        }
        // The first refusal counts, not the HSMs that are away.
        let (away, refused) = (lost(), refused);
        let error = no_login([("h0", &away), ("h1", &refused)].into_iter());
        assert_eq!(error.code, code);
    }
    assert_eq!(no_login([("h0", &lost())].into_iter()).code, Code::NetworkErrors);
}

#[test]
fn what_a_connection_that_did_not_come_about_says() {
    use hsm_client::ConnectError as E;
    let endpoint = hsm_client::Endpoint::new("h", 1);
    let why = "because".to_owned();
    let untrusted = E::BadServerCertificate { endpoint: endpoint.clone(), why: why.clone() };
    assert_eq!(unreached(&untrusted), Unreached::Untrusted(why.clone()));
    let refused = E::ClientCertificateRefused { endpoint: endpoint.clone(), why: why.clone() };
    assert_eq!(unreached(&refused), Unreached::NotAdmitted(why.clone()));
    let lost = E::Lost { endpoint: endpoint.clone(), why: why.clone() };
    assert_eq!(unreached(&lost), Unreached::Silent(why));
    let nobody = E::Refused { endpoint };
    assert_eq!(unreached(&nobody), Unreached::Silent("nobody listens there".to_owned()));
}
