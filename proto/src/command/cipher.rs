//! Encryption with AES.
use crate::mechanism::Mechanism;
use crate::message::Blob;

message! {
    /// CBC takes the IV (16 bytes); GCM takes none: the HSM makes it.
    Encrypt {
        0 key: u64, 2 mechanism: Mechanism, 4 iv: Option<Blob>, 6 aad: Option<Blob>, 8 data: Blob,
    }
    /// GCM appends the 16-byte tag to the data.
    Encrypted { 0 iv: Blob, 2 data: Blob }
    /// What `Encrypted` gave, with the same AAD.
    Decrypt { 0 key: u64, 2 mechanism: Mechanism, 4 iv: Blob, 6 aad: Option<Blob>, 8 data: Blob }
    /// The plaintext.
    Decrypted { 0 data: Blob }
}
