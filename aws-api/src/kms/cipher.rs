//! Encrypting and decrypting under KMS keys, and data keys.
use super::key_spec::SYMMETRIC;
use super::keys::{Found, Material};
use super::{Execute, Kms};
use crate::blob::{Sealed, additional_data};
use crate::call::Call;
use crate::error::{ApiError, internal};
use crate::key_stores::State;
use crate::model::ErrorKind;
use crate::model::Operation;
use crate::model::kms::*;
use crate::model::wire::Blob;
use kms_connector::{Connected, KeyError};
use proto::Fault;
use std::collections::BTreeMap;
use std::sync::Arc;
use zeroize::Zeroizing;

type Context = Option<BTreeMap<String, String>>;

/// For what the key is by which KMS knows its ciphertexts.
const MARKS: &str = "marks of ciphertexts";

/// KMS developer guide, fix-keystore, word for word.
pub(crate) fn unreachable() -> ApiError {
    ErrorKind::KMSInvalidStateException.with("KMS cannot communicate with your CloudHSM cluster")
}

/// What an HSM of the customer's says of its key, as KMS says it.
pub(super) fn refused(error: KeyError, arn: &str) -> ApiError {
    match error {
        KeyError::InvalidCiphertext => ErrorKind::InvalidCiphertextException.bare(),
        KeyError::HsmsUnreachable(why) => {
            tracing::warn!("{why}");
            unreachable()
        }
        KeyError::NotFound => ErrorKind::KMSInvalidStateException
            .with(format!("the key material of {arn} is not in the CloudHSM cluster")),
        // Disconnected while the request was under way.
        KeyError::Refused(refusal) if refusal.fault == Fault::NotLoggedIn => unreachable(),
        other => internal("the HSMs", other),
    }
}

/// A ciphertext as a request brings it.
struct Ciphertext {
    blob: Option<Blob>,
    key: Option<String>,
    /// The request's member that names the key.
    named: &'static str,
    algorithm: Option<String>,
}

/// Word for word (recorded).
fn unfit_algorithm(algorithm: &str) -> ApiError {
    let spec = SYMMETRIC;
    ErrorKind::InvalidKeyUsageException
        .with(format!("Algorithm {algorithm} is incompatible with key spec {spec}."))
}

fn algorithm(algorithm: Option<&str>) -> Result<(), ApiError> {
    match algorithm {
        None | Some(SYMMETRIC) => Ok(()),
        Some(other) => Err(unfit_algorithm(other)),
    }
}

fn not_dry(dry_run: Option<bool>) -> Result<(), ApiError> {
    if dry_run == Some(true) {
        return Err(ErrorKind::DryRunOperationException
            .with("The request would have succeeded, but the DryRun option is set."));
    }
    Ok(())
}

fn no_recipient(recipient: Option<RecipientInfo>) -> Result<(), ApiError> {
    match recipient {
        None => Ok(()),
        Some(_) => Err(ErrorKind::UnsupportedOperationException
            .with("Recipient: attestation of Nitro enclaves is not simulated")),
    }
}

impl Kms {
    /// The HSMs that hold the key's material. CloudTrail hears which key store it is.
    async fn hsms_of(&self, call: &mut Call, found: &Found) -> Result<Arc<Connected>, ApiError> {
        let Material::CloudHsm { store_id, backing_key_id, .. } = &found.key.material else {
            return Err(internal("a key of KMS's own", "is not in a key store"));
        };
        call.tell("customKeyStoreId", store_id.as_str());
        call.tell("backingKeyId", backing_key_id.as_str());
        let stores = self.stores(&call.region, store_id).await?;
        let store = stores.by_id(store_id).filter(|store| store.state == State::Connected);
        let store = store.ok_or_else(unreachable)?;
        self.connected(&call.region, store).await
    }

    /// The HSMs, and the handle that the key has in them.
    async fn located(
        &self,
        call: &mut Call,
        found: &Found,
    ) -> Result<(Arc<Connected>, u64), ApiError> {
        let hsms = self.hsms_of(call, found).await?;
        let none = || internal("a key of KMS's own", "is not in a key store");
        let meant = found.key.identity().ok_or_else(none)?;
        let handle = hsms.locate(&meant).await.map_err(|e| refused(e, &found.arn))?;
        Ok((hsms, handle))
    }

    async fn seal(
        &self,
        call: &mut Call,
        found: &Found,
        plaintext: &[u8],
        context: &Context,
    ) -> Result<Blob, ApiError> {
        let aad = additional_data(&found.arn, context.as_ref())?;
        let (iv, data) = match &found.key.material {
            Material::Kms { .. } => {
                self.own_hsm.encrypt(self, &found.key.material, plaintext, &aad).await?
            }
            Material::CloudHsm { .. } => {
                let (hsms, handle) = self.located(call, found).await?;
                let made = hsms.encrypt(handle, plaintext, &aad).await;
                let made = made.map_err(|e| refused(e, &found.arn))?;
                (made.iv, made.data)
            }
        };
        let sealed = Sealed::new(&found.arn, &found.key.key_id, &iv, &data);
        Ok(Blob::from(sealed.into_blob(&*self.secrets.derive(MARKS))))
    }

    async fn open(
        &self,
        call: &mut Call,
        found: &Found,
        sealed: &Sealed,
        context: &Context,
    ) -> Result<Zeroizing<Vec<u8>>, ApiError> {
        let aad = additional_data(&found.arn, context.as_ref())?;
        match &found.key.material {
            Material::Kms { .. } => {
                self.own_hsm
                    .decrypt(self, &found.key.material, sealed.iv(), sealed.data(), &aad)
                    .await
            }
            Material::CloudHsm { .. } => {
                let (hsms, handle) = self.located(call, found).await?;
                let made = hsms.decrypt(handle, &sealed.ciphertext(), &aad).await;
                made.map_err(|e| refused(e, &found.arn))
            }
        }
    }

    /// Random bytes of the HSMs that hold the key.
    async fn random_for(
        &self,
        call: &mut Call,
        found: &Found,
        count: u32,
    ) -> Result<Zeroizing<Vec<u8>>, ApiError> {
        match &found.key.material {
            Material::Kms { .. } => self.own_hsm.random(self, count).await,
            Material::CloudHsm { .. } => {
                let hsms = self.hsms_of(call, found).await?;
                hsms.data_key(count).await.map_err(|e| refused(e, &found.arn))
            }
        }
    }

    /// The key of a ciphertext, which must be the one that the caller names, if it names one. What
    /// is damaged is told before the key that it seems to be of is looked for.
    async fn key_of<O: Operation>(
        &self,
        call: &mut Call,
        ciphertext: Ciphertext,
    ) -> Result<(Found, Sealed), ApiError> {
        let named = match &ciphertext.key {
            Some(name) => Some(self.find::<O>(call, name).await?),
            None => None,
        };
        if let Some(other) = ciphertext.algorithm.filter(|algorithm| algorithm != SYMMETRIC) {
            let invalid = |why| ErrorKind::ValidationException.with(why);
            let found =
                named.ok_or_else(|| invalid(format!("{} must not be null", ciphertext.named)))?;
            found.usable()?;
            return Err(unfit_algorithm(&other));
        }
        let blob = ciphertext.blob.ok_or_else(missing_ciphertext)?;
        let sealed = Sealed::read(blob.into_bytes(), &*self.secrets.derive(MARKS));
        let sealed = sealed.ok_or_else(|| ErrorKind::InvalidCiphertextException.bare())?;
        let theirs = self.known(call, &sealed).await?;
        let believed = |found: &Found| sealed.is_marked() || !found.key.ciphertexts_marked;
        if !sealed.is_marked() && !theirs.as_ref().is_some_and(believed) {
            return Err(ErrorKind::InvalidCiphertextException.bare());
        }
        if let Some(found) = named {
            if found.key.key_id != sealed.key_id() {
                return Err(ErrorKind::IncorrectKeyException.with(
                    "The key ID in the request does not identify a CMK that can perform this \
                     operation.",
                ));
            }
            return Ok((found, sealed));
        }
        let found = theirs.ok_or_else(|| {
            ErrorKind::AccessDeniedException.with(
                "The ciphertext refers to a customer master key that does not exist, does not \
                 exist in this region, or you are not allowed to access.",
            )
        })?;
        call.told.keys.push(found.arn.clone());
        Ok((found, sealed))
    }

    /// The key that a ciphertext says it is of, if it is here.
    async fn known(&self, call: &Call, sealed: &Sealed) -> Result<Option<Found>, ApiError> {
        match self.by_id(call, &sealed.key_id()).await {
            Ok(found) => Ok(Some(found).filter(|found| sealed.is_of(&found.arn))),
            Err(error) if error.kind == ErrorKind::NotFoundException => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn used<O: Operation>(&self, call: &Call, found: &Found) {
        self.usage.used(&found.arn, O::NAME, call);
    }
}

fn missing_ciphertext() -> ApiError {
    ErrorKind::ValidationException.with(
        "1 validation error detected: Value null at 'ciphertextBlob' failed to satisfy \
         constraint: Member must not be null",
    )
}

fn material_id(found: &Found) -> Option<String> {
    found.key.material.id().map(str::to_owned)
}

impl Execute for EncryptRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let found = kms.find::<Self>(call, self.key_id.as_deref().unwrap_or_default()).await?;
        found.usable()?;
        algorithm(self.encryption_algorithm.as_deref())?;
        not_dry(self.dry_run)?;
        let plaintext = self.plaintext.unwrap_or_default();
        let blob = kms.seal(call, &found, &plaintext, &self.encryption_context).await?;
        kms.used::<Self>(call, &found);
        Ok(EncryptResponse {
            ciphertext_blob: Some(blob),
            key_id: Some(found.arn),
            encryption_algorithm: Some(SYMMETRIC.to_owned()),
        })
    }
}

impl Execute for DecryptRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        no_recipient(self.recipient)?;
        if self.dry_run == Some(true) && self.dry_run_modifiers.is_some() {
            // IGNORE_CIPHERTEXT is the only modifier that there is.
            let name = self.key_id.as_deref().ok_or_else(missing_ciphertext)?;
            kms.find::<Self>(call, name).await?.usable()?;
            not_dry(self.dry_run)?;
        }
        let ciphertext = Ciphertext {
            blob: self.ciphertext_blob,
            key: self.key_id,
            named: "KeyId",
            algorithm: self.encryption_algorithm,
        };
        let (found, sealed) = kms.key_of::<Self>(call, ciphertext).await?;
        found.usable()?;
        not_dry(self.dry_run)?;
        let plaintext = kms.open(call, &found, &sealed, &self.encryption_context).await?;
        kms.used::<Self>(call, &found);
        Ok(DecryptResponse {
            key_material_id: material_id(&found),
            key_id: Some(found.arn),
            plaintext: Some(Blob::from(plaintext)),
            encryption_algorithm: Some(SYMMETRIC.to_owned()),
            ..Default::default()
        })
    }
}

impl Execute for ReEncryptRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        if self.dry_run == Some(true) && self.dry_run_modifiers.is_some() {
            let source = self.source_key_id.as_deref().ok_or_else(missing_ciphertext)?;
            kms.find::<Self>(call, source).await?.usable()?;
            let target = self.destination_key_id.as_deref().unwrap_or_default();
            kms.find::<Self>(call, target).await?.usable()?;
            not_dry(self.dry_run)?;
        }
        let ciphertext = Ciphertext {
            blob: self.ciphertext_blob,
            key: self.source_key_id,
            named: "SourceKeyId",
            algorithm: self.source_encryption_algorithm,
        };
        let (source, sealed) = kms.key_of::<Self>(call, ciphertext).await?;
        source.usable()?;
        let target = self.destination_key_id.as_deref().unwrap_or_default();
        let target = kms.find::<Self>(call, target).await?;
        target.usable()?;
        algorithm(self.destination_encryption_algorithm.as_deref())?;
        not_dry(self.dry_run)?;
        let plaintext = kms.open(call, &source, &sealed, &self.source_encryption_context).await?;
        let context = &self.destination_encryption_context;
        let blob = kms.seal(call, &target, &plaintext, context).await?;
        kms.used::<Self>(call, &source);
        kms.used::<Self>(call, &target);
        Ok(ReEncryptResponse {
            ciphertext_blob: Some(blob),
            source_key_material_id: material_id(&source),
            destination_key_material_id: material_id(&target),
            source_key_id: Some(source.arn),
            key_id: Some(target.arn),
            source_encryption_algorithm: Some(SYMMETRIC.to_owned()),
            destination_encryption_algorithm: Some(SYMMETRIC.to_owned()),
        })
    }
}

/// A new data key, in clear and encrypted.
struct DataKey {
    found: Found,
    plaintext: Zeroizing<Vec<u8>>,
    blob: Blob,
}

/// How long a data key is: exactly one of the two says so.
fn data_key_bytes(spec: Option<&str>, bytes: Option<i32>) -> Result<u32, ApiError> {
    match (spec, bytes) {
        (Some("AES_128"), None) => Ok(16),
        (Some(_), None) => Ok(32),
        (None, Some(bytes)) => Ok(bytes.unsigned_abs()),
        (Some(_), Some(_)) | (None, None) => Err(ErrorKind::ValidationException
            .with("Please specify either number of bytes or key spec.")),
    }
}

async fn data_key<O: Operation>(
    kms: &Kms,
    call: &mut Call,
    name: Option<String>,
    count: u32,
    context: &Context,
    dry_run: Option<bool>,
) -> Result<DataKey, ApiError> {
    let found = kms.find::<O>(call, &name.unwrap_or_default()).await?;
    found.usable()?;
    not_dry(dry_run)?;
    let plaintext = kms.random_for(call, &found, count).await?;
    let blob = kms.seal(call, &found, &plaintext, context).await?;
    kms.used::<O>(call, &found);
    Ok(DataKey { found, plaintext, blob })
}

impl Execute for GenerateDataKeyRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        no_recipient(self.recipient)?;
        let count = data_key_bytes(self.key_spec.as_deref(), self.number_of_bytes)?;
        let context = &self.encryption_context;
        let made = data_key::<Self>(kms, call, self.key_id, count, context, self.dry_run).await?;
        Ok(GenerateDataKeyResponse {
            ciphertext_blob: Some(made.blob),
            plaintext: Some(Blob::from(made.plaintext)),
            key_material_id: material_id(&made.found),
            key_id: Some(made.found.arn),
            ..Default::default()
        })
    }
}

impl Execute for GenerateDataKeyWithoutPlaintextRequest {
    async fn execute(self, kms: &Arc<Kms>, call: &mut Call) -> Result<Self::Output, ApiError> {
        let count = data_key_bytes(self.key_spec.as_deref(), self.number_of_bytes)?;
        let context = &self.encryption_context;
        let made = data_key::<Self>(kms, call, self.key_id, count, context, self.dry_run).await?;
        Ok(GenerateDataKeyWithoutPlaintextResponse {
            ciphertext_blob: Some(made.blob),
            key_material_id: material_id(&made.found),
            key_id: Some(made.found.arn),
        })
    }
}
