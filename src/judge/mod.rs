//! What the rounds say: changes against a reference, absolute limits, and how sure both are.
//!
//! Pure: complete rounds and the environment go in, a [`Comparison`](crate::model::Comparison)
//! comes out, the same one every time. The unit of replication is the round, never the request.
//! [`judge()`] orders the work: which metrics are asked for (`asks`), their values (`values`),
//! the evidence for a change (`evidence`), verdicts over the whole family (`verdicts`), absolute
//! limits (`limits`), the step to blame (`steps`), and the conclusion (`conclusion`). [`Searcher`] and [`judge_capacity`]
//! are the same for a search for capacity (`capacity`). Machine and
//! generator are suspects throughout (`hygiene`, `soundness`).

mod asks;
mod capacity;
mod conclusion;
mod evidence;
mod hygiene;
mod judgement;
mod limits;
mod live;
mod order;
mod question;
mod rounds;
mod shares;
mod soundness;
mod steps;
mod stopped;
mod trends;
mod values;
mod verdicts;
mod wording;

#[cfg(test)]
mod builder;
#[cfg(test)]
mod calibration;
#[cfg(test)]
mod tests;

pub use capacity::{
    Asked, CapacityQuestion, Range, Searcher, Seen, capacity, judge_capacity, most_rounds, see,
};
pub use hygiene::contamination;
pub use judgement::{judge, undecided};
pub use live::Live;
pub use order::order;
pub use question::{Environment, LOOKS, Looks, Question};
pub use trends::{level, rounds_that_count, trace, usual_metrics};
pub use values::value;
