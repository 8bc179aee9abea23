//! Which key in the HSMs is meant, by more than its handle: in a cluster that is a relative of the
//! one that it was made in, another key can have that handle, or the key another handle.
use crate::judge::KMSUSER;
use data_encoding::HEXLOWER;
use proto::command::key::AttributesGot;
use proto::{Attribute, Datum, KeyClass, KeyType};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// Keys whose places are remembered; all are forgotten when there are more.
const LOCATED_MAX: usize = 50_000;
/// KMS developer guide: the material of its keys is AES-256.
const BYTES: u64 = 32;

/// What was kept of a key when [`crate::Connected::create_key`] made it.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// The id of the KMS key: the last part of its ARN, and so of the label.
    pub key_id: &'a str,
    /// See [`crate::BackingKey`].
    pub backing_key_id: &'a str,
    /// The handle that it had in the cluster that it was made in.
    pub handle: u64,
    /// 6 hex digits; `None`: it was not kept.
    pub check_value: Option<&'a str>,
}

impl Identity<'_> {
    /// Is what an HSM describes this key?
    pub(crate) fn is(&self, got: &AttributesGot) -> bool {
        let value = |wanted| {
            let found = got.attributes.iter().find(|it| it.attribute == wanted);
            found.map(|setting| &setting.value)
        };
        let number = |wanted| match value(wanted) {
            Some(Datum::Number(number)) => Some(*number),
            _ => None,
        };
        let bytes = |wanted| match value(wanted) {
            Some(Datum::Bytes(bytes)) => Some(bytes.0.as_slice()),
            _ => None,
        };
        let label = match value(Attribute::Label) {
            Some(Datum::Text(label)) => label.rsplit('/').next(),
            _ => None,
        };
        let check_value = bytes(Attribute::CheckValue).map(|it| HEXLOWER.encode(it));
        got.owner == KMSUSER
            && label == Some(self.key_id)
            && bytes(Attribute::Id) == Some(self.backing_key_id.as_bytes())
            && number(Attribute::Class) == Some(KeyClass::SecretKey.code())
            && number(Attribute::KeyType) == Some(KeyType::Aes.code())
            && number(Attribute::ValueLen) == Some(BYTES)
            && self.check_value.is_none_or(|kept| check_value.as_deref() == Some(kept))
    }
}

/// Where keys are in this cluster: those that were looked at since the login.
#[derive(Default)]
pub(crate) struct Located(RwLock<HashMap<String, u64>>);

impl Located {
    pub(crate) fn get(&self, backing_key_id: &str) -> Option<u64> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(backing_key_id).copied()
    }

    pub(crate) fn put(&self, backing_key_id: &str, handle: u64) {
        let mut located = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if located.len() >= LOCATED_MAX {
            located.clear();
        }
        located.insert(backing_key_id.to_owned(), handle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template;
    use proto::Setting;

    #[test]
    fn everything_that_was_kept_has_to_fit() {
        let made = template("arn:aws:kms:us-east-1:1:key/1234", "abcd");
        let mut attributes = made.attributes;
        attributes.extend([
            Setting::text(Attribute::Label, made.label),
            Setting::number(Attribute::Class, KeyClass::SecretKey.code()),
            Setting::number(Attribute::KeyType, KeyType::Aes.code()),
            Setting::number(Attribute::ValueLen, 32),
            Setting::bytes(Attribute::CheckValue, [0xab, 1, 2]),
        ]);
        let owner = KMSUSER.to_owned();
        let got = AttributesGot { handle: 9, owner, shared_with: Vec::new(), attributes };
        let meant = Identity {
            key_id: "1234",
            backing_key_id: "abcd",
            handle: 7,
            check_value: Some("ab0102"),
        };
        assert!(meant.is(&got));
        assert!(Identity { check_value: None, ..meant }.is(&got));
        assert!(!Identity { check_value: Some("ab0103"), ..meant }.is(&got));
        assert!(!Identity { key_id: "234", ..meant }.is(&got));
        assert!(!Identity { backing_key_id: "abc", ..meant }.is(&got));
        assert!(!meant.is(&AttributesGot { owner: "alice".to_owned(), ..got.clone() }));
        for attribute in [Attribute::Class, Attribute::KeyType, Attribute::ValueLen] {
            let mut other = got.clone();
            other.attributes.retain(|it| it.attribute != attribute);
            assert!(!meant.is(&other), "{}", attribute.name());
            other.attributes.push(Setting::number(attribute, 16));
            assert!(!meant.is(&other), "{}", attribute.name());
        }
    }
}
