//! The AWS endpoint as clients see it: the Rust SDK, and raw HTTP held against the service model.
#![allow(clippy::unwrap_used)]
mod aliases;
mod bounds;
mod ciphertexts;
mod disconnecting;
mod grants;
mod killed;
mod lists;
mod operations;
mod pages;
mod policies;
mod rough;
mod sdk;
mod signatures;
mod states;

use serde_json::json;
use tests::cluster::Up;
use tests::kms::Kms;

const PROGRAM: &str = env!("CARGO_BIN_EXE_cluster-ctl-tested");
const ENDPOINT: &str = env!("CARGO_BIN_EXE_aws-api-tested");

/// `up` that has left the cluster free for a key store, and its endpoint.
fn free_cluster(nodes: &str) -> (Up, Kms) {
    let up = Up::start(PROGRAM, &["--until", "kmsuser", "--nodes", nodes]);
    let kms = Kms::at(up.ready()["endpoint"].as_str().unwrap());
    (up, kms)
}

/// Makes a key store on the cluster of `up`.
fn create_store(up: &Up, kms: &Kms) -> String {
    let anchor = std::fs::read_to_string(up.folder().join("customerCA.crt")).unwrap();
    let made = json!({
        "CustomKeyStoreName": "store", "CloudHsmClusterId": up.ready()["cluster_id"],
        "TrustAnchorCertificate": anchor, "KeyStorePassword": "kmsPswd",
    });
    kms.ok("CreateCustomKeyStore", made)["CustomKeyStoreId"].as_str().unwrap().to_owned()
}

#[test]
fn every_operation_answers_as_the_model_and_the_guide_say() {
    let (up, kms) = free_cluster("2");
    let store = create_store(&up, &kms);
    kms.connect(&store);
    operations::check(&kms, &store);
    states::check(&kms, &store);
    up.stop();
}
