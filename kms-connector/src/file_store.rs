//! Credentials in a sealed file that is replaced as a whole.
use crate::credentials::{CredentialStore, Credentials, StoreError};
use crate::seal::{Sealed, open, seal};
use crate::tries::Tries;
use hsm_client::SealingKey;
use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Keeps credentials in `<store id>.sealed` in a folder, and tries in `<store id>.tries`, sealed
/// with AES-256-GCM under `sealing.key` beside them; all are for their owner alone (0600). One
/// process at a time.
pub struct FileStore {
    folder: PathBuf,
    store_id: String,
    key: SealingKey,
    /// Locked for as long as it is open; the system unlocks it when the process dies.
    _lock: File,
}

impl FileStore {
    /// Opens the store in a folder, which is made if it is not there, and so is the key.
    pub fn open(folder: &Path, store_id: &str) -> Result<Self, StoreError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if store_id.is_empty() || !store_id.chars().all(fits) {
            return Err(StoreError(format!("{store_id:?} is not the id of a key store")));
        }
        std::fs::create_dir_all(folder).map_err(|e| says(folder, &e))?;
        sync_name(folder).map_err(|e| says(folder, &e))?;
        let lock = lock(&folder.join(format!("{store_id}.lock")))?;
        let key = read_or_make_key(folder, store_id)?;
        Ok(Self { folder: folder.to_owned(), store_id: store_id.to_owned(), key, _lock: lock })
    }

    fn path(&self) -> PathBuf {
        self.folder.join(format!("{}.sealed", self.store_id))
    }

    fn tries_path(&self) -> PathBuf {
        self.folder.join(format!("{}.tries", self.store_id))
    }

    fn load_from<M: Sealed>(&self, path: &Path) -> Result<Option<M>, StoreError> {
        let Some(sealed) = read(path)? else {
            return Ok(None);
        };
        let opened = open(&self.key, &self.store_id, &sealed);
        opened.map(Some).map_err(|e| StoreError(format!("{}: {e}", path.display())))
    }

    fn save_to<M: Sealed>(&self, path: &Path, what: &M) -> Result<(), StoreError> {
        let sealed = seal(&self.key, &self.store_id, what)?;
        replace(path, &sealed).map_err(|e| says(path, &e))
    }
}

/// The calls block for as long as the disk takes: milliseconds, a few times for each connect.
impl CredentialStore for FileStore {
    async fn load(&self) -> Result<Option<Credentials>, StoreError> {
        self.load_from(&self.path())
    }

    async fn save(&self, credentials: &Credentials) -> Result<(), StoreError> {
        self.save_to(&self.path(), credentials)
    }

    async fn load_tries(&self) -> Result<Tries, StoreError> {
        Ok(self.load_from(&self.tries_path())?.unwrap_or_default())
    }

    async fn save_tries(&self, tries: &Tries) -> Result<(), StoreError> {
        self.save_to(&self.tries_path(), tries)
    }
}

fn says(path: &Path, error: &io::Error) -> StoreError {
    StoreError(format!("{}: {error}", path.display()))
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let mut options = OpenOptions::new();
    let file = options.create(true).truncate(false).write(true).mode(0o600).open(path);
    let file = file.map_err(|e| says(path, &e))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError(format!(
            "{}: another connector uses this key store: end it first",
            path.display()
        ))),
        Err(TryLockError::Error(e)) => Err(says(path, &e)),
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(says(path, &e)),
    }
}

fn read_or_make_key(folder: &Path, store_id: &str) -> Result<SealingKey, StoreError> {
    let path = folder.join("sealing.key");
    // Looked for before the key: another store may make both right now, the key first.
    let sealed = any_sealed(folder).map_err(|e| says(folder, &e))?;
    if !path.exists() {
        if let Some(sealed) = sealed {
            return Err(StoreError(format!(
                "{} is missing, and {} can be opened with nothing else: restore the key; if it is \
                 lost, remove the file that it sealed and tell KMS kmsuser's password again",
                path.display(),
                sealed.display()
            )));
        }
        make_key(folder, &path, store_id).map_err(|e| says(&path, &e))?;
    }
    let text = zeroize::Zeroizing::new(std::fs::read(&path).map_err(|e| says(&path, &e))?);
    let mode = std::fs::metadata(&path).map_err(|e| says(&path, &e))?.permissions().mode();
    if mode & 0o077 != 0 {
        let says = format!("{}: others may read it: chmod 600 it", path.display());
        return Err(StoreError(says));
    }
    let key = std::str::from_utf8(&text).ok().and_then(SealingKey::from_hex);
    key.ok_or_else(|| StoreError(format!("{}: not a key of 64 hex digits", path.display())))
}

fn any_sealed(folder: &Path) -> io::Result<Option<PathBuf>> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "sealed") {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Makes the key, unless the store of another key store in the same folder does it first.
fn make_key(folder: &Path, path: &Path, store_id: &str) -> io::Result<()> {
    let new = folder.join(format!("{store_id}.new"));
    write_new(&new, SealingKey::random().to_hex().as_bytes())?;
    match std::fs::hard_link(&new, path) {
        Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(e),
        _ => std::fs::remove_file(&new)?,
    }
    sync_name(path)
}

/// All or nothing, and durable on return: a new file, synced, takes the old one's name.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    write_new(&new, bytes)?;
    std::fs::rename(&new, path)?;
    sync_name(path)
}

/// The name of a file or folder is durable only with the folder that it is in.
fn sync_name(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.create(true).truncate(true).write(true).mode(0o600).open(path)?;
    // One that a killed process has left behind may have another mode.
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proto::Secret;

    fn credentials(password: &str) -> Credentials {
        Credentials::new(Secret::new(password))
    }

    fn refused(folder: &Path) -> String {
        FileStore::open(folder, "cks-1").err().expect("it should not open").to_string()
    }

    #[tokio::test]
    async fn what_was_saved_is_there_after_a_restart_and_is_for_the_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::open(&folder.path().join("new"), "cks-1").unwrap();
        assert_eq!(store.load().await.unwrap(), None);
        store.save(&credentials("first12")).await.unwrap();
        store.save(&credentials("second1")).await.unwrap();
        drop(store);
        let store = FileStore::open(&folder.path().join("new"), "cks-1").unwrap();
        assert_eq!(store.load().await.unwrap(), Some(credentials("second1")));
        for entry in std::fs::read_dir(folder.path().join("new")).unwrap() {
            let mode = entry.unwrap().metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[tokio::test]
    async fn a_half_written_file_of_a_killed_process_is_of_no_consequence() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::open(folder.path(), "cks-1").unwrap();
        store.save(&credentials("first12")).await.unwrap();
        std::fs::write(folder.path().join("cks-1.new"), b"half").unwrap();
        assert_eq!(store.load().await.unwrap(), Some(credentials("first12")));
        store.save(&credentials("second1")).await.unwrap();
        assert_eq!(store.load().await.unwrap(), Some(credentials("second1")));
    }

    #[tokio::test]
    async fn what_is_wrong_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::open(folder.path(), "cks-1").unwrap();
        assert!(refused(folder.path()).contains("cks-1.lock: another connector"));
        store.save(&credentials("first12")).await.unwrap();
        std::fs::write(store.path(), b"garbage").unwrap();
        assert!(store.load().await.unwrap_err().to_string().contains("cks-1.sealed"));
        drop(store);
        let key = folder.path().join("sealing.key");
        std::fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
        assert!(refused(folder.path()).contains("others may read it"));
        std::fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&key, "short").unwrap();
        assert!(refused(folder.path()).contains("not a key"));
        std::fs::remove_file(&key).unwrap();
        let missing = refused(folder.path());
        assert!(missing.contains("sealing.key is missing"), "{missing}");
        assert!(missing.contains("cks-1.sealed"), "{missing}");
        assert!(!key.exists());
        assert!(FileStore::open(folder.path(), "../x").is_err());
    }
}
