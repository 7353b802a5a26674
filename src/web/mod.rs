//! Pages for a browser on this machine, and for nobody else.
//!
//! Whoever is on the machine, and any page that is open in a browser on it, can reach loopback. So each
//! request is asked, before anything is looked up for it, whether it is meant for us (`Host`), comes from
//! a page of ours or from none (`Origin`, `Sec-Fetch-Site`), and knows the token. It may only read. What
//! a request may take of us is limited in every respect: bytes, fields, time, connections.
//!
//! No path is that of a file: what a path names is decided by whoever gives the pages.

mod gate;
mod server;
#[cfg(test)]
mod tests;

pub use server::{Answer, Asked, Page, serve};
