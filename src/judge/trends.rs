//! A history of runs: what a run adds to it, where its levels changed, and how the present level
//! stands against the one that was accepted last.
//!
//! The unit is the run: the mean of its rounds that count. Comparing with the accepted level and not
//! with the run before is what makes slow drift add up.

use super::evidence::{RESOLUTION, Scale};
use super::rounds::Rounds;
use super::values::Reading;
use crate::model::{
    AcceptedLevel, AgainstAccepted, Better, Change, Design, Measure, Metric, MetricRounds, Outline,
    Point, PresentLevel, Round, Scope, Series, Shift, Stat, Trend, Verdict,
};
use crate::stats::{Contrast, change_points, mean, pooled, two_sample};
use crate::units::Unit;

/// Latest runs that make the present level: few enough that a slow drift is in all of them.
const RECENT: usize = 10;
const LEVEL: f64 = 0.95;
const ALPHA: f64 = 0.05;

/// The metrics that a history shows unless it is asked for others, if the runs have them.
pub fn usual_metrics() -> [Metric; 7] {
    [
        Metric::Latency(Stat::P50),
        Metric::Latency(Stat::P99),
        Metric::ThroughputOk,
        Metric::ErrorsRate,
        Metric::CpuPerRequest,
        Metric::RssPeak,
        Metric::CapacityKnee,
    ]
}

/// The values of every metric in the complete rounds of one arm of a run that count for it.
///
/// A metric is left out where a busy machine spoiled too many rounds, and where a round has too few
/// requests for it. A value may be a lower bound: that a run was too slow to tell is no reason to
/// leave it out.
pub fn rounds_that_count(rounds: &[&Round], outline: &Outline) -> Vec<MetricRounds> {
    let rounds = Rounds {
        before: Vec::new(),
        now: rounds.iter().copied().filter(|r| r.complete).collect(),
        design: Design::Absolute,
        sessions: Vec::new(),
    };
    let whole = Scope::default();
    let mut asked: Vec<(Metric, &Scope)> = Metric::all()
        .filter(|m| is_followed(*m))
        .map(|m| (m, &whole))
        .collect();
    for t in outline.thresholds.iter().filter(|t| t.over.is_none()) {
        if !asked.contains(&(t.metric, &t.scope)) {
            asked.push((t.metric, &t.scope));
        }
    }
    let mut read: Vec<(&Scope, Vec<Reading>)> = Vec::new();
    let mut found = Vec::new();
    for (metric, scope) in asked {
        if !read.iter().any(|(of, _)| *of == scope) {
            let of = |r: &&Round| Reading::of(scope, r, outline);
            read.push((scope, rounds.now.iter().map(of).collect()));
        }
        let readings = read.iter().find(|(of, _)| *of == scope).map(|(_, r)| r);
        let values = readings.and_then(|readings| counted(metric, &rounds, readings));
        if let Some(rounds) = values {
            found.push(MetricRounds {
                name: format!("{metric}{scope}"),
                rounds,
            });
        }
    }
    found
}

/// What the generator and the plan decide tells nothing about the target over time.
const fn is_followed(metric: Metric) -> bool {
    !matches!(
        metric,
        Metric::Lateness(_) | Metric::ThroughputAsked | Metric::Errors(_) | Metric::CapacityKnee
    )
}

fn counted(metric: Metric, rounds: &Rounds, readings: &[Reading]) -> Option<Vec<f64>> {
    let selection = rounds.select(metric);
    if selection.noise.is_some() || selection.now.is_empty() {
        return None;
    }
    let picked = selection.now.iter().map(|&i| &readings[i]);
    picked.map(|r| r.bound(metric)).collect()
}

/// One value for many: the geometric mean, the arithmetic where some are not above zero.
pub fn level(values: &[f64]) -> f64 {
    match values {
        // Through logarithm and back even a single value would come out a little changed.
        [one] => *one,
        _ if values.iter().all(|v| *v > 0.0) => {
            (values.iter().map(|v| v.ln()).sum::<f64>() / values.len() as f64).exp()
        }
        _ => mean(values),
    }
}

/// Finds where the level of a series changed and weighs its present level.
pub fn trace(series: Series, points: &[Point]) -> Trend {
    let resolution = resolution(&series.measure);
    let accepted_until = series.accepted.as_ref().and_then(|a| seen(a, points));
    let is_up_worse = series.measure.better == Better::Lower;
    let shifts: Vec<Shift> = change_points(&series.values, resolution)
        .into_iter()
        .map(|p| Shift {
            at: p.index,
            before: p.before,
            after: p.after,
            is_worse: (p.after > p.before) == is_up_worse,
            p: p.p,
            candidate: p.candidate,
            accepted: accepted_until.is_some_and(|until| p.index <= until),
        })
        .collect();
    let usable = || series.values.iter().filter(|v| v.is_finite());
    let count = usable().count();
    let without = count - usable().filter(|v| **v > 0.0).count();
    let note = if without > 0 {
        Some("change points are of ratios, and values of zero or less have none".to_owned())
    } else if count < 10 {
        Some(format!(
            "{count} of the 10 values that a change point needs"
        ))
    } else {
        None
    };
    let since = shifts.last().map_or(0, |s| s.at);
    Trend {
        present: present(&series, since),
        shifts,
        note,
        series,
    }
}

/// Index of the last point that was there when the level was accepted.
fn seen(accepted: &AcceptedLevel, points: &[Point]) -> Option<usize> {
    let by_run = points.iter().rposition(|p| p.run == accepted.run);
    let by_time = || points.iter().rposition(|p| p.at <= accepted.at);
    by_run.or_else(by_time)
}

fn resolution(measure: &Measure) -> f64 {
    if measure.unit == Unit::Time {
        RESOLUTION
    } else {
        0.0
    }
}

fn present(series: &Series, since: usize) -> Option<PresentLevel> {
    let values: Vec<f64> = series.values[since..]
        .iter()
        .copied()
        .filter(|v| v.is_finite())
        .collect();
    let values = values[values.len().saturating_sub(RECENT)..].to_vec();
    if values.is_empty() {
        return None;
    }
    let accepted = series.accepted.as_ref().filter(|a| !a.values.is_empty());
    Some(PresentLevel {
        level: level(&values),
        against: accepted.map(|a| against(&series.measure, &a.values, &values)),
        values,
    })
}

/// The judge's rule: worse beyond chance and beyond what is allowed.
fn against(measure: &Measure, accepted: &[f64], now: &[f64]) -> AgainstAccepted {
    let all: Vec<f64> = accepted.iter().chain(now).copied().collect();
    let is_points = matches!(measure.allowed, Change::Points(_));
    let scale = if is_points || all.iter().any(|v| *v <= 0.0) {
        Scale::Linear
    } else {
        Scale::Log
    };
    let sign = match measure.better {
        Better::Lower => 1.0,
        Better::Higher => -1.0,
    };
    let orient = |values: &[f64]| -> Vec<f64> {
        let of = |v: &f64| sign * if scale == Scale::Log { v.ln() } else { *v };
        values.iter().map(of).collect()
    };
    let (a, b) = (orient(accepted), orient(now));
    let base = mean(accepted);
    let margin = match (scale, measure.allowed, measure.better) {
        (Scale::Log, Change::Relative(share) | Change::Points(share), Better::Lower) => {
            share.ln_1p()
        }
        (Scale::Log, Change::Relative(share) | Change::Points(share), Better::Higher) => {
            -(-share.min(1.0)).ln_1p()
        }
        (Scale::Linear, Change::Relative(share), _) => share * base.abs(),
        (Scale::Linear, Change::Points(points), _) => points,
    };
    let step = if scale == Scale::Log {
        resolution(measure)
    } else {
        0.0
    };
    let contrast = if a.len() >= 2 && b.len() >= 2 {
        two_sample(&a, &b, step).map(|two| two.contrast)
    } else {
        pooled(&a, &b, step)
    };
    let shown = |theta: f64| match scale {
        Scale::Log => (sign * theta).exp_m1(),
        Scale::Linear if is_points => sign * theta,
        Scale::Linear => sign * theta / base.abs(),
    };
    let ordered = |(low, high): (f64, f64)| if sign > 0.0 { (low, high) } else { (high, low) };
    AgainstAccepted {
        level: level(accepted),
        change: shown(mean(&b) - mean(&a)),
        interval: contrast.map(|c| {
            let (low, high) = c.interval(LEVEL);
            ordered((shown(low), shown(high)))
        }),
        is_points,
        verdict: contrast.map_or(Verdict::Inconclusive, |c| verdict(&c, margin)),
    }
}

fn verdict(c: &Contrast, margin: f64) -> Verdict {
    let (low, high) = c.interval(LEVEL);
    if low > 0.0 && c.estimate >= margin {
        Verdict::Regressed
    } else if high < 0.0 && c.estimate <= -margin {
        Verdict::Improved
    } else if c.is_equivalent(margin, ALPHA) {
        Verdict::Unchanged
    } else {
        Verdict::Inconclusive
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(n: usize) -> Vec<Point> {
        let point = |i: usize| Point {
            run: format!("r{i}"),
            at: format!("2026-11-{:02}T09:00:00Z", i + 1),
            version: "0.1.0".into(),
            revision: "".into(),
        };
        (0..n).map(point).collect()
    }

    fn accepted(values: &[f64], run: &str) -> AcceptedLevel {
        AcceptedLevel {
            values: values.to_vec(),
            at: "2026-11-01T10:00:00Z".into(),
            by: "a tester".into(),
            reason: "right".into(),
            run: run.into(),
            is_baseline: false,
        }
    }

    fn traced(name: &str, values: &[f64], accepted: Option<AcceptedLevel>) -> Trend {
        let series = Series {
            measure: Measure::named(name),
            values: values.to_vec(),
            accepted,
        };
        trace(series, &points(values.len()))
    }

    /// Values around 1 with a scatter of 1 %, and a step.
    fn noisy(n: usize, scale: impl Fn(usize) -> f64) -> Vec<f64> {
        let wobble = [0.3, -1.1, 0.8, -0.2, 1.2, -0.7, 0.1, -0.9, 0.6, -0.1];
        (0..n)
            .map(|i| scale(i) * (1.0 + 0.01 * wobble[(i * 7) % 10]))
            .collect()
    }

    #[test]
    fn a_step_is_found_and_is_worse_until_it_is_accepted() {
        let values = noisy(28, |i| if i < 14 { 1e6 } else { 1.1e6 });
        let trend = traced("latency.p50", &values, None);
        let [shift] = trend.shifts[..] else {
            panic!("{:?}", trend.shifts)
        };
        assert_eq!(
            (shift.at, shift.is_worse, shift.candidate),
            (14, true, false)
        );
        assert!((shift.change() - 0.1).abs() < 0.01, "{shift:?}");
        assert!(trend.is_worse());
        let trend = traced("latency.p50", &values, Some(accepted(&values[18..], "r27")));
        assert!(trend.shifts[0].accepted && !trend.is_worse());
    }

    #[test]
    fn where_more_is_better_a_rise_is_an_improvement() {
        let values = noisy(28, |i| if i < 14 { 100.0 } else { 120.0 });
        let trend = traced(
            "throughput.ok",
            &values,
            Some(accepted(&values[..10], "r9")),
        );
        assert!(!trend.shifts[0].is_worse);
        let against = trend.present.expect("a level").against.expect("accepted");
        assert_eq!(against.verdict, Verdict::Improved);
        let (low, high) = against.interval.expect("many values");
        assert!(low < 0.2 && 0.2 < high && low > 0.17, "{low} {high}");
    }

    #[test]
    fn slow_drift_adds_up_against_the_accepted_level() {
        // Half a percent a run: no step anywhere near what is allowed.
        let values = noisy(24, |i| 1e6 * 1.005_f64.powi(i32::try_from(i).expect("few")));
        let trend = traced("latency.p50", &values, Some(accepted(&values[..5], "r4")));
        let against = trend.present.as_ref().and_then(|p| p.against.as_ref());
        let against = against.expect("accepted");
        assert_eq!(against.verdict, Verdict::Regressed);
        assert!(against.change > 0.05, "{}", against.change);
        assert!(trend.is_worse());
    }

    #[test]
    fn no_errors_before_and_now_is_unchanged_and_not_undefined() {
        let trend = traced("errors.rate", &[0.0; 12], Some(accepted(&[0.0; 5], "r4")));
        let against = trend.present.expect("a level").against.expect("accepted");
        assert_eq!((against.verdict, against.change), (Verdict::Unchanged, 0.0));
        assert!(trend.note.is_some_and(|n| n.contains("zero")));
        let trend = traced("errors.rate", &[0.02; 12], Some(accepted(&[0.0; 5], "r4")));
        assert!(trend.is_worse());
    }

    #[test]
    fn a_single_accepted_run_gives_a_wide_interval_and_no_run_none() {
        let values = noisy(12, |_| 1e6);
        let trend = traced("latency.p50", &values, Some(accepted(&values[..1], "r0")));
        let against = trend.present.expect("a level").against.expect("accepted");
        assert!(against.interval.is_some());
        let trend = traced("latency.p50", &[1e6], Some(accepted(&[1e6], "r0")));
        let against = trend.present.expect("a level").against.expect("accepted");
        assert_eq!(
            (against.verdict, against.interval),
            (Verdict::Inconclusive, None)
        );
        let trend = traced("latency.p50", &[f64::NAN; 3], None);
        assert_eq!(trend.present, None);
    }

    #[test]
    fn a_spoiled_round_keeps_its_cpu_and_loses_its_latency() {
        use super::super::builder::{Build, outline};
        let outline = outline(&["pay"], Vec::new());
        let clean = Build::of(0, 1.0).cpu(100.0);
        let spoiled = Build::of(1, 9.0).cpu(100.0).stolen(0.31);
        let third = Build::of(2, 1.0).cpu(100.0);
        let rounds = [&clean.0, &spoiled.0, &third.0];
        let found = rounds_that_count(&rounds, &outline);
        let of = |name: &str| {
            found
                .iter()
                .find(|m| m.name == name)
                .map(|m| m.rounds.len())
        };
        assert_eq!(of("latency.p50"), Some(2));
        assert_eq!(of("cpu.per-request"), Some(3));
        let found = rounds_that_count(&[&spoiled.0], &outline);
        assert!(!found.iter().any(|m| m.name.starts_with("latency")));
        assert!(found.iter().any(|m| m.name == "cpu.per-request"));
    }
}
