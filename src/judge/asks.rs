//! Which metrics are judged, which of them gate, and what they may do.
//!
//! The thresholds of the scenario gate. Where none limits a change, a default set does, and a rise
//! of the error rate always does. The rest is shown for information, what a round was given included.

use super::question::Question;
use super::rounds::{Readings, Rounds};
use super::values::Quantity;
use crate::model::{Change, Design, Estimate, Metric, Scope, Stat, Threshold, label};
use crate::units::Nanos;

/// One row of the comparison before it is filled.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ask {
    pub(super) metric: Metric,
    pub(super) scope: Scope,
    /// Counts towards the verdict.
    pub(super) gating: bool,
    /// Nobody asked for the change, so it counts only when it is worse: an alarm, and no proof of
    /// sameness.
    pub(super) alarm: bool,
    /// Allowed change; None when only the absolute limit is asked for.
    pub(super) allowed: Option<Change>,
    pub(super) max: Option<f64>,
    pub(super) min_change: Option<f64>,
    /// Length of the windows, the worst of which is asked for; None: the whole of the scope.
    pub(super) over: Option<Nanos>,
    pub(super) line: Option<usize>,
}

impl Ask {
    fn of(metric: Metric, gating: bool) -> Self {
        Self {
            metric,
            scope: Scope::default(),
            gating,
            alarm: false,
            allowed: Some(metric.default_change()),
            max: None,
            min_change: metric.default_floor(),
            over: None,
            line: None,
        }
    }

    /// True when the row is asked for its change against the reference.
    pub(super) const fn wants_change(&self) -> bool {
        self.allowed.is_some()
    }

    /// The same metric over the whole scenario, with no allowance of its own yet.
    fn can_take(&self, metric: Metric) -> bool {
        self.metric == metric && self.scope == Scope::default() && self.over.is_none()
    }

    pub(super) fn name(&self) -> String {
        label(self.metric, &self.scope, self.over)
    }

    pub(super) const fn quantity(&self) -> Quantity {
        Quantity {
            metric: self.metric,
            over: self.over,
        }
    }
}

/// Metrics that are shown even when nobody asked, in this order.
const USUAL: [Metric; 17] = [
    Metric::Latency(Stat::P50),
    Metric::Latency(Stat::P90),
    Metric::Latency(Stat::P95),
    Metric::Latency(Stat::P99),
    Metric::Latency(Stat::P999),
    Metric::Latency(Stat::Max),
    Metric::Latency(Stat::Mean),
    Metric::ServiceTime(Stat::P50),
    Metric::ThroughputOk,
    Metric::ErrorsRate,
    Metric::RecoveryTime,
    Metric::BytesIn,
    Metric::CpuPerRequest,
    Metric::CpuUtilisation,
    Metric::RssPeak,
    Metric::FdsPeak,
    Metric::ThreadsPeak,
];

/// The rows in the order they are shown: thresholds, other gating metrics, information.
pub(super) fn asked(q: &Question, rounds: &Rounds, readings: &mut Readings) -> Vec<Ask> {
    let whole = Scope::default();
    readings.read(&whole, rounds, q);
    let judges_change = |t: &Threshold| is_judged(q.design, t.metric);
    let mut asks: Vec<Ask> = q
        .outline
        .thresholds
        .iter()
        .map(|t| Ask {
            metric: t.metric,
            scope: t.scope.clone(),
            // What a duet cannot judge is shown and listed as not evaluated.
            gating: q.design != Design::Duet || (judges_change(t) && t.max_change.is_some()),
            alarm: false,
            allowed: t.max_change.filter(|_| judges_change(t)),
            max: t.max.filter(|_| q.design != Design::Duet),
            min_change: t.min_change,
            over: t.over,
            line: t.line,
        })
        .collect();
    for ask in &asks {
        readings.read(&ask.scope, rounds, q);
    }
    if q.design != Design::Absolute {
        if asks.iter().all(|a| !a.wants_change()) {
            let gates = default_gates(readings);
            for metric in gates.into_iter().filter(|m| is_judged(q.design, *m)) {
                gate(&mut asks, metric);
            }
        }
        if !rounds.are_bare()
            && let Some(errors) = gate(&mut asks, Metric::ErrorsRate)
        {
            errors.alarm = true;
        }
    }
    for metric in USUAL {
        let asked = asks.iter().any(|a| a.can_take(metric));
        let (before, now) = readings.of(&whole);
        let measured = now
            .iter()
            .chain(before)
            .any(|r| r.value(metric) != Estimate::Missing);
        if !asked && measured {
            let mut ask = Ask::of(metric, false);
            ask.allowed = ask.allowed.filter(|_| is_judged(q.design, metric));
            asks.push(ask);
        }
    }
    unasked_values(q, rounds, readings, &mut asks);
    asks
}

/// True when the design can tell a change of the metric from its own doing.
fn is_judged(design: Design, metric: Metric) -> bool {
    match design {
        Design::Absolute => false,
        Design::Duet => !metric.needs_process(),
        Design::Unpaired | Design::Paired => true,
    }
}

/// Adds a row for every value that was given and that nobody asked for.
fn unasked_values(q: &Question, rounds: &Rounds, readings: &mut Readings, asks: &mut Vec<Ask>) {
    for given in rounds.now.iter().flat_map(|r| &r.given) {
        let is_it =
            |a: &Ask| a.metric == given.metric && a.scope == given.scope && a.over.is_none();
        if asks.iter().any(is_it) {
            continue;
        }
        readings.read(&given.scope, rounds, q);
        let mut ask = Ask::of(given.metric, false);
        ask.scope = given.scope.clone();
        ask.allowed = ask.allowed.filter(|_| is_judged(q.design, given.metric));
        asks.push(ask);
    }
}

/// Lets a metric gate by its default allowance, in the row it already has or in a new one; None
/// when a row asks for its change by itself.
fn gate(asks: &mut Vec<Ask>, metric: Metric) -> Option<&mut Ask> {
    let of_metric = |a: &Ask| a.can_take(metric);
    if asks.iter().any(|a| of_metric(a) && a.wants_change()) {
        return None;
    }
    match asks.iter().position(of_metric) {
        Some(i) => asks[i].allowed = Some(metric.default_change()),
        None => asks.push(Ask::of(metric, true)),
    }
    asks.iter_mut().find(|a| a.can_take(metric))
}

fn default_gates(readings: &Readings) -> Vec<Metric> {
    let (before, now) = readings.of(&Scope::default());
    let any = |metric: Metric, is: fn(Estimate) -> bool| {
        now.iter().chain(before).any(|r| is(r.value(metric)))
    };
    let tail = Metric::Latency(Stat::P99);
    let tail = if any(tail, |e| matches!(e, Estimate::TooFew { .. })) {
        Metric::Latency(Stat::P95)
    } else {
        tail
    };
    let mut gates = vec![Metric::Latency(Stat::P50), tail, Metric::ThroughputOk];
    if !any(Metric::CpuPerRequest, |e| e == Estimate::Missing) {
        gates.push(Metric::CpuPerRequest);
    }
    gates
}
