//! `history`: what became of a scenario's numbers over all its stored runs, and which level is right.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use crate::clock::wall_rfc3339;
use crate::judge::{level, rounds_that_count, trace, usual_metrics};
use crate::model::{
    AcceptedLevel, Arm, Baseline, Cell, Contribution, Estimate, Event, History, LevelAcceptance,
    Measure, Metric, MetricRounds, OtherSeries, Point, Round, Run, RunState, Series, Standing,
    StoredLevel, Threshold, Trend, Verdict,
};
use crate::store::index::{Index, IndexedRun, ask_telling};
use crate::store::{Ledger, StoreError, levels, runs};

use super::compare::concluded;
use super::weigh::{Weighing, weigh};
use super::{Outcome, Session, SessionError, Watcher, demo};

/// Which part of a history is asked for.
#[derive(Debug, Clone, Default)]
pub struct Excerpt {
    /// Names of metrics, all their scopes or one; empty: the usual ones.
    pub metrics: Vec<String>,
    /// The latest runs only.
    pub last: Option<usize>,
    /// RFC 3339 or its beginning: runs from then on only.
    pub since: Option<String>,
    /// Id of a run: as the history was when it had been measured.
    pub until: Option<String>,
}

impl Excerpt {
    /// Cuts the beginning off.
    pub(super) fn cut(&self, history: &mut History) {
        let runs = history.points.len();
        let since = self.since.as_ref().map_or(0, |since| {
            let reached = history.points.iter().position(|p| p.at >= *since);
            reached.unwrap_or(runs)
        });
        let last = self.last.map_or(0, |last| runs.saturating_sub(last));
        let first = since.max(last);
        history.points.drain(..first);
        for trend in &mut history.trends {
            trend.series.values.drain(..first);
        }
    }
}

/// Which levels are right, why, and who says so.
#[derive(Debug, Clone)]
pub struct LevelClaim {
    /// As in an [`Excerpt`].
    pub metrics: Vec<String>,
    pub reason: String,
    pub accepted_by: String,
}

/// What was accepted.
#[derive(Debug)]
pub struct AcceptedNow {
    pub hash: String,
    /// The last run that was seen.
    pub run: String,
    /// The metrics with their level and the number of runs it was taken from.
    pub levels: Vec<(Measure, f64, usize)>,
}

/// The history of a scenario in the latest series: the runs that have the plan and the kind of
/// machine of the latest one.
pub fn history(
    session: &Session,
    scenario: &str,
    excerpt: &Excerpt,
) -> Result<History, SessionError> {
    history_watched(session, scenario, excerpt, &mut |_| ())
}

/// The same, and tells how far it is: runs that are new are read, and there may be many.
pub fn history_watched(
    session: &Session,
    scenario: &str,
    excerpt: &Excerpt,
    watcher: &mut Watcher<'_>,
) -> Result<History, SessionError> {
    Ok(followed(session, scenario, excerpt, watcher)?.0)
}

/// The history of a run's plan and kind of machine up to that run; None where its folder is not among
/// those of the project, and where there is no history.
///
/// A report can do without, so no error of the index keeps it from being written.
pub fn history_until(session: &Session, outcome: &Outcome) -> Option<History> {
    let manifest = &outcome.run.manifest;
    let scenario = &manifest.outline.name;
    let folder = runs::folder(&session.root, scenario, &manifest.id);
    let is_ours = folder.canonicalize().ok()? == outcome.dir.canonicalize().ok()?;
    let excerpt = Excerpt {
        until: Some(manifest.id.clone()),
        ..Excerpt::default()
    };
    if !is_ours {
        return None;
    }
    let (history, latest) = followed(session, scenario, &excerpt, &mut |_| ()).ok()?;
    // A run that does not enter may have another plan than the latest that does.
    let of_its_plan = *latest.plan_hash == *manifest.plan_hash;
    let of_its_machine = *latest.machine == *manifest.fingerprint.machine();
    (of_its_plan && of_its_machine).then_some(history)
}

/// Accepts the present level of the usual metrics, or of those that are named.
pub fn accept_level(
    session: &Session,
    scenario: &str,
    claim: LevelClaim,
) -> Result<AcceptedNow, SessionError> {
    let is_asked = !claim.metrics.is_empty();
    let excerpt = Excerpt {
        metrics: claim.metrics,
        ..Excerpt::default()
    };
    let (history, latest) = followed(session, scenario, &excerpt, &mut |_| ())?;
    let manifest = runs::manifest(&folder(session, scenario, &latest))?;
    let none = |metric: &str| SessionError::NoLevel {
        scenario: scenario.to_owned(),
        metric: metric.to_owned(),
    };
    let mut stored = Vec::new();
    let mut accepted = Vec::new();
    for Trend {
        series, present, ..
    } in history.trends
    {
        let name = &series.measure.name;
        let Some(present) = present else {
            if is_asked {
                return Err(none(name));
            }
            continue;
        };
        stored.push(StoredLevel {
            metric: name.clone(),
            values: present.values.clone(),
        });
        accepted.push((series.measure, present.level, present.values.len()));
    }
    if stored.is_empty() {
        return Err(none("any metric"));
    }
    let hash = levels::accept(
        &session.root,
        LevelAcceptance {
            schema: 0,
            scenario: scenario.to_owned(),
            reason: claim.reason,
            accepted_by: claim.accepted_by,
            accepted_at: wall_rfc3339(),
            run: latest.id.clone(),
            revision: manifest.revision,
            plan_hash: manifest.plan_hash,
            fingerprint: manifest.fingerprint,
            levels: stored,
        },
    )?;
    Ok(AcceptedNow {
        hash,
        run: latest.id,
        levels: accepted,
    })
}

fn folder(session: &Session, scenario: &str, run: &IndexedRun) -> std::path::PathBuf {
    runs::folder(&session.root, scenario, &run.id)
}

/// The history, and its latest run.
fn followed(
    session: &Session,
    scenario: &str,
    excerpt: &Excerpt,
    watcher: &mut Watcher<'_>,
) -> Result<(History, IndexedRun), SessionError> {
    let watcher = RefCell::new(watcher);
    let reading = |done, of| {
        let what = "runs read";
        (**watcher.borrow_mut())(&Event::Analysed { what, done, of });
    };
    let question = |index: &Index| gather(session, index, scenario, excerpt);
    let gathered = ask_telling(&session.root, scenario, &contribution, &reading, &question)?;
    let (history, latest) = match gathered {
        Gathered::Found(found) => *found,
        Gathered::NoRun(left_out) => {
            return Err(SessionError::NoHistory {
                scenario: scenario.to_owned(),
                left_out,
            });
        }
        Gathered::NoMetric(metric, known) => {
            return Err(SessionError::NotFollowed {
                scenario: scenario.to_owned(),
                metric,
                known,
            });
        }
    };
    Ok((traced(session, history, &latest, excerpt)?, latest))
}

/// The part that is asked for of what was gathered, with its changes of level and against what was
/// accepted.
pub(super) fn traced(
    session: &Session,
    mut history: History,
    latest: &IndexedRun,
    excerpt: &Excerpt,
) -> Result<History, SessionError> {
    let accepted = accepted(session, &history.name, latest, excerpt)?;
    excerpt.cut(&mut history);
    let points = &history.points;
    history.trends = history
        .trends
        .into_iter()
        .map(|trend| {
            let mut series = trend.series;
            series.accepted = accepted.get(&series.measure.name).cloned();
            trace(series, points)
        })
        .collect();
    Ok(history)
}

pub(super) enum Gathered {
    /// With its latest run.
    Found(Box<(History, IndexedRun)>),
    NoRun(Vec<(String, usize)>),
    NoMetric(String, Vec<String>),
}

/// The latest series with its values, not traced yet.
pub(super) fn gather(
    session: &Session,
    index: &Index,
    scenario: &str,
    excerpt: &Excerpt,
) -> Result<Gathered, StoreError> {
    let all = index.runs();
    let until = |id: &String| all.iter().position(|run| run.id == *id);
    let count = match &excerpt.until {
        Some(id) => until(id).map_or(0, |last| last + 1),
        None => all.len(),
    };
    let all = &all[..count];
    let mut left_out: BTreeMap<String, usize> = BTreeMap::new();
    for why in all.iter().filter_map(|run| run.left_out.as_ref()) {
        *left_out.entry(why.clone()).or_default() += 1;
    }
    let left_out: Vec<_> = left_out.into_iter().collect();
    let is_fit = |run: &&IndexedRun| run.left_out.is_none();
    let Some(latest) = all.iter().rfind(is_fit) else {
        return Ok(Gathered::NoRun(left_out));
    };
    let (runs, strange): (Vec<_>, Vec<_>) =
        all.iter().filter(is_fit).partition(|r| is_alike(r, latest));
    // Only what may be changed is lost with a manifest that went away since.
    let thresholds = runs::manifest(&folder(session, scenario, latest))
        .map(|m| m.outline.thresholds)
        .unwrap_or_default();
    let names = match names(&index.metrics()?, &thresholds, excerpt) {
        Ok(names) => names,
        Err((metric, known)) => return Ok(Gathered::NoMetric(metric, known)),
    };
    // The place of each run of the index among those of the series.
    let places = all.iter().scan(0, |next, run| {
        let is_in = is_fit(&run) && is_alike(run, latest);
        let place = is_in.then_some(*next);
        *next += usize::from(is_in);
        Some(place)
    });
    let places: Vec<Option<usize>> = places.collect();
    let mut trends = Vec::new();
    for name in names {
        let mut values = vec![f64::NAN; runs.len()];
        index.each_value(&name, &mut |run, rounds| {
            if let Some(place) = places.get(run).copied().flatten() {
                values[place] = level(rounds);
            }
        })?;
        trends.push(Trend {
            series: Series {
                measure: measure(&name, &thresholds),
                values,
                accepted: None,
            },
            shifts: Vec::new(),
            present: None,
            note: None,
        });
    }
    let history = History {
        name: scenario.to_owned(),
        points: runs.into_iter().map(point).collect(),
        trends,
        others: others(&strange, latest),
        left_out,
    };
    Ok(Gathered::Found(Box::new((history, latest.clone()))))
}

pub(super) fn point(run: &IndexedRun) -> Point {
    Point {
        run: run.id.clone(),
        at: run.started_at.clone(),
        version: run.version.clone(),
        revision: run.revision.clone(),
    }
}

/// Of one plan and one kind of machine, so that a difference is one of the target.
fn is_alike(a: &IndexedRun, b: &IndexedRun) -> bool {
    a.plan_hash == b.plan_hash && a.machine == b.machine
}

fn others(strange: &[&IndexedRun], latest: &IndexedRun) -> Vec<OtherSeries> {
    let mut series: Vec<(&IndexedRun, usize)> = Vec::new();
    // From the newest on, so that each is known by its last run.
    for run in strange.iter().rev().copied() {
        match series.iter_mut().find(|(of, _)| is_alike(of, run)) {
            Some((_, n)) => *n += 1,
            None => series.push((run, 1)),
        }
    }
    let differs = |run: &IndexedRun| {
        let plan = (run.plan_hash != latest.plan_hash).then(|| "another plan".to_owned());
        let machine = (run.machine != latest.machine).then(|| format!("machine: {}", run.machine));
        plan.into_iter().chain(machine).collect()
    };
    series
        .into_iter()
        .map(|(run, runs)| OtherSeries {
            runs,
            until: run.started_at.clone(),
            differs: differs(run),
        })
        .collect()
}

/// The names to follow, or a name that no run has and those that there are.
fn names(
    known: &[String],
    thresholds: &[Threshold],
    excerpt: &Excerpt,
) -> Result<Vec<String>, (String, Vec<String>)> {
    if excerpt.metrics.is_empty() {
        let usual = usual_metrics().into_iter().map(Metric::name);
        let asked = thresholds
            .iter()
            .map(|t| format!("{}{}", t.metric, t.scope));
        let mut names: Vec<String> = Vec::new();
        for name in usual.chain(asked) {
            if known.contains(&name) && !names.contains(&name) {
                names.push(name);
            }
        }
        return Ok(names);
    }
    let mut names = Vec::new();
    for asked in &excerpt.metrics {
        let is_asked = |name: &&String| {
            *name == asked
                || name
                    .strip_prefix(asked.as_str())
                    .is_some_and(|s| s.starts_with(" ["))
        };
        let before = names.len();
        names.extend(known.iter().filter(is_asked).cloned());
        if names.len() == before {
            return Err((asked.clone(), known.to_vec()));
        }
    }
    Ok(names)
}

/// What the scenario allows counts here too.
fn measure(name: &str, thresholds: &[Threshold]) -> Measure {
    let mut measure = Measure::named(name);
    let of_name = |t: &&Threshold| format!("{}{}", t.metric, t.scope) == name;
    if let Some(allowed) = thresholds.iter().filter(of_name).find_map(|t| t.max_change) {
        measure.allowed = allowed;
    }
    measure
}

/// What a run adds to a history and a list. Only the arm under test of an interleaved run is of the
/// target.
pub(super) fn contribution(run: &Run) -> Contribution {
    let listed = Contribution {
        standing: Some(standing(run)),
        rounds: u32::try_from(run.arm(Arm::Now).count()).unwrap_or(u32::MAX),
        ..Contribution::default()
    };
    if let Some(why) = unfit(run) {
        return Contribution {
            left_out: Some(why.to_owned()),
            ..listed
        };
    }
    let capacity = run.comparison.as_ref().and_then(|c| c.capacity.as_ref());
    let metrics = if run.rounds.iter().any(|r| r.level.is_some()) {
        // Rounds of different levels are no repetitions of each other: the knee is the result.
        let knee = capacity.filter(|c| !c.noisy).map(|c| c.knee.estimate());
        let of = |rate| MetricRounds {
            name: Metric::CapacityKnee.name(),
            rounds: vec![rate],
        };
        knee.and_then(Estimate::lower_bound)
            .map(of)
            .into_iter()
            .collect()
    } else {
        let rounds: Vec<&Round> = run.arm(Arm::Now).collect();
        rounds_that_count(&rounds, &run.manifest.outline)
    };
    Contribution { metrics, ..listed }
}

/// The conclusion that its report leads with.
fn standing(run: &Run) -> Standing {
    let outline = &run.manifest.outline;
    let counts = |c: &&Cell| outline.phases.get(c.phase).is_none_or(|p| !p.warm_up);
    let cells = run.arm(Arm::Now).flat_map(|r| &r.cells).filter(counts);
    let failed = cells.map(|c| c.tally.failures.total()).sum();
    let is_part = run.manifest.shard.is_some();
    Standing::of(run.state, concluded(run).as_ref(), is_part, failed)
}

/// Why the numbers of a run are not those of the target under its whole load.
fn unfit(run: &Run) -> Option<&'static str> {
    let m = &run.manifest;
    match run.state {
        RunState::Partial => return Some("partial: never came to an end"),
        RunState::Interrupted => return Some("interrupted"),
        RunState::Complete => {}
    }
    if m.shard.is_some() {
        return Some("a part of its plan");
    }
    if m.reference.as_deref() == Some(demo::REFERENCE) {
        return Some("a demo, slowed on purpose");
    }
    if run.rounds.iter().any(Round::is_stopped) {
        return Some("held back or ended by a rule of the scenario");
    }
    let is_search = run.rounds.iter().any(|r| r.level.is_some());
    let verdict = match &run.comparison {
        Some(c) => c.decision.verdict,
        None if is_search => return Some("a search without a result"),
        None => {
            weigh(&Weighing::absolute(&m.outline), &run.rounds)
                .decision
                .verdict
        }
    };
    (verdict == Verdict::Invalid).then_some("invalid")
}

/// The last accepted level of every metric, for the plan and the kind of machine of a run.
fn accepted(
    session: &Session,
    scenario: &str,
    latest: &IndexedRun,
    excerpt: &Excerpt,
) -> Result<HashMap<String, AcceptedLevel>, SessionError> {
    // What was accepted later was not known then.
    let is_known = |at: &str| excerpt.until.is_none() || at <= latest.started_at.as_str();
    let mut found: HashMap<String, AcceptedLevel> = HashMap::new();
    let baseline = Ledger::new(&session.root, scenario)?.load()?;
    if let Some(baseline) = baseline {
        let of_baseline = of_baseline(&baseline, latest).into_iter();
        found.extend(of_baseline.filter(|(_, level)| is_known(&level.at)));
    }
    for (_, a) in levels::accepted(&session.root, scenario)? {
        let is_alike =
            *a.plan_hash == *latest.plan_hash && *a.fingerprint.machine() == *latest.machine;
        if !is_alike || !is_known(&a.accepted_at) {
            continue;
        }
        for level in a.levels {
            let later = found
                .get(&level.metric)
                .is_none_or(|old| old.at <= a.accepted_at);
            if later {
                found.insert(
                    level.metric,
                    AcceptedLevel {
                        values: level.values,
                        at: a.accepted_at.clone(),
                        by: a.accepted_by.clone(),
                        reason: a.reason.clone(),
                        run: a.run.clone(),
                        is_baseline: false,
                    },
                );
            }
        }
    }
    Ok(found)
}

/// The levels of a baseline: a value for each run it was taken from.
fn of_baseline(baseline: &Baseline, latest: &IndexedRun) -> HashMap<String, AcceptedLevel> {
    let mut found: HashMap<String, AcceptedLevel> = HashMap::new();
    for (_, a) in &baseline.members {
        if *a.plan_hash != *latest.plan_hash || *a.fingerprint.machine() != *latest.machine {
            continue;
        }
        let rounds: Vec<&Round> = a.rounds.iter().collect();
        let knee = a.capacity.as_ref().map(|c| c.knee.estimate());
        let mut values: Vec<(String, f64)> = Vec::new();
        if let Some(Estimate::Exact(rate)) = knee {
            values.push((Metric::CapacityKnee.name(), rate));
        } else {
            let counted = rounds_that_count(&rounds, &a.outline).into_iter();
            values.extend(counted.map(|m| (m.name, level(&m.rounds))));
        }
        for (name, value) in values {
            let of = found.entry(name).or_insert_with(|| AcceptedLevel {
                values: Vec::new(),
                at: String::new(),
                by: String::new(),
                reason: String::new(),
                run: String::new(),
                is_baseline: true,
            });
            of.values.push(value);
            of.at.clone_from(&a.accepted_at);
            of.by.clone_from(&a.accepted_by);
            of.reason.clone_from(&a.reason);
            of.run.clone_from(&a.run);
        }
    }
    found
}
