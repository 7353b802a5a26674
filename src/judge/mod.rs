//! What the rounds say: changes against a reference, absolute limits, and how sure both are.
//!
//! Pure: complete rounds and the environment go in, a [`Comparison`](crate::model::Comparison)
//! comes out, the same one every time. The unit of replication is the round, never the request.
//! [`judge()`] orders the work: which metrics are asked for (`asks`), their values (`values`),
//! the evidence for a change (`evidence`; `shares` of counts, `ranks` beside it), verdicts over the
//! whole family (`verdicts`), absolute limits (`limits`), the step to blame (`steps`), and the
//! conclusion (`conclusion`). [`calibrate()`] judges the scatter itself (`noise`, `reliability`),
//! [`Aftermath`] tells how a round came back after its faults (`recovery`),
//! [`admission`] what may enter a baseline (`promotion`). [`Searcher`] and [`judge_capacity`]
//! are the same for a search for capacity (`capacity`). Machine and
//! generator are suspects throughout (`hygiene`, `soundness`).
//!
//! Rounds of which nothing but their values is known ([`Values`](crate::model::Values)) take the same
//! way: a value that was given stands where one would be read from what was measured.

mod asks;
mod by_rank;
mod capacity;
mod conclusion;
mod detector;
mod evidence;
mod foresight;
mod hygiene;
mod judgement;
mod leaks;
mod limits;
mod live;
mod looks;
mod noise;
mod order;
mod promotion;
mod question;
mod ranks;
mod recovery;
mod reliability;
mod rounds;
mod shares;
mod soundness;
mod steps;
mod stopped;
mod suspicion;
mod trends;
mod unevaluated;
mod values;
mod verdicts;
mod wording;

#[cfg(test)]
mod between_sessions;
#[cfg(test)]
mod builder;
#[cfg(test)]
mod calibration;
#[cfg(test)]
mod rule_tests;
#[cfg(test)]
mod tests;

pub use capacity::{
    Asked, CapacityQuestion, Range, Searcher, Seen, capacity, judge_capacity, most_rounds, see,
};
pub use foresight::{Noise, foresee};
pub use hygiene::contamination;
pub use judgement::{judge, undecided};
pub use live::Live;
pub use looks::{LOOKS, Looks, MOST_ROUNDS, looks};
pub use noise::{calibrate, note_floor};
pub use order::{balanced_order, order};
pub use promotion::{Admission, admission, unconfirmed};
pub use question::{Environment, Question, Rule, SESSIONS};
pub use recovery::Aftermath;
pub use suspicion::Suspicion;
pub use trends::{level, rounds_that_count, trace, usual_metrics};
pub use values::value;
