//! One exchange at a time on one place of a connection.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Error, Reason, RecvStream, SendStream};
use http::{HeaderMap, Response};

use super::wire::{self, Http2Wire};
use crate::journey::Reply;
use crate::model::ErrorClass;
use crate::mutant::{self, Mutant};
use crate::protocol::head::{MAX_FIELDS, MAX_INTERIM};
use crate::protocol::{Look, Moved};

/// A status line has no counterpart; this is `:status` and three digits.
const STATUS_BYTES: u64 = 10;

/// A place for exchanges, one after the other. Its buffers and its handle outlive them.
#[derive(Debug)]
pub(super) struct Place {
    handle: SendRequest<Bytes>,
    waker: Waker,
    stage: Stage,
    look: Look,
    moved: Moved,
    /// Bytes of the request's head, counted once it leaves.
    head_bytes: u64,
    told_begun: bool,
    status: u16,
    fields: HeaderMap,
    body: u64,
    kept: Vec<u8>,
    interim: u32,
}

#[derive(Debug)]
enum Stage {
    Free,
    /// It could not be sent.
    Refused(Failure),
    Open(Box<Open>),
}

/// The halves of an exchange that is under way.
#[derive(Debug)]
struct Open {
    /// True while the other side's limit keeps the request here.
    waits: bool,
    sending: SendStream<Bytes>,
    rest: Bytes,
    receiving: Receiving,
    /// Bytes of the body for which the other side has not been given room again.
    owed: usize,
}

#[derive(Debug)]
enum Receiving {
    Head(ResponseFuture),
    Body(RecvStream),
}

/// How far an exchange is after its bell was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Waiting,
    Begun,
    /// Answered with this status and so many bytes of body.
    Done {
        status: u16,
        body: u64,
    },
    Failed(Failure),
}

/// Why an exchange has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) class: ErrorClass,
    /// The other side has said that it did nothing about the request.
    pub(super) untouched: bool,
}

impl Place {
    pub(super) fn new(handle: SendRequest<Bytes>, waker: Waker) -> Self {
        Self {
            handle,
            waker,
            stage: Stage::Free,
            look: Look::default(),
            moved: Moved::default(),
            head_bytes: 0,
            told_begun: false,
            status: 0,
            fields: HeaderMap::new(),
            body: 0,
            kept: Vec::new(),
            interim: 0,
        }
    }

    pub(super) fn is_free(&self) -> bool {
        matches!(self.stage, Stage::Free)
    }

    pub(super) fn moved(&self) -> Moved {
        self.moved
    }

    pub(super) fn reply(&self) -> Reply<'_> {
        let fields = self.fields.iter();
        Reply {
            status: self.status,
            fields: fields
                .map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()))
                .collect(),
            body: &self.kept,
        }
    }

    /// Hands a request to h2.
    ///
    /// # Errors
    /// When h2 does not take it; [`advance`](Self::advance) tells so too.
    pub(super) fn begin(&mut self, wire: &Http2Wire, look: Look) -> Result<(), ErrorClass> {
        self.look = look;
        self.moved = Moved::default();
        self.head_bytes = wire.head_bytes;
        self.told_begun = false;
        self.status = 0;
        self.fields.clear();
        self.body = 0;
        self.kept.clear();
        self.interim = 0;
        let sent = self
            .handle
            .send_request(wire.head.clone(), wire.body.is_empty());
        match sent {
            Ok((response, mut sending)) => {
                sending.reserve_capacity(wire.body.len());
                self.stage = Stage::Open(Box::new(Open {
                    waits: true,
                    sending,
                    rest: wire.body.clone(),
                    receiving: Receiving::Head(response),
                    owed: 0,
                }));
                Ok(())
            }
            Err(error) => {
                let failure = Failure::of(&error);
                self.waker.wake_by_ref();
                self.stage = Stage::Refused(failure);
                Err(failure.class)
            }
        }
    }

    /// Gives h2 as much of the request as it takes.
    pub(super) fn send(&mut self) {
        let Stage::Open(open) = &mut self.stage else {
            return;
        };
        let cx = &mut Context::from_waker(&self.waker);
        if open.waits {
            // An error is told when the answer is asked for.
            if self.handle.poll_ready(cx).is_pending() {
                return;
            }
            open.waits = false;
            self.moved.out += self.head_bytes;
        }
        while !open.rest.is_empty() {
            if open.sending.capacity() == 0 {
                match open.sending.poll_capacity(cx) {
                    Poll::Ready(Some(Ok(_))) => continue,
                    Poll::Pending | Poll::Ready(_) => return,
                }
            }
            let part = open
                .rest
                .split_to(open.sending.capacity().min(open.rest.len()));
            self.moved.out += part.len() as u64;
            if open.sending.send_data(part, open.rest.is_empty()).is_err() {
                return;
            }
        }
    }

    /// Notes that all that h2 was given has gone to the socket. False when there is more to come.
    pub(super) fn note_out(&mut self) -> bool {
        if let Stage::Open(open) = &self.stage {
            self.moved.all_out = !open.waits && open.rest.is_empty();
            return self.moved.all_out;
        }
        true
    }

    /// Does what can be done for the exchange.
    pub(super) fn advance(&mut self) -> Progress {
        self.send();
        let progress = match &mut self.stage {
            Stage::Free => return Progress::Waiting,
            Stage::Refused(failure) => Progress::Failed(*failure),
            Stage::Open(_) => match self.receive() {
                Ok(Some(())) => Progress::Done {
                    status: self.status,
                    body: self.body,
                },
                Ok(None) if self.status != 0 && !self.told_begun => {
                    self.told_begun = true;
                    return Progress::Begun;
                }
                Ok(None) => return Progress::Waiting,
                Err(failure) => Progress::Failed(failure),
            },
        };
        self.stage = Stage::Free;
        progress
    }

    /// Reads what has come; something when the answer is complete.
    fn receive(&mut self) -> Result<Option<()>, Failure> {
        let of = |error: Error| Failure::of(&error);
        let Stage::Open(open) = &mut self.stage else {
            return Ok(None);
        };
        let cx = &mut Context::from_waker(&self.waker);
        loop {
            match &mut open.receiving {
                Receiving::Head(response) => match next(response, cx).map_err(of)? {
                    Next::Nothing => return Ok(None),
                    Next::Interim => {
                        self.interim += 1;
                        if self.interim > MAX_INTERIM && !mutant::is_on(Mutant::InterimWithoutEnd) {
                            return Err(Failure::PROTOCOL);
                        }
                    }
                    Next::Final(answer) => {
                        let (head, body) = answer.into_parts();
                        if head.headers.len() > MAX_FIELDS
                            && !mutant::is_on(Mutant::FieldsWithoutEnd)
                        {
                            return Err(Failure::PROTOCOL);
                        }
                        self.status = head.status.as_u16();
                        self.moved.in_ += STATUS_BYTES + wire::size(&head.headers);
                        if self.look.head {
                            self.fields = head.headers;
                        }
                        open.receiving = Receiving::Body(body);
                    }
                },
                Receiving::Body(body) => match body.poll_data(cx).map_err(of)? {
                    Poll::Pending => return Ok(None),
                    Poll::Ready(Some(part)) => {
                        open.owed += part.len();
                        self.body += part.len() as u64;
                        self.moved.in_ += part.len() as u64;
                        self.look.body.add(&mut self.kept, &part);
                    }
                    Poll::Ready(None) => {
                        return Ok(match body.poll_trailers(cx).map_err(of)? {
                            Poll::Pending => None,
                            Poll::Ready(trailers) => {
                                self.moved.in_ += trailers.as_ref().map_or(0, wire::size);
                                Some(())
                            }
                        });
                    }
                },
            }
        }
    }

    /// Gives the other side room for as much again as has been read, and returns how much that is.
    pub(super) fn repay(&mut self) -> usize {
        if let Stage::Open(open) = &mut self.stage
            && let Receiving::Body(body) = &mut open.receiving
        {
            let owed = std::mem::take(&mut open.owed);
            // It refuses only what was not received.
            drop(body.flow_control().release_capacity(owed));
            return owed;
        }
        0
    }

    /// Resets the stream of the exchange.
    pub(super) fn cancel(&mut self) {
        if let Stage::Open(mut open) = std::mem::replace(&mut self.stage, Stage::Free) {
            open.sending.send_reset(Reason::CANCEL);
        }
    }
}

/// What a response has come to.
enum Next {
    Nothing,
    Interim,
    Final(Response<RecvStream>),
}

fn next(response: &mut ResponseFuture, cx: &mut Context<'_>) -> Result<Next, Error> {
    if let Poll::Ready(Some(interim)) = response.poll_informational(cx) {
        return interim.map(|_| Next::Interim);
    }
    Ok(match Pin::new(response).poll(cx)? {
        Poll::Pending => Next::Nothing,
        Poll::Ready(answer) => Next::Final(answer),
    })
}

impl Failure {
    /// What is no HTTP.
    const PROTOCOL: Self = Self {
        class: ErrorClass::Protocol,
        untouched: false,
    };

    /// What h2 reports of an exchange. Streams beyond the last that a goodbye names were not looked at
    /// (RFC 9113, 6.8). Streams that are refused one by one were not either, but that is how a target
    /// sheds load, and a failure.
    fn of(error: &Error) -> Self {
        let left_out = error.is_go_away() && error.reason() == Some(Reason::NO_ERROR);
        Self {
            class: class_of(error),
            untouched: left_out && error.is_remote(),
        }
    }
}

/// The class of what h2 reports of an exchange or of the whole connection.
pub(super) fn class_of(error: &Error) -> ErrorClass {
    if error.is_io() || (error.is_go_away() && error.is_remote()) {
        ErrorClass::Closed
    } else if error.is_reset() && error.is_remote() {
        ErrorClass::Reset
    } else {
        ErrorClass::Protocol
    }
}
