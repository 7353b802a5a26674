//! The tables of the page.

use std::iter;

use serde::Serialize;

use crate::model::{Arm, Estimate, Metric, Parts, Scope, Stat};
use crate::report::view::{
    CapacityView, DETECTOR_COLUMNS, DiagnosisView, FaultView, FunctionRow, LEVEL_COLUMNS, Part,
    ProfileView, Row, STATE_COLUMNS, SUSPECT, Summary, Tone, View, level,
};
use crate::report::words;
use crate::units::Unit;
use crate::untrusted::Untrusted;

/// Head and rows of text; the template aligns all columns but the first to the right.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Grid {
    pub(super) head: Vec<&'static str>,
    pub(super) rows: Vec<Vec<String>>,
}

/// A row of the verdict table.
#[derive(Debug, Clone, Serialize)]
pub(super) struct VerdictRow {
    label: String,
    about: &'static str,
    before: String,
    now: String,
    change: String,
    interval: String,
    allowed: String,
    sign: &'static str,
    word: &'static str,
    tone: &'static str,
    note: String,
    gating: bool,
}

pub(super) fn verdict_rows<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Vec<VerdictRow> {
    rows.into_iter()
        .map(|row| {
            let mut note = vec![row.note.terminal()];
            if let Some(p) = row.result.confidence {
                note.push(format!("confidence {}", words::probability(p)));
            }
            if let Some(least) = row.result.detectable.filter(|d| d.is_finite() && *d > 0.0) {
                let change = Unit::Share.format(least);
                note.push(format!("changes over {change} would be seen"));
            }
            note.push(row.ranks());
            if row.result.interval.is_some() && (row.result.level - 0.95).abs() > 1e-9 {
                note.push(format!("interval at {}", level(row.result.level)));
            }
            note.retain(|n| !n.is_empty());
            VerdictRow {
                label: row.label.terminal(),
                about: row.result.metric.describe(),
                before: row.before.clone(),
                now: row.now.clone(),
                change: row.change.clone(),
                interval: row.interval.clone(),
                allowed: row.allowed.clone(),
                sign: row.verdict.map_or("", crate::model::Verdict::sign),
                word: row.verdict.map_or("–", crate::model::Verdict::name),
                tone: row.tone().class(),
                note: note.join(" · "),
                gating: row.result.gating,
            }
        })
        .collect()
}

/// What the detector says of the gating metrics.
pub(super) fn detector(view: &View) -> Grid {
    Grid {
        head: DETECTOR_COLUMNS.to_vec(),
        rows: view
            .beside
            .detector
            .iter()
            .map(|row| {
                iter::once(row.label().terminal())
                    .chain(row.cells())
                    .collect()
            })
            .collect(),
    }
}

/// A number a reader looks for first.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Tile {
    label: &'static str,
    value: String,
    /// The value is no number: `too few`, `undetermined`.
    in_words: bool,
    /// The same before, where it is known.
    before: String,
}

/// The numbers a reader looks for first; the tail is the highest percentile that can be told.
pub(super) fn tiles(view: &View) -> Vec<Tile> {
    // What was judged is shown as it was judged: the mean of the rounds, not their merger.
    let judged = |metric: Metric| {
        let whole = |r: &&Row| r.result.metric == metric && r.result.scope == Scope::default();
        view.rows.iter().find(whole).map(|r| &r.result)
    };
    let now = |metric| judged(metric).map_or_else(|| view.now.value(metric), |r| r.now.value);
    let enough = |stat: &Stat| !matches!(now(Metric::Latency(*stat)), Estimate::TooFew { .. });
    let tail = [Stat::P99, Stat::P95, Stat::P90]
        .into_iter()
        .find(enough)
        .unwrap_or(Stat::Max);
    let tail_label = match tail {
        Stat::P99 => "p99 latency",
        Stat::P95 => "p95 latency",
        Stat::P90 => "p90 latency",
        _ => "greatest latency",
    };
    [
        ("p50 latency", Metric::Latency(Stat::P50)),
        (tail_label, Metric::Latency(tail)),
        ("answered", Metric::ThroughputOk),
        ("errors", Metric::ErrorsRate),
        ("CPU per request", Metric::CpuPerRequest),
        ("peak memory", Metric::RssPeak),
    ]
    .into_iter()
    .filter_map(|(label, metric)| {
        let show = |e| words::short_estimate(e, metric.unit());
        let before = match judged(metric) {
            Some(r) => r.before.as_ref().map(|b| b.value),
            None => view.before.as_ref().map(|b| b.value(metric)),
        };
        let now = now(metric);
        let before = before.filter(|b| *b != Estimate::Missing);
        (now != Estimate::Missing).then(|| Tile {
            label,
            in_words: now.lower_bound().is_none(),
            value: show(now),
            before: before.map(show).unwrap_or_default(),
        })
    })
    .collect()
}

/// Heading of the intervals of latencies.
pub(super) const INTERVAL: &str = "95 % interval";

/// A kind of time with its name.
type Family = (fn(Stat) -> Metric, &'static str);

/// Every statistic of every kind of time, with the interval of a latency.
pub(super) fn times(view: &View) -> Grid {
    let families: [Family; 4] = [
        (Metric::Latency, "latency"),
        (Metric::ServiceTime, "service time"),
        (Metric::Wait, "wait"),
        (Metric::Lateness, "lateness"),
    ];
    let rows = Stat::ALL.into_iter().map(|stat| {
        let cells = families.iter().map(|(family, _)| {
            let metric = family(stat);
            // What too few requests lack is told once.
            let worded = match metric {
                Metric::Latency(_) => words::estimate,
                _ => words::short_estimate,
            };
            worded(view.now.value(metric), metric.unit())
        });
        iter::once(stat.name().to_owned()).chain(cells).collect()
    });
    let mut rows: Vec<Vec<String>> = rows.collect();
    let mut head: Vec<_> = iter::once("").chain(families.iter().map(|f| f.1)).collect();
    let intervals = view.bands.in_words(Stat::ALL.iter().map(|s| s.quantile()));
    if let Some(cells) = intervals {
        head.insert(2, INTERVAL);
        for (row, cell) in rows.iter_mut().zip(cells) {
            row.insert(2, cell);
        }
    }
    Grid { head, rows }
}

/// The parts of the mean latency: of all requests, of each step, and of the reference.
pub(super) fn breakdown(view: &View) -> Grid {
    let mut rows: Vec<(String, &Summary)> = vec![("all requests".to_owned(), &view.now)];
    rows.extend(view.before.as_ref().map(|b| ("all before".to_owned(), b)));
    let steps = view.steps.iter().filter(|_| view.steps.len() > 1);
    for step in steps {
        let name = step.name.terminal();
        rows.push((name.clone(), &step.now));
        rows.extend(step.before.as_ref().map(|b| (format!("{name} before"), b)));
    }
    let parts: Vec<_> = rows
        .iter()
        .map(|(_, summary)| summary.breakdown())
        .collect();
    let all = Parts::default().named().map(|(name, _)| name);
    let is_there = |name: &&str| parts.iter().flatten().any(|(there, ..)| there == name);
    let names: Vec<&'static str> = all.into_iter().filter(is_there).collect();
    let cell = |parts: &[(&str, f64, f64)], name: &str| {
        let part = parts.iter().find(|(there, ..)| *there == name);
        part.map_or_else(String::new, |(_, mean, share)| {
            format!(
                "{} · {}",
                Unit::Time.format(*mean),
                Unit::Share.format(*share)
            )
        })
    };
    let rows = rows
        .iter()
        .zip(&parts)
        .filter(|(_, parts)| !parts.is_empty());
    let rows = rows.map(|((name, summary), parts)| {
        let mean: f64 = parts.iter().map(|(_, mean, _)| mean).sum();
        let head = [
            name.clone(),
            words::count(summary.tally.answered),
            Unit::Time.format(mean),
        ];
        let cells = names.iter().map(|part| cell(parts, part));
        head.into_iter().chain(cells).collect()
    });
    Grid {
        rows: rows.collect(),
        head: ["", "answered", "mean latency"]
            .into_iter()
            .chain(names.iter().copied())
            .collect(),
    }
}

pub(super) fn error_classes(view: &View) -> Grid {
    let failures = &view.now.tally.failures;
    let mut classes: Vec<_> = failures.0.iter().collect();
    classes.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
    let rows = classes.into_iter().map(|(&class, &n)| {
        let share = view.now.value(Metric::Errors(class));
        vec![
            class.name().to_owned(),
            crate::report::text::category(class).to_owned(),
            words::count(n),
            words::estimate(share, Unit::Share),
        ]
    });
    Grid {
        head: vec!["class", "kind", "requests", "share of due"],
        rows: rows.collect(),
    }
}

pub(super) fn faults(view: &View) -> Grid {
    Grid {
        head: STATE_COLUMNS.to_vec(),
        rows: view.faults.iter().flat_map(FaultView::rows).collect(),
    }
}

/// What came of each fault, in a sentence.
pub(super) fn recoveries(view: &View) -> Vec<String> {
    let faults = view.faults.iter();
    faults
        .map(|f| format!("{}: {}.", f.title.terminal(), f.recovery()))
        .collect()
}

pub(super) fn alerts(view: &View) -> Grid {
    const MOST: usize = 200;
    let told = view.alerts.iter().filter(|a| a.tells()).take(MOST);
    let rows = told.map(|a| {
        vec![
            a.name.terminal(),
            a.state.name().to_owned(),
            a.when.clone(),
            a.value.clone(),
            a.summary
                .as_ref()
                .map(Untrusted::terminal)
                .unwrap_or_default(),
        ]
    });
    Grid {
        head: vec!["alert", "state", "when", "value", "summary"],
        rows: rows.collect(),
    }
}

pub(super) fn parts(parts: &[Part], noun: &'static str) -> Grid {
    let with_before = parts.iter().any(|p| p.before.is_some());
    let mut head = vec![noun, "requests", "ok", "errors", "p50"];
    if with_before {
        head.push("p50 before");
    }
    head.extend(["p95", "p99"]);
    if with_before {
        head.push("p99 before");
    }
    head.push("max");
    let rows = parts.iter().map(|part| {
        let now = |m: Metric| words::short_estimate(part.now.value(m), m.unit());
        let before = |m: Metric| {
            part.before.as_ref().map_or_else(
                || "–".to_owned(),
                |b| words::short_estimate(b.value(m), m.unit()),
            )
        };
        let mut name = part.name.terminal();
        if !part.load.raw().is_empty() {
            name += &format!(" ({})", part.load.terminal());
        }
        let p50 = Metric::Latency(Stat::P50);
        let p99 = Metric::Latency(Stat::P99);
        let mut cells = vec![
            name,
            words::count(part.now.tally.due),
            now(Metric::ThroughputOk),
            now(Metric::ErrorsRate),
            now(p50),
        ];
        if with_before {
            cells.push(before(p50));
        }
        cells.extend([now(Metric::Latency(Stat::P95)), now(p99)]);
        if with_before {
            cells.push(before(p99));
        }
        cells.push(now(Metric::Latency(Stat::Max)));
        cells
    });
    Grid {
        head,
        rows: rows.collect(),
    }
}

pub(super) fn rounds(view: &View) -> Grid {
    let rows = view.rounds.iter().map(|r| {
        let show = |m: Metric| words::short_estimate(r.summary.value(m), m.unit());
        vec![
            format!(
                "{} {}",
                r.number,
                if r.arm == Arm::Before {
                    "before"
                } else {
                    "now"
                }
            ),
            words::count(r.summary.tally.due),
            show(Metric::ErrorsRate),
            show(Metric::Latency(Stat::P50)),
            show(Metric::Latency(Stat::P99)),
            show(Metric::CpuPerRequest),
            r.state.clone(),
        ]
    });
    Grid {
        head: vec![
            "round",
            "requests",
            "errors",
            "p50",
            "p99",
            "CPU per request",
            "state",
        ],
        rows: rows.collect(),
    }
}

/// The levels of a search.
pub(super) fn levels(view: &View) -> Grid {
    Grid {
        head: LEVEL_COLUMNS.to_vec(),
        rows: view
            .capacity
            .as_ref()
            .map(CapacityView::rows)
            .unwrap_or_default(),
    }
}

/// What a search found, a sentence each.
pub(super) fn capacity_text(capacity: &CapacityView) -> Vec<String> {
    let mut lines = vec![
        format!("Knee: {}, with {}.", capacity.knee, capacity.limit),
        format!("Universal scalability law: {}.", capacity.law),
    ];
    lines.extend(
        capacity
            .shown
            .as_ref()
            .map(|shown| format!("Of the search, {shown}.")),
    );
    lines
}

/// Label and text of everything else worth knowing.
pub(super) fn facts(view: &View) -> Vec<(&'static str, String)> {
    let m = &view.facts.manifest;
    let e = &m.fingerprint;
    let shown = |text: &str| Untrusted::from(text).terminal();
    let tally = &view.now.tally;
    let unknown = m.origin.is_some();
    let mut facts = vec![
        ("Run", shown(&m.id)),
        (
            "Measured by",
            m.origin
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
        ),
        ("Begun", shown(&m.started_at)),
        ("Plimsoll", shown(&m.version)),
        (
            "Scenario file",
            match &m.scenario_file {
                _ if unknown => String::new(),
                Some(file) => shown(file),
                None => "none: a quick run".to_owned(),
            },
        ),
        ("Target", view.facts.target.terminal()),
    ];
    if m.outline.target.command.is_some() {
        facts.push(("Target's address", shown(&m.outline.target.url)));
    }
    if let Some(revision) = &m.revision {
        facts.push(("Revision", shown(revision)));
    }
    facts.extend([
        ("Plan", shown(&m.plan_hash)),
        (
            "Requests",
            format!(
                "{} due, {} sent, {} never sent, {} answered, {} failed",
                words::count(tally.due),
                words::count(tally.sent),
                words::count(tally.unsent),
                words::count(tally.answered),
                words::count(tally.failures.total())
            ),
        ),
        (
            "Processor",
            shown(&format!(
                "{}, {} cores, {}",
                e.cpu_model, e.cores, e.architecture
            )),
        ),
        ("CPU quota", shown(&e.cpu_quota)),
        ("Kernel", shown(&e.kernel)),
        ("Governor", shown(&e.governor)),
        ("Memory", Unit::Bytes.format((e.memory_mib << 20) as f64)),
        ("Boot", shown(&e.boot_id)),
    ]);
    let of_here = ["Plimsoll", "Processor", "Memory"];
    facts.retain(|(what, text)| !(text.is_empty() || unknown && of_here.contains(what)));
    facts
}

/// What speaks for and against the measurement, with the tone of each.
pub(super) fn trust(view: &View) -> Vec<(&'static str, String, &'static str)> {
    let t = &view.trust;
    let manifest = &view.facts.manifest;
    let unsent = view.now.tally.unsent;
    let ours = [
        ("Requests never sent", words::count(unsent)),
        ("Seed of the plan", manifest.seed.to_string()),
    ];
    let ours = ours.into_iter().filter(|_| manifest.origin.is_none());
    let readings = view.trust.readings();
    readings
        .into_iter()
        .chain(ours)
        .map(|(what, reading)| {
            let bad = match what {
                "Every request accounted for" => !t.conserved,
                "Failures of the generator itself" => t.generator_errors > 0,
                SUSPECT => true,
                "Rounds" => t.spoiled_rounds > 0,
                "Requests never sent" => unsent > 0,
                "Lateness of the generator" => t.late_share > 0.001,
                _ => false,
            };
            let tone = match (bad, what) {
                (false, _) => Tone::Plain,
                (true, "Every request accounted for") => Tone::Bad,
                (true, _) => Tone::Warn,
            };
            (what, reading, tone.class())
        })
        .collect()
}

/// A diagnosis in words.
#[derive(Debug, Serialize)]
pub(super) struct Explained {
    strength: &'static str,
    title: &'static str,
    evidence: Vec<Seen>,
    causes: String,
    actions: String,
    rules_out: String,
}

/// One piece of its evidence.
#[derive(Debug, Serialize)]
pub(super) struct Seen {
    when: String,
    text: String,
    series: String,
}

pub(super) fn diagnoses(view: &View) -> Vec<Explained> {
    let explained = |d: &DiagnosisView| Explained {
        strength: d.strength.name(),
        title: d.title,
        evidence: d
            .evidence
            .iter()
            .map(|e| Seen {
                when: e.when(),
                text: e.text.terminal(),
                series: e.series.terminal(),
            })
            .collect(),
        causes: d.causes.join("; "),
        actions: d.actions.join("; "),
        rules_out: d.rules_out.join("; "),
    };
    view.diagnoses.iter().map(explained).collect()
}

/// What was profiled: how, and the functions that stand out.
#[derive(Debug, Serialize)]
pub(super) struct Profiled {
    about: Vec<String>,
    #[serde(flatten)]
    functions: Grid,
}

pub(super) fn profile(profile: &ProfileView) -> Profiled {
    let rows = profile.functions.iter();
    Profiled {
        about: profile.about.iter().map(Untrusted::terminal).collect(),
        functions: Grid {
            head: FunctionRow::HEAD.to_vec(),
            rows: rows.map(|f| f.cells(&f.name.terminal()).to_vec()).collect(),
        },
    }
}
