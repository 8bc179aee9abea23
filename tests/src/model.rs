//! AWS's service model of KMS, and what of an answer is not as it says.
use crate::shape::check;
use serde_json::{Map, Value};
use std::sync::LazyLock;

/// The model, as `cargo xtask codegen` reads it.
const TEXT: &str = include_str!("../../aws-api/model/kms.json");

/// Errors of every operation, which no model lists.
const COMMON: &[&str] = &[
    "AccessDeniedException",
    "KMSInternalException",
    "SerializationException",
    "ValidationException",
];
/// What is not simulated is refused so: external key stores, attestation of Nitro enclaves.
const NOT_SIMULATED: &[&str] = &["CreateCustomKeyStore", "Decrypt", "GenerateDataKey"];
/// AWS sends no message with these (recorded of the real service).
const BARE: &[&str] = &["CustomKeyStoreNotFoundException", "InvalidCiphertextException"];

/// What the model does not call required, but the documentation shows in every answer.
const ALWAYS: &[(&str, &[&str])] = &[
    ("CancelKeyDeletion", &["KeyId"]),
    ("CreateCustomKeyStore", &["CustomKeyStoreId"]),
    ("CreateGrant", &["GrantId", "GrantToken"]),
    ("CreateKey", &["KeyMetadata"]),
    ("Decrypt", &["EncryptionAlgorithm", "KeyId", "Plaintext"]),
    ("DescribeCustomKeyStores", &["CustomKeyStores", "Truncated"]),
    ("DescribeKey", &["KeyMetadata"]),
    ("Encrypt", &["CiphertextBlob", "EncryptionAlgorithm", "KeyId"]),
    ("GenerateDataKey", &["CiphertextBlob", "KeyId", "Plaintext"]),
    ("GenerateDataKeyWithoutPlaintext", &["CiphertextBlob", "KeyId"]),
    ("GenerateRandom", &["Plaintext"]),
    ("GetKeyLastUsage", &["KeyCreationDate", "KeyId", "TrackingStartDate"]),
    ("GetKeyPolicy", &["Policy", "PolicyName"]),
    ("GetKeyRotationStatus", &["KeyId", "KeyRotationEnabled"]),
    ("ListAliases", &["Aliases", "Truncated"]),
    ("ListGrants", &["Grants", "Truncated"]),
    ("ListKeyPolicies", &["PolicyNames", "Truncated"]),
    ("ListKeyRotations", &["Rotations", "Truncated"]),
    ("ListKeys", &["Keys", "Truncated"]),
    ("ListResourceTags", &["Tags", "Truncated"]),
    ("ListRetirableGrants", &["Grants", "Truncated"]),
    (
        "ReEncrypt",
        &[
            "CiphertextBlob",
            "DestinationEncryptionAlgorithm",
            "KeyId",
            "SourceEncryptionAlgorithm",
            "SourceKeyId",
        ],
    ),
    ("ScheduleKeyDeletion", &["DeletionDate", "KeyId", "KeyState", "PendingWindowInDays"]),
];

/// DescribeKey of a CloudHSM key: these members and no other (API, CreateKey's example).
const CLOUDHSM_KEY: &[&str] = &[
    "AWSAccountId",
    "Arn",
    "CloudHsmClusterId",
    "CreationDate",
    "CustomKeyStoreId",
    "CustomerMasterKeySpec",
    "Description",
    "Enabled",
    "EncryptionAlgorithms",
    "KeyId",
    "KeyManager",
    "KeySpec",
    "KeyState",
    "KeyUsage",
    "MultiRegion",
    "Origin",
];
/// What a key of KMS's own has instead.
const IN_A_STORE: &[&str] = &["CloudHsmClusterId", "CustomKeyStoreId"];

static MODEL: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(TEXT).unwrap());

/// The names of all operations.
pub fn operations() -> Vec<&'static str> {
    MODEL["operations"].as_object().unwrap().keys().map(String::as_str).collect()
}

/// The type of a member of an operation's input: `string`, `integer`, …
pub fn input_type(operation: &str, member: &str) -> Option<&'static str> {
    let input = MODEL["operations"][operation]["input"].as_str()?;
    let shape = MODEL["shapes"][input]["members"][member]["shape"].as_str()?;
    MODEL["shapes"][shape]["type"].as_str()
}

/// What is wrong with the body of a success.
pub fn check_output(operation: &str, body: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    match MODEL["operations"][operation]["output"].as_str() {
        Some(shape) => check(&MODEL, operation, shape, body, &mut wrong),
        None if *body != Value::Object(Map::new()) => wrong.push(format!("not empty: {body}")),
        None => {}
    }
    let always = ALWAYS.iter().find(|(name, _)| *name == operation).map_or(&[][..], |(_, m)| m);
    for member in always.iter().filter(|member| body.get(member).is_none()) {
        wrong.push(format!("no {member}"));
    }
    if let Some(truncated) = body.get("Truncated").and_then(Value::as_bool)
        && truncated != body.get("NextMarker").is_some()
    {
        wrong.push("NextMarker is there if and only if Truncated is true".to_owned());
    }
    if let Some(metadata) = body.get("KeyMetadata") {
        check_metadata(metadata, &mut wrong);
    }
    for store in body["CustomKeyStores"].as_array().into_iter().flatten() {
        check_store(store, &mut wrong);
    }
    wrong
}

/// What is wrong with the body of an error; its name as well.
pub fn check_error(operation: &str, body: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let Some(members) = body.as_object() else { return vec!["not an object".to_owned()] };
    let name = members.get("__type").and_then(Value::as_str).unwrap_or_default();
    let declared = MODEL["operations"][operation]["errors"].as_array();
    let declared = declared.is_some_and(|errors| errors.iter().any(|error| error == name));
    let not_simulated =
        name == "UnsupportedOperationException" && NOT_SIMULATED.contains(&operation);
    if !declared && !COMMON.contains(&name) && !not_simulated {
        wrong.push(format!("{name:?} is no error of {operation}"));
    }
    match members.get("message") {
        None if !BARE.contains(&name) => wrong.push(format!("{name} without a message")),
        Some(_) if BARE.contains(&name) => wrong.push(format!("{name} with a message")),
        Some(message) if message.as_str().is_none_or(str::is_empty) => {
            wrong.push(format!("an empty message: {message}"));
        }
        _ => {}
    }
    let known = |name: &str| matches!(name, "__type" | "message");
    wrong.extend(members.keys().filter(|name| !known(name)).map(|name| format!("has {name}")));
    wrong
}

fn check_metadata(metadata: &Value, wrong: &mut Vec<String>) {
    let mut expected: Vec<&str> = match metadata["Origin"].as_str() {
        Some("AWS_CLOUDHSM") => CLOUDHSM_KEY.to_vec(),
        _ => {
            let mut own = CLOUDHSM_KEY.to_vec();
            own.retain(|member| !IN_A_STORE.contains(member));
            own.push("CurrentKeyMaterialId");
            own
        }
    };
    if metadata["KeyState"] == "PendingDeletion" {
        expected.push("DeletionDate");
    }
    exactly("KeyMetadata", metadata, expected, wrong);
    if (metadata["Enabled"] == true) != (metadata["KeyState"] == "Enabled") {
        wrong.push("Enabled is true if and only if KeyState is Enabled".to_owned());
    }
}

fn check_store(store: &Value, wrong: &mut Vec<String>) {
    let mut expected = vec![
        "CloudHsmClusterId",
        "ConnectionState",
        "CreationDate",
        "CustomKeyStoreId",
        "CustomKeyStoreName",
        "CustomKeyStoreType",
        "TrustAnchorCertificate",
    ];
    if store["ConnectionState"] == "FAILED" {
        expected.push("ConnectionErrorCode");
    }
    exactly("CustomKeyStores", store, expected, wrong);
}

fn exactly(what: &str, value: &Value, mut expected: Vec<&str>, wrong: &mut Vec<String>) {
    let members = value.as_object().into_iter().flat_map(Map::keys);
    let mut there: Vec<&str> = members.map(String::as_str).collect();
    expected.sort_unstable();
    there.sort_unstable();
    if expected != there {
        wrong.push(format!("{what} has {there:?} instead of {expected:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_model_does_not_say_is_found() {
        assert_eq!(operations().len(), 56);
        assert_eq!(input_type("GenerateRandom", "NumberOfBytes"), Some("integer"));
        let good = json!({ "Plaintext": "AAAA" });
        assert!(check_output("GenerateRandom", &good).is_empty());
        for (operation, bad) in [
            ("GenerateRandom", json!({})),
            ("GenerateRandom", json!({ "Plaintext": "?" })),
            ("GenerateRandom", json!({ "Plaintext": 1 })),
            ("GenerateRandom", json!({ "Plaintext": "AAAA", "More": 1 })),
            ("EnableKey", json!({ "KeyId": "k" })),
            ("ListKeys", json!({ "Keys": [], "Truncated": true })),
            ("ListKeys", json!({ "Keys": {}, "Truncated": false })),
            ("ListKeys", json!({ "Keys": [{ "KeyId": "" }], "Truncated": false })),
            ("CreateCustomKeyStore", json!({ "CustomKeyStoreId": "c".repeat(65) })),
            (
                "Encrypt",
                json!({ "CiphertextBlob": "AAAA", "KeyId": "k",
                                "EncryptionAlgorithm": "AES" }),
            ),
            ("GetKeyPolicy", json!({ "Policy": "\u{1}", "PolicyName": "default" })),
        ] {
            assert!(!check_output(operation, &bad).is_empty(), "{operation} {bad}");
        }
        let refusal = json!({ "__type": "NotFoundException", "message": "why" });
        assert!(check_error("DescribeKey", &refusal).is_empty());
        for bad in [
            json!({ "__type": "TagException", "message": "why" }),
            json!({ "__type": "NotFoundException" }),
            json!({ "__type": "NotFoundException", "Message": "why" }),
            json!({ "__type": "a#NotFoundException", "message": "why" }),
        ] {
            assert!(!check_error("DescribeKey", &bad).is_empty(), "{bad}");
        }
    }
}
