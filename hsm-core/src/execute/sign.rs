//! Signatures and HMACs.
use super::*;
use crate::crypto::SignParams;
use proto::command::sign::*;
use proto::{Blob, Use, limits};

impl Execute for Sign {
    fn execute(mut call: Granted<'_, Self>) -> Outcome<Signature> {
        let Sign { key, mechanism, hash, digested, salt_len, data } = call.request.clone();
        check_data(&data, limits::DATA_MAX)?;
        let key = call.usable(key, mechanism, Use::Sign)?;
        let params = SignParams { mechanism, hash, digested, salt_len };
        let signature =
            call.compute(&key, |engine, key, random| engine.sign(key, &params, &data.0, random))?;
        Ok(Done::new(Signature { signature: Blob(signature) }))
    }
}

impl Execute for Verify {
    fn execute(mut call: Granted<'_, Self>) -> Outcome<Verified> {
        let Verify { key, mechanism, hash, digested, salt_len, data, signature } =
            call.request.clone();
        check_data(&data, limits::DATA_MAX)?;
        let key = call.usable(key, mechanism, Use::Verify)?;
        let params = SignParams { mechanism, hash, digested, salt_len };
        call.compute(&key, |engine, key, _| engine.verify(key, &params, &data.0, &signature.0))?;
        Ok(Done::new(Verified {}))
    }
}
