//! Bad input and clients that never come to an end: each is told clearly, and costs nothing.
use super::ENDPOINT;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use tests::cluster::folder;
use tests::endpoint::Alone;
use tests::http::{Answer, send};
use tests::kms::Kms;
use tests::strangers::{halves, open_ones};

const JSON: (&str, &str) = ("content-type", "application/x-amz-json-1.1");

fn body(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap()
}

#[test]
fn what_cannot_be_read_is_refused_and_never_repeated() {
    let folder = folder();
    let endpoint = Alone::start(ENDPOINT, folder.path(), json!({}));
    let kms = Kms::at(&endpoint.url);
    let deep = [b"{\"Limit\":".to_vec(), b"[".repeat(100_000)].concat();
    let cases: &[(&str, &[u8], &str)] = &[
        ("ListKeys", b"{", "EOF while parsing"),
        ("ListKeys", b"\xff\xfe", ""),
        ("ListKeys", b"[]", ""),
        ("ListKeys", b"null", ""),
        ("ListKeys", b"{} {}", "trailing characters"),
        ("ListKeys", &deep, ""),
        ("ListKeys", br#"{"Limit":"1"}"#, "STRING_VALUE can not be converted to an Integer"),
        ("ListKeys", br#"{"Limit":1.5}"#, ""),
        ("ListKeys", br#"{"Limit":4294967296}"#, ""),
        ("DescribeKey", br#"{"KeyId":7}"#, "NUMBER_VALUE can not be converted to a String"),
        ("DescribeKey", br#"{"KeyId":["secret"]}"#, "Start of list"),
        ("DescribeKey", br#"{"KeyId":"a","KeyId":"secret"}"#, "duplicate field"),
        ("Encrypt", br#"{"KeyId":"a","Plaintext":"no secret!"}"#, "a blob is not base64"),
        ("Encrypt", br#"{"KeyId":"a","EncryptionContext":"secret"}"#, ""),
        ("TagResource", br#"{"KeyId":"a","Tags":["secret"]}"#, ""),
    ];
    for (operation, sent, says) in cases {
        let answer = kms.send(operation, sent);
        let refusal = body(&answer);
        let shown = String::from_utf8_lossy(&sent[..sent.len().min(60)]);
        assert_eq!(answer.status, 400, "{shown}: {refusal}");
        assert_eq!(refusal["__type"], "SerializationException", "{shown}: {refusal}");
        let message = refusal["message"].as_str().unwrap();
        assert!(message.contains(says) && !message.contains("secret"), "{shown}: {refusal}");
    }
    // Newer clients send members that are not known: they are left alone, but where they restrict.
    let random = json!({ "NumberOfBytes": 1, "Unknown": { "member": 1 } });
    kms.ok("GenerateRandom", random);
    let refusal = kms.refused("ListKeys", json!({ "Unknown": { "member": 1 } }));
    assert_eq!(refusal.name, "ValidationException");
    assert!(refusal.message.starts_with("The member Unknown is not known"), "{refusal:?}");
}

#[test]
fn constraints_are_told_in_aws_words() {
    let folder = folder();
    let endpoint = Alone::start(ENDPOINT, folder.path(), json!({}));
    let kms = Kms::at(&endpoint.url);
    let create = |cluster: &str, password: &str| {
        json!({
            "CustomKeyStoreName": "s", "CloudHsmClusterId": cluster, "KeyStorePassword": password,
            "TrustAnchorCertificate": "x",
        })
    };
    for (operation, parameters, says) in [
        // The documentation's own example of a cluster id.
        (
            "CreateCustomKeyStore",
            create("cluster-1a23b4cdefg", "kmsPswd"),
            "1 validation error detected: Value 'cluster-1a23b4cdefg' at 'cloudHsmClusterId' \
             failed to satisfy constraint: Member must satisfy regular expression pattern: \
             cluster-[2-7a-zA-Z]{11,16}",
        ),
        ("CreateCustomKeyStore", create("cluster-234abcdefABC", "kms-Pswd"), "letters and digits"),
        ("CreateCustomKeyStore", create("cluster-234abcdefABC", "kmsPsw"), "'keyStorePassword'"),
        ("CreateCustomKeyStore", json!({ "CustomKeyStoreName": "s" }), "KeyStorePassword"),
        (
            "GenerateRandom",
            json!({ "NumberOfBytes": 1025 }),
            "1 validation error detected: Value '1025' at 'numberOfBytes' failed to satisfy \
             constraint: Member must have value less than or equal to 1024",
        ),
        ("GenerateRandom", json!({}), "NumberOfBytes is required."),
        (
            "Encrypt",
            json!({ "KeyId": "a", "Plaintext": "" }),
            "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: \
             Member must have length greater than or equal to 1",
        ),
        ("DescribeKey", json!({}), "'keyId'"),
        ("ListKeys", json!({ "Limit": 0 }), "greater than or equal to 1"),
    ] {
        let refusal = kms.refused(operation, parameters.clone());
        assert_eq!(refusal.name, "ValidationException", "{parameters}: {refusal:?}");
        assert!(refusal.message.contains(says), "{parameters}: {refusal:?}");
        assert!(!refusal.message.contains("kms-Pswd"), "{refusal:?}");
        assert!(!refusal.message.contains("kmsPsw'"), "{refusal:?}");
    }
    let external = json!({ "CustomKeyStoreName": "s", "CustomKeyStoreType": "EXTERNAL_KEY_STORE" });
    let refusal = kms.refused("CreateCustomKeyStore", external);
    assert_eq!(refusal.name, "UnsupportedOperationException");
}

#[test]
fn what_is_no_request_of_kms_is_told_so() {
    let folder = folder();
    let endpoint = Alone::start(ENDPOINT, folder.path(), json!({}));
    let kms = Kms::at(&endpoint.url);
    for target in ["TrentService.NoSuchThing", "TrentService.", "Other.ListKeys", "ListKeys", ""] {
        let headers = [JSON, ("x-amz-target", target)];
        let answer = send(&kms.address, "POST /", &headers, b"{}");
        assert_eq!(answer.status, 400, "{target}");
        assert_eq!(body(&answer)["__type"], "UnknownOperationException", "{target}");
    }
    for line in ["GET /", "POST /elsewhere", "PUT /_sim/health", "GET /_sim/reset"] {
        let answer = send(&kms.address, line, &[], b"");
        assert_eq!(answer.status, 404, "{line}");
        assert!(body(&answer)["message"].as_str().unwrap().contains("nothing"), "{line}");
    }
    for line in ["POST /_sim/clock", "POST /_sim/clock?days=-1", "POST /_sim/clock?days=46"] {
        assert_eq!(send(&kms.address, line, &[], b"").status, 400, "{line}");
    }
    // As much as goes through, and a byte more.
    let headers = [JSON, ("x-amz-target", "TrentService.ListKeys")];
    let mut huge = b"{}".to_vec();
    huge.resize(1024 * 1024, b' ');
    assert_eq!(send(&kms.address, "POST /", &headers, &huge).status, 200);
    huge.push(b' ');
    let answer = send(&kms.address, "POST /", &headers, &huge);
    assert_eq!(answer.status, 413);
    assert_eq!(body(&answer)["__type"], "RequestEntityTooLargeException");
    // What says so itself is refused before any of it has come.
    let mut stream = TcpStream::connect(&kms.address).unwrap();
    stream
        .write_all(b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1048577\r\n\r\n")
        .unwrap();
    let mut said = [0; 12];
    stream.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"HTTP/1.1 413");
    kms.ok("ListKeys", json!({}));
}

/// More half requests than there are connections are open all the while.
#[test]
fn half_requests_keep_nobody_out() {
    let folder = folder();
    let endpoint = Alone::start(ENDPOINT, folder.path(), json!({}));
    let kms = Kms::at(&endpoint.url);
    let half = b"POST / HTTP/1.1\r\nhost: localhost\r\nx-amz-target: TrentServ";
    let mut held = halves(&kms.address, 1_150, half);
    assert_eq!(send(&kms.address, "GET /_sim/health", &[], b"").status, 200);
    kms.ok("ListKeys", json!({}));
    let open = open_ones(&mut held);
    assert!(open > 500, "{open} are open: nothing is shown");
    // Bodies that do not come are no better, and those who asked once do not get a place for ever.
    let body = b"GET /_sim/health HTTP/1.1\r\nhost: localhost\r\n\r\n\
                 POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{";
    let bodies = halves(&kms.address, 1_150, body);
    assert_eq!(send(&kms.address, "GET /_sim/health", &[], b"").status, 200);
    kms.ok("ListKeys", json!({}));
    drop((held, bodies));
}

/// It takes the endpoint's own bounds: 10 s for a body, 5 s for the first head.
#[test]
fn who_never_comes_to_an_end_is_hung_up_on_and_hinders_nobody() {
    let folder = folder();
    let endpoint = Alone::start(ENDPOINT, folder.path(), json!({}));
    let kms = Kms::at(&endpoint.url);
    let half = |sent: &str| {
        let mut stream = TcpStream::connect(&kms.address).unwrap();
        stream.write_all(sent.as_bytes()).unwrap();
        stream
    };
    let mut head = half("POST / HTTP/1.1\r\nhost: localhost\r\nx-amz-target: TrentServ");
    let mut body = half("POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{\"Lim");
    let mut nothing = half("");
    kms.ok("ListKeys", json!({}));
    let mut said = [0; 12];
    body.read_exact(&mut said).unwrap();
    assert_eq!(&said, b"HTTP/1.1 408");
    let mut rest = Vec::new();
    for stream in [&mut head, &mut nothing] {
        let _ = stream.read_to_end(&mut rest);
    }
    assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"), "{rest:?}");
    kms.ok("ListKeys", json!({}));
}
