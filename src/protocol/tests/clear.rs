//! A socket in clear text, as little as tests of what is above it need.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;

use crate::model::ErrorClass;
use crate::protocol::{Read, Transport};

#[derive(Debug)]
pub(super) struct Clear(OwnedFd);

impl Transport for Clear {
    type Setup = ();

    fn new(socket: OwnedFd, (): &()) -> Result<Self, ErrorClass> {
        Ok(Self(socket))
    }

    fn handshake(&mut self) -> Result<bool, ErrorClass> {
        Ok(true)
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<Read, ErrorClass> {
        let room = buffer.len();
        match rustix::io::read(&self.0, buffer) {
            Ok(0) => Ok(Read::Closed),
            Ok(n) => Ok(Read::Bytes { n, more: n == room }),
            Err(Errno::AGAIN) => Ok(Read::Waiting),
            Err(_) => Err(ErrorClass::Reset),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorClass> {
        match rustix::net::send(&self.0, bytes, rustix::net::SendFlags::NOSIGNAL) {
            Ok(n) => Ok(n),
            Err(Errno::AGAIN) => Ok(0),
            Err(_) => Err(ErrorClass::Reset),
        }
    }

    fn has_unsent(&self) -> bool {
        false
    }
}

impl AsFd for Clear {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
