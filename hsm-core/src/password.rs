//! Passwords: which are accepted, and how they are kept.
use crate::record::Veiled;
use crate::user::KMS_USER;
use crate::world::World;
use argon2::{Algorithm, Argon2, Block, Params, Version};
use proto::{Blob, Fault, Refusal, Secret, limits};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// OWASP's password storage cheat sheet, argon2id: 7 MiB, 5 passes, 1 lane. Small enough that an
/// HSM stays within its memory budget while one hash runs; the node runs one at a time.
const MEMORY_KIB: u32 = 7 * 1024;
const PASSES: u32 = 5;
const SALT_LEN: usize = 16;
const HASH_LEN: usize = 32;

/// A salted argon2id hash; wiped when dropped.
#[derive(Clone)]
pub(crate) struct PasswordHash {
    salt: [u8; SALT_LEN],
    hash: Zeroizing<[u8; HASH_LEN]>,
}

impl PasswordHash {
    /// Hashes a password with a fresh salt. Takes milliseconds and 7 MiB.
    pub(crate) fn new(password: &Secret, world: &dyn World) -> Self {
        let mut salt = [0; SALT_LEN];
        world.random(&mut salt);
        Self { salt, hash: hash(password, &salt) }
    }

    /// A hash that no password has: of a user that cannot log in by password.
    pub(crate) fn none() -> Self {
        Self { salt: [0; SALT_LEN], hash: Zeroizing::new([0; HASH_LEN]) }
    }

    /// Compares in constant time. Takes milliseconds and 7 MiB.
    pub(crate) fn matches(&self, password: &Secret) -> bool {
        hash(password, &self.salt).ct_eq(&*self.hash).into()
    }

    pub(crate) fn parts(&self) -> (Blob, Veiled) {
        (Blob(self.salt.to_vec()), Veiled(Zeroizing::new(self.hash.to_vec())))
    }

    pub(crate) fn from_parts(salt: &Blob, hash: &Veiled) -> Self {
        let mut made = Self::none();
        if salt.0.len() == SALT_LEN && hash.0.len() == HASH_LEN {
            made.salt.copy_from_slice(&salt.0);
            made.hash.copy_from_slice(&hash.0);
        }
        made
    }
}

fn hash(password: &Secret, salt: &[u8]) -> Zeroizing<[u8; HASH_LEN]> {
    let params =
        Params::new(MEMORY_KIB, PASSES, 1, Some(HASH_LEN)).expect("constants that argon2 takes");
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut memory = Zeroizing::new(vec![Block::default(); MEMORY_KIB as usize]);
    let mut out = Zeroizing::new([0; HASH_LEN]);
    argon2
        .hash_password_into_with_memory(password.expose().as_bytes(), salt, &mut *out, &mut memory)
        .expect("salt and password are within argon2's lengths");
    out
}

/// May this user have this password? Length as in the user guide; no `:`, since a PIN is
/// `user:password`; and for kmsuser what AWS KMS accepts.
pub(crate) fn check(username: &str, password: &Secret) -> Result<(), Refusal> {
    let text = password.expose();
    let length = (limits::PASSWORD_MIN..=limits::PASSWORD_MAX).contains(&text.len());
    if username == KMS_USER && !(length && text.bytes().all(|b| b.is_ascii_alphanumeric())) {
        return Err(Fault::KmsUserPassword.into());
    }
    if !length {
        return Err(Fault::PasswordUnfit.with("it must have 7 to 32 characters"));
    }
    if !text.bytes().all(|b| b.is_ascii_graphic()) || text.contains(':') {
        return Err(Fault::PasswordUnfit.with("printable ASCII without spaces and colons only"));
    }
    Ok(())
}

/// Could this be anybody's password? What is too long is not worth a hash.
pub(crate) fn fits(password: &Secret) -> bool {
    password.expose().len() <= limits::PASSWORD_MAX
}
