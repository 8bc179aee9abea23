//! InitializeCluster: the customer's CA vouches for the cluster.
use super::record::{ClusterRecord, ClusterState, HsmState, change};
use super::{ControlPlane, Execute, invalid};
use crate::call::Call;
use crate::error::ApiError;
use crate::model::cloudhsmv2::*;
use certificates::check_signed;
use std::sync::Arc;

/// What AWS answers while the cluster is being initialized.
const MESSAGE: &str = "Cluster is initializing. State will change to INITIALIZED upon completion.";

impl Execute for InitializeClusterRequest {
    async fn execute(
        self,
        plane: &Arc<ControlPlane>,
        call: &mut Call,
    ) -> Result<Self::Output, ApiError> {
        plane.hosting()?;
        let id = self.cluster_id.unwrap_or_default();
        let signed = self.signed_cert.unwrap_or_default();
        let anchor = self.trust_anchor.unwrap_or_default();
        let now = u64::try_from(crate::clock::real_now_ms() / 1_000).unwrap_or_default();
        change(&plane.database, &call.region, &id, |record: &mut ClusterRecord| {
            if record.state != ClusterState::Uninitialized {
                return Err(invalid(format!(
                    "Cluster '{id}' is in state {}: only a cluster in state UNINITIALIZED can be \
                     initialized.",
                    record.state.name()
                )));
            }
            let csr = record.certificates.cluster_csr.as_deref();
            let ready = record.hsms.iter().any(|hsm| hsm.state == HsmState::Active);
            let csr = csr.filter(|_| ready).ok_or_else(|| {
                invalid(format!("Cluster '{id}' has no HSM: create one, whose CSR you sign."))
            })?;
            check_signed(csr, &signed, &anchor, now).map_err(invalid)?;
            record.state = ClusterState::InitializeInProgress;
            record.since_ms = crate::clock::real_now_ms();
            record.message = Some(MESSAGE.to_owned());
            record.signed_cert = Some(signed.clone());
            record.trust_anchor = Some(anchor.clone());
            Ok(())
        })
        .await?;
        plane.wake(&call.region, &id);
        Ok(InitializeClusterResponse {
            state: Some(ClusterState::InitializeInProgress.name().to_owned()),
            state_message: Some(MESSAGE.to_owned()),
        })
    }
}
