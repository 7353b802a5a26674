//! HTTP/1.1 over a transport: one exchange at a time.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use httparse::EMPTY_HEADER;

use super::carrier::{Carrier, Happening, Moved, Read, Readiness, Transport};
use super::head::MAX_FIELDS;
use super::request;
use super::response::{Answer, Look, Progress, ResponseParser};
use crate::journey::Reply;
use crate::model::ErrorClass;
use crate::mutant::{self, Mutant};
use crate::scenario::plan::{Request, Template, Url};
use crate::units::Nanos;

/// A connection that speaks HTTP/1.1.
#[derive(Debug)]
pub struct Http1<T> {
    transport: T,
    parser: ResponseParser,
    /// The end of the request that the socket did not take yet.
    pending: Vec<u8>,
    moved: Moved,
    /// Between the beginning of an exchange and its end.
    busy: bool,
    /// Status of the latest answer.
    status: u16,
    /// When the bytes came that were read last.
    arrived: Option<Nanos>,
    /// True when others may be there already.
    behind: bool,
}

impl<T: AsFd> AsFd for Http1<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.transport.as_fd()
    }
}

impl<T: Transport> Carrier for Http1<T> {
    type Setup = T::Setup;
    type Wire = Vec<u8>;

    fn wire(
        request: &Request,
        url: &Url,
        cookie: &[u8],
        gzip: bool,
        fill: &mut dyn FnMut(&Template, &mut Vec<u8>),
    ) -> Vec<u8> {
        request::render(request, url, cookie, gzip, fill)
    }

    fn is_stamped(setup: &T::Setup) -> bool {
        T::is_stamped(setup)
    }

    fn streams(_: &T::Setup) -> usize {
        1
    }

    fn new(socket: OwnedFd, setup: &T::Setup) -> Result<Self, ErrorClass> {
        Ok(Self {
            transport: T::new(socket, setup)?,
            parser: ResponseParser::default(),
            pending: Vec::new(),
            moved: Moved::default(),
            busy: false,
            status: 0,
            arrived: None,
            behind: false,
        })
    }

    fn establish(&mut self) -> Result<bool, ErrorClass> {
        self.transport.handshake()
    }

    fn begin(&mut self, _: usize, wire: &Vec<u8>, look: Look) -> Result<bool, ErrorClass> {
        self.parser.begin(look);
        self.busy = true;
        self.behind = false;
        self.moved = Moved::default();
        let written = self.transport.write(wire)?;
        self.pending.clear();
        self.pending.extend_from_slice(&wire[written..]);
        self.moved.out = written as u64;
        self.moved.all_out = self.pending.is_empty();
        Ok(true)
    }

    fn advance(
        &mut self,
        event: Readiness,
        scratch: &mut [u8],
        told: &mut Vec<(usize, Happening)>,
    ) -> Result<(), ErrorClass> {
        if event.readable || event.closing {
            self.receive(event.closing, scratch, told)?;
        }
        if self.busy && (!self.pending.is_empty() || self.transport.has_unsent()) {
            let written = self.transport.write(&self.pending)?;
            self.pending.drain(..written);
            self.moved.out += written as u64;
            self.moved.all_out = self.pending.is_empty();
            if self.moved.all_out {
                told.push((0, Happening::Written));
            }
        }
        Ok(())
    }

    fn is_behind(&self) -> bool {
        self.behind
    }

    fn cancel(&mut self, _: usize) -> bool {
        false
    }

    fn is_usable(&mut self) -> bool {
        !self.busy && self.is_quiet()
    }

    fn moved(&self, _: usize) -> Moved {
        self.moved
    }

    fn reply(&self, _: usize) -> Reply<'_> {
        let mut fields = [EMPTY_HEADER; MAX_FIELDS];
        let mut response = httparse::Response::new(&mut fields);
        // It was parsed before; what is kept is whole or empty.
        let fields = match response.parse(self.parser.head()) {
            Ok(httparse::Status::Complete(_)) => response
                .headers
                .iter()
                .map(|field| (field.name.as_bytes(), field.value))
                .collect(),
            _ => Vec::new(),
        };
        Reply {
            status: self.status,
            fields,
            body: self.parser.body(),
        }
    }
}

impl<T: Transport> Http1<T> {
    fn receive(
        &mut self,
        closing: bool,
        scratch: &mut [u8],
        told: &mut Vec<(usize, Happening)>,
    ) -> Result<(), ErrorClass> {
        self.behind = false;
        while self.busy {
            let (n, more) = match self.transport.read(scratch)? {
                Read::Bytes { n, more } => (n, more),
                Read::Waiting => return Ok(()),
                Read::Closed => {
                    self.arrived = self.transport.arrived();
                    let answer = self.parser.finish().ok_or(ErrorClass::Closed)?;
                    self.settle(answer, told);
                    return Ok(());
                }
            };
            self.arrived = self.transport.arrived();
            let first = self.moved.in_ == 0;
            self.moved.in_ += n as u64;
            match self.parser.feed(&scratch[..n]) {
                Ok(Progress::Done(mut answer)) => {
                    // An answer before the whole request is out leaves the rest of it behind.
                    answer.keep_alive &=
                        !closing && self.moved.all_out && (!more || self.is_quiet());
                    self.settle(answer, told);
                }
                Ok(Progress::Incomplete) => {
                    if first {
                        told.push((0, Happening::Begun(self.arrived)));
                    }
                    // One piece a turn: a body that comes as fast as it is read has no end here. After
                    // a close there is, and no other event.
                    if !closing {
                        self.behind = more;
                        if !more || !mutant::is_on(Mutant::TurnWithoutEnd) {
                            return Ok(());
                        }
                    }
                }
                Err(_) => return Err(ErrorClass::Protocol),
            }
        }
        Ok(())
    }

    fn settle(&mut self, answer: Answer, told: &mut Vec<(usize, Happening)>) {
        self.busy = false;
        self.moved.arrived = self.arrived;
        self.status = answer.status;
        told.push((0, Happening::Answered(answer)));
    }

    /// True when the other side neither closed nor said anything that nobody asked for.
    fn is_quiet(&mut self) -> bool {
        matches!(self.transport.read(&mut [0]), Ok(Read::Waiting))
    }
}
