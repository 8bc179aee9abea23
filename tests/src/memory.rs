//! An HSM in memory, in a world without time, chance or disk.
use crate::say::say;
use crate::script::Answering;
use hsm_core::{EngineKind, Factory, Hsm, HsmType, Peer, Record, Session, Settings, World};
use proto::command::cluster::{
    BackupBegun, BackupRead, BeginBackup, Initialize, ReadBackup, RestoreBackup, WriteBackup,
};
use proto::{Deframer, Frame, Opcode, put_frame};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use zeroize::Zeroizing;

/// The microsecond at which this world stands still: 2026-01-01.
pub const NOW_US: u64 = 1_767_225_600_000_000;

/// A world that keeps records in memory and draws from a counted stream.
#[derive(Default)]
pub struct Still {
    drawn: AtomicU64,
    position: AtomicU64,
    /// The records by slot, as a disk would hold them.
    pub disk: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
}

impl World for Still {
    fn now_us(&self) -> u64 {
        NOW_US
    }

    fn random(&self, out: &mut [u8]) {
        for byte in out {
            let n = self.drawn.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
            *byte = (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8;
        }
    }

    fn append(&self, records: Vec<Record>) -> u64 {
        let mut disk = self.disk.lock().unwrap();
        disk.extend(records.into_iter().map(|r| (r.slot, r.value)));
        self.position.fetch_add(1, Ordering::Relaxed) + 1
    }
}

impl Still {
    /// The records, as they would be read back.
    pub fn records(&self) -> Vec<Record> {
        let disk = self.disk.lock().unwrap();
        disk.iter()
            .map(|(slot, value)| Record { slot: slot.clone(), value: value.clone() })
            .collect()
    }
}

/// One HSM and its connections, with an admin (`adminpw1`) and the CUs alice, bob and kmsuser
/// (`alicepw1`, `bobspw12`, `kmsPswd`).
pub struct Memory {
    /// The HSM.
    pub hsm: Hsm,
    /// What it stands in.
    pub world: Still,
    sessions: HashMap<String, Session>,
}

/// What is said to make an initialized HSM an activated one with users.
pub const ACTIVATION: &[&str] = &[
    "Login role=PRECO username=admin password=password",
    "ChangePassword role=PRECO username=admin password=adminpw1",
    "CreateUser role=CU username=alice password=alicepw1",
    "CreateUser role=CU username=bob password=bobspw12",
    "CreateUser role=CU username=kmsuser password=kmsPswd",
    "Logout",
];

/// Settings of node `node`, without limits unless asked for.
pub fn settings(node: u16, engine: EngineKind, limits: bool) -> Settings {
    Settings {
        hsm_id: format!("hsm-aaaaaaaaaa{}", (b'a' + node as u8) as char),
        cluster_id: "cluster-igklspoyj5v".to_owned(),
        node,
        zone: format!("us-east-1{}", (b'a' + node as u8) as char),
        hsm_type: HsmType::Hsm2mMedium,
        limits,
        kmsuser_2fa: false,
        engine,
        master_key: Zeroizing::new([1; 32]),
        backup_key: Zeroizing::new([2; 32]),
    }
}

/// What a factory gives an HSM. The certificates of the card are left out: nothing here asks.
pub fn factory() -> Factory {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "HSM:test:PARTN:1, for FIPS mode");
    Factory {
        cluster_csr: params.serialize_request(&key).unwrap().pem().unwrap(),
        identity_key: Zeroizing::new(key.serialize_der()),
        hsm_certificate: params.self_signed(&key).unwrap().pem(),
        aws_hardware_certificate: String::new(),
        manufacturer_hardware_certificate: String::new(),
    }
}

/// Signs a CSR with a fresh CA: what a customer does.
pub fn sign(csr: &str) -> Initialize {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "customerCA");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let anchor = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let request = rcgen::CertificateSigningRequestParams::from_pem(csr).unwrap();
    let signed_cert = request.signed_by(&issuer).unwrap().pem();
    Initialize { signed_cert, trust_anchor: anchor }
}

impl Memory {
    /// An HSM fresh from the factory.
    pub fn new(settings: Settings) -> Self {
        let world = Still::default();
        let hsm = Hsm::create(settings, factory(), &world).unwrap();
        Self { hsm, world, sessions: HashMap::new() }
    }

    /// An HSM in service.
    pub fn activated(engine: EngineKind, limits: bool) -> Self {
        let mut memory = Self::new(settings(0, engine, limits));
        memory.initialize();
        for line in ACTIVATION {
            let (name, words) = line.split_once(' ').unwrap_or((line, ""));
            let opcode = Opcode::named(name).unwrap();
            let body = opcode.request_from_text(words).unwrap();
            let (code, _) = memory.ask("activation", opcode, body);
            assert_eq!(code, 0, "{line}");
        }
        memory.hang_up("activation");
        memory
    }

    /// Signs the CSR and installs the certificate.
    pub fn initialize(&mut self) {
        let (_, body) = self.ask("peer", Opcode::GetCertificates, vec![0xa0]);
        let certificates: proto::command::cluster::Certificates = proto::decode(&body).unwrap();
        let mut body = Vec::new();
        proto::encode(&sign(&certificates.cluster_csr.unwrap()), &mut body);
        let (code, body) = self.ask("peer", Opcode::Initialize, body);
        assert_eq!(code, 0, "{}", proto::Refusal::decode(code, &body));
    }

    /// Ends all connections and switches the HSM off and on again.
    pub fn restart(self, settings: Settings) -> Self {
        for (_, session) in self.sessions {
            self.hsm.close_session(&self.world, session);
        }
        let blocks = self.hsm.audit_blocks(&self.world);
        self.world.append(blocks);
        let hsm = Hsm::open(settings, self.world.records().into_iter(), &self.world).unwrap();
        Self { hsm, world: self.world, sessions: HashMap::new() }
    }
}

impl Answering for Memory {
    fn ask(&mut self, connection: &str, opcode: Opcode, body: Vec<u8>) -> (u16, Vec<u8>) {
        let peer = if connection.starts_with("peer") { Peer::Appliance } else { Peer::Client };
        if !self.sessions.contains_key(connection) {
            self.sessions.insert(connection.to_owned(), self.hsm.open_session(peer));
            if opcode != Opcode::Hello {
                let hello = Opcode::Hello.request_from_text("version=1").unwrap();
                let (code, _) = self.ask(connection, Opcode::Hello, hello);
                assert_eq!(code, 0);
            }
        }
        let session = self.sessions.get_mut(connection).unwrap();
        let mut out = Vec::new();
        let frame = Frame { id: 1, code: opcode as u16, body: &body };
        self.hsm.serve(&self.world, session, frame, &mut out);
        // What a node's writer does with every group.
        self.world.append(self.hsm.audit_blocks(&self.world));
        let reply = Deframer::new(&out).next().unwrap().unwrap();
        (reply.code, reply.body.to_vec())
    }

    fn hang_up(&mut self, connection: &str) {
        if let Some(session) = self.sessions.remove(connection) {
            self.hsm.close_session(&self.world, session);
        }
    }
}

/// Frames a request, for tests that write bytes themselves.
pub fn frame(id: u32, opcode: Opcode, words: &str) -> Vec<u8> {
    let body = opcode.request_from_text(words).unwrap();
    let mut out = Vec::new();
    put_frame(&mut out, id, opcode as u16, |out| out.extend_from_slice(&body));
    out
}

/// Brings a backup of one HSM to another.
pub fn join(source: &mut Memory, node: u16) -> Memory {
    let mut joined = Memory::new(settings(node, EngineKind::Native, true));
    let BackupBegun { size } = say(source, "peer", &BeginBackup {});
    let mut offset = 0;
    while offset < size {
        let BackupRead { piece } = say(source, "peer", &ReadBackup { offset });
        offset += piece.0.len() as u64;
        say(&mut joined, "peer", &WriteBackup { piece });
    }
    say(&mut joined, "peer", &RestoreBackup {});
    joined
}
