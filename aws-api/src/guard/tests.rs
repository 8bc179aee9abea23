//! The guard's rules as tables: hosts, origins, AWS's clients, tokens.
use super::*;
use hyper::header::HeaderValue;

const DENIED: bool = false;
const FINE: bool = true;

fn headers(listed: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in listed {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn is_admitted(line: &str, listed: &[(&'static str, &str)]) -> bool {
    let (method, uri) = line.split_once(' ').unwrap();
    let names = ["Kms.Test.Example".to_owned()];
    admit(&method.parse().unwrap(), &uri.parse().unwrap(), &headers(listed), &names).is_ok()
}

#[test]
fn a_host_is_one_that_nobody_else_can_point_here() {
    for (host, expected) in [
        ("127.0.0.1:4566", FINE),
        ("10.0.1.7", FINE),
        ("[::1]:4566", FINE),
        ("[fe80::1]", FINE),
        ("localhost:4566", FINE),
        ("LOCALHOST", FINE),
        ("kms.localhost:80", FINE),
        ("cloudhsm-sim:4566", FINE),
        ("my_app_1", FINE),
        ("kms.test.example:4566", FINE),
        ("KMS.test.EXAMPLE", FINE),
        ("", DENIED),
        (":4566", DENIED),
        ("evil.example", DENIED),
        ("evil.example:4566", DENIED),
        ("evil.", DENIED),
        ("127.0.0.1.evil.example", DENIED),
        ("localhost.evil.example", DENIED),
        ("evillocalhost.example", DENIED),
        ("sub.kms.test.example", DENIED),
        ("user@127.0.0.1", DENIED),
        ("127.0.0.1:4566@evil.example", DENIED),
        ("[::1", DENIED),
        ("[::1]evil.example", DENIED),
        ("[evil.example]", DENIED),
        ("::1", DENIED),
        ("a b", DENIED),
        ("127.0.0.1:x", DENIED),
    ] {
        for line in ["GET /_sim/health", "POST /_sim/reset", "GET /", "POST /"] {
            assert_eq!(is_admitted(line, &[("host", host)]), expected, "{line} {host:?}");
        }
    }
    assert!(!is_admitted("GET /_sim/health", &[]), "none");
    let two = [("host", "localhost"), ("host", "localhost")];
    assert!(!is_admitted("GET /_sim/health", &two), "two");
    assert!(!is_admitted("GET http://evil.example/_sim/health", &[("host", "localhost")]));
    assert!(is_admitted("GET http://localhost/_sim/health", &[("host", "localhost")]));
}

#[test]
fn what_changes_something_comes_from_no_other_page() {
    const HOST: (&str, &str) = ("host", "127.0.0.1:4566");
    const ORIGIN: &str = "origin";
    const SITE: &str = "sec-fetch-site";
    let own = "http://127.0.0.1:4566";
    let cases: &[(&[(&'static str, &str)], bool)] = &[
        (&[], FINE),
        (&[(ORIGIN, own)], FINE),
        (&[(SITE, "same-origin"), (ORIGIN, own)], FINE),
        (&[(SITE, "none")], FINE),
        (&[(SITE, "cross-site")], DENIED),
        (&[(SITE, "same-site"), (ORIGIN, "http://127.0.0.1:8080")], DENIED),
        (&[(SITE, "same-origin"), (SITE, "cross-site")], DENIED),
        (&[(SITE, "")], DENIED),
        (&[(ORIGIN, "http://127.0.0.1:8080")], DENIED),
        (&[(ORIGIN, "https://evil.example")], DENIED),
        (&[(ORIGIN, "null")], DENIED),
        (&[(ORIGIN, "")], DENIED),
        (&[(ORIGIN, own), (ORIGIN, "https://evil.example")], DENIED),
    ];
    for (listed, expected) in cases {
        let listed = [&[HOST], *listed].concat();
        for path in ["/_sim/reset", "/moto-api/reset", "/_sim/clock?days=1", "/", "/_sim/join"] {
            for method in ["POST", "PUT", "DELETE", "PATCH"] {
                let line = format!("{method} {path}");
                assert_eq!(is_admitted(&line, &listed), *expected, "{line} {listed:?}");
            }
            assert!(
                is_admitted(&format!("GET {path}"), &listed),
                "GET changes nothing: {listed:?}"
            );
        }
    }
}

#[test]
fn clients_of_aws_may_use_any_name_and_pages_may_not() {
    const DOTTED: (&str, &str) = ("host", "kms.us-east-1.amazonaws.com");
    let target = ("x-amz-target", "TrentService.ListKeys");
    let signed = ("authorization", "AWS4-HMAC-SHA256 Credential=AKID/1/us-east-1/sts/aws4_request");
    assert!(is_admitted("POST /", &[DOTTED, target]));
    assert!(is_admitted("POST /", &[DOTTED, signed]));
    assert!(is_admitted("POST /_sim/join", &[DOTTED]));
    for page in
        [("origin", "http://kms.us-east-1.amazonaws.com"), ("sec-fetch-site", "same-origin")]
    {
        assert!(!is_admitted("POST /", &[DOTTED, target, page]), "a name that was pointed here");
        assert!(!is_admitted("POST /_sim/join", &[DOTTED, page]));
    }
    for line in ["GET /", "POST /_sim/reset", "GET /_sim/health"] {
        assert!(!is_admitted(line, &[DOTTED, target, signed]), "{line}");
    }
    assert!(!is_admitted("POST /", &[DOTTED]));
}

#[test]
fn a_token_is_asked_for_where_strangers_may_come() {
    let guard = Guard { names: Vec::new(), token: Some(Secret::new("right")) };
    let asks = |path: &str, listed: &[(&'static str, &str)]| guard.asks(path, &headers(listed));
    for path in ["/_sim/reset", "/_sim/clock", "/_sim/hsms", "/_sim/nothing", "/moto-api/reset"] {
        assert!(asks(path, &[]), "{path}");
        assert!(asks(path, &[("x-sim-token", "wrong")]), "{path}");
        assert!(asks(path, &[("authorization", "Basic right")]), "{path}");
        assert!(!asks(path, &[("x-sim-token", "right")]), "{path}");
        assert!(!asks(path, &[("authorization", "Bearer right")]), "{path}");
        assert!(!Guard { token: None, names: Vec::new() }.asks(path, &headers(&[])), "{path}");
    }
    for free in ["/", "/_sim/health", "/_localstack/health", "/_sim/join", "/elsewhere"] {
        assert!(!asks(free, &[]), "{free}");
    }
}
