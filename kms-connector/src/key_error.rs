//! What can go wrong with a key of a connected key store, in the distinctions that KMS makes.
use hsm_client::CallError;
use proto::{Fault, Refusal};
use std::fmt;

/// A key could not be used, found or deleted.
#[derive(Clone, Debug)]
pub enum KeyError {
    /// No connected HSM has the key.
    NotFound,
    /// Several keys bear the ARN: an HSM that was lost while it made one came back with it.
    Ambiguous,
    /// It is not what this key made with this additional data: InvalidCiphertextException.
    InvalidCiphertext,
    /// No HSM answers. KMS says KMSInvalidStateException, and stays connected.
    HsmsUnreachable(String),
    /// An HSM refused.
    Refused(Refusal),
    /// The outcome is not known, or an HSM answers what it should not.
    Internal(String),
}

impl From<CallError> for KeyError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(refusal) => match refusal.fault {
                Fault::InvalidHandle | Fault::Deleted => Self::NotFound,
                _ => Self::Refused(refusal),
            },
            CallError::NotSent { .. } | CallError::NoNode { .. } | CallError::Lost { .. } => {
                Self::HsmsUnreachable(error.to_string())
            }
            CallError::KeyAvailability
            | CallError::KeyReplication { .. }
            | CallError::BadReply(_) => Self::Internal(error.to_string()),
        }
    }
}

impl KeyError {
    /// As any other error, but that the data do not fit means that they are not a ciphertext of
    /// this key.
    pub(crate) fn of_decryption(error: CallError) -> Self {
        match error.refusal().map(|refusal| refusal.fault) {
            Some(Fault::DataUnfit | Fault::BadSignature) => Self::InvalidCiphertext,
            _ => error.into(),
        }
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("no HSM of the cluster has the key"),
            Self::Ambiguous => f.write_str(
                "several keys bear this ARN, because an HSM was lost while it made one: look for \
                 the key by its id",
            ),
            Self::InvalidCiphertext => {
                f.write_str("the ciphertext is not of this key, or its additional data differs")
            }
            // KMS developer guide, fix-keystore, word for word; then ours.
            Self::HsmsUnreachable(why) => {
                write!(f, "KMS cannot communicate with your CloudHSM cluster: {why}")
            }
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Internal(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for KeyError {}

/// A key could not be made.
#[derive(Clone, Debug)]
pub enum CreateKeyError {
    /// Too few HSMs in too few zones are connected: CloudHsmClusterInvalidConfigurationException.
    ClusterInvalidConfiguration(String),
    /// Anything else.
    Key(KeyError),
}

impl fmt::Display for CreateKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClusterInvalidConfiguration(why) => f.write_str(why),
            Self::Key(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CreateKeyError {}

impl From<CallError> for CreateKeyError {
    fn from(error: CallError) -> Self {
        match error {
            // Made on one HSM and not on a second: the client has taken it back.
            CallError::KeyAvailability => Self::ClusterInvalidConfiguration(error.to_string()),
            error => Self::Key(error.into()),
        }
    }
}
