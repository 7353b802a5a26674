//! Memory between h2 and a socket.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Most bytes that h2 may leave for the socket; it stops reading and writing beyond.
const ROOM: usize = 256 * 1024;

#[derive(Debug, Default)]
struct Ends {
    inbound: Vec<u8>,
    /// Bytes of `inbound` that h2 has read.
    taken: usize,
    /// True when nothing more will come in.
    ended: bool,
    outbound: Vec<u8>,
    /// True when h2 had more to write than there was room for.
    full: bool,
}

/// Both directions. Whoever polls h2 looks afterwards what there is to do, so no waker is kept.
#[derive(Debug, Clone, Default)]
pub(super) struct Pipe(Rc<RefCell<Ends>>);

impl Pipe {
    /// Gives h2 bytes to read.
    pub(super) fn feed(&self, bytes: &[u8]) {
        self.0.borrow_mut().inbound.extend_from_slice(bytes);
    }

    /// Tells h2 that nothing more will come.
    pub(super) fn end(&self) {
        self.0.borrow_mut().ended = true;
    }

    /// True when h2 has read everything.
    pub(super) fn is_drained(&self) -> bool {
        self.0.borrow().inbound.is_empty()
    }

    /// True when h2 could write more than last time.
    pub(super) fn take_relief(&self) -> bool {
        let ends = &mut *self.0.borrow_mut();
        let relieved = ends.full && ends.outbound.len() < ROOM;
        ends.full &= !relieved;
        relieved
    }

    /// Hands what h2 has written to `sink`, which says how many bytes it took. True when it took
    /// all.
    pub(super) fn drain<E>(
        &self,
        mut sink: impl FnMut(&[u8]) -> Result<usize, E>,
    ) -> Result<bool, E> {
        let outbound = &mut self.0.borrow_mut().outbound;
        let mut sent = 0;
        while sent < outbound.len() {
            match sink(&outbound[sent..])? {
                0 => break,
                n => sent += n,
            }
        }
        outbound.drain(..sent);
        Ok(outbound.is_empty())
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let ends = &mut *self.0.borrow_mut();
        let rest = &ends.inbound[ends.taken..];
        if rest.is_empty() && !ends.ended {
            return Poll::Pending;
        }
        let n = rest.len().min(buffer.remaining());
        buffer.put_slice(&rest[..n]);
        ends.taken += n;
        if ends.taken == ends.inbound.len() {
            ends.inbound.clear();
            ends.taken = 0;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let ends = &mut *self.0.borrow_mut();
        let n = bytes.len().min(ROOM.saturating_sub(ends.outbound.len()));
        if n == 0 && !bytes.is_empty() {
            ends.full = true;
            return Poll::Pending;
        }
        ends.outbound.extend_from_slice(&bytes[..n]);
        Poll::Ready(Ok(n))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
