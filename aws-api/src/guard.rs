//! Which requests are listened to at all: a web page that a browser shows must not reach the
//! endpoint, neither by a form or a script of another origin nor by a name that it points here (DNS
//! rebinding). And who may ask what is not AWS's, where strangers can reach it.
use crate::{Auth, Settings};
use data_encoding::HEXLOWER;
use hsm_client::{JOIN_PATH, SIM_TOKEN};
use hyper::header::{AUTHORIZATION, HOST, HeaderName, ORIGIN};
use hyper::{HeaderMap, Method, Uri};
use proto::Secret;
use std::net::{Ipv4Addr, Ipv6Addr};
use subtle::ConstantTimeEq;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// What AWS's clients sign with.
const SIGNED: &str = "AWS4-HMAC-SHA256";
/// What needs neither a token nor a signature: to ask whether the endpoint lives, and to join,
/// which is sealed.
const FREE: &[&str] = &["/_sim/health", "/_localstack/health", JOIN_PATH];
/// What is not AWS's; the others are aliases that test suites know.
const OURS: &[&str] = &["/_sim/", "/_localstack/", "/moto-api/"];

/// The settings of one endpoint.
pub(crate) struct Guard {
    /// Names with a dot that clients may know the endpoint by.
    names: Vec<String>,
    /// Asked for, by whoever wants what is not AWS's; `None`: nobody needs it.
    token: Option<Secret>,
}

impl Guard {
    /// A token is made where strangers may come, or where requests are signed.
    pub(crate) fn new(settings: &Settings) -> Self {
        let reached = settings.listen.is_some_and(|address| !address.ip().is_loopback());
        let asked_for = reached || matches!(settings.auth, Auth::Strict(_));
        let token = asked_for.then(|| Secret::new(HEXLOWER.encode(&rand::random::<[u8; 32]>())));
        Self { names: settings.allow_hosts.clone(), token }
    }

    pub(crate) fn token(&self) -> Option<&Secret> {
        self.token.as_ref()
    }

    /// Refuses what a foreign web page may have sent; says why.
    pub(crate) fn admit(
        &self,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<(), String> {
        admit(method, uri, headers, &self.names)
    }

    /// Does this path need a token or a signature that the request does not bear yet?
    pub(crate) fn asks(&self, path: &str, headers: &HeaderMap) -> bool {
        let Some(token) = &self.token else { return false };
        let ours = OURS.iter().any(|front| path.starts_with(front));
        ours && !FREE.contains(&path) && !bears(headers, token)
    }
}

/// The token under its own name, or as a bearer's.
fn bears(headers: &HeaderMap, token: &Secret) -> bool {
    let bearer =
        headers.get(AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    let own = headers.get(SIM_TOKEN).map(|value| value.as_bytes());
    let is_it = |given: &[u8]| bool::from(given.ct_eq(token.expose().as_bytes()));
    own.is_some_and(is_it) || bearer.is_some_and(is_it)
}

/// The rules, in the order in which they are told.
fn admit(method: &Method, uri: &Uri, headers: &HeaderMap, names: &[String]) -> Result<(), String> {
    if !is_an_sdk_s(method, uri, headers) {
        is_named_well(uri, headers, names)?;
    }
    let changes_nothing = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    if changes_nothing { Ok(()) } else { is_of_no_other_page(headers) }
}

/// AWS's clients and machines that join may know the endpoint by any name: they send what a page
/// can only send with an `Origin`.
fn is_an_sdk_s(method: &Method, uri: &Uri, headers: &HeaderMap) -> bool {
    let by_page = headers.contains_key(ORIGIN) || headers.contains_key(SEC_FETCH_SITE);
    let signed =
        headers.get(AUTHORIZATION).is_some_and(|it| it.as_bytes().starts_with(SIGNED.as_bytes()));
    let aws = uri.path() == "/" && (headers.contains_key("x-amz-target") || signed);
    *method == Method::POST && !by_page && (aws || uri.path() == JOIN_PATH)
}

/// The one `Host`, and the URI's own where it has one, must be a name that nobody else's DNS can
/// point here.
fn is_named_well(uri: &Uri, headers: &HeaderMap, names: &[String]) -> Result<(), String> {
    let hosts: Vec<_> = headers.get_all(HOST).iter().collect();
    let [host] = hosts[..] else {
        return Err("a request has one Host header".to_owned());
    };
    let host = host.to_str().unwrap_or_default();
    for authority in [Some(host), uri.authority().map(|authority| authority.as_str())] {
        let Some(authority) = authority else { continue };
        if !name_of(authority).is_some_and(|name| is_ours(name, names)) {
            let shown: String = authority.chars().take(64).collect();
            return Err(format!(
                "the Host {shown:?} is not one of this endpoint's: it is asked by an IP address, \
                 by localhost, by a name without a dot{}; --allow-host NAME adds one",
                names.iter().map(|name| format!(", by {name}")).collect::<String>()
            ));
        }
    }
    Ok(())
}

/// Without the port, and without the brackets of IPv6.
fn name_of(authority: &str) -> Option<&str> {
    let (name, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (name, port) = rest.split_once(']')?;
            name.parse::<Ipv6Addr>().ok()?;
            (name, port.strip_prefix(':').or_else(|| port.is_empty().then_some("0"))?)
        }
        None => authority.split_once(':').unwrap_or((authority, "0")),
    };
    port.bytes().all(|b| b.is_ascii_digit()).then_some(name)
}

fn is_ours(name: &str, names: &[String]) -> bool {
    if name.parse::<Ipv4Addr>().is_ok() || name.parse::<Ipv6Addr>().is_ok() {
        return true;
    }
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    let name = name.to_ascii_lowercase();
    let local = !name.contains('.') || name.ends_with(".localhost");
    let listed = || names.iter().any(|listed| listed.eq_ignore_ascii_case(&name));
    !name.is_empty() && name.bytes().all(fits) && (local || listed())
}

/// Browsers say from where a request comes; whoever says nothing is no browser.
fn is_of_no_other_page(headers: &HeaderMap) -> Result<(), String> {
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter().peekable();
    let same = if sites.peek().is_some() {
        sites.all(|site| site == "same-origin" || site == "none")
    } else {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let is_host = |origin: &str| {
            let authority = origin.split_once("://").map(|(_, authority)| authority);
            authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
        };
        headers.get_all(ORIGIN).iter().all(|origin| origin.to_str().is_ok_and(is_host))
    };
    let why = "a page of another origin sent this, and those are not listened to: ask from a \
               shell, or by an SDK";
    if same { Ok(()) } else { Err(why.to_owned()) }
}

#[cfg(test)]
mod tests;
