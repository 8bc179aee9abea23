//! Signatures: right ones, wrong ones, and what of a request they are over.
use super::*;
use hyper::header::HeaderValue;
use std::sync::LazyLock;

const NOW_MS: i64 = 1_440_938_160_000;

/// The example of AWS's documentation of signature version 4 has a query; this one was signed
/// with the reference algorithm in Python's botocore, with its example credentials.
fn signed() -> (HeaderMap, &'static [u8]) {
    let mut headers = HeaderMap::new();
    let mut put = |name: &'static str, value: &str| {
        headers.insert(name, HeaderValue::from_str(value).unwrap());
    };
    put("host", "kms.us-east-1.amazonaws.com");
    put("x-amz-date", "20150830T123600Z");
    put("x-amz-target", "TrentService.ListKeys");
    put("content-type", "application/x-amz-json-1.1");
    (headers, b"{}")
}

fn keys() -> AccessKeys {
    let secret = Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
    [("AKIDEXAMPLE".to_owned(), secret)].into()
}

/// As AWS's JSON protocols send it.
fn posted<'r>(headers: &'r HeaderMap, body: &'r [u8]) -> Signed<'r> {
    static ROOT: LazyLock<Uri> = LazyLock::new(|| Uri::from_static("/"));
    Signed { method: &Method::POST, uri: &ROOT, headers, body }
}

fn refused(headers: &HeaderMap, body: &[u8], now_ms: i64) -> ErrorKind {
    match Auth::Strict(keys()).sender(&posted(headers, body), now_ms, "kms") {
        Ok(_) => panic!("accepted"),
        Err(error) => error.kind,
    }
}

#[test]
fn a_header_that_is_no_authorization_is_incomplete() {
    let (mut headers, body) = signed();
    assert_eq!(refused(&headers, body, NOW_MS), ErrorKind::MissingAuthenticationTokenException);
    for wrong in ["", "Bearer x", "AWS4-HMAC-SHA256 Credential=a/b/c"] {
        headers.insert("authorization", HeaderValue::from_static(wrong));
        assert_eq!(refused(&headers, body, NOW_MS), ErrorKind::IncompleteSignatureException);
        let open = Auth::Open.sender(&posted(&headers, body), NOW_MS, "kms").unwrap();
        assert_eq!((open.caller, open.region), (Caller::Unsigned, None));
    }
}

#[test]
fn only_the_right_signature_of_now_is_taken() {
    let (mut headers, body) = signed();
    let names_of_all = "content-type;host;x-amz-date;x-amz-target";
    let given = |signature: &str| {
        format!(
            "{ALGORITHM} Credential=AKIDEXAMPLE/20150830/us-east-1/kms/aws4_request, \
             SignedHeaders={names_of_all}, Signature={signature}"
        )
    };
    let unsigned = given("0");
    let parsed = Authorization::parse(&unsigned).unwrap();
    let secret = &keys()["AKIDEXAMPLE"];
    let right = signature(&parsed, secret, &posted(&headers, body), "20150830T123600Z");
    headers.insert("authorization", HeaderValue::from_str(&given(&right)).unwrap());
    let sender = Auth::Strict(keys()).sender(&posted(&headers, body), NOW_MS, "kms").unwrap();
    assert_eq!(sender.caller, Caller::AccessKey("AKIDEXAMPLE".to_owned()));
    assert_eq!(sender.region.as_deref(), Some("us-east-1"));
    for late in [NOW_MS + SKEW_MS + 1, NOW_MS - SKEW_MS - 1] {
        assert_eq!(refused(&headers, body, late), ErrorKind::InvalidSignatureException);
    }
    assert_eq!(refused(&headers, b"{ }", NOW_MS), ErrorKind::InvalidSignatureException);
    // What is signed is right; what it is signed for is not.
    let refused_as = |given: &str| {
        let parsed = Authorization::parse(given).unwrap();
        let right = signature(&parsed, secret, &posted(&headers, body), "20150830T123600Z");
        let given = given.replace("Signature=0", &format!("Signature={right}"));
        let mut headers = headers.clone();
        headers.insert("authorization", HeaderValue::from_str(&given).unwrap());
        assert_eq!(refused(&headers, body, NOW_MS), ErrorKind::InvalidSignatureException);
    };
    // A scope of another day, or of the front of this one.
    for day in ["20150829", "2015", ""] {
        let day = format!("AKIDEXAMPLE/{day}");
        refused_as(&given("0").replace("AKIDEXAMPLE/20150830", &day));
    }
    // A signature over less than the request.
    for names in ["host", "x-amz-date;x-amz-target", "host;x-amz-date", "accept"] {
        refused_as(&given("0").replace(names_of_all, names));
    }
    headers.insert("x-amz-target", HeaderValue::from_static("TrentService.CreateKey"));
    assert_eq!(refused(&headers, body, NOW_MS), ErrorKind::InvalidSignatureException);
}

#[test]
fn a_region_is_a_short_word() {
    for (name, fits) in [("us-east-1", true), ("", false), ("a/b", false), ("A", false)] {
        assert_eq!(is_region(name), fits, "{name}");
    }
}

/// AWS's own test suite for signature version 4, get-vanilla-query-order-key-case and others.
#[test]
fn a_query_is_signed_in_order_and_encoded_anew() {
    for (query, canonical) in [
        ("", ""),
        ("Param2=value2&Param1=value1", "Param1=value1&Param2=value2"),
        ("Param1=value2&Param1=Value1", "Param1=Value1&Param1=value2"),
        ("a", "a="),
        ("cidr=10.0.0.0/24&of=b%2fc", "cidr=10.0.0.0%2F24&of=b%2Fc"),
        ("-._~0aZ=-._~0aZ", "-._~0aZ=-._~0aZ"),
    ] {
        assert_eq!(canonical_query(query), canonical);
    }
    // The suite's get-vanilla-query-order-key-case, with its credentials and its signature.
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("example.amazonaws.com"));
    headers.insert("x-amz-date", HeaderValue::from_static("20150830T123600Z"));
    let given = format!(
        "{ALGORITHM} Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
         SignedHeaders=host;x-amz-date, \
         Signature=b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"
    );
    headers.insert("authorization", HeaderValue::from_str(&given).unwrap());
    let uri = Uri::from_static("/?Param2=value2&Param1=value1");
    let request = Signed { method: &Method::GET, uri: &uri, headers: &headers, body: b"" };
    let strict = Auth::Strict(keys());
    assert!(strict.knows(&request, NOW_MS));
    assert!(!strict.knows(&request, NOW_MS + SKEW_MS + 1));
    assert!(!strict.knows(&Signed { method: &Method::POST, ..request }, NOW_MS));
    let other = Uri::from_static("/?Param2=value2&Param1=value3");
    assert!(!strict.knows(&Signed { uri: &other, ..request }, NOW_MS));
    assert!(!Auth::Open.knows(&request, NOW_MS));
}
