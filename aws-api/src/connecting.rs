//! Connecting and disconnecting key stores, under a lease that outlives no dead endpoint for long.
use crate::clock::real_now_ms;
use crate::credentials;
use crate::error::ApiError;
use crate::key_stores::{KeyStore, KeyStores, Lease, State, change};
use crate::kms::Kms;
use crate::kms::key_store::{invalid_state, not_found};
use crate::lines::settings;
use kms_connector::{ConnectError, Connected, connect};
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};
use uuid::Uuid;

/// An endpoint that has not renewed its lease for so long is taken for dead.
const LEASE_MS: i64 = 3_000;
/// How often a lease is renewed.
const RENEW_EVERY: Duration = Duration::from_millis(750);
/// How often an endpoint looks what others have decided: what they know is never older than that
/// and the cache's second together.
const LOOK_EVERY: Duration = Duration::from_millis(500);

fn new_lease() -> Lease {
    Lease { owner: Uuid::new_v4().to_string(), until_ms: real_now_ms() + LEASE_MS }
}

/// A key store that this endpoint works on.
struct Work {
    region: String,
    id: String,
    owner: String,
}

impl Kms {
    /// DISCONNECTED becomes CONNECTING; the rest happens behind the caller's back.
    pub(crate) async fn begin_connect(
        self: &Arc<Self>,
        region: &str,
        id: &str,
    ) -> Result<(), ApiError> {
        let lease = new_lease();
        let (begun, _) = change(&self.database, region, |stores, also| {
            let store = stores.by_id_mut(id).ok_or_else(not_found)?;
            match store.state {
                State::Connected | State::Connecting(_) => return Ok(false),
                State::Failed { .. } | State::Disconnecting(_) => return Err(invalid_state(store)),
                State::Disconnected => {}
            }
            store.connection += 1;
            store.state = State::Connecting(lease.clone());
            also.push(credentials::take(id, &lease.owner));
            Ok(true)
        })
        .await?;
        self.stores.forget(region);
        if begun {
            let (region, id, owner) = (region.to_owned(), id.to_owned(), lease.owner);
            self.clone().spawn_connect(Work { region, id, owner });
        }
        Ok(())
    }

    fn spawn_connect(self: Arc<Self>, work: Work) {
        let (connecting, id) = (self.connecting.clone(), work.id.clone());
        let task = tokio::spawn(async move {
            if let Err(error) = self.connect_store(&work).await {
                tracing::error!(store = work.id, "connecting: {error:?}");
            }
        });
        let mut connecting = connecting.lock().unwrap_or_else(PoisonError::into_inner);
        // What is under way of an earlier one has lost its lease.
        connecting.insert(id, task.abort_handle());
        connecting.retain(|_, task| !task.is_finished());
    }

    /// Ends this endpoint's own attempt to connect a key store: the HSMs log kmsuser out when its
    /// connections end.
    fn stop_connecting(&self, id: &str) {
        let mut connecting = self.connecting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = connecting.remove(id) {
            task.abort();
        }
    }

    async fn connect_store(self: &Arc<Self>, work: &Work) -> Result<(), ApiError> {
        let stores = KeyStores::read(&self.database, &work.region).await?;
        let Some(store) = stores.by_id(&work.id).filter(|store| work.is_ours(store)) else {
            return Ok(());
        };
        let Some(connected) = self.renewing(work, self.reach(work, store)).await else {
            return Ok(());
        };
        let connection = store.connection;
        let outcome = match connected {
            Ok(connected) => {
                self.lines.put(&work.id, connection, connected).await;
                State::Connected
            }
            Err(ConnectError { code, message }) => {
                tracing::warn!(store = work.id, "{code}: {message}");
                State::Failed { code: code.name().to_owned(), why: message }
            }
        };
        if !self.finish(work, outcome).await? {
            // Disconnected meanwhile, or another endpoint has taken over.
            self.lines.close(&work.id).await;
        }
        Ok(())
    }

    /// Takes as long as the settings say, at least.
    async fn reach(&self, work: &Work, store: &KeyStore) -> Result<Connected, ConnectError> {
        // First: kmsuser is not logged in while nothing but time passes.
        tokio::time::sleep(self.settings.connecting).await;
        let settings = settings(self, &work.region, store).await?;
        let (region, cluster_id) = (&work.region, &store.cluster_id);
        self.plane.lay_interfaces(region, cluster_id, &work.id).await?;
        connect(settings, &self.credentials(&work.id, &work.owner)).await
    }

    /// Holds the lease while the work is under way. `None`: it was lost, and the work given up.
    async fn renewing<T>(&self, work: &Work, doing: impl Future<Output = T>) -> Option<T> {
        let mut ticks = interval(RENEW_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        tokio::pin!(doing);
        loop {
            tokio::select! {
                done = &mut doing => return Some(done),
                // What could not be asked now is asked again.
                _ = ticks.tick() => if let Ok(false) = self.renew(work).await {
                    return None;
                },
            }
        }
    }

    /// Whether the lease is ours still.
    async fn renew(&self, work: &Work) -> Result<bool, ApiError> {
        let (ours, _) = change(&self.database, &work.region, |stores, _| {
            let store = stores.by_id_mut(&work.id).filter(|store| work.is_ours(store));
            let Some(State::Connecting(lease) | State::Disconnecting(lease)) =
                store.map(|store| &mut store.state)
            else {
                return Ok(false);
            };
            lease.until_ms = real_now_ms() + LEASE_MS;
            Ok(true)
        })
        .await?;
        Ok(ours)
    }

    /// Whether the key store was still ours to decide about.
    async fn finish(&self, work: &Work, state: State) -> Result<bool, ApiError> {
        let (ours, _) = change(&self.database, &work.region, |stores, _| {
            let store = stores.by_id_mut(&work.id).filter(|store| work.is_ours(store));
            let Some(store) = store else { return Ok(false) };
            store.state = state.clone();
            Ok(true)
        })
        .await?;
        self.stores.forget(&work.region);
        Ok(ours)
    }

    /// CONNECTED, CONNECTING or FAILED becomes DISCONNECTED, and kmsuser is logged out.
    pub(crate) async fn disconnect(&self, region: &str, id: &str) -> Result<(), ApiError> {
        let lease = new_lease();
        change(&self.database, region, |stores, _| {
            let store = stores.by_id_mut(id).ok_or_else(not_found)?;
            match store.state {
                State::Disconnected | State::Disconnecting(_) => Err(invalid_state(store)),
                State::Connected | State::Connecting(_) | State::Failed { .. } => {
                    store.state = State::Disconnecting(lease.clone());
                    Ok(())
                }
            }
        })
        .await?;
        self.stores.forget(region);
        let (region, id, owner) = (region.to_owned(), id.to_owned(), lease.owner);
        self.finish_disconnect(&Work { region, id, owner }).await
    }

    async fn finish_disconnect(&self, work: &Work) -> Result<(), ApiError> {
        self.stop_connecting(&work.id);
        if self.renewing(work, self.lines.close(&work.id)).await.is_none() {
            return Ok(());
        }
        self.plane.remove_interfaces(&work.region, &work.id).await?;
        self.finish(work, State::Disconnected).await?;
        Ok(())
    }

    /// Brings this endpoint's lines to what the database says, and goes on with what dead
    /// endpoints have left.
    async fn look(self: &Arc<Self>) -> Result<(), ApiError> {
        self.clock.follow(&self.database).await?;
        let mut wanted = Vec::new();
        for (region, stores) in KeyStores::read_all(&self.database).await? {
            for store in &stores.stores {
                match &store.state {
                    State::Connected => {
                        wanted.push((store.id.clone(), store.connection));
                        let (kms, region, store) = (self.clone(), region.clone(), store.clone());
                        // One that hangs must not hold up the others.
                        tokio::spawn(async move {
                            kms.lines.renew(&kms, &region, &store).await;
                        });
                    }
                    State::Connecting(lease) => {
                        wanted.push((store.id.clone(), store.connection));
                        self.take_over(&region, store, lease).await?;
                    }
                    State::Disconnecting(lease) => self.take_over(&region, store, lease).await?,
                    State::Disconnected | State::Failed { .. } => {}
                }
            }
            self.stores.put(&region, stores);
        }
        for line in self.lines.open() {
            if !wanted.contains(&line) {
                self.lines.close_of(&line.0, line.1).await;
            }
        }
        Ok(())
    }

    async fn take_over(
        self: &Arc<Self>,
        region: &str,
        store: &KeyStore,
        lease: &Lease,
    ) -> Result<(), ApiError> {
        if lease.until_ms > real_now_ms() {
            return Ok(());
        }
        let new = new_lease();
        let (taken, _) = change(&self.database, region, |stores, also| {
            let there = stores.by_id_mut(&store.id);
            match there.filter(|there| there.state == store.state).map(|there| &mut there.state) {
                Some(State::Connecting(lease)) => {
                    *lease = new.clone();
                    also.push(credentials::take(&store.id, &new.owner));
                    Ok(true)
                }
                Some(State::Disconnecting(lease)) => {
                    *lease = new.clone();
                    Ok(true)
                }
                _ => Ok(false),
            }
        })
        .await?;
        if !taken {
            return Ok(());
        }
        tracing::info!(store = store.id, "{} is taken over", store.state.name());
        let work = Work { region: region.to_owned(), id: store.id.clone(), owner: new.owner };
        if matches!(store.state, State::Connecting(_)) {
            self.clone().spawn_connect(work);
            return Ok(());
        }
        self.finish_disconnect(&work).await
    }
}

impl Work {
    fn is_ours(&self, store: &KeyStore) -> bool {
        store.state.lease().is_some_and(|lease| lease.owner == self.owner)
    }
}

/// Looks again and again, for as long as the endpoint lives.
pub(crate) async fn keep(kms: Weak<Kms>) {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(kms) = kms.upgrade() else { return };
        if let Err(error) = kms.look().await {
            tracing::warn!("the key stores could not be looked at: {error:?}");
        }
    }
}
