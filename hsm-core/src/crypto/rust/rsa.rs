//! RSA keys, signatures and OAEP.
use super::with_hash;
use crate::crypto::material::check_rsa;
use crate::crypto::{
    CryptoError, NOT_UNWRAPPED, Random, SignParams, WRONG_KEY, check_oaep, check_rsa_size,
};
use ::rsa::hazmat::rsa_decrypt_and_check;
use ::rsa::pkcs1::{DecodeRsaPrivateKey, EncodeRsaPrivateKey, RsaPrivateKeyRef};
use ::rsa::pkcs8::der::Decode;
use ::rsa::rand_core::{TryCryptoRng, TryRng};
use ::rsa::traits::PublicKeyParts;
use ::rsa::{BoxedUint, Oaep, Pkcs1v15Sign, Pss};
pub(in crate::crypto) use ::rsa::{PrivateKey as Private, PublicKey as Public};
use proto::Hash;
use proto::Mechanism;
use std::convert::Infallible;
use zeroize::Zeroizing;

const MALFORMED: CryptoError = CryptoError::BadKey("the RSA key is malformed");

/// The world's randomness under the name that the crates want.
struct Source<'a>(Random<'a>);

impl TryRng for Source<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        (self.0)(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        (self.0)(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        (self.0)(out);
        Ok(())
    }
}

impl TryCryptoRng for Source<'_> {}

/// Modulus and exponent of an RSAPrivateKey, unchecked.
pub(in crate::crypto) fn public_of(pkcs1: &[u8]) -> Option<(&[u8], &[u8])> {
    let key = RsaPrivateKeyRef::from_der(pkcs1).ok()?;
    Some((key.modulus.as_bytes(), key.public_exponent.as_bytes()))
}

/// Makes a key pair; the RSAPrivateKey.
pub(in crate::crypto) fn generate(
    bits: u32,
    exponent: u64,
    random: Random<'_>,
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    check_rsa_size(bits, exponent)?;
    let exponent = BoxedUint::from(exponent);
    let key = Private::new_with_exp(&mut Source(random), bits as usize, exponent);
    encode(&key.map_err(|_| CryptoError::Internal)?)
}

fn encode(key: &Private) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    Ok(key.to_pkcs1_der().map_err(|_| CryptoError::Internal)?.to_bytes())
}

/// Parses an RSAPrivateKey; its numbers belong together.
pub(in crate::crypto) fn parse(pkcs1: &[u8]) -> Result<Private, CryptoError> {
    let (modulus, exponent) = public_of(pkcs1).ok_or(MALFORMED)?;
    check_rsa(modulus, exponent)?;
    Private::from_pkcs1_der(pkcs1).map_err(|_| MALFORMED)
}

/// An imported RSAPrivateKey, written anew from its primes and exponents.
pub(in crate::crypto) fn checked(pkcs1: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let key = parse(pkcs1)?;
    key.validate().map_err(|_| MALFORMED)?;
    encode(&key)
}

/// Parses a public key.
pub(in crate::crypto) fn parse_public(
    modulus: &[u8],
    exponent: &[u8],
) -> Result<Public, CryptoError> {
    check_rsa(modulus, exponent)?;
    let number = |bytes: &[u8]| {
        BoxedUint::from_be_slice(bytes, bytes.len() as u32 * 8).map_err(|_| MALFORMED)
    };
    Public::new(number(modulus)?, number(exponent)?).map_err(|_| MALFORMED)
}

/// PSS's salt, which must fit the modulus beside the digest.
fn salt_len(params: &SignParams, modulus: usize) -> Result<usize, CryptoError> {
    let len = params.salt_len.map_or(params.hash.len(), |len| len as usize);
    if len > modulus - params.hash.len() - 2 {
        return Err(CryptoError::BadData("the salt does not fit the RSA key"));
    }
    Ok(len)
}

/// Signs a digest of the hash's length.
pub(in crate::crypto) fn sign(
    key: &Private,
    params: &SignParams,
    digest: &[u8],
    random: Random<'_>,
) -> Result<Vec<u8>, CryptoError> {
    let source = &mut Source(random);
    with_hash!(params.hash, D => match params.mechanism {
        Mechanism::RsaPkcs => key.sign_with_rng(source, Pkcs1v15Sign::new::<D>(), digest),
        Mechanism::RsaPkcsPss => {
            let scheme = Pss::<D>::new_with_salt(salt_len(params, key.size())?);
            key.sign_with_rng(source, scheme, digest)
        }
        _ => return Err(WRONG_KEY),
    })
    .map_err(|_| CryptoError::Internal)
}

/// Checks a signature of a digest of the hash's length.
pub(in crate::crypto) fn verify(
    key: &Public,
    params: &SignParams,
    digest: &[u8],
    signature: &[u8],
) -> Result<(), CryptoError> {
    with_hash!(params.hash, D => match params.mechanism {
        Mechanism::RsaPkcs => key.verify(Pkcs1v15Sign::new::<D>(), digest, signature),
        Mechanism::RsaPkcsPss => {
            let scheme = Pss::<D>::new_with_salt(salt_len(params, key.size())?);
            key.verify(scheme, digest, signature)
        }
        _ => return Err(WRONG_KEY),
    })
    .map_err(|_| CryptoError::BadSignature)
}

/// Wraps under RSA-OAEP.
pub(in crate::crypto) fn wrap(
    key: &Public,
    hash: Hash,
    plain: &[u8],
    random: Random<'_>,
) -> Result<Vec<u8>, CryptoError> {
    check_oaep(key.size(), hash, plain)?;
    with_hash!(hash, D => key.encrypt(&mut Source(random), Oaep::<D>::new(), plain))
        .map_err(|_| CryptoError::Internal)
}

/// RFC 8017, 7.1.2, 3g: the encoded message begins with a zero byte. The crate does not look.
fn check_first_byte(key: &Private, wrapped: &[u8], random: Random<'_>) -> Result<(), CryptoError> {
    let size = key.size();
    if wrapped.len() != size {
        return Err(NOT_UNWRAPPED);
    }
    let number = BoxedUint::from_be_slice(wrapped, key.n_bits_precision());
    let number = number.map_err(|_| NOT_UNWRAPPED)?;
    let encoded = rsa_decrypt_and_check(key, Some(&mut Source(random)), &number);
    let encoded = encoded.map_err(|_| NOT_UNWRAPPED)?;
    if encoded.bit_width() as usize > (size - 1) * 8 { Err(NOT_UNWRAPPED) } else { Ok(()) }
}

/// Unwraps what RSA-OAEP wrapped.
pub(in crate::crypto) fn unwrap(
    key: &Private,
    hash: Hash,
    wrapped: &[u8],
    random: Random<'_>,
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    check_first_byte(key, wrapped, random)?;
    with_hash!(hash, D => {
        key.decrypt_blinded(&mut Source(random), Oaep::<D>::new(), wrapped)
    })
    .map(Zeroizing::new)
    .map_err(|_| NOT_UNWRAPPED)
}
