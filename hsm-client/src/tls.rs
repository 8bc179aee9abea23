//! Who this client is and whom it trusts: TLS 1.3, with X.509 of version 1 too.
use certificates::{Certificate, CertificateError, verify_chain};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature_with_raw_key};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime,
};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{AlertDescription, ClientConfig, DigitallySignedStruct, OtherError, SignatureScheme};
use std::fmt;
use std::io;
use std::sync::Arc;

/// How the common name of every HSM's certificate begins, in CloudHSM's CSRs.
const HSM_NAME: &str = "HSM:";

/// Whose certificates an HSM may show. All are PEM texts.
#[derive(Clone, Debug)]
pub enum Trust {
    /// The cluster's trust anchor, customerCA.crt; several certificates may stand in it.
    Cluster {
        /// The anchor.
        anchor_pem: String,
    },
    /// The manufacturer's root: for an HSM that is not initialized.
    Factory {
        /// The root.
        manufacturer_root_pem: String,
    },
    /// Either: while a cluster is being initialized.
    ClusterOrFactory {
        /// The cluster's anchor.
        anchor_pem: String,
        /// The manufacturer's root.
        manufacturer_root_pem: String,
    },
}

impl Trust {
    fn anchors(&self) -> Result<Vec<Certificate>, CertificateError> {
        let mut anchors = Vec::new();
        if let Self::Cluster { anchor_pem } | Self::ClusterOrFactory { anchor_pem, .. } = self {
            anchors.extend(Certificate::chain_from_pem(anchor_pem)?);
        }
        if let Self::Factory { manufacturer_root_pem }
        | Self::ClusterOrFactory { manufacturer_root_pem, .. } = self
        {
            anchors.extend(Certificate::chain_from_pem(manufacturer_root_pem)?);
        }
        Ok(anchors)
    }
}

/// Why no identity can be made of these texts.
#[derive(Clone, Debug)]
pub enum TlsError {
    /// A trust anchor cannot be read.
    Anchor(CertificateError),
    /// The client's certificate cannot be read.
    Certificate(CertificateError),
    /// The client's key cannot be read.
    Key(String),
    /// The key is not the certificate's.
    KeyMismatch,
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anchor(why) => write!(f, "the trust anchor cannot be used: {why}"),
            Self::Certificate(why) => write!(f, "the client certificate cannot be used: {why}"),
            Self::Key(why) => write!(f, "the client key cannot be used: {why}"),
            Self::KeyMismatch => f.write_str(
                "the client key does not belong to the client certificate: give the two that were \
                 made together",
            ),
        }
    }
}

impl std::error::Error for TlsError {}

/// What a client shows to HSMs and what it accepts from them. Cheap to clone.
#[derive(Clone)]
pub struct TlsIdentity {
    config: Arc<ClientConfig>,
    names: Arc<Names>,
}

/// What messages call the parts of an identity: files, where it came from files.
struct Names {
    anchor: String,
    certificate: String,
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsIdentity")
    }
}

impl TlsIdentity {
    /// An identity of PEM texts: whom to trust, our certificate (with its issuers behind it, if it
    /// has some between it and the CA), and its key in PKCS#8, PKCS#1 or SEC1, not encrypted.
    pub fn new(trust: Trust, cert_pem: &str, key_pem: &str) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let anchors = trust.anchors().map_err(TlsError::Anchor)?;
        let chain = Certificate::chain_from_pem(cert_pem).map_err(TlsError::Certificate)?;
        let own = certified_key(&provider, &chain, key_pem)?;
        let verifier = Arc::new(HsmVerifier { anchors, provider: provider.clone() });
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(|why| TlsError::Key(why.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(own)));
        config.enable_sni = false;
        // Every connection shows its certificate anew: an expired one is not carried on by a
        // ticket.
        config.resumption = Resumption::disabled();
        let names = Names {
            anchor: "the trust anchor (customerCA.crt)".into(),
            certificate: "the client certificate".into(),
        };
        Ok(Self { config: Arc::new(config), names: Arc::new(names) })
    }

    /// Makes messages name the files that the identity was read from.
    pub fn named(self, anchor: impl Into<String>, certificate: impl Into<String>) -> Self {
        let names = Names { anchor: anchor.into(), certificate: certificate.into() };
        Self { names: Arc::new(names), ..self }
    }

    pub(crate) fn config(&self) -> Arc<ClientConfig> {
        self.config.clone()
    }

    /// What went wrong in TLS, told by what it means to the person; `None` where TLS is not the
    /// cause.
    pub(crate) fn explain(&self, error: &io::Error) -> Option<Refused> {
        match error.get_ref()?.downcast_ref::<rustls::Error>()? {
            rustls::Error::InvalidCertificate(why) => Some(Refused::Server(self.server(why))),
            rustls::Error::NoCertificatesPresented => {
                Some(Refused::Server("it shows none: this is no HSM, check host and port".into()))
            }
            rustls::Error::AlertReceived(alert) => by_alert(&self.names.certificate, *alert),
            why => Some(Refused::NotTls(why.to_string())),
        }
    }

    fn server(&self, why: &rustls::CertificateError) -> String {
        let rustls::CertificateError::Other(OtherError(ours)) = why else {
            return format!("{why}. This client trusts what is in {}", self.names.anchor);
        };
        match ours.downcast_ref::<CertificateError>() {
            Some(
                CertificateError::UntrustedIssuer { .. } | CertificateError::BadSignature { .. },
            ) => {
                format!("{ours}. This client trusts what is in {}", self.names.anchor)
            }
            _ => ours.to_string(),
        }
    }
}

/// In TLS 1.3 a client learns by an alert, at its first read, what the server thinks of its
/// certificate, which messages call `mine`.
fn by_alert(mine: &str, alert: AlertDescription) -> Option<Refused> {
    let renew = "`cluster-ctl client-cert` makes one under the cluster's CA";
    Some(Refused::Client(match alert {
        AlertDescription::CertificateRequired | AlertDescription::NoCertificate => {
            format!("it asks for a client certificate, and none was shown: {renew}")
        }
        AlertDescription::UnknownCA => format!(
            "{mine} was not issued by the CA of this cluster, whose certificate is customerCA.crt: \
             {renew}"
        ),
        AlertDescription::CertificateExpired => {
            format!("{mine} has expired, or is not valid yet: {renew}; check the clock too")
        }
        AlertDescription::BadCertificate
        | AlertDescription::UnsupportedCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::CertificateRevoked
        | AlertDescription::DecryptError
        | AlertDescription::AccessDenied => {
            format!("{mine} does not pass its checks ({alert:?}): {renew}")
        }
        AlertDescription::CloseNotify
        | AlertDescription::UserCanceled
        | AlertDescription::InternalError => return None,
        other => return Some(Refused::NotTls(format!("it answered {other:?}"))),
    }))
}

/// Whom TLS refused, and why.
pub(crate) enum Refused {
    Server(String),
    Client(String),
    NotTls(String),
}

fn certified_key(
    provider: &CryptoProvider,
    chain: &[Certificate],
    key_pem: &str,
) -> Result<CertifiedKey, TlsError> {
    let unreadable = |why: &str| {
        TlsError::Key(if key_pem.contains("ENCRYPTED") {
            "it is encrypted: give it without a pass phrase (openssl pkey -in KEY -out PLAIN)"
                .into()
        } else {
            format!("{why}: give a PEM file with -----BEGIN PRIVATE KEY-----")
        })
    };
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes())
        .map_err(|_| unreadable("it is not a PEM text with a private key"))?;
    let key = provider.key_provider.load_private_key(key);
    let key = key.map_err(|_| unreadable("its kind is not known"))?;
    let ours = chain.first().ok_or(TlsError::Certificate(CertificateError::Empty))?;
    if key.public_key().is_some_and(|public| public.as_ref() != ours.spki_der()) {
        return Err(TlsError::KeyMismatch);
    }
    let chain = chain.iter().map(|certificate| certificate.der().to_vec().into()).collect();
    Ok(CertifiedKey::new(chain, key))
}

/// Checks an HSM's certificate chain with `certificates`, which knows version 1.
struct HsmVerifier {
    anchors: Vec<Certificate>,
    provider: Arc<CryptoProvider>,
}

impl fmt::Debug for HsmVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HsmVerifier")
    }
}

/// A certificate of the right CA that is not an HSM's: a client's, for example, posing as one.
#[derive(Debug)]
struct NotAnHsm(String);

impl fmt::Display for NotAnHsm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "it is made out to \"{}\" and not to an HSM (\"{HSM_NAME}…\"): sign the cluster's \
             CSR as \
             it is, and check that this is the address of an HSM",
            self.0
        )
    }
}

impl std::error::Error for NotAnHsm {}

fn other(why: impl std::error::Error + Send + Sync + 'static) -> rustls::Error {
    rustls::CertificateError::Other(OtherError(Arc::new(why))).into()
}

impl ServerCertVerifier for HsmVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let chain: Vec<Certificate> = std::iter::once(end_entity)
            .chain(intermediates)
            .take(certificates::CHAIN_MAX + 1)
            .map(|der| Certificate::from_der(der))
            .collect::<Result<_, _>>()
            .map_err(other)?;
        verify_chain(&chain, &self.anchors, now.as_secs()).map_err(other)?;
        // Addresses are not in CloudHSM's certificates; the name is what tells an HSM from a
        // client.
        let name = chain.first().map(Certificate::subject_common_name).unwrap_or_default();
        if !name.starts_with(HSM_NAME) {
            return Err(other(NotAnHsm(name)));
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("only TLS 1.3 is spoken here".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let certificate = Certificate::from_der(cert).map_err(other)?;
        let key = SubjectPublicKeyInfoDer::from(certificate.spki_der());
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature_with_raw_key(message, &key, dss, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_told_by_what_is_to_be_done() {
        use AlertDescription as A;
        for (alert, words) in [
            (A::CertificateRequired, "asks for a client certificate, and none was shown"),
            (A::UnknownCA, "client.crt was not issued by the CA of this cluster"),
            (A::CertificateExpired, "client.crt has expired"),
            (A::BadCertificate, "client.crt does not pass its checks (BadCertificate)"),
        ] {
            let Some(Refused::Client(why)) = by_alert("client.crt", alert) else {
                panic!("{alert:?} is about the client's certificate");
            };
            assert!(why.contains(words) && why.contains("`cluster-ctl client-cert`"), "{why}");
        }
        assert!(matches!(by_alert("c", A::ProtocolVersion), Some(Refused::NotTls(_))));
        assert!(by_alert("c", A::CloseNotify).is_none());
    }
}
