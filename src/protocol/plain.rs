//! A socket in clear text.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::carrier::{Read, Transport};
use crate::model::ErrorClass;

/// TCP or a Unix socket, without anything in between.
#[derive(Debug)]
pub struct Plain(OwnedFd);

impl AsFd for Plain {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Transport for Plain {
    type Setup = ();

    fn new(socket: OwnedFd, (): &()) -> Result<Self, ErrorClass> {
        Ok(Self(socket))
    }

    fn handshake(&mut self) -> Result<bool, ErrorClass> {
        Ok(true)
    }

    /// Readiness is edge-triggered, but a read that does not fill the buffer has emptied the
    /// socket, so a second one to be told so is spared.
    fn read(&mut self, buffer: &mut [u8]) -> Result<Read, ErrorClass> {
        loop {
            return match recv(&self.0, &mut *buffer, RecvFlags::empty()) {
                Ok((0, _)) => Ok(Read::Closed),
                Ok((n, _)) => Ok(Read::Bytes {
                    n,
                    more: n == buffer.len(),
                }),
                Err(Errno::AGAIN) => Ok(Read::Waiting),
                Err(Errno::INTR) => continue,
                Err(_) => Err(ErrorClass::Reset),
            };
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorClass> {
        let mut written = 0;
        while written < bytes.len() {
            match send(&self.0, &bytes[written..], SendFlags::NOSIGNAL) {
                Ok(n) => written += n,
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                // What was written before counts; the error comes again.
                Err(_) if written > 0 => break,
                Err(_) => return Err(ErrorClass::Reset),
            }
        }
        Ok(written)
    }

    fn has_unsent(&self) -> bool {
        false
    }
}
