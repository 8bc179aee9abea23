//! Events on their way to the disk: gathered, so that the file's thread is not woken for each.
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Bytes that may wait for the disk; who comes with more waits.
const WAITING_MAX: usize = 8 * 1024 * 1024;
/// How often a disk that takes nothing is tried again.
const AGAIN: Duration = Duration::from_secs(1);
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

    /// What the disk does not take is kept, up to a bound: nobody waits for a disk that is full.
    fn write_all(&self, mut file: LogFile) {
        let mut group = Vec::new();
        let mut kept = Kept::default();
        while let Some(total) = self.take(&mut group, !kept.lines.is_empty()) {
            kept.write(&group, &mut file);
            group.clear();
            group.shrink_to(KEPT);
            self.written.send_replace(total);
        }
    }

    /// Waits for lines, and a moment longer: a wake-up and a write for each would cost more than
    /// making them. No longer than [`AGAIN`] where some are kept. `None`: no more will come.
    fn take(&self, group: &mut Vec<u8>, some_kept: bool) -> Option<u64> {
        let none = |lines: &mut Lines| lines.bytes.is_empty() && !lines.ended;
        if some_kept {
            let waited = self.some.wait_timeout_while(self.lock(), AGAIN, none);
            let (lines, late) = waited.unwrap_or_else(PoisonError::into_inner);
            if late.timed_out() {
                return Some(lines.total);
            }
        }
        let lines = self.some.wait_while(self.lock(), none).unwrap_or_else(PoisonError::into_inner);
        let early = |lines: &mut Lines| !lines.hurry && !lines.ended;
        let gathered = self.some.wait_timeout_while(lines, GATHER, early);
        let (mut lines, _) = gathered.unwrap_or_else(PoisonError::into_inner);
        lines.hurry = false;
        std::mem::swap(&mut lines.bytes, group);
        (!group.is_empty()).then_some(lines.total)
    }
}

/// Lines that the disk has not taken yet.
#[derive(Default)]
struct Kept {
    lines: Vec<u8>,
    /// Events that there was no room for, since the disk took some last.
    dropped: usize,
    failing: bool,
}

impl Kept {
    /// Writes all lines, or keeps as many of the first as it has room for.
    fn write(&mut self, group: &[u8], file: &mut LogFile) {
        let written = match self.lines.is_empty() {
            true => file.write(group),
            false => file.write(&self.lines).and_then(|()| {
                self.lines = Vec::new();
                file.write(group)
            }),
        };
        match written {
            Ok(()) if self.failing => {
                let dropped = std::mem::take(&mut self.dropped);
                self.failing = false;
                tracing::warn!("cloudtrail.jsonl is written again; {dropped} events are lost");
            }
            Ok(()) => {}
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    let path = file.path.display();
                    tracing::error!(
                        "{path} cannot be written: {error}. Make room on its disk: {WAITING_MAX} \
                         bytes of events are kept until then"
                    );
                }
                self.keep(group);
            }
        }
    }

    /// Whole lines only.
    fn keep(&mut self, group: &[u8]) {
        for line in group.split_inclusive(|byte| *byte == b'\n') {
            if self.lines.len() + line.len() <= WAITING_MAX {
                self.lines.extend_from_slice(line);
                continue;
            }
            self.dropped += 1;
            // A full disk must not flood the log, too.
            if self.dropped.is_power_of_two() {
                tracing::error!("cloudtrail.jsonl: {} events are lost so far", self.dropped);
            }
        }
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
        let before = self.file.metadata()?.len();
        if let Err(error) = self.file.write_all(bytes) {
            // No half line stays: all of them are written again.
            let _ = self.file.set_len(before);
            return Err(error);
        }
        self.size += bytes.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that takes nothing, as on a full disk: it was opened for reading alone.
    fn full(path: &std::path::Path) -> LogFile {
        LogFile { path: path.to_owned(), file: File::open(path).unwrap(), size: 0 }
    }

    #[test]
    fn what_the_disk_does_not_take_is_kept_in_order_and_within_a_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cloudtrail.jsonl");
        let mut file = LogFile::open(path.clone()).unwrap();
        let mut kept = Kept::default();
        kept.write(b"1\n", &mut file);
        kept.write(b"2\n3\n", &mut full(&path));
        kept.write(b"4\n", &mut full(&path));
        assert!(kept.failing && kept.dropped == 0);
        kept.write(b"5\n", &mut file);
        assert_eq!(std::fs::read(&path).unwrap(), b"1\n2\n3\n4\n5\n");
        assert!(!kept.failing && kept.lines.is_empty());
        let line = [&[b'x'; 1023][..], b"\n"].concat();
        for _ in 0..WAITING_MAX / line.len() + 3 {
            kept.write(&line, &mut full(&path));
        }
        assert_eq!((kept.lines.len(), kept.dropped), (WAITING_MAX, 3));
        kept.write(b"", &mut file);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 10 + WAITING_MAX as u64);
    }
}
