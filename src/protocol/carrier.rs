//! What the engine asks of a connection, whatever is spoken over it.
//!
//! Nothing here waits: every call does what can be done now and returns. The engine owns readiness,
//! time and books; a carrier owns bytes. A worker knows its carrier at compile time, so nothing is
//! paid for the choice.

use std::fmt::Debug;
use std::os::fd::{AsFd, OwnedFd};

use super::response::{Answer, Look};
use crate::journey::Reply;
use crate::model::ErrorClass;
use crate::scenario::plan::{Request, Template, Url};
use crate::units::Nanos;

/// A socket that moves bytes: in clear text, or under TLS.
pub trait Transport: Sized + Debug + AsFd {
    /// What every connection of a worker shares.
    type Setup: Debug;

    /// True when [`arrived`](Self::arrived) will have something to say of TCP.
    fn is_stamped(setup: &Self::Setup) -> bool;

    /// Takes a socket that is being connected.
    ///
    /// # Errors
    /// When no session can be made for it.
    fn new(socket: OwnedFd, setup: &Self::Setup) -> Result<Self, ErrorClass>;

    /// Goes on with the handshake of a socket that is connected; true when it is done.
    ///
    /// # Errors
    /// The class under which the connection has failed.
    fn handshake(&mut self) -> Result<bool, ErrorClass>;

    /// Reads what has come.
    ///
    /// # Errors
    /// The class under which the connection has failed.
    fn read(&mut self, buffer: &mut [u8]) -> Result<Read, ErrorClass>;

    /// Writes what the socket takes, and returns how much; the rest is offered again when the
    /// socket is writable. Also sends what earlier calls have left inside.
    ///
    /// # Errors
    /// The class under which the connection has failed.
    fn write(&mut self, bytes: &[u8]) -> Result<usize, ErrorClass>;

    /// True when bytes that were written wait inside for the socket.
    fn has_unsent(&self) -> bool;

    /// By the wall clock, when the latest bytes that were read had come; `None`: nobody noted it.
    fn arrived(&self) -> Option<Nanos>;
}

/// What reading has led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read {
    /// So many bytes. `more`: others may be there already, and no event will tell.
    Bytes {
        n: usize,
        more: bool,
    },
    Waiting,
    /// The other side has closed.
    Closed,
}

/// A connection of some version of HTTP, with room for some exchanges at once.
///
/// Exchanges are told apart by their stream, a number below [`streams`](Self::streams).
pub trait Carrier: Sized + Debug + AsFd {
    /// What every connection of a worker shares.
    type Setup: Debug;
    /// A request, ready to be sent as often as wanted.
    type Wire: Debug;

    /// Makes a request ready. `fill` writes a template out; `cookie` is the value of a cookie
    /// header to add, empty for none.
    fn wire(
        request: &Request,
        url: &Url,
        cookie: &[u8],
        gzip: bool,
        fill: &mut dyn FnMut(&Template, &mut Vec<u8>),
    ) -> Self::Wire;

    /// True when connections know when their answers came.
    fn is_stamped(setup: &Self::Setup) -> bool;

    /// Exchanges that one connection carries at once.
    fn streams(setup: &Self::Setup) -> usize;

    /// Takes a socket that is being connected.
    ///
    /// # Errors
    /// The class under which the connection has failed.
    fn new(socket: OwnedFd, setup: &Self::Setup) -> Result<Self, ErrorClass>;

    /// Goes on with the handshakes of a socket that is connected; true when requests may be sent.
    ///
    /// # Errors
    /// The class under which the connection has failed.
    fn establish(&mut self) -> Result<bool, ErrorClass>;

    /// Begins an exchange on a free stream: writes of it what the socket takes. False when the
    /// connection takes no further exchange, though those under way go on: nothing was begun.
    ///
    /// # Errors
    /// The class under which the connection has failed, with all its exchanges.
    fn begin(&mut self, stream: usize, wire: &Self::Wire, look: Look) -> Result<bool, ErrorClass>;

    /// Moves bytes both ways after an event, and tells what has become of which exchange. Reads so
    /// much at most that others have their turn, however fast the other side sends.
    ///
    /// # Errors
    /// The class under which the connection is over, with all exchanges that are not told of.
    fn advance(
        &mut self,
        event: Readiness,
        scratch: &mut [u8],
        told: &mut Vec<(usize, Happening)>,
    ) -> Result<(), ErrorClass>;

    /// True when bytes may be left of which no event will tell: then its turn comes again without one.
    fn is_behind(&self) -> bool;

    /// Gives up an exchange; false when the whole connection has to go.
    fn cancel(&mut self, stream: usize) -> bool;

    /// True when a connection without exchanges may carry another one.
    fn is_usable(&mut self) -> bool;

    /// Bytes written of the latest exchange of a stream, and received for it.
    fn moved(&self, stream: usize) -> Moved;

    /// The latest answer of a stream, as far as the step's look wanted it kept.
    fn reply(&self, stream: usize) -> Reply<'_>;
}

/// What an event says of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Readiness {
    pub readable: bool,
    pub writable: bool,
    /// The other side has closed or the connection broke, so no other event will come.
    pub closing: bool,
}

/// What has become of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Happening {
    /// The rest of a request is written, which the socket had not taken at once.
    Written,
    /// The first bytes of the answer came, not the last: at this time by the wall clock, if the
    /// kernel has stamped them.
    Begun(Option<Nanos>),
    Answered(Answer),
    Failed(ErrorClass),
    /// It has failed, and the other side has said that it did nothing about the request: to send it
    /// once more does nothing twice.
    Untouched(ErrorClass),
}

/// Bytes of one exchange, and when the last of them came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moved {
    pub out: u64,
    pub in_: u64,
    /// True when the whole request was handed to the socket.
    pub all_out: bool,
    /// By the wall clock, when the last bytes of the answer came, if the kernel has stamped them.
    pub arrived: Option<Nanos>,
}
