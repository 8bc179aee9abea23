//! A test installation: certificates, node folders, nodes, and users to log in as.
use crate::authority::{Authority, Identity};
use crate::line::Line;
use hsm_node::{FjallStore, Node, NodeError, Options, Store};
use proto::command::cluster::{BeginBackup, GetCertificates, Initialize, Member, ReadBackup};
use proto::command::cluster::{RestoreBackup, SetMembers, WriteBackup};
use proto::command::key::{FindKeys, GenerateKey};
use proto::command::session::{Hello, Login};
use proto::command::user::{ChangePassword, CreateUser};
use proto::{KeyType, Role, Secret};
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

pub(crate) const USER: &str = "example_user";
pub(crate) const PASSWORD: &str = "password1";

/// An HSM that listens: in this process, or in one of its own.
pub(crate) trait Listens {
    fn at(&self) -> SocketAddr;
}

impl Listens for Node {
    fn at(&self) -> SocketAddr {
        self.address()
    }
}

impl<T: Listens> Listens for Arc<T> {
    fn at(&self) -> SocketAddr {
        self.as_ref().at()
    }
}

impl Listens for SocketAddr {
    fn at(&self) -> SocketAddr {
        *self
    }
}

/// One installation in a temporary folder.
pub(crate) struct Bed {
    pub(crate) dir: TempDir,
    pub(crate) customer: Authority,
    pub(crate) service: Authority,
    pub(crate) client: Identity,
    pub(crate) appliance: Identity,
}

impl Bed {
    pub(crate) fn new() -> Self {
        let (customer, service) = (Authority::new("customerCA"), Authority::new("service CA"));
        let client = customer.issue("client", 2049);
        let appliance = service.issue("control plane", 2049);
        Self { dir: TempDir::new().unwrap(), customer, service, client, appliance }
    }

    /// The folder of node `n`, made as `fleet` makes it.
    pub(crate) fn folder(&self, n: u16) -> PathBuf {
        let dir = self.dir.path().join(format!("hsm-{n:011}"));
        if dir.exists() {
            return dir;
        }
        fs::create_dir(&dir).unwrap();
        let card = Authority::new("card");
        let peer = self.service.issue("peer", 2049);
        let node = format!(
            r#"{{"hsm_id":"hsm-{n:011}","cluster_id":"cluster-abcdefghijk","node":{n},
                "zone":"us-east-1a","hsm_type":"hsm2m.medium"}}"#
        );
        for (name, content) in [
            ("node.json", &node),
            ("service-ca.crt", &self.service.pem),
            ("peer.crt", &peer.certificate),
            ("peer.key", &peer.key),
            ("backup.key", &"5a".repeat(32)),
            ("card.key", &card.key),
            ("aws-hardware.crt", &card.pem),
            ("manufacturer-hardware.crt", &card.pem),
        ] {
            fs::write(dir.join(name), content).unwrap();
        }
        dir
    }

    /// Options without synchronisation, on any free port.
    pub(crate) fn options(&self, n: u16) -> Options {
        let mut options = Options::new(self.folder(n), "127.0.0.1:0".parse().unwrap());
        options.sync_interval_ms = 0;
        options
    }

    /// Node 0 on this store.
    pub(crate) async fn start(&self, store: impl Store + 'static) -> Node {
        start(&self.options(0), store).await.unwrap()
    }

    /// Node `n` on its real store.
    pub(crate) async fn start_on_disk(&self, options: &Options) -> Node {
        Node::start(options, |path| Ok(Box::new(FjallStore::open(path)?))).await.unwrap()
    }

    pub(crate) async fn service_line(&self, node: &impl Listens) -> Line {
        greet(node, &self.appliance).await
    }

    pub(crate) async fn client_line(&self, node: &impl Listens) -> Line {
        greet(node, &self.client).await
    }

    /// A connection logged in as the CU.
    pub(crate) async fn user_line(&self, node: &impl Listens) -> Line {
        let mut line = self.client_line(node).await;
        line.call(&login(Role::Cu, USER, PASSWORD)).await;
        line
    }

    /// Initializes and activates the HSM, and creates the CU.
    pub(crate) async fn initialize(&self, node: &impl Listens) {
        let mut line = self.service_line(node).await;
        let csr = line.call(&GetCertificates {}).await.cluster_csr.unwrap();
        let (signed_cert, trust_anchor) = (self.customer.sign(&csr), self.customer.pem.clone());
        line.call(&Initialize { signed_cert, trust_anchor }).await;

        let mut line = self.client_line(node).await;
        line.call(&login(Role::Preco, "admin", "password")).await;
        line.call(&ChangePassword {
            role: Role::Preco,
            username: "admin".into(),
            password: Secret::new("adminpass1"),
            second_factor: None,
        })
        .await;
        let mut line = self.client_line(node).await;
        line.call(&login(Role::Co, "admin", "adminpass1")).await;
        line.call(&create_user(USER)).await;
    }

    /// Makes `to` a clone of `from`, and tells both of each other.
    pub(crate) async fn join(&self, from: &Node, to: &Node) {
        let (mut source, mut target) = (self.service_line(from).await, self.service_line(to).await);
        let size = source.call(&BeginBackup {}).await.size;
        let mut offset = 0;
        while offset < size {
            let piece = source.call(&ReadBackup { offset }).await.piece;
            offset += piece.0.len() as u64;
            target.call(&WriteBackup { piece }).await;
        }
        target.call(&RestoreBackup {}).await;
        let members = || [from, to].map(member).to_vec();
        source.call(&SetMembers { members: members() }).await;
        target.call(&SetMembers { members: members() }).await;
    }
}

fn member(node: &Node) -> Member {
    Member {
        hsm_id: node.hsm_id().to_owned(),
        hostname: node.address().ip().to_string(),
        port: node.address().port(),
        zone: "us-east-1a".into(),
    }
}

pub(crate) async fn start(
    options: &Options,
    store: impl Store + 'static,
) -> Result<Node, NodeError> {
    Node::start(options, |_| Ok(Box::new(store))).await
}

async fn greet(node: &impl Listens, identity: &Identity) -> Line {
    let mut line = Line::open(node.at(), Some(identity)).await.unwrap();
    line.call(&hello()).await;
    line
}

pub(crate) fn hello() -> Hello {
    Hello { version: proto::VERSION }
}

pub(crate) fn login(role: Role, name: &str, password: &str) -> Login {
    Login { role, username: name.into(), password: Secret::new(password) }
}

pub(crate) fn create_user(name: &str) -> CreateUser {
    CreateUser {
        role: Role::Cu,
        username: name.into(),
        password: Secret::new(PASSWORD),
        second_factor: None,
    }
}

/// A 256-bit AES key.
pub(crate) fn aes(label: &str, token: bool) -> GenerateKey {
    GenerateKey {
        key_type: KeyType::Aes,
        bytes: 32,
        label: label.into(),
        token,
        attributes: Vec::new(),
        retry: None,
    }
}

/// All keys.
pub(crate) fn find_all(after: u64) -> FindKeys {
    FindKeys { attributes: Vec::new(), owner: None, after, limit: 4_096 }
}
