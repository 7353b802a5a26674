//! How HTTP is spoken with a target.

use super::tls::{TlsSetup, TlsSetupError};
use crate::scenario::plan::{Scheme, Target, Url, Version};

/// A version of HTTP over clear text or TLS, ready for connections.
#[derive(Debug, Clone)]
pub struct Speech {
    /// Anything but HTTP/2 is HTTP/1.1.
    pub http2: bool,
    /// Most exchanges at once on a connection of HTTP/2.
    pub streams: usize,
    /// None: clear text.
    pub tls: Option<TlsSetup>,
}

impl Speech {
    /// HTTP/1.1 in clear text.
    pub const CLEAR: Self = Self {
        http2: false,
        streams: 1,
        tls: None,
    };

    /// What a plan says of its target. `version` is the one to speak, or to be offered; `Auto` is
    /// HTTP/1.1 in clear text, and offers both under TLS.
    ///
    /// # Errors
    /// When no TLS can be spoken with what the plan says.
    pub fn of(target: &Target, url: &Url, version: Version) -> Result<Self, TlsSetupError> {
        let tls = match url.scheme {
            Scheme::Http => None,
            Scheme::Https => Some(TlsSetup::new(&target.tls, &url.host, version)?),
        };
        Ok(Self {
            http2: version == Version::Http2,
            streams: target.http.streams.max(1),
            tls,
        })
    }
}
