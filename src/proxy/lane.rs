//! One direction of a connection: what has come and may not leave yet, in order.

use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, Shutdown, recv, send, shutdown};

use super::weather::{Pace, Weather};
use crate::protocol::Readiness;
use crate::units::Nanos;

/// Bytes held back in one direction beyond which nothing more is read: the sender feels it, as it would
/// on a network.
const HELD: usize = 1 << 20;

/// One of the two sockets of a connection, with what is known of it; readiness is told once for each
/// change, so it is remembered.
#[derive(Debug)]
pub(super) struct End {
    socket: OwnedFd,
    readable: bool,
    writable: bool,
    closing: bool,
}

impl End {
    pub(super) fn new(socket: OwnedFd) -> Self {
        Self {
            socket,
            readable: false,
            writable: false,
            closing: false,
        }
    }

    pub(super) fn tell(&mut self, readiness: Readiness) {
        self.readable |= readiness.readable || readiness.closing;
        self.writable |= readiness.writable || readiness.closing;
        self.closing |= readiness.closing;
    }

    pub(super) const fn writable(&self) -> bool {
        self.writable
    }

    /// `Ok(0)` is the end of the stream, `None` that nothing is there now.
    fn read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>, Broken> {
        while self.readable {
            match recv(&self.socket, &mut *buffer, RecvFlags::empty()) {
                Ok((n, _)) => {
                    // A read that does not fill the buffer has emptied the socket; only an end
                    // that was told together with the bytes would not be told again.
                    self.readable = n == buffer.len() || (self.closing && n > 0);
                    return Ok(Some(n));
                }
                Err(Errno::AGAIN) => self.readable = false,
                Err(Errno::INTR) => {}
                Err(_) => return Err(Broken),
            }
        }
        Ok(None)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, Broken> {
        let mut written = 0;
        while self.writable && written < bytes.len() {
            match send(&self.socket, &bytes[written..], SendFlags::NOSIGNAL) {
                Ok(n) => written += n,
                Err(Errno::AGAIN) => self.writable = false,
                Err(Errno::INTR) => {}
                Err(_) => return Err(Broken),
            }
        }
        Ok(written)
    }
}

impl AsFd for End {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// One side has reset the connection, or the plan wants it to be.
#[derive(Debug)]
pub(super) struct Broken;

/// What one direction holds.
#[derive(Debug, Default)]
pub(super) struct Lane {
    queue: VecDeque<Piece>,
    held: usize,
    pace: Pace,
    /// Nothing more will come.
    ended: bool,
    /// The other side knows it.
    shut: bool,
}

#[derive(Debug)]
struct Piece {
    leaves: Nanos,
    bytes: Vec<u8>,
    sent: usize,
}

impl Lane {
    /// Moves what may be moved now. `weather` acts on what is read; None: nothing does.
    /// With `resets`, anything that comes breaks the connection.
    ///
    /// # Errors
    /// When the connection is broken.
    pub(super) fn carry(
        &mut self,
        (from, to): (&mut End, &mut End),
        mut weather: Option<&mut Weather>,
        (now, buffer, resets): (Nanos, &mut [u8], bool),
    ) -> Result<(), Broken> {
        self.flush(to, now)?;
        while self.held < HELD && !self.ended {
            let Some(n) = from.read(buffer)? else { break };
            if n == 0 {
                self.ended = true;
                break;
            }
            if resets {
                return Err(Broken);
            }
            match &mut weather {
                None => self.take(to, &buffer[..n], now, now)?,
                Some(weather) => {
                    let mut rest = &buffer[..n];
                    let mut pieces = Vec::new();
                    weather.let_go(&mut self.pace, now, n, |size, at| pieces.push((size, at)));
                    for (size, leaves) in pieces {
                        let (piece, behind) = rest.split_at(size);
                        self.take(to, piece, leaves, now)?;
                        rest = behind;
                    }
                }
            }
        }
        if self.ended && self.queue.is_empty() && !self.shut {
            self.shut = true;
            // Whoever is gone needs not be told.
            let _ = shutdown(&*to, Shutdown::Write);
        }
        Ok(())
    }

    /// When the next piece leaves that has to wait for its time.
    pub(super) fn next(&self, now: Nanos) -> Option<Nanos> {
        let first = self.queue.front()?;
        (first.leaves > now).then_some(first.leaves)
    }

    pub(super) const fn is_over(&self) -> bool {
        self.shut
    }

    /// Passes bytes on, or keeps what cannot leave yet.
    fn take(
        &mut self,
        to: &mut End,
        bytes: &[u8],
        leaves: Nanos,
        now: Nanos,
    ) -> Result<(), Broken> {
        let mut sent = 0;
        if self.queue.is_empty() && leaves <= now {
            sent = to.write(bytes)?;
        }
        if sent < bytes.len() {
            self.held += bytes.len() - sent;
            self.queue.push_back(Piece {
                leaves,
                bytes: bytes[sent..].to_vec(),
                sent: 0,
            });
        }
        Ok(())
    }

    fn flush(&mut self, to: &mut End, now: Nanos) -> Result<(), Broken> {
        while let Some(piece) = self.queue.front_mut().filter(|p| p.leaves <= now) {
            let n = to.write(&piece.bytes[piece.sent..])?;
            piece.sent += n;
            self.held -= n;
            if piece.sent < piece.bytes.len() {
                break;
            }
            self.queue.pop_front();
        }
        Ok(())
    }
}
