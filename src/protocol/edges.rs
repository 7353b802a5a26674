//! Waiting for one socket, for those who may wait.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{Timespec, epoll};
use rustix::io::Errno;

use super::carrier::Readiness;

/// Changes of readiness of one socket, each told once, as the engine sees them.
#[derive(Debug)]
pub(super) struct Edges(OwnedFd);

impl Edges {
    pub(super) fn of(socket: impl AsFd) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let flags = epoll::EventFlags::IN
            | epoll::EventFlags::OUT
            | epoll::EventFlags::RDHUP
            | epoll::EventFlags::ET;
        epoll::add(&epoll, socket, epoll::EventData::new_u64(0), flags)?;
        Ok(Self(epoll))
    }

    /// Waits for the next change; None when there is none within `patience`.
    pub(super) fn within(&self, patience: Duration) -> io::Result<Option<Readiness>> {
        let mut events = [epoll::Event {
            flags: epoll::EventFlags::empty(),
            data: epoll::EventData::new_u64(0),
        }];
        let patience = Timespec {
            tv_sec: i64::try_from(patience.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: patience.subsec_nanos().into(),
        };
        match epoll::wait(&self.0, &mut events[..], Some(&patience)) {
            Ok(0) => return Ok(None),
            // Nothing is known; whoever waits looks again.
            Err(Errno::INTR) => return Ok(Some(Readiness::default())),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let flags = events[0].flags;
        let broken = epoll::EventFlags::HUP | epoll::EventFlags::ERR | epoll::EventFlags::RDHUP;
        Ok(Some(Readiness {
            readable: flags.contains(epoll::EventFlags::IN),
            writable: flags.contains(epoll::EventFlags::OUT),
            closing: flags.intersects(broken),
        }))
    }
}
