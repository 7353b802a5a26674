//! The server: one request a connection, each within its limits.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::gate::{Gate, Refused};
use crate::mutant::{self, Mutant};
use crate::stop::{Stop, StopState};

/// Bytes of a token.
const TOKEN: usize = 16;
/// How often it is looked whether to end.
const LOOK: Duration = Duration::from_millis(50);
/// How far we step back behind other processes.
const NICE: i32 = 10;
/// Pages that are made at once: a run that is measured beside needs its cores itself.
const MAKERS: usize = 2;

/// What goes with every answer. The pages name the scripts they have; this holds for whatever is answered.
const FIELDS: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Segments of the path, as they were written. Whoever looks something up by them checks them.
    pub path: Vec<String>,
    /// The state of the page that the browser has already.
    pub known: Option<String>,
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Page(Page),
    /// The browser has it already.
    Unchanged,
    /// There is nothing of that name.
    Nothing,
    /// There is, and it cannot be shown, for the reason given.
    Unshowable(String),
}

/// A page in HTML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub html: String,
    /// Names what it shows: equal states look alike. Letters and digits.
    pub state: Option<String>,
}

/// Makes pages; may be asked by several threads at once.
type Pages = dyn Fn(&Asked) -> Answer + Send + Sync;

/// What a request may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Of its first line and fields.
    pub(super) bytes: usize,
    pub(super) fields: usize,
    /// To send them.
    pub(super) head: Duration,
    /// From the connection to the last byte of the answer.
    pub(super) whole: Duration,
    pub(super) connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 16 << 10,
            fields: 64,
            head: Duration::from_secs(5),
            whole: Duration::from_secs(30),
            connections: 64,
        }
    }
}

/// Serves pages on a port of 127.0.0.1, a free one for 0, until it is asked to stop; `ready` is told the
/// address of the first page, token and all. Whoever has that address reads all pages.
///
/// # Errors
/// When the port cannot be listened on.
pub fn serve(
    port: u16,
    pages: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ready: impl FnOnce(&str),
    stop: &Stop,
) -> io::Result<()> {
    // Whoever measures beside comes first.
    let _ = rustix::process::nice(NICE);
    serve_within(Limits::default(), port, Arc::new(pages), ready, stop)
}

pub(super) fn serve_within(
    limits: Limits,
    port: u16,
    pages: Arc<Pages>,
    ready: impl FnOnce(&str),
    stop: &Stop,
) -> io::Result<()> {
    let token = token()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_blocking_threads(MAKERS)
        .thread_name("serve")
        .build()?;
    let served = runtime.block_on(async {
        let listener = TcpListener::bind(local(port)).await?;
        let gate = Arc::new(Gate::new(listener.local_addr()?.port(), token));
        ready(&gate.url());
        tokio::select! {
            () = asked_to(stop) => Ok(()),
            () = accept(listener, limits, gate, pages) => Ok(()),
        }
    });
    // A page that is being made is not waited for: nobody would read it.
    runtime.shutdown_background();
    served
}

/// The address of a port on loopback. There is no way to ask for another.
fn local(port: u16) -> SocketAddrV4 {
    let address = if mutant::is_on(Mutant::BindsEverywhere) {
        Ipv4Addr::UNSPECIFIED
    } else {
        Ipv4Addr::LOCALHOST
    };
    SocketAddrV4::new(address, port)
}

/// A text that nobody guesses, new for every start.
fn token() -> io::Result<String> {
    let mut bytes = [0; TOKEN];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

async fn asked_to(stop: &Stop) {
    while stop.state() == StopState::Running {
        sleep(LOOK).await;
    }
}

async fn accept(listener: TcpListener, limits: Limits, gate: Arc<Gate>, pages: Arc<Pages>) {
    let places = Arc::new(Semaphore::new(limits.connections));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, or the peer is gone already: neither ends the server, and a pause
            // keeps the first from becoming a busy loop.
            sleep(LOOK).await;
            continue;
        };
        // Who finds no place is closed at once, so that nobody waits behind those who do nothing.
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            continue;
        };
        let (gate, pages) = (Arc::clone(&gate), Arc::clone(&pages));
        tokio::spawn(async move {
            // Whether it ended in time or not, the connection is closed.
            let _ = timeout(limits.whole, converse(stream, limits, gate, pages)).await;
            drop(place);
        });
    }
}

async fn converse(stream: TcpStream, limits: Limits, gate: Arc<Gate>, pages: Arc<Pages>) {
    let service = service_fn(|request: Request<Incoming>| {
        let (gate, pages) = (Arc::clone(&gate), Arc::clone(&pages));
        async move { Ok::<_, Infallible>(answered(&gate, pages, request.into_parts().0).await) }
    });
    let head = (!mutant::is_on(Mutant::SlowSendersServed)).then_some(limits.head);
    // A connection ends with an error when the client goes away, which is its right.
    let _ = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head)
        .max_buf_size(limits.bytes)
        .max_headers(limits.fields)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answered(gate: &Gate, pages: Arc<Pages>, head: Parts) -> Response<Full<Bytes>> {
    let path: Vec<String> = match gate.admit(&head) {
        Ok(path) if path.is_empty() => return elsewhere(&gate.path()),
        Ok(path) => path.into_iter().map(str::to_owned).collect(),
        Err(refused) => return refusal(refused),
    };
    let known = head.headers.get(IF_NONE_MATCH);
    let known = known.and_then(|tag| tag.to_str().ok());
    let asked = Asked {
        path,
        known: known.map(|tag| tag.trim_matches('"').to_owned()),
    };
    let made = tokio::task::spawn_blocking(move || pages(&asked)).await;
    match made {
        Ok(Answer::Page(page)) => shown(page),
        Ok(Answer::Unchanged) => text(StatusCode::NOT_MODIFIED, ""),
        Ok(Answer::Nothing) => text(StatusCode::NOT_FOUND, "There is no such page.\n"),
        Ok(Answer::Unshowable(reason)) => text(StatusCode::INTERNAL_SERVER_ERROR, &reason),
        Err(_) => text(
            StatusCode::INTERNAL_SERVER_ERROR,
            "This page could not be made; the others can.\n",
        ),
    }
}

fn shown(page: Page) -> Response<Full<Bytes>> {
    let mut response = with_fields(page.html, "text/html; charset=utf-8");
    let tag = page.state.map(|state| format!("\"{state}\""));
    if let Some(tag) = tag.and_then(|tag| HeaderValue::try_from(tag).ok()) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

fn elsewhere(path: &str) -> Response<Full<Bytes>> {
    let mut response = text(StatusCode::PERMANENT_REDIRECT, "");
    if let Ok(path) = HeaderValue::try_from(path) {
        response.headers_mut().insert(LOCATION, path);
    }
    response
}

fn refusal(refused: Refused) -> Response<Full<Bytes>> {
    let mut response = text(refused.status(), refused.reason());
    if refused == Refused::Method {
        let read = HeaderValue::from_static("GET, HEAD");
        response.headers_mut().insert(ALLOW, read);
    }
    response
}

fn text(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = with_fields(text.to_owned(), "text/plain; charset=utf-8");
    *response.status_mut() = status;
    response
}

fn with_fields(body: String, kind: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    for (name, value) in FIELDS {
        fields.insert(name, HeaderValue::from_static(value));
    }
    response
}
