//! Who asks, where and when; and what an operation tells CloudTrail.
use serde_json::{Map, Value};
use std::net::IpAddr;
use std::sync::Arc;
use uuid::Uuid;

/// The circumstances of one request.
pub(crate) struct Call {
    pub(crate) id: Uuid,
    pub(crate) at_ms: i64,
    /// Of the credential scope.
    pub(crate) region: String,
    pub(crate) account: Arc<str>,
    pub(crate) caller: Caller,
    pub(crate) source: Option<IpAddr>,
    pub(crate) user_agent: String,
    pub(crate) told: Told,
}

/// An id for a request or an event. Nothing rests on its being secret: it costs no call of the
/// operating system.
pub(crate) fn new_id() -> Uuid {
    uuid::Builder::from_random_bytes(rand::random()).into_uuid()
}

/// By whose credentials the request was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Nobody signed it: it counts as the account's root.
    Unsigned,
    /// The access key of the credential scope.
    AccessKey(String),
}

/// What the operation tells CloudTrail besides its parameters.
#[derive(Default)]
pub(crate) struct Told {
    /// ARNs of the KMS keys.
    pub(crate) keys: Vec<String>,
    pub(crate) response: Option<Value>,
    pub(crate) additional: Map<String, Value>,
}

impl Call {
    pub(crate) fn key_arn(&self, key_id: &str) -> String {
        format!("arn:aws:kms:{}:{}:key/{key_id}", self.region, self.account)
    }

    pub(crate) fn alias_arn(&self, name: &str) -> String {
        format!("arn:aws:kms:{}:{}:{name}", self.region, self.account)
    }

    /// Whose request it is, as IAM names them.
    pub(crate) fn principal(&self) -> String {
        match &self.caller {
            Caller::Unsigned => format!("arn:aws:iam::{}:root", self.account),
            Caller::AccessKey(_) => format!("arn:aws:iam::{}:user/local", self.account),
        }
    }

    /// Something that CloudTrail shows under additionalEventData.
    pub(crate) fn tell(&mut self, name: &str, value: impl Into<Value>) {
        self.told.additional.insert(name.to_owned(), value.into());
    }
}
