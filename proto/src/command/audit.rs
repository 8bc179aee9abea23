//! The audit log.
use crate::message::Blob;

message! {
    /// Records from this sequence number on.
    GetAuditLog { 0 from: u64 }
    /// One record in the fields of CloudHSM's audit log (user guide, "Interpreting HSM audit
    /// logs").
    AuditRecord {
        0 sequence: u64, 2 time_us: u64, 4 reboot: u64, 6 opcode: u16, 8 name: String,
        10 session: u64,
        12 response: u16, 14 username: Option<String>, 16 user_type: Option<u16>,
        18 private_or_secret: Option<u64>, 20 public: Option<u64>,
    }
    /// As many as fit a frame, the sequence number to go on from, and the chain's value behind the
    /// log.
    AuditLog { 0 records: Vec<AuditRecord>, 2 next: u64, 4 chain: Blob }
}
