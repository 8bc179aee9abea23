//! The key policy: kept and given back. Who may do what is not decided by it here.
use super::{Execute, Kms};
use crate::call::Call;
use crate::error::ApiError;
use crate::model::ErrorKind;
use crate::model::kms::*;
use crate::page::Listing;
use document::{Document, malformed};
use lockout::Asker;
use serde_json::json;
use std::sync::Arc;

mod document;
mod lockout;

/// The only name that a key policy can have.
const NAME: &str = "default";
/// KMS developer guide, resource quotas: the size of a key policy in bytes.
const POLICY_MAX: usize = 32 * 1024;

/// KMS's words (recorded).
const LOCKED_OUT: &str =
    "The new key policy will not allow you to update the key policy in the future.";
/// A policy that AWS RAM writes, for keys that it shares.
const OF_RAM: &str = "AWS_RAM";

/// What a key has when its maker gives no policy.
pub(super) fn default(account: &str) -> String {
    let policy = json!({
        "Version": "2012-10-17",
        "Id": "key-default-1",
        "Statement": [{
            "Sid": "Enable IAM User Permissions",
            "Effect": "Allow",
            "Principal": { "AWS": format!("arn:aws:iam::{account}:root") },
            "Action": "kms:*",
            "Resource": "*",
        }],
    });
    serde_json::to_string_pretty(&policy).unwrap_or_default()
}

/// What a policy must be that a request brings: of a size, well-formed, and, unless the caller
/// bypasses that check, one under which the caller can change it again.
pub(super) fn checked(
    policy: String,
    call: &Call,
    key_arn: &str,
    bypass: Option<bool>,
) -> Result<String, ApiError> {
    if policy.len() > POLICY_MAX {
        return Err(ErrorKind::LimitExceededException
            .with(format!("a key policy has {POLICY_MAX} bytes at most")));
    }
    let document = Document::read(&policy)?;
    let principal = call.principal();
    let asker = Asker { account: &call.account, principal: &principal, key_arn };
    if bypass != Some(true) && !asker.may_put_policy(&document) {
        return Err(malformed(LOCKED_OUT));
    }
    if document.statements().is_empty() {
        return Err(malformed("The policy has no statement."));
    }
    Ok(policy)
}

fn named(name: Option<&str>) -> Result<(), ApiError> {
    match name {
        None | Some(NAME) => Ok(()),
        Some(other) => Err(ErrorKind::NotFoundException
            .with(format!("No such policy exists: {other}; a key policy is named {NAME}"))),
    }
}

impl Execute for GetKeyPolicyRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let found = kms.find::<Self>(call, &self.key_id.unwrap_or_default()).await?;
        named(self.policy_name.as_deref())?;
        Ok(GetKeyPolicyResponse {
            policy: Some(found.key.policy.clone()),
            policy_name: Some(NAME.to_owned()),
        })
    }
}

impl Execute for PutKeyPolicyRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let found = kms.find::<Self>(call, &self.key_id.unwrap_or_default()).await?;
        if self.policy_name.as_deref() == Some(OF_RAM) {
            return Err(ErrorKind::ValidationException
                .with("The AWS_RAM policy can only be managed by the RAM service."));
        }
        named(self.policy_name.as_deref())?;
        let bypass = self.bypass_policy_lockout_safety_check;
        let policy = checked(self.policy.unwrap_or_default(), call, &found.arn, bypass)?;
        kms.change_key(call, &found.key.key_id, |_, key| {
            key.policy.clone_from(&policy);
            Ok(())
        })
        .await?;
        Ok(Self::Output::default())
    }
}

impl Execute for ListKeyPoliciesRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let found = kms.find::<Self>(call, &self.key_id.unwrap_or_default()).await?;
        // One, which is one page: there is no cursor of this list.
        Listing::of::<Self>(&call.region, &found.key.key_id).after(self.marker.as_deref())?;
        Ok(ListKeyPoliciesResponse {
            policy_names: Some(vec![NAME.to_owned()]),
            next_marker: None,
            truncated: Some(false),
        })
    }
}
