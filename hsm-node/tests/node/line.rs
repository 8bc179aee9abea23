//! A client that can misbehave: TLS without checks of its own, and frames as the test wants them.
use crate::authority::Identity;
use proto::{Command, Deframer, Fault, Refusal, decode, encode, put_frame};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// One connection.
pub(crate) struct Line {
    pub(crate) stream: TlsStream<TcpStream>,
    came: Vec<u8>,
    id: u32,
}

impl Line {
    /// Connects; a client that the node refuses learns it at its first read.
    pub(crate) async fn open(to: SocketAddr, identity: Option<&Identity>) -> io::Result<Self> {
        let config = config(identity);
        let tcp = TcpStream::connect(to).await?;
        tcp.set_nodelay(true)?;
        let name = ServerName::try_from("hsm").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, tcp).await?;
        Ok(Self { stream, came: Vec::new(), id: 0 })
    }

    /// Sends a request without waiting; its id.
    pub(crate) async fn send<C: Command>(&mut self, request: &C) -> io::Result<u32> {
        self.id += 1;
        let mut bytes = Vec::new();
        let code = C::SPEC.opcode as u16;
        put_frame(&mut bytes, self.id, code, |body| encode(request, body));
        self.stream.write_all(&bytes).await?;
        self.stream.flush().await?;
        Ok(self.id)
    }

    /// The next frame: id, code and body. The end of the line is `UnexpectedEof`.
    pub(crate) async fn receive(&mut self) -> io::Result<(u32, u16, Vec<u8>)> {
        loop {
            let mut frames = Deframer::new(&self.came);
            if let Some(frame) = frames.next().unwrap() {
                let reply = (frame.id, frame.code, frame.body.to_vec());
                let used = frames.used();
                self.came.drain(..used);
                return Ok(reply);
            }
            if self.stream.read_buf(&mut self.came).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// One request and its reply.
    pub(crate) async fn try_call<C: Command>(
        &mut self,
        request: &C,
    ) -> io::Result<Result<C::Reply, Refusal>> {
        let asked = self.send(request).await?;
        let (id, code, body) = self.receive().await?;
        assert_eq!(id, asked);
        Ok(if code == 0 { decode(&body) } else { Err(Refusal::decode(code, &body)) })
    }

    /// One request that must be granted.
    pub(crate) async fn call<C: Command>(&mut self, request: &C) -> C::Reply {
        self.try_call(request)
            .await
            .unwrap()
            .unwrap_or_else(|why| panic!("{}: {why}", C::SPEC.name))
    }

    /// The refusal that comes without a request, and the end of the line behind it.
    pub(crate) async fn last_words(&mut self) -> Fault {
        let (_, code, body) = self.receive().await.unwrap();
        assert_eq!(self.receive().await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        Refusal::decode(code, &body).fault
    }
}

fn config(identity: Option<&Identity>) -> ClientConfig {
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Credulous));
    match identity {
        None => config.with_no_client_auth(),
        Some(Identity { certificate, key }) => {
            let chain = CertificateDer::pem_slice_iter(certificate.as_bytes());
            let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
            config.with_client_auth_cert(chain.map(Result::unwrap).collect(), key).unwrap()
        }
    }
}

/// The first message of a handshake.
pub(crate) fn client_hello() -> Vec<u8> {
    let name = ServerName::try_from("hsm").unwrap();
    let mut client = ClientConnection::new(Arc::new(config(None)), name).unwrap();
    let mut hello = Vec::new();
    client.write_tls(&mut hello).unwrap();
    hello
}

/// Believes every server.
#[derive(Debug)]
struct Credulous;

impl ServerCertVerifier for Credulous {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        unreachable!("TLS 1.3 only")
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
