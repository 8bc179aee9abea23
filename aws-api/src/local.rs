//! The key store that `up` makes on its cluster, and what a reset leaves.
use crate::credentials::{self, SqlCredentials};
use crate::database::{Statement, text};
use crate::error::{ApiError, internal};
use crate::key_stores::{KeyStore, KeyStores, State};
use crate::kms::Kms;
use crate::lines::settings;
use crate::model::ErrorKind;
use crate::{Endpoint, EndpointError};
use kms_connector::{Connected, CredentialStore, Credentials, resume};
use proto::Secret;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The name of the key store.
const NAME: &str = "local";
/// How often it is looked whether the key store is connected.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How often HSMs that have just been started are asked for.
const CONNECTED_TRIES: u32 = 200;
/// How long other endpoints may take to log kmsuser out, whose password cannot change before.
const LET_GO_WITHIN: Duration = Duration::from_secs(2);
/// How often it is tried meanwhile.
const HAND_BACK_EVERY: Duration = Duration::from_millis(50);

/// A cluster that is to have a key store.
#[derive(Clone)]
pub struct Local {
    /// The Region and id of the cluster.
    pub region: String,
    /// `cluster-…`
    pub cluster_id: String,
    /// customerCA.crt.
    pub trust_anchor: String,
    /// kmsuser's, until KMS has changed it.
    pub password: Secret,
    /// `password` is news for a key store that is there already.
    pub password_changed: bool,
    /// `alias/…`: a key in the key store, for a first try.
    pub alias: String,
}

/// How a key store stands.
pub struct StoreView {
    /// `cks-…`
    pub id: String,
    /// CONNECTED, FAILED, …
    pub state: &'static str,
    /// Of a FAILED one: the connection error code, and what exactly was wrong.
    pub failure: Option<(String, String)>,
    /// The ARN of the key that the alias names, or why there is none.
    pub key: Result<String, EndpointError>,
}

impl Endpoint {
    /// Makes the key store `local`, where there is none, and connects it. From now on a reset
    /// makes it anew.
    pub async fn provide_local(&self, local: Local) -> Result<StoreView, EndpointError> {
        let view = self.kms().provide_local(&local).await;
        self.kms().remember_local(Local { password_changed: false, ..local });
        view.map_err(EndpointError::from)
    }

    /// Did a key store on this cluster ever change kmsuser's password?
    pub async fn has_connected(&self, region: &str, cluster_id: &str) -> bool {
        let stores = KeyStores::read(&self.kms().database, region).await.unwrap_or_default();
        stores.stores.iter().any(|store| store.cluster_id == cluster_id && store.connection > 0)
    }

    /// The HSMs of a key store that is connected.
    pub async fn connected(&self, region: &str, store_id: &str) -> Option<Arc<Connected>> {
        let stores = KeyStores::read(&self.kms().database, region).await.ok()?;
        let store = stores.by_id(store_id)?;
        for _ in 0..CONNECTED_TRIES {
            if let Ok(connected) = self.kms().connected(region, store).await {
                return Some(connected);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        None
    }
}

impl Kms {
    /// On a database that others share, a key store of that name may be of another cluster.
    async fn local_store(&self, local: &Local) -> Result<Option<KeyStore>, ApiError> {
        let stores = KeyStores::read(&self.database, &local.region).await?;
        let ours = |store: &KeyStore| store.name == NAME && store.cluster_id == local.cluster_id;
        Ok(stores.stores.into_iter().find(ours))
    }

    async fn provide_local(self: &Arc<Self>, local: &Local) -> Result<StoreView, ApiError> {
        let ask = |operation: &'static str, parameters: Value| {
            self.ask(&local.region, operation, parameters)
        };
        let id = match self.local_store(local).await? {
            Some(store) => store.id,
            None => {
                let made = ask(
                    "CreateCustomKeyStore",
                    json!({
                        "CustomKeyStoreName": NAME,
                        "CloudHsmClusterId": local.cluster_id,
                        "TrustAnchorCertificate": local.trust_anchor,
                        "KeyStorePassword": local.password.expose(),
                    }),
                );
                made.await?["CustomKeyStoreId"].as_str().unwrap_or_default().to_owned()
            }
        };
        let named = json!({ "CustomKeyStoreId": id });
        let now = self.settled(local).await?;
        let told_anew = local.password_changed && now.state != State::Disconnected;
        if told_anew || matches!(now.state, State::Failed { .. }) {
            ask("DisconnectCustomKeyStore", named.clone()).await?;
        }
        if local.password_changed {
            let password = local.password.expose();
            let update = json!({ "CustomKeyStoreId": id, "KeyStorePassword": password });
            ask("UpdateCustomKeyStore", update).await?;
        }
        ask("ConnectCustomKeyStore", named).await?;
        let store = self.settled(local).await?;
        let key = self.find_or_make_key(local, &store).await.map_err(EndpointError::from);
        Ok(StoreView {
            key,
            state: store.state.name(),
            failure: match store.state {
                State::Failed { code, why } => Some((code, why)),
                _ => None,
            },
            id,
        })
    }

    async fn find_or_make_key(
        self: &Arc<Self>,
        local: &Local,
        store: &KeyStore,
    ) -> Result<String, ApiError> {
        let ask = |operation: &'static str, parameters: Value| {
            self.ask(&local.region, operation, parameters)
        };
        let arn =
            |answer: Value| answer["KeyMetadata"]["Arn"].as_str().unwrap_or_default().to_owned();
        match ask("DescribeKey", json!({ "KeyId": local.alias })).await {
            Ok(found) => return Ok(arn(found)),
            Err(error) if error.kind == ErrorKind::NotFoundException => {}
            Err(error) => return Err(error),
        }
        let made = json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store.id });
        let arn = arn(ask("CreateKey", made).await?);
        let alias = json!({ "AliasName": local.alias, "TargetKeyId": arn });
        ask("CreateAlias", alias).await?;
        Ok(arn)
    }

    /// The key store when nobody works on it any more.
    async fn settled(&self, local: &Local) -> Result<KeyStore, ApiError> {
        loop {
            let store = self.local_store(local).await?;
            let store =
                store.ok_or_else(|| internal(NAME, "somebody has deleted the key store"))?;
            if store.state.lease().is_none() {
                return Ok(store);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// As at the first start: no keys, no key stores but `local`, and kmsuser has the passwords
    /// again that KMS was told.
    pub(crate) async fn reset(self: &Arc<Self>) -> Result<(), ApiError> {
        for (region, stores) in KeyStores::read_all(&self.database).await? {
            for store in &stores.stores {
                if store.state != State::Disconnected {
                    // The other endpoints let kmsuser go, too.
                    let _ = self.disconnect(&region, &store.id).await;
                }
                if let Err(why) = self.clear(&region, store).await {
                    tracing::warn!(store = store.id, "could not be left as it was found: {why}");
                }
            }
        }
        let everything = [
            "UPDATE key_stores SET version = version + 1, document = '[]'",
            "DELETE FROM keys",
            "DELETE FROM aliases",
            "DELETE FROM grants",
            "DELETE FROM credentials",
            "DELETE FROM shared WHERE name = 'clock'",
        ];
        self.database.write(everything.map(|sql| Statement::any(sql, [])).into()).await?;
        self.clock.follow(&self.database).await?;
        self.keys.clear();
        self.stores.clear();
        if let Some(local) = self.local() {
            self.provide_local(&local).await?;
        }
        Ok(())
    }

    /// Deletes the key material of a key store, and gives kmsuser's password back.
    async fn clear(&self, region: &str, store: &KeyStore) -> Result<(), String> {
        let lease = uuid::Uuid::new_v4().to_string();
        let credentials = self.credentials(&store.id, &lease);
        let take = vec![credentials::take(&store.id, &lease)];
        self.database.write(take).await.map_err(|e| format!("{e:?}"))?;
        let known = credentials.load().await.map_err(|e| e.to_string())?;
        // What was never connected has no keys, and KMS has changed no password.
        let touched = |it: &Credentials| !it.alike.is_empty() || !it.apart.is_empty();
        let Some(known) = known.filter(touched) else { return Ok(()) };
        let settings = settings(self, region, store).await.map_err(|e| e.to_string())?;
        let hsms = resume(settings, &credentials).await.map_err(|e| e.to_string())?;
        let cleared = self.clear_on(&hsms, store, &credentials, known).await;
        hsms.disconnect().await;
        cleared
    }

    async fn clear_on(
        &self,
        hsms: &Connected,
        store: &KeyStore,
        credentials: &SqlCredentials,
        mut known: Credentials,
    ) -> Result<(), String> {
        let sql = "SELECT document FROM keys WHERE store_id = $1";
        let rows = self.database.rows(sql, [store.id.as_str().into()]).await;
        for row in rows.map_err(|e| e.to_string())? {
            let key = text(&row, 0).map_err(|e| e.to_string())?;
            let key = crate::kms::keys::parsed(&key).map_err(|e| format!("{e:?}"))?;
            if let Some(meant) = key.identity() {
                // An operator may have deleted it, or a reset that was cut short.
                if let Err(why) = hsms.delete_located(&meant).await {
                    let id = meant.backing_key_id;
                    tracing::warn!(store = store.id, "backing key {id} is not deleted: {why}");
                }
            }
        }
        let told = credentials.told().await.map_err(|e| e.to_string())?;
        let told = told.ok_or("KMS was never told kmsuser's password")?;
        // Saved before any HSM hears of it: whoever is killed now connects with either.
        known.passwords.next = Some(told.clone());
        credentials.save(&known).await.map_err(|e| e.to_string())?;
        let until = Instant::now() + LET_GO_WITHIN;
        loop {
            match hsms.hand_back(&told).await {
                Err(_) if Instant::now() < until => tokio::time::sleep(HAND_BACK_EVERY).await,
                handed => return handed,
            }
        }
    }
}
