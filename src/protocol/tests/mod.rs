//! Carriers and transports against real sockets on the loopback.

pub(crate) mod authority;
mod driver;
mod http2;
pub(crate) mod http2_frames;
mod tls;
