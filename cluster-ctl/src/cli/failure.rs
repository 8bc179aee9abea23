//! Why a command has failed, in CloudHSM CLI's words where they are known.
use super::kms_user::Unfit;
use hsm_client::{CallError, ConfigError, OpenError};
use proto::Fault;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a command has failed. Never holds a secret.
#[derive(Debug)]
pub(crate) enum Failure {
    /// No configuration file is there.
    NoConfig(PathBuf),
    /// The configuration file cannot be used.
    Config(ConfigError),
    /// No HSM answers.
    Unreachable(Box<OpenError>),
    /// A call has failed.
    Call(CallError),
    /// Not every HSM did it; the text names each HSM.
    Partial(String),
    /// A login was refused; the text names each HSM.
    Login(String),
    /// No user has this name and role.
    NoSuchUser,
    /// No key matches.
    NoKey,
    /// More keys match than the one that is needed.
    ManyKeys(u64),
    /// A signature that is wrong.
    WrongSignature,
    /// The HSM forbids that an attribute takes a value.
    Attribute {
        /// Its name.
        name: String,
        /// The value.
        value: String,
    },
    /// What was typed does not fit: says which word, and what would.
    Unfit(String),
    /// `kmsuser` would not be of use to AWS KMS.
    KmsUser(Unfit),
    /// A feature that is not there yet.
    NotSimulated(&'static str),
    /// The two passwords differ.
    PasswordsDiffer,
    /// A file could not be read.
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The terminal, or what is piped in, gave no line.
    Input(io::Error),
    /// The program could not start its runtime.
    Runtime(io::Error),
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error.refusal().map(|refusal| refusal.fault) {
            Some(Fault::UserNotFound) => Self::NoSuchUser,
            Some(Fault::BadSignature) => Self::WrongSignature,
            _ => Self::Call(error),
        }
    }
}

impl From<Unfit> for Failure {
    fn from(unfit: Unfit) -> Self {
        Self::KmsUser(unfit)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoConfig(path) => write!(
                f,
                "there is no cluster here: {} does not exist. Start one with `cluster-ctl up`, or \
                 name another with --state DIR or --config FILE",
                path.display()
            ),
            Self::Config(error) => error.fmt(f),
            Self::Unreachable(error) => error.fmt(f),
            Self::Call(error) => error.fmt(f),
            Self::Partial(text) | Self::Login(text) | Self::Unfit(text) => f.write_str(text),
            // CloudHSM CLI's texts.
            Self::NoSuchUser => f.write_str("Specified user does not exist"),
            Self::WrongSignature => f.write_str("Signature verification failed"),
            Self::Attribute { name, value } => {
                write!(
                    f,
                    "Attribute {name} cannot be set to the value {value} by the user for this \
                     operation"
                )
            }
            Self::NoKey => f.write_str("no key matches the filter"),
            Self::ManyKeys(count) => write!(
                f,
                "{count} keys match the filter, and this command takes one: add attributes, or \
                 name it by key-reference=0x..."
            ),
            Self::KmsUser(unfit) => unfit.fmt(f),
            Self::NotSimulated(what) => write!(f, "not simulated yet: {what}"),
            Self::PasswordsDiffer => f.write_str("the two passwords differ: nothing was changed"),
            Self::File { path, error } => write!(f, "{} cannot be read: {error}", path.display()),
            Self::Input(error) => write!(f, "no password or answer could be read: {error}"),
            Self::Runtime(error) => write!(f, "the client's runtime could not start: {error}"),
        }
    }
}
