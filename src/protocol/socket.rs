//! Opening a socket without waiting for it.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use rustix::io::Errno;
use rustix::net::sockopt::{set_tcp_nodelay, socket_error};
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, connect, getpeername, socket_with,
};

use crate::model::ErrorClass;

/// Where a connection goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    Tcp(SocketAddr),
    /// A socket file.
    Unix(PathBuf),
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// How connections to an endpoint are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dial {
    pub endpoint: Endpoint,
    /// Local address to connect from.
    pub source: Option<IpAddr>,
    /// `TCP_NODELAY`.
    pub nodelay: bool,
}

impl Dial {
    /// To a TCP address, everything else as it is when nothing is said.
    pub const fn to(address: SocketAddr) -> Self {
        Self {
            endpoint: Endpoint::Tcp(address),
            source: None,
            nodelay: true,
        }
    }

    /// Begins to connect; the socket is writable once it is connected, or has failed.
    ///
    /// # Errors
    /// The class under which the connection has failed.
    pub fn open(&self) -> Result<OwnedFd, ErrorClass> {
        self.begin().map_err(class_of_connect)
    }

    fn begin(&self) -> rustix::io::Result<OwnedFd> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let (socket, connecting) = match &self.endpoint {
            Endpoint::Unix(path) => {
                let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
                let connecting = connect(&socket, &SocketAddrUnix::new(path.as_path())?);
                (socket, connecting)
            }
            Endpoint::Tcp(address) => {
                let family = match address {
                    SocketAddr::V4(_) => AddressFamily::INET,
                    SocketAddr::V6(_) => AddressFamily::INET6,
                };
                let socket = socket_with(family, SocketType::STREAM, flags, None)?;
                if self.nodelay {
                    set_tcp_nodelay(&socket, true)?;
                }
                if let Some(source) = self.source {
                    bind(&socket, &SocketAddr::new(source, 0))?;
                }
                let connecting = connect(&socket, address);
                (socket, connecting)
            }
        };
        match connecting {
            Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
            Err(error) => Err(error),
        }
    }
}

/// Looks whether a socket that is being connected is connected.
///
/// # Errors
/// The class under which the connection has failed.
pub fn is_connected(socket: impl AsFd) -> Result<bool, ErrorClass> {
    if let Err(error) = socket_error(&socket).and_then(|outcome| outcome) {
        return Err(class_of_connect(error));
    }
    match getpeername(&socket) {
        Ok(_) => Ok(true),
        Err(Errno::NOTCONN) => Ok(false),
        Err(error) => Err(class_of_connect(error)),
    }
}

/// The class of a connection that could not be opened.
fn class_of_connect(error: Errno) -> ErrorClass {
    match error {
        Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM => {
            ErrorClass::GeneratorDescriptors
        }
        Errno::ADDRNOTAVAIL | Errno::ADDRINUSE => ErrorClass::GeneratorPorts,
        Errno::TIMEDOUT => ErrorClass::TimeoutConnect,
        Errno::CONNRESET | Errno::PIPE | Errno::CONNABORTED => ErrorClass::Reset,
        // Unreachable hosts and networks too: nothing there takes connections. A Unix socket whose
        // backlog is full says AGAIN.
        _ => ErrorClass::Refused,
    }
}
