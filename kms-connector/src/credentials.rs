//! What KMS knows of kmsuser's password, on each HSM, and where that is kept.
use crate::tries::Tries;
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
    /// All that KMS knows: the HSMs of `alike` have one of `passwords`, and so should HSMs to come.
    Credentials { 0 passwords: Passwords, 2 apart: Vec<Apart>, 4 alike: Vec<String> }
}

/// Whether kmsuser can have this password: 7 to 32 letters and digits (KMS developer guide).
pub fn is_key_store_password(password: &str) -> bool {
    (limits::PASSWORD_MIN..=limits::PASSWORD_MAX).contains(&password.len())
        && password.bytes().all(|b| b.is_ascii_alphanumeric())
}

impl Credentials {
    /// What an operator tells KMS: the password that kmsuser has on all HSMs. Forgets all else.
    pub fn new(password: Secret) -> Self {
        let passwords = Passwords { current: password, next: None };
        Self { passwords, apart: Vec::new(), alike: Vec::new() }
    }

    /// What kmsuser's password may be on this HSM. One that was never recorded is a clone of
    /// another, perhaps of one that has an older password.
    pub fn of(&self, hsm_id: &str) -> Passwords {
        if let Some(apart) = self.apart.iter().find(|a| a.hsm_id == hsm_id) {
            return apart.passwords.clone();
        }
        let recorded = self.alike.iter().any(|id| id == hsm_id);
        match self.only_older() {
            Some(older) if !recorded && self.passwords.next.is_none() => {
                Passwords { current: older.clone(), next: Some(self.passwords.current.clone()) }
            }
            _ => self.passwords.clone(),
        }
    }

    /// The one password of HSMs that are set apart which the others have not; none if there are
    /// several, since two attempts at most are made on an HSM.
    fn only_older(&self) -> Option<&Secret> {
        let all = self.apart.iter().map(|a| &a.passwords);
        let all = all.flat_map(|known| [Some(&known.current), known.next.as_ref()]).flatten();
        let mut older = all.filter(|known| **known != self.passwords.current);
        let first = older.next()?;
        older.all(|known| known == first).then_some(first)
    }

    /// Writes down what each HSM may have; what the first has is the rule for HSMs to come,
    /// which are clones of these.
    pub(crate) fn from_members(members: Vec<Apart>) -> Option<Self> {
        let passwords = members.first()?.passwords.clone();
        let (alike, apart): (Vec<_>, Vec<_>) =
            members.into_iter().partition(|m| m.passwords == passwords);
        Some(Self { passwords, apart, alike: alike.into_iter().map(|m| m.hsm_id).collect() })
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

    /// The tries that were saved last; none if none ever were, or if an operator has told another
    /// password since.
    fn load_tries(&self) -> impl Future<Output = Result<Tries, StoreError>> + Send;

    /// Replaces the tries, as durably as the passwords.
    fn save_tries(&self, tries: &Tries) -> impl Future<Output = Result<(), StoreError>> + Send;
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
pub struct MemoryStore {
    credentials: Mutex<Option<Credentials>>,
    tries: Mutex<Tries>,
}

impl MemoryStore {
    /// A store that knows these.
    pub fn new(credentials: Credentials) -> Self {
        Self { credentials: Mutex::new(Some(credentials)), tries: Mutex::default() }
    }
}

impl CredentialStore for MemoryStore {
    async fn load(&self) -> Result<Option<Credentials>, StoreError> {
        Ok(self.credentials.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn save(&self, credentials: &Credentials) -> Result<(), StoreError> {
        let mut kept = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some(credentials.clone());
        Ok(())
    }

    async fn load_tries(&self) -> Result<Tries, StoreError> {
        Ok(self.tries.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn save_tries(&self, tries: &Tries) -> Result<(), StoreError> {
        *self.tries.lock().unwrap_or_else(PoisonError::into_inner) = tries.clone();
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn apart(hsm_id: &str, current: &str, next: Option<&str>) -> Apart {
        let passwords = Passwords { current: Secret::new(current), next: next.map(Secret::new) };
        Apart { hsm_id: hsm_id.to_owned(), passwords }
    }

    #[test]
    fn an_hsm_that_was_never_recorded_may_have_the_one_older_password() {
        let newest = apart("hsm-a", "new", None);
        let either = |older: &str| apart("hsm-c", older, Some("new")).passwords;
        for (others, expected) in [
            (vec![], newest.passwords.clone()),
            (vec![apart("hsm-b", "old", None)], either("old")),
            (vec![apart("hsm-b", "old", Some("new"))], either("old")),
            (vec![apart("hsm-b", "old", None), apart("hsm-d", "old", None)], either("old")),
            (
                vec![apart("hsm-b", "old", None), apart("hsm-d", "older", None)],
                newest.passwords.clone(),
            ),
        ] {
            let members = [vec![newest.clone()], others.clone()].concat();
            let known = Credentials::from_members(members).unwrap();
            assert_eq!(known.of("hsm-c"), expected, "{}", others.len());
            assert_eq!(known.of("hsm-a"), newest.passwords);
            others.iter().for_each(|other| assert_eq!(known.of(&other.hsm_id), other.passwords));
        }
        let rotating = vec![apart("hsm-a", "new", Some("next")), apart("hsm-b", "old", None)];
        let known = Credentials::from_members(rotating.clone()).unwrap();
        assert_eq!(known.of("hsm-c"), rotating[0].passwords, "two attempts at most");
    }
}
