//! ECDSA and key generation on the four curves.
use super::with_hash;
use crate::crypto::material::check_point;
use crate::crypto::{CryptoError, Random};
use ecdsa::hazmat::{sign_prehashed_rfc6979, verify_prehashed};
use ecdsa::{Signature, elliptic_curve};
use elliptic_curve::sec1::ToSec1Point;
use elliptic_curve::{NonZeroScalar, PublicKey, SecretKey};
use proto::{Curve, Hash};
use zeroize::Zeroizing;

const NOT_A_SCALAR: CryptoError = CryptoError::BadKey("the private value is not one of its curve");

macro_rules! curves {
    ($($curve:ident $C:ty;)*) => {
        /// A private scalar, never zero.
        pub(in crate::crypto) enum Private { $($curve(NonZeroScalar<$C>)),* }

        /// A point on its curve, never the one at infinity.
        pub(in crate::crypto) enum Public { $($curve(PublicKey<$C>)),* }

        impl Private {
            /// Checks that the point is the scalar's.
            pub(super) fn parse(
                curve: Curve,
                scalar: &[u8],
                point: &[u8],
            ) -> Result<Self, CryptoError> {
                if public_point(curve, scalar)? != point {
                    return Err(CryptoError::BadKey("the two halves are not of one key"));
                }
                match curve {
                    $(Curve::$curve => SecretKey::<$C>::from_slice(scalar)
                        .map(|key| Self::$curve(key.to_nonzero_scalar()))
                        .map_err(|_| NOT_A_SCALAR),)*
                }
            }

            /// Signs deterministically (RFC 6979). The digest must be as long as the hash's.
            pub(super) fn sign(&self, hash: Hash, digest: &[u8]) -> Vec<u8> {
                match self {
                    $(Self::$curve(scalar) => with_hash!(hash, D => {
                        sign_prehashed_rfc6979::<$C, D>(scalar, digest, &[]).0.to_bytes().to_vec()
                    }),)*
                }
            }
        }

        impl Drop for Private {
            fn drop(&mut self) {
                match self { $(Self::$curve(scalar) => zeroize::Zeroize::zeroize(scalar),)* }
            }
        }

        impl Public {
            pub(super) fn parse(curve: Curve, point: &[u8]) -> Result<Self, CryptoError> {
                check_point(curve, point)?;
                match curve {
                    $(Curve::$curve => PublicKey::<$C>::from_sec1_bytes(point)
                        .map(Self::$curve)
                        .map_err(|_| CryptoError::BadKey("the point is not on its curve")),)*
                }
            }

            /// Takes both values of s on every curve: k256 by itself wants the lower one.
            pub(super) fn verify(
                &self,
                digest: &[u8],
                signature: &[u8],
            ) -> Result<(), CryptoError> {
                match self {
                    $(Self::$curve(key) => Signature::<$C>::from_slice(signature)
                        .and_then(|signature| {
                            let point = key.to_projective();
                            verify_prehashed(&point, digest, &signature.normalize_s())
                        }),)*
                }
                .map_err(|_| CryptoError::BadSignature)
            }
        }

        /// The uncompressed public point of a scalar. The scalar must be as long as a coordinate,
        /// not zero and below the order.
        pub(in crate::crypto) fn public_point(
            curve: Curve,
            scalar: &[u8],
        ) -> Result<Vec<u8>, CryptoError> {
            if scalar.len() != curve.coordinate_len() {
                return Err(NOT_A_SCALAR);
            }
            match curve {
                $(Curve::$curve => SecretKey::<$C>::from_slice(scalar)
                    .map(|key| key.public_key().to_sec1_point(false).as_bytes().to_vec())
                    .map_err(|_| NOT_A_SCALAR),)*
            }
        }
    };
}

curves! {
    P256 p256::NistP256;
    P384 p384::NistP384;
    P521 p521::NistP521;
    Secp256k1 k256::Secp256k1;
}

/// A scalar below the order, by trying; a source that never gives one is broken.
pub(super) fn generate(
    curve: Curve,
    random: Random<'_>,
) -> Result<(Zeroizing<Vec<u8>>, Vec<u8>), CryptoError> {
    let mut scalar = Zeroizing::new(vec![0; curve.coordinate_len()]);
    for _ in 0..64 {
        random(&mut scalar);
        if curve == Curve::P521 {
            scalar[0] &= 1;
        }
        if let Ok(point) = public_point(curve, &scalar) {
            return Ok((scalar, point));
        }
    }
    Err(CryptoError::Internal)
}
