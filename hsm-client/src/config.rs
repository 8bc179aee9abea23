//! cloudhsm-cli.cfg in CloudHSM's own shape: which cluster, whom to trust, who we are.
use crate::{ClusterConfig, Endpoint, TlsError, TlsIdentity, Trust};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a configuration cannot be used. Names the file.
#[derive(Debug)]
pub enum ConfigError {
    /// A file cannot be read or written.
    File(PathBuf, io::Error),
    /// The file is not JSON of CloudHSM's shape.
    Shape(PathBuf, String),
    /// Certificates or keys that it names do not fit.
    Tls(PathBuf, TlsError),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, why) => write!(f, "{}: {why}", path.display()),
            Self::Shape(path, why) => write!(
                f,
                "{}: {why}; it must have the shape of CloudHSM's cloudhsm-cli.cfg",
                path.display()
            ),
            Self::Tls(path, why) => write!(f, "{}: {why}", path.display()),
        }
    }
}

impl std::error::Error for ConfigError {}

#[derive(Serialize, Deserialize)]
struct Root {
    clusters: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logging: Option<serde_json::Value>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    /// Stays "hsm1" for every type of cluster.
    #[serde(rename = "type")]
    kind: String,
    cluster: Section,
}

#[derive(Serialize, Deserialize)]
struct Section {
    hsm_ca_file: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_cert_path: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_key_path: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cluster_id: Option<String>,
    servers: Vec<Server>,
    #[serde(default)]
    options: Options,
}

#[derive(Serialize, Deserialize)]
struct Server {
    hostname: String,
    #[serde(default = "port")]
    port: u16,
    #[serde(default = "yes")]
    enable: bool,
}

#[derive(Serialize, Deserialize, Default)]
struct Options {
    #[serde(default)]
    disable_key_availability_check: bool,
}

fn port() -> u16 {
    2223
}

fn yes() -> bool {
    true
}

/// What stands in a cloudhsm-cli.cfg. Paths are as written: relative ones belong to the file's
/// folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigFile {
    /// The trust anchor, customerCA.crt.
    pub hsm_ca_file: PathBuf,
    /// The client's certificate, PEM.
    pub client_cert_path: PathBuf,
    /// Its key, PEM.
    pub client_key_path: PathBuf,
    /// The cluster, if it is to be checked.
    pub cluster_id: Option<String>,
    /// The servers that are enabled.
    pub servers: Vec<Endpoint>,
    /// The availability check is off.
    pub disable_key_availability_check: bool,
    /// The file that `logging` names, if any.
    pub log_file: Option<PathBuf>,
}

impl ConfigFile {
    /// Reads a configuration of one cluster; of several, the first.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let shape = |why: String| ConfigError::Shape(path.to_owned(), why);
        let text = read(path)?;
        let root: Root = serde_json::from_str(&text).map_err(|error| shape(error.to_string()))?;
        let log_file = root.logging.as_ref().and_then(|logging| logging.get("log_file")?.as_str());
        let log_file = log_file.map(PathBuf::from);
        let cluster = root.clusters.into_iter().next();
        let cluster = cluster.ok_or_else(|| shape("it names no cluster".into()))?.cluster;
        let certificate = |what: &str| {
            shape(format!(
                "it has no {what}: the HSMs admit only clients with a certificate of the \
                 cluster's CA \
                 (`cluster-ctl client-cert` makes one)"
            ))
        };
        let enabled = cluster.servers.into_iter().filter(|server| server.enable);
        let servers = enabled.map(|server| Endpoint::new(server.hostname, server.port)).collect();
        Ok(Self {
            hsm_ca_file: cluster.hsm_ca_file,
            client_cert_path: cluster
                .client_cert_path
                .ok_or_else(|| certificate("client_cert_path"))?,
            client_key_path: cluster
                .client_key_path
                .ok_or_else(|| certificate("client_key_path"))?,
            cluster_id: cluster.cluster_id,
            servers,
            disable_key_availability_check: cluster.options.disable_key_availability_check,
            log_file,
        })
    }

    /// Writes the file anew.
    pub fn write(&self, path: &Path) -> Result<(), ConfigError> {
        let server = |server: &Endpoint| Server {
            hostname: server.host.clone(),
            port: server.port,
            enable: true,
        };
        let cluster = Section {
            hsm_ca_file: self.hsm_ca_file.clone(),
            client_cert_path: Some(self.client_cert_path.clone()),
            client_key_path: Some(self.client_key_path.clone()),
            cluster_id: self.cluster_id.clone(),
            servers: self.servers.iter().map(server).collect(),
            options: Options {
                disable_key_availability_check: self.disable_key_availability_check,
            },
        };
        let logging = self.log_file.as_ref().map(|log_file| {
            serde_json::json!({
                "log_type": "file", "log_file": log_file,
                "log_level": "info", "log_interval": "daily",
            })
        });
        let root = Root { clusters: vec![Entry { kind: "hsm1".into(), cluster }], logging };
        let file = |error: io::Error| ConfigError::File(path.to_owned(), error);
        let mut text = serde_json::to_string_pretty(&root).map_err(|error| file(error.into()))?;
        text.push('\n');
        std::fs::write(path, text).map_err(file)
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|error| ConfigError::File(path.to_owned(), error))
}

/// Around its blocks, a PEM file may have text in any encoding.
fn read_pem(path: &Path) -> Result<String, ConfigError> {
    let bytes = std::fs::read(path).map_err(|error| ConfigError::File(path.to_owned(), error))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

impl ClusterConfig {
    /// Reads a cloudhsm-cli.cfg and the files that it names.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        let file = ConfigFile::read(path)?;
        let beside = |name: &Path| path.parent().unwrap_or(Path::new("")).join(name);
        let (ca, cert, key) = (
            beside(&file.hsm_ca_file),
            beside(&file.client_cert_path),
            beside(&file.client_key_path),
        );
        let trust = Trust::Cluster { anchor_pem: read_pem(&ca)? };
        let key_pem = zeroize::Zeroizing::new(read(&key)?);
        let identity = TlsIdentity::new(trust, &read_pem(&cert)?, &key_pem).map_err(|error| {
            let at = match error {
                TlsError::Anchor(_) => &ca,
                TlsError::Certificate(_) => &cert,
                TlsError::Key(_) | TlsError::KeyMismatch => &key,
            };
            ConfigError::Tls(at.clone(), error)
        })?;
        let identity = identity.named(ca.display().to_string(), cert.display().to_string());
        Ok(Self {
            cluster_id: file.cluster_id,
            key_availability_check: !file.disable_key_availability_check,
            ..Self::new(file.servers, identity)
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The example of CloudHSM's shape, with a server that is switched off.
    const EXAMPLE: &str = r#"{"clusters":[{"type":"hsm1","cluster":{
        "hsm_ca_file":"/opt/cloudhsm/etc/customerCA.crt",
        "client_cert_path":"/opt/cloudhsm/etc/ssl-client.crt",
        "client_key_path":"/opt/cloudhsm/etc/ssl-client.key",
        "cluster_id":"cluster-abcdefghijk",
        "servers":[{"hostname":"10.0.0.9","port":2223,"enable":true},
            {"hostname":"10.0.0.10","port":2223,"enable":false},{"hostname":"10.0.0.11"}],
        "options":{"disable_key_availability_check":true}}}],
        "logging":{"log_type":"file","log_file":"/run/cli.log","log_level":"info"}}"#;

    #[test]
    fn cloudhsms_own_shape_is_read_and_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cloudhsm-cli.cfg");
        std::fs::write(&path, EXAMPLE).unwrap();
        let file = ConfigFile::read(&path).unwrap();
        let servers: Vec<_> = file.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["10.0.0.9:2223", "10.0.0.11:2223"]);
        assert_eq!(file.cluster_id.as_deref(), Some("cluster-abcdefghijk"));
        assert!(file.disable_key_availability_check);
        assert_eq!(file.log_file, Some("/run/cli.log".into()));
        file.write(&path).unwrap();
        assert_eq!(ConfigFile::read(&path).unwrap(), file);
        let written: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let cluster = &written["clusters"][0]["cluster"];
        assert_eq!(written["clusters"][0]["type"], "hsm1");
        assert_eq!(cluster["servers"][0]["enable"], true);
        assert_eq!(cluster["options"]["disable_key_availability_check"], true);
    }

    #[test]
    fn what_is_wrong_is_told_with_the_files_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cloudhsm-cli.cfg");
        let told = |text: &str| {
            std::fs::write(&path, text).unwrap();
            ClusterConfig::from_file(&path).unwrap_err().to_string()
        };
        assert!(told("{").starts_with(&path.display().to_string()));
        assert!(told(r#"{"clusters":[]}"#).contains("names no cluster"));
        let bare = r#"{"clusters":[{"type":"hsm1","cluster":{"hsm_ca_file":"a","servers":[]}}]}"#;
        assert!(told(bare).contains("client_cert_path") && told(bare).contains("client-cert"));
        assert!(told(EXAMPLE).starts_with("/opt/cloudhsm/etc/customerCA.crt: "));
        let beside = EXAMPLE.replace("/opt/cloudhsm/etc/", "");
        let ca = folder.path().join("customerCA.crt");
        assert!(told(&beside).starts_with(&ca.display().to_string()), "relative to the file");
        std::fs::write(&ca, "no certificate").unwrap();
        std::fs::write(folder.path().join("ssl-client.key"), "k").unwrap();
        std::fs::write(folder.path().join("ssl-client.crt"), "c").unwrap();
        let text = told(&beside);
        assert!(text.contains("the trust anchor cannot be used") && text.contains("PEM"), "{text}");
    }
}
