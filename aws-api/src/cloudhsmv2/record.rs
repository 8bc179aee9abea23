//! Clusters and backups as they are kept: one JSON document each, changed by version.
use crate::database::{Database, Statement, WriteError, number, text};
use crate::error::ApiError;
use crate::model::ErrorKind;
use fleet::{NodeView, Seat};
use proto::command::cluster::Certificates;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

/// How often a change is decided anew when another was quicker.
const TRIES: u32 = 20;

macro_rules! states {
    ($(#[doc = $says:literal] $kind:ident { $($name:ident $text:literal),* $(,)? })*) => {$(
        #[doc = $says]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub(crate) enum $kind { $(#[serde(rename = $text)] $name),* }

        impl $kind {
            /// As the API names it.
            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$name => $text),* }
            }
        }
    )*};
}

states! {
    /// How far a cluster is.
    ClusterState {
        CreateInProgress "CREATE_IN_PROGRESS", Uninitialized "UNINITIALIZED",
        InitializeInProgress "INITIALIZE_IN_PROGRESS", Initialized "INITIALIZED",
        Active "ACTIVE", DeleteInProgress "DELETE_IN_PROGRESS",
    }
    /// How far an HSM is.
    HsmState {
        CreateInProgress "CREATE_IN_PROGRESS", Active "ACTIVE", Degraded "DEGRADED",
        DeleteInProgress "DELETE_IN_PROGRESS",
    }
    /// How far a backup is.
    BackupState {
        CreateInProgress "CREATE_IN_PROGRESS", Ready "READY", PendingDeletion "PENDING_DELETION",
    }
}

/// A cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ClusterRecord {
    pub(crate) id: String,
    pub(crate) created_ms: i64,
    pub(crate) hsm_type: String,
    pub(crate) mode: String,
    pub(crate) network_type: String,
    pub(crate) retention_days: i64,
    pub(crate) source_backup: Option<String>,
    pub(crate) state: ClusterState,
    /// When the state was reached: what takes time begins there.
    pub(crate) since_ms: i64,
    pub(crate) message: Option<String>,
    pub(crate) vpc_id: String,
    /// By availability zone.
    pub(crate) subnets: BTreeMap<String, String>,
    pub(crate) security_group: String,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) certificates: CertificateTexts,
    /// customerCA.crt, once it was given.
    pub(crate) trust_anchor: Option<String>,
    /// The signed certificate, while the cluster is being initialized.
    pub(crate) signed_cert: Option<String>,
    pub(crate) hsms: Vec<HsmRecord>,
    /// Behind the numbers of its HSMs, as far as it knows. Who counts is its family.
    pub(crate) next_node: u16,
    /// Empty in records of earlier versions: see `family.rs`.
    #[serde(default)]
    pub(crate) family: String,
    /// In the folder of the installation itself, as the cluster of `up` is.
    pub(crate) in_root: bool,
}

/// PEM texts, as DescribeClusters shows them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct CertificateTexts {
    pub(crate) cluster_csr: Option<String>,
    pub(crate) hsm: Option<String>,
    pub(crate) aws_hardware: Option<String>,
    pub(crate) manufacturer_hardware: Option<String>,
    pub(crate) cluster: Option<String>,
}

impl From<Certificates> for CertificateTexts {
    fn from(shown: Certificates) -> Self {
        Self {
            cluster_csr: shown.cluster_csr,
            hsm: shown.hsm_certificate,
            aws_hardware: shown.aws_hardware_certificate,
            manufacturer_hardware: shown.manufacturer_hardware_certificate,
            cluster: shown.cluster_certificate,
        }
    }
}

/// An HSM.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct HsmRecord {
    pub(crate) id: String,
    pub(crate) node: u16,
    pub(crate) zone: String,
    pub(crate) subnet_id: String,
    pub(crate) eni_id: String,
    pub(crate) eni_ip: String,
    /// Where it listens; `None` until it was started.
    #[serde(default)]
    pub(crate) address: Option<SocketAddr>,
    /// The machine that runs it; `None`: this endpoint does.
    #[serde(default)]
    pub(crate) host: Option<String>,
    /// The HSM that has died in this place, until it is cleared away.
    #[serde(default)]
    pub(crate) replaces: Option<String>,
    /// What was known of that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dead: Option<Dead>,
    /// It was set aside, and is to join again with all that it knows: it is never made anew.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) brought_back: bool,
    pub(crate) state: HsmState,
    pub(crate) since_ms: i64,
    pub(crate) message: Option<String>,
}

/// An HSM that has died for good, and is set aside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Dead {
    /// Its number.
    pub(crate) node: u16,
    /// The machine that ran it.
    pub(crate) host: Option<String>,
    /// Why it counts as dead, in a sentence.
    pub(crate) why: String,
}

impl HsmRecord {
    /// Who `fleet` is to start. An ENI with a loopback address is where the HSM listens.
    pub(crate) fn seat(&self) -> Seat {
        let own = self.eni_ip.parse().ok().filter(Ipv4Addr::is_loopback);
        Seat {
            hsm_id: self.id.clone(),
            node: self.node,
            zone: self.zone.clone(),
            address: own.filter(|_| self.host.is_none()),
        }
    }

    /// As `fleet` connects to it; `None`: it never ran.
    pub(crate) fn node(&self) -> Option<NodeView> {
        Some(NodeView::at(&self.seat(), self.address?))
    }

    /// It is on this host now, or the host has another address.
    pub(crate) fn place_on(&mut self, host: &str, address: SocketAddr) {
        self.host = Some(host.to_owned());
        self.address = Some(address);
        self.eni_ip = address.ip().to_string();
    }
}

/// A backup. Its content is a sealed file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct BackupRecord {
    pub(crate) id: String,
    pub(crate) state: BackupState,
    pub(crate) cluster_id: String,
    pub(crate) created_ms: i64,
    /// By the real clock: the order in which backups were taken.
    #[serde(default)]
    pub(crate) taken_ms: i64,
    pub(crate) copied_ms: Option<i64>,
    pub(crate) never_expires: bool,
    /// Of a copy: the Region, backup and cluster that it is of.
    pub(crate) source: Option<(String, String, String)>,
    pub(crate) delete_ms: Option<i64>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) hsm_type: String,
    pub(crate) mode: String,
    pub(crate) retention_days: i64,
    pub(crate) policy: Option<String>,
    pub(crate) cluster_certificate: String,
    pub(crate) trust_anchor: String,
    pub(crate) next_node: u16,
    /// That of its cluster; empty in records of earlier versions.
    #[serde(default)]
    pub(crate) family: String,
}

/// What is kept as documents: the table, and how a record that is missing is refused.
pub(crate) trait Kept:
    Serialize + DeserializeOwned + Clone + PartialEq + Send + Sync
{
    const KIND: &'static str;
    const READ: &'static str;
    const READ_ALL: &'static str;
    const INSERT: &'static str;
    const UPDATE: &'static str;
    const DELETE: &'static str;
    fn id(&self) -> &str;
}

impl Kept for ClusterRecord {
    const KIND: &'static str = "Cluster";
    const READ: &'static str =
        "SELECT document, version FROM clusters WHERE region = $1 AND id = $2";
    const READ_ALL: &'static str = "SELECT document FROM clusters WHERE region = $1 ORDER BY id";
    const INSERT: &'static str =
        "INSERT INTO clusters (region, id, version, document) VALUES ($1, $2, 1, $3)";
    const UPDATE: &'static str = "UPDATE clusters SET document = $1, version = version + 1 \
                                  WHERE region = $2 AND id = $3 AND version = $4";
    const DELETE: &'static str = "DELETE FROM clusters WHERE region = $1 AND id = $2";
    fn id(&self) -> &str {
        &self.id
    }
}

impl Kept for BackupRecord {
    const KIND: &'static str = "Backup";
    const READ: &'static str =
        "SELECT document, version FROM backups WHERE region = $1 AND id = $2";
    const READ_ALL: &'static str = "SELECT document FROM backups WHERE region = $1 ORDER BY id";
    const INSERT: &'static str =
        "INSERT INTO backups (region, id, version, document) VALUES ($1, $2, 1, $3)";
    const UPDATE: &'static str = "UPDATE backups SET document = $1, version = version + 1 \
                                  WHERE region = $2 AND id = $3 AND version = $4";
    const DELETE: &'static str = "DELETE FROM backups WHERE region = $1 AND id = $2";
    fn id(&self) -> &str {
        &self.id
    }
}

pub(crate) fn failed(what: &str, why: impl std::fmt::Display) -> ApiError {
    tracing::error!("{what}: {why}");
    ErrorKind::CloudHsmInternalFailureException.with(format!("{what}: {why}"))
}

pub(super) fn parsed<R: Kept>(document: &str) -> Result<R, ApiError> {
    serde_json::from_str(document).map_err(|e| failed("a record", e))
}

fn database(error: sqlx::Error) -> ApiError {
    failed("the database", error)
}

fn document<R: Kept>(record: &R) -> Result<String, ApiError> {
    serde_json::to_string(record).map_err(|e| failed("a record", e))
}

pub(crate) fn missing<R: Kept>(id: &str) -> ApiError {
    ErrorKind::CloudHsmResourceNotFoundException.with(format!("{} {id} was not found.", R::KIND))
}

/// A record and the version that it was read at.
pub(crate) async fn find<R: Kept>(
    from: &Database,
    region: &str,
    id: &str,
) -> Result<Option<(R, i64)>, ApiError> {
    let row = from.row(R::READ, [region.into(), id.into()]).await.map_err(database)?;
    let Some(row) = row else { return Ok(None) };
    let text = text(&row, 0).map_err(database)?;
    Ok(Some((parsed(&text)?, number(&row, 1).map_err(database)?)))
}

pub(crate) async fn get<R: Kept>(from: &Database, region: &str, id: &str) -> Result<R, ApiError> {
    let found = find(from, region, id).await?;
    found.map(|(record, _)| record).ok_or_else(|| missing::<R>(id))
}

pub(crate) async fn all<R: Kept>(from: &Database, region: &str) -> Result<Vec<R>, ApiError> {
    let rows = from.rows(R::READ_ALL, [region.into()]).await.map_err(database)?;
    rows.iter().map(|row| parsed(&text(row, 0).map_err(database)?)).collect()
}

pub(crate) async fn add<R: Kept>(to: &Database, region: &str, record: &R) -> Result<(), ApiError> {
    let values = [region.into(), record.id().into(), document(record)?.into()];
    to.write(vec![Statement::one(R::INSERT, values)]).await.map_err(write_failed)
}

/// Changes one HSM of a cluster, if it is there still.
pub(crate) async fn change_hsm(
    at: &Database,
    region: &str,
    cluster_id: &str,
    hsm_id: &str,
    decide: impl Fn(&mut HsmRecord),
) -> Result<(), ApiError> {
    let changed = change(at, region, cluster_id, |record: &mut ClusterRecord| {
        record.hsms.iter_mut().filter(|hsm| hsm.id == hsm_id).for_each(&decide);
        Ok(())
    });
    changed.await.map(drop)
}

pub(crate) async fn remove<R: Kept>(
    from: &Database,
    region: &str,
    id: &str,
) -> Result<(), ApiError> {
    let statement = Statement::any(R::DELETE, [region.into(), id.into()]);
    from.write(vec![statement]).await.map_err(write_failed)
}

fn write_failed(error: WriteError) -> ApiError {
    match error {
        WriteError::Conflict => failed("the database", "others are quicker, again and again"),
        WriteError::Failed(why) => failed("the database", why),
    }
}

/// Reads, decides and writes, anew for as long as somebody else is quicker.
pub(crate) async fn change<R: Kept>(
    at: &Database,
    region: &str,
    id: &str,
    mut decide: impl FnMut(&mut R) -> Result<(), ApiError>,
) -> Result<R, ApiError> {
    for _ in 0..TRIES {
        let found = find::<R>(at, region, id).await?;
        let (before, version) = found.ok_or_else(|| missing::<R>(id))?;
        let mut record = before.clone();
        decide(&mut record)?;
        if record == before {
            return Ok(record);
        }
        let values = [document(&record)?.into(), region.into(), id.into(), version.into()];
        match at.write(vec![Statement::one(R::UPDATE, values)]).await {
            Ok(()) => return Ok(record),
            Err(WriteError::Conflict) => {}
            Err(error) => return Err(write_failed(error)),
        }
    }
    Err(write_failed(WriteError::Conflict))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hsm_as_an_earlier_version_has_written_it_is_read() {
        let old = r#"{"id":"hsm-1","node":2,"zone":"us-east-1b","subnet_id":"subnet-1",
            "eni_id":"eni-1","eni_ip":"10.0.2.10","replaces":"hsm-0","state":"CREATE_IN_PROGRESS",
            "since_ms":7,"message":null}"#;
        let hsm: HsmRecord = serde_json::from_str(old).unwrap();
        assert_eq!(hsm.replaces.as_deref(), Some("hsm-0"));
        assert!(hsm.dead.is_none() && !hsm.brought_back);
        let new = serde_json::to_string(&hsm).unwrap();
        assert!(!new.contains("dead") && !new.contains("brought_back"), "{new}");
        assert_eq!(serde_json::from_str::<HsmRecord>(&new).unwrap(), hsm);
    }
}
