//! The handshake: which certificate this HSM shows, and whose certificates it accepts.
use certificates::{Certificate, CertificateError, verify_chain};
use hsm_core::{Hsm, Identity, Peer};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer, UnixTime,
};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme, version};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use tracing::error;

/// Decides at each handshake by the identity that the HSM has at that moment.
pub(crate) struct Gate {
    hsm: Arc<Hsm>,
    service: Vec<Certificate>,
    provider: Arc<CryptoProvider>,
    current: Mutex<Option<Arc<Shown>>>,
}

/// An identity of the HSM, parsed.
struct Shown {
    identity: Arc<Identity>,
    certified: Option<Arc<CertifiedKey>>,
    anchor: Vec<Certificate>,
}

impl Gate {
    /// `service`: the CA of the installation's own clients.
    pub(crate) fn new(hsm: Arc<Hsm>, service: Vec<Certificate>) -> Arc<Self> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        Arc::new(Self { hsm, service, provider, current: Mutex::default() })
    }

    /// TLS 1.3 only, a client certificate in each handshake: no resumption, which would skip it.
    pub(crate) fn config(self: &Arc<Self>) -> Result<ServerConfig, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&version::TLS13])?
            .with_client_cert_verifier(Arc::clone(self) as Arc<dyn ClientCertVerifier>)
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    /// Whose certificate this is.
    pub(crate) fn classify(
        &self,
        chain: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<Peer, CertificateError> {
        let chain: Vec<Certificate> =
            chain.iter().map(|der| Certificate::from_der(der)).collect::<Result<_, _>>()?;
        let service = match verify_chain(&chain, &self.service, now.as_secs()) {
            Ok(()) => return Ok(Peer::Appliance),
            Err(why) => why,
        };
        match verify_chain(&chain, &self.shown().anchor, now.as_secs()) {
            Ok(()) => Ok(Peer::Client),
            // It is of the service CA, and something else is wrong with it.
            Err(CertificateError::UntrustedIssuer { .. }) => Err(service),
            Err(why) => Err(why),
        }
    }

    fn shown(&self) -> Arc<Shown> {
        let identity = self.hsm.identity();
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        match &*current {
            Some(shown) if Arc::ptr_eq(&shown.identity, &identity) => Arc::clone(shown),
            _ => {
                let shown = Arc::new(self.parse(identity));
                *current = Some(Arc::clone(&shown));
                shown
            }
        }
    }

    fn parse(&self, identity: Arc<Identity>) -> Shown {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(identity.key.to_vec()));
        let chain = identity.chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
        // Not `CertifiedKey::from_der`: it reads version 3 certificates only.
        let certified = match aws_lc_rs::sign::any_supported_type(&key) {
            Ok(key) => Some(Arc::new(CertifiedKey::new(chain, key))),
            Err(cause) => {
                error!("the HSM's identity key cannot be used: {cause}");
                None
            }
        };
        let anchor = identity.trust_anchor.as_deref().map(Certificate::chain_from_pem);
        let anchor = anchor.transpose().unwrap_or_else(|cause| {
            error!("the trust anchor cannot be read: {cause}");
            None
        });
        Shown { identity, certified, anchor: anchor.unwrap_or_default() }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}

impl ResolvesServerCert for Gate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.shown().certified.clone()
    }
}

impl ClientCertVerifier for Gate {
    /// No hints: clients have one certificate.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let mut chain = vec![end_entity.clone()];
        chain.extend_from_slice(intermediates);
        self.classify(&chain, now).map_err(alert)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2 is not offered".into()))
    }

    /// With the bare key: rustls's own check of a whole certificate refuses version 1.
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let cert = Certificate::from_der(cert).map_err(alert)?;
        verify_tls13_signature_with_raw_key(
            message,
            &SubjectPublicKeyInfoDer::from(cert.spki_der()),
            signature,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The error whose TLS alert says the same.
fn alert(why: CertificateError) -> rustls::Error {
    use rustls::CertificateError as Alert;
    rustls::Error::InvalidCertificate(match why {
        CertificateError::Expired { .. } => Alert::Expired,
        CertificateError::NotYetValid { .. } => Alert::NotValidYet,
        // A CA of the same name that is another: the signature tells.
        CertificateError::UntrustedIssuer { .. } | CertificateError::BadSignature { .. } => {
            Alert::UnknownIssuer
        }
        CertificateError::Malformed(_)
        | CertificateError::Damaged { .. }
        | CertificateError::Empty => Alert::BadEncoding,
        CertificateError::WeakKey { .. }
        | CertificateError::NotCa { .. }
        | CertificateError::PathLength { .. }
        | CertificateError::CriticalExtension { .. }
        | CertificateError::Unsupported { .. }
        | CertificateError::TooLong => Alert::ApplicationVerificationFailure,
    })
}
