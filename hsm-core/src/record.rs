//! What is written to disk, into masked objects and into backups: plain messages, sealed elsewhere.
use proto::command::cluster::HandleRange;
use proto::{
    Blob, Curve, KeyClass, KeyType, NodeState, Reader, Refusal, Role, Setting, Value, Writer,
};
use std::fmt;
use zeroize::Zeroizing;

/// Bytes that no log may show; wiped when dropped. On the wire of a record: a byte string.
#[derive(Clone, PartialEq)]
pub(crate) struct Veiled(pub(crate) Zeroizing<Vec<u8>>);

impl fmt::Debug for Veiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Value for Veiled {
    const KIND: &'static str = "secret bytes";
    fn encode(&self, out: &mut Writer<'_>) {
        proto::message::sure(out.bytes(&self.0));
    }
    fn decode(from: &mut Reader<'_>) -> Result<Self, Refusal> {
        from.bytes().map(|b| Self(Zeroizing::new(b.to_vec())))
    }
    fn read(_: &str) -> Option<Self> {
        None
    }
    fn write(&self) -> String {
        "***".to_owned()
    }
}

proto::message! {
    /// Who changed last, so that all HSMs agree: the larger (counter, node) wins.
    Stamp { 0 counter: u64, 2 node: u16 }
    /// An attribute that was changed after creation.
    Changed { 0 setting: Setting, 2 stamp: Stamp }
    /// A user that the key is, or was, shared with.
    Share { 0 username: String, 2 shared: bool, 4 stamp: Stamp }
    /// A key. Attributes that a rule derives from the others are not in it.
    KeyRecord {
        0 handle: u64, 2 class: KeyClass, 4 key_type: KeyType, 6 owner: String, 8 label: String,
        10 id: Blob, 12 flags: u32, 14 material: Veiled, 16 retry: Option<Blob>,
        18 changed: Vec<Changed>,
        20 shares: Vec<Share>, 21 request: Option<u64>,
    }
    /// What is left of a deleted token key. Takes the key's slot.
    Tombstone { 0 handle: u64 }
    /// A user.
    UserRecord {
        0 id: u32, 2 role: Role, 4 username: String, 6 salt: Blob, 8 hash: Veiled, 10 failures: u32,
        12 second_factor: Option<bool>,
    }
    /// What is left of a deleted user. Takes the user's slot; its id is not given again.
    UserGone { 0 id: u32 }
    /// The HSM's own state. PEM texts; keys are PKCS#8 DER.
    NodeRecord {
        0 state: NodeState, 2 hsm_id: String, 4 identity_key: Veiled, 6 cluster_csr: Option<String>,
        8 hsm_certificate: Option<String>, 10 aws_hardware: Option<String>,
        12 manufacturer_hardware: Option<String>, 14 cluster_certificate: Option<String>,
        16 trust_anchor: Option<String>, 18 masking_key: Option<Veiled>,
        20 members: Vec<proto::command::cluster::Member>,
    }
    /// All handle counters below `upto` may have been given out.
    Reservation { 0 upto: u64 }
    /// How often the HSM was switched on.
    Boot { 0 reboot: u64 }
    /// Audit records whose sequence numbers begin alike; `before` is the chain's value before them.
    AuditBlock { 0 number: u64, 2 before: Blob, 4 records: Vec<Blob> }
    /// A whole HSM.
    BackupRecord {
        0 node: NodeRecord, 2 users: Vec<UserRecord>, 4 keys: Vec<KeyRecord>,
        6 tombstones: Vec<HandleRange>,
    }
    /// An EC key's material.
    EcMaterial { 0 curve: Curve, 2 scalar: Option<Veiled>, 4 point: Blob }
}

/// Where records live. A slot is the kind's letter and a number, big endian.
pub(crate) mod slot {
    /// Key or tombstone.
    pub(crate) fn key(handle: u64) -> Vec<u8> {
        numbered(b'k', handle)
    }
    /// Tombstones that came as a range, by the first of them.
    pub(crate) fn tombstones(first: u64) -> Vec<u8> {
        numbered(b't', first)
    }
    /// User, or what is left of it.
    pub(crate) fn user(id: u32) -> Vec<u8> {
        numbered(b'u', id.into())
    }
    /// A block of the audit log; the number wraps, which bounds the log.
    pub(crate) fn audit(number: u64) -> Vec<u8> {
        numbered(b'a', number)
    }
    pub(crate) const NODE: &[u8] = b"node";
    pub(crate) const HANDLES: &[u8] = b"reserved";
    pub(crate) const BOOT: &[u8] = b"boot";

    fn numbered(kind: u8, number: u64) -> Vec<u8> {
        let mut slot = vec![kind, b'/'];
        slot.extend_from_slice(&number.to_be_bytes());
        slot
    }

    /// What kind of record a slot holds.
    pub(crate) fn kind(slot: &[u8]) -> Option<u8> {
        (slot.len() == 10 && slot.get(1) == Some(&b'/')).then(|| slot.first().copied()).flatten()
    }
}
