//! One operation, for tests that try all of them.
use super::{Operation, decode};
use crate::error::ApiError;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(super) struct Trial {
    pub(super) name: &'static str,
    pub(super) decode: fn(&[u8]) -> Result<(), ApiError>,
    /// A request as CloudTrail would have it, valid or not.
    pub(super) logged: fn(&[u8]) -> String,
    /// An answer without members, after a round trip through JSON.
    pub(super) answer: fn() -> String,
}

impl Trial {
    pub(super) const fn of<O: Operation>() -> Self
    where
        O::Output: Default + DeserializeOwned,
    {
        Self {
            name: O::NAME,
            decode: |body| decode::<O>(body).map(drop),
            logged: |body| through::<O>(body),
            answer: || through::<O::Output>(serde_json::to_vec(&O::Output::default()).unwrap()),
        }
    }
}

fn through<T: DeserializeOwned + Serialize>(json: impl AsRef<[u8]>) -> String {
    serde_json::to_string(&serde_json::from_slice::<T>(json.as_ref()).unwrap()).unwrap()
}
