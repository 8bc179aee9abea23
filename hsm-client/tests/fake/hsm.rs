//! An HSM that knows just enough to be a client's other side, and that can be told to misbehave.
#![allow(dead_code, unreachable_pub)]
use hsm_client::{Endpoint, TlsIdentity, Trust};
use proto::command::cluster::{Member, Members, MembersSet};
use proto::command::key::*;
use proto::command::session::{LoggedIn, LoggedOut, Login, Welcome};
use proto::command::sign::{Sign, Signature};
use proto::command::user::{PasswordChanged, UserCreated, UsersListed};
use proto::{
    Blob, Deframer, Fault, Frame, Message, NodeState, Opcode, Refusal, VERSION, decode, encode,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// A CA with an HSM's and a client's certificate.
pub struct Authority {
    ca: CertifiedIssuer<'static, KeyPair>,
}

pub struct Made {
    pub certificate: String,
    pub key: String,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { ca: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    pub fn pem(&self) -> String {
        self.ca.pem()
    }

    pub fn issue(&self, name: &str, years: std::ops::Range<i32>) -> Made {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_before = rcgen::date_time_ymd(years.start, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.end, 1, 1);
        let certificate = params.signed_by(&key, &self.ca).unwrap().pem();
        Made { certificate, key: key.serialize_pem() }
    }

    pub fn client(&self) -> TlsIdentity {
        self.client_of(&self.issue("client", 2020..2090))
    }

    pub fn client_of(&self, made: &Made) -> TlsIdentity {
        let trust = Trust::Cluster { anchor_pem: self.pem() };
        TlsIdentity::new(trust, &made.certificate, &made.key).unwrap()
    }

    fn acceptor(&self, name: &str) -> TlsAcceptor {
        let made = self.issue(name, 2020..2090);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem().as_bytes()).unwrap()).unwrap();
        let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
            Arc::new(roots),
            provider.clone(),
        );
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(made.certificate.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(made.key.as_bytes()).unwrap(),
            )
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// How to treat the next request of a kind.
#[derive(Clone, Debug)]
pub enum Trick {
    /// Cut the line without doing it.
    CutBefore,
    /// Do it and cut the line without a reply.
    CutAfter,
    /// Answer bytes that are no frame.
    Garbage,
    /// Answer another request's id.
    WrongId,
    /// Answer half a frame and cut the line.
    HalfFrame,
    /// Answer a body that cannot be read.
    BadBody,
    Refuse(Fault),
}

pub struct State {
    pub hsm_id: String,
    pub node: u16,
    pub members: Mutex<Vec<Member>>,
    pub keys: Mutex<BTreeSet<u64>>,
    pub tokens: Mutex<HashMap<Vec<u8>, u64>>,
    pub passwords: Mutex<BTreeMap<String, String>>,
    pub tricks: Mutex<Vec<(Opcode, Trick)>>,
    pub log: Mutex<Vec<Opcode>>,
    next: Mutex<u64>,
}

impl State {
    pub fn trick(&self, opcode: Opcode, trick: Trick) {
        self.tricks.lock().unwrap().push((opcode, trick));
    }

    pub fn count(&self, opcode: Opcode) -> usize {
        self.log.lock().unwrap().iter().filter(|seen| **seen == opcode).count()
    }
}

pub struct Fake {
    pub endpoint: Endpoint,
    pub state: Arc<State>,
    pub acceptor: TlsAcceptor,
    task: AbortHandle,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Fake {
    pub async fn start(authority: &Authority, node: u16) -> Self {
        Self::start_as(authority, node, "HSM:abc:PARTN:1, for FIPS mode").await
    }

    pub async fn start_as(authority: &Authority, node: u16, name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            hsm_id: format!("hsm-{node}"),
            node,
            members: Mutex::default(),
            keys: Mutex::default(),
            tokens: Mutex::default(),
            passwords: Mutex::new([("alice".into(), "password1".into())].into()),
            tricks: Mutex::default(),
            log: Mutex::default(),
            next: Mutex::new((u64::from(node) + 1) << 40),
        });
        let acceptor = authority.acceptor(name);
        let task = tokio::spawn(listen(listener, acceptor.clone(), state.clone())).abort_handle();
        Self { endpoint: Endpoint::new("127.0.0.1", port), state, acceptor, task }
    }

    /// Vanishes with all its connections; session keys and the like are of no interest here.
    pub async fn stop(&self) {
        self.task.abort();
        while !self.task.is_finished() {
            tokio::task::yield_now().await;
        }
    }

    pub async fn restart(&mut self) {
        let listener = loop {
            match TcpListener::bind(("127.0.0.1", self.endpoint.port)).await {
                Ok(listener) => break listener,
                Err(_) => tokio::task::yield_now().await,
            }
        };
        let serving = listen(listener, self.acceptor.clone(), self.state.clone());
        self.task = tokio::spawn(serving).abort_handle();
    }

    pub fn member(&self) -> Member {
        Member {
            hsm_id: self.state.hsm_id.clone(),
            hostname: self.endpoint.host.clone(),
            port: self.endpoint.port,
            zone: "us-east-1a".into(),
        }
    }
}

async fn listen(listener: TcpListener, acceptor: TlsAcceptor, state: Arc<State>) {
    let mut serving = JoinSet::new();
    loop {
        let (tcp, _) = listener.accept().await.unwrap();
        let (acceptor, state) = (acceptor.clone(), state.clone());
        serving.spawn(async move { drop(serve(tcp, acceptor, state).await) });
    }
}

pub async fn serve(
    tcp: TcpStream,
    acceptor: TlsAcceptor,
    state: Arc<State>,
) -> std::io::Result<()> {
    let mut tls = acceptor.accept(tcp).await?;
    let mut input = Vec::new();
    loop {
        let mut output = Vec::new();
        let mut frames = Deframer::new(&input);
        let mut cut = false;
        while let Some(frame) = frames.next().unwrap() {
            cut = !answer(&state, frame, &mut output);
            if cut {
                break;
            }
        }
        let used = frames.used();
        input.drain(..used);
        tls.write_all(&output).await?;
        tls.flush().await?;
        if cut || tls.read_buf(&mut input).await? == 0 {
            return Ok(());
        }
    }
}

/// False: the line is to be cut.
fn answer(state: &State, frame: Frame<'_>, out: &mut Vec<u8>) -> bool {
    let opcode = Opcode::from_code(frame.code).unwrap();
    state.log.lock().unwrap().push(opcode);
    let mut tricks = state.tricks.lock().unwrap();
    let trick = tricks.iter().position(|(of, _)| *of == opcode).map(|at| tricks.remove(at).1);
    drop(tricks);
    let mut id = frame.id;
    match trick {
        Some(Trick::CutBefore) => return false,
        Some(Trick::CutAfter) => {
            let _ = execute(state, opcode, frame.body);
            return false;
        }
        Some(Trick::Garbage) => {
            out.extend_from_slice(b"HTTP/1.1 400 Bad Request\r\n\r\n");
            return true;
        }
        Some(Trick::HalfFrame) => {
            out.extend_from_slice(&[0, 0, 0, 40, 0, 0]);
            return false;
        }
        Some(Trick::BadBody) => {
            proto::put_frame(out, id, 0, |out| out.extend_from_slice(&[0xff, 0xff]));
            return true;
        }
        Some(Trick::Refuse(fault)) => {
            proto::put_frame(out, id, fault as u16, |_| {});
            return true;
        }
        Some(Trick::WrongId) => id += 7,
        None => {}
    }
    match execute(state, opcode, frame.body) {
        Ok(body) => proto::put_frame(out, id, 0, |out| out.extend_from_slice(&body)),
        Err(refusal) => {
            proto::put_frame(out, id, refusal.fault as u16, |out| refusal.encode(out));
        }
    }
    true
}

fn body(message: impl Message) -> Result<Vec<u8>, Refusal> {
    let mut out = Vec::new();
    encode(&message, &mut out);
    Ok(out)
}

fn execute(state: &State, opcode: Opcode, request: &[u8]) -> Result<Vec<u8>, Refusal> {
    match opcode {
        Opcode::Hello => body(Welcome {
            version: VERSION,
            hsm_id: state.hsm_id.clone(),
            cluster_id: "cluster-1".into(),
            node: state.node,
            state: NodeState::Active,
            zone: "us-east-1a".into(),
        }),
        Opcode::GetMembers => body(Members { members: state.members.lock().unwrap().clone() }),
        Opcode::SetMembers => body(MembersSet {}),
        Opcode::Login => {
            let login: Login = decode(request)?;
            match state.passwords.lock().unwrap().get(&login.username) {
                Some(password) if password == login.password.expose() => {
                    body(LoggedIn { user_id: 1 })
                }
                _ => Err(Fault::LoginFailure.into()),
            }
        }
        Opcode::Logout => body(LoggedOut {}),
        Opcode::CreateUser => body(UserCreated { id: 3 }),
        Opcode::ListUsers => body(UsersListed { users: vec![] }),
        Opcode::ChangePassword => {
            let change: proto::command::user::ChangePassword = decode(request)?;
            let new = change.password.expose().to_owned();
            state.passwords.lock().unwrap().insert(change.username, new);
            body(PasswordChanged {})
        }
        _ => execute_on_keys(state, opcode, request),
    }
}

fn execute_on_keys(state: &State, opcode: Opcode, request: &[u8]) -> Result<Vec<u8>, Refusal> {
    let has = |handle: u64| match state.keys.lock().unwrap().contains(&handle) {
        true => Ok(()),
        false => Err(Refusal::from(Fault::InvalidHandle)),
    };
    match opcode {
        Opcode::GenerateKey => {
            let request: GenerateKey = decode(request)?;
            let mut tokens = state.tokens.lock().unwrap();
            let known = request.retry.as_ref().and_then(|retry| tokens.get(&retry.0)).copied();
            let handle = known.unwrap_or_else(|| {
                let mut next = state.next.lock().unwrap();
                *next += 1;
                *next
            });
            state.keys.lock().unwrap().insert(handle);
            if let Some(retry) = request.retry {
                tokens.insert(retry.0, handle);
            }
            body(KeyGenerated { handle, check_value: None })
        }
        Opcode::ExtractMaskedObject => {
            let request: ExtractMaskedObject = decode(request)?;
            has(request.handle)?;
            body(MaskedObject { object: Blob(request.handle.to_be_bytes().to_vec()) })
        }
        Opcode::InsertMaskedObject => {
            let request: InsertMaskedObject = decode(request)?;
            let handle = u64::from_be_bytes(request.object.0.try_into().unwrap());
            state.keys.lock().unwrap().insert(handle);
            body(MaskedObjectInserted { handle })
        }
        Opcode::DestroyObjects => {
            let request: DestroyObjects = decode(request)?;
            request.handles.iter().try_for_each(|handle| has(*handle))?;
            state.keys.lock().unwrap().retain(|handle| !request.handles.contains(handle));
            body(ObjectsDestroyed { count: request.handles.len() as u64 })
        }
        Opcode::FindKeys => {
            let request: FindKeys = decode(request)?;
            let keys = state.keys.lock().unwrap();
            let behind = keys.iter().copied().filter(|handle| *handle > request.after);
            let handles = behind.take(request.limit as usize).collect();
            body(KeysFound { handles, total: keys.len() as u64 })
        }
        Opcode::GetAttributes => {
            let request: GetAttributes = decode(request)?;
            has(request.handle)?;
            let (handle, owner) = (request.handle, "alice".into());
            body(AttributesGot { handle, owner, shared_with: vec![], attributes: vec![] })
        }
        Opcode::SetAttribute => {
            let request: SetAttribute = decode(request)?;
            has(request.handle)?;
            body(AttributeSet {})
        }
        Opcode::ShareObject => {
            let request: ShareObject = decode(request)?;
            has(request.handle)?;
            body(ObjectShared {})
        }
        Opcode::Sign => {
            let request: Sign = decode(request)?;
            has(request.key)?;
            body(Signature { signature: request.data })
        }
        other => panic!("the fake does not know {other:?}"),
    }
}
