//! What is to be done follows from the record alone: a restart finds it there and goes on.
use super::record::{ClusterRecord, ClusterState, HsmRecord, HsmState, all, failed, find};
use super::{ControlPlane, Timing};
use crate::database::text;
use crate::error::ApiError;
use fleet::{Event, Fleet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// How long after a failure the work is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// How often it is looked whether backups are due, and for what others have left.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// User guide, backups: at least every 24 hours.
const BACKUP_EVERY_MS: i64 = 24 * 60 * 60 * 1000;

/// Something that a cluster's record asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
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

/// All that is to be done, the most urgent first. `running` are the HSMs that have a process.
fn due(cluster: &ClusterRecord, running: &[String], open: bool) -> Vec<Step> {
    if cluster.state == ClusterState::CreateInProgress {
        return vec![Step::Create];
    }
    if !open && !running.is_empty() {
        return vec![Step::CutOff];
    }
    let those = |state: HsmState| cluster.hsms.iter().filter(move |hsm| hsm.state == state);
    let mut steps: Vec<_> =
        those(HsmState::DeleteInProgress).map(|hsm| Step::RemoveHsm(hsm.id.clone())).collect();
    if open {
        let down = those(HsmState::Active).filter(|hsm| !running.contains(&hsm.id));
        // One HSM until ACTIVE: the others of `up` run, and wait.
        let first = cluster.hsms.first().map(|hsm| &hsm.id);
        let may_join =
            |hsm: &&HsmRecord| cluster.state == ClusterState::Active || first == Some(&hsm.id);
        let new = those(HsmState::CreateInProgress).filter(may_join);
        steps.extend(down.chain(new).map(|hsm| Step::Start(hsm.id.clone())));
    }
    match cluster.state {
        ClusterState::InitializeInProgress if open && !running.is_empty() => {
            steps.push(Step::Initialize);
        }
        ClusterState::Initialized if open && !running.is_empty() => {
            steps.push(Step::NoticeActivation);
        }
        ClusterState::DeleteInProgress => steps.push(Step::Delete),
        _ => {}
    }
    steps
}

/// A step that was put off.
#[derive(Clone)]
pub(super) struct PutOff {
    pub(super) cluster_id: String,
    pub(super) step: Step,
    /// It failed; otherwise it only takes its time.
    pub(super) why: Option<ApiError>,
}

/// What became of a step.
pub(super) enum Then {
    /// It was taken.
    Done,
    /// It cannot be taken before this has passed.
    Later(Duration),
}

impl ControlPlane {
    /// Works on a cluster until nothing is left to do. At once if nobody does, else once more.
    pub(crate) fn wake(self: &Arc<Self>, region: &str, id: &str) {
        if !self.begun.load(Ordering::Relaxed) {
            return;
        }
        let name = (region.to_owned(), id.to_owned());
        let mut working = self.working.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(again) = working.get_mut(&name) {
            *again = true;
            self.woken.notify_waiters();
            return;
        }
        working.insert(name.clone(), false);
        let plane = self.clone();
        tokio::spawn(async move { plane.work(name).await });
    }

    async fn work(self: Arc<Self>, name: (String, String)) {
        let (region, id) = (&name.0, &name.1);
        loop {
            let pause = self.round(region, id).await.unwrap_or_else(|error| {
                let why = error.message.unwrap_or_default();
                tracing::warn!(cluster = id, "is looked at again: {why}");
                Some(AGAIN_AFTER)
            });
            // From here on a call to `wake` is heard.
            let woken = self.woken.notified();
            let pause = {
                let mut working = self.working.lock().unwrap_or_else(PoisonError::into_inner);
                if working.get_mut(&name).is_some_and(std::mem::take) {
                    continue;
                }
                let Some(pause) = pause else {
                    working.remove(&name);
                    return;
                };
                pause
            };
            // What comes up meanwhile is not put off by what has to wait.
            let _ = timeout(pause.min(AGAIN_AFTER), woken).await;
        }
    }

    /// Takes all steps that can be taken now, each once. How long to wait for the others; `None`:
    /// there are none.
    async fn round(self: &Arc<Self>, region: &str, id: &str) -> Result<Option<Duration>, ApiError> {
        let (mut waiting, mut pause) = (Vec::new(), None);
        while self.begun.load(Ordering::Relaxed) {
            let found = find::<ClusterRecord>(&self.database, region, id).await?;
            let Some((cluster, _)) = found else { return Ok(pause) };
            let mut steps = self.due(region, &cluster).await?.into_iter();
            let Some(step) = steps.find(|step| !waiting.contains(step)) else { return Ok(pause) };
            let taken = self.take(region, &cluster, &step).await;
            let put_off = (!matches!(taken, Ok(Then::Done))).then(|| PutOff {
                cluster_id: id.to_owned(),
                step: step.clone(),
                why: taken.as_ref().err().cloned(),
            });
            self.progress.send_replace(put_off);
            let then = taken.unwrap_or_else(|error| {
                let why = error.message.unwrap_or_default();
                tracing::warn!(cluster = id, "{step:?} is tried again: {why}");
                Then::Later(AGAIN_AFTER)
            });
            if let Then::Later(wait) = then {
                pause = Some(pause.map_or(wait, |pause: Duration| pause.min(wait)));
                waiting.push(step);
            }
        }
        Ok(None)
    }

    async fn take(
        self: &Arc<Self>,
        region: &str,
        cluster: &ClusterRecord,
        step: &Step,
    ) -> Result<Then, ApiError> {
        let by_up = cluster.in_root
            && !matches!(cluster.state, ClusterState::Active | ClusterState::DeleteInProgress);
        let timing = if by_up { Timing::default() } else { self.hosting()?.timing };
        match step {
            Step::Create => self.created(region, cluster, timing).await,
            Step::Start(hsm) => self.start_hsm(region, cluster, hsm, timing).await,
            Step::CutOff => {
                let fleet = self.fleets().get(&cluster.id).cloned();
                for hsm_id in self.running(&cluster.id) {
                    if let Some(fleet) = &fleet {
                        fleet.remove(&hsm_id).await;
                    }
                }
                Ok(Then::Done)
            }
            Step::Initialize => self.initialize(region, cluster, timing).await,
            Step::NoticeActivation => self.notice_activation(region, cluster, timing).await,
            Step::RemoveHsm(hsm) => self.remove_hsm(region, cluster, hsm, timing).await,
            Step::Delete => self.delete(region, cluster, timing).await,
        }
    }

    /// All that is to be done for a cluster now.
    pub(super) async fn due(
        &self,
        region: &str,
        cluster: &ClusterRecord,
    ) -> Result<Vec<Step>, ApiError> {
        let open = self.network(region).await?.is_open(&cluster.id);
        Ok(due(cluster, &self.running(&cluster.id), open))
    }

    /// The HSMs of a cluster that are run, or watched where others run them.
    fn running(&self, id: &str) -> Vec<String> {
        self.nodes(id).into_iter().map(|node| node.hsm_id).collect()
    }

    /// The processes of a cluster, of which there are none yet the first time.
    pub(super) fn fleet(&self, cluster: &ClusterRecord) -> Result<Arc<Fleet>, ApiError> {
        let layout = self.layout(cluster)?;
        if !self.begun.load(Ordering::Relaxed) {
            return Err(failed(&cluster.id, "the endpoint has not begun, or is stopping"));
        }
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
                    Event::Moved { hsm_id, address } => {
                        tracing::warn!(cluster = id, "{hsm_id} listens on {address} now");
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
        // What cannot be removed today is removed tomorrow; why not is in the log.
        let _ = self.purge_set_aside().await;
        for region in self.regions().await? {
            for cluster in all::<ClusterRecord>(&self.database, &region).await? {
                self.wake(&region, &cluster.id);
                self.follow_addresses(&region, &cluster).await?;
                self.replace_dead(&region, &cluster).await?;
                let last = self.last_backup_ms(&region, &cluster.id).await?;
                // Also one from the future, which a clock that was moved and reset has left.
                let is_due = (self.clock.now_ms() - last).abs() > BACKUP_EVERY_MS;
                let hsm = cluster.hsms.iter().find(|hsm| hsm.state == HsmState::Active);
                if let (ClusterState::Active, Some(hsm), true) = (cluster.state, hsm, is_due) {
                    let hsm = self.serving(&cluster).unwrap_or(hsm);
                    if let Err(why) = self.take_backup(&region, &cluster, hsm).await {
                        // The other clusters have their turn.
                        tracing::warn!(cluster = cluster.id, "no daily backup: {why:?}");
                    }
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
        let Some(plane) = plane.upgrade() else { return };
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
            dead: None,
            brought_back: false,
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
            family: String::new(),
            in_root: false,
        }
    }

    #[test]
    fn what_is_to_be_done_follows_from_the_record() {
        use ClusterState as C;
        use HsmState as H;
        let (a, b) = ("hsm-a", "hsm-b");
        let start = |id: &str| Step::Start(id.to_owned());
        let remove = |id: &str| Step::RemoveHsm(id.to_owned());
        for (state, hsms, running, open, expected) in [
            (C::CreateInProgress, vec![], vec![], true, vec![Step::Create]),
            (C::Uninitialized, vec![], vec![], true, vec![]),
            (C::Uninitialized, vec![(a, H::CreateInProgress)], vec![], true, vec![start(a)]),
            (C::InitializeInProgress, vec![(a, H::Active)], vec![a], true, vec![Step::Initialize]),
            // After a restart, the HSM has to run before anything can be asked of it.
            (C::InitializeInProgress, vec![(a, H::Active)], vec![], true, vec![start(a)]),
            (C::InitializeInProgress, vec![], vec![], true, vec![]),
            (C::InitializeInProgress, vec![(a, H::Active)], vec![], false, vec![]),
            (C::Initialized, vec![(a, H::Active)], vec![a], true, vec![Step::NoticeActivation]),
            (C::Initialized, vec![], vec![], true, vec![]),
            (C::Active, vec![(a, H::Active)], vec![a], true, vec![]),
            (
                C::Active,
                vec![(a, H::Active), (b, H::CreateInProgress)],
                vec![],
                true,
                vec![start(a), start(b)],
            ),
            (
                C::Active,
                vec![(a, H::DeleteInProgress), (b, H::CreateInProgress)],
                vec![a],
                true,
                vec![remove(a), start(b)],
            ),
            (
                C::Uninitialized,
                vec![(a, H::CreateInProgress), (b, H::CreateInProgress)],
                vec![a, b],
                true,
                vec![start(a)],
            ),
            (
                C::Initialized,
                vec![(a, H::Active), (b, H::CreateInProgress)],
                vec![a, b],
                true,
                vec![Step::NoticeActivation],
            ),
            // Cut off by its security group.
            (C::Active, vec![(a, H::Active)], vec![a], false, vec![Step::CutOff]),
            (C::Active, vec![(a, H::Active)], vec![], false, vec![]),
            (C::Active, vec![(a, H::DeleteInProgress)], vec![], false, vec![remove(a)]),
            (C::DeleteInProgress, vec![], vec![], true, vec![Step::Delete]),
        ] {
            let running: Vec<String> = running.into_iter().map(str::to_owned).collect();
            let cluster = cluster(state, &hsms);
            assert_eq!(due(&cluster, &running, open), expected, "{state:?} {hsms:?} {running:?}");
        }
    }
}
