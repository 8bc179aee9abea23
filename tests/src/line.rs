//! One HSM of the shipped program behind real TLS, with the names that the HSM in memory has.
use crate::memory::{ACTIVATION, settings};
use crate::script::Answering;
use fleet::{Fleet, Launch, Layout, Roster, make_ca, make_client_certificate, provision};
use hsm_client::{CallError, Connection, Endpoint, TlsIdentity, Trust};
use hsm_core::EngineKind;
use proto::command;
use proto::{Message, Opcode};
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const CONNECT_WITHIN: Duration = Duration::from_secs(60);

/// A node process, and connections to it by name.
pub struct Line {
    runtime: Runtime,
    endpoint: Endpoint,
    client: TlsIdentity,
    appliance: TlsIdentity,
    connections: HashMap<String, Connection>,
    fleet: Option<Fleet>,
    _folder: TempDir,
}

impl Line {
    /// Starts a node, initializes it under a new customerCA, and gives it the users that the HSM
    /// in memory has.
    pub fn activated(program: &str, engine: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let folder = crate::cluster::folder();
        let layout = Layout::new(folder.path());
        let mut roster = provision(&layout, Some(1), &[""], None).unwrap();
        rename(&layout, &mut roster);
        let launch = Launch {
            program: program.into(),
            arguments: ["node", "--sync-interval-ms=0", "--engine", engine].map(Into::into).into(),
            address: std::net::Ipv4Addr::LOCALHOST.into(),
            base_port: 0,
            restart: false,
        };
        let ca = make_ca("customerCA").unwrap();
        fleet::write_public(&layout.customer_ca(), ca.certificate().as_bytes()).unwrap();
        let (fleet, node) = runtime.block_on(async {
            let (fleet, _) = Fleet::start(&layout, &roster, launch).await.unwrap();
            let node = fleet.nodes().remove(0);
            let connection = fleet.connect(&node).await.unwrap();
            fleet::initialize(&connection, &node, &ca).await.unwrap();
            (fleet, node)
        });
        let anchor_pem = ca.certificate().to_owned();
        let trust = Trust::Cluster { anchor_pem };
        let client = make_client_certificate(&ca, "client").unwrap();
        let client = TlsIdentity::new(trust.clone(), &client.certificate, &client.key).unwrap();
        let text = |path: &Path| fleet::read(path).unwrap();
        let (certificate, key) = (layout.service_certificate(), layout.service_key());
        let appliance = TlsIdentity::new(trust, &text(&certificate), &text(&key)).unwrap();
        let mut line = Self {
            runtime,
            endpoint: node.endpoint(),
            client,
            appliance,
            connections: HashMap::new(),
            fleet: Some(fleet),
            _folder: folder,
        };
        for words in ACTIVATION {
            let (name, words) = words.split_once(' ').unwrap_or((words, ""));
            let opcode = Opcode::named(name).unwrap();
            let (code, _) =
                line.ask("activation", opcode, opcode.request_from_text(words).unwrap());
            assert_eq!(code, 0, "{name} {words}");
        }
        line.hang_up("activation");
        line
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.connections.clear();
        if let Some(fleet) = self.fleet.take() {
            self.runtime.block_on(fleet.stop());
        }
    }
}

/// Gives the one node of a roster the id, number and zone of the HSM in memory, before its first
/// start: so the same conversation has the same answers.
fn rename(layout: &Layout, roster: &mut Roster) {
    let like = settings(0, EngineKind::Native, true);
    let seat = &mut roster.nodes[0];
    std::fs::rename(layout.node(&seat.hsm_id), layout.node(&like.hsm_id)).unwrap();
    (seat.hsm_id, seat.node, seat.zone) = (like.hsm_id, like.node, like.zone);
    roster.cluster_id = like.cluster_id;
    let path = layout.node(&seat.hsm_id).join("node.json");
    let mut card: serde_json::Value = serde_json::from_str(&fleet::read(&path).unwrap()).unwrap();
    card["hsm_id"] = seat.hsm_id.as_str().into();
    card["node"] = seat.node.into();
    card["zone"] = seat.zone.as_str().into();
    card["cluster_id"] = roster.cluster_id.as_str().into();
    std::fs::write(&path, card.to_string()).unwrap();
}

impl Answering for Line {
    fn ask(&mut self, connection: &str, opcode: Opcode, body: Vec<u8>) -> (u16, Vec<u8>) {
        let Self { runtime, endpoint, client, appliance, connections, .. } = self;
        runtime.block_on(async {
            if !connections.contains_key(connection) {
                let who = if connection.starts_with("peer") { appliance } else { client };
                let opened = Connection::open(endpoint, who, CONNECT_WITHIN).await;
                connections.insert(connection.to_owned(), opened.unwrap());
            }
            relay(&connections[connection], opcode, &body).await
        })
    }

    fn hang_up(&mut self, connection: &str) {
        self.connections.remove(connection);
    }
}

/// An answer as it came over the wire.
fn frame<R: Message>(answer: Result<R, CallError>) -> (u16, Vec<u8>) {
    let mut body = Vec::new();
    match answer {
        Ok(reply) => {
            proto::encode(&reply, &mut body);
            (0, body)
        }
        Err(CallError::Refused(refusal)) => {
            refusal.encode(&mut body);
            (refusal.fault as u16, body)
        }
        Err(other) => panic!("{other}"),
    }
}

macro_rules! relay {
    ($($code:literal $module:ident::$name:ident => $reply_module:ident::$reply:ident
       ($($row:tt)*) $says:literal;)*) => {
        /// Sends the request of any row through the client that ships.
        async fn relay(connection: &Connection, opcode: Opcode, body: &[u8]) -> (u16, Vec<u8>) {
            match opcode {
                $(Opcode::$name => {
                    let request: command::$module::$name = proto::decode(body).unwrap();
                    frame(connection.call(&request).await)
                })*
            }
        }
    };
}
proto::for_each_command!(relay);
