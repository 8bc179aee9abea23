//! Randomness, AES in GCM, CBC and key wrap, and HMAC.
use crate::crypto::{
    AesWrap, CryptoError, NOT_DECRYPTED, NOT_UNWRAPPED, Random, block_iv, check_blocks,
    check_wrapped, pad_for_wrap, rust, unpad_wrapped,
};
use aws_lc_rs::aead::{AES_128_GCM, AES_192_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{
    self, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext,
    PaddedBlockDecryptingKey, PaddedBlockEncryptingKey, UnboundCipherKey,
};
use aws_lc_rs::key_wrap::{self, AesKek, KeyWrap, KeyWrapPadded};
use aws_lc_rs::{hmac, rand};
use proto::Hash;
use std::cell::RefCell;
use zeroize::{Zeroize, Zeroizing};

const NOT_AES: CryptoError = CryptoError::BadKey("an AES key has 16, 24 or 32 bytes");

/// Random bytes of a thread, drawn many at a time: a call of the library costs several times an
/// AES key. Bytes handed out are erased here.
struct Pool {
    bytes: Zeroizing<[u8; 2048]>,
    used: usize,
}

thread_local! {
    static POOL: RefCell<Pool> =
        RefCell::new(Pool { bytes: Zeroizing::new([0; 2048]), used: 2048 });
}

/// Fills with the library's randomness; with the world's if the library fails.
pub(super) fn fill(out: &mut [u8], random: Random<'_>) {
    let filled = POOL.with_borrow_mut(|pool| {
        if out.len() > 256 {
            return rand::fill(out).is_ok();
        }
        if pool.bytes.len() - pool.used < out.len() {
            if rand::fill(&mut pool.bytes[..]).is_err() {
                return false;
            }
            pool.used = 0;
        }
        let taken = &mut pool.bytes[pool.used..][..out.len()];
        out.copy_from_slice(taken);
        taken.zeroize();
        pool.used += out.len();
        true
    });
    if !filled {
        random(out);
    }
}

/// An AES key or a generic secret.
pub(in crate::crypto) struct Secret {
    bytes: Zeroizing<Vec<u8>>,
    gcm: Option<LessSafeKey>,
}

fn hmac_algorithm(hash: Hash) -> hmac::Algorithm {
    match hash {
        Hash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        Hash::Sha224 => hmac::HMAC_SHA224,
        Hash::Sha256 => hmac::HMAC_SHA256,
        Hash::Sha384 => hmac::HMAC_SHA384,
        Hash::Sha512 => hmac::HMAC_SHA512,
    }
}

impl Secret {
    pub(super) fn parse(bytes: &Zeroizing<Vec<u8>>) -> Self {
        let gcm = match bytes.len() {
            16 => Some(&AES_128_GCM),
            24 => Some(&AES_192_GCM),
            32 => Some(&AES_256_GCM),
            _ => None,
        };
        let gcm = gcm.and_then(|aes| UnboundKey::new(aes, bytes).ok()).map(LessSafeKey::new);
        Self { bytes: bytes.clone(), gcm }
    }

    pub(super) fn hmac(&self, hash: Hash, data: &[u8]) -> Vec<u8> {
        let key = hmac::Key::new(hmac_algorithm(hash), &self.bytes);
        hmac::sign(&key, data).as_ref().to_vec()
    }

    pub(super) fn verify_hmac(
        &self,
        hash: Hash,
        data: &[u8],
        tag: &[u8],
    ) -> Result<(), CryptoError> {
        let key = hmac::Key::new(hmac_algorithm(hash), &self.bytes);
        hmac::verify(&key, data, tag).map_err(|_| CryptoError::BadSignature)
    }

    fn gcm(&self) -> Result<&LessSafeKey, CryptoError> {
        self.gcm.as_ref().ok_or(NOT_AES)
    }

    pub(super) fn encrypt_gcm(
        &self,
        iv: &[u8; 12],
        aad: &[u8],
        data: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let mut out = Vec::with_capacity(data.len() + 16);
        out.extend_from_slice(data);
        let nonce = Nonce::assume_unique_for_key(*iv);
        self.gcm()?
            .seal_in_place_append_tag(nonce, Aad::from(aad), &mut out)
            .map_err(|_| CryptoError::Internal)?;
        Ok(out)
    }

    pub(super) fn decrypt_gcm(
        &self,
        iv: &[u8],
        aad: &[u8],
        data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let nonce = Nonce::try_assume_unique_for_key(iv)
            .map_err(|_| CryptoError::BadData("the IV of AES-GCM has 12 bytes"))?;
        let mut out = Zeroizing::new(data.to_vec());
        let len = self
            .gcm()?
            .open_in_place(nonce, Aad::from(aad), &mut out)
            .map_err(|_| NOT_DECRYPTED)?
            .len();
        out.truncate(len);
        Ok(out)
    }

    fn cipher_key(&self) -> Result<UnboundCipherKey, CryptoError> {
        let aes = match self.bytes.len() {
            16 => &cipher::AES_128,
            24 => &cipher::AES_192,
            32 => &cipher::AES_256,
            _ => return Err(NOT_AES),
        };
        UnboundCipherKey::new(aes, &self.bytes).map_err(|_| NOT_AES)
    }

    pub(super) fn encrypt_cbc(
        &self,
        iv: &[u8],
        pad: bool,
        data: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let key = self.cipher_key()?;
        let context = EncryptionContext::Iv128(block_iv(iv)?.into());
        let mut out = Vec::with_capacity(data.len() + 16);
        out.extend_from_slice(data);
        if pad {
            PaddedBlockEncryptingKey::cbc_pkcs7(key)
                .and_then(|key| key.less_safe_encrypt(&mut out, context))
        } else {
            check_blocks(data.len(), false)?;
            EncryptingKey::cbc(key).and_then(|key| key.less_safe_encrypt(&mut out, context))
        }
        .map_err(|_| CryptoError::Internal)?;
        Ok(out)
    }

    pub(super) fn decrypt_cbc(
        &self,
        iv: &[u8],
        pad: bool,
        data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let key = self.cipher_key()?;
        let context = DecryptionContext::Iv128(block_iv(iv)?.into());
        check_blocks(data.len(), pad)?;
        let mut out = Zeroizing::new(data.to_vec());
        let len = if pad {
            PaddedBlockDecryptingKey::cbc_pkcs7(key)
                .and_then(|key| key.decrypt(&mut out, context).map(|plain| plain.len()))
        } else {
            DecryptingKey::cbc(key)
                .and_then(|key| key.decrypt(&mut out, context).map(|plain| plain.len()))
        }
        .map_err(|_| NOT_DECRYPTED)?;
        out.truncate(len);
        Ok(out)
    }

    /// None for 192 bits, which the library does not offer.
    fn kek(&self) -> Option<AesKek> {
        let aes = match self.bytes.len() {
            16 => &key_wrap::AES_128,
            32 => &key_wrap::AES_256,
            _ => return None,
        };
        AesKek::new(aes, &self.bytes).ok()
    }

    pub(super) fn wrap(&self, how: AesWrap, plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let Some(kek) = self.kek() else {
            return rust::wrap_aes(&self.bytes, how, plain);
        };
        let plain = pad_for_wrap(how, plain)?;
        let mut out = vec![0; plain.len() + 15];
        let len = match how {
            AesWrap::ZeroPad => kek.wrap_with_padding(&plain, &mut out),
            _ => kek.wrap(&plain, &mut out),
        }
        .map_err(|_| CryptoError::Internal)?
        .len();
        out.truncate(len);
        Ok(out)
    }

    pub(super) fn unwrap(
        &self,
        how: AesWrap,
        wrapped: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let Some(kek) = self.kek() else {
            return rust::unwrap_aes(&self.bytes, how, wrapped);
        };
        check_wrapped(how, wrapped)?;
        let mut out = Zeroizing::new(vec![0; wrapped.len()]);
        let len = match how {
            AesWrap::ZeroPad => kek.unwrap_with_padding(wrapped, &mut out),
            _ => kek.unwrap(wrapped, &mut out),
        }
        .map_err(|_| NOT_UNWRAPPED)?
        .len();
        out.truncate(len);
        unpad_wrapped(how, out)
    }
}
