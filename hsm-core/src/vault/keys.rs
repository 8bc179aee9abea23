//! The token keys of this HSM, found by handle, owner, label, id, class and type.
use crate::key::Key;
use crate::settings::Capacity;
use proto::{Fault, KeyClass, KeyType, Refusal};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

/// Parts of the key hash: HSMs compare them to find what differs.
pub(crate) const BUCKETS: usize = 256;

/// What the HSM knows of a handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Unknown,
    Here,
    Removed,
}

/// By what keys are looked up.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum Mark {
    Owner(Arc<str>),
    SharedWith(String),
    Label(String),
    Id(Vec<u8>),
    Class(KeyClass),
    Type(KeyType),
}

#[derive(Default)]
struct Tables {
    /// `None` is a tombstone.
    by_handle: HashMap<u64, Option<Arc<Key>>>,
    marked: HashMap<Mark, BTreeSet<u64>>,
    by_retry: HashMap<[u8; 16], Vec<u64>>,
    buckets: Vec<Bucket>,
    keys: usize,
    asymmetric: usize,
}

#[derive(Clone, Default)]
struct Bucket {
    sum: u64,
    handles: BTreeSet<u64>,
}

/// One lock: a look-up or an insertion takes well under a microsecond, and all that is slow
/// (making, sealing, using a key) happens outside of it.
#[derive(Default)]
pub(crate) struct Keys(RwLock<Tables>);

impl Keys {
    fn read(&self) -> std::sync::RwLockReadGuard<'_, Tables> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, handle: u64) -> Option<Arc<Key>> {
        self.read().by_handle.get(&handle).cloned().flatten()
    }

    /// How many token keys there are.
    pub(crate) fn count(&self) -> usize {
        self.read().keys
    }

    pub(crate) fn presence(&self, handle: u64) -> Presence {
        match self.read().by_handle.get(&handle) {
            None => Presence::Unknown,
            Some(Some(_)) => Presence::Here,
            Some(None) => Presence::Removed,
        }
    }

    /// The keys made by an earlier request with this retry token.
    pub(crate) fn by_retry(&self, retry: &[u8; 16]) -> Vec<Arc<Key>> {
        let tables = self.read();
        let handles = tables.by_retry.get(retry).map(Vec::as_slice).unwrap_or_default();
        handles.iter().filter_map(|h| tables.by_handle.get(h).cloned().flatten()).collect()
    }

    pub(crate) fn owns_any(&self, owner: &Arc<str>) -> bool {
        self.read().marked.contains_key(&Mark::Owner(owner.clone()))
    }

    /// Handles and versions of a bucket above `after`, rising; version 0 is a tombstone.
    pub(crate) fn versions(&self, bucket: usize, after: u64, most: usize) -> Vec<(u64, u64)> {
        let tables = self.read();
        let Some(bucket) = tables.buckets.get(bucket) else { return Vec::new() };
        let above =
            bucket.handles.range((std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded));
        let version = |h: &u64| {
            tables.by_handle.get(h).and_then(|k| k.as_ref().map(|k| k.version())).unwrap_or(0)
        };
        above.take(most).map(|h| (*h, version(h))).collect()
    }

    pub(crate) fn bucket_sums(&self) -> Vec<u64> {
        let tables = self.read();
        (0..BUCKETS).map(|n| tables.buckets.get(n).map_or(0, |b| b.sum)).collect()
    }

    /// The keys that have all marks, in no order. The rarest mark is walked, so a look-up by label
    /// or id costs the same among any number of keys. What is slow is asked of them afterwards.
    pub(crate) fn candidates(&self, marks: &[Mark]) -> Vec<Arc<Key>> {
        let tables = self.read();
        let mut sets = Vec::new();
        for mark in marks {
            let Some(set) = tables.marked.get(mark) else { return Vec::new() };
            sets.push(set);
        }
        sets.sort_by_key(|s| s.len());
        let Some((rarest, others)) = sets.split_first() else {
            return tables.by_handle.values().flatten().cloned().collect();
        };
        let common = rarest.iter().filter(|h| others.iter().all(|set| set.contains(h)));
        common.filter_map(|h| tables.by_handle.get(h)?.clone()).collect()
    }

    /// The keys that are shared with a user now.
    pub(crate) fn shared_with(&self, username: &str) -> Vec<Arc<Key>> {
        self.candidates(&[Mark::SharedWith(username.to_owned())])
    }

    pub(crate) fn all(&self) -> (Vec<Arc<Key>>, Vec<u64>) {
        let tables = self.read();
        let keys = tables.by_handle.values().flatten().cloned().collect();
        let gone = tables.by_handle.iter().filter(|(_, k)| k.is_none()).map(|(h, _)| *h).collect();
        (keys, gone)
    }

    /// Is there room for these, and are they new?
    pub(crate) fn admit<'k>(
        &self,
        keys: impl Iterator<Item = &'k Key>,
        capacity: &Capacity,
    ) -> Result<(), Refusal> {
        let tables = self.read();
        let (mut count, mut asymmetric) = (tables.keys, tables.asymmetric);
        for key in keys {
            match tables.by_handle.get(&key.handle) {
                Some(None) => return Err(Fault::Deleted.with(format!("handle {:#x}", key.handle))),
                Some(Some(_)) => {
                    return Err(Fault::Busy.with("the key came at the same time: try again"));
                }
                None => {}
            }
            count += 1;
            asymmetric += usize::from(key.class != KeyClass::SecretKey);
            if count > capacity.keys {
                return Err(Fault::KeysFull.with(format!("{} keys", capacity.keys)));
            }
            if asymmetric > capacity.asymmetric_keys && key.class != KeyClass::SecretKey {
                return Err(
                    Fault::KeysFull.with(format!("{} asymmetric keys", capacity.asymmetric_keys))
                );
            }
        }
        Ok(())
    }

    pub(crate) fn put(&self, key: Arc<Key>) {
        let mut tables = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let handle = key.handle;
        match tables.by_handle.get(&handle) {
            Some(Some(old)) => {
                let old = old.clone();
                tables.forget(&old);
            }
            // A tombstone wins.
            Some(None) => return,
            None => {}
        }
        tables.add(&key);
        tables.by_handle.insert(handle, Some(key));
    }

    pub(crate) fn remove(&self, handle: u64) {
        let mut tables = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match tables.by_handle.insert(handle, None) {
            Some(Some(key)) => tables.forget(&key),
            Some(None) => return,
            None => {}
        }
        tables.bucket(handle, 0, true);
    }
}

impl Tables {
    fn add(&mut self, key: &Key) {
        for mark in marks(key) {
            self.marked.entry(mark).or_default().insert(key.handle);
        }
        if let Some(retry) = key.retry {
            let made = self.by_retry.entry(retry).or_default();
            if !made.contains(&key.handle) {
                made.push(key.handle);
            }
        }
        self.keys += 1;
        self.asymmetric += usize::from(key.class != KeyClass::SecretKey);
        self.bucket(key.handle, key.version(), true);
    }

    fn forget(&mut self, key: &Key) {
        for mark in marks(key) {
            if let Some(set) = self.marked.get_mut(&mark) {
                set.remove(&key.handle);
                if set.is_empty() {
                    self.marked.remove(&mark);
                }
            }
        }
        if let Some(retry) = key.retry
            && let Some(made) = self.by_retry.get_mut(&retry)
        {
            // The other half of a pair keeps the token.
            made.retain(|handle| *handle != key.handle);
            if made.is_empty() {
                self.by_retry.remove(&retry);
            }
        }
        self.keys -= 1;
        self.asymmetric -= usize::from(key.class != KeyClass::SecretKey);
        self.bucket(key.handle, key.version(), false);
    }

    /// Adds a handle to its bucket or takes it out. The sum is an exclusive or: in any order.
    fn bucket(&mut self, handle: u64, version: u64, there: bool) {
        if self.buckets.is_empty() {
            self.buckets.resize(BUCKETS, Bucket::default());
        }
        let spread = handle.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        if let Some(bucket) = self.buckets.get_mut((spread >> 56) as usize) {
            bucket.sum ^=
                (spread ^ version).wrapping_mul(0x94d0_49bb_1331_11eb).rotate_left(23) ^ version;
            if there {
                bucket.handles.insert(handle);
            } else {
                bucket.handles.remove(&handle);
            }
        }
    }
}

fn marks(key: &Key) -> impl Iterator<Item = Mark> + '_ {
    let fixed = [
        Mark::Owner(key.owner.clone()),
        Mark::Label(key.label.clone()),
        Mark::Class(key.class),
        Mark::Type(key.key_type),
    ];
    let id = (!key.id.is_empty()).then(|| Mark::Id(key.id.clone()));
    let shares =
        key.shares.iter().filter(|s| s.shared).map(|s| Mark::SharedWith(s.username.clone()));
    fixed.into_iter().chain(id).chain(shares)
}
