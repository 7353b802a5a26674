//! Certificates made for a test, and TLS servers that show them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    RootCertStore, ServerConfig, ServerConnection, StreamOwned, SupportedProtocolVersion,
};

use crate::scenario::plan::{Certificate, Tls};

/// Someone who signs certificates.
pub(super) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    pub(super) fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "a test");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// A certificate for a name that ends with the year before.
    pub(super) fn sign(&self, name: &str, until: i32) -> Certificate {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let signed = params.signed_by(&key, &self.issuer).expect("a certificate");
        Certificate {
            chain: signed.pem().into_bytes(),
            key: key.serialize_pem().into_bytes(),
        }
    }

    /// A plan's TLS that trusts this authority.
    pub(super) fn trusted(&self) -> Tls {
        Tls {
            ca: Some(self.pem.clone().into_bytes()),
            ..Tls::default()
        }
    }
}

/// What a TLS server is like.
#[derive(Default)]
pub(super) struct Manner<'a> {
    pub(super) versions: Option<&'static [&'static SupportedProtocolVersion]>,
    pub(super) alpn: &'a [&'a str],
    /// Whom clients have to be vouched for by.
    pub(super) clients: Option<&'a Authority>,
}

pub(super) fn server_config(own: &Certificate, manner: &Manner<'_>) -> Arc<ServerConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(manner.versions.unwrap_or(rustls::ALL_VERSIONS))
        .expect("versions");
    let builder = match manner.clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            let pem = CertificateDer::from_pem_slice(authority.pem.as_bytes());
            roots.add(pem.expect("a certificate")).expect("a root");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
        }
    };
    let chain = CertificateDer::pem_slice_iter(&own.chain)
        .collect::<Result<_, _>>()
        .expect("certificates");
    let key = PrivateKeyDer::from_pem_slice(&own.key).expect("a key");
    let mut config = builder.with_single_cert(chain, key).expect("a pair");
    config.alpn_protocols = manner.alpn.iter().map(|p| p.as_bytes().to_vec()).collect();
    Arc::new(config)
}

pub(super) type TlsStream = StreamOwned<ServerConnection, TcpStream>;

/// Serves so many connections one after the other; the thread is joined when dropped.
pub(super) struct Served {
    pub(super) address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

impl Served {
    pub(super) fn clear(connections: usize, serve: impl Fn(TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let thread = std::thread::spawn(move || {
            for _ in 0..connections {
                serve(listener.accept().expect("a connection").0);
            }
        });
        Self {
            address,
            thread: Some(thread),
        }
    }

    /// `serve` is given the stream before its handshake, which the first byte moved brings about.
    pub(super) fn tls(
        config: Arc<ServerConfig>,
        connections: usize,
        serve: impl Fn(TlsStream) + Send + 'static,
    ) -> Self {
        Self::clear(connections, move |stream| {
            let session = ServerConnection::new(Arc::clone(&config)).expect("a session");
            serve(StreamOwned::new(session, stream));
        })
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            ended
                .expect("one thread")
                .expect("the server did not panic");
        }
    }
}

/// Reads one request without a body; false when the client goes before.
pub(super) fn take_request(stream: &mut impl Read) -> bool {
    let mut seen = Vec::new();
    let mut byte = [0];
    while !seen.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => seen.push(byte[0]),
            _ => return false,
        }
    }
    true
}

/// Waits until the client has gone.
pub(crate) fn until_gone(mut stream: impl Read) {
    let mut buffer = [0; 4096];
    while matches!(stream.read(&mut buffer), Ok(n) if n > 0) {}
}

/// Answers one request with a body and says goodbye.
pub(super) fn answer_once(mut stream: TlsStream, body: &[u8]) {
    if take_request(&mut stream) {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        drop(stream.write_all(head.as_bytes()));
        drop(stream.write_all(body));
        stream.conn.send_close_notify();
        drop(stream.flush());
        until_gone(stream);
    }
}
