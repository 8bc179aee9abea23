//! Encryption with AES.
use super::*;
use proto::command::cipher::*;
use proto::{Blob, Mechanism, Use, limits};

/// Room for a CBC block or a GCM tag beyond the data.
const OVERHEAD: usize = 16;

impl Execute for Encrypt {
    fn execute(mut call: Granted<'_, Self>) -> Outcome<Encrypted> {
        let Encrypt { key, mechanism, iv, aad, data } = call.request.clone();
        check_data(&data, limits::DATA_MAX)?;
        let aad = aad.unwrap_or_default();
        check_data(&aad, limits::DATA_MAX)?;
        let key = call.usable(key, mechanism, Use::Encrypt)?;
        let (iv, data) = match (mechanism, iv) {
            (Mechanism::AesGcm, None) => {
                let mut iv = [0; 12];
                call.world.random(&mut iv);
                let data = call.compute(&key, |engine, key, _| {
                    engine.encrypt_gcm(key, &iv, &aad.0, &data.0)
                })?;
                (Blob(iv.to_vec()), data)
            }
            (Mechanism::AesGcm, Some(_)) => {
                return Err(Fault::DataUnfit.with("the HSM makes the IV of AES-GCM").into());
            }
            (_, None) => {
                return Err(Fault::DataUnfit.with("AES-CBC needs an IV of 16 bytes").into());
            }
            (_, Some(iv)) => {
                let pad = mechanism == Mechanism::AesCbcPad;
                let data = call
                    .compute(&key, |engine, key, _| engine.encrypt_cbc(key, &iv.0, pad, &data.0))?;
                (iv, data)
            }
        };
        Ok(Done::new(Encrypted { iv, data: Blob(data) }))
    }
}

impl Execute for Decrypt {
    fn execute(mut call: Granted<'_, Self>) -> Outcome<Decrypted> {
        let Decrypt { key, mechanism, iv, aad, data } = call.request.clone();
        check_data(&data, limits::DATA_MAX + OVERHEAD)?;
        let aad = aad.unwrap_or_default();
        check_data(&aad, limits::DATA_MAX)?;
        let key = call.usable(key, mechanism, Use::Decrypt)?;
        let mut plain = call.compute(&key, |engine, key, _| match mechanism {
            Mechanism::AesGcm => engine.decrypt_gcm(key, &iv.0, &aad.0, &data.0),
            _ => engine.decrypt_cbc(key, &iv.0, mechanism == Mechanism::AesCbcPad, &data.0),
        })?;
        Ok(Done::new(Decrypted { data: Blob(std::mem::take(&mut *plain)) }))
    }
}
