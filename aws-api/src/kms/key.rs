//! Making, describing, listing, enabling and disabling KMS keys.
use super::key_store::{invalid_state, not_found};
use super::keys::{Found, Key, Material, insert, parsed};
use super::{Execute, Kms, PAGE, key_spec, policy, tag};
use crate::call::Call;
use crate::database::{WriteError, text};
use crate::error::{ApiError, internal};
use crate::key_stores::{KeyStores, State, still};
use crate::model::kms::*;
use crate::model::{ErrorKind, Operation};
use crate::page::{Listing, most, wanted};
use kms_connector::{BackingKey, Connected, CreateKeyError, KeyError};
use proto::Fault;
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// How often it is tried to write a key down while key stores change.
const TRIES: u32 = 20;

impl Execute for CreateKeyRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let kept_in = self.admit()?;
        let key_id = Uuid::new_v4().to_string();
        let mut key = Key {
            created_ms: kms.clock.now_ms(),
            description: self.description.unwrap_or_default(),
            enabled: true,
            deletion: None,
            policy: match self.policy {
                Some(policy) => {
                    let bypass = self.bypass_policy_lockout_safety_check;
                    policy::checked(policy, call, &call.key_arn(&key_id), bypass)?
                }
                None => policy::default(&call.account),
            },
            tags: tag::added(Default::default(), self.tags.unwrap_or_default())?,
            rotation_days: None,
            rotation_since_ms: None,
            ciphertexts_marked: true,
            material: Material::Kms { masked: String::new(), material_id: String::new() },
            key_id,
        };
        match kept_in {
            KeptIn::Store(id) => kms.create_in_store(call, &id, &mut key).await?,
            KeptIn::Kms => {
                key.material = kms.own_hsm.create(kms, &call.key_arn(&key.key_id)).await?;
                kms.database.write(vec![insert(&call.region, &key)?]).await?;
            }
        }
        let key = Arc::new(key);
        kms.keys.put(&call.region, key.clone());
        let found = kms.view(call, key).await?;
        let metadata = found.metadata(call);
        call.told.keys.push(found.arn);
        call.told.response = Some(json!({ "keyMetadata": lower_camel(&metadata) }));
        Ok(CreateKeyResponse { key_metadata: Some(metadata) })
    }
}

/// Where a new key's material goes.
enum KeptIn {
    Store(String),
    Kms,
}

impl CreateKeyRequest {
    /// Only symmetric encryption keys of one Region are made, in a key store or in KMS itself. What
    /// contradicts itself is told before what is not supported.
    fn admit(&self) -> Result<KeptIn, ApiError> {
        let unsupported = |what: String| Err(ErrorKind::UnsupportedOperationException.with(what));
        let invalid = |what: &str| Err(ErrorKind::ValidationException.with(what));
        let spec = match (&self.key_spec, &self.customer_master_key_spec) {
            (Some(_), Some(_)) => {
                return invalid(
                    "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. \
                     CustomerMasterKeySpec is deprecated.",
                );
            }
            (spec, old) => spec.as_ref().or(old.as_ref()),
        };
        let spec = spec.map_or(key_spec::SYMMETRIC, String::as_str);
        key_spec::fit(spec, self.key_usage.as_deref())?;
        let origin = self.origin.as_deref().unwrap_or("AWS_KMS");
        let kept_in = match (origin, &self.custom_key_store_id) {
            ("AWS_CLOUDHSM", None) => {
                return invalid("Origin AWS_CLOUDHSM requires CustomKeyStoreId");
            }
            ("AWS_KMS" | "EXTERNAL", Some(_)) => {
                return invalid("CustomKeyStoreId requires Origin AWS_CLOUDHSM");
            }
            ("AWS_CLOUDHSM", Some(id)) => KeptIn::Store(id.clone()),
            ("AWS_KMS", None) => KeptIn::Kms,
            (other, _) => return unsupported(format!("Origin {other} is not supported")),
        };
        if spec != key_spec::SYMMETRIC {
            return unsupported(format!(
                "KeySpec {spec} is not supported for keys of origin {origin}"
            ));
        }
        if self.multi_region == Some(true) {
            return unsupported("multi-Region keys are not supported".to_owned());
        }
        if self.xks_key_id.is_some() {
            return unsupported("XksKeyId is for external key stores".to_owned());
        }
        Ok(kept_in)
    }
}

impl Kms {
    /// The material first: a crash in between leaves a key in the HSMs that no KMS key uses.
    async fn create_in_store(
        &self,
        call: &mut Call,
        store_id: &str,
        key: &mut Key,
    ) -> Result<(), ApiError> {
        let stores = self.stores(&call.region, store_id).await?;
        let store = stores.by_id(store_id).ok_or_else(not_found)?;
        let connected = self.connected(&call.region, store).await.map_err(|error| {
            // As below: CreateKey does not declare the other.
            let unreachable = ErrorKind::KMSInvalidStateException;
            error.renamed(unreachable, ErrorKind::CloudHsmClusterInvalidConfigurationException)
        })?;
        let made = match connected.create_key(&call.key_arn(&key.key_id)).await {
            Ok(made) => made,
            Err(error) => return Err(self.not_made(&call.region, store_id, error).await),
        };
        let cluster_id = store.cluster_id.clone();
        tell_backing_key(call, store_id, &cluster_id, &made);
        let BackingKey { handle, backing_key_id, check_value } = made;
        let store_id = store_id.to_owned();
        key.material =
            Material::CloudHsm { store_id, cluster_id, handle, backing_key_id, check_value };
        let kept = self.keep_in_store(call, key, stores.version).await;
        if kept.is_err() {
            take_back(&connected, handle).await;
        }
        kept
    }

    /// A key store that was disconnected while the key was made says so, whatever the HSMs said.
    async fn not_made(&self, region: &str, store_id: &str, error: CreateKeyError) -> ApiError {
        let now = KeyStores::read(&self.database, region).await;
        match now.as_ref().ok().and_then(|stores| stores.by_id(store_id)) {
            Some(store) if store.state != State::Connected => invalid_state(store),
            _ => refused(error),
        }
    }

    /// Written only while the key store is still connected: then it cannot be deleted.
    async fn keep_in_store(
        &self,
        call: &Call,
        key: &Key,
        mut version: i64,
    ) -> Result<(), ApiError> {
        for _ in 0..TRIES {
            let statements = vec![still(&call.region, version), insert(&call.region, key)?];
            match self.database.write(statements).await {
                Ok(()) => return Ok(()),
                Err(WriteError::Failed(why)) => return Err(internal("the database", why)),
                Err(WriteError::Conflict) => {}
            }
            let stores = KeyStores::read(&self.database, &call.region).await?;
            let store_id = key.material.store_id().unwrap_or_default();
            let store = stores.by_id(store_id).ok_or_else(not_found)?;
            if store.state != State::Connected {
                return Err(invalid_state(store));
            }
            version = stores.version;
        }
        Err(WriteError::Conflict.into())
    }
}

fn tell_backing_key(call: &mut Call, store_id: &str, cluster_id: &str, made: &BackingKey) {
    let backing_key = json!({ "backingKeyId": made.backing_key_id }).to_string();
    call.tell("backingKey", backing_key);
    call.tell("customKeyStoreId", store_id);
    call.tell("clusterId", cluster_id);
}

async fn take_back(connected: &Connected, handle: u64) {
    if let Err(error) = connected.delete_key(handle).await {
        tracing::warn!("key {handle:#x} is left in the HSMs: {error}");
    }
}

fn refused(error: CreateKeyError) -> ApiError {
    match error {
        CreateKeyError::ClusterInvalidConfiguration(why) => {
            ErrorKind::CloudHsmClusterInvalidConfigurationException.with(why)
        }
        // CreateKey declares no error for an unreachable cluster: it has too few active HSMs.
        CreateKeyError::Key(KeyError::HsmsUnreachable(why)) => {
            ErrorKind::CloudHsmClusterInvalidConfigurationException.with(why)
        }
        // The login of a connect that has ended meanwhile, though there is another one now.
        CreateKeyError::Key(KeyError::Refused(refusal)) if refusal.fault == Fault::NotLoggedIn => {
            ErrorKind::CustomKeyStoreInvalidStateException
                .with("the key store was disconnected while the key was made: make it again")
        }
        CreateKeyError::Key(error) => internal("the HSMs", error),
    }
}

/// As CloudTrail writes the members of an answer.
fn lower_camel(metadata: &KeyMetadata) -> Value {
    let Ok(Value::Object(members)) = serde_json::to_value(metadata) else { return Value::Null };
    let renamed = members.into_iter().map(|(name, value)| {
        let value = match name.as_str() {
            "CreationDate" => Value::from(trail_date(value.as_f64().unwrap_or_default())),
            _ => value,
        };
        (lower_first(&name), value)
    });
    Value::Object(renamed.collect())
}

/// `Oct 14, 2021, 5:39:50 PM`.
fn trail_date(seconds: f64) -> String {
    let date = time::OffsetDateTime::from_unix_timestamp(seconds as i64);
    let date = date.unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    let month: String = date.month().to_string().chars().take(3).collect();
    let (hour, half) = match date.hour() {
        0 => (12, "AM"),
        hour @ 1..=11 => (hour, "AM"),
        12 => (12, "PM"),
        hour => (hour - 12, "PM"),
    };
    let (minute, second) = (date.minute(), date.second());
    format!("{month} {}, {}, {hour}:{minute:02}:{second:02} {half}", date.day(), date.year())
}

fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(letters).collect()
}

impl Execute for DescribeKeyRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let found = kms.find::<Self>(call, &self.key_id.unwrap_or_default()).await?;
        Ok(DescribeKeyResponse { key_metadata: Some(found.metadata(call)) })
    }
}

impl Execute for ListKeysRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let sql =
            "SELECT key_id FROM keys WHERE region = $1 AND key_id > $2 ORDER BY key_id LIMIT $3";
        let (list, most) = (Listing::of::<Self>(&call.region, ""), most(self.limit, PAGE));
        let after = list.after(self.marker.as_deref())?;
        let values = [call.region.as_str().into(), after.into(), wanted(most).into()];
        // Those of other accounts would come by AWS RAM, which is not simulated: there are none.
        let owners = self.resource_owners.as_ref();
        let rows = match owners.is_none_or(|owners| owners.iter().any(|owner| owner == "SELF")) {
            true => kms.database.rows(sql, values).await?,
            false => Vec::new(),
        };
        let ids = rows.iter().map(|row| text(row, 0)).collect::<Result<Vec<_>, _>>()?;
        let page = list.page(ids, most, String::clone);
        let entry =
            |id: String| KeyListEntry { key_arn: Some(call.key_arn(&id)), key_id: Some(id) };
        Ok(ListKeysResponse {
            keys: Some(page.items.into_iter().map(entry).collect()),
            next_marker: page.next,
            truncated: Some(page.truncated),
        })
    }
}

impl Kms {
    /// Changes a key that is not pending deletion.
    pub(super) async fn change_named<O: Operation>(
        &self,
        call: &mut Call,
        name: Option<String>,
        mut decide: impl FnMut(&mut Key) -> Result<(), ApiError>,
    ) -> Result<Found, ApiError> {
        let found = self.find::<O>(call, &name.unwrap_or_default()).await?;
        self.change_key(call, &found.key.key_id, |now, key| {
            now.not_pending()?;
            decide(key)
        })
        .await
    }
}

impl Execute for EnableKeyRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let enable = |key: &mut Key| {
            key.enabled = true;
            Ok(())
        };
        kms.change_named::<Self>(call, self.key_id, enable).await?;
        Ok(Self::Output::default())
    }
}

impl Execute for DisableKeyRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let disable = |key: &mut Key| {
            key.enabled = false;
            Ok(())
        };
        kms.change_named::<Self>(call, self.key_id, disable).await?;
        Ok(Self::Output::default())
    }
}

impl Execute for UpdateKeyDescriptionRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let description = self.description.unwrap_or_default();
        let describe = |key: &mut Key| {
            key.description.clone_from(&description);
            Ok(())
        };
        kms.change_named::<Self>(call, self.key_id, describe).await?;
        Ok(Self::Output::default())
    }
}

/// The key of a row that was read as a document.
pub(super) fn of_row(row: &sqlx::any::AnyRow, column: usize) -> Result<Key, ApiError> {
    parsed(&text(row, column)?)
}
