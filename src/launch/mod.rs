//! Starting the target for one round, and ending it with everything it started.
//!
//! The target leads a process group of its own. However a round ends, the whole group is gone
//! afterwards: asked first, killed after a grace period. A process of ours stays beside it and ends
//! everything that descends from it, also when Plimsoll itself is killed.

mod error;
mod guard;
mod output;
mod process;
mod watch;

pub use error::LaunchError;
pub use guard::{CANNOT_EXECUTE, NOT_FOUND, exec_guarded};
pub use process::{Launched, free_port};
pub use watch::{Watched, watch};
