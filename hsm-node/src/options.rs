//! What an operator, or `fleet`, may choose when a node starts.
use clap::{Args, ValueEnum};
use hsm_core::EngineKind;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// User guide, quotas: 900 client connections to a cluster, and each client connects to every HSM.
const MAX_CONNECTIONS: usize = 900;
/// An hour: a connector that has nothing to do keeps its login; one that hangs does not for ever.
const IDLE_TIMEOUT_MS: u64 = 3_600_000;
/// A node that was away has the keys it missed soon after it is back.
const SYNC_INTERVAL_MS: u64 = 1_000;
/// A cluster of three shares one machine with its clients.
const WORKERS: usize = 2;

/// How one node runs.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// The node's folder, with node.json, its keys and its store
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Where to listen; port 0 takes any free port. Several can be given: all serve the same
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:2223")]
    pub listen: Vec<SocketAddr>,
    /// Which cryptography computes
    #[arg(long, value_enum, default_value_t)]
    pub engine: Engine,
    /// Whether the HSM type's limits on users and keys hold
    #[arg(long, value_enum, default_value_t)]
    pub limits: Limits,
    /// For rehearsals: let kmsuser have a second factor, with which AWS KMS cannot log in
    #[arg(long)]
    pub allow_kmsuser_2fa: bool,
    /// Connections of clients at the same time; one more is refused. The installation's own
    /// certificates have 128 besides
    #[arg(long, value_name = "N", default_value_t = MAX_CONNECTIONS)]
    pub max_connections: usize,
    /// A connection that asks nothing for so long is closed
    #[arg(long, value_name = "MS", default_value_t = IDLE_TIMEOUT_MS)]
    pub idle_timeout_ms: u64,
    /// How often to compare keys with the peers; 0 never does
    #[arg(long, value_name = "MS", default_value_t = SYNC_INTERVAL_MS)]
    pub sync_interval_ms: u64,
    /// Threads that serve connections
    #[arg(long, value_name = "N", default_value_t = WORKERS)]
    pub workers: usize,
    /// To be an HSM of a control plane that runs on another machine
    #[command(flatten)]
    pub join: Option<Join>,
}

/// How a machine offers itself to a control plane. `--dir` is then the machine's folder.
#[derive(Args, Clone, Debug)]
pub struct Join {
    /// The AWS endpoint's URL: be an HSM of its clusters, whichever it wants
    #[arg(long, value_name = "URL", required = false, requires_all = ["join_key", "zone"])]
    pub join: String,
    /// Copied from `service/join.key` of the endpoint's state folder
    #[arg(long, value_name = "FILE", required = false, requires = "join")]
    pub join_key: PathBuf,
    /// The availability zone that this machine is in
    #[arg(long, value_name = "ZONE", required = false, requires = "join")]
    pub zone: String,
    /// The Region that this machine is in
    #[arg(long, value_name = "REGION", default_value = "us-east-1")]
    pub region: String,
    /// Where others reach this machine, if not at the address that it listens on
    #[arg(long, value_name = "HOST:PORT", requires = "join")]
    pub advertise: Option<String>,
}

/// Which cryptography computes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Engine {
    /// aws-lc, with its own randomness
    #[default]
    Native,
    /// Pure Rust, as the simulator uses it
    Rust,
}

/// Whether the HSM type's limits hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Limits {
    /// As AWS publishes them for the HSM type
    #[default]
    Aws,
    /// None: for benchmarks
    None,
}

impl From<Engine> for EngineKind {
    fn from(engine: Engine) -> Self {
        match engine {
            Engine::Native => Self::Native,
            Engine::Rust => Self::Rust,
        }
    }
}

impl Options {
    /// The defaults, for a node in `dir` that listens on `listen`.
    pub fn new(dir: impl Into<PathBuf>, listen: SocketAddr) -> Self {
        Self {
            dir: dir.into(),
            listen: vec![listen],
            engine: Engine::default(),
            limits: Limits::default(),
            allow_kmsuser_2fa: false,
            max_connections: MAX_CONNECTIONS,
            idle_timeout_ms: IDLE_TIMEOUT_MS,
            sync_interval_ms: SYNC_INTERVAL_MS,
            workers: WORKERS,
            join: None,
        }
    }

    pub(crate) fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }
}
