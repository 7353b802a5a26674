//! HTTP/2 against the server of the `h2` crate: what is counted, what fails, what survives.

use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;

use bytes::Bytes;
use h2::server::{Builder, Connection, SendResponse, handshake};
use h2::{Reason, RecvStream};
use http::{HeaderMap, Request as Head, Response};
use tokio::net::TcpStream;

use super::driver::Driven;
use crate::model::ErrorClass;
use crate::protocol::{Happening, Http2, Http2Setup, Plain, Stamping};
use crate::scenario::plan::{Request, Template};

type Clear = Driven<Http2<Plain>>;
type Server = Connection<TcpStream, Bytes>;

/// Runs one connection of a server on a thread of its own.
struct Peer {
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

impl Peer {
    fn new<F: Future<Output = ()>>(serve: impl FnOnce(TcpStream) -> F + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_io()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let (stream, _) = listener.accept().expect("a connection");
                stream.set_nonblocking(true).expect("a socket");
                serve(TcpStream::from_std(stream).expect("a socket")).await;
            });
        });
        Self {
            address,
            thread: Some(thread),
        }
    }

    /// Answers every request with `answer`, each in a task of its own.
    fn answering<F: Future<Output = ()> + 'static>(
        builder: Builder,
        answer: impl Fn(Head<RecvStream>, SendResponse<Bytes>) -> F + Send + 'static,
    ) -> Self {
        Self::new(move |stream| async move {
            let mut server: Server = builder.handshake(stream).await.expect("a client");
            tokio::task::LocalSet::new()
                .run_until(async {
                    while let Some(Ok((request, respond))) = server.accept().await {
                        tokio::task::spawn_local(answer(request, respond));
                    }
                })
                .await;
        })
    }

    fn open(&self, streams: usize) -> Clear {
        let setup = Http2Setup {
            transport: Stamping::On,
            streams,
        };
        Driven::open(self.address, &setup).expect("a connection")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            ended
                .expect("one thread")
                .expect("the server did not panic");
        }
    }
}

/// Reads a body to its end, giving room again.
async fn received(mut body: RecvStream) -> usize {
    let mut length = 0;
    while let Some(Ok(part)) = body.data().await {
        length += part.len();
        drop(body.flow_control().release_capacity(part.len()));
    }
    length
}

/// Answers a path `/<n>` with so many bytes, and a body with its length.
async fn sized(request: Head<RecvStream>, mut respond: SendResponse<Bytes>) {
    let asked: usize = request.uri().path()[1..].parse().unwrap_or(0);
    let length = asked + received(request.into_body()).await;
    let mut body = respond
        .send_response(Response::new(()), length == 0)
        .expect("a head");
    if length > 0 {
        body.send_data(vec![b'x'; length].into(), true)
            .expect("a body");
    }
}

fn get(path: &str) -> Request {
    Request::new("GET", path)
}

#[test]
fn bodies_and_heads_are_counted() {
    let peer = Peer::answering(Builder::new(), sized);
    let mut client = peer.open(1);
    assert_eq!(client.ask(0, &get("/0")), Ok((200, 0)));
    assert_eq!(client.ask(0, &get("/3000000")), Ok((200, 3_000_000)));
    let moved = client.moved(0);
    assert_eq!(moved.in_, 3_000_010);
    assert!(moved.all_out);
    assert!(moved.out > "GET/3000000http".len() as u64, "{moved:?}");
    assert_eq!(client.reply(0).body.len(), 1024 * 1024, "kept");
}

#[test]
fn a_large_request_is_sent_as_the_windows_allow() {
    let peer = Peer::answering(Builder::new(), sized);
    let mut client = peer.open(1);
    let request = Request {
        body: Template::fixed(vec![b'y'; 1_000_000]),
        ..Request::new("POST", "/7")
    };
    assert_eq!(client.ask(0, &request), Ok((200, 1_000_007)));
    assert!(client.moved(0).out > 1_000_000);
}

#[test]
fn many_streams_go_at_once_and_those_beyond_the_limit_of_the_target_wait() {
    let mut builder = Builder::new();
    builder.max_concurrent_streams(7);
    let peer = Peer::answering(builder, sized);
    let mut client = peer.open(50);
    for stream in 0..50 {
        assert_eq!(
            client.begin(stream, &get(&format!("/{}", stream * 1000))),
            Ok(true)
        );
    }
    let unsent = (0..50).filter(|s| client.moved(*s).out == 0).count();
    assert_eq!(unsent, 43, "what waits inside is not counted as sent");
    for stream in 0..50 {
        let Ok(Happening::Answered(answer)) = client.fate(stream) else {
            panic!("stream {stream} is not answered");
        };
        assert_eq!((answer.status, answer.body), (200, stream as u64 * 1000));
        assert!(answer.reusable());
        assert!(client.moved(stream).all_out);
    }
    assert!(client.is_usable());
}

#[test]
fn an_answer_without_a_body_ends_with_its_head() {
    let peer = Peer::answering(Builder::new(), |request, mut respond| async move {
        let status: u16 = request.uri().path()[1..].parse().expect("a status");
        let answer = Response::builder()
            .status(status)
            .header("content-length", "5");
        respond
            .send_response(answer.body(()).expect("a head"), true)
            .expect("a head");
    });
    let mut client = peer.open(1);
    assert_eq!(client.ask(0, &Request::new("HEAD", "/200")), Ok((200, 0)));
    assert_eq!(client.ask(0, &get("/304")), Ok((304, 0)));
    // A length that nothing follows is a lie.
    assert_eq!(client.ask(0, &get("/200")), Err(ErrorClass::Protocol));
    assert_eq!(client.ask(0, &Request::new("HEAD", "/200")), Ok((200, 0)));
}

#[test]
fn interim_answers_are_skipped_and_trailers_belong_to_the_answer() {
    let peer = Peer::answering(Builder::new(), |_, mut respond| async move {
        let hints = Response::builder().status(103).body(()).expect("a head");
        respond.send_informational(hints).expect("a hint");
        let answer = Response::builder().header("x-id", "seven");
        let mut body = respond
            .send_response(answer.body(()).expect("a head"), false)
            .expect("a head");
        body.send_data("hello".into(), false).expect("a body");
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", "abc".parse().expect("a value"));
        body.send_trailers(trailers).expect("trailers");
    });
    let mut client = peer.open(1);
    assert_eq!(client.ask(0, &get("/")), Ok((200, 5)));
    let kept = client.reply(0);
    assert_eq!(kept.body, b"hello");
    assert_eq!(kept.fields, [(b"x-id".to_vec(), b"seven".to_vec())]);
    assert_eq!(client.moved(0).in_, 10 + 9 + 5 + 8);
}

#[test]
fn a_slow_answer_is_told_when_it_begins() {
    let (go, wait) = tokio::sync::oneshot::channel::<()>();
    let peer = Peer::new(|stream| async move {
        let mut server = handshake(stream).await.expect("a client");
        let (_, mut respond) = server.accept().await.expect("one").expect("a request");
        let mut body = respond
            .send_response(Response::new(()), false)
            .expect("a head");
        let mut wait = Some(wait);
        tokio::select! {
            _ = server.accept() => {}
            _ = wait.as_mut().expect("once") => {}
        }
        body.send_data("late".into(), true).expect("a body");
        while let Some(Ok(_)) = server.accept().await {}
    });
    let mut client = peer.open(1);
    assert_eq!(client.begin(0, &get("/")), Ok(true));
    client.until(|c| !c.told.is_empty()).expect("it goes on");
    assert!(matches!(client.told[..], [(0, Happening::Begun(_))]));
    go.send(()).expect("it waits");
    let fate = client.fate(0).expect("it goes on");
    assert!(
        matches!(fate, Happening::Answered(a) if a.body == 4),
        "{fate:?}"
    );
}

#[test]
fn a_reset_fails_one_exchange_and_not_the_connection() {
    let peer = Peer::answering(Builder::new(), |request, mut respond| async move {
        match request.uri().path() {
            "/refused" => respond.send_reset(Reason::REFUSED_STREAM),
            "/midway" => {
                let mut body = respond
                    .send_response(Response::new(()), false)
                    .expect("a head");
                body.send_data("part".into(), false).expect("a body");
                body.send_reset(Reason::INTERNAL_ERROR);
            }
            _ => sized(request, respond).await,
        }
    });
    let mut client = peer.open(3);
    for (stream, path) in ["/refused", "/midway", "/5"].into_iter().enumerate() {
        assert_eq!(client.begin(stream, &get(path)), Ok(true));
    }
    assert_eq!(client.fate(0), Ok(Happening::Failed(ErrorClass::Reset)));
    assert_eq!(client.fate(1), Ok(Happening::Failed(ErrorClass::Reset)));
    assert!(matches!(client.fate(2), Ok(Happening::Answered(a)) if a.body == 5));
    assert_eq!(client.ask(0, &get("/6")), Ok((200, 6)));
}

#[test]
fn an_exchange_that_is_given_up_leaves_the_connection_to_others() {
    let mut builder = Builder::new();
    builder.max_concurrent_streams(1);
    let peer = Peer::answering(builder, |request, mut respond| async move {
        if request.uri().path() == "/stalls" {
            let reset = std::future::poll_fn(|cx| respond.poll_reset(cx)).await;
            assert_eq!(reset.expect("a reset"), Reason::CANCEL);
        } else {
            sized(request, respond).await;
        }
    });
    let mut client = peer.open(3);
    assert_eq!(client.begin(0, &get("/stalls")), Ok(true));
    // This one never leaves, since the other takes up all that the target allows.
    assert_eq!(client.begin(1, &get("/4")), Ok(true));
    assert_eq!(client.begin(2, &get("/5")), Ok(true));
    assert!(client.cancel(1));
    assert!(client.cancel(0));
    assert!(matches!(client.fate(2), Ok(Happening::Answered(a)) if a.body == 5));
    assert_eq!(client.moved(1).out, 0);
    assert_eq!(client.ask(0, &get("/6")), Ok((200, 6)));
    assert_eq!(client.ask(1, &get("/7")), Ok((200, 7)));
}

#[test]
fn after_a_goodbye_exchanges_under_way_finish_and_no_other_begins() {
    let peer = Peer::new(|stream| async move {
        let mut server: Server = handshake(stream).await.expect("a client");
        let (first, respond) = server.accept().await.expect("one").expect("a request");
        server.graceful_shutdown();
        let answered = sized(first, respond);
        tokio::pin!(answered);
        let mut done = false;
        loop {
            tokio::select! {
                () = &mut answered, if !done => done = true,
                next = server.accept() => match next {
                    // What crosses the goodbye on its way may be taken or not.
                    Some(Ok((_, mut late))) => late.send_reset(Reason::REFUSED_STREAM),
                    _ => break,
                },
            }
        }
    });
    let mut client = peer.open(2);
    let request = Request {
        body: Template::fixed(vec![b'y'; 300_000]),
        ..Request::new("POST", "/1")
    };
    assert_eq!(client.begin(0, &request), Ok(true));
    let fate = client.fate_or_over(0);
    assert!(
        matches!(fate, Some(Happening::Answered(a)) if a.body == 300_001 && !a.reusable()),
        "{fate:?}"
    );
    assert!(!client.is_usable());
    assert_ne!(client.begin(1, &get("/2")), Ok(true));
}

#[test]
fn a_target_that_goes_fails_what_is_under_way() {
    let peer = Peer::new(|stream| async move {
        let mut server: Server = handshake(stream).await.expect("a client");
        let (_, mut respond) = server.accept().await.expect("one").expect("a request");
        let mut body = respond
            .send_response(Response::new(()), false)
            .expect("a head");
        body.send_data("part".into(), false).expect("a body");
        server.abrupt_shutdown(Reason::INTERNAL_ERROR);
        while let Some(Ok(_)) = server.accept().await {}
    });
    let mut client = peer.open(1);
    assert_eq!(client.begin(0, &get("/")), Ok(true));
    let fate = client.fate(0);
    assert!(
        matches!(
            fate,
            Ok(Happening::Failed(ErrorClass::Closed)) | Err(ErrorClass::Closed)
        ),
        "{fate:?}"
    );
    assert!(!client.is_usable());
}

#[test]
fn a_window_that_stays_shut_only_waits() {
    let mut builder = Builder::new();
    builder.initial_window_size(10);
    let peer = Peer::answering(builder, |request, mut respond| async move {
        if request.uri().path() == "/stuck" {
            // Room is never given again, so the body stays where it is.
            let reset = std::future::poll_fn(|cx| respond.poll_reset(cx)).await;
            assert_eq!(reset.expect("a reset"), Reason::CANCEL);
            drop(request);
        } else {
            sized(request, respond).await;
        }
    });
    let mut client = peer.open(2);
    let stuck = Request {
        body: Template::fixed(vec![b'y'; 100]),
        ..Request::new("POST", "/stuck")
    };
    assert_eq!(client.begin(0, &stuck), Ok(true));
    assert_eq!(client.ask(1, &get("/3")), Ok((200, 3)));
    let moved = client.moved(0);
    assert!(!moved.all_out && moved.out > 10, "{moved:?}");
    assert!(client.cancel(0));
    let small = Request {
        body: Template::fixed(vec![b'y'; 100]),
        ..Request::new("POST", "/1")
    };
    assert_eq!(client.ask(0, &small), Ok((200, 101)));
}
