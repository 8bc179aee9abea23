//! The one configured key, and the keys that are made of it.
use crate::database::{Database, Statement, text};
use crate::error::ApiError;
use aws_lc_rs::hmac;
use data_encoding::HEXLOWER_PERMISSIVE as HEX;
use fleet::{FleetError, read, write_secret};
use hsm_client::SealingKey;
use proto::Secret;
use rand::Rng;
use std::fmt;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// A file that is not a key.
#[derive(Debug)]
pub enum SecretsError {
    /// It cannot be read or made.
    File(FleetError),
    /// It does not hold 64 hex digits.
    Content(PathBuf),
    /// The database was begun with another.
    NotOfDatabase(PathBuf),
}

impl fmt::Display for SecretsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::Content(path) => write!(f, "{}: not a key of 64 hex digits", path.display()),
            Self::NotOfDatabase(path) => write!(
                f,
                "{} is not the key that the database was begun with: endpoints that share a \
                 database share the key file, too",
                path.display()
            ),
        }
    }
}

impl std::error::Error for SecretsError {}

/// What endpoints that share a database must share, too.
pub(crate) struct Secrets {
    /// Seals kmsuser's passwords.
    pub(crate) sealing: SealingKey,
    root: Zeroizing<[u8; 32]>,
}

impl Secrets {
    /// Reads the key file (64 hex digits), making it where there is none (0600).
    pub(crate) fn read_or_make(path: &Path) -> Result<Self, SecretsError> {
        if !path.exists() {
            let mut key = Zeroizing::new([0; 32]);
            rand::rng().fill_bytes(&mut *key);
            let text = Zeroizing::new(HEX.encode(&*key) + "\n");
            write_secret(path, text.as_bytes()).map_err(SecretsError::File)?;
        }
        let text = Zeroizing::new(read(path).map_err(SecretsError::File)?);
        let key = HEX.decode(text.trim().as_bytes()).ok().map(Zeroizing::new);
        let key = key.and_then(|key| <[u8; 32]>::try_from(key.as_slice()).ok());
        let root = Zeroizing::new(key.ok_or_else(|| SecretsError::Content(path.to_owned()))?);
        let sealing = SealingKey::from_hex(&HEX.encode(&*derive(&root, "kmsuser credentials")));
        let sealing = sealing.ok_or_else(|| SecretsError::Content(path.to_owned()))?;
        Ok(Self { sealing, root })
    }

    /// Was the database begun with this key? If with none, it is with this one.
    pub(crate) async fn fit(&self, database: &Database) -> Result<bool, ApiError> {
        let mark = HEX.encode(&*self.derive("which key this is"));
        let begin = "INSERT INTO shared (name, version, value) VALUES ('key', 1, $1) \
                     ON CONFLICT (name) DO NOTHING";
        database.write(vec![Statement::any(begin, [mark.as_str().into()])]).await?;
        let row = database.row("SELECT value FROM shared WHERE name = 'key'", []).await?;
        Ok(row.map(|row| text(&row, 0)).transpose()?.is_some_and(|there| there == mark))
    }

    /// Another key for another purpose.
    pub(crate) fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        derive(&self.root, purpose)
    }

    /// By which a password is known again without being kept. Bound to one key store.
    pub(crate) fn mark(&self, store_id: &str, password: &Secret) -> String {
        let key = self.derive(&format!("key store password of {store_id}"));
        HEX.encode(&hmac(&*key, password.expose().as_bytes()))
    }
}

/// HMAC-SHA256.
pub(crate) fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(tag.as_ref());
    bytes
}

fn derive(root: &[u8; 32], purpose: &str) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(hmac(root, purpose.as_bytes()))
}
