//! A diagnostic bundle: what was read of a target, made fit to be handed on.
//!
//! Pure. A snapshot and what is known of secrets go in, files come out: a page that lists them all, a
//! summary, and the texts themselves. No byte that leaves here holds a secret that is known, in any
//! encoding of [`Redactor`](crate::redaction::Redactor); what cannot be freed of one is left out, and the page says so.

mod assemble;
mod page;
mod secrets;
mod telling;
#[cfg(test)]
mod tests;
mod waiting;

pub use assemble::{File, Occasion, assemble};
pub use secrets::Secrets;
pub use waiting::{Waiting, waiting};
