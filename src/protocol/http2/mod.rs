//! HTTP/2 for the load engine: the `h2` crate, driven by hand from a readiness loop.
//!
//! There is no runtime: h2 reads from and writes to memory ([`pipe`]), the carrier moves bytes
//! between that memory and its transport, and wakers are bits in a few words ([`bells`]), so that
//! only exchanges that something happened to are looked at.
//!
//! A connection is established when the settings of the other side have come. Exchanges beyond what
//! these allow wait inside, with no byte counted as sent. Where a target sends without end, h2's own
//! limits and ours ([`chatter`]) end the connection.

mod bells;
mod carrier;
mod chatter;
mod exchange;
mod frames;
mod pipe;
mod wire;

pub use carrier::{Http2, Http2Setup};
pub use wire::Http2Wire;
