//! The death of the watch, passed on: a small process that becomes the target.
//!
//! Whoever kills the process that watches the target leaves nobody to end it, but for the kernel: it
//! signals a child whose parent dies, if the child asked for that. Asking between fork and exec from
//! Rust needs `unsafe`, and so does setting limits there. So Plimsoll starts itself with a hidden
//! verb, asks as an ordinary program, and becomes the target.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::{CommandExt, parent_id};
use std::process::Command;

use rustix::process::{
    Resource, Rlimit, Signal, getrlimit, set_parent_process_death_signal, setrlimit,
};

use crate::model::ResourceLimits;

/// The hidden verb.
pub(super) const VERB: &str = "guard";

/// Exit status for a program that was not found, as shells use it.
pub const NOT_FOUND: u8 = 127;
/// Exit status for a program that was found and cannot be executed, as shells use it.
pub const CANNOT_EXECUTE: u8 = 126;

/// Becomes the program `argv`, held to `limits` with all it starts, which is killed when `parent`, the process that started this one, dies.
///
/// Returns only when that failed; the caller ends with [`NOT_FOUND`] or [`CANNOT_EXECUTE`], which
/// [`Launched`](super::Launched) understands. Processes the program starts do not inherit the wish.
pub fn exec_guarded(parent: u32, limits: ResourceLimits, argv: &[OsString]) -> io::Error {
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
    for (resource, most) in resources(limits) {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        if let Err(error) = setrlimit(resource, limit) {
            return error.into();
        }
    }
    Command::new(program).args(arguments).exec()
}

/// The arguments with which our own program does something hidden for a child of this process.
pub(super) fn argv(verb: &str, limits: ResourceLimits, target: &[OsString]) -> Vec<OsString> {
    let us = std::process::id().to_string();
    let mut argv: Vec<OsString> = vec![verb.into(), us.into()];
    if let Some(memory) = limits.memory {
        argv.push(format!("--memory={}", memory.0).into());
    }
    if let Some(most) = limits.open_files {
        argv.push(format!("--open-files={most}").into());
    }
    argv.push("--".into());
    argv.extend_from_slice(target);
    argv
}

/// What is limited, by the kernel's names.
fn resources(limits: ResourceLimits) -> impl Iterator<Item = (Resource, u64)> {
    let memory = limits.memory.map(|most| (Resource::Data, most.0));
    let files = limits.open_files.map(|most| (Resource::Nofile, most));
    memory.into_iter().chain(files)
}

/// Why limits cannot be set: nobody may give others more than they have.
pub(super) fn beyond(limits: ResourceLimits) -> Option<String> {
    resources(limits).find_map(|(resource, most)| {
        let own = getrlimit(resource).maximum.filter(|own| *own < most)?;
        let what = if resource == Resource::Nofile {
            "open files"
        } else {
            "bytes of memory"
        };
        Some(format!(
            "{most} {what} are more than the {own} that Plimsoll itself may have"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: ResourceLimits = ResourceLimits {
        memory: None,
        open_files: None,
    };

    #[test]
    fn more_than_our_own_is_refused() {
        let own = getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX - 1);
        let of = |open_files| ResourceLimits {
            open_files: Some(open_files),
            ..NONE
        };
        assert_eq!(beyond(of(own)), None);
        assert_eq!(beyond(of(8)), None);
        if own < u64::MAX - 1 {
            assert!(beyond(of(own + 1)).is_some_and(|why| why.contains("open files")));
        }
    }

    #[test]
    fn an_orphan_does_not_become_the_program() {
        let error = exec_guarded(parent_id() + 1, NONE, &["/bin/true".into()]);
        assert_eq!(error.to_string(), "Plimsoll is gone");
    }

    #[test]
    fn a_program_that_is_not_there_is_an_error() {
        let error = exec_guarded(parent_id(), NONE, &["/nonexistent/plimsoll-test".into()]);
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert_eq!(
            exec_guarded(parent_id(), NONE, &[]).kind(),
            io::ErrorKind::InvalidInput
        );
    }
}
