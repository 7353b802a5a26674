//! Where the load goes, and how connections to it are made.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::Serialize;

use super::{ProcessRule, Secret};
use crate::model::ResourceLimits;
use crate::units::{Nanos, Rate};

/// The service under load.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    pub url: Url,
    /// A socket file to connect to in place of the URL's address.
    pub unix: Option<PathBuf>,
    pub command: Option<Command>,
    pub ready: Ready,
    pub timeouts: Timeouts,
    pub http: Http,
    /// For `https` URLs.
    pub tls: Tls,
    /// Which processes it is, where we do not start it.
    pub process: Option<ProcessRule>,
    /// Paths at which it tells its own metrics.
    pub metrics: Vec<String>,
}

impl Target {
    /// A target at an address, everything else as it is when nothing is said.
    pub fn at(url: Url) -> Self {
        Self {
            url,
            unix: None,
            command: None,
            ready: Ready::default(),
            timeouts: Timeouts::default(),
            http: Http::default(),
            tls: Tls::default(),
            process: None,
            metrics: Vec::new(),
        }
    }
}

/// Clear text or TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Default)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    #[default]
    Http,
    Https,
}

impl Scheme {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port when none is written.
    pub const fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// `scheme://host:port/base`, the host resolved when needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Url {
    pub scheme: Scheme,
    pub host: String,
    /// 0 when the command is given a free port for every round; it takes this one's place.
    pub port: u16,
    /// Prefix of every request path, without a trailing slash; empty for none.
    pub base: String,
}

impl Url {
    /// `http://host:port`
    pub fn http(host: &str, port: u16) -> Self {
        Self {
            scheme: Scheme::Http,
            host: host.to_owned(),
            port,
            base: String::new(),
        }
    }

    /// `host:port`, with brackets around an IPv6 address.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The address to connect to, by the system's resolver, IPv4 first.
    ///
    /// # Errors
    /// When the name does not resolve.
    pub fn resolve(&self) -> std::io::Result<SocketAddr> {
        use std::net::ToSocketAddrs;
        let mut addresses: Vec<_> = (self.host.as_str(), self.port).to_socket_addrs()?.collect();
        addresses.sort_by_key(SocketAddr::is_ipv6);
        addresses.into_iter().next().ok_or_else(|| {
            std::io::Error::new(
                std::io::ErrorKind::NotFound,
                format!("`{}` has no address", self.host),
            )
        })
    }
}

impl std::fmt::Display for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (scheme, authority) = (self.scheme.name(), self.authority());
        match authority.strip_suffix(":0") {
            Some(host) => write!(f, "{scheme}://{host}:{{port}}{}", self.base),
            None => write!(f, "{scheme}://{authority}{}", self.base),
        }
    }
}

/// A program started afresh for every round; `{port}` in its arguments and environment is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    pub argv: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub limits: ResourceLimits,
    /// What `{{env.NAME}}` and `{{file.NAME}}` in arguments and environment stand for. They are put in
    /// when the program is started, so whatever shows the command shows the placeholders.
    pub secrets: Vec<Secret>,
}

impl Command {
    /// A text of it as the program gets it, secrets in the place of what stands for them.
    pub fn disclosed(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(open) = rest.find("{{") {
            let (before, from) = rest.split_at(open);
            let inner = &from[2..];
            let secret = self.secrets.iter().find_map(|secret| {
                let after = inner.strip_prefix(secret.name.as_str())?;
                Some((secret, after.strip_prefix("}}")?))
            });
            if let Some(before) = before.strip_suffix('\\').filter(|_| is_outside(inner)) {
                out.push_str(before);
                out.push_str("{{");
                rest = inner;
            } else if let Some((secret, after)) = secret {
                out.push_str(before);
                out.push_str(&secret.value);
                rest = after;
            } else {
                out.push_str(before);
                out.push('{');
                rest = &from[1..];
            }
        }
        out + rest
    }
}

/// True for the name of what comes from outside the scenario.
pub(in crate::scenario) fn is_outside(name: &str) -> bool {
    let name = name.trim_start();
    name.starts_with("env.") || name.starts_with("file.")
}

/// How to know that the target can be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// Path to GET and the status it must answer; None: accepting a connection is enough.
    pub get: Option<(String, u16)>,
    pub within: Nanos,
}

impl Default for Ready {
    fn default() -> Self {
        Self {
            get: None,
            within: Nanos::from_secs(10),
        }
    }
}

/// Limits by state of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Timeouts {
    pub connect: Nanos,
    /// For the TLS handshake, after the connection is made.
    pub tls: Nanos,
    pub first_byte: Nanos,
    /// From the actual start to the last byte; also the longest wait for a connection.
    pub total: Nanos,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Nanos::SECOND,
            tls: Nanos::from_secs(2),
            first_byte: Nanos::from_secs(5),
            total: Nanos::from_secs(10),
        }
    }
}

/// How HTTP is spoken.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Http {
    pub version: Version,
    /// Most connections open at once in a `rate` phase.
    pub connections: usize,
    /// Most requests outstanding at once on one HTTP/2 connection.
    pub streams: usize,
    /// False: every request opens a connection of its own.
    pub keep_alive: bool,
    /// A connection is closed after so many requests.
    pub requests_per_connection: Option<u64>,
    /// A connection is closed after the first request that ends beyond this age.
    pub lifetime: Option<Nanos>,
    /// `TCP_NODELAY`.
    pub nodelay: bool,
    /// What falls due within so much time leaves together; None: each request at its time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coalesce: Option<Nanos>,
    /// Local address to connect from.
    pub source: Option<IpAddr>,
    /// `host:port` to connect to instead of the URL's, which stays in `host` and SNI.
    pub connect_to: Option<(String, u16)>,
    /// Most requests taken up and not yet settled: waiting for a connection or for an answer.
    pub max_in_flight: Option<usize>,
    /// What happens to a request that is due beyond `max_in_flight`.
    pub overflow: Overflow,
    /// Most requests a second, whatever the load; None: no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_rate: Option<MostRate>,
}

/// A rate that is not exceeded, but for a burst.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct MostRate {
    pub rate: Rate,
    /// Requests that may leave at once after a silence; one at least.
    pub burst: u64,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            version: Version::Http1,
            connections: 50,
            streams: 100,
            keep_alive: true,
            requests_per_connection: None,
            lifetime: None,
            nodelay: true,
            coalesce: None,
            source: None,
            connect_to: None,
            max_in_flight: None,
            overflow: Overflow::Queue,
            max_rate: None,
        }
    }
}

/// Version of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Version {
    #[serde(rename = "1.1")]
    Http1,
    /// With prior knowledge over `http`, by ALPN over `https`.
    #[serde(rename = "2")]
    Http2,
    /// What ALPN agrees on before the first round; 1.1 over `http`.
    #[serde(rename = "auto")]
    Auto,
}

/// What happens to a request that is due while too many are outstanding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overflow {
    /// It waits.
    Queue,
    /// It is never sent, and counted as `overflow`.
    Drop,
    /// The run ends, and fails.
    Fail,
}

/// How the target proves who it is, and how we do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    /// Certificates to trust instead of the system's, PEM.
    pub ca: Option<Vec<u8>>,
    /// What to show when asked who we are.
    pub certificate: Option<Certificate>,
    /// Name to ask for and to check instead of the URL's host.
    pub server_name: Option<String>,
    /// True: any certificate is accepted; said in every report.
    pub unverified: bool,
}

/// A client certificate with its key, PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    pub chain: Vec<u8>,
    pub key: Vec<u8>,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificate { .. }")
    }
}
