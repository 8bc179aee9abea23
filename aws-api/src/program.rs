//! The AWS endpoint by itself, for clusters that `cluster-ctl up` runs elsewhere on this machine.
use crate::auth::{AccessKey, access_keys};
use crate::{Auth, Endpoint, Settings, sqlite_url};
use clap::Parser;
use serde::Deserialize;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

const EXAMPLE: &str = r#"All that a configuration may hold; paths are relative to the file:
  {
    "listen": "127.0.0.1:4567",
    "database": "postgres://user:password@localhost/kms",
    "folder": "endpoint",
    "key_file": "kms.key",
    "clusters": ["/home/you/.local/share/cloudhsm-sim"],
    "account": "000000000000",
    "connecting_ms": 0,
    "access_keys": [{"access_key_id": "AKIDEXAMPLE", "secret_access_key": "..."}],
    "allow_hosts": ["kms.test.example"]
  }
With access_keys, only requests that are signed with one of them are taken. Browsers and others that
are no AWS clients reach it by an IP address, localhost, a name without a dot or one of allow_hosts.
With access_keys, or on an address that is not loopback, /_sim/ wants the token of sim.token in the
folder (X-Sim-Token), or a signature."#;

/// One HTTP endpoint that AWS clients take for AWS KMS
#[derive(Parser)]
#[command(version, after_help = EXAMPLE)]
struct Arguments {
    /// JSON, see below
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    /// Where to listen.
    #[serde(default = "default_listen")]
    listen: SocketAddr,
    /// An SQL database's URL; a SQLite file in `folder` if none is given.
    database: Option<String>,
    /// For cloudtrail.jsonl, and for what else has no place of its own.
    folder: PathBuf,
    /// Endpoints that share a database must share this, too.
    key_file: Option<PathBuf>,
    /// State folders of `cluster-ctl up`.
    clusters: Vec<PathBuf>,
    #[serde(default = "default_account")]
    account: String,
    #[serde(default)]
    connecting_ms: u64,
    #[serde(default)]
    access_keys: Vec<AccessKey>,
    /// Names with a dot that clients may know the endpoint by.
    #[serde(default)]
    allow_hosts: Vec<String>,
}

fn default_listen() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 4566))
}

fn default_account() -> String {
    "000000000000".to_owned()
}

impl Config {
    fn read(path: &Path) -> Result<Settings, String> {
        let named = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
        let text = std::fs::read_to_string(path).map_err(|e| named(&e))?;
        let config: Self = serde_json::from_str(&text).map_err(|e| named(&e))?;
        if config.account.len() != 12 || !config.account.bytes().all(|b| b.is_ascii_digit()) {
            return Err(named(&"account must be 12 digits"));
        }
        let base = path.parent().unwrap_or(Path::new(""));
        let folder = base.join(&config.folder);
        std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
        let keys = access_keys(config.access_keys);
        Ok(Settings {
            listen: Some(config.listen),
            database: config.database.unwrap_or_else(|| sqlite_url(&folder.join("kms.sqlite"))),
            key_file: base.join(config.key_file.unwrap_or_else(|| config.folder.join("kms.key"))),
            clusters: config.clusters.iter().map(|cluster| base.join(cluster)).collect(),
            account: config.account.into(),
            auth: if keys.is_empty() { Auth::Open } else { Auth::Strict(keys) },
            allow_hosts: config.allow_hosts,
            connecting: Duration::from_millis(config.connecting_ms),
            hosting: None,
            trail_folder: folder,
        })
    }
}

/// Reads the command line and serves until a signal ends it. Exit status: 0 ended, 1 failed, 2
/// wrong usage.
pub fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing::Level::WARN)
        .init();
    match serve(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: &Arguments) -> Result<(), String> {
    let settings = Config::read(&arguments.config)?;
    let runtime = tokio::runtime::Runtime::new().map_err(|e| e.to_string())?;
    runtime.block_on(run(settings))
}

async fn run(settings: Settings) -> Result<(), String> {
    let [mut interrupt, mut terminate] = [
        signal(SignalKind::interrupt()).map_err(|e| e.to_string())?,
        signal(SignalKind::terminate()).map_err(|e| e.to_string())?,
    ];
    let token_file = settings.trail_folder.join("sim.token");
    let endpoint = Endpoint::start(settings).await.map_err(|e| e.to_string())?;
    tell_token(&endpoint, &token_file)?;
    println!("{}", endpoint.url().unwrap_or_default());
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    endpoint.stop().await;
    Ok(())
}

/// Leaves the token where its owner alone can read it; one of an earlier start is of no use.
fn tell_token(endpoint: &Endpoint, file: &Path) -> Result<(), String> {
    match endpoint.sim_token() {
        Some(token) => {
            fleet::write_secret(file, token.expose().as_bytes()).map_err(|e| e.to_string())
        }
        None => match std::fs::remove_file(file) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(format!("cannot remove {}: {e}", file.display()))
            }
            _ => Ok(()),
        },
    }
}
