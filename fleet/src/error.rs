//! What can go wrong with a fleet, each sentence naming the thing and what to do.
use hsm_client::{CallError, ConnectError, TlsError};
use std::fmt;
use std::path::{Path, PathBuf};

/// Why a node process did not come up, as far as its exit status says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The HSM's disk is broken or gone.
    Disk,
    /// Another program listens where it would.
    Port,
    /// Anything else: it may pass.
    Other,
}

/// Why the fleet could not do it.
#[derive(Debug)]
pub enum FleetError {
    /// A file or folder could not be read or written.
    File {
        /// What was tried: `read`, `write`.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A file does not hold what it should.
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A certificate could not be made.
    Certificate(String),
    /// Somebody else listens on the port of a node.
    PortTaken {
        /// Of this machine.
        address: std::net::IpAddr,
        /// The port.
        port: u16,
    },
    /// The ports of the nodes would go past 65535.
    NoPort {
        /// The first port that was asked for.
        base_port: u16,
    },
    /// A node process did not come up.
    NodeFailed {
        /// Which HSM.
        hsm_id: String,
        /// How it ended, and what it said last.
        why: String,
        /// What others act on.
        cause: Cause,
    },
    /// The folder has more nodes than were asked for.
    MoreNodes {
        /// How many it has.
        have: usize,
        /// How many were asked for.
        wanted: usize,
    },
    /// The service certificate could not be used.
    Tls(TlsError),
    /// An HSM could not be reached.
    Connect {
        /// Which HSM.
        hsm_id: String,
        /// Why not.
        source: ConnectError,
    },
    /// An HSM refused, or its answer did not come.
    Call {
        /// Which HSM.
        hsm_id: String,
        /// What was asked of it.
        doing: &'static str,
        /// Its answer.
        source: CallError,
    },
}

impl FleetError {
    pub(crate) fn file(
        doing: &'static str,
        path: &Path,
    ) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { doing, path, source }
    }

    /// Why a node did not come up.
    pub(crate) fn cause(&self) -> Cause {
        match self {
            Self::NodeFailed { cause, .. } => *cause,
            Self::PortTaken { .. } => Cause::Port,
            _ => Cause::Other,
        }
    }
}

impl fmt::Display for FleetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { doing, path, source } => {
                write!(f, "cannot {doing} {}: {source}", path.display())
            }
            Self::Content { path, why } => write!(f, "{} {why}", path.display()),
            Self::Certificate(why) => write!(f, "cannot make the certificate: {why}"),
            Self::PortTaken { address, port } => write!(
                f,
                "port {port} of {address} is taken by another program: \
                 stop it, or choose other ports with --base-port"
            ),
            Self::NoPort { base_port } => write!(
                f,
                "there are not enough ports from {base_port} for all HSMs: \
                 choose a lower --base-port"
            ),
            Self::NodeFailed { hsm_id, why, .. } => write!(f, "{hsm_id} did not start: {why}"),
            Self::MoreNodes { have, wanted } => write!(
                f,
                "the cluster has {have} HSMs already, more than {wanted}: \
                 leave --nodes out, or use another state folder"
            ),
            Self::Tls(source) => write!(f, "the service certificate cannot be used: {source}"),
            Self::Connect { hsm_id, source } => write!(f, "{hsm_id} cannot be reached: {source}"),
            Self::Call { hsm_id, doing, source } => {
                write!(f, "{hsm_id} could not {doing}: {source}")
            }
        }
    }
}

impl std::error::Error for FleetError {}
