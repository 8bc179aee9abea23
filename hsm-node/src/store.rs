//! Where records are kept: what a node needs of a disk, and the disk itself.
use fjall::config::{BlockSizePolicy, FilterPolicy};
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};
use hsm_core::Record;
use std::io;
use std::path::Path;
use std::thread;
use std::time::Duration;

/// What a node needs of a disk. A record replaces what its slot held; none is ever removed.
pub trait Store: Send {
    /// Every record, in any order.
    fn load(&self) -> Box<dyn Iterator<Item = io::Result<Record>> + '_>;

    /// Writes records that belong together: all of them or none survive a crash. They need not be
    /// durable on return.
    fn write(&mut self, records: Vec<Record>) -> io::Result<()>;

    /// Makes everything durable that was written. After an error nothing more may be written.
    fn sync(&mut self) -> io::Result<()>;
}

/// Bytes of blocks kept in memory. Records are read once, at the start: it need not be large.
const CACHE: u64 = 1 << 20;

/// Bytes of new records that go to a table file together: of a node at rest this, twice, is most of
/// the store's share of its 12 MB.
const MEMTABLE: u64 = 1 << 20;

/// Bytes of new records in memory, at most. fjall has one worker for tables, and while that merges
/// old ones it takes whatever comes: by this bound whoever writes waits for the worker.
const UNFLUSHED_MAX: u64 = 8 << 20;
/// How often it is looked whether the worker has come that far.
const PAUSE: Duration = Duration::from_millis(1);

/// Bytes of a table file's blocks. All records are read, once, at the start: few large blocks make
/// a small index, and filters, by which a single record would be found, need not be made.
const BLOCK: u32 = 32 << 10;

/// fjall, an embedded log-structured store, in a folder.
pub struct FjallStore {
    database: Database,
    records: Keyspace,
}

impl FjallStore {
    /// Opens the store in `folder`, making it where it is not there. It is made under another name
    /// first: a crash or a full disk in the midst leaves nothing that could not be opened later.
    pub fn open(folder: &Path) -> io::Result<Self> {
        if !folder.exists() {
            let unfinished = folder.with_extension("new");
            if unfinished.exists() {
                std::fs::remove_dir_all(&unfinished)?;
            }
            Self::open_at(&unfinished)?.sync()?;
            std::fs::rename(&unfinished, folder)?;
        }
        Self::open_at(folder)
    }

    fn open_at(folder: &Path) -> io::Result<Self> {
        let database = Database::builder(folder)
            .cache_size(CACHE)
            .worker_threads(1)
            .max_cached_files(Some(32))
            .open()
            .map_err(cause)?;
        let options = || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(MEMTABLE)
                .data_block_size_policy(BlockSizePolicy::all(BLOCK))
                .filter_policy(FilterPolicy::disabled())
        };
        let records = database.keyspace("records", options).map_err(cause)?;
        Ok(Self { database, records })
    }
}

impl Store for FjallStore {
    fn load(&self) -> Box<dyn Iterator<Item = io::Result<Record>> + '_> {
        Box::new(self.records.iter().map(|entry| {
            let (slot, value) = entry.into_inner().map_err(cause)?;
            Ok(Record { slot: slot.to_vec(), value: value.to_vec() })
        }))
    }

    fn write(&mut self, records: Vec<Record>) -> io::Result<()> {
        let mut batch = self.database.batch();
        for record in records {
            batch.insert(&self.records, record.slot, record.value);
        }
        batch.commit().map_err(cause)?;
        while self.database.write_buffer_size() > UNFLUSHED_MAX {
            // Fails if the worker has: nobody is waited for in vain.
            self.database.persist(PersistMode::Buffer).map_err(cause)?;
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.database.persist(PersistMode::SyncData).map_err(cause)
    }
}

/// The operating system's error where there is one underneath: "No space left on device".
fn cause(error: fjall::Error) -> io::Error {
    match error {
        fjall::Error::Io(cause) | fjall::Error::Storage(fjall::LsmError::Io(cause)) => cause,
        // Neither says that what is on the disk is damaged.
        passing @ (fjall::Error::Locked | fjall::Error::Poisoned) => {
            io::Error::new(io::ErrorKind::WouldBlock, passing)
        }
        other => io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUP: u64 = 256;

    #[test]
    fn what_is_not_in_tables_yet_is_bounded_however_much_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = FjallStore::open(&folder.path().join("store")).unwrap();
        // A key is 400 bytes, and what is left of a deleted one less: group by group, as they come.
        let group = |first: u64, size: usize| {
            let record = |n: u64| Record { slot: n.to_be_bytes().to_vec(), value: vec![7; size] };
            (first..first + GROUP).map(record).collect::<Vec<_>>()
        };
        for first in (0..300_000).step_by(GROUP as usize) {
            store.write(group(first, 400)).unwrap();
            store.write(group(first, 60)).unwrap();
            let unflushed = store.database.write_buffer_size();
            assert!(unflushed <= UNFLUSHED_MAX, "{unflushed} bytes after {first} records");
        }
        store.sync().unwrap();
        assert_eq!(store.load().count(), 300_032);
    }
}
