//! Files that are there whole or not at all, and that only their owner may read where secret.
use crate::FleetError;
use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

/// Writes a file with mode 0600, on disk when this returns.
pub fn write_secret(path: &Path, content: &[u8]) -> Result<(), FleetError> {
    replace(path, content, 0o600)
}

/// Writes a file with mode 0644, on disk when this returns.
pub fn write_public(path: &Path, content: &[u8]) -> Result<(), FleetError> {
    replace(path, content, 0o644)
}

/// Reads a text file.
pub fn read(path: &Path) -> Result<String, FleetError> {
    std::fs::read_to_string(path).map_err(FleetError::file("read", path))
}

/// Reads a file of PEM blocks. Around them, people's tools write names in whatever encoding.
pub fn read_pem(path: &Path) -> Result<String, FleetError> {
    let bytes = std::fs::read(path).map_err(FleetError::file("read", path))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Makes a folder, and those above it, with mode 0700.
pub fn make_folder(path: &Path) -> Result<(), FleetError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(FleetError::file("create", path))
}

fn replace(path: &Path, content: &[u8], mode: u32) -> Result<(), FleetError> {
    // The parent of a name alone is empty.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let written = tempfile::Builder::new()
        .prefix(".new-")
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder)
        .and_then(|mut file| {
            file.write_all(content)?;
            file.as_file().sync_all()?;
            file.persist(path).map_err(|e| e.error)?;
            // The new name is durable only with its folder.
            std::fs::File::open(folder)?.sync_all()
        });
    written.map_err(FleetError::file("write", path))
}
