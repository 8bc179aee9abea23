//! The HSM as a member of a cluster: identity, initialization, members, backups, synchronisation.
use super::*;
use crate::backup;
use crate::password::PasswordHash;
use crate::record::{NodeRecord, Veiled};
use crate::settings::HsmType;
use crate::user::{ADMIN, APPLIANCE, PRECO_PASSWORD, User};
use crate::vault::BUCKETS;
use aws_lc_rs::digest::{SHA256, digest};
use certificates::{Certificate, SigningRequest, verify_chain};
use proto::command::cluster::*;
use proto::{Blob, NodeState, Role, Secret, limits};
use std::sync::Arc;
use zeroize::Zeroizing;

impl Execute for GetHsmInfo {
    /// The values that the user guide shows for each HSM type; the serial number is made from the
    /// HSM's id, since no two HSMs share one.
    fn execute(call: Granted<'_, Self>) -> Outcome<HsmInfo> {
        let settings = &call.hsm.settings;
        let serial = digest(&SHA256, settings.hsm_id.as_bytes());
        let number = serial.as_ref().iter().fold(0u64, |n, b| n.wrapping_mul(256) + u64::from(*b));
        let (major, minor) = match settings.hsm_type {
            HsmType::Hsm1Medium => ("3", "0"),
            HsmType::Hsm2mMedium => ("5", "3"),
        };
        Ok(Done::new(HsmInfo {
            vendor: "Marvell Semiconductors, Inc.".to_owned(),
            model: "NITROX-III CNN35XX-NFBE".to_owned(),
            serial_number: format!("{major}.{minor}G1941-ICM{:06}", number % 1_000_000),
            hardware_version_major: major.to_owned(),
            hardware_version_minor: minor.to_owned(),
            firmware_version_major: "2".to_owned(),
            firmware_version_minor: "6".to_owned(),
            firmware_build_number: "16".to_owned(),
            firmware_id: "CNN35XX-NFBE-FW-2.06-16".to_owned(),
            fips_state: "2 [FIPS mode with single factor authentication]".to_owned(),
        }))
    }
}

impl Execute for GetCertificates {
    fn execute(call: Granted<'_, Self>) -> Outcome<Certificates> {
        let node = call.hsm.vault.node();
        Ok(Done::new(Certificates {
            cluster_csr: node.cluster_csr.clone(),
            hsm_certificate: node.hsm_certificate.clone(),
            aws_hardware_certificate: node.aws_hardware.clone(),
            manufacturer_hardware_certificate: node.manufacturer_hardware.clone(),
            cluster_certificate: node.cluster_certificate.clone(),
            trust_anchor: node.trust_anchor.clone(),
        }))
    }
}

impl Execute for GetMembers {
    fn execute(call: Granted<'_, Self>) -> Outcome<Members> {
        Ok(Done::new(Members { members: call.hsm.members() }))
    }
}

impl Execute for SetMembers {
    fn execute(call: Granted<'_, Self>) -> Outcome<MembersSet> {
        if call.request.members.len() > limits::CLUSTER_NODES_MAX {
            return Err(Fault::SizeUnfit.with("a cluster has up to 28 HSMs").into());
        }
        let node = call.hsm.vault.node();
        if node.members == call.request.members {
            call.session.saw(call.hsm.vault.latest());
            return Ok(Done::new(MembersSet {}));
        }
        let members = call.request.members.clone();
        let changed = Arc::new(NodeRecord { members, ..(*node).clone() });
        Ok(Done::new(MembersSet {}).changing(Change::NodeChanged { node: changed, was: node }))
    }
}

fn uninitialized<C>(call: &Granted<'_, C>) -> Result<Arc<NodeRecord>, Refusal> {
    let node = call.hsm.vault.node();
    if node.state == NodeState::Uninitialized {
        Ok(node)
    } else {
        Err(Fault::AlreadyInitialized.into())
    }
}

impl Execute for Initialize {
    fn execute(call: Granted<'_, Self>) -> Outcome<Initialized> {
        let node = uninitialized(&call)?;
        let Initialize { signed_cert, trust_anchor } = &call.request;
        check_signed(&node, signed_cert, trust_anchor, call.world.now_us() / 1_000_000)?;
        let mut masking_key = Zeroizing::new(vec![0; 32]);
        call.world.random(&mut masking_key);
        let changed = NodeRecord {
            state: NodeState::Initialized,
            cluster_csr: None,
            hsm_certificate: None,
            aws_hardware: None,
            manufacturer_hardware: None,
            cluster_certificate: Some(signed_cert.clone()),
            trust_anchor: Some(trust_anchor.clone()),
            masking_key: Some(Veiled(masking_key)),
            ..(*node).clone()
        };
        let user = |id, role, name: &str, password| {
            Change::UserAdded(Arc::new(User {
                id,
                role,
                name: name.into(),
                password,
                failures: 0,
                second_factor: false,
                position: 0,
            }))
        };
        let preco = PasswordHash::new(&Secret::new(PRECO_PASSWORD), call.world);
        Ok(Done::new(Initialized {})
            .changing(Change::NodeChanged { node: Arc::new(changed), was: node })
            .changing(user(1, Role::Preco, ADMIN, preco))
            .changing(user(2, Role::Au, APPLIANCE, PasswordHash::none()))
            .about(Subject::default())
            .about(Subject::user(APPLIANCE, Role::Au).of(0xfc, "CN_CREATE_APPLIANCE_USER")))
    }
}

/// The certificate must carry the CSR's key and chain to the anchor (user guide, "Initialize the
/// cluster"). The anchor is one certificate, or a chain whose last is the root.
fn check_signed(node: &NodeRecord, signed: &str, anchor: &str, now: u64) -> Result<(), Refusal> {
    let unfit = |what: &str, why: String| Fault::CertificateUnfit.with(format!("{what}: {why}"));
    if signed.len() > limits::CERTIFICATE_MAX || anchor.len() > limits::CERTIFICATE_MAX {
        return Err(unfit(
            "the PEM text",
            format!("{} characters at most", limits::CERTIFICATE_MAX),
        ));
    }
    let leaf = Certificate::from_pem(signed)
        .map_err(|e| unfit("the signed certificate", e.to_string()))?;
    let mut anchors = Certificate::chain_from_pem(anchor)
        .map_err(|e| unfit("the trust anchor", e.to_string()))?;
    let csr = node.cluster_csr.as_deref().ok_or(Fault::Internal)?;
    let csr = SigningRequest::from_pem(csr).map_err(|_| Fault::Internal)?;
    if leaf.spki_der() != csr.spki_der() {
        return Err(unfit(
            "the signed certificate",
            "it does not carry the key of this cluster's CSR".to_owned(),
        ));
    }
    let root = anchors.pop().ok_or(Fault::CertificateUnfit)?;
    let chain: Vec<Certificate> = std::iter::once(leaf).chain(anchors).collect();
    verify_chain(&chain, &[root], now).map_err(|e| unfit("the signed certificate", e.to_string()))
}

impl Execute for BeginBackup {
    fn execute(call: Granted<'_, Self>) -> Outcome<BackupBegun> {
        if call.hsm.vault.node().state == NodeState::Uninitialized {
            return Err(Fault::NotInitialized.into());
        }
        let backup = backup::take(&call.hsm.vault, &call.hsm.backup_seal, call.world);
        let size = backup.len() as u64;
        call.session.backup = Zeroizing::new(backup);
        call.session.saw(call.hsm.vault.latest());
        let end = Subject::default().of(0x8175, "CN_BACKUP_END");
        Ok(Done::new(BackupBegun { size }).about(Subject::default()).about(end))
    }
}

impl Execute for ReadBackup {
    fn execute(call: Granted<'_, Self>) -> Outcome<BackupRead> {
        let from = usize::try_from(call.request.offset).unwrap_or(usize::MAX);
        let rest = call
            .session
            .backup
            .get(from..)
            .ok_or_else(|| Fault::SizeUnfit.with("behind the backup's end"))?;
        let piece = rest.get(..limits::BACKUP_CHUNK).unwrap_or(rest).to_vec();
        Ok(Done::new(BackupRead { piece: Blob(piece) }))
    }
}

impl Execute for WriteBackup {
    fn execute(call: Granted<'_, Self>) -> Outcome<BackupWritten> {
        uninitialized(&call)?;
        let piece = &call.request.piece.0;
        let fits = piece.len() <= limits::BACKUP_CHUNK
            && call.session.backup.len() + piece.len() <= limits::BACKUP_MAX;
        if !fits {
            return Err(Fault::SizeUnfit.with("pieces of 32 KiB at most, 128 MiB in all").into());
        }
        call.session.backup.extend_from_slice(piece);
        Ok(Done::new(BackupWritten {}))
    }
}

impl Execute for RestoreBackup {
    fn execute(call: Granted<'_, Self>) -> Outcome<BackupRestored> {
        uninitialized(&call)?;
        let backup = std::mem::take(&mut call.session.backup);
        let changes = backup::open(&call.hsm.vault, &call.hsm.backup_seal, &backup)?;
        let end = Subject::default().of(0x8177, "CN_RESTORE_END");
        let mut done = Done::new(BackupRestored {}).about(Subject::default()).about(end);
        done.changes = changes;
        Ok(done)
    }
}

impl Execute for GetKeyHash {
    fn execute(call: Granted<'_, Self>) -> Outcome<KeyHash> {
        let sums = call.hsm.vault.keys.bucket_sums();
        let buckets: Vec<u8> = sums.iter().flat_map(|s| s.to_be_bytes()).collect();
        let hash = digest(&SHA256, &buckets).as_ref().to_vec();
        call.session.saw(call.hsm.vault.latest());
        Ok(Done::new(KeyHash { hash: Blob(hash), buckets: Blob(buckets) }))
    }
}

impl Execute for ListKeyVersions {
    fn execute(call: Granted<'_, Self>) -> Outcome<KeyVersions> {
        let ListKeyVersions { bucket, after } = call.request;
        if usize::from(bucket) >= BUCKETS {
            return Err(Fault::SizeUnfit.with("buckets are 0 to 255").into());
        }
        // A pair takes up to 22 bytes: half as many as handles fit a frame.
        let versions = call.hsm.vault.keys.versions(bucket.into(), after, limits::HANDLES_MAX / 2);
        let versions = versions.into_iter().map(|(handle, version)| KeyVersion { handle, version });
        call.session.saw(call.hsm.vault.latest());
        Ok(Done::new(KeyVersions { versions: versions.collect() }))
    }
}
