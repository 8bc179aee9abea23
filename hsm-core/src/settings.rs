//! What an HSM is told when it is switched on.
use crate::crypto::EngineKind;
use proto::limits;
use zeroize::Zeroizing;

/// The HSM types that CloudHSM sells or sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HsmType {
    /// hsm1.medium, FIPS 140-2; end of life.
    Hsm1Medium,
    /// hsm2m.medium, FIPS 140-3; the default.
    Hsm2mMedium,
}

impl HsmType {
    /// The name that the CloudHSMv2 API uses.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hsm1Medium => "hsm1.medium",
            Self::Hsm2mMedium => "hsm2m.medium",
        }
    }

    /// The type with this name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Hsm1Medium, Self::Hsm2mMedium].into_iter().find(|t| t.name() == name)
    }
}

/// What an HSM is told when it is switched on.
pub struct Settings {
    /// `hsm-` and 11 to 16 characters.
    pub hsm_id: String,
    /// `cluster-` and 11 to 16 characters.
    pub cluster_id: String,
    /// The number in the high bits of this HSM's key handles: never used twice in a cluster,
    /// nor in any that was made from a backup of it.
    pub node: u16,
    /// The availability zone.
    pub zone: String,
    /// Decides the limits.
    pub hsm_type: HsmType,
    /// Whether the type's limits on users and keys hold; benchmarks lift them.
    pub limits: bool,
    /// Whether kmsuser may have a second factor, with which AWS KMS cannot log in: for rehearsals.
    pub kmsuser_2fa: bool,
    /// Who computes.
    pub engine: EngineKind,
    /// Seals the records of this node.
    pub master_key: Zeroizing<[u8; 32]>,
    /// Seals backups: the (simulated) manufacturer's, the same in all HSMs of the installation.
    pub backup_key: Zeroizing<[u8; 32]>,
}

/// How many users and keys fit (user guide, "AWS CloudHSM quotas").
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capacity {
    pub(crate) users: usize,
    pub(crate) keys: usize,
    pub(crate) asymmetric_keys: usize,
}

impl Settings {
    pub(crate) fn capacity(&self) -> Capacity {
        if !self.limits {
            return Capacity { users: usize::MAX, keys: usize::MAX, asymmetric_keys: usize::MAX };
        }
        match self.hsm_type {
            HsmType::Hsm1Medium => Capacity {
                users: limits::USERS_HSM1,
                keys: limits::KEYS_HSM1,
                asymmetric_keys: limits::KEYS_HSM1,
            },
            HsmType::Hsm2mMedium => Capacity {
                users: limits::USERS_HSM2M,
                keys: limits::KEYS_HSM2M,
                asymmetric_keys: limits::ASYMMETRIC_KEYS_HSM2M,
            },
        }
    }
}
