//! The HSM as a member of a cluster: identity, initialization, members, backups, synchronisation.
use crate::message::Blob;
use std::ops::RangeInclusive;

message! {
    /// No parameters.
    GetHsmInfo {}
    /// All values are strings, as in `cluster hsm-info`.
    HsmInfo {
        0 vendor: String, 2 model: String, 4 serial_number: String,
        6 hardware_version_major: String,
        8 hardware_version_minor: String, 10 firmware_version_major: String,
        12 firmware_version_minor: String, 14 firmware_build_number: String, 16 firmware_id: String,
        18 fips_state: String,
    }
    /// No parameters.
    GetCertificates {}
    /// PEM texts. Before initialization the first four are there, afterwards the last two.
    Certificates {
        0 cluster_csr: Option<String>, 2 hsm_certificate: Option<String>,
        4 aws_hardware_certificate: Option<String>,
        6 manufacturer_hardware_certificate: Option<String>,
        8 cluster_certificate: Option<String>, 10 trust_anchor: Option<String>,
    }
    /// No parameters.
    GetMembers {}
    /// One HSM of the cluster.
    Member { 0 hsm_id: String, 2 hostname: String, 4 port: u16, 6 zone: String }
    /// All HSMs of the cluster.
    Members { 0 members: Vec<Member> }
    /// All HSMs of the cluster.
    SetMembers { 0 members: Vec<Member> }
    /// Done.
    MembersSet {}
    /// PEM texts: the CSR, signed; and the customer's CA certificate.
    Initialize { 0 signed_cert: String, 2 trust_anchor: String }
    /// Done.
    Initialized {}
    /// No parameters.
    BeginBackup {}
    /// Its size in bytes.
    BackupBegun { 0 size: u64 }
    /// Where to read; `BACKUP_CHUNK` bytes come at most.
    ReadBackup { 0 offset: u64 }
    /// The piece.
    BackupRead { 0 piece: Blob }
    /// The next piece, `BACKUP_CHUNK` bytes at most.
    WriteBackup { 0 piece: Blob }
    /// Done.
    BackupWritten {}
    /// No parameters: the pieces are there.
    RestoreBackup {}
    /// Done.
    BackupRestored {}
    /// No parameters.
    GetKeyHash {}
    /// The hash of all keys (32 bytes), and the 256 buckets (8 bytes each) that it is made of. The
    /// tombstones have a hash of their own.
    KeyHash { 0 hash: Blob, 2 buckets: Blob, 4 tombstones: u64 }
    /// A bucket, and the handle to go on after.
    ListKeyVersions { 0 bucket: u16, 2 after: u64 }
    /// A token key, and a hash of its changes.
    KeyVersion { 0 handle: u64, 2 version: u64 }
    /// In rising order, `RANGES_MAX` at most; an empty list is the end.
    KeyVersions { 0 versions: Vec<KeyVersion> }
    /// The handle to go on after.
    ListTombstones { 0 after: u64 }
    /// Handles that follow each other, from the first to the last.
    HandleRange { 0 first: u64, 2 last: u64 }
    /// In rising order, `RANGES_MAX` at most; an empty list is the end.
    Tombstones { 0 ranges: Vec<HandleRange> }
    /// `RANGES_MAX` at most, of `HANDLES_MAX` handles at most.
    InsertTombstones { 0 ranges: Vec<HandleRange> }
    /// How many of the handles had none yet.
    TombstonesInserted { 0 count: u64 }
}

impl From<RangeInclusive<u64>> for HandleRange {
    fn from(range: RangeInclusive<u64>) -> Self {
        let (first, last) = range.into_inner();
        Self { first, last }
    }
}

impl From<HandleRange> for RangeInclusive<u64> {
    fn from(range: HandleRange) -> Self {
        range.first..=range.last
    }
}
