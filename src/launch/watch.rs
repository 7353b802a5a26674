//! Stays beside the target for a round, and ends it with everything it started when Plimsoll is gone.
//!
//! A process that is killed with SIGKILL cannot clean up behind itself, and the kernel's signal at the
//! death of a parent reaches one child and none of its children. So Plimsoll starts itself with a
//! hidden verb; that process starts the target and sleeps. It is the *subreaper* of whatever the
//! target starts: processes whose parents end become its children, so everything that descends from
//! the target is found from here, whichever group or session it has moved to.
//!
//! It holds a pidfd of Plimsoll and the reading end of a pipe whose other end Plimsoll holds. Either
//! tells when the round is over or Plimsoll is dead; then whoever is left is killed. What it knows of
//! the target it writes to its standard output, a [`Tale`] a line.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, parent_id};
use std::path::Path;
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitIdStatus, WaitOptions, kill_process,
    pidfd_open, set_child_subreaper, waitid, waitpid,
};
use signal_hook::consts::SIGCHLD;

use super::guard;
use crate::model::ResourceLimits;
use crate::mutant::{self, Mutant};

/// Longest time in which those who are killed must be gone.
const GONE: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(2);

/// The hidden verb.
pub(super) const VERB: &str = "watch";

/// What is told of the target, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tale {
    /// It has this process id, which is also its group's.
    Started(u32),
    /// It ended, with a status as `wait` gives it.
    Exited(i32),
    /// It ended, and nobody that it started is left.
    Alone,
}

impl std::fmt::Display for Tale {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Started(pid) => write!(f, "started {pid}"),
            Self::Exited(status) => write!(f, "exited {status}"),
            Self::Alone => f.write_str("alone"),
        }
    }
}

impl FromStr for Tale {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        match line.split_once(' ') {
            None if line == "alone" => Ok(Self::Alone),
            Some(("started", pid)) => pid.parse().map(Self::Started).map_err(drop),
            Some(("exited", status)) => status.parse().map(Self::Exited).map_err(drop),
            _ => Err(()),
        }
    }
}

/// What is watched, and for whom.
#[derive(Debug)]
pub struct Watched<'a, W> {
    /// The process that started this one.
    pub parent: u32,
    /// Our own program, which becomes the target.
    pub executable: &'a Path,
    pub limits: ResourceLimits,
    pub argv: &'a [OsString],
    /// What the target writes to.
    pub output: OwnedFd,
    /// What the parent reads.
    pub tales: W,
}

/// Starts the target and stays until its parent ends the round or dies, which standard input tells.
///
/// # Errors
/// When the kernel does not let it watch, or the target cannot be started.
pub fn watch<W: Write>(watched: Watched<'_, W>) -> io::Result<()> {
    let parent = watched.parent;
    let plimsoll = pid(parent).ok_or(io::ErrorKind::InvalidInput)?;
    let plimsoll = pidfd_open(plimsoll, PidfdFlags::empty())?;
    // A parent that died before has left this process to another one, and its id perhaps to a third.
    if parent_id() != parent {
        return Err(io::Error::other("Plimsoll is gone"));
    }
    set_child_subreaper(Some(rustix::process::getpid()))?;
    let (children, signalled) = UnixStream::pair()?;
    children.set_nonblocking(true)?;
    signal_hook::low_level::pipe::register(SIGCHLD, signalled)?;
    let target = Command::new(watched.executable)
        .args(guard::argv(guard::VERB, watched.limits, watched.argv))
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(watched.output.try_clone()?)
        .stderr(watched.output.try_clone()?)
        .spawn()?;
    let mut watch = Watch {
        target: Pid::from_child(&target),
        told: 0,
        children,
        tales: watched.tales,
    };
    watch.tell(Tale::Started(target.id()));
    watch.until_over(plimsoll.as_fd())?;
    if !mutant::is_on(Mutant::TargetUnwatched) {
        end_everyone();
    }
    Ok(())
}

/// A target that runs, or has run.
struct Watch<W> {
    target: Pid,
    /// Tales told since it started.
    told: u8,
    /// Readable when a child has ended.
    children: UnixStream,
    tales: W,
}

impl<W: Write> Watch<W> {
    /// Sleeps until Plimsoll is gone or has let go of this process.
    fn until_over(&mut self, plimsoll: BorrowedFd<'_>) -> io::Result<()> {
        let lifeline = io::stdin();
        loop {
            let woken = |fd: &PollFd<'_>| !fd.revents().is_empty();
            let mut ready = [
                PollFd::from_borrowed_fd(plimsoll, PollFlags::IN),
                PollFd::from_borrowed_fd(lifeline.as_fd(), PollFlags::IN),
                PollFd::from_borrowed_fd(self.children.as_fd(), PollFlags::IN),
            ];
            match poll(&mut ready, None) {
                Err(rustix::io::Errno::INTR) => continue,
                polled => polled?,
            };
            if woken(&ready[0]) || woken(&ready[1]) {
                return Ok(());
            }
            self.look();
        }
    }

    /// Buries strangers that were left to us, and tells what became of the target.
    ///
    /// The target stays a zombie, which keeps its id, and so its group's, from being given to another.
    fn look(&mut self) {
        let mut drained = [0; 64];
        while (&self.children).read(&mut drained).is_ok_and(|n| n > 0) {}
        let ours = descendants();
        let mut left = 0;
        for pid in ours.into_iter().filter(|pid| *pid != self.target) {
            // Only a child of ours can be waited for.
            let buried = waitpid(Some(pid), WaitOptions::NOHANG).is_ok_and(|it| it.is_some());
            left += usize::from(!buried);
        }
        let Some(status) = ended(self.target) else {
            return;
        };
        if self.told == 0 {
            self.tell(Tale::Exited(status));
            self.told = 1;
        }
        if self.told == 1 && left == 0 {
            self.tell(Tale::Alone);
            self.told = 2;
        }
    }

    fn tell(&mut self, tale: Tale) {
        // Nobody may listen any more: then the lifeline is cut as well.
        let _ = writeln!(self.tales, "{tale}").and_then(|()| self.tales.flush());
    }
}

/// How a child ended, as `wait` gives it; None while it runs.
pub(super) fn ended(child: Pid) -> Option<i32> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let status: WaitIdStatus = waitid(WaitId::Pid(child), options).ok()??;
    let code = status.exit_status().map(|code| code << 8);
    code.or_else(|| status.terminating_signal())
}

/// Kills whoever descends from here, until nobody does or it has taken too long.
fn end_everyone() {
    let begun = Instant::now();
    loop {
        let left = descendants();
        if left.is_empty() || begun.elapsed() > GONE {
            return;
        }
        for pid in left {
            // Some may be gone already, or not be ours to wait for.
            let _ = kill_process(pid, Signal::KILL);
            let _ = waitpid(Some(pid), WaitOptions::NOHANG);
        }
        thread::sleep(POLL);
    }
}

/// Everyone whose ancestor this process is, zombies included.
fn descendants() -> Vec<Pid> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut others: Vec<(u32, u32)> = entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            Some((pid, parent_in(&stat)?))
        })
        .collect();
    let mut found = vec![std::process::id()];
    let mut looked = 0;
    while let Some(parent) = found.get(looked).copied() {
        looked += 1;
        others.retain(|(pid, its_parent)| {
            let is_child = *its_parent == parent;
            if is_child {
                found.push(*pid);
            }
            !is_child
        });
    }
    found.into_iter().skip(1).filter_map(pid).collect()
}

/// The parent in a `/proc/PID/stat`, whose second field may hold anything.
fn parent_in(stat: &str) -> Option<u32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_ascii_whitespace().nth(1)?.parse().ok()
}

pub(super) fn pid(id: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(id).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tale_is_read_as_it_was_told() {
        for tale in [
            Tale::Started(77),
            Tale::Exited(9),
            Tale::Exited(-1),
            Tale::Alone,
        ] {
            assert_eq!(tale.to_string().parse(), Ok(tale));
        }
        for wrong in ["", "started", "started x", "alone 1", "gone"] {
            assert_eq!(wrong.parse::<Tale>(), Err(()), "{wrong}");
        }
    }

    #[test]
    fn a_parent_is_found_behind_any_name() {
        assert_eq!(parent_in("77 (a) b) (c) S 70 77 1"), Some(70));
        assert_eq!(parent_in("77 (sh"), None);
    }

    #[test]
    fn children_of_children_descend_from_here() {
        let mut shell = Command::new("/bin/sh")
            .args(["-c", "sleep 100 & echo $!; wait"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut line = String::new();
        let mut output = io::BufReader::new(shell.stdout.take().expect("piped"));
        io::BufRead::read_line(&mut output, &mut line).expect("an id");
        let grandchild = pid(line.trim().parse().expect("a number")).expect("an id");
        let child = Pid::from_child(&shell);
        let ours = descendants();
        let known = ours.contains(&child) && ours.contains(&grandchild);
        kill_process(grandchild, Signal::KILL).expect("it is there");
        shell.kill().expect("it is there");
        shell.wait().expect("ends");
        assert!(known, "{ours:?}");
    }

    #[test]
    fn who_has_another_parent_is_not_watched() {
        let error = watch(Watched {
            parent: std::process::id(),
            executable: Path::new("/bin/true"),
            limits: ResourceLimits::default(),
            argv: &[],
            output: io::stdin().as_fd().try_clone_to_owned().expect("a file"),
            tales: Vec::new(),
        });
        assert_eq!(error.expect_err("not ours").to_string(), "Plimsoll is gone");
    }
}
