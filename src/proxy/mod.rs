//! The fault proxy: stands between the load and the target, and disturbs what passes as the plan says.
//!
//! It carries TCP, so whatever is spoken over it passes: HTTP/1.1, HTTP/2, TLS. One thread, woken to the
//! nanosecond, moves the bytes of all connections; its CPU is this process's own. What a fault does to a
//! piece of an answer is decided by pure functions of time and seed (`weather`); a piece leaves when its
//! time has come and never overtakes another one of its connection (`lane`). What is delayed is the way
//! to the client, so that an exchange meets a latency once. While no fault is on, bytes leave as they
//! come.

mod lane;
mod link;
mod server;
mod weather;

pub use server::{Proxy, ProxyError, Setting};
