//! The Rust SDK goes through the whole life of a key store and its keys.
use super::PROGRAM;
use aws_sdk_kms::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{
    ConnectionStateType, CustomKeyStoreType, DataKeySpec, GrantOperation, KeyMetadata, KeyState,
    OriginType, Tag,
};
use aws_sdk_kms::{Client, Config};
use std::time::Duration;
use tests::cluster::Up;
use tests::kms::Kms;

/// An SDK client as anybody would make it, without TLS.
pub(crate) fn client(url: &str, access_key: &str, secret: &str) -> Client {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(url)
        .credentials_provider(Credentials::new(access_key, secret, None, None, "tests"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    Client::from_conf(config)
}

/// The error that the SDK made of an answer, by the name of its type.
pub(crate) fn code<
    T: std::fmt::Debug,
    E: ProvideErrorMetadata + std::fmt::Debug,
    R: std::fmt::Debug,
>(
    outcome: Result<T, SdkError<E, R>>,
) -> String {
    match outcome.unwrap_err() {
        SdkError::ServiceError(error) => error.err().code().unwrap().to_owned(),
        other => panic!("{other:?}"),
    }
}

/// One client, one key store, one key.
struct Flow {
    kms: Client,
    store: String,
    key: String,
    arn: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdk_goes_through_the_life_of_a_key_store() {
    let up = Up::start(PROGRAM, &["--until", "kmsuser", "--nodes", "2"]);
    let ready = up.ready();
    let url = ready["endpoint"].as_str().unwrap();
    let kms = client(url, "AKIDEXAMPLE", "any");
    let anchor = std::fs::read_to_string(up.folder().join("customerCA.crt")).unwrap();
    let cluster = ready["cluster_id"].as_str().unwrap();
    let store = create_store(&kms, cluster, &anchor).await;
    connect(&kms, &store).await;
    let metadata = create_key(&kms, &store).await;
    assert_eq!(metadata.cloud_hsm_cluster_id(), Some(cluster));
    let (key, arn) = (metadata.key_id().to_owned(), metadata.arn().unwrap().to_owned());
    let flow = Flow { kms, store, key, arn };
    flow.encrypts().await;
    flow.makes_data_keys().await;
    flow.has_aliases_and_tags().await;
    flow.has_a_policy_and_grants().await;
    flow.is_disabled_and_pending().await;
    flow.is_unavailable_while_disconnected().await;
    flow.ends(&Kms::at(url)).await;
    up.stop();
}

async fn create_store(kms: &Client, cluster: &str, anchor: &str) -> String {
    let create = |password: &str| {
        kms.create_custom_key_store()
            .custom_key_store_name("ExampleKeyStore")
            .cloud_hsm_cluster_id(cluster)
            .trust_anchor_certificate(anchor)
            .key_store_password(password)
            .send()
    };
    let store = create("kmsPswd").await.unwrap().custom_key_store_id.unwrap();
    assert_eq!(create("kmsPswd").await.unwrap().custom_key_store_id(), Some(store.as_str()));
    let refused = create("kmsPswd2").await.unwrap_err().into_service_error();
    assert!(refused.is_custom_key_store_name_in_use_exception(), "{refused:?}");
    let all = kms.describe_custom_key_stores().send().await.unwrap();
    let [one] = all.custom_key_stores() else { panic!("{all:?}") };
    assert_eq!(one.custom_key_store_id(), Some(store.as_str()));
    assert_eq!(one.custom_key_store_name(), Some("ExampleKeyStore"));
    assert_eq!(one.cloud_hsm_cluster_id(), Some(cluster));
    assert_eq!(one.trust_anchor_certificate(), Some(anchor));
    assert_eq!(one.connection_state(), Some(&ConnectionStateType::Disconnected));
    assert_eq!(one.custom_key_store_type(), Some(&CustomKeyStoreType::AwsCloudhsm));
    assert_eq!(one.connection_error_code(), None);
    assert!(one.creation_date().unwrap().secs() > 1_500_000_000);
    let unknown = kms.describe_custom_key_stores().custom_key_store_name("none").send().await;
    let unknown = unknown.unwrap_err().into_service_error();
    assert!(unknown.is_custom_key_store_not_found_exception(), "{unknown:?}");
    store
}

async fn connect(kms: &Client, store: &str) {
    kms.connect_custom_key_store().custom_key_store_id(store).send().await.unwrap();
    loop {
        let described = kms.describe_custom_key_stores().custom_key_store_id(store).send();
        let described = described.await.unwrap();
        match described.custom_key_stores()[0].connection_state().unwrap() {
            ConnectionStateType::Connected => return,
            ConnectionStateType::Connecting => tokio::time::sleep(Duration::from_millis(20)).await,
            _ => panic!("{described:?}"),
        }
    }
}

async fn create_key(kms: &Client, store: &str) -> KeyMetadata {
    let made = kms.create_key().origin(OriginType::AwsCloudhsm).custom_key_store_id(store);
    let made = made.description("the first").send().await.unwrap().key_metadata.unwrap();
    assert_eq!(made.origin(), Some(&OriginType::AwsCloudhsm));
    assert_eq!(made.key_state(), Some(&KeyState::Enabled));
    assert_eq!(made.custom_key_store_id(), Some(store));
    let described = kms.describe_key().key_id(made.key_id()).send().await.unwrap();
    assert_eq!(described.key_metadata(), Some(&made));
    made
}

impl Flow {
    async fn encrypts(&self) {
        let Self { kms, key, arn, .. } = self;
        let sealed = kms.encrypt().key_id(key).plaintext(Blob::new("a secret"));
        let sealed = sealed.encryption_context("app", "web").send().await.unwrap();
        assert_eq!(sealed.key_id(), Some(arn.as_str()));
        let blob = sealed.ciphertext_blob.unwrap();
        let decrypt = |value: &str| {
            kms.decrypt().ciphertext_blob(blob.clone()).encryption_context("app", value).send()
        };
        let opened = decrypt("web").await.unwrap();
        assert_eq!(opened.plaintext().unwrap().as_ref(), b"a secret");
        assert_eq!(opened.key_id(), Some(arn.as_str()));
        let wrong = decrypt("Web").await.unwrap_err().into_service_error();
        assert!(wrong.is_invalid_ciphertext_exception(), "{wrong:?}");

        let own = kms.create_key().send().await.unwrap().key_metadata.unwrap();
        assert_eq!(own.origin(), Some(&OriginType::AwsKms));
        let again = kms.re_encrypt().ciphertext_blob(blob).destination_key_id(own.key_id());
        let again = again.source_encryption_context("app", "web").send().await.unwrap();
        assert_eq!(again.source_key_id(), Some(arn.as_str()));
        assert_eq!(again.key_id(), own.arn());
        let blob = again.ciphertext_blob.unwrap();
        let other = kms.decrypt().ciphertext_blob(blob.clone()).key_id(key).send().await;
        let other = other.unwrap_err().into_service_error();
        assert!(other.is_incorrect_key_exception(), "{other:?}");
        let opened = kms.decrypt().ciphertext_blob(blob).send().await.unwrap();
        assert_eq!(opened.plaintext().unwrap().as_ref(), b"a secret");
    }

    async fn makes_data_keys(&self) {
        let Self { kms, key, store, .. } = self;
        let made = kms.generate_data_key().key_id(key).key_spec(DataKeySpec::Aes256).send();
        let made = made.await.unwrap();
        let opened = kms.decrypt().ciphertext_blob(made.ciphertext_blob.unwrap()).send().await;
        assert_eq!(made.plaintext, opened.unwrap().plaintext);
        assert_eq!(made.plaintext.unwrap().as_ref().len(), 32);
        let made = kms.generate_data_key_without_plaintext().key_id(key).number_of_bytes(7);
        let blob = made.send().await.unwrap().ciphertext_blob.unwrap();
        let opened = kms.decrypt().ciphertext_blob(blob).send().await.unwrap();
        assert_eq!(opened.plaintext().unwrap().as_ref().len(), 7);
        let random = kms.generate_random().number_of_bytes(16).custom_key_store_id(store).send();
        assert_eq!(random.await.unwrap().plaintext().unwrap().as_ref().len(), 16);
    }

    async fn has_aliases_and_tags(&self) {
        let Self { kms, key, arn, .. } = self;
        let create = || kms.create_alias().alias_name("alias/first").target_key_id(key).send();
        create().await.unwrap();
        let twice = create().await.unwrap_err().into_service_error();
        assert!(twice.is_already_exists_exception(), "{twice:?}");
        let found = kms.describe_key().key_id("alias/first").send().await.unwrap();
        assert_eq!(found.key_metadata().unwrap().arn(), Some(arn.as_str()));
        let listed = kms.list_aliases().key_id(key).send().await.unwrap();
        assert_eq!(listed.aliases()[0].alias_name(), Some("alias/first"));
        kms.delete_alias().alias_name("alias/first").send().await.unwrap();
        let gone = kms.delete_alias().alias_name("alias/first").send().await;
        assert!(gone.unwrap_err().into_service_error().is_not_found_exception());

        let tag = Tag::builder().tag_key("team").tag_value("red").build().unwrap();
        kms.tag_resource().key_id(key).tags(tag.clone()).send().await.unwrap();
        let tags = || async { kms.list_resource_tags().key_id(key).send().await.unwrap().tags };
        assert_eq!(tags().await, Some(vec![tag]));
        kms.untag_resource().key_id(key).tag_keys("team").send().await.unwrap();
        assert_eq!(tags().await, Some(vec![]));
        kms.update_key_description().key_id(key).description("once more").send().await.unwrap();
        assert_eq!(self.described().await.description(), Some("once more"));
    }

    async fn has_a_policy_and_grants(&self) {
        let Self { kms, key, .. } = self;
        let policy = kms.get_key_policy().key_id(key).send().await.unwrap().policy.unwrap();
        assert!(policy.contains("key-default-1"), "{policy}");
        let policy = crate::operations::POLICY;
        kms.put_key_policy().key_id(key).policy(policy).send().await.unwrap();
        let kept = kms.get_key_policy().key_id(key).send().await.unwrap();
        assert_eq!(kept.policy(), Some(policy));
        let bad = kms.put_key_policy().key_id(key).policy("{").send().await;
        let bad = bad.unwrap_err().into_service_error();
        assert!(bad.is_malformed_policy_document_exception(), "{bad:?}");
        let locking =
            r#"{"Statement":{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}}"#;
        let bad = kms.put_key_policy().key_id(key).policy(locking).send().await;
        let bad = bad.unwrap_err().into_service_error();
        assert!(bad.is_malformed_policy_document_exception(), "{bad:?}");

        let grant = kms.create_grant().key_id(key).operations(GrantOperation::Encrypt);
        let grant = grant.grantee_principal("arn:aws:iam::000000000000:user/bob").send();
        let grant = grant.await.unwrap();
        let listed = kms.list_grants().key_id(key).send().await.unwrap();
        assert_eq!(listed.grants()[0].grant_id(), grant.grant_id());
        kms.retire_grant().grant_token(grant.grant_token().unwrap()).send().await.unwrap();
        let listed = kms.list_grants().key_id(key).send().await.unwrap();
        assert!(listed.grants().is_empty());
    }

    async fn is_disabled_and_pending(&self) {
        let Self { kms, key, .. } = self;
        let encrypt = || kms.encrypt().key_id(key).plaintext(Blob::new("x")).send();
        kms.disable_key().key_id(key).send().await.unwrap();
        assert_eq!(self.described().await.key_state(), Some(&KeyState::Disabled));
        assert!(encrypt().await.unwrap_err().into_service_error().is_disabled_exception());
        kms.enable_key().key_id(key).send().await.unwrap();
        encrypt().await.unwrap();

        let schedule = kms.schedule_key_deletion().key_id(key).pending_window_in_days(7).send();
        let schedule = schedule.await.unwrap();
        assert_eq!(schedule.key_state(), Some(&KeyState::PendingDeletion));
        let state = self.described().await;
        assert_eq!(state.deletion_date(), schedule.deletion_date());
        let pending = encrypt().await.unwrap_err().into_service_error();
        assert!(pending.is_kms_invalid_state_exception(), "{pending:?}");
        kms.cancel_key_deletion().key_id(key).send().await.unwrap();
        assert_eq!(self.described().await.key_state(), Some(&KeyState::Disabled));
        kms.enable_key().key_id(key).send().await.unwrap();
    }

    async fn is_unavailable_while_disconnected(&self) {
        let Self { kms, key, store, .. } = self;
        let update = || kms.update_custom_key_store().custom_key_store_id(store);
        let early = update().key_store_password("kmsPswd3").send().await;
        assert_eq!(code(early), "CustomKeyStoreInvalidStateException");
        kms.disconnect_custom_key_store().custom_key_store_id(store).send().await.unwrap();
        assert_eq!(self.described().await.key_state(), Some(&KeyState::Unavailable));
        let refused = kms.encrypt().key_id(key).plaintext(Blob::new("x")).send().await;
        let refused = refused.unwrap_err().into_service_error();
        assert!(refused.is_kms_invalid_state_exception(), "{refused:?}");
        assert!(refused.message().unwrap().ends_with("is unavailable."), "{refused:?}");
        update().new_custom_key_store_name("Renamed").send().await.unwrap();
        connect(kms, store).await;
        assert_eq!(self.described().await.key_state(), Some(&KeyState::Enabled));
    }

    /// The key goes when its time has come, and then the key store can go.
    async fn ends(&self, raw: &Kms) {
        let Self { kms, key, store, .. } = self;
        let schedule = kms.schedule_key_deletion().key_id(key).pending_window_in_days(7);
        schedule.send().await.unwrap();
        let delete = || kms.delete_custom_key_store().custom_key_store_id(store).send();
        assert_eq!(code(delete().await), "CustomKeyStoreInvalidStateException");
        raw.sim("POST /_sim/clock?days=8");
        while kms.describe_key().key_id(key).send().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let second = create_key(kms, store).await;
        let schedule = kms.schedule_key_deletion().key_id(second.key_id()).send();
        schedule.await.unwrap();
        kms.disconnect_custom_key_store().custom_key_store_id(store).send().await.unwrap();
        assert_eq!(code(delete().await), "CustomKeyStoreHasCMKsException");
        raw.sim("POST /_sim/clock?days=31");
        while kms.describe_key().key_id(second.key_id()).send().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        delete().await.unwrap();
        let left = kms.describe_custom_key_stores().send().await.unwrap();
        assert!(left.custom_key_stores().is_empty());
    }

    async fn described(&self) -> KeyMetadata {
        let described = self.kms.describe_key().key_id(&self.key).send().await.unwrap();
        described.key_metadata.unwrap()
    }
}
