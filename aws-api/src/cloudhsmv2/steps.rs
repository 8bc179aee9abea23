//! The steps of a cluster's life: each finds out what of it was done before, and does the rest.
use super::own::mark_deleted;
use super::record::{
    CertificateTexts, ClusterRecord, ClusterState, HsmRecord, HsmState, change, failed, find,
    remove,
};
use super::work::Then;
use super::{ControlPlane, Timing};
use crate::clock::real_now_ms;
use crate::error::ApiError;
use fleet::{Backup, Layout, NodeView, make_folder, provision_installation, write_public};
use hsm_client::Connection;
use proto::NodeState;
use proto::command::cluster::Initialize;
use std::time::Duration;

/// How often a cluster that waits for its activation is asked.
const ASK_EVERY: Duration = Duration::from_millis(300);

/// What is left until this has been so for so long.
fn left(since_ms: i64, least: Duration) -> Option<Then> {
    let passed = real_now_ms().saturating_sub(since_ms);
    let passed = Duration::from_millis(u64::try_from(passed).unwrap_or_default());
    let left = least.saturating_sub(passed);
    (!left.is_zero()).then_some(Then::Later(left))
}

impl ControlPlane {
    /// The cluster reaches a state, if it is still in the one before: it may be being deleted.
    async fn advance(
        &self,
        region: &str,
        cluster: &ClusterRecord,
        state: ClusterState,
        more: impl Fn(&mut ClusterRecord),
    ) -> Result<Then, ApiError> {
        change(&self.database, region, &cluster.id, |record: &mut ClusterRecord| {
            if record.state == cluster.state {
                record.state = state;
                record.since_ms = real_now_ms();
                record.message = None;
                more(record);
            }
            Ok(())
        })
        .await?;
        Ok(Then::Done)
    }

    pub(super) async fn created(
        &self,
        region: &str,
        cluster: &ClusterRecord,
        timing: Timing,
    ) -> Result<Then, ApiError> {
        let failed = |e| failed("the cluster's folder", e);
        let layout = self.layout(cluster)?;
        provision_installation(&Layout::new(&self.hosting()?.installation)).map_err(failed)?;
        make_folder(layout.root()).map_err(failed)?;
        if let Some(anchor) = &cluster.trust_anchor {
            write_public(&layout.customer_ca(), anchor.as_bytes()).map_err(failed)?;
        }
        if let Some(later) = left(cluster.since_ms, timing.create) {
            return Ok(later);
        }
        // A cluster from a backup needs no initialization, and is ACTIVE without an HSM.
        let restored = cluster.source_backup.is_some();
        let state = if restored { ClusterState::Active } else { ClusterState::Uninitialized };
        self.advance(region, cluster, state, |_| {}).await
    }

    /// Makes an HSM, or starts it again.
    pub(super) async fn start_hsm(
        &self,
        region: &str,
        cluster: &ClusterRecord,
        hsm_id: &str,
        timing: Timing,
    ) -> Result<Then, ApiError> {
        let hsm = cluster.hsms.iter().find(|hsm| hsm.id == hsm_id);
        let Some(hsm) = hsm else { return Ok(Then::Done) };
        let Some(hsm) = self.run_hsm(region, cluster, hsm).await? else { return Ok(Then::Done) };
        let certificates = self.bring_in(region, cluster, &hsm).await?;
        if hsm.state == HsmState::CreateInProgress
            && let Some(later) = left(hsm.since_ms, timing.create_hsm)
        {
            return Ok(later);
        }
        change(&self.database, region, &cluster.id, |record: &mut ClusterRecord| {
            if let Some(certificates) = &certificates {
                record.certificates = certificates.clone();
            }
            let there = record.hsms.iter_mut().find(|there| there.id == hsm.id);
            if let Some(there) = there.filter(|it| it.state == HsmState::CreateInProgress) {
                there.state = HsmState::Active;
                (there.replaces, there.dead, there.brought_back) = (None, None, false);
            }
            Ok(())
        })
        .await?;
        self.tell_members(region, &cluster.id).await?;
        Ok(Then::Done)
    }

    /// The first HSM that is a member and runs.
    pub(super) fn serving<'a>(&self, cluster: &'a ClusterRecord) -> Option<&'a HsmRecord> {
        let mut members = cluster.hsms.iter().filter(|hsm| hsm.state == HsmState::Active);
        members.find(|hsm| !self.is_down(&cluster.id, &hsm.id))
    }

    /// A connection to an HSM, with the service certificate.
    async fn reach(
        &self,
        cluster: &ClusterRecord,
        hsm: &HsmRecord,
    ) -> Result<(Connection, NodeView), ApiError> {
        let view = hsm.node().ok_or_else(|| failed(&hsm.id, "it has not been started yet"))?;
        let line = fleet::connect(&self.layout(cluster)?, &view).await;
        Ok((line.map_err(|e| failed(&hsm.id, e))?, view))
    }

    /// Makes the HSM a member of its cluster: a fresh one shows its certificates, one that joins
    /// restores a backup.
    async fn bring_in(
        &self,
        region: &str,
        cluster: &ClusterRecord,
        hsm: &HsmRecord,
    ) -> Result<Option<CertificateTexts>, ApiError> {
        let says = |e| failed(&hsm.id, e);
        let (line, view) = self.reach(cluster, hsm).await?;
        if line.welcome().state != NodeState::Uninitialized {
            return Ok(None);
        }
        if cluster.state == ClusterState::Active {
            let backup = self.snapshot(region, cluster, hsm).await?;
            fleet::restore(&line, &view, &backup).await.map_err(says)?;
            return Ok(None);
        }
        let got = fleet::certificates(&line, &view).await.map_err(says)?;
        Ok(Some(got.into()))
    }

    /// A backup of another HSM of the cluster, which is kept; if there is none, the newest one.
    async fn snapshot(
        &self,
        region: &str,
        cluster: &ClusterRecord,
        newcomer: &HsmRecord,
    ) -> Result<Backup, ApiError> {
        let others = cluster.hsms.iter();
        let others = others.filter(|it| it.id != newcomer.id && it.state == HsmState::Active);
        for other in others {
            match self.take_backup(region, cluster, other).await {
                Ok(backup) => return Ok(backup),
                Err(error) => tracing::warn!("{}: {error:?}", other.id),
            }
        }
        self.latest_backup(region, cluster).await
    }

    /// Takes a backup of an HSM and keeps it.
    pub(super) async fn take_backup(
        &self,
        region: &str,
        cluster: &ClusterRecord,
        hsm: &HsmRecord,
    ) -> Result<Backup, ApiError> {
        let (line, view) = self.reach(cluster, hsm).await?;
        let backup = fleet::backup(&line, &view).await.map_err(|e| failed(&hsm.id, e))?;
        self.keep_backup(region, cluster, &backup).await?;
        Ok(backup)
    }

    /// Tells all HSMs of an ACTIVE cluster of each other.
    pub(super) async fn tell_members(&self, region: &str, id: &str) -> Result<(), ApiError> {
        let Some((cluster, _)) = find::<ClusterRecord>(&self.database, region, id).await? else {
            return Ok(());
        };
        let members = cluster.hsms.iter().filter(|hsm| hsm.state == HsmState::Active);
        let members = members.map(|hsm| hsm.id.clone()).collect();
        let told = self.fleet(&cluster)?.set_members(members).await;
        if let Err(error) = told {
            // It is told when it starts again.
            tracing::warn!(cluster = id, "{error}");
        }
        Ok(())
    }

    pub(super) async fn initialize(
        &self,
        region: &str,
        cluster: &ClusterRecord,
        timing: Timing,
    ) -> Result<Then, ApiError> {
        let hsm =
            self.serving(cluster).ok_or_else(|| failed(&cluster.id, "its HSM does not run"))?;
        let layout = self.layout(cluster)?;
        let signed_cert = cluster.signed_cert.clone().unwrap_or_default();
        let trust_anchor = cluster.trust_anchor.clone().unwrap_or_default();
        // On disk before the HSM has it: without it, nobody could connect to this HSM any more.
        write_public(&layout.customer_ca(), trust_anchor.as_bytes())
            .map_err(|e| failed("customerCA.crt", e))?;
        let (line, _) = self.reach(cluster, hsm).await?;
        if line.welcome().state == NodeState::Uninitialized {
            let request = Initialize { signed_cert: signed_cert.clone(), trust_anchor };
            line.call(&request).await.map_err(|e| failed(&hsm.id, e))?;
        }
        if let Some(later) = left(cluster.since_ms, timing.initialize) {
            return Ok(later);
        }
        self.advance(region, cluster, ClusterState::Initialized, |record| {
            record.certificates =
                CertificateTexts { cluster: Some(signed_cert.clone()), ..Default::default() };
            record.signed_cert = None;
        })
        .await?;
        self.tell_members(region, &cluster.id).await?;
        Ok(Then::Done)
    }

    /// When somebody has set the admin's password, the cluster is ACTIVE.
    pub(super) async fn notice_activation(
        &self,
        region: &str,
        cluster: &ClusterRecord,
        timing: Timing,
    ) -> Result<Then, ApiError> {
        let Some(hsm) = self.serving(cluster) else { return Ok(Then::Later(ASK_EVERY)) };
        let (line, _) = self.reach(cluster, hsm).await?;
        if line.welcome().state != NodeState::Active {
            return Ok(Then::Later(ASK_EVERY));
        }
        let since = self.first_seen(&cluster.id);
        if since.elapsed() < timing.notice_activation {
            return Ok(Then::Later(timing.notice_activation - since.elapsed()));
        }
        self.take_backup(region, cluster, hsm).await?;
        self.advance(region, cluster, ClusterState::Active, |_| {}).await
    }

    pub(super) async fn remove_hsm(
        &self,
        region: &str,
        cluster: &ClusterRecord,
        hsm_id: &str,
        timing: Timing,
    ) -> Result<Then, ApiError> {
        let hsm = cluster.hsms.iter().find(|hsm| hsm.id == hsm_id);
        let Some(hsm) = hsm else { return Ok(Then::Done) };
        let fleet = self.fleet(cluster)?;
        if cluster.state == ClusterState::Active && !self.is_down(&cluster.id, &hsm.id) {
            // One that does not answer is deleted all the same: its backups are the earlier ones.
            if let Err(error) = self.take_backup(region, cluster, hsm).await {
                tracing::warn!("no backup of {hsm_id} before it is deleted: {error:?}");
            }
        }
        if hsm.host.is_some() {
            self.set_deleted(&hsm.id).await?;
        }
        self.keep_roster(cluster, |roster| roster.nodes.retain(|seat| seat.hsm_id != hsm.id))?;
        fleet.remove(&hsm.id).await;
        self.remove_folder(cluster, &hsm.id)?;
        if let Some(later) = left(hsm.since_ms, timing.delete_hsm) {
            return Ok(later);
        }
        change(&self.database, region, &cluster.id, |record: &mut ClusterRecord| {
            record.hsms.retain(|there| there.id != hsm.id);
            let begun =
                matches!(record.state, ClusterState::Active | ClusterState::DeleteInProgress);
            if !record.hsms.iter().any(|hsm| hsm.state == HsmState::Active) && !begun {
                // The CSR was that HSM's, and so was what was signed.
                record.state = ClusterState::Uninitialized;
                record.certificates = CertificateTexts::default();
                (record.trust_anchor, record.signed_cert) = (None, None);
            }
            Ok(())
        })
        .await?;
        self.give_back_address(region, &hsm.subnet_id).await?;
        self.tell_members(region, &cluster.id).await?;
        Ok(Then::Done)
    }

    pub(super) async fn delete(
        &self,
        region: &str,
        cluster: &ClusterRecord,
        timing: Timing,
    ) -> Result<Then, ApiError> {
        let fleet = self.fleets().remove(&cluster.id);
        if let Some(fleet) = fleet {
            fleet.stop().await;
        }
        let layout = self.layout(cluster)?;
        if cluster.in_root {
            mark_deleted(&layout, &cluster.id)?;
        } else {
            let _ = std::fs::remove_dir_all(layout.root());
        }
        if let Some(later) = left(cluster.since_ms, timing.delete) {
            return Ok(later);
        }
        self.change_network(region, |network| {
            network.groups.remove(&cluster.id);
            Ok(())
        })
        .await?;
        remove::<ClusterRecord>(&self.database, region, &cluster.id).await?;
        Ok(Then::Done)
    }
}
