//! Damaged ciphertexts, algorithms that do not fit, and dates that count from an event.
use super::ENDPOINT;
use data_encoding::BASE64;
use serde_json::{Value, json};
use tests::cluster::folder;
use tests::endpoint::Alone;
use tests::kms::Kms;

const DAY: f64 = 86_400.0;

fn with(check: impl FnOnce(&Kms)) {
    let folder = folder();
    let endpoint = Alone::start(ENDPOINT, folder.path(), json!({}));
    check(&Kms::at(&endpoint.url));
}

fn new_key(kms: &Kms) -> Value {
    kms.ok("CreateKey", json!({}))["KeyMetadata"]["KeyId"].clone()
}

fn sealed(kms: &Kms, key: &Value) -> Vec<u8> {
    let made = kms.ok("Encrypt", json!({ "KeyId": key, "Plaintext": "c2VjcmV0" }));
    BASE64.decode(made["CiphertextBlob"].as_str().unwrap().as_bytes()).unwrap()
}

#[test]
fn what_is_damaged_is_no_ciphertext_whatever_key_it_seems_to_be_of() {
    with(|kms| {
        let (key, other, disabled) = (new_key(kms), new_key(kms), new_key(kms));
        let good = sealed(kms, &key);
        let of_disabled = sealed(kms, &disabled);
        kms.ok("DisableKey", json!({ "KeyId": disabled }));
        let flipped = (0..good.len()).flat_map(|at| {
            [&good, &of_disabled].map(|good| {
                let mut damaged = good.clone();
                damaged[at] ^= 0x10;
                damaged
            })
        });
        let cut = (1..good.len()).map(|len| good[..len].to_vec());
        let longer = [good.clone(), vec![0]].concat();
        // Of another key's, and swapped with its own.
        let spliced = [&of_disabled[..37], &good[37..]].concat();
        for damaged in flipped.chain(cut).chain([longer, spliced]) {
            let blob = BASE64.encode(&damaged);
            let mut wrong = Vec::new();
            for key in [Value::Null, key.clone(), other.clone()] {
                for (operation, parameters) in [
                    ("Decrypt", json!({ "CiphertextBlob": blob, "KeyId": key })),
                    (
                        "ReEncrypt",
                        json!({ "CiphertextBlob": blob, "SourceKeyId": key,
                                "DestinationKeyId": other }),
                    ),
                ] {
                    let refusal = kms.refused(operation, parameters);
                    if refusal.name != "InvalidCiphertextException" {
                        wrong.push((operation, key.clone(), refusal));
                    }
                }
            }
            assert!(wrong.is_empty(), "{blob}: {wrong:?}");
        }
        let blob = BASE64.encode(&good);
        let wrong = kms.refused("Decrypt", json!({ "CiphertextBlob": blob, "KeyId": other }));
        assert_eq!(wrong.name, "IncorrectKeyException");
        let opened = kms.ok("Decrypt", json!({ "CiphertextBlob": blob, "KeyId": key }));
        assert_eq!(opened["Plaintext"], "c2VjcmV0");
        let disabled = json!({ "CiphertextBlob": BASE64.encode(&of_disabled) });
        assert_eq!(kms.refused("Decrypt", disabled).name, "DisabledException");
    });
}

#[test]
fn a_whole_ciphertext_of_a_key_that_is_gone_is_denied() {
    with(|kms| {
        let key = new_key(kms);
        let blob = BASE64.encode(&sealed(kms, &key));
        kms.ok("ScheduleKeyDeletion", json!({ "KeyId": key, "PendingWindowInDays": 7 }));
        kms.sim("POST /_sim/clock?days=8");
        let gone = || kms.call("DescribeKey", &json!({ "KeyId": key })).is_err();
        tests::patience::until("the key is gone", gone);
        let refusal = kms.refused("Decrypt", json!({ "CiphertextBlob": blob }));
        assert_eq!(refusal.name, "AccessDeniedException");
    });
}

#[test]
fn algorithms_of_other_specs_are_told_before_the_ciphertext_is_read() {
    with(|kms| {
        let key = new_key(kms);
        let said = |operation: &str, parameters: Value| {
            let refusal = kms.refused(operation, parameters);
            (refusal.name, refusal.message)
        };
        let unfit = "Algorithm RSAES_OAEP_SHA_256 is incompatible with key spec SYMMETRIC_DEFAULT.";
        let unfit = ("InvalidKeyUsageException".to_owned(), unfit.to_owned());
        let rsa = "RSAES_OAEP_SHA_256";
        let encrypt = json!({ "KeyId": key, "Plaintext": "AAAA", "EncryptionAlgorithm": rsa });
        assert_eq!(said("Encrypt", encrypt), unfit);
        let mut decrypt = json!({ "CiphertextBlob": "AAAA", "EncryptionAlgorithm": rsa });
        let null = ("ValidationException".to_owned(), "KeyId must not be null".to_owned());
        assert_eq!(said("Decrypt", decrypt.clone()), null);
        decrypt["KeyId"] = key;
        assert_eq!(said("Decrypt", decrypt), unfit);
    });
}

#[test]
fn dates_count_from_their_event() {
    with(|kms| {
        let key = new_key(kms);
        let created = kms.ok("DescribeKey", json!({ "KeyId": key }))["KeyMetadata"].clone();
        let created = created["CreationDate"].as_f64().unwrap();
        let days_since = |date: &Value| (date.as_f64().unwrap() - created) / DAY;
        let is_near = |days: f64, expected: f64| (days - expected).abs() < 0.01;
        let next = || {
            let status = kms.ok("GetKeyRotationStatus", json!({ "KeyId": key }));
            days_since(&status["NextRotationDate"])
        };
        let enable = |days: u32| {
            let period = json!({ "KeyId": key, "RotationPeriodInDays": days });
            kms.ok("EnableKeyRotation", period);
        };
        kms.sim("POST /_sim/clock?days=40");
        enable(100);
        assert!(is_near(next(), 140.0), "from the day on which it was enabled: {}", next());
        kms.sim("POST /_sim/clock?days=40");
        enable(200);
        assert!(is_near(next(), 240.0), "another period, the same day: {}", next());
        enable(90);
        for days in [45, 15] {
            kms.sim(&format!("POST /_sim/clock?days={days}"));
        }
        assert!(is_near(next(), 220.0), "the next one, not the one before: {}", next());
        let schedule = json!({ "KeyId": key, "PendingWindowInDays": 9 });
        let scheduled = kms.ok("ScheduleKeyDeletion", schedule);
        assert!(is_near(days_since(&scheduled["DeletionDate"]), 149.0), "{scheduled}");
        let status = kms.ok("GetKeyRotationStatus", json!({ "KeyId": key }));
        assert_eq!(status["KeyRotationEnabled"], false, "{status}");
        assert!(status.get("NextRotationDate").is_none(), "{status}");
        kms.ok("CancelKeyDeletion", json!({ "KeyId": key }));
        assert!(is_near(next(), 220.0), "as before: {}", next());
        kms.ok("EnableKey", json!({ "KeyId": key }));
        kms.ok("DisableKeyRotation", json!({ "KeyId": key }));
        enable(100);
        assert!(is_near(next(), 240.0), "anew: {}", next());
        let days = json!({ "KeyId": key, "PendingWindowInDays": 31 });
        let refusal = kms.refused("ScheduleKeyDeletion", days);
        assert_eq!(refusal.message, "PendingWindowInDays must be between 7 and 30");
    });
}
