//! One HSM of the cluster as the client knows it: where it is, its connections, its login.
use crate::decisions::LoginMemory;
use crate::{Connection, Endpoint, NodeView};
use proto::command::cluster::Member;
use proto::command::session::{Login, Welcome};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An HSM, known by its address; the rest it says itself.
pub(crate) struct Node {
    pub(crate) endpoint: Endpoint,
    state: Mutex<State>,
    /// Held while a login is sent, so that one password is never tried twice at once.
    pub(crate) login: tokio::sync::Mutex<LoginMemory<Arc<Login>>>,
}

struct State {
    hsm_id: String,
    zone: String,
    number: Option<u16>,
    last_error: Option<String>,
    /// The first attempt to connect is over.
    attempted: bool,
    slots: Vec<Option<Slot>>,
}

#[derive(Clone)]
struct Slot {
    connection: Connection,
    logged_in: bool,
}

impl Node {
    pub(crate) fn new(member: &Member, slots: usize, login: LoginMemory<Arc<Login>>) -> Arc<Self> {
        let state = State {
            hsm_id: member.hsm_id.clone(),
            zone: member.zone.clone(),
            number: None,
            last_error: None,
            attempted: false,
            slots: vec![None; slots],
        };
        Arc::new(Self {
            endpoint: Endpoint::new(member.hostname.clone(), member.port),
            state: Mutex::new(state),
            login: tokio::sync::Mutex::new(login),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is(&self, member: &Member) -> bool {
        let known = self.lock();
        let same_id =
            known.hsm_id.is_empty() || member.hsm_id.is_empty() || known.hsm_id == member.hsm_id;
        same_id && self.endpoint.host == member.hostname && self.endpoint.port == member.port
    }

    pub(crate) fn has_id(&self, hsm_id: &str) -> bool {
        self.lock().hsm_id == hsm_id
    }

    /// The HSM has answered.
    pub(crate) fn met(&self, welcome: &Welcome) {
        let mut state = self.lock();
        state.hsm_id.clone_from(&welcome.hsm_id);
        state.zone.clone_from(&welcome.zone);
        state.number = Some(welcome.node);
    }

    /// A connection can be used from now on.
    pub(crate) fn connected(&self, slot: usize, connection: Connection, logged_in: bool) {
        let mut state = self.lock();
        state.attempted = true;
        state.last_error = None;
        if let Some(slot) = state.slots.get_mut(slot) {
            *slot = Some(Slot { connection, logged_in });
        }
    }

    /// A connection was lost or did not come about.
    pub(crate) fn disconnected(&self, slot: usize, why: String) {
        let mut state = self.lock();
        state.attempted = true;
        state.last_error = Some(why);
        if let Some(slot) = state.slots.get_mut(slot) {
            *slot = None;
        }
    }

    /// Lets go of all connections: the HSM has left the cluster.
    pub(crate) fn leave(&self) {
        self.lock().slots.fill(None);
    }

    /// Whether `connection` bears the login that is wanted.
    pub(crate) fn set_logged_in(&self, connection: &Connection, logged_in: bool) {
        for slot in self.lock().slots.iter_mut().flatten() {
            if slot.connection.number() == connection.number() {
                slot.logged_in = logged_in;
            }
        }
    }

    /// The open connections, and whether each is logged in.
    pub(crate) fn connections(&self) -> Vec<(Connection, bool)> {
        let state = self.lock();
        state.slots.iter().flatten().map(|slot| (slot.connection.clone(), slot.logged_in)).collect()
    }

    pub(crate) fn was_attempted(&self) -> bool {
        self.lock().attempted
    }

    pub(crate) fn view(&self) -> NodeView {
        let state = self.lock();
        NodeView {
            hsm_id: state.hsm_id.clone(),
            zone: state.zone.clone(),
            endpoint: self.endpoint.clone(),
            node: state.number,
            connected: state.slots.iter().any(Option::is_some),
            last_error: state.last_error.clone(),
        }
    }
}
