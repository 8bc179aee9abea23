//! What the control plane asks of an HSM over its service certificate.
use crate::disk::read;
use crate::{Authority, FleetError, Layout, NodeView, sign_csr};
use hsm_client::{CallError, Connection, TlsIdentity, Trust};
use proto::command::cluster::{
    BeginBackup, Certificates, GetCertificates, Initialize, ReadBackup, RestoreBackup, WriteBackup,
};
use proto::limits::BACKUP_CHUNK;
use proto::message::Blob;
use std::time::Duration;
use zeroize::Zeroizing;

/// Nodes are on this machine: one that has not answered by then hangs.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// A sealed backup of a whole HSM.
pub struct Backup(Vec<u8>);

impl Backup {
    /// What was written to a file.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// What to write to a file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

pub(crate) fn refused(
    node: &NodeView,
    doing: &'static str,
) -> impl FnOnce(CallError) -> FleetError + use<> {
    let hsm_id = node.hsm_id.clone();
    move |source| FleetError::Call { hsm_id, doing, source }
}

/// A connection to a node with the service certificate, whether it is initialized or not.
pub async fn connect(layout: &Layout, node: &NodeView) -> Result<Connection, FleetError> {
    let key = Zeroizing::new(read(&layout.service_key())?);
    let manufacturer_root_pem = read(&layout.manufacturer_root())?;
    let trust = if layout.customer_ca().exists() {
        Trust::ClusterOrFactory { anchor_pem: read(&layout.customer_ca())?, manufacturer_root_pem }
    } else {
        Trust::Factory { manufacturer_root_pem }
    };
    let identity = TlsIdentity::new(trust, &read(&layout.service_certificate())?, &key)
        .map_err(FleetError::Tls)?;
    Connection::open(&node.endpoint(), &identity, CONNECT_WITHIN)
        .await
        .map_err(|source| FleetError::Connect { hsm_id: node.hsm_id.clone(), source })
}

/// The CSR and the certificates of an HSM, as DescribeClusters shows them.
pub async fn certificates(
    connection: &Connection,
    node: &NodeView,
) -> Result<Certificates, FleetError> {
    let got = connection.call(&GetCertificates {}).await;
    got.map_err(refused(node, "show its certificates"))
}

/// Has the HSM's CSR signed by `ca`, and installs the certificate with `ca` as the trust anchor.
/// The HSM serves the new certificate on connections that are opened from then on.
pub async fn initialize(
    connection: &Connection,
    node: &NodeView,
    ca: &Authority,
) -> Result<(), FleetError> {
    let csr = certificates(connection, node).await?.cluster_csr.unwrap_or_default();
    let request =
        Initialize { signed_cert: sign_csr(&csr, ca)?, trust_anchor: ca.certificate().to_owned() };
    let done = connection.call(&request).await;
    done.map(drop).map_err(refused(node, "be initialized"))
}

/// Takes a backup of an HSM.
pub async fn backup(connection: &Connection, node: &NodeView) -> Result<Backup, FleetError> {
    let doing = "give a backup";
    let begun = connection.call(&BeginBackup {}).await.map_err(refused(node, doing))?;
    let mut taken = Vec::new();
    while (taken.len() as u64) < begun.size {
        let next = ReadBackup { offset: taken.len() as u64 };
        let Blob(piece) = connection.call(&next).await.map_err(refused(node, doing))?.piece;
        if piece.is_empty() {
            break;
        }
        taken.extend(piece);
    }
    Ok(Backup(taken))
}

/// Makes a fresh HSM a clone of the one that `backup` was taken from.
pub async fn restore(
    connection: &Connection,
    node: &NodeView,
    backup: &Backup,
) -> Result<(), FleetError> {
    let doing = "restore the backup";
    for piece in backup.0.chunks(BACKUP_CHUNK) {
        let piece = WriteBackup { piece: Blob(piece.to_vec()) };
        connection.call(&piece).await.map_err(refused(node, doing))?;
    }
    let done = connection.call(&RestoreBackup {}).await;
    done.map(drop).map_err(refused(node, doing))
}
