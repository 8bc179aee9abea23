//! The steps of a cluster's life: each finds out what of it was done before, and does the rest.
use super::record::{
    CertificateTexts, ClusterRecord, ClusterState, HsmRecord, HsmState, all, change, failed, find,
    remove,
};
use super::{ControlPlane, Timing, network, node_view};
use crate::clock::real_now_ms;
use crate::error::ApiError;
use fleet::{
    Backup, Layout, Roster, Seat, make_folder, provision_installation, provision_node, write_public,
};
use proto::NodeState;
use proto::command::cluster::Initialize;
use std::time::Duration;

/// Ports that are tried for a new HSM.
const PORTS_MAX: u16 = 512;
/// How often, and with which pauses, it is looked whether an HSM's port is free again.
const PORT_TRIES: u32 = 30;
const PORT_PAUSE: Duration = Duration::from_millis(100);

/// Until this has been so for so long.
async fn lasted(since_ms: i64, least: Duration) {
    let passed = real_now_ms().saturating_sub(since_ms);
    let passed = Duration::from_millis(u64::try_from(passed).unwrap_or_default());
    tokio::time::sleep(least.saturating_sub(passed)).await;
}

fn is_free(port: u16) -> bool {
    std::net::TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// An HSM keeps its port over restarts, unless somebody else has it for good: the process of an
/// endpoint that was killed a moment ago is still ending.
async fn freed(port: u16) -> bool {
    for _ in 0..PORT_TRIES {
        if is_free(port) {
            return true;
        }
        tokio::time::sleep(PORT_PAUSE).await;
    }
    false
}

impl ControlPlane {
    async fn set(
        &self,
        region: &str,
        id: &str,
        state: ClusterState,
        more: impl Fn(&mut ClusterRecord),
    ) -> Result<ClusterRecord, ApiError> {
        change(&self.database, region, id, |record: &mut ClusterRecord| {
            record.state = state;
            record.since_ms = real_now_ms();
            record.message = None;
            more(record);
            Ok(())
        })
        .await
    }

    pub(super) async fn created(
        &self,
        region: &str,
        cluster: &ClusterRecord,
        timing: Timing,
    ) -> Result<(), ApiError> {
        let failed = |e| failed("the cluster's folder", e);
        let layout = self.layout(cluster)?;
        provision_installation(&Layout::new(&self.hosting()?.installation)).map_err(failed)?;
        make_folder(layout.root()).map_err(failed)?;
        if let Some(anchor) = &cluster.trust_anchor {
            write_public(&layout.customer_ca(), anchor.as_bytes()).map_err(failed)?;
        }
        lasted(cluster.since_ms, timing.create).await;
        // A cluster from a backup needs no initialization, and is ACTIVE without an HSM.
        let restored = cluster.source_backup.is_some();
        let state = if restored { ClusterState::Active } else { ClusterState::Uninitialized };
        self.set(region, &cluster.id, state, |_| {}).await?;
        Ok(())
    }

    /// Makes an HSM, or starts it again.
    pub(super) async fn start_hsm(
        &self,
        region: &str,
        cluster: &ClusterRecord,
        hsm_id: &str,
        timing: Timing,
    ) -> Result<(), ApiError> {
        let Some(hsm) = cluster.hsms.iter().find(|hsm| hsm.id == hsm_id) else { return Ok(()) };
        let hsm = self.run_process(region, cluster, hsm).await?;
        let certificates = self.bring_in(region, cluster, &hsm).await?;
        if hsm.state == HsmState::CreateInProgress {
            lasted(hsm.since_ms, timing.create_hsm).await;
        }
        change(&self.database, region, &cluster.id, |record: &mut ClusterRecord| {
            if let Some(certificates) = &certificates {
                record.certificates = certificates.clone();
            }
            let there = record.hsms.iter_mut().find(|there| there.id == hsm.id);
            if let Some(there) = there.filter(|it| it.state == HsmState::CreateInProgress) {
                there.state = HsmState::Active;
            }
            Ok(())
        })
        .await?;
        self.tell_members(region, &cluster.id).await
    }

    /// Gives the HSM a folder, a port and a process, as far as it has none.
    async fn run_process(
        &self,
        region: &str,
        cluster: &ClusterRecord,
        hsm: &HsmRecord,
    ) -> Result<HsmRecord, ApiError> {
        let (layout, fleet) = (self.layout(cluster)?, self.fleet(cluster)?);
        let seat = Seat { hsm_id: hsm.id.clone(), node: hsm.node, zone: hsm.zone.clone() };
        if !layout.node(&hsm.id).join("manufacturer-hardware.crt").exists() {
            let made = provision_node(&layout, &cluster.id, &seat);
            made.map_err(|e| failed(&hsm.id, e))?;
        }
        let mut hsm = hsm.clone();
        if let Some(node) = fleet.nodes().into_iter().find(|node| node.hsm_id == hsm.id) {
            hsm.port = node.address.port();
            return Ok(hsm);
        }
        let port = match hsm.port {
            0 => self.free_port().await?,
            port if freed(port).await => port,
            _ => self.free_port().await?,
        };
        let node = fleet.add(&seat, port).await.map_err(|e| failed(&hsm.id, e))?;
        hsm.port = node.address.port();
        self.keep_roster(cluster, |roster| {
            roster.next_node = roster.next_node.max(seat.node + 1);
            if !roster.nodes.contains(&seat) {
                roster.nodes.push(seat.clone());
            }
        })?;
        change(&self.database, region, &cluster.id, |record: &mut ClusterRecord| {
            if let Some(there) = record.hsms.iter_mut().find(|there| there.id == hsm.id) {
                there.port = hsm.port;
            }
            Ok(())
        })
        .await?;
        Ok(hsm)
    }

    /// The roster of the cluster of `up` is what the next `up` starts.
    fn keep_roster(
        &self,
        cluster: &ClusterRecord,
        decide: impl FnOnce(&mut Roster),
    ) -> Result<(), ApiError> {
        if !cluster.in_root {
            return Ok(());
        }
        let layout = self.layout(cluster)?;
        let failed = |e| failed("fleet.json", e);
        let Some(mut roster) = Roster::read(&layout).map_err(failed)? else { return Ok(()) };
        let before = roster.clone();
        decide(&mut roster);
        if roster == before { Ok(()) } else { roster.write(&layout).map_err(failed) }
    }

    /// The lowest port from the base upward that no HSM has and nobody listens on.
    async fn free_port(&self) -> Result<u16, ApiError> {
        let base = self.hosting()?.launch.base_port;
        if base == 0 {
            return Ok(0);
        }
        let mut taken = Vec::new();
        for region in self.regions().await? {
            let clusters: Vec<ClusterRecord> = all(&self.database, &region).await?;
            taken.extend(clusters.iter().flat_map(|it| &it.hsms).map(|hsm| hsm.port));
        }
        let free = |port: &u16| !taken.contains(port) && is_free(*port);
        let mut ports = base..base.saturating_add(PORTS_MAX);
        ports.find(free).ok_or_else(|| failed("a new HSM", "no port is free"))
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
        let (layout, view) = (self.layout(cluster)?, node_view(hsm));
        let line = fleet::connect(&layout, &view).await.map_err(says)?;
        if line.welcome().state != NodeState::Uninitialized {
            return Ok(None);
        }
        if cluster.state == ClusterState::Active {
            let backup = self.snapshot(region, cluster, hsm).await?;
            fleet::restore(&line, &view, &backup).await.map_err(says)?;
            return Ok(None);
        }
        let got = fleet::certificates(&line, &view).await.map_err(says)?;
        Ok(Some(CertificateTexts {
            cluster_csr: got.cluster_csr,
            hsm: got.hsm_certificate,
            aws_hardware: got.aws_hardware_certificate,
            manufacturer_hardware: got.manufacturer_hardware_certificate,
            cluster: got.cluster_certificate,
        }))
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
        let (layout, view) = (self.layout(cluster)?, node_view(hsm));
        let says = |e| failed(&hsm.id, e);
        let line = fleet::connect(&layout, &view).await.map_err(says)?;
        let backup = fleet::backup(&line, &view).await.map_err(says)?;
        self.keep_backup(region, cluster, &backup).await?;
        Ok(backup)
    }

    /// Tells all HSMs of an ACTIVE cluster of each other.
    async fn tell_members(&self, region: &str, id: &str) -> Result<(), ApiError> {
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
    ) -> Result<(), ApiError> {
        let Some(hsm) = cluster.hsms.first() else { return Ok(()) };
        let (layout, view) = (self.layout(cluster)?, node_view(hsm));
        let signed_cert = cluster.signed_cert.clone().unwrap_or_default();
        let trust_anchor = cluster.trust_anchor.clone().unwrap_or_default();
        // On disk before the HSM has it: without it, nobody could connect to this HSM any more.
        write_public(&layout.customer_ca(), trust_anchor.as_bytes())
            .map_err(|e| failed("customerCA.crt", e))?;
        let line = fleet::connect(&layout, &view).await.map_err(|e| failed(&hsm.id, e))?;
        if line.welcome().state == NodeState::Uninitialized {
            let request = Initialize { signed_cert: signed_cert.clone(), trust_anchor };
            line.call(&request).await.map_err(|e| failed(&hsm.id, e))?;
        }
        lasted(cluster.since_ms, timing.initialize).await;
        self.set(region, &cluster.id, ClusterState::Initialized, |record| {
            record.certificates =
                CertificateTexts { cluster: Some(signed_cert.clone()), ..Default::default() };
            record.signed_cert = None;
        })
        .await?;
        self.tell_members(region, &cluster.id).await
    }

    /// Whether somebody has set the admin's password; then the cluster is ACTIVE.
    pub(super) async fn notice_activation(
        &self,
        region: &str,
        cluster: &ClusterRecord,
        timing: Timing,
    ) -> Result<bool, ApiError> {
        let Some(hsm) = cluster.hsms.first() else { return Ok(false) };
        let (layout, view) = (self.layout(cluster)?, node_view(hsm));
        let line = fleet::connect(&layout, &view).await.map_err(|e| failed(&hsm.id, e))?;
        if line.welcome().state != NodeState::Active {
            return Ok(false);
        }
        tokio::time::sleep(timing.notice_activation).await;
        self.take_backup(region, cluster, hsm).await?;
        self.set(region, &cluster.id, ClusterState::Active, |_| {}).await?;
        Ok(true)
    }

    pub(super) async fn remove_hsm(
        &self,
        region: &str,
        cluster: &ClusterRecord,
        hsm_id: &str,
        timing: Timing,
    ) -> Result<(), ApiError> {
        let Some(hsm) = cluster.hsms.iter().find(|hsm| hsm.id == hsm_id) else { return Ok(()) };
        let fleet = self.fleet(cluster)?;
        let runs = fleet.nodes().iter().any(|node| node.hsm_id == hsm.id && node.pid.is_some());
        if cluster.state == ClusterState::Active && runs {
            // One that does not answer is deleted all the same: its backups are the earlier ones.
            if let Err(error) = self.take_backup(region, cluster, hsm).await {
                tracing::warn!("no backup of {hsm_id} before it is deleted: {error:?}");
            }
        }
        self.keep_roster(cluster, |roster| roster.nodes.retain(|seat| seat.hsm_id != hsm.id))?;
        fleet.remove(&hsm.id).await;
        let folder = self.layout(cluster)?.node(&hsm.id);
        match std::fs::remove_dir_all(&folder) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(failed(&folder.display().to_string(), e));
            }
            _ => {}
        }
        lasted(hsm.since_ms, timing.delete_hsm).await;
        network::change(&self.database, region, |network| {
            if let Some(subnet) = network.subnets.iter_mut().find(|it| it.id == hsm.subnet_id) {
                subnet.free += 1;
            }
            Ok(())
        })
        .await?;
        change(&self.database, region, &cluster.id, |record: &mut ClusterRecord| {
            record.hsms.retain(|there| there.id != hsm.id);
            if record.hsms.is_empty() && record.state == ClusterState::Uninitialized {
                // The CSR was that HSM's.
                record.certificates = CertificateTexts::default();
            }
            Ok(())
        })
        .await?;
        self.tell_members(region, &cluster.id).await
    }

    pub(super) async fn delete(
        &self,
        region: &str,
        cluster: &ClusterRecord,
        timing: Timing,
    ) -> Result<(), ApiError> {
        let fleet = self.fleets().remove(&cluster.id);
        if let Some(fleet) = fleet {
            fleet.stop().await;
        }
        if !cluster.in_root {
            let _ = std::fs::remove_dir_all(self.layout(cluster)?.root());
        }
        lasted(cluster.since_ms, timing.delete).await;
        network::change(&self.database, region, |network| {
            network.groups.remove(&cluster.id);
            Ok(())
        })
        .await?;
        remove::<ClusterRecord>(&self.database, region, &cluster.id).await
    }
}
