//! A ciphertext of KMS: which key it is of, and what AES-GCM made.
use crate::error::ApiError;
use crate::model::ErrorKind;
use crate::secrets::hmac;
use aws_lc_rs::digest::{SHA256, digest};
use kms_connector::Ciphertext;
use proto::limits::DATA_MAX;
use std::collections::BTreeMap;
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// KMS's ciphertexts begin so: `AQICAH` in base64.
const FRONT: [u8; 5] = [1, 2, 2, 0, 0x78];
const KEY_AT: usize = FRONT.len();
/// The key's id, then the first half of its ARN's SHA-256: the 32 bytes by which KMS finds it.
const ARN_AT: usize = KEY_AT + 16;
const IV_AT: usize = ARN_AT + 16;
const DATA_AT: usize = IV_AT + 12;
const TAG_LEN: usize = 16;

/// What a CiphertextBlob ends with: HMAC-SHA256 of all before it, under a key of KMS's. Whatever
/// was damaged is known by it before anything of the ciphertext is believed.
const MARK_LEN: usize = 32;

/// What a CiphertextBlob holds, without its mark.
pub(crate) struct Sealed {
    bytes: Vec<u8>,
    marked: bool,
}

impl Sealed {
    pub(crate) fn new(arn: &str, key_id: &str, iv: &[u8], data: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(DATA_AT + data.len() + MARK_LEN);
        bytes.extend(FRONT);
        bytes.extend(Uuid::try_parse(key_id).unwrap_or_default().as_bytes());
        bytes.extend(mark(arn));
        bytes.extend(iv);
        bytes.extend(data);
        Self { bytes, marked: true }
    }

    /// Out of a CiphertextBlob. `None`: these bytes cannot be a ciphertext of ours.
    pub(crate) fn read(mut bytes: Vec<u8>, marking_key: &[u8]) -> Option<Self> {
        let marked = match bytes.split_last_chunk::<MARK_LEN>() {
            Some((said, mark)) => bool::from(hmac(marking_key, said).ct_eq(mark)),
            None => false,
        };
        if marked {
            bytes.truncate(bytes.len() - MARK_LEN);
        }
        let fits = bytes.starts_with(&FRONT) && bytes.len() >= DATA_AT + TAG_LEN;
        fits.then_some(Self { bytes, marked })
    }

    /// As a CiphertextBlob.
    pub(crate) fn into_blob(mut self, marking_key: &[u8]) -> Vec<u8> {
        let mark = hmac(marking_key, &self.bytes);
        self.bytes.extend(mark);
        self.bytes
    }

    /// Whether it is as KMS made it. Earlier versions left no mark: of theirs, AES-GCM tells.
    pub(crate) fn is_marked(&self) -> bool {
        self.marked
    }

    fn part(&self, from: usize, to: usize) -> &[u8] {
        self.bytes.get(from..to).unwrap_or_default()
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
        self.bytes.get(DATA_AT..).unwrap_or_default()
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

    const KEY: &[u8] = &[3; 32];

    fn blob(data: &[u8]) -> Vec<u8> {
        Sealed::new(ARN, ID, &[7; 12], data).into_blob(KEY)
    }

    #[test]
    fn a_ciphertext_names_its_key() {
        let made = blob(&[9; 20]);
        assert!(data_encoding::BASE64.encode(&made).starts_with("AQICAH"));
        let read = Sealed::read(made, KEY).unwrap();
        assert_eq!((read.key_id().as_str(), read.is_of(ARN)), (ID, true));
        assert!(read.is_marked() && !read.is_of(&ARN.replace("us-east-1", "eu-west-1")));
        assert_eq!((read.iv(), read.data()), (&[7; 12][..], &[9; 20][..]));
    }

    #[test]
    fn damage_is_known_by_the_mark() {
        let good = blob(&[9; 16]);
        let is_marked = |bytes: Vec<u8>| Sealed::read(bytes, KEY).is_some_and(|it| it.is_marked());
        for at in 0..good.len() {
            assert!(!is_marked(good[..at].to_vec()), "{at} bytes");
            let mut other = good.clone();
            other[at] ^= 1;
            assert!(!is_marked(other), "byte {at}");
        }
        assert!(!is_marked([good.clone(), vec![0]].concat()));
        assert!(!Sealed::read(good, &[4; 32]).unwrap().is_marked(), "another installation's");
    }

    #[test]
    fn what_earlier_versions_made_is_read_and_has_no_mark() {
        let mut old = blob(&[9; 20]);
        old.truncate(old.len() - MARK_LEN);
        let read = Sealed::read(old.clone(), KEY).unwrap();
        assert!(!read.is_marked() && read.is_of(ARN));
        assert_eq!((read.iv(), read.data()), (&[7; 12][..], &[9; 20][..]));
        old[0] ^= 1;
        assert!(Sealed::read(old, KEY).is_none());
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
