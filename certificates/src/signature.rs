//! Checking one signature by its algorithm identifier and the signer's public key.
use aws_lc_rs::signature as lc;
use aws_lc_rs::signature::VerificationAlgorithm;
use x509_cert::der::asn1::{ObjectIdentifier, UintRef};
use x509_cert::der::{Decode, Encode, Error, Reader, SliceReader, TagMode, TagNumber};
use x509_cert::spki::{
    AlgorithmIdentifierOwned, AlgorithmIdentifierRef, SubjectPublicKeyInfoOwned,
};

/// Shortest RSA key, in bits: CloudHSM takes trust anchors of 2048, 3072 and 4096.
const RSA_BITS_MIN: usize = 2048;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// What is wrong with a key or a signature.
#[derive(Debug)]
pub(crate) enum Flaw {
    Weak(usize),
    Unsupported(&'static str),
    Damaged(&'static str),
    Wrong,
}

/// A kind of public key.
enum Kind {
    Rsa,
    P256,
    P384,
    P521,
}

fn kind(key: &SubjectPublicKeyInfoOwned) -> Result<Kind, Flaw> {
    if key.algorithm.oid == RSA {
        return Ok(Kind::Rsa);
    }
    let curve = key.algorithm.parameters.as_ref().and_then(|p| p.decode_as().ok());
    match curve.map(|curve: ObjectIdentifier| curve.to_string()).as_deref() {
        Some("1.2.840.10045.3.1.7") if key.algorithm.oid == EC => Ok(Kind::P256),
        Some("1.3.132.0.34") if key.algorithm.oid == EC => Ok(Kind::P384),
        Some("1.3.132.0.35") if key.algorithm.oid == EC => Ok(Kind::P521),
        _ => Err(Flaw::Unsupported("a public key of a kind that is not supported")),
    }
}

/// Checks that a public key is of a supported kind and long enough.
pub(crate) fn check_key(key: &SubjectPublicKeyInfoOwned) -> Result<(), Flaw> {
    if let Kind::Rsa = kind(key)? {
        let bits = rsa_bits(key).ok_or(Flaw::Damaged("its RSA key cannot be read"))?;
        if bits < RSA_BITS_MIN {
            return Err(Flaw::Weak(bits));
        }
    }
    Ok(())
}

fn rsa_bits(key: &SubjectPublicKeyInfoOwned) -> Option<usize> {
    let mut reader = SliceReader::new(key.subject_public_key.as_bytes()?).ok()?;
    reader
        .sequence(|reader| {
            let modulus = UintRef::decode(reader)?.as_bytes();
            let _exponent = UintRef::decode(reader)?;
            let zeros = modulus.first().map_or(8, |byte| byte.leading_zeros() as usize);
            Ok::<_, Error>(modulus.len() * 8 - zeros)
        })
        .ok()
}

/// Checks the signature of `message`.
pub(crate) fn verify(
    algorithm: &AlgorithmIdentifierOwned,
    key: &SubjectPublicKeyInfoOwned,
    message: &[u8],
    signature: &[u8],
) -> Result<(), Flaw> {
    check_key(key)?;
    let with = scheme(algorithm, kind(key)?)
        .ok_or(Flaw::Unsupported("a signature of a kind that is not supported"))?;
    let key = key.to_der().map_err(|_| Flaw::Wrong)?;
    with.verify_sig(&key, message, signature).map_err(|_| Flaw::Wrong)
}

fn scheme(
    algorithm: &AlgorithmIdentifierOwned,
    key: Kind,
) -> Option<Box<dyn VerificationAlgorithm>> {
    Some(match (algorithm.oid.to_string().as_str(), key) {
        ("1.2.840.113549.1.1.11", Kind::Rsa) => Box::new(lc::RSA_PKCS1_2048_8192_SHA256),
        ("1.2.840.113549.1.1.12", Kind::Rsa) => Box::new(lc::RSA_PKCS1_2048_8192_SHA384),
        ("1.2.840.113549.1.1.13", Kind::Rsa) => Box::new(lc::RSA_PKCS1_2048_8192_SHA512),
        (_, Kind::Rsa) if algorithm.oid == RSA_PSS => Box::new(pss(algorithm)?),
        ("1.2.840.10045.4.3.2", Kind::P256) => Box::new(lc::ECDSA_P256_SHA256_ASN1),
        ("1.2.840.10045.4.3.3", Kind::P256) => Box::new(lc::ECDSA_P256_SHA384_ASN1),
        ("1.2.840.10045.4.3.4", Kind::P256) => Box::new(lc::ECDSA_P256_SHA512_ASN1),
        ("1.2.840.10045.4.3.2", Kind::P384) => Box::new(lc::ECDSA_P384_SHA256_ASN1),
        ("1.2.840.10045.4.3.3", Kind::P384) => Box::new(lc::ECDSA_P384_SHA384_ASN1),
        ("1.2.840.10045.4.3.4", Kind::P384) => Box::new(lc::ECDSA_P384_SHA512_ASN1),
        ("1.2.840.10045.4.3.2", Kind::P521) => Box::new(lc::ECDSA_P521_SHA256_ASN1),
        ("1.2.840.10045.4.3.3", Kind::P521) => Box::new(lc::ECDSA_P521_SHA384_ASN1),
        ("1.2.840.10045.4.3.4", Kind::P521) => Box::new(lc::ECDSA_P521_SHA512_ASN1),
        _ => return None,
    })
}

/// Reads the parameters of RSASSA-PSS (RFC 4055); openssl's salt is as long as fits by default.
fn pss(algorithm: &AlgorithmIdentifierOwned) -> Option<lc::RsaParameters> {
    let (hash, salt) = algorithm
        .parameters
        .as_ref()?
        .sequence(|reader| {
            let hash = reader
                .context_specific::<AlgorithmIdentifierRef<'_>>(TagNumber(0), TagMode::Explicit)?;
            let _mask = reader
                .context_specific::<AlgorithmIdentifierRef<'_>>(TagNumber(1), TagMode::Explicit)?;
            let salt = reader.context_specific::<u16>(TagNumber(2), TagMode::Explicit)?;
            let _trailer = reader.context_specific::<u8>(TagNumber(3), TagMode::Explicit)?;
            Ok::<_, Error>((hash.map(|hash| hash.oid.to_string()), salt.unwrap_or(20)))
        })
        .ok()?;
    let with = match hash?.as_str() {
        "2.16.840.1.101.3.4.2.1" => lc::RSA_PSS_2048_8192_SHA256,
        "2.16.840.1.101.3.4.2.2" => lc::RSA_PSS_2048_8192_SHA384,
        "2.16.840.1.101.3.4.2.3" => lc::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    };
    Some(with.with_pss_salt_length(lc::RsaPssSaltLength::Custom(salt)))
}
