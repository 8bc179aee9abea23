//! Where the material of a KMS key is, and how it is told from others.
use kms_connector::Identity;
use serde::{Deserialize, Serialize};

/// Where the key material is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Material {
    /// In the HSMs of a key store.
    CloudHsm {
        store_id: String,
        cluster_id: String,
        /// In that cluster; a relative's may have it under another.
        handle: u64,
        backing_key_id: String,
        /// Empty in records of earlier versions.
        #[serde(default)]
        check_value: String,
    },
    /// In KMS's own HSM: sealed by it, base64.
    Kms { masked: String, material_id: String },
}

impl Material {
    pub(crate) fn origin(&self) -> &'static str {
        match self {
            Self::CloudHsm { .. } => "AWS_CLOUDHSM",
            Self::Kms { .. } => "AWS_KMS",
        }
    }

    /// KeyMaterialId, which material in key stores has not.
    pub(crate) fn id(&self) -> Option<&str> {
        match self {
            Self::CloudHsm { .. } => None,
            Self::Kms { material_id, .. } => Some(material_id),
        }
    }

    pub(crate) fn store_id(&self) -> Option<&str> {
        match self {
            Self::CloudHsm { store_id, .. } => Some(store_id),
            Self::Kms { .. } => None,
        }
    }

    /// Which key in the HSMs of its key store is meant, as that of the KMS key with this id;
    /// `None`: it is in no key store.
    pub(super) fn identity<'k>(&'k self, key_id: &'k str) -> Option<Identity<'k>> {
        match self {
            Self::CloudHsm { handle, backing_key_id, check_value, .. } => Some(Identity {
                key_id,
                backing_key_id,
                handle: *handle,
                check_value: (!check_value.is_empty()).then_some(check_value),
            }),
            Self::Kms { .. } => None,
        }
    }
}
