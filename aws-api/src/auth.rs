//! Signature version 4: whose credentials a request bears, and, if asked for, whether it is theirs.
use crate::call::Caller;
use crate::error::ApiError;
use crate::model::ErrorKind;
use crate::secrets::hmac;
use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER;
use hyper::{HeaderMap, Method, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
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

/// What the query of a canonical request does not hold as it is.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What of a request is signed.
#[derive(Clone, Copy)]
pub(crate) struct Signed<'r> {
    pub(crate) method: &'r Method,
    pub(crate) uri: &'r Uri,
    pub(crate) headers: &'r HeaderMap,
    pub(crate) body: &'r [u8],
}

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
    /// Is it signed with a known access key, for any service, now?
    pub(crate) fn knows(&self, request: &Signed<'_>, now_ms: i64) -> bool {
        let Self::Strict(keys) = self else { return false };
        let header = request.headers.get("authorization").and_then(|value| value.to_str().ok());
        let parsed = header.and_then(Authorization::parse);
        parsed.is_some_and(|parsed| verify(&parsed, keys, request, now_ms).is_ok())
    }

    /// Says who sent a request a request, or refuses it.
    pub(crate) fn sender(
        &self,
        request: &Signed<'_>,
        now_ms: i64,
        service: &str,
    ) -> Result<Sender, ApiError> {
        let header = request.headers.get("authorization").and_then(|value| value.to_str().ok());
        let parsed = header.and_then(Authorization::parse);
        if let Self::Strict(keys) = self {
            let header = header.ok_or_else(|| {
                ErrorKind::MissingAuthenticationTokenException.with("Missing Authentication Token")
            })?;
            let parsed = parsed.as_ref().ok_or_else(|| incomplete(header))?;
            verify(parsed, keys, request, now_ms)?;
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
    request: &Signed<'_>,
    now_ms: i64,
) -> Result<(), ApiError> {
    let headers = request.headers;
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
    let expected = signature(given, secret, request, date);
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

fn signature(
    given: &Authorization<'_>,
    secret: &Secret,
    request: &Signed<'_>,
    date: &str,
) -> String {
    let &Signed { method, uri, headers, body } = request;
    let query = canonical_query(uri.query().unwrap_or_default());
    let mut canonical = format!("{method}\n{}\n{query}\n", uri.path());
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

/// Signature version 4: sorted, and encoded anew, all but letters, digits and `-_.~`.
fn canonical_query(query: &str) -> String {
    let anew = |text: &str| {
        let decoded: Vec<u8> = percent_decode_str(text).collect();
        percent_encode(&decoded, ENCODED).to_string()
    };
    let parts = query.split('&').filter(|part| !part.is_empty());
    let parts = parts.map(|part| part.split_once('=').unwrap_or((part, "")));
    let mut parts: Vec<_> = parts.map(|(name, value)| (anew(name), anew(value))).collect();
    parts.sort();
    parts.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
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
mod tests;
