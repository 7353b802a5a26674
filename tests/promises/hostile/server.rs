//! A server of raw sockets: a thread for each connection, which does what it likes.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::set_socket_reuseaddr;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with};

/// What a healthy endpoint answers.
pub(super) const HEALTHY: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n";

/// Anything that bytes go over.
pub(super) trait Line: Read + Write {}
impl<T: Read + Write> Line for T {}

/// What all connections of one server share.
#[derive(Debug, Default)]
pub(super) struct Floor {
    ended: AtomicBool,
    /// Connections that send without end at the moment.
    floods: AtomicUsize,
    /// Connections accepted so far.
    accepted: AtomicUsize,
    /// Requests that came on a connection after it had broken its framing.
    poisoned: AtomicUsize,
    /// How long a healthy endpoint takes, in microseconds.
    service: AtomicUsize,
}

impl Floor {
    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    pub(super) fn poisoned(&self) -> usize {
        self.poisoned.load(Ordering::SeqCst)
    }

    pub(super) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// The number of a connection that was accepted, from 0.
    pub(super) fn number(&self) -> usize {
        self.accepted.fetch_add(1, Ordering::SeqCst)
    }

    pub(super) fn set_service(&self, service: Duration) {
        let micros = usize::try_from(service.as_micros()).expect("short");
        self.service.store(micros, Ordering::Relaxed);
    }

    /// As long as a healthy endpoint takes.
    pub(super) fn serve(&self) {
        let micros = self.service.load(Ordering::Relaxed) as u64;
        if micros > 0 {
            thread::sleep(Duration::from_micros(micros));
        }
    }

    /// Writes the same piece until the other side has had enough: alone as fast as it is taken, with
    /// others so that all together leave the machine to those who read.
    pub(super) fn flood(&self, line: &mut dyn Line, piece: &[u8]) -> io::Result<()> {
        self.flood_with(|| line.write_all(piece))
    }

    /// The same, of anything.
    pub(super) fn flood_with(&self, mut send: impl FnMut() -> io::Result<()>) -> io::Result<()> {
        // Whoever serves healthy requests, or reads all this, goes first where cores are few: what is
        // measured of them is the program's.
        let _ = rustix::process::nice(19);
        self.floods.fetch_add(1, Ordering::SeqCst);
        let ended = loop {
            if self.has_ended() {
                break Ok(());
            }
            if let Err(error) = send() {
                break Err(error);
            }
            let others = self.floods.load(Ordering::SeqCst).saturating_sub(1) as u64;
            if others > 0 {
                thread::sleep(Duration::from_micros(400 * others));
            }
        };
        self.floods.fetch_sub(1, Ordering::SeqCst);
        ended
    }

    /// Goes on listening to a connection whose framing is broken: nothing more may come on it.
    pub(super) fn expect_nothing(&self, line: &mut dyn Line) -> io::Result<()> {
        if read_head(line)?.is_some() {
            self.poisoned.fetch_add(1, Ordering::SeqCst);
        }
        Ok(())
    }
}

/// A server that is at work until it is dropped.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) floor: Arc<Floor>,
}

impl Server {
    /// Every connection gets a thread that does this with it; `number` counts them.
    pub(super) fn start(
        serve: impl Fn(TcpStream, usize, &Floor) -> io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = listen_at((Ipv4Addr::LOCALHOST, 0).into(), 4096).expect("a port");
        let address = listener.local_addr().expect("bound");
        let serve = Arc::new(serve);
        Self::by(address, move |floor| {
            for stream in listener.incoming().flatten() {
                if floor.has_ended() {
                    return;
                }
                let serve = Arc::clone(&serve);
                attend(stream, floor, move |s, n, f| serve(s, n, f));
            }
        })
    }

    /// A server with a door of its own: `keep` accepts connections as it likes.
    pub(super) fn by(address: SocketAddr, keep: impl FnOnce(&Arc<Floor>) + Send + 'static) -> Self {
        let floor = Arc::new(Floor::default());
        let inside = Arc::clone(&floor);
        thread::spawn(move || keep(&inside));
        Self { address, floor }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.floor.ended.store(true, Ordering::Relaxed);
        // Whoever waits for a connection gets a last one.
        drop(TcpStream::connect_timeout(
            &self.address,
            Duration::from_millis(100),
        ));
    }
}

/// Serves a connection on a thread of its own.
pub(super) fn attend(
    stream: TcpStream,
    floor: &Arc<Floor>,
    serve: impl FnOnce(TcpStream, usize, &Floor) -> io::Result<()> + Send + 'static,
) {
    let floor = Arc::clone(floor);
    let number = floor.number();
    // A client that goes away, or a machine without another thread, ends a connection.
    drop(
        thread::Builder::new()
            .stack_size(512 * 1024)
            .spawn(move || {
                drop(stream.set_nodelay(true));
                drop(serve(stream, number, &floor));
            }),
    );
}

/// A socket that listens at an address, with room for so many whom nobody has accepted yet.
pub(super) fn listen_at(address: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    // Not for the programs that are started meanwhile, which would keep it open.
    let socket = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &address)?;
    listen(&socket, backlog)?;
    Ok(socket.into())
}

/// The head of the next request, without its end; None when the other side has closed.
pub(super) fn read_head(line: &mut (impl Read + ?Sized)) -> io::Result<Option<Vec<u8>>> {
    let mut seen = Vec::new();
    let mut buffer = [0; 1024];
    while !seen.ends_with(b"\r\n\r\n") {
        match line.read(&mut buffer)? {
            0 => return Ok(None),
            n => seen.extend_from_slice(&buffer[..n]),
        }
    }
    Ok(Some(seen))
}

/// What a request to the path of the hostile step looks like.
pub(super) fn is_hostile(head: &[u8]) -> bool {
    head.windows(8).any(|w| w == b"/hostile")
}

/// Answers requests until the client has gone: those for the hostile path by `hostile`, which may
/// leave the connection to be served on.
pub(super) fn serve_paths(
    line: &mut dyn Line,
    floor: &Floor,
    hostile: impl Fn(&mut dyn Line, &Floor) -> io::Result<()>,
) -> io::Result<()> {
    while let Some(head) = read_head(line)? {
        if is_hostile(&head) {
            hostile(line, floor)?;
        } else {
            floor.serve();
            line.write_all(HEALTHY)?;
        }
        line.flush()?;
    }
    Ok(())
}

/// Answers requests well until the client has gone.
pub(super) fn serve_well(line: &mut dyn Line, floor: &Floor) -> io::Result<()> {
    serve_paths(line, floor, |line, _| line.write_all(HEALTHY))
}

/// Waits until the client has gone.
pub(super) fn until_gone(line: &mut dyn Line) -> io::Result<()> {
    let mut buffer = [0; 4096];
    while line.read(&mut buffer)? > 0 {}
    Ok(())
}

/// Closes a connection so that the other side is told of no regular end.
pub(super) fn reset(stream: TcpStream) -> io::Result<()> {
    rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO))?;
    drop(stream);
    Ok(())
}

/// Says that nothing more will be sent, and goes on listening.
pub(super) fn half_close(mut stream: TcpStream) -> io::Result<()> {
    stream.shutdown(Shutdown::Write)?;
    until_gone(&mut stream)
}
