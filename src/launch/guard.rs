//! The death of Plimsoll, passed on: a small process that becomes the target.
//!
//! A process that is killed with SIGKILL cannot clean up behind itself. The kernel can: it signals a
//! child whose parent dies, if the child asked for that. Asking between fork and exec from Rust needs
//! `unsafe`, so Plimsoll starts itself with a hidden verb, asks as an ordinary program, and becomes
//! the target.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::{CommandExt, parent_id};
use std::process::Command;

use rustix::process::{Signal, set_parent_process_death_signal};

/// Exit status for a program that was not found, as shells use it.
pub const NOT_FOUND: u8 = 127;
/// Exit status for a program that was found and cannot be executed, as shells use it.
pub const CANNOT_EXECUTE: u8 = 126;

/// Becomes the program `argv`, which is killed when `parent`, the process that started this one, dies.
///
/// Returns only when that failed; the caller ends with [`NOT_FOUND`] or [`CANNOT_EXECUTE`], which
/// [`Launched`](super::Launched) understands. Processes the program starts do not inherit the wish.
pub fn exec_guarded(parent: u32, argv: &[OsString]) -> io::Error {
    let Some((program, arguments)) = argv.split_first() else {
        return io::ErrorKind::InvalidInput.into();
    };
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return error.into();
    }
    // A parent that died before the wish was heard has left this process to another one; only the
    // parent itself could say its id for sure.
    if parent_id() != parent {
        return io::Error::other("Plimsoll is gone");
    }
    Command::new(program).args(arguments).exec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_orphan_does_not_become_the_program() {
        let error = exec_guarded(parent_id() + 1, &["/bin/true".into()]);
        assert_eq!(error.to_string(), "Plimsoll is gone");
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        let error = exec_guarded(parent_id(), &["/nonexistent/plimsoll-test".into()]);
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(
            exec_guarded(parent_id(), &[]).kind(),
            io::ErrorKind::InvalidInput
        );
    }
}
