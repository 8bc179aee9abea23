//! Requests that make keys and are under way, by their retry tokens.
use crate::retry::{Retry, RetryToken};
use crate::session::Session;
use proto::{Fault, Refusal};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Mutex, PoisonError};

/// A connection that breaks does not stop a request that it brought: its retry may come, on
/// another connection, before the key is there to be found.
#[derive(Default)]
pub(crate) struct Retries(Mutex<HashMap<RetryToken, Retry>>);

impl Retries {
    /// The session's request under way bears this token, and no other does.
    pub(crate) fn enter(&self, retry: Retry, session: &mut Session) -> Result<(), Refusal> {
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(retry.token) {
            Entry::Occupied(entry) => {
                entry.get().check_is(&retry)?;
                return Err(Fault::Busy.with("the same request is still under way: try again"));
            }
            Entry::Vacant(entry) => drop(entry.insert(retry)),
        }
        session.retry = Some(retry.token);
        Ok(())
    }

    /// The session's request is done.
    pub(crate) fn leave(&self, session: &mut Session) {
        if let Some(token) = session.retry.take() {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&token);
        }
    }
}
