//! Makes certificates: CAs, client certificates, and a CSR turned into a certificate.
use crate::FleetError;
use certificates::Certificate;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData,
};
use time::{Duration, OffsetDateTime};
use zeroize::Zeroizing;

/// AWS user guide, "initialize the cluster": `-days 3652`.
const VALID_DAYS: i64 = 3652;

/// A certificate that can issue others.
pub struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its private key, both PEM.
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// The PKCS#8 private key.
    pub key: Zeroizing<String>,
}

fn failed(error: rcgen::Error) -> FleetError {
    FleetError::Certificate(error.to_string())
}

fn params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    date(&mut params);
    params
}

fn date(params: &mut CertificateParams) {
    // A day back: the clocks of the two sides may differ.
    params.not_before = OffsetDateTime::now_utc() - Duration::DAY;
    params.not_after = params.not_before + Duration::days(VALID_DAYS);
}

fn ca_params(common_name: &str) -> CertificateParams {
    let mut params = params(common_name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// Makes a self-signed CA with a P-256 key.
pub fn make_ca(common_name: &str) -> Result<Authority, FleetError> {
    let key = KeyPair::generate().map_err(failed)?;
    let params = ca_params(common_name);
    let certificate = params.self_signed(&key).map_err(failed)?.pem();
    Ok(Authority { certificate, issuer: Issuer::new(params, key) })
}

/// Turns a CSR into a certificate of `ca`. The CSR's own signature is checked.
pub fn sign_csr(csr_pem: &str, ca: &Authority) -> Result<String, FleetError> {
    let mut request = CertificateSigningRequestParams::from_pem(csr_pem).map_err(failed)?;
    request.params.is_ca = IsCa::NoCa;
    date(&mut request.params);
    Ok(request.signed_by(&ca.issuer).map_err(failed)?.pem())
}

/// Makes a version 3 client certificate with a new P-256 key.
pub fn make_client_certificate(ca: &Authority, common_name: &str) -> Result<Issued, FleetError> {
    let mut params = params(common_name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate().map_err(failed)?;
    let certificate = params.signed_by(&key, &ca.issuer).map_err(failed)?.pem();
    Ok(Issued { certificate, key: Zeroizing::new(key.serialize_pem()) })
}

impl Authority {
    /// Takes a CA from two PEM texts. The key must be the certificate's, and not encrypted.
    pub fn from_pem(certificate: &str, key: &str) -> Result<Self, FleetError> {
        let malformed = |why: String| FleetError::Certificate(why);
        let parsed = Certificate::from_pem(certificate)
            .map_err(|e| malformed(format!("the CA certificate cannot be read: {e}")))?;
        if key.contains("ENCRYPTED") {
            return Err(malformed(
                "the CA key is encrypted: decrypt it first, with \
                 `openssl pkey -in customerCA.key -out plain.key`"
                    .to_owned(),
            ));
        }
        let key = KeyPair::from_pem(key)
            .map_err(|e| malformed(format!("the CA key cannot be read: {e}")))?;
        if key.subject_public_key_info() != parsed.spki_der() {
            return Err(malformed("the CA key is not the key of the CA certificate".to_owned()));
        }
        let der = parsed.der().into();
        let issuer = Issuer::from_ca_cert_der(&der, key).map_err(failed)?;
        Ok(Self { certificate: certificate.to_owned(), issuer })
    }

    /// Its certificate as PEM.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Its private key as PKCS#8 PEM.
    pub fn key(&self) -> Zeroizing<String> {
        Zeroizing::new(self.issuer.key().serialize_pem())
    }
}

/// What a card has from its factory: one key that two roots vouch for.
pub(crate) struct Card {
    pub(crate) key: Zeroizing<String>,
    pub(crate) aws_hardware: String,
    pub(crate) manufacturer_hardware: String,
}

/// Makes a card. The two certificates have the same subject and key, so that what the card
/// issues verifies under both roots.
pub(crate) fn make_card(
    serial: &str,
    aws_root: &Authority,
    manufacturer_root: &Authority,
) -> Result<Card, FleetError> {
    let key = KeyPair::generate().map_err(failed)?;
    let mut params = ca_params(&format!("Simulated HSM card {serial}"));
    params.use_authority_key_identifier_extension = true;
    let sign = |root: &Authority| params.signed_by(&key, &root.issuer).map_err(failed);
    Ok(Card {
        aws_hardware: sign(aws_root)?.pem(),
        manufacturer_hardware: sign(manufacturer_root)?.pem(),
        key: Zeroizing::new(key.serialize_pem()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{SystemTime, UNIX_EPOCH};

    fn now() -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
    }

    fn check(leaf: &str, anchor: &str) -> Result<(), certificates::CertificateError> {
        let leaf = Certificate::from_pem(leaf).unwrap();
        let anchor = Certificate::from_pem(anchor).unwrap();
        certificates::verify_chain(&[leaf], &[anchor], now())
    }

    #[test]
    fn what_a_ca_issues_verifies_under_it_and_no_other() {
        let (ca, other) = (make_ca("customerCA").unwrap(), make_ca("customerCA").unwrap());
        let client = make_client_certificate(&ca, "operator").unwrap();
        check(&client.certificate, ca.certificate()).unwrap();
        assert!(check(&client.certificate, other.certificate()).is_err());
        let leaf = Certificate::from_pem(&client.certificate).unwrap();
        assert_eq!(leaf.subject_common_name(), "operator");
    }

    #[test]
    fn a_ca_comes_back_from_its_files_and_signs_csrs() {
        let made = make_ca("customerCA").unwrap();
        let ca = Authority::from_pem(made.certificate(), &made.key()).unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "HSM:abc:PARTN:2, for FIPS mode");
        let csr = params.serialize_request(&KeyPair::generate().unwrap()).unwrap().pem().unwrap();
        let signed = sign_csr(&csr, &ca).unwrap();
        check(&signed, made.certificate()).unwrap();
        let signed = Certificate::from_pem(&signed).unwrap();
        assert_eq!(signed.subject_common_name(), "HSM:abc:PARTN:2, for FIPS mode");
    }

    #[test]
    fn a_key_of_another_ca_or_an_encrypted_one_is_named() {
        let (ca, other) = (make_ca("a").unwrap(), make_ca("b").unwrap());
        let refused = |key: &str| match Authority::from_pem(ca.certificate(), key) {
            Ok(_) => panic!("accepted"),
            Err(e) => e.to_string(),
        };
        assert!(refused(&other.key()).contains("is not the key of the CA certificate"));
        assert!(refused("-----BEGIN ENCRYPTED PRIVATE KEY-----").contains("is encrypted"));
        assert!(refused("nonsense").contains("cannot be read"));
    }

    #[test]
    fn a_card_is_vouched_for_by_both_roots() {
        let (aws, manufacturer) = (make_ca("AWS").unwrap(), make_ca("Manufacturer").unwrap());
        let card = make_card("abc", &aws, &manufacturer).unwrap();
        check(&card.aws_hardware, aws.certificate()).unwrap();
        check(&card.manufacturer_hardware, manufacturer.certificate()).unwrap();
        let spki = |pem| Certificate::from_pem(pem).unwrap().spki_der().to_vec();
        assert_eq!(spki(&card.aws_hardware), spki(&card.manufacturer_hardware));
    }
}
