//! KMS developer guide, "Key states of KMS keys": each operation by the state of a CloudHSM key.
use serde_json::{Value, json};
use tests::kms::Kms;

const STATES: [&str; 4] = ["Enabled", "Disabled", "PendingDeletion", "Unavailable"];

/// What a refusal says of the key; the numbers are those of the guide.
fn says(number: &str, arn: &str) -> (&'static str, String) {
    match number {
        "1" => ("DisabledException", format!("{arn} is disabled.")),
        "3" => ("KMSInvalidStateException", format!("{arn} is pending deletion.")),
        "4" => ("KMSInvalidStateException", format!("{arn} is not pending deletion.")),
        "7" => (
            "UnsupportedOperationException",
            format!("{arn} origin is AWS_CLOUDHSM which is not valid for this operation."),
        ),
        "11" => ("KMSInvalidStateException", format!("{arn} is unavailable.")),
        other => panic!("{other}"),
    }
}

type Row = (&'static str, fn(&Subject) -> Value, [&'static str; 4]);

/// `ok`, or a number of the guide, for each of [`STATES`]. Where the guide allows two, ours.
const TABLE: &[Row] = &[
    ("Encrypt", |s| json!({ "KeyId": s.key, "Plaintext": "AAAA" }), USED),
    ("Decrypt", |s| json!({ "CiphertextBlob": s.blob }), USED),
    ("ReEncrypt", |s| json!({ "CiphertextBlob": s.blob, "DestinationKeyId": s.key }), USED),
    ("GenerateDataKey", |s| json!({ "KeyId": s.key, "KeySpec": "AES_128" }), USED),
    ("GenerateDataKeyWithoutPlaintext", |s| json!({ "KeyId": s.key, "NumberOfBytes": 1 }), USED),
    ("DescribeKey", named, ALWAYS),
    ("GetKeyPolicy", named, ALWAYS),
    ("ListGrants", named, ALWAYS),
    ("ListKeyPolicies", named, ALWAYS),
    ("ListAliases", named, ALWAYS),
    ("ListResourceTags", named, ALWAYS),
    ("PutKeyPolicy", |s| json!({ "KeyId": s.key, "Policy": crate::operations::POLICY }), ALWAYS),
    ("GetKeyLastUsage", named, ALWAYS),
    ("RevokeGrant", |s| json!({ "KeyId": s.key, "GrantId": s.grants.next() }), ALWAYS),
    ("RetireGrant", |s| json!({ "KeyId": s.arn, "GrantId": s.grants.next() }), ALWAYS),
    ("CreateGrant", new_grant, ["ok", "1", "3", "ok"]),
    ("CreateAlias", alias, CHANGED),
    ("UpdateAlias", alias, CHANGED),
    ("DeleteAlias", |s| json!({ "AliasName": s.alias }), ALWAYS),
    (
        "TagResource",
        |s| json!({ "KeyId": s.key, "Tags": [{ "TagKey": "a", "TagValue": "b" }] }),
        CHANGED,
    ),
    ("UntagResource", |s| json!({ "KeyId": s.key, "TagKeys": ["a"] }), CHANGED),
    ("UpdateKeyDescription", |s| json!({ "KeyId": s.key, "Description": "d" }), CHANGED),
    ("EnableKey", named, CHANGED),
    ("DisableKey", named, CHANGED),
    ("ScheduleKeyDeletion", named, CHANGED),
    ("CancelKeyDeletion", named, ["4", "4", "ok", "4"]),
    ("EnableKeyRotation", named, NEVER),
    ("DisableKeyRotation", named, NEVER),
    ("GetKeyRotationStatus", named, NEVER),
    ("ListKeyRotations", named, NEVER),
    ("RotateKeyOnDemand", named, NEVER),
    ("DeleteImportedKeyMaterial", named, NEVER),
];
const USED: [&str; 4] = ["ok", "1", "3", "11"];
const ALWAYS: [&str; 4] = ["ok"; 4];
const CHANGED: [&str; 4] = ["ok", "ok", "3", "ok"];
const NEVER: [&str; 4] = ["7"; 4];

const BOB: &str = "arn:aws:iam::000000000000:user/bob";

/// A key that is brought from state to state.
struct Subject {
    key: String,
    arn: String,
    blob: Value,
    alias: String,
    grants: Grants,
}

/// Grants that were made beforehand: a disabled key takes no new ones.
struct Grants(std::cell::RefCell<Vec<Value>>);

impl Grants {
    fn next(&self) -> Value {
        self.0.borrow_mut().pop().unwrap()
    }
}

fn named(subject: &Subject) -> Value {
    json!({ "KeyId": subject.key })
}

fn alias(subject: &Subject) -> Value {
    json!({ "AliasName": subject.alias, "TargetKeyId": subject.key })
}

fn new_grant(subject: &Subject) -> Value {
    json!({ "KeyId": subject.key, "GranteePrincipal": BOB, "Operations": ["Decrypt"] })
}

impl Subject {
    fn new(kms: &Kms, store: &str) -> Self {
        let made = json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store });
        let made = kms.ok("CreateKey", made)["KeyMetadata"].clone();
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        let mut subject = Self {
            key: text("KeyId"),
            arn: text("Arn"),
            blob: Value::Null,
            alias: "alias/state".to_owned(),
            grants: Grants(Vec::new().into()),
        };
        let sealed = json!({ "KeyId": subject.key, "Plaintext": "AAAA" });
        subject.blob = kms.ok("Encrypt", sealed)["CiphertextBlob"].clone();
        let grant = |_| kms.ok("CreateGrant", new_grant(&subject))["GrantId"].clone();
        let grants = (0..2 * STATES.len()).map(grant).collect::<Vec<_>>();
        subject.grants = Grants(grants.into());
        subject
    }

    fn state(&self, kms: &Kms) -> String {
        let metadata = kms.ok("DescribeKey", named(self))["KeyMetadata"].clone();
        metadata["KeyState"].as_str().unwrap().to_owned()
    }

    /// Brings the key into a state; Unavailable is its key store's doing.
    fn become_(&self, kms: &Kms, state: &str) {
        if self.state(kms) == "PendingDeletion" && state != "PendingDeletion" {
            kms.ok("CancelKeyDeletion", named(self));
        }
        match state {
            "Enabled" => kms.ok("EnableKey", named(self)),
            "Disabled" => kms.ok("DisableKey", named(self)),
            "PendingDeletion" if self.state(kms) != state => {
                kms.ok("ScheduleKeyDeletion", named(self))
            }
            _ => Value::Null,
        };
        assert_eq!(self.state(kms), state);
    }

    fn holds(&self, kms: &Kms, column: usize) {
        for (operation, parameters, outcomes) in TABLE {
            self.become_(kms, STATES[column]);
            let said = kms.call(operation, &parameters(self));
            let at = format!("{operation} of a key that is {}", STATES[column]);
            match (outcomes[column], said) {
                ("ok", Ok(_)) => {}
                ("ok", Err(refusal)) => panic!("{at}: {refusal:?}"),
                (number, Ok(answer)) => panic!("{at}: {answer} instead of {number}"),
                (number, Err(refusal)) => {
                    let said = (refusal.name.as_str(), refusal.message);
                    assert_eq!(said, says(number, &self.arn), "{at}");
                }
            }
        }
    }
}

/// The table, on a key store that is connected; it is disconnected and connected again.
pub(crate) fn check(kms: &Kms, store: &str) {
    let subject = Subject::new(kms, store);
    for column in 0..3 {
        if column == 2 {
            // An alias may leave a key that is pending deletion, but not come to it.
            subject.become_(kms, "Enabled");
            kms.ok("CreateAlias", alias(&subject));
        }
        subject.holds(kms, column);
    }
    let id = json!({ "CustomKeyStoreId": store });
    subject.become_(kms, "PendingDeletion");
    kms.ok("DisconnectCustomKeyStore", id.clone());
    // The deletion is cancelled while the key store is away: Disabled, once it is back.
    assert_eq!(subject.state(kms), "PendingDeletion");
    kms.ok("CancelKeyDeletion", named(&subject));
    subject.holds(kms, 3);
    // What is changed meanwhile shows when the key store is back.
    kms.ok("EnableKey", named(&subject));
    assert_eq!(subject.state(kms), "Unavailable");
    kms.connect(store);
    assert_eq!(subject.state(kms), "Enabled");
}
