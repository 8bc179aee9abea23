//! The one door to cryptography: what an engine does, and the two engines that do it.
mod material;
mod native;
mod rust;
#[cfg(test)]
mod tests;

pub(crate) use material::Material;

use proto::Mechanism;
use proto::{Curve, Hash, KeyType};
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The world's randomness: fills the slice.
pub(crate) type Random<'a> = &'a mut dyn FnMut(&mut [u8]);

/// Which engine does the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineKind {
    /// AWS-LC: the fast one. Draws its randomness itself.
    Native,
    /// RustCrypto: draws all of its randomness from the world, so its results can be repeated.
    Rust,
}

/// Why an engine refuses. The texts name the thing, never its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CryptoError {
    /// The signature is not one of this key over these data.
    BadSignature,
    /// The data do not fit the mechanism, or do not decrypt.
    BadData(&'static str),
    /// The key is malformed, or is not of the kind that the operation takes.
    BadKey(&'static str),
    /// No engine offers this.
    Unsupported(&'static str),
    /// The library failed where it should not.
    Internal,
}

impl fmt::Display for CryptoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadSignature => "the signature does not verify",
            Self::BadData(why) | Self::BadKey(why) | Self::Unsupported(why) => why,
            Self::Internal => "the crypto library failed",
        })
    }
}

impl std::error::Error for CryptoError {}

/// How to sign or verify.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SignParams {
    /// `Ecdsa`, `RsaPkcs`, `RsaPkcsPss` or `Hmac`.
    pub(crate) mechanism: Mechanism,
    /// The hash of the data; of MGF1 too.
    pub(crate) hash: Hash,
    /// Whether the data are the digest already. Not for HMAC.
    pub(crate) digested: bool,
    /// Bytes of PSS's salt; as long as the hash when not given.
    pub(crate) salt_len: Option<u32>,
}

/// How AES key wrap pads what it wraps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::enum_variant_names)] // the names of the mechanisms
pub(crate) enum AesWrap {
    /// RFC 3394: a multiple of 8 bytes, at least 16.
    NoPad,
    /// CloudHSM's own: 8 to 15 bytes as in PKCS #5 up to a multiple of 8, then RFC 3394.
    Pkcs5Pad,
    /// RFC 5649.
    ZeroPad,
}

/// A key parsed for the engine that made it.
pub(crate) struct Prepared(Parsed);

enum Parsed {
    Native(native::Key),
    Rust(rust::Key),
}

/// What both engines do. No call panics on any input.
pub(crate) trait Engine: Send + Sync {
    /// An AES key or generic secret of this many bytes.
    fn generate_secret(&self, bytes: usize, random: Random<'_>) -> Material;

    /// An EC private key.
    fn generate_ec(&self, curve: Curve, random: Random<'_>) -> Result<Material, CryptoError>;

    /// An RSA private key: 2048 to 4096 bits in steps of 256, an odd exponent of 65537 to 2^33.
    fn generate_rsa(
        &self,
        bits: u32,
        exponent: u64,
        random: Random<'_>,
    ) -> Result<Material, CryptoError>;

    /// Parses and checks a key (points on the curve, RSA numbers that belong together).
    fn prepare(&self, material: &Material) -> Result<Prepared, CryptoError>;

    /// Signs with a private key or makes an HMAC tag. An ECDSA signature is r and s, each as long
    /// as the curve's coordinates.
    fn sign(
        &self,
        key: &Prepared,
        params: &SignParams,
        data: &[u8],
        random: Random<'_>,
    ) -> Result<Vec<u8>, CryptoError>;

    /// Checks a signature with a public key, or an HMAC tag in constant time.
    fn verify(
        &self,
        key: &Prepared,
        params: &SignParams,
        data: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError>;

    /// AES-GCM: the ciphertext and its tag of 16 bytes. Never give a key the same IV twice.
    fn encrypt_gcm(
        &self,
        key: &Prepared,
        iv: &[u8; 12],
        aad: &[u8],
        data: &[u8],
    ) -> Result<Vec<u8>, CryptoError>;

    /// Undoes [`Engine::encrypt_gcm`]. The IV must have 12 bytes.
    fn decrypt_gcm(
        &self,
        key: &Prepared,
        iv: &[u8],
        aad: &[u8],
        data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CryptoError>;

    /// AES-CBC, with PKCS #7 padding or of whole blocks. The IV must have 16 bytes.
    fn encrypt_cbc(
        &self,
        key: &Prepared,
        iv: &[u8],
        pad: bool,
        data: &[u8],
    ) -> Result<Vec<u8>, CryptoError>;

    /// Undoes [`Engine::encrypt_cbc`].
    fn decrypt_cbc(
        &self,
        key: &Prepared,
        iv: &[u8],
        pad: bool,
        data: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CryptoError>;

    /// AES key wrap.
    fn wrap_aes(&self, key: &Prepared, how: AesWrap, plain: &[u8]) -> Result<Vec<u8>, CryptoError>;

    /// Undoes [`Engine::wrap_aes`].
    fn unwrap_aes(
        &self,
        key: &Prepared,
        how: AesWrap,
        wrapped: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, CryptoError>;

    /// RSA-OAEP with an RSA public key; MGF1 has the same hash, the label is empty.
    fn wrap_oaep(
        &self,
        key: &Prepared,
        hash: Hash,
        plain: &[u8],
        random: Random<'_>,
    ) -> Result<Vec<u8>, CryptoError>;

    /// Undoes [`Engine::wrap_oaep`], with the RSA private key.
    fn unwrap_oaep(
        &self,
        key: &Prepared,
        hash: Hash,
        wrapped: &[u8],
        random: Random<'_>,
    ) -> Result<Zeroizing<Vec<u8>>, CryptoError>;

    /// The digest of the data.
    fn digest(&self, hash: Hash, data: &[u8]) -> Vec<u8>;

    /// PKCS#11's CKA_CHECK_VALUE: of AES the start of an encrypted zero block, of a key pair the
    /// start of the public key's SHA-1, the same for both halves. A generic secret has none.
    fn check_value(&self, material: &Material, key_type: KeyType) -> Option<[u8; 3]> {
        let digest = match (material, key_type) {
            (Material::Secret(bytes), KeyType::Aes) => return rust::aes_check_value(bytes),
            (Material::EcPrivate { point, .. } | Material::EcPublic { point, .. }, _) => {
                self.digest(Hash::Sha1, point)
            }
            (Material::RsaPrivate { .. } | Material::RsaPublic { .. }, _) => {
                let (modulus, exponent) = material.rsa_public()?;
                self.digest(Hash::Sha1, &[modulus, exponent].concat())
            }
            _ => return None,
        };
        digest.first_chunk().copied()
    }
}

/// The engine of this kind.
pub(crate) fn engine(kind: EngineKind) -> Arc<dyn Engine> {
    match kind {
        EngineKind::Native => Arc::new(native::Native),
        EngineKind::Rust => Arc::new(rust::Rust),
    }
}

const WRONG_KEY: CryptoError = CryptoError::BadKey("the key is not of the kind that this takes");
const NOT_DECRYPTED: CryptoError = CryptoError::BadData("the data do not decrypt with this key");
const NOT_UNWRAPPED: CryptoError = CryptoError::BadData("the wrapped key does not unwrap");

/// The digest to sign: computed, or given and of the right length.
fn digest_of(
    engine: &dyn Engine,
    params: &SignParams,
    data: &[u8],
) -> Result<Vec<u8>, CryptoError> {
    if !params.digested {
        return Ok(engine.digest(params.hash, data));
    }
    if data.len() != params.hash.len() {
        return Err(CryptoError::BadData("the digest is not as long as the hash's"));
    }
    Ok(data.to_vec())
}

/// HMAC takes the data themselves.
fn check_hmac(params: &SignParams) -> Result<(), CryptoError> {
    match (params.mechanism, params.digested) {
        (Mechanism::Hmac, false) => Ok(()),
        (Mechanism::Hmac, true) => Err(CryptoError::BadData("HMAC takes no digest")),
        _ => Err(WRONG_KEY),
    }
}

/// An RSA key pair that an HSM makes or takes: sizes as in proto's limits, and an exponent that
/// both libraries compute with.
fn check_rsa_size(bits: u32, exponent: u64) -> Result<(), CryptoError> {
    use proto::limits::{RSA_BITS_MAX, RSA_BITS_MIN, RSA_BITS_STEP, RSA_EXPONENT_MIN};
    if !(RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) || !bits.is_multiple_of(RSA_BITS_STEP) {
        return Err(CryptoError::BadKey("RSA keys have 2048 to 4096 bits in steps of 256"));
    }
    if exponent < RSA_EXPONENT_MIN || exponent.is_multiple_of(2) {
        return Err(CryptoError::BadKey("RSA exponents are odd and at least 65537"));
    }
    if exponent >> 33 != 0 {
        return Err(CryptoError::Unsupported("an RSA exponent of more than 33 bits"));
    }
    Ok(())
}

fn block_iv(iv: &[u8]) -> Result<&[u8; 16], CryptoError> {
    iv.try_into().map_err(|_| CryptoError::BadData("the IV of AES-CBC has 16 bytes"))
}

/// Bytes of whole AES blocks; of padded data at least one.
fn check_blocks(len: usize, padded: bool) -> Result<(), CryptoError> {
    if !len.is_multiple_of(16) || (padded && len == 0) {
        return Err(CryptoError::BadData("the data are not whole AES blocks"));
    }
    Ok(())
}

/// What RFC 3394 wraps under each padding; RFC 5649 pads by itself.
fn pad_for_wrap(how: AesWrap, plain: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let pad = match how {
        AesWrap::NoPad if plain.len() < 16 || !plain.len().is_multiple_of(8) => {
            return Err(CryptoError::BadData("a key that is not padded has 16, 24, 32, … bytes"));
        }
        _ if plain.is_empty() => return Err(CryptoError::BadData("there is nothing to wrap")),
        AesWrap::Pkcs5Pad if plain.len().is_multiple_of(8) => 8,
        AesWrap::Pkcs5Pad => 16 - plain.len() % 8,
        AesWrap::NoPad | AesWrap::ZeroPad => 0,
    };
    let mut padded = Zeroizing::new(Vec::with_capacity(plain.len() + pad));
    padded.extend_from_slice(plain);
    padded.resize(plain.len() + pad, pad as u8);
    Ok(padded)
}

/// Strips what [`pad_for_wrap`] added, and the 1 to 7 bytes of others' PKCS #5.
fn unpad_wrapped(
    how: AesWrap,
    mut plain: Zeroizing<Vec<u8>>,
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    if how == AesWrap::Pkcs5Pad {
        let pad = plain.last().copied().unwrap_or_default();
        let kept = plain.len().checked_sub(usize::from(pad)).ok_or(NOT_UNWRAPPED)?;
        if !(1..=15).contains(&pad) || kept == 0 || plain[kept..].iter().any(|byte| *byte != pad) {
            return Err(NOT_UNWRAPPED);
        }
        plain.truncate(kept);
    }
    Ok(plain)
}

/// Bytes that AES key wrap can have made.
fn check_wrapped(how: AesWrap, wrapped: &[u8]) -> Result<(), CryptoError> {
    let least = if how == AesWrap::ZeroPad { 16 } else { 24 };
    if wrapped.len() < least || !wrapped.len().is_multiple_of(8) {
        return Err(NOT_UNWRAPPED);
    }
    Ok(())
}

/// OAEP's bound on what it wraps, for a modulus of this many bytes.
fn check_oaep(modulus: usize, hash: Hash, plain: &[u8]) -> Result<(), CryptoError> {
    if plain.len() + 2 * hash.len() + 2 > modulus {
        return Err(CryptoError::BadData("the key is too long to wrap with RSA-OAEP"));
    }
    Ok(())
}
