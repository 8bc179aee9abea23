//! Credentials and tries as bytes that only the holder of a key file can read.
use crate::credentials::{Credentials, StoreError};
use crate::tries::Tries;
use hsm_client::SealingKey;
use proto::Message;

/// What is sealed for a key store, each for its own purpose: one does not open as the other.
pub trait Sealed: Message {
    /// Its name, and the version of its form.
    const PURPOSE: &'static str;
}

impl Sealed for Credentials {
    const PURPOSE: &'static str = "kmsuser credentials 1";
}

impl Sealed for Tries {
    const PURPOSE: &'static str = "kmsuser tries 1";
}

/// Seals what belongs to a key store; only the same store's id opens it.
pub fn seal<M: Sealed>(key: &SealingKey, store_id: &str, open: &M) -> Result<Vec<u8>, StoreError> {
    let sealed = key.seal(&purpose::<M>(store_id), open);
    sealed.map_err(|_| StoreError(format!("{} could not be sealed", M::PURPOSE)))
}

/// Opens what [`seal`] made.
pub fn open<M: Sealed>(key: &SealingKey, store_id: &str, sealed: &[u8]) -> Result<M, StoreError> {
    let opened = key.open(&purpose::<M>(store_id), sealed);
    let unfit = |_| StoreError(format!("these are not {store_id}'s {} under this key", M::PURPOSE));
    opened.map_err(unfit)
}

fn purpose<M: Sealed>(store_id: &str) -> String {
    format!("{} {store_id}", M::PURPOSE)
}
