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
                if at.0 % rule.alert.every.0 == 0 {
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
