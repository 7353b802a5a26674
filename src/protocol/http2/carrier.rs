//! One HTTP/2 connection.

use std::fmt::Debug;
use std::future::Future;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::client::{Builder, Connection, SendRequest};

use super::bells::Bells;
use super::chatter::Chatter;
use super::exchange::{Place, Progress, class_of};
use super::pipe::Pipe;
use super::wire::Http2Wire;
use crate::journey::Reply;
use crate::model::ErrorClass;
use crate::protocol::head;
use crate::protocol::{Answer, Carrier, Happening, Look, Moved, Read, Readiness, Transport};
use crate::scenario::plan::{Request, Template, Url};

/// What one exchange may be sent before it is read.
const STREAM_WINDOW: u32 = 1024 * 1024;

/// What all exchanges of a connection may be sent before they are read.
const WINDOW: u32 = 8 * 1024 * 1024;

/// Most bytes of the names and values of an answer's head, with 32 for each field.
const MAX_HEAD: u32 = 64 * 1024;
const _: () = assert!(MAX_HEAD as usize == head::MAX_HEAD);

/// Stands for a limit that the other side has not told yet: no `SETTINGS` frame can.
const UNTOLD: usize = usize::MAX - 1;

/// Bytes taken in at once; what comes beyond has to wait until others had their turn.
const TURN: usize = 64 * 1024;

/// Piece in which bytes are taken in where the caller has no buffer.
const PIECE: usize = 4096;

/// What every HTTP/2 connection of a worker shares.
#[derive(Debug, Clone)]
pub struct Http2Setup<S> {
    pub transport: S,
    /// Most exchanges at once on a connection, at least one.
    pub streams: usize,
}

/// A connection of HTTP/2 over some transport.
///
/// What an exchange moved is counted before compression and framing, since h2 tells no other:
/// names and values of the head, the body, names and values of trailers.
#[derive(Debug)]
pub struct Http2<T> {
    transport: T,
    streams: usize,
    pipe: Pipe,
    session: Option<Session>,
    /// None where no exchange has been yet.
    places: Vec<Option<Place>>,
    /// One for each place, and the last for the connection.
    bells: Arc<Bells>,
    waker: Waker,
    /// Exchanges under way.
    active: usize,
    /// Streams whose request has not all gone to the socket.
    leaving: Vec<usize>,
    /// Streams that were read from, so whose other side is to be given room again.
    owing: Vec<usize>,
    /// What came since the last answer that was no body.
    chatter: Chatter,
    /// True when the socket may hold bytes of which no event will tell.
    unread: bool,
    /// True when no other event will come.
    closing: bool,
    /// Why the transport gives no more bytes, until h2 has read those before.
    cut: Option<ErrorClass>,
    /// Why the connection is over.
    over: Option<ErrorClass>,
}

/// h2's side of the connection.
#[derive(Debug)]
struct Session {
    handle: SendRequest<Bytes>,
    connection: Connection<Pipe, Bytes>,
}

impl<T: Transport> Http2<T> {
    /// Writes the preface and our settings.
    fn start(&mut self) -> Result<(), ErrorClass> {
        let handshake = Builder::new()
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_header_list_size(MAX_HEAD)
            .initial_max_send_streams(UNTOLD)
            // All may be given up at once, and answers to them may be on their way.
            .max_concurrent_reset_streams(self.streams.saturating_mul(2))
            .enable_push(false)
            .handshake(self.pipe.clone());
        let cx = &mut Context::from_waker(Waker::noop());
        // It waits for room in the pipe alone, and the pipe is empty.
        match pin!(handshake).poll(cx) {
            Poll::Ready(Ok((handle, connection))) => {
                self.session = Some(Session { handle, connection });
                self.bells.ring(self.streams);
                Ok(())
            }
            _ => Err(ErrorClass::Protocol),
        }
    }

    /// True when the other side has said what it allows.
    fn is_settled(&self) -> bool {
        self.session
            .as_ref()
            .is_some_and(|s| s.connection.max_concurrent_send_streams() != UNTOLD)
    }

    /// True when another exchange could begin.
    fn is_open(&mut self) -> bool {
        let cx = &mut Context::from_waker(Waker::noop());
        self.over.is_none()
            && self
                .session
                .as_mut()
                .is_some_and(|s| matches!(s.handle.poll_ready(cx), Poll::Ready(Ok(()))))
    }

    /// Lets h2 read and write, until it can do neither.
    fn poll(&mut self) {
        loop {
            let rung = self.bells.answer(self.streams);
            if self.over.is_some() || !(self.pipe.take_relief() || rung) {
                break;
            }
            let Some(session) = &mut self.session else {
                break;
            };
            let cx = &mut Context::from_waker(&self.waker);
            if let Poll::Ready(end) = Pin::new(&mut session.connection).poll(cx) {
                self.over = Some(match end {
                    Ok(()) => self.cut.unwrap_or(ErrorClass::Closed),
                    Err(error) if error.is_io() => self.cut.unwrap_or(ErrorClass::Closed),
                    Err(error) => class_of(&error),
                });
            }
            self.flush();
        }
    }

    /// Writes what the socket takes.
    fn flush(&mut self) {
        let Self {
            transport,
            pipe,
            chatter,
            ..
        } = self;
        let write = |bytes: &[u8]| {
            let written = transport.write(bytes)?;
            chatter.sent(written);
            Ok(written)
        };
        let written = pipe.drain(write).and_then(|all| {
            if transport.has_unsent() {
                transport.write(&[])?;
            }
            Ok(all && !transport.has_unsent())
        });
        match written {
            Ok(true) => {
                let places = &mut self.places;
                self.leaving.retain(|stream| {
                    let place = places[*stream].as_mut();
                    place.is_some_and(|place| !place.note_out())
                });
            }
            Ok(false) => {}
            Err(class) => self.over = self.over.or(Some(class)),
        }
    }

    /// Tells what has become of the exchanges whose bells rang.
    fn tell(&mut self, told: &mut Vec<(usize, Happening)>) {
        let mut from = 0;
        while let Some(stream) = self.bells.answer_next(from..self.streams) {
            from = stream + 1;
            let Some(Some(place)) = self.places.get_mut(stream) else {
                continue;
            };
            let progress = place.advance();
            if !place.is_free() {
                self.owing.push(stream);
            }
            let happening = match progress {
                Progress::Waiting => continue,
                Progress::Begun => Happening::Begun(self.transport.arrived()),
                Progress::Done { status, body } => {
                    self.active -= 1;
                    self.chatter.answered();
                    Happening::Answered(Answer {
                        status,
                        body,
                        keep_alive: self.is_open(),
                        surplus: 0,
                    })
                }
                Progress::Failed(failure) => {
                    self.active -= 1;
                    match failure.class {
                        class if failure.untouched => Happening::Untouched(class),
                        ErrorClass::Closed => {
                            Happening::Failed(self.cut.unwrap_or(ErrorClass::Closed))
                        }
                        other => Happening::Failed(other),
                    }
                }
            };
            told.push((stream, happening));
        }
    }

    /// Lets h2 and the exchanges do what they can with what has come.
    fn settle(&mut self, told: &mut Vec<(usize, Happening)>) {
        self.poll();
        while self.bells.any() {
            self.tell(told);
            self.poll();
        }
    }

    /// Moves bytes both ways for as long as there are any, or a turn. The other side is given room for
    /// more only at the end.
    fn pump(&mut self, scratch: &mut [u8], told: &mut Vec<(usize, Happening)>) {
        let mut taken = 0;
        self.flush();
        self.settle(told);
        while self.over.is_none() && self.unread && self.pipe.is_drained() && taken < TURN {
            match self.transport.read(scratch) {
                Ok(Read::Bytes { n, more }) => {
                    taken += n;
                    self.unread = more || self.closing;
                    if self.chatter.came(&scratch[..n]) {
                        self.over = Some(ErrorClass::Protocol);
                        break;
                    }
                    self.pipe.feed(&scratch[..n]);
                }
                Ok(Read::Waiting) => {
                    self.unread = false;
                    break;
                }
                Ok(Read::Closed) => self.end(None),
                Err(class) => self.end(Some(class)),
            }
            self.bells.ring(self.streams);
            self.settle(told);
        }
        while !self.owing.is_empty() {
            for stream in std::mem::take(&mut self.owing) {
                if let Some(place) = &mut self.places[stream] {
                    self.chatter.was_body(place.repay());
                }
            }
            self.settle(told);
        }
        let heads = self.streams.saturating_mul(MAX_HEAD as usize);
        if self.chatter.is_too_much(heads) {
            self.over = self.over.or(Some(ErrorClass::Protocol));
        }
    }

    /// Reads on, where nobody was told by an event whether there is something to read, and no
    /// exchange is under way.
    fn pump_idle(&mut self) {
        let closing = std::mem::replace(&mut self.closing, true);
        self.unread = true;
        self.pump(&mut [0; PIECE], &mut Vec::new());
        self.closing = closing;
    }

    fn end(&mut self, cut: Option<ErrorClass>) {
        self.unread = false;
        self.cut = cut;
        self.pipe.end();
    }
}

impl<T: Transport> Carrier for Http2<T> {
    type Setup = Http2Setup<T::Setup>;
    type Wire = Http2Wire;

    fn wire(
        request: &Request,
        url: &Url,
        cookie: &[u8],
        gzip: bool,
        fill: &mut dyn FnMut(&Template, &mut Vec<u8>),
    ) -> Http2Wire {
        Http2Wire::new(request, url, cookie, gzip, fill)
    }

    fn is_stamped(setup: &Self::Setup) -> bool {
        T::is_stamped(&setup.transport)
    }

    fn streams(setup: &Self::Setup) -> usize {
        setup.streams
    }

    fn new(socket: OwnedFd, setup: &Self::Setup) -> Result<Self, ErrorClass> {
        let bells = Bells::new(setup.streams + 1);
        Ok(Self {
            transport: T::new(socket, &setup.transport)?,
            streams: setup.streams,
            pipe: Pipe::default(),
            session: None,
            places: Vec::new(),
            waker: bells.waker(setup.streams),
            bells,
            active: 0,
            leaving: Vec::new(),
            owing: Vec::new(),
            chatter: Chatter::default(),
            unread: false,
            closing: false,
            cut: None,
            over: None,
        })
    }

    fn establish(&mut self) -> Result<bool, ErrorClass> {
        if self.session.is_none() {
            if !self.transport.handshake()? {
                return Ok(false);
            }
            self.start()?;
        }
        self.pump_idle();
        match self.over {
            Some(class) => Err(class),
            None => Ok(self.is_settled()),
        }
    }

    fn begin(&mut self, stream: usize, wire: &Http2Wire, look: Look) -> Result<bool, ErrorClass> {
        if let Some(class) = self.over {
            return Err(class);
        }
        if !self.is_open() {
            return Ok(false);
        }
        let Some(session) = &self.session else {
            return Ok(false);
        };
        if self.places.len() <= stream {
            self.places.resize_with(stream + 1, || None);
        }
        let place = self.places[stream]
            .get_or_insert_with(|| Place::new(session.handle.clone(), self.bells.waker(stream)));
        match place.begin(wire, look) {
            // It cannot be said in HTTP/2. With others under way the next event tells.
            Err(class) if self.active == 0 => return Err(class),
            _ => self.active += 1,
        }
        self.leaving.push(stream);
        // The answer is asked for with the next event, so that whoever begins is told nothing.
        self.bells.ring(stream);
        self.poll();
        if let Some(Some(place)) = self.places.get_mut(stream) {
            place.send();
        }
        self.poll();
        self.flush();
        self.over.map_or(Ok(true), Err)
    }

    fn advance(
        &mut self,
        event: Readiness,
        scratch: &mut [u8],
        told: &mut Vec<(usize, Happening)>,
    ) -> Result<(), ErrorClass> {
        self.unread |= event.readable || event.closing;
        self.closing |= event.closing;
        self.pump(scratch, told);
        self.over.map_or(Ok(()), Err)
    }

    fn is_behind(&self) -> bool {
        self.unread && self.over.is_none() && self.pipe.is_drained()
    }

    fn cancel(&mut self, stream: usize) -> bool {
        match self.places.get_mut(stream) {
            Some(Some(place)) if !place.is_free() => {
                place.cancel();
                self.active -= 1;
                self.chatter.gave_up(STREAM_WINDOW as usize);
                self.poll();
                self.over.is_none()
            }
            // It has been told of already.
            _ => true,
        }
    }

    /// Reads what came while no exchange was under way, such as the other side's goodbye.
    fn is_usable(&mut self) -> bool {
        if self.active == 0 && self.over.is_none() {
            self.pump_idle();
        }
        self.is_open()
    }

    fn moved(&self, stream: usize) -> Moved {
        let place = self.places.get(stream).and_then(Option::as_ref);
        Moved {
            arrived: self.transport.arrived(),
            ..place.map_or_else(Moved::default, Place::moved)
        }
    }

    fn reply(&self, stream: usize) -> Reply<'_> {
        let place = self.places.get(stream).and_then(Option::as_ref);
        place.map_or_else(Reply::default, Place::reply)
    }
}

impl<T: AsFd> AsFd for Http2<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.transport.as_fd()
    }
}
