//! Checking a chain from a leaf up to a certificate that is trusted.
use crate::certificate::NotCa;
use crate::signature::{Flaw, check_key, verify};
use crate::{Certificate, CertificateError};
use x509_cert::der::DateTime;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::oid::AssociatedOid;
use x509_cert::ext::pkix::{
    CertificatePolicies, InhibitAnyPolicy, NameConstraints, PolicyConstraints, PolicyMappings,
};

/// Most certificates in a chain, the anchor not counted: CloudHSM takes chain files of four.
pub const CHAIN_MAX: usize = 4;

/// Checks `chain`, leaf first, up to one of `anchors` at `now_unix` seconds: signatures, dates, key
/// lengths, and that what signs is a CA. A leaf may be of version 1, and so may an anchor; what
/// stands between must be of version 3. The leaf's purpose (extended key usage) is not looked at.
pub fn verify_chain(
    chain: &[Certificate],
    anchors: &[Certificate],
    now_unix: u64,
) -> Result<(), CertificateError> {
    if chain.len() > CHAIN_MAX {
        return Err(CertificateError::TooLong);
    }
    let mut rest = chain.iter();
    let mut below = rest.next().ok_or(CertificateError::Empty)?;
    check_alone(below, now_unix)?;
    for cas_below in 0..CHAIN_MAX {
        let mut flaw = None;
        for anchor in anchors.iter().filter(|anchor| below.names_as_issuer(anchor)) {
            match check_anchor(below, anchor, cas_below, now_unix) {
                Ok(()) => return Ok(()),
                Err(why) => flaw = flaw.or(Some(why)),
            }
        }
        match rest.next().filter(|issuer| below.names_as_issuer(issuer)) {
            Some(issuer) if flaw.is_none() => {
                check_signature(below, issuer)?;
                check_authority(issuer, cas_below)?;
                check_alone(issuer, now_unix)?;
                below = issuer;
            }
            _ => return Err(flaw.unwrap_or_else(|| untrusted(below))),
        }
    }
    Err(untrusted(below))
}

fn check_anchor(
    below: &Certificate,
    anchor: &Certificate,
    cas_below: usize,
    now_unix: u64,
) -> Result<(), CertificateError> {
    check_signature(below, anchor)?;
    if !anchor.is_v1() {
        check_authority(anchor, cas_below)?;
    }
    check_alone(anchor, now_unix)
}

fn check_authority(issuer: &Certificate, cas_below: usize) -> Result<(), CertificateError> {
    let subject = issuer.subject_common_name();
    match issuer.path_len() {
        Ok(Some(most)) if cas_below > usize::from(most) => {
            Err(CertificateError::PathLength { subject, most })
        }
        Ok(_) => Ok(()),
        Err(NotCa::Says(why)) => Err(CertificateError::NotCa { subject, why }),
        Err(NotCa::Unread(what)) => Err(CertificateError::Damaged { subject, what }),
    }
}

fn check_signature(below: &Certificate, issuer: &Certificate) -> Result<(), CertificateError> {
    let bad = || CertificateError::BadSignature {
        subject: below.subject_common_name(),
        issuer: below.issuer_common_name(),
    };
    let inner = &below.inner;
    if inner.signature_algorithm() != inner.tbs_certificate().signature() {
        let what = "it names two kinds of signature";
        return Err(CertificateError::Damaged { subject: below.subject_common_name(), what });
    }
    let key = issuer.inner.tbs_certificate().subject_public_key_info();
    let message = below.signed_bytes().ok_or_else(bad)?;
    let signature = inner.signature().as_bytes().ok_or_else(bad)?;
    verify(inner.signature_algorithm(), key, message, signature).map_err(|flaw| match flaw {
        Flaw::Weak(bits) => {
            CertificateError::WeakKey { subject: issuer.subject_common_name(), bits }
        }
        Flaw::Unsupported(what) => {
            CertificateError::Unsupported { subject: below.subject_common_name(), what }
        }
        Flaw::Damaged(what) => {
            CertificateError::Damaged { subject: issuer.subject_common_name(), what }
        }
        Flaw::Wrong => bad(),
    })
}

/// What can be checked without the issuer.
fn check_alone(certificate: &Certificate, now_unix: u64) -> Result<(), CertificateError> {
    let subject = certificate.subject_common_name();
    if now_unix > certificate.not_after() {
        return Err(CertificateError::Expired {
            subject,
            not_after: date(certificate.not_after()),
        });
    }
    if now_unix < certificate.not_before() {
        let not_before = date(certificate.not_before());
        return Err(CertificateError::NotYetValid { subject, not_before });
    }
    if let Some(oid) = certificate.unknown_critical() {
        let extension = extension(oid);
        return Err(CertificateError::CriticalExtension { subject, extension });
    }
    match check_key(certificate.inner.tbs_certificate().subject_public_key_info()) {
        Ok(()) => Ok(()),
        Err(Flaw::Weak(bits)) => Err(CertificateError::WeakKey { subject, bits }),
        Err(Flaw::Unsupported(what)) => Err(CertificateError::Unsupported { subject, what }),
        Err(Flaw::Damaged(what)) => Err(CertificateError::Damaged { subject, what }),
        Err(Flaw::Wrong) => Err(untrusted(certificate)),
    }
}

/// As RFC 5280 and openssl call those that restrict, and its number.
fn extension(oid: ObjectIdentifier) -> String {
    let names = [
        (NameConstraints::OID, "nameConstraints"),
        (CertificatePolicies::OID, "certificatePolicies"),
        (PolicyMappings::OID, "policyMappings"),
        (PolicyConstraints::OID, "policyConstraints"),
        (InhibitAnyPolicy::OID, "inhibitAnyPolicy"),
    ];
    match names.iter().find(|(known, _)| *known == oid) {
        Some((_, name)) => format!("{name} ({oid})"),
        None => oid.to_string(),
    }
}

fn untrusted(certificate: &Certificate) -> CertificateError {
    CertificateError::UntrustedIssuer {
        subject: certificate.subject_common_name(),
        issuer: certificate.issuer_common_name(),
    }
}

fn date(unix: u64) -> String {
    let date = DateTime::from_unix_duration(std::time::Duration::from_secs(unix));
    date.map_or_else(|_| unix.to_string(), |date| date.to_string())
}
