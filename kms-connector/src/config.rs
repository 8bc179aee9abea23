//! The configuration file of the command: where the cluster is, and which files to use.
use hsm_client::{Endpoint, TlsIdentity, Trust};
use kms_connector::{FileStore, Settings};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Paths are relative to the file's own folder.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// `cks-…`
    pub(crate) store_id: String,
    /// `cluster-…`
    pub(crate) cluster_id: String,
    /// `host:port` of the HSMs to ask.
    servers: Vec<String>,
    /// customerCA.crt
    trust_anchor: PathBuf,
    /// The service certificate.
    certificate: PathBuf,
    /// Its key.
    key: PathBuf,
    /// The folder for kmsuser's password.
    credentials: PathBuf,
    #[serde(skip)]
    folder: PathBuf,
}

impl Config {
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let mut config: Self =
            serde_json::from_str(&read(path)?).map_err(|e| format!("{}: {e}", path.display()))?;
        config.folder = path.parent().unwrap_or(Path::new("")).to_owned();
        Ok(config)
    }

    pub(crate) fn settings(&self) -> Result<Settings, String> {
        let servers: Result<Vec<Endpoint>, String> =
            self.servers.iter().map(|server| server.parse()).collect();
        let anchor_pem = read_pem(&self.folder.join(&self.trust_anchor))?;
        let certificate = read_pem(&self.folder.join(&self.certificate))?;
        let key = Zeroizing::new(read(&self.folder.join(&self.key))?);
        let identity = TlsIdentity::new(Trust::Cluster { anchor_pem }, &certificate, &key)
            .map_err(|e| e.to_string())?;
        Ok(Settings::new(&self.store_id, &self.cluster_id, servers?, identity))
    }

    pub(crate) fn store(&self) -> Result<FileStore, String> {
        let folder = self.folder.join(&self.credentials);
        FileStore::open(&folder, &self.store_id).map_err(|e| e.to_string())
    }
}

/// Around its blocks, a PEM file may have text in any encoding.
fn read_pem(path: &Path) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}
