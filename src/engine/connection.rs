//! One connection: a socket, the parser of its answers, and the exchange it carries.

use std::io::{self, ErrorKind, Read, Write};

use mio::net::TcpStream;
use rustix::io::Errno;

use super::account::Exchange;
use crate::model::ErrorClass;
use crate::protocol::{Answer, Progress, ResponseParser};

/// Where a connection stands.
#[derive(Debug)]
pub(super) enum Stage {
    Vacant,
    Connecting(TcpStream),
    Idle(TcpStream),
    Busy(TcpStream),
}

/// A place for a connection; the parser's buffers outlive the sockets.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) stage: Stage,
    /// Counts the sockets this slot has had, to tell late events of an earlier one.
    pub(super) generation: usize,
    pub(super) parser: ResponseParser,
    pub(super) exchange: Option<Exchange>,
}

/// What reading has led to.
#[derive(Debug)]
pub(super) enum Reading {
    Waiting,
    Answered(Answer),
    Failed(ErrorClass),
}

impl Slot {
    pub(super) fn vacant() -> Self {
        Self {
            stage: Stage::Vacant,
            generation: 0,
            parser: ResponseParser::default(),
            exchange: None,
        }
    }

    /// Looks whether a connection being opened is open. `Ok(false)`: not yet.
    pub(super) fn connected(&mut self) -> Result<bool, ErrorClass> {
        let Stage::Connecting(stream) = &self.stage else {
            return Ok(false);
        };
        if let Some(error) = stream.take_error().unwrap_or_else(Some) {
            return Err(connect_class(&error));
        }
        match stream.peer_addr() {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotConnected => return Ok(false),
            Err(error) => return Err(connect_class(&error)),
        }
        if let Stage::Connecting(stream) = std::mem::replace(&mut self.stage, Stage::Vacant) {
            self.stage = Stage::Busy(stream);
        }
        Ok(true)
    }

    /// Writes what is left of the request, as far as the socket takes it.
    pub(super) fn write(&mut self, request: &[u8]) -> Result<(), ErrorClass> {
        let (Stage::Busy(stream), Some(exchange)) = (&mut self.stage, &mut self.exchange) else {
            return Ok(());
        };
        while exchange.written < request.len() {
            match stream.write(&request[exchange.written..]) {
                Ok(n) => exchange.written += n,
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => break,
                    ErrorKind::Interrupted => {}
                    _ => return Err(ErrorClass::Reset),
                },
            }
        }
        Ok(())
    }

    /// Reads what has come. Readiness is edge-triggered, but a read that does not fill the buffer
    /// has emptied the socket, so a second one to be told so is spared. `closing`: the event said
    /// that the other side has closed, so no other event will come.
    pub(super) fn read(&mut self, buffer: &mut [u8], closing: bool) -> Reading {
        let (Stage::Busy(stream), Some(exchange)) = (&mut self.stage, &mut self.exchange) else {
            return Reading::Waiting;
        };
        loop {
            let n = match stream.read(buffer) {
                Ok(0) => {
                    return match self.parser.finish() {
                        Some(answer) => Reading::Answered(answer),
                        None => Reading::Failed(ErrorClass::Closed),
                    };
                }
                Ok(n) => n,
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return Reading::Waiting,
                    ErrorKind::Interrupted => continue,
                    _ => return Reading::Failed(ErrorClass::Reset),
                },
            };
            exchange.received += n as u64;
            let emptied = n < buffer.len();
            match self.parser.feed(&buffer[..n]) {
                Ok(Progress::Done(mut answer)) => {
                    answer.keep_alive &= !closing && (emptied || is_quiet(stream));
                    return Reading::Answered(answer);
                }
                Ok(Progress::Incomplete) if emptied && !closing => return Reading::Waiting,
                Ok(Progress::Incomplete) => {}
                Err(_) => return Reading::Failed(ErrorClass::Protocol),
            }
        }
    }

    /// True when an idle connection is neither closed nor holds bytes nobody asked for.
    pub(super) fn is_usable(&mut self) -> bool {
        match &mut self.stage {
            Stage::Idle(stream) => is_quiet(stream),
            _ => false,
        }
    }
}

/// True when the socket is open and holds nothing.
fn is_quiet(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock)
}

/// The class of a connection that could not be opened.
pub(super) fn connect_class(error: &io::Error) -> ErrorClass {
    match Errno::from_io_error(error) {
        Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
            ErrorClass::GeneratorDescriptors
        }
        Some(Errno::ADDRNOTAVAIL | Errno::ADDRINUSE) => ErrorClass::GeneratorPorts,
        Some(Errno::TIMEDOUT) => ErrorClass::TimeoutConnect,
        Some(Errno::CONNRESET | Errno::PIPE | Errno::CONNABORTED) => ErrorClass::Reset,
        // Unreachable hosts and networks too: nothing there takes connections.
        _ => ErrorClass::Refused,
    }
}
