//! KMS itself: the life of a request, and what all operations share.
use crate::Settings;
use crate::call::{Call, Caller, Told, new_id};
use crate::clock::Clock;
use crate::cloudhsmv2::ControlPlane;
use crate::clusters::Clusters;
use crate::database::Database;
use crate::error::ApiError;
use crate::guard::Guard;
use crate::key_stores::{KeyStore, KeyStores, State};
use crate::lines::Lines;
use crate::local::Local;
use crate::model::kms::dispatch;
use crate::model::{ErrorKind, Operation, decode};
use crate::own_hsm::OwnHsm;
use crate::secrets::Secrets;
use crate::trail::{KMS, Trail};
use kms_connector::Connected;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::task::AbortHandle;

mod alias;
mod cipher;
mod deletion;
mod grant;
#[cfg(test)]
mod heeded;
mod key;
mod key_spec;
pub(crate) mod key_store;
pub(crate) mod keys;
mod material;
mod naming;
mod policy;
mod principal;
mod random;
mod refused;
mod rotation;
mod tag;
mod trust_anchor;
pub(crate) mod usage;

pub(crate) use deletion::delete_due;

/// KMS API, ListKeys and its like: entries of a page when the caller does not say.
const PAGE: usize = 100;
/// The same of ListAliases, ListGrants, ListRetirableGrants and ListResourceTags.
const SHORT_PAGE: usize = 50;
/// How long what was read of the database is believed, when another endpoint may have changed it.
const FRESH: Duration = Duration::from_millis(500);

/// How an operation is carried out, once its parameters are sound.
pub(crate) trait Execute: Operation {
    fn execute(
        self,
        kms: &Arc<Kms>,
        call: &mut Call,
    ) -> impl Future<Output = Result<Self::Output, ApiError>> + Send;
}

/// All that KMS is made of.
pub(crate) struct Kms {
    pub(crate) settings: Settings,
    pub(crate) guard: Guard,
    pub(crate) database: Database,
    pub(crate) secrets: Arc<Secrets>,
    pub(crate) clusters: Clusters,
    pub(crate) lines: Lines,
    pub(crate) own_hsm: OwnHsm,
    pub(crate) stores: StoreCache,
    pub(crate) keys: keys::KeyCache,
    /// One change of a key at a time in this endpoint; other endpoints' are found out by version.
    pub(crate) changing: keys::Turns,
    /// This endpoint's attempts to connect key stores.
    pub(crate) connecting: Arc<Mutex<HashMap<String, AbortHandle>>>,
    pub(crate) usage: usage::Usage,
    pub(crate) clock: Arc<Clock>,
    pub(crate) plane: Arc<ControlPlane>,
    pub(crate) trail: Trail,
    /// What a reset makes anew.
    pub(crate) local: Mutex<Option<Local>>,
}

/// Decodes, checks, executes, tells CloudTrail; the body of the answer.
pub(crate) async fn run<O: Execute>(
    body: &[u8],
    kms: &Arc<Kms>,
    call: &mut Call,
) -> Result<Vec<u8>, ApiError> {
    let (parameters, outcome) = match decode::<O>(body) {
        Ok(request) => (parameters(&request), request.execute(kms, call).await),
        Err(error) => (None, Err(error)),
    };
    // Half of the operations know no invalid ARNs: to them there is no such key.
    let outcome = outcome.map_err(|error| match is_declared::<O>(&error) {
        true => error,
        false => error.renamed(ErrorKind::InvalidArnException, ErrorKind::NotFoundException),
    });
    debug_assert!(outcome.as_ref().err().is_none_or(is_declared::<O>), "{:?}", outcome.err());
    let refusal = outcome.as_ref().err();
    kms.trail.record(call, O::NAME, parameters.as_deref(), refusal, KMS).await;
    let answer = serde_json::to_vec(&outcome?);
    answer.map_err(|e| crate::error::internal("the answer", e))
}

/// Errors that every operation may answer with, though the model does not say so.
const COMMON: &[ErrorKind] = &[
    ErrorKind::ValidationException,
    ErrorKind::SerializationException,
    ErrorKind::AccessDeniedException,
    ErrorKind::KMSInternalException,
    // What is not simulated: external key stores, Nitro enclaves.
    ErrorKind::UnsupportedOperationException,
];

/// Does the model know that the operation can fail so?
fn is_declared<O: Operation>(error: &ApiError) -> bool {
    O::ERRORS.contains(&error.kind) || COMMON.contains(&error.kind)
}

/// As CloudTrail shows them: without secrets.
fn parameters<O: Operation>(request: &O) -> Option<Box<RawValue>> {
    to_raw_value(request).ok().filter(|json| json.get() != "{}")
}

/// The key stores of each Region, as they were a moment ago.
#[derive(Default)]
pub(crate) struct StoreCache(RwLock<HashMap<String, (Instant, Arc<KeyStores>)>>);

impl StoreCache {
    pub(crate) fn put(&self, region: &str, stores: KeyStores) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(region.to_owned(), (Instant::now(), Arc::new(stores)));
    }

    pub(crate) fn forget(&self, region: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(region);
    }

    pub(crate) fn clear(&self) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn fresh(&self, region: &str) -> Option<Arc<KeyStores>> {
        let all = self.0.read().unwrap_or_else(PoisonError::into_inner);
        all.get(region).filter(|(at, _)| at.elapsed() < FRESH).map(|(_, stores)| stores.clone())
    }
}

impl Kms {
    pub(crate) fn local(&self) -> Option<Local> {
        self.local.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn remember_local(&self, local: Local) {
        *self.local.lock().unwrap_or_else(PoisonError::into_inner) = Some(local);
    }

    /// What the account itself asks, from inside.
    pub(crate) fn own_call(&self, region: &str) -> Call {
        Call {
            id: new_id(),
            at_ms: self.clock.now_ms(),
            region: region.to_owned(),
            account: self.settings.account.clone(),
            caller: Caller::Unsigned,
            source: None,
            user_agent: "cloudhsm-sim".to_owned(),
            told: Told::default(),
        }
    }

    /// Asks an operation as the account itself would, from inside.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        region: &str,
        operation: &str,
        parameters: Value,
    ) -> Result<Value, ApiError> {
        let mut call = self.own_call(region);
        let body = zeroize::Zeroizing::new(parameters.to_string());
        let answer = dispatch(operation, body.as_bytes(), self, &mut call).await;
        let unknown = || ErrorKind::UnknownOperationException.with(operation);
        let answer = answer.ok_or_else(unknown)??;
        serde_json::from_slice(&answer).map_err(|e| crate::error::internal("the answer", e))
    }

    /// The key stores of a Region, for the sake of the one with this id. They may be up to a second
    /// old; but where that one is not CONNECTED, they are read anew: nothing is refused because of
    /// what another endpoint has changed since.
    pub(crate) async fn stores(&self, region: &str, id: &str) -> Result<Arc<KeyStores>, ApiError> {
        let connected = |stores: &Arc<KeyStores>| {
            stores.by_id(id).is_some_and(|store| store.state == State::Connected)
        };
        if let Some(fresh) = self.stores.fresh(region).filter(connected) {
            return Ok(fresh);
        }
        let stores = KeyStores::read(&self.database, region).await?;
        self.stores.put(region, stores.clone());
        Ok(Arc::new(stores))
    }

    /// The HSMs of a key store that is CONNECTED.
    pub(crate) async fn connected(
        &self,
        region: &str,
        store: &KeyStore,
    ) -> Result<Arc<Connected>, ApiError> {
        if store.state != State::Connected {
            return Err(key_store::invalid_state(store));
        }
        let line = self.lines.get(self, region, store).await;
        line.map_err(|_| cipher::unreachable())
    }
}
