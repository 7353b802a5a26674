//! The engine against small servers on loopback. Structure is checked, never tight timing: these
//! tests run on machines whose clock hands are stolen half of the time.

mod failures;
mod goodbyes;
mod load;
mod server;
