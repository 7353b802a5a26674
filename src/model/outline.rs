//! The plan as a record keeps it: names and numbers enough to read the results by.

use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{FaultOutline, Metric};
use crate::units::{Bytes, Nanos};

/// What a run set out to do.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Outline {
    pub name: String,
    pub description: String,
    pub target: TargetOutline,
    pub steps: Vec<String>,
    /// Those of several steps in sequence; every other step is one alone. Empty in records from
    /// before there were journeys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub journeys: Vec<JourneyOutline>,
    pub phases: Vec<PhaseOutline>,
    /// What is done to the traffic on purpose, in the order of its time; no two at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FaultOutline>,
    pub thresholds: Vec<Threshold>,
}

impl Outline {
    pub fn phase_index(&self, name: &str) -> Option<usize> {
        self.phases.iter().position(|p| p.name == name)
    }

    pub fn step_index(&self, name: &str) -> Option<usize> {
        self.steps.iter().position(|s| s == name)
    }

    /// The steps of a journey; a step outside of those listed is one alone.
    pub fn journey(&self, name: &str) -> Option<Range<usize>> {
        if let Some(journey) = self.journeys.iter().find(|j| j.name == name) {
            return Some(journey.steps.clone());
        }
        let step = self.step_index(name)?;
        let alone = !self.journeys.iter().any(|j| j.steps.contains(&step));
        alone.then_some(step..step + 1)
    }

    /// Length of all phases together.
    pub fn duration(&self) -> Nanos {
        self.phases
            .last()
            .map_or(Nanos::ZERO, |p| p.start + p.duration)
    }

    /// Length of the phases that count.
    pub fn measured(&self) -> Nanos {
        self.phases
            .iter()
            .filter(|p| !p.warm_up)
            .fold(Nanos::ZERO, |sum, p| sum + p.duration)
    }
}

/// The target as shown to a reader.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TargetOutline {
    pub url: String,
    pub command: Option<Vec<String>>,
    /// True: any certificate was accepted, so that anybody could have answered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unverified: bool,
    /// What its processes were held to.
    #[serde(default, skip_serializing_if = "ResourceLimits::is_none")]
    pub limits: ResourceLimits,
}

/// Limits of the kernel on each process of a target that is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ResourceLimits {
    /// Of private writable memory (`RLIMIT_DATA`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Bytes>,
    /// Descriptors (`RLIMIT_NOFILE`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_files: Option<u64>,
}

impl ResourceLimits {
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for ResourceLimits {
    /// `256 MiB of memory, 64 open files`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let memory = self.memory.map(|most| format!("{most} of memory"));
        let files = self.open_files.map(|most| format!("{most} open files"));
        let all: Vec<String> = memory.into_iter().chain(files).collect();
        f.write_str(&all.join(", "))
    }
}

impl TargetOutline {
    /// What a reader knows it by: the command that starts it, or else its address.
    pub fn name(&self) -> String {
        match &self.command {
            Some(argv) => argv.join(" "),
            None => self.url.clone(),
        }
    }
}

/// Steps made in sequence by one visitor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JourneyOutline {
    pub name: String,
    /// Indices into [`Outline::steps`].
    pub steps: Range<usize>,
}

/// One phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhaseOutline {
    pub name: String,
    /// From the beginning of the round.
    pub start: Nanos,
    pub duration: Nanos,
    pub warm_up: bool,
    /// In words: `200/s poisson`, `50 connections`.
    pub load: String,
    /// Requests the plan asks for; None when the target decides (saturate).
    pub asked: Option<u64>,
}

/// A part of a scenario: everything measured, or one phase, or one step or journey, or both.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Scope {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journey: Option<String>,
}

impl fmt::Display for Scope {
    /// Empty for the whole scenario, else ` [phase steady, step pay]`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("phase", &self.phase),
            ("journey", &self.journey),
            ("step", &self.step),
        ];
        let mut open = " [";
        for (what, name) in parts {
            if let Some(name) = name {
                write!(f, "{open}{what} {name}")?;
                open = ", ";
            }
        }
        if open == ", " {
            f.write_str("]")?;
        }
        Ok(())
    }
}

/// An allowed change against the reference, in the direction that is worse.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// A share of the reference: `+10%` is 0.10.
    Relative(f64),
    /// Percentage points, for shares such as `errors.rate`: `+0.1pp` is 0.001.
    Points(f64),
}

/// A limit on one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Threshold {
    pub metric: Metric,
    #[serde(default)]
    pub scope: Scope,
    /// Absolute limit in the unit of the metric: the greatest allowed value, or the least where
    /// higher is better.
    pub max: Option<f64>,
    /// Allowed change against the reference.
    pub max_change: Option<Change>,
    /// A change smaller than this, in the unit of the metric, never counts.
    pub min_change: Option<f64>,
    /// Length of the windows, the worst of which is held to `max`; None: the whole phase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<Nanos>,
    /// True: the run ends as soon as `max` is broken.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub abort: bool,
    /// Line of the scenario file, from 1, for annotations.
    pub line: Option<usize>,
}

impl Threshold {
    /// A threshold on a metric of the whole scenario, without any limit yet.
    pub fn on(metric: Metric) -> Self {
        Self {
            metric,
            scope: Scope::default(),
            max: None,
            max_change: None,
            min_change: None,
            over: None,
            abort: false,
            line: None,
        }
    }
}
