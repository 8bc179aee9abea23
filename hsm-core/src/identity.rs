//! What the HSM shows to the other end of a connection.
use crate::record::{NodeRecord, Veiled};
use certificates::Certificate;
use proto::NodeState;
use zeroize::Zeroizing;

/// What a new HSM brings from the factory; certificates are PEM texts.
pub struct Factory {
    /// The HSM's own key, PKCS#8 DER.
    pub identity_key: Zeroizing<Vec<u8>>,
    /// The request that the customer signs.
    pub cluster_csr: String,
    /// The same key, vouched for by the card.
    pub hsm_certificate: String,
    /// AWS vouches for the card.
    pub aws_hardware_certificate: String,
    /// The manufacturer vouches for the card.
    pub manufacturer_hardware_certificate: String,
}

impl Factory {
    pub(crate) fn into_record(self, hsm_id: String) -> NodeRecord {
        NodeRecord {
            state: NodeState::Uninitialized,
            hsm_id,
            identity_key: Veiled(self.identity_key),
            cluster_csr: Some(self.cluster_csr),
            hsm_certificate: Some(self.hsm_certificate),
            aws_hardware: Some(self.aws_hardware_certificate),
            manufacturer_hardware: Some(self.manufacturer_hardware_certificate),
            cluster_certificate: None,
            trust_anchor: None,
            masking_key: None,
            members: Vec::new(),
        }
    }
}

/// What a node serves in TLS, and whom it trusts. Replaced as a whole when the HSM is initialized
/// or restored; a holder compares the `Arc`s to learn that.
pub struct Identity {
    /// How far the HSM has come.
    pub state: NodeState,
    /// The certificates to serve, DER, the HSM's own first.
    pub chain: Vec<Vec<u8>>,
    /// The key of the first, PKCS#8 DER.
    pub key: Zeroizing<Vec<u8>>,
    /// The customer's CA, PEM: once initialized.
    pub trust_anchor: Option<String>,
}

impl Identity {
    pub(crate) fn of(record: &NodeRecord) -> Self {
        let served = record.cluster_certificate.iter().chain(&record.hsm_certificate).next();
        let mut chain: Vec<Vec<u8>> = served
            .and_then(|pem| Certificate::chain_from_pem(pem).ok())
            .unwrap_or_default()
            .iter()
            .map(|c| c.der().to_vec())
            .collect();
        if record.cluster_certificate.is_none() {
            // The card's certificate goes along, so that a client can check up to the manufacturer.
            let card = record.manufacturer_hardware.iter();
            let card = card.filter_map(|pem| Certificate::from_pem(pem).ok());
            chain.extend(card.map(|c| c.der().to_vec()));
        }
        Self {
            state: record.state,
            chain,
            key: record.identity_key.0.clone(),
            trust_anchor: record.trust_anchor.clone(),
        }
    }
}
