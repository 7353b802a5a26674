//! When bytes came, as the kernel stamped them, not when somebody found the time to read them.
//!
//! A generator that is woken late, or that has fifty answers to read at once, would otherwise add its
//! own delay to the target's service time. The kernel stamps by the wall clock, so whoever compares
//! with another clock has to know how far apart they are.

use std::io::IoSliceMut;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::cmsg_space;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use rustix::io::Errno;

use crate::units::Nanos;

/// Whether the sockets of a worker are stamped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Stamping {
    #[default]
    Off,
    On,
}

impl Stamping {
    /// The stamps of a new socket, if there are to be any.
    pub fn begin(self, socket: &impl AsFd) -> Option<Stamps> {
        match self {
            Self::Off => None,
            Self::On => Stamps::ask(socket),
        }
    }
}

/// The stamps of one socket.
#[derive(Debug)]
pub struct Stamps {
    /// Room for one message of the kernel.
    room: Vec<u8>,
    latest: Option<Nanos>,
}

impl Stamps {
    /// Asks for stamps; `None` where a socket has none, such as a socket file.
    pub fn ask(socket: &impl AsFd) -> Option<Self> {
        setsockopt(&socket.as_fd(), sockopt::ReceiveTimestampns, &true).ok()?;
        Some(Self {
            room: cmsg_space!(TimeSpec),
            latest: None,
        })
    }

    /// By the wall clock, when the latest bytes that were received had come; a close has no stamp.
    pub const fn latest(&self) -> Option<Nanos> {
        self.latest
    }

    /// Receives bytes with their stamp.
    ///
    /// # Errors
    /// As `recvmsg` has them.
    pub fn receive(
        &mut self,
        socket: BorrowedFd<'_>,
        buffer: &mut [u8],
    ) -> rustix::io::Result<usize> {
        let mut parts = [IoSliceMut::new(buffer)];
        let got = recvmsg::<()>(
            socket.as_raw_fd(),
            &mut parts,
            Some(&mut self.room),
            MsgFlags::empty(),
        )
        .map_err(|error| Errno::from_raw_os_error(error as i32))?;
        self.latest = match got.cmsgs().ok().and_then(|mut messages| messages.next()) {
            Some(ControlMessageOwned::ScmTimestampns(at)) => nanos(at),
            _ => None,
        };
        Ok(got.bytes)
    }
}

fn nanos(at: TimeSpec) -> Option<Nanos> {
    let seconds = u64::try_from(at.tv_sec()).ok()?;
    let rest = u64::try_from(at.tv_nsec()).ok()?;
    Some(Nanos(
        seconds.checked_mul(Nanos::SECOND.0)?.checked_add(rest)?,
    ))
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::clock::wall;

    #[test]
    fn bytes_are_stamped_when_they_come_and_not_when_they_are_read() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let mut near = TcpStream::connect(listener.local_addr().expect("bound")).expect("open");
        let (far, _) = listener.accept().expect("a connection");
        let mut stamps = Stamps::ask(&far).expect("TCP has stamps");
        let mut buffer = [0; 16];
        // The kernel begins to stamp a moment after it was asked; until then there is no stamp.
        let (before, at, after) = (0..10_000)
            .find_map(|_| {
                let before = wall();
                near.write_all(b"hello").expect("sent");
                let after = wall();
                let n = stamps
                    .receive(far.as_fd(), &mut buffer)
                    .expect("it is there");
                assert_eq!(&buffer[..n], b"hello");
                stamps.latest().map(|at| (before, at, after))
            })
            .expect("stamped in the end");
        // Loopback delivers within the call that sends.
        assert!(before <= at && at <= after, "{before} {at} {after}");
    }

    #[test]
    fn a_socket_file_has_no_stamps() {
        let (mut near, far) = UnixStream::pair().expect("a pair");
        near.write_all(b"hello").expect("sent");
        if let Some(mut stamps) = Stamps::ask(&far) {
            let n = stamps.receive(far.as_fd(), &mut [0; 16]).expect("read");
            assert_eq!((n, stamps.latest()), (5, None));
        }
    }
}
