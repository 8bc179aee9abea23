//! Every refusal that a client can see, one row each, and the detail that names the thing.
use crate::message::{Value, sure};
use crate::wire::{Reader, Writer};
use std::borrow::Cow;
use std::fmt;

macro_rules! faults {
    ($($code:literal $name:ident $says:literal;)*) => {
        /// Why an HSM refuses. Numbers below 0x8000 are CloudHSM's own return codes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u16)]
        pub enum Fault { $(#[doc = $says] $name = $code),* }

        impl Fault {
            /// All rows.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The fault with this number; a number of a newer peer is [`Fault::Internal`].
            pub fn from_code(code: u16) -> Self {
                match code { $($code => Self::$name,)* _ => Self::Internal }
            }

            /// The name of the row.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),* }
            }

            /// The sentence that a person reads.
            pub const fn says(self) -> &'static str { match self { $(Self::$name => $says),* } }
        }
    };
}

faults! {
    // CloudHSM's (user guide, key_mgmt_util Error2String and audit logs)
    0x001b BadSignature        "CSP Error: ERR_BAD_PKCS_DATA";
    0x009d UserNotFound
        "HSM Error: user isn't initialized or user with this name doesn't exist";
    0x00a3 LoginFailure        "HSM Error: RET_USER_LOGIN_FAILURE";
    0x00a8 InvalidHandle       "HSM Error: Invalid object handle is passed to this operation";
    0x00b3 PolicyViolation
        "HSM Error: This operation violates the current configured/FIPS policies";
    0x00bb Busy
        "HSM Error: HSM is already busy generating the keys(or random bytes) for another \
         request";
    0x00c6 KeyAccessDenied     "HSM Error: Key Access is denied";
    0x00db InvalidUserType     "HSM Error: Invalid User Type.";
    // ours: the protocol
    0x8001 Malformed           "the request could not be read";
    0x8002 NoSuchCommand       "no command has this code";
    0x8003 VersionMismatch     "this peer speaks another version of the protocol";
    0x8004 Internal            "the HSM failed; see its log";
    0x8005 StorageFailed       "the HSM could not make the change durable";
    0x8006 TooManyConnections  "the HSM has as many connections as it takes";
    // ours: the HSM's state
    0x8011 NotInitialized
        "the HSM is not initialized: sign its CSR and install the certificate first";
    0x8012 AlreadyInitialized  "the HSM is initialized already";
    0x8013 CertificateUnfit    "the certificate does not fit";
    0x8014 BackupUnfit         "the backup cannot be restored here";
    // ours: users
    0x8021 NotLoggedIn         "log in first";
    0x8022 AlreadyLoggedIn     "this connection is logged in already: log out first";
    0x8023 UserExists          "a user with this name and type exists already";
    0x8024 UserLocked
        "the user is locked out after too many wrong passwords: a CO must change its \
         password";
    0x8025 UserLoggedIn        "the user is logged in from another connection";
    0x8026 UserOwnsKeys        "the user owns keys: delete them first";
    0x8027 NameUnfit           "the user name does not fit: 1 to 31 letters, digits or underscores";
    0x8028 PasswordUnfit       "the password does not fit";
    0x8029 UsersFull           "the HSM has as many users as its type allows";
    0x802a KmsUserPassword
        "the password of kmsuser must be 7 to 32 letters and digits, or AWS KMS could not \
         use it";
    0x802b KmsUserSecondFactor
        "kmsuser must not have a second factor (2FA): AWS KMS could not log in. Create it \
         again without 2FA";
    0x802c NotSimulated        "this is not simulated yet";
    // ours: keys
    0x8031 KeysFull            "the HSM has as many keys as its type allows";
    0x8032 LabelUnfit          "the label is longer than 127 bytes";
    0x8033 AttributeReadOnly   "the attribute cannot be set";
    0x8034 AttributeUnfit      "the attribute does not fit this key";
    0x8035 SizeUnfit           "the size does not fit";
    0x8036 KeyTypeUnfit        "the key cannot be used with this mechanism";
    0x8037 UseForbidden        "an attribute of the key forbids this use";
    0x8038 NotExtractable      "the key is not extractable";
    0x8039 OwnerMissing        "a user that owns or shares the key does not exist on this HSM";
    0x803a DataUnfit           "the data does not fit the mechanism";
    0x803b Deleted             "the key was deleted on this HSM";
    0x803c OtherKey
        "another key has this handle on this HSM: it is not overwritten, and nothing is merged";
    0x803d RetryUnfit          "the retry token is of another request";
}

impl Fault {
    /// The refusal that adds what exactly was wrong.
    pub fn with(self, detail: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal { fault: self, detail: detail.into() }
    }
}

/// A fault and the thing it speaks of. Travels as `{1: detail}` under the fault's number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which row.
    pub fault: Fault,
    /// What exactly was wrong; may be empty, never holds a secret.
    pub detail: Cow<'static, str>,
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self { fault, detail: Cow::Borrowed("") }
    }
}

impl Refusal {
    /// Writes the body of the reply.
    pub fn encode(&self, out: &mut Vec<u8>) {
        if self.detail.is_empty() {
            return;
        }
        let mut out = Writer::new(out);
        sure(out.map(1));
        sure(out.u64(1));
        sure(out.str(&self.detail));
    }

    /// Reads a reply whose code is not 0. What cannot be read is left out.
    pub fn decode(code: u16, body: &[u8]) -> Self {
        let mut reader = Reader::new(body);
        let detail = (reader.map().is_ok() && reader.u64().is_ok())
            .then(|| <String as Value>::decode(&mut reader).ok())
            .flatten()
            .unwrap_or_default();
        Self { fault: Fault::from_code(code), detail: detail.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.fault.says())?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for Refusal {}
