//! TLS as the plan wants it, made once and shared by all users.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::UsersError;
use crate::scenario::plan::{Tls, Version};

/// What every client of a user speaks TLS by.
///
/// # Errors
/// When a certificate or key of the plan cannot be used.
pub(super) fn configure(tls: &Tls, version: Version) -> Result<ClientConfig, UsersError> {
    let broken = |e: &dyn std::fmt::Display| UsersError::Tls(e.to_string());
    // Named, since goose brings a second one along and rustls would not choose.
    let provider = Arc::new(ring::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let builder = ClientConfig::builder_with_provider(provider as Arc<CryptoProvider>)
        .with_safe_default_protocol_versions()
        .map_err(|e| broken(&e))?;
    let builder = if tls.unverified {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Unverified(algorithms)))
    } else {
        builder.with_root_certificates(roots(tls)?)
    };
    let mut config = match &tls.certificate {
        None => builder.with_no_client_auth(),
        Some(certificate) => {
            let chain = CertificateDer::pem_slice_iter(&certificate.chain)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|e| broken(&e))?;
            let key = PrivateKeyDer::from_pem_slice(&certificate.key).map_err(|e| broken(&e))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|e| broken(&e))?
        }
    };
    let offered: &[&[u8]] = match version {
        Version::Http1 => &[b"http/1.1"],
        Version::Http2 => &[b"h2"],
        Version::Auto => &[b"h2", b"http/1.1"],
    };
    config.alpn_protocols = offered.iter().map(|p| p.to_vec()).collect();
    Ok(config)
}

/// For clients that never speak TLS: trusts nobody.
pub(super) fn none() -> Result<ClientConfig, UsersError> {
    let nobody = Tls {
        ca: Some(Vec::new()),
        ..Tls::default()
    };
    configure(&nobody, Version::Http1)
}

fn roots(tls: &Tls) -> Result<RootCertStore, UsersError> {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = &tls.ca {
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|e| UsersError::Tls(e.to_string()))?;
            roots
                .add(certificate)
                .map_err(|e| UsersError::Tls(e.to_string()))?;
        }
    } else {
        // A system certificate that cannot be read trusts nobody, and harms nobody.
        let system = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(system.certs);
    }
    Ok(roots)
}

/// Takes any certificate; signatures are still checked, so that the handshake is a whole one.
#[derive(Debug)]
struct Unverified(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Unverified {
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
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
