//! `perf record` on the processes of a target, by the clock of each CPU.
//!
//! Virtual machines have no hardware counters, so the event is the kernel's own timer everywhere. Stacks
//! are found by the unwinding tables that compilers write anyway (DWARF): most programs are built
//! without frame pointers, and then these give a function and not who called it. For that the kernel
//! copies a piece of the stack with each sample into a file, which only we can read and which is gone
//! when it was understood.

use std::io::{BufRead, BufReader, ErrorKind};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::Taken;
use super::script::Folding;
use crate::units::Nanos;

/// Samples of each CPU per second that is spent in the target. Odd, so that it does not step with timers.
pub(super) const HERTZ: u32 = 499;
/// Bytes of the stack that are copied: deep stacks of programs built without optimisation are cut.
const CALL_GRAPH: &str = "dwarf,16384";
/// Where recording ends by itself.
const MOST_RECORDED: &str = "256M";
/// Longest wait for perf to write its file, and to tell what it holds.
const WRITTEN: Duration = Duration::from_secs(20);
const UNDERSTOOD: Duration = Duration::from_secs(120);
/// How much longer than the round perf may live when nobody is left to end it.
const SPARE: Nanos = Nanos::from_secs(30);

/// A perf that could record these processes a moment ago.
#[derive(Debug)]
pub(super) struct Tried {
    pids: String,
    scratch: tempfile::TempDir,
}

/// A perf that records.
#[derive(Debug)]
pub(super) struct Perf {
    child: Child,
    scratch: tempfile::TempDir,
}

impl Perf {
    /// Records for a moment, to see whether that is possible.
    ///
    /// # Errors
    /// Why it is not, in perf's own words where it has any.
    pub(super) fn attempt(pids: &[u32]) -> Result<Tried, String> {
        let scratch =
            tempfile::tempdir().map_err(|e| format!("perf has no place to write: {e}"))?;
        let pids: Vec<String> = pids.iter().map(u32::to_string).collect();
        let tried = Tried {
            pids: pids.join(","),
            scratch,
        };
        let mut command = tried.record("attempt");
        let ended = command
            .args(["--", "true"])
            .output()
            .map_err(|e| cannot_start(&e))?;
        if ended.status.success() {
            return Ok(tried);
        }
        Err(refusal(
            ended.status,
            &String::from_utf8_lossy(&ended.stderr),
        ))
    }

    /// Ends the recording and folds the stacks.
    pub(super) fn finish(mut self) -> Result<Taken, String> {
        // It may have ended by itself, with the target or at its greatest size.
        let _ = kill_process(Pid::from_child(&self.child), Signal::INT);
        let asked = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) {
            if asked.elapsed() > WRITTEN {
                return Err("perf did not end when it was asked to".to_owned());
            }
            thread::sleep(Duration::from_millis(5));
        }
        understood(&self.scratch.path().join(RECORD))
    }
}

impl Drop for Perf {
    fn drop(&mut self) {
        // Both fail when it has ended, which is what they are for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const RECORD: &str = "perf.data";

impl Tried {
    /// Records from `delay` on, for `longest` and a little more at most.
    pub(super) fn start(self, delay: Nanos, longest: Nanos) -> Result<Perf, String> {
        let mut command = self.record(RECORD);
        let millis = delay.0 / Nanos::MILLISECOND.0;
        if millis > 0 {
            command.args(["--delay", &millis.to_string()]);
        }
        let lives = delay + longest + SPARE;
        // What perf records lives as long as this command, unless it is ended before.
        let sleep = ["--", "sleep", &format!("{}", lives.as_secs_f64().ceil())];
        let child = command.args(sleep).spawn().map_err(|e| cannot_start(&e))?;
        Ok(Perf {
            child,
            scratch: self.scratch,
        })
    }

    fn record(&self, file: &str) -> Command {
        let output: PathBuf = self.scratch.path().join(file);
        let mut command = perf();
        command
            .args(["record", "--quiet", "--event", "cpu-clock"])
            .args(["--freq", &HERTZ.to_string()])
            .args(["--call-graph", CALL_GRAPH])
            .args(["--max-size", MOST_RECORDED])
            // Nothing is kept in the home folder of the user.
            .args(["--no-buildid", "--no-buildid-cache"])
            .args(["--pid", &self.pids])
            .arg("--output")
            .arg(output)
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command
    }
}

fn perf() -> Command {
    let mut command = Command::new("perf");
    command.stdin(Stdio::null()).env("LC_ALL", "C");
    command
}

/// Has perf tell what it recorded, and folds it line by line.
fn understood(record: &std::path::Path) -> Result<Taken, String> {
    let mut child = perf()
        .args(["script", "--no-inline", "--fields", "comm,tid,ip,sym,dso"])
        .arg("--input")
        .arg(record)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| cannot_start(&e))?;
    let lines = child.stdout.take().map(BufReader::new);
    let (told, tale) = mpsc::channel();
    let reading = thread::Builder::new()
        .name("perf".to_owned())
        .spawn(move || {
            let mut folding = Folding::default();
            for line in lines
                .into_iter()
                .flat_map(|l| l.split(b'\n'))
                .map_while(Result::ok)
            {
                folding.line(&String::from_utf8_lossy(&line));
            }
            // Whoever waited may have given up.
            let _ = told.send(folding.finish());
        });
    let taken = match reading {
        Ok(_) => tale
            .recv_timeout(UNDERSTOOD)
            .map_err(|_| "perf took too long to tell what it recorded".to_owned()),
        Err(e) => Err(format!("perf cannot be read: {e}")),
    };
    // Both fail when it has ended.
    let _ = child.kill();
    let _ = child.wait();
    taken
}

fn cannot_start(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "perf is not installed (Debian: linux-perf)".to_owned(),
        _ => format!("perf cannot be started: {error}"),
    }
}

/// What perf says of itself, the line that tells most.
fn refusal(status: ExitStatus, said: &str) -> String {
    let hint = said
        .lines()
        .map(str::trim)
        .find(|l| l.contains("perf_event_paranoid"));
    let first = said
        .lines()
        .map(str::trim)
        .find(|l| !l.is_empty() && *l != "Error:");
    match hint.or(first) {
        Some(line) => format!("perf may not record: {}", line.trim_end_matches(['.', ':'])),
        None => format!("perf may not record: {status}"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn a_refusal_is_told_in_the_words_of_perf() {
        let status = ExitStatus::from_raw(255 << 8);
        let said = "Error:\nAccess to performance monitoring and observability operations is limited.\n\
                    Consider adjusting /proc/sys/kernel/perf_event_paranoid setting to open\n";
        assert_eq!(
            refusal(status, said),
            "perf may not record: Consider adjusting /proc/sys/kernel/perf_event_paranoid setting to open"
        );
        assert_eq!(
            refusal(status, "Error:\nNo permission to enable cpu-clock event.\n"),
            "perf may not record: No permission to enable cpu-clock event"
        );
        assert_eq!(refusal(status, ""), "perf may not record: exit status: 255");
    }
}
