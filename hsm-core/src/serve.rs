//! The life of one request, whole: decode, authorise, execute, commit, audit, reply.
use crate::audit::{Audit, Subject};
use crate::authorise::authorise;
use crate::crypto::{Engine, engine};
use crate::execute::{Done, Execute, Failed};
use crate::handle::Handles;
use crate::identity::{Factory, Identity};
use crate::key::Key;
use crate::ranges::Ranges;
use crate::record::{
    AuditBlock, Boot, KeyRecord, NodeRecord, Reservation, Tombstone, UserGone, UserRecord, slot,
};
use crate::retries::Retries;
use crate::seal::{RecordSeal, Seal};
use crate::session::{Login, Peer, Session};
use crate::settings::Settings;
use crate::user::User;
use crate::vault::{Change, Vault};
use crate::world::{Record, World};
use proto::command::cluster::{HandleRange, Member};
use proto::command::*;
use proto::{Effect, Fault, Frame, Message, Opcode, Refusal, Weight, Who, put_frame};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use zeroize::Zeroizing;

/// One HSM. Shared by all its connections; every method takes `&self`.
pub struct Hsm {
    pub(crate) vault: Vault,
    pub(crate) audit: Audit,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) handles: Handles,
    pub(crate) retries: Retries,
    pub(crate) settings: Settings,
    pub(crate) backup_seal: Seal,
    /// Session keys of all connections: they count against the HSM's capacity.
    pub(crate) session_keys: AtomicUsize,
    seal: RecordSeal,
    sessions: AtomicU64,
}

/// The records cannot be those of this HSM.
#[derive(Debug, PartialEq, Eq)]
pub enum OpenError {
    /// There are none: this HSM was never switched on.
    Empty,
    /// A record cannot be opened: it is damaged, or sealed under another master key.
    Broken {
        /// The slot, as text.
        slot: String,
    },
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("the store holds no HSM"),
            Self::Broken { slot } => write!(
                f,
                "the record {slot} cannot be opened: it is damaged, or master.key is not the one \
                 that sealed it"
            ),
        }
    }
}

impl std::error::Error for OpenError {}

/// Where a command has to run; unknown ones are refused in place.
pub fn weight(code: u16) -> Weight {
    Opcode::from_code(code).map_or(Weight::Light, |opcode| opcode.spec().weight)
}

impl Hsm {
    /// Switches a new HSM on for the first time.
    pub fn create(
        settings: Settings,
        factory: Factory,
        world: &dyn World,
    ) -> Result<Self, OpenError> {
        let node = Arc::new(factory.into_record(settings.hsm_id.clone()));
        let hsm = Self::new(settings, node.clone(), 0, 0, Vec::new());
        hsm.boot(1, world);
        hsm.commit(world, vec![Change::NodeChanged { was: node.clone(), node }])
            .map_err(|_| OpenError::Empty)?;
        Ok(hsm)
    }

    /// Switches an HSM on again with the records that its World kept, in any order.
    pub fn open(
        settings: Settings,
        records: impl Iterator<Item = Record>,
        world: &dyn World,
    ) -> Result<Self, OpenError> {
        let seal = RecordSeal::new(&settings.master_key, settings.node);
        let mut read = Read::default();
        for record in records {
            read.take(&seal, &record)
                .map_err(|_| OpenError::Broken { slot: record.slot.escape_ascii().to_string() })?;
        }
        let node = Arc::new(read.node.ok_or(OpenError::Empty)?);
        let hsm = Self::new(settings, node, read.reserved, read.reboot, read.blocks);
        let tombstones = read.tombstones.from(0).map(Change::TombstonesAdded);
        for change in tombstones.chain(read.changes) {
            hsm.handles.pass_those_of(&change);
            hsm.vault.apply(change, 0);
        }
        hsm.boot(read.reboot + 1, world);
        Ok(hsm)
    }

    fn new(
        settings: Settings,
        node: Arc<NodeRecord>,
        reserved: u64,
        reboot: u64,
        blocks: Vec<AuditBlock>,
    ) -> Self {
        Self {
            vault: Vault::new(node, settings.capacity()),
            audit: Audit::resume(blocks, reboot + 1),
            engine: engine(settings.engine),
            handles: Handles::resume(settings.node, reserved),
            retries: Retries::default(),
            backup_seal: Seal::new(&settings.backup_key),
            session_keys: AtomicUsize::new(0),
            seal: RecordSeal::new(&settings.master_key, settings.node),
            sessions: AtomicU64::new(1),
            settings,
        }
    }

    fn boot(&self, reboot: u64, world: &dyn World) {
        self.seal.begin(reboot);
        self.audit.push(0x95, "CN_INIT_DONE", 0, 0, Subject::default(), world.now_us());
        world.append(vec![self.record(slot::BOOT.to_vec(), &Boot { reboot }, world)]);
    }

    /// What to serve in TLS now.
    pub fn identity(&self) -> Arc<Identity> {
        self.vault.identity()
    }

    /// The members of the cluster, as this HSM was told.
    pub fn members(&self) -> Vec<Member> {
        self.vault.node().members.clone()
    }

    /// This HSM's id.
    pub fn hsm_id(&self) -> &str {
        &self.settings.hsm_id
    }

    /// The audit log's blocks that have changed. The node's writer asks just before it writes a
    /// group, so that a change and its audit record become durable together.
    pub fn audit_blocks(&self, world: &dyn World) -> Vec<Record> {
        self.audit.blocks(&self.seal, world)
    }

    /// Begins a connection.
    pub fn open_session(&self, peer: Peer) -> Session {
        // As in CloudHSM's audit log, session handles begin at 0x1004001.
        Session::new(0x100_4000 + self.sessions.fetch_add(1, Ordering::Relaxed), peer)
    }

    /// Ends a connection: its login and its session keys are gone.
    pub fn close_session(&self, world: &dyn World, mut session: Session) {
        self.retries.leave(&mut session);
        if let Some(login) = self.log_out(&mut session) {
            let subject = Subject::user(&login.name, login.role);
            self.audit.push(0x8002, "CN_CLOSE_SESSION", session.number, 0, subject, world.now_us());
        }
    }

    /// Ends the session's login, and with it its session keys.
    pub(crate) fn log_out(&self, session: &mut Session) -> Option<Login> {
        let login = session.login.take()?;
        self.vault.logins.leave(login.user);
        self.session_keys.fetch_sub(session.keys.len(), Ordering::Relaxed);
        session.keys.clear();
        Some(login)
    }

    /// A session key is destroyed, or has become a token key.
    pub(crate) fn forget_session_key(&self, session: &mut Session, handle: u64) {
        if session.keys.remove(&handle).is_some() {
            self.session_keys.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Answers one request: appends one reply to `out`, and returns the position that must be
    /// durable before that reply may be released; 0 if it may be at once.
    pub fn serve(
        &self,
        world: &dyn World,
        session: &mut Session,
        frame: Frame<'_>,
        out: &mut Vec<u8>,
    ) -> u64 {
        session.seen = 0;
        match Opcode::from_code(frame.code) {
            Some(opcode) => self.dispatch(opcode, world, session, frame, out),
            None => {
                let refusal = Fault::NoSuchCommand.with(format!("code 0x{:04x}", frame.code));
                refuse(frame.id, &refusal, out);
            }
        }
        self.retries.leave(session);
        session.seen
    }

    fn run<C: Execute>(
        &self,
        world: &dyn World,
        session: &mut Session,
        frame: Frame<'_>,
        out: &mut Vec<u8>,
    ) {
        let mut reply = self.attempt::<C>(world, session, frame.body, C::ATTEMPTS == 1);
        for left in (0..C::ATTEMPTS - 1).rev() {
            if !reply.as_ref().is_err_and(|refusal| refusal.fault == Fault::Busy) {
                break;
            }
            reply = self.attempt::<C>(world, session, frame.body, left == 0);
        }
        match reply {
            Ok(reply) => put_frame(out, frame.id, 0, |out| proto::encode(&reply, out)),
            Err(refusal) => refuse(frame.id, &refusal, out),
        }
    }

    /// Decodes, authorises, executes and commits. That the commit was refused is recorded in the
    /// audit log of the last attempt alone.
    fn attempt<C: Execute>(
        &self,
        world: &dyn World,
        session: &mut Session,
        body: &[u8],
        last: bool,
    ) -> Result<C::Reply, Refusal> {
        let audited = is_audited::<C>(session);
        let outcome = proto::decode::<C>(body)
            .and_then(|request| authorise(request, body, self, session, world))
            .map_err(Failed::from)
            .and_then(C::execute);
        match outcome {
            Ok(Done { reply, changes, subjects, after }) => {
                let note = Note { audited, response: 0, subjects, last };
                self.settle::<C>(world, session, changes, note)?;
                if let Some(after) = after {
                    after(self, session);
                }
                Ok(reply)
            }
            Err(Failed { refusal, changes, subjects }) => {
                if C::SPEC.effect == Effect::Writes {
                    // It may rest on a change of another that is not durable yet.
                    session.saw(self.vault.latest());
                }
                let note = Note { audited, response: refusal.fault as u16, subjects, last };
                self.settle::<C>(world, session, changes, note)?;
                Err(refusal)
            }
        }
    }

    /// Commits what the command changed and records it in the audit log, as one.
    fn settle<C: Execute>(
        &self,
        world: &dyn World,
        session: &mut Session,
        changes: Vec<Change>,
        note: Note,
    ) -> Result<(), Refusal> {
        let number = session.number;
        if changes.is_empty() {
            self.note::<C>(world, number, &note, note.response);
            return Ok(());
        }
        let records = self.records(&changes, world);
        let committed = self.vault.commit(&changes, || {
            self.note::<C>(world, number, &note, note.response);
            // A login alone is not recorded.
            if records.is_empty() { 0 } else { world.append(records) }
        });
        if let Err(refusal) = &committed {
            session.saw(self.vault.latest());
            if note.last {
                self.note::<C>(world, number, &note, refusal.fault as u16);
            }
        }
        committed.map(|position| session.saw(position))
    }

    fn note<C: Execute>(&self, world: &dyn World, session: u64, note: &Note, response: u16) {
        let unnamed = [Subject::default()];
        // That two clusters' keys have met is told whoever brought one of them.
        let audited = note.audited || response == Fault::OtherKey as u16;
        let subjects = if note.subjects.is_empty() { &unnamed } else { &note.subjects[..] };
        for subject in subjects.iter().filter(|_| audited) {
            let (code, name) = subject.opcode.unwrap_or((C::SPEC.opcode as u16, C::SPEC.audit));
            self.audit.push(code, name, session, response, subject.clone(), world.now_us());
        }
    }

    pub(crate) fn commit(&self, world: &dyn World, changes: Vec<Change>) -> Result<u64, Refusal> {
        let records = self.records(&changes, world);
        self.vault.commit(&changes, || world.append(records))
    }

    /// A fresh handle, and the position that it depends on.
    pub(crate) fn next_handle(&self, world: &dyn World) -> (u64, u64) {
        self.handles.next(|reservation| {
            world.append(self.records(&[Change::HandlesReserved(reservation)], world))
        })
    }

    fn records(&self, changes: &[Change], world: &dyn World) -> Vec<Record> {
        changes
            .iter()
            .filter_map(|change| match change {
                Change::UserLoggedIn { .. } => None,
                Change::KeyAdded(key) | Change::KeyChanged { key, .. } => {
                    Some(self.sealed(slot::key(key.handle), &key.to_bytes(), world))
                }
                Change::KeyRemoved { handle } => {
                    Some(self.record(slot::key(*handle), &Tombstone { handle: *handle }, world))
                }
                Change::TombstonesAdded(range) => {
                    let range = HandleRange::from(range.clone());
                    Some(self.record(slot::tombstones(range.first), &range, world))
                }
                Change::UserAdded(user) | Change::UserChanged { user, .. } => {
                    Some(self.record(slot::user(user.id), &user.to_record(), world))
                }
                Change::UserRemoved { id } => {
                    Some(self.record(slot::user(*id), &UserGone { id: *id }, world))
                }
                Change::NodeChanged { node, .. } => {
                    Some(self.record(slot::NODE.to_vec(), &**node, world))
                }
                Change::HandlesReserved(r) => Some(self.record(slot::HANDLES.to_vec(), r, world)),
            })
            .collect()
    }

    fn record<M: Message>(&self, slot: Vec<u8>, message: &M, world: &dyn World) -> Record {
        let mut plain = Zeroizing::new(Vec::with_capacity(256));
        proto::encode(message, &mut plain);
        self.sealed(slot, &plain, world)
    }

    fn sealed(&self, slot: Vec<u8>, plain: &[u8], world: &dyn World) -> Record {
        let mut nonce = [0; 12];
        world.random(&mut nonce);
        Record { value: self.seal.seal(nonce, &slot, plain), slot }
    }
}

/// What the audit log is to say of a command.
struct Note {
    audited: bool,
    response: u16,
    subjects: Vec<Subject>,
    last: bool,
}

/// Never of the appliance user: what HSMs do among themselves is not in CloudHSM's log.
fn is_audited<C: Execute>(session: &Session) -> bool {
    let by_user = session.peer == Peer::Client || session.login.is_some();
    !C::SPEC.audit.is_empty() && (by_user || matches!(C::SPEC.who, Who::Client | Who::Appliance))
}

fn refuse(id: u32, refusal: &Refusal, out: &mut Vec<u8>) {
    put_frame(out, id, refusal.fault as u16, |out| refusal.encode(out));
}

/// The records of an HSM, as they are read back.
#[derive(Default)]
struct Read {
    node: Option<NodeRecord>,
    reserved: u64,
    reboot: u64,
    blocks: Vec<AuditBlock>,
    /// A range at once, however many records it is made of.
    tombstones: Ranges,
    changes: Vec<Change>,
}

impl Read {
    fn take(&mut self, seal: &RecordSeal, record: &Record) -> Result<(), ()> {
        let plain = seal.open(&record.slot, &record.value).map_err(|_| ())?;
        let plain: &[u8] = &plain;
        fn read<M: Message>(plain: &[u8]) -> Result<M, ()> {
            proto::decode(plain).map_err(|_| ())
        }
        match slot::kind(&record.slot) {
            Some(b'k') => match read::<KeyRecord>(plain) {
                Ok(key) => {
                    let key = Arc::new(Key::from_record(key).map_err(|_| ())?);
                    self.changes.push(Change::KeyAdded(key));
                }
                Err(()) => {
                    let handle = read::<Tombstone>(plain)?.handle;
                    self.tombstones.insert(handle..=handle);
                }
            },
            Some(b't') => self.tombstones.insert(read::<HandleRange>(plain)?.into()),
            Some(b'u') => self.changes.push(match read::<UserRecord>(plain) {
                Ok(user) => Change::UserAdded(Arc::new(User::from_record(user))),
                Err(()) => Change::UserRemoved { id: read::<UserGone>(plain)?.id },
            }),
            Some(b'a') => self.blocks.push(read(plain)?),
            _ if record.slot == slot::NODE => self.node = Some(read(plain)?),
            _ if record.slot == slot::HANDLES => self.reserved = read::<Reservation>(plain)?.upto,
            _ if record.slot == slot::BOOT => self.reboot = read::<Boot>(plain)?.reboot,
            _ => return Err(()),
        }
        Ok(())
    }
}

macro_rules! dispatch {
    ($($code:literal $module:ident::$name:ident => $reply_module:ident::$reply:ident
       ($who:ident, $effect:ident, $weight:ident, $audit:literal) $says:literal;)*) => {
        impl Hsm {
            fn dispatch(
                &self,
                opcode: Opcode,
                world: &dyn World,
                session: &mut Session,
                frame: Frame<'_>,
                out: &mut Vec<u8>,
            ) {
                match opcode {
                    $(Opcode::$name => self.run::<$module::$name>(world, session, frame, out),)*
                }
            }
        }
    };
}
proto::for_each_command!(dispatch);
