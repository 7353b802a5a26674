//! How a reading is put together.

use crate::model::{Fitness, Reading, Topic};

impl Reading {
    /// With nothing against it.
    pub(super) fn new(topic: Topic, name: &'static str, value: impl Into<String>) -> Self {
        Self {
            topic,
            name,
            value: value.into(),
            verdict: Fitness::Fine,
            costs: None,
            mend: None,
        }
    }

    /// Of what the machine does not tell.
    pub(super) fn untold(topic: Topic, name: &'static str) -> Self {
        Self {
            verdict: Fitness::NotTold,
            ..Self::new(topic, name, "not told here")
        }
    }

    /// Of a value that may be missing.
    pub(super) fn maybe(topic: Topic, name: &'static str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => Self::new(topic, name, value.to_string()),
            None => Self::untold(topic, name),
        }
    }

    /// Says what it costs and how to mend it, whatever the verdict.
    pub(super) fn but(mut self, costs: impl Into<String>, mend: impl Into<String>) -> Self {
        self.costs = Some(costs.into());
        self.mend = Some(mend.into());
        self
    }

    /// It costs precision.
    pub(super) fn costs(self, costs: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            verdict: Fitness::Costs,
            ..self.but(costs, mend)
        }
    }

    /// It spoils rounds.
    pub(super) fn spoils(self, costs: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            verdict: Fitness::Spoils,
            ..self.but(costs, mend)
        }
    }
}
