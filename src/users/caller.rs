//! One user's client: connections of its own, and requests as the plan describes them.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method, StatusCode, redirect, retry};
use rustls::ClientConfig;

use super::class::class_of;
use super::{Order, UsersError};
use crate::clock::{Clock, Monotonic};
use crate::journey::{Redirection, Visit};
use crate::model::ErrorClass;
use crate::mutant::{self, Mutant};
use crate::protocol::{Endpoint, Keep, TlsSetup};
use crate::scenario::plan::{Plan, Request, Scheme, Tls, Version};
use crate::units::Nanos;

/// Methods whose requests carry a body, so an empty one is said to be empty.
const WITH_BODY: [&str; 3] = ["POST", "PUT", "PATCH"];

/// What every client of a round is made by.
#[derive(Debug)]
pub(super) struct Setup {
    plan: Arc<Plan>,
    endpoint: Endpoint,
    /// `scheme://host:port` of the URLs that the client is given.
    origin: String,
    /// Name that stands for the endpoint's address, if the URL has one.
    name: Option<String>,
    /// Value of the `host` header, where the client would say something else.
    host: Option<HeaderValue>,
    tls: ClientConfig,
    secure: bool,
}

impl Setup {
    /// # Errors
    /// When the plan wants what users cannot do.
    pub(super) fn new(order: &Order) -> Result<Self, UsersError> {
        let (plan, url) = (&order.plan, &order.url);
        let target = &plan.target;
        let secure = url.scheme == Scheme::Https;
        let mut seen = url.clone();
        if let (true, Some(name)) = (secure, &target.tls.server_name) {
            seen.host.clone_from(name);
        }
        if let Endpoint::Tcp(address) = &order.dial.endpoint {
            seen.port = address.port();
            if let Ok(ip) = seen.host.parse::<std::net::IpAddr>()
                && ip != address.ip()
            {
                if secure {
                    return Err(UsersError::Unsupported(
                        "connect elsewhere when the URL of an `https` target has an address for a name",
                    ));
                }
                seen.host = address.ip().to_string();
            }
        }
        let is_name = seen.host.parse::<std::net::IpAddr>().is_err();
        // HTTP/2 has the authority in the URL alone; HTTP/1.1 says the port even where it is usual.
        let says_host = seen.authority() != url.authority()
            || target.http.version == Version::Http1
            || (target.http.version == Version::Auto && !secure);
        let host = HeaderValue::from_str(&url.authority())
            .map_err(|e| UsersError::Client(e.to_string()))?;
        Ok(Self {
            plan: Arc::clone(plan),
            endpoint: order.dial.endpoint.clone(),
            origin: format!("{}://{}", url.scheme.name(), seen.authority()),
            name: is_name.then_some(seen.host),
            host: says_host.then_some(host),
            tls: tls(&target.tls, &url.host, target.http.version, secure)?,
            secure,
        })
    }

    /// A client without a connection.
    ///
    /// # Errors
    /// When the client refuses its settings.
    pub(super) fn client(&self) -> Result<Client, UsersError> {
        let (http, timeouts) = (&self.plan.target.http, &self.plan.target.timeouts);
        let mut connect = timeouts.connect;
        if self.secure {
            connect += timeouts.tls;
        }
        let mut builder = Client::builder()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .no_proxy()
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .referer(false)
            .connect_timeout(connect.into())
            .pool_idle_timeout(None)
            .pool_max_idle_per_host(usize::from(http.keep_alive))
            .tcp_nodelay(http.nodelay)
            .local_address(http.source);
        builder = match (http.version, self.secure) {
            (Version::Http1, _) | (Version::Auto, false) => builder.http1_only(),
            (Version::Http2, _) => builder.http2_prior_knowledge(),
            (Version::Auto, true) => builder,
        };
        builder = match (&self.endpoint, &self.name) {
            (Endpoint::Unix(path), _) => builder.unix_socket(path.as_path()),
            (Endpoint::Tcp(_), Some(_)) if mutant::is_on(Mutant::NameNotPinned) => builder,
            (Endpoint::Tcp(address), Some(name)) => builder.resolve(name, *address),
            (Endpoint::Tcp(_), None) => builder,
        };
        builder
            .tls_backend_preconfigured(self.tls.clone())
            .build()
            .map_err(|e| UsersError::Client(chain(&e)))
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// An answer, all of it read.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) head: HeaderMap,
    /// Empty unless it is looked at.
    pub(super) body: Vec<u8>,
    pub(super) bytes_in: u64,
    pub(super) times: Times,
}

/// When an exchange was what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) sent: Nanos,
    /// The head of the answer was there.
    pub(super) begun: Nanos,
    /// Its last byte was.
    pub(super) done: Nanos,
}

/// A user's client, renewed as often as the plan wants new connections.
#[derive(Debug)]
pub(super) struct Caller {
    setup: Arc<Setup>,
    /// None before the first request, and when its connection has to go.
    client: Option<Client>,
    requests: u64,
    since: Nanos,
}

impl Caller {
    /// Takes over a client that is as the setup makes it.
    pub(super) fn new(setup: Arc<Setup>, client: Client) -> Self {
        Self {
            setup,
            client: Some(client),
            requests: 0,
            since: Monotonic.now(),
        }
    }

    /// The request of a step, or the one that a redirect asks for instead.
    ///
    /// # Errors
    /// When it cannot be written as HTTP.
    pub(super) fn render(
        &self,
        step: usize,
        visit: &Visit,
        redirection: Option<&Redirection>,
    ) -> Result<reqwest::Request, ErrorClass> {
        let plan = &*self.setup.plan;
        let (request, gzip) = (&plan.steps[step].request, plan.steps[step].gzip);
        let method = redirection.map_or(request.method.as_str(), |r| r.method.as_str());
        let mut url = self.setup.origin.clone().into_bytes();
        if let Some(redirection) = redirection {
            url.extend_from_slice(redirection.path.as_bytes());
        } else {
            url.extend_from_slice(plan.target.url.base.as_bytes());
            visit.fill(plan, &request.path, &mut url);
        }
        let url = String::from_utf8_lossy(&url);
        let url = reqwest::Url::parse(&url).map_err(|_| ErrorClass::Protocol)?;
        let verb = Method::from_bytes(method.as_bytes()).map_err(|_| ErrorClass::Protocol)?;
        let mut rendered = reqwest::Request::new(verb, url);
        let mut body = Vec::new();
        if redirection.is_none_or(|r| r.keeps_body) {
            visit.fill(plan, &request.body, &mut body);
        }
        let has_body = !body.is_empty();
        let head = rendered.headers_mut();
        self.fill_head(head, request, visit, gzip)?;
        if !has_body && WITH_BODY.contains(&method) {
            head.entry("content-length")
                .or_insert(HeaderValue::from_static("0"));
        }
        if has_body {
            *rendered.body_mut() = Some(body.into());
        }
        Ok(rendered)
    }

    fn fill_head(
        &self,
        head: &mut HeaderMap,
        request: &Request,
        visit: &Visit,
        gzip: bool,
    ) -> Result<(), ErrorClass> {
        let plan = &*self.setup.plan;
        for (name, template) in &request.headers {
            let mut value = Vec::new();
            visit.fill(plan, template, &mut value);
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| ErrorClass::Protocol)?;
            let value = HeaderValue::from_bytes(&value).map_err(|_| ErrorClass::Protocol)?;
            head.append(name, value);
        }
        let mut default = |name: &'static str, value: HeaderValue| {
            head.entry(name).or_insert(value);
        };
        if let Some(host) = &self.setup.host {
            default("host", host.clone());
        }
        default(
            "user-agent",
            HeaderValue::from_static(concat!("plimsoll/", env!("CARGO_PKG_VERSION"))),
        );
        default("accept", HeaderValue::from_static("*/*"));
        if gzip {
            default("accept-encoding", HeaderValue::from_static("gzip"));
        }
        if !visit.cookie().is_empty() {
            let cookie =
                HeaderValue::from_bytes(visit.cookie()).map_err(|_| ErrorClass::Protocol)?;
            default("cookie", cookie);
        }
        Ok(())
    }

    /// Sends a request and reads all of its answer; keeps the body if it is looked at.
    ///
    /// # Errors
    /// The class under which it has failed.
    pub(super) async fn call(
        &mut self,
        request: reqwest::Request,
        keep: Keep,
    ) -> Result<Answered, ErrorClass> {
        let client = self.renewed()?;
        self.requests += 1;
        let timeouts = self.setup.plan.target.timeouts;
        // The client does not tell when the connection is there, so that time is allowed on top.
        let mut first_byte = timeouts.first_byte + timeouts.connect;
        if self.setup.secure {
            first_byte += timeouts.tls;
        }
        let sent = Monotonic.now();
        let exchange = async {
            let head = tokio::time::timeout(first_byte.into(), client.execute(request)).await;
            let mut answer = head
                .map_err(|_| ErrorClass::TimeoutFirstByte)?
                .map_err(|e| class_of(&e))?;
            let begun = Monotonic.now();
            if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
                return Err(ErrorClass::Protocol);
            }
            let (mut body, mut length) = (Vec::new(), 0);
            while let Some(chunk) = answer.chunk().await.map_err(|e| class_of(&e))? {
                length += chunk.len() as u64;
                keep.add(&mut body, &chunk);
            }
            let head = std::mem::take(answer.headers_mut());
            Ok(Answered {
                status: answer.status().as_u16(),
                bytes_in: STATUS_LINE + length_of(&head) + length,
                head,
                body,
                times: Times {
                    sent,
                    begun,
                    done: Monotonic.now(),
                },
            })
        };
        let total = Duration::from(timeouts.total);
        let outcome = tokio::time::timeout(total, exchange)
            .await
            .unwrap_or(Err(ErrorClass::TimeoutTotal));
        self.age();
        outcome
    }

    fn renewed(&mut self) -> Result<Client, ErrorClass> {
        if self.client.is_none() {
            // The settings were taken before, so what is short now is this machine.
            let client = self.setup.client();
            self.client = Some(client.map_err(|_| ErrorClass::GeneratorDescriptors)?);
            self.requests = 0;
            self.since = Monotonic.now();
        }
        self.client.clone().ok_or(ErrorClass::GeneratorDescriptors)
    }

    /// Lets the connection go when it has carried enough or is old enough.
    fn age(&mut self) {
        let http = &self.setup.plan.target.http;
        let worn = http
            .requests_per_connection
            .is_some_and(|most| self.requests >= most);
        let old = http
            .lifetime
            .is_some_and(|most| Monotonic.now() - self.since >= most);
        if worn || old {
            self.client = None;
        }
    }
}

/// `HTTP/1.1 200 OK` with the end of its line.
const STATUS_LINE: u64 = 17;

/// Bytes of all fields and the empty line after them.
fn length_of(head: &HeaderMap) -> u64 {
    let fields = head.iter().map(|(name, value)| {
        let separators = 4;
        name.as_str().len() + value.len() + separators
    });
    fields.sum::<usize>() as u64 + 2
}

/// Bytes of a request.
pub(super) fn bytes_of(request: &reqwest::Request) -> u64 {
    let url = request.url();
    let path = url.path().len() + url.query().map_or(0, |q| q.len() + 1);
    let line = request.method().as_str().len() + path + " HTTP/1.1\r\n ".len();
    let body = request
        .body()
        .and_then(|b| b.as_bytes())
        .map_or(0, <[u8]>::len);
    (line + body) as u64 + length_of(request.headers())
}

/// What every client of a user speaks TLS by. One for clear text would otherwise load the system's
/// certificates for nothing, so it is given what trusts anybody and is never used.
fn tls(plan: &Tls, host: &str, version: Version, secure: bool) -> Result<ClientConfig, UsersError> {
    let unused = Tls {
        unverified: true,
        ..Tls::default()
    };
    let (plan, host) = if secure {
        (plan, host)
    } else {
        (&unused, "localhost")
    };
    Ok(TlsSetup::new(plan, host, version)?.config())
}
