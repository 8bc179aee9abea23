//! Key policies and tags that AWS refuses, in all operations that bring one.
use super::ENDPOINT;
use serde_json::{Value, json};
use tests::cluster::folder;
use tests::endpoint::Alone;
use tests::kms::Kms;

const ROOT: &str = "arn:aws:iam::000000000000:root";
const MALFORMED: &str = "MalformedPolicyDocumentException";
const LOCKED_OUT: &str =
    "The new key policy will not allow you to update the key policy in the future.";
const PRINCIPALS: &str = "Policy contains a statement with one or more invalid principals.";

/// A statement that allows everything, but for what is said.
fn statement(more: Value) -> Value {
    let mut statement = json!({
        "Effect": "Allow", "Principal": { "AWS": ROOT }, "Action": "kms:*", "Resource": "*",
    });
    for (name, value) in more.as_object().unwrap() {
        statement[name] = value.clone();
    }
    statement.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    statement
}

fn policy(statements: &[Value]) -> String {
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

/// Each operation that brings a policy, with this one; `""` where it was taken.
fn said(kms: &Kms, key: &Value, policy: &str, bypass: Option<bool>) -> Vec<(String, String)> {
    let mut parameters = json!({ "Policy": policy, "KeyId": key, "ReplicaRegion": "us-west-2" });
    if let Some(bypass) = bypass {
        parameters["BypassPolicyLockoutSafetyCheck"] = json!(bypass);
    }
    let answer = |operation| match kms.call(operation, &parameters) {
        Ok(_) => (String::new(), String::new()),
        // Behind the policy: no key here is a primary key of several Regions.
        Err(other) if other.name == "UnsupportedOperationException" => Default::default(),
        Err(refusal) => (refusal.name, refusal.message),
    };
    // CreateKey has no KeyId, and leaves alone what it does not know.
    ["CreateKey", "PutKeyPolicy", "ReplicateKey"].map(answer).to_vec()
}

fn with(check: impl FnOnce(&Kms, &Value)) {
    let folder = folder();
    let endpoint = Alone::start(ENDPOINT, folder.path(), json!({}));
    let kms = Kms::at(&endpoint.url);
    let key = kms.ok("CreateKey", json!({}))["KeyMetadata"]["KeyId"].clone();
    check(&kms, &key);
}

#[test]
fn a_policy_that_locks_its_maker_out_is_refused_unless_that_is_bypassed() {
    let bob = json!({ "AWS": "arn:aws:iam::000000000000:user/bob" });
    let locking = [
        vec![statement(json!({ "Action": ["kms:Describe*", "kms:Get*"] }))],
        vec![statement(json!({ "Principal": bob }))],
        vec![statement(json!({ "Principal": { "Service": "logs.us-east-1.amazonaws.com" } }))],
        vec![statement(json!({ "Principal": { "AWS": "111122223333" } }))],
        vec![statement(json!({ "Effect": "Deny" }))],
        vec![statement(json!({})), statement(json!({ "Effect": "Deny", "Action": "kms:Put*" }))],
        vec![statement(json!({ "Action": null, "NotAction": "kms:Put*" }))],
        vec![statement(json!({ "Action": null }))],
        vec![statement(json!({ "Resource": null }))],
        vec![statement(json!({ "Resource": "arn:aws:kms:us-east-1:000000000000:key/other" }))],
        vec![statement(json!({ "Condition": {
            "StringEquals": { "kms:ViaService": "s3.us-east-1.amazonaws.com" } } }))],
        vec![statement(json!({ "Condition": {
            "StringEquals": { "kms:CallerAccount": "111122223333" } } }))],
    ];
    let leaving = [
        vec![statement(json!({}))],
        vec![statement(json!({ "Principal": "*" }))],
        vec![statement(json!({ "Principal": { "AWS": ["000000000000", "111122223333"] } }))],
        vec![statement(json!({ "Action": ["kms:Encrypt", "kms:putkeypolicy"] }))],
        vec![statement(json!({ "Action": "*" })), statement(json!({ "Principal": bob }))],
        vec![
            statement(json!({})),
            statement(json!({
            "Effect": "Deny", "Principal": "*", "Action": "kms:ScheduleKeyDeletion" })),
        ],
        vec![statement(json!({ "Condition": {
            "StringEquals": { "kms:CallerAccount": "000000000000" } } }))],
        vec![statement(json!({ "Condition": { "Bool": { "aws:SecureTransport": true } } }))],
        vec![
            statement(json!({})),
            statement(json!({
            "Effect": "Deny", "Principal": "*",
            "Condition": { "StringNotEquals": { "aws:PrincipalOrgID": "o-1" } } })),
        ],
    ];
    with(|kms, key| {
        let refusal = (MALFORMED.to_owned(), LOCKED_OUT.to_owned());
        for policy in locking.iter().map(|statements| policy(statements)) {
            for bypass in [None, Some(false)] {
                assert_eq!(said(kms, key, &policy, bypass), [(); 3].map(|()| refusal.clone()));
            }
            assert_eq!(said(kms, key, &policy, Some(true)), [(); 3].map(|()| Default::default()));
            let kept = kms.ok("GetKeyPolicy", json!({ "KeyId": key }))["Policy"].clone();
            assert_eq!(kept, json!(policy), "as it was put");
        }
        for policy in leaving.iter().map(|statements| policy(statements)) {
            let taken = [(); 3].map(|()| Default::default());
            assert_eq!(said(kms, key, &policy, None), taken, "{policy}");
        }
    });
}

#[test]
fn statements_have_principals_that_could_be_there() {
    with(|kms, key| {
        let refusal = [(); 3].map(|()| (MALFORMED.to_owned(), PRINCIPALS.to_owned()));
        for principal in [
            Value::Null,
            json!({}),
            json!({ "AWS": [] }),
            json!({ "AWS": "" }),
            json!({ "AWS": "bob" }),
            json!({ "AWS": "1234" }),
            json!({ "AWS": "arn:aws:iam::000000000000:group/g" }),
            json!({ "AWS": "arn:aws:iam::000000000000:role/*" }),
            json!({ "AWS": ["*", "AROACLKWSDQRAOEXAMPLE"] }),
            json!({ "AWS": "arn:aws:s3:::bucket" }),
            json!({ "Service": "logs" }),
            json!({ "Somebody": "*" }),
            json!(ROOT),
        ] {
            let policy =
                policy(&[statement(json!({})), statement(json!({ "Principal": principal }))]);
            for bypass in [None, Some(true)] {
                assert_eq!(said(kms, key, &policy, bypass), refusal, "{policy}");
            }
        }
        for principal in [
            json!({ "AWS": "arn:aws:sts::111122223333:assumed-role/r/s" }),
            json!({ "AWS": "arn:aws:iam::000000000000:role/service-role/r" }),
            json!({ "Service": ["cloudtrail.amazonaws.com", "logs.us-east-1.amazonaws.com"] }),
            json!({ "Federated": "cognito-identity.amazonaws.com" }),
        ] {
            let policy =
                policy(&[statement(json!({})), statement(json!({ "Principal": principal }))]);
            assert_eq!(said(kms, key, &policy, None), [(); 3].map(|()| Default::default()));
        }
    });
}

#[test]
fn what_is_no_policy_is_malformed() {
    with(|kms, key| {
        let for_all = statement(json!({ "Condition": {
            "ForAllValues:StringEquals": { "kms:EncryptionContext:app": "web" } } }));
        for unfit in [
            "{".to_owned(),
            "my policy".to_owned(),
            "[]".to_owned(),
            "{}".to_owned(),
            r#"{"Statement":[]}"#.to_owned(),
            r#"{"Statement":"x"}"#.to_owned(),
            policy(&[statement(json!({ "Effect": "Maybe" }))]),
            policy(&[statement(json!({ "Effect": null }))]),
            policy(&[statement(json!({})), for_all]),
            json!({ "Version": "2013", "Statement": statement(json!({})) }).to_string(),
        ] {
            for bypass in [None, Some(true)] {
                for (name, message) in said(kms, key, &unfit, bypass) {
                    assert_eq!(name, MALFORMED, "{unfit}: {message}");
                }
            }
        }
        let none = said(kms, key, &policy(&[]), None);
        assert_eq!(none, [(); 3].map(|()| (MALFORMED.to_owned(), LOCKED_OUT.to_owned())));
        let long = statement(json!({ "Sid": "s".repeat(32 * 1024) }));
        for (name, _) in said(kms, key, &policy(&[long]), None) {
            assert_eq!(name, "LimitExceededException");
        }
        let put = |name: &str| {
            let all = policy(&[statement(json!({}))]);
            kms.refused("PutKeyPolicy", json!({ "KeyId": key, "PolicyName": name, "Policy": all }))
        };
        let refusal = put("AWS_RAM");
        let text = "The AWS_RAM policy can only be managed by the RAM service.";
        assert_eq!((&*refusal.name, &*refusal.message), ("ValidationException", text));
        assert_eq!(put("other").name, "NotFoundException");
        let ram = json!({ "KeyId": key, "PolicyName": "AWS_RAM" });
        assert_eq!(kms.refused("GetKeyPolicy", ram).name, "NotFoundException");
    });
}

#[test]
fn tags_that_aws_refuses_in_prose() {
    with(|kms, key| {
        let tag = |key: &str, value: &str| json!([{ "TagKey": key, "TagValue": value }]);
        for unfit in [
            tag("Owner", "My & My Team"),
            tag("a&b", "x"),
            tag("a", "1,2"),
            tag("a", "100%"),
            tag("a", "tab\t"),
            tag("a", "e\u{301}"),
            tag("a\u{1f980}", ""),
        ] {
            for operation in ["CreateKey", "TagResource"] {
                let refusal = kms.refused(operation, json!({ "KeyId": key, "Tags": unfit }));
                let said = (&*refusal.name, &*refusal.message);
                assert_eq!(said, ("TagException", "Invalid tag"), "{operation} {unfit}");
            }
        }
        for fits in [tag("Größe", "名前 1"), tag("a_.:/=+-@", "aws:x\u{3000}b"), tag("e", "")] {
            for operation in ["CreateKey", "TagResource"] {
                kms.ok(operation, json!({ "KeyId": key, "Tags": fits }));
            }
        }
        let tagged = kms.ok("ListResourceTags", json!({ "KeyId": key }));
        assert_eq!(tagged["Tags"].as_array().unwrap().len(), 3);
    });
}
