//! Credentials as bytes that only the holder of a key file can read.
use crate::credentials::{Credentials, StoreError};
use hsm_client::SealingKey;

/// Seals the credentials of a key store; only the same store's id opens them.
pub fn seal_credentials(
    key: &SealingKey,
    store_id: &str,
    credentials: &Credentials,
) -> Result<Vec<u8>, StoreError> {
    let sealed = key.seal(&purpose(store_id), credentials);
    sealed.map_err(|_| StoreError("credentials could not be sealed".to_owned()))
}

/// Opens what [`seal_credentials`] made.
pub fn open_credentials(
    key: &SealingKey,
    store_id: &str,
    sealed: &[u8],
) -> Result<Credentials, StoreError> {
    let opened = key.open(&purpose(store_id), sealed);
    let unfit = |_| StoreError(format!("these are not {store_id}'s credentials under this key"));
    opened.map_err(unfit)
}

fn purpose(store_id: &str) -> String {
    format!("kmsuser credentials 1 {store_id}")
}
