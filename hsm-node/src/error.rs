//! Why a node could not start, or had to stop; each sentence names the thing.
use hsm_client::{DISK_STATUS, PORT_STATUS};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// EIO, which has no name in the standard library.
const IO_ERROR: i32 = 5;

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

    /// Whether the HSM's disk is broken or gone, so that it does not start however often that is
    /// tried. A full disk, a lack of files or memory, a missing right and a taken port are not it.
    pub(crate) fn is_of_the_disk(&self) -> bool {
        match self {
            Self::File { cause, .. } | Self::Store { cause, .. } => is_broken(cause),
            Self::Content { .. } | Self::Hsm(_) => true,
            Self::Locked { .. }
            | Self::Listen { .. }
            | Self::StoreFailed(_)
            | Self::Certificate(_)
            | Self::Machine(_) => false,
        }
    }

    /// With what a node's process ends: whoever started it acts on the cause.
    pub(crate) fn exit_status(&self) -> u8 {
        match self {
            Self::Listen { cause, .. } if cause.kind() == io::ErrorKind::AddrInUse => PORT_STATUS,
            _ if self.is_of_the_disk() => DISK_STATUS,
            _ => 1,
        }
    }

    pub(crate) fn content(path: &Path, cause: impl fmt::Display) -> Self {
        Self::Content { path: path.to_owned(), cause: cause.to_string() }
    }
}

/// What a file or a store says that is not there, is damaged, or is on a disk that fails.
fn is_broken(cause: &io::Error) -> bool {
    match cause.kind() {
        io::ErrorKind::NotFound
        | io::ErrorKind::NotADirectory
        | io::ErrorKind::IsADirectory
        | io::ErrorKind::InvalidData
        | io::ErrorKind::UnexpectedEof => true,
        // What the store itself has found wrong with its files comes without a number.
        io::ErrorKind::Other => cause.raw_os_error().is_none(),
        _ => cause.raw_os_error() == Some(IO_ERROR),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_disk_that_is_broken_or_gone_is_a_death() {
        let path = || PathBuf::from("/x");
        let file = |cause| NodeError::File { path: path(), cause };
        let store = |cause| NodeError::Store { path: path(), cause };
        let (eio, full, files, denied, read_only) = (5, 28, 24, 13, 30);
        let numbered = io::Error::from_raw_os_error;
        for broken in [
            file(io::ErrorKind::NotFound.into()),
            file(numbered(eio)),
            store(numbered(eio)),
            store(io::Error::other("checksum mismatch")),
            NodeError::content(&path(), "not 32 bytes in hexadecimal"),
            NodeError::Hsm(hsm_core::OpenError::Empty),
        ] {
            assert_eq!(broken.exit_status(), DISK_STATUS, "{broken}");
        }
        for number in [full, files, denied, read_only] {
            assert_eq!(file(numbered(number)).exit_status(), 1);
            assert_eq!(store(numbered(number)).exit_status(), 1);
        }
        let address: SocketAddr = ([127, 0, 0, 1], 2223).into();
        let listen = |kind: io::ErrorKind| NodeError::Listen { address, cause: kind.into() };
        assert_eq!(listen(io::ErrorKind::AddrInUse).exit_status(), PORT_STATUS);
        assert_eq!(listen(io::ErrorKind::AddrNotAvailable).exit_status(), 1);
        assert_eq!(NodeError::Locked { path: path() }.exit_status(), 1);
    }
}
