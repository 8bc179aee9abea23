//! Whether a customer has signed a cluster's request: what InitializeCluster asks for.
use crate::{Certificate, CertificateError, SigningRequest, verify_chain};
use std::slice;

/// User guide, initialize the cluster: bytes of a chain file.
const ANCHOR_MAX: usize = 16 * 1024;

/// Checks that `signed` carries the key of `csr` and chains to `anchor` at `now_unix` seconds (user
/// guide, "Initialize the cluster"); all are PEM texts. The anchor is one certificate, or a chain
/// whose last is the root, self-signed. The error is a sentence that names what does not fit.
pub fn check_signed(csr: &str, signed: &str, anchor: &str, now_unix: u64) -> Result<(), String> {
    if anchor.len() > ANCHOR_MAX {
        return Err(format!(
            "the trust anchor: it has {} bytes, and may have {ANCHOR_MAX}",
            anchor.len()
        ));
    }
    let leaf = Certificate::from_pem(signed).map_err(|e| format!("the signed certificate: {e}"))?;
    let mut anchors =
        Certificate::chain_from_pem(anchor).map_err(|e| format!("the trust anchor: {e}"))?;
    let csr = SigningRequest::from_pem(csr).map_err(|e| format!("the cluster's CSR: {e}"))?;
    if leaf.spki_der() != csr.spki_der() {
        return Err(
            "the signed certificate: it does not carry the key of this cluster's CSR".to_owned()
        );
    }
    let root = anchors.pop().ok_or("the trust anchor: there is none")?;
    let alone = slice::from_ref(&root);
    verify_chain(alone, alone, now_unix).map_err(|e| match e {
        CertificateError::UntrustedIssuer { subject, issuer } => format!(
            "the trust anchor: its last certificate must be a self-signed root, and \"{subject}\" \
             was issued by \"{issuer}\": put the certificate of \"{issuer}\" behind it"
        ),
        e => format!("the trust anchor: its last certificate must be a self-signed root: {e}"),
    })?;
    let chain: Vec<Certificate> = std::iter::once(leaf).chain(anchors).collect();
    verify_chain(&chain, &[root], now_unix).map_err(|e| match e {
        CertificateError::UntrustedIssuer { subject, issuer }
        | CertificateError::BadSignature { subject, issuer } => format!(
            "the signed certificate: \"{subject}\" was not issued by a certificate of the trust \
             anchor, which must have that of \"{issuer}\" whose key signed it: give the \
             certificate of the CA that you signed with, and those above it"
        ),
        e => format!("the signed certificate: {e}"),
    })
}
