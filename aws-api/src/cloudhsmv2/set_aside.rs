//! HSMs that were replaced: set aside whole, listed, and brought back into their clusters.
use super::network::new_aws_id;
use super::record::{ClusterRecord, HsmRecord, HsmState, all, change, failed};
use super::{ControlPlane, hsm, invalid};
use crate::clock::real_now_ms;
use crate::database::Statement;
use crate::error::ApiError;
use fleet::Layout;
use hsm_client::{KEPT_DAYS, SetAside, SetAsideHsm};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;

/// How often it is looked whether an HSM has been set aside for long enough.
const PURGE_EVERY_MS: i64 = 24 * 60 * 60 * 1_000;
/// A machine that was away for longer does not learn any more that its HSM was deleted: it sets it
/// aside.
const DELETED_KEPT_MS: i64 = 400 * 24 * 60 * 60 * 1_000;

fn now_ms() -> u64 {
    u64::try_from(real_now_ms()).unwrap_or_default()
}

impl ControlPlane {
    fn set_aside(&self) -> Result<SetAside, ApiError> {
        Ok(Layout::new(&self.hosting()?.installation).set_aside())
    }

    /// Where the new HSM is to run, nothing of the dead one may: what it has here is moved.
    pub(super) async fn clear_away(
        &self,
        region: &str,
        cluster: &ClusterRecord,
        successor: &HsmRecord,
        hsm_id: &str,
    ) -> Result<(), ApiError> {
        let dead = successor.dead.as_ref();
        self.keep_roster(cluster, |roster| roster.nodes.retain(|seat| seat.hsm_id != hsm_id))?;
        self.fleet(cluster)?.remove(hsm_id).await;
        let note = SetAsideHsm {
            hsm_id: hsm_id.to_owned(),
            cluster_id: cluster.id.clone(),
            node: dead.map(|dead| dead.node).unwrap_or_default(),
            zone: successor.zone.clone(),
            region: region.to_owned(),
            host: dead.and_then(|dead| dead.host.clone()),
            why: dead.map(|dead| dead.why.clone()).unwrap_or_default(),
            at_ms: now_ms(),
            folder: Default::default(),
        };
        let folder = self.layout(cluster)?.node(hsm_id);
        match self.set_aside()?.put(&folder, &note) {
            Ok(None) => {}
            Ok(Some(to)) => tracing::warn!(
                cluster = cluster.id,
                "{hsm_id} is set aside in {}, whole, for {KEPT_DAYS} days: `cluster-ctl sim \
                 bring-back {hsm_id}` lets it join again",
                to.display()
            ),
            // Its successor has another folder.
            Err(e) => tracing::error!("{hsm_id} stays in {}: {e}", folder.display()),
        }
        Ok(())
    }

    /// The HSMs that are set aside, for people.
    pub(crate) fn set_aside_hsms(&self) -> Result<Value, ApiError> {
        let hsms = self.set_aside()?.list().map_err(|e| failed("set-aside", e))?;
        let shown = |hsm: &SetAsideHsm| {
            json!({
                "hsm_id": hsm.hsm_id, "cluster_id": hsm.cluster_id, "region": hsm.region,
                "zone": hsm.zone, "node": hsm.node, "host": hsm.host, "why": hsm.why,
                "set_aside_ms": hsm.at_ms, "kept_until_ms": hsm.until_ms(), "folder": hsm.folder,
            })
        };
        Ok(json!({ "hsms": hsms.iter().map(shown).collect::<Vec<_>>() }))
    }

    /// An HSM that was set aside joins its cluster again, under its own id and number, beside the
    /// one that has replaced it.
    pub(crate) async fn bring_back(self: &Arc<Self>, hsm_id: &str) -> Result<Value, ApiError> {
        let known = self.set_aside()?.list().map_err(|e| failed("set-aside", e))?;
        let kept = known.into_iter().rfind(|hsm| hsm.hsm_id == hsm_id).ok_or_else(|| {
            invalid(format!("{hsm_id} is not set aside: `sim set-aside` lists those that are"))
        })?;
        if kept.host.is_none() && !kept.is_whole() {
            let folder = kept.folder.display();
            return Err(invalid(format!(
                "{folder} has no master.key: nobody can read the records of {hsm_id}"
            )));
        }
        let _one = self.addressing.lock().await;
        let clusters: Vec<ClusterRecord> = all(&self.database, &kept.region).await?;
        let (id, region) = (&kept.cluster_id, &kept.region);
        let cluster = clusters.iter().find(|cluster| cluster.id == *id).ok_or_else(|| {
            invalid(format!("{hsm_id} is of {id}, and there is no such cluster in {region}"))
        })?;
        may_join(cluster, &kept)?;
        let place = kept.host.as_deref().map(|host| self.holding(host, &kept, &clusters));
        let place = place.transpose()?;
        let record = self.record_of(&kept, cluster, &clusters, place).await?;
        let brought = change(&self.database, region, id, |there: &mut ClusterRecord| {
            may_join(there, &kept)?;
            there.hsms.push(record.clone());
            Ok(())
        });
        if let Err(refused) = brought.await {
            self.give_back_address(region, &record.subnet_id).await?;
            return Err(refused);
        }
        tracing::info!(cluster = id, "{hsm_id} is brought back");
        self.wake(region, id);
        Ok(json!({ "hsm_id": hsm_id, "cluster_id": id, "region": region }))
    }

    async fn record_of(
        &self,
        kept: &SetAsideHsm,
        cluster: &ClusterRecord,
        clusters: &[ClusterRecord],
        place: Option<(String, SocketAddr)>,
    ) -> Result<HsmRecord, ApiError> {
        let subnet_id = cluster.subnets.get(&kept.zone).cloned().unwrap_or_default();
        let mut eni_ip = String::new();
        self.change_network(&kept.region, |network| {
            let taken = network.taken(clusters);
            eni_ip = hsm::address(network, &subnet_id, None, &taken)?;
            Ok(())
        })
        .await?;
        let mut record = HsmRecord {
            id: kept.hsm_id.clone(),
            node: kept.node,
            zone: kept.zone.clone(),
            subnet_id,
            eni_id: new_aws_id("eni"),
            eni_ip,
            address: None,
            host: None,
            replaces: None,
            dead: None,
            brought_back: true,
            state: HsmState::CreateInProgress,
            since_ms: real_now_ms(),
            message: None,
        };
        if let Some((host, address)) = place {
            record.place_on(&host, address);
        }
        Ok(record)
    }

    /// Removes what has been set aside for long enough. Once a day, and at a start.
    pub(super) async fn purge_set_aside(&self) -> Result<(), ApiError> {
        let now = real_now_ms();
        {
            let mut purged =
                self.purged_ms.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            if now.saturating_sub(*purged) < PURGE_EVERY_MS {
                return Ok(());
            }
            *purged = now;
        }
        let gone = self.set_aside()?.purge(now_ms()).map_err(|e| failed("set-aside", e))?;
        for hsm_id in gone {
            tracing::info!("{hsm_id} was set aside {KEPT_DAYS} days ago, and is removed");
        }
        let sql = "DELETE FROM deleted_hsms WHERE deleted_at < $1";
        let before = now.saturating_sub(DELETED_KEPT_MS);
        let statement = Statement::any(sql, [before.into()]);
        let forgotten = self.database.write(vec![statement]).await;
        forgotten.map_err(|e| failed("the database", format!("{e:?}")))
    }

    /// An operator has deleted the HSM: its machine may erase it, whenever it is heard of next.
    pub(super) async fn set_deleted(&self, hsm_id: &str) -> Result<(), ApiError> {
        let sql = "INSERT INTO deleted_hsms (hsm_id, deleted_at) VALUES ($1, $2) \
                   ON CONFLICT (hsm_id) DO NOTHING";
        let statement = Statement::any(sql, [hsm_id.into(), real_now_ms().into()]);
        let written = self.database.write(vec![statement]).await;
        written.map_err(|e| failed("the database", format!("{e:?}")))
    }

    pub(super) async fn is_deleted(&self, hsm_id: &str) -> Result<bool, ApiError> {
        let sql = "SELECT deleted_at FROM deleted_hsms WHERE hsm_id = $1";
        let row = self.database.row(sql, [hsm_id.into()]).await;
        row.map(|row| row.is_some()).map_err(|e| failed("the database", e))
    }
}

fn may_join(cluster: &ClusterRecord, kept: &SetAsideHsm) -> Result<(), ApiError> {
    let hsm_id = &kept.hsm_id;
    if cluster.hsms.iter().any(|hsm| hsm.id == *hsm_id) {
        return Err(invalid(format!("{hsm_id} is in {} already.", cluster.id)));
    }
    if cluster.hsms.iter().any(|hsm| hsm.replaces.as_ref() == Some(hsm_id)) {
        return Err(invalid(format!(
            "The HSM that takes the place of {hsm_id} is still being made: try again soon."
        )));
    }
    hsm::admit(cluster, &kept.zone)
}
