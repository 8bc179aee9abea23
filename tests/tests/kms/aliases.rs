//! An alias where a key is named: some operations take it, the others say that they do not.
use super::ENDPOINT;
use serde_json::{Value, json};
use tests::cluster::folder;
use tests::endpoint::Alone;
use tests::kms::Kms;

/// What an operation is asked besides the key.
type Parameters = fn() -> Value;

/// KMS developer guide, "Using aliases": the operations that take one.
const TAKING: &[&str] = &[
    "Decrypt",
    "DescribeKey",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "ReEncrypt",
];
/// Those that manage keys, and what else they need.
const REFUSING: &[(&str, Parameters)] = &[
    ("CancelKeyDeletion", || json!({})),
    ("CreateGrant", || {
        let bob = "arn:aws:iam::000000000000:user/bob";
        json!({ "GranteePrincipal": bob, "Operations": ["Decrypt"] })
    }),
    ("DeleteImportedKeyMaterial", || json!({})),
    ("DisableKey", || json!({})),
    ("DisableKeyRotation", || json!({})),
    ("EnableKey", || json!({})),
    ("EnableKeyRotation", || json!({})),
    ("GetKeyPolicy", || json!({})),
    ("GetKeyRotationStatus", || json!({})),
    (
        "GetParametersForImport",
        || json!({ "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_2048" }),
    ),
    ("ImportKeyMaterial", || json!({ "ImportToken": "AAAA", "EncryptedKeyMaterial": "AAAA" })),
    ("ListGrants", || json!({})),
    ("ListKeyPolicies", || json!({})),
    ("ListKeyRotations", || json!({})),
    ("ListResourceTags", || json!({})),
    ("PutKeyPolicy", || json!({ "Policy": "{}" })),
    ("ReplicateKey", || json!({ "ReplicaRegion": "us-west-2" })),
    ("RevokeGrant", || json!({ "GrantId": "g" })),
    ("RotateKeyOnDemand", || json!({})),
    ("ScheduleKeyDeletion", || json!({})),
    ("TagResource", || json!({ "Tags": [{ "TagKey": "a", "TagValue": "b" }] })),
    ("UntagResource", || json!({ "TagKeys": ["a"] })),
    ("UpdateKeyDescription", || json!({ "Description": "d" })),
    ("UpdatePrimaryRegion", || json!({ "PrimaryRegion": "us-west-2" })),
];

#[test]
fn an_alias_where_only_an_id_or_arn_may_stand_is_an_invalid_arn() {
    let folder = folder();
    let endpoint = Alone::start(ENDPOINT, folder.path(), json!({}));
    let kms = Kms::at(&endpoint.url);
    let key = kms.ok("CreateKey", json!({}))["KeyMetadata"]["KeyId"].clone();
    kms.ok("CreateAlias", json!({ "AliasName": "alias/a", "TargetKeyId": key }));
    let alias_arn = "arn:aws:kms:us-east-1:000000000000:alias/a";
    let elsewhere = "arn:aws:kms:eu-west-1:000000000000:alias/a";
    for name in ["alias/a", alias_arn, "alias/not-there", elsewhere] {
        for (operation, more) in REFUSING {
            let mut parameters = more();
            parameters["KeyId"] = json!(name);
            let refusal = kms.refused(operation, parameters);
            assert_eq!(refusal.name, "InvalidArnException", "{operation} {name}: {refusal:?}");
            let text = "Key Aliases are not supported for this operation.";
            assert_eq!(refusal.message, text, "{operation} {name}");
        }
        let alias = json!({ "AliasName": "alias/b", "TargetKeyId": name });
        let refusal = kms.refused("CreateAlias", alias);
        let said = (&*refusal.name, &*refusal.message);
        assert_eq!(said, ("ValidationException", "Aliases must refer to keys. Not aliases"));
    }
    let blob = kms.ok("Encrypt", json!({ "KeyId": "alias/a", "Plaintext": "AAAA" }));
    let blob = &blob["CiphertextBlob"];
    for (operation, name) in TAKING.iter().flat_map(|op| [(op, "alias/a"), (op, alias_arn)]) {
        let parameters = match *operation {
            "DescribeKey" => json!({ "KeyId": name }),
            "Encrypt" => json!({ "KeyId": name, "Plaintext": "AAAA" }),
            "Decrypt" => json!({ "KeyId": name, "CiphertextBlob": blob }),
            "ReEncrypt" => json!({ "SourceKeyId": name, "DestinationKeyId": name,
                                   "CiphertextBlob": blob }),
            _ => json!({ "KeyId": name, "NumberOfBytes": 16 }),
        };
        kms.ok(operation, parameters);
    }
}
