//! A socket under TLS.
//!
//! Nothing that was decrypted stays behind unnoticed: a read goes on until the caller's buffer is
//! full, which it then says, or until both the session and the socket are empty.

use std::io::{self, ErrorKind, IoSlice, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
use rustls::{AlertDescription, ClientConnection, Error};

use super::setup::TlsSetup;
use crate::model::ErrorClass;
use crate::protocol::stamps::Stamps;
use crate::protocol::{Read, Stamping, Transport};
use crate::scenario::plan::Version;
use crate::units::Nanos;

/// One TLS connection over a non-blocking socket.
#[derive(Debug)]
pub struct TlsTransport {
    socket: OwnedFd,
    session: ClientConnection,
    http2_only: bool,
    /// None: nobody asked for them.
    stamps: Option<Stamps>,
    /// Why the connection is over. What was decrypted before is handed out first.
    broken: Option<ErrorClass>,
}

/// What the socket had for the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pulled {
    /// Bytes; `emptied`: there are no others by now.
    Some {
        emptied: bool,
    },
    Nothing,
    /// The other side has closed the connection, or the session in it.
    End,
}

impl TlsTransport {
    /// The version of HTTP that ALPN agreed on, if any.
    pub fn negotiated(&self) -> Option<Version> {
        match self.session.alpn_protocol() {
            Some(b"h2") => Some(Version::Http2),
            Some(b"http/1.1") => Some(Version::Http1),
            _ => None,
        }
    }

    /// Takes in a piece of what the socket holds.
    fn pull(&mut self) -> Result<Pulled, ErrorClass> {
        if let Some(class) = self.broken {
            return Err(class);
        }
        let pulled = self.pull_unbroken();
        if let Err(class) = pulled {
            self.broken = Some(class);
        }
        pulled
    }

    fn pull_unbroken(&mut self) -> Result<Pulled, ErrorClass> {
        let mut wire = Wire {
            stamps: self.stamps.as_mut(),
            ..Wire::of(&self.socket)
        };
        match self.session.read_tls(&mut wire) {
            Ok(0) => return Ok(Pulled::End),
            Ok(_) => {}
            Err(error) => {
                return match error.kind() {
                    ErrorKind::WouldBlock => Ok(Pulled::Nothing),
                    // What rustls itself refuses is a record that never ends.
                    ErrorKind::InvalidData | ErrorKind::Other => Err(ErrorClass::Tls),
                    _ => Err(ErrorClass::Reset),
                };
            }
        }
        let emptied = wire.emptied;
        if let Err(error) = self.session.process_new_packets() {
            // The other side is told why, if it still listens; our reason is known without that.
            drop(self.session.write_tls(&mut Wire::of(&self.socket)));
            return Err(class_of(&error));
        }
        Ok(Pulled::Some { emptied })
    }

    /// Sends what is encrypted, as far as the socket takes it.
    fn push(&mut self) -> Result<(), ErrorClass> {
        if let Some(class) = self.broken {
            return Err(class);
        }
        while self.session.wants_write() {
            match self.session.write_tls(&mut Wire::of(&self.socket)) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => {
                    // An alert that came before the connection broke says more than its end.
                    let class = self.pull().err().unwrap_or(ErrorClass::Reset);
                    self.broken = Some(class);
                    return Err(class);
                }
            }
        }
        Ok(())
    }
}

impl Transport for TlsTransport {
    type Setup = TlsSetup;

    fn is_stamped(setup: &TlsSetup) -> bool {
        setup.stamping == Stamping::On
    }

    fn new(socket: OwnedFd, setup: &TlsSetup) -> Result<Self, ErrorClass> {
        let session = ClientConnection::new(setup.config.clone(), setup.name.clone())
            .map_err(|error| class_of(&error))?;
        let stamps = setup.stamping.begin(&socket);
        Ok(Self {
            socket,
            session,
            stamps,
            http2_only: setup.version == Version::Http2,
            broken: None,
        })
    }

    /// Also fails with [`ErrorClass::Protocol`] when only HTTP/2 was offered and was not agreed on.
    fn handshake(&mut self) -> Result<bool, ErrorClass> {
        loop {
            self.push()?;
            if !self.session.is_handshaking() {
                if self.http2_only && self.negotiated() != Some(Version::Http2) {
                    return Err(ErrorClass::Protocol);
                }
                return Ok(true);
            }
            if self.session.wants_write() {
                return Ok(false);
            }
            match self.pull()? {
                Pulled::Some { .. } => {}
                Pulled::Nothing => return Ok(false),
                Pulled::End => return Err(ErrorClass::Closed),
            }
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<Read, ErrorClass> {
        let mut n = 0;
        let mut emptied = false;
        let mut ended = false;
        loop {
            match self.session.reader().read(&mut buffer[n..]) {
                Ok(0) if n < buffer.len() => {
                    return Ok(if n == 0 {
                        Read::Closed
                    } else {
                        Read::Bytes { n, more: true }
                    });
                }
                // Behind the bytes there may be a goodbye, which no event will tell of.
                Ok(read) if n + read < buffer.len() => {
                    n += read;
                    continue;
                }
                Ok(_) => {
                    return Ok(Read::Bytes {
                        n: buffer.len(),
                        more: true,
                    });
                }
                // Closed without a goodbye: whatever has no other end was cut off.
                Err(error) if error.kind() != ErrorKind::WouldBlock && n == 0 => {
                    return Err(self.broken.unwrap_or(ErrorClass::Closed));
                }
                Err(error) if error.kind() != ErrorKind::WouldBlock => {
                    return Ok(Read::Bytes { n, more: true });
                }
                Err(_) => {}
            }
            let pulled = if emptied {
                Ok(Pulled::Nothing)
            } else {
                self.pull()
            };
            match pulled {
                Ok(Pulled::Some { emptied: now }) => emptied = now,
                Ok(Pulled::Nothing) => break,
                // The session tells a goodbye from a cut on the next turn, unless there were bytes
                // after the goodbye.
                Ok(Pulled::End) if ended => return Err(ErrorClass::Closed),
                Ok(Pulled::End) => ended = true,
                Err(class) if n == 0 => return Err(class),
                Err(_) => return Ok(Read::Bytes { n, more: true }),
            }
        }
        // Reading may have led to an answer of the session itself, such as new keys.
        match self.push() {
            Err(class) if n == 0 => Err(class),
            Ok(()) if n == 0 => Ok(Read::Waiting),
            pushed => Ok(Read::Bytes {
                n,
                more: pushed.is_err(),
            }),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorClass> {
        let mut taken = 0;
        loop {
            self.push()?;
            if taken == bytes.len() || self.session.wants_write() {
                return Ok(taken);
            }
            match self.session.writer().write(&bytes[taken..]) {
                Ok(n) if n > 0 => taken += n,
                _ => return Err(ErrorClass::Tls),
            }
        }
    }

    fn has_unsent(&self) -> bool {
        self.session.wants_write()
    }

    fn arrived(&self) -> Option<Nanos> {
        self.stamps.as_ref().and_then(Stamps::latest)
    }
}

impl AsFd for TlsTransport {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Drop for TlsTransport {
    /// Says goodbye where that costs no waiting, so that a target does not log a cut.
    fn drop(&mut self) {
        if self.broken.is_none() && !self.session.is_handshaking() {
            self.session.send_close_notify();
            drop(self.session.write_tls(&mut Wire::of(&self.socket)));
        }
    }
}

/// The socket as rustls wants it.
#[derive(Debug)]
struct Wire<'a> {
    socket: BorrowedFd<'a>,
    /// Taken of what is read.
    stamps: Option<&'a mut Stamps>,
    /// True when the last read got less than it had room for.
    emptied: bool,
}

impl<'a> Wire<'a> {
    fn of(socket: &'a OwnedFd) -> Self {
        Self {
            socket: socket.as_fd(),
            stamps: None,
            emptied: false,
        }
    }
}

impl io::Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len();
        let n = rustix::io::retry_on_intr(|| match &mut self.stamps {
            Some(stamps) => stamps.receive(self.socket, buffer),
            None => rustix::io::read(self.socket, &mut *buffer),
        })?;
        self.emptied = n < room;
        Ok(n)
    }
}

impl io::Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let n = rustix::io::retry_on_intr(|| {
            let mut nothing = SendAncillaryBuffer::default();
            sendmsg(self.socket, parts, &mut nothing, SendFlags::NOSIGNAL)
        })?;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Alerts about certificates are about ours, so they are no matter of the target's.
fn class_of(error: &Error) -> ErrorClass {
    match error {
        Error::InvalidCertificate(_) | Error::NoCertificatesPresented => ErrorClass::TlsCertificate,
        Error::NoApplicationProtocol
        | Error::AlertReceived(AlertDescription::NoApplicationProtocol) => ErrorClass::Protocol,
        _ => ErrorClass::Tls,
    }
}
