//! Whatever openssl reads as a certificate is read, and what cannot be read is said to be so.
#![allow(clippy::unwrap_used)]
use certificates::{Certificate, CertificateError, check_signed};
use fleet::{Authority, make_client_certificate, sign_csr};
use hsm_client::{TlsIdentity, Trust};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, GeneralSubtree, IsCa, Issuer, KeyPair,
    NameConstraints,
};
use tests::pem::{unreadable, variants};

#[test]
fn every_way_to_write_a_certificate_down_gives_the_same_certificate() {
    let ca = fleet::make_ca("customerCA").unwrap();
    let meant = Certificate::from_pem(ca.certificate()).unwrap();
    for variant in variants(ca.certificate()) {
        let text = String::from_utf8_lossy(&variant.bytes);
        let read = Certificate::chain_from_pem(&text);
        let read = read.unwrap_or_else(|why| panic!("{}: {why}\n{text}", variant.name));
        assert_eq!(read, std::slice::from_ref(&meant), "{}", variant.name);
    }
}

#[test]
fn what_stands_behind_a_certificate_in_its_block_is_passed_over() {
    let ca = fleet::make_ca("customerCA").unwrap();
    let meant = Certificate::from_pem(ca.certificate()).unwrap();
    let more = data_encoding::BASE64.encode(&[meant.der(), b"behind"].concat());
    let text = format!("-----BEGIN CERTIFICATE-----\n{more}\n-----END CERTIFICATE-----\n");
    assert_eq!(Certificate::from_pem(&text).unwrap(), meant);
}

#[test]
fn what_cannot_be_read_is_said_to_be_so_and_not_passed_over() {
    let ca = fleet::make_ca("customerCA").unwrap();
    for (name, bytes) in unreadable(ca.certificate()) {
        let text = String::from_utf8_lossy(&bytes);
        let refused = Certificate::from_pem(&text).unwrap_err();
        assert!(matches!(refused, CertificateError::Malformed(_)), "{name}: {refused}");
        // A good one behind does not stand for it.
        if text.contains("BEGIN CERTIFICATE-----") {
            let both = format!("{text}\n{}", ca.certificate());
            assert!(Certificate::from_pem(&both).is_err(), "{name}");
        }
    }
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap().as_secs()
}

fn request() -> (String, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::default();
    (params.serialize_request(&key).unwrap().pem().unwrap(), key)
}

#[test]
fn every_door_takes_them() {
    let ca = fleet::make_ca("customerCA").unwrap();
    let client = make_client_certificate(&ca, "operator").unwrap();
    let (csr, _) = request();
    let signed = sign_csr(&csr, &ca).unwrap();
    for variant in variants(ca.certificate()) {
        let anchor = String::from_utf8_lossy(&variant.bytes).into_owned();
        let name = variant.name;
        check_signed(&csr, &signed, &anchor, now()).unwrap_or_else(|why| panic!("{name}: {why}"));
        let authority = Authority::from_pem(&anchor, &ca.key());
        let authority = authority.unwrap_or_else(|why| panic!("{name}: {why}"));
        let again = sign_csr(&csr, &authority).unwrap();
        check_signed(&csr, &again, ca.certificate(), now()).unwrap();
        let trust = Trust::Cluster { anchor_pem: anchor };
        let identity = TlsIdentity::new(trust, &client.certificate, &client.key);
        identity.unwrap_or_else(|why| panic!("{name}: {why}"));
    }
    for variant in variants(&signed) {
        let text = String::from_utf8_lossy(&variant.bytes);
        let taken = check_signed(&csr, &text, ca.certificate(), now());
        taken.unwrap_or_else(|why| panic!("{}: {why}", variant.name));
    }
    for variant in variants(&client.certificate) {
        let text = String::from_utf8_lossy(&variant.bytes);
        let trust = Trust::Cluster { anchor_pem: ca.certificate().to_owned() };
        let identity = TlsIdentity::new(trust, &text, &client.key);
        identity.unwrap_or_else(|why| panic!("{}: {why}", variant.name));
    }
}

/// A CA's parameters.
fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

/// What is said of a chain whose issuing CA was changed so.
fn said_of(change: impl FnOnce(&mut CertificateParams), root_left_out: bool) -> String {
    let (root_key, issuing_key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
    let root = authority("root");
    let root_pem = root.self_signed(&root_key).unwrap().pem();
    let mut issuing = authority("issuing");
    change(&mut issuing);
    let root = Issuer::new(root, root_key);
    let issuing_pem = issuing.signed_by(&issuing_key, &root).unwrap().pem();
    let issuing = Issuer::new(issuing, issuing_key);
    let (csr, key) = request();
    let signed = CertificateParams::default().signed_by(&key, &issuing).unwrap().pem();
    let chain = match root_left_out {
        false => format!("{issuing_pem}{root_pem}"),
        true => issuing_pem,
    };
    check_signed(&csr, &signed, &chain, now()).err().unwrap_or_default()
}

#[test]
fn a_hint_fits_its_cause() {
    assert_eq!(said_of(|_| (), false), "");
    let named = |issuing: &mut CertificateParams| {
        let permitted = vec![GeneralSubtree::DnsName("example.com".to_owned())];
        let excluded = Vec::new();
        issuing.name_constraints =
            Some(NameConstraints { permitted_subtrees: permitted, excluded_subtrees: excluded });
    };
    let said = said_of(named, false);
    assert!(
        said.contains("nameConstraints (2.5.29.30)") && said.contains("not critical"),
        "{said}"
    );
    assert!(!said.contains("RSA"), "{said}");
    let said = said_of(|issuing| issuing.is_ca = IsCa::ExplicitNoCa, false);
    assert!(said.contains("not a certificate authority"), "{said}");
    let said = said_of(|_| (), true);
    assert!(said.contains("put the certificate of \"root\" behind it"), "{said}");

    // Another CA, and another of the same name.
    let (ours, (csr, _)) = (fleet::make_ca("customerCA").unwrap(), request());
    let signed = sign_csr(&csr, &ours).unwrap();
    for name in ["other", "customerCA"] {
        let anchor = fleet::make_ca(name).unwrap();
        let said = check_signed(&csr, &signed, anchor.certificate(), now()).unwrap_err();
        assert!(said.contains("give the certificate of the CA that you signed with"), "{said}");
    }
}
