//! The engine of RustCrypto crates; all of its randomness comes from the world.
mod aes;
pub(super) mod ec;
pub(super) mod rsa;

use super::{
    AesWrap, CryptoError, Engine, Material, Parsed, Prepared, Random, SignParams, WRONG_KEY,
    check_hmac, digest_of,
};
pub(super) use aes::check_value as aes_check_value;
pub(super) use aes::{unwrap as unwrap_aes, wrap as wrap_aes};
use hmac::{Hmac, KeyInit, Mac};
use proto::Mechanism;
use proto::{Curve, Hash};
use sha2::Digest;
use zeroize::Zeroizing;

/// Runs the expression with the type of the hash.
macro_rules! with_hash {
    ($hash:expr, $D:ident => $body:expr) => {
        match $hash {
            proto::Hash::Sha1 => {
                type $D = sha1::Sha1;
                $body
            }
            proto::Hash::Sha224 => {
                type $D = sha2::Sha224;
                $body
            }
            proto::Hash::Sha256 => {
                type $D = sha2::Sha256;
                $body
            }
            proto::Hash::Sha384 => {
                type $D = sha2::Sha384;
                $body
            }
            proto::Hash::Sha512 => {
                type $D = sha2::Sha512;
                $body
            }
        }
    };
}
use with_hash;

/// See [`Engine`].
pub(super) struct Rust;

/// A parsed key.
pub(super) enum Key {
    Secret(Zeroizing<Vec<u8>>),
    EcPrivate(ec::Private),
    EcPublic(ec::Public),
    RsaPrivate(Box<rsa::Private>),
    RsaPublic(Box<rsa::Public>),
}

fn key(prepared: &Prepared) -> Result<&Key, CryptoError> {
    match &prepared.0 {
        Parsed::Rust(key) => Ok(key),
        Parsed::Native(_) => Err(CryptoError::BadKey("the key was prepared by another engine")),
    }
}

fn secret(prepared: &Prepared) -> Result<&[u8], CryptoError> {
    match key(prepared)? {
        Key::Secret(bytes) => Ok(bytes),
        _ => Err(WRONG_KEY),
    }
}

fn hmac(hash: Hash, key: &[u8], data: &[u8]) -> Result<Vec<u8>, CryptoError> {
    with_hash!(hash, D => {
        let mut mac = Hmac::<D>::new_from_slice(key).map_err(|_| WRONG_KEY)?;
        mac.update(data);
        Ok(mac.finalize().into_bytes().to_vec())
    })
}

fn verify_hmac(hash: Hash, key: &[u8], data: &[u8], tag: &[u8]) -> Result<(), CryptoError> {
    with_hash!(hash, D => {
        let mut mac = Hmac::<D>::new_from_slice(key).map_err(|_| WRONG_KEY)?;
        mac.update(data);
        mac.verify_slice(tag).map_err(|_| CryptoError::BadSignature)
    })
}

impl Engine for Rust {
    fn generate_secret(&self, bytes: usize, random: Random<'_>) -> Material {
        let mut secret = Zeroizing::new(vec![0; bytes]);
        random(&mut secret);
        Material::Secret(secret)
    }

    fn generate_ec(&self, curve: Curve, random: Random<'_>) -> Result<Material, CryptoError> {
        let (scalar, point) = ec::generate(curve, random)?;
        Ok(Material::EcPrivate { curve, scalar, point })
    }

    fn generate_rsa(
        &self,
        bits: u32,
        exponent: u64,
        random: Random<'_>,
    ) -> Result<Material, CryptoError> {
        Ok(Material::RsaPrivate { pkcs1: rsa::generate(bits, exponent, random)? })
    }

    fn prepare(&self, material: &Material) -> Result<Prepared, CryptoError> {
        Ok(Prepared(Parsed::Rust(match material {
            Material::Secret(bytes) => Key::Secret(bytes.clone()),
            Material::EcPrivate { curve, scalar, point } => {
                Key::EcPrivate(ec::Private::parse(*curve, scalar, point)?)
            }
            Material::EcPublic { curve, point } => Key::EcPublic(ec::Public::parse(*curve, point)?),
            Material::RsaPrivate { pkcs1 } => Key::RsaPrivate(Box::new(rsa::parse(pkcs1)?)),
            Material::RsaPublic { modulus, exponent } => {
                Key::RsaPublic(Box::new(rsa::parse_public(modulus, exponent)?))
            }
        })))
    }

    fn sign(
        &self,
        prepared: &Prepared,
        params: &SignParams,
        data: &[u8],
        random: Random<'_>,
    ) -> Result<Vec<u8>, CryptoError> {
        match (key(prepared)?, params.mechanism) {
            (Key::Secret(bytes), _) => {
                check_hmac(params)?;
                hmac(params.hash, bytes, data)
            }
            (Key::EcPrivate(key), Mechanism::Ecdsa) => {
                Ok(key.sign(params.hash, &digest_of(self, params, data)?))
            }
            (Key::RsaPrivate(key), _) => {
                rsa::sign(key, params, &digest_of(self, params, data)?, random)
            }
            _ => Err(WRONG_KEY),
        }
    }

    fn verify(
        &self,
        prepared: &Prepared,
        params: &SignParams,
        data: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        match (key(prepared)?, params.mechanism) {
            (Key::Secret(bytes), _) => {
                check_hmac(params)?;
                verify_hmac(params.hash, bytes, data, signature)
            }
            (Key::EcPublic(key), Mechanism::Ecdsa) => {
                key.verify(&digest_of(self, params, data)?, signature)
            }
            (Key::RsaPublic(key), _) => {
                rsa::verify(key, params, &digest_of(self, params, data)?, signature)
            }
            _ => Err(WRONG_KEY),
        }
    }

    fn encrypt_gcm(
        &self,
        key: &Prepared,
        iv: &[u8; 12],
        aad: &[u8],
        data: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        aes::encrypt_gcm(secret(key)?, iv, aad, data)
    }

    fn decrypt_gcm(
        &self,
        key: &Prepared,
        iv: &[u8],
        aad: &[u8],
        data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        aes::decrypt_gcm(secret(key)?, iv, aad, data)
    }

    fn encrypt_cbc(
        &self,
        key: &Prepared,
        iv: &[u8],
        pad: bool,
        data: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        aes::encrypt_cbc(secret(key)?, iv, pad, data)
    }

    fn decrypt_cbc(
        &self,
        key: &Prepared,
        iv: &[u8],
        pad: bool,
        data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        aes::decrypt_cbc(secret(key)?, iv, pad, data)
    }

    fn wrap_aes(&self, key: &Prepared, how: AesWrap, plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
        aes::wrap(secret(key)?, how, plain)
    }

    fn unwrap_aes(
        &self,
        key: &Prepared,
        how: AesWrap,
        wrapped: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        aes::unwrap(secret(key)?, how, wrapped)
    }

    fn wrap_oaep(
        &self,
        prepared: &Prepared,
        hash: Hash,
        plain: &[u8],
        random: Random<'_>,
    ) -> Result<Vec<u8>, CryptoError> {
        match key(prepared)? {
            Key::RsaPublic(key) => rsa::wrap(key, hash, plain, random),
            _ => Err(WRONG_KEY),
        }
    }

    fn unwrap_oaep(
        &self,
        prepared: &Prepared,
        hash: Hash,
        wrapped: &[u8],
        random: Random<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        match key(prepared)? {
            Key::RsaPrivate(key) => rsa::unwrap(key, hash, wrapped, random),
            _ => Err(WRONG_KEY),
        }
    }

    fn digest(&self, hash: Hash, data: &[u8]) -> Vec<u8> {
        with_hash!(hash, D => D::digest(data).to_vec())
    }
}
