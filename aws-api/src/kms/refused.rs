//! Operations that symmetric encryption keys do not support, and how KMS says so.
use super::keys::{Found, Material};
use super::{Execute, Kms, policy};
use crate::call::Call;
use crate::error::ApiError;
use crate::model::kms::*;
use crate::model::{ErrorKind, Operation};
use std::sync::Arc;

/// Keys of this origin cannot do that.
pub(super) fn wrong_origin(found: &Found) -> ApiError {
    let origin = found.key.material.origin();
    ErrorKind::UnsupportedOperationException
        .with(format!("{} origin is {origin} which is not valid for this operation.", found.arn))
}

/// Keys of this usage cannot do that.
fn wrong_usage(found: &Found, operation: &str) -> ApiError {
    ErrorKind::InvalidKeyUsageException.with(format!(
        "{} key usage is ENCRYPT_DECRYPT which is not valid for {operation}.",
        found.arn
    ))
}

fn not_simulated(found: &Found, operation: &str) -> ApiError {
    ErrorKind::UnsupportedOperationException
        .with(format!("{operation} is not simulated for keys such as {}", found.arn))
}

fn not_multi_region(found: &Found, _: &str) -> ApiError {
    ErrorKind::UnsupportedOperationException
        .with(format!("{} is not a multi-region primary key.", found.arn))
}

fn origin(found: &Found, _: &str) -> ApiError {
    wrong_origin(found)
}

fn on_demand(found: &Found, operation: &str) -> ApiError {
    match found.key.material {
        Material::CloudHsm { .. } => wrong_origin(found),
        Material::Kms { .. } => not_simulated(found, operation),
    }
}

impl Execute for ReplicateKeyRequest {
    /// The replica's policy is held against the same rules as any other, before the key is.
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let found = kms.find::<Self>(call, &self.key_id.unwrap_or_default()).await?;
        if let Some(policy) = self.policy {
            let bypass = self.bypass_policy_lockout_safety_check;
            policy::checked(policy, call, &found.arn, bypass)?;
        }
        Err(not_multi_region(&found, Self::NAME))
    }
}

/// Each operation finds its key first: an unknown one is told before anything else.
macro_rules! refuse {
    ($($request:ident $why:ident;)*) => {$(
        impl Execute for $request {
            async fn execute(
                self,
                kms: &Arc<Kms>,
                call: &mut Call,
            ) -> Result<Self::Output, ApiError> {
                let found = kms.find::<Self>(call, &self.key_id.unwrap_or_default()).await?;
                Err($why(&found, Self::NAME))
            }
        }
    )*};
}

refuse! {
    SignRequest wrong_usage;
    VerifyRequest wrong_usage;
    GenerateMacRequest wrong_usage;
    VerifyMacRequest wrong_usage;
    DeriveSharedSecretRequest wrong_usage;
    EncapsulateRequest wrong_usage;
    DecapsulateRequest wrong_usage;
    GetPublicKeyRequest not_simulated;
    GenerateDataKeyPairRequest not_simulated;
    GenerateDataKeyPairWithoutPlaintextRequest not_simulated;
    GetParametersForImportRequest origin;
    ImportKeyMaterialRequest origin;
    DeleteImportedKeyMaterialRequest origin;
    RotateKeyOnDemandRequest on_demand;
    UpdatePrimaryRegionRequest not_multi_region;
}
