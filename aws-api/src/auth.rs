//! Signature version 4: whose credentials a request bears, and, if asked for, whether it is theirs.
use crate::call::Caller;
use crate::error::ApiError;
use crate::model::ErrorKind;
use crate::secrets::hmac;
use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use hyper::HeaderMap;
use proto::Secret;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Which requests are taken.
#[derive(Clone, Default)]
pub enum Auth {
    /// Any: the Region is that of the credential scope.
    #[default]
    Open,
    /// Those that are signed with one of these access keys, and not long ago.
    Strict(AccessKeys),
}

/// Secret access keys, by access key id.
pub type AccessKeys = BTreeMap<String, Secret>;

/// An access key, as a file holds it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AccessKey {
    access_key_id: String,
    secret_access_key: String,
}

pub(crate) fn access_keys(listed: Vec<AccessKey>) -> AccessKeys {
    let pair = |key: AccessKey| (key.access_key_id, Secret::new(key.secret_access_key));
    listed.into_iter().map(pair).collect()
}

impl Auth {
    /// Strict, with the access keys of a file: a JSON list of objects with `access_key_id` and
    /// `secret_access_key`. The error names the file.
    pub fn strict(file: &Path) -> Result<Self, String> {
        let named = |why: &dyn fmt::Display| format!("{}: {why}", file.display());
        let text = Zeroizing::new(fleet::read(file).map_err(|e| e.to_string())?);
        let listed: Vec<AccessKey> = serde_json::from_str(&text).map_err(|e| named(&e))?;
        if listed.is_empty() {
            return Err(named(&"it holds no access key, so every request would be refused"));
        }
        Ok(Self::Strict(access_keys(listed)))
    }
}

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// Signature version 4: how far the clocks may be apart.
const SKEW_MS: i64 = 5 * 60 * 1000;

/// What the Authorization header says.
#[derive(Debug, PartialEq, Eq)]
struct Authorization<'h> {
    access_key: &'h str,
    date: &'h str,
    region: &'h str,
    service: &'h str,
    signed_headers: &'h str,
    signature: &'h str,
}

impl<'h> Authorization<'h> {
    fn parse(header: &'h str) -> Option<Self> {
        let parts = header.strip_prefix(ALGORITHM)?.trim_start();
        let part = |name: &str| {
            let of = |part: &'h str| part.trim().strip_prefix(name)?.strip_prefix('=');
            parts.split(',').find_map(of)
        };
        let mut scope = part("Credential")?.split('/');
        let [access_key, date, region, service, end] =
            std::array::from_fn(|_| scope.next().unwrap_or_default());
        (end == "aws4_request" && scope.next().is_none()).then_some(Self {
            access_key,
            date,
            region,
            service,
            signed_headers: part("SignedHeaders")?,
            signature: part("Signature")?,
        })
    }

    fn scope(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.date, self.region, self.service)
    }
}

/// Whose request it is, and in which Region.
pub(crate) struct Sender {
    pub(crate) caller: Caller,
    pub(crate) region: Option<String>,
}

impl Auth {
    /// Says who sent a request with these headers and this body, or refuses it.
    pub(crate) fn sender(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now_ms: i64,
        service: &str,
    ) -> Result<Sender, ApiError> {
        let header = headers.get("authorization").and_then(|value| value.to_str().ok());
        let parsed = header.and_then(Authorization::parse);
        if let Self::Strict(keys) = self {
            let header = header.ok_or_else(|| {
                ErrorKind::MissingAuthenticationTokenException.with("Missing Authentication Token")
            })?;
            let parsed = parsed.as_ref().ok_or_else(|| incomplete(header))?;
            verify(parsed, keys, headers, body, now_ms)?;
            if parsed.service != service {
                return Err(ErrorKind::InvalidSignatureException.with(format!(
                    "Credential should be scoped to correct service: '{service}'."
                )));
            }
        }
        Ok(match parsed {
            None => Sender { caller: Caller::Unsigned, region: None },
            Some(parsed) => Sender {
                caller: Caller::AccessKey(parsed.access_key.to_owned()),
                region: Some(parsed.region.to_owned()).filter(|region| is_region(region)),
            },
        })
    }
}

/// Names of Regions are short words: nothing else comes into ARNs.
fn is_region(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !name.is_empty() && name.len() <= 32 && name.chars().all(fits)
}

fn incomplete(header: &str) -> ApiError {
    let shown: String = header.chars().take(64).collect();
    ErrorKind::IncompleteSignatureException.with(format!(
        "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters. \
         Authorization={shown}"
    ))
}

fn verify(
    given: &Authorization<'_>,
    keys: &AccessKeys,
    headers: &HeaderMap,
    body: &[u8],
    now_ms: i64,
) -> Result<(), ApiError> {
    let secret = keys.get(given.access_key).ok_or_else(|| {
        ErrorKind::UnrecognizedClientException
            .with("The security token included in the request is invalid.")
    })?;
    let invalid = |why: String| ErrorKind::InvalidSignatureException.with(why);
    let names: Vec<&str> = given.signed_headers.split(';').collect();
    if !names.contains(&"host") {
        return Err(invalid(
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.".to_owned(),
        ));
    }
    // What AWS acts on has to be what was signed.
    let unsigned = headers.keys().map(|name| name.as_str()).find(|name| {
        name.starts_with("x-amz-") && *name != "x-amz-user-agent" && !names.contains(name)
    });
    if let Some(unsigned) = unsigned {
        return Err(invalid(format!(
            "'{unsigned}' must be a 'SignedHeader' in the AWS Authorization."
        )));
    }
    let date = headers.get("x-amz-date").and_then(|value| value.to_str().ok());
    let date = date.ok_or_else(|| {
        ErrorKind::IncompleteSignatureException.with(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
        )
    })?;
    let at_ms = unix_ms(date).ok_or_else(|| {
        ErrorKind::IncompleteSignatureException.with(format!(
            "Date must be in ISO-8601 'basic format'. Got '{}'.",
            date.chars().take(32).collect::<String>()
        ))
    })?;
    if date.get(..8) != Some(given.date) {
        return Err(invalid(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 \
                            version of date from HTTP"
                .to_owned(),
        ));
    }
    if now_ms - at_ms > SKEW_MS {
        return Err(invalid(format!("Signature expired: {date} is now earlier than 5 min. ago")));
    }
    if at_ms - now_ms > SKEW_MS {
        return Err(invalid(format!(
            "Signature not yet current: {date} is still later than 5 min. from now"
        )));
    }
    let expected = signature(given, secret, headers, body, date);
    if bool::from(expected.as_bytes().ct_eq(given.signature.as_bytes())) {
        return Ok(());
    }
    Err(invalid(
        "The request signature we calculated does not match the signature you provided. Check \
         your AWS Secret Access Key and signing method. Consult the service documentation for \
         details."
            .to_owned(),
    ))
}

/// The API has one URL, without a query: the rest of a canonical request is its headers and body.
fn signature(
    given: &Authorization<'_>,
    secret: &Secret,
    headers: &HeaderMap,
    body: &[u8],
    date: &str,
) -> String {
    let mut canonical = String::from("POST\n/\n\n");
    for name in given.signed_headers.split(';') {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        let values: Vec<String> = values.map(folded).collect();
        canonical += &format!("{name}:{}\n", values.join(","));
    }
    let body = HEXLOWER.encode(digest(&SHA256, body).as_ref());
    canonical += &format!("\n{}\n{body}", given.signed_headers);
    let canonical = HEXLOWER.encode(digest(&SHA256, canonical.as_bytes()).as_ref());
    let to_sign = format!("{ALGORITHM}\n{date}\n{}\n{canonical}", given.scope());
    let first = Zeroizing::new(format!("AWS4{}", secret.expose()));
    let parts = [given.date, given.region, given.service, "aws4_request", &to_sign];
    let signed = parts
        .iter()
        .fold(first.as_bytes().to_vec(), |key, part| hmac(&key, part.as_bytes()).to_vec());
    HEXLOWER.encode(&signed)
}

/// Without blanks at the ends, and one where there were several.
fn folded(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// Of `20261124T223834Z`.
fn unix_ms(date: &str) -> Option<i64> {
    let number = |from: usize, to: usize| date.get(from..to)?.parse::<u16>().ok();
    let shape = date.len() == 16 && date.get(8..9) == Some("T") && date.ends_with('Z');
    let small = |from: usize| u8::try_from(number(from, from + 2)?).ok();
    let month = time::Month::try_from(small(4)?).ok()?;
    let day = time::Date::from_calendar_date(number(0, 4)?.into(), month, small(6)?).ok()?;
    let at = day.with_hms(small(9)?, small(11)?, small(13)?).ok()?;
    shape.then(|| at.assume_utc().unix_timestamp() * 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

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

    fn refused(headers: &HeaderMap, body: &[u8], now_ms: i64) -> ErrorKind {
        match Auth::Strict(keys()).sender(headers, body, now_ms, "kms") {
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
            let open = Auth::Open.sender(&headers, body, NOW_MS, "kms").unwrap();
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
        let right = signature(&parsed, secret, &headers, body, "20150830T123600Z");
        headers.insert("authorization", HeaderValue::from_str(&given(&right)).unwrap());
        let sender = Auth::Strict(keys()).sender(&headers, body, NOW_MS, "kms").unwrap();
        assert_eq!(sender.caller, Caller::AccessKey("AKIDEXAMPLE".to_owned()));
        assert_eq!(sender.region.as_deref(), Some("us-east-1"));
        for late in [NOW_MS + SKEW_MS + 1, NOW_MS - SKEW_MS - 1] {
            assert_eq!(refused(&headers, body, late), ErrorKind::InvalidSignatureException);
        }
        assert_eq!(refused(&headers, b"{ }", NOW_MS), ErrorKind::InvalidSignatureException);
        // What is signed is right; what it is signed for is not.
        let refused_as = |given: &str| {
            let parsed = Authorization::parse(given).unwrap();
            let right = signature(&parsed, secret, &headers, body, "20150830T123600Z");
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
}
