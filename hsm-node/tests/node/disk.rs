//! A disk in memory that forgets what was not synced, can be full, and can be made to wait.
use hsm_node::{Record, Store};
use std::io;
use std::sync::{Arc, Condvar, Mutex};

/// Shared with the node under test.
#[derive(Clone, Default)]
pub(crate) struct Disk(Arc<(Mutex<Platter>, Condvar)>);

#[derive(Default)]
struct Platter {
    /// The groups of each sync, in order.
    synced: Vec<Vec<Vec<Record>>>,
    /// Groups that a power cut may lose.
    unsynced: Vec<Vec<Record>>,
    full: bool,
    held: bool,
}

impl Disk {
    /// How often it was synced.
    pub(crate) fn syncs(&self) -> usize {
        self.0.0.lock().unwrap().synced.len()
    }

    /// Every write fails from now on.
    pub(crate) fn fill(&self, full: bool) {
        self.0.0.lock().unwrap().full = full;
    }

    /// Syncs do not end while it is held.
    pub(crate) fn hold(&self, held: bool) {
        self.0.0.lock().unwrap().held = held;
        self.0.1.notify_all();
    }

    /// The disk as it is after the power failed when it had been synced `syncs` times, and of the
    /// groups behind that, `torn` had reached the platter by chance.
    pub(crate) fn cut(&self, syncs: usize, torn: usize) -> Self {
        let platter = self.0.0.lock().unwrap();
        let mut left: Vec<_> = platter.synced[..syncs].to_vec();
        let behind = platter.synced[syncs..].iter().flatten().chain(&platter.unsynced);
        left.push(behind.take(torn).cloned().collect());
        let platter = Platter { synced: left, ..Platter::default() };
        Self(Arc::new((Mutex::new(platter), Condvar::new())))
    }
}

impl Store for Disk {
    fn load(&self) -> Box<dyn Iterator<Item = io::Result<Record>> + '_> {
        let platter = self.0.0.lock().unwrap();
        let mut slots = std::collections::BTreeMap::new();
        for record in platter.synced.iter().flatten().flatten().cloned() {
            slots.insert(record.slot, record.value);
        }
        Box::new(slots.into_iter().map(|(slot, value)| Ok(Record { slot, value })))
    }

    fn write(&mut self, records: Vec<Record>) -> io::Result<()> {
        let mut platter = self.0.0.lock().unwrap();
        if platter.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        platter.unsynced.push(records);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let platter = self.0.0.lock().unwrap();
        let mut platter = self.0.1.wait_while(platter, |platter| platter.held).unwrap();
        let groups = std::mem::take(&mut platter.unsynced);
        platter.synced.push(groups);
        Ok(())
    }
}
