//! The checked plan: after this nothing can be wrong, so nothing re-checks.

mod fault;
mod observed;
mod phase;
mod step;
mod target;

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

pub use fault::{Effect, Fault, Impairment, Slice};
pub use observed::{HealthProbe, ProcessRule};
pub use phase::{
    Arrivals, Entry, Guard, GuardAction, Load, Phase, Profile, Recording, Search, Users,
};
pub use step::{
    Capture, DataOrder, DataSet, Encoding, Expect, Find, Journey, Part, Request, Retry, RetryOn,
    Secret, Source, Step, Template, Think,
};
pub use target::{
    Certificate, Command, Http, MostRate, Overflow, Ready, Scheme, Target, Timeouts, Tls, Url,
    Version,
};

use crate::alert::Alert;
use crate::model::{
    AlertGate, FaultOutline, JourneyOutline, Outline, PhaseOutline, TargetOutline, Threshold,
};
use crate::mutant::{self, Mutant};
use crate::units::Nanos;

/// What to do, completely.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub name: String,
    pub description: String,
    pub seed: u64,
    pub target: Target,
    /// At least one; of all journeys, one journey after the other, then those that only recordings
    /// count under.
    pub steps: Vec<Step>,
    /// What one visitor does. A step belongs to at most one; a `[[step]]` is a journey alone. Empty
    /// when all phases are replays that bring their own steps.
    pub journeys: Vec<Journey>,
    /// Rows that fill the gaps of requests.
    pub data: Vec<DataSet>,
    /// At least one that is no warm-up.
    pub phases: Vec<Phase>,
    pub thresholds: Vec<Threshold>,
    /// What is done to the traffic, in the order of its time; no two at once.
    pub faults: Vec<Fault>,
    /// What stops a load that does harm.
    pub guard: Option<Guard>,
    /// Components that are asked whether they are well.
    pub health: Vec<HealthProbe>,
    /// Evaluated while a round runs; they decide nothing about the load.
    pub alerts: Vec<Alert>,
    /// Alerts that fail the run by firing.
    pub fail_on_alert: Option<AlertGate>,
    /// Whose limits these are, where they are not the scenario's own.
    pub policy: Option<Policy>,
    /// The scenario file as read; empty for a quick run.
    pub source: String,
    /// Where it was read from.
    pub file: Option<String>,
}

/// The commit that limits were taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// As the user names it.
    pub reference: String,
    /// Its full hash.
    pub commit: String,
    /// Where the checkout says otherwise, a sentence each.
    pub departures: Vec<String>,
}

impl Plan {
    /// A plan with nothing set that can be left out; it has neither steps nor phases yet.
    pub fn new(name: &str, target: Target) -> Self {
        Self {
            name: name.to_owned(),
            description: String::new(),
            seed: 42,
            target,
            steps: Vec::new(),
            journeys: Vec::new(),
            data: Vec::new(),
            phases: Vec::new(),
            thresholds: Vec::new(),
            faults: Vec::new(),
            guard: None,
            health: Vec::new(),
            alerts: Vec::new(),
            fail_on_alert: None,
            policy: None,
            source: String::new(),
            file: None,
        }
    }

    /// Makes each step, with its weight, a journey alone, in place of what was there.
    pub fn set_steps(&mut self, steps: Vec<(Step, u32)>) {
        self.journeys = steps
            .iter()
            .enumerate()
            .map(|(i, (step, weight))| Journey {
                name: step.name.clone(),
                weight: *weight,
                steps: i..i + 1,
                variables: 0,
                cookies: false,
            })
            .collect();
        self.steps = steps.into_iter().map(|(step, _)| step).collect();
    }

    /// Everything that came from the environment or a file by a placeholder: as it was read, and as it
    /// is sent.
    pub fn secrets(&self) -> BTreeSet<&str> {
        let requests = self.steps.iter().flat_map(|step| {
            let Request {
                path,
                headers,
                body,
                ..
            } = &step.request;
            headers.iter().map(|(_, value)| value).chain([path, body])
        });
        let sent = requests
            .flat_map(|template| &template.parts)
            .filter_map(|part| match part {
                Part::Secret(secret) => Some(secret),
                Part::Fixed(_) | Part::Gap { .. } => None,
            });
        let told = self.target.command.iter().flat_map(|c| &c.secrets);
        sent.chain(told).flat_map(Secret::texts).collect()
    }

    /// True for what differs from a step alone, which bears the journey's name.
    fn is_sequence(&self, journey: &Journey) -> bool {
        match &self.steps[journey.steps.clone()] {
            [only] => only.name != journey.name,
            _ => true,
        }
    }

    /// When each phase starts, from the beginning of the round.
    pub fn starts(&self) -> Vec<Nanos> {
        let mut at = Nanos::ZERO;
        self.phases
            .iter()
            .map(|phase| {
                let start = at + phase.start_after;
                at = start + phase.duration + phase.cooldown;
                start
            })
            .collect()
    }

    /// The plan as a record keeps it.
    pub fn outline(&self) -> Outline {
        // A visit of several steps may end early, so its requests are not known; those of a
        // recording are.
        let single = self.journeys.iter().all(|j| j.steps.len() == 1);
        let known = |phase: &Phase| single || matches!(phase.load, Load::Replay(_));
        let phases = self
            .phases
            .iter()
            .zip(self.starts())
            .map(|(phase, start)| PhaseOutline {
                name: phase.name.clone(),
                start,
                duration: phase.duration,
                warm_up: phase.warm_up,
                load: phase.describe_load(),
                asked: phase.asked().filter(|_| known(phase)),
            })
            .collect();
        let journeys = self
            .journeys
            .iter()
            .filter(|j| self.is_sequence(j))
            .map(|j| JourneyOutline {
                name: j.name.clone(),
                steps: j.steps.clone(),
            })
            .collect();
        Outline {
            name: self.name.clone(),
            description: self.description.clone(),
            target: self.outline_of(&self.target.url, self.target.command.as_ref()),
            steps: self.steps.iter().map(|s| s.name.clone()).collect(),
            journeys,
            phases,
            faults: self.faults.iter().map(outline_of_fault).collect(),
            thresholds: self.thresholds.clone(),
        }
    }

    /// A target loaded by this plan, as a record shows it; its certificate is trusted as the plan
    /// says.
    pub fn outline_of(&self, url: &Url, command: Option<&Command>) -> TargetOutline {
        TargetOutline {
            url: url.to_string(),
            command: command.map(|c| c.argv.clone()),
            unverified: url.scheme == Scheme::Https && self.target.tls.unverified,
            limits: command.map(|c| c.limits).unwrap_or_default(),
        }
    }

    /// SHA-256 over everything that decides the load, in hexadecimal: journeys, data, phases, faults,
    /// HTTP, timeouts, seed and limits of the target. The address, the command, thresholds, alerts and what is observed are left out,
    /// so that another build of the same service compares.
    pub fn hash(&self) -> String {
        let mut load = serde_json::json!({
            "seed": self.seed,
            "journeys": self.journeys,
            "steps": self.steps,
            "data": self.data,
            "phases": self.phases,
            "http": self.target.http,
            "timeouts": self.target.timeouts,
            "scheme": self.target.url.scheme,
            "verified": !self.target.tls.unverified || mutant::is_on(Mutant::UnverifiedUnsaid),
            "unix": self.target.unix.is_some(),
            "base": self.target.url.base,
            "guard": self.guard,
        });
        if !self.faults.is_empty() {
            load["faults"] = serde_json::json!(self.faults);
        }
        let limits = self.target.command.as_ref().map(|c| c.limits);
        if let Some(limits) = limits.filter(|limits| !limits.is_none()) {
            load["limits"] = serde_json::json!(limits);
        }
        let digest = Sha256::digest(load.to_string().as_bytes());
        digest
            .iter()
            .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    }
}

fn outline_of_fault(fault: &Fault) -> FaultOutline {
    FaultOutline {
        at: fault.at,
        duration: fault.length,
        what: fault.effect.to_string(),
    }
}
