//! ECDSA and key generation on the four curves.
use crate::crypto::material::check_point;
use crate::crypto::{CryptoError, Material};
use aws_lc_rs::digest::{Digest, SHA256, SHA384, SHA512};
use aws_lc_rs::encoding::AsBigEndian;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P256K1_SHA256_FIXED,
    ECDSA_P256K1_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED, ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    EcdsaVerificationAlgorithm, KeyPair, ParsedPublicKey,
};
use proto::Curve;
use zeroize::Zeroizing;

fn signing(curve: Curve) -> &'static EcdsaSigningAlgorithm {
    match curve {
        Curve::P256 => &ECDSA_P256_SHA256_FIXED_SIGNING,
        Curve::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
        Curve::P521 => &ECDSA_P521_SHA512_FIXED_SIGNING,
        Curve::Secp256k1 => &ECDSA_P256K1_SHA256_FIXED_SIGNING,
    }
}

fn verifying(curve: Curve) -> &'static EcdsaVerificationAlgorithm {
    match curve {
        Curve::P256 => &ECDSA_P256_SHA256_FIXED,
        Curve::P384 => &ECDSA_P384_SHA384_FIXED,
        Curve::P521 => &ECDSA_P521_SHA512_FIXED,
        Curve::Secp256k1 => &ECDSA_P256K1_SHA256_FIXED,
    }
}

/// The digest of any hash in the clothes of the one hash that the library offers with the curve.
/// ECDSA reads a digest as a number of at most the curve's bits, from the left: a longer one is
/// cut, a shorter one is the same number with zeros before it.
fn fit(curve: Curve, digest: &[u8]) -> Result<Digest, CryptoError> {
    let algorithm = match curve {
        Curve::P256 | Curve::Secp256k1 => &SHA256,
        Curve::P384 => &SHA384,
        Curve::P521 => &SHA512,
    };
    let mut fitted = [0; 64];
    let fitted = &mut fitted[..algorithm.output_len];
    let kept = digest.len().min(fitted.len());
    let start = fitted.len() - kept;
    fitted[start..].copy_from_slice(&digest[..kept]);
    Digest::import_less_safe(fitted, algorithm).map_err(|_| CryptoError::Internal)
}

/// Makes a key pair.
pub(super) fn generate(curve: Curve) -> Result<Material, CryptoError> {
    let internal = |_| CryptoError::Internal;
    let pair = EcdsaKeyPair::generate(signing(curve)).map_err(internal)?;
    let scalar = pair.private_key().as_be_bytes().map_err(internal)?;
    let scalar = Zeroizing::new(scalar.as_ref().to_vec());
    Ok(Material::EcPrivate { curve, scalar, point: pair.public_key().as_ref().to_vec() })
}

/// A key pair on its curve.
pub(in crate::crypto) struct Private {
    curve: Curve,
    pair: EcdsaKeyPair,
}

impl Private {
    pub(super) fn parse(curve: Curve, scalar: &[u8], point: &[u8]) -> Result<Self, CryptoError> {
        check_point(curve, point)?;
        if scalar.len() != curve.coordinate_len() {
            return Err(CryptoError::BadKey("the private value is not one of its curve"));
        }
        let pair = EcdsaKeyPair::from_private_key_and_public_key(signing(curve), scalar, point)
            .map_err(|_| CryptoError::BadKey("the two halves are not of one key"))?;
        Ok(Self { curve, pair })
    }

    pub(super) fn sign(&self, digest: &[u8]) -> Result<Vec<u8>, CryptoError> {
        let signature = self.pair.sign_digest(&fit(self.curve, digest)?);
        Ok(signature.map_err(|_| CryptoError::Internal)?.as_ref().to_vec())
    }
}

/// A point on its curve.
pub(in crate::crypto) struct Public {
    curve: Curve,
    point: ParsedPublicKey,
}

impl Public {
    pub(super) fn parse(curve: Curve, point: &[u8]) -> Result<Self, CryptoError> {
        check_point(curve, point)?;
        let point = ParsedPublicKey::new(verifying(curve), point)
            .map_err(|_| CryptoError::BadKey("the point is not on its curve"))?;
        Ok(Self { curve, point })
    }

    pub(super) fn verify(&self, digest: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        self.point
            .verify_digest_sig(&fit(self.curve, digest)?, signature)
            .map_err(|_| CryptoError::BadSignature)
    }
}
