//! Which users are logged in, on how many connections of this HSM.
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Counts logins by user id.
#[derive(Default)]
pub(crate) struct Logins(Mutex<HashMap<u32, u32>>);

impl Logins {
    pub(crate) fn enter(&self, user: u32) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(user).or_default() += 1;
    }

    pub(crate) fn leave(&self, user: u32) {
        let mut logins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = logins.get_mut(&user) {
            *count -= 1;
            if *count == 0 {
                logins.remove(&user);
            }
        }
    }

    /// How many connections, other than one that is `ours`, have the user logged in.
    pub(crate) fn others(&self, user: u32, ours: bool) -> u32 {
        let logins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        logins.get(&user).copied().unwrap_or(0).saturating_sub(ours.into())
    }
}
