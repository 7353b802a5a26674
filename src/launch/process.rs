//! One started target: a process group, its output and its end.

use std::ffi::{OsStr, OsString};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process_group, test_kill_process_group, waitid,
};

use super::LaunchError;
use super::guard;
use super::output::Output;
use crate::scenario::plan;
use crate::untrusted::Untrusted;

/// Time between asking the group to end and killing it.
const GRACE: Duration = Duration::from_secs(2);
/// Longest wait for killed processes to be gone, and for the last words of one that has ended.
const GONE: Duration = Duration::from_secs(1);
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
    guarded: bool,
    child: Child,
    /// Set when the leader has been waited for; its pid means nothing from then on.
    status: Option<ExitStatus>,
    output: Arc<Output>,
    /// Keeps the thread that started the target alive; see [`spawn`].
    _alive: mpsc::Sender<()>,
}

impl Launched {
    /// Starts the command with `{port}` replaced, in a process group of its own.
    ///
    /// With `guard`, the path of this program, the target is started as `guard PID -- argv…`, so that it
    /// dies when we are killed; a command named `plimsoll` is this program then.
    ///
    /// # Errors
    /// When the program is not there or cannot be started.
    pub fn start(
        command: &plan::Command,
        port: u16,
        guard: Option<&Path>,
    ) -> Result<Self, LaunchError> {
        let argv = argv(command, port, guard);
        let program = command.argv.first().cloned().unwrap_or_default();
        let refusal = match guard {
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
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(writer.try_clone().map_err(failed)?)
            .stderr(writer);
        let output = Arc::new(Output::default());
        let (child, alive) = spawn(process, reader, Arc::clone(&output)).map_err(failed)?;
        Ok(Self {
            program,
            guarded: guard.is_some(),
            child,
            status: None,
            output,
            _alive: alive,
        })
    }

    /// The leader of the target's process group, whose id is the group's.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How the leader ended, if it did.
    ///
    /// It stays a zombie until [`stop`](Self::stop), which keeps its id, and so the group's, from
    /// being given to somebody else.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        if self.status.is_some() {
            return self.status;
        }
        let status = waitid(
            WaitId::Pid(self.group()),
            WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT,
        )
        .ok()??;
        status
            .exit_status()
            .map(|code| ExitStatus::from_raw(code << 8))
            .or_else(|| status.terminating_signal().map(ExitStatus::from_raw))
    }

    /// The same as an error, for a target that should still run.
    pub fn exited_early(&mut self) -> Option<LaunchError> {
        let status = self.exited()?;
        // Its last words may still be in the pipe, on a machine that is busy.
        wait_until(GONE, || self.output.closed());
        let program = self.program.clone();
        let code = status.code().and_then(|code| u8::try_from(code).ok());
        Some(match code {
            Some(guard::NOT_FOUND) if self.guarded => LaunchError::NotFound { program },
            Some(guard::CANNOT_EXECUTE) if self.guarded => LaunchError::CannotStart {
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

    /// Ends the whole group: SIGTERM, up to two seconds of grace, SIGKILL. Does nothing when called
    /// again.
    pub fn stop(&mut self) {
        self.stop_within(GRACE);
    }

    fn stop_within(&mut self, grace: Duration) {
        if self.status.is_some() {
            return;
        }
        let group = self.group();
        // Each signal may find nobody, which is what it is for.
        let _ = kill_process_group(group, Signal::TERM);
        // A closed output means that the leader's children, which inherited it, are gone as well.
        wait_until(grace, || self.exited().is_some() && self.output.closed());
        let _ = kill_process_group(group, Signal::KILL);
        self.status = self.child.wait().ok().or(Some(ExitStatus::default()));
        // A kill takes a moment. A group that is empty is gone, and so is one whose files are
        // closed, even if its zombies still wait for an init that does not look after them.
        wait_until(GONE, || {
            self.output.closed() || test_kill_process_group(group).is_err()
        });
    }

    fn group(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Starts the process on a thread of its own, which then reads its output.
///
/// The kernel passes the death of the *thread* that started a guarded target on to the target. So
/// the thread stays until the sender is dropped, and the caller's thread is free to end.
fn spawn(
    mut process: std::process::Command,
    reader: io::PipeReader,
    output: Arc<Output>,
) -> io::Result<(Child, mpsc::Sender<()>)> {
    let (tell, told) = mpsc::channel();
    let (alive, gone) = mpsc::channel();
    thread::Builder::new()
        .name("target".to_owned())
        .spawn(move || {
            let started = process.spawn();
            // It holds the writing end: with it open the output would never be closed.
            drop(process);
            let running = started.is_ok();
            if tell.send(started).is_ok() && running {
                output.read_from(reader);
                let _ = gone.recv();
            }
        })?;
    let child = told
        .recv()
        .map_err(|_| io::Error::other("the thread that starts it has ended"))??;
    Ok((child, alive))
}

fn wait_until(longest: Duration, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() && start.elapsed() < longest {
        thread::sleep(POLL);
    }
}

/// What is executed: the guard, if any, and the command with its port.
fn argv(command: &plan::Command, port: u16, guard: Option<&Path>) -> Vec<OsString> {
    let mut words: Vec<OsString> = command
        .argv
        .iter()
        .map(|word| told(command, word, port).into())
        .collect();
    let Some(guard) = guard else {
        return words;
    };
    if let Some(first) = words.first_mut()
        && first == OsStr::new("plimsoll")
    {
        *first = guard.into();
    }
    let us = std::process::id().to_string();
    let mut argv: Vec<OsString> = vec![guard.into(), "guard".into(), us.into()];
    if let Some(memory) = command.limits.memory {
        argv.push(format!("--memory={}", memory.0).into());
    }
    if let Some(most) = command.limits.open_files {
        argv.push(format!("--open-files={most}").into());
    }
    argv.push("--".into());
    argv.append(&mut words);
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
        let group = target.group();
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
        let group = target.group();
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
    fn the_guard_comes_first_and_plimsoll_is_itself() {
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
                "guard",
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
