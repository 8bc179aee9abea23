//! The engine of AWS-LC, with RustCrypto for what it lacks; keys come of its own randomness.
mod ec;
mod rsa;
mod secret;

use super::{
    AesWrap, CryptoError, Engine, Material, Parsed, Prepared, Random, SignParams, WRONG_KEY,
    check_hmac, digest_of,
};
use aws_lc_rs::digest as lc;
use proto::Mechanism;
use proto::{Curve, Hash};
use zeroize::Zeroizing;

/// See [`Engine`].
pub(super) struct Native;

/// A parsed key.
pub(super) enum Key {
    Secret(secret::Secret),
    EcPrivate(ec::Private),
    EcPublic(ec::Public),
    RsaPrivate(Box<rsa::Private>),
    RsaPublic(Box<rsa::Public>),
}

fn key(prepared: &Prepared) -> Result<&Key, CryptoError> {
    match &prepared.0 {
        Parsed::Native(key) => Ok(key),
        Parsed::Rust(_) => Err(CryptoError::BadKey("the key was prepared by another engine")),
    }
}

fn secret(prepared: &Prepared) -> Result<&secret::Secret, CryptoError> {
    match key(prepared)? {
        Key::Secret(secret) => Ok(secret),
        _ => Err(WRONG_KEY),
    }
}

fn algorithm(hash: Hash) -> &'static lc::Algorithm {
    match hash {
        Hash::Sha1 => &lc::SHA1_FOR_LEGACY_USE_ONLY,
        Hash::Sha224 => &lc::SHA224,
        Hash::Sha256 => &lc::SHA256,
        Hash::Sha384 => &lc::SHA384,
        Hash::Sha512 => &lc::SHA512,
    }
}

impl Engine for Native {
    fn generate_secret(&self, bytes: usize, random: Random<'_>) -> Material {
        let mut secret = Zeroizing::new(vec![0; bytes]);
        secret::fill(&mut secret, random);
        Material::Secret(secret)
    }

    fn generate_ec(&self, curve: Curve, _: Random<'_>) -> Result<Material, CryptoError> {
        ec::generate(curve)
    }

    fn generate_rsa(
        &self,
        bits: u32,
        exponent: u64,
        random: Random<'_>,
    ) -> Result<Material, CryptoError> {
        rsa::generate(bits, exponent, random)
    }

    fn prepare(&self, material: &Material) -> Result<Prepared, CryptoError> {
        Ok(Prepared(Parsed::Native(match material {
            Material::Secret(bytes) => Key::Secret(secret::Secret::parse(bytes)),
            Material::EcPrivate { curve, scalar, point } => {
                Key::EcPrivate(ec::Private::parse(*curve, scalar, point)?)
            }
            Material::EcPublic { curve, point } => Key::EcPublic(ec::Public::parse(*curve, point)?),
            Material::RsaPrivate { pkcs1 } => {
                Key::RsaPrivate(Box::new(rsa::Private::parse(pkcs1)?))
            }
            Material::RsaPublic { modulus, exponent } => {
                Key::RsaPublic(Box::new(rsa::Public::parse(modulus, exponent)?))
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
            (Key::Secret(key), _) => {
                check_hmac(params)?;
                Ok(key.hmac(params.hash, data))
            }
            (Key::EcPrivate(key), Mechanism::Ecdsa) => key.sign(&digest_of(self, params, data)?),
            (Key::RsaPrivate(key), _) => key.sign(params, &digest_of(self, params, data)?, random),
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
            (Key::Secret(key), _) => {
                check_hmac(params)?;
                key.verify_hmac(params.hash, data, signature)
            }
            (Key::EcPublic(key), Mechanism::Ecdsa) => {
                key.verify(&digest_of(self, params, data)?, signature)
            }
            (Key::RsaPublic(key), _) => {
                key.verify(params, &digest_of(self, params, data)?, signature)
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
        secret(key)?.encrypt_gcm(iv, aad, data)
    }

    fn decrypt_gcm(
        &self,
        key: &Prepared,
        iv: &[u8],
        aad: &[u8],
        data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        secret(key)?.decrypt_gcm(iv, aad, data)
    }

    fn encrypt_cbc(
        &self,
        key: &Prepared,
        iv: &[u8],
        pad: bool,
        data: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        secret(key)?.encrypt_cbc(iv, pad, data)
    }

    fn decrypt_cbc(
        &self,
        key: &Prepared,
        iv: &[u8],
        pad: bool,
        data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        secret(key)?.decrypt_cbc(iv, pad, data)
    }

    fn wrap_aes(&self, key: &Prepared, how: AesWrap, plain: &[u8]) -> Result<Vec<u8>, CryptoError> {
        secret(key)?.wrap(how, plain)
    }

    fn unwrap_aes(
        &self,
        key: &Prepared,
        how: AesWrap,
        wrapped: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        secret(key)?.unwrap(how, wrapped)
    }

    fn wrap_oaep(
        &self,
        prepared: &Prepared,
        hash: Hash,
        plain: &[u8],
        random: Random<'_>,
    ) -> Result<Vec<u8>, CryptoError> {
        match key(prepared)? {
            Key::RsaPublic(key) => key.wrap(hash, plain, random),
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
            Key::RsaPrivate(key) => key.unwrap(hash, wrapped, random),
            _ => Err(WRONG_KEY),
        }
    }

    fn digest(&self, hash: Hash, data: &[u8]) -> Vec<u8> {
        lc::digest(algorithm(hash), data).as_ref().to_vec()
    }
}
