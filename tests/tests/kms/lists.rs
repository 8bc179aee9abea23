//! What requests ask of lists besides pages, and members that newer clients send.
use super::ENDPOINT;
use serde_json::{Value, json};
use tests::cluster::folder;
use tests::endpoint::Alone;
use tests::kms::Kms;

#[test]
fn members_that_restrict_are_heeded() {
    let folder = folder();
    let endpoint = Alone::start(ENDPOINT, folder.path(), json!({}));
    let kms = Kms::at(&endpoint.url);
    let made = kms.ok("CreateKey", json!({}))["KeyMetadata"].clone();
    let (key, arn) = (&made["KeyId"], &made["Arn"]);
    // No key comes from another account.
    for (owners, count) in [
        (json!(["SELF"]), 1),
        (json!(["OTHER_ACCOUNTS_VIA_RAM"]), 0),
        (json!(["OTHER_ACCOUNTS_VIA_RAM", "SELF"]), 1),
    ] {
        let listed = kms.ok("ListKeys", json!({ "ResourceOwners": owners }));
        assert_eq!(listed["Keys"].as_array().unwrap().len(), count, "{owners}");
    }
    let rotations = |which: &str| {
        let which = json!({ "KeyId": key, "IncludeKeyMaterial": which });
        kms.ok("ListKeyRotations", which)["Rotations"].clone()
    };
    assert_eq!(rotations("ROTATIONS_ONLY"), json!([]));
    let first = json!([{ "KeyId": arn, "KeyMaterialId": made["CurrentKeyMaterialId"],
                         "KeyMaterialState": "CURRENT" }]);
    assert_eq!(rotations("ALL_KEY_MATERIAL"), first);
    let mut dry = json!({ "DryRun": true, "DryRunModifiers": ["IGNORE_CIPHERTEXT"],
                          "SourceKeyId": key, "DestinationKeyId": key });
    assert_eq!(kms.refused("ReEncrypt", dry.clone()).name, "DryRunOperationException");
    dry["SourceKeyId"] = Value::Null;
    assert_eq!(kms.refused("ReEncrypt", dry).name, "ValidationException");
}

#[test]
fn a_page_of_grants_has_fifty_when_nobody_says() {
    let folder = folder();
    let endpoint = Alone::start(ENDPOINT, folder.path(), json!({}));
    let kms = Kms::at(&endpoint.url);
    let key = kms.ok("CreateKey", json!({}))["KeyMetadata"]["KeyId"].clone();
    let bob = "arn:aws:iam::000000000000:user/bob";
    for _ in 0..51 {
        let grant = json!({ "KeyId": key, "GranteePrincipal": bob, "Operations": ["Decrypt"] });
        kms.ok("CreateGrant", grant);
    }
    let listed = kms.ok("ListGrants", json!({ "KeyId": key }));
    assert_eq!(listed["Grants"].as_array().unwrap().len(), 50);
    let rest = json!({ "KeyId": key, "Marker": listed["NextMarker"] });
    assert_eq!(kms.ok("ListGrants", rest)["Grants"].as_array().unwrap().len(), 1);
}
