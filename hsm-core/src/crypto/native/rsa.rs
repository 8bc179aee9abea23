//! RSA keys, signatures and OAEP; SHA-1 and SHA-224 signatures and other salts by RustCrypto.
use super::algorithm;
use crate::crypto::material::check_rsa;
use crate::crypto::{CryptoError, Material, NOT_UNWRAPPED, Random, SignParams, check_oaep, rust};
use ::rsa::pkcs8::der::Encode;
use ::rsa::pkcs8::der::asn1::UintRef;
use aws_lc_rs::digest::Digest;
use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512,
    OaepAlgorithm, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
    PublicEncryptingKey,
};
use aws_lc_rs::signature::{self, RsaEncoding, RsaKeyPair, RsaParameters, UnparsedPublicKey};
use proto::Hash;
use proto::Mechanism;
use std::sync::OnceLock;
use zeroize::Zeroizing;

const MALFORMED: CryptoError = CryptoError::BadKey("the RSA key is malformed");

/// Makes a key pair.
pub(super) fn generate(
    bits: u32,
    exponent: u64,
    random: Random<'_>,
) -> Result<Material, CryptoError> {
    Ok(Material::RsaPrivate { pkcs1: rust::rsa::generate(bits, exponent, random)? })
}

/// What the library signs and verifies with; none for what it lacks.
fn native(params: &SignParams) -> Option<(&'static dyn RsaEncoding, &'static RsaParameters)> {
    let default_salt = params.salt_len.is_none_or(|len| len as usize == params.hash.len());
    match (params.mechanism, params.hash) {
        (Mechanism::RsaPkcs, Hash::Sha256) => {
            Some((&signature::RSA_PKCS1_SHA256, &signature::RSA_PKCS1_2048_8192_SHA256))
        }
        (Mechanism::RsaPkcs, Hash::Sha384) => {
            Some((&signature::RSA_PKCS1_SHA384, &signature::RSA_PKCS1_2048_8192_SHA384))
        }
        (Mechanism::RsaPkcs, Hash::Sha512) => {
            Some((&signature::RSA_PKCS1_SHA512, &signature::RSA_PKCS1_2048_8192_SHA512))
        }
        (Mechanism::RsaPkcsPss, Hash::Sha256) if default_salt => {
            Some((&signature::RSA_PSS_SHA256, &signature::RSA_PSS_2048_8192_SHA256))
        }
        (Mechanism::RsaPkcsPss, Hash::Sha384) if default_salt => {
            Some((&signature::RSA_PSS_SHA384, &signature::RSA_PSS_2048_8192_SHA384))
        }
        (Mechanism::RsaPkcsPss, Hash::Sha512) if default_salt => {
            Some((&signature::RSA_PSS_SHA512, &signature::RSA_PSS_2048_8192_SHA512))
        }
        _ => None,
    }
}

fn imported(hash: Hash, digest: &[u8]) -> Result<Digest, CryptoError> {
    Digest::import_less_safe(digest, algorithm(hash)).map_err(|_| CryptoError::Internal)
}

fn oaep(hash: Hash) -> Option<&'static OaepAlgorithm> {
    match hash {
        Hash::Sha1 => Some(&OAEP_SHA1_MGF1SHA1),
        Hash::Sha224 => None,
        Hash::Sha256 => Some(&OAEP_SHA256_MGF1SHA256),
        Hash::Sha384 => Some(&OAEP_SHA384_MGF1SHA384),
        Hash::Sha512 => Some(&OAEP_SHA512_MGF1SHA512),
    }
}

/// A key pair. What is seldom used is parsed when it is.
pub(in crate::crypto) struct Private {
    pkcs1: Zeroizing<Vec<u8>>,
    pair: RsaKeyPair,
    oaep: OnceLock<Option<OaepPrivateDecryptingKey>>,
    other: OnceLock<Option<rust::rsa::Private>>,
}

impl Private {
    pub(super) fn parse(pkcs1: &Zeroizing<Vec<u8>>) -> Result<Self, CryptoError> {
        let (modulus, exponent) = rust::rsa::public_of(pkcs1).ok_or(MALFORMED)?;
        check_rsa(modulus, exponent)?;
        let pair = RsaKeyPair::from_der(pkcs1).map_err(|_| MALFORMED)?;
        let pkcs1 = pkcs1.clone();
        Ok(Self { pkcs1, pair, oaep: OnceLock::new(), other: OnceLock::new() })
    }

    fn other(&self) -> Result<&rust::rsa::Private, CryptoError> {
        self.other.get_or_init(|| rust::rsa::parse(&self.pkcs1).ok()).as_ref().ok_or(MALFORMED)
    }

    fn oaep(&self) -> Result<&OaepPrivateDecryptingKey, CryptoError> {
        let parse = || {
            let pkcs8 = Material::RsaPrivate { pkcs1: self.pkcs1.clone() }.to_pkcs8().ok()?;
            OaepPrivateDecryptingKey::new(PrivateDecryptingKey::from_pkcs8(&pkcs8).ok()?).ok()
        };
        self.oaep.get_or_init(parse).as_ref().ok_or(MALFORMED)
    }

    pub(super) fn sign(
        &self,
        params: &SignParams,
        digest: &[u8],
        random: Random<'_>,
    ) -> Result<Vec<u8>, CryptoError> {
        let Some((encoding, _)) = native(params) else {
            return rust::rsa::sign(self.other()?, params, digest, random);
        };
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign_digest(encoding, &imported(params.hash, digest)?, &mut signature)
            .map_err(|_| CryptoError::Internal)?;
        Ok(signature)
    }

    pub(super) fn unwrap(
        &self,
        hash: Hash,
        wrapped: &[u8],
        random: Random<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let Some(algorithm) = oaep(hash) else {
            return rust::rsa::unwrap(self.other()?, hash, wrapped, random);
        };
        let key = self.oaep()?;
        let mut out = Zeroizing::new(vec![0; key.min_output_size()]);
        let len = key.decrypt(algorithm, wrapped, &mut out, None).map_err(|_| NOT_UNWRAPPED)?.len();
        out.truncate(len);
        Ok(out)
    }
}

/// A public key.
pub(in crate::crypto) struct Public {
    /// RSAPublicKey, as the library's verification takes it.
    pkcs1: Vec<u8>,
    oaep: OaepPublicEncryptingKey,
    other: rust::rsa::Public,
}

impl Public {
    pub(super) fn parse(modulus: &[u8], exponent: &[u8]) -> Result<Self, CryptoError> {
        let other = rust::rsa::parse_public(modulus, exponent)?;
        let number = |bytes| UintRef::new(bytes).map_err(|_| MALFORMED);
        let key = ::rsa::pkcs1::RsaPublicKeyRef {
            modulus: number(modulus)?,
            public_exponent: number(exponent)?,
        };
        let pkcs1 = key.to_der().map_err(|_| CryptoError::Internal)?;
        let oaep = signature::RsaPublicKeyComponents { n: modulus, e: exponent };
        let oaep: PublicEncryptingKey = oaep.try_into().map_err(|_| MALFORMED)?;
        let oaep = OaepPublicEncryptingKey::new(oaep).map_err(|_| MALFORMED)?;
        Ok(Self { pkcs1, oaep, other })
    }

    pub(super) fn verify(
        &self,
        params: &SignParams,
        digest: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        let Some((_, parameters)) = native(params) else {
            return rust::rsa::verify(&self.other, params, digest, signature);
        };
        UnparsedPublicKey::new(parameters, &self.pkcs1)
            .verify_digest(&imported(params.hash, digest)?, signature)
            .map_err(|_| CryptoError::BadSignature)
    }

    pub(super) fn wrap(
        &self,
        hash: Hash,
        plain: &[u8],
        random: Random<'_>,
    ) -> Result<Vec<u8>, CryptoError> {
        let Some(algorithm) = oaep(hash) else {
            return rust::rsa::wrap(&self.other, hash, plain, random);
        };
        check_oaep(self.oaep.key_size_bytes(), hash, plain)?;
        let mut out = vec![0; self.oaep.ciphertext_size()];
        let len = self
            .oaep
            .encrypt(algorithm, plain, &mut out, None)
            .map_err(|_| CryptoError::Internal)?
            .len();
        out.truncate(len);
        Ok(out)
    }
}
