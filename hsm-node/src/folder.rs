//! A node's folder: who it is, its keys and certificates, and what it makes at its first start.
use crate::error::NodeError;
use certificates::Certificate;
use data_encoding::HEXLOWER_PERMISSIVE as HEX;
use hsm_core::{Factory, HsmType};
use rcgen::{
    CertificateParams, DistinguishedName, DnType, DnValue, Issuer, KeyPair, PKCS_RSA_SHA256,
    RsaKeySize, date_time_ymd, string::PrintableString,
};
use serde::Deserialize;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The mark of an HSM whose records are in its store.
const USED: &str = "used";

/// node.json.
#[derive(Debug, Deserialize)]
pub(crate) struct Card {
    pub(crate) hsm_id: String,
    pub(crate) cluster_id: String,
    pub(crate) node: u16,
    pub(crate) zone: String,
    pub(crate) hsm_type: String,
}

/// An open folder. While it lives, no other node can open it.
pub(crate) struct Folder {
    path: PathBuf,
    pub(crate) card: Card,
    pub(crate) hsm_type: HsmType,
    _lock: File,
}

/// A node's own service certificate, with which it calls its peers; PEM.
pub(crate) struct PeerIdentity {
    pub(crate) certificate: String,
    pub(crate) key: Zeroizing<String>,
}

impl Folder {
    pub(crate) fn open(path: &Path) -> Result<Self, NodeError> {
        let node_json = path.join("node.json");
        let text = fs::read_to_string(&node_json).map_err(NodeError::file(&node_json))?;
        let card: Card =
            serde_json::from_str(&text).map_err(|e| NodeError::content(&node_json, e))?;
        let hsm_type = HsmType::named(&card.hsm_type).ok_or_else(|| {
            NodeError::content(&node_json, format_args!("no HSM type is named {}", card.hsm_type))
        })?;
        let lock = path.join("lock");
        let file = OpenOptions::new().create(true).append(true).open(&lock);
        let file = file.map_err(NodeError::file(&lock))?;
        file.try_lock().map_err(|cause| match cause {
            TryLockError::WouldBlock => NodeError::Locked { path: path.to_owned() },
            TryLockError::Error(cause) => NodeError::File { path: lock, cause },
        })?;
        Ok(Self { path: path.to_owned(), card, hsm_type, _lock: file })
    }

    /// Where the records are.
    pub(crate) fn store(&self) -> PathBuf {
        self.path.join("store")
    }

    /// Whether an HSM has started from its records here: they are not to be missing any more.
    pub(crate) fn is_used(&self) -> bool {
        self.path.join(USED).exists()
    }

    /// From now on the HSM is never made anew here.
    pub(crate) fn set_used(&self) -> Result<(), NodeError> {
        if self.is_used() {
            return Ok(());
        }
        write_secret(&self.path, USED, b"").map_err(NodeError::file(&self.path.join(USED)))
    }

    fn read(&self, name: &str) -> Result<Zeroizing<String>, NodeError> {
        let path = self.path.join(name);
        fs::read_to_string(&path).map(Zeroizing::new).map_err(NodeError::file(&path))
    }

    fn read_key(&self, name: &str) -> Result<Zeroizing<[u8; 32]>, NodeError> {
        let text = self.read(name)?;
        let bytes = HEX.decode(text.trim().as_bytes()).map(Zeroizing::new);
        let key = bytes.ok().and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
        let wrong = || NodeError::content(&self.path.join(name), "not 32 bytes in hexadecimal");
        key.map(Zeroizing::new).ok_or_else(wrong)
    }

    /// The installation's key, under which backups are sealed.
    pub(crate) fn backup_key(&self) -> Result<Zeroizing<[u8; 32]>, NodeError> {
        self.read_key("backup.key")
    }

    /// Under which this node's records are sealed: made if nothing is sealed under it yet.
    pub(crate) fn master_key(&self, fresh: bool) -> Result<Zeroizing<[u8; 32]>, NodeError> {
        let path = self.path.join("master.key");
        if fresh && !path.exists() {
            let mut key = Zeroizing::new([0; 32]);
            aws_lc_rs::rand::fill(&mut *key)
                .map_err(|_| NodeError::Certificate("no randomness".into()))?;
            let text = Zeroizing::new(HEX.encode(&*key) + "\n");
            write_secret(&self.path, "master.key", text.as_bytes())
                .map_err(NodeError::file(&path))?;
        }
        self.read_key("master.key")
    }

    /// The CA of the installation's own clients: KMS, the control plane, the peers.
    pub(crate) fn service_ca(&self) -> Result<Vec<Certificate>, NodeError> {
        let text = self.read("service-ca.crt")?;
        Certificate::chain_from_pem(&text)
            .map_err(|e| NodeError::content(&self.path.join("service-ca.crt"), e))
    }

    /// With what this node calls its peers.
    pub(crate) fn peer_identity(&self) -> Result<PeerIdentity, NodeError> {
        Ok(PeerIdentity {
            certificate: self.read("peer.crt")?.to_string(),
            key: self.read("peer.key")?,
        })
    }

    /// Makes the HSM's own key, its request and the card's word for it, as a new HSM has them.
    pub(crate) fn manufacture(&self) -> Result<Factory, NodeError> {
        let manufacturer = self.read("manufacturer-hardware.crt")?;
        let aws = self.read("aws-hardware.crt")?;
        let card = self.read("card.key")?;
        let made = make_identity(&self.card, &manufacturer, &card);
        let (identity_key, cluster_csr, hsm_certificate) = made.map_err(|cause| {
            let dir = self.path.display();
            NodeError::Certificate(format!("{dir}: the HSM's identity cannot be made: {cause}"))
        })?;
        Ok(Factory {
            identity_key,
            cluster_csr,
            hsm_certificate,
            aws_hardware_certificate: aws.to_string(),
            manufacturer_hardware_certificate: manufacturer.to_string(),
        })
    }
}

/// Key (PKCS#8), CSR and HSM certificate, with the names that CloudHSM's have.
fn make_identity(
    card: &Card,
    manufacturer: &str,
    card_key: &str,
) -> Result<(Zeroizing<Vec<u8>>, String, String), rcgen::Error> {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048)?;
    let id = card.hsm_id.strip_prefix("hsm-").unwrap_or(&card.hsm_id);
    let partition = u32::from(card.node) + 1;
    let mut name = DistinguishedName::new();
    name.push(DnType::CountryName, DnValue::PrintableString(PrintableString::try_from("US")?));
    name.push(DnType::StateOrProvinceName, "CA");
    name.push(DnType::OrganizationName, "Cavium");
    name.push(DnType::OrganizationalUnitName, "N3FIPS");
    name.push(DnType::LocalityName, "SanJose");
    name.push(DnType::CommonName, format!("HSM:{id}:PARTN:{partition}, for FIPS mode"));
    let mut params = CertificateParams::default();
    params.distinguished_name = name;
    // The card has no clock: a span that no test runs out of.
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    let csr = params.serialize_request(&key)?.pem()?;
    let issuer = Issuer::from_ca_cert_pem(manufacturer, KeyPair::from_pem(card_key)?)?;
    let certificate = params.signed_by(&key, &issuer)?.pem();
    Ok((Zeroizing::new(key.serialize_der()), csr, certificate))
}

/// Writes a file that only its owner may read, whole or not at all, also if the power fails.
pub(crate) fn write_secret(folder: &Path, name: &str, content: &[u8]) -> std::io::Result<()> {
    let draft = folder.join(format!("{name}.new"));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&draft, folder.join(name))?;
    File::open(folder)?.sync_all()
}
