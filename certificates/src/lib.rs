//! X.509 as CloudHSM's customers use it: chains under a customer CA, and signing requests.
//!
//! `openssl x509 -req`, the command that AWS documents for signing a cluster's CSR, makes version 1
//! certificates without extensions; rustls's own verifier takes version 3 only. No I/O and no
//! clock: the time is an argument.

mod certificate;
mod chain;
mod error;
mod pem;
mod request;
mod signature;
mod signed;

pub use certificate::Certificate;
pub use chain::{CHAIN_MAX, verify_chain};
pub use error::CertificateError;
pub use request::SigningRequest;
pub use signed::check_signed;
