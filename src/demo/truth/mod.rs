//! Targets whose latencies are known in advance, to measure the instrument itself against.
//!
//! A [`Behaviour`] says when a request is answered, and both sides keep to it: the server that is
//! put under load, and the calculation of what an ideal instrument would have seen of it.

mod behaviour;
mod ideal;
mod server;

pub use behaviour::{Behaviour, Slow, Stalls};
pub use ideal::{Bound, Ideal, Offered};
pub use server::serve;
