//! AWS's sentences word for word, secrets that stay inside, and bodies that nobody should send.
use super::kms::*;
use super::wire::{Blob, Sensitive, Timestamp};
use super::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const MODEL: &str = include_str!("../../model/kms.json");
const CLOUDHSM: &str = include_str!("../../model/cloudhsmv2.json");
/// Base64, and a word that no message has by itself.
const MARK: &str = "SECRETMARKER";

fn model() -> Value {
    serde_json::from_str(MODEL).unwrap()
}

fn refusal<O: Operation>(body: Value) -> (ErrorKind, String) {
    let refused = decode::<O>(body.to_string().as_bytes()).err().unwrap();
    (refused.kind, refused.message.unwrap())
}

fn violation<O: Operation>(body: Value) -> String {
    let (kind, message) = refusal::<O>(body);
    assert_eq!(kind, ErrorKind::ValidationException, "{message}");
    message
}

/// The one sentence of a message that has one.
fn sentence<O: Operation>(body: Value) -> String {
    let message = violation::<O>(body);
    message.strip_prefix("1 validation error detected: ").unwrap().to_owned()
}

#[test]
fn a_number_or_a_null_that_does_not_fit() {
    let fails = "failed to satisfy constraint: Member must";
    let bytes = |n: i32| sentence::<GenerateRandomRequest>(json!({"NumberOfBytes": n}));
    let range = format!("Value '1025' at 'numberOfBytes' {fails} have value less than or equal to");
    assert_eq!(bytes(1025), format!("{range} 1024"));
    let range = format!("Value '0' at 'numberOfBytes' {fails} have value greater than or equal to");
    assert_eq!(bytes(0), format!("{range} 1"));
    for body in [json!({}), json!({"KeyId": null})] {
        let null = format!("Value null at 'keyId' {fails} not be null");
        assert_eq!(sentence::<DescribeKeyRequest>(body), null);
    }
    assert_eq!(
        violation::<EncryptRequest>(json!({})),
        format!(
            "2 validation errors detected: Value null at 'keyId' {fails} not be null; \
             Value null at 'plaintext' {fails} not be null"
        )
    );
    for days in [1, 365] {
        let body = json!({"KeyId": "k", "PendingWindowInDays": days}).to_string();
        assert!(decode::<ScheduleKeyDeletionRequest>(body.as_bytes()).is_ok());
    }
}

#[test]
fn a_string_or_a_blob_that_does_not_fit() {
    let fails = "failed to satisfy constraint: Member must";
    let spec = sentence::<GenerateDataKeyRequest>(json!({"KeyId": "k", "KeySpec": "X"}));
    let set = "satisfy enum value set: [AES_256, AES_128]";
    assert_eq!(spec, format!("Value 'X' at 'keySpec' {fails} {set}"));
    let plaintext = |length: usize| {
        let blob = data_encoding::BASE64.encode(&vec![7; length]);
        sentence::<EncryptRequest>(json!({"KeyId": "k", "Plaintext": blob}))
    };
    let value = format!("Value at 'plaintext' {fails} have length");
    assert_eq!(plaintext(0), format!("{value} greater than or equal to 1"));
    assert_eq!(plaintext(4097), format!("{value} less than or equal to 4096"));
    let cluster = |id: &str| {
        let body = json!({"CustomKeyStoreName": "n", "CloudHsmClusterId": id});
        sentence::<CreateCustomKeyStoreRequest>(body)
    };
    assert_eq!(
        cluster("cluster-1a23b4cdefg"),
        format!(
            "Value 'cluster-1a23b4cdefg' at 'cloudHsmClusterId' {fails} satisfy regular \
             expression pattern: cluster-[2-7a-zA-Z]{{11,16}}"
        )
    );
    assert!(cluster("x cluster-234567abcde").contains("pattern"), "matched as a whole");
    let ok = json!({"CustomKeyStoreName": "n", "CloudHsmClusterId": "cluster-234567abcde"});
    assert!(decode::<CreateCustomKeyStoreRequest>(ok.to_string().as_bytes()).is_ok());
    let password = json!({"CustomKeyStoreId": "c", "KeyStorePassword": "short"});
    let value = format!("Value at 'keyStorePassword' {fails} have length greater than");
    assert_eq!(sentence::<UpdateCustomKeyStoreRequest>(password), format!("{value} or equal to 7"));
    let policy = json!({"KeyId": "k", "Policy": "\u{17f}"});
    let pattern = r"[\u0009\u000A\u000D\u0020-\u00FF]+";
    assert_eq!(
        sentence::<PutKeyPolicyRequest>(policy),
        format!(
            "Value '\u{17f}' at 'policy' {fails} satisfy regular expression pattern: {pattern}"
        )
    );
    // Characters count, not bytes.
    let umlauts = json!({"KeyId": "k", "Description": "\u{fc}".repeat(8192)}).to_string();
    assert!(decode::<UpdateKeyDescriptionRequest>(umlauts.as_bytes()).is_ok());
}

#[test]
fn what_does_not_fit_inside_lists_and_structures() {
    let fails = "failed to satisfy constraint: Member must";
    let long = "k".repeat(129);
    let tags = json!({"KeyId": "k", "Tags": [{"TagKey": long, "TagValue": ""}, {"TagKey": "a"}]});
    assert_eq!(
        violation::<TagResourceRequest>(tags),
        format!(
            "2 validation errors detected: Value '{long}' at 'tags.1.member.tagKey' {fails} \
             have length less than or equal to 128; \
             Value null at 'tags.2.member.tagValue' {fails} not be null"
        )
    );
    assert_eq!(
        sentence::<UntagResourceRequest>(json!({"KeyId": "k", "TagKeys": ["a", ""]})),
        format!(
            "Value '[a, ]' at 'tagKeys' {fails} satisfy constraint: [Member must have length \
             less than or equal to 128, Member must have length greater than or equal to 1]"
        )
    );
    let modifiers = json!({"DryRunModifiers": ["X"]});
    assert_eq!(
        sentence::<DecryptRequest>(modifiers),
        format!(
            "Value '[X]' at 'dryRunModifiers' {fails} satisfy constraint: \
             [Member must satisfy enum value set: [IGNORE_CIPHERTEXT]]"
        )
    );
    let tokens = json!({"KeyId": "k", "GrantTokens": vec!["t"; 11]});
    let many = "have length less than or equal to 10";
    let shown = ["t"; 11].join(", ");
    assert_eq!(
        sentence::<DescribeKeyRequest>(tokens),
        format!("Value '[{shown}]' at 'grantTokens' {fails} {many}")
    );
    let credential = json!({"CustomKeyStoreName": "n", "XksProxyAuthenticationCredential": {
        "AccessKeyId": MARK, "RawSecretAccessKey": "a".repeat(43)}});
    let at = "xksProxyAuthenticationCredential.accessKeyId";
    assert_eq!(
        sentence::<CreateCustomKeyStoreRequest>(credential),
        format!("Value at '{at}' {fails} have length greater than or equal to 20")
    );
}

#[test]
fn an_answer_is_bounded_whatever_was_sent() {
    let long = "v".repeat(1_000_000);
    let value = violation::<DescribeKeyRequest>(json!({ "KeyId": long }));
    assert!(value.contains(&format!("Value '{long}' at 'keyId'")), "whole");
    let many = json!({"KeyId": long, "GrantTokens": [long, ""], "EncryptionAlgorithm": long,
                      "CiphertextBlob": ""});
    let many = violation::<DecryptRequest>(many);
    assert!(many.starts_with("4 validation errors detected: ") && many.len() < 2_100_000);
    let tags = json!({"KeyId": "k", "Tags": vec![json!({"TagKey": ""}); 5_000]});
    let many = violation::<TagResourceRequest>(tags);
    assert!(many.starts_with("10000 validation errors detected: ") && many.len() < 5_000, "{many}");
}

#[test]
fn json_that_does_not_fit() {
    type Case = (&'static str, &'static str);
    let cases: [Case; 12] = [
        (r#"{"KeyId": 7}"#, "NUMBER_VALUE can not be converted to a String"),
        (r#"{"KeyId": true}"#, "TRUE_VALUE can not be converted to a String"),
        (
            r#"{"NumberOfBytes": "s3cret, expected"}"#,
            "STRING_VALUE can not be converted to an Integer",
        ),
        (r#"{"NumberOfBytes": 3000000000}"#, "NUMBER_VALUE can not be converted to an Integer"),
        (r#"{"NumberOfBytes": 1e400}"#, "number out of range at line 1 column 23"),
        (r#"{"DryRun": "true"}"#, "STRING_VALUE can not be converted to a Boolean"),
        (r#"{"KeyId": []}"#, "Start of list found where not expected"),
        (r#"{"KeyId": {}}"#, "Start of structure or map found where not expected."),
        (r#"{"GrantTokens": "t"}"#, "STRING_VALUE can not be converted to a List"),
        (r#"{"Recipient": ["RSAES_OAEP_SHA_256"]}"#, "Start of list found where not expected"),
        (r#"{"KeyId": "a", "KeyId": "b"}"#, "duplicate field `KeyId`"),
        (r#"["k"]"#, "Start of list found where not expected"),
    ];
    for (body, expected) in cases {
        let refused = decode::<GenerateDataKeyRequest>(body.as_bytes()).err().unwrap();
        assert_eq!(refused.kind, ErrorKind::SerializationException, "{body}");
        assert_eq!(refused.message.as_deref(), Some(expected), "{body}");
    }
    for blob in ["AA", "AA=", "A A=", "AB==", "_w==", "*"] {
        let (kind, message) = refusal::<EncryptRequest>(json!({"KeyId": "k", "Plaintext": blob}));
        assert_eq!((kind, &*message), (ErrorKind::SerializationException, "a blob is not base64"));
    }
    let tag = json!({"KeyId": "k", "Tags": [["a", "b"]]});
    assert_eq!(refusal::<TagResourceRequest>(tag).0, ErrorKind::SerializationException);
}

#[test]
fn what_is_unknown_or_twice() {
    assert!(decode::<ListKeysRequest>(b"").is_ok());
    let deep = format!("{{\"X\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(decode::<GenerateRandomRequest>(deep.as_bytes()).is_ok(), "unknown, and skipped");
    let twice =
        br#"{"KeyId": "k", "Plaintext": "AA==", "EncryptionContext": {"a": "1", "a": "2"}}"#;
    let request: EncryptRequest = decode(twice).unwrap();
    assert_eq!(request.encryption_context.unwrap()["a"], "2");
    assert_eq!(&*request.plaintext.unwrap(), [0]);
}

#[test]
fn what_is_unknown_and_could_restrict_is_refused() {
    let grant = |more: Value| {
        let mut body = json!({"KeyId": "k", "GranteePrincipal": "p", "Operations": ["Decrypt"]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    for (message, name) in [
        (violation::<CreateGrantRequest>(grant(json!({"Constraints": {"Newer": "x"}}))), "Newer"),
        (violation::<CreateGrantRequest>(grant(json!({"NotAfter": 7}))), "NotAfter"),
        (violation::<ListGrantsRequest>(json!({"KeyId": "k", "Since": {"a": []}})), "Since"),
        (violation::<ListKeysRequest>(json!({"Owners": ["SELF"]})), "Owners"),
        (violation::<cloudhsmv2::DescribeClustersRequest>(json!({"Only": 1})), "Only"),
    ] {
        assert!(message.starts_with(&format!("The member {name} is not known")), "{message}");
        assert!(message.contains("botocore 1."), "{message}");
    }
    // A name that none of AWS's members could have is not repeated.
    for odd in ["a b".to_owned(), "N".repeat(65), String::new()] {
        let message = violation::<ListKeysRequest>(json!({odd.clone(): 1}));
        assert!(message.starts_with("A member of the request is not known"), "{odd}: {message}");
    }
    let known = grant(json!({"Constraints": {"SourceArn": "arn:aws:s3:::b"}}));
    assert!(violation::<CreateGrantRequest>(known).contains("'constraints.sourceArn'"));
}

#[test]
fn cloudtrail_has_no_secrets() {
    let body = json!({"CustomKeyStoreName": "n", "CloudHsmClusterId": "cluster-234567abcde",
        "KeyStorePassword": "s3cret-word", "TrustAnchorCertificate": "pem"});
    let request: CreateCustomKeyStoreRequest = decode(body.to_string().as_bytes()).unwrap();
    let logged = serde_json::to_string(&request).unwrap();
    assert_eq!(logged, r#"{"customKeyStoreName":"n","clusterId":"cluster-234567abcde"}"#);
    assert!(!format!("{request:?}").contains("s3cret"));
    let typed = CreateCustomKeyStoreRequest {
        custom_key_store_type: Some("AWS_CLOUDHSM".into()),
        ..Default::default()
    };
    let logged = serde_json::to_string(&typed).unwrap();
    assert_eq!(logged, r#"{"customKeyStoreType":"AWS_CLOUDHSM"}"#);
}

#[test]
fn what_is_secret_is_in_no_message_and_no_log() {
    let model = model();
    for trial in TRIALS {
        let input = model["operations"][trial.name]["input"].as_str().unwrap();
        for mark in [json!(MARK), json!(format!("{MARK}*")), json!([MARK]), json!({MARK: MARK})] {
            let body = secrets(&model, input, &mark).to_string();
            let refused = (trial.decode)(body.as_bytes());
            assert!(!format!("{refused:?}").contains(MARK), "{}: {refused:?}", trial.name);
        }
        let logged = (trial.logged)(secrets(&model, input, &json!(MARK)).to_string().as_bytes());
        assert!(!logged.contains(MARK), "{}: {logged}", trial.name);
    }
}

/// A body whose blobs and sensitive members are all this value.
fn secrets(model: &Value, shape: &str, mark: &Value) -> Value {
    let mut body = serde_json::Map::new();
    for (name, member) in model["shapes"][shape]["members"].as_object().unwrap() {
        let inner = &model["shapes"][member["shape"].as_str().unwrap()];
        if inner["type"] == "blob" || inner["sensitive"] == true {
            body.insert(name.clone(), mark.clone());
        } else if inner["type"] == "structure" {
            let inner = secrets(model, member["shape"].as_str().unwrap(), mark);
            body.insert(name.clone(), inner);
        }
    }
    Value::Object(body)
}

#[test]
fn every_operation_of_the_model_is_served() {
    for (model, trials, source, count) in [
        (MODEL, TRIALS, include_str!("kms.rs"), 56),
        (CLOUDHSM, cloudhsmv2::TRIALS, include_str!("cloudhsmv2.rs"), 18),
    ] {
        let model: Value = serde_json::from_str(model).unwrap();
        let operations = model["operations"].as_object().unwrap();
        let named: BTreeSet<&str> = operations.keys().map(String::as_str).collect();
        assert_eq!(named, trials.iter().map(|trial| trial.name).collect());
        assert_eq!(named.len(), count);
        let source: String = source.split_whitespace().collect();
        let source = source.replace("=>{run", "=>run");
        for (name, operation) in operations {
            let input = operation["input"].as_str().unwrap();
            assert!(source.contains(&format!("\"{name}\"=>run::<{input}>(body,")), "{name}");
        }
    }
}

#[test]
fn answers_without_members_are_empty_objects() {
    for trial in TRIALS {
        assert_eq!((trial.answer)(), "{}", "{}", trial.name);
    }
}

#[test]
fn answers_keep_the_models_names() {
    let metadata = KeyMetadata {
        aws_account_id: Some("1".into()),
        creation_date: Some(Timestamp(1_700_000_000.123_456)),
        ..Default::default()
    };
    let text = serde_json::to_string(&metadata).unwrap();
    assert_eq!(text, r#"{"AWSAccountId":"1","CreationDate":1700000000.123}"#);
    for length in [0, 1, 2, 3, 1023, 1024, 1025, 4096] {
        let bytes = vec![0xfe; length];
        let blob = serde_json::to_value(Blob::from(bytes.clone())).unwrap();
        assert_eq!(blob, json!(data_encoding::BASE64.encode(&bytes)));
    }
    let key = Sensitive::from("AKEY".to_owned());
    let store = XksProxyConfigurationType { access_key_id: Some(key), ..Default::default() };
    assert_eq!(serde_json::to_string(&store).unwrap(), r#"{"AccessKeyId":"AKEY"}"#);
}

#[test]
fn tags_have_letters_digits_and_spaces_of_unicode_and_few_signs() {
    let tag = |key: &str| {
        let tags = json!({"ResourceId": "cluster-234567abcde",
                          "TagList": [{"Key": key, "Value": ""}]});
        decode::<cloudhsmv2::TagResourceRequest>(tags.to_string().as_bytes())
    };
    for fits in ["Größe", "名前 1", "тест_.:/=+-@", "\u{2070E}", "Ⅻ²", "a\u{3000}\u{2028}b", "١٢٣"]
    {
        assert!(tag(fits).is_ok(), "{fits:?}");
    }
    // Decomposed, signs, pictures, controls, and a vowel sign that is a mark.
    for unfit in ["e\u{301}", "My & My Team", "100 %", "🦀", "a\tb", "a\u{200D}b", "कि", "€"]
    {
        let refused = tag(unfit).err().unwrap();
        assert!(refused.message.unwrap().contains(r"pattern: ^([\p{L}\p{Z}\p{N}_"), "{unfit:?}");
    }
}

#[test]
fn short_classes_are_of_ascii() {
    for (pattern, fits, unfit) in
        [(r"\d+", "12", "١٢"), (r"[\w]+", "a_1", "é"), (r"\s", "\t", "\u{a0}")]
    {
        let regex = constraint::compile(pattern).unwrap();
        assert!(regex.is_match(fits) && !regex.is_match(unfit), "{pattern}");
    }
}

#[test]
fn every_pattern_compiles() {
    for model in [MODEL, CLOUDHSM] {
        let model: Value = serde_json::from_str(model).unwrap();
        for (name, shape) in model["shapes"].as_object().unwrap() {
            if let Some(pattern) = shape["pattern"].as_str() {
                assert!(constraint::compile(pattern).is_some(), "{name}: {pattern}");
            }
        }
    }
}

#[test]
fn kinds_of_errors() {
    assert_eq!(ErrorKind::NotFoundException.name(), "NotFoundException");
    for (kind, status) in [
        (ErrorKind::ValidationException, 400),
        (ErrorKind::KMSInternalException, 500),
        (ErrorKind::InternalFailure, 500),
        (ErrorKind::ServiceUnavailable, 503),
    ] {
        assert_eq!((kind.status(), kind.is_fault()), (status, status >= 500), "{kind:?}");
    }
    assert!(CreateAliasRequest::ERRORS.contains(&ErrorKind::AlreadyExistsException));
}

/// The same numbers in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888);
        usize::try_from(self.0 >> 33).unwrap() % n
    }
}

#[test]
fn no_body_makes_decode_panic() {
    const PIECES: [&str; 24] = [
        "null",
        "true",
        "7",
        "-1",
        "1e999",
        "99999999999999999999",
        "0.5",
        "\"\"",
        "\"AA==\"",
        "\"\\ud800\"",
        "\"\u{1f511}\"",
        "\"X\"",
        "[]",
        "[null]",
        "[\"a\"]",
        "[[[[[]]]]]",
        "{}",
        "{\"a\":\"b\"}",
        "{\"TagKey\":1}",
        "[{\"TagKey\":\"\"}]",
        "{\"\":{}}",
        "]",
        "\"",
        "nul",
    ];
    let model = model();
    let mut dice = Dice(20_141_101);
    let nested = "[".repeat(200);
    for trial in TRIALS {
        let input = model["operations"][trial.name]["input"].as_str().unwrap();
        let members = model["shapes"][input]["members"].as_object().unwrap();
        for _ in 0..300 {
            let mut body = "{".to_owned();
            for name in members.keys() {
                let piece = if dice.below(50) == 0 { &nested } else { PIECES[dice.below(24)] };
                let name = if dice.below(9) == 0 { "KeyId" } else { name };
                body += &format!("\"{name}\": {piece},");
            }
            let mut body = body.trim_end_matches(',').to_owned().into_bytes();
            body.push(b'}');
            for _ in 0..dice.below(4) {
                let at = dice.below(body.len());
                body[at] = u8::try_from(dice.below(256)).unwrap();
            }
            body.truncate(if dice.below(10) == 0 { dice.below(body.len()) } else { body.len() });
            if let Err(refused) = (trial.decode)(&body) {
                assert!(refused.message.is_some_and(|m| m.len() < 20_000), "{}", trial.name);
            }
        }
    }
}

#[test]
fn a_text_with_a_nul_is_refused_and_a_backslash_is_not() {
    let body = |description: &str| format!("{{\"Description\":\"{description}\"}}");
    for bad in [r"\u0000", r"a\\\u0000", r"\\ \u0000"] {
        let refused = decode::<CreateKeyRequest>(body(bad).as_bytes()).err().unwrap();
        assert_eq!(refused.kind, ErrorKind::ValidationException, "{bad}");
        assert!(refused.message.unwrap().contains("U+0000"), "{bad}");
    }
    for good in [r"\\u0000", r"\u0001", "u0000"] {
        assert!(decode::<CreateKeyRequest>(body(good).as_bytes()).is_ok(), "{good}");
    }
}
