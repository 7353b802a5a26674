//! Whom to trust and who we are, read once before the first connection.

use std::fmt;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, Error, RootCertStore,
    SignatureScheme,
};

use crate::mutant::{self, Mutant};
use crate::protocol::Stamping;
use crate::scenario::plan::{Tls, Version};

/// A text in PEM that a plan names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsPart {
    /// The certificates to trust.
    Ca,
    /// Our own certificate with those that vouch for it.
    Certificate,
    /// The key of our own certificate.
    Key,
}

impl fmt::Display for TlsPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ca => "`ca`",
            Self::Certificate => "`certificate`",
            Self::Key => "`key`",
        })
    }
}

/// Why no TLS can be spoken, whatever the target does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsSetupError {
    #[error("{part} is no PEM: {reason}")]
    Pem { part: TlsPart, reason: String },
    #[error("{0} holds no certificate")]
    NoCertificate(TlsPart),
    #[error("{part} holds a certificate that cannot be used: {reason}")]
    Certificate { part: TlsPart, reason: String },
    #[error("`key` holds no private key without a passphrase")]
    NoKey,
    #[error("`key` holds a private key that cannot be used: {0}")]
    Key(String),
    #[error("`key` is not the key of the first certificate in `certificate`")]
    OtherKey,
    #[error("`{0}` is neither a host name nor an IP address, so no certificate can be for it")]
    Name(String),
    #[error("this system has no certificates to trust")]
    NoSystemRoots,
}

/// What all TLS connections to a target share, their resumable sessions included.
#[derive(Debug, Clone)]
pub struct TlsSetup {
    pub(super) config: Arc<ClientConfig>,
    pub(super) name: ServerName<'static>,
    /// What is offered. Where that is HTTP/2 alone, a connection without it is of no use.
    pub(in crate::protocol) version: Version,
    pub(in crate::protocol) stamping: Stamping,
}

impl TlsSetup {
    /// Reads what a plan says of TLS to `host`. `version`: what is offered by ALPN.
    ///
    /// # Errors
    /// When a PEM text cannot be used, or the system's certificates are needed and there are none.
    pub fn new(tls: &Tls, host: &str, version: Version) -> Result<Self, TlsSetupError> {
        let name = tls.server_name.as_deref().unwrap_or(host);
        let name = ServerName::try_from(name.to_owned())
            .map_err(|_| TlsSetupError::Name(name.to_owned()))?;
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|e| TlsSetupError::Key(e.to_string()))?;
        let verifier: Arc<dyn ServerCertVerifier> =
            if tls.unverified || mutant::is_on(Mutant::UnverifiedTls) {
                Arc::new(Anyone(provider))
            } else {
                let roots = match &tls.ca {
                    Some(pem) => given_roots(pem)?,
                    None => system_roots()?,
                };
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
                    .build()
                    .map_err(|e| TlsSetupError::Certificate {
                        part: TlsPart::Ca,
                        reason: e.to_string(),
                    })?
            };
        let builder = builder
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match &tls.certificate {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let chain = certificates(&own.chain, TlsPart::Certificate)?;
                let key = PrivateKeyDer::from_pem_slice(&own.key).map_err(|e| match e {
                    pem::Error::NoItemsFound => TlsSetupError::NoKey,
                    other => unreadable(TlsPart::Key, &other),
                })?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|e| match e {
                        Error::InconsistentKeys(_) => TlsSetupError::OtherKey,
                        Error::InvalidCertificate(e) => unusable(TlsPart::Certificate, &e),
                        other => TlsSetupError::Key(other.to_string()),
                    })?
            }
        };
        config.alpn_protocols = offered(version);
        Ok(Self {
            config: Arc::new(config),
            name,
            version,
            stamping: Stamping::Off,
        })
    }

    /// For a client that is not ours.
    pub fn config(&self) -> ClientConfig {
        ClientConfig::clone(&self.config)
    }

    /// The same for someone else: neither resumes the sessions of the other.
    pub fn apart(&self, stamping: Stamping) -> Self {
        let mut config = ClientConfig::clone(&self.config);
        config.resumption = Resumption::default();
        Self {
            config: Arc::new(config),
            stamping,
            ..self.clone()
        }
    }

    /// The same with another offer.
    pub(in crate::protocol) fn offering(&self, version: Version) -> Self {
        let mut config = ClientConfig::clone(&self.config);
        config.alpn_protocols = offered(version);
        Self {
            config: Arc::new(config),
            name: self.name.clone(),
            version,
            stamping: self.stamping,
        }
    }
}

/// The names of what is offered by ALPN, the best first.
fn offered(version: Version) -> Vec<Vec<u8>> {
    let names: &[&[u8]] = match version {
        Version::Http1 => &[b"http/1.1"],
        Version::Http2 => &[b"h2"],
        Version::Auto => &[b"h2", b"http/1.1"],
    };
    names.iter().map(|name| name.to_vec()).collect()
}

fn given_roots(pem: &[u8]) -> Result<RootCertStore, TlsSetupError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem, TlsPart::Ca)? {
        roots.add(certificate).map_err(|e| match e {
            Error::InvalidCertificate(e) => unusable(TlsPart::Ca, &e),
            other => TlsSetupError::Certificate {
                part: TlsPart::Ca,
                reason: other.to_string(),
            },
        })?;
    }
    Ok(roots)
}

/// The system's certificates; some that cannot be read are no reason to trust none.
fn system_roots() -> Result<RootCertStore, TlsSetupError> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs().certs;
    match roots.add_parsable_certificates(found) {
        (0, _) => Err(TlsSetupError::NoSystemRoots),
        _ => Ok(roots),
    }
}

fn certificates(pem: &[u8], part: TlsPart) -> Result<Vec<CertificateDer<'static>>, TlsSetupError> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|e| unreadable(part, &e))?;
    if found.is_empty() {
        return Err(TlsSetupError::NoCertificate(part));
    }
    Ok(found)
}

fn unreadable(part: TlsPart, error: &pem::Error) -> TlsSetupError {
    let reason = match error {
        pem::Error::MissingSectionEnd { .. } => "a section does not end".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "a section begins as none can".to_owned(),
        pem::Error::Base64Decode(_) => "a section is no Base64".to_owned(),
        other => other.to_string(),
    };
    TlsSetupError::Pem { part, reason }
}

fn unusable(part: TlsPart, error: &CertificateError) -> TlsSetupError {
    let reason = match error {
        CertificateError::BadEncoding => "its contents are no X.509".to_owned(),
        other => other.to_string(),
    };
    TlsSetupError::Certificate { part, reason }
}

/// Takes any certificate for anyone's, since the plan says so.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        None
    }
}
