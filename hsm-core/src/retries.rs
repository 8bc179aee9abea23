//! Requests that make keys and are under way, by their retry tokens.
use crate::session::Session;
use proto::{Fault, Refusal};
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// What a client gives a request by which an HSM knows its retry.
pub(crate) type RetryToken = [u8; 16];

/// A connection that breaks does not stop a request that it brought: its retry may come, on
/// another connection, before the key is there to be found.
#[derive(Default)]
pub(crate) struct Retries(Mutex<HashSet<RetryToken>>);

impl Retries {
    /// The session's request under way bears this token, and no other does.
    pub(crate) fn enter(&self, token: RetryToken, session: &mut Session) -> Result<(), Refusal> {
        if !self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(token) {
            return Err(Fault::Busy.with("the same request is still under way: try again"));
        }
        session.retry = Some(token);
        Ok(())
    }

    /// The session's request is done.
    pub(crate) fn leave(&self, session: &mut Session) {
        if let Some(token) = session.retry.take() {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&token);
        }
    }
}
