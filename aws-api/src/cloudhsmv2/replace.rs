//! HSMs that have died for good: AWS replaces them, with a new id and the same ENI.
use super::ControlPlane;
use super::record::{ClusterRecord, ClusterState, HsmRecord, HsmState, all, change};
use crate::clock::real_now_ms;
use crate::error::ApiError;
use fleet::is_held;
use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Instant;

impl ControlPlane {
    /// Replaces the HSMs of a cluster that have been down for too long, but not those that an
    /// operator keeps down.
    pub(super) async fn replace_dead(
        self: &Arc<Self>,
        region: &str,
        cluster: &ClusterRecord,
    ) -> Result<(), ApiError> {
        let open = self.network(region).await?.is_open(&cluster.id);
        for hsm in &cluster.hsms {
            let folder = self.layout(cluster)?.node(&hsm.id);
            let should_run = open
                && cluster.state == ClusterState::Active
                && hsm.state == HsmState::Active
                && !is_held(&folder);
            let is_down = should_run && self.is_down(&cluster.id, &hsm.id);
            if !self.is_down_for_long(&hsm.id, is_down)? {
                continue;
            }
            // Nothing is lost that another HSM has. Where there is none, its folder has to be
            // broken: it may start again with all that it knows.
            let other = |it: &&HsmRecord| {
                it.id != hsm.id
                    && it.state == HsmState::Active
                    && !self.is_down(&cluster.id, &it.id)
            };
            let broken = hsm.host.is_none() && !folder.join("master.key").exists();
            if broken || cluster.hsms.iter().any(|it| other(&it)) {
                self.replace(region, cluster, hsm).await?;
            }
        }
        Ok(())
    }

    fn is_down_for_long(&self, hsm_id: &str, is_down: bool) -> Result<bool, ApiError> {
        if !is_down {
            self.since().remove(hsm_id);
            return Ok(false);
        }
        Ok(self.first_seen(hsm_id).elapsed() >= self.hosting()?.replace_after)
    }

    fn since(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Since when this is so, of an HSM that it is down, of a cluster that it is activated.
    pub(super) fn first_seen(&self, id: &str) -> Instant {
        *self.since().entry(id.to_owned()).or_insert_with(Instant::now)
    }

    /// Where the new HSM is to run, nothing of the dead one may.
    pub(super) async fn clear_away(
        &self,
        cluster: &ClusterRecord,
        dead: &str,
    ) -> Result<(), ApiError> {
        self.keep_roster(cluster, |roster| roster.nodes.retain(|seat| seat.hsm_id != dead))?;
        self.fleet(cluster)?.remove(dead).await;
        self.remove_folder(cluster, dead)
    }

    /// In one change: the dead HSM is no longer of the cluster, and another is to be made.
    async fn replace(
        self: &Arc<Self>,
        region: &str,
        cluster: &ClusterRecord,
        dead: &HsmRecord,
    ) -> Result<(), ApiError> {
        let new_id = fleet::new_id("hsm");
        let place = match dead.host {
            None => None,
            Some(_) => {
                let clusters: Vec<ClusterRecord> = all(&self.database, region).await?;
                // On this machine, the others could not reach it.
                let Some(place) = self.offered(region, &dead.zone, &clusters) else {
                    return Ok(());
                };
                Some(place)
            }
        };
        change(&self.database, region, &cluster.id, |record: &mut ClusterRecord| {
            let node = record.next_node;
            let there = record.hsms.iter_mut().find(|hsm| hsm.id == dead.id);
            let Some(there) = there.filter(|hsm| hsm.state == HsmState::Active) else {
                return Ok(());
            };
            there.replaces = Some(std::mem::replace(&mut there.id, new_id.clone()));
            there.node = node;
            there.state = HsmState::CreateInProgress;
            there.since_ms = real_now_ms();
            if let Some((host, address)) = &place {
                there.place_on(host, *address);
            }
            record.next_node += 1;
            Ok(())
        })
        .await?;
        tracing::warn!(cluster = cluster.id, "{} has died: {new_id} takes its place", dead.id);
        self.since().remove(&dead.id);
        self.wake(region, &cluster.id);
        Ok(())
    }
}
