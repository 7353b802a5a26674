//! The way to a URL that belongs to no plan: a hook, a receiver, a server that is only asked about itself.

use std::net::SocketAddr;

use crate::protocol::{Dial, Endpoint, Speech, TlsSetup};
use crate::scenario::plan::{Scheme, Tls, Url, Version};

use super::round::resolve;

/// Where it is and how it is spoken to: HTTP/1.1, over TLS where the URL says so.
pub(super) struct Way {
    pub(super) address: SocketAddr,
    pub(super) dial: Dial,
    pub(super) speech: Speech,
}

impl Way {
    /// Looks the host up, and refuses an address that nobody may mean.
    pub(super) fn to(url: &Url) -> Result<Self, String> {
        let address = resolve(url).map_err(|error| error.to_string())?;
        let tls = match url.scheme {
            Scheme::Http => None,
            Scheme::Https => {
                let setup = TlsSetup::new(&Tls::default(), &url.host, Version::Http1);
                Some(setup.map_err(|error| error.to_string())?)
            }
        };
        Ok(Self {
            address,
            dial: Dial {
                endpoint: Endpoint::Tcp(address),
                source: None,
                nodelay: true,
            },
            speech: Speech {
                tls,
                ..Speech::CLEAR
            },
        })
    }
}
