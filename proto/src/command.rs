//! What a command is: a request, the reply that answers it, and the row that describes it.
use crate::fault::Refusal;
use crate::message::{Field, Message};
use crate::terms::Role;
use crate::wire::{decode, encode};

pub mod audit;
pub mod cipher;
pub mod cluster;
pub mod digest;
pub mod key;
pub mod random;
pub mod session;
pub mod sign;
pub mod user;
pub mod wrap;

/// A request that a client may send.
pub trait Command: Message {
    /// What answers it.
    type Reply: Message;
    /// Its row.
    const SPEC: &'static Spec;
}

/// One row of the table.
#[derive(Debug)]
pub struct Spec {
    /// The number and the Rust name.
    pub opcode: Opcode,
    /// The name in scripts and in the manual.
    pub name: &'static str,
    /// The family: a file in `command/` and in `hsm-core/src/execute/`.
    pub family: &'static str,
    /// Who may call it.
    pub who: Who,
    /// Whether it changes anything: a request that only reads may be sent again elsewhere.
    pub effect: Effect,
    /// How heavy it is.
    pub weight: Weight,
    /// CloudHSM's name in the audit log, or empty: not recorded.
    pub audit: &'static str,
    /// One sentence.
    pub says: &'static str,
    /// The request's fields.
    pub request: &'static [Field],
    /// The reply's name.
    pub reply_name: &'static str,
    /// The reply's fields.
    pub reply: &'static [Field],
}

/// Who may call a command (user guide, "HSM user permissions table").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everybody, also before the HSM is initialized.
    Anyone,
    /// Everybody, once the HSM is initialized.
    Client,
    /// Whoever is logged in.
    User,
    /// A CO.
    Co,
    /// A CU.
    Cu,
    /// A CU or a CO.
    CuOrCo,
    /// A CU, a CO, or the appliance user: masked objects.
    Masked,
    /// The appliance user: a peer, or the control plane. Also before the HSM is initialized.
    Appliance,
}

impl Who {
    /// May a session with this login call the command?
    pub fn admits(self, role: Option<Role>) -> bool {
        match self {
            Self::Anyone | Self::Client => true,
            Self::User => role.is_some(),
            Self::Co => role == Some(Role::Co),
            Self::Cu => role == Some(Role::Cu),
            Self::CuOrCo => matches!(role, Some(Role::Cu | Role::Co)),
            Self::Masked => matches!(role, Some(Role::Cu | Role::Co | Role::Au)),
            Self::Appliance => role == Some(Role::Au),
        }
    }

    /// The words of the manual.
    pub const fn says(self) -> &'static str {
        match self {
            Self::Anyone => "anyone",
            Self::Client => "anyone, initialized",
            Self::User => "logged in",
            Self::Co => "CO",
            Self::Cu => "CU",
            Self::CuOrCo => "CU, CO",
            Self::Masked => "CU, CO, AU",
            Self::Appliance => "AU",
        }
    }
}

/// Whether a command changes the HSM or the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Effect {
    Reads,
    Writes,
}

/// How heavy a command is, which decides where it runs. All but the light ones run on threads of
/// their own kind, so that none waits for one of another kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// In place: microseconds.
    Light,
    /// It takes the time and the memory of a password hash: milliseconds, megabytes.
    Password,
    /// It looks for primes: up to seconds.
    KeyPair,
    /// It works on the whole HSM: up to a second.
    Backup,
}

macro_rules! declare {
    ($($code:literal $module:ident::$name:ident => $reply_module:ident::$reply:ident
       ($who:ident, $effect:ident, $weight:ident, $audit:literal) $says:literal;)*) => {
        /// The number of a command.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum Opcode { $(#[doc = $says] $name = $code),* }

        impl Opcode {
            /// Every row.
            pub const ALL: &'static [&'static Spec] = &[$(<$module::$name as Command>::SPEC),*];

            /// The command with this number.
            pub fn from_code(code: u16) -> Option<Self> {
                match code { $($code => Some(Self::$name),)* _ => None }
            }

            /// The command with this name.
            pub fn named(name: &str) -> Option<Self> {
                match name { $(stringify!($name) => Some(Self::$name),)* _ => None }
            }

            /// Its row.
            pub fn spec(self) -> &'static Spec {
                match self { $(Self::$name => <$module::$name as Command>::SPEC),* }
            }

            /// The body of a request that a person typed as `name=value name=value`.
            pub fn request_from_text(self, words: &str) -> Result<Vec<u8>, String> {
                let mut body = Vec::new();
                match self { $(Self::$name => {
                    encode(&<$module::$name as Message>::read(words)?, &mut body);
                })* }
                Ok(body)
            }

            /// The body of a reply that a person typed: for golden files and fake servers.
            pub fn reply_from_text(self, words: &str) -> Result<Vec<u8>, String> {
                let mut body = Vec::new();
                match self { $(Self::$name => {
                    encode(&<$reply_module::$reply as Message>::read(words)?, &mut body);
                })* }
                Ok(body)
            }

            /// A reply's body as a person reads it.
            pub fn reply_to_text(self, body: &[u8]) -> Result<String, Refusal> {
                Ok(match self { $(Self::$name => {
                    let reply: $reply_module::$reply = decode(body)?;
                    format!("{} {}", stringify!($reply), reply.write()).trim_end().to_owned()
                })* })
            }

            /// Reads a request and writes it again: for tests of strictness.
            pub fn read_request(self, body: &[u8]) -> Result<Vec<u8>, Refusal> {
                let mut again = Vec::new();
                match self { $(Self::$name => {
                    encode(&decode::<$module::$name>(body)?, &mut again);
                })* }
                Ok(again)
            }
        }

        $(impl Command for $module::$name {
            type Reply = $reply_module::$reply;
            const SPEC: &'static Spec = &Spec {
                opcode: Opcode::$name,
                name: stringify!($name),
                family: stringify!($module),
                who: Who::$who,
                effect: Effect::$effect,
                weight: Weight::$weight,
                audit: $audit,
                says: $says,
                request: <$module::$name as Message>::FIELDS,
                reply_name: stringify!($reply),
                reply: <$reply_module::$reply as Message>::FIELDS,
            };
        })*
    };
}
for_each_command!(declare);

/// The messages that stand inside others, with their fields, for the manual.
pub fn inner_messages() -> [(&'static str, &'static [Field]); 5] {
    [
        ("UserListed", user::UserListed::FIELDS),
        ("Member", cluster::Member::FIELDS),
        ("KeyVersion", cluster::KeyVersion::FIELDS),
        ("HandleRange", cluster::HandleRange::FIELDS),
        ("AuditRecord", audit::AuditRecord::FIELDS),
    ]
}
