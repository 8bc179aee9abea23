//! Hash functions.
use super::*;
use proto::command::digest::*;
use proto::{Blob, limits};

impl Execute for Digest {
    fn execute(call: Granted<'_, Self>) -> Outcome<Digested> {
        let Digest { hash, data } = &call.request;
        check_data(data, limits::DATA_MAX)?;
        Ok(Done::new(Digested { digest: Blob(call.engine().digest(*hash, &data.0)) }))
    }
}
