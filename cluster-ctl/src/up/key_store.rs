//! The last step: KMS's connector logs in as kmsuser, takes its password over, and makes one key.
use super::Session;
use super::nodes::{ACCOUNT, REGION};
use super::steps::KMS_PASSWORD;
use crate::{Failure, StateFolder};
use fleet::{NodeView, read, write_public};
use hsm_client::{TlsIdentity, Trust};
use kms_connector::{
    BackingKey, ConnectError, Connected, CredentialStore, Credentials, FileStore, Settings, connect,
};
use proto::Secret;
use std::path::PathBuf;
use uuid::Uuid;
use zeroize::Zeroizing;

/// The one key store of a local cluster, in the shape of KMS's ids.
const STORE_ID: &str = "cks-0123456789abcdef0";
const PROOF: &[u8] = b"encrypted in one HSM, decrypted in another";

/// A connected key store.
pub(super) struct KeyStore {
    connected: Connected,
    /// Keeps other connectors away from the credentials.
    _store: FileStore,
}

fn kept_in(folder: &StateFolder) -> PathBuf {
    folder.path().join("key-store")
}

/// Did a connector ever hold kmsuser's password?
pub(super) fn was_connected(folder: &StateFolder) -> bool {
    kept_in(folder).join(format!("{STORE_ID}.sealed")).exists()
}

impl KeyStore {
    /// Logs kmsuser out on every HSM.
    pub(super) async fn disconnect(self) {
        self.connected.disconnect().await;
    }

    /// Encrypts in the first HSM, decrypts in the last, and says so.
    async fn prove(&self, key: &BackingKey) -> Result<String, Failure> {
        let nodes = self.connected.nodes();
        let mut there = nodes.iter().filter(|node| node.connected).map(|node| &node.hsm_id);
        let (Some(first), Some(last)) = (there.next(), there.next_back()) else {
            return Err(Failure::new("fewer than two HSMs are connected"));
        };
        let sealed = self.connected.encrypt_on(first, key.handle, PROOF, &[]).await?;
        let opened = self.connected.decrypt_on(last, key.handle, &sealed, &[]).await?;
        if *opened != PROOF {
            return Err(Failure::new(format!("{last} did not decrypt what {first} encrypted")));
        }
        Ok(format!("encrypted in {first}, decrypted in {last}"))
    }
}

impl Session {
    /// Connects the key store. What is in its way is shown, and the HSMs go on: it takes running
    /// HSMs to put kmsuser right.
    pub(super) async fn connect_key_store(&mut self) -> Result<(), Failure> {
        let key_store = match self.connect().await? {
            Ok(key_store) => key_store,
            Err(error) => {
                self.console.problem("key store", &error.to_string());
                return Ok(());
            }
        };
        let count = key_store.connected.rotated().len();
        let mut lines = vec![format!(
            "kmsuser is logged in, with a new password that only KMS knows, on {count} of {} HSMs",
            self.ready.nodes.len()
        )];
        let missed = key_store.connected.missed().iter();
        lines.extend(missed.map(|(hsm_id, why)| format!("not on {hsm_id}: {why}")));
        self.console.step("key store", &lines);
        self.make_key(&key_store).await?;
        self.key_store = Some(key_store);
        Ok(())
    }

    async fn connect(&self) -> Result<Result<KeyStore, ConnectError>, Failure> {
        let layout = self.folder.layout();
        let anchor_pem = read(&layout.customer_ca())?;
        let key = Zeroizing::new(read(&layout.service_key())?);
        let certificate = read(&layout.service_certificate())?;
        let identity = TlsIdentity::new(Trust::Cluster { anchor_pem }, &certificate, &key)?;
        let servers = self.fleet.nodes().iter().map(NodeView::endpoint).collect();
        let settings = Settings::new(STORE_ID, &self.ready.cluster_id, servers, identity);
        let folder = kept_in(&self.folder);
        fleet::make_folder(&folder)?;
        let store = FileStore::open(&folder, STORE_ID)?;
        if let Some(password) = &self.options.kmsuser_password {
            store.save(&Credentials::new(password.clone())).await?;
        } else if store.load().await?.is_none() {
            store.save(&Credentials::new(Secret::new(KMS_PASSWORD))).await?;
        }
        let connected = connect(settings, &store).await;
        Ok(connected.map(|connected| KeyStore { connected, _store: store }))
    }

    /// Makes the key material of one KMS key, unless that was done before, and tries it.
    async fn make_key(&self, key_store: &KeyStore) -> Result<(), Failure> {
        if self.ready.nodes.len() < 2 {
            let why = "none was made: KMS makes a key only where two HSMs in two zones hold it";
            self.console.step("key", &[why.to_owned()]);
            return Ok(());
        }
        let key_arn = self.key_arn()?;
        let key = match self.find_or_make(key_store, &key_arn).await {
            Ok(key) => key,
            Err(error) => {
                self.console.problem("key", &error.to_string());
                return Ok(());
            }
        };
        let material = format!(
            "AES-256, key reference {:#018x}, check value 0x{}",
            key.handle, key.check_value
        );
        let lines = match key_store.prove(&key).await {
            Ok(proof) => [key_arn, material, proof],
            Err(error) => [key_arn, material, format!("not tried: {error}")],
        };
        self.console.step("key", &lines);
        Ok(())
    }

    /// The key by its id, which is written down as soon as it is known: an HSM that was lost while
    /// it made a key may come back with another one of the same ARN.
    async fn find_or_make(
        &self,
        key_store: &KeyStore,
        key_arn: &str,
    ) -> Result<BackingKey, Failure> {
        let path = kept_in(&self.folder).join("key.id");
        let connected = &key_store.connected;
        let found = if path.exists() {
            connected.find_key_by_id(read(&path)?.trim()).await?
        } else {
            connected.find_key(key_arn).await?
        };
        let key = match found {
            Some(key) => key,
            None => connected.create_key(key_arn).await?,
        };
        write_public(&path, format!("{}\n", key.backing_key_id).as_bytes())?;
        Ok(key)
    }

    /// The ARN of the KMS key, which is written down before anything is made in its name.
    fn key_arn(&self) -> Result<String, Failure> {
        let path = kept_in(&self.folder).join("key.arn");
        if path.exists() {
            return Ok(read(&path)?.trim().to_owned());
        }
        let key_arn = format!("arn:aws:kms:{REGION}:{ACCOUNT}:key/{}", Uuid::new_v4());
        write_public(&path, format!("{key_arn}\n").as_bytes())?;
        Ok(key_arn)
    }
}
