//! What the tests share: conversations with an HSM as text, and an HSM in memory to hold them with.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)]

pub mod cluster;
pub mod memory;
pub mod script;
