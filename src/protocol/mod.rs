//! Bytes on the wire: requests rendered once, answers parsed just enough.
//!
//! Nothing here opens a connection but [`probe`]; the engine moves the bytes.

mod carrier;
mod chunked;
mod expect;
mod head;
mod http1;
mod plain;
mod probe;
mod request;
mod response;
mod scan;
mod socket;

pub use carrier::{Carrier, Happening, Moved, Read, Readiness, Transport};
pub use expect::check;
pub use head::ProtocolError;
pub use http1::Http1;
pub use plain::Plain;
pub use probe::probe;
pub use response::{Answer, Look, Progress, ResponseParser};
pub use socket::{Dial, Endpoint, is_connected};
