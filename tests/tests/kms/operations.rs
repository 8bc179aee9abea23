//! All operations by raw HTTP, on a CloudHSM key and on one of KMS's own: done, or refused as AWS
//! documents it. Every answer is held against the model where it comes in.
use serde_json::{Value, json};
use tests::kms::Kms;
use tests::model;

/// The operations on key stores: the drills and the SDK's flow have them.
const ON_STORES: &[&str] = &[
    "ConnectCustomKeyStore",
    "CreateCustomKeyStore",
    "DeleteCustomKeyStore",
    "DescribeCustomKeyStores",
    "DisconnectCustomKeyStore",
    "UpdateCustomKeyStore",
];
const DONE: &str = "";
const UNSUPPORTED: &str = "UnsupportedOperationException";
const WRONG_USAGE: &str = "InvalidKeyUsageException";
const BOB: &str = "arn:aws:iam::000000000000:user/bob";

/// A KMS key and what belongs to it.
struct Key<'k> {
    kms: &'k Kms,
    id: String,
    arn: String,
    alias: String,
    /// Of origin AWS_CLOUDHSM: the key store.
    store: Option<String>,
}

impl Key<'_> {
    fn create(&self) -> Value {
        match &self.store {
            Some(store) => json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store }),
            None => json!({ "Tags": [{ "TagKey": "t", "TagValue": "v" }] }),
        }
    }

    fn blob(&self) -> Value {
        let sealed = self.kms.ok("Encrypt", json!({ "KeyId": self.id, "Plaintext": "c2VjcmV0" }));
        sealed["CiphertextBlob"].clone()
    }

    fn grant(&self) -> Value {
        self.kms.ok("CreateGrant", self.new_grant())["GrantId"].clone()
    }

    fn new_grant(&self) -> Value {
        json!({
            "KeyId": self.id, "GranteePrincipal": BOB, "RetiringPrincipal": BOB,
            "Operations": ["Encrypt", "DescribeKey"],
            "Constraints": { "EncryptionContextSubset": { "app": "web" } },
        })
    }
}

type Row = (&'static str, fn(&Key<'_>) -> Value, &'static str, &'static str);

/// Operation, parameters, and the error for a CloudHSM key and for one of KMS's own.
const TABLE: &[Row] = &[
    ("CreateKey", |key| key.create(), DONE, DONE),
    ("DescribeKey", |key| json!({ "KeyId": key.arn }), DONE, DONE),
    ("ListKeys", |_| json!({ "Limit": 1 }), DONE, DONE),
    ("GetKeyPolicy", |key| json!({ "KeyId": key.id }), DONE, DONE),
    ("PutKeyPolicy", |key| json!({ "KeyId": key.id, "Policy": POLICY }), DONE, DONE),
    ("ListKeyPolicies", |key| json!({ "KeyId": key.id }), DONE, DONE),
    ("CreateAlias", alias, DONE, DONE),
    ("ListAliases", |_| json!({}), DONE, DONE),
    ("UpdateAlias", alias, DONE, DONE),
    ("DeleteAlias", |key| json!({ "AliasName": key.alias }), DONE, DONE),
    (
        "TagResource",
        |key| json!({ "KeyId": key.id, "Tags": [{ "TagKey": "a", "TagValue": "" }] }),
        DONE,
        DONE,
    ),
    ("ListResourceTags", |key| json!({ "KeyId": key.id }), DONE, DONE),
    ("UntagResource", |key| json!({ "KeyId": key.id, "TagKeys": ["a"] }), DONE, DONE),
    ("UpdateKeyDescription", |key| json!({ "KeyId": key.id, "Description": "" }), DONE, DONE),
    ("CreateGrant", |key| key.new_grant(), DONE, DONE),
    ("ListGrants", |key| json!({ "KeyId": key.id, "Limit": 1 }), DONE, DONE),
    ("ListRetirableGrants", |_| json!({ "RetiringPrincipal": BOB }), DONE, DONE),
    ("RevokeGrant", |key| json!({ "KeyId": key.id, "GrantId": key.grant() }), DONE, DONE),
    ("RetireGrant", |key| json!({ "KeyId": key.arn, "GrantId": key.grant() }), DONE, DONE),
    ("Encrypt", |key| json!({ "KeyId": key.arn, "Plaintext": "c2VjcmV0" }), DONE, DONE),
    ("Decrypt", |key| json!({ "CiphertextBlob": key.blob() }), DONE, DONE),
    (
        "ReEncrypt",
        |key| json!({ "CiphertextBlob": key.blob(), "DestinationKeyId": key.id }),
        DONE,
        DONE,
    ),
    ("GenerateDataKey", |key| json!({ "KeyId": key.id, "KeySpec": "AES_256" }), DONE, DONE),
    (
        "GenerateDataKeyWithoutPlaintext",
        |key| json!({ "KeyId": key.id, "NumberOfBytes": 1024 }),
        DONE,
        DONE,
    ),
    ("GenerateDataKeyPair", key_pair, UNSUPPORTED, UNSUPPORTED),
    ("GenerateDataKeyPairWithoutPlaintext", key_pair, UNSUPPORTED, UNSUPPORTED),
    ("GenerateRandom", random, DONE, DONE),
    ("GetKeyLastUsage", |key| json!({ "KeyId": key.id }), DONE, DONE),
    ("GetPublicKey", |key| json!({ "KeyId": key.id }), UNSUPPORTED, UNSUPPORTED),
    ("Sign", sign, WRONG_USAGE, WRONG_USAGE),
    ("Verify", sign, WRONG_USAGE, WRONG_USAGE),
    ("GenerateMac", mac, WRONG_USAGE, WRONG_USAGE),
    ("VerifyMac", mac, WRONG_USAGE, WRONG_USAGE),
    (
        "DeriveSharedSecret",
        |key| json!({ "KeyId": key.id, "KeyAgreementAlgorithm": "ECDH", "PublicKey": "AAAA" }),
        WRONG_USAGE,
        WRONG_USAGE,
    ),
    (
        "Encapsulate",
        |key| json!({ "KeyId": key.id, "EncapsulationAlgorithm": "ML_KEM" }),
        WRONG_USAGE,
        WRONG_USAGE,
    ),
    (
        "Decapsulate",
        |key| {
            json!({ "KeyId": key.id, "EncapsulationAlgorithm": "ML_KEM",
                    "SharedSecretCiphertextBlob": "AAAA" })
        },
        WRONG_USAGE,
        WRONG_USAGE,
    ),
    ("EnableKeyRotation", |key| json!({ "KeyId": key.id }), UNSUPPORTED, DONE),
    ("GetKeyRotationStatus", |key| json!({ "KeyId": key.id }), UNSUPPORTED, DONE),
    ("ListKeyRotations", |key| json!({ "KeyId": key.id }), UNSUPPORTED, DONE),
    ("DisableKeyRotation", |key| json!({ "KeyId": key.id }), UNSUPPORTED, DONE),
    ("RotateKeyOnDemand", |key| json!({ "KeyId": key.id }), UNSUPPORTED, UNSUPPORTED),
    (
        "GetParametersForImport",
        |key| {
            json!({ "KeyId": key.id, "WrappingAlgorithm": "RSAES_OAEP_SHA_256",
                    "WrappingKeySpec": "RSA_2048" })
        },
        UNSUPPORTED,
        UNSUPPORTED,
    ),
    (
        "ImportKeyMaterial",
        |key| json!({ "KeyId": key.id, "ImportToken": "AAAA", "EncryptedKeyMaterial": "AAAA" }),
        UNSUPPORTED,
        UNSUPPORTED,
    ),
    ("DeleteImportedKeyMaterial", |key| json!({ "KeyId": key.id }), UNSUPPORTED, UNSUPPORTED),
    (
        "ReplicateKey",
        |key| json!({ "KeyId": key.id, "ReplicaRegion": "us-west-2" }),
        UNSUPPORTED,
        UNSUPPORTED,
    ),
    (
        "UpdatePrimaryRegion",
        |key| json!({ "KeyId": key.id, "PrimaryRegion": "us-west-2" }),
        UNSUPPORTED,
        UNSUPPORTED,
    ),
    ("DisableKey", |key| json!({ "KeyId": key.id }), DONE, DONE),
    ("EnableKey", |key| json!({ "KeyId": key.id }), DONE, DONE),
    ("ScheduleKeyDeletion", |key| json!({ "KeyId": key.id }), DONE, DONE),
    ("CancelKeyDeletion", |key| json!({ "KeyId": key.id }), DONE, DONE),
];

pub(crate) const POLICY: &str =
    r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"}}"#;

fn alias(key: &Key<'_>) -> Value {
    json!({ "AliasName": key.alias, "TargetKeyId": key.id })
}

fn key_pair(key: &Key<'_>) -> Value {
    json!({ "KeyId": key.id, "KeyPairSpec": "ECC_NIST_P256" })
}

fn random(key: &Key<'_>) -> Value {
    match &key.store {
        Some(store) => json!({ "NumberOfBytes": 32, "CustomKeyStoreId": store }),
        None => json!({ "NumberOfBytes": 32 }),
    }
}

fn sign(key: &Key<'_>) -> Value {
    json!({ "KeyId": key.id, "Message": "AAAA", "Signature": "AAAA",
            "SigningAlgorithm": "ECDSA_SHA_256" })
}

fn mac(key: &Key<'_>) -> Value {
    json!({ "KeyId": key.id, "Message": "AAAA", "Mac": "AAAA", "MacAlgorithm": "HMAC_SHA_256" })
}

/// Every operation on both kinds of keys.
pub(crate) fn check(kms: &Kms, store: &str) {
    let mut tested: Vec<_> = TABLE.iter().map(|row| row.0).chain(ON_STORES.to_vec()).collect();
    tested.sort_unstable();
    let mut all = model::operations();
    all.sort_unstable();
    assert_eq!(tested, all);
    let in_store = json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store });
    for (alias, parameters, store) in
        [("alias/a/b", in_store, Some(store.to_owned())), ("alias/c_d-e", json!({}), None)]
    {
        let made = kms.ok("CreateKey", parameters)["KeyMetadata"].clone();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        let key = Key { kms, id: text("KeyId"), arn: text("Arn"), alias: alias.to_owned(), store };
        for (operation, parameters, cloudhsm, own) in TABLE {
            let expected = if key.store.is_some() { cloudhsm } else { own };
            let parameters = parameters(&key);
            let said = match kms.call(operation, &parameters) {
                Ok(_) => String::new(),
                Err(refusal) => refusal.name,
            };
            assert_eq!(said, *expected, "{operation} {parameters}");
        }
    }
    check_names(kms);
    check_new_keys(kms, store);
}

/// How keys that are not there are told; recorded of the real service but for the alias.
fn check_names(kms: &Kms) {
    let id = "1234abcd-12ab-34cd-56ef-1234567890ab";
    let arn = format!("arn:aws:kms:us-east-1:000000000000:key/{id}");
    let elsewhere = arn.replace("us-east-1", "eu-west-1");
    for (name, message) in [
        (id, format!("Key '{arn}' does not exist")),
        (arn.as_str(), format!("Key '{arn}' does not exist")),
        ("fake-key-id", "Invalid keyId 'fake-key-id'".to_owned()),
        ("arn:aws:kms:us-east-1:000000000000:key/fake", "Invalid keyId fake".to_owned()),
        (elsewhere.as_str(), "Invalid arn eu-west-1".to_owned()),
        (
            "alias/none",
            "Alias arn:aws:kms:us-east-1:000000000000:alias/none is not found.".to_owned(),
        ),
    ] {
        let refusal = kms.refused("DescribeKey", json!({ "KeyId": name }));
        let refusal = (refusal.name.as_str(), refusal.message);
        assert_eq!(refusal, ("NotFoundException", message));
    }
    // Of those that declare no InvalidArnException, it is not there.
    for (operation, name) in [
        ("DescribeKey", "InvalidArnException"),
        ("Encrypt", "NotFoundException"),
        ("CreateAlias", "NotFoundException"),
    ] {
        let foreign = "arn:aws:s3:us-east-1:000000000000:bucket";
        let parameters = json!({
            "KeyId": foreign, "TargetKeyId": foreign, "AliasName": "alias/x", "Plaintext": "AAAA",
        });
        assert_eq!(kms.refused(operation, parameters).name, name, "{operation}");
    }
    let recipient = json!({
        "KeyId": id, "KeySpec": "AES_128",
        "Recipient": { "KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256" },
    });
    assert_eq!(kms.refused("GenerateDataKey", recipient).name, UNSUPPORTED);
    let ours = json!({ "AliasName": "alias/aws/mine", "TargetKeyId": id });
    assert_eq!(kms.refused("CreateAlias", ours.clone()).name, "InvalidAliasNameException");
    assert_eq!(kms.refused("UpdateAlias", ours.clone()).name, "NotFoundException");
    assert_eq!(kms.refused("DeleteAlias", ours).name, "NotFoundException");
}

/// Keys that key stores cannot have, and requests that contradict themselves.
fn check_new_keys(kms: &Kms, store: &str) {
    let refused = |more: Value| {
        let mut parameters = json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store });
        for (name, value) in more.as_object().unwrap() {
            parameters[name] = value.clone();
        }
        kms.refused("CreateKey", parameters).name
    };
    for more in [
        json!({ "KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT" }),
        json!({ "KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY" }),
        json!({ "CustomerMasterKeySpec": "RSA_4096", "KeyUsage": "SIGN_VERIFY" }),
        json!({ "KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC" }),
        json!({ "KeySpec": "ML_KEM_768", "KeyUsage": "ENCAPSULATE_DECAPSULATE" }),
        json!({ "MultiRegion": true }),
        json!({ "XksKeyId": "x" }),
    ] {
        assert_eq!(refused(more.clone()), UNSUPPORTED, "{more}");
    }
    for more in [
        json!({ "Origin": "AWS_KMS" }),
        json!({ "KeyUsage": "SIGN_VERIFY" }),
        json!({ "KeySpec": "HMAC_256" }),
        json!({ "CustomerMasterKeySpec": "RSA_4096", "MultiRegion": true }),
        json!({ "KeySpec": "ML_KEM_768", "KeyUsage": "KEY_AGREEMENT" }),
    ] {
        assert_eq!(refused(more.clone()), "ValidationException", "{more}");
    }
    assert_eq!(refused(json!({ "Policy": "{" })), "MalformedPolicyDocumentException");
    let tag = json!({ "TagKey": "AWS:x", "TagValue": "" });
    assert_eq!(refused(json!({ "Tags": [tag] })), "TagException");
    let none = json!({ "CustomKeyStoreId": "cks-1234567890abcdef0" });
    assert_eq!(refused(none), "CustomKeyStoreNotFoundException");
    let alone = kms.refused("CreateKey", json!({ "Origin": "AWS_CLOUDHSM" }));
    assert_eq!(alone.name, "ValidationException");
    // What contradicts itself is told before what is not supported, in AWS's words.
    for (parameters, message) in [
        (
            json!({ "KeyUsage": "SIGN_VERIFY" }),
            "KeyUsage SIGN_VERIFY is not compatible with KeySpec SYMMETRIC_DEFAULT",
        ),
        (
            json!({ "KeySpec": "HMAC_256", "Origin": "EXTERNAL" }),
            "You must specify a KeyUsage value for all KMS keys except for symmetric encryption \
             keys.",
        ),
        (
            json!({ "KeySpec": "RSA_2048", "KeyUsage": "KEY_AGREEMENT", "MultiRegion": true }),
            "KeyUsage KEY_AGREEMENT is not compatible with KeySpec RSA_2048",
        ),
    ] {
        let refusal = kms.refused("CreateKey", parameters);
        assert_eq!((&*refusal.name, &*refusal.message), ("ValidationException", message));
    }
    for origin in ["EXTERNAL", "EXTERNAL_KEY_STORE"] {
        let refusal = kms.refused("CreateKey", json!({ "Origin": origin }));
        assert_eq!(refusal.name, UNSUPPORTED, "{origin}");
    }
}
