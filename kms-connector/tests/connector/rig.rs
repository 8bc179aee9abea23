//! A cluster of real nodes in this process: active, with an admin and a kmsuser.
use fleet::{Layout, NodeView, Roster, backup, initialize, make_ca, provision, read, restore};
use hsm_client::{Connection, Endpoint, TlsIdentity, Trust};
use hsm_node::{FjallStore, Node, Options};
use kms_connector::{Credentials, MemoryStore, Settings};
use proto::command::cluster::{Member, SetMembers};
use proto::command::session::Login;
use proto::command::user::{ChangePassword, CreateUser, ListUsers, UserListed};
use proto::{Role, Secret};
use tempfile::TempDir;

pub(crate) const STORE: &str = "cks-1234567890abcdef0";
pub(crate) const ARN: &str =
    "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
pub(crate) const PASSWORD: &str = "kmsPswd";
const ADMIN: &str = "adminpass1";

pub(crate) struct Rig {
    pub(crate) folder: TempDir,
    pub(crate) layout: Layout,
    pub(crate) roster: Roster,
    pub(crate) views: Vec<NodeView>,
    nodes: Vec<Option<Node>>,
}

impl Rig {
    /// Nodes that have left the factory, one in each of these zones.
    pub(crate) async fn fresh(zones: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path());
        let roster = provision(&layout, Some(zones.len()), zones, None).unwrap();
        let mut rig = Self { folder, layout, roster, views: Vec::new(), nodes: Vec::new() };
        for seat in rig.roster.nodes.clone() {
            let node = rig.launch(&seat.hsm_id, "127.0.0.1:0").await;
            rig.views.push(NodeView::at(&seat, node.address()));
            rig.nodes.push(Some(node));
        }
        rig
    }

    /// A cluster that is active.
    pub(crate) async fn new(zones: &[&str]) -> Self {
        let rig = Self::fresh(zones).await;
        rig.initialize().await;
        let line = rig.service(0).await;
        line.call(&login(Role::Preco, "admin", "password")).await.unwrap();
        line.call(&password(Role::Preco, "admin", ADMIN)).await.unwrap();
        rig.officer(0).await.call(&create_kmsuser()).await.unwrap();
        let backup = backup(&rig.service(0).await, &rig.views[0]).await.unwrap();
        for n in 1..zones.len() {
            restore(&rig.service(n).await, &rig.views[n], &backup).await.unwrap();
        }
        rig.tell_members().await;
        rig
    }

    /// Initializes the first node.
    pub(crate) async fn initialize(&self) {
        let ca = make_ca("customerCA").unwrap();
        fleet::write_public(&self.layout.customer_ca(), ca.certificate().as_bytes()).unwrap();
        initialize(&self.service(0).await, &self.views[0], &ca).await.unwrap();
    }

    pub(crate) async fn tell_members(&self) {
        for n in 0..self.views.len() {
            if self.nodes[n].is_some() {
                let members = self.views.iter().map(member).collect();
                self.service(n).await.call(&SetMembers { members }).await.unwrap();
            }
        }
    }

    async fn launch(&self, hsm_id: &str, address: &str) -> Node {
        let mut options = Options::new(self.layout.node(hsm_id), address.parse().unwrap());
        options.sync_interval_ms = 100;
        Node::start(&options, |path| Ok(Box::new(FjallStore::open(path)?))).await.unwrap()
    }

    pub(crate) async fn stop(&mut self, n: usize) {
        self.nodes[n].take().unwrap().stop().await.unwrap();
    }

    /// Starts a node again where it was.
    pub(crate) async fn restart(&mut self, n: usize) {
        let address = self.views[n].address.to_string();
        self.nodes[n] = Some(self.launch(&self.views[n].hsm_id, &address).await);
        self.tell_members().await;
    }

    pub(crate) fn hsm_id(&self, n: usize) -> &str {
        &self.views[n].hsm_id
    }

    pub(crate) fn servers(&self) -> Vec<Endpoint> {
        self.views.iter().map(NodeView::endpoint).collect()
    }

    /// A connection of the control plane.
    pub(crate) async fn service(&self, n: usize) -> Connection {
        fleet::connect(&self.layout, &self.views[n]).await.unwrap()
    }

    /// A connection on which admin is logged in.
    pub(crate) async fn officer(&self, n: usize) -> Connection {
        let line = self.service(n).await;
        line.call(&login(Role::Co, "admin", ADMIN)).await.unwrap();
        line
    }

    /// An admin gives kmsuser this password on a node.
    pub(crate) async fn reset(&self, n: usize, new: &str) {
        self.officer(n).await.call(&password(Role::Cu, "kmsuser", new)).await.unwrap();
    }

    /// How a node lists kmsuser.
    pub(crate) async fn kmsuser(&self, n: usize) -> UserListed {
        let users = self.service(n).await.call(&ListUsers {}).await.unwrap().users;
        users.into_iter().find(|user| user.username == "kmsuser").unwrap()
    }

    pub(crate) fn identity(&self) -> TlsIdentity {
        let trust = Trust::Cluster { anchor_pem: read(&self.layout.customer_ca()).unwrap() };
        let certificate = read(&self.layout.service_certificate()).unwrap();
        TlsIdentity::new(trust, &certificate, &read(&self.layout.service_key()).unwrap()).unwrap()
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings::new(STORE, &self.roster.cluster_id, self.servers(), self.identity())
    }
}

/// A store that knows what kmsuser was created with.
pub(crate) fn store() -> MemoryStore {
    MemoryStore::new(Credentials::new(Secret::new(PASSWORD)))
}

pub(crate) fn login(role: Role, username: &str, password: &str) -> Login {
    Login { role, username: username.to_owned(), password: Secret::new(password) }
}

fn password(role: Role, username: &str, new: &str) -> ChangePassword {
    ChangePassword {
        role,
        username: username.to_owned(),
        password: Secret::new(new),
        second_factor: None,
    }
}

pub(crate) fn create_kmsuser() -> CreateUser {
    CreateUser {
        role: Role::Cu,
        username: "kmsuser".to_owned(),
        password: Secret::new(PASSWORD),
        second_factor: None,
    }
}

fn member(view: &NodeView) -> Member {
    Member {
        hsm_id: view.hsm_id.clone(),
        hostname: view.address.ip().to_string(),
        port: view.address.port(),
        zone: view.zone.clone(),
    }
}
