//! By what the operations of KMS take a key: its id or ARN all of them, its aliases only some.
use super::keys::missing;
use crate::call::Call;
use crate::error::ApiError;
use crate::model::ErrorKind;
use uuid::Uuid;

/// What an operation does with an alias, or an alias' ARN, where a key is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alias {
    /// It stands for its key.
    Taken,
    /// The operation manages keys: KMS API, "KeyId: specify the key ID or key ARN".
    Refused,
    /// The key is an alias' target.
    NoTarget,
}
use Alias::{NoTarget, Refused, Taken};

/// Each operation that names a key.
const OPERATIONS: &[(&str, Alias)] = &[
    ("CancelKeyDeletion", Refused),
    ("CreateAlias", NoTarget),
    ("CreateGrant", Refused),
    ("Decapsulate", Taken),
    ("Decrypt", Taken),
    ("DeleteImportedKeyMaterial", Refused),
    ("DeriveSharedSecret", Taken),
    ("DescribeKey", Taken),
    ("DisableKey", Refused),
    ("DisableKeyRotation", Refused),
    ("EnableKey", Refused),
    ("EnableKeyRotation", Refused),
    ("Encapsulate", Taken),
    ("Encrypt", Taken),
    ("GenerateDataKey", Taken),
    ("GenerateDataKeyPair", Taken),
    ("GenerateDataKeyPairWithoutPlaintext", Taken),
    ("GenerateDataKeyWithoutPlaintext", Taken),
    ("GenerateMac", Taken),
    ("GetKeyLastUsage", Refused),
    ("GetKeyPolicy", Refused),
    ("GetKeyRotationStatus", Refused),
    ("GetParametersForImport", Refused),
    ("GetPublicKey", Taken),
    ("ImportKeyMaterial", Refused),
    ("ListAliases", Refused),
    ("ListGrants", Refused),
    ("ListKeyPolicies", Refused),
    ("ListKeyRotations", Refused),
    ("ListResourceTags", Refused),
    ("PutKeyPolicy", Refused),
    ("ReEncrypt", Taken),
    ("ReplicateKey", Refused),
    ("RetireGrant", Refused),
    ("RevokeGrant", Refused),
    ("RotateKeyOnDemand", Refused),
    ("ScheduleKeyDeletion", Refused),
    ("Sign", Taken),
    ("TagResource", Refused),
    ("UntagResource", Refused),
    ("UpdateAlias", NoTarget),
    ("UpdateKeyDescription", Refused),
    ("UpdatePrimaryRegion", Refused),
    ("Verify", Taken),
    ("VerifyMac", Taken),
];

/// What an identifier turned out to be.
pub(super) enum Named {
    Key(String),
    Alias(String),
}

/// `1234abcd-12ab-34cd-56ef-1234567890ab`, an ARN of a key or an alias, or an alias name.
pub(super) fn named(call: &Call, operation: &str, name: &str) -> Result<Named, ApiError> {
    let Some(rest) = name.strip_prefix("arn:") else {
        return resource(operation, name, format!("'{name}'"));
    };
    let mut parts = rest.splitn(5, ':');
    let [_, service, region, account, what] =
        std::array::from_fn(|_| parts.next().unwrap_or_default());
    if service != "kms" || what.is_empty() {
        return Err(ErrorKind::InvalidArnException.with(format!("Invalid arn {name}")));
    }
    if what.starts_with(ALIAS) {
        takes_alias(operation)?;
    }
    if region != call.region {
        return Err(ErrorKind::NotFoundException.with(format!("Invalid arn {region}")));
    }
    if account != &*call.account {
        return Err(missing(name));
    }
    let id = what.strip_prefix("key/").unwrap_or(what);
    resource(operation, id, id.to_owned())
}

const ALIAS: &str = "alias/";

/// An id that cannot be one is repeated in quotes, but not out of an ARN (measured).
fn resource(operation: &str, id: &str, shown: String) -> Result<Named, ApiError> {
    if id.starts_with(ALIAS) {
        takes_alias(operation)?;
        return Ok(Named::Alias(id.to_owned()));
    }
    let of_one_region = id.len() == 36 && Uuid::try_parse(id).is_ok();
    let of_several = id.strip_prefix("mrk-").is_some_and(|id| {
        id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase())
    });
    if of_one_region || of_several {
        return Ok(Named::Key(id.to_owned()));
    }
    Err(ErrorKind::NotFoundException.with(format!("Invalid keyId {shown}")))
}

/// Whether an operation takes an alias; it is told before the alias is looked for (recorded).
pub(super) fn takes_alias(operation: &str) -> Result<(), ApiError> {
    let row = OPERATIONS.binary_search_by_key(&operation, |(name, _)| name);
    match row.ok().and_then(|row| OPERATIONS.get(row)) {
        Some((_, Taken)) => Ok(()),
        Some((_, NoTarget)) => {
            Err(ErrorKind::ValidationException.with("Aliases must refer to keys. Not aliases"))
        }
        Some((_, Refused)) | None => Err(ErrorKind::InvalidArnException
            .with("Key Aliases are not supported for this operation.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_that_names_a_key_is_there_and_declares_its_refusal() {
        let model: serde_json::Value =
            serde_json::from_str(include_str!("../../model/kms.json")).unwrap();
        let mut naming = Vec::new();
        for (name, operation) in model["operations"].as_object().unwrap() {
            let input = &model["shapes"][operation["input"].as_str().unwrap()];
            let mut members = input["members"].as_object().unwrap().values();
            if members.any(|member| member["shape"] == "KeyIdType") {
                naming.push(name.as_str());
            }
            let declared = operation["errors"].as_array().unwrap();
            let refusal = takes_alias(name).err().map(|refusal| refusal.kind);
            if naming.last() == Some(&name.as_str())
                && refusal == Some(ErrorKind::InvalidArnException)
            {
                assert!(declared.iter().any(|error| error == "InvalidArnException"), "{name}");
            }
        }
        assert_eq!(OPERATIONS.iter().map(|(name, _)| *name).collect::<Vec<_>>(), naming);
        assert!(OPERATIONS.is_sorted_by_key(|(name, _)| name));
    }
}
