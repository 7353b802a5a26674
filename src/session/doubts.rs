//! What a scenario asks for and this machine cannot tell, as far as it was calibrated.

use crate::diagnostic::{Diagnostic, SourceFile, scenario as codes};
use crate::judge;
use crate::model::{Better, Calibration, Change, InstrumentError, Mode, NoiseFloor, Threshold};
use crate::scenario::plan::Plan;
use crate::units::{Share, Unit};

use super::Session;
use super::floor::calibrations;
use super::measure::manifest;

/// Warnings of changes that `rounds` a side do not show here, or that lie below the instrument's error.
/// Nothing is known, and nothing said, without a calibration of the plan on this machine.
pub fn doubts(session: &Session, plan: &Plan, rounds: usize) -> Vec<Diagnostic> {
    let manifest = manifest(session, plan, Mode::Check, None);
    let earlier = calibrations(session, &manifest);
    let Some(run) = earlier.first() else {
        return Vec::new();
    };
    let (outline, at) = (&run.manifest.outline, &run.manifest.started_at);
    let calibration = judge::calibrate(outline, at, &run.rounds, &[]);
    of(plan, &calibration, manifest.instrument.as_ref(), rounds)
}

fn of(
    plan: &Plan,
    calibration: &Calibration,
    instrument: Option<&InstrumentError>,
    rounds: usize,
) -> Vec<Diagnostic> {
    let floor = |t: &Threshold| {
        let same = |f: &&NoiseFloor| (f.metric, &f.scope, f.over) == (t.metric, &t.scope, t.over);
        calibration.floors.iter().find(same)
    };
    let day = calibration.measured_at.get(..10).unwrap_or_default();
    plan.thresholds
        .iter()
        .filter_map(|threshold| Asked::of(threshold, floor(threshold)?))
        .flat_map(|asked| [asked.too_few(rounds, day), asked.below(instrument)])
        .flatten()
        .map(|(diagnostic, line)| placed(plan, diagnostic, line))
        .collect()
}

/// A change that is allowed, beside the noise of its metric.
struct Asked<'a> {
    threshold: &'a Threshold,
    floor: &'a NoiseFloor,
    /// As a share of the typical value, its floor included.
    allowed: f64,
}

impl<'a> Asked<'a> {
    fn of(threshold: &'a Threshold, floor: &'a NoiseFloor) -> Option<Self> {
        let Some(Change::Relative(share)) = threshold.max_change else {
            return None;
        };
        let least = threshold.min_change.unwrap_or(0.0) / floor.typical;
        (floor.typical > 0.0).then(|| Self {
            threshold,
            floor,
            allowed: share.max(least),
        })
    }

    /// `+3 %`, in the direction that is worse.
    fn change(&self) -> String {
        let sign = match self.threshold.metric.better() {
            Better::Lower => "+",
            Better::Higher => "−",
        };
        format!("{sign}{}", Share(self.allowed))
    }

    fn too_few(&self, rounds: usize, day: &str) -> Option<(Diagnostic, Option<usize>)> {
        let known = &self.floor.detectable;
        let now = known
            .iter()
            .rev()
            .find(|d| d.rounds <= rounds)
            .or(known.first())?;
        if now.stored <= self.allowed {
            return None;
        }
        let name = self.floor.name();
        let message = format!(
            "{name} may change by {}, and {} rounds show changes over {} here",
            self.change(),
            now.rounds,
            Share(now.stored)
        );
        let enough = known.iter().find(|d| d.stored <= self.allowed);
        let interleaved = now.interleaved.filter(|share| *share <= self.allowed);
        let help = match (enough, interleaved) {
            (Some(enough), _) => format!("--max-rounds {} would show it", enough.rounds),
            (None, Some(share)) => format!(
                "measure the other build now, with --against-command: {} shows then",
                Share(share)
            ),
            (None, None) => format!(
                "allow {} or more: plimsoll calibrate proposes thresholds that fit",
                Share(now.stored),
            ),
        };
        let diagnostic = Diagnostic::warning(&codes::TOO_FEW_ROUNDS, message)
            .because(format!(
                "so the calibration of {day} found: it would mostly stay inconclusive"
            ))
            .help(help);
        Some((diagnostic, self.threshold.line))
    }

    fn below(&self, instrument: Option<&InstrumentError>) -> Option<(Diagnostic, Option<usize>)> {
        let error = instrument?.of(self.threshold.metric)?;
        let size = self.allowed * self.floor.typical;
        if size >= error.0 as f64 {
            return None;
        }
        let message = format!(
            "{} of {} is {}, and the instrument's own error here is {error}",
            self.change(),
            self.floor.name(),
            Unit::Time.format(size)
        );
        let diagnostic = Diagnostic::warning(&codes::NO_FLOOR, message)
            .because(format!(
                "it is about {} here, and a change below the error cannot be told from it",
                Unit::Time.format(self.floor.typical)
            ))
            .help(format!(
                "add min-change = \"{}\"",
                error.to_string().replace(' ', "")
            ));
        Some((diagnostic, self.threshold.line))
    }
}

/// The diagnostic at a line of the scenario.
fn placed(plan: &Plan, diagnostic: Diagnostic, line: Option<usize>) -> Diagnostic {
    let (Some(name), Some(line)) = (&plan.file, line) else {
        return diagnostic;
    };
    let before: usize = plan
        .source
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let text = plan.source[before..].lines().next().unwrap_or_default();
    let file = SourceFile {
        name: name.clone(),
        text: plan.source.as_str().into(),
    };
    diagnostic.at(
        &file,
        before..before + text.trim_end().len(),
        "this threshold",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::render;
    use crate::model::{Detectable, Metric, Reliability, Scope, Stat};
    use crate::schedule::sample;
    use crate::units::Nanos;

    const P50: Metric = Metric::Latency(Stat::P50);

    fn calibration(detectable: &[(usize, f64, f64)]) -> Calibration {
        Calibration {
            scenario: "shop".to_owned(),
            measured_at: "2026-11-20T10:00:00Z".to_owned(),
            rounds: 20,
            spoiled: 0,
            idle_pressure: None,
            steal: (0.0, 0.0),
            floors: vec![NoiseFloor {
                metric: P50,
                scope: Scope::default(),
                over: None,
                gating: true,
                rounds: 20,
                noisy: false,
                typical: 80_000.0,
                sd: 0.02,
                sd_interval: (0.01, 0.03),
                pair_sd: None,
                detectable: detectable
                    .iter()
                    .map(|&(rounds, stored, interleaved)| Detectable {
                        rounds,
                        stored,
                        interleaved: Some(interleaved),
                    })
                    .collect(),
                allowed: Change::Relative(0.05),
                proposed: None,
            }],
            without: Vec::new(),
            rounds_proposed: 10,
            reliability: Reliability::default(),
        }
    }

    fn plan(change: f64, floor: Option<f64>) -> Plan {
        let mut plan = sample::plan();
        plan.source = "name = \"shop\"\n\n[[threshold]]\nmetric = \"latency.p50\"\n".to_owned();
        plan.file = Some("shop.toml".to_owned());
        plan.thresholds = vec![Threshold {
            max_change: Some(Change::Relative(change)),
            min_change: floor,
            line: Some(3),
            ..Threshold::on(P50)
        }];
        plan
    }

    fn shown(plan: &Plan, calibration: &Calibration, rounds: usize) -> String {
        let instrument = InstrumentError {
            schema: 2,
            measured_at: String::new(),
            machine: String::new(),
            errors: [("p50".to_owned(), Nanos(6_000))].into(),
        };
        render(&of(plan, calibration, Some(&instrument), rounds), false)
    }

    #[test]
    fn what_the_rounds_do_not_show_is_said_with_what_would() {
        let found = calibration(&[
            (3, 0.3, 0.2),
            (5, 0.2, 0.15),
            (10, 0.13, 0.08),
            (20, 0.09, 0.05),
        ]);
        let asked = plan(0.1, None);
        insta::assert_snapshot!(shown(&asked, &found, 10));
        assert_eq!(shown(&asked, &found, 20), "", "enough rounds");
        assert_eq!(
            shown(&plan(0.1, Some(16_000.0)), &found, 10),
            "",
            "a floor of 20 %"
        );
        let tight = shown(&plan(0.05, Some(6_400.0)), &found, 10);
        assert!(tight.contains("--against-command"), "{tight}");
    }

    #[test]
    fn a_change_below_the_instrument_wants_a_floor() {
        let found = calibration(&[(10, 0.01, 0.01)]);
        insta::assert_snapshot!(shown(&plan(0.05, None), &found, 10));
    }
}
