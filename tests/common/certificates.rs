//! Certificates for servers of ours, and who signs them.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// Someone who signs certificates.
#[derive(Debug)]
pub struct Authority {
    pub pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key.
#[derive(Debug)]
pub struct Card {
    pub der: CertificateDer<'static>,
    pub pem: String,
    pub key: KeyPair,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([]).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    pub fn signs(&self, params: &CertificateParams) -> Card {
        let key = KeyPair::generate().expect("a key");
        let signed = params.signed_by(&key, &self.issuer).expect("a certificate");
        Card {
            der: signed.der().clone(),
            pem: signed.pem(),
            key,
        }
    }
}

impl Card {
    /// One that nobody vouches for.
    pub fn self_signed(params: &CertificateParams) -> Self {
        let key = KeyPair::generate().expect("a key");
        let own = params.self_signed(&key).expect("a certificate");
        Self {
            der: own.der().clone(),
            pem: own.pem(),
            key,
        }
    }

    /// A server that shows it, and speaks these protocols.
    pub fn server(&self, alpn: &[&str]) -> Arc<ServerConfig> {
        let key = PrivatePkcs8KeyDer::from(self.key.serialize_der());
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![self.der.clone()], PrivateKeyDer::from(key))
            .expect("a pair");
        config.alpn_protocols = alpn.iter().map(|p| p.as_bytes().to_vec()).collect();
        // A session that is resumed shows no certificate.
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        Arc::new(config)
    }
}

/// What a certificate is asked for.
pub fn named(name: &str) -> CertificateParams {
    CertificateParams::new([name.to_owned()]).expect("a name")
}

/// A connection under TLS, on the side of the server.
pub type Secured = StreamOwned<ServerConnection, std::net::TcpStream>;

pub fn over(config: &Arc<ServerConfig>, stream: std::net::TcpStream) -> Secured {
    let session = ServerConnection::new(Arc::clone(config)).expect("a session");
    StreamOwned::new(session, stream)
}
