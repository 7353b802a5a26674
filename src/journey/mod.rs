//! What a visitor knows and does: values captured, rows given, cookies kept, pauses and retries.
//!
//! Pure: a visit is a function of plan, seed, its number and the answers it got. The load engine and
//! the virtual users both walk journeys by it.

mod reply;

pub use reply::Reply;
