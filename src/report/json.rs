//! The machine summary: stable names, a `schema` number, values in base units.
//!
//! Times are nanoseconds, rates per second, shares of one, sizes bytes. An estimate carries its
//! kind, so that a lower bound is never taken for a value.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};
use serde_json::{Map, Value, json as object};

use crate::model::{Estimate, Level, Metric, Stat};
use crate::untrusted;

use super::view::{
    CapacityView, DiagnosisView, FaultView, Part, ProfileView, RoundView, Row, Shares, Summary,
    View,
};
use super::words;

/// Version of the structure; grows only when a reader must change.
pub const SCHEMA: u32 = 1;

/// Renders JSON with a final line feed, laid out to be read and compared line by line: a line for
/// each metric, step and round.
pub fn json(view: &View) -> String {
    laid_out(&document(view))
}

pub(super) fn laid_out(document: &Value) -> String {
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, Layout::default());
    // A value in memory has no keys but strings, and memory takes all that is written.
    let _ = document.serialize(&mut serializer);
    untrusted::json(&String::from_utf8_lossy(&bytes)) + "\n"
}

/// Indents the document and its lists; what they hold stays on its line. A run of two thousand steps
/// would be spaces by half otherwise.
#[derive(Default)]
struct Layout {
    depth: usize,
    /// Whether the innermost list or object has a value.
    filled: bool,
}

impl Layout {
    /// The document itself is 1 deep, its lists 2.
    const INDENTED: usize = 2;

    fn open<W: ?Sized + Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth += 1;
        self.filled = false;
        out.write_all(bracket)
    }

    fn close<W: ?Sized + Write>(&mut self, out: &mut W, bracket: &[u8]) -> io::Result<()> {
        self.depth -= 1;
        if self.filled && self.depth < Self::INDENTED {
            self.indent(out)?;
        }
        out.write_all(bracket)
    }

    fn next<W: ?Sized + Write>(&self, out: &mut W, first: bool) -> io::Result<()> {
        let indented = self.depth <= Self::INDENTED;
        match (first, indented) {
            (true, false) => Ok(()),
            (true, true) => self.indent(out),
            (false, true) => out.write_all(b",").and_then(|()| self.indent(out)),
            (false, false) => out.write_all(b", "),
        }
    }

    fn indent<W: ?Sized + Write>(&self, out: &mut W) -> io::Result<()> {
        out.write_all(b"\n")?;
        (0..self.depth).try_for_each(|_| out.write_all(b"  "))
    }
}

impl Formatter for Layout {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, b"[")
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b"]")
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.next(out, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(out, b"{")
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(out, b"}")
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.next(out, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }
}

/// All there is to tell.
pub(super) fn document(view: &View) -> Value {
    let facts = &view.facts;
    let manifest = &facts.manifest;
    let mut whole = object!({
        "schema": SCHEMA,
        "tool": { "name": "plimsoll", "version": manifest.version },
        "run": {
            "id": manifest.id,
            "mode": manifest.mode,
            "state": facts.state,
            "started_at": manifest.started_at,
            "seed": manifest.seed,
            "plan_hash": manifest.plan_hash,
            "revision": manifest.revision,
            "scenario": manifest.outline.name,
            "scenario_file": manifest.scenario_file,
            "target": manifest.outline.target.url,
            "command": manifest.outline.target.command,
            "reference": view.reference.as_ref().map(crate::untrusted::Untrusted::raw),
            "environment": manifest.fingerprint,
            "shard": manifest.shard,
            "parts": manifest.parts,
            "origin": manifest.origin,
        },
        "verdict": {
            "word": view.standing.word(),
            "headline": view.headline.raw(),
            "passes": view.standing.passes(),
            "needs_attention": view.standing.needs_attention(),
        },
        "metrics": view.rows.iter().map(row).collect::<Vec<_>>(),
        "moved": view.moved.iter().map(|m| object!(m.moved)).collect::<Vec<_>>(),
        "findings": view.remarks.iter().map(|r| object!({
            "code": r.code.as_ref().map(crate::untrusted::Untrusted::raw),
            "text": r.text.raw(),
            "hint": r.hint.as_ref().map(crate::untrusted::Untrusted::raw),
        })).collect::<Vec<_>>(),
        "alerts": view.alerts.iter().map(|a| object!({
            "round": a.round,
            "arm": a.arm.name(),
            "alert": a.event.alert,
            "state": a.event.state,
            "at": a.event.at,
            "labels": a.event.labels,
            "value": a.event.value,
            "annotations": a.event.annotations,
        })).collect::<Vec<_>>(),
        "faults": view.faults.iter().map(fault).collect::<Vec<_>>(),
        "judge": view.beside.judge,
        "unevaluated": view.beside.unevaluated.iter().map(|u| object!({
            "rule": u.rule,
            "reason": u.reason,
            "line": u.line,
        })).collect::<Vec<_>>(),
        "foresight": view.beside.foresight,
        "summary": {
            "now": summary(&view.now),
            "before": view.before.as_ref().map(summary),
        },
        "steps": view.steps.iter().map(part).collect::<Vec<_>>(),
        "phases": view.phases.iter().map(part).collect::<Vec<_>>(),
        "rounds": view.rounds.iter().map(round).collect::<Vec<_>>(),
        "capacity": view.capacity.as_ref().map(capacity),
        "trust": trust(view),
        "diagnoses": view.diagnoses.iter().map(diagnosis).collect::<Vec<_>>(),
    });
    // Without one, documents stay as they were.
    if let Some(told) = &view.profile {
        whole["profile"] = profile(told);
    }
    let target = &manifest.outline.target;
    if target.url.starts_with("https://") {
        whole["run"]["certificate_verified"] = object!(!target.unverified);
    }
    if !target.limits.is_none() {
        whole["run"]["limits"] = object!(target.limits);
    }
    whole
}

/// `{ "kind": "exact", "value": 41000000.0 }`
fn estimate(e: Estimate) -> Value {
    match e {
        Estimate::Exact(v) if v.is_finite() => object!({ "kind": "exact", "value": v }),
        Estimate::AtLeast(v) if v.is_finite() => object!({ "kind": "at-least", "value": v }),
        Estimate::Exact(_) | Estimate::AtLeast(_) | Estimate::Missing => {
            object!({ "kind": "missing" })
        }
        Estimate::Undetermined => object!({ "kind": "undetermined" }),
        Estimate::TooFew { have, need } => {
            object!({ "kind": "too-few", "have": have, "need": need })
        }
    }
}

/// Times in nanoseconds from the beginning of a round; `recovery` is of each round.
fn fault(fault: &FaultView) -> Value {
    let states = fault.states.iter().map(|(name, stretch)| {
        let state = object!({
            "length": stretch.length,
            "due": stretch.due,
            "answered": stretch.answered,
            "failed": stretch.failed,
            "latency.p50": estimate(stretch.latency.quantile(0.5)),
            "latency.p99": estimate(stretch.latency.quantile(0.99)),
            "errors.rate": stretch.error_rate(),
            "throughput.ok": stretch.throughput(),
        });
        ((*name).to_owned(), state)
    });
    let mut whole = object!(states.collect::<Map<_, _>>());
    whole["what"] = object!(fault.outline.what);
    whole["at"] = object!(fault.outline.at);
    whole["for"] = object!(fault.outline.duration);
    whole["recovery"] = fault.recoveries.iter().map(|r| estimate(*r)).collect();
    whole
}

pub(super) fn diagnosis(d: &DiagnosisView) -> Value {
    object!({
        "symptom": d.symptom,
        "title": d.title,
        "strength": d.strength,
        "score": d.score,
        "evidence": d.evidence.iter().map(|e| object!({
            "text": e.text.raw(),
            "series": e.series.raw(),
            "from_s": e.from,
            "to_s": e.to,
        })).collect::<Vec<_>>(),
        "causes": d.causes,
        "actions": d.actions,
        "rules_out": d.rules_out,
    })
}

fn profile(told: &ProfileView) -> Value {
    let shares = |s: &Shares| object!({ "total": s.total, "own": s.own });
    object!({
        "finding": told.finding.raw(),
        "about": told.about.iter().map(crate::untrusted::Untrusted::raw).collect::<Vec<_>>(),
        "functions": told.functions.iter().map(|f| object!({
            "name": f.name.raw(),
            "before": f.before.as_ref().map(shares),
            "now": shares(&f.now),
        })).collect::<Vec<_>>(),
    })
}

fn row(row: &Row) -> Value {
    let r = &row.result;
    let mut whole = object!({
        "metric": r.metric.name(),
        "phase": r.scope.phase,
        "step": r.scope.step,
        "unit": r.metric.unit(),
        "gating": r.gating,
        "before": r.before.as_ref().map(|b| estimate(b.value)),
        "now": estimate(r.now.value),
        "change": r.change,
        "change_in": if words::is_points(r.metric, r.allowed) { "points" } else { "ratio" },
        "interval": r.interval,
        "level": r.level,
        "allowed_change": r.allowed,
        "max": r.max,
        "verdict": r.verdict,
        "limit": r.limit,
        "confidence": r.confidence,
        "detectable": r.detectable,
        "rounds_needed": r.rounds_needed,
        "spoiled_rounds": row.spoiled(),
        "note": row.note.raw(),
        "suspicious": r.suspicious,
        "baseline_p95": r.detection,
        "line": r.line,
    });
    if let Some(over) = r.over {
        whole["over"] = object!(over);
    }
    if let Some(ranks) = r.ranks {
        whole["ranks"] = object!({
            "p": ranks.p,
            "change": ranks.change,
            "worse": ranks.worse,
        });
    }
    whole
}

fn summary(s: &Summary) -> Value {
    let mut metrics = Map::new();
    for metric in Metric::all() {
        let value = s.value(metric);
        let counted = !matches!(metric, Metric::Errors(_)) || value != Estimate::Exact(0.0);
        if value != Estimate::Missing && counted {
            metrics.insert(metric.name(), estimate(value));
        }
    }
    object!({
        "rounds": s.rounds,
        "rounds_for_times": s.timed_rounds,
        "seconds": s.seconds,
        "due": s.tally.due,
        "sent": s.tally.sent,
        "unsent": s.tally.unsent,
        "answered": s.tally.answered,
        "failed": s.tally.failures.0,
        "retried": s.tally.retried.0,
        "metrics": metrics,
        "latency_parts": s.breakdown().iter().map(|(name, mean, share)| object!({
            "part": name,
            "mean": mean,
            "share": share,
        })).collect::<Vec<_>>(),
    })
}

/// Levels ascending by rate; rates per second.
fn capacity(view: &CapacityView) -> Value {
    let found = &view.found;
    let level = |l: &Level| {
        object!({
            "rate": l.rate,
            "verdict": l.verdict,
            "rounds": l.rounds,
            "value": estimate(l.value),
            "answered": l.answered,
            "throughput": l.throughput,
            "in_flight": l.concurrency,
        })
    };
    object!({
        "metric": found.metric.name(),
        "under": found.under,
        "precision": found.precision,
        "knee": found.knee,
        "noisy": found.noisy,
        "levels": found.levels.iter().map(level).collect::<Vec<_>>(),
        "law": found.law,
    })
}

fn part(part: &Part) -> Value {
    object!({
        "name": part.name.raw(),
        "now": summary(&part.now),
        "before": part.before.as_ref().map(summary),
    })
}

fn round(round: &RoundView) -> Value {
    let value = |m: Metric| estimate(round.summary.value(m));
    let mut whole = object!({
        "number": round.number,
        "rate": round.level,
        "arm": round.arm,
        "clean": round.clean,
        "state": round.state,
        "due": round.summary.tally.due,
        "answered": round.summary.tally.answered,
        "latency.p50": value(Metric::Latency(Stat::P50)),
        "latency.p99": value(Metric::Latency(Stat::P99)),
        "cpu.per-request": value(Metric::CpuPerRequest),
    });
    if !round.guard.is_empty() {
        whole["guard"] = object!(round.guard);
    }
    whole
}

fn trust(view: &View) -> Value {
    let t = &view.trust;
    if let Some(origin) = &t.origin {
        return object!({ "measured_by": origin.to_string(), "rounds": t.rounds });
    }
    let mut trust = object!({
        "lateness_p99": t.lateness_p99,
        "lateness_max": t.lateness_max,
        "late_share": t.late_share,
        "steal": t.steal,
        "cpu_pressure": t.cpu_pressure,
        "idle_cpu_pressure": t.idle_cpu_pressure,
        "own_cpu": t.own_cpu,
        "worker_cpu": t.worker_cpu,
        "instrument": t.instrument,
        "generator_errors": t.generator_errors,
        "conserved": t.conserved,
        "disturbed": t.disturbed,
        "rounds": t.rounds,
        "spoiled_rounds": t.spoiled_rounds,
        "spoiled_by": t.spoiled_by,
        "spoiled_metrics": t.spoiled_rows,
    });
    for second in &t.seconds {
        trust[second.key] = object!(second.value);
    }
    trust
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_entry_of_a_list_has_a_line() {
        let document = object!({
            "metrics": [{ "metric": "latency.p99", "now": { "value": 2.5 } }, {}],
            "none": [],
            "run": { "seed": 7, "parts": [] },
        });
        insta::assert_snapshot!(laid_out(&document), @r#"
        {
          "metrics": [
            {"metric": "latency.p99", "now": {"value": 2.5}},
            {}
          ],
          "none": [],
          "run": {
            "parts": [],
            "seed": 7
          }
        }
        "#);
    }
    use crate::model::{INSTRUMENT_SCHEMA, InstrumentError};
    use crate::report::fixture;
    use crate::units::Nanos;

    fn read(run: &crate::model::Run) -> Value {
        serde_json::from_str(&json(&View::new(run, None))).expect("JSON")
    }

    #[test]
    fn a_machine_reads_verdict_and_metrics() {
        let v = read(&fixture::run());
        assert_eq!(v["schema"], 1);
        assert_eq!(v["verdict"]["word"], "regressed");
        assert_eq!(v["verdict"]["passes"], false);
        assert_eq!(v["metrics"][1]["metric"], "latency.p99");
        assert_eq!(v["metrics"][1]["verdict"], "regressed");
        assert_eq!(v["metrics"][1]["change_in"], "ratio");
        assert_eq!(v["metrics"][1]["ranks"]["p"], 0.008);
        assert_eq!(v["metrics"][1]["ranks"]["worse"], 0.96);
        assert_eq!(v["moved"][0]["step"], "pay");
        assert_eq!(v["rounds"].as_array().map(Vec::len), Some(10));
        assert_eq!(v["summary"]["before"]["rounds"], 5);
    }

    #[test]
    fn a_bound_is_never_an_exact_value() {
        let v = read(&fixture::plain_run());
        let p99 = &v["summary"]["now"]["metrics"]["latency.p99"];
        assert_eq!(p99["kind"], "at-least");
        assert_eq!(v["summary"]["now"]["failed"]["timeout-total"], 240);
    }

    #[test]
    fn a_change_below_the_instruments_error_says_so() {
        let with_error = |error: Nanos| {
            let mut run = fixture::run();
            run.manifest.instrument = Some(InstrumentError {
                schema: INSTRUMENT_SCHEMA,
                measured_at: "2026-11-22T08:00:00Z".into(),
                machine: run.manifest.fingerprint.machine(),
                errors: [("p99".to_owned(), error)].into(),
            });
            read(&run)
        };
        let note = |v: &Value| v["metrics"][1]["note"].as_str().map(str::to_owned);
        let below = note(&with_error(Nanos::from_secs(1))).expect("a note");
        assert!(
            below.contains("a change below the instrument's own error of 1 s"),
            "{below}"
        );
        let v = with_error(Nanos(50_000));
        assert_eq!(v["trust"]["instrument"]["errors"]["p99"], 50_000);
        assert!(!note(&v).expect("a note").contains("instrument"));
    }

    #[test]
    fn a_partial_run_passes_nothing() {
        let v = read(&fixture::partial_run());
        assert_eq!(v["verdict"]["word"], "partial");
        assert_eq!(v["verdict"]["passes"], false);
        assert_eq!(v["run"]["state"], "partial");
    }
}
