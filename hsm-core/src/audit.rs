//! The audit log of management commands: gapless, chained, bounded.
//!
//! Records are collected here and written by the node's writer, together with the changes that
//! they tell of. Those of session keys gate no reply, so a crash may lose the last of them; the
//! record of the next start follows in the chain with a higher reboot counter and says so.
use crate::record::{AuditBlock, slot};
use crate::seal::RecordSeal;
use crate::world::{Record, World};
use aws_lc_rs::digest::{Context, SHA256};
use proto::command::audit::AuditRecord;
use proto::{Blob, Role};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Records of one block: the unit that is written.
const BLOCK: u64 = 256;
/// Blocks that are kept, on disk and in memory: 16,384 records.
const BLOCKS: u64 = 64;

/// Which keys and users a record speaks of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subject {
    pub(crate) user: Option<(String, Role)>,
    pub(crate) private_or_secret: u64,
    pub(crate) public: u64,
    pub(crate) key: bool,
    /// Other than the row's: a row can stand for several of CloudHSM's opcodes.
    pub(crate) opcode: Option<(u16, &'static str)>,
}

impl Subject {
    pub(crate) fn user(name: &str, role: Role) -> Self {
        Self { user: Some((name.to_owned(), role)), ..Self::default() }
    }

    /// 0 stands for no key.
    pub(crate) fn keys(private_or_secret: u64, public: u64) -> Self {
        Self { private_or_secret, public, key: true, ..Self::default() }
    }

    /// The record is of this opcode.
    pub(crate) fn of(self, opcode: u16, name: &'static str) -> Self {
        Self { opcode: Some((opcode, name)), ..self }
    }
}

/// The log of one HSM.
pub(crate) struct Audit(Mutex<Log>);

struct Log {
    next: u64,
    reboot: u64,
    waiting: Vec<AuditRecord>,
    /// Encoded; the last is number `next - waiting.len() - 1`.
    kept: VecDeque<Vec<u8>>,
    /// The chain's value behind the last kept record, and in front of the open block.
    chain: [u8; 32],
    before_block: [u8; 32],
}

impl Audit {
    /// Goes on behind the blocks that were read back, in any order.
    pub(crate) fn resume(mut blocks: Vec<AuditBlock>, reboot: u64) -> Self {
        blocks.sort_by_key(|b| b.number);
        let mut log = Log {
            next: 0,
            reboot,
            waiting: Vec::new(),
            kept: VecDeque::new(),
            chain: [0; 32],
            before_block: [0; 32],
        };
        for block in blocks {
            log.chain = block.before.0.try_into().unwrap_or_default();
            log.before_block = log.chain;
            log.next = block.number * BLOCK;
            for record in block.records {
                log.keep(record.0);
                log.next += 1;
            }
        }
        Self(Mutex::new(log))
    }

    fn log(&self) -> std::sync::MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a record; it gets the next sequence number.
    pub(crate) fn push(
        &self,
        opcode: u16,
        name: &str,
        session: u64,
        response: u16,
        subject: Subject,
        now_us: u64,
    ) {
        let mut log = self.log();
        let record = AuditRecord {
            sequence: log.next,
            time_us: now_us,
            reboot: log.reboot,
            opcode,
            name: name.to_owned(),
            session,
            response,
            user_type: subject.user.as_ref().map(|(_, role)| role.code() as u16),
            username: subject.user.map(|(name, _)| name),
            private_or_secret: subject.key.then_some(subject.private_or_secret),
            public: subject.key.then_some(subject.public),
        };
        log.next += 1;
        log.waiting.push(record);
    }

    /// The blocks that have changed since the last call, sealed.
    pub(crate) fn blocks(&self, seal: &RecordSeal, world: &dyn World) -> Vec<Record> {
        let mut out = Vec::new();
        let mut log = self.log();
        let waiting = std::mem::take(&mut log.waiting);
        let last = waiting.len();
        for (n, record) in waiting.into_iter().enumerate() {
            let sequence = record.sequence;
            let mut bytes = Vec::with_capacity(96);
            proto::encode(&record, &mut bytes);
            if sequence % BLOCK == 0 {
                log.before_block = log.chain;
            }
            log.keep(bytes);
            if sequence % BLOCK == BLOCK - 1 || n + 1 == last {
                out.push(log.block(sequence / BLOCK, sequence % BLOCK + 1, seal, world));
            }
        }
        out
    }

    /// Records from a sequence number on, whose bytes fit in `room`; the number behind the last,
    /// and the chain's value behind the whole log.
    pub(crate) fn read(&self, from: u64, room: usize) -> (Vec<AuditRecord>, u64, Vec<u8>) {
        let log = self.log();
        let end = log.next - log.waiting.len() as u64;
        let first = end - log.kept.len() as u64;
        let from = from.max(first);
        let mut left = room;
        let mut records = Vec::new();
        for bytes in log.kept.iter().skip((from - first) as usize) {
            let Some(rest) = left.checked_sub(bytes.len()) else { break };
            left = rest;
            records.extend(proto::decode::<AuditRecord>(bytes));
        }
        let next = from + records.len() as u64;
        (records, next, log.chain.to_vec())
    }
}

impl Log {
    fn keep(&mut self, bytes: Vec<u8>) {
        self.chain = link(&self.chain, &bytes);
        self.kept.push_back(bytes);
        if self.kept.len() as u64 > BLOCK * BLOCKS {
            self.kept.pop_front();
        }
    }

    fn block(&self, number: u64, records: u64, seal: &RecordSeal, world: &dyn World) -> Record {
        let skip = self.kept.len().saturating_sub(records as usize);
        let block = AuditBlock {
            number,
            before: Blob(self.before_block.to_vec()),
            records: self.kept.iter().skip(skip).cloned().map(Blob).collect(),
        };
        let mut plain = Vec::new();
        proto::encode(&block, &mut plain);
        let slot = slot::audit(number % BLOCKS);
        let mut nonce = [0; 12];
        world.random(&mut nonce);
        Record { value: seal.seal(nonce, &slot, &plain), slot }
    }
}

/// The chain: each value is the hash of the one before and the record.
fn link(before: &[u8; 32], record: &[u8]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(before);
    context.update(record);
    let mut out = [0; 32];
    out.copy_from_slice(context.finish().as_ref());
    out
}
