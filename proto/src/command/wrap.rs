//! Keys that travel encrypted under another key.
use crate::attribute::Setting;
use crate::mechanism::Mechanism;
use crate::message::Blob;
use crate::terms::{Curve, Hash, KeyClass, KeyType};

message! {
    /// `hash` is for OAEP (hash and MGF), `aad` for GCM.
    WrapKey {
        0 key: u64, 2 wrapping_key: u64, 4 mechanism: Mechanism, 6 hash: Option<Hash>,
        8 aad: Option<Blob>,
    }
    /// `iv` is there for GCM alone.
    KeyWrapped { 0 iv: Option<Blob>, 2 data: Blob }
    /// Private keys travel as PKCS#8; `curve` is not needed but checked when given.
    UnwrapKey {
        0 unwrapping_key: u64, 2 mechanism: Mechanism, 4 hash: Option<Hash>, 6 iv: Option<Blob>,
        8 aad: Option<Blob>, 10 data: Blob, 12 class: KeyClass, 14 key_type: KeyType,
        16 curve: Option<Curve>, 18 label: String, 20 token: bool, 22 attributes: Vec<Setting>,
        24 retry: Option<Blob>,
    }
    /// The new key.
    KeyUnwrapped { 0 handle: u64 }
}
