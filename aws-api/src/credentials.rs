//! kmsuser's passwords in the database, sealed; only who has the key store's lease writes them.
use crate::database::{Database, Statement, Value, WriteError, text};
use crate::secrets::Secrets;
use data_encoding::BASE64;
use kms_connector::{CredentialStore, Credentials, Sealed, StoreError, Tries, open, seal};
use proto::Secret;
use std::sync::Arc;

/// The credentials of one key store, for one connect.
pub(crate) struct SqlCredentials {
    pub(crate) database: Database,
    pub(crate) secrets: Arc<Secrets>,
    pub(crate) store_id: String,
    /// Whoever wrote this name into the row last may write.
    pub(crate) lease: String,
}

fn sealed(secrets: &Secrets, store_id: &str, what: &impl Sealed) -> Result<Value, StoreError> {
    let sealed = seal(&secrets.sealing, store_id, what)?;
    Ok(Value::Text(BASE64.encode(&sealed)))
}

/// What KMS is told about kmsuser of a new key store, or anew about that of an old one. What it
/// has tried says nothing about this password.
pub(crate) fn tell(
    secrets: &Secrets,
    store_id: &str,
    password: &Secret,
) -> Result<[Statement; 2], StoreError> {
    let sealed = sealed(secrets, store_id, &Credentials::new(password.clone()))?;
    let sql = "INSERT INTO credentials (store_id, lease, sealed, told) VALUES ($1, '', $2, $2) \
               ON CONFLICT (store_id) DO UPDATE \
               SET lease = '', sealed = excluded.sealed, told = excluded.told";
    Ok([Statement::one(sql, [store_id.into(), sealed]), forget_tries(store_id)])
}

/// From now on only `lease` may write.
pub(crate) fn take(store_id: &str, lease: &str) -> Statement {
    let sql = "UPDATE credentials SET lease = $1 WHERE store_id = $2";
    Statement::one(sql, [lease.into(), store_id.into()])
}

/// The key store is gone.
pub(crate) fn forget(store_id: &str) -> [Statement; 2] {
    let sql = "DELETE FROM credentials WHERE store_id = $1";
    [Statement::any(sql, [store_id.into()]), forget_tries(store_id)]
}

fn forget_tries(store_id: &str) -> Statement {
    Statement::any("DELETE FROM tries WHERE store_id = $1", [store_id.into()])
}

impl SqlCredentials {
    /// The password that KMS was told last, before it changed it.
    pub(crate) async fn told(&self) -> Result<Option<Secret>, StoreError> {
        let told: Option<Credentials> =
            self.read("SELECT told FROM credentials WHERE store_id = $1").await?;
        Ok(told.map(|told| told.of("").current))
    }

    async fn read<M: Sealed>(&self, sql: &'static str) -> Result<Option<M>, StoreError> {
        let failed = |e: sqlx::Error| StoreError(format!("the database: {e}"));
        let Some(row) =
            self.database.row(sql, [self.store_id.as_str().into()]).await.map_err(failed)?
        else {
            return Ok(None);
        };
        let sealed = BASE64
            .decode(text(&row, 0).map_err(failed)?.as_bytes())
            .map_err(|e| StoreError(format!("the credentials of {}: {e}", self.store_id)))?;
        open(&self.secrets.sealing, &self.store_id, &sealed).map(Some)
    }
}

impl CredentialStore for SqlCredentials {
    async fn load(&self) -> Result<Option<Credentials>, StoreError> {
        self.read("SELECT sealed FROM credentials WHERE store_id = $1").await
    }

    async fn save(&self, credentials: &Credentials) -> Result<(), StoreError> {
        let sealed = sealed(&self.secrets, &self.store_id, credentials)?;
        let sql = "UPDATE credentials SET sealed = $1 WHERE store_id = $2 AND lease = $3";
        let values = [sealed, self.store_id.as_str().into(), self.lease.as_str().into()];
        self.database.write(vec![Statement::one(sql, values)]).await.map_err(|error| {
            StoreError(match error {
                WriteError::Conflict => {
                    format!("another endpoint has taken {} over meanwhile", self.store_id)
                }
                WriteError::Failed(why) => format!("the database: {why}"),
            })
        })
    }

    async fn load_tries(&self) -> Result<Tries, StoreError> {
        let tries = self.read("SELECT sealed FROM tries WHERE store_id = $1").await?;
        Ok(tries.unwrap_or_default())
    }

    /// Whoever logs in writes them, with the lease or without.
    async fn save_tries(&self, tries: &Tries) -> Result<(), StoreError> {
        let sealed = sealed(&self.secrets, &self.store_id, tries)?;
        let sql = "INSERT INTO tries (store_id, sealed) VALUES ($1, $2) \
                   ON CONFLICT (store_id) DO UPDATE SET sealed = excluded.sealed";
        let saved = Statement::one(sql, [self.store_id.as_str().into(), sealed]);
        let failed = |error| StoreError(format!("the database: {error:?}"));
        self.database.write(vec![saved]).await.map_err(failed)
    }
}

#[cfg(test)]
mod tests;
