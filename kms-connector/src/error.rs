//! Why a key store could not be connected, in the codes that DescribeCustomKeyStores shows.
use std::fmt;

macro_rules! codes {
    ($($(#[doc = $says:literal])+ $name:ident $text:literal;)*) => {
        /// ConnectionErrorCode of the KMS API, in the model's order, without those of external
        /// key stores.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ConnectionErrorCode { $($(#[doc = $says])+ $name),* }

        impl ConnectionErrorCode {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The name in the API.
            pub const fn name(self) -> &'static str { match self { $(Self::$name => $text),* } }
        }
    };
}

codes! {
    /// The stored password is not kmsuser's, or kmsuser has a second factor.
    InvalidCredentials "INVALID_CREDENTIALS";
    /// The HSMs that were reached belong to another cluster.
    ClusterNotFound "CLUSTER_NOT_FOUND";
    /// HSMs are known, but none could be spoken to.
    NetworkErrors "NETWORK_ERRORS";
    /// The connector, its credential store or an HSM failed.
    InternalError "INTERNAL_ERROR";
    /// The cluster has no active HSM.
    InsufficientCloudhsmHsms "INSUFFICIENT_CLOUDHSM_HSMS";
    /// kmsuser is locked on an HSM, or one wrong password away from it.
    UserLockedOut "USER_LOCKED_OUT";
    /// kmsuser is missing on an HSM.
    UserNotFound "USER_NOT_FOUND";
    /// Somebody else is logged in as kmsuser.
    UserLoggedIn "USER_LOGGED_IN";
    /// A subnet of the cluster is gone. Raised by the control plane, which knows subnets; this
    /// crate never does.
    SubnetNotFound "SUBNET_NOT_FOUND";
    /// A subnet of the cluster has no free address. Raised by the control plane, which knows
    /// subnets; this crate never does.
    InsufficientFreeAddressesInSubnet "INSUFFICIENT_FREE_ADDRESSES_IN_SUBNET";
}

impl fmt::Display for ConnectionErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl ConnectionErrorCode {
    pub(crate) fn because(self, message: impl Into<String>) -> ConnectError {
        ConnectError { code: self, message: message.into() }
    }
}

/// The connection failed; nothing stays connected or logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectError {
    /// What KMS shows.
    pub code: ConnectionErrorCode,
    /// What exactly was wrong, and what to do. Holds no secret.
    pub message: String,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ConnectError {}
