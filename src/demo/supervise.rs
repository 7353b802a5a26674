//! A supervisor for a target that crashes: it starts the serving process again and again.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{self, Command, ExitStatus};
use std::thread;
use std::time::Instant;

use rustix::net::{
    AddressFamily, SocketFlags, SocketType, bind, getsockname, socket_with, sockopt,
};

use super::{Ailment, Options, place};
use crate::units::Nanos;

/// Exit status of a crash.
pub const CRASHED: i32 = 1;

/// How long it stays down at full strength.
const DOWN: f64 = 1.0;

/// Keeps the target up until it ends otherwise than by a crash; gives how it ended.
///
/// `program` is this program, which is also its own guard: the process does not outlive the calling
/// thread. `arguments` says how it serves, on a port and from a point of the time line on.
///
/// # Errors
/// When the port cannot be had, or the process cannot be started.
pub fn supervise(
    options: &Options,
    program: &Path,
    arguments: &dyn Fn(u16, Nanos) -> Vec<OsString>,
) -> io::Result<ExitStatus> {
    let reserved = reserve(options.port)?;
    let crash = options
        .injected
        .iter()
        .find(|i| i.ailment == Ailment::CrashLoop);
    let (at, down) = crash.map_or((Nanos::ZERO, Nanos::ZERO), |c| {
        (c.span.at, Nanos::from_secs_f64(DOWN * c.strength))
    });
    let mut began: Option<Instant> = None;
    loop {
        let elapsed = began.map_or(Nanos::ZERO, |began| {
            at + Nanos::from_secs_f64(began.elapsed().as_secs_f64())
        });
        let status = Command::new(program)
            .arg("guard")
            .arg(process::id().to_string())
            .arg("--")
            .arg(program)
            .args(arguments(reserved.port, elapsed))
            .status()?;
        if status.code() != Some(CRASHED) {
            return Ok(status);
        }
        began.get_or_insert_with(Instant::now);
        thread::sleep(down.into());
    }
}

/// A port that nobody else is given while the process is down: connections are refused, and none
/// can begin there either.
#[derive(Debug)]
struct Reserved {
    port: u16,
    _socket: OwnedFd,
}

fn reserve(port: u16) -> io::Result<Reserved> {
    let socket = socket_with(
        AddressFamily::INET,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    // Both this socket and the one that listens ask for it; then they may share the port.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &place::local(port))?;
    let bound = SocketAddr::try_from(getsockname(&socket)?)?;
    Ok(Reserved {
        port: bound.port(),
        _socket: socket,
    })
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_reserved_port_refuses_until_somebody_listens_there() {
        let reserved = reserve(0).unwrap();
        let address = (Ipv4Addr::LOCALHOST, reserved.port);
        let refused = TcpStream::connect(address).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        let listener = TcpListener::bind(address).unwrap();
        assert!(TcpStream::connect(address).is_ok());
        drop(listener);
        assert!(TcpListener::bind(address).is_ok(), "again");
    }
}
