//! Credentials as bytes that only the holder of a key file can read.
use crate::credentials::{Credentials, StoreError};
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use data_encoding::HEXLOWER_PERMISSIVE as HEX;
use rand::Rng;
use zeroize::Zeroizing;

const NONCE_LEN: usize = 12;

/// An AES-256-GCM key for credentials. A fresh random nonce for each seal: good for 2^32 of them.
pub struct SealingKey(Zeroizing<[u8; 32]>);

impl SealingKey {
    /// A new one.
    pub fn random() -> Self {
        let mut key = Zeroizing::new([0; 32]);
        rand::rng().fill_bytes(&mut *key);
        Self(key)
    }

    /// From 64 hex digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(HEX.decode(text.trim().as_bytes()).ok()?);
        Some(Self(Zeroizing::new(bytes.as_slice().try_into().ok()?)))
    }

    /// As 64 hex digits.
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(HEX.encode(&*self.0))
    }

    /// Seals the credentials of a key store; only the same store's id opens them.
    pub fn seal(&self, store_id: &str, credentials: &Credentials) -> Result<Vec<u8>, StoreError> {
        // With room for all of it, so that no copy is left behind where the buffer has grown.
        let mut plain = Zeroizing::new(Vec::with_capacity(proto::limits::FRAME_MAX));
        proto::encode(credentials, &mut plain);
        let mut sealed = vec![0; NONCE_LEN];
        rand::rng().fill_bytes(&mut sealed);
        let nonce = nonce(&sealed)?;
        let aad = aad(store_id);
        let payload = Payload { msg: &plain, aad: aad.as_bytes() };
        let body = self.cipher().encrypt(&nonce, payload);
        sealed.extend(body.map_err(|_| StoreError("credentials could not be sealed".to_owned()))?);
        Ok(sealed)
    }

    /// Opens what [`SealingKey::seal`] made.
    pub fn open(&self, store_id: &str, sealed: &[u8]) -> Result<Credentials, StoreError> {
        let unfit = || StoreError(format!("these are not {store_id}'s credentials under this key"));
        let (nonce_bytes, msg) = sealed.split_at_checked(NONCE_LEN).ok_or_else(unfit)?;
        let aad = aad(store_id);
        let payload = Payload { msg, aad: aad.as_bytes() };
        let plain = self.cipher().decrypt(&nonce(nonce_bytes)?, payload).map_err(|_| unfit())?;
        proto::decode(&Zeroizing::new(plain)).map_err(|_| unfit())
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(&Key::<Aes256Gcm>::from(*self.0))
    }
}

fn nonce(bytes: &[u8]) -> Result<Nonce<aes_gcm::aead::consts::U12>, StoreError> {
    let bytes: [u8; NONCE_LEN] =
        bytes.try_into().map_err(|_| StoreError("a nonce has 12 bytes".to_owned()))?;
    Ok(bytes.into())
}

fn aad(store_id: &str) -> String {
    format!("kmsuser credentials 1 {store_id}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proto::Secret;

    #[test]
    fn only_the_same_key_and_store_open_a_seal() {
        let (key, other) = (SealingKey::random(), SealingKey::random());
        let credentials = Credentials::new(Secret::new("kmsPswd"));
        let mut sealed = key.seal("cks-1", &credentials).unwrap();
        assert_eq!(key.open("cks-1", &sealed).unwrap(), credentials);
        assert!(SealingKey::from_hex(&key.to_hex()).unwrap().open("cks-1", &sealed).is_ok());
        assert!(key.open("cks-2", &sealed).is_err());
        assert!(other.open("cks-1", &sealed).is_err());
        assert!(!sealed.windows(7).any(|w| w == b"kmsPswd"));
        for len in 0..sealed.len() {
            assert!(key.open("cks-1", &sealed[..len]).is_err());
        }
        sealed[20] ^= 1;
        assert!(key.open("cks-1", &sealed).is_err());
    }

    #[test]
    fn a_key_that_is_not_64_hex_digits_is_none() {
        for text in ["", "00", "zz", &"0".repeat(63), &"0".repeat(66)] {
            assert!(SealingKey::from_hex(text).is_none());
        }
    }
}
