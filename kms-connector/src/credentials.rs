//! What KMS knows of kmsuser's password, on each HSM, and where that is kept.
use proto::{Secret, limits};
use std::fmt;
use std::future::Future;
use std::sync::{Mutex, PoisonError};

proto::message! {
    /// One or two passwords, one of which is kmsuser's on an HSM. `next` is there while it is not
    /// known whether the HSM has heard of the change.
    Passwords { 0 current: Secret, 2 next: Option<Secret> }
    /// An HSM whose passwords are not those of the others: it was away during a rotation.
    Apart { 0 hsm_id: String, 2 passwords: Passwords }
    /// All that KMS knows. An HSM that is not set apart has one of `passwords`.
    Credentials { 0 passwords: Passwords, 2 apart: Vec<Apart> }
}

/// Whether kmsuser can have this password: 7 to 32 letters and digits (KMS developer guide).
pub fn is_key_store_password(password: &str) -> bool {
    (limits::PASSWORD_MIN..=limits::PASSWORD_MAX).contains(&password.len())
        && password.bytes().all(|b| b.is_ascii_alphanumeric())
}

impl Credentials {
    /// What an operator tells KMS: the password that kmsuser has on all HSMs. Forgets all else.
    pub fn new(password: Secret) -> Self {
        Self { passwords: Passwords { current: password, next: None }, apart: Vec::new() }
    }

    /// What kmsuser's password may be on this HSM.
    pub fn of(&self, hsm_id: &str) -> &Passwords {
        let apart = self.apart.iter().find(|a| a.hsm_id == hsm_id);
        apart.map_or(&self.passwords, |a| &a.passwords)
    }

    /// Writes down what each HSM may have; what the first has is the rule for HSMs to come,
    /// which are clones of these.
    pub(crate) fn from_members(members: Vec<Apart>) -> Option<Self> {
        let passwords = members.first()?.passwords.clone();
        let apart = members.into_iter().filter(|m| m.passwords != passwords).collect();
        Some(Self { passwords, apart })
    }
}

/// Where credentials are kept. Both calls see the last completed `save`, or the one that was
/// under way when the process died: `save` is all or nothing, and durable when it returns.
pub trait CredentialStore: Sync {
    /// What was saved last; `None` if nothing ever was.
    fn load(&self) -> impl Future<Output = Result<Option<Credentials>, StoreError>> + Send;

    /// Replaces what is kept.
    fn save(
        &self,
        credentials: &Credentials,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Credentials could not be kept or read; says which file and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreError(pub String);

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StoreError {}

/// Keeps credentials for as long as the process lives.
#[derive(Default)]
pub struct MemoryStore(Mutex<Option<Credentials>>);

impl MemoryStore {
    /// A store that knows these.
    pub fn new(credentials: Credentials) -> Self {
        Self(Mutex::new(Some(credentials)))
    }
}

impl CredentialStore for MemoryStore {
    async fn load(&self) -> Result<Option<Credentials>, StoreError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn save(&self, credentials: &Credentials) -> Result<(), StoreError> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(credentials.clone());
        Ok(())
    }
}
