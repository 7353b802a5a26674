//! Bytes on the wire: requests rendered once, answers parsed just enough.
//!
//! Nothing here opens a connection but [`probe`]; the engine moves the bytes.

mod carrier;
mod chunked;
mod edges;
mod expect;
mod head;
mod http1;
mod http2;
mod plain;
mod poller;
mod probe;
mod request;
mod response;
mod scan;
mod socket;
mod speech;
mod stamps;
#[cfg(test)]
pub(crate) mod tests;
mod tls;

pub use carrier::{Carrier, Happening, Moved, Read, Readiness, Transport};
pub use expect::check;
pub use head::ProtocolError;
pub use http1::Http1;
pub use http2::{Http2, Http2Setup, Http2Wire};
pub use plain::Plain;
pub use poller::Poller;
pub use probe::{Fetched, ProbeError, fetch, negotiate, post, probe, reach};
pub use response::{Answer, Keep, Look, Progress, ResponseParser};
pub use socket::{Dial, Endpoint, is_connected};
pub use speech::Speech;
pub use stamps::Stamping;
pub use tls::{TlsPart, TlsSetup, TlsSetupError, TlsTransport};
