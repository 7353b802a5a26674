//! Rounds of which only their values are known: from a file, or from another tool.

use serde::{Deserialize, Serialize};

use super::{Arm, Change, Metric, Outline, Round, Scope, Threshold};

/// A value that a round was given, because somebody else measured it. It is taken as it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Given {
    pub metric: Metric,
    #[serde(default)]
    pub scope: Scope,
    /// In the unit of the metric.
    pub value: f64,
}

impl Given {
    /// A value over all of a round.
    pub fn whole(metric: Metric, value: f64) -> Self {
        Self {
            metric,
            scope: Scope::default(),
            value,
        }
    }

    /// A value of one step.
    pub fn step(metric: Metric, step: &str, value: f64) -> Self {
        Self {
            scope: Scope {
                step: Some(step.to_owned()),
                ..Scope::default()
            },
            ..Self::whole(metric, value)
        }
    }
}

/// A table of values: a metric a column, a round a row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Values {
    pub metrics: Vec<Metric>,
    /// Each as long as `metrics`.
    pub rows: Vec<Vec<f64>>,
}

impl Values {
    /// A plan in which every metric gates, by its default allowance where none is named here.
    pub fn outline(&self, name: &str, allowed: &[(Metric, Change)]) -> Outline {
        let change = |metric: Metric| {
            let named = allowed.iter().find(|(m, _)| *m == metric);
            named.map_or_else(|| metric.default_change(), |(_, change)| *change)
        };
        Outline {
            name: name.to_owned(),
            thresholds: self
                .metrics
                .iter()
                .map(|&metric| Threshold {
                    max_change: Some(change(metric)),
                    ..Threshold::on(metric)
                })
                .collect(),
            ..Outline::default()
        }
    }

    /// The rows as rounds of one arm. Row i is the i-th pair of a paired comparison.
    pub fn rounds(&self, arm: Arm) -> Vec<Round> {
        let rows = self.rows.iter().enumerate();
        rows.map(|(index, row)| Round {
            given: self
                .metrics
                .iter()
                .zip(row)
                .map(|(&metric, &value)| Given::whole(metric, value))
                .collect(),
            ..Round::new(index, arm, index, String::new())
        })
        .collect()
    }
}
