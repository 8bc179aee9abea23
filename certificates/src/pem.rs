//! Cutting PEM files, with whatever stands between their blocks, into DER.
use crate::CertificateError;
use x509_cert::der::pem::decode_vec;

/// The DER of every block that has one of `labels`. At least one.
pub(crate) fn blocks(text: &str, labels: &[&str]) -> Result<Vec<Vec<u8>>, CertificateError> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("-----BEGIN ") {
        rest = &rest[start..];
        let end = rest
            .find("-----END ")
            .and_then(|end| Some(end + 9 + rest[end + 9..].find("-----")? + 5))
            .ok_or_else(|| malformed(labels, "a block has no END line"))?;
        let (block, behind) = rest.split_at(end);
        if labels.iter().any(|label| block[11..].starts_with(&format!("{label}-----"))) {
            let (_, der) = decode_vec(block.as_bytes())
                .map_err(|_| malformed(labels, "a block is not clean base64"))?;
            found.push(der);
        }
        rest = behind;
    }
    if found.is_empty() {
        return Err(malformed(labels, "there is no such block"));
    }
    Ok(found)
}

fn malformed(labels: &[&str], why: &str) -> CertificateError {
    let label = labels.first().copied().unwrap_or_default();
    CertificateError::Malformed(format!(
        "not a PEM text with -----BEGIN {label}-----: {why}; give the whole file as openssl \
         wrote it"
    ))
}
