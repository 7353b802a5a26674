//! Checks `tls` of `[target]`: whose certificates are trusted, and what we show.
//!
//! The files are read here and known to hold what they are named for, so that a wrong one is found
//! before the load begins.

use std::path::Path;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::diagnostic::{Diagnostic, scenario as codes};

use super::beside::Wanted;
use super::plan::{Certificate, Scheme, Tls, Url};
use super::problems::Problems;
use super::section::Section;
use super::{limits, url};

const REASON: &str = "a scenario from somebody else must not read your keys";

const CA: Wanted = Wanted {
    noun: "certificate file",
    code: &codes::TLS_FILE,
    most: limits::PEM,
    reason: REASON,
};

const KEY: Wanted = Wanted {
    noun: "key file",
    ..CA
};

/// How the target is trusted; `base` is the folder that files are taken from, `url` the target's.
pub(super) fn check(
    problems: &mut Problems<'_>,
    target: &Section<'_>,
    base: &Path,
    url: Option<&Url>,
) -> Tls {
    let Some(section) = target.section("tls") else {
        return Tls::default();
    };
    if url.is_some_and(|url| url.scheme == Scheme::Http) {
        let diagnostic = Diagnostic::error(&codes::CONFLICT, "`tls` means nothing over http")
            .because("nothing is encrypted, and the target proves nothing")
            .help(https(target));
        problems.add(diagnostic, &section.span, "the url is not https");
    }
    let mut file = |key: &str, check: fn(&str, Vec<u8>) -> Result<Vec<u8>, Diagnostic>| {
        let (name, span) = section.text(key)?;
        let wanted = if key == "key" { KEY } else { CA };
        let read = wanted.below(base, name);
        read.and_then(|bytes| check(name, bytes))
            .map_err(|diagnostic| problems.add(diagnostic, span, "cannot be used"))
            .ok()
    };
    let ca = file("ca", certificates);
    let chain = file("certificate", certificates);
    let key = file("key", private_key);
    let unverified = !section.flag_unless("verify");
    if unverified {
        doubt(problems, &section);
    }
    Tls {
        ca,
        certificate: chain
            .zip(key)
            .map(|(chain, key)| Certificate { chain, key }),
        server_name: server_name(problems, &section),
        unverified,
    }
}

/// How to write an https URL in place of the one that is there.
pub(super) fn https(target: &Section<'_>) -> String {
    let url = match target.text("url") {
        Some((text, _)) => text.replacen("http://", "https://", 1),
        None => "https://127.0.0.1:{port}".to_owned(),
    };
    format!("write url = \"{url}\", or leave it out")
}

fn doubt(problems: &mut Problems<'_>, section: &Section<'_>) {
    let Some(node) = section.node("verify") else {
        return;
    };
    problems.add(unverified(), &node.span, "any certificate is accepted");
    if section.node("ca").is_some() {
        let diagnostic =
            Diagnostic::error(&codes::CONFLICT, "`ca` means nothing with `verify = false`")
                .because("when nothing is verified, nobody's certificates are needed")
                .help("leave out `verify` to trust the certificates of `ca`");
        problems.add(diagnostic, &node.span, "nothing is verified");
    }
}

/// The warning that any certificate is accepted, without a place.
pub(super) fn unverified() -> Diagnostic {
    Diagnostic::warning(
        &codes::UNVERIFIED,
        "the certificate of the target is NOT verified",
    )
    .because("anybody could answer in its place, and the numbers would be theirs")
    .help("trust the target's own certificate authority: tls = { ca = \"ca.pem\" }, or --ca FILE")
}

fn server_name(problems: &mut Problems<'_>, section: &Section<'_>) -> Option<String> {
    let (name, span) = section.text("server-name")?;
    url::server_name(name)
        .map_err(|diagnostic| problems.add(diagnostic, span, "not a host name"))
        .ok()
}

/// The certificates to trust in a file that the user has named.
///
/// # Errors
/// Why it cannot be used, without a place.
pub(super) fn trusted(path: &Path) -> Result<Vec<u8>, Diagnostic> {
    let name = path.display().to_string();
    certificates(&name, CA.at(&name, path)?)
}

/// The bytes again, if they hold certificates and nothing broken.
fn certificates(name: &str, bytes: Vec<u8>) -> Result<Vec<u8>, Diagnostic> {
    const HELP: &str = "PEM begins with -----BEGIN CERTIFICATE-----; \
                        of DER: openssl x509 -inform der -in FILE -out FILE.pem";
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match read {
        Err(error) => Err(CA
            .bad(name, "is not PEM")
            .because(error.to_string())
            .help(HELP)),
        Ok(found) if found.is_empty() => {
            Err(CA.bad(name, "holds no certificate in PEM").help(HELP))
        }
        Ok(_) => Ok(bytes),
    }
}

/// The bytes again, if they hold a private key.
fn private_key(name: &str, bytes: Vec<u8>) -> Result<Vec<u8>, Diagnostic> {
    let Err(error) = PrivateKeyDer::from_pem_slice(&bytes) else {
        return Ok(bytes);
    };
    let wrong = KEY.bad(name, "holds no private key in PEM").help(
        "PEM begins with -----BEGIN PRIVATE KEY-----; a key with a passphrase cannot be used",
    );
    Err(match error {
        pem::Error::NoItemsFound => wrong,
        error => wrong.because(error.to_string()),
    })
}
