//! Diagnostic bundles: taken by themselves when a critical symptom opens in a round, or by hand.
//!
//! One that is taken in a round has a thread of its own, so the load does not wait for it; the round
//! does, for some seconds at most, before it stops the target. Taking one never changes a verdict.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::bundle::{Occasion, Secrets, assemble};
use crate::clock::{Clock, Monotonic, wall_rfc3339};
use crate::diagnostic::{SourceFile, validity};
use crate::launch::{LaunchError, Launched};
use crate::model::{
    Author, BundleTaken, Event, Exhibit, Finding, Health, Interval, Manifest, Sample, Scraped,
    SeriesName, Snapshot, Unread,
};
use crate::observe::{self, Subject};
use crate::scenario::plan::{Command, Plan, Url};
use crate::scenario::{self, Environment};
use crate::stop::{Stop, StopState};
use crate::store::{bundles as archive, runs};
use crate::units::Nanos;

use super::alarm::Alarm;
use super::{Session, SessionError};

/// Bundles that one run takes by itself at most, and one a round.
const MOST: usize = 3;

/// The longest that a round waits for one when its load has ended.
const FINISHED_WITHIN: Nanos = Nanos::from_secs(20);

/// How often a stop is looked for meanwhile.
const NAP: Duration = Duration::from_millis(50);

/// Bytes of either kind that are kept of a run's log, from its end.
const LOG_KEPT: usize = 1 << 20;

/// How much less urgent it is than the load.
const NICENESS: i32 = 10;

/// Takes a bundle of processes that run now.
///
/// # Errors
/// When there are none, or it cannot be written.
pub fn bundle_of_target(
    session: &Session,
    subject: &Subject,
    plan: Option<&Plan>,
) -> Result<PathBuf, SessionError> {
    if observe::found(subject) == 0 {
        return Err(SessionError::NoProcess {
            rule: subject.clone(),
        });
    }
    let occasion = occasion("asked for".to_owned(), subject.to_string());
    let secrets = plan.map(Secrets::of).unwrap_or_default();
    let files = assemble(&occasion, observe::snapshot(subject), secrets);
    Ok(archive::write_by_hand(&session.root, &files)?)
}

/// Makes a bundle of what the folder of a stored run has. `environment` looks up the variables that its
/// scenario takes secrets from; what may hold one that is not known any more is left out.
///
/// # Errors
/// When there is no such run, or it cannot be read or written.
pub fn bundle_of_run(
    session: &Session,
    name: &str,
    environment: Environment<'_>,
) -> Result<PathBuf, SessionError> {
    let dir = runs::find(&session.root, name)?;
    let manifest = runs::manifest(&dir)?;
    let mut snapshot = Snapshot::default();
    let secrets = secrets_of(&manifest, environment, &mut snapshot);
    add_run(&dir, &mut snapshot);
    let occasion = occasion("asked for".to_owned(), format!("run {}", manifest.id));
    let files = assemble(&occasion, snapshot, secrets);
    Ok(archive::write_by_hand(&session.root, &files)?)
}

fn occasion(why: String, subject: String) -> Occasion {
    Occasion {
        taken_at: wall_rfc3339(),
        why,
        subject,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// The secrets of the scenario that a run was made by, as far as they are known now.
fn secrets_of(
    manifest: &Manifest,
    environment: Environment<'_>,
    snapshot: &mut Snapshot,
) -> Secrets {
    let missing = RefCell::new(Vec::new());
    let lookup = |variable: &str| {
        environment(variable).or_else(|| {
            missing.borrow_mut().push(variable.to_owned());
            // It stands for the value: without one the scenario could not be read at all.
            Some(OsString::from("unknown-now"))
        })
    };
    let file = manifest.scenario_file.clone().unwrap_or_default();
    let base = Path::new(&file)
        .parent()
        .unwrap_or(Path::new("."))
        .to_owned();
    let source = SourceFile {
        name: file,
        text: manifest.scenario.clone().into(),
    };
    let parsed = scenario::parse(&source, &base, &lookup);
    let mut secrets = if let Ok(loaded) = &parsed {
        Secrets::of(&loaded.plan)
    } else {
        let why = "its scenario cannot be read any more, so its secrets are not known";
        snapshot
            .unread
            .push(Unread::new("what the run quotes", why));
        let mut secrets = Secrets::default();
        secrets.more_unknown();
        secrets
    };
    for variable in missing.into_inner() {
        secrets.more_unknown();
        let why = "it is not set now, so its value cannot be looked for";
        snapshot
            .unread
            .push(Unread::new(format!("the variable {variable}"), why));
    }
    secrets
}

/// Adds the record of a run, as far as it is written.
fn add_run(dir: &Path, snapshot: &mut Snapshot) {
    let mut add = |exhibit: Exhibit| snapshot.exhibits.push(exhibit);
    match runs::manifest(dir).map(|m| serde_json::to_vec_pretty(&m)) {
        Ok(Ok(bytes)) => add(Exhibit::new(
            "run/manifest.json",
            "scenario, seed and environment of the run",
            bytes,
        )
        .by(Author::Quoted)),
        other => {
            let why = match other {
                Err(error) => error.to_string(),
                Ok(_) => "it cannot be written as JSON".to_owned(),
            };
            snapshot
                .unread
                .push(Unread::new("the manifest of the run", why));
        }
    }
    match runs::tail(dir, LOG_KEPT) {
        Err(error) => {
            let what = "the log of the run";
            snapshot.unread.push(Unread::new(what, error.to_string()));
        }
        Ok(tail) => {
            let latest = if tail.left_out > 0 {
                format!(
                    ", the latest; {} records before them are left out",
                    tail.left_out
                )
            } else {
                String::new()
            };
            let tells = format!("requests of each second{latest}");
            let exhibit = Exhibit::new("run/intervals.jsonl", tells, tail.intervals);
            snapshot.exhibits.push(exhibit);
            let tells = format!("samples of target and machine, rounds, alerts, verdict{latest}");
            let exhibit = Exhibit::new("run/log.jsonl", tells, tail.others);
            snapshot.exhibits.push(exhibit.by(Author::Quoted));
        }
    }
}

/// The bundles of one run.
#[derive(Debug)]
pub(super) struct Bundles {
    root: PathBuf,
    dir: PathBuf,
    secrets: Secrets,
    begun: usize,
    pub(super) taken: Vec<(usize, BundleTaken)>,
}

impl Bundles {
    /// None yet, of a run in a folder.
    pub(super) fn new(root: &Path, dir: &Path, plan: &Plan) -> Self {
        Self {
            root: root.to_owned(),
            dir: dir.to_owned(),
            secrets: Secrets::of(plan),
            begun: 0,
            taken: Vec::new(),
        }
    }

    /// Learns the secrets of a command that is started.
    pub(super) fn command(&mut self, command: &Command) {
        self.secrets.command(command);
    }

    /// What a report says of them.
    pub(super) fn findings(&self) -> impl Iterator<Item = Finding> {
        self.taken.iter().map(|(round, taken)| Finding {
            code: Some(validity::BUNDLE_TAKEN.id.to_owned()),
            text: format!(
                "a diagnostic bundle was taken in round {}, because {}: {}",
                round + 1,
                taken.why,
                taken.path
            ),
            hint: Some(format!(
                "tar -xzf {}; its index.html lists what is in it",
                taken.path
            )),
        })
    }
}

/// The target that a bundle is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whom<'a> {
    pub(super) url: &'a Url,
    pub(super) subject: Option<&'a Subject>,
    /// Where we started it.
    pub(super) process: Option<&'a Launched>,
}

/// Watches one round, and takes its bundle.
#[derive(Debug)]
pub(super) struct Sentry {
    round: usize,
    alarm: Alarm,
    scraped: Vec<Scraped>,
    health: BTreeMap<String, Health>,
    capture: Option<Capture>,
    /// True once there was one, or none can be any more.
    done: bool,
}

/// A bundle that is being taken.
#[derive(Debug)]
struct Capture {
    why: String,
    told: Receiver<Result<PathBuf, String>>,
}

impl Sentry {
    pub(super) fn new(round: usize) -> Self {
        Self {
            round,
            alarm: Alarm::default(),
            scraped: Vec::new(),
            health: BTreeMap::new(),
            capture: None,
            done: false,
        }
    }

    /// Takes a second in; begins a bundle when something critical opened in it, and says when it is
    /// there.
    pub(super) fn second(
        &mut self,
        bundles: &mut Bundles,
        whom: &Whom<'_>,
        (interval, samples, events): (&Interval, &[Sample], &[Event]),
    ) -> Option<Event> {
        for sample in samples {
            if !sample.scraped.is_empty() {
                self.scraped.clone_from(&sample.scraped);
            }
            let health = sample.health.iter().map(|h| (h.name.clone(), h.clone()));
            self.health.extend(health);
        }
        if let Some(why) = self.alarm.second(interval, samples, events) {
            self.begin(bundles, whom, why);
        }
        let told = self.capture.as_ref()?.told.try_recv().ok()?;
        self.took(bundles, told)
    }

    /// The target ended by itself: what it leaves behind is taken.
    pub(super) fn gone(&mut self, bundles: &mut Bundles, whom: &Whom<'_>, error: &LaunchError) {
        self.begin(bundles, whom, error.to_string());
    }

    /// Waits for what is under way, unless everything shall end at once.
    pub(super) fn finish(mut self, bundles: &mut Bundles, stop: &Stop) -> Option<Event> {
        let until = Monotonic.now() + FINISHED_WITHIN;
        loop {
            let told = self.capture.as_ref()?.told.recv_timeout(NAP);
            let told = match told {
                Err(RecvTimeoutError::Timeout) => {
                    if Monotonic.now() < until && stop.state() != StopState::Aborted {
                        continue;
                    }
                    Err("it was not finished in time".to_owned())
                }
                Err(RecvTimeoutError::Disconnected) => Err("its thread has ended".to_owned()),
                Ok(told) => told,
            };
            return self.took(bundles, told);
        }
    }

    fn took(&mut self, bundles: &mut Bundles, told: Result<PathBuf, String>) -> Option<Event> {
        let why = self.capture.take()?.why;
        Some(match told {
            Ok(path) => {
                // `./reports` says nothing that `reports` does not.
                let path = path
                    .strip_prefix(".")
                    .unwrap_or(&path)
                    .display()
                    .to_string();
                let taken = BundleTaken { path, why };
                bundles.taken.push((self.round, taken.clone()));
                Event::Bundle(taken)
            }
            Err(error) => Event::Warning(format!("no diagnostic bundle was taken: {error}")),
        })
    }

    fn begin(&mut self, bundles: &mut Bundles, whom: &Whom<'_>, why: String) {
        if self.done || bundles.begun >= MOST {
            return;
        }
        self.done = true;
        bundles.begun += 1;
        let order = Order {
            occasion: occasion(why.clone(), whom.url.to_string()),
            subject: whom.subject.cloned(),
            exhibits: self.exhibits(whom.process),
            secrets: bundles.secrets.clone(),
            root: bundles.root.clone(),
            dir: bundles.dir.clone(),
        };
        let (tell, told) = mpsc::channel();
        let thread = thread::Builder::new().name("bundle".to_owned());
        // Nobody to hear it any more: the run did not wait.
        let spawned = thread.spawn(move || drop(tell.send(order.carry_out())));
        // Without the thread the channel is closed, which is said.
        drop(spawned);
        self.capture = Some(Capture { why, told });
    }

    /// What only the session has.
    fn exhibits(&self, process: Option<&Launched>) -> Vec<Exhibit> {
        let mut exhibits = Vec::new();
        if let Some(process) = process {
            let tells = "the last 64 KiB of what it wrote to standard output and standard error";
            let output = Exhibit::new("target/output.txt", tells, process.recent_output());
            exhibits.push(output.by(Author::Others));
        }
        if !self.scraped.is_empty() {
            let lines = self.scraped.iter().map(told);
            let tells = "its own metrics, when they were last scraped";
            let metrics = Exhibit::new("target/metrics.txt", tells, lines.collect::<String>());
            exhibits.push(metrics.by(Author::Others));
        }
        if !self.health.is_empty() {
            let mut text = String::new();
            for health in self.health.values() {
                let state = health.reason.as_deref().unwrap_or("up");
                let _ = writeln!(text, "{} {state}, after {}", health.name, health.took);
                for (pointer, value) in &health.readings {
                    let _ = writeln!(text, "    {pointer} {value}");
                }
            }
            let tells = "how its components answered when they were last asked";
            exhibits.push(Exhibit::new("target/health.txt", tells, text).by(Author::Others));
        }
        exhibits
    }
}

/// A series with its value, labels quoted as in JSON.
fn told(scraped: &Scraped) -> String {
    let SeriesName { metric, labels } = &scraped.series;
    let labels = labels.iter();
    let labels = labels.map(|(k, v)| format!("{k}={}", serde_json::Value::from(v.as_str())));
    let labels = labels.collect::<Vec<_>>().join(",");
    let braced = if labels.is_empty() {
        labels
    } else {
        format!("{{{labels}}}")
    };
    format!("{metric}{braced} {}\n", scraped.value)
}

/// What the thread needs.
struct Order {
    occasion: Occasion,
    subject: Option<Subject>,
    exhibits: Vec<Exhibit>,
    secrets: Secrets,
    root: PathBuf,
    dir: PathBuf,
}

impl Order {
    fn carry_out(self) -> Result<PathBuf, String> {
        // Of this thread alone. Without it the bundle is taken all the same.
        let _ = rustix::process::nice(NICENESS);
        let mut snapshot = if let Some(subject) = &self.subject {
            observe::snapshot(subject)
        } else {
            let why = "the scenario does not say which they are: add `process` to [target]";
            Snapshot {
                unread: vec![Unread::new("the processes of the target", why)],
                ..Snapshot::default()
            }
        };
        snapshot.exhibits.extend(self.exhibits);
        add_run(&self.dir, &mut snapshot);
        let files = assemble(&self.occasion, snapshot, self.secrets);
        archive::write_of_run(&self.root, &self.dir, &files).map_err(|e| e.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::sample;

    #[test]
    fn a_round_takes_one_bundle_and_a_run_three_at_most() {
        let root = tempfile::tempdir().expect("a folder");
        let dir = root.path().join("reports/shop/run-1");
        let plan = sample::plan();
        let mut bundles = Bundles::new(root.path(), &dir, &plan);
        let whom = Whom {
            url: &plan.target.url,
            subject: None,
            process: None,
        };
        for round in 0..MOST + 2 {
            let mut sentry = Sentry::new(round);
            for _ in 0..2 {
                sentry.begin(&mut bundles, &whom, "it is a test".to_owned());
            }
            let event = sentry.finish(&mut bundles, &Stop::default());
            let taken = matches!(event, Some(Event::Bundle(_)));
            assert_eq!(taken, round < MOST, "round {round}: {event:?}");
        }
        let files = std::fs::read_dir(&dir).expect("a folder").count();
        assert_eq!((files, bundles.findings().count()), (MOST, MOST));
    }

    #[test]
    fn a_round_without_anything_critical_does_not_wait() {
        let root = tempfile::tempdir().expect("a folder");
        let mut bundles = Bundles::new(root.path(), root.path(), &sample::plan());
        let event = Sentry::new(0).finish(&mut bundles, &Stop::default());
        assert!(event.is_none() && bundles.taken.is_empty());
    }
}
