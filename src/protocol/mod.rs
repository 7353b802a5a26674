//! Bytes on the wire: requests rendered once, answers parsed just enough.
//!
//! Nothing here opens a connection but [`probe`]; the engine moves the bytes.

mod carrier;
mod chunked;
mod expect;
mod head;
mod probe;
mod request;
mod response;
mod scan;

pub use carrier::{Carrier, Happening, Look, Moved, Read, Readiness, Transport};
pub use expect::check;
pub use head::ProtocolError;
pub use probe::probe;
pub use request::render;
pub use response::{Answer, Progress, ResponseParser};
