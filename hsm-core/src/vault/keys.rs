//! The token keys of this HSM, found by handle, owner, label, id, class and type.
use crate::key::Key;
use crate::ranges::Ranges;
use crate::retry::RetryToken;
use crate::settings::Capacity;
use proto::{Fault, KeyClass, KeyType, Refusal};
use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

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
    by_handle: HashMap<u64, Arc<Key>>,
    /// Handles of deleted keys.
    tombstones: Ranges,
    marked: HashMap<Mark, BTreeSet<u64>>,
    by_retry: HashMap<RetryToken, Vec<u64>>,
    buckets: Vec<Bucket>,
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
    fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, handle: u64) -> Option<Arc<Key>> {
        self.read().by_handle.get(&handle).cloned()
    }

    /// How many token keys there are.
    pub(crate) fn count(&self) -> usize {
        self.read().by_handle.len()
    }

    pub(crate) fn presence(&self, handle: u64) -> Presence {
        self.read().presence(handle)
    }

    /// The keys made by an earlier request with this retry token.
    pub(crate) fn by_retry(&self, token: &RetryToken) -> Vec<Arc<Key>> {
        let tables = self.read();
        let handles = tables.by_retry.get(token).map(Vec::as_slice).unwrap_or_default();
        handles.iter().filter_map(|h| tables.by_handle.get(h).cloned()).collect()
    }

    pub(crate) fn owns_any(&self, owner: &Arc<str>) -> bool {
        self.read().marked.contains_key(&Mark::Owner(owner.clone()))
    }

    /// Handles and versions of a bucket above `after`, rising.
    pub(crate) fn versions(&self, bucket: usize, after: u64, most: usize) -> Vec<(u64, u64)> {
        let tables = self.read();
        let Some(bucket) = tables.buckets.get(bucket) else { return Vec::new() };
        let above =
            bucket.handles.range((std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded));
        let keys = above.filter_map(|handle| tables.by_handle.get(handle));
        keys.take(most).map(|key| (key.handle, key.version())).collect()
    }

    /// Tombstones above `after`, rising.
    pub(crate) fn tombstones(&self, after: u64, most: usize) -> Vec<RangeInclusive<u64>> {
        let Some(first) = after.checked_add(1) else { return Vec::new() };
        self.read().tombstones.from(first).take(most).collect()
    }

    /// The parts of a range that bear no tombstones yet, and the keys in each.
    pub(crate) fn without_tombstones(
        &self,
        range: RangeInclusive<u64>,
    ) -> Vec<(RangeInclusive<u64>, Vec<u64>)> {
        let tables = self.read();
        let parts = tables.tombstones.missing(range).into_iter();
        parts.map(|part| (part.clone(), tables.within(part))).collect()
    }

    /// The hashes of the buckets, and of the tombstones.
    pub(crate) fn sums(&self) -> (Vec<u64>, u64) {
        let tables = self.read();
        let buckets = (0..BUCKETS).map(|n| tables.buckets.get(n).map_or(0, |b| b.sum));
        (buckets.collect(), tables.tombstones.sum())
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
            return tables.by_handle.values().cloned().collect();
        };
        let common = rarest.iter().filter(|h| others.iter().all(|set| set.contains(h)));
        common.filter_map(|h| tables.by_handle.get(h).cloned()).collect()
    }

    /// The keys that are shared with a user now.
    pub(crate) fn shared_with(&self, username: &str) -> Vec<Arc<Key>> {
        self.candidates(&[Mark::SharedWith(username.to_owned())])
    }

    /// All keys, and all tombstones.
    pub(crate) fn all(&self) -> (Vec<Arc<Key>>, Vec<RangeInclusive<u64>>) {
        let tables = self.read();
        (tables.by_handle.values().cloned().collect(), tables.tombstones.from(0).collect())
    }

    /// Is there room for these, and are they new?
    pub(crate) fn admit<'k>(
        &self,
        keys: impl Iterator<Item = &'k Key>,
        capacity: &Capacity,
    ) -> Result<(), Refusal> {
        let tables = self.read();
        let (mut count, mut asymmetric) = (tables.by_handle.len(), tables.asymmetric);
        for key in keys {
            if let Some(there) = tables.by_handle.get(&key.handle) {
                there.check_is(key)?;
                return Err(Fault::Busy.with("the key came at the same time: try again"));
            }
            if tables.tombstones.contains(key.handle) {
                return Err(Fault::Deleted.with(format!("handle {:#x}", key.handle)));
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

    fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn put(&self, key: Arc<Key>) {
        let mut tables = self.write();
        // A tombstone wins.
        if tables.tombstones.contains(key.handle) {
            return;
        }
        if let Some(old) = tables.by_handle.insert(key.handle, key.clone()) {
            tables.forget(&old);
        }
        tables.add(&key);
    }

    /// Keys of these handles are gone, and will not come.
    pub(crate) fn remove(&self, range: RangeInclusive<u64>) {
        let mut tables = self.write();
        for handle in tables.within(range.clone()) {
            if let Some(key) = tables.by_handle.remove(&handle) {
                tables.forget(&key);
            }
        }
        tables.tombstones.insert(range);
    }
}

impl Tables {
    fn presence(&self, handle: u64) -> Presence {
        if self.by_handle.contains_key(&handle) {
            Presence::Here
        } else if self.tombstones.contains(handle) {
            Presence::Removed
        } else {
            Presence::Unknown
        }
    }

    /// The keys in a range, found by the shorter way.
    fn within(&self, range: RangeInclusive<u64>) -> Vec<u64> {
        if range.end() - range.start() < self.by_handle.len() as u64 {
            range.filter(|handle| self.by_handle.contains_key(handle)).collect()
        } else {
            self.by_handle.keys().filter(|handle| range.contains(handle)).copied().collect()
        }
    }

    fn add(&mut self, key: &Key) {
        for mark in marks(key) {
            self.marked.entry(mark).or_default().insert(key.handle);
        }
        if let Some(retry) = key.retry {
            let made = self.by_retry.entry(retry.token).or_default();
            if !made.contains(&key.handle) {
                made.push(key.handle);
            }
        }
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
            && let Some(made) = self.by_retry.get_mut(&retry.token)
        {
            // The other half of a pair keeps the token.
            made.retain(|handle| *handle != key.handle);
            if made.is_empty() {
                self.by_retry.remove(&retry.token);
            }
        }
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
