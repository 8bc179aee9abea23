//! What AWS KMS asks of `kmsuser`, checked before an HSM is asked, so that the reason can be told.
use proto::limits::{PASSWORD_MAX, PASSWORD_MIN};
use std::fmt;

/// The crypto user that AWS KMS logs in as (KMS developer guide, "Create a CloudHSM key store").
pub(crate) const NAME: &str = "kmsuser";

/// Why AWS KMS could not use `kmsuser`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// Its password is not 7 to 32 letters and digits.
    Password,
    /// It would have a second factor.
    SecondFactor,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password => write!(
                f,
                "this password cannot be given to kmsuser: AWS KMS takes only {PASSWORD_MIN} to \
                 {PASSWORD_MAX} letters and digits as kmsuser's password, so it could not connect \
                 the key store. Choose another one, for example kmsPswd"
            ),
            Self::SecondFactor => f.write_str(
                "kmsuser cannot have two-factor authentication (2FA): AWS KMS logs in with the \
                 password alone, so it could not connect the key store, and 2FA on kmsuser cannot \
                 be undone. Leave kmsuser without 2FA; if it has it, delete it and create it again \
                 with a password only",
            ),
        }
    }
}

/// User names are case-insensitive.
pub(crate) fn is(username: &str) -> bool {
    username.eq_ignore_ascii_case(NAME)
}

/// May this user have this password, as far as AWS KMS is concerned?
pub(crate) fn check_password(username: &str, password: &str) -> Result<(), Unfit> {
    let fits = (PASSWORD_MIN..=PASSWORD_MAX).contains(&password.len())
        && password.bytes().all(|b| b.is_ascii_alphanumeric());
    if is(username) && !fits { Err(Unfit::Password) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_of_kmsuser() {
        for (name, password, fits) in [
            ("kmsuser", "kmsPswd", true),
            ("kmsuser", "1234567", true),
            ("kmsuser", "123456", false),
            ("KmsUser", "kms-Pswd", false),
            ("kmsuser", "abcdefghijklmnopqrstuvwxyz012345", true),
            ("kmsuser", "abcdefghijklmnopqrstuvwxyz0123456", false),
            ("kmsuser", "pässwort", false),
            ("alice", "x", true),
        ] {
            assert_eq!(check_password(name, password).is_ok(), fits, "{name} {password}");
        }
    }
}
