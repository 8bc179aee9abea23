//! CloudTrail: each call becomes one line of JSON in `cloudtrail.jsonl`. Secrets never do.
use crate::call::{Call, Caller, new_id};
use crate::error::ApiError;
use queue::Log;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::io;
use std::path::Path;
use std::sync::Arc;

mod queue;

/// AWS KMS, as the source of events.
pub(crate) const KMS: &str = "kms.amazonaws.com";
/// AWS CloudHSM, as the source of events.
pub(crate) const CLOUDHSM: &str = "cloudhsm.amazonaws.com";
/// Where events go; clones share it. The file has them a moment after the answer was given.
#[derive(Clone)]
pub(crate) struct Trail {
    log: Arc<Log>,
    account: Arc<str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Event<'e> {
    event_version: &'static str,
    user_identity: Identity<'e>,
    event_time: String,
    event_source: &'static str,
    event_name: &'e str,
    aws_region: &'e str,
    #[serde(rename = "sourceIPAddress")]
    source_ip_address: String,
    user_agent: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<&'e str>,
    request_parameters: Option<&'e RawValue>,
    response_elements: Option<&'e Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_event_data: Option<&'e Map<String, Value>>,
    #[serde(rename = "requestID", skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(rename = "eventID")]
    event_id: String,
    read_only: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<Resource<'e>>,
    event_type: &'static str,
    management_event: bool,
    recipient_account_id: &'e str,
    event_category: &'static str,
}

/// Who it was; what does not apply is left out.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'e> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal_id: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<String>,
    account_id: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_id: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoked_by: Option<&'static str>,
}

#[derive(Serialize)]
struct Resource<'e> {
    #[serde(rename = "accountId")]
    account_id: &'e str,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "ARN")]
    arn: &'e str,
}

fn resource<'e>(account_id: &'e str) -> impl Fn(&'e String) -> Resource<'e> {
    move |arn| Resource { account_id, kind: "AWS::KMS::Key", arn }
}

/// CloudTrail user guide, record contents: an errorMessage has 1 KB at most.
const ERROR_MESSAGE_MAX: usize = 1024;

fn shortened(message: &str) -> &str {
    let end = message.floor_char_boundary(ERROR_MESSAGE_MAX);
    message.get(..end).unwrap_or_default()
}

/// Operations that change nothing that KMS keeps.
fn is_read_only(operation: &str) -> bool {
    [
        "Describe",
        "List",
        "Get",
        "Encrypt",
        "Decrypt",
        "ReEncrypt",
        "Generate",
        "Sign",
        "Verify",
        "Derive",
        "Encapsulate",
        "Decapsulate",
    ]
    .iter()
    .any(|front| operation.starts_with(front))
}

impl Trail {
    /// Begins, or goes on with, the log in this folder.
    pub(crate) fn open(folder: &Path, account: Arc<str>) -> io::Result<Self> {
        let log = Log::open(folder.join("cloudtrail.jsonl"))?;
        Ok(Self { log: Arc::new(log), account })
    }

    /// Waits until the file has all events.
    pub(crate) async fn flush(&self) {
        self.log.flush().await;
    }

    /// One call of the API.
    pub(crate) async fn record(
        &self,
        call: &Call,
        operation: &str,
        parameters: Option<&RawValue>,
        error: Option<&ApiError>,
        source: &'static str,
    ) {
        let told = &call.told;
        let failed = error.is_some();
        let event = Event {
            event_version: "1.08",
            user_identity: identity(call),
            event_time: rfc3339(call.at_ms),
            event_source: source,
            event_name: operation,
            aws_region: &call.region,
            source_ip_address: call.source.map_or("AWS Internal".to_owned(), |ip| ip.to_string()),
            user_agent: &call.user_agent,
            error_code: error.map(|error| trail_code(error.kind.name())),
            error_message: error.and_then(|error| error.message.as_deref()).map(shortened),
            request_parameters: parameters,
            response_elements: told.response.as_ref().filter(|_| !failed),
            additional_event_data: Some(&told.additional).filter(|data| !data.is_empty()),
            request_id: Some(call.id.to_string()),
            event_id: new_id().to_string(),
            read_only: is_read_only(operation),
            resources: told.keys.iter().map(resource(&call.account)).collect(),
            event_type: "AwsApiCall",
            management_event: true,
            recipient_account_id: &call.account,
            event_category: "Management",
        };
        self.put(&event).await;
    }

    /// A key whose waiting period is over was deleted by KMS itself.
    pub(crate) async fn deleted(
        &self,
        region: &str,
        arn: &str,
        additional: Map<String, Value>,
        at_ms: i64,
    ) {
        let (arn, response) = (arn.to_owned(), json!({ "keyId": arn }));
        let event = Event {
            event_version: "1.08",
            user_identity: Identity {
                account_id: &self.account,
                invoked_by: Some("AWS Internal"),
                ..Identity::default()
            },
            event_time: rfc3339(at_ms),
            event_source: KMS,
            event_name: "DeleteKey",
            aws_region: region,
            source_ip_address: "AWS Internal".to_owned(),
            user_agent: "AWS Internal",
            error_code: None,
            error_message: None,
            request_parameters: None,
            response_elements: Some(&response),
            additional_event_data: Some(&additional).filter(|data| !data.is_empty()),
            request_id: None,
            event_id: new_id().to_string(),
            read_only: false,
            resources: [&arn].into_iter().map(resource(&self.account)).collect(),
            event_type: "AwsServiceEvent",
            management_event: true,
            recipient_account_id: &self.account,
            event_category: "Management",
        };
        self.put(&event).await;
    }

    async fn put(&self, event: &Event<'_>) {
        let mut line = Vec::with_capacity(1_024);
        if serde_json::to_writer(&mut line, event).is_ok() {
            line.push(b'\n');
            self.log.put(&line).await;
        }
    }
}

/// CloudTrail names some errors otherwise than the API does.
fn trail_code(name: &str) -> &str {
    match name {
        "AccessDeniedException" => "AccessDenied",
        other => other,
    }
}

fn identity(call: &Call) -> Identity<'_> {
    let (account_id, arn) = (&*call.account, Some(call.principal()));
    match &call.caller {
        Caller::Unsigned => Identity {
            kind: Some("Root"),
            principal_id: Some(account_id),
            arn,
            account_id,
            ..Identity::default()
        },
        Caller::AccessKey(key) => Identity {
            kind: Some("IAMUser"),
            principal_id: Some(key),
            arn,
            account_id,
            access_key_id: Some(key),
            user_name: Some("local"),
            ..Identity::default()
        },
    }
}

/// `2026-11-24T22:38:34Z`.
fn rfc3339(at_ms: i64) -> String {
    let date = time::OffsetDateTime::from_unix_timestamp(at_ms / 1_000);
    let date = date.unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        date.year(),
        u8::from(date.month()),
        date.day(),
        date.hour(),
        date.minute(),
        date.second()
    )
}
