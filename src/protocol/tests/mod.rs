//! Carriers and transports against real sockets on the loopback.

mod authority;
mod driver;
mod http2;
mod http2_frames;
mod tls;
