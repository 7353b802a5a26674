//! The texts of `/proc` and `/sys`, as documented in proc(5) and the kernel's own documentation.
//!
//! Nothing here opens a file, and no text makes it panic: what is cut off or unknown is no number.

pub(super) mod cgroup;
pub(super) mod cpus;
pub(super) mod machine;
pub(super) mod process;
pub(super) mod sockets;
