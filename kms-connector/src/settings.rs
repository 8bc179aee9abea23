//! Which cluster a key store stands on, how to reach it, and how long to wait.
use hsm_client::{Endpoint, TlsIdentity};
use std::time::Duration;

/// What connects one key store.
#[derive(Clone)]
pub struct Settings {
    /// `cks-…`: the key store, for messages.
    pub store_id: String,
    /// `cluster-…`: the cluster that must be found.
    pub cluster_id: String,
    /// HSMs to ask for the cluster's members. Empty: the cluster has no HSM.
    pub servers: Vec<Endpoint>,
    /// The service certificate, and the customer's trust anchor. Not the customer CA's key.
    pub identity: TlsIdentity,
    /// How long an HSM may take to be reached (5 s).
    pub connect_timeout: Duration,
    /// How long an HSM may take to answer while the password is rotated (10 s).
    pub answer_timeout: Duration,
    /// How long a login of kmsuser elsewhere is given to end (2 s): that of a connector that
    /// died a moment ago is still being cleared away.
    pub login_grace: Duration,
    /// Availability zones that must have a connected HSM for a key to be made (2, CreateKey).
    pub zones_for_new_keys: usize,
}

impl Settings {
    /// The defaults that the fields name.
    pub fn new(
        store_id: impl Into<String>,
        cluster_id: impl Into<String>,
        servers: Vec<Endpoint>,
        identity: TlsIdentity,
    ) -> Self {
        Self {
            store_id: store_id.into(),
            cluster_id: cluster_id.into(),
            servers,
            identity,
            connect_timeout: Duration::from_secs(5),
            answer_timeout: Duration::from_secs(10),
            login_grace: Duration::from_secs(2),
            zones_for_new_keys: 2,
        }
    }
}
