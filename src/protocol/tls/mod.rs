//! TLS for the load engine: rustls between our socket and whoever speaks over it.
//!
//! The cryptography is chosen here by name, never taken from the process, in which another library
//! may have settled on another one. Sessions are resumed, nothing is sent before the handshake is
//! done.

mod setup;
mod transport;

pub use setup::{TlsPart, TlsSetup, TlsSetupError};
pub use transport::TlsTransport;
