//! Virtual users: visitors of a `users` phase, each with connections, cookies and pauses of its own.
//!
//! goose launches them and gives each a client; what a user does and how long it takes is ours:
//! journeys are walked by [`journey`](crate::journey), every request is timed here from just before
//! it is sent to its last byte, and none of goose's own numbers is read. The model is closed: a user
//! that waits for an answer asks for nothing else, so the intended start of a request is its actual
//! one.
//!
//! Bytes are those of head and body as HTTP/1.1 writes them; the client does not tell more. It also
//! reads a path as a URL, so `/a/../b` is sent as `/b`.

mod order;

#[cfg(feature = "users")]
mod books;
#[cfg(feature = "users")]
mod caller;
#[cfg(feature = "users")]
mod class;
#[cfg(feature = "users")]
mod curfew;
#[cfg(feature = "users")]
mod phase;
#[cfg(feature = "users")]
mod round;
#[cfg(feature = "users")]
mod run;
#[cfg(all(test, feature = "users"))]
mod tests;
#[cfg(feature = "users")]
mod user;

#[cfg(not(feature = "users"))]
mod absent;

#[cfg(not(feature = "users"))]
pub use absent::{keep_interrupts, run};
pub use order::{Order, UsersError, are_in};
#[cfg(feature = "users")]
pub use run::{keep_interrupts, run};
