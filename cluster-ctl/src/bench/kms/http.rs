//! The client: HTTP/1.1, kept alive, one request at a time on each connection. It shares the
//! machine with what it measures, so it does no more than it must.
use crate::Failure;
use std::fmt;
use std::str::FromStr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Room for an answer; a longer one makes it grow.
const INPUT: usize = 8 * 1024;
/// An answer of KMS has some hundreds of bytes.
const ANSWER_MAX: usize = 1024 * 1024;
const HEAD_END: &[u8] = b"\r\n\r\n";

/// Where an endpoint is: `http://host:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    authority: String,
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rest = text.strip_prefix("http://").ok_or("it must begin with http://")?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let port = authority.rsplit_once(':').map_or("", |(_, port)| port);
        if port.parse::<u16>().is_err() || authority.contains('/') {
            return Err("it must be http://HOST:PORT".to_owned());
        }
        Ok(Self { authority: authority.to_owned() })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority)
    }
}

impl Url {
    /// A request for an operation, as AWS's clients send it; the signature is that of nobody.
    pub(super) fn request(&self, region: &str, operation: &str, body: &str) -> Vec<u8> {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261124/{region}/kms/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature={:064}",
            0
        );
        format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nUser-Agent: cluster-ctl bench\r\n\
             Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: TrentService.{operation}\r\n\
             X-Amz-Date: 20261124T223834Z\r\nAuthorization: {authorization}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.authority,
            body.len()
        )
        .into_bytes()
    }
}

/// One connection. Where the other side closes it after an answer, the next request opens another.
pub(super) struct Connection {
    url: Url,
    stream: TcpStream,
    input: Vec<u8>,
    closed: bool,
}

/// What came back.
pub(super) struct Answer<'c> {
    pub(super) status: u16,
    pub(super) body: &'c str,
}

impl Connection {
    pub(super) async fn open(url: &Url) -> Result<Self, Failure> {
        let stream = connect(url).await?;
        let input = Vec::with_capacity(INPUT);
        Ok(Self { url: url.clone(), stream, input, closed: false })
    }

    /// Sends a request and waits for the answer.
    pub(super) async fn ask(&mut self, request: &[u8]) -> Result<Answer<'_>, Failure> {
        let broken = |url: &Url, why: &str| Failure::new(format!("{url}: {why}"));
        if self.closed {
            self.stream = connect(&self.url).await?;
        }
        self.stream.write_all(request).await?;
        self.input.clear();
        let (mut head, mut end) = (None, ANSWER_MAX);
        while self.input.len() < end {
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(broken(&self.url, "it hung up instead of answering"));
            }
            if head.is_none()
                && let Some(begin) = find(&self.input, HEAD_END)
            {
                let found = self.input.get(..begin).and_then(Head::parse);
                let found = found.ok_or_else(|| broken(&self.url, "that is no HTTP answer"))?;
                end = begin + HEAD_END.len() + found.length;
                head = Some((found, begin + HEAD_END.len()));
            }
        }
        let (head, begin) = head.ok_or_else(|| broken(&self.url, "its answer has no end"))?;
        self.closed = head.close;
        let body = self.input.get(begin..end).and_then(|body| std::str::from_utf8(body).ok());
        let body = body.ok_or_else(|| broken(&self.url, "its answer is not text"))?;
        Ok(Answer { status: head.status, body })
    }
}

async fn connect(url: &Url) -> Result<TcpStream, Failure> {
    let stream = TcpStream::connect(&url.authority).await;
    let stream = stream.map_err(|error| Failure::new(format!("{url}: {error}")))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// What is needed of an answer's head.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    status: u16,
    length: usize,
    close: bool,
}

impl Head {
    fn parse(head: &[u8]) -> Option<Self> {
        let mut lines = std::str::from_utf8(head).ok()?.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let (mut length, mut close) = (None, false);
        for line in lines {
            let (name, value) = line.split_once(':')?;
            if name.eq_ignore_ascii_case("content-length") {
                length = Some(value.trim().parse().ok().filter(|length| *length < ANSWER_MAX)?);
            } else if name.eq_ignore_ascii_case("connection") {
                close = value.trim().eq_ignore_ascii_case("close");
            }
        }
        Some(Self { status, length: length?, close })
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_host_and_a_port() {
        for text in ["http://127.0.0.1:4566", "http://localhost:5000/"] {
            let url: Url = text.parse().unwrap();
            assert_eq!(url.to_string(), text.trim_end_matches('/'));
        }
        for text in
            ["127.0.0.1:4566", "https://a:1", "http://localhost", "http://a:b", "http://a:1/b"]
        {
            assert!(text.parse::<Url>().is_err(), "{text}");
        }
    }

    #[test]
    fn of_a_head_the_status_and_the_length_are_read() {
        let head = |text: &str| Head::parse(text.as_bytes());
        let found = head("HTTP/1.1 200 OK\r\ncontent-LENGTH: 12\r\nConnection: close");
        assert_eq!(found, Some(Head { status: 200, length: 12, close: true }));
        let found = head("HTTP/1.1 400 Bad Request\r\nx: y\r\nContent-Length:0");
        assert_eq!(found, Some(Head { status: 400, length: 0, close: false }));
        for wrong in ["", "HTTP/1.1", "HTTP/1.1 200 OK", "HTTP/1.1 200 OK\r\ncontent-length: -1"] {
            assert_eq!(head(wrong), None, "{wrong}");
        }
    }
}
