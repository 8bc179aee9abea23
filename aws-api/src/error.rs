//! What an AWS client is told when something cannot be done.
use crate::database::WriteError;
use crate::model::ErrorKind;
use serde_json::{Map, Value};

/// An error of the API. Some carry no message: AWS sends none with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) kind: ErrorKind,
    pub(crate) message: Option<String>,
}

impl ErrorKind {
    pub(crate) fn with(self, message: impl Into<String>) -> ApiError {
        ApiError { kind: self, message: Some(message.into()) }
    }

    pub(crate) fn bare(self) -> ApiError {
        ApiError { kind: self, message: None }
    }
}

impl ApiError {
    /// Under another name, where an operation does not declare the one that would be said.
    pub(crate) fn renamed(self, from: ErrorKind, to: ErrorKind) -> Self {
        if self.kind == from { Self { kind: to, ..self } } else { self }
    }

    /// The bare shape name, and the message under the service's name for it.
    pub(crate) fn body(&self, message_name: &str) -> Vec<u8> {
        let mut body = Map::new();
        body.insert("__type".to_owned(), Value::from(self.kind.name()));
        if let Some(message) = &self.message {
            body.insert(message_name.to_owned(), Value::from(message.as_str()));
        }
        Value::Object(body).to_string().into_bytes()
    }
}

/// The database, the disk or KMS's own HSM failed.
pub(crate) fn internal(what: &str, why: impl std::fmt::Display) -> ApiError {
    tracing::error!("{what}: {why}");
    ErrorKind::KMSInternalException.with(format!("{what}: {why}"))
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        internal("the database", error)
    }
}

impl From<WriteError> for ApiError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Conflict => ErrorKind::KMSInternalException
                .with("others changed it at the same time, again and again: try again"),
            WriteError::Failed(why) => internal("the database", why),
        }
    }
}
