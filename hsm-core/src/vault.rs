//! The durable state. It changes in one way only: `apply`, on a write, a replay or a replica alike.
use crate::identity::Identity;
use crate::key::Key;
use crate::logins::Logins;
use crate::masked::masking_key;
use crate::record::{NodeRecord, Reservation};
use crate::seal::Seal;
use crate::settings::Capacity;
use crate::user::User;
use proto::{Fault, Refusal, Role};
use std::collections::HashSet;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

mod keys;
mod users;

pub(crate) use keys::{BUCKETS, Keys, Mark, Presence};
pub(crate) use users::Users;

/// What a command wants to change, in the past tense: it is true once applied.
#[derive(Clone)]
pub(crate) enum Change {
    /// A new token key.
    KeyAdded(Arc<Key>),
    /// A token key with other attributes or shares; it was recorded at `was` when that was decided.
    KeyChanged { key: Arc<Key>, was: u64 },
    /// A token key is gone; its tombstone stays.
    KeyRemoved { handle: u64 },
    /// Handles whose keys another HSM has removed, or had when it was backed up.
    TombstonesAdded(RangeInclusive<u64>),
    /// A new user.
    UserAdded(Arc<User>),
    /// A user with another password or count of failures; recorded at `was` when that was decided.
    /// With `alone`, no connection has it logged in but the one that asks, if it is `ours`.
    UserChanged { user: Arc<User>, was: u64, alone: Option<Ours> },
    /// A user that nobody has logged in is gone.
    UserRemoved { id: u32 },
    /// A connection has the user logged in, whose password was right as recorded at `was`. Not
    /// recorded itself.
    UserLoggedIn { id: u32, was: u64 },
    /// The HSM's own state is another than `was`.
    NodeChanged { node: Arc<NodeRecord>, was: Arc<NodeRecord> },
    /// Handle counters up to a bound may be given out.
    HandlesReserved(Reservation),
}

/// Whether the connection that asks has the user logged in itself.
#[derive(Clone, Copy)]
pub(crate) struct Ours(pub(crate) bool);

/// The HSM's own state, and what is derived from it once.
struct Node {
    record: Arc<NodeRecord>,
    identity: Arc<Identity>,
    masking: Option<Arc<Seal>>,
}

impl Node {
    fn new(record: Arc<NodeRecord>) -> Self {
        let identity = Arc::new(Identity::of(&record));
        let masking = record.masking_key.as_ref().and_then(masking_key).map(Arc::new);
        Self { record, identity, masking }
    }
}

/// Locks are held for a look-up or an `apply`, never while anything is computed.
pub(crate) struct Vault {
    node: RwLock<Node>,
    users: RwLock<Users>,
    pub(crate) keys: Keys,
    pub(crate) logins: Logins,
    /// One change at a time is admitted, recorded and applied.
    writer: Mutex<()>,
    latest: AtomicU64,
    capacity: Capacity,
}

impl Vault {
    pub(crate) fn new(node: Arc<NodeRecord>, capacity: Capacity) -> Self {
        Self {
            node: RwLock::new(Node::new(node)),
            users: RwLock::default(),
            keys: Keys::default(),
            logins: Logins::default(),
            writer: Mutex::default(),
            latest: AtomicU64::new(0),
            capacity,
        }
    }

    /// Admits the changes, has them recorded, applies them. All or none.
    pub(crate) fn commit(
        &self,
        changes: &[Change],
        record: impl FnOnce() -> u64,
    ) -> Result<u64, Refusal> {
        let _one = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        self.admit(changes)?;
        let position = record();
        // Before anything can be seen, so that whoever sees it waits for it.
        self.latest.fetch_max(position, Ordering::AcqRel);
        for change in changes {
            self.apply(change.clone(), position);
        }
        Ok(position)
    }

    /// Would these changes still be right? Asked by the one writer, just before it writes.
    fn admit(&self, changes: &[Change]) -> Result<(), Refusal> {
        let adds = changes.iter().filter_map(|c| match c {
            Change::KeyAdded(key) => Some(&**key),
            _ => None,
        });
        let users = self.users();
        self.admit_owners(changes, &users)?;
        self.keys.admit(adds, &self.capacity)?;
        for change in changes {
            match change {
                Change::KeyChanged { key, was } => {
                    let now = self.keys.get(key.handle).ok_or(Fault::InvalidHandle)?;
                    unchanged(now.position, *was)?;
                }
                Change::KeyRemoved { handle: first } => self.admit_tombstones(*first)?,
                Change::TombstonesAdded(range) => self.admit_tombstones(*range.start())?,
                Change::UserAdded(user) => users.admit(user, self.capacity.users)?,
                Change::UserChanged { user, was, alone } => {
                    unchanged(users.by_id(user.id).ok_or(Fault::UserNotFound)?.position, *was)?;
                    if let Some(Ours(ours)) = alone {
                        self.admit_alone(user, *ours)?;
                    }
                }
                Change::UserLoggedIn { id, was } => {
                    unchanged(users.by_id(*id).ok_or(Fault::UserNotFound)?.position, *was)?;
                }
                Change::NodeChanged { was, .. } if !Arc::ptr_eq(&self.node(), was) => {
                    return Err(changed_meanwhile());
                }
                Change::UserRemoved { id } => {
                    let user = users.by_id(*id).ok_or(Fault::UserNotFound)?;
                    self.admit_alone(user, false)?;
                    if self.keys.owns_any(&user.name) {
                        return Err(Fault::UserOwnsKeys.with(format!("user {}", user.name)));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn admit_alone(&self, user: &User, ours: bool) -> Result<(), Refusal> {
        if self.logins.others(user.id, ours) > 0 {
            return Err(Fault::UserLoggedIn.with(format!("user {}", user.name)));
        }
        Ok(())
    }

    /// A tombstone is recorded once: two ranges never take one slot.
    fn admit_tombstones(&self, first: u64) -> Result<(), Refusal> {
        match self.keys.presence(first) {
            Presence::Removed => Err(changed_meanwhile()),
            Presence::Here | Presence::Unknown => Ok(()),
        }
    }

    /// A new key's owner is a CU of this HSM, or becomes one by the same changes.
    fn admit_owners(&self, changes: &[Change], users: &Users) -> Result<(), Refusal> {
        let is_cu = |user: &User| user.role == Role::Cu;
        let added: HashSet<&str> = changes
            .iter()
            .filter_map(|change| match change {
                Change::UserAdded(user) if is_cu(user) => Some(&*user.name),
                _ => None,
            })
            .collect();
        for change in changes {
            let Change::KeyAdded(key) = change else { continue };
            let there = users.by_name(&key.owner).is_some_and(|user| is_cu(user));
            if !there && !added.contains(&*key.owner) {
                let detail = format!("user {}, handle {:#x}", key.owner, key.handle);
                return Err(Fault::OwnerMissing.with(detail));
            }
        }
        Ok(())
    }

    /// Makes a change that is recorded, or was read back.
    pub(crate) fn apply(&self, change: Change, position: u64) {
        match change {
            Change::KeyAdded(key) | Change::KeyChanged { key, .. } => {
                self.keys.put(Arc::new(Key { position, ..(*key).clone() }));
            }
            Change::KeyRemoved { handle } => self.keys.remove(handle..=handle),
            Change::TombstonesAdded(range) => self.keys.remove(range),
            Change::UserAdded(user) | Change::UserChanged { user, .. } => {
                let user = Arc::new(User { position, ..(*user).clone() });
                self.users.write().unwrap_or_else(PoisonError::into_inner).put(user);
            }
            Change::UserRemoved { id } => {
                self.users.write().unwrap_or_else(PoisonError::into_inner).remove(id);
            }
            Change::UserLoggedIn { id, .. } => self.logins.enter(id),
            Change::NodeChanged { node, .. } => {
                *self.node.write().unwrap_or_else(PoisonError::into_inner) = Node::new(node);
            }
            Change::HandlesReserved(_) => {}
        }
    }

    pub(crate) fn node(&self) -> Arc<NodeRecord> {
        self.node.read().unwrap_or_else(PoisonError::into_inner).record.clone()
    }

    pub(crate) fn identity(&self) -> Arc<Identity> {
        self.node.read().unwrap_or_else(PoisonError::into_inner).identity.clone()
    }

    /// The cluster's masking key; none before initialization.
    pub(crate) fn masking(&self) -> Result<Arc<Seal>, Refusal> {
        let node = self.node.read().unwrap_or_else(PoisonError::into_inner);
        node.masking.clone().ok_or_else(|| Fault::NotInitialized.into())
    }

    pub(crate) fn users(&self) -> std::sync::RwLockReadGuard<'_, Users> {
        self.users.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the latest change was recorded: what a reply that lists things depends on.
    pub(crate) fn latest(&self) -> u64 {
        self.latest.load(Ordering::Acquire)
    }
}

/// Somebody else was quicker: the decision was made on what is no longer so.
fn unchanged(now: u64, was: u64) -> Result<(), Refusal> {
    if now == was { Ok(()) } else { Err(changed_meanwhile()) }
}

fn changed_meanwhile() -> Refusal {
    Fault::Busy.with("it was changed at the same time: try again")
}
