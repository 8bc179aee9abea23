//! Checking a chain from a leaf up to a certificate that is trusted.
use crate::signature::{Flaw, check_key, verify};
use crate::{Certificate, CertificateError};
use x509_cert::der::DateTime;

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
    let not_ca = |why| CertificateError::NotCa { subject: issuer.subject_common_name(), why };
    match issuer.path_len().map_err(not_ca)? {
        Some(most) if cas_below > usize::from(most) => {
            Err(not_ca("its basic constraints allow fewer CAs below it"))
        }
        _ => Ok(()),
    }
}

fn check_signature(below: &Certificate, issuer: &Certificate) -> Result<(), CertificateError> {
    let bad = || CertificateError::BadSignature {
        subject: below.subject_common_name(),
        issuer: below.issuer_common_name(),
    };
    let inner = &below.inner;
    if inner.signature_algorithm() != inner.tbs_certificate().signature() {
        return Err(bad());
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
        let what = format!("a critical extension {oid} that is not supported");
        return Err(CertificateError::Unsupported { subject, what });
    }
    match check_key(certificate.inner.tbs_certificate().subject_public_key_info()) {
        Ok(()) => Ok(()),
        Err(Flaw::Weak(bits)) => Err(CertificateError::WeakKey { subject, bits }),
        Err(Flaw::Unsupported(what)) => Err(CertificateError::Unsupported { subject, what }),
        Err(Flaw::Wrong) => Err(untrusted(certificate)),
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
