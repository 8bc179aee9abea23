//! Requests that are under way while their key store is disconnected.
use crate::{create_store, free_cluster};
use serde_json::json;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// What may be said of a key store, or of a key in it, that is not connected.
const SAID: &[&str] = &[
    "CustomKeyStoreInvalidStateException",
    "KMSInvalidStateException",
    "CloudHsmClusterInvalidConfigurationException",
];

/// No answer is a fault of the service, which [`tests::kms::Kms::call`] would give as a 500.
#[test]
fn a_request_that_a_disconnect_overtakes_is_told_the_state() {
    let (up, kms) = free_cluster("2");
    let store = create_store(&up, &kms);
    for round in 0..12 {
        kms.connect(&store);
        let made =
            kms.ok("CreateKey", json!({ "CustomKeyStoreId": store, "Origin": "AWS_CLOUDHSM" }));
        let key = made["KeyMetadata"]["KeyId"].clone();
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for n in 0..24 {
                let (kms, store, key, over) = (&kms, &store, &key, &over);
                scope.spawn(move || {
                    while !over.load(Relaxed) {
                        let answer = match n % 3 {
                            0 | 1 => kms.call(
                                "CreateKey",
                                &json!({ "CustomKeyStoreId": store, "Origin": "AWS_CLOUDHSM" }),
                            ),
                            _ => kms.call("Encrypt", &json!({ "KeyId": key, "Plaintext": "AAAA" })),
                        };
                        if let Err(refusal) = answer {
                            assert!(SAID.contains(&refusal.name.as_str()), "{refusal:?}");
                        }
                    }
                });
            }
            std::thread::sleep(std::time::Duration::from_millis(20 + 3 * round));
            kms.ok("DisconnectCustomKeyStore", json!({ "CustomKeyStoreId": store }));
            over.store(true, Relaxed);
        });
    }
    up.stop();
}
