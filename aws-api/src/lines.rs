//! The key stores that this endpoint is connected to: kmsuser is logged in on their HSMs.
use crate::credentials::SqlCredentials;
use crate::key_stores::{KeyStore, KeyStores};
use crate::kms::Kms;
use hsm_client::Endpoint;
use kms_connector::{ConnectError, Connected, ConnectionErrorCode, Settings, resume};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// How long after a failed attempt the HSMs are left alone.
const PAUSE: Duration = Duration::from_millis(250);

/// All lines, by key store.
#[derive(Default)]
pub(crate) struct Lines(RwLock<HashMap<String, Arc<Line>>>);

/// The line to the HSMs of one key store.
#[derive(Default)]
struct Line {
    now: RwLock<Now>,
    /// One attempt at a time: a wrong password counts against kmsuser.
    opening: Mutex<()>,
}

#[derive(Default, Clone)]
enum Now {
    #[default]
    Closed,
    Open {
        connection: u64,
        connected: Arc<Connected>,
    },
    Failed {
        connection: u64,
        error: ConnectError,
        at: Instant,
    },
}

impl Line {
    fn now(&self) -> Now {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, now: Now) -> Now {
        std::mem::replace(&mut *self.now.write().unwrap_or_else(PoisonError::into_inner), now)
    }

    /// What is known without asking the HSMs; `None`: ask them.
    fn known(&self, wanted: u64) -> Option<Result<Arc<Connected>, ConnectError>> {
        match self.now() {
            Now::Open { connection, connected } if connection == wanted => Some(Ok(connected)),
            // A password that was wrong once stays wrong, and some more would lock kmsuser out.
            Now::Failed { connection, error, at }
                if connection == wanted
                    && (is_final(&error) || (is_slow(&error) && at.elapsed() < PAUSE)) =>
            {
                Some(Err(error))
            }
            _ => None,
        }
    }
}

fn is_final(error: &ConnectError) -> bool {
    matches!(
        error.code,
        ConnectionErrorCode::InvalidCredentials | ConnectionErrorCode::UserLockedOut
    )
}

/// HSMs that do not answer take their time to say so.
fn is_slow(error: &ConnectError) -> bool {
    error.code == ConnectionErrorCode::NetworkErrors
}

impl Lines {
    fn line(&self, store_id: &str) -> Arc<Line> {
        let there = self.0.read().unwrap_or_else(PoisonError::into_inner).get(store_id).cloned();
        there.unwrap_or_else(|| {
            let mut lines = self.0.write().unwrap_or_else(PoisonError::into_inner);
            lines.entry(store_id.to_owned()).or_default().clone()
        })
    }

    /// The line of a key store that is CONNECTED, opened anew where it is not open.
    pub(crate) async fn get(
        &self,
        kms: &Kms,
        region: &str,
        store: &KeyStore,
    ) -> Result<Arc<Connected>, ConnectError> {
        let line = self.line(&store.id);
        if let Some(known) = line.known(store.connection) {
            return known;
        }
        let _one = line.opening.lock().await;
        if let Some(known) = line.known(store.connection) {
            return known;
        }
        still_so(kms, region, store).await?;
        let credentials = kms.credentials(&store.id, "");
        let opened = match settings(kms, region, store).await {
            Ok(settings) => resume(settings, &credentials).await,
            Err(error) => Err(error),
        };
        let (now, outcome) = match opened {
            Ok(connected) => {
                let connected = Arc::new(connected);
                (
                    Now::Open { connection: store.connection, connected: connected.clone() },
                    Ok(connected),
                )
            }
            Err(error) => {
                tracing::warn!(store = store.id, "cannot be taken up again: {error}");
                let (connection, at) = (store.connection, Instant::now());
                (Now::Failed { connection, error: error.clone(), at }, Err(error))
            }
        };
        close(line.set(now)).await;
        outcome
    }

    /// Opens the line anew when all HSMs that it knew are gone and the cluster has others.
    pub(crate) async fn renew(&self, kms: &Kms, region: &str, store: &KeyStore) {
        let line = self.line(&store.id);
        if let Now::Open { connected, .. } = line.now() {
            let known = connected.nodes();
            if known.iter().any(|node| node.connected) {
                return;
            }
            let Ok(Some(cluster)) = kms.clusters.find(region, &store.cluster_id).await else {
                return;
            };
            let is_new = |at: &Endpoint| known.iter().all(|node| node.endpoint != *at);
            if !cluster.endpoints().iter().any(is_new) {
                return;
            }
            let _one = line.opening.lock().await;
            close(line.set(Now::Closed)).await;
        }
        // What is in the way is told to whoever uses the line.
        let _ = self.get(kms, region, store).await;
    }

    /// A line that was opened by connecting.
    pub(crate) async fn put(&self, store_id: &str, connection: u64, connected: Connected) {
        let line = self.line(store_id);
        close(line.set(Now::Open { connection, connected: Arc::new(connected) })).await;
    }

    /// Logs kmsuser out, where this endpoint has it logged in.
    pub(crate) async fn close(&self, store_id: &str) {
        let line = self.0.write().unwrap_or_else(PoisonError::into_inner).remove(store_id);
        if let Some(line) = line {
            // Somebody may be opening it: then it is closed behind.
            let _one = line.opening.lock().await;
            close(line.set(Now::Closed)).await;
        }
    }

    /// The same, if it is of this connect still.
    pub(crate) async fn close_of(&self, store_id: &str, outdated: u64) {
        let line = self.line(store_id);
        let _one = line.opening.lock().await;
        if matches!(line.now(), Now::Open { connection, .. } if connection == outdated) {
            close(line.set(Now::Closed)).await;
        }
    }

    /// The key stores that have an open line, and the connect that it is of.
    pub(crate) fn open(&self) -> Vec<(String, u64)> {
        let lines = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let open = |(id, line): (&String, &Arc<Line>)| match line.now() {
            Now::Open { connection, .. } => Some((id.clone(), connection)),
            _ => None,
        };
        lines.iter().filter_map(open).collect()
    }
}

/// The caller may have seen the key store a second ago. A login on what is no longer so would be
/// in the way of the endpoint that connects it now, or of an operator.
async fn still_so(kms: &Kms, region: &str, store: &KeyStore) -> Result<(), ConnectError> {
    let failed = |message| ConnectError { code: ConnectionErrorCode::InternalError, message };
    let stores = KeyStores::read(&kms.database, region).await;
    let stores = stores.map_err(|error| failed(format!("the database: {error:?}")))?;
    let there = stores.by_id(&store.id);
    if there.is_some_and(|it| it.state == store.state && it.connection == store.connection) {
        return Ok(());
    }
    Err(failed(format!("{} is no longer {}", store.id, store.state.name())))
}

async fn close(now: Now) {
    if let Now::Open { connected, .. } = now {
        connected.disconnect().await;
    }
}

/// How to reach the HSMs of a key store's cluster, or CLUSTER_NOT_FOUND.
pub(crate) async fn settings(
    kms: &Kms,
    region: &str,
    store: &KeyStore,
) -> Result<Settings, ConnectError> {
    let failed = |code, message| ConnectError { code, message };
    let cluster = kms.clusters.find(region, &store.cluster_id).await.map_err(|error| {
        failed(ConnectionErrorCode::InternalError, error.message.unwrap_or_default())
    })?;
    let cluster = cluster.ok_or_else(|| {
        let message = format!("there is no cluster {}", store.cluster_id);
        failed(ConnectionErrorCode::ClusterNotFound, message)
    })?;
    let identity = cluster
        .identity(&store.trust_anchor)
        .map_err(|why| failed(ConnectionErrorCode::InternalError, why))?;
    Ok(Settings::new(&store.id, &store.cluster_id, cluster.endpoints(), identity))
}

impl Kms {
    /// The credentials of a key store; `lease` may write them.
    pub(crate) fn credentials(&self, store_id: &str, lease: &str) -> SqlCredentials {
        SqlCredentials {
            database: self.database.clone(),
            secrets: self.secrets.clone(),
            store_id: store_id.to_owned(),
            lease: lease.to_owned(),
        }
    }
}
