//! Families: a cluster, the clusters that were made from its backups, from theirs, and so on, in
//! every Region. They share a masking key, so a key can go from one to the other; its handle begins
//! with the number of the HSM that made it. So numbers are given once in a family.
use super::ControlPlane;
use super::record::{BackupRecord, ClusterRecord, Kept, change, failed, find, parsed};
use crate::database::{Database, Statement, WriteError, number, text};
use crate::error::ApiError;
use crate::model::ErrorKind;
use std::collections::{BTreeMap, BTreeSet};

/// How often a number is asked for anew when others were quicker.
const TRIES: u32 = 100;

fn database(error: sqlx::Error) -> ApiError {
    failed("the database", error)
}

/// What is kept of a Region's clusters or backups, with their Regions.
async fn everywhere<R: Kept>(
    from: &Database,
    sql: &'static str,
) -> Result<Vec<(String, R)>, ApiError> {
    let rows = from.rows(sql, []).await.map_err(database)?;
    let one =
        |row| Ok((text(row, 0).map_err(database)?, parsed(&text(row, 1).map_err(database)?)?));
    rows.iter().map(one).collect()
}

/// The next number of a family; `None`: it has given none yet.
async fn next(from: &Database, family: &str) -> Result<Option<i64>, ApiError> {
    let sql = "SELECT next_node FROM families WHERE id = $1";
    let row = from.row(sql, [family.into()]).await.map_err(database)?;
    row.map(|row| number(&row, 0).map_err(database)).transpose()
}

/// Takes `count` numbers for good, all of them `least` or more: the first of them. They are not
/// given again, whoever asks, through whichever endpoint, for whichever cluster of the family.
pub(super) async fn give(
    at: &Database,
    family: &str,
    least: u16,
    count: u16,
) -> Result<u16, ApiError> {
    for _ in 0..TRIES {
        let now = next(at, family).await?;
        let first = now.unwrap_or(1).max(i64::from(least));
        let behind = first + i64::from(count);
        if behind > i64::from(u16::MAX) {
            return Err(failed(family, "all 65,534 numbers for HSMs of this family are given"));
        }
        let statement = match now {
            Some(now) => Statement::one(
                "UPDATE families SET next_node = $1 WHERE id = $2 AND next_node = $3",
                [behind.into(), family.into(), now.into()],
            ),
            None => Statement::one(
                "INSERT INTO families (id, next_node) VALUES ($1, $2)",
                [family.into(), behind.into()],
            ),
        };
        match at.write(vec![statement]).await {
            Ok(()) => return u16::try_from(first).map_err(|e| failed(family, e)),
            Err(WriteError::Conflict) => {}
            Err(WriteError::Failed(why)) => return Err(failed("the database", why)),
        }
    }
    Err(failed(family, "others are quicker, again and again"))
}

/// The family of a cluster that is, or was, of this installation.
pub(crate) async fn family_of(at: &Database, region: &str, id: &str) -> Result<String, ApiError> {
    let found = find::<ClusterRecord>(at, region, id).await?;
    Ok(found.map_or_else(|| id.to_owned(), |(record, _)| record.family().to_owned()))
}

/// Numbers for HSMs that a roster is to get: `count` from the one that is returned on.
pub(crate) async fn reserve(
    at: &Database,
    region: &str,
    id: &str,
    least: u16,
    count: u16,
) -> Result<u16, ApiError> {
    settle(at).await?;
    give(at, &family_of(at, region, id).await?, least, count).await
}

impl ControlPlane {
    /// The number of a new HSM of this cluster.
    pub(super) async fn give_node(&self, cluster: &ClusterRecord) -> Result<u16, ApiError> {
        give(&self.database, cluster.family(), cluster.next_node, 1).await
    }

    /// The roster has numbers that were given without this database.
    pub(super) async fn pass_nodes(&self, family: &str, next_node: u16) -> Result<(), ApiError> {
        give(&self.database, family, next_node, 0).await.map(drop)
    }
}

impl ClusterRecord {
    /// By the id of its origin.
    pub(super) fn family(&self) -> &str {
        if self.family.is_empty() { &self.id } else { &self.family }
    }
}

impl BackupRecord {
    /// That of its cluster.
    pub(super) fn family(&self) -> &str {
        if self.family.is_empty() { &self.cluster_id } else { &self.family }
    }
}

/// Finds the families of what an earlier version has kept, which counted in each cluster from where
/// its backup had been. From now on none of a family gets a number that any relative has.
pub(crate) async fn settle(at: &Database) -> Result<(), ApiError> {
    let clusters = "SELECT region, document FROM clusters ORDER BY region, id";
    let clusters: Vec<(String, ClusterRecord)> = everywhere(at, clusters).await?;
    let backups = "SELECT region, document FROM backups ORDER BY region, id";
    let backups: Vec<(String, BackupRecord)> = everywhere(at, backups).await?;
    let settled = clusters.iter().all(|(_, it)| !it.family.is_empty())
        && backups.iter().all(|(_, it)| !it.family.is_empty());
    if settled {
        return Ok(());
    }
    let kin = Kin::of(&clusters, &backups);
    for (family, next_node) in kin.counters(&clusters, &backups) {
        // Before a record says of which family it is: a start that ends here begins anew.
        give(at, &family, next_node, 0).await?;
    }
    for (region, cluster) in clusters.iter().filter(|(_, it)| it.family.is_empty()) {
        let family = kin.family(&cluster.id);
        let named = change(at, region, &cluster.id, |record: &mut ClusterRecord| {
            record.family.clone_from(&family);
            Ok(())
        });
        is_there(named.await)?;
    }
    for (region, backup) in backups.iter().filter(|(_, it)| it.family.is_empty()) {
        let family = kin.family(&backup.cluster_id);
        let named = change(at, region, &backup.id, |record: &mut BackupRecord| {
            record.family.clone_from(&family);
            Ok(())
        });
        is_there(named.await)?;
    }
    Ok(())
}

/// Another endpoint on the database may have removed the record meanwhile.
fn is_there<R>(changed: Result<R, ApiError>) -> Result<(), ApiError> {
    match changed {
        Err(error) if error.kind != ErrorKind::CloudHsmResourceNotFoundException => Err(error),
        _ => Ok(()),
    }
}

/// Which clusters are of one family, those that are gone included.
#[derive(Default)]
struct Kin {
    groups: Vec<BTreeSet<String>>,
    /// Families that records name already.
    named: BTreeSet<String>,
    /// Clusters that are known to be no others' heirs.
    origins: BTreeSet<String>,
}

impl Kin {
    fn of(clusters: &[(String, ClusterRecord)], backups: &[(String, BackupRecord)]) -> Self {
        let mut kin = Self::default();
        let certificate = |it: &ClusterRecord| it.certificates.cluster.clone().unwrap_or_default();
        let of_clusters = clusters.iter().map(|(_, it)| (&it.id, &it.family, certificate(it)));
        let of_backups = backups.iter();
        let of_backups =
            of_backups.map(|(_, it)| (&it.cluster_id, &it.family, it.cluster_certificate.clone()));
        // All of a family have one certificate; a backup that a cluster was made from may be gone.
        let mut certified = BTreeMap::new();
        for (id, family, certificate) in of_clusters.chain(of_backups) {
            kin.join(id, id);
            if !family.is_empty() {
                kin.named.insert(family.clone());
                kin.join(id, family);
            }
            if !certificate.is_empty() {
                kin.join(id, certified.entry(certificate).or_insert(id));
            }
        }
        for (_, cluster) in clusters {
            let Some(source) = &cluster.source_backup else {
                kin.origins.insert(cluster.id.clone());
                continue;
            };
            if let Some((_, backup)) = backups.iter().find(|(_, it)| it.id == *source) {
                kin.join(&cluster.id, &backup.cluster_id);
            }
        }
        kin
    }

    /// The two are of one family.
    fn join(&mut self, one: &str, other: &str) {
        let both = [one.to_owned(), other.to_owned()];
        let meets = |group: &BTreeSet<String>| both.iter().any(|id| group.contains(id));
        let (met, apart) = std::mem::take(&mut self.groups).into_iter().partition(meets);
        self.groups = apart;
        self.groups.push(Vec::into_iter(met).flatten().chain(both).collect());
    }

    /// The id of the family that a cluster is of: its origin's, where that is known.
    fn family(&self, id: &str) -> String {
        let Some(group) = self.groups.iter().find(|group| group.contains(id)) else {
            return id.to_owned();
        };
        let origin = || group.iter().find(|id| self.origins.contains(*id));
        let named = group.iter().find(|id| self.named.contains(*id));
        let family = named.or_else(origin).or_else(|| group.first());
        family.map_or_else(|| id.to_owned(), Clone::clone)
    }

    /// For each family, a number behind all that were given in it.
    fn counters(
        &self,
        clusters: &[(String, ClusterRecord)],
        backups: &[(String, BackupRecord)],
    ) -> BTreeMap<String, u16> {
        let mut counters = BTreeMap::new();
        let mut pass = |id: &str, next_node: u16| {
            let counter = counters.entry(self.family(id)).or_insert(1);
            *counter = next_node.max(*counter);
        };
        for (_, cluster) in clusters {
            let given = cluster.hsms.iter().map(|hsm| hsm.node.saturating_add(1));
            pass(&cluster.id, given.max().unwrap_or(1).max(cluster.next_node));
        }
        for (_, backup) in backups {
            pass(&backup.cluster_id, backup.next_node);
        }
        counters
    }
}

#[cfg(test)]
mod tests;
