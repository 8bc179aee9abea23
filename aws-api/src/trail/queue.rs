//! Events on their way to the disk: gathered, so that the file's thread is not woken for each.
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Bytes that may wait for the disk; who comes with more waits.
const WAITING_MAX: usize = 8 * 1024 * 1024;
/// Room that is kept between writes.
const KEPT: usize = 256 * 1024;
/// How long events are gathered after the first of a group.
const GATHER: Duration = Duration::from_millis(5);
/// A log of this size becomes `cloudtrail.jsonl.1`, in the place of the one before.
const FILE_MAX: u64 = 256 * 1024 * 1024;

/// The way to the file, whose thread ends with this, when all is written.
pub(super) struct Log(Arc<Queue>);

struct Queue {
    lines: Mutex<Lines>,
    some: Condvar,
    /// So many bytes of all are in the file.
    written: watch::Sender<u64>,
}

#[derive(Default)]
struct Lines {
    bytes: Vec<u8>,
    /// All bytes that were ever put here.
    total: u64,
    /// Somebody waits for the file.
    hurry: bool,
    /// No more will come.
    ended: bool,
}

impl Log {
    /// Begins, or goes on with, this file.
    pub(super) fn open(path: PathBuf) -> io::Result<Self> {
        let file = LogFile::open(path)?;
        let queue = Arc::new(Queue {
            lines: Mutex::default(),
            some: Condvar::new(),
            written: watch::channel(0).0,
        });
        let writer = queue.clone();
        std::thread::Builder::new()
            .name("cloudtrail".into())
            .spawn(move || writer.write_all(file))?;
        Ok(Self(queue))
    }

    /// Puts a line behind the others; waits while there are too many.
    pub(super) async fn put(&self, line: &[u8]) {
        if let Some(total) = self.0.push(line) {
            self.0.reached(total).await;
        }
    }

    /// Waits until the file has all lines.
    pub(super) async fn flush(&self) {
        let total = self.0.hurry();
        self.0.reached(total).await;
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.some.notify_one();
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to wait for, if there are too many.
    fn push(&self, line: &[u8]) -> Option<u64> {
        let mut lines = self.lock();
        let first = lines.bytes.is_empty();
        lines.bytes.extend_from_slice(line);
        lines.total += line.len() as u64;
        let too_many = (lines.bytes.len() > WAITING_MAX).then_some(lines.total);
        drop(lines);
        if first {
            self.some.notify_one();
        }
        too_many
    }

    fn hurry(&self) -> u64 {
        let mut lines = self.lock();
        lines.hurry = true;
        self.some.notify_one();
        lines.total
    }

    async fn reached(&self, total: u64) {
        // The sender is part of this queue: it does not fail.
        let _ = self.written.subscribe().wait_for(|written| *written >= total).await;
    }

    fn write_all(&self, mut file: LogFile) {
        let mut group = Vec::new();
        while let Some(total) = self.take(&mut group) {
            if let Err(error) = file.write(&group) {
                tracing::error!("cloudtrail.jsonl: {error}");
            }
            group.clear();
            group.shrink_to(KEPT);
            self.written.send_replace(total);
        }
    }

    /// Waits for lines, and a moment longer: a wake-up and a write for each would cost more than
    /// making them. `None`: no more will come.
    fn take(&self, group: &mut Vec<u8>) -> Option<u64> {
        let none = |lines: &mut Lines| lines.bytes.is_empty() && !lines.ended;
        let lines = self.some.wait_while(self.lock(), none).unwrap_or_else(PoisonError::into_inner);
        let early = |lines: &mut Lines| !lines.hurry && !lines.ended;
        let gathered = self.some.wait_timeout_while(lines, GATHER, early);
        let (mut lines, _) = gathered.unwrap_or_else(PoisonError::into_inner);
        lines.hurry = false;
        std::mem::swap(&mut lines.bytes, group);
        (!group.is_empty()).then_some(lines.total)
    }
}

/// A file that begins anew when it is too long.
struct LogFile {
    path: PathBuf,
    file: File,
    size: u64,
}

impl LogFile {
    fn open(path: PathBuf) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        let size = file.metadata()?.len();
        Ok(Self { path, file, size })
    }

    fn begin_anew(&mut self) -> io::Result<()> {
        std::fs::rename(&self.path, self.path.with_extension("jsonl.1"))?;
        *self = Self::open(self.path.clone())?;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.size > FILE_MAX
            && let Err(error) = self.begin_anew()
        {
            // No reason to lose events: the file goes on, and this is tried again after as many.
            tracing::error!("cloudtrail.jsonl cannot begin anew: {error}");
            self.size = 0;
        }
        self.size += bytes.len() as u64;
        self.file.write_all(bytes)
    }
}
