//! The AWS endpoint by raw HTTP, every answer held against the service model.
use crate::http::{Answer, send};
use crate::model;
use serde_json::{Value, json};
use std::time::Duration;

/// Where to ask.
#[derive(Clone)]
pub struct Kms {
    /// `127.0.0.1:port`
    pub address: String,
}

/// A refusal: the error's name and its message, empty where there is none.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    pub name: String,
    pub message: String,
}

impl Kms {
    /// From `http://127.0.0.1:port`.
    pub fn at(url: &str) -> Self {
        Self { address: url.strip_prefix("http://").unwrap().to_owned() }
    }

    /// Sends a body as it is.
    pub fn send(&self, operation: &str, body: &[u8]) -> Answer {
        let target = format!("TrentService.{operation}");
        let headers =
            [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target.as_str())];
        send(&self.address, "POST /", &headers, body)
    }

    /// Calls an operation; what the answer is must be as the model says.
    pub fn call(&self, operation: &str, parameters: &Value) -> Result<Value, Refusal> {
        let answer = self.send(operation, parameters.to_string().as_bytes());
        let body = checked(&answer);
        let wrong = match answer.status {
            200 => model::check_output(operation, &body),
            _ => model::check_error(operation, &body),
        };
        assert!(wrong.is_empty(), "{operation} {parameters}: {wrong:#?}\n{body}");
        if answer.status == 200 {
            return Ok(body);
        }
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let refusal = Refusal { name: text("__type"), message: text("message") };
        let fault = matches!(
            refusal.name.as_str(),
            "KMSInternalException" | "KeyUnavailableException" | "DependencyTimeoutException"
        );
        assert_eq!(answer.status, if fault { 500 } else { 400 }, "{refusal:?}");
        Err(refusal)
    }

    /// Calls an operation that must succeed.
    pub fn ok(&self, operation: &str, parameters: Value) -> Value {
        let answer = self.call(operation, &parameters);
        answer.unwrap_or_else(|refusal| panic!("{operation} {parameters}: {refusal:?}"))
    }

    /// Calls an operation that must be refused.
    pub fn refused(&self, operation: &str, parameters: Value) -> Refusal {
        match self.call(operation, &parameters) {
            Ok(answer) => panic!("{operation} {parameters}: {answer}"),
            Err(refusal) => refusal,
        }
    }

    /// What is not AWS's: `POST /_sim/clock?days=8`.
    pub fn sim(&self, line: &str) -> Value {
        let answer = send(&self.address, line, &[], b"");
        assert_eq!(answer.status, 200, "{line}");
        serde_json::from_slice(&answer.body).unwrap()
    }

    /// The one key store of this name or id, as described.
    pub fn store(&self, id: &str) -> Value {
        let described = self.ok("DescribeCustomKeyStores", json!({ "CustomKeyStoreId": id }));
        described["CustomKeyStores"][0].clone()
    }

    /// Waits until nobody works on the key store, and says what it is then.
    pub fn settled(&self, id: &str) -> String {
        loop {
            let store = self.store(id);
            match store["ConnectionState"].as_str().unwrap() {
                "CONNECTING" | "DISCONNECTING" => std::thread::sleep(Duration::from_millis(20)),
                state => return state.to_owned(),
            }
        }
    }

    /// Connects a key store, which must succeed.
    pub fn connect(&self, id: &str) {
        self.ok("ConnectCustomKeyStore", json!({ "CustomKeyStoreId": id }));
        assert_eq!(self.settled(id), "CONNECTED", "{}", self.store(id));
    }
}

/// The headers that every answer of KMS has, and the body.
fn checked(answer: &Answer) -> Value {
    let header = |name: &str| answer.headers.get(name).map(String::as_str).unwrap_or_default();
    for (name, value) in [
        ("cache-control", "no-cache, no-store, must-revalidate, private"),
        ("content-type", "application/x-amz-json-1.1"),
        ("expires", "0"),
        ("pragma", "no-cache"),
        ("content-length", &answer.body.len().to_string()),
    ] {
        assert_eq!(header(name), value, "{name}");
    }
    assert!(!header("date").is_empty());
    let id = header("x-amzn-requestid");
    let shape: Vec<usize> = id.split('-').map(str::len).collect();
    assert_eq!(shape, [8, 4, 4, 4, 12], "x-amzn-requestid: {id}");
    assert!(id.bytes().all(|b| b == b'-' || b.is_ascii_hexdigit()), "{id}");
    serde_json::from_slice(&answer.body).unwrap()
}
