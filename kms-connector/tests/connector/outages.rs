//! HSMs that go away before, while and after the connector connects, and a connector that dies.
use crate::rig::{ARN, Rig, store};
use kms_connector::{
    Connected, CreateKeyError, CredentialStore, Credentials, KeyError, MemoryStore, StoreError,
    Tries, connect,
};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::Notify;

const ZONES: &[&str] = &["us-east-1a", "us-east-1b", "us-east-1c"];

/// Waits until the connector has so many HSMs.
async fn until_connected(connected: &Connected, count: usize) {
    while connected.nodes().iter().filter(|node| node.connected).count() != count {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_hsm_is_enough_to_use_a_key_and_none_is_not() {
    let mut rig = Rig::new(ZONES).await;
    let connected = connect(rig.settings(), &store()).await.unwrap();
    let key = connected.create_key(ARN).await.unwrap();
    let sealed = connected.encrypt(key.handle, b"text", b"").await.unwrap();

    // No waiting in between: the caller does not notice.
    for gone in [0, 2] {
        rig.stop(gone).await;
        for _ in 0..6 {
            assert_eq!(*connected.decrypt(key.handle, &sealed, b"").await.unwrap(), b"text");
            connected.encrypt(key.handle, b"more", b"").await.unwrap();
            connected.random(16).await.unwrap();
        }
    }
    let error = connected.create_key("arn:second").await.unwrap_err();
    assert!(matches!(error, CreateKeyError::ClusterInvalidConfiguration(_)), "{error}");

    rig.stop(1).await;
    let error = connected.decrypt(key.handle, &sealed, b"").await.unwrap_err();
    assert!(matches!(error, KeyError::HsmsUnreachable(_)), "{error}");
    assert!(error.to_string().starts_with("KMS cannot communicate with your CloudHSM cluster"));

    for n in [1, 0] {
        rig.restart(n).await;
    }
    until_connected(&connected, 2).await;
    assert_eq!(*connected.decrypt(key.handle, &sealed, b"").await.unwrap(), b"text");
    connected.create_key("arn:second").await.unwrap();
    connected.disconnect().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_hsm_that_missed_rotations_is_brought_up_to_date_when_it_is_back() {
    let mut rig = Rig::new(ZONES).await;
    let store = store();
    rig.stop(1).await;
    for _ in 0..2 {
        let connected = connect(rig.settings(), &store).await.unwrap();
        assert_eq!(connected.rotated().len(), 2);
        assert_eq!(connected.missed().len(), 1);
        assert_eq!(connected.missed()[0].0, rig.hsm_id(1));
        connected.disconnect().await;
    }
    rig.restart(1).await;
    let connected = connect(rig.settings(), &store).await.unwrap();
    assert_eq!(connected.rotated().len(), 3);
    let kept = store.load().await.unwrap().unwrap();
    assert!(kept.apart.is_empty() && kept.passwords.next.is_none());
    connected.disconnect().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_learned_from_any_hsm() {
    let rig = Rig::new(ZONES).await;
    let mut settings = rig.settings();
    settings.servers.drain(..2);
    let connected = connect(settings, &store()).await.unwrap();
    assert_eq!(connected.rotated().len(), 3);
    connected.disconnect().await;
}

/// A store whose process dies at the chosen half of a save: before it, or right behind it.
struct Mortal<'s> {
    inner: &'s MemoryStore,
    step: AtomicUsize,
    dies_at: usize,
    dead: Notify,
}

impl Mortal<'_> {
    async fn step(&self) {
        if self.step.fetch_add(1, Relaxed) == self.dies_at {
            self.dead.notify_one();
            std::future::pending::<()>().await;
        }
    }
}

impl CredentialStore for Mortal<'_> {
    async fn load(&self) -> Result<Option<Credentials>, StoreError> {
        self.inner.load().await
    }

    async fn save(&self, credentials: &Credentials) -> Result<(), StoreError> {
        self.step().await;
        self.inner.save(credentials).await?;
        self.step().await;
        Ok(())
    }

    async fn load_tries(&self) -> Result<Tries, StoreError> {
        self.inner.load_tries().await
    }

    async fn save_tries(&self, tries: &Tries) -> Result<(), StoreError> {
        self.step().await;
        self.inner.save_tries(tries).await?;
        self.step().await;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_that_dies_around_a_save_connects_again() {
    let rig = Rig::new(&ZONES[..2]).await;
    let store = store();
    for dies_at in 0..6 {
        let mortal = Mortal { inner: &store, step: 0.into(), dies_at, dead: Notify::new() };
        tokio::select! {
            _ = connect(rig.settings(), &mortal) => panic!("it should have died"),
            () = mortal.dead.notified() => {}
        }
        let connected = connect(rig.settings(), &store).await.unwrap();
        assert_eq!(connected.rotated().len(), 2);
        connected.disconnect().await;
    }
}
