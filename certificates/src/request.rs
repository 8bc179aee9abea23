//! Certificate signing requests, PKCS#10: what a cluster asks its customer to sign.
use crate::certificate::{common_name, first_element};
use crate::signature::{Flaw, verify};
use crate::{CertificateError, pem};
use x509_cert::der::{Decode, Encode};
use x509_cert::request::CertReq;

/// A signing request. One that could be read was signed by its own key.
#[derive(Clone)]
pub struct SigningRequest {
    inner: CertReq,
    spki: Vec<u8>,
}

impl std::fmt::Debug for SigningRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningRequest({:?})", self.subject_common_name())
    }
}

impl SigningRequest {
    /// Reads the first request of a PEM text and checks its signature by its own key.
    pub fn from_pem(text: &str) -> Result<Self, CertificateError> {
        let blocks = pem::blocks(text, &["CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"])?;
        Self::from_der(blocks.first().map_or(&[], Vec::as_slice))
    }

    /// Reads a request's DER and checks its signature by its own key.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        let malformed = |_| CertificateError::Malformed("not a certificate signing request".into());
        let inner = CertReq::from_der(der).map_err(malformed)?;
        let spki = inner.info.public_key.to_der().map_err(malformed)?;
        let request = Self { inner, spki };
        request.check(der)?;
        Ok(request)
    }

    fn check(&self, der: &[u8]) -> Result<(), CertificateError> {
        let subject = self.subject_common_name();
        let message = first_element(der).unwrap_or_default();
        let signature = self.inner.signature.as_bytes().unwrap_or_default();
        verify(&self.inner.algorithm, &self.inner.info.public_key, message, signature).map_err(
            |flaw| match flaw {
                Flaw::Damaged(what) => CertificateError::Damaged { subject, what },
                Flaw::Weak(bits) => CertificateError::WeakKey { subject, bits },
                Flaw::Unsupported(what) => CertificateError::Unsupported { subject, what },
                Flaw::Wrong => {
                    let what = "it is a signing request, and its own key has not signed it so";
                    CertificateError::Damaged { subject, what }
                }
            },
        )
    }

    /// The subject's CN; empty where there is none.
    pub fn subject_common_name(&self) -> String {
        common_name(&self.inner.info.subject)
    }

    /// The public key with its algorithm, as DER.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }
}
