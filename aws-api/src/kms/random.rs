//! Random bytes, of KMS's own HSM or of a key store's.
use super::key_store::not_found;
use super::{Execute, Kms, cipher};
use crate::call::Call;
use crate::error::ApiError;
use crate::model::ErrorKind;
use crate::model::kms::*;
use crate::model::wire::Blob;
use std::sync::Arc;

impl Execute for GenerateRandomRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        if self.recipient.is_some() {
            return Err(ErrorKind::UnsupportedOperationException
                .with("Recipient: attestation of Nitro enclaves is not simulated"));
        }
        let count = self
            .number_of_bytes
            .ok_or_else(|| ErrorKind::ValidationException.with("NumberOfBytes is required."))?;
        let count = count.unsigned_abs();
        let bytes = match &self.custom_key_store_id {
            None => kms.own_hsm.random(kms, count).await?,
            Some(id) => {
                call.tell("customKeyStoreId", id.as_str());
                let stores = kms.stores(&call.region, id).await?;
                let store = stores.by_id(id).ok_or_else(not_found)?;
                let hsms = kms.connected(&call.region, store).await?;
                hsms.random(count).await.map_err(|e| cipher::refused(e, id))?
            }
        };
        Ok(GenerateRandomResponse { plaintext: Some(Blob::from(bytes)), ..Default::default() })
    }
}
