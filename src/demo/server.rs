//! The demo target's server: hyper on a single-threaded runtime.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, sleep_until};

use super::endpoint::{Endpoint, Work, spin};
use super::fault::Options;
use crate::units::Nanos;

/// Serves on 127.0.0.1 until `stop` is ready; open connections are dropped then.
///
/// `ready` is told the address as soon as connections are accepted. Signals are left to the caller:
/// with their default action SIGINT and SIGTERM end the process at once, which is what a target
/// started for one round should do.
///
/// # Errors
/// When the port cannot be bound.
pub fn serve(
    options: Options,
    ready: impl FnOnce(SocketAddr),
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        ready(listener.local_addr()?);
        let site = Arc::new(Site {
            options,
            first: OnceLock::new(),
            requests: AtomicU64::new(0),
        });
        tokio::select! {
            () = stop => {}
            () = accept(listener, site) => {}
        }
        Ok(())
    })
}

async fn accept(listener: TcpListener, site: Arc<Site>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(converse(stream, Arc::clone(&site)));
            }
            // Out of descriptors, or the peer is gone already: neither ends the server, and a
            // pause keeps the first from becoming a busy loop.
            Err(_) => sleep(Duration::from_millis(5)).await,
        }
    }
}

async fn converse(stream: TcpStream, site: Arc<Site>) {
    // Without it a small answer may wait for the acknowledgement of the one before. A failure
    // means that the peer is gone, which the connection notices by itself.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| site.answer(request));
    // A connection ends with an error when the client goes away, which is its right.
    let _ = http1::Builder::new()
        .auto_date_header(false)
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// What all connections share.
struct Site {
    options: Options,
    /// When the first request other than `/health` came.
    first: OnceLock<Instant>,
    /// Requests other than `/health` so far.
    requests: AtomicU64,
}

impl Site {
    async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let uri = request.uri();
        let endpoint = Endpoint::route(request.method(), uri.path(), uri.query());
        let mut body = request.into_body();
        while let Some(Ok(_)) = body.frame().await {}

        if endpoint != Ok(Endpoint::Health) {
            self.first.get_or_init(Instant::now);
            let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
            if self
                .options
                .hang_every
                .is_some_and(|every| number.is_multiple_of(every))
            {
                pending::<()>().await;
            }
        }
        let (status, text) = match endpoint {
            Ok(endpoint) => {
                let work = self.work(endpoint);
                spin(work.cpu);
                if work.wait > Nanos::ZERO {
                    sleep(work.wait.into()).await;
                }
                endpoint.answer()
            }
            Err(status) => (status, r#"{"ok":false}"#),
        };
        // The work is done before a stall holds the answer back, so that at the end of the stall
        // all answers leave together and none queues behind the work of another.
        if let Some(end) = self.stalled_until(Instant::now()) {
            sleep_until(end).await;
        }
        Ok(json(status, text))
    }

    fn work(&self, endpoint: Endpoint) -> Work {
        let work = endpoint.work();
        if matches!(endpoint, Endpoint::Wait(_)) {
            return work;
        }
        let slower: f64 = self
            .options
            .slow
            .iter()
            .filter(|(slowed, _)| *slowed == endpoint)
            .map(|(_, factor)| factor)
            .product();
        Work {
            cpu: times(work.cpu, self.options.scale * slower),
            wait: times(work.wait, self.options.scale),
        }
    }

    /// The end of the stall that `now` lies in.
    fn stalled_until(&self, now: Instant) -> Option<Instant> {
        let stall = self.options.stall?;
        let from = *self.first.get()? + stall.at.into();
        let to = from + stall.lasts.into();
        (from <= now && now < to).then_some(to)
    }
}

fn times(span: Nanos, factor: f64) -> Nanos {
    Nanos::from_secs_f64(span.as_secs_f64() * factor)
}

fn json(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
    use std::sync::mpsc;
    use std::thread::JoinHandle;

    use tokio::sync::oneshot;

    use super::super::{Fault, fault::Stall};
    use super::*;

    struct Demo {
        address: SocketAddr,
        stop: Option<oneshot::Sender<()>>,
        thread: Option<JoinHandle<io::Result<()>>>,
    }

    impl Demo {
        fn start(options: Options) -> Self {
            let (stop, stopped) = oneshot::channel::<()>();
            let (tell, told) = mpsc::channel();
            let thread = std::thread::spawn(move || {
                serve(options, |address| tell.send(address).unwrap(), async move {
                    let _ = stopped.await;
                })
            });
            Self {
                address: told.recv().unwrap(),
                stop: Some(stop),
                thread: Some(thread),
            }
        }

        fn client(&self) -> Client {
            Client(BufReader::new(
                std::net::TcpStream::connect(self.address).unwrap(),
            ))
        }
    }

    impl Drop for Demo {
        fn drop(&mut self) {
            drop(self.stop.take());
            if let Some(thread) = self.thread.take() {
                thread.join().unwrap().unwrap();
            }
        }
    }

    struct Client(BufReader<std::net::TcpStream>);

    impl Client {
        /// Sends a request on the open connection and reads status line and body.
        fn ask(&mut self, method: &str, path: &str, body: &str) -> io::Result<String> {
            let length = body.len();
            self.0.get_mut().write_all(
                format!("{method} {path} HTTP/1.1\r\nhost: demo\r\ncontent-length: {length}\r\n\r\n{body}")
                    .as_bytes(),
            )?;
            let mut status = String::new();
            self.0.read_line(&mut status)?;
            let mut length = None;
            loop {
                let mut line = String::new();
                self.0.read_line(&mut line)?;
                if line.trim().is_empty() {
                    break;
                }
                if let Some(value) = line.strip_prefix("content-length: ") {
                    length = value.trim().parse().ok();
                }
                assert!(!line.starts_with("date"), "answers never vary");
            }
            let mut body = vec![0; length.expect("every answer has a length")];
            self.0.read_exact(&mut body)?;
            Ok(format!(
                "{} {}",
                status.trim(),
                String::from_utf8(body).unwrap()
            ))
        }
    }

    #[test]
    fn one_connection_carries_every_endpoint() {
        let demo = Demo::start(Options {
            scale: 0.1,
            ..Options::default()
        });
        let mut client = demo.client();
        let answers = [
            ("GET", "/health", ""),
            ("GET", "/", ""),
            ("GET", "/items?page=2", ""),
            ("GET", "/search?q=buoy", ""),
            ("POST", "/pay", r#"{"cart":1}"#),
            ("GET", "/wait?ms=1", ""),
            ("GET", "/pay", ""),
            ("GET", "/nothing", ""),
        ]
        .map(|(method, path, body)| client.ask(method, path, body).unwrap())
        .join("\n");
        insta::assert_snapshot!(answers, @r#"
        HTTP/1.1 200 OK {"status":"up"}
        HTTP/1.1 200 OK {"shop":"plimsoll demo"}
        HTTP/1.1 200 OK {"items":[{"id":1,"name":"anchor"},{"id":2,"name":"buoy"},{"id":3,"name":"compass"}]}
        HTTP/1.1 200 OK {"found":[{"id":2,"name":"buoy"}],"total":1}
        HTTP/1.1 201 Created {"ok":true}
        HTTP/1.1 200 OK {"waited":true}
        HTTP/1.1 405 Method Not Allowed {"ok":false}
        HTTP/1.1 404 Not Found {"ok":false}
        "#);
    }

    #[test]
    fn a_stall_begins_with_the_first_real_request_and_holds_its_answer() {
        let lasts = Nanos::from_millis(60);
        let demo = Demo::start(Options::default().with(Fault::Stall(Stall {
            at: Nanos::ZERO,
            lasts,
        })));
        let mut client = demo.client();
        client.ask("GET", "/health", "").unwrap();
        let start = std::time::Instant::now();
        client.ask("GET", "/", "").unwrap();
        assert!(start.elapsed() >= Duration::from(lasts));
    }

    #[test]
    fn every_second_request_hangs_and_health_is_not_counted() {
        let demo = Demo::start(Options::default().with(Fault::Hang(2)));
        let mut client = demo.client();
        client.ask("GET", "/", "").unwrap();
        client.ask("GET", "/health", "").unwrap();
        client
            .0
            .get_ref()
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        let error = client.ask("GET", "/", "").unwrap_err();
        assert!(matches!(
            error.kind(),
            ErrorKind::WouldBlock | ErrorKind::TimedOut
        ));
        assert!(demo.client().ask("GET", "/", "").is_ok(), "the third");
    }

    #[test]
    fn a_slowed_endpoint_has_more_cpu_work_and_no_longer_wait() {
        let site = Site {
            options: Options {
                scale: 2.0,
                ..Options::default().with(Fault::Slow(Endpoint::Pay, 1.2))
            },
            first: OnceLock::new(),
            requests: AtomicU64::new(0),
        };
        let pay = site.work(Endpoint::Pay);
        assert_eq!(pay.cpu, Nanos(3_600_000));
        assert_eq!(pay.wait, Nanos::from_millis(2));
        assert_eq!(site.work(Endpoint::Home).cpu, Nanos(100_000));
    }
}
