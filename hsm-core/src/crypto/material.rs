//! Key material as it is kept: the same for every engine, erased when dropped.
use super::rust::{ec, rsa};
use super::{CryptoError, check_rsa_size};
use ::rsa::pkcs8::PrivateKeyInfoRef;
use ::rsa::pkcs8::der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use ::rsa::pkcs8::der::{Decode, Encode};
use ::rsa::pkcs8::spki::AlgorithmIdentifierRef;
use proto::{Curve, KeyType};
use sec1::EcPrivateKey;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// One key.
#[derive(Clone)]
pub(crate) enum Material {
    /// An AES key or a generic secret.
    Secret(Zeroizing<Vec<u8>>),
    /// The scalar is big endian and as long as a coordinate; the point is uncompressed (04 x y).
    EcPrivate { curve: Curve, scalar: Zeroizing<Vec<u8>>, point: Vec<u8> },
    /// The point is uncompressed.
    EcPublic { curve: Curve, point: Vec<u8> },
    /// An RSAPrivateKey in DER (RFC 8017).
    RsaPrivate { pkcs1: Zeroizing<Vec<u8>> },
    /// Big endian, without leading zeros.
    RsaPublic { modulus: Vec<u8>, exponent: Vec<u8> },
}

const ID_EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ID_RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

const MALFORMED: CryptoError = CryptoError::BadKey("the key is malformed");

fn curve_id(curve: Curve) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(match curve {
        Curve::P256 => "1.2.840.10045.3.1.7",
        Curve::P384 => "1.3.132.0.34",
        Curve::P521 => "1.3.132.0.35",
        Curve::Secp256k1 => "1.3.132.0.10",
    })
}

impl Material {
    /// The public half; a secret has none.
    pub(crate) fn public_half(&self) -> Option<Self> {
        match self {
            Self::Secret(_) => None,
            Self::EcPrivate { curve, point, .. } | Self::EcPublic { curve, point } => {
                Some(Self::EcPublic { curve: *curve, point: point.clone() })
            }
            Self::RsaPrivate { .. } | Self::RsaPublic { .. } => {
                let (modulus, exponent) = self.rsa_public()?;
                Some(Self::RsaPublic { modulus: modulus.to_vec(), exponent: exponent.to_vec() })
            }
        }
    }

    /// Modulus and exponent of an RSA key.
    pub(crate) fn rsa_public(&self) -> Option<(&[u8], &[u8])> {
        match self {
            Self::RsaPrivate { pkcs1 } => rsa::public_of(pkcs1),
            Self::RsaPublic { modulus, exponent } => Some((modulus, exponent)),
            _ => None,
        }
    }

    /// A private key as PKCS #8 (PrivateKeyInfo, DER).
    pub(crate) fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
        let internal = |_| CryptoError::Internal;
        let (oid, parameters, key) = match self {
            Self::EcPrivate { curve, scalar, point } => {
                let key =
                    EcPrivateKey { private_key: scalar, parameters: None, public_key: Some(point) };
                let key = Zeroizing::new(key.to_der().map_err(internal)?);
                (ID_EC, Some(curve_id(*curve)), key)
            }
            Self::RsaPrivate { pkcs1 } => (ID_RSA, None, pkcs1.clone()),
            _ => return Err(CryptoError::BadKey("only a private key has a PKCS #8 form")),
        };
        let parameters = parameters.as_ref().map_or(AnyRef::NULL, AnyRef::from);
        let algorithm = AlgorithmIdentifierRef { oid, parameters: Some(parameters) };
        let key = OctetStringRef::new(&key).map_err(internal)?;
        let document = PrivateKeyInfoRef::new(algorithm, key).to_der().map_err(internal)?;
        Ok(Zeroizing::new(document))
    }

    /// Reads a private key from PKCS #8 and checks it; of an EC key the public point is computed.
    /// The curve, where it is given, must be the key's.
    pub(crate) fn from_pkcs8(
        key_type: KeyType,
        curve: Option<Curve>,
        der: &[u8],
    ) -> Result<Self, CryptoError> {
        let document = PrivateKeyInfoRef::from_der(der).map_err(|_| MALFORMED)?;
        let key = document.private_key.as_bytes();
        match (key_type, document.algorithm.oid) {
            (KeyType::Ec, ID_EC) => {
                let id = document.algorithm.parameters_oid().map_err(|_| MALFORMED)?;
                let found = Curve::ALL.iter().copied().find(|curve| curve_id(*curve) == id);
                let found = found.ok_or(CryptoError::Unsupported("this curve"))?;
                if curve.is_some_and(|curve| curve != found) {
                    return Err(CryptoError::BadKey("the key is on another curve"));
                }
                let key = EcPrivateKey::from_der(key).map_err(|_| MALFORMED)?;
                let point = ec::public_point(found, key.private_key)?;
                if key.public_key.is_some_and(|given| given.len() == point.len() && given != point)
                {
                    return Err(CryptoError::BadKey("the public half is another key's"));
                }
                let scalar = Zeroizing::new(key.private_key.to_vec());
                Ok(Self::EcPrivate { curve: found, scalar, point })
            }
            (KeyType::Rsa, ID_RSA) => Ok(Self::RsaPrivate { pkcs1: rsa::checked(key)? }),
            _ => Err(CryptoError::BadKey("the key is of another type")),
        }
    }

    /// Whether it is the same key. Takes as long wherever they differ.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.encode().ct_eq(&other.encode()).into()
    }

    /// A compact form for sealing; [`Material::decode`] reads it.
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(self.encoded_len()));
        match self {
            Self::Secret(bytes) => {
                out.push(1);
                out.extend_from_slice(bytes);
            }
            Self::EcPrivate { curve, scalar, point } => {
                out.extend_from_slice(&[2, *curve as u8]);
                out.extend_from_slice(scalar);
                out.extend_from_slice(point);
            }
            Self::EcPublic { curve, point } => {
                out.extend_from_slice(&[3, *curve as u8]);
                out.extend_from_slice(point);
            }
            Self::RsaPrivate { pkcs1 } => {
                out.push(4);
                out.extend_from_slice(pkcs1);
            }
            Self::RsaPublic { modulus, exponent } => {
                out.extend_from_slice(&[5, exponent.len() as u8]);
                out.extend_from_slice(exponent);
                out.extend_from_slice(modulus);
            }
        }
        out
    }

    /// Reserved at once, so that growing leaves no copy of the secret behind.
    fn encoded_len(&self) -> usize {
        2 + match self {
            Self::Secret(bytes) | Self::RsaPrivate { pkcs1: bytes } => bytes.len(),
            Self::EcPrivate { scalar, point, .. } => scalar.len() + point.len(),
            Self::EcPublic { point, .. } => point.len(),
            Self::RsaPublic { modulus, exponent } => modulus.len() + exponent.len(),
        }
    }

    /// Reads what [`Material::encode`] wrote. Checks lengths only: preparing checks the numbers.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, CryptoError> {
        let (tag, rest) = bytes.split_first().ok_or(MALFORMED)?;
        let secret = |bytes: &[u8]| Zeroizing::new(bytes.to_vec());
        match tag {
            1 if !rest.is_empty() => Ok(Self::Secret(secret(rest))),
            2 | 3 => {
                let (code, rest) = rest.split_first().ok_or(MALFORMED)?;
                let curve = Curve::from_code(u64::from(*code)).ok_or(MALFORMED)?;
                let len = curve.coordinate_len();
                let (scalar, point) =
                    rest.split_at_checked(if *tag == 2 { len } else { 0 }).ok_or(MALFORMED)?;
                if point.len() != 1 + 2 * len || point[0] != 4 {
                    return Err(MALFORMED);
                }
                let point = point.to_vec();
                Ok(match tag {
                    2 => Self::EcPrivate { curve, scalar: secret(scalar), point },
                    _ => Self::EcPublic { curve, point },
                })
            }
            4 if rsa::public_of(rest).is_some() => Ok(Self::RsaPrivate { pkcs1: secret(rest) }),
            5 => {
                let (len, rest) = rest.split_first().ok_or(MALFORMED)?;
                let (exponent, modulus) =
                    rest.split_at_checked(usize::from(*len)).ok_or(MALFORMED)?;
                if [exponent, modulus].iter().any(|n| n.first().is_none_or(|byte| *byte == 0)) {
                    return Err(MALFORMED);
                }
                Ok(Self::RsaPublic { modulus: modulus.to_vec(), exponent: exponent.to_vec() })
            }
            _ => Err(MALFORMED),
        }
    }
}

/// The point of a curve, uncompressed and of the right length; whether it is on the curve is the
/// engine's to check.
pub(super) fn check_point(curve: Curve, point: &[u8]) -> Result<(), CryptoError> {
    if point.len() != 1 + 2 * curve.coordinate_len() || point[0] != 4 {
        return Err(CryptoError::BadKey("the point is not an uncompressed one of its curve"));
    }
    Ok(())
}

/// An RSA public key's size and exponent are ones that an HSM takes; neither leads with a zero.
pub(super) fn check_rsa(modulus: &[u8], exponent: &[u8]) -> Result<(), CryptoError> {
    let (Some(first @ 1..), Some(1..)) = (modulus.first(), exponent.first()) else {
        return Err(MALFORMED);
    };
    if modulus.len() > 512 {
        return Err(CryptoError::BadKey("RSA keys have at most 4096 bits"));
    }
    if exponent.len() > 8 {
        return Err(CryptoError::Unsupported("an RSA exponent of more than 33 bits"));
    }
    let bits = modulus.len() as u32 * 8 - first.leading_zeros();
    let exponent = exponent.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
    check_rsa_size(bits, exponent)
}
