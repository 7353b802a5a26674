//! A signal ends a run at any stage: the first in order, the second at once; and no process of the
//! target is left, whatever ends Plimsoll.

use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use plimsoll::mutant::Mutant;
use rustix::process::{Pid, Signal, kill_process};

use crate::common::{Manner, Server, Workplace, alive, eventually};

#[cfg_attr(
    not(feature = "mutants"),
    expect(dead_code, reason = "read by mutants")
)]
pub(crate) const KILLS: &[(Mutant, &str)] = &[
    (
        Mutant::FirstSignalUnheard,
        "signals::the_first_signal_ends_a_load",
    ),
    (
        Mutant::SecondSignalUnheard,
        "signals::the_second_signal_ends_a_drain",
    ),
    (
        Mutant::TargetUnwatched,
        "signals::nobody_is_left_when_plimsoll_is_killed",
    ),
];

/// What is promised.
const STOPS_SENDING: Duration = Duration::from_millis(50);
const DRAINS: Duration = Duration::from_secs(5);
const REPORTS: Duration = Duration::from_secs(1);
const ENDS_AT_ONCE: Duration = Duration::from_millis(250);

/// What is asked for on a machine that may be busy with anything.
const SENDS_NOTHING_AFTER: Duration = Duration::from_millis(1500);
const HAS_DRAINED_AFTER: Duration = Duration::from_secs(20);
const HAS_ENDED_AFTER: Duration = Duration::from_secs(4);

/// Between two signals.
const IMPATIENCE: Duration = Duration::from_millis(100);

/// So many at once: each sleeps most of its time.
const AT_ONCE: usize = 8;

const SIGNALS: [Signal; 3] = [Signal::INT, Signal::TERM, Signal::HUP];

/// Where a run stands when the signal comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The target was started and does not listen yet.
    Starting,
    /// It accepts the ready probe and does not answer it.
    Probing,
    WarmUp,
    Rate,
    Users,
    /// The load is over, and answers are waited for.
    Draining,
    /// The first round has ended, and the target of the second comes up.
    BetweenRounds,
    /// The second of two targets of a check is under load.
    OtherSide,
}

const STAGES: [Stage; 8] = [
    Stage::Starting,
    Stage::Probing,
    Stage::WarmUp,
    Stage::Rate,
    Stage::Users,
    Stage::Draining,
    Stage::BetweenRounds,
    Stage::OtherSide,
];

#[test]
fn a_signal_ends_any_stage_and_leaves_nobody() {
    let mut left: Vec<(Stage, Signal, bool)> = Vec::new();
    for stage in STAGES {
        for signal in SIGNALS {
            left.extend([(stage, signal, false), (stage, signal, true)]);
        }
    }
    let all = left.len();
    let next = AtomicUsize::new(0);
    let seen: Vec<Seen> = thread::scope(|scope| {
        let (left, next) = (&left, &next);
        let workers = (0..AT_ONCE).map(|_| {
            scope.spawn(move || {
                let mut seen = Vec::new();
                while let Some(&(stage, signal, twice)) =
                    left.get(next.fetch_add(1, Ordering::Relaxed))
                {
                    seen.push(interrupt(stage, signal, twice));
                }
                seen
            })
        });
        let workers: Vec<_> = workers.collect();
        let joined = workers.into_iter().map(|w| w.join().expect("its stages"));
        joined.flatten().collect()
    });
    assert_eq!(seen.len(), all);
    let strict = seen.iter().filter(|s| s.is_as_promised()).count();
    let worst = |twice| {
        let all = seen.iter().filter(|s| s.twice == twice).map(|s| s.took);
        all.max().unwrap_or_default().as_millis()
    };
    let late = seen.iter().filter(|s| s.late > 0).count();
    println!(
        "A8: {all} of {all} ended with 130, a record and nobody left; {strict} within {} ms to stop \
         sending, {} s to drain and {} s to report, {} ms to end at once; slowest {} ms drained, {} ms at once; {late} sent \
         after {} ms",
        STOPS_SENDING.as_millis(),
        DRAINS.as_secs(),
        REPORTS.as_secs(),
        ENDS_AT_ONCE.as_millis(),
        worst(false),
        worst(true),
        STOPS_SENDING.as_millis()
    );
}

#[test]
fn the_first_signal_ends_a_load() {
    // All is answered at once, so there is nothing to drain.
    interrupt_within(Stage::Rate, Signal::TERM, false, HAS_ENDED_AFTER);
}

#[test]
fn the_second_signal_ends_a_drain() {
    interrupt(Stage::Draining, Signal::INT, true);
}

#[test]
fn nobody_is_left_when_plimsoll_is_killed() {
    let site = Site::new(Stage::Probing);
    let mut run = site.begin();
    site.wait_for_stage();
    let family = site.family();
    assert!(family.len() >= FAMILY, "{family:?}");
    run.kill().expect("kill -9");
    run.wait().expect("reaped");
    let begun = Instant::now();
    let gone = soon(HAS_ENDED_AFTER, || site.family().is_empty());
    let took = begun.elapsed().as_millis();
    assert!(gone, "left: {:?}", site.family());
    println!(
        "A8: by kill -9, {} processes of the target gone after {took} ms",
        family.len()
    );
}

/// What came of one signal, or two.
struct Seen {
    twice: bool,
    /// From the last signal to the end.
    took: Duration,
    /// Requests that came later than they may.
    late: u64,
}

impl Seen {
    fn is_as_promised(&self) -> bool {
        let most = if self.twice {
            ENDS_AT_ONCE
        } else {
            DRAINS + REPORTS
        };
        self.took <= most && self.late == 0
    }
}

fn interrupt(stage: Stage, signal: Signal, twice: bool) -> Seen {
    let most = if twice {
        HAS_ENDED_AFTER
    } else {
        HAS_DRAINED_AFTER
    };
    interrupt_within(stage, signal, twice, most)
}

/// Brings a run to a stage, signals it, and asserts what must hold on any machine.
fn interrupt_within(stage: Stage, signal: Signal, twice: bool, most: Duration) -> Seen {
    let what = format!(
        "{stage:?} {signal:?} {}",
        if twice { "twice" } else { "once" }
    );
    let site = Site::new(stage);
    let mut run = site.begin();
    site.wait_for_stage();
    let pid = Pid::from_child(&run);
    let first = Instant::now();
    kill_process(pid, signal).expect("it runs");
    let mut last = first;
    if twice {
        thread::sleep(IMPATIENCE);
        last = Instant::now();
        // One that has drained already needs no second.
        let _ = kill_process(pid, signal);
    }
    let (mut in_time, mut at_last) = (None, None);
    let ended = soon(most, || {
        let (passed, requests) = (first.elapsed(), site.server.requests());
        if passed >= STOPS_SENDING {
            in_time.get_or_insert(requests);
        }
        if passed >= SENDS_NOTHING_AFTER {
            at_last.get_or_insert(requests);
        }
        run.try_wait().expect("ours").is_some()
    });
    let took = last.elapsed();
    let _ = run.kill();
    let status = run.wait().expect("reaped");
    assert!(ended, "{what}: still there after {took:?}");
    assert_eq!(status.code(), Some(130), "{what}");
    let family = || site.family().is_empty();
    assert!(
        soon(HAS_ENDED_AFTER, family),
        "{what}: left {:?}",
        site.family()
    );
    let requests = site.server.requests();
    let after = |then: Option<u64>| requests - then.unwrap_or(requests);
    assert_eq!(after(at_last), 0, "{what}: sent long after it was stopped");
    site.is_recorded(&what, twice);
    Seen {
        twice,
        took,
        late: after(in_time),
    }
}

/// Polls for at most so long; whether it came true.
fn soon(most: Duration, mut done: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    loop {
        if done() {
            return true;
        }
        if begun.elapsed() > most {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Processes that a target here starts beside itself.
const FAMILY: usize = 3;

/// A folder with a scenario that leads to a stage, and the processes that belong to it.
struct Site {
    stage: Stage,
    place: Workplace,
    server: Server,
    /// In the arguments of every process of its targets.
    mark: String,
}

impl Site {
    fn new(stage: Stage) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let manner = match stage {
            Stage::Draining => Manner::Hanging { every: 1 },
            _ => Manner::Prompt,
        };
        let site = Self {
            stage,
            place: Workplace::new(),
            server: Server::start(manner),
            mark: format!("3000.{}{number:03}", std::process::id()),
        };
        site.place.write("scenarios/stage.toml", &site.scenario());
        site
    }

    fn scenario(&self) -> String {
        let (target, phase) = match self.stage {
            Stage::Starting => (self.command("sleep 3000"), RATE),
            Stage::Probing => {
                let silent = self.command("exec PLIMSOLL demo-target --port $1 --fault hang=100%");
                let ready = "ready = { get = \"/\", status = 200, within = \"60s\" }";
                (format!("{silent}\n{ready}"), RATE)
            }
            Stage::WarmUp => (self.url(), WARM_UP),
            Stage::Rate => (self.url(), RATE),
            Stage::Users => (self.url(), USERS),
            Stage::Draining => (self.url(), SHORT),
            Stage::BetweenRounds => {
                let second = "[ $(wc -l < starts) -gt 1 ] && exec sleep 3000; exec PLIMSOLL demo-target --port $1";
                (self.command(second), SHORT)
            }
            Stage::OtherSide => (self.command(SERVES), SIDE),
        };
        format!(
            r#"
name = "stage"

[target]
{target}
timeouts = {{ total = "60s", first-byte = "60s" }}

[[step]]
name = "home"
request = "GET /"

{phase}
"#
        )
    }

    fn url(&self) -> String {
        format!("url = \"{}\"", self.server.url().trim_end_matches('/'))
    }

    /// A shell that notes that it was started, starts relatives (in its group, in a session of its own,
    /// and one whose parent has ended), and then does this.
    fn shell(&self, then: &str) -> String {
        let then = then.replace("PLIMSOLL", env!("CARGO_BIN_EXE_plimsoll"));
        let mark = &self.mark;
        format!(
            "echo started >> starts; sleep {mark} & setsid sleep {mark} & (setsid sleep {mark} &); {then}"
        )
    }

    fn command(&self, then: &str) -> String {
        format!(
            "command = [\"sh\", \"-c\", '''{}''', \"sh\", \"{{port}}\"]",
            self.shell(then)
        )
    }

    fn begin(&self) -> Child {
        let rounds = if self.stage == Stage::BetweenRounds {
            "2"
        } else {
            "1"
        };
        let other = format!(
            "sh -c '{}' sh {{port}}",
            self.shell(SERVES).replace("starts", "others")
        );
        let args: &[&str] = match self.stage {
            Stage::OtherSide => &["check", "stage", "--against-command", &other],
            _ => &["run", "stage", "--rounds", rounds],
        };
        self.place
            .command(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts")
    }

    /// Lines of a file in its folder.
    fn lines(&self, name: &str) -> usize {
        let text = std::fs::read_to_string(self.place.path().join(name));
        text.map_or(0, |text| text.lines().count())
    }

    fn wait_for_stage(&self) {
        let family = || self.family().len() >= FAMILY;
        eventually(&format!("{:?}", self.stage), || match self.stage {
            Stage::Starting | Stage::Probing => family(),
            Stage::WarmUp | Stage::Rate | Stage::Users | Stage::Draining => {
                self.server.requests() >= 5
            }
            Stage::BetweenRounds => self.lines("starts") == 2 && family(),
            Stage::OtherSide => {
                // The rounds are in random order, so either may come first.
                let begun = self.lines("starts") + self.lines("others");
                begun == 2 && family() && self.records(2)
            }
        });
        if matches!(self.stage, Stage::Probing | Stage::Draining) {
            // The target needs a moment to listen, and the load one to be over.
            thread::sleep(Duration::from_millis(700));
        }
    }

    /// Whether its log holds so many rounds that have begun and had an interval.
    fn records(&self, rounds: usize) -> bool {
        let Some(run) = self.place.runs().pop() else {
            return false;
        };
        let read = plimsoll::store::runs::read(&run);
        read.is_ok_and(|run| run.intervals.iter().any(|i| i.round + 1 == rounds))
    }

    /// What was measured is stored, and it passes nowhere.
    fn is_recorded(&self, what: &str, twice: bool) {
        if matches!(self.stage, Stage::Starting | Stage::Probing) {
            return;
        }
        let runs = self.place.runs();
        let [dir] = &runs[..] else {
            panic!("{what}: one run is stored: {runs:?}");
        };
        let run = plimsoll::store::runs::read(dir).unwrap_or_else(|e| panic!("{what}: {e}"));
        let state = run.state;
        assert_ne!(state, plimsoll::model::RunState::Complete, "{what}");
        if !twice {
            assert_eq!(state, plimsoll::model::RunState::Interrupted, "{what}");
            assert!(dir.join("report.html").is_file(), "{what}: a report");
        }
    }

    /// Processes of its targets that are there.
    fn family(&self) -> Vec<u32> {
        let entries = std::fs::read_dir("/proc").expect("processes").flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|pid: &u32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let mine = line
                .split(|b| *b == 0)
                .any(|word| word == self.mark.as_bytes());
            mine && alive(*pid)
        })
        .collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // A test that failed leaves nobody behind either.
        for pid in self.family() {
            let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
            let _ = pid.map(|pid| kill_process(pid, Signal::KILL));
        }
    }
}

const SERVES: &str = "exec PLIMSOLL demo-target --port $1";

const RATE: &str = "[[phase]]\nname = \"steady\"\nrate = \"50/s\"\nduration = \"60s\"";
const SHORT: &str = "[[phase]]\nname = \"steady\"\nrate = \"20/s\"\nduration = \"600ms\"";
const SIDE: &str = "[[phase]]\nname = \"steady\"\nrate = \"50/s\"\nduration = \"4s\"";
const USERS: &str = "[[phase]]\nname = \"people\"\nusers = 5\nduration = \"60s\"";
const WARM_UP: &str = "[[phase]]\nname = \"warm\"\nrate = \"50/s\"\nduration = \"60s\"\nwarm-up = true\n\n\
                       [[phase]]\nname = \"steady\"\nrate = \"50/s\"\nduration = \"10s\"";
