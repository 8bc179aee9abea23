//! What can go wrong between a client and HSMs, told so that a person knows where and what to do.
use proto::Refusal;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Where an HSM listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// A name or an IP address.
    pub host: String,
    /// The TCP port; 2223 at AWS.
    pub port: u16,
}

impl Endpoint {
    /// The endpoint at this host and port.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bare_v6 = self.host.contains(':') && !self.host.starts_with('[');
        if bare_v6 {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl std::str::FromStr for Endpoint {
    type Err = String;

    /// Reads `host:port`, or a host alone: then the port is 2223.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("not host:port: {text}");
        if text.parse::<std::net::Ipv6Addr>().is_ok() || !text.contains(':') {
            return if text.is_empty() { Err(wrong()) } else { Ok(Self::new(text, 2223)) };
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
        match port.parse() {
            Ok(port) if !host.is_empty() => Ok(Self::new(host, port)),
            _ => Err(wrong()),
        }
    }
}

/// Why no connection to an HSM came about.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum ConnectError {
    /// Nobody listens there.
    Refused { endpoint: Endpoint },
    /// The host cannot be reached, or has no such name.
    Unreachable { endpoint: Endpoint, why: String },
    /// No answer in time: an HSM that is stopped, or a firewall.
    TimedOut { endpoint: Endpoint, after: Duration },
    /// Somebody listens and does not speak TLS 1.3.
    NotTls { endpoint: Endpoint, why: String },
    /// The HSM's certificate is not the cluster's.
    BadServerCertificate { endpoint: Endpoint, why: String },
    /// The HSM does not take our certificate.
    ClientCertificateRefused { endpoint: Endpoint, why: String },
    /// It speaks another version of the protocol, or another protocol.
    Version { endpoint: Endpoint, why: String },
    /// It answered, and will not have us: it has too many connections, for example.
    Declined { endpoint: Endpoint, refusal: Refusal },
    /// It is an HSM of another cluster than the one that was configured.
    OtherCluster { endpoint: Endpoint, expected: String, found: String },
    /// The line was cut before the HSM had answered.
    Lost { endpoint: Endpoint, why: String },
}

impl ConnectError {
    /// Where the connection was to go.
    pub fn endpoint(&self) -> &Endpoint {
        match self {
            Self::Refused { endpoint }
            | Self::Unreachable { endpoint, .. }
            | Self::TimedOut { endpoint, .. }
            | Self::NotTls { endpoint, .. }
            | Self::BadServerCertificate { endpoint, .. }
            | Self::ClientCertificateRefused { endpoint, .. }
            | Self::Version { endpoint, .. }
            | Self::Declined { endpoint, .. }
            | Self::OtherCluster { endpoint, .. }
            | Self::Lost { endpoint, .. } => endpoint,
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.endpoint())?;
        match self {
            Self::Refused { .. } => f.write_str("nobody listens there: is the HSM running?"),
            Self::Unreachable { why, .. } => write!(f, "it cannot be reached ({why})"),
            Self::TimedOut { after, .. } => write!(
                f,
                "no answer within {} ms: the HSM is stopped or busy, or a firewall drops the \
                 packets",
                after.as_millis()
            ),
            Self::NotTls { why, .. } => {
                write!(
                    f,
                    "what listens there does not speak TLS 1.3 as an HSM does ({why}): check \
                     the port"
                )
            }
            Self::BadServerCertificate { why, .. } => {
                write!(f, "the HSM's certificate is not accepted: {why}")
            }
            Self::ClientCertificateRefused { why, .. } => {
                write!(f, "the HSM does not admit this client: {why}")
            }
            Self::Version { why, .. } => write!(
                f,
                "it does not speak this client's protocol ({why}): use a client and an HSM of \
                 the same release"
            ),
            Self::Declined { refusal, .. } => write!(f, "the HSM declined: {refusal}"),
            Self::OtherCluster { expected, found, .. } => write!(
                f,
                "this HSM belongs to {found}, and the configuration is for {expected}: correct \
                 the address or the cluster_id"
            ),
            Self::Lost { why, .. } => {
                write!(f, "the line was cut before the HSM had answered ({why})")
            }
        }
    }
}

impl std::error::Error for ConnectError {}

/// Why a call has no reply.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum CallError {
    /// The HSM refused.
    Refused(Refusal),
    /// The line was lost after the request had been sent: it may have been executed, or not.
    Lost { node: Arc<str>, why: Arc<str> },
    /// The line was lost before the request was sent: it was certainly not executed.
    NotSent { node: Arc<str>, why: Arc<str> },
    /// No HSM is connected that could be asked.
    NoNode { why: Arc<str> },
    /// A token key must be on two HSMs to be made or used.
    KeyAvailability,
    /// The change was made, and could not be copied to every HSM.
    KeyReplication { failed: usize, of: usize, why: Arc<str> },
    /// The reply could not be read; whether the request was executed is not known.
    BadReply(Refusal),
}

impl CallError {
    /// The HSM's refusal, if it is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

impl From<Refusal> for CallError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Lost { node, why } => write!(
                f,
                "the connection to {node} was lost before the reply ({why}): the outcome is \
                 unknown, so \
                 look before you repeat it"
            ),
            Self::NotSent { node, why } => {
                write!(f, "nothing was sent to {node} ({why}): it can be repeated safely")
            }
            Self::NoNode { why } => write!(f, "no HSM of the cluster could be asked: {why}"),
            // User guide, key availability check, word for word.
            Self::KeyAvailability => f.write_str(
                "Cannot perform the requested key operation as the key must be available on at \
                 least 2 HSMs",
            ),
            // "Key replicate failed on 1 of 3 connections" is CloudHSM CLI's.
            Self::KeyReplication { failed, of, why } => {
                write!(f, "Key replicate failed on {failed} of {of} connections: {why}")
            }
            Self::BadReply(refusal) => write!(
                f,
                "the reply could not be read, so the outcome is unknown ({refusal}): use a \
                 client and an HSM of \
                 the same release"
            ),
        }
    }
}

impl std::error::Error for CallError {}

/// Why no cluster could be opened: what each configured server said.
#[derive(Clone, Debug)]
pub struct OpenError {
    /// One reason for each server that was tried; empty when none is configured.
    pub servers: Vec<ConnectError>,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // CloudHSM's text when no configured HSM answers.
        f.write_str("Failed to initialize hsm1 context")?;
        if self.servers.is_empty() {
            f.write_str(": the configuration names no server that is enabled")?;
        }
        for server in &self.servers {
            write!(f, "\n  {server}")?;
        }
        Ok(())
    }
}

impl std::error::Error for OpenError {}

/// An HSM as this client sees it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeView {
    /// `hsm-…`; empty until an HSM that was configured by address alone has answered once.
    pub hsm_id: String,
    /// Its availability zone; empty as above.
    pub zone: String,
    /// Where it listens.
    pub endpoint: Endpoint,
    /// Its number in the cluster, from 0; known once it has answered.
    pub node: Option<u16>,
    /// Whether it can be called now.
    pub connected: bool,
    /// Why it is not connected, or was not when it was last tried.
    pub last_error: Option<String>,
}

impl fmt::Display for NodeView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.hsm_id.is_empty() {
            self.endpoint.fmt(f)
        } else {
            write!(f, "{} ({})", self.hsm_id, self.endpoint)
        }
    }
}

/// What every HSM of the cluster answered, unreachable ones included as errors.
#[derive(Clone, Debug)]
pub struct EachNode<R> {
    /// One result for each HSM, in the cluster's order.
    pub results: Vec<(NodeView, Result<R, CallError>)>,
}

impl<R> EachNode<R> {
    /// All replies; unless one HSM at least did not do it, and then what each of them said.
    pub fn all_ok(self) -> Result<Vec<R>, PartialFailure> {
        if !self.results.is_empty() && self.results.iter().all(|(_, result)| result.is_ok()) {
            return Ok(self.results.into_iter().filter_map(|(_, result)| result.ok()).collect());
        }
        let results = self.results.into_iter().map(|(node, result)| (node, result.err())).collect();
        Err(PartialFailure { results })
    }
}

/// A command that not every HSM has executed. The text has one line for each HSM.
#[derive(Clone, Debug)]
pub struct PartialFailure {
    /// Each HSM, and its error where there is one.
    pub results: Vec<(NodeView, Option<CallError>)>,
}

impl PartialFailure {
    /// The HSMs that did not do it, and why.
    pub fn failed(&self) -> impl Iterator<Item = (&NodeView, &CallError)> {
        self.results.iter().filter_map(|(node, error)| Some((node, error.as_ref()?)))
    }
}

impl fmt::Display for PartialFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed on {} of {} HSMs", self.failed().count(), self.results.len())?;
        for (node, error) in &self.results {
            match error {
                Some(CallError::Lost { why, .. }) => write!(
                    f,
                    "\n  {node}: no reply ({why}): the outcome there is unknown, so look before \
                     you repeat it"
                )?,
                Some(CallError::NotSent { why, .. }) => {
                    write!(f, "\n  {node}: not reached ({why}): nothing was changed there")?;
                }
                Some(error) => write!(f, "\n  {node}: {error}")?,
                None => write!(f, "\n  {node}: done")?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for PartialFailure {}
