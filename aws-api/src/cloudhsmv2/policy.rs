//! Resource policies of backups: kept and given back. Nobody is let in or kept out by them here.
use super::record::{BackupRecord, BackupState, change, get};
use super::{ControlPlane, Execute, invalid};
use crate::call::Call;
use crate::error::ApiError;
use crate::model::cloudhsmv2::*;
use std::sync::Arc;

/// `arn:aws:cloudhsm:us-east-1:000000000000:backup/backup-…`: only backups have policies.
fn backup_id(arn: Option<&String>) -> Result<String, ApiError> {
    let id = arn.and_then(|arn| arn.rsplit_once('/')).map(|(_, id)| id);
    let id = id.filter(|id| id.starts_with("backup-"));
    id.map(str::to_owned).ok_or_else(|| invalid("ResourceArn must be the ARN of a backup."))
}

impl Execute for PutResourcePolicyRequest {
    async fn execute(
        self,
        plane: &Arc<ControlPlane>,
        call: &mut Call,
    ) -> Result<Self::Output, ApiError> {
        let id = backup_id(self.resource_arn.as_ref())?;
        let policy = self.policy.ok_or_else(|| invalid("Policy is required."))?;
        if serde_json::from_str::<serde_json::Value>(&policy).is_err() {
            return Err(invalid("Policy is not JSON."));
        }
        change(&plane.database, &call.region, &id, |record: &mut BackupRecord| {
            if record.state != BackupState::Ready {
                return Err(invalid(format!("The backup {id} is not READY.")));
            }
            record.policy = Some(policy.clone());
            Ok(())
        })
        .await?;
        Ok(PutResourcePolicyResponse { resource_arn: self.resource_arn, policy: Some(policy) })
    }
}

impl Execute for GetResourcePolicyRequest {
    async fn execute(
        self,
        plane: &Arc<ControlPlane>,
        call: &mut Call,
    ) -> Result<Self::Output, ApiError> {
        let id = backup_id(self.resource_arn.as_ref())?;
        let backup: BackupRecord = get(&plane.database, &call.region, &id).await?;
        Ok(GetResourcePolicyResponse { policy: backup.policy })
    }
}

impl Execute for DeleteResourcePolicyRequest {
    async fn execute(
        self,
        plane: &Arc<ControlPlane>,
        call: &mut Call,
    ) -> Result<Self::Output, ApiError> {
        let id = backup_id(self.resource_arn.as_ref())?;
        let mut policy = None;
        change(&plane.database, &call.region, &id, |record: &mut BackupRecord| {
            policy = record.policy.take();
            Ok(())
        })
        .await?;
        Ok(DeleteResourcePolicyResponse { resource_arn: self.resource_arn, policy })
    }
}
