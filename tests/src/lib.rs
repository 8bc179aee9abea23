//! What the tests share: conversations with an HSM, in memory and behind TLS, whole clusters, and
//! the servers beside them.
#![allow(clippy::unwrap_used, clippy::missing_panics_doc)]

pub mod alone;
pub mod cluster;
pub mod drill;
pub mod endpoint;
pub mod http;
pub mod kms;
pub mod line;
pub mod memory;
pub mod model;
pub mod patience;
pub mod pem;
pub mod plane;
pub mod postgres;
pub mod say;
pub mod script;
mod shape;
pub mod spanning;
pub mod strangers;
