//! HSMs that have died for good: AWS replaces them, with a new id and the same ENI. Dead is an HSM
//! whose own process says that its disk is broken or gone, or whose machine is not heard of on any
//! line. What it knows is set aside: only an operator destroys it.
use super::ControlPlane;
use super::record::{ClusterRecord, ClusterState, Dead, HsmRecord, HsmState, all, change};
use crate::clock::real_now_ms;
use crate::error::ApiError;
use fleet::is_held;
use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Instant;

/// Why an HSM counts as dead.
struct Death {
    why: String,
    /// Its own process says that the disk is broken or gone: it does not start again.
    of_the_disk: bool,
}

impl ControlPlane {
    /// Replaces the HSMs of a cluster that have been dead for too long, but not those that an
    /// operator keeps down.
    pub(super) async fn replace_dead(
        self: &Arc<Self>,
        region: &str,
        cluster: &ClusterRecord,
    ) -> Result<(), ApiError> {
        let open = self.network(region).await?.is_open(&cluster.id);
        for hsm in &cluster.hsms {
            let should_run = open
                && cluster.state == ClusterState::Active
                && hsm.state == HsmState::Active
                && !is_held(&self.layout(cluster)?.node(&hsm.id));
            let death = should_run.then(|| self.death(cluster, hsm)).flatten();
            let is_long = self.is_so_for_long(&hsm.id, death.is_some())?;
            let Some(death) = death.filter(|_| is_long) else { continue };
            // Where there is no other HSM, one that may come back with all that it knows is waited
            // for.
            let other = |it: &&HsmRecord| {
                it.id != hsm.id
                    && it.state == HsmState::Active
                    && !self.is_down(&cluster.id, &it.id)
            };
            if death.of_the_disk || cluster.hsms.iter().any(|it| other(&it)) {
                self.replace(region, cluster, hsm, death).await?;
            }
        }
        Ok(())
    }

    /// `None`: the HSM lives, or what keeps it from running may pass, as a taken port or a full
    /// disk. A machine that says by itself that it is there is, whoever fills its port.
    fn death(&self, cluster: &ClusterRecord, hsm: &HsmRecord) -> Option<Death> {
        let broken = |why| Death { why, of_the_disk: true };
        let Some(host) = &hsm.host else {
            let fleet = self.fleets().get(&cluster.id).cloned()?;
            return fleet.trouble(&hsm.id).filter(|it| it.disk).map(|it| broken(it.why));
        };
        match self.heard(host) {
            Some(heard) => heard.broken(&hsm.id).map(broken),
            None if self.is_down(&cluster.id, &hsm.id) => {
                let why = format!("its machine {host} is not heard of any more");
                Some(Death { why, of_the_disk: false })
            }
            None => None,
        }
    }

    /// Why an HSM does not run or cannot be reached, for people.
    pub(super) fn why_down(&self, cluster: &ClusterRecord, hsm: &HsmRecord) -> Option<String> {
        let Some(host) = &hsm.host else {
            let folder = self.layout(cluster).ok()?.node(&hsm.id);
            if is_held(&folder) {
                return Some(format!("It is kept down: `sim restart {}` starts it.", hsm.id));
            }
            return self.trouble(cluster, hsm);
        };
        if self.heard(host).is_none() {
            return Some(format!("Its machine {host} is not heard of."));
        }
        let address = hsm.address.map(|it| it.to_string()).unwrap_or_default();
        let unreached = || format!("Its machine {host} is heard of, but not reached at {address}.");
        Some(self.trouble(cluster, hsm).unwrap_or_else(unreached))
    }

    /// What keeps an HSM from starting, in the words of its own process.
    pub(super) fn trouble(&self, cluster: &ClusterRecord, hsm: &HsmRecord) -> Option<String> {
        match &hsm.host {
            Some(host) => self.heard(host)?.trouble(&hsm.id),
            None => {
                let fleet = self.fleets().get(&cluster.id).cloned()?;
                Some(fleet.trouble(&hsm.id)?.why)
            }
        }
    }

    fn is_so_for_long(&self, hsm_id: &str, is_so: bool) -> Result<bool, ApiError> {
        if !is_so {
            self.since().remove(hsm_id);
            return Ok(false);
        }
        Ok(self.first_seen(hsm_id).elapsed() >= self.hosting()?.replace_after)
    }

    fn since(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Since when this is so, of an HSM that it is dead, of a cluster that it is activated.
    pub(super) fn first_seen(&self, id: &str) -> Instant {
        *self.since().entry(id.to_owned()).or_insert_with(Instant::now)
    }

    /// In one change: the dead HSM is no longer of the cluster, and another is to be made.
    async fn replace(
        self: &Arc<Self>,
        region: &str,
        cluster: &ClusterRecord,
        dead: &HsmRecord,
        death: Death,
    ) -> Result<(), ApiError> {
        let new_id = fleet::new_id("hsm");
        let place = match &dead.host {
            None => None,
            Some(host) => {
                let clusters: Vec<ClusterRecord> = all(&self.database, region).await?;
                let other = self.offered(region, &dead.zone, &clusters);
                // The machine itself is there. On this one, the others could not reach it.
                let same = || Some((host.clone(), dead.address?)).filter(|_| death.of_the_disk);
                let Some(place) = other.or_else(same) else { return Ok(()) };
                Some(place)
            }
        };
        let node = self.give_node(cluster).await?;
        change(&self.database, region, &cluster.id, |record: &mut ClusterRecord| {
            let there = record.hsms.iter_mut().find(|hsm| hsm.id == dead.id);
            let Some(there) = there.filter(|hsm| hsm.state == HsmState::Active) else {
                return Ok(());
            };
            there.replaces = Some(std::mem::replace(&mut there.id, new_id.clone()));
            let (host, why) = (there.host.clone(), death.why.clone());
            there.dead = Some(Dead { node: there.node, host, why });
            there.node = node;
            there.state = HsmState::CreateInProgress;
            there.since_ms = real_now_ms();
            if let Some((host, address)) = &place {
                there.place_on(host, *address);
            }
            record.next_node = record.next_node.max(node + 1);
            Ok(())
        })
        .await?;
        let (id, why) = (&dead.id, &death.why);
        tracing::warn!(cluster = cluster.id, "{id} has died ({why}): {new_id} takes its place");
        self.since().remove(&dead.id);
        self.wake(region, &cluster.id);
        Ok(())
    }
}
