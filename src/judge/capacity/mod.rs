//! How much can it take? The search for the highest rate that holds, and what is concluded from it.
//!
//! Pure: `see` says what one round shows about its level, the [`Searcher`] says which level comes
//! next and when it is enough, `knee` estimates the rate at which half of the rounds hold, `summary`
//! puts the levels together, and `verdict` judges the knee against limits and a reference.
//!
//! The unit of replication is the round here too: a level holds when most of its rounds hold, and
//! the knee is estimated from all rounds of all levels. Requests of different levels are never one
//! population.

mod knee;
mod search;
mod see;
mod summary;
mod verdict;

#[cfg(test)]
mod simulation;

pub use search::{Range, Searcher, most_rounds};
pub use see::{Asked, Seen, see};
pub use summary::capacity;
pub use verdict::{CapacityQuestion, judge_capacity};
