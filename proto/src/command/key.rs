//! Making, finding, describing, changing, sharing, copying and destroying keys.
use crate::attribute::Setting;
use crate::message::Blob;
use crate::terms::{Curve, KeyType};

message! {
    /// A secret key. `retry` is 16 bytes of the client's choice: the same again finds the same key.
    GenerateKey {
        0 key_type: KeyType, 2 bytes: u32, 4 label: String, 6 token: bool,
        8 attributes: Vec<Setting>,
        10 retry: Option<Blob>,
    }
    /// The new key.
    KeyGenerated { 0 handle: u64, 2 check_value: Option<Blob> }
    /// An EC key pair.
    GenerateEcKeyPair {
        0 curve: Curve, 2 public_label: String, 4 private_label: String, 6 token: bool,
        8 public_attributes: Vec<Setting>, 10 private_attributes: Vec<Setting>,
        12 retry: Option<Blob>,
    }
    /// An RSA key pair.
    GenerateRsaKeyPair {
        0 modulus_bits: u32, 2 public_exponent: u64, 4 public_label: String,
        6 private_label: String,
        8 token: bool, 10 public_attributes: Vec<Setting>, 12 private_attributes: Vec<Setting>,
        14 retry: Option<Blob>,
    }
    /// The new key pair.
    KeyPairGenerated { 0 public: u64, 2 private: u64 }
    /// Up to `HANDLES_MAX` keys; all or none are destroyed.
    DestroyObjects { 0 handles: Vec<u64> }
    /// How many there were.
    ObjectsDestroyed { 0 count: u64 }
    /// All must match. `owner` is a user name. Handles above `after` are given, `limit` at most.
    FindKeys { 0 attributes: Vec<Setting>, 2 owner: Option<String>, 4 after: u64, 6 limit: u32 }
    /// The handles of this page, and the number of all matches.
    KeysFound { 0 handles: Vec<u64>, 2 total: u64 }
    /// The key to describe.
    GetAttributes { 0 handle: u64 }
    /// A key as it may be seen.
    AttributesGot {
        0 handle: u64, 2 owner: String, 4 shared_with: Vec<String>, 6 attributes: Vec<Setting>,
    }
    /// One attribute of one key.
    SetAttribute { 0 handle: u64, 2 attribute: Setting }
    /// Done.
    AttributeSet {}
    /// With whom, and whether to begin or to end.
    ShareObject { 0 handle: u64, 2 username: String, 4 share: bool }
    /// Done.
    ObjectShared {}
    /// The token key to copy.
    ExtractMaskedObject { 0 handle: u64 }
    /// The key, sealed: only HSMs of this cluster can open it.
    MaskedObject { 0 object: Blob }
    /// A masked object from another HSM of the cluster.
    InsertMaskedObject { 0 object: Blob }
    /// The handle that it has on all HSMs.
    MaskedObjectInserted { 0 handle: u64 }
}
