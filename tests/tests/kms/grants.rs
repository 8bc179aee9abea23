//! What a grant may be, and the tokens of one that is asked for again.
use super::ENDPOINT;
use serde_json::{Map, Value, json};
use tests::cluster::folder;
use tests::endpoint::Alone;
use tests::kms::Kms;

const BOB: &str = "arn:aws:iam::000000000000:user/bob";
const INVALID: &str = "ValidationException";

/// An endpoint's key, and grants for it.
struct Subject {
    kms: Kms,
    key: Value,
}

impl Subject {
    fn grant(&self, more: &Value) -> Value {
        let grant =
            json!({ "KeyId": self.key, "GranteePrincipal": BOB, "Operations": ["Decrypt"] });
        let mut grant: Map<String, Value> = grant.as_object().unwrap().clone();
        grant.extend(more.as_object().unwrap().clone());
        grant.retain(|_, value| !value.is_null());
        Value::Object(grant)
    }

    fn made(&self, more: Value) -> (String, String) {
        let made = self.kms.ok("CreateGrant", self.grant(&more));
        let text = |name: &str| made[name].as_str().unwrap().to_owned();
        (text("GrantId"), text("GrantToken"))
    }

    fn refused(&self, more: Value) -> (String, String) {
        let refusal = self.kms.refused("CreateGrant", self.grant(&more));
        (refusal.name, refusal.message)
    }
}

fn with(check: impl FnOnce(&Subject)) {
    let folder = folder();
    let endpoint = Alone::start(ENDPOINT, folder.path(), json!({}));
    let kms = Kms::at(&endpoint.url);
    let key = kms.ok("CreateKey", json!({}))["KeyMetadata"]["KeyId"].clone();
    check(&Subject { kms, key });
}

#[test]
fn a_grant_that_is_asked_for_again_by_name_has_another_token_and_both_are_usable() {
    with(|subject| {
        let named = || {
            let equals = json!({ "EncryptionContextEquals": { "a": "1" } });
            json!({ "Name": "mine", "Constraints": equals })
        };
        for used in [0, 1] {
            let grants = [subject.made(named()), subject.made(named())];
            assert_eq!(grants[0].0, grants[1].0, "one grant");
            assert_ne!(grants[0].1, grants[1].1, "two tokens");
            let listed = subject.kms.ok("ListGrants", json!({ "KeyId": subject.key }));
            assert_eq!(listed["Grants"].as_array().unwrap().len(), 1);
            subject.kms.ok("RetireGrant", json!({ "GrantToken": grants[used].1 }));
            for (_, token) in &grants {
                let gone = subject.kms.refused("RetireGrant", json!({ "GrantToken": token }));
                assert_eq!(gone.name, "InvalidGrantTokenException");
            }
        }
        let one = subject.made(json!({ "Name": "mine" })).0;
        for other in [
            json!({ "Name": "mine", "Operations": ["Encrypt"] }),
            json!({ "Name": "other" }),
            json!({}),
        ] {
            assert_ne!(subject.made(other.clone()).0, one, "{other}");
        }
        assert_ne!(subject.made(json!({})).0, subject.made(json!({})).0, "without a name");
        let (_, token) = subject.made(json!({}));
        let mut bytes = data_encoding::BASE64.decode(token.as_bytes()).unwrap();
        for at in [0, 1, 40, bytes.len() - 1] {
            bytes[at] ^= 1;
            let changed = data_encoding::BASE64.encode(&bytes);
            let refusal = subject.kms.refused("RetireGrant", json!({ "GrantToken": changed }));
            assert_eq!(refusal.name, "InvalidGrantTokenException", "byte {at}");
            bytes[at] ^= 1;
        }
        subject.kms.ok("RetireGrant", json!({ "GrantToken": token }));
    });
}

#[test]
fn grants_that_aws_refuses() {
    with(|subject| {
        let alone = "Grants must not contain only the CreateGrant operation.".to_owned();
        let refusal = subject.refused(json!({ "Operations": ["CreateGrant"] }));
        assert_eq!(refusal, (INVALID.to_owned(), alone));
        for unfit in ["Sign", "Verify", "VerifyMac", "DeriveSharedSecret", "GetPublicKey"] {
            let refusal = subject.refused(json!({ "Operations": ["Decrypt", unfit] }));
            assert_eq!(refusal.0, INVALID, "{unfit}");
            assert!(refusal.1.contains(unfit), "{refusal:?}");
        }
        let pairs = |count: usize| -> Value {
            let pairs = (0..count).map(|n| (n.to_string(), Value::from("v")));
            Value::Object(pairs.collect())
        };
        let constraints = |of: Value| json!({ "Constraints": of });
        for unfit in [
            json!({ "EncryptionContextEquals": pairs(1), "EncryptionContextSubset": pairs(1) }),
            json!({ "EncryptionContextEquals": pairs(9) }),
            json!({ "EncryptionContextSubset": pairs(9) }),
            json!({ "EncryptionContextSubset": pairs(1), "NotYetKnown": "x" }),
            json!({ "SourceArn": "bucket" }),
        ] {
            assert_eq!(subject.refused(constraints(unfit.clone())).0, INVALID, "{unfit}");
        }
        subject.made(constraints(json!({ "EncryptionContextSubset": pairs(8) })));
        for principal in [
            "bob",
            "000000000000",
            "s3.amazonaws.com",
            "arn:aws:iam::000000000000:group/g",
            "arn:aws:s3:::bucket",
        ] {
            let said = format!("ARN does not refer to a valid principal: {principal}");
            for member in ["GranteePrincipal", "RetiringPrincipal"] {
                let refusal = subject.refused(json!({ member: principal }));
                assert_eq!(refusal, ("InvalidArnException".to_owned(), said.clone()), "{member}");
            }
        }
    });
}

#[test]
fn grants_for_service_principals() {
    with(|subject| {
        let source = "arn:aws:dynamodb:us-east-1:000000000000:table/t";
        let service = "dynamodb.us-east-1.amazonaws.com";
        let grant = json!({
            "GranteePrincipal": null, "GranteeServicePrincipal": service,
            "RetiringServicePrincipal": service, "Constraints": { "SourceArn": source },
        });
        let (id, _) = subject.made(grant.clone());
        for lacking in ["GranteeServicePrincipal", "RetiringServicePrincipal", "Constraints"] {
            let mut grant = grant.clone();
            grant[lacking] = Value::Null;
            assert_eq!(subject.refused(grant).0, INVALID, "without {lacking}");
        }
        for more in [json!({ "GranteePrincipal": BOB }), json!({ "RetiringPrincipal": BOB })] {
            let mut both = grant.clone();
            both.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            assert_eq!(subject.refused(both).0, INVALID, "{more}");
        }
        subject.made(json!({}));
        let listed = |mut filter: Value| {
            filter["KeyId"] = subject.key.clone();
            subject.kms.ok("ListGrants", filter)["Grants"].as_array().unwrap().clone()
        };
        assert_eq!(listed(json!({})).len(), 2);
        let of_service = listed(json!({ "GranteeServicePrincipal": service }));
        assert_eq!(of_service.len(), 1);
        assert_eq!(of_service[0]["GrantId"], json!(id));
        assert_eq!(of_service[0]["Constraints"]["SourceArn"], source);
        assert_eq!(of_service[0]["RetiringServicePrincipal"], service);
        assert!(of_service[0].get("GranteePrincipal").is_none());
        let retirable = json!({ "RetiringServicePrincipal": service });
        let retirable = subject.kms.ok("ListRetirableGrants", retirable);
        assert_eq!(retirable["Grants"][0]["GrantId"], json!(id));
        for unfit in
            [json!({}), json!({ "RetiringPrincipal": BOB, "RetiringServicePrincipal": service })]
        {
            assert_eq!(subject.kms.refused("ListRetirableGrants", unfit).name, INVALID);
        }
    });
}
