//! The binary under strace: the calls of its main thread, and what happens at one of them.
//!
//! Only the main thread is followed, and [`super::order`] shows that it alone writes what is stored.
//! So the n-th call of a name is the same call each time, which it would not be among threads that
//! take turns.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::common::{Ended, Workplace};

/// Calls that change what is stored, or could fail to: a `?` lets a machine not have one.
pub(super) const CALLS: &[&str] = &[
    "openat",
    "?mkdir",
    "?mkdirat",
    "write",
    "writev",
    "pwrite64",
    "ftruncate",
    "fsync",
    "fdatasync",
    "?rename",
    "renameat",
    "?renameat2",
    "?unlink",
    "unlinkat",
    "?flock",
];

/// What happens at a call.
#[derive(Debug, Clone, Copy)]
pub(super) enum Blow {
    /// The process is killed before the call is carried out.
    Kill,
    /// The call is not carried out and returns this error, once.
    Fail(&'static str),
    /// So does each from then on.
    FailOn(&'static str),
}

/// Where it happens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Point {
    pub(super) call: &'static str,
    /// From 1.
    pub(super) number: usize,
    pub(super) blow: Blow,
}

/// One call that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) name: String,
    /// As strace shows them, with the paths of descriptors.
    pub(super) arguments: String,
    /// None of a call that never returned.
    pub(super) result: Option<i64>,
    /// It was made to fail.
    pub(super) injected: bool,
}

/// A process that ended, and what its main thread called.
#[derive(Debug)]
pub(super) struct Traced {
    pub(super) ended: Ended,
    pub(super) calls: Vec<Call>,
}

/// Whether processes can be traced here; says so when they cannot.
pub(super) fn is_possible() -> bool {
    let tried = std::process::Command::new("strace")
        .args(["-o", "/dev/null", "true"])
        .stderr(Stdio::null())
        .status();
    let possible = tried.is_ok_and(|status| status.success());
    if !possible {
        println!("skipped: strace is missing, or nothing may be traced here");
    }
    possible
}

/// Runs the binary to its end under strace.
pub(super) fn trace(place: &Workplace, args: &[&str], point: Option<Point>) -> Traced {
    let log = place.path().join("strace.log");
    let log_name = log.to_string_lossy().into_owned();
    let calls = format!("trace={}", CALLS.join(","));
    let mut strace = vec![
        "strace", "-q", "-y", "-x", "-s", "24", "-o", &log_name, "-e", &calls,
    ];
    let inject = point.map(|p| {
        let Point { call, number, .. } = p;
        match p.blow {
            Blow::Kill => format!("inject={call}:signal=KILL:when={number}"),
            Blow::Fail(error) => format!("inject={call}:error={error}:when={number}"),
            Blow::FailOn(error) => format!("inject={call}:error={error}:when={number}+"),
        }
    });
    if let Some(inject) = &inject {
        strace.extend(["-e", inject]);
    }
    let output = place.command_behind(&strace, args).output();
    let ended = Ended::from(output.expect("strace starts"));
    let calls = parse(&fs::read_to_string(&log).expect("strace writes its log"));
    Traced { ended, calls }
}

/// The calls in a log of strace.
pub(super) fn parse(log: &str) -> Vec<Call> {
    log.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<Call> {
    let (name, rest) = line.split_once('(')?;
    if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return None;
    }
    // `= ` may stand in the arguments too; what is returned comes last.
    let (arguments, returned) = rest.rsplit_once(" = ")?;
    let result = returned.split([' ', '<']).next()?.parse().ok();
    Some(Call {
        name: name.to_owned(),
        arguments: arguments.trim_end().trim_end_matches(')').to_owned(),
        result,
        injected: returned.ends_with("(INJECTED)"),
    })
}

impl Call {
    /// The path of the descriptor that comes first, or of the file that is named.
    pub(super) fn path(&self) -> Option<PathBuf> {
        let arguments = &self.arguments;
        let path = match (self.is_on_descriptor(), self.name.as_str()) {
            (true, _) => between(arguments, "<", ">"),
            (false, "rename" | "renameat" | "renameat2") => {
                // The new name is the last of two.
                let quoted: Vec<&str> = arguments.split('"').skip(1).step_by(2).collect();
                quoted.get(1).copied()
            }
            (false, _) => between(arguments, "\"", "\""),
        };
        path.map(PathBuf::from)
    }

    fn is_on_descriptor(&self) -> bool {
        let acts_on_one = [
            "write",
            "writev",
            "pwrite64",
            "ftruncate",
            "fsync",
            "fdatasync",
            "flock",
        ];
        acts_on_one.contains(&self.name.as_str())
    }

    /// True when it was carried out.
    pub(super) fn succeeded(&self) -> bool {
        self.result.is_some_and(|result| result >= 0)
    }

    /// True when it is about runs or baselines.
    pub(super) fn is_of_store(&self) -> bool {
        let path = self.path();
        path.is_some_and(|p| {
            p.iter()
                .any(|part| part == "reports" || part == "baselines")
        })
    }

    /// The bytes that are written, as far as they are shown.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let shown = between(&self.arguments, "\"", "\"").unwrap_or_default();
        let hexed = shown.split("\\x").skip(1);
        hexed
            .filter_map(|hex| u8::from_str_radix(hex, 16).ok())
            .collect()
    }
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(from)?;
    Some(rest.split_once(to)?.0)
}

/// Every point at which something can happen to what is stored, of a process that made these calls;
/// of each call at most so many, evenly spread.
pub(super) fn points(calls: &[Call], blow: Blow, most: usize) -> Vec<Point> {
    let mut points = Vec::new();
    for name in CALLS {
        let call = name.trim_start_matches('?');
        let of_name = calls.iter().filter(|c| c.name == call).enumerate();
        let numbers: Vec<usize> = of_name
            .filter(|(_, c)| c.is_of_store())
            .map(|(i, _)| i + 1)
            .collect();
        let points_of_call =
            spread(&numbers, most)
                .into_iter()
                .map(|number| Point { call, number, blow });
        points.extend(points_of_call);
    }
    points
}

/// At most so many of these, evenly spread, the last among them.
pub(super) fn spread<T: Copy>(all: &[T], most: usize) -> Vec<T> {
    let taken = all.len().min(most);
    (1..=taken)
        .map(|i| all[i * all.len() / taken - 1])
        .collect()
}

/// Does something for each of many, some at once; the results in their order.
pub(super) fn at_once<T: Sync, R: Send>(all: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    const AT_ONCE: usize = 6;
    let next = AtomicUsize::new(0);
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                scope.spawn(|| {
                    let mut done = Vec::new();
                    loop {
                        let i = next.fetch_add(1, Ordering::Relaxed);
                        let Some(one) = all.get(i) else { return done };
                        done.push((i, work(one)));
                    }
                })
            })
            .collect();
        let ended = workers.into_iter().map(|w| {
            w.join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        ended.flatten().collect()
    });
    done.sort_by_key(|(i, _)| *i);
    done.into_iter().map(|(_, result)| result).collect()
}

/// A copy of a place, to do something else with.
pub(super) fn copy_of(place: &Workplace) -> Workplace {
    let copy = Workplace::new();
    crate::common::copy(place.path(), copy.path());
    copy
}

#[test]
fn a_log_of_strace_is_read() {
    let log = r#"openat(AT_FDCWD</w>, "./reports/q/run.plog", O_WRONLY|O_CREAT, 0666) = 5</w/reports/q/run.plog>
write(5</w/reports/q/run.plog>, "\x49\x00\x04", 90) = 90
fdatasync(5</w/reports/q/run.plog>)    = -1 EIO (Input/output error) (INJECTED)
renameat(AT_FDCWD</w>, "/w/.write-a.tmp", AT_FDCWD</w>, "./baselines/s/HEAD.json") = ?
+++ killed by SIGKILL +++
"#;
    let calls = parse(log);
    let shown: Vec<_> = calls
        .iter()
        .map(|c| {
            (
                c.name.as_str(),
                c.path(),
                c.result,
                c.injected,
                c.is_of_store(),
            )
        })
        .collect();
    let path = |p: &str| Some(PathBuf::from(p));
    assert_eq!(
        shown,
        [
            ("openat", path("./reports/q/run.plog"), Some(5), false, true),
            (
                "write",
                path("/w/reports/q/run.plog"),
                Some(90),
                false,
                true
            ),
            (
                "fdatasync",
                path("/w/reports/q/run.plog"),
                Some(-1),
                true,
                true
            ),
            (
                "renameat",
                path("./baselines/s/HEAD.json"),
                None,
                false,
                true
            ),
        ]
    );
    assert_eq!(calls[1].bytes(), [0x49, 0, 4]);
    assert_eq!(spread(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 3), [3, 6, 10]);
    assert_eq!(points(&calls, Blow::Kill, 9).len(), 4);
}
