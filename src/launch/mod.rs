//! Starting the target for one round, and ending it with everything it started.
//!
//! The target leads a process group of its own. However a round ends, the whole group is gone
//! afterwards: asked first, killed after a grace period, and killed by the kernel when Plimsoll
//! itself is killed.

mod error;
mod guard;
mod output;
mod process;

pub use error::LaunchError;
pub use guard::{CANNOT_EXECUTE, NOT_FOUND, exec_guarded};
pub use process::{Launched, free_port};
