//! One started target: a process group, its output and its end.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

use super::output::Output;
use super::watch::{self, Tale, ended, pid};
use super::{LaunchError, guard};
use crate::scenario::plan;
use crate::untrusted::Untrusted;

/// Time between asking the group to end and killing it.
const GRACE: Duration = Duration::from_secs(2);
/// Longest wait for killed processes to be gone, and for the last words of one that has ended.
const GONE: Duration = Duration::from_secs(1);
/// Longest wait for the watch to have ended whoever was left.
const PATIENCE: Duration = Duration::from_secs(3);
const POLL: Duration = Duration::from_millis(2);

/// A port on 127.0.0.1 that nobody listens on now.
///
/// # Errors
/// When no socket can be bound.
pub fn free_port() -> io::Result<u16> {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(socket.local_addr()?.port())
}

/// A running target; dropped, it is stopped.
#[derive(Debug)]
pub struct Launched {
    program: String,
    /// The process that we started: the target itself, or who watches it.
    child: Child,
    watched: Option<Watched>,
    /// The leader of the target's group.
    target: Pid,
    /// Set when it is over; the ids mean nothing from then on.
    status: Option<ExitStatus>,
    output: Arc<Output>,
}

/// A target that another process of ours watches.
#[derive(Debug)]
struct Watched {
    /// Closed, the target and all that it started are ended.
    lifeline: Option<ChildStdin>,
    told: Arc<Told>,
}

/// What was told of the target.
#[derive(Debug, Default)]
struct Told {
    exited: OnceLock<ExitStatus>,
    alone: AtomicBool,
    /// True when nothing more can be told.
    closed: AtomicBool,
}

impl Launched {
    /// Starts the command with `{port}` replaced, in a process group of its own.
    ///
    /// With `executable`, the path of this program, another process of ours watches the target and ends
    /// it with everything it started, also when we are killed; a command named `plimsoll` is this
    /// program then.
    ///
    /// # Errors
    /// When the program is not there or cannot be started.
    pub fn start(
        command: &plan::Command,
        port: u16,
        executable: Option<&Path>,
    ) -> Result<Self, LaunchError> {
        let argv = argv(command, port, executable);
        let program = command.argv.first().cloned().unwrap_or_default();
        let refusal = match executable {
            Some(_) => guard::beyond(command.limits),
            None if command.limits.is_none() => None,
            None => {
                Some("they are set by Plimsoll's own executable, which is not known".to_owned())
            }
        };
        if let Some(reason) = refusal {
            return Err(LaunchError::Limits { program, reason });
        }
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => LaunchError::NotFound {
                program: program.clone(),
            },
            _ => LaunchError::CannotStart {
                program: program.clone(),
                source,
            },
        };
        let (first, rest) = argv
            .split_first()
            .ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
        let (reader, writer) = io::pipe().map_err(failed)?;
        let mut process = std::process::Command::new(first);
        process
            .args(rest)
            .envs(
                command
                    .env
                    .iter()
                    .map(|(name, value)| (name, told(command, value, port))),
            )
            .process_group(0);
        if executable.is_some() {
            process.stdin(Stdio::piped()).stdout(Stdio::piped());
        } else {
            process
                .stdin(Stdio::null())
                .stdout(writer.try_clone().map_err(failed)?);
        }
        let mut child = process.stderr(writer).spawn().map_err(failed)?;
        // It holds the writing end: with it open the output would never be closed.
        drop(process);
        let output = Arc::new(Output::default());
        let kept = Arc::clone(&output);
        read_along("target-output", move || kept.read_from(reader)).map_err(failed)?;
        let mut target = Pid::from_child(&child);
        let watched = match (child.stdin.take(), child.stdout.take()) {
            (Some(lifeline), Some(tales)) => {
                let begun = Watched::begin(lifeline, tales);
                let (watched, leader) = begun.map_err(|error| {
                    let _ = child.kill();
                    let _ = child.wait();
                    failed(error)
                })?;
                target = leader;
                Some(watched)
            }
            _ => None,
        };
        Ok(Self {
            program,
            child,
            watched,
            target,
            status: None,
            output,
        })
    }

    /// The leader of the target's process group, whose id is the group's.
    pub fn pid(&self) -> u32 {
        self.target.as_raw_nonzero().get().unsigned_abs()
    }

    /// How the leader ended, if it did.
    ///
    /// It stays a zombie until [`stop`](Self::stop), which keeps its id, and so the group's, from
    /// being given to somebody else.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        if self.status.is_some() {
            return self.status;
        }
        let Some(watched) = &self.watched else {
            return ended(self.target).map(ExitStatus::from_raw);
        };
        let told = watched.told.exited.get().copied();
        told.or_else(|| {
            // Whoever ends the watch ends the target, by the signal that it asked the kernel for.
            let closed = watched.told.closed.load(Ordering::Acquire);
            closed.then(|| ExitStatus::from_raw(Signal::KILL.as_raw()))
        })
    }

    /// The same as an error, for a target that should still run.
    pub fn exited_early(&mut self) -> Option<LaunchError> {
        let status = self.exited()?;
        // Its last words may still be in the pipe, on a machine that is busy.
        wait_until(GONE, || self.output.closed());
        let program = self.program.clone();
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        let guarded = self.watched.is_some();
        Some(match code {
            Some(guard::NOT_FOUND) if guarded => LaunchError::NotFound { program },
            Some(guard::CANNOT_EXECUTE) if guarded => LaunchError::CannotStart {
                program,
                source: io::Error::other("it cannot be executed"),
            },
            _ => LaunchError::ExitedEarly {
                status,
                output: self.output_tail(),
            },
        })
    }

    /// The last 8 KiB of standard output and standard error, in the order written.
    pub fn output_tail(&self) -> Untrusted {
        self.output.tail()
    }

    /// The last 64 KiB of the same, from the beginning of a line.
    pub fn recent_output(&self) -> Vec<u8> {
        self.output.recent()
    }

    /// Ends the whole group: SIGTERM, up to two seconds of grace, SIGKILL; and whoever of the
    /// target's has left the group, where it is watched. Does nothing when called again.
    pub fn stop(&mut self) {
        self.stop_within(GRACE);
    }

    /// The same without any grace.
    pub fn kill(&mut self) {
        self.stop_within(Duration::ZERO);
    }

    fn stop_within(&mut self, grace: Duration) {
        if self.status.is_some() {
            return;
        }
        // Each signal may find nobody, which is what it is for.
        let _ = kill_process_group(self.target, Signal::TERM);
        wait_until(grace, || self.is_over());
        let _ = kill_process_group(self.target, Signal::KILL);
        match &mut self.watched {
            None => {
                self.status = self.child.wait().ok().or(Some(ExitStatus::default()));
                // A kill takes a moment. A group that is empty is gone, and so is one whose files are
                // closed, even if its zombies still wait for an init that does not look after them.
                wait_until(GONE, || {
                    self.output.closed() || test_kill_process_group(self.target).is_err()
                });
            }
            Some(_) => self.end_watch(),
        }
    }

    /// Lets the watch end whoever is left, and itself.
    fn end_watch(&mut self) {
        wait_until(GONE, || self.exited().is_some());
        let status = self.exited().unwrap_or_default();
        if let Some(watched) = &mut self.watched {
            watched.lifeline = None;
        }
        // It gives up by itself on whoever cannot be killed, such as one that waits for a dead disk.
        wait_until(PATIENCE, || {
            self.child.try_wait().is_ok_and(|it| it.is_some())
        });
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.status = Some(status);
    }

    /// True when the leader has ended and nobody is left that it started.
    fn is_over(&mut self) -> bool {
        let ended = self.exited().is_some();
        ended
            && match &self.watched {
                // A closed output means that the leader's children, which inherited it, are gone.
                None => self.output.closed(),
                Some(watched) => {
                    watched.told.alone.load(Ordering::Acquire)
                        || watched.told.closed.load(Ordering::Acquire)
                }
            }
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Watched {
    /// Waits until the target is started, and then reads along; returns its leader.
    fn begin(lifeline: ChildStdin, tales: ChildStdout) -> io::Result<(Self, Pid)> {
        let mut lines = BufReader::new(tales).lines();
        let first = lines.next().transpose()?.and_then(|line| line.parse().ok());
        let Some(Tale::Started(id)) = first else {
            return Err(io::Error::other("it could not be watched"));
        };
        let leader = pid(id).ok_or(io::ErrorKind::InvalidData)?;
        let told = Arc::new(Told::default());
        let kept = Arc::clone(&told);
        read_along("target-watch", move || {
            for tale in lines.map_while(Result::ok).filter_map(|l| l.parse().ok()) {
                match tale {
                    Tale::Started(_) => {}
                    Tale::Exited(status) => drop(kept.exited.set(ExitStatus::from_raw(status))),
                    Tale::Alone => kept.alone.store(true, Ordering::Release),
                }
            }
            kept.closed.store(true, Ordering::Release);
        })?;
        let lifeline = Some(lifeline);
        Ok((Self { lifeline, told }, leader))
    }
}

/// Reads what a process says on a thread of its own.
fn read_along(name: &str, read: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(read).map(drop)
}

fn wait_until(longest: Duration, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() && start.elapsed() < longest {
        thread::sleep(POLL);
    }
}

/// What is executed: who watches, if anybody, and the command with its port.
fn argv(command: &plan::Command, port: u16, executable: Option<&Path>) -> Vec<OsString> {
    let mut words: Vec<OsString> = command
        .argv
        .iter()
        .map(|word| told(command, word, port).into())
        .collect();
    let Some(executable) = executable else {
        return words;
    };
    if let Some(first) = words.first_mut()
        && first == OsStr::new("plimsoll")
    {
        *first = executable.into();
    }
    let mut argv: Vec<OsString> = vec![executable.into()];
    argv.extend(guard::argv(watch::VERB, command.limits, &words));
    argv
}

/// A text as the program gets it. The port is put in first: a secret is passed on as it is.
fn told(command: &plan::Command, text: &str, port: u16) -> String {
    command.disclosed(&text.replace("{port}", &port.to_string()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::ResourceLimits;

    fn shell(script: &str) -> plan::Command {
        plan::Command {
            argv: vec!["/bin/sh".to_owned(), "-c".to_owned(), script.to_owned()],
            env: BTreeMap::from([("WHERE".to_owned(), "at {port}".to_owned())]),
            limits: ResourceLimits::default(),
            secrets: Vec::new(),
        }
    }

    fn start(script: &str) -> Launched {
        Launched::start(&shell(script), 4242, None).unwrap()
    }

    /// Processes of a group that are not mere zombies.
    fn running(group: Pid) -> usize {
        let group = group.as_raw_nonzero().to_string();
        std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("stat")).ok())
            .filter(|stat| {
                let mut fields = stat[stat.rfind(')').unwrap() + 2..].split(' ');
                fields.next() != Some("Z") && fields.nth(1) == Some(&group)
            })
            .count()
    }

    /// Waits for something the target does; a test that waits in vain fails by its assertion.
    fn eventually(mut done: impl FnMut() -> bool) -> bool {
        wait_until(Duration::from_secs(20), &mut done);
        done()
    }

    #[test]
    fn the_port_reaches_arguments_and_environment() {
        let mut target = start("echo $WHERE and {port}; echo wrong >&2");
        assert!(eventually(|| target.output.closed()));
        assert_eq!(target.output_tail().raw(), "at 4242 and 4242\nwrong\n");
        assert!(eventually(|| target.exited().is_some()));
    }

    #[test]
    fn a_grandchild_that_ignores_the_request_to_end_is_gone_too() {
        let mut target = start("trap '' TERM; sleep 100 & sleep 100 & echo up; wait");
        assert!(eventually(|| target.output_tail().raw() == "up\n"));
        let group = target.target;
        assert_eq!(running(group), 3);
        target.stop_within(Duration::from_millis(20));
        assert!(eventually(|| running(group) == 0), "nobody is left");
        assert_eq!(target.exited().unwrap().signal(), Some(9));
        target.stop();
    }

    #[test]
    fn a_grandchild_is_gone_when_the_target_is_dropped() {
        let target = start("sleep 100 & echo up; wait");
        assert!(eventually(|| target.output_tail().raw() == "up\n"));
        let group = target.target;
        assert_eq!(running(group), 2);
        drop(target);
        assert!(eventually(|| running(group) == 0), "nobody is left");
    }

    #[test]
    fn a_target_that_ends_by_itself_is_told_with_its_output() {
        let mut target = start("echo cannot bind; exit 3");
        assert!(eventually(
            || target.output.closed() && target.exited().is_some()
        ));
        // Asking does not consume the answer.
        assert_eq!(target.exited().unwrap().code(), Some(3));
        let Some(LaunchError::ExitedEarly { status, output }) = target.exited_early() else {
            panic!("it ended");
        };
        assert_eq!(status.code(), Some(3));
        assert_eq!(output.raw(), "cannot bind\n");
    }

    #[test]
    fn a_program_that_is_not_there_is_told_apart() {
        let command = plan::Command {
            argv: vec!["/nonexistent/shop".to_owned()],
            env: BTreeMap::new(),
            limits: ResourceLimits::default(),
            secrets: Vec::new(),
        };
        let error = Launched::start(&command, 1, None).unwrap_err();
        let diagnostic = error.diagnostic();
        assert_eq!(diagnostic.code.id, "PL0402");
        assert_eq!(diagnostic.message, "`/nonexistent/shop` was not found");
    }

    #[test]
    fn the_watch_comes_first_and_plimsoll_is_itself() {
        let command = plan::Command {
            argv: ["plimsoll", "demo-target", "--port={port}"]
                .map(str::to_owned)
                .into(),
            env: BTreeMap::new(),
            limits: ResourceLimits::default(),
            secrets: Vec::new(),
        };
        assert_eq!(
            argv(&command, 80, Some(Path::new("/bin/p"))),
            [
                "/bin/p",
                "watch",
                &std::process::id().to_string(),
                "--",
                "/bin/p",
                "demo-target",
                "--port=80"
            ]
        );
        assert_eq!(
            argv(&command, 80, None),
            ["plimsoll", "demo-target", "--port=80"]
        );
        let limited = plan::Command {
            limits: ResourceLimits {
                memory: Some(crate::units::Bytes(1 << 20)),
                open_files: Some(64),
            },
            ..command
        };
        let all = argv(&limited, 80, Some(Path::new("/bin/p")));
        assert_eq!(all[3..6], ["--memory=1048576", "--open-files=64", "--"]);
        let error = Launched::start(&limited, 80, None).unwrap_err();
        assert_eq!(error.diagnostic().code.id, "PL0413");
    }

    #[test]
    fn a_free_port_can_be_bound() {
        let port = free_port().unwrap();
        assert_ne!(port, 0);
    }
}
