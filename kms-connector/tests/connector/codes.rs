//! Every connection error code that does not need the control plane.
use crate::rig::{PASSWORD, Rig, create_kmsuser, login, store};
use fleet::{make_ca, make_client_certificate, read};
use hsm_client::{Endpoint, TlsIdentity, Trust};
use kms_connector::{
    ConnectError, ConnectionErrorCode as Code, CredentialStore, Credentials, MemoryStore, Settings,
    StoreError, Tries, connect,
};
use proto::command::user::DeleteUser;
use proto::{Role, Secret};
use std::time::Duration;

const ZONES: &[&str] = &["us-east-1a", "us-east-1b", "us-east-1c"];

/// Connecting fails with this code, and a message that names these things.
async fn fails(settings: Settings, store: &impl CredentialStore, code: Code, names: &[&str]) {
    let error: ConnectError = connect(settings, store).await.err().expect("it must not connect");
    assert_eq!(error.code, code, "{error}");
    for name in names {
        assert!(error.message.contains(name), "{name}: {error}");
    }
}

/// It connects again once what was wrong is mended.
async fn connects(rig: &Rig, store: &impl CredentialStore) {
    let connected = connect(rig.settings(), store).await.unwrap();
    assert_eq!(connected.rotated().len(), rig.views.len());
    connected.disconnect().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_kmsuser_is_found_on_every_hsm() {
    let rig = Rig::new(ZONES).await;
    let store = store();

    let mut wrong = rig.service(2).await;
    for _ in 0..6 {
        wrong.call(&login(Role::Cu, "kmsuser", "wrong1234")).await.unwrap_err();
    }
    fails(rig.settings(), &store, Code::UserLockedOut, &[rig.hsm_id(2), "as an admin"]).await;
    rig.reset(2, PASSWORD).await;

    wrong = rig.service(1).await;
    wrong.call(&login(Role::Cu, "kmsuser", PASSWORD)).await.unwrap();
    let mut hasty = rig.settings();
    hasty.login_grace = Duration::from_millis(100);
    fails(hasty, &store, Code::UserLoggedIn, &[rig.hsm_id(1), "log it out"]).await;
    drop(wrong);
    connects(&rig, &store).await;

    let user = DeleteUser { role: Role::Cu, username: "kmsuser".to_owned() };
    rig.officer(1).await.call(&user).await.unwrap();
    let names = [rig.hsm_id(1), "found on 2 of 3 HSMs"];
    fails(rig.settings(), &store, Code::UserNotFound, &names).await;
    rig.officer(1).await.call(&create_kmsuser()).await.unwrap();
    let names = [rig.hsm_id(1), "tell KMS the new one"];
    fails(rig.settings(), &store, Code::InvalidCredentials, &names).await;

    for n in 0..3 {
        rig.reset(n, "another12").await;
    }
    store.save(&Credentials::new(Secret::new("another12"))).await.unwrap();
    connects(&rig, &store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_costs_one_attempt_on_one_hsm_and_does_not_lock_kmsuser() {
    let rig = Rig::new(&ZONES[..2]).await;
    let wrong = MemoryStore::new(Credentials::new(Secret::new("wrong1234")));
    for _ in 1..=7 {
        fails(rig.settings(), &wrong, Code::InvalidCredentials, &[]).await;
        let failures = rig.kmsuser(0).await.login_failures + rig.kmsuser(1).await.login_failures;
        assert_eq!(failures, 1);
    }
    let never_told = MemoryStore::default();
    fails(rig.settings(), &never_told, Code::InvalidCredentials, &["never told"]).await;
    assert!(!rig.kmsuser(0).await.locked && !rig.kmsuser(1).await.locked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_not_the_right_one_or_not_there_is_named() {
    let rig = Rig::new(&ZONES[..1]).await;
    let store = store();
    let cluster_id = rig.roster.cluster_id.as_str();

    let mut settings = rig.settings();
    settings.cluster_id = "cluster-234abcdefABC".to_owned();
    fails(settings, &store, Code::ClusterNotFound, &["cluster-234abcdefABC", cluster_id]).await;

    let mut settings = rig.settings();
    settings.servers.clear();
    fails(settings, &store, Code::InsufficientCloudhsmHsms, &[cluster_id, "has no HSM"]).await;

    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut settings = rig.settings();
    settings.servers = vec![Endpoint::new("127.0.0.1", nobody.port())];
    let address = nobody.to_string();
    fails(settings, &store, Code::NetworkErrors, &[&address, "nobody listens"]).await;

    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = rig.settings();
    settings.servers = vec![Endpoint::new("127.0.0.1", silent.local_addr().unwrap().port())];
    settings.connect_timeout = Duration::from_millis(200);
    fails(settings, &store, Code::NetworkErrors, &["no answer in time"]).await;

    let certificate = read(&rig.layout.service_certificate()).unwrap();
    let key = read(&rig.layout.service_key()).unwrap();
    let anchor_pem = make_ca("another CA").unwrap().certificate().to_owned();
    let mut settings = rig.settings();
    settings.identity =
        TlsIdentity::new(Trust::Cluster { anchor_pem }, &certificate, &key).unwrap();
    fails(settings, &store, Code::NetworkErrors, &["trust anchor", "customerCA.crt"]).await;

    let stranger = make_client_certificate(&make_ca("another CA").unwrap(), "stranger").unwrap();
    let trust = Trust::Cluster { anchor_pem: read(&rig.layout.customer_ca()).unwrap() };
    let mut settings = rig.settings();
    settings.identity = TlsIdentity::new(trust, &stranger.certificate, &stranger.key).unwrap();
    fails(settings, &store, Code::NetworkErrors, &["service certificate"]).await;

    assert_eq!(rig.kmsuser(0).await.login_failures, 0);
    connects(&rig, &store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hsm_that_is_not_active_is_none() {
    let rig = Rig::fresh(&ZONES[..1]).await;
    rig.initialize().await;
    let names = [rig.roster.cluster_id.as_str(), "INITIALIZED"];
    fails(rig.settings(), &store(), Code::InsufficientCloudhsmHsms, &names).await;
}

/// A store on a disk that is full from the chosen save on.
struct FullDisk {
    inner: MemoryStore,
    saves: std::sync::atomic::AtomicUsize,
}

impl FullDisk {
    fn write(&self) -> Result<(), StoreError> {
        use std::sync::atomic::Ordering::Relaxed;
        let left = self.saves.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
        left.map(drop).map_err(|_| StoreError("x.sealed: no space left".to_owned()))
    }
}

impl CredentialStore for FullDisk {
    async fn load(&self) -> Result<Option<Credentials>, StoreError> {
        self.inner.load().await
    }

    async fn save(&self, credentials: &Credentials) -> Result<(), StoreError> {
        self.write()?;
        self.inner.save(credentials).await
    }

    async fn load_tries(&self) -> Result<Tries, StoreError> {
        self.inner.load_tries().await
    }

    async fn save_tries(&self, tries: &Tries) -> Result<(), StoreError> {
        self.write()?;
        self.inner.save_tries(tries).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_is_an_internal_error_and_loses_nothing() {
    let rig = Rig::new(&ZONES[..2]).await;
    let mut store = store();
    // The tries are the first, and are kept; then twice the passwords.
    for saves in [0, 1, 1] {
        let full = FullDisk { inner: store, saves: saves.into() };
        fails(rig.settings(), &full, Code::InternalError, &["x.sealed: no space left"]).await;
        store = full.inner;
    }
    connects(&rig, &store).await;
}
