//! What travels: the shapes that `cargo xtask codegen` makes of AWS's models, and how a body
//! becomes a request.
use crate::error::ApiError;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub(crate) mod cloudhsmv2;
pub(crate) mod constraint;
mod error_kind;
pub(crate) mod kms;
#[cfg(test)]
mod trial;
pub(crate) mod wire;

pub(crate) use constraint::{Validate, Violations};
pub(crate) use error_kind::ErrorKind;

/// A request, what answers it, and how it may be refused. The common errors, such as
/// `ValidationException`, are in no model and so not in `ERRORS`.
pub(crate) trait Operation: DeserializeOwned + Serialize + Validate + Send {
    const NAME: &'static str;
    const ERRORS: &'static [ErrorKind];
    /// Which botocore the model is of.
    const MODEL: &'static str;
    type Output: Serialize + Send;
}

/// The answer of an operation that has none: `{}`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Nothing {}

/// A request out of a body; an empty body counts as `{}`.
///
/// A member that the model does not know is refused where it could restrict what is asked for
/// (`cargo xtask codegen` says where), and otherwise left alone.
/// A member that comes twice is refused; in a map, the last one counts. No refusal repeats what a
/// member of the wrong type held: it may be a secret in the wrong place.
pub(crate) fn decode<O: Operation>(body: &[u8]) -> Result<O, ApiError> {
    let body = if body.is_empty() { b"{}" } else { body };
    if has_nul(body) {
        let why = "a text of the request holds the character U+0000, which is not valid";
        return Err(ErrorKind::ValidationException.with(why));
    }
    let request: O = match serde_json::from_slice(body) {
        Ok(wire::Object(request)) => request,
        Err(error) => {
            return Err(match wire::unknown_member(&error) {
                Some(member) => ErrorKind::ValidationException.with(format!(
                    "{member} is not known to this version (botocore {}), and it could restrict \
                     what is asked for: nothing was done. Leave it out.",
                    O::MODEL
                )),
                None => ErrorKind::SerializationException.with(wire::reason(&error)),
            });
        }
    };
    let mut found = Violations::default();
    request.validate(&mut found);
    match found.message() {
        None => Ok(request),
        message => Err(ApiError { kind: ErrorKind::ValidationException, message }),
    }
}

/// Whether a text of this JSON holds U+0000, which none of AWS's may, and PostgreSQL's cannot.
fn has_nul(json: &[u8]) -> bool {
    let escapes = json.windows(NUL.len()).enumerate().filter(|(_, bytes)| *bytes == NUL);
    // Behind another backslash, it is a backslash and the letters.
    escapes.into_iter().any(|(at, _)| {
        let before = json.get(..at).unwrap_or_default();
        before.iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 0
    })
}

/// As JSON has to write it.
const NUL: &[u8] = br"\u0000";

#[cfg(test)]
mod tests;
