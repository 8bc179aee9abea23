//! Certificates that a key store's requests bring, held against those of its cluster.
use crate::error::ApiError;
use crate::model::ErrorKind;
use certificates::Certificate;

/// The trust anchor that was given has to be the cluster's. One that cannot be read is no other's.
pub(super) fn check_trust_anchor(
    given: &str,
    of_cluster: &str,
    cluster_id: &str,
) -> Result<(), ApiError> {
    let refused = |why| Err(ErrorKind::IncorrectTrustAnchorException.with(why));
    if let Err(why) = Certificate::chain_from_pem(given) {
        return refused(format!("TrustAnchorCertificate is no certificate: {why}"));
    }
    if same_certificates(given, of_cluster) {
        return Ok(());
    }
    refused(format!(
        "the certificate is not the trust anchor of {cluster_id}: give the customerCA.crt with \
         which the cluster was initialized"
    ))
}

/// The same certificates, however they are written down.
pub(super) fn same_certificates(one: &str, other: &str) -> bool {
    let read = |pem: &str| Certificate::chain_from_pem(pem).ok();
    match (read(one), read(other)) {
        (Some(one), Some(other)) => {
            one.len() == other.len()
                && one.iter().zip(&other).all(|(one, other)| one.der() == other.der())
        }
        _ => false,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_not_called_another_certificate() {
        let [ours, other] = ["customerCA", "other"].map(|name| fleet::make_ca(name).unwrap());
        let check = |given: &str| check_trust_anchor(given, ours.certificate(), "cluster-a");
        check(&ours.certificate().replace('\n', " \r\n")).unwrap();
        let said = |given: &str| check(given).unwrap_err().message.unwrap();
        assert!(said(other.certificate()).contains("is not the trust anchor of cluster-a"));
        for unreadable in ["none", &ours.certificate().replace("-----END", "----END")] {
            let said = said(unreadable);
            assert!(said.starts_with("TrustAnchorCertificate is no certificate: "), "{said}");
        }
    }
}
