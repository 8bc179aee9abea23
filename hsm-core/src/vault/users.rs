//! The users of this HSM, by id and by name.
use crate::user::User;
use proto::{Fault, Refusal};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Ids are given once.
#[derive(Default)]
pub(crate) struct Users {
    by_id: BTreeMap<u32, Arc<User>>,
    by_name: HashMap<Arc<str>, u32>,
    last_id: u32,
}

impl Users {
    pub(crate) fn by_id(&self, id: u32) -> Option<&Arc<User>> {
        self.by_id.get(&id)
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<&Arc<User>> {
        self.by_id.get(self.by_name.get(name)?)
    }

    /// In the order of their ids.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<User>> {
        self.by_id.values()
    }

    pub(crate) fn next_id(&self) -> u32 {
        self.last_id + 1
    }

    pub(crate) fn admit(&self, user: &User, most: usize) -> Result<(), Refusal> {
        if let Some(there) = self.by_name(&user.name) {
            return Err(Fault::UserExists.with(format!("{} {}", there.role.name(), there.name)));
        }
        if self.by_id.contains_key(&user.id) {
            return Err(Fault::Busy.with("a user was created at the same time: try again"));
        }
        if self.by_id.len() >= most {
            return Err(Fault::UsersFull.with(format!("{most} users")));
        }
        Ok(())
    }

    pub(crate) fn put(&mut self, user: Arc<User>) {
        self.last_id = self.last_id.max(user.id);
        self.by_name.insert(user.name.clone(), user.id);
        self.by_id.insert(user.id, user);
    }

    pub(crate) fn remove(&mut self, id: u32) {
        self.last_id = self.last_id.max(id);
        if let Some(user) = self.by_id.remove(&id) {
            self.by_name.remove(&user.name);
        }
    }
}
