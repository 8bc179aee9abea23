//! The mark in a node's folder that keeps a dead node from being started again.
use crate::FleetError;
use std::path::{Path, PathBuf};

fn mark(node_folder: &Path) -> PathBuf {
    node_folder.join("held")
}

/// From now on the node, once dead, stays dead.
pub fn hold(node_folder: &Path) -> Result<(), FleetError> {
    let path = mark(node_folder);
    std::fs::write(&path, "").map_err(FleetError::file("write", &path))
}

/// Lets the node be started again.
pub fn release(node_folder: &Path) -> Result<(), FleetError> {
    let path = mark(node_folder);
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(FleetError::file("remove", &path)(e))
        }
        _ => Ok(()),
    }
}

/// Is the node kept from being started?
pub fn is_held(node_folder: &Path) -> bool {
    mark(node_folder).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_holds_until_it_is_released() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_held(folder.path()));
        release(folder.path()).unwrap();
        hold(folder.path()).unwrap();
        hold(folder.path()).unwrap();
        assert!(is_held(folder.path()));
        release(folder.path()).unwrap();
        assert!(!is_held(folder.path()));
    }
}
