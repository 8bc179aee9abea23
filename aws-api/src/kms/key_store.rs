//! The six operations on key stores.
use super::trust_anchor::{check_trust_anchor, same_certificates};
use super::{Execute, Kms, PAGE};
use crate::call::Call;
use crate::clusters::{Certificates, ClusterView};
use crate::credentials;
use crate::database::number;
use crate::error::{ApiError, internal};
use crate::key_stores::{KEY_STORES_MAX, KeyStore, KeyStores, State, change};
use crate::model::ErrorKind;
use crate::model::kms::*;
use crate::model::wire::Timestamp;
use crate::page::{Listing, Order, most};
use kms_connector::is_key_store_password;
use proto::Secret;
use rand::Rng;
use std::sync::Arc;
use subtle::ConstantTimeEq;

const CLOUDHSM: &str = "AWS_CLOUDHSM";
/// Zones with an active HSM that a cluster must have when it is given to a key store.
pub(super) const ZONES_MIN: usize = 2;

/// Refuses the members that belong to external key stores, which two requests have.
macro_rules! not_external {
    ($request:expr) => {
        match $request.xks_proxy_uri_endpoint.is_some()
            || $request.xks_proxy_uri_path.is_some()
            || $request.xks_proxy_vpc_endpoint_service_name.is_some()
            || $request.xks_proxy_vpc_endpoint_service_owner.is_some()
            || $request.xks_proxy_authentication_credential.is_some()
            || $request.xks_proxy_connectivity.is_some()
        {
            true => Err(ErrorKind::ValidationException
                .with("the Xks members are for external key stores: leave them out")),
            false => Ok(()),
        }
    };
}

impl Execute for CreateCustomKeyStoreRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let wanted = Wanted::of(self)?;
        let stores = KeyStores::read(&kms.database, &call.region).await?;
        if let Some(id) = wanted.admit(kms, &stores, None)? {
            return Ok(created(call, &id));
        }
        let cluster = kms.clusters.find(&call.region, &wanted.cluster_id).await?;
        let certificates = fit(cluster, &wanted.cluster_id).await?;
        check_trust_anchor(&wanted.trust_anchor, &certificates.trust_anchor, &wanted.cluster_id)?;
        let id = new_store_id();
        let (id, _) = change(&kms.database, &call.region, |stores, also| {
            if let Some(existing) = wanted.admit(kms, stores, Some(&certificates))? {
                return Ok(existing);
            }
            let told = credentials::tell(&kms.secrets, &id, &wanted.password);
            also.extend(told.map_err(|e| internal("the credentials", e))?);
            stores.stores.push(KeyStore {
                id: id.clone(),
                name: wanted.name.clone(),
                cluster_id: wanted.cluster_id.clone(),
                cluster_certificate: certificates.cluster_certificate.clone(),
                trust_anchor: wanted.trust_anchor.clone(),
                created_ms: kms.clock.now_ms(),
                password_mark: kms.secrets.mark(&id, &wanted.password),
                connection: 0,
                state: State::Disconnected,
            });
            Ok(id.clone())
        })
        .await?;
        kms.stores.forget(&call.region);
        Ok(created(call, &id))
    }
}

fn created(call: &mut Call, id: &str) -> CreateCustomKeyStoreResponse {
    call.told.response = Some(serde_json::json!({ "customKeyStoreId": id }));
    CreateCustomKeyStoreResponse { custom_key_store_id: Some(id.to_owned()) }
}

/// What CreateCustomKeyStore needs for a CloudHSM key store.
struct Wanted {
    name: String,
    cluster_id: String,
    trust_anchor: String,
    password: Secret,
}

impl Wanted {
    fn of(request: CreateCustomKeyStoreRequest) -> Result<Self, ApiError> {
        if request.custom_key_store_type.is_some_and(|kind| kind != CLOUDHSM) {
            return Err(ErrorKind::UnsupportedOperationException.with(
                "external key stores are not simulated: CustomKeyStoreType is AWS_CLOUDHSM",
            ));
        }
        not_external!(request)?;
        let missing = |member: &str| {
            ErrorKind::ValidationException
                .with(format!("{member} is required for a key store of type AWS_CLOUDHSM"))
        };
        let password = request.key_store_password.ok_or_else(|| missing("KeyStorePassword"))?;
        Ok(Self {
            name: request.custom_key_store_name.unwrap_or_default(),
            cluster_id: request.cloud_hsm_cluster_id.ok_or_else(|| missing("CloudHsmClusterId"))?,
            trust_anchor: request
                .trust_anchor_certificate
                .ok_or_else(|| missing("TrustAnchorCertificate"))?,
            password: fit_password(&password)?,
        })
    }

    /// The id of the key store that this one is the same as; or whether it may be made. Relatives
    /// are known by the cluster's certificate, once that is known.
    fn admit(
        &self,
        kms: &Kms,
        stores: &KeyStores,
        certificates: Option<&Certificates>,
    ) -> Result<Option<String>, ApiError> {
        if let Some(same) = stores.stores.iter().find(|store| self.is_the_same(kms, store)) {
            return Ok(Some(same.id.clone()));
        }
        if stores.stores.len() >= KEY_STORES_MAX {
            return Err(ErrorKind::LimitExceededException.with(format!(
                "the account has {KEY_STORES_MAX} custom key stores in this Region already"
            )));
        }
        if stores.stores.iter().any(|store| store.name == self.name) {
            return Err(name_in_use(&self.name));
        }
        let related = |store: &&KeyStore| {
            store.cluster_id == self.cluster_id
                || certificates.is_some_and(|certificates| {
                    let theirs = &store.cluster_certificate;
                    same_certificates(theirs, &certificates.cluster_certificate)
                })
        };
        if let Some(other) = stores.stores.iter().find(related) {
            return Err(ErrorKind::CloudHsmClusterInUseException.with(format!(
                "{} is, or shares its backups with, the cluster of the key store {}",
                self.cluster_id, other.id
            )));
        }
        Ok(None)
    }

    fn is_the_same(&self, kms: &Kms, store: &KeyStore) -> bool {
        let mark = kms.secrets.mark(&store.id, &self.password);
        let same_password = bool::from(mark.as_bytes().ct_eq(store.password_mark.as_bytes()));
        store.state == State::Disconnected
            && store.name == self.name
            && store.cluster_id == self.cluster_id
            && store.trust_anchor == self.trust_anchor
            && same_password
    }
}

impl Execute for DescribeCustomKeyStoresRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        if self.custom_key_store_id.is_some() && self.custom_key_store_name.is_some() {
            return Err(ErrorKind::ValidationException
                .with("give CustomKeyStoreId or CustomKeyStoreName, not both"));
        }
        let mut stores = KeyStores::read(&kms.database, &call.region).await?.stores;
        let filtered = self.custom_key_store_id.is_some() || self.custom_key_store_name.is_some();
        stores.retain(|store| {
            self.custom_key_store_id.as_ref().is_none_or(|id| *id == store.id)
                && self.custom_key_store_name.as_ref().is_none_or(|name| *name == store.name)
        });
        if filtered && stores.is_empty() {
            return Err(not_found());
        }
        let (list, most) = (Listing::of::<Self>(&call.region, ""), most(self.limit, PAGE));
        let name = |store: &KeyStore| store.id.clone();
        let page = list.cut(stores, self.marker.as_deref(), most, Order::Rising, name)?;
        Ok(DescribeCustomKeyStoresResponse {
            custom_key_stores: Some(page.items.iter().map(listed).collect()),
            next_marker: page.next,
            truncated: Some(page.truncated),
        })
    }
}

fn listed(store: &KeyStore) -> CustomKeyStoresListEntry {
    let code = match &store.state {
        State::Failed { code, .. } => Some(code.clone()),
        _ => None,
    };
    CustomKeyStoresListEntry {
        custom_key_store_id: Some(store.id.clone()),
        custom_key_store_name: Some(store.name.clone()),
        cloud_hsm_cluster_id: Some(store.cluster_id.clone()),
        trust_anchor_certificate: Some(store.trust_anchor.clone()),
        connection_state: Some(store.state.name().to_owned()),
        connection_error_code: code,
        creation_date: Some(Timestamp::from_ms(store.created_ms)),
        custom_key_store_type: Some(CLOUDHSM.to_owned()),
        ..Default::default()
    }
}

impl Execute for ConnectCustomKeyStoreRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let id = self.custom_key_store_id.unwrap_or_default();
        let stores = KeyStores::read(&kms.database, &call.region).await?;
        let store = stores.by_id(&id).ok_or_else(not_found)?;
        about(call, store);
        match store.state {
            State::Connected | State::Connecting(_) => return Ok(Self::Output::default()),
            State::Failed { .. } | State::Disconnecting(_) => return Err(invalid_state(store)),
            State::Disconnected => {}
        }
        // A cluster that is gone is found out while connecting: CLUSTER_NOT_FOUND.
        if let Some(cluster) = kms.clusters.find(&call.region, &store.cluster_id).await? {
            active(&cluster)?;
            reachable(&cluster)?;
            if cluster.hsms.is_empty() {
                return Err(ErrorKind::CloudHsmClusterInvalidConfigurationException
                    .with(format!("{} has no active HSM: create one", store.cluster_id)));
            }
        }
        kms.begin_connect(&call.region, &id).await?;
        Ok(Self::Output::default())
    }
}

impl Execute for DisconnectCustomKeyStoreRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let id = self.custom_key_store_id.unwrap_or_default();
        let stores = KeyStores::read(&kms.database, &call.region).await?;
        about(call, stores.by_id(&id).ok_or_else(not_found)?);
        kms.disconnect(&call.region, &id).await?;
        Ok(Self::Output::default())
    }
}

impl Execute for UpdateCustomKeyStoreRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        not_external!(self)?;
        let id = self.custom_key_store_id.clone().unwrap_or_default();
        let stores = KeyStores::read(&kms.database, &call.region).await?;
        let store = stores.by_id(&id).ok_or_else(not_found)?;
        about(call, store);
        self.admit(&stores, store)?;
        let password = match &self.key_store_password {
            Some(password) => Some(fit_password(password)?),
            None => None,
        };
        if let Some(cluster_id) = &self.cloud_hsm_cluster_id {
            let cluster = kms.clusters.find(&call.region, cluster_id).await?;
            let certificates = fit(cluster, cluster_id).await?;
            if !same_certificates(&store.cluster_certificate, &certificates.cluster_certificate) {
                return Err(ErrorKind::CloudHsmClusterNotRelatedException.with(format!(
                    "{cluster_id} does not share a backup with {}",
                    store.cluster_id
                )));
            }
        }
        change(&kms.database, &call.region, |stores, also| {
            let store = stores.by_id(&id).ok_or_else(not_found)?;
            self.admit(stores, store)?;
            let store = stores.by_id_mut(&id).ok_or_else(not_found)?;
            if let Some(name) = &self.new_custom_key_store_name {
                store.name.clone_from(name);
            }
            if let Some(cluster_id) = &self.cloud_hsm_cluster_id {
                store.cluster_id.clone_from(cluster_id);
            }
            if let Some(password) = &password {
                store.password_mark = kms.secrets.mark(&id, password);
                let told = credentials::tell(&kms.secrets, &id, password);
                also.extend(told.map_err(|e| internal("the credentials", e))?);
            }
            Ok(())
        })
        .await?;
        kms.stores.forget(&call.region);
        Ok(Self::Output::default())
    }
}

impl UpdateCustomKeyStoreRequest {
    /// The name may change while connected, the rest only while disconnected.
    fn admit(&self, stores: &KeyStores, store: &KeyStore) -> Result<(), ApiError> {
        let more = self.key_store_password.is_some() || self.cloud_hsm_cluster_id.is_some();
        let allowed = match store.state {
            State::Disconnected => true,
            State::Connected => !more,
            _ => false,
        };
        if !allowed {
            return Err(invalid_state(store));
        }
        let taken = |name: &String| {
            stores.stores.iter().any(|other| other.name == *name && other.id != store.id)
        };
        match &self.new_custom_key_store_name {
            Some(name) if taken(name) => Err(name_in_use(name)),
            _ => Ok(()),
        }
    }
}

impl Execute for DeleteCustomKeyStoreRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let id = self.custom_key_store_id.unwrap_or_default();
        let stores = KeyStores::read(&kms.database, &call.region).await?;
        let store = stores.by_id(&id).ok_or_else(not_found)?;
        about(call, store);
        if store.state != State::Disconnected {
            return Err(invalid_state(store));
        }
        let sql = "SELECT COUNT(*) FROM keys WHERE store_id = $1";
        let row = kms.database.row(sql, [id.as_str().into()]).await?;
        let keys = row.map_or(Ok(0), |row| number(&row, 0))?;
        if keys > 0 {
            return Err(ErrorKind::CustomKeyStoreHasCMKsException.with(format!(
                "{id} has {keys} KMS keys, those that are pending deletion included: schedule \
                 their deletion, and wait until they are gone"
            )));
        }
        change(&kms.database, &call.region, |stores, also| {
            let store = stores.by_id(&id).ok_or_else(not_found)?;
            if store.state != State::Disconnected {
                return Err(invalid_state(store));
            }
            stores.stores.retain(|store| store.id != id);
            also.extend(credentials::forget(&id));
            Ok(())
        })
        .await?;
        kms.stores.forget(&call.region);
        Ok(Self::Output::default())
    }
}

/// AWS sends no message with it.
pub(crate) fn not_found() -> ApiError {
    ErrorKind::CustomKeyStoreNotFoundException.bare()
}

pub(crate) fn invalid_state(store: &KeyStore) -> ApiError {
    let (id, state) = (&store.id, store.state.name());
    ErrorKind::CustomKeyStoreInvalidStateException.with(match &store.state {
        State::Failed { code, .. } => {
            format!("{id} is {state} ({code}): disconnect it, mend what is wrong, connect it")
        }
        _ => format!("{id} is {state}, which is not valid for this operation"),
    })
}

fn name_in_use(name: &str) -> ApiError {
    ErrorKind::CustomKeyStoreNameInUseException
        .with(format!("another custom key store of this Region has the name {name}"))
}

/// KMS developer guide: 7 to 32 letters and digits, because kmsuser can have no other.
fn fit_password(password: &str) -> Result<Secret, ApiError> {
    if is_key_store_password(password) {
        return Ok(Secret::new(password));
    }
    Err(ErrorKind::ValidationException
        .with("KeyStorePassword must be kmsuser's password: 7 to 32 letters and digits"))
}

fn about(call: &mut Call, store: &KeyStore) {
    call.tell("customKeyStoreName", store.name.as_str());
    call.tell("clusterId", store.cluster_id.as_str());
}

fn active(cluster: &ClusterView) -> Result<(), ApiError> {
    if cluster.active {
        return Ok(());
    }
    Err(ErrorKind::CloudHsmClusterNotActiveException
        .with(format!("{} is not ACTIVE: initialize and activate it", cluster.cluster_id)))
}

/// Does its network let KMS in?
fn reachable(cluster: &ClusterView) -> Result<(), ApiError> {
    let id = &cluster.cluster_id;
    let unfit = |why: String| ErrorKind::CloudHsmClusterInvalidConfigurationException.with(why);
    if !cluster.open {
        return Err(unfit(format!(
            "the security group cloudhsm-cluster-{id}-sg must let its members reach each other on \
             TCP ports 2223 to 2225"
        )));
    }
    match &cluster.public_subnet {
        Some(subnet) => Err(unfit(format!("the subnet {subnet} of {id} must be private"))),
        None => Ok(()),
    }
}

/// Is there such a cluster, and may a key store stand on it?
async fn fit(cluster: Option<ClusterView>, cluster_id: &str) -> Result<Certificates, ApiError> {
    let cluster = cluster.ok_or_else(|| {
        ErrorKind::CloudHsmClusterNotFoundException
            .with(format!("there is no cluster {cluster_id} in this account and Region"))
    })?;
    active(&cluster)?;
    reachable(&cluster)?;
    let unfit = |why: String| ErrorKind::CloudHsmClusterInvalidConfigurationException.with(why);
    if cluster.zones() < ZONES_MIN {
        return Err(unfit(format!(
            "{cluster_id} must have active HSMs in at least {ZONES_MIN} zones; it has {} in {}",
            cluster.hsms.len(),
            cluster.zones()
        )));
    }
    cluster.certificates().await.map_err(|why| unfit(format!("{cluster_id}: {why}")))
}

/// `cks-` and 17 hex digits, the first of which AWS has as 0 or another.
fn new_store_id() -> String {
    let mut random = [0; 9];
    rand::rng().fill_bytes(&mut random);
    let digits = data_encoding::HEXLOWER.encode(&random);
    format!("cks-{}", digits.get(..17).unwrap_or(&digits))
}

#[cfg(test)]
mod tests;
