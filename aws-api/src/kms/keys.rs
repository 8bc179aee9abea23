//! KMS keys as they are kept: found by id, ARN or alias, read through a cache, changed by version.
use super::Kms;
pub(crate) use super::material::Material;
use super::naming::{Named, named};
use crate::call::Call;
use crate::database::{Database, Statement, WriteError, number, text};
use crate::error::{ApiError, internal};
use crate::key_stores::State;
use crate::model::kms::KeyMetadata;
use crate::model::wire::Timestamp;
use crate::model::{ErrorKind, Operation};
use kms_connector::Identity;
use rand::RngExt;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// How often a change is decided anew when another was quicker.
const TRIES: u32 = 20;
/// Locks for the changes of keys.
const TURNS: usize = 64;
/// Keys that the cache holds; it is emptied when there are more.
const CACHED_MAX: usize = 50_000;

/// Other endpoints are changing the same key: they do not all come back at the same moment.
async fn pause_before(attempt: u32) {
    if attempt > 0 {
        let most = u64::from(attempt.min(6)) * 4;
        let pause = rand::rng().random_range(0..=most);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

/// Who changes which key: keys share a few locks.
pub(crate) struct Turns([tokio::sync::Mutex<()>; TURNS]);

impl Default for Turns {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Default::default()))
    }
}

impl Turns {
    /// Nobody else in this endpoint changes the key while this is held.
    pub(crate) async fn take(&self, key_id: &str) -> tokio::sync::MutexGuard<'_, ()> {
        let sum: usize = key_id.bytes().map(usize::from).sum();
        self.0[sum % TURNS].lock().await
    }
}

/// A KMS key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Key {
    pub(crate) key_id: String,
    pub(crate) created_ms: i64,
    pub(crate) description: String,
    pub(crate) enabled: bool,
    pub(crate) deletion: Option<Deletion>,
    pub(crate) policy: String,
    pub(crate) tags: BTreeMap<String, String>,
    /// Days between automatic rotations, where they are on.
    pub(crate) rotation_days: Option<i32>,
    /// Since when they are on; earlier versions did not keep it.
    #[serde(default)]
    pub(crate) rotation_since_ms: Option<i64>,
    /// Whether all its ciphertexts have KMS's mark: not of keys that earlier versions made.
    #[serde(default)]
    pub(crate) ciphertexts_marked: bool,
    pub(crate) material: Material,
}

impl Key {
    /// Which key in the HSMs of its key store is meant; `None`: it is in no key store.
    pub(crate) fn identity(&self) -> Option<Identity<'_>> {
        self.material.identity(&self.key_id)
    }
}

/// The key is to be deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Deletion {
    pub(crate) at_ms: i64,
    pub(crate) days: i32,
}

/// KeyState, as far as these keys have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyState {
    Enabled,
    Disabled,
    PendingDeletion,
    Unavailable,
}

impl KeyState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Enabled => "Enabled",
            Self::Disabled => "Disabled",
            Self::PendingDeletion => "PendingDeletion",
            Self::Unavailable => "Unavailable",
        }
    }
}

/// A key as a request found it.
pub(crate) struct Found {
    pub(crate) key: Arc<Key>,
    pub(crate) arn: String,
    pub(crate) state: KeyState,
    /// That of its key store, which may have moved since the key was made.
    cluster_id: Option<String>,
}

impl Found {
    /// May the key be used?
    pub(crate) fn usable(&self) -> Result<(), ApiError> {
        let arn = &self.arn;
        match self.state {
            KeyState::Enabled => Ok(()),
            KeyState::Disabled => {
                Err(ErrorKind::DisabledException.with(format!("{arn} is disabled.")))
            }
            KeyState::PendingDeletion => Err(self.pending()),
            KeyState::Unavailable => {
                Err(ErrorKind::KMSInvalidStateException.with(format!("{arn} is unavailable.")))
            }
        }
    }

    /// May the key be changed?
    pub(crate) fn not_pending(&self) -> Result<(), ApiError> {
        if self.state == KeyState::PendingDeletion { Err(self.pending()) } else { Ok(()) }
    }

    fn pending(&self) -> ApiError {
        ErrorKind::KMSInvalidStateException.with(format!("{} is pending deletion.", self.arn))
    }

    /// What DescribeKey shows.
    pub(crate) fn metadata(&self, call: &Call) -> KeyMetadata {
        let text = |text: &str| Some(text.to_owned());
        let deletion = self.key.deletion.as_ref();
        KeyMetadata {
            aws_account_id: text(&call.account),
            key_id: text(&self.key.key_id),
            arn: text(&self.arn),
            creation_date: Some(Timestamp::from_ms(self.key.created_ms)),
            enabled: Some(self.state == KeyState::Enabled),
            description: text(&self.key.description),
            key_usage: text("ENCRYPT_DECRYPT"),
            key_state: text(self.state.name()),
            deletion_date: deletion.map(|deletion| Timestamp::from_ms(deletion.at_ms)),
            origin: text(self.key.material.origin()),
            custom_key_store_id: self.key.material.store_id().and_then(text),
            cloud_hsm_cluster_id: self.cluster_id.clone(),
            key_manager: text("CUSTOMER"),
            customer_master_key_spec: text("SYMMETRIC_DEFAULT"),
            key_spec: text("SYMMETRIC_DEFAULT"),
            encryption_algorithms: Some(vec!["SYMMETRIC_DEFAULT".to_owned()]),
            multi_region: Some(false),
            current_key_material_id: self.key.material.id().and_then(text),
            ..Default::default()
        }
    }
}

struct Cached {
    at: Instant,
    key: Arc<Key>,
}

/// Keys and aliases, as they were a moment ago. Both by Region and name.
#[derive(Default)]
pub(crate) struct KeyCache {
    keys: RwLock<HashMap<(String, String), Cached>>,
    aliases: RwLock<HashMap<(String, String), (Instant, String)>>,
}

impl KeyCache {
    fn fresh(&self, region: &str, key_id: &str) -> Option<Arc<Key>> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let cached = keys.get(&(region.to_owned(), key_id.to_owned()))?;
        (cached.at.elapsed() < super::FRESH).then(|| cached.key.clone())
    }

    pub(super) fn put(&self, region: &str, key: Arc<Key>) {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= CACHED_MAX {
            keys.clear();
        }
        let name = (region.to_owned(), key.key_id.clone());
        keys.insert(name, Cached { at: Instant::now(), key });
    }

    pub(super) fn forget(&self, region: &str, key_id: &str) {
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        keys.remove(&(region.to_owned(), key_id.to_owned()));
    }

    fn fresh_alias(&self, region: &str, name: &str) -> Option<String> {
        let aliases = self.aliases.read().unwrap_or_else(PoisonError::into_inner);
        let (at, key_id) = aliases.get(&(region.to_owned(), name.to_owned()))?;
        (at.elapsed() < super::FRESH).then(|| key_id.clone())
    }

    fn put_alias(&self, region: &str, name: &str, key_id: &str) {
        let mut aliases = self.aliases.write().unwrap_or_else(PoisonError::into_inner);
        if aliases.len() >= CACHED_MAX {
            aliases.clear();
        }
        let name = (region.to_owned(), name.to_owned());
        aliases.insert(name, (Instant::now(), key_id.to_owned()));
    }

    pub(super) fn forget_alias(&self, region: &str, name: &str) {
        let mut aliases = self.aliases.write().unwrap_or_else(PoisonError::into_inner);
        aliases.remove(&(region.to_owned(), name.to_owned()));
    }

    /// Everything.
    pub(crate) fn clear(&self) {
        self.keys.write().unwrap_or_else(PoisonError::into_inner).clear();
        self.aliases.write().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Kms {
    /// The key that a request names. CloudTrail hears of it.
    pub(crate) async fn find<O: Operation>(
        &self,
        call: &mut Call,
        name: &str,
    ) -> Result<Found, ApiError> {
        let key_id = match named(call, O::NAME, name)? {
            Named::Key(key_id) => key_id,
            Named::Alias(alias) => self.aliased(call, &alias).await?,
        };
        let arn = call.key_arn(&key_id);
        call.told.keys.push(arn);
        self.by_id(call, &key_id).await
    }

    /// The key with this id.
    pub(crate) async fn by_id(&self, call: &Call, key_id: &str) -> Result<Found, ApiError> {
        let key = match self.keys.fresh(&call.region, key_id) {
            Some(key) => key,
            None => {
                let read = read(&self.database, &call.region, key_id).await?;
                let (key, _) = read.ok_or_else(|| missing(&call.key_arn(key_id)))?;
                let key = Arc::new(key);
                self.keys.put(&call.region, key.clone());
                key
            }
        };
        self.view(call, key).await
    }

    /// The key as it looks now: its key store has a say in its state.
    pub(crate) async fn view(&self, call: &Call, key: Arc<Key>) -> Result<Found, ApiError> {
        let (available, cluster_id) = match key.material.store_id() {
            None => (true, None),
            Some(id) => {
                let stores = self.stores(&call.region, id).await?;
                let store = stores.by_id(id);
                let connected = store.is_some_and(|store| store.state == State::Connected);
                (connected, store.map(|store| store.cluster_id.clone()))
            }
        };
        let state = match (&key.deletion, available, key.enabled) {
            (Some(_), _, _) => KeyState::PendingDeletion,
            (None, false, _) => KeyState::Unavailable,
            (None, true, true) => KeyState::Enabled,
            (None, true, false) => KeyState::Disabled,
        };
        Ok(Found { arn: call.key_arn(&key.key_id), key, state, cluster_id })
    }

    async fn aliased(&self, call: &Call, alias: &str) -> Result<String, ApiError> {
        if let Some(key_id) = self.keys.fresh_alias(&call.region, alias) {
            return Ok(key_id);
        }
        let sql = "SELECT key_id FROM aliases WHERE region = $1 AND name = $2";
        let row = self.database.row(sql, [call.region.as_str().into(), alias.into()]).await?;
        let row = row.ok_or_else(|| {
            let arn = call.alias_arn(alias);
            ErrorKind::NotFoundException.with(format!("Alias {arn} is not found."))
        })?;
        let key_id = text(&row, 0)?;
        self.keys.put_alias(&call.region, alias, &key_id);
        Ok(key_id)
    }

    /// Changes a key: read, decided on and written, anew while others are quicker.
    pub(crate) async fn change_key(
        &self,
        call: &Call,
        key_id: &str,
        mut decide: impl FnMut(&Found, &mut Key) -> Result<(), ApiError>,
    ) -> Result<Found, ApiError> {
        let _turn = self.changing.take(key_id).await;
        for attempt in 0..TRIES {
            pause_before(attempt).await;
            let read = read(&self.database, &call.region, key_id).await?;
            let (key, version) = read.ok_or_else(|| missing(&call.key_arn(key_id)))?;
            let now = self.view(call, Arc::new(key.clone())).await?;
            let mut changed = key;
            decide(&now, &mut changed)?;
            if changed == *now.key {
                return Ok(now);
            }
            match self.database.write(vec![update(&call.region, &changed, version)?]).await {
                Ok(()) => {
                    let key = Arc::new(changed);
                    self.keys.put(&call.region, key.clone());
                    return self.view(call, key).await;
                }
                Err(WriteError::Conflict) => {}
                Err(failed) => return Err(failed.into()),
            }
        }
        Err(WriteError::Conflict.into())
    }
}

pub(super) fn missing(arn: &str) -> ApiError {
    ErrorKind::NotFoundException.with(format!("Key '{arn}' does not exist"))
}

async fn read(
    database: &Database,
    region: &str,
    key_id: &str,
) -> Result<Option<(Key, i64)>, ApiError> {
    let sql = "SELECT document, version FROM keys WHERE region = $1 AND key_id = $2";
    let Some(row) = database.row(sql, [region.into(), key_id.into()]).await? else {
        return Ok(None);
    };
    Ok(Some((parsed(&text(&row, 0)?)?, number(&row, 1)?)))
}

pub(crate) fn parsed(document: &str) -> Result<Key, ApiError> {
    serde_json::from_str(document).map_err(|e| internal("a key's record", e))
}

fn document(key: &Key) -> Result<String, ApiError> {
    serde_json::to_string(key).map_err(|e| internal("a key's record", e))
}

fn deletion_at(key: &Key) -> i64 {
    key.deletion.as_ref().map_or(0, |deletion| deletion.at_ms)
}

/// The statement that adds a key.
pub(super) fn insert(region: &str, key: &Key) -> Result<Statement, ApiError> {
    let sql = "INSERT INTO keys (region, key_id, version, store_id, deletion_at, document) \
               VALUES ($1, $2, 1, $3, $4, $5)";
    let store_id = key.material.store_id().unwrap_or_default();
    let values = [
        region.into(),
        key.key_id.as_str().into(),
        store_id.into(),
        deletion_at(key).into(),
        document(key)?.into(),
    ];
    Ok(Statement::one(sql, values))
}

fn update(region: &str, key: &Key, version: i64) -> Result<Statement, ApiError> {
    let sql = "UPDATE keys SET document = $1, deletion_at = $2, version = version + 1 \
               WHERE region = $3 AND key_id = $4 AND version = $5";
    let values = [
        document(key)?.into(),
        deletion_at(key).into(),
        region.into(),
        key.key_id.as_str().into(),
        version.into(),
    ];
    Ok(Statement::one(sql, values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_earlier_versions_are_read() {
        let key = parsed(
            r#"{"key_id":"k","created_ms":1,"description":"","enabled":true,"deletion":null,
                "policy":"","tags":{},"rotation_days":365,
                "material":{"Kms":{"masked":"","material_id":"m"}}}"#,
        );
        let key = key.unwrap();
        assert_eq!((key.rotation_since_ms, key.ciphertexts_marked), (None, false));
    }
}
