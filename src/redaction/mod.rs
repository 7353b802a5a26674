//! Secrets taken out of texts, in whatever encoding they stand there.
//!
//! Pure. Whoever knows the secrets makes a [`Redactor`] of them; what it lets through holds none of them,
//! or is nothing at all.

mod decode;
mod redact;

pub use decode::{Decoded, Escape};
pub use redact::{Redacted, Redactor};
