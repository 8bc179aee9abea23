//! What an operator, or `fleet`, may choose when a node starts.
use clap::{Args, ValueEnum};
use hsm_core::EngineKind;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// How one node runs.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// The node's folder, with node.json, its keys and its store
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Where to listen; port 0 takes any free port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:2223")]
    pub listen: SocketAddr,
    /// Which cryptography computes
    #[arg(long, value_enum, default_value_t)]
    pub engine: Engine,
    /// Whether the HSM type's limits on users and keys hold
    #[arg(long, value_enum, default_value_t)]
    pub limits: Limits,
    /// Connections at the same time; one more is refused
    #[arg(long, value_name = "N", default_value_t = 900)]
    pub max_connections: usize,
    /// A connection that asks nothing for so long is closed
    #[arg(long, value_name = "MS", default_value_t = 3_600_000)]
    pub idle_timeout_ms: u64,
    /// How often to compare keys with the peers; 0 never does
    #[arg(long, value_name = "MS", default_value_t = 1_000)]
    pub sync_interval_ms: u64,
    /// Threads that serve connections
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub workers: usize,
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
            listen,
            engine: Engine::default(),
            limits: Limits::default(),
            max_connections: 900,
            idle_timeout_ms: 3_600_000,
            sync_interval_ms: 1_000,
            workers: 2,
        }
    }

    pub(crate) fn idle_timeout(&self) -> Duration {
        Duration::from_millis(self.idle_timeout_ms)
    }
}
