//! How far to trust a run: the worst that its rounds saw of generator and machine.

use crate::model::{
    Contaminant, Contamination, Disturbance, InstrumentError, Origin, Round, Run, Stat, Trust,
};
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
    /// The worst single second of each kind that is watched second by second; empty where nobody did.
    pub(in crate::report) seconds: Vec<WorstSecond>,
    /// What disturbed single seconds, by the greatest value of each kind.
    pub(in crate::report) disturbed: Vec<Disturbance>,
    pub(in crate::report) generator_errors: u64,
    pub(in crate::report) conserved: bool,
    pub(in crate::report) rounds: usize,
    /// Rounds in which something disturbed the measurement.
    pub(in crate::report) spoiled_rounds: usize,
    /// `steal 31 %` of the worst round, one for each kind.
    pub(in crate::report) spoiled_by: Vec<String>,
    /// The kinds of it.
    pub(in crate::report) spoiled_kinds: Vec<Contaminant>,
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
        let spoiled = worst_contaminations(rounds);
        Self {
            lateness_p99: trusts().map(|t| t.lateness_p99).max().unwrap_or_default(),
            lateness_max: trusts().map(|t| t.lateness_max).max().unwrap_or_default(),
            late_share: greatest(|t| t.late_share),
            steal: greatest(|t| t.steal),
            cpu_pressure: trusts().map(|t| t.cpu_pressure).fold(None, most),
            idle_cpu_pressure: trusts().map(|t| t.idle_cpu_pressure).fold(None, most),
            own_cpu: greatest(|t| t.own_cpu),
            worker_cpu: greatest(|t| t.worker_cpu),
            // A record of a Plimsoll that did not watch for it says nothing of it.
            seconds: if run.samples.iter().any(|s| s.generator.is_some()) {
                worst_seconds(&trusts().collect::<Vec<_>>())
            } else {
                Vec::new()
            },
            disturbed: worst_disturbances(rounds),
            generator_errors: trusts().fold(0, |n, t| t.generator_errors.saturating_add(n)),
            conserved: trusts().all(|t| t.conserved),
            rounds: rounds.len(),
            spoiled_rounds: rounds
                .iter()
                .filter(|r| !r.contamination.is_empty())
                .count(),
            spoiled_by: spoiled.iter().map(ToString::to_string).collect(),
            spoiled_kinds: spoiled.iter().map(|c| c.by).collect(),
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
        let mut readings = vec![
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
        ];
        let seconds = self.seconds.iter().map(|s| (s.label, s.to_string()));
        readings.extend(seconds);
        readings.extend([
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
        ]);
        readings.extend(self.suspects().map(|text| (SUSPECT, text)));
        readings
    }

    /// What disturbed single seconds, each with what it costs and how to mend it.
    pub(in crate::report) fn suspects(&self) -> impl Iterator<Item = String> + '_ {
        self.disturbed.iter().map(in_words)
    }

    /// What disturbed single seconds and spoiled no round: `standstill 120 ms, at 2 s`
    pub(in crate::report) fn harmless_suspects(&self) -> Option<String> {
        let spoils = |d: &&Disturbance| !self.spoiled_kinds.contains(&d.worst.by);
        let told = self.disturbed.iter().filter(spoils);
        let told: Vec<String> = told.map(ToString::to_string).collect();
        (!told.is_empty()).then(|| told.join("; "))
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

/// Label of what disturbed single seconds.
pub(in crate::report) const SUSPECT: &str = "Suspect";

/// `standstill 400 ms, at 2 s (allowed 100 ms): costs; help: mend`
fn in_words(disturbance: &Disturbance) -> String {
    let by = disturbance.worst.by;
    let limit = by.unit().format(disturbance.worst.limit);
    format!(
        "{disturbance} (allowed {limit}): {}; help: {}",
        by.costs(),
        by.mend()
    )
}

/// The worst second of all rounds in one respect.
#[derive(Debug, Clone, Copy)]
pub(in crate::report) struct WorstSecond {
    label: &'static str,
    /// Its name for machines.
    pub(in crate::report) key: &'static str,
    by: Contaminant,
    pub(in crate::report) value: f64,
}

impl std::fmt::Display for WorstSecond {
    /// `12 % (allowed 15 %)`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let show = |value| self.by.unit().format(value);
        let (value, limit) = (show(self.value), show(self.by.limit()));
        write!(f, "{value} (allowed {limit})")
    }
}

fn worst_seconds(trusts: &[&Trust]) -> Vec<WorstSecond> {
    type Read = fn(&Trust) -> f64;
    let rows: [(&str, &str, Contaminant, Read); 7] = [
        (
            "Load threads waiting for a core",
            "starved",
            Contaminant::Starved,
            |t| t.starved,
        ),
        (
            "Longest standstill of the generator",
            "standstill",
            Contaminant::Standstill,
            |t| t.standstill.0 as f64,
        ),
        (
            "Held back by a CPU quota",
            "throttled",
            Contaminant::Throttled,
            |t| t.throttled,
        ),
        (
            "Farthest step of a clock",
            "clock_step",
            Contaminant::ClockStep,
            |t| t.clock_step.0 as f64,
        ),
        (
            "Pages fetched back from a disk",
            "page_faults",
            Contaminant::PageFaults,
            |t| t.page_faults,
        ),
        (
            "Slowest write of the record",
            "record_delay",
            Contaminant::RecordDelay,
            |t| t.record_delay.0 as f64,
        ),
        (
            "Requests without a descriptor or port",
            "exhausted",
            Contaminant::Exhausted,
            |t| t.exhausted,
        ),
    ];
    rows.into_iter()
        .map(|(label, key, by, read)| WorstSecond {
            label,
            key,
            by,
            value: trusts.iter().map(|t| read(t)).fold(0.0, f64::max),
        })
        .collect()
}

/// Of each kind of disturbance the round in which it was worst.
fn worst_disturbances(rounds: &[Round]) -> Vec<Disturbance> {
    let all = || rounds.iter().flat_map(|r| &r.disturbed).copied();
    let kinds = Contaminant::ALL.into_iter();
    kinds
        .filter_map(|by| {
            all()
                .filter(|d| d.worst.by == by)
                .max_by(|a, b| a.worst.value.total_cmp(&b.worst.value))
        })
        .collect()
}

/// Of each kind of contamination the round that it spoiled most.
fn worst_contaminations(rounds: &[Round]) -> Vec<Contamination> {
    let worst = |by| {
        let all = rounds.iter().flat_map(|r| &r.contamination);
        let of_kind = all.filter(|c| c.by == by);
        of_kind.max_by(|a, b| a.value.total_cmp(&b.value))
    };
    let kinds = Contaminant::ALL.into_iter();
    kinds.filter_map(worst).copied().collect()
}
