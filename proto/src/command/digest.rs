//! Hash functions.
use crate::message::Blob;
use crate::terms::Hash;

message! {
    /// The data, whole.
    Digest { 0 hash: Hash, 2 data: Blob }
    /// The digest.
    Digested { 0 digest: Blob }
}
