//! Group commit: changes gather while the disk is busy, and become durable together with one sync.
use crate::budget::Budget;
use crate::store::Store;
use crate::world::Machine;
use hsm_core::{Hsm, Record};
use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::watch;

/// How long audit records that no change carries may wait for the disk.
const AUDIT_TICK: Duration = Duration::from_millis(100);

/// What waits to be written, and how far the disk has come.
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    progress: watch::Sender<Progress>,
    /// What waits counts against the memory that all connections share.
    budget: Arc<Budget>,
}

#[derive(Default)]
struct Waiting {
    records: Vec<Record>,
    /// The position of the newest record.
    last: u64,
    closed: bool,
}

/// How far the disk has come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// Everything up to this position is durable.
    pub(crate) durable: u64,
    /// Why nothing more will be durable: a sentence for the operator.
    pub(crate) failed: Option<Arc<str>>,
}

impl Queue {
    pub(crate) fn new(budget: Arc<Budget>) -> Self {
        Self {
            waiting: Mutex::default(),
            arrived: Condvar::new(),
            progress: watch::Sender::new(Progress::default()),
            budget,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes records that become durable together; returns the position to wait for.
    pub(crate) fn append(&self, mut records: Vec<Record>) -> u64 {
        self.budget.take(weight(&records));
        let mut waiting = self.lock();
        waiting.records.append(&mut records);
        waiting.last += 1;
        let position = waiting.last;
        drop(waiting);
        self.arrived.notify_one();
        position
    }

    /// How far the disk has come, now and from now on.
    pub(crate) fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// The writer ends when it has written what waits.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_one();
    }

    /// Waits for records, for the audit tick or for the end.
    fn take(&self) -> (Vec<Record>, u64, bool) {
        let quiet = |waiting: &mut Waiting| waiting.records.is_empty() && !waiting.closed;
        let (mut waiting, _) = self
            .arrived
            .wait_timeout_while(self.lock(), AUDIT_TICK, quiet)
            .unwrap_or_else(PoisonError::into_inner);
        (mem::take(&mut waiting.records), waiting.last, waiting.closed)
    }
}

/// Bytes of memory that records take while they wait.
fn weight(records: &[Record]) -> usize {
    let one = |record: &Record| size_of::<Record>() + record.slot.len() + record.value.len();
    records.iter().map(one).sum()
}

/// Starts the node's one writer. `place` names the store in messages.
pub(crate) fn start(
    queue: Arc<Queue>,
    hsm: Arc<Hsm>,
    store: Box<dyn Store>,
    place: String,
) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name("writer".into()).spawn(move || {
        let write = AssertUnwindSafe(|| write_groups(&queue, &hsm, store));
        let cause = match catch_unwind(write) {
            Ok(Ok(())) => return,
            Ok(Err(cause)) => cause.to_string(),
            Err(_) => "its writer panicked".to_owned(),
        };
        let why = format!(
            "the store {place} failed: {cause}; the node stops, nothing acknowledged is lost"
        );
        queue.progress.send_modify(|progress| progress.failed = Some(why.into()));
    })
}

fn write_groups(queue: &Arc<Queue>, hsm: &Hsm, mut store: Box<dyn Store>) -> io::Result<()> {
    let machine = Machine { queue: Arc::clone(queue) };
    loop {
        let (mut group, position, closed) = queue.take();
        let gates_replies = !group.is_empty();
        let waited = weight(&group);
        group.extend(hsm.audit_blocks(&machine));
        if !group.is_empty() {
            store.write(group)?;
        }
        queue.budget.give_back(waited);
        if gates_replies || closed {
            store.sync()?;
            queue.progress.send_modify(|progress| progress.durable = position);
        }
        if closed {
            return Ok(());
        }
    }
}
