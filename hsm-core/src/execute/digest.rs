//! Hash functions.
use super::*;
use proto::command::digest::*;
use proto::{Blob, limits};

impl Execute for Digest {
    fn execute(call: Granted<'_, Self>) -> Outcome<Digested> {
        let Digest { hash, data } = &call.request;
        if data.0.len() > limits::DATA_MAX {
            return Err(Fault::DataUnfit
                .with(format!("{} bytes at most", limits::DATA_MAX))
                .into());
        }
        Ok(Done::new(Digested { digest: Blob(call.engine().digest(*hash, &data.0)) }))
    }
}
