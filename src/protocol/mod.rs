//! Bytes on the wire: requests rendered once, answers parsed just enough.
//!
//! Nothing here opens a connection but [`probe`]; the engine moves the bytes.

mod carrier;
mod chunked;
mod expect;
mod head;
mod http2;
mod probe;
mod request;
mod response;
#[cfg(test)]
mod tests;
mod tls;

pub use carrier::{Carrier, Happening, Look, Moved, Read, Readiness, Transport};
pub use expect::check;
pub use head::ProtocolError;
pub use http2::{Http2, Http2Setup, Http2Wire};
pub use probe::probe;
pub use request::render;
pub use response::{Answer, Progress, ResponseParser};
pub use tls::{TlsPart, TlsSetup, TlsSetupError, TlsTransport};
