//! Signatures and HMACs.
use crate::mechanism::Mechanism;
use crate::message::Blob;
use crate::terms::Hash;

message! {
    /// `digested`: the data is the digest already. `salt_len` is for PSS; the hash's length without
    /// it.
    Sign {
        0 key: u64, 2 mechanism: Mechanism, 4 hash: Hash, 6 digested: bool, 8 salt_len: Option<u32>,
        10 data: Blob,
    }
    /// ECDSA: r and s, each as long as a coordinate.
    Signature { 0 signature: Blob }
    /// As `Sign`, with what is to be checked.
    Verify {
        0 key: u64, 2 mechanism: Mechanism, 4 hash: Hash, 6 digested: bool, 8 salt_len: Option<u32>,
        10 data: Blob, 12 signature: Blob,
    }
    /// The signature is right; a wrong one is refused.
    Verified {}
}
