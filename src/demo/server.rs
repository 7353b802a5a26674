//! The demo target's server: hyper on a single-threaded runtime.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

use super::fault::Options;
use super::shop::{self, Shop};
use super::{course, place, site, threads};

/// Why serving is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Stopped,
    /// The fault `crash-loop` says that the process must end now, as one that failed.
    Crashed,
}

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
) -> io::Result<Ended> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .max_blocking_threads(threads::MOST)
        .thread_name("demo-worker")
        .build()?;
    let ended = runtime.block_on(async {
        let listener = TcpListener::bind(place::local(options.port)).await?;
        ready(listener.local_addr()?);
        let shop = Arc::new(Shop::new(options));
        resume(&shop);
        tokio::spawn(shop::consume(Arc::clone(&shop)));
        tokio::select! {
            () = stop => Ok(Ended::Stopped),
            () = shop.crash.notified() => Ok(Ended::Crashed),
            () = accept(listener, Arc::clone(&shop)) => Ok(Ended::Stopped),
        }
    });
    // Threads in a deadlock never end, and nobody waits for them.
    runtime.shutdown_background();
    ended
}

/// Goes on with a time line that began in a process before this one.
fn resume(shop: &Arc<Shop>) {
    let now = Instant::now();
    let began = shop
        .options
        .elapsed
        .and_then(|elapsed| now.checked_sub(elapsed.into()));
    if let Some(began) = began {
        shop.first.get_or_init(|| began);
        course::begin(shop, began);
    }
}

async fn accept(listener: TcpListener, shop: Arc<Shop>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(converse(stream, Arc::clone(&shop)));
            }
            // Out of descriptors, or the peer is gone already: neither ends the server, and a
            // pause keeps the first from becoming a busy loop.
            Err(_) => sleep(Duration::from_millis(5)).await,
        }
    }
}

async fn converse(stream: TcpStream, shop: Arc<Shop>) {
    // Without it a small answer may wait for the acknowledgement of the one before. A failure
    // means that the peer is gone, which the connection notices by itself.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| site::answer(&shop, request));
    // A connection ends with an error when the client goes away, which is its right.
    let _ = http1::Builder::new()
        .auto_date_header(false)
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::harness::Demo;
    use crate::demo::{Fault, Stall};
    use crate::units::Nanos;

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
            ("GET", "/slot?ms=1", ""),
            ("GET", "/pay", ""),
            ("GET", "/nothing", ""),
        ]
        .map(|(method, path, body)| client.ask(method, path, body).unwrap())
        .join("\n");
        insta::assert_snapshot!(answers, @r#"
        HTTP/1.1 200 OK {"overall_score":1.0,"status":"up"}
        HTTP/1.1 200 OK {"shop":"plimsoll demo"}
        HTTP/1.1 200 OK {"items":[{"id":1,"name":"anchor"},{"id":2,"name":"buoy"},{"id":3,"name":"compass"}]}
        HTTP/1.1 200 OK {"found":[{"id":2,"name":"buoy"}],"total":1}
        HTTP/1.1 201 Created {"ok":true}
        HTTP/1.1 200 OK {"waited":true}
        HTTP/1.1 200 OK {"served":true}
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
        assert!(client.is_left_waiting("GET", "/", Duration::from_millis(50)));
        assert!(demo.client().ask("GET", "/", "").is_ok(), "the third");
    }
}
