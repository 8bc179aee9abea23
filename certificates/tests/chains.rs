//! Certificates as the real openssl makes them (tests/fixtures), each with what is to come of it.
#![allow(clippy::unwrap_used)]

use certificates::{Certificate, CertificateError as E, SigningRequest, verify_chain};

/// January 2027: the fixtures are valid from November 2026 on, for a hundred years.
const NOW: u64 = 1_800_000_000;

fn pem(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
    std::fs::read_to_string(format!("{folder}/{name}")).unwrap()
}

fn certificate(name: &str) -> Certificate {
    Certificate::from_pem(&pem(name)).unwrap()
}

fn check(chain: &[&str], anchors: &[&str]) -> Result<(), E> {
    check_at(chain, anchors, NOW)
}

fn check_at(chain: &[&str], anchors: &[&str], now: u64) -> Result<(), E> {
    let all = |names: &[&str]| names.iter().map(|name| certificate(name)).collect::<Vec<_>>();
    verify_chain(&all(chain), &all(anchors), now)
}

#[test]
fn what_the_documented_openssl_commands_make_is_accepted() {
    assert!(certificate("v1-leaf.crt").is_v1());
    for (leaf, anchor) in [
        ("v1-leaf.crt", "rsa-ca.crt"),
        ("client.crt", "rsa-ca.crt"),
        ("pss-leaf.crt", "rsa-ca.crt"),
        ("pss-max-leaf.crt", "rsa-ca.crt"),
        ("ec256-leaf.crt", "ec256-ca.crt"),
        ("ec256-sha512-leaf.crt", "ec256-ca.crt"),
        ("ec384-leaf.crt", "ec384-ca.crt"),
        ("ec521-leaf.crt", "ec521-ca.crt"),
        ("v1-ca-leaf.crt", "v1-ca.crt"),
    ] {
        assert_eq!(check(&[leaf], &[anchor]), Ok(()), "{leaf}");
        assert_eq!(check(&[leaf], &["other-ca.crt", anchor]), Ok(()), "{leaf}");
    }
}

#[test]
fn a_chain_is_followed_and_its_authorities_are_authorities() {
    let root = &["rsa-ca.crt"];
    assert_eq!(check(&["issued-leaf.crt", "issuing-ca.crt"], root), Ok(()));
    assert_eq!(check(&["issued-leaf.crt", "issuing-ca.crt", "rsa-ca.crt"], root), Ok(()));
    assert_eq!(check(&["issued-leaf.crt"], &["issuing-ca.crt", "rsa-ca.crt"]), Ok(()));
    assert!(matches!(check(&["issued-leaf.crt"], root), Err(E::UntrustedIssuer { .. })));
    for not_ca in ["issuing-not-ca.crt", "issuing-no-certsign.crt", "issuing-v1.crt"] {
        let refused = check(&["issued-leaf.crt", not_ca], root);
        assert!(matches!(refused, Err(E::NotCa { .. })), "{not_ca}: {refused:?}");
    }
    let anchor_not_ca = check(&["issued-leaf.crt"], &["issuing-not-ca.crt"]);
    assert!(matches!(anchor_not_ca, Err(E::NotCa { .. })));
    let too_long = check(&["issued-leaf.crt"; 5], root);
    assert_eq!(too_long, Err(E::TooLong));
    assert_eq!(check(&[], root), Err(E::Empty));
}

#[test]
fn path_lengths_are_kept() {
    let refused = check(&["issued-leaf.crt", "issuing-under-pathlen.crt"], &["pathlen-ca.crt"]);
    assert!(matches!(refused, Err(E::PathLength { most: 0, .. })), "{refused:?}");
}

#[test]
fn what_is_wrong_is_named() {
    let root = &["rsa-ca.crt"];
    assert!(matches!(check(&["v1-leaf.crt"], &["other-ca.crt"]), Err(E::UntrustedIssuer { .. })));
    assert!(matches!(check(&["v1-leaf.crt"], &["same-name-ca.crt"]), Err(E::BadSignature { .. })));
    assert!(matches!(check(&["v1-leaf.crt"], &[]), Err(E::UntrustedIssuer { .. })));
    assert!(matches!(check(&["expired.crt"], root), Err(E::Expired { .. })));
    assert!(matches!(check(&["future.crt"], root), Err(E::NotYetValid { .. })));
    assert!(matches!(check(&["sha1-leaf.crt"], root), Err(E::Unsupported { .. })));
    assert!(matches!(check(&["weak-leaf.crt"], root), Err(E::WeakKey { bits: 1024, .. })));
    let weak_ca = check(&["weak-ca-leaf.crt"], &["weak-ca.crt"]);
    assert!(matches!(weak_ca, Err(E::WeakKey { bits: 1024, .. })));
}

#[test]
fn the_messages_say_what_to_do() {
    let expired = check(&["expired.crt"], &["rsa-ca.crt"]).unwrap_err().to_string();
    assert_eq!(
        expired,
        "the certificate of \"client\" expired at 2021-01-01T00:00:00Z: have a new one made (if it \
         did not, check this machine's clock)"
    );
    let other = check(&["v1-leaf.crt"], &["other-ca.crt"]).unwrap_err().to_string();
    assert!(other.contains("\"HSM:b4ab44de111:PARTN:1, for FIPS mode\""), "{other}");
    assert!(other.contains("\"customerCA\"") && other.contains("customerCA.crt"), "{other}");
}

#[test]
fn the_first_and_last_seconds_are_in() {
    let leaf = certificate("client.crt");
    let at = |now| check_at(&["client.crt"], &["rsa-ca.crt"], now);
    assert_eq!(at(leaf.not_before()), Ok(()));
    assert!(matches!(at(leaf.not_before() - 100), Err(E::NotYetValid { .. })));
    let anchor = certificate("rsa-ca.crt");
    assert!(matches!(at(anchor.not_after().max(leaf.not_after()) + 1), Err(E::Expired { .. })));
}

#[test]
fn a_changed_byte_is_noticed() {
    let good = certificate("v1-leaf.crt");
    let anchors = [certificate("rsa-ca.crt")];
    for at in (0..good.der().len()).step_by(3) {
        let mut der = good.der().to_vec();
        der[at] ^= 1;
        if let Ok(changed) = Certificate::from_der(&der) {
            assert!(verify_chain(&[changed], &anchors, NOW).is_err(), "byte {at}");
        }
        assert!(Certificate::from_der(&good.der()[..at]).is_err(), "cut at {at}");
    }
}

#[test]
fn certificates_tell_about_themselves() {
    let leaf = certificate("v1-leaf.crt");
    assert_eq!(leaf.subject_common_name(), "HSM:b4ab44de111:PARTN:1, for FIPS mode");
    assert_eq!(leaf.issuer_common_name(), "customerCA");
    assert!(!leaf.is_ca() && !leaf.is_self_issued());
    let ca = certificate("rsa-ca.crt");
    assert!(ca.is_ca() && ca.is_self_issued() && !ca.is_v1());
    let both = format!("some words\n{}\n{}", pem("v1-leaf.crt"), pem("rsa-ca.crt"));
    assert_eq!(Certificate::chain_from_pem(&both).unwrap(), [leaf, ca]);
    let windows = pem("rsa-ca.crt").replace('\n', "\r\n");
    assert!(Certificate::from_pem(&windows).is_ok());
}

#[test]
fn a_signing_request_proves_its_key() {
    let request = SigningRequest::from_pem(&pem("hsm.csr")).unwrap();
    assert_eq!(request.subject_common_name(), "HSM:b4ab44de111:PARTN:1, for FIPS mode");
    assert_eq!(request.spki_der(), certificate("v1-leaf.crt").spki_der());
    let text = pem("hsm.csr");
    let at = text.len() / 2;
    let (old, new) = if &text[at..=at] == "A" { ("A", "B") } else { (&text[at..=at], "A") };
    assert_ne!(old, "\n");
    let changed = format!("{}{new}{}", &text[..at], &text[at + 1..]);
    assert!(SigningRequest::from_pem(&changed).is_err());
}

#[test]
fn what_is_no_pem_is_refused_with_words() {
    for text in
        ["", "hello", "-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\n-----END "]
    {
        assert!(matches!(Certificate::from_pem(text), Err(E::Malformed(_))), "{text}");
    }
    assert!(Certificate::from_pem(&pem("hsm.csr")).is_err());
    assert!(SigningRequest::from_pem(&pem("v1-leaf.crt")).is_err());
}
