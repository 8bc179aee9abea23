//! Random bytes.
use crate::message::Blob;

message! {
    /// 1 to `RANDOM_MAX` bytes.
    GenerateRandom { 0 count: u32 }
    /// The bytes.
    RandomBytes { 0 bytes: Blob }
}
