//! A user of one HSM, and which names may be given.
use crate::password::PasswordHash;
use crate::record::UserRecord;
use proto::{Fault, Refusal, Role, limits};
use std::sync::Arc;

/// The appliance user that every HSM has.
pub(crate) const APPLIANCE: &str = "app_user";
/// The first officer.
pub(crate) const ADMIN: &str = "admin";
/// AWS documents this password of the unactivated admin.
pub(crate) const PRECO_PASSWORD: &str = "password";
/// The crypto user that AWS KMS logs in as.
pub(crate) const KMS_USER: &str = "kmsuser";

/// A user.
#[derive(Clone)]
pub(crate) struct User {
    pub(crate) id: u32,
    pub(crate) role: Role,
    pub(crate) name: Arc<str>,
    pub(crate) password: PasswordHash,
    pub(crate) failures: u32,
    /// It cannot log in with the password alone.
    pub(crate) second_factor: bool,
    /// Where its last change was recorded on this node.
    pub(crate) position: u64,
}

impl User {
    /// Too many wrong passwords: only a CO's change of the password helps.
    pub(crate) fn is_locked(&self) -> bool {
        self.failures > limits::WRONG_PASSWORDS_MAX
    }

    pub(crate) fn to_record(&self) -> UserRecord {
        let (salt, hash) = self.password.parts();
        UserRecord {
            id: self.id,
            role: self.role,
            username: self.name.to_string(),
            salt,
            hash,
            failures: self.failures,
            second_factor: self.second_factor.then_some(true),
        }
    }

    pub(crate) fn from_record(record: UserRecord) -> Self {
        Self {
            id: record.id,
            role: record.role,
            name: record.username.into(),
            password: PasswordHash::from_parts(&record.salt, &record.hash),
            failures: record.failures,
            second_factor: record.second_factor == Some(true),
            position: 0,
        }
    }
}

/// A user name as it is kept: names are case-insensitive and shown in lower case.
pub(crate) fn canonical_name(name: &str) -> Result<String, Refusal> {
    let fits = (1..=limits::USERNAME_MAX).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !fits {
        return Err(
            Fault::NameUnfit.with(format!("{:?}", name.chars().take(40).collect::<String>()))
        );
    }
    Ok(name.to_ascii_lowercase())
}
