//! Asking a target before the load whether it is ready, and what it speaks. This may wait.

use std::fmt::Debug;
use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::carrier::{Carrier, Happening, Readiness, Transport};
use super::edges::Edges;
use super::http1::Http1;
use super::http2::{Http2, Http2Setup};
use super::plain::Plain;
use super::response::{Keep, Look};
use super::socket::{Dial, is_connected};
use super::speech::Speech;
use super::stamps::Stamping;
use super::tls::{TlsSetup, TlsTransport};
use crate::model::ErrorClass;
use crate::scenario::plan::{Request, Template, Url, Version};
use crate::units::Nanos;

/// What a target has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    pub status: u16,
    /// Its body, where it was to be kept: 4 MiB of it at most.
    pub body: Vec<u8>,
    /// False when there was more of it.
    pub whole: bool,
}

/// Bytes read at once.
const READ_SIZE: usize = 16 * 1024;

/// Why a target is not known to be ready.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    #[error("nothing came of it within {0}")]
    TimedOut(Nanos),
    #[error("{}", within_a_sentence(.0.describe()))]
    Failed(ErrorClass),
    #[error("this system could not wait for a socket: {0}")]
    Wait(#[from] io::Error),
}

/// A sentence as a part of another; a word in capitals stays one.
fn within_a_sentence(text: &str) -> String {
    let text = text.trim_end_matches('.');
    let mut letters = text.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => text.to_owned(),
    }
}

/// The status that `GET path` answers, within `timeout` from connecting to the last byte.
/// `path` comes after the base of `url`. Where `speech` leaves the version open, the target chooses.
///
/// # Errors
/// When it cannot connect, the answer is no HTTP or is cut off, or the time is over.
pub fn probe(
    dial: &Dial,
    speech: &Speech,
    url: &Url,
    path: &str,
    timeout: Nanos,
) -> Result<u16, ProbeError> {
    let request = asking(path);
    ask(dial, speech, url, &request, Look::default(), timeout).map(|got| got.status)
}

/// What `GET path` answers, with its body; otherwise as [`probe`]. `accept` is what we can read.
///
/// # Errors
/// Those of [`probe`].
pub fn fetch(
    dial: &Dial,
    speech: &Speech,
    url: &Url,
    (path, accept): (&str, &str),
    timeout: Nanos,
) -> Result<Fetched, ProbeError> {
    let mut request = asking(path);
    let accept = ("accept".to_owned(), Template::fixed(accept));
    request.headers.push(accept);
    let look = Look {
        body: Keep::Much,
        ..Look::default()
    };
    ask(dial, speech, url, &request, look, timeout)
}

/// The status that a document gets when it is posted to `url` itself; otherwise as [`probe`].
///
/// # Errors
/// Those of [`probe`].
pub fn post(
    dial: &Dial,
    speech: &Speech,
    url: &Url,
    (headers, body): (&[(&str, &str)], &[u8]),
    timeout: Nanos,
) -> Result<u16, ProbeError> {
    let mut request = asking(if url.base.is_empty() { "/" } else { "" });
    "POST".clone_into(&mut request.method);
    let headers = headers
        .iter()
        .map(|&(name, value)| (name.to_owned(), Template::fixed(value)));
    request.headers.extend(headers);
    request.body = Template::fixed(body);
    ask(dial, speech, url, &request, Look::default(), timeout).map(|got| got.status)
}

fn asking(path: &str) -> Request {
    Request {
        // A target need not keep what is asked only once.
        headers: vec![("connection".to_owned(), Template::fixed("close"))],
        ..Request::new("GET", path)
    }
}

fn ask(
    dial: &Dial,
    speech: &Speech,
    url: &Url,
    request: &Request,
    look: Look,
    timeout: Nanos,
) -> Result<Fetched, ProbeError> {
    let patience = Patience::of(timeout);
    let ask = Ask {
        dial,
        url,
        request,
        look,
        patience: &patience,
    };
    match &speech.tls {
        None if !speech.http2 => ask.over::<Http1<Plain>>(&Stamping::Off),
        None => ask.over::<Http2<Plain>>(&alone(Stamping::Off)),
        Some(tls) => {
            // Where both are offered one has to be chosen before a carrier can be.
            let version = match tls.version {
                Version::Auto => agreed(dial, tls, &patience)?,
                known => known,
            };
            let tls = tls.offering(version);
            match version {
                Version::Http2 => ask.over::<Http2<TlsTransport>>(&alone(tls)),
                _ => ask.over::<Http1<TlsTransport>>(&tls),
            }
        }
    }
}

/// Connects, and does nothing else.
///
/// # Errors
/// When nobody takes the connection in time.
pub fn reach(dial: &Dial, timeout: Nanos) -> Result<(), ProbeError> {
    let patience = Patience::of(timeout);
    let socket = dial.open().map_err(ProbeError::Failed)?;
    connected(&socket, &patience).map(drop)
}

/// The version of HTTP that a target chooses of both; HTTP/1.1 where it does not know ALPN.
///
/// # Errors
/// When there is no TLS connection in time.
pub fn negotiate(dial: &Dial, tls: &TlsSetup, timeout: Nanos) -> Result<Version, ProbeError> {
    agreed(dial, &tls.offering(Version::Auto), &Patience::of(timeout))
}

fn agreed(dial: &Dial, tls: &TlsSetup, patience: &Patience) -> Result<Version, ProbeError> {
    let socket = dial.open().map_err(ProbeError::Failed)?;
    let mut transport = TlsTransport::new(socket, tls).map_err(ProbeError::Failed)?;
    let edges = connected(&transport, patience)?;
    while !transport.handshake().map_err(ProbeError::Failed)? {
        patience.wait(&edges)?;
    }
    Ok(transport.negotiated().unwrap_or(Version::Http1))
}

fn alone<S>(transport: S) -> Http2Setup<S> {
    Http2Setup {
        transport,
        streams: 1,
    }
}

/// The edges of a socket, once it is connected.
fn connected(socket: impl AsFd, patience: &Patience) -> Result<Edges, ProbeError> {
    let edges = Edges::of(&socket)?;
    while !is_connected(&socket).map_err(ProbeError::Failed)? {
        patience.wait(&edges)?;
    }
    Ok(edges)
}

/// One request.
#[derive(Debug)]
struct Ask<'a> {
    dial: &'a Dial,
    url: &'a Url,
    request: &'a Request,
    look: Look,
    patience: &'a Patience,
}

impl Ask<'_> {
    fn over<C: Carrier>(&self, setup: &C::Setup) -> Result<Fetched, ProbeError> {
        self.answer::<C>(setup)?.map_err(ProbeError::Failed)
    }

    fn answer<C: Carrier>(
        &self,
        setup: &C::Setup,
    ) -> Result<Result<Fetched, ErrorClass>, ProbeError> {
        let fail = ProbeError::Failed;
        let mut fill = |text: &Template, out: &mut Vec<u8>| out.extend(text.constant());
        let wire = C::wire(self.request, self.url, b"", false, &mut fill);
        let socket = self.dial.open().map_err(fail)?;
        let mut carrier = C::new(socket, setup).map_err(fail)?;
        let edges = connected(&carrier, self.patience)?;
        while !carrier.establish().map_err(fail)? {
            self.patience.turn(&edges, carrier.is_behind())?;
        }
        if !carrier.begin(0, &wire, self.look).map_err(fail)? {
            return Ok(Err(ErrorClass::Closed));
        }
        let mut scratch = vec![0; READ_SIZE];
        let mut told = Vec::new();
        // What came with the handshake has used up its edge.
        let mut event = Readiness {
            readable: true,
            ..Readiness::default()
        };
        loop {
            let outcome = carrier.advance(event, &mut scratch, &mut told);
            for (_, happening) in told.drain(..) {
                match happening {
                    Happening::Written | Happening::Begun(_) => {}
                    Happening::Answered(answer) => {
                        let body = carrier.reply(0).body.to_vec();
                        return Ok(Ok(Fetched {
                            status: answer.status,
                            whole: body.len() as u64 == answer.body,
                            body,
                        }));
                    }
                    Happening::Failed(class) | Happening::Untouched(class) => {
                        return Ok(Err(class));
                    }
                }
            }
            outcome.map_err(fail)?;
            event = self.patience.turn(&edges, carrier.is_behind())?;
        }
    }
}

/// How long there still is.
#[derive(Debug)]
struct Patience {
    whole: Nanos,
    until: Instant,
}

impl Patience {
    fn of(whole: Nanos) -> Self {
        Self {
            whole,
            until: Instant::now() + Duration::from(whole),
        }
    }

    fn wait(&self, edges: &Edges) -> Result<Readiness, ProbeError> {
        let left = self.until.saturating_duration_since(Instant::now());
        edges.within(left)?.ok_or(ProbeError::TimedOut(self.whole))
    }

    /// Waits, unless there is something to read already.
    fn turn(&self, edges: &Edges, is_behind: bool) -> Result<Readiness, ProbeError> {
        if !is_behind {
            return self.wait(edges);
        }
        if Instant::now() >= self.until {
            return Err(ProbeError::TimedOut(self.whole));
        }
        Ok(Readiness {
            readable: true,
            ..Readiness::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    const LONG: Nanos = Nanos::from_secs(10);

    fn answering(answer: &'static [u8]) -> Result<u16, ProbeError> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let server = std::thread::spawn(move || -> io::Result<()> {
            let (mut stream, _) = listener.accept()?;
            let mut asked = [0; 1024];
            let n = stream.read(&mut asked)?;
            let start = b"GET /api/health HTTP/1.1\r\nhost: shop.test:80\r\n";
            assert!(asked[..n].starts_with(start));
            stream.write_all(answer)
        });
        let url = Url {
            base: "/api".to_owned(),
            ..Url::http("shop.test", 80)
        };
        let status = probe(&Dial::to(address), &Speech::CLEAR, &url, "/health", LONG);
        server.join().expect("no panic").expect("it answers");
        status
    }

    #[test]
    fn it_reads_the_status() {
        let answer = b"HTTP/1.1 503 No\r\ncontent-length: 2\r\n\r\nno";
        assert_eq!(answering(answer).expect("a status"), 503);
        assert_eq!(
            answering(b"HTTP/1.0 200 OK\r\n\r\nfine").expect("a status"),
            200
        );
    }

    #[test]
    fn it_says_what_went_wrong() {
        let said = |answer| answering(answer).map_err(|e| e.to_string());
        assert_eq!(
            said(b"SSH-2.0-x\r\n"),
            Err("the answer is not HTTP/1.1, or breaks its own framing".to_owned())
        );
        assert_eq!(
            said(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n"),
            Err("the connection was closed before the answer was complete".to_owned())
        );
    }

    #[test]
    fn it_gives_up_in_time() {
        let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
        let dial = Dial::to(silent.local_addr().expect("an address"));
        let soon = Nanos::from_millis(30);
        let late = probe(&dial, &Speech::CLEAR, &Url::http("x", 80), "/", soon);
        assert!(matches!(late, Err(ProbeError::TimedOut(t)) if t == soon));
    }
}
