//! The key material of a KMS key, as KMS makes it in the HSMs.
use data_encoding::HEXLOWER;
use proto::command::key::{AttributesGot, GenerateKey};
use proto::{Attribute, Datum, KeyType, Setting};
use rand::Rng;

/// A key in the HSMs. Its label is the ARN of the KMS key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackingKey {
    /// The same on all HSMs.
    pub handle: u64,
    /// 64 lower-case hex digits; their ASCII bytes are the key's CKA_ID.
    pub backing_key_id: String,
    /// The key check value: 3 bytes as 6 hex digits.
    pub check_value: String,
}

impl BackingKey {
    /// A new id, as CloudTrail shows them.
    pub fn new_id() -> String {
        let mut id = [0; 32];
        rand::rng().fill_bytes(&mut id);
        HEXLOWER.encode(&id)
    }

    /// From what an HSM says of a key; `None` unless it has an id as KMS gives it.
    pub(crate) fn from_attributes(got: &AttributesGot) -> Option<Self> {
        let bytes = |wanted| {
            got.attributes.iter().find_map(|s| match &s.value {
                Datum::Bytes(bytes) if s.attribute == wanted => Some(&bytes.0),
                _ => None,
            })
        };
        let backing_key_id = String::from_utf8(bytes(Attribute::Id)?.clone()).ok()?;
        let check_value = HEXLOWER.encode(bytes(Attribute::CheckValue)?);
        Some(Self { handle: got.handle, backing_key_id, check_value })
    }
}

/// KMS developer guide, "Find the key for a key handle": the attributes of KMS's keys, those that
/// surprise (never-extractable false, wrap and unwrap true) included.
const FLAGS: &[(Attribute, bool)] = &[
    (Attribute::Encrypt, true),
    (Attribute::Decrypt, true),
    (Attribute::Wrap, true),
    (Attribute::Unwrap, true),
    (Attribute::Sign, false),
    (Attribute::Verify, false),
    (Attribute::Derive, false),
    (Attribute::Private, true),
    (Attribute::Sensitive, true),
    (Attribute::Destroyable, true),
    (Attribute::Modifiable, true),
    (Attribute::Extractable, false),
    (Attribute::NeverExtractable, false),
    (Attribute::WrapWithTrusted, false),
];

/// What KMS asks an HSM for when it makes the material of the key with this ARN.
pub fn template(key_arn: &str, backing_key_id: &str) -> GenerateKey {
    let flags = FLAGS.iter().map(|(attribute, value)| Setting::flag(*attribute, *value));
    let id = Setting::bytes(Attribute::Id, backing_key_id.as_bytes());
    GenerateKey {
        key_type: KeyType::Aes,
        bytes: 32,
        label: key_arn.to_owned(),
        token: true,
        attributes: flags.chain([id]).collect(),
        retry: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_as_in_cloudtrail() {
        let (one, other) = (BackingKey::new_id(), BackingKey::new_id());
        assert_eq!(one.len(), 64);
        assert!(one.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')));
        assert_ne!(one, other);
    }

    #[test]
    fn a_key_is_read_back_from_its_attributes() {
        let id = BackingKey::new_id();
        let mut attributes = template("arn", &id).attributes;
        attributes.push(Setting::bytes(Attribute::CheckValue, [0xab, 0x01, 0x0f]));
        let mut got = AttributesGot {
            handle: 7,
            owner: "kmsuser".to_owned(),
            shared_with: Vec::new(),
            attributes,
        };
        let key = BackingKey { handle: 7, backing_key_id: id, check_value: "ab010f".to_owned() };
        assert_eq!(BackingKey::from_attributes(&got), Some(key));
        got.attributes.clear();
        assert_eq!(BackingKey::from_attributes(&got), None);
    }
}
