//! The key stores of a Region: at most ten, kept as one document that is replaced as a whole.
use crate::database::{Database, Statement, WriteError, number, text};
use crate::error::{ApiError, internal};
use serde::{Deserialize, Serialize};

/// KMS developer guide, resource limits: key stores of an account in a Region.
pub(crate) const KEY_STORES_MAX: usize = 10;

/// How often a decision is made anew when another was quicker.
const TRIES: u32 = 20;

/// One key store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct KeyStore {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) cluster_id: String,
    /// PEM; the same for all clusters that share a backup.
    pub(crate) cluster_certificate: String,
    /// PEM, as it was given.
    pub(crate) trust_anchor: String,
    pub(crate) created_ms: i64,
    /// A keyed digest of the password that was given last, to know it again.
    pub(crate) password_mark: String,
    /// Rises with each connect: whose password and logins are of another one are outdated.
    pub(crate) connection: u64,
    pub(crate) state: State,
}

/// ConnectionState, with what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    Disconnected,
    Connecting(Lease),
    Connected,
    Failed { code: String, why: String },
    Disconnecting(Lease),
}

/// One endpoint works on the key store. When it has died, another goes on after the lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lease {
    pub(crate) owner: String,
    pub(crate) until_ms: i64,
}

impl State {
    /// As DescribeCustomKeyStores shows it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Disconnected => "DISCONNECTED",
            Self::Connecting(_) => "CONNECTING",
            Self::Connected => "CONNECTED",
            Self::Failed { .. } => "FAILED",
            Self::Disconnecting(_) => "DISCONNECTING",
        }
    }

    pub(crate) fn lease(&self) -> Option<&Lease> {
        match self {
            Self::Connecting(lease) | Self::Disconnecting(lease) => Some(lease),
            _ => None,
        }
    }
}

/// The key stores of one Region, and the version that they were read at; 0 if there were none.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyStores {
    pub(crate) version: i64,
    pub(crate) stores: Vec<KeyStore>,
}

impl KeyStores {
    pub(crate) async fn read(database: &Database, region: &str) -> Result<Self, ApiError> {
        let sql = "SELECT version, document FROM key_stores WHERE region = $1";
        match database.row(sql, [region.into()]).await? {
            None => Ok(Self::default()),
            Some(row) => parsed(number(&row, 0)?, &text(&row, 1)?),
        }
    }

    /// Those of all Regions.
    pub(crate) async fn read_all(database: &Database) -> Result<Vec<(String, Self)>, ApiError> {
        let sql = "SELECT region, version, document FROM key_stores";
        let rows = database.rows(sql, []).await?;
        let read = |row| Ok((text(row, 0)?, parsed(number(row, 1)?, &text(row, 2)?)?));
        rows.iter().map(read).collect()
    }

    pub(crate) fn by_id(&self, id: &str) -> Option<&KeyStore> {
        self.stores.iter().find(|store| store.id == id)
    }

    pub(crate) fn by_id_mut(&mut self, id: &str) -> Option<&mut KeyStore> {
        self.stores.iter_mut().find(|store| store.id == id)
    }

    /// The statement that replaces the document, if nobody was quicker.
    fn statement(&self, region: &str) -> Result<Statement, ApiError> {
        let document = serde_json::to_string(&self.stores).map_err(|e| internal("JSON", e))?;
        Ok(if self.version == 0 {
            let sql = "INSERT INTO key_stores (region, version, document) VALUES ($1, 1, $2)";
            Statement::one(sql, [region.into(), document.into()])
        } else {
            let sql = "UPDATE key_stores SET document = $1, version = version + 1 \
                       WHERE region = $2 AND version = $3";
            Statement::one(sql, [document.into(), region.into(), self.version.into()])
        })
    }
}

fn parsed(version: i64, document: &str) -> Result<KeyStores, ApiError> {
    let stores = serde_json::from_str(document).map_err(|e| internal("a key store's record", e))?;
    Ok(KeyStores { version, stores })
}

/// That the key stores of a Region are still those that were read.
pub(crate) fn still(region: &str, version: i64) -> Statement {
    let sql = "UPDATE key_stores SET version = version WHERE region = $1 AND version = $2";
    Statement::one(sql, [region.into(), version.into()])
}

/// Reads, decides and writes, anew for as long as somebody else is quicker. `decide` may add
/// statements that are to be true together with what it decided.
pub(crate) async fn change<T>(
    database: &Database,
    region: &str,
    mut decide: impl FnMut(&mut KeyStores, &mut Vec<Statement>) -> Result<T, ApiError>,
) -> Result<(T, KeyStores), ApiError> {
    for _ in 0..TRIES {
        let mut stores = KeyStores::read(database, region).await?;
        let before = stores.stores.clone();
        let mut statements = Vec::new();
        let decided = decide(&mut stores, &mut statements)?;
        if stores.stores == before && statements.is_empty() {
            return Ok((decided, stores));
        }
        statements.insert(0, stores.statement(region)?);
        match database.write(statements).await {
            Ok(()) => {
                stores.version += 1;
                return Ok((decided, stores));
            }
            Err(WriteError::Conflict) => {}
            Err(failed) => return Err(failed.into()),
        }
    }
    Err(WriteError::Conflict.into())
}

#[cfg(test)]
mod tests;
