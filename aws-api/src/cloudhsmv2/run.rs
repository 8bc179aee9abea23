//! Where an HSM runs: a process of this endpoint, or on a machine that has offered itself.
use super::ControlPlane;
use super::record::{ClusterRecord, HsmRecord, HsmState, all, change_hsm, failed};
use crate::error::ApiError;
use fleet::{Roster, provision_node};
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::sleep;

/// Ports that are tried for a new HSM.
const PORTS_MAX: u16 = 512;
/// How often, and with which pauses, it is looked whether an HSM's port is free again.
const PORT_TRIES: u32 = 30;
const PORT_PAUSE: Duration = Duration::from_millis(100);

fn is_free(address: IpAddr, port: u16) -> bool {
    std::net::TcpListener::bind((address, port)).is_ok()
}

/// An HSM keeps its port over restarts, unless somebody else has it for good: the process of an
/// endpoint that was killed a moment ago is still ending.
async fn freed(address: IpAddr, port: u16) -> bool {
    for _ in 0..PORT_TRIES {
        if is_free(address, port) {
            return true;
        }
        sleep(PORT_PAUSE).await;
    }
    false
}

impl ControlPlane {
    /// Gives the HSM a folder and a place to run, as far as it has none. `None`: it is on another
    /// machine that cannot be reached now, and will be heard of.
    pub(super) async fn run_hsm(
        &self,
        region: &str,
        cluster: &ClusterRecord,
        hsm: &HsmRecord,
    ) -> Result<Option<HsmRecord>, ApiError> {
        if let Some(dead) = &hsm.replaces {
            self.clear_away(region, cluster, hsm, dead).await?;
        }
        self.furnish(cluster, hsm)?;
        if hsm.host.is_some() {
            return self.await_host(region, cluster, hsm).await;
        }
        self.run_process(region, cluster, hsm).await.map(Some)
    }

    /// A new HSM gets a folder, and one that is brought back its own. One whose folder is gone does
    /// not: under its number, another would give its handles a second time.
    fn furnish(&self, cluster: &ClusterRecord, hsm: &HsmRecord) -> Result<(), ApiError> {
        let layout = self.layout(cluster)?;
        let folder = layout.node(&hsm.id);
        if hsm.state != HsmState::CreateInProgress {
            return Ok(());
        }
        if hsm.brought_back {
            let back = folder.exists() || {
                let back = layout.set_aside().take_back(&hsm.id, &folder);
                back.map_err(|e| failed(&folder.display().to_string(), e))?
            };
            let gone = || failed(&hsm.id, "it is not set aside any more: delete it by DeleteHsm");
            return back.then_some(()).ok_or_else(gone);
        }
        if !folder.join("manufacturer-hardware.crt").exists() {
            let made = provision_node(&layout, &cluster.id, &hsm.seat());
            made.map_err(|e| failed(&hsm.id, e))?;
        }
        Ok(())
    }

    /// The host fetches the HSM's folder and runs it.
    async fn await_host(
        &self,
        region: &str,
        cluster: &ClusterRecord,
        hsm: &HsmRecord,
    ) -> Result<Option<HsmRecord>, ApiError> {
        let away = || failed(&hsm.id, "it has no address yet");
        let (fleet, address) = (self.fleet(cluster)?, hsm.address.ok_or_else(away)?);
        let known = fleet.nodes().into_iter().find(|node| node.hsm_id == hsm.id);
        let node = match known {
            Some(node) => node,
            None => fleet.add_remote(&hsm.seat(), address).await,
        };
        match (node.runs, hsm.state) {
            (true, _) => Ok(Some(hsm.clone())),
            (false, HsmState::CreateInProgress) => {
                self.place_anew(region, cluster, hsm).await?;
                Err(failed(&hsm.id, format!("{address} does not answer yet")))
            }
            (false, _) => Ok(None),
        }
    }

    async fn run_process(
        &self,
        region: &str,
        cluster: &ClusterRecord,
        hsm: &HsmRecord,
    ) -> Result<HsmRecord, ApiError> {
        let (fleet, seat) = (self.fleet(cluster)?, hsm.seat());
        let mut hsm = hsm.clone();
        if let Some(node) = fleet.nodes().into_iter().find(|node| node.hsm_id == hsm.id) {
            hsm.address = Some(node.address);
            return Ok(hsm);
        }
        let here = self.hosting()?.launch.address;
        let port = match hsm.address.map(|address| address.port()) {
            _ if seat.address.is_some() => 0,
            Some(port) if freed(here, port).await => port,
            _ => self.free_port(here).await?,
        };
        let node = fleet.add(&seat, port).await.map_err(|e| failed(&hsm.id, e))?;
        hsm.address = Some(node.address);
        self.keep_roster(cluster, |roster| {
            roster.next_node = roster.next_node.max(seat.node + 1);
            if !roster.nodes.contains(&seat) {
                roster.nodes.push(seat.clone());
            }
        })?;
        let listens = |there: &mut HsmRecord| there.address = hsm.address;
        change_hsm(&self.database, region, &cluster.id, &hsm.id, listens).await?;
        Ok(hsm)
    }

    /// An operator has deleted the HSM: what was kept for it here is gone for good.
    pub(super) fn remove_folder(
        &self,
        cluster: &ClusterRecord,
        hsm_id: &str,
    ) -> Result<(), ApiError> {
        let folder = self.layout(cluster)?.node(hsm_id);
        match std::fs::remove_dir_all(&folder) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(failed(&folder.display().to_string(), e))
            }
            _ => Ok(()),
        }
    }

    /// An HSM that had to leave its port listens elsewhere.
    pub(super) async fn follow_addresses(
        &self,
        region: &str,
        cluster: &ClusterRecord,
    ) -> Result<(), ApiError> {
        let nodes = self.nodes(&cluster.id);
        for hsm in cluster.hsms.iter().filter(|hsm| hsm.host.is_none()) {
            let node = nodes.iter().find(|node| node.hsm_id == hsm.id && node.runs);
            let Some(node) = node.filter(|node| hsm.address.is_some_and(|it| it != node.address))
            else {
                continue;
            };
            let moved = |there: &mut HsmRecord| there.address = Some(node.address);
            change_hsm(&self.database, region, &cluster.id, &hsm.id, moved).await?;
        }
        Ok(())
    }

    /// The roster of the cluster of `up` is what the next `up` starts.
    pub(super) fn keep_roster(
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
    async fn free_port(&self, here: IpAddr) -> Result<u16, ApiError> {
        let base = self.hosting()?.launch.base_port;
        if base == 0 {
            return Ok(0);
        }
        let mut taken = Vec::new();
        for region in self.regions().await? {
            let clusters: Vec<ClusterRecord> = all(&self.database, &region).await?;
            let hsms = clusters.iter().flat_map(|it| &it.hsms).filter(|hsm| hsm.host.is_none());
            taken.extend(hsms.filter_map(|hsm| hsm.address).map(|address| address.port()));
        }
        let free = |port: &u16| !taken.contains(port) && is_free(here, *port);
        let mut ports = base..base.saturating_add(PORTS_MAX);
        ports.find(free).ok_or_else(|| failed("a new HSM", "no port is free"))
    }
}
