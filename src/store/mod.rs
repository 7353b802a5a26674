//! What is kept on disk: runs under `reports/`, accepted rounds under `baselines/`.
//!
//! Nothing that was acknowledged is lost when the process is killed, and nothing that was damaged is
//! taken for a number: every byte that is read back is covered by a checksum, and each refusal names
//! the file and the place. [`write_whole`] is the only way a whole file is written.

pub mod bundles;
mod committed;
mod delay;
mod error;
pub mod index;
pub mod instrument;
pub mod ledger;
pub mod levels;
mod lock;

mod plausible;
pub mod runs;
#[cfg(test)]
mod sample;
mod sealed;
pub mod space;
mod whole;

pub use committed::{Committed, Kind as CommittedKind, Listed};
pub use delay::disk_delay;
pub use error::StoreError;
pub use ledger::{Expect, Ledger, Saved};

pub use whole::{write_below, write_whole};
