//! A ciphertext of KMS: which key it is of, and what AES-GCM made.
use crate::error::ApiError;
use crate::model::ErrorKind;
use aws_lc_rs::digest::{SHA256, digest};
use kms_connector::Ciphertext;
use proto::limits::DATA_MAX;
use std::collections::BTreeMap;
use uuid::Uuid;

/// KMS's ciphertexts begin so: `AQICAH` in base64.
const FRONT: [u8; 5] = [1, 2, 2, 0, 0x78];
const KEY_AT: usize = FRONT.len();
/// The key's id, then the first half of its ARN's SHA-256: the 32 bytes by which KMS finds it.
const ARN_AT: usize = KEY_AT + 16;
const IV_AT: usize = ARN_AT + 16;
const DATA_AT: usize = IV_AT + 12;
const TAG_LEN: usize = 16;

/// The bytes of a CiphertextBlob.
pub(crate) struct Sealed(Vec<u8>);

impl Sealed {
    pub(crate) fn new(arn: &str, key_id: &str, iv: &[u8], data: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(DATA_AT + data.len());
        bytes.extend(FRONT);
        bytes.extend(Uuid::try_parse(key_id).unwrap_or_default().as_bytes());
        bytes.extend(mark(arn));
        bytes.extend(iv);
        bytes.extend(data);
        Self(bytes)
    }

    /// `None`: these bytes cannot be a ciphertext of ours.
    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        (bytes.starts_with(&FRONT) && bytes.len() >= DATA_AT + TAG_LEN).then_some(Self(bytes))
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn part(&self, from: usize, to: usize) -> &[u8] {
        self.0.get(from..to).unwrap_or_default()
    }

    pub(crate) fn key_id(&self) -> String {
        Uuid::from_slice(self.part(KEY_AT, ARN_AT)).unwrap_or_default().to_string()
    }

    /// Was it made under the key with this ARN, not one of the same id elsewhere?
    pub(crate) fn is_of(&self, arn: &str) -> bool {
        self.part(ARN_AT, IV_AT) == mark(arn)
    }

    pub(crate) fn iv(&self) -> &[u8] {
        self.part(IV_AT, DATA_AT)
    }

    pub(crate) fn data(&self) -> &[u8] {
        self.0.get(DATA_AT..).unwrap_or_default()
    }

    pub(crate) fn ciphertext(&self) -> Ciphertext {
        Ciphertext { iv: self.iv().to_vec(), data: self.data().to_vec() }
    }
}

fn mark(arn: &str) -> [u8; 16] {
    let whole = digest(&SHA256, arn.as_bytes());
    let mut half = [0; 16];
    half.copy_from_slice(whole.as_ref().split_at(16).0);
    half
}

/// What AES-GCM authenticates besides the plaintext: the key, and the encryption context in the
/// order of its names, each with its length, so that no two contexts look alike.
/// An encryption context that HSMs cannot take is refused.
pub(crate) fn additional_data(
    arn: &str,
    context: Option<&BTreeMap<String, String>>,
) -> Result<Vec<u8>, ApiError> {
    let mut data = Vec::with_capacity(128);
    let mut put = |text: &str| {
        data.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        data.extend(text.as_bytes());
    };
    put(arn);
    for (name, value) in context.into_iter().flatten() {
        put(name);
        put(value);
    }
    if data.len() > DATA_MAX {
        return Err(ErrorKind::ValidationException.with(format!(
            "the encryption context is too long: with the lengths of its parts and the key's ARN \
             it has {} bytes of {DATA_MAX}",
            data.len()
        )));
    }
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";

    #[test]
    fn a_ciphertext_names_its_key() {
        let made = Sealed::new(ARN, ID, &[7; 12], &[9; 20]);
        assert!(data_encoding::BASE64.encode(&made.0).starts_with("AQICAH"));
        let read = Sealed::from_bytes(made.into_bytes()).unwrap();
        assert_eq!((read.key_id().as_str(), read.is_of(ARN)), (ID, true));
        assert!(!read.is_of(&ARN.replace("us-east-1", "eu-west-1")));
        assert_eq!((read.iv(), read.data()), (&[7; 12][..], &[9; 20][..]));
    }

    #[test]
    fn other_bytes_are_none() {
        let good = Sealed::new(ARN, ID, &[7; 12], &[9; 16]).into_bytes();
        for len in 0..good.len() {
            assert!(Sealed::from_bytes(good[..len].to_vec()).is_none(), "{len}");
        }
        let mut other = good.clone();
        other[0] ^= 1;
        assert!(Sealed::from_bytes(other).is_none());
    }

    #[test]
    fn no_two_contexts_look_alike() {
        let context = |pairs: &[(&str, &str)]| {
            let map = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
            additional_data(ARN, Some(&map)).unwrap()
        };
        assert_ne!(context(&[("ab", "c")]), context(&[("a", "bc")]));
        assert_ne!(context(&[("a", "b"), ("c", "d")]), context(&[("a", "bcd")]));
        assert_eq!(context(&[("a", "b"), ("c", "d")]), context(&[("c", "d"), ("a", "b")]));
        assert_eq!(additional_data(ARN, None).unwrap(), context(&[]));
        let long = [("a".to_owned(), "b".repeat(DATA_MAX))].into();
        let refused = additional_data(ARN, Some(&long)).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::ValidationException);
    }
}
