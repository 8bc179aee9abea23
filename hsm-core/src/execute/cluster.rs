//! The HSM as a member of a cluster: identity, initialization, members, backups, synchronisation.
use super::*;
use crate::backup;
use crate::password::PasswordHash;
use crate::ranges::Ranges;
use crate::record::{NodeRecord, Veiled};
use crate::settings::HsmType;
use crate::user::{ADMIN, APPLIANCE, PRECO_PASSWORD, User};
use crate::vault::BUCKETS;
use aws_lc_rs::digest::{SHA256, digest};
use certificates::check_signed;
use proto::command::cluster::*;
use proto::{Blob, NodeState, Role, Secret, limits};
use std::ops::RangeInclusive;
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
        check(&node, signed_cert, trust_anchor, call.world.now_us() / 1_000_000)?;
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

fn check(node: &NodeRecord, signed: &str, anchor: &str, now: u64) -> Result<(), Refusal> {
    if signed.len() > limits::CERTIFICATE_MAX || anchor.len() > limits::CERTIFICATE_MAX {
        let most = limits::CERTIFICATE_MAX;
        return Err(
            Fault::CertificateUnfit.with(format!("the PEM text: {most} characters at most"))
        );
    }
    let csr = node.cluster_csr.as_deref().ok_or(Fault::Internal)?;
    check_signed(csr, signed, anchor, now).map_err(|why| Fault::CertificateUnfit.with(why))
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
        changes.iter().for_each(|change| call.hsm.handles.pass_those_of(change));
        let end = Subject::default().of(0x8177, "CN_RESTORE_END");
        let mut done = Done::new(BackupRestored {}).about(Subject::default()).about(end);
        done.changes = changes;
        Ok(done)
    }
}

impl Execute for GetKeyHash {
    fn execute(call: Granted<'_, Self>) -> Outcome<KeyHash> {
        let (sums, tombstones) = call.hsm.vault.keys.sums();
        let buckets: Vec<u8> = sums.iter().flat_map(|s| s.to_be_bytes()).collect();
        let hash = digest(&SHA256, &buckets).as_ref().to_vec();
        call.session.saw(call.hsm.vault.latest());
        Ok(Done::new(KeyHash { hash: Blob(hash), buckets: Blob(buckets), tombstones }))
    }
}

impl Execute for ListKeyVersions {
    fn execute(call: Granted<'_, Self>) -> Outcome<KeyVersions> {
        let ListKeyVersions { bucket, after } = call.request;
        if usize::from(bucket) >= BUCKETS {
            return Err(Fault::SizeUnfit.with("buckets are 0 to 255").into());
        }
        let versions = call.hsm.vault.keys.versions(bucket.into(), after, limits::RANGES_MAX);
        let versions = versions.into_iter().map(|(handle, version)| KeyVersion { handle, version });
        call.session.saw(call.hsm.vault.latest());
        Ok(Done::new(KeyVersions { versions: versions.collect() }))
    }
}

impl Execute for ListTombstones {
    fn execute(call: Granted<'_, Self>) -> Outcome<Tombstones> {
        let ranges = call.hsm.vault.keys.tombstones(call.request.after, limits::RANGES_MAX);
        call.session.saw(call.hsm.vault.latest());
        let ranges = ranges.into_iter().map(HandleRange::from).collect();
        Ok(Done::new(Tombstones { ranges }))
    }
}

impl Execute for InsertTombstones {
    /// A client may delete one of the keys at the same moment.
    const ATTEMPTS: u32 = 4;

    fn execute(call: Granted<'_, Self>) -> Outcome<TombstonesInserted> {
        // A backup is restored into an HSM that has none.
        call.hsm.vault.masking()?;
        let ranges = &call.request.ranges;
        let handles = ranges.iter().try_fold(0u64, |sum, range| {
            let handles = range.last.checked_sub(range.first)?.checked_add(1)?;
            sum.checked_add(handles)
        });
        let fits = handles.is_some_and(|handles| handles <= limits::HANDLES_MAX as u64);
        if !fits || ranges.len() > limits::RANGES_MAX {
            return Err(Fault::SizeUnfit.with("2048 ranges, 4096 handles at most").into());
        }
        // Ranges that overlap would be counted twice, and refused.
        let mut asked = Ranges::default();
        asked.extend(ranges.iter().cloned().map(RangeInclusive::from));
        let mut done = Done::new(TombstonesInserted { count: 0 });
        for range in asked.from(0) {
            for (part, keys) in call.hsm.vault.keys.without_tombstones(range) {
                let handles = part.end() - part.start() + 1;
                done.reply.count += handles;
                // What was here leaves a tombstone in its own slot, the rest share one.
                let rest = (keys.len() as u64) < handles;
                done.changes.extend(keys.into_iter().map(|handle| Change::KeyRemoved { handle }));
                done.changes.extend(rest.then_some(Change::TombstonesAdded(part)));
            }
        }
        call.session.saw(call.hsm.vault.latest());
        Ok(done)
    }
}
