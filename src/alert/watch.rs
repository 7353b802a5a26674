//! Follows a round and says what its alerts do.
//!
//! A second is judged once both the load and the sampler have been heard beyond it, and on nothing
//! later than itself. So the same events come of the same round however its parts arrive: live, or
//! all at once from the record.

use std::collections::BTreeMap;

use super::expression::Answer;
use super::rule::Alert;
use super::syntax::NAME;
use super::value::{LabelSet, shown};
use crate::model::{AlertEvent, AlertState, Interval, Sample};
use crate::series::{Follower, Table};
use crate::units::Nanos;
use crate::untrusted::Untrusted;

/// Changes of one alert that are recorded for each kind: what flaps does not fill the record.
const MOST_CHANGES: usize = 100;

/// Seconds between two times at which old points are let go of.
const FORGETS_EVERY: u64 = 30;

/// The alerts of one round.
#[derive(Debug, Clone)]
pub struct Watch {
    rules: Vec<Rule>,
    follower: Follower,
    /// Seconds before a moment that any of them looks at.
    reach: f64,
    /// Up to where the load and the sampler were heard, in seconds.
    loaded: f64,
    sampled: f64,
    /// The second that is judged next.
    next: u64,
}

#[derive(Debug, Clone)]
struct Rule {
    alert: Alert,
    active: BTreeMap<LabelSet, Active>,
    /// The last evaluation had no value.
    lost: bool,
    /// Changes told of what fired, and of what did not.
    told: [usize; 2],
}

#[derive(Debug, Clone, Copy)]
struct Active {
    since: Nanos,
    fires: bool,
    value: f64,
}

impl Watch {
    /// Of a round of a plan with these steps.
    pub fn new(alerts: &[Alert], steps: &[String]) -> Self {
        let reach = alerts.iter().map(|a| a.expr.reach()).max();
        Self {
            rules: alerts.iter().cloned().map(Rule::new).collect(),
            follower: Follower::new(steps),
            reach: reach.unwrap_or_default().as_secs_f64() + 1.0,
            loaded: 0.0,
            sampled: 0.0,
            next: 1,
        }
    }

    /// All that the alerts did in a round that is over.
    pub fn over<'a>(
        mut self,
        intervals: impl Iterator<Item = &'a Interval>,
        samples: impl Iterator<Item = &'a Sample>,
    ) -> Vec<AlertEvent> {
        let mut events = Vec::new();
        for interval in intervals {
            events.extend(self.interval(interval));
        }
        for sample in samples {
            events.extend(self.sample(sample));
        }
        events.extend(self.finish());
        events
    }

    /// Takes in what the load showed.
    pub fn interval(&mut self, interval: &Interval) -> Vec<AlertEvent> {
        if self.rules.is_empty() {
            return Vec::new();
        }
        self.follower.interval(interval);
        self.loaded = (interval.start + interval.length).as_secs_f64();
        self.judge(self.loaded.min(self.sampled))
    }

    /// Takes in what the sampler saw.
    pub fn sample(&mut self, sample: &Sample) -> Vec<AlertEvent> {
        if self.rules.is_empty() {
            return Vec::new();
        }
        self.follower.sample(sample);
        self.sampled = sample.at.as_secs_f64();
        self.judge(self.loaded.min(self.sampled))
    }

    /// Judges what is left when nothing more comes.
    pub fn finish(&mut self) -> Vec<AlertEvent> {
        self.judge(self.loaded)
    }

    fn judge(&mut self, upto: f64) -> Vec<AlertEvent> {
        let mut events = Vec::new();
        while self.next as f64 <= upto {
            let second = self.next;
            let at = Nanos::from_secs(second);
            for rule in &mut self.rules {
                if at.0.is_multiple_of(rule.alert.every.0) {
                    events.extend(rule.step(self.follower.table(), at));
                }
            }
            if second.is_multiple_of(FORGETS_EVERY) {
                self.follower.forget_before(second as f64 - self.reach);
            }
            self.next += 1;
        }
        events
    }
}

impl Rule {
    fn new(alert: Alert) -> Self {
        Self {
            alert,
            active: BTreeMap::new(),
            lost: false,
            told: [0; 2],
        }
    }

    /// One evaluation.
    fn step(&mut self, table: &Table, at: Nanos) -> Vec<AlertEvent> {
        let answers = self.alert.expr.at(table, at.as_secs_f64());
        let found = answers
            .map_err(|error| error.to_string())
            .and_then(|answers| self.labelled(answers));
        let found = match found {
            Ok(found) => found,
            Err(error) => return self.without_value(at, error),
        };
        self.lost = false;
        let mut events = self.ended(&found, at);
        for (labels, (series, value)) in found {
            let new = Active {
                since: at,
                fires: false,
                value,
            };
            let is_new = !self.active.contains_key(&labels);
            let active = self.active.entry(labels.clone()).or_insert(new);
            active.value = value;
            let state = if !active.fires && at.saturating_sub(active.since) >= self.alert.hold {
                active.fires = true;
                AlertState::Firing
            } else if is_new {
                AlertState::Pending
            } else {
                continue;
            };
            let annotations = self.alert.annotations.render(value, &series);
            let annotations = annotations.map(|(name, text)| (name, Untrusted::new(text)));
            let annotations = annotations.collect();
            events.extend(self.event(at, state, labels, value, annotations));
        }
        events
    }

    /// The answers by the labels of the alert: of the series, without its name, and of the rule.
    fn labelled(
        &self,
        answers: Vec<Answer>,
    ) -> Result<BTreeMap<LabelSet, (LabelSet, f64)>, String> {
        let mut found = BTreeMap::new();
        for (mut series, value) in answers {
            series.remove(NAME);
            let mut labels = series.clone();
            labels.extend(self.alert.labels.render(value, &series));
            labels.retain(|_, value| !value.is_empty());
            if found.insert(labels.clone(), (series, value)).is_some() {
                return Err(format!("several series have the labels {}", shown(&labels)));
            }
        }
        Ok(found)
    }

    /// What was active and is no longer.
    fn ended(&mut self, found: &BTreeMap<LabelSet, (LabelSet, f64)>, at: Nanos) -> Vec<AlertEvent> {
        let over: Vec<LabelSet> = self
            .active
            .keys()
            .filter(|labels| !found.contains_key(*labels))
            .cloned()
            .collect();
        let mut events = Vec::new();
        for labels in over {
            let Some(active) = self.active.remove(&labels) else {
                continue;
            };
            let state = if active.fires {
                AlertState::Resolved
            } else {
                AlertState::Lapsed
            };
            events.extend(self.event(at, state, labels, active.value, BTreeMap::new()));
        }
        events
    }

    /// Says so once; what was active stays so, since nothing says otherwise.
    fn without_value(&mut self, at: Nanos, error: String) -> Vec<AlertEvent> {
        if std::mem::replace(&mut self.lost, true) {
            return Vec::new();
        }
        let reason = [("error".to_owned(), Untrusted::new(error))].into();
        let state = AlertState::Unevaluated;
        self.event(at, state, LabelSet::new(), f64::NAN, reason)
            .into_iter()
            .collect()
    }

    fn event(
        &mut self,
        at: Nanos,
        state: AlertState,
        labels: LabelSet,
        value: f64,
        annotations: BTreeMap<String, Untrusted>,
    ) -> Option<AlertEvent> {
        let fired = matches!(state, AlertState::Firing | AlertState::Resolved);
        let told = &mut self.told[usize::from(fired)];
        *told += 1;
        (*told <= MOST_CHANGES).then(|| AlertEvent {
            at,
            alert: self.alert.name.clone(),
            state,
            labels,
            value: value.is_finite().then_some(value),
            annotations,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::rule::Wording;
    use super::super::{Expression, Fault};
    use super::*;
    use crate::model::{Cell, ErrorClass, Scraped, SeriesName};

    fn alert(expr: &str, hold: u64) -> Result<Alert, Fault> {
        let mut annotations = Wording::default();
        annotations.add("summary", "{{ $labels.pool }} at {{ $value }}")?;
        let mut labels = Wording::default();
        labels.add("severity", "warning")?;
        Ok(Alert {
            name: "A".to_owned(),
            expr: Expression::parse(expr)?,
            hold: Nanos::from_secs(hold),
            every: Nanos::SECOND,
            labels,
            annotations,
        })
    }

    /// A second with so many failures of a hundred requests.
    fn interval(second: u64, failed: u64) -> Interval {
        let mut cell = Cell::default();
        cell.tally.due = 100;
        cell.tally.sent = 100;
        cell.tally.answered = 100 - failed;
        cell.tally.failures.add(ErrorClass::Status5xx, failed);
        Interval {
            start: Nanos::from_secs(second),
            length: Nanos::SECOND,
            cells: vec![cell],
            ..Interval::default()
        }
    }

    /// What pools of a target were at, a little after the second.
    fn sample(second: u64, pools: &[(&str, f64)]) -> Sample {
        let scraped = pools.iter().map(|(pool, value)| Scraped {
            series: SeriesName::new("pool_in_use", &[("pool", pool)]),
            value: *value,
        });
        Sample {
            at: Nanos(second * Nanos::SECOND.0 + 300_000),
            scraped: scraped.collect(),
            ..Sample::default()
        }
    }

    /// `second state labels value`
    fn told(events: &[AlertEvent]) -> Vec<String> {
        events
            .iter()
            .map(|e| {
                let value = e.value.map_or_else(String::new, |v| format!(" {v}"));
                format!("{} {} {}{value}", e.at, e.state.name(), e.name())
            })
            .collect()
    }

    fn over(expr: &str, hold: u64, intervals: &[Interval], samples: &[Sample]) -> Vec<AlertEvent> {
        let alert = alert(expr, hold).expect("an alert");
        Watch::new(&[alert], &[]).over(intervals.iter(), samples.iter())
    }

    #[test]
    fn an_alert_is_pending_for_its_time_then_fires_then_is_resolved() {
        let failed = [0, 9, 0, 9, 9, 9, 9, 0, 0];
        let intervals: Vec<_> = (0..).zip(failed).map(|(s, f)| interval(s, f)).collect();
        let expr = "plimsoll_error_ratio > 0.05";
        assert_eq!(
            told(&over(expr, 2, &intervals, &[])),
            [
                "2 s pending A (warning) 0.09",
                "3 s lapsed A (warning) 0.09",
                "4 s pending A (warning) 0.09",
                "6 s firing A (warning) 0.09",
                "8 s resolved A (warning) 0.09",
            ]
        );
        let at_once = told(&over(expr, 0, &intervals, &[]));
        assert_eq!(at_once[0], "2 s firing A (warning) 0.09");
        assert_eq!(at_once.len(), 4);
    }

    #[test]
    fn each_set_of_labels_is_an_alert_of_its_own() {
        let intervals: Vec<_> = (0..5).map(|s| interval(s, 0)).collect();
        let samples = [
            sample(0, &[("a", 9.0), ("b", 1.0)]),
            sample(1, &[("a", 9.0), ("b", 8.0)]),
            sample(2, &[("b", 8.0)]),
            sample(3, &[("b", 1.0)]),
        ];
        let events = over("pool_in_use > 5", 0, &intervals, &samples);
        assert_eq!(
            told(&events),
            [
                "1 s firing A (warning) {pool=\"a\"} 9",
                "2 s firing A (warning) {pool=\"b\"} 8",
                "3 s resolved A (warning) {pool=\"a\"} 9",
                "4 s resolved A (warning) {pool=\"b\"} 8",
            ],
            "what a scrape no longer shows is over"
        );
        assert_eq!(events[1].summary().expect("filled").raw(), "b at 8");
    }

    #[test]
    fn an_expression_without_a_value_says_so_once_and_resolves_nothing() {
        let intervals: Vec<_> = (0..6).map(|s| interval(s, 0)).collect();
        let samples = [
            sample(0, &[("a", 9.0)]),
            sample(1, &[("a", 9.0), ("b", 9.0)]),
            sample(2, &[("a", 9.0), ("b", 9.0)]),
            sample(3, &[("a", 9.0)]),
        ];
        let expr = "vector(1) * on () pool_in_use";
        assert_eq!(
            told(&over(expr, 0, &intervals, &samples)),
            ["1 s firing A (warning) 9", "2 s not evaluated A",]
        );
    }

    #[test]
    fn what_flaps_does_not_fill_the_record_nor_hide_what_fires() {
        let intervals: Vec<_> = (0..1000)
            .map(|s| interval(s, if s < 900 { s % 2 * 9 } else { 9 }))
            .collect();
        let events = over("plimsoll_error_ratio > 0.05", 5, &intervals, &[]);
        assert_eq!(events.len(), MOST_CHANGES + 1);
        assert_eq!(events[MOST_CHANGES].state, AlertState::Firing);
    }

    #[test]
    fn the_same_events_come_of_the_same_round_however_it_arrives() {
        let mut drawn = 0;
        let alerts: Vec<Alert> = [
            "rate(plimsoll_failed_total[5s]) > 4",
            "pool_in_use > 5 and on () plimsoll_error_ratio < 0.1",
            "max_over_time(pool_in_use[10s]) - pool_in_use > 3",
            "absent(pool_in_use{pool=\"b\"})",
        ]
        .iter()
        .map(|expr| alert(expr, 2).expect("an alert"))
        .collect();
        let mut any = |below: u64| {
            drawn += 1;
            crate::random::mix(7, drawn) % below
        };
        let intervals: Vec<_> = (0..120).map(|s| interval(s, any(12))).collect();
        let samples: Vec<_> = (0..=120)
            .map(|s| {
                let pools = [("a", any(10) as f64), ("b", any(10) as f64)];
                sample(s, &pools[..=usize::from(any(9) > 0)])
            })
            .collect();
        let whole = Watch::new(&alerts, &[]).over(intervals.iter(), samples.iter());
        assert!(whole.len() > 50, "{}", whole.len());
        for _ in 0..20 {
            let mut watch = Watch::new(&alerts, &[]);
            let mut events = Vec::new();
            let (mut i, mut s) = (0, 0);
            while i < intervals.len() || s < samples.len() {
                let load_first = s == samples.len() || (i < intervals.len() && any(2) == 0);
                if load_first {
                    events.extend(watch.interval(&intervals[i]));
                    i += 1;
                } else {
                    events.extend(watch.sample(&samples[s]));
                    s += 1;
                }
            }
            events.extend(watch.finish());
            assert_eq!(events, whole);
        }
    }

    #[test]
    fn memory_is_bounded_by_what_the_longest_range_needs() {
        let alert = alert("rate(plimsoll_failed_total[20s]) > 1", 0).expect("an alert");
        let mut watch = Watch::new(&[alert], &[]);
        for s in 0..1000 {
            watch.sample(&sample(s, &[("a", 1.0)]));
            watch.interval(&interval(s, 0));
        }
        let table = watch.follower.table();
        let longest = table.iter().map(|(_, series)| series.0.len()).max();
        assert!(longest.is_some_and(|n| n <= 60), "{longest:?}");
    }
}
