//! Why a node could not start, or had to stop; each sentence names the thing.
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Why a node could not start, or had to stop.
#[derive(Debug)]
pub enum NodeError {
    /// A file or folder could not be read or written.
    File { path: PathBuf, cause: io::Error },
    /// A file is there, but does not hold what it should.
    Content { path: PathBuf, cause: String },
    /// Another node has the folder.
    Locked { path: PathBuf },
    /// Nothing can listen there.
    Listen { address: SocketAddr, cause: io::Error },
    /// The store could not be opened or read.
    Store { path: PathBuf, cause: io::Error },
    /// The store failed while the node ran: what was not acknowledged may be lost.
    StoreFailed(String),
    /// The HSM does not start from what is in the store.
    Hsm(hsm_core::OpenError),
    /// A certificate or key could not be made or used.
    Certificate(String),
    /// A thread or signal handler could not be had.
    Machine(io::Error),
}

impl NodeError {
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |cause| Self::File { path, cause }
    }

    pub(crate) fn content(path: &Path, cause: impl fmt::Display) -> Self {
        Self::Content { path: path.to_owned(), cause: cause.to_string() }
    }
}

impl fmt::Display for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, cause } => write!(f, "{}: {cause}", path.display()),
            Self::Content { path, cause } => write!(f, "{}: {cause}", path.display()),
            Self::Locked { path } => {
                write!(f, "another hsm-node is running in {}", path.display())
            }
            Self::Listen { address, cause } if cause.kind() == io::ErrorKind::AddrInUse => {
                let port = address.port();
                write!(f, "port {port} of {} is taken by another program", address.ip())
            }
            Self::Listen { address, cause } => write!(f, "cannot listen on {address}: {cause}"),
            Self::Store { path, cause } => {
                write!(f, "the store {} cannot be opened: {cause}", path.display())
            }
            Self::StoreFailed(why) => f.write_str(why),
            Self::Hsm(cause) => write!(f, "the HSM does not start: {cause}"),
            Self::Certificate(cause) => f.write_str(cause),
            Self::Machine(cause) => write!(f, "the operating system refuses: {cause}"),
        }
    }
}

impl std::error::Error for NodeError {}
