//! How far to trust a run: the worst that its rounds saw of generator and machine.

use crate::model::{Contaminant, InstrumentError, Origin, Round, Run, Stat};
use crate::report::words;
use crate::units::{Nanos, Unit};

use super::Row;

/// The generator's and the machine's part, over the rounds of a run.
#[derive(Debug, Clone, Default)]
pub(in crate::report) struct TrustView {
    /// The worst of all rounds.
    pub(in crate::report) lateness_p99: Nanos,
    pub(in crate::report) lateness_max: Nanos,
    pub(in crate::report) late_share: f64,
    pub(in crate::report) steal: f64,
    pub(in crate::report) cpu_pressure: Option<f64>,
    pub(in crate::report) idle_cpu_pressure: Option<f64>,
    pub(in crate::report) own_cpu: f64,
    pub(in crate::report) worker_cpu: f64,
    pub(in crate::report) generator_errors: u64,
    pub(in crate::report) conserved: bool,
    pub(in crate::report) rounds: usize,
    /// Rounds in which something disturbed the measurement.
    pub(in crate::report) spoiled_rounds: usize,
    /// `steal 31 %` of the worst round, one for each kind.
    pub(in crate::report) spoiled_by: Vec<String>,
    /// Labels of the rows that lost rounds to noise.
    pub(in crate::report) spoiled_rows: Vec<crate::untrusted::Untrusted>,
    /// How far latencies measured on this machine are from the truth.
    pub(in crate::report) instrument: Option<InstrumentError>,
    /// Who measured it, when Plimsoll did not: then all of the above but the rounds is unknown.
    pub(in crate::report) origin: Option<Origin>,
}

impl TrustView {
    pub(super) fn new(run: &Run, rows: &[Row]) -> Self {
        let rounds = &run.rounds;
        let trusts = || rounds.iter().map(|r| &r.trust);
        let greatest = |f: fn(&crate::model::Trust) -> f64| trusts().map(f).fold(0.0_f64, f64::max);
        let most = |a: Option<f64>, b: Option<f64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (a, b) => a.or(b),
        };
        Self {
            lateness_p99: trusts().map(|t| t.lateness_p99).max().unwrap_or_default(),
            lateness_max: trusts().map(|t| t.lateness_max).max().unwrap_or_default(),
            late_share: greatest(|t| t.late_share),
            steal: greatest(|t| t.steal),
            cpu_pressure: trusts().map(|t| t.cpu_pressure).fold(None, most),
            idle_cpu_pressure: trusts().map(|t| t.idle_cpu_pressure).fold(None, most),
            own_cpu: greatest(|t| t.own_cpu),
            worker_cpu: greatest(|t| t.worker_cpu),
            generator_errors: trusts().fold(0, |n, t| t.generator_errors.saturating_add(n)),
            conserved: trusts().all(|t| t.conserved),
            rounds: rounds.len(),
            spoiled_rounds: rounds
                .iter()
                .filter(|r| !r.contamination.is_empty())
                .count(),
            spoiled_by: worst_contaminations(rounds),
            spoiled_rows: rows
                .iter()
                .filter(|r| r.spoiled() > 0)
                .map(|r| r.label.clone())
                .collect(),
            instrument: run.manifest.instrument.clone(),
            origin: run.manifest.origin.clone(),
        }
    }

    /// `p99 0.12 ms, worst 1.4 ms, 0 % later than 1 ms`
    pub(in crate::report) fn lateness(&self) -> String {
        match &self.origin {
            None => {}
            Some(Origin::Values) => {
                return "the values come from a file; nothing is known of how they were measured"
                    .to_owned();
            }
            Some(origin) => {
                return format!(
                    "measured by {origin}; nothing is known of its generator's lateness"
                );
            }
        }
        format!(
            "p99 {}, worst {}, {} of requests later than 1 ms",
            self.lateness_p99,
            self.lateness_max,
            Unit::Share.format(self.late_share)
        )
    }

    /// Label and reading of each thing that was watched.
    pub(in crate::report) fn readings(&self) -> Vec<(&'static str, String)> {
        if self.origin.is_some() {
            return vec![
                ("Lateness of the generator", self.lateness()),
                (
                    "The machine it was measured on",
                    "not known: neither steal nor CPU pressure was recorded".to_owned(),
                ),
                ("Rounds", words::plural(self.rounds, "round")),
            ];
        }
        let share = |v: f64| Unit::Share.format(v);
        let pressure = match (self.cpu_pressure, self.idle_cpu_pressure) {
            (None, _) => "not known: this kernel has no pressure information".to_owned(),
            (Some(now), None) => share(now),
            (Some(now), Some(idle)) => {
                format!("{} (before the load began: {})", share(now), share(idle))
            }
        };
        vec![
            ("Lateness of the generator", self.lateness()),
            ("CPU taken by the hypervisor (steal)", share(self.steal)),
            ("CPU pressure", pressure),
            (
                "CPU of the generator",
                format!(
                    "{} cores, busiest worker {} of its core",
                    Unit::Count.format(self.own_cpu),
                    share(self.worker_cpu)
                ),
            ),
            (
                "Every request accounted for",
                if self.conserved {
                    "yes: due = sent + unsent, sent = answered + failed".to_owned()
                } else {
                    "NO: requests were lost from the account (PL0301)".to_owned()
                },
            ),
            (
                "Failures of the generator itself",
                words::count(self.generator_errors),
            ),
            ("Error of the instrument", self.instrument_in_words()),
            ("Rounds", self.rounds_in_words()),
        ]
    }

    /// `p50 12 µs, p99 116 µs, as plimsoll doctor --instrument found it on 2026-11-26`
    fn instrument_in_words(&self) -> String {
        let Some(instrument) = &self.instrument else {
            return "not measured on this machine: `plimsoll doctor --instrument` does".to_owned();
        };
        let known = Stat::ALL.into_iter().filter_map(|stat| {
            let error = instrument.of_stat(stat)?;
            Some(format!("{} {error}", stat.name()))
        });
        let day = instrument.measured_at.split('T').next().unwrap_or_default();
        let known: Vec<String> = known.collect();
        format!(
            "{}, as `plimsoll doctor --instrument` found on {day}",
            known.join(", ")
        )
    }

    /// `5 clean`, `3 of 8 rounds spoiled by steal 31 %`
    pub(in crate::report) fn rounds_in_words(&self) -> String {
        match (self.rounds, self.spoiled_rounds) {
            (0, _) => "none was finished".to_owned(),
            (n, 0) => format!("{}, all clean", words::plural(n, "round")),
            (n, spoiled) => format!(
                "{spoiled} of {} spoiled by {}",
                words::plural(n, "round"),
                self.spoiled_by.join(", ")
            ),
        }
    }
}

fn worst_contaminations(rounds: &[Round]) -> Vec<String> {
    [
        Contaminant::Steal,
        Contaminant::CpuPressure,
        Contaminant::Lateness,
        Contaminant::OwnCpu,
    ]
    .into_iter()
    .filter_map(|by| {
        rounds
            .iter()
            .flat_map(|r| &r.contamination)
            .filter(|c| c.by == by)
            .max_by(|a, b| a.value.total_cmp(&b.value))
    })
    .map(ToString::to_string)
    .collect()
}
