//! What an answer may be, each limit by itself.

use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use plimsoll::journey::{Reply, plain_body};
use plimsoll::model::ErrorClass;
use plimsoll::protocol::{
    Carrier, Http1, Http2, Http2Setup, Keep, Look, Progress, Read, Readiness, ResponseParser,
    Transport,
};
use plimsoll::scenario::plan::{Request, Template, Url};
use plimsoll::units::Nanos;

use super::bodies::bomb;
use super::frames::frame;

/// Feeds an answer in pieces as a socket might hand them over.
fn fed(answer: &[u8]) -> Result<Progress, String> {
    let mut parser = ResponseParser::default();
    parser.begin(Look::default());
    let mut progress = Progress::Incomplete;
    for piece in answer.chunks(16 * 1024) {
        progress = parser.feed(piece).map_err(|e| e.to_string())?;
    }
    Ok(progress)
}

#[test]
fn a_head_has_an_end() {
    let head = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}content-length: 0\r\n\r\n");
    let fields = |n: usize| head(&"a:b\r\n".repeat(n - 1));
    assert!(matches!(fed(fields(128).as_bytes()), Ok(Progress::Done(_))));
    assert!(fed(fields(129).as_bytes()).is_err());

    let sized = |n: usize| {
        let rest = head("a: \r\n").len();
        head(&format!("a: {}\r\n", "b".repeat(n - rest)))
    };
    assert!(matches!(
        fed(sized(64 * 1024).as_bytes()),
        Ok(Progress::Done(_))
    ));
    assert!(fed(sized(64 * 1024 + 1).as_bytes()).is_err());

    let interim = |n| "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(n) + &head("");
    assert!(matches!(fed(interim(16).as_bytes()), Ok(Progress::Done(_))));
    assert!(fed(interim(17).as_bytes()).is_err());
    println!("A6, heads: 128 fields, 64 KiB and 16 interim answers pass, and no more");
}

#[test]
fn a_body_is_kept_in_part() {
    let mut parser = ResponseParser::default();
    parser.begin(Look {
        body: Keep::Some,
        ..Look::default()
    });
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 10737418240\r\n\r\n";
    assert_eq!(parser.feed(head), Ok(Progress::Incomplete));
    let piece = vec![b'x'; 64 * 1024];
    for _ in 0..64 {
        assert_eq!(parser.feed(&piece), Ok(Progress::Incomplete));
    }
    assert_eq!(parser.body().len(), 1 << 20);
    println!("A6, bodies: 1 MiB of 4 is kept");
}

#[test]
fn gzip_is_unpacked_when_asked_for_and_to_so_much() {
    let reply = Reply {
        status: 200,
        fields: vec![(b"content-encoding", b"gzip")],
        body: bomb(),
    };
    assert_eq!(plain_body(&reply, true), Err(ErrorClass::Protocol));
    let as_it_is = plain_body(&reply, false).map(|body| body.len());
    assert_eq!(as_it_is, Ok(bomb().len()));
    println!("A6, gzip: a bomb is no gzip, and nothing is unpacked unasked");
}

/// A target that is never done: some bytes first, and others again and again.
#[derive(Debug)]
struct Endless {
    socket: OwnedFd,
    source: Source,
    at: usize,
    reads: usize,
}

#[derive(Debug, Clone)]
struct Source {
    first: Vec<u8>,
    again: Vec<u8>,
}

/// Reads after which nobody believes that a turn has an end.
const ENOUGH: usize = 4000;

impl AsFd for Endless {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Transport for Endless {
    type Setup = Source;

    fn is_stamped(_: &Source) -> bool {
        false
    }

    fn new(socket: OwnedFd, source: &Source) -> Result<Self, ErrorClass> {
        Ok(Self {
            socket,
            source: source.clone(),
            at: 0,
            reads: 0,
        })
    }

    fn handshake(&mut self) -> Result<bool, ErrorClass> {
        Ok(true)
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<Read, ErrorClass> {
        self.reads += 1;
        if self.reads > ENOUGH {
            return Ok(Read::Waiting);
        }
        let Source { first, again } = &self.source;
        for byte in &mut *buffer {
            *byte = match self.at.checked_sub(first.len()) {
                None => first[self.at],
                Some(beyond) => again[beyond % again.len()],
            };
            self.at += 1;
        }
        Ok(Read::Bytes {
            n: buffer.len(),
            more: true,
        })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorClass> {
        Ok(bytes.len())
    }

    fn has_unsent(&self) -> bool {
        false
    }

    fn arrived(&self) -> Option<Nanos> {
        None
    }
}

/// A connection to it.
fn opened<C: Carrier>(setup: &C::Setup) -> C {
    let socket = File::open("/dev/null").expect("it is there").into();
    C::new(socket, setup).expect("a connection")
}

/// A connection to it on which a request was sent.
fn asking<C: Carrier>(setup: &C::Setup) -> C {
    let mut carrier: C = opened(setup);
    // What comes with the handshake takes turns as well.
    for _ in 0..ENOUGH {
        if carrier.establish().expect("settings have come") {
            break;
        }
    }
    let mut fill = |text: &Template, out: &mut Vec<u8>| out.extend(text.constant());
    let request = Request::new("GET", "/");
    let wire = C::wire(&request, &Url::http("localhost", 80), b"", false, &mut fill);
    assert_eq!(carrier.begin(0, &wire, Look::default()), Ok(true));
    carrier
}

/// Gives a connection a turn.
fn turn<C: Carrier>(carrier: &mut C) -> Result<u64, ErrorClass> {
    let event = Readiness {
        readable: true,
        ..Readiness::default()
    };
    carrier.advance(event, &mut [0; 16 * 1024], &mut Vec::new())?;
    Ok(carrier.moved(0).in_)
}

#[test]
fn whoever_sends_without_end_has_one_turn() {
    let source = Source {
        first: b"HTTP/1.1 200 OK\r\n\r\n".to_vec(),
        again: vec![b'x'; 1024],
    };
    let mut http1: Http1<Endless> = asking(&source);
    assert_eq!(turn(&mut http1), Ok(16 * 1024));
    assert!(http1.is_behind(), "it has its turn again");
    assert_eq!(turn(&mut http1), Ok(32 * 1024));
    println!("A6, turns: one piece is read of a body that never ends");
}

#[test]
fn over_http_2_what_is_no_body_has_an_end() {
    // After the settings, for ever.
    let saying = |again: Vec<u8>| Http2Setup {
        transport: Source {
            first: frame(4, 0, 0, &[]),
            again,
        },
        streams: 1,
    };
    // Frames of a kind that nobody knows, which have to be passed over.
    let setup = saying(frame(0x77, 0, 0, &[0; 16 * 1024 - 9]));
    let mut http2: Http2<Endless> = asking(&setup);
    let turns = (0..10 * ENOUGH).find_map(|n| turn(&mut http2).err().map(|class| (n, class)));
    let (turns, class) = turns.expect("it has an end");
    assert_eq!(class, ErrorClass::Protocol);
    // Each turn is limited too.
    assert!((2..ENOUGH).contains(&turns), "{turns}");
    println!("A6, HTTP/2: what is no body ends the connection, after {turns} turns");
    // Pings are short, and each costs as much: a few are enough.
    let mut http2: Http2<Endless> = opened(&saying(frame(6, 0, 0, &[0; 8])));
    assert_eq!(http2.establish(), Err(ErrorClass::Protocol));
}
