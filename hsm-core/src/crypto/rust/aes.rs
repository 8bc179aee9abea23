//! AES in GCM, CBC and key wrap, with keys of 16, 24 and 32 bytes.
use crate::crypto::{
    AesWrap, CryptoError, NOT_DECRYPTED, NOT_UNWRAPPED, block_iv, check_blocks, check_wrapped,
    pad_for_wrap, unpad_wrapped,
};
use aes::cipher::block_padding::{NoPadding, Pkcs7};
use aes::cipher::consts::U12;
use aes::cipher::{BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, KeyInit, KeyIvInit};
use aes_gcm::AesGcm;
use aes_gcm::aead::{Aead, Payload};
use aes_kw::{AesKw, AesKwp};
use zeroize::Zeroizing;

const NOT_AES: CryptoError = CryptoError::BadKey("an AES key has 16, 24 or 32 bytes");

/// Runs the expression with the type of the cipher for a key of this length.
macro_rules! with_aes {
    ($key:expr, $C:ident => $body:expr) => {
        match $key.len() {
            16 => {
                type $C = aes::Aes128;
                $body
            }
            24 => {
                type $C = aes::Aes192;
                $body
            }
            32 => {
                type $C = aes::Aes256;
                $body
            }
            _ => return Err(NOT_AES),
        }
    };
}

/// The first bytes of an encrypted zero block; none when this is no AES key.
pub(in crate::crypto) fn check_value(key: &[u8]) -> Option<[u8; 3]> {
    fn block(key: &[u8]) -> Result<[u8; 16], CryptoError> {
        with_aes!(key, C => {
            let mut block = Default::default();
            C::new_from_slice(key).map_err(|_| NOT_AES)?.encrypt_block(&mut block);
            Ok(block.into())
        })
    }
    block(key).ok()?.first_chunk().copied()
}

pub(super) fn encrypt_gcm(
    key: &[u8],
    iv: &[u8; 12],
    aad: &[u8],
    data: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    with_aes!(key, C => AesGcm::<C, U12>::new_from_slice(key)
        .map_err(|_| NOT_AES)?
        .encrypt(iv.into(), Payload { msg: data, aad }))
    .map_err(|_| CryptoError::Internal)
}

pub(super) fn decrypt_gcm(
    key: &[u8],
    iv: &[u8],
    aad: &[u8],
    data: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let iv: &[u8; 12] =
        iv.try_into().map_err(|_| CryptoError::BadData("the IV of AES-GCM has 12 bytes"))?;
    with_aes!(key, C => AesGcm::<C, U12>::new_from_slice(key)
        .map_err(|_| NOT_AES)?
        .decrypt(iv.into(), Payload { msg: data, aad }))
    .map(Zeroizing::new)
    .map_err(|_| NOT_DECRYPTED)
}

pub(super) fn encrypt_cbc(
    key: &[u8],
    iv: &[u8],
    pad: bool,
    data: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    let iv = block_iv(iv)?;
    if !pad {
        check_blocks(data.len(), false)?;
    }
    with_aes!(key, C => {
        let mode = cbc::Encryptor::<C>::new_from_slices(key, iv).map_err(|_| NOT_AES)?;
        Ok(match pad {
            true => mode.encrypt_padded_vec::<Pkcs7>(data),
            false => mode.encrypt_padded_vec::<NoPadding>(data),
        })
    })
}

pub(super) fn decrypt_cbc(
    key: &[u8],
    iv: &[u8],
    pad: bool,
    data: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let iv = block_iv(iv)?;
    check_blocks(data.len(), pad)?;
    with_aes!(key, C => {
        let mode = cbc::Decryptor::<C>::new_from_slices(key, iv).map_err(|_| NOT_AES)?;
        match pad {
            true => mode.decrypt_padded_vec::<Pkcs7>(data),
            false => mode.decrypt_padded_vec::<NoPadding>(data),
        }
    })
    .map(Zeroizing::new)
    .map_err(|_| NOT_DECRYPTED)
}

/// Wraps under any padding.
pub(in crate::crypto) fn wrap(
    key: &[u8],
    how: AesWrap,
    plain: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    let plain = pad_for_wrap(how, plain)?;
    let mut out = vec![0; plain.len().next_multiple_of(8) + 8];
    with_aes!(key, C => match how {
        AesWrap::ZeroPad => {
            AesKwp::<C>::new_from_slice(key).map_err(|_| NOT_AES)?.wrap_key(&plain, &mut out)
        }
        _ => AesKw::<C>::new_from_slice(key).map_err(|_| NOT_AES)?.wrap_key(&plain, &mut out),
    })
    .map_err(|_| CryptoError::Internal)?;
    Ok(out)
}

/// Undoes [`wrap`].
pub(in crate::crypto) fn unwrap(
    key: &[u8],
    how: AesWrap,
    wrapped: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    check_wrapped(how, wrapped)?;
    let mut out = Zeroizing::new(vec![0; wrapped.len() - 8]);
    let len = with_aes!(key, C => match how {
        AesWrap::ZeroPad => {
            AesKwp::<C>::new_from_slice(key).map_err(|_| NOT_AES)?.unwrap_key(wrapped, &mut out)
        }
        _ => AesKw::<C>::new_from_slice(key).map_err(|_| NOT_AES)?.unwrap_key(wrapped, &mut out),
    })
    .map_err(|_| NOT_UNWRAPPED)?
    .len();
    out.truncate(len);
    unpad_wrapped(how, out)
}
