//! What one connection knows of its user. The connection owns it, so it has no lock.
use crate::key::Key;
use crate::retry::RetryToken;
use proto::Role;
use std::collections::BTreeMap;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Whose certificate the other end of a connection showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// A client's, issued by customerCA.
    Client,
    /// Issued by the installation's service CA: a peer HSM, the control plane, KMS. Such a
    /// session is the appliance user until it logs in as somebody.
    Appliance,
}

/// The user that a session is logged in as.
#[derive(Clone)]
pub(crate) struct Login {
    pub(crate) user: u32,
    pub(crate) role: Role,
    pub(crate) name: Arc<str>,
}

/// One connection's state. Made by [`crate::Hsm::open_session`], ended by
/// [`crate::Hsm::close_session`].
pub struct Session {
    /// As the audit log shows it.
    pub(crate) number: u64,
    pub(crate) peer: Peer,
    pub(crate) greeted: bool,
    pub(crate) login: Option<Login>,
    /// Session keys, gone with the login.
    pub(crate) keys: BTreeMap<u64, Arc<Key>>,
    /// A backup that is being read or written.
    pub(crate) backup: Zeroizing<Vec<u8>>,
    /// The latest position that the reply under way depends on.
    pub(crate) seen: u64,
    /// The retry token of the request under way.
    pub(crate) retry: Option<RetryToken>,
}

impl Session {
    pub(crate) fn new(number: u64, peer: Peer) -> Self {
        Self {
            number,
            peer,
            greeted: false,
            login: None,
            keys: BTreeMap::new(),
            backup: Zeroizing::default(),
            seen: 0,
            retry: None,
        }
    }

    /// Whether a user is logged in.
    pub fn is_logged_in(&self) -> bool {
        self.login.is_some()
    }

    /// The role that decides what the session may do.
    pub(crate) fn role(&self) -> Option<Role> {
        match (&self.login, self.peer) {
            (Some(login), _) => Some(login.role),
            (None, Peer::Appliance) => Some(Role::Au),
            (None, Peer::Client) => None,
        }
    }

    /// The reply under way saw what was recorded at this position.
    pub(crate) fn saw(&mut self, position: u64) {
        self.seen = self.seen.max(position);
    }
}
