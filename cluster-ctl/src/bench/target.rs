//! The cluster that is measured: one of our own, thrown away afterwards, or one that runs.
use crate::up::ThrowAway;
use crate::{Credentials, Failure, Ready, StateFolder};
use fleet::read;
use hsm_client::{CallError, Connection, Endpoint, TlsIdentity, Trust};
use hsm_node::Engine;
use proto::command::cluster::GetMembers;
use proto::command::key::{DestroyObjects, FindKeys};
use proto::command::session::Login;
use proto::limits::HANDLES_MAX;
use proto::{Attribute, Fault, Role, Secret, Setting};
use std::path::PathBuf;
use std::time::Duration;
use zeroize::Zeroizing;

/// As many HSMs as AWS's guides recommend, and `up` starts.
const HSMS: u8 = 3;
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// An HSM's id and the connections to it, logged in.
pub(super) type Connected = (String, Vec<Connection>);

/// A cluster, and who makes keys there.
pub(super) struct Target {
    own: Option<(ThrowAway, Engine)>,
    ready: Ready,
    user: Credentials,
    identity: TlsIdentity,
}

impl Target {
    /// Finds the cluster that runs in `state`, or starts one that has no limits.
    pub(super) async fn prepare(
        state: Option<PathBuf>,
        engine: Option<Engine>,
    ) -> Result<Self, Failure> {
        let (own, ready) = match state {
            Some(path) => (None, StateFolder::running(Some(path))?.1),
            None => {
                let engine = engine.unwrap_or_default();
                let own = ThrowAway::start(HSMS, engine).await?;
                let ready = own.ready();
                (Some((own, engine)), ready)
            }
        };
        let pin = std::env::var("CLOUDHSM_PIN").ok().filter(|_| own.is_none()).map(Zeroizing::new);
        let user = user(pin.as_deref().map(String::as_str), &ready)?;
        let anchor_pem = read(&ready.customer_ca)?;
        let key = Zeroizing::new(read(&ready.client_key)?);
        let identity =
            TlsIdentity::new(Trust::Cluster { anchor_pem }, &read(&ready.client_cert)?, &key)?;
        Ok(Self { own, ready, user, identity })
    }

    pub(super) fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// What the HSMs compute with, as far as it is known here.
    pub(super) fn engine(&self) -> &'static str {
        match self.own {
            Some((_, Engine::Native)) => "native",
            Some((_, Engine::Rust)) => "rust",
            None => "as the cluster was started",
        }
    }

    /// Opens so many connections to each HSM and logs in on them.
    pub(super) async fn connect(&self, connections: usize) -> Result<Vec<Connected>, Failure> {
        let mut nodes = Vec::new();
        for node in &self.ready.nodes {
            let endpoint = node.address.parse::<std::net::SocketAddr>()?;
            let endpoint = Endpoint { host: endpoint.ip().to_string(), port: endpoint.port() };
            let mut opened = Vec::new();
            for _ in 0..connections {
                let connection = Connection::open(&endpoint, &self.identity, CONNECT_WITHIN);
                let connection = connection
                    .await
                    .map_err(|error| Failure::new(format!("{}: {error}", node.hsm_id)))?;
                let Credentials { username, password } = self.user.clone();
                let login = Login { role: Role::Cu, username, password };
                connection.call(&login).await.map_err(|error| {
                    Failure::new(format!("{}: login of {}: {error}", node.hsm_id, login.username))
                })?;
                opened.push(connection);
            }
            nodes.push((node.hsm_id.clone(), opened));
        }
        Ok(nodes)
    }

    /// Destroys the token keys with this label on every HSM of a cluster that lives on; says how
    /// many keys those were.
    pub(super) async fn clean_up(&self, nodes: &[Connected], label: &str) -> Result<u64, Failure> {
        if self.is_own() {
            return Ok(0);
        }
        // What is still under way comes first: replies have the order of the requests.
        for connection in nodes.iter().flat_map(|(_, connections)| connections) {
            connection.call(&GetMembers {}).await?;
        }
        let mut most = 0;
        for (hsm_id, connections) in nodes {
            let Some(connection) = connections.first() else { continue };
            let removed = remove(connection, label).await.map_err(|error| {
                let text = format!("{hsm_id}: keys labelled {label:?} are left over: {error}");
                Failure::new(text)
            })?;
            most = most.max(removed);
        }
        Ok(most)
    }

    /// Lets go of the cluster, which ends if it is our own.
    pub(super) async fn end(self) {
        if let Some((own, _)) = self.own {
            own.stop().await;
        }
    }
}

async fn remove(connection: &Connection, label: &str) -> Result<u64, CallError> {
    let find = FindKeys {
        attributes: vec![Setting::text(Attribute::Label, label.to_owned())],
        owner: None,
        after: 0,
        limit: HANDLES_MAX as u32,
    };
    let mut removed = 0;
    loop {
        let handles = connection.call(&find).await?.handles;
        if handles.is_empty() {
            return Ok(removed);
        }
        let count = handles.len() as u64;
        match connection.call(&DestroyObjects { handles }).await {
            Ok(_) => removed += count,
            // A peer was quicker to tell this HSM of a tombstone: look again.
            Err(CallError::Refused(refusal)) if refusal.fault == Fault::InvalidHandle => {}
            Err(error) => return Err(error),
        }
    }
}

/// The user of CLOUDHSM_PIN, or the one that `up` made for people.
fn user(pin: Option<&str>, ready: &Ready) -> Result<Credentials, Failure> {
    if let Some(pin) = pin {
        return match pin.split_once(':') {
            Some((username, password)) if !username.is_empty() && !password.is_empty() => {
                Ok(Credentials { username: username.to_owned(), password: Secret::new(password) })
            }
            _ => Err(Failure::usage("CLOUDHSM_PIN must be user:password")),
        };
    }
    ready.example_user.clone().ok_or_else(|| {
        Failure::new(
            "the cluster has no example_user: give a crypto user as CLOUDHSM_PIN=user:password",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::tests::example;

    #[test]
    fn the_user_is_that_of_the_pin_or_the_example() {
        let mut ready = example();
        let name = |pin, ready: &Ready| user(pin, ready).map(|user| user.username).ok();
        assert_eq!(name(Some("alice:pass:word"), &ready).as_deref(), Some("alice"));
        for wrong in ["alice", ":password", "alice:", ""] {
            assert_eq!(name(Some(wrong), &ready), None);
        }
        assert!(
            user(None, &ready).err().unwrap().to_string().contains("CLOUDHSM_PIN=user:password")
        );
        ready.example_user = ready.admin.clone();
        assert_eq!(name(None, &ready).as_deref(), Some("admin"));
    }
}
