//! A socket in clear text.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use super::carrier::{Read, Transport};
use super::stamps::{Stamping, Stamps};
use crate::model::ErrorClass;
use crate::units::Nanos;

/// TCP or a Unix socket, without anything in between.
#[derive(Debug)]
pub struct Plain {
    socket: OwnedFd,
    /// None: nobody asked for them.
    stamps: Option<Stamps>,
}

impl AsFd for Plain {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Transport for Plain {
    type Setup = Stamping;

    fn is_stamped(stamping: &Stamping) -> bool {
        *stamping == Stamping::On
    }

    fn new(socket: OwnedFd, stamping: &Stamping) -> Result<Self, ErrorClass> {
        let stamps = stamping.begin(&socket);
        Ok(Self { socket, stamps })
    }

    fn handshake(&mut self) -> Result<bool, ErrorClass> {
        Ok(true)
    }

    /// Readiness is edge-triggered, but a read that does not fill the buffer has emptied the
    /// socket, so a second one to be told so is spared.
    fn read(&mut self, buffer: &mut [u8]) -> Result<Read, ErrorClass> {
        loop {
            let received = match &mut self.stamps {
                Some(stamps) => stamps.receive(self.socket.as_fd(), buffer),
                None => recv(&self.socket, &mut *buffer, RecvFlags::empty()).map(|(n, _)| n),
            };
            return match received {
                Ok(0) => Ok(Read::Closed),
                Ok(n) => Ok(Read::Bytes {
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
            match send(&self.socket, &bytes[written..], SendFlags::NOSIGNAL) {
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

    fn arrived(&self) -> Option<Nanos> {
        self.stamps.as_ref().and_then(Stamps::latest)
    }
}
