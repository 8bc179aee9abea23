//! One certificate, read once, with what is asked of it.
use crate::{CertificateError, pem};
use x509_cert::Version;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::oid::AssociatedOid;
use x509_cert::der::{Decode, Encode, Reader, SliceReader};
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAltName};
use x509_cert::name::Name;
use x509_cert::time::Time;

/// What openssl calls a certificate in a PEM file.
const LABELS: &[&str] = &["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"];

/// An X.509 certificate of version 1 or 3.
#[derive(Clone)]
pub struct Certificate {
    pub(crate) der: Vec<u8>,
    pub(crate) inner: x509_cert::Certificate,
    spki: Vec<u8>,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Certificate({:?})", self.subject_common_name())
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl Certificate {
    /// Reads a certificate's DER, and nothing behind it.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let malformed = |_| CertificateError::Malformed("not an X.509 certificate".into());
        let inner = x509_cert::Certificate::from_der(der).map_err(malformed)?;
        let spki = inner.tbs_certificate().subject_public_key_info().to_der().map_err(malformed)?;
        Ok(Self { der: der.to_vec(), inner, spki })
    }

    /// The first certificate of a PEM text.
    pub fn from_pem(text: &str) -> Result<Self, CertificateError> {
        Self::chain_from_pem(text)?.into_iter().next().ok_or(CertificateError::Empty)
    }

    /// All certificates of a PEM text, in its order; one at least.
    pub fn chain_from_pem(text: &str) -> Result<Vec<Self>, CertificateError> {
        let blocks = pem::blocks(text, LABELS)?;
        // As openssl does, what stands behind the certificate is passed over: in a TRUSTED
        // CERTIFICATE, what it is trusted for.
        let alone = |der| element(der).unwrap_or(der);
        blocks.iter().map(|der| Self::from_der(alone(der))).collect()
    }

    /// The bytes, as they came.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The subject's CN; empty where there is none.
    pub fn subject_common_name(&self) -> String {
        common_name(self.inner.tbs_certificate().subject())
    }

    /// The issuer's CN; empty where there is none.
    pub fn issuer_common_name(&self) -> String {
        common_name(self.inner.tbs_certificate().issuer())
    }

    /// The public key with its algorithm, as DER.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The first second in which it is valid, in Unix time.
    pub fn not_before(&self) -> u64 {
        unix(self.inner.tbs_certificate().validity().not_before)
    }

    /// The last second in which it is valid, in Unix time.
    pub fn not_after(&self) -> u64 {
        unix(self.inner.tbs_certificate().validity().not_after)
    }

    /// Whether issuer and subject are the same.
    pub fn is_self_issued(&self) -> bool {
        let tbs = self.inner.tbs_certificate();
        tbs.issuer() == tbs.subject()
    }

    /// Whether it says by its extensions that it is a CA's. Version 1 cannot say so.
    pub fn is_ca(&self) -> bool {
        self.path_len().is_ok()
    }

    /// Whether it is of version 1, which has no extensions.
    pub fn is_v1(&self) -> bool {
        self.inner.tbs_certificate().version() == Version::V1
    }

    /// Whether this certificate's issuer bears the name of `other`.
    pub(crate) fn names_as_issuer(&self, other: &Self) -> bool {
        self.inner.tbs_certificate().issuer() == other.inner.tbs_certificate().subject()
    }

    /// How many CAs may stand between this CA and a leaf. The error says why it is no CA.
    pub(crate) fn path_len(&self) -> Result<Option<u8>, NotCa> {
        let tbs = self.inner.tbs_certificate();
        let constraints = tbs
            .get_extension::<BasicConstraints>()
            .map_err(|_| NotCa::Unread("its basic constraints cannot be read"))?;
        let usage = tbs.get_extension::<KeyUsage>();
        let usage = usage.map_err(|_| NotCa::Unread("its key usage cannot be read"))?;
        if usage.is_some_and(|(_, usage)| !usage.key_cert_sign()) {
            return Err(NotCa::Says("its key usage lacks keyCertSign"));
        }
        match constraints {
            Some((_, BasicConstraints { ca: true, path_len_constraint })) => {
                Ok(path_len_constraint)
            }
            Some(_) => Err(NotCa::Says("basic constraints CA:FALSE")),
            None => Err(NotCa::Says("it has no basic constraints CA:TRUE")),
        }
    }

    /// A critical extension that is not understood here, if there is one.
    pub(crate) fn unknown_critical(&self) -> Option<ObjectIdentifier> {
        const KNOWN: [ObjectIdentifier; 4] =
            [BasicConstraints::OID, KeyUsage::OID, ExtendedKeyUsage::OID, SubjectAltName::OID];
        let extensions = self.inner.tbs_certificate().extensions()?;
        extensions.iter().find(|e| e.critical && !KNOWN.contains(&e.extn_id)).map(|e| e.extn_id)
    }

    /// The bytes that the issuer signed.
    pub(crate) fn signed_bytes(&self) -> Option<&[u8]> {
        first_element(&self.der)
    }
}

/// Why a certificate is none of a CA.
pub(crate) enum NotCa {
    /// It says so.
    Says(&'static str),
    /// What it says cannot be read.
    Unread(&'static str),
}

/// The DER element that stands at the beginning of these bytes, with its header.
fn element(bytes: &[u8]) -> Option<&[u8]> {
    SliceReader::new(bytes).ok()?.tlv_bytes().ok()
}

/// The first element of a DER sequence, with its header, as it stands in the bytes.
pub(crate) fn first_element(der: &[u8]) -> Option<&[u8]> {
    let outer = x509_cert::der::asn1::AnyRef::from_der(der).ok()?;
    element(outer.value())
}

pub(crate) fn common_name(name: &Name) -> String {
    name.common_name().ok().flatten().map(|cn| cn.value().into_owned()).unwrap_or_default()
}

fn unix(time: Time) -> u64 {
    time.to_unix_duration().as_secs()
}
