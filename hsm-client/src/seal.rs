//! Messages as bytes that only the holder of a key can read.
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use data_encoding::HEXLOWER_PERMISSIVE as HEX;
use proto::Message;
use rand::Rng;
use std::fmt;
use zeroize::Zeroizing;

const NONCE_LEN: usize = 12;

/// An AES-256-GCM key. A fresh random nonce for each seal: good for 2^32 of them.
pub struct SealingKey(Zeroizing<[u8; 32]>);

/// Bytes are not what this key has sealed for this purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfit;

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it was not sealed under this key, or for another purpose")
    }
}

impl std::error::Error for Unfit {}

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

    /// Seals a message of at most 64 KiB; only with the same purpose can it be opened.
    pub fn seal(&self, purpose: &str, message: &impl Message) -> Result<Vec<u8>, Unfit> {
        // With room for all of it, so that no copy is left behind where the buffer has grown.
        let mut plain = Zeroizing::new(Vec::with_capacity(proto::limits::FRAME_MAX));
        proto::encode(message, &mut plain);
        let mut sealed = vec![0; NONCE_LEN];
        rand::rng().fill_bytes(&mut sealed);
        let payload = Payload { msg: &plain, aad: purpose.as_bytes() };
        let body = self.cipher().encrypt(&nonce(&sealed)?, payload);
        sealed.extend(body.map_err(|_| Unfit)?);
        Ok(sealed)
    }

    /// Opens what [`SealingKey::seal`] made.
    pub fn open<M: Message>(&self, purpose: &str, sealed: &[u8]) -> Result<M, Unfit> {
        let (nonce_bytes, msg) = sealed.split_at_checked(NONCE_LEN).ok_or(Unfit)?;
        let payload = Payload { msg, aad: purpose.as_bytes() };
        let plain = self.cipher().decrypt(&nonce(nonce_bytes)?, payload).map_err(|_| Unfit)?;
        proto::decode(&Zeroizing::new(plain)).map_err(|_| Unfit)
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(&Key::<Aes256Gcm>::from(*self.0))
    }
}

fn nonce(bytes: &[u8]) -> Result<Nonce<aes_gcm::aead::consts::U12>, Unfit> {
    let bytes: [u8; NONCE_LEN] = bytes.try_into().map_err(|_| Unfit)?;
    Ok(bytes.into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proto::Secret;

    proto::message! {
        /// What is sealed here.
        Told { 0 password: Secret }
    }

    #[test]
    fn only_the_same_key_and_purpose_open_a_seal() {
        let (key, other) = (SealingKey::random(), SealingKey::random());
        let told = Told { password: Secret::new("kmsPswd") };
        let mut sealed = key.seal("cks-1", &told).unwrap();
        assert_eq!(key.open("cks-1", &sealed), Ok(told.clone()));
        let same = SealingKey::from_hex(&key.to_hex()).unwrap();
        assert_eq!(same.open("cks-1", &sealed), Ok(told));
        assert_eq!(key.open::<Told>("cks-2", &sealed), Err(Unfit));
        assert_eq!(other.open::<Told>("cks-1", &sealed), Err(Unfit));
        assert!(!sealed.windows(7).any(|w| w == b"kmsPswd"));
        for len in 0..sealed.len() {
            assert_eq!(key.open::<Told>("cks-1", &sealed[..len]), Err(Unfit));
        }
        sealed[20] ^= 1;
        assert_eq!(key.open::<Told>("cks-1", &sealed), Err(Unfit));
    }

    #[test]
    fn a_key_that_is_not_64_hex_digits_is_none() {
        for text in ["", "00", "zz", &"0".repeat(63), &"0".repeat(66)] {
            assert!(SealingKey::from_hex(text).is_none());
        }
    }
}
