//! What is to be done follows from the record alone: a restart finds it there and goes on.
use super::ControlPlane;
use super::record::{ClusterRecord, ClusterState, HsmRecord, HsmState, all, failed, find};
use crate::database::text;
use crate::error::ApiError;
use fleet::{Event, Fleet};
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// How often a cluster that waits for its activation is asked.
const ASK_EVERY: Duration = Duration::from_millis(300);
/// How long after a failure the work is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How often it is looked whether backups are due, and for what others have left.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// User guide, backups: at least every 24 hours.
const BACKUP_EVERY_MS: i64 = 24 * 60 * 60 * 1000;

/// The next thing that a cluster's record asks for.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Create,
    /// The HSM with this id is to be made, or to run.
    Start(String),
    /// Nobody may reach the HSMs any more.
    CutOff,
    Initialize,
    NoticeActivation,
    RemoveHsm(String),
    Delete,
}

/// What comes first, of all that is to be done. `running` are the HSMs that have a process.
fn next(cluster: &ClusterRecord, running: &[String], open: bool) -> Option<Step> {
    let runs = |hsm: &HsmRecord| running.contains(&hsm.id);
    let is = |state: HsmState| move |hsm: &&HsmRecord| hsm.state == state;
    if cluster.state == ClusterState::CreateInProgress {
        return Some(Step::Create);
    }
    if !open && !running.is_empty() {
        return Some(Step::CutOff);
    }
    if let Some(hsm) = cluster.hsms.iter().find(is(HsmState::DeleteInProgress)) {
        return Some(Step::RemoveHsm(hsm.id.clone()));
    }
    if open {
        let down = cluster.hsms.iter().find(|hsm| hsm.state == HsmState::Active && !runs(hsm));
        let new = cluster.hsms.iter().find(is(HsmState::CreateInProgress));
        if let Some(hsm) = down.or(new) {
            return Some(Step::Start(hsm.id.clone()));
        }
    }
    match cluster.state {
        ClusterState::InitializeInProgress => Some(Step::Initialize),
        ClusterState::Initialized if open && !running.is_empty() => Some(Step::NoticeActivation),
        ClusterState::DeleteInProgress => Some(Step::Delete),
        _ => None,
    }
}

/// What became of a step.
enum Then {
    Again,
    Later(Duration),
    Done,
}

impl ControlPlane {
    /// Works on a cluster until nothing is left to do. At once if nobody does, else once more.
    pub(crate) fn wake(self: &Arc<Self>, region: &str, id: &str) {
        if self.hosting.is_none() {
            return;
        }
        let name = (region.to_owned(), id.to_owned());
        let mut working = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(again) = working.get_mut(&name) {
            *again = true;
            return;
        }
        working.insert(name.clone(), false);
        let plane = self.clone();
        tokio::spawn(async move { plane.work(name).await });
    }

    async fn work(self: Arc<Self>, name: (String, String)) {
        let (region, id) = (&name.0, &name.1);
        loop {
            let then = self.step(region, id).await.unwrap_or_else(|error| {
                let why = error.message.unwrap_or_default();
                tracing::warn!(cluster = id, "is tried again: {why}");
                Then::Later(AGAIN_AFTER)
            });
            match then {
                Then::Again => {}
                Then::Later(pause) => tokio::time::sleep(pause).await,
                Then::Done => {
                    let mut working = self.working.lock().unwrap_or_else(PoisonError::into_inner);
                    match working.get_mut(&name) {
                        Some(again) if *again => *again = false,
                        _ => {
                            working.remove(&name);
                            return;
                        }
                    }
                }
            }
        }
    }

    async fn step(self: &Arc<Self>, region: &str, id: &str) -> Result<Then, ApiError> {
        let Some((cluster, _)) = find::<ClusterRecord>(&self.database, region, id).await? else {
            return Ok(Then::Done);
        };
        let open = self.network(region).await?.is_open(id);
        let running = self.running(id);
        let Some(step) = next(&cluster, &running, open) else { return Ok(Then::Done) };
        let timing = self.hosting()?.timing;
        match step {
            Step::Create => self.created(region, &cluster, timing).await?,
            Step::Start(hsm) => self.start_hsm(region, &cluster, &hsm, timing).await?,
            Step::CutOff => {
                let fleet = self.fleets().get(id).cloned();
                for hsm_id in running {
                    if let Some(fleet) = &fleet {
                        fleet.remove(&hsm_id).await;
                    }
                }
            }
            Step::Initialize => self.initialize(region, &cluster, timing).await?,
            Step::NoticeActivation => {
                if !self.notice_activation(region, &cluster, timing).await? {
                    return Ok(Then::Later(ASK_EVERY));
                }
            }
            Step::RemoveHsm(hsm) => self.remove_hsm(region, &cluster, &hsm, timing).await?,
            Step::Delete => self.delete(region, &cluster, timing).await?,
        }
        Ok(Then::Again)
    }

    /// The HSMs of a cluster that are run, or watched where others run them.
    fn running(&self, id: &str) -> Vec<String> {
        self.nodes(id).into_iter().map(|node| node.hsm_id).collect()
    }

    /// The processes of a cluster, of which there are none yet the first time.
    pub(super) fn fleet(&self, cluster: &ClusterRecord) -> Result<Arc<Fleet>, ApiError> {
        let layout = self.layout(cluster)?;
        let mut fleets = self.fleets();
        if let Some(fleet) = fleets.get(&cluster.id) {
            return Ok(fleet.clone());
        }
        let (fleet, mut events) = Fleet::empty(&layout, self.hosting()?.launch.clone());
        let fleet = Arc::new(fleet);
        fleets.insert(cluster.id.clone(), fleet.clone());
        let id = cluster.id.clone();
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                match event {
                    Event::Died { hsm_id, how, .. } => {
                        tracing::warn!(cluster = id, "{hsm_id} died ({how})");
                    }
                    Event::Restarted { hsm_id, .. } => tracing::info!("{hsm_id} runs again"),
                    Event::Trouble { hsm_id, why } => {
                        tracing::warn!(cluster = id, "{hsm_id}: {why}");
                    }
                    Event::Silent { hsm_id } => {
                        tracing::warn!(cluster = id, "{hsm_id} does not answer");
                    }
                    Event::Heard { hsm_id } => {
                        tracing::info!(cluster = id, "{hsm_id} answers again");
                    }
                    Event::Said { hsm_id, text } => tracing::info!("{hsm_id}: {text}"),
                }
            }
        });
        Ok(fleet)
    }

    /// The Regions in which there is a cluster or a backup.
    pub(crate) async fn regions(&self) -> Result<Vec<String>, ApiError> {
        let sql = "SELECT region FROM clusters UNION SELECT region FROM backups";
        let rows = self.database.rows(sql, []).await.map_err(|e| failed("the database", e))?;
        let regions = rows.iter().map(|row| text(row, 0)).collect::<Result<_, _>>();
        regions.map_err(|e| failed("the database", e))
    }

    /// Takes up whatever is left to do, and the backups that are due.
    async fn look(self: &Arc<Self>) -> Result<(), ApiError> {
        for region in self.regions().await? {
            for cluster in all::<ClusterRecord>(&self.database, &region).await? {
                self.wake(&region, &cluster.id);
                self.replace_dead(&region, &cluster).await?;
                let due = self.clock.now_ms() - BACKUP_EVERY_MS;
                let last = self.last_backup_ms(&region, &cluster.id).await?;
                let hsm = cluster.hsms.iter().find(|hsm| hsm.state == HsmState::Active);
                if let (ClusterState::Active, Some(hsm), true) = (cluster.state, hsm, last < due) {
                    self.take_backup(&region, &cluster, hsm).await?;
                }
            }
            self.purge_backups(&region).await?;
        }
        Ok(())
    }
}

/// Looks again and again, for as long as the endpoint lives.
pub(crate) async fn keep(plane: Weak<ControlPlane>) {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(plane) = plane.upgrade().filter(|plane| plane.hosting.is_some()) else { return };
        if let Err(error) = plane.look().await {
            tracing::warn!("the clusters could not be looked at: {error:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloudhsmv2::record::CertificateTexts;

    fn cluster(state: ClusterState, hsms: &[(&str, HsmState)]) -> ClusterRecord {
        let hsm = |(id, state): &(&str, HsmState)| HsmRecord {
            id: (*id).to_owned(),
            node: 1,
            zone: String::new(),
            subnet_id: String::new(),
            eni_id: String::new(),
            eni_ip: String::new(),
            address: None,
            host: None,
            replaces: None,
            state: *state,
            since_ms: 0,
            message: None,
        };
        ClusterRecord {
            id: "cluster-234abcdefab".to_owned(),
            created_ms: 0,
            hsm_type: String::new(),
            mode: String::new(),
            network_type: String::new(),
            retention_days: 90,
            source_backup: None,
            state,
            since_ms: 0,
            message: None,
            vpc_id: String::new(),
            subnets: Default::default(),
            security_group: String::new(),
            tags: Default::default(),
            certificates: CertificateTexts::default(),
            trust_anchor: None,
            signed_cert: None,
            hsms: hsms.iter().map(hsm).collect(),
            next_node: 1,
            in_root: false,
        }
    }

    #[test]
    fn what_is_to_be_done_follows_from_the_record() {
        use ClusterState as C;
        use HsmState as H;
        let (a, b) = ("hsm-a", "hsm-b");
        let start = |id: &str| Some(Step::Start(id.to_owned()));
        let remove = |id: &str| Some(Step::RemoveHsm(id.to_owned()));
        for (state, hsms, running, open, expected) in [
            (C::CreateInProgress, vec![], vec![], true, Some(Step::Create)),
            (C::Uninitialized, vec![], vec![], true, None),
            (C::Uninitialized, vec![(a, H::CreateInProgress)], vec![], true, start(a)),
            (C::InitializeInProgress, vec![(a, H::Active)], vec![a], true, Some(Step::Initialize)),
            // After a restart, the HSM has to run before anything can be asked of it.
            (C::InitializeInProgress, vec![(a, H::Active)], vec![], true, start(a)),
            (C::Initialized, vec![(a, H::Active)], vec![a], true, Some(Step::NoticeActivation)),
            (C::Initialized, vec![], vec![], true, None),
            (C::Active, vec![(a, H::Active)], vec![a], true, None),
            (C::Active, vec![(a, H::Active), (b, H::CreateInProgress)], vec![a], true, start(b)),
            (C::Active, vec![(a, H::Active), (b, H::CreateInProgress)], vec![], true, start(a)),
            (C::Active, vec![(a, H::DeleteInProgress)], vec![a], true, remove(a)),
            // Cut off by its security group.
            (C::Active, vec![(a, H::Active)], vec![a], false, Some(Step::CutOff)),
            (C::Active, vec![(a, H::Active)], vec![], false, None),
            (C::Active, vec![(a, H::DeleteInProgress)], vec![], false, remove(a)),
            (C::DeleteInProgress, vec![], vec![], true, Some(Step::Delete)),
        ] {
            let running: Vec<String> = running.into_iter().map(str::to_owned).collect();
            let cluster = cluster(state, &hsms);
            assert_eq!(next(&cluster, &running, open), expected, "{state:?} {hsms:?} {running:?}");
        }
    }
}
