//! What is asked of an endpoint again and again, and the keys that it takes and leaves.
use super::super::tally::Meter;
use super::http::{Answer, Connection, Url};
use crate::Failure;
use clap::ValueEnum;
use data_encoding::BASE64;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// Where `up` has its cluster.
const REGION: &str = "us-east-1";
/// What AWS's guides encrypt: a data key.
const SIZE: u16 = 32;
const DATA_KEY_MAX: u16 = 1_024;
/// The shortest waiting period.
const PENDING_DAYS: u8 = 7;

/// Which operation to measure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Operation {
    #[default]
    Encrypt,
    GenerateDataKey,
    CreateKey,
}

impl Operation {
    /// AWS's name.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Encrypt => "Encrypt",
            Self::GenerateDataKey => "GenerateDataKey",
            Self::CreateKey => "CreateKey",
        }
    }

    /// What a call is, in the key store or at the endpoint beside.
    pub(super) fn remark(self, in_key_store: bool) -> &'static str {
        match (self, in_key_store) {
            (Self::CreateKey, true) => "AES-256 in a key store, durable on all its HSMs",
            (Self::CreateKey, false) => "ECC_NIST_P256 at the endpoint beside",
            (_, true) => "under a key in the HSMs of a key store",
            (_, false) => "under a symmetric key of the endpoint beside",
        }
    }

    /// How many bytes, where bytes there are.
    pub(super) fn size(self, wanted: Option<u16>) -> Result<Option<u16>, Failure> {
        match (self, wanted) {
            (Self::CreateKey, Some(_)) => Err(Failure::usage("create-key has no --size")),
            (Self::CreateKey, None) => Ok(None),
            (Self::GenerateDataKey, Some(size)) if size > DATA_KEY_MAX => {
                Err(Failure::usage(format!("a data key has {DATA_KEY_MAX} bytes at most")))
            }
            (_, wanted) => Ok(Some(wanted.unwrap_or(SIZE))),
        }
    }

    /// The member that tells that an answer is one, and that names the key of CreateKey.
    fn member(self) -> &'static str {
        match self {
            Self::Encrypt | Self::GenerateDataKey => "CiphertextBlob",
            Self::CreateKey => "KeyId",
        }
    }
}

/// A request that is sent again and again.
pub(super) struct Work {
    request: Arc<[u8]>,
    member: &'static str,
    /// Keys to be deleted afterwards; not those of an endpoint that is thrown away.
    made: Option<Arc<Mutex<Vec<String>>>>,
}

impl Work {
    /// With keys in the CONNECTED key store of this endpoint.
    pub(super) async fn in_key_store(
        url: &Url,
        operation: Operation,
        size: Option<u16>,
        thrown_away: bool,
    ) -> Result<Self, Failure> {
        let mut connection = Connection::open(url).await?;
        let stores = call(url, &mut connection, "DescribeCustomKeyStores", json!({})).await?;
        let stores = stores["CustomKeyStores"].as_array();
        let store = stores.into_iter().flatten().find(|s| s["ConnectionState"] == "CONNECTED");
        let store = store
            .ok_or_else(|| Failure::new(format!("{url} has no CONNECTED key store in {REGION}")))?;
        let key =
            json!({ "Origin": "AWS_CLOUDHSM", "CustomKeyStoreId": store["CustomKeyStoreId"] });
        let create = (operation == Operation::CreateKey).then(|| key.clone());
        Self::prepare(url, connection, operation, size, (key, create), thrown_away).await
    }

    /// With what another endpoint makes fastest. Its symmetric keys may be made otherwise than in
    /// an HSM (moto makes an RSA pair for each), so CreateKey is measured with elliptic curves.
    pub(super) async fn beside(
        url: &Url,
        operation: Operation,
        size: Option<u16>,
    ) -> Result<Self, Failure> {
        let connection = Connection::open(url).await?;
        let create = (operation == Operation::CreateKey)
            .then(|| json!({ "KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY" }));
        Self::prepare(url, connection, operation, size, (json!({}), create), false).await
    }

    async fn prepare(
        url: &Url,
        mut connection: Connection,
        operation: Operation,
        size: Option<u16>,
        (key, create): (Value, Option<Value>),
        thrown_away: bool,
    ) -> Result<Self, Failure> {
        let mut made = Vec::new();
        let body = match create {
            Some(create) => create,
            None => {
                let answer = call(url, &mut connection, "CreateKey", key).await?;
                let key_id = answer["KeyMetadata"]["KeyId"].clone();
                made.extend(key_id.as_str().map(str::to_owned));
                let body = parameters(operation, &key_id, size.unwrap_or(SIZE));
                prove(url, &mut connection, operation, &body).await?;
                body
            }
        };
        Ok(Self {
            request: url.request(REGION, operation.title(), &body.to_string()).into(),
            member: operation.member(),
            made: (!thrown_away).then(|| Arc::new(Mutex::new(made))),
        })
    }

    /// Asks until it is dropped, or until an answer is not what it should be.
    pub(super) fn load(
        &self,
        mut connection: Connection,
        mut meter: Meter,
    ) -> impl Future<Output = Failure> + Send + use<> {
        let (request, member, made) = (self.request.clone(), self.member, self.made.clone());
        let made = made.filter(|_| member == Operation::CreateKey.member());
        async move {
            loop {
                let began = Instant::now();
                let answer = match connection.ask(&request).await {
                    Ok(answer) => answer,
                    Err(failure) => return failure,
                };
                let now = Instant::now();
                let found = text(answer.body, member).filter(|_| answer.status == 200);
                let Some(found) = found else { return unexpected(&answer) };
                if let Some(made) = &made {
                    made.lock().unwrap_or_else(PoisonError::into_inner).push(found.to_owned());
                }
                meter.at(now);
                meter.count(now - began);
            }
        }
    }

    /// Schedules the deletion of the keys that were made, and says how many those are.
    pub(super) async fn clean_up(&self, url: &Url) -> Result<u64, Failure> {
        let Some(made) = &self.made else { return Ok(0) };
        let made = std::mem::take(&mut *made.lock().unwrap_or_else(PoisonError::into_inner));
        let mut connection = Connection::open(url).await?;
        for key in &made {
            let parameters = json!({ "KeyId": key, "PendingWindowInDays": PENDING_DAYS });
            call(url, &mut connection, "ScheduleKeyDeletion", parameters).await?;
        }
        Ok(made.len() as u64)
    }
}

fn parameters(operation: Operation, key_id: &Value, size: u16) -> Value {
    match operation {
        Operation::GenerateDataKey => json!({ "KeyId": key_id, "NumberOfBytes": size }),
        _ => json!({ "KeyId": key_id, "Plaintext": BASE64.encode(&vec![0x5a; size.into()]) }),
    }
}

/// Once, before it counts: what the operation encrypts is decrypted again.
async fn prove(
    url: &Url,
    connection: &mut Connection,
    operation: Operation,
    parameters: &Value,
) -> Result<(), Failure> {
    let made = call(url, connection, operation.title(), parameters.clone()).await?;
    let sealed = json!({ "CiphertextBlob": made["CiphertextBlob"] });
    let opened = call(url, connection, "Decrypt", sealed).await?;
    let given = match operation {
        Operation::GenerateDataKey => &made["Plaintext"],
        _ => &parameters["Plaintext"],
    };
    if given.is_string() && opened["Plaintext"] == *given {
        return Ok(());
    }
    Err(Failure::new(format!("{url} did not decrypt what it encrypted")))
}

/// One call outside of the measurement.
async fn call(
    url: &Url,
    connection: &mut Connection,
    operation: &str,
    parameters: Value,
) -> Result<Value, Failure> {
    let request = url.request(REGION, operation, &parameters.to_string());
    let answer = connection.ask(&request).await?;
    if answer.status != 200 {
        return Err(Failure::new(format!("{url}: {operation}: {}", unexpected(&answer))));
    }
    Ok(serde_json::from_str(answer.body)?)
}

fn unexpected(answer: &Answer<'_>) -> Failure {
    let shown: String = answer.body.chars().take(300).collect();
    Failure::new(format!("the answer was status {}: {shown}", answer.status))
}

/// The text of a member, found without reading the rest.
fn text<'b>(body: &'b str, member: &str) -> Option<&'b str> {
    let (_, behind) = body.split_once(member)?;
    let value = behind.strip_prefix('"')?.trim_start_matches([':', ' ']).strip_prefix('"')?;
    value.split_once('"').map(|(value, _)| value).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_found() {
        for body in [r#"{"A":"x","KeyId":"k"}"#, r#"{"KeyMetadata": {"KeyId": "k", "A": 1}}"#] {
            assert_eq!(text(body, "KeyId"), Some("k"), "{body}");
        }
        for body in [r#"{"KeyId":""}"#, r#"{"KeyId":1}"#, r#"{"KeyId""#, "{}", ""] {
            assert_eq!(text(body, "KeyId"), None, "{body}");
        }
    }

    #[test]
    fn sizes_are_those_that_the_operations_take() {
        let size = |operation: Operation, wanted| operation.size(wanted).ok();
        assert_eq!(size(Operation::Encrypt, None), Some(Some(32)));
        assert_eq!(size(Operation::Encrypt, Some(4096)), Some(Some(4096)));
        assert_eq!(size(Operation::GenerateDataKey, Some(1024)), Some(Some(1024)));
        assert_eq!(size(Operation::GenerateDataKey, Some(1025)), None);
        assert_eq!(size(Operation::CreateKey, Some(1)), None);
        assert_eq!(size(Operation::CreateKey, None), Some(None));
    }
}
