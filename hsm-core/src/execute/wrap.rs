//! Keys that leave and enter encrypted under another key.
use super::*;
use crate::authorise::{Access, refusal};
use crate::crypto::{AesWrap, Material};
use crate::execute::key::check_secret_size;
use crate::key::Key;
use crate::template::{Draft, Origin, Wish};
use proto::command::wrap::*;
use proto::{Attribute, Blob, Hash, KeyClass, Mechanism, Use, limits};
use zeroize::Zeroizing;

fn aes_wrap(mechanism: Mechanism) -> Option<AesWrap> {
    match mechanism {
        Mechanism::AesKeyWrapNoPad => Some(AesWrap::NoPad),
        Mechanism::AesKeyWrapPkcs5Pad => Some(AesWrap::Pkcs5Pad),
        Mechanism::AesKeyWrapZeroPad => Some(AesWrap::ZeroPad),
        _ => None,
    }
}

/// What travels of a key: the bytes of a secret, PKCS#8 of a private key.
fn payload(key: &Key) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    match &key.secret.material {
        Material::Secret(bytes) => Ok(bytes.clone()),
        Material::EcPrivate { .. } | Material::RsaPrivate { .. } => {
            key.secret.material.to_pkcs8().map_err(refusal)
        }
        _ => Err(Fault::KeyTypeUnfit.with("a public key is not wrapped")),
    }
}

impl Execute for WrapKey {
    fn execute(mut call: Granted<'_, Self>) -> Outcome<KeyWrapped> {
        let WrapKey { key, wrapping_key, mechanism, hash, aad } = call.request.clone();
        let key = call.key(key, Access::Own)?;
        let wrapping = call.usable(wrapping_key, mechanism, Use::Wrap)?;
        if !key.flags.has(Attribute::Extractable) {
            return Err(Fault::NotExtractable.with(format!("handle {:#x}", key.handle)).into());
        }
        if key.flags.has(Attribute::WrapWithTrusted) && !wrapping.flags.has(Attribute::Trusted) {
            return Err(Fault::UseForbidden.with("the key is wrapped by trusted keys only").into());
        }
        let plain = payload(&key)?;
        let aad = aad.unwrap_or_default();
        let mut iv = [0; 12];
        let data = call.compute(&wrapping, |engine, key, random| match aes_wrap(mechanism) {
            Some(how) => engine.wrap_aes(key, how, &plain),
            None if mechanism == Mechanism::AesGcm => {
                random(&mut iv);
                engine.encrypt_gcm(key, &iv, &aad.0, &plain)
            }
            None => engine.wrap_oaep(key, hash.unwrap_or(Hash::Sha256), &plain, random),
        })?;
        let iv = (mechanism == Mechanism::AesGcm).then(|| Blob(iv.to_vec()));
        let subject = Subject::keys(key.handle, 0);
        Ok(Done::new(KeyWrapped { iv, data: Blob(data) }).about(subject))
    }
}

impl Execute for UnwrapKey {
    fn execute(mut call: Granted<'_, Self>) -> Outcome<KeyUnwrapped> {
        let request = call.request.clone();
        check_data(&request.data, limits::DATA_MAX)?;
        let owner = call.username()?;
        let (retry, made) = call.made_before(request.retry.as_ref())?;
        if let Some(key) = made.first() {
            return Ok(Done::new(KeyUnwrapped { handle: key.handle }));
        }
        let unwrapping = call.usable(request.unwrapping_key, request.mechanism, Use::Unwrap)?;
        let wish = Wish {
            class: request.class,
            key_type: request.key_type,
            origin: Origin::Unwrapped,
            label: request.label.clone(),
            token: request.token,
            attributes: &request.attributes,
        };
        let draft = Draft::new(wish, owner, retry)?;
        let aad = request.aad.clone().unwrap_or_default();
        let iv = request.iv.clone().unwrap_or_default();
        let hash = request.hash.unwrap_or(Hash::Sha256);
        let data = &request.data.0;
        let plain =
            call.compute(&unwrapping, |engine, key, random| match aes_wrap(request.mechanism) {
                Some(how) => engine.unwrap_aes(key, how, data),
                None if request.mechanism == Mechanism::AesGcm => {
                    engine.decrypt_gcm(key, &iv.0, &aad.0, data)
                }
                None => engine.unwrap_oaep(key, hash, data, random),
            })?;
        let material = material(&request, plain)?;
        let (handle, change) = call.keep(draft, material)?;
        let mut done = Done::new(KeyUnwrapped { handle }).about(Subject::keys(handle, 0));
        done.changes.extend(change);
        Ok(done)
    }
}

fn material(request: &UnwrapKey, plain: Zeroizing<Vec<u8>>) -> Result<Material, Refusal> {
    match request.class {
        KeyClass::SecretKey => {
            check_secret_size(request.key_type, plain.len())?;
            Ok(Material::Secret(plain))
        }
        KeyClass::PrivateKey => {
            Material::from_pkcs8(request.key_type, request.curve, &plain).map_err(refusal)
        }
        KeyClass::PublicKey => Err(Fault::KeyTypeUnfit.with("a public key is not unwrapped")),
    }
}
