//! The key-store operations by connection state, and how many key stores there may be.
use super::*;
use crate::key_stores::Lease;
use crate::{Auth, Endpoint, Settings, sqlite_url};
use serde_json::{Value, json};
use std::time::Duration;
use tempfile::TempDir;

const REGION: &str = "us-east-1";
const CLUSTER: &str = "cluster-234abcdefABC";

async fn endpoint() -> (Endpoint, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        listen: Some(([127, 0, 0, 1], 0).into()),
        database: sqlite_url(&folder.path().join("kms.sqlite")),
        key_file: folder.path().join("kms.key"),
        trail_folder: folder.path().to_owned(),
        clusters: Vec::new(),
        account: "000000000000".into(),
        auth: Auth::Open,
        allow_hosts: Vec::new(),
        connecting: Duration::ZERO,
        hosting: None,
    };
    (Endpoint::start(settings).await.unwrap(), folder)
}

fn store(id: &str, state: State) -> KeyStore {
    KeyStore {
        id: id.to_owned(),
        name: format!("name of {id}"),
        cluster_id: CLUSTER.to_owned(),
        cluster_certificate: String::new(),
        trust_anchor: String::new(),
        created_ms: 0,
        password_mark: String::new(),
        connection: 0,
        state,
    }
}

async fn put(endpoint: &Endpoint, new: Vec<KeyStore>) {
    let kms = endpoint.kms();
    let put = change(&kms.database, REGION, |stores, also| {
        stores.stores.clone_from(&new);
        let told = |it: &KeyStore| credentials::tell(&kms.secrets, &it.id, &Secret::new("kmsPswd"));
        also.extend(new.iter().map(told).flat_map(Result::unwrap));
        Ok(())
    });
    put.await.unwrap();
    kms.stores.forget(REGION);
}

/// The name of the error, or `ok`.
async fn said(endpoint: &Endpoint, operation: &str, parameters: Value) -> String {
    match endpoint.kms().ask(REGION, operation, parameters).await {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.kind.name().to_owned(),
    }
}

/// Held by somebody who lives for ever: nobody takes the key store over.
fn held() -> Lease {
    Lease { owner: "somebody".to_owned(), until_ms: i64::MAX }
}

#[tokio::test]
async fn what_may_be_done_in_which_connection_state() {
    const NOT_FOUND: &str = "CloudHsmClusterNotFoundException";
    const INVALID: &str = "CustomKeyStoreInvalidStateException";
    let (endpoint, _folder) = endpoint().await;
    let failed = State::Failed { code: "INTERNAL_ERROR".to_owned(), why: String::new() };
    let states = [
        State::Disconnected,
        State::Connecting(held()),
        State::Connected,
        failed,
        State::Disconnecting(held()),
    ];
    let id = json!({ "CustomKeyStoreId": "cks-1" });
    let with = |name: &str, value: &str| {
        let mut parameters = id.clone();
        parameters[name] = Value::from(value);
        parameters
    };
    let in_store = json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": "cks-1" });
    let mut random = id.clone();
    random["NumberOfBytes"] = Value::from(1);
    // The cluster is unknown: what the state allows goes on to fail by that, or, once it is
    // CONNECTED, because nobody can be reached.
    for (operation, parameters, expected) in [
        ("ConnectCustomKeyStore", id.clone(), ["ok", "ok", "ok", INVALID, INVALID]),
        ("DisconnectCustomKeyStore", id.clone(), [INVALID, "ok", "ok", "ok", INVALID]),
        (
            "UpdateCustomKeyStore",
            with("NewCustomKeyStoreName", "other"),
            ["ok", INVALID, "ok", INVALID, INVALID],
        ),
        (
            "UpdateCustomKeyStore",
            with("KeyStorePassword", "kmsPswd"),
            ["ok", INVALID, INVALID, INVALID, INVALID],
        ),
        (
            "UpdateCustomKeyStore",
            with("CloudHsmClusterId", CLUSTER),
            [NOT_FOUND, INVALID, INVALID, INVALID, INVALID],
        ),
        ("DeleteCustomKeyStore", id.clone(), ["ok", INVALID, INVALID, INVALID, INVALID]),
        (
            "CreateKey",
            in_store,
            [INVALID, INVALID, "CloudHsmClusterInvalidConfigurationException", INVALID, INVALID],
        ),
        ("GenerateRandom", random, [INVALID; 5]),
        ("DescribeCustomKeyStores", id.clone(), ["ok"; 5]),
    ] {
        for (state, expected) in states.iter().zip(expected) {
            put(&endpoint, vec![store("cks-1", state.clone())]).await;
            let said = said(&endpoint, operation, parameters.clone()).await;
            assert_eq!(said, expected, "{operation} {parameters} while {}", state.name());
        }
    }
}

fn creation(name: &str, cluster: &str) -> Value {
    json!({
        "CustomKeyStoreName": name, "CloudHsmClusterId": cluster,
        "TrustAnchorCertificate": "x", "KeyStorePassword": "kmsPswd",
    })
}

#[tokio::test]
async fn ten_key_stores_and_no_more_and_what_is_told_first() {
    let (endpoint, _folder) = endpoint().await;
    let stores = |count: usize| {
        let numbered = |n| store(&format!("cks-{n}"), State::Disconnected);
        (0..count).map(numbered).collect::<Vec<_>>()
    };
    put(&endpoint, stores(KEY_STORES_MAX - 1)).await;
    let other = "cluster-777777777777";
    let create = |name, cluster| said(&endpoint, "CreateCustomKeyStore", creation(name, cluster));
    assert_eq!(create("new", other).await, "CloudHsmClusterNotFoundException");
    assert_eq!(create("new", CLUSTER).await, "CloudHsmClusterInUseException");
    assert_eq!(create("name of cks-0", CLUSTER).await, "CustomKeyStoreNameInUseException");
    put(&endpoint, stores(KEY_STORES_MAX)).await;
    assert_eq!(create("new", other).await, "LimitExceededException");
    assert_eq!(create("name of cks-0", other).await, "LimitExceededException");
    // Pages of key stores.
    let mut seen = Vec::new();
    let mut marker = None::<Value>;
    loop {
        let mut page = json!({ "Limit": 3 });
        if let Some(marker) = marker.take() {
            page["Marker"] = marker;
        }
        let page = endpoint.kms().ask(REGION, "DescribeCustomKeyStores", page).await.unwrap();
        seen.extend(page["CustomKeyStores"].as_array().unwrap().clone());
        match page.get("NextMarker") {
            Some(next) => marker = Some(next.clone()),
            None => break,
        }
    }
    assert_eq!(seen.len(), KEY_STORES_MAX);
    let both = json!({ "CustomKeyStoreId": "cks-0", "CustomKeyStoreName": "name of cks-0" });
    assert_eq!(said(&endpoint, "DescribeCustomKeyStores", both).await, "ValidationException");
    let bad = json!({ "Marker": "?" });
    assert_eq!(said(&endpoint, "DescribeCustomKeyStores", bad).await, "InvalidMarkerException");
}
