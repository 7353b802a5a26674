//! A calibration in words, and the thresholds that it proposes as TOML.

use crate::model::{
    Better, Calibration, Change, Comparison, NoiseFloor, Outline, Reliability, Threshold,
};
use crate::units::{Nanos, Share, Unit};
use crate::untrusted::Untrusted;

use super::TextStyle;
use super::table::{Column, Table, wrap};
use super::words::plural;

const INDENT: &str = "  ";

/// The whole calibration, with what the judge said of the two equal sides.
pub fn calibration(found: &Calibration, same: &Comparison, style: TextStyle) -> String {
    let mut page = Page {
        text: String::new(),
        style,
    };
    let spoiled = match found.spoiled {
        0 => String::new(),
        n => format!(", {n} spoiled by the machine"),
    };
    let title = format!(
        "{}   {} of the same target{spoiled}   {}",
        Untrusted::new(&found.scenario).terminal(),
        plural(found.rounds, "round"),
        day(found),
    );
    page.line(&style.letters(&title));
    page.line("");
    let verdict = same.decision.verdict;
    page.said(&format!(
        "{} {verdict}: {}",
        verdict.sign(),
        same.decision.headline
    ));
    page.said(
        "Both sides were the same target, so `regressed` or `improved` would be a false alarm.",
    );
    page.floors(&found.floors);
    page.detectable(&found.floors);
    for (metric, why) in &found.without {
        page.said(&format!("{metric} has no noise floor: {why}"));
    }
    page.line("");
    page.proposed(found);
    page.line("");
    page.said(&machine(found));
    page.reliability(&found.reliability);
    page.text
}

struct Page {
    text: String,
    style: TextStyle,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn said(&mut self, text: &str) {
        let text = self.style.letters(&Untrusted::new(text).terminal());
        for line in wrap(&text, self.style.width - INDENT.len()) {
            self.line(&format!("{INDENT}{line}"));
        }
    }

    fn table(&mut self, table: &Table) {
        self.line("");
        for line in table.lay_out(self.style.width - INDENT.len(), |_, _, text| text) {
            self.line(&format!("{INDENT}{line}"));
        }
    }

    fn floors(&mut self, floors: &[NoiseFloor]) {
        let mut table = Table::new(&[
            Column::left("noise floor"),
            Column::right("typical"),
            Column::right("round to round"),
            Column::right("95 % interval").spare(2),
            Column::right("within pairs"),
            Column::left("").spare(1),
        ]);
        for f in floors {
            let (low, high) = f.sd_interval;
            let cells = [
                f.name(),
                f.metric.unit().format(f.typical),
                spread(f.sd),
                format!("{} … {}", spread(low), spread(high)),
                f.pair_sd.map_or_else(none, spread),
                match (f.gating, f.noisy) {
                    (_, true) => "on a busy machine".to_owned(),
                    (true, false) => "gates".to_owned(),
                    (false, false) => String::new(),
                },
            ];
            table.row(cells.iter().map(|c| self.style.letters(c)).collect());
        }
        self.table(&table);
    }

    fn detectable(&mut self, floors: &[NoiseFloor]) {
        let mut table = Table::new(&[
            Column::left("smallest change seen"),
            Column::left("against"),
            Column::right("3 rounds"),
            Column::right("5"),
            Column::right("10"),
            Column::right("20 a side"),
        ]);
        for f in floors.iter().filter(|f| f.gating) {
            let stored = f.detectable.iter().map(|d| share(d.stored));
            let in_turn = f
                .detectable
                .iter()
                .map(|d| d.interleaved.map_or_else(none, share));
            let mut row = |name: String, against: &str, cells: Vec<String>| {
                let mut all = vec![name, against.to_owned()];
                all.extend(cells);
                table.row(all.iter().map(|c| self.style.letters(c)).collect());
            };
            row(f.name(), "a baseline", stored.collect());
            row(String::new(), "a build in turn", in_turn.collect());
        }
        self.table(&table);
    }

    fn proposed(&mut self, found: &Calibration) {
        self.said(&format!(
            "proposed: {} a side (plimsoll check {} --max-rounds {})",
            plural(found.rounds_proposed, "round"),
            found.scenario,
            found.rounds_proposed
        ));
        for f in found.floors.iter().filter(|f| f.gating) {
            let Change::Relative(allowed) = f.allowed else {
                continue;
            };
            let name = f.name();
            self.said(&match f.proposed {
                Some(p) if p > allowed => format!(
                    "{name}: max-change = \"{}\"; the {} allowed now is finer than the noise",
                    written(f.metric.better(), p),
                    share(allowed)
                ),
                Some(p) => format!(
                    "{name}: max-change = \"{}\", as allowed now",
                    written(f.metric.better(), p)
                ),
                None => format!("{name}: too noisy here to gate on"),
            });
        }
    }

    fn reliability(&mut self, r: &Reliability) {
        if r.points.is_empty() {
            let missing = r.needed.saturating_sub(r.rounds);
            self.said(&format!(
                "how often a stated confidence is right is shown from {} on; {} {} missing",
                plural(r.needed, "round"),
                plural(missing, "more round"),
                if missing == 1 { "is" } else { "are" },
            ));
            return;
        }
        let mut table = Table::new(&[
            Column::right("stated confidence"),
            Column::right("right"),
            Column::right("verdicts"),
        ]);
        for p in &r.points {
            table.row(vec![
                format!("{:.3}", p.stated),
                format!("{:.3}", p.observed),
                p.verdicts.to_string(),
            ]);
        }
        self.table(&table);
        self.said(&format!(
            "from random splits of {} of the same target, half of them with a known change added",
            plural(r.rounds, "round")
        ));
    }
}

fn machine(found: &Calibration) -> String {
    let pressure = found.idle_pressure.map_or_else(
        || "the kernel does not say its CPU pressure".to_owned(),
        |p| format!("CPU pressure {} before the load", Share(p)),
    );
    let (usual, most) = found.steal;
    format!(
        "the machine: {pressure}; steal {}, at most {}",
        Share(usual),
        Share(most)
    )
}

fn day(found: &Calibration) -> &str {
    found.measured_at.get(..10).unwrap_or_default()
}

/// A standard deviation of logarithms as a share.
fn spread(sd: f64) -> String {
    share(sd.exp_m1())
}

fn share(share: f64) -> String {
    Unit::Share.format(share)
}

fn none() -> String {
    "–".to_owned()
}

/// The thresholds of the scenario with the proposed changes, to take the place of those in its file.
pub fn calibration_patch(found: &Calibration, outline: &Outline) -> String {
    let mut text = format!(
        "# Takes the place of every [[threshold]] in {}: {} of the same target, {}.\n\
         # Then: plimsoll check {} --max-rounds {}\n",
        found.scenario,
        plural(found.rounds, "round"),
        day(found),
        found.scenario,
        found.rounds_proposed
    );
    let is_of = |f: &NoiseFloor, t: &Threshold| {
        f.metric == t.metric && f.scope == t.scope && f.over == t.over
    };
    for t in &outline.thresholds {
        let floor = found.floors.iter().find(|f| f.gating && is_of(f, t));
        text.push_str(&threshold(t, floor));
    }
    for f in found.floors.iter().filter(|f| f.gating) {
        if outline.thresholds.iter().any(|t| is_of(f, t)) {
            continue;
        }
        let alone = Threshold {
            scope: f.scope.clone(),
            ..Threshold::on(f.metric)
        };
        text.push_str(&threshold(&alone, Some(f)));
    }
    text
}

/// One table. With a noise floor the change is what that proposes, if anything; else it stays.
fn threshold(t: &Threshold, floor: Option<&NoiseFloor>) -> String {
    let worse = t.metric.better();
    let unit = t.metric.unit();
    let change = match (floor, t.max_change) {
        (Some(floor), _) => floor.proposed.map(|p| written(worse, p)),
        (None, Some(Change::Relative(share))) => Some(written(worse, share)),
        (None, Some(Change::Points(points))) => Some(format!("+{}pp", percent(points))),
        (None, None) => None,
    };
    if change.is_none() && t.max.is_none() {
        return format!("\n# {}{}: too noisy here to gate on\n", t.metric, t.scope);
    }
    let mut table = format!("\n[[threshold]]\nmetric = \"{}\"\n", t.metric);
    let mut key = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            table.push_str(&format!("{name} = {value}\n"));
        }
    };
    let quoted = |text: String| format!("\"{text}\"");
    let scope = &t.scope;
    key("phase", scope.phase.clone().map(quoted));
    key("journey", scope.journey.clone().map(quoted));
    key("step", scope.step.clone().map(quoted));
    let limit = match worse {
        Better::Lower => "max",
        Better::Higher => "min",
    };
    key(limit, t.max.map(|max| exact(unit, max, "%")));
    let floor = t.min_change.filter(|_| change.is_some());
    key("min-change", floor.map(|min| exact(unit, min, "pp")));
    key("max-change", change.map(quoted));
    key(
        "over",
        t.over.map(|over| exact(Unit::Time, over.0 as f64, "%")),
    );
    key("abort", t.abort.then(|| "true".to_owned()));
    table
}

/// `+5%`, `-3%` where less is worse.
fn written(better: Better, share: f64) -> String {
    let sign = match better {
        Better::Lower => '+',
        Better::Higher => '-',
    };
    format!("{sign}{}%", percent(share))
}

/// A share in percent, without the last bits of the multiplication.
fn percent(share: f64) -> f64 {
    (share * 1e11).round() / 1e9
}

/// A value as a scenario writes it, with all its digits.
fn exact(unit: Unit, value: f64, share: &str) -> String {
    let text = match unit {
        Unit::Time => {
            let steps = [
                (Nanos::SECOND, "s"),
                (Nanos::MILLISECOND, "ms"),
                (Nanos(1000), "us"),
            ];
            let whole = steps
                .into_iter()
                .find(|(step, _)| value % step.0 as f64 == 0.0);
            match whole {
                Some((step, name)) => format!("{}{name}", value / step.0 as f64),
                None => format!("{value}ns"),
            }
        }
        Unit::PerSecond => format!("{value}/s"),
        Unit::Share => format!("{}{share}", percent(value)),
        Unit::Bytes => format!("{value}B"),
        Unit::BytesPerSecond => format!("{value}B/s"),
        Unit::Count => return value.to_string(),
    };
    format!("\"{text}\"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Detectable, Metric, ReliabilityPoint, Scope, Stat};
    use crate::report::fixture;
    use crate::scenario;

    fn floor(metric: Metric, sd: f64, allowed: f64, proposed: Option<f64>) -> NoiseFloor {
        let detectable = [3, 5, 10, 20].map(|rounds| Detectable {
            rounds,
            stored: 3.0 * sd / (rounds as f64).sqrt(),
            interleaved: Some(2.0 * sd / (rounds as f64).sqrt()),
        });
        NoiseFloor {
            metric,
            scope: Scope::default(),
            over: None,
            gating: true,
            rounds: 20,
            noisy: false,
            typical: 8.1e6,
            sd,
            sd_interval: (0.8 * sd, 1.4 * sd),
            pair_sd: Some(0.7 * sd),
            detectable: detectable.to_vec(),
            allowed: Change::Relative(allowed),
            proposed,
        }
    }

    fn found() -> Calibration {
        let mut throughput = floor(Metric::ThroughputOk, 0.001, 0.03, Some(0.03));
        throughput.typical = 200.0;
        Calibration {
            scenario: "checkout".into(),
            measured_at: "2026-11-25T09:00:00Z".into(),
            rounds: 20,
            spoiled: 2,
            idle_pressure: Some(0.021),
            steal: (0.001, 0.004),
            floors: vec![
                floor(Metric::Latency(Stat::P50), 0.021, 0.05, Some(0.05)),
                floor(Metric::Latency(Stat::P95), 0.12, 0.05, Some(0.2)),
                floor(Metric::Latency(Stat::P99), 0.6, 0.10, None),
                throughput,
            ],
            without: vec![(
                "errors.rate".into(),
                "compared by difference, not by ratio".into(),
            )],
            rounds_proposed: 10,
            reliability: Reliability {
                rounds: 12,
                needed: 20,
                ..Reliability::default()
            },
        }
    }

    #[test]
    fn a_calibration_reads_from_the_verdict_to_the_machine() {
        let run = fixture::run();
        let same = run.comparison.expect("judged");
        insta::assert_snapshot!(calibration(&found(), &same, TextStyle::default()));
        let mut sure = found();
        sure.reliability.points = vec![ReliabilityPoint {
            stated: 0.97,
            observed: 0.961,
            verdicts: 240,
        }];
        let text = calibration(&sure, &same, TextStyle::default());
        assert!(text.contains("0.970") && text.contains("0.961"), "{text}");
    }

    const SCENARIO: &str = r#"
name = "checkout"
[target]
url = "http://127.0.0.1:8080"
[[step]]
name = "pay"
request = "POST /pay"
[[phase]]
name = "steady"
rate = "200/s"
duration = "60s"
"#;

    fn outline(scenario: &str) -> Outline {
        let name = std::path::Path::new("checkout.toml");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(name);
        std::fs::write(&path, scenario).expect("writes");
        let loaded = scenario::load(&path, &|_: &str| None);
        loaded
            .expect("the patched scenario is valid")
            .plan
            .outline()
    }

    #[test]
    fn the_patch_is_valid_and_keeps_every_limit() {
        let limits = r#"
[[threshold]]
metric = "latency.p50"
step = "pay"
max = "250ms"
over = "10s"
abort = true
[[threshold]]
metric = "latency.p95"
max = "1s"
max-change = "+5%"
min-change = "2ms"
[[threshold]]
metric = "throughput.ok"
min = "150/s"
max-change = "-2.5%"
[[threshold]]
metric = "errors.rate"
max = "1%"
max-change = "+0.1pp"
"#;
        let before = outline(&format!("{SCENARIO}{limits}"));
        let patch = calibration_patch(&found(), &before);
        insta::assert_snapshot!(patch);
        let mut after = outline(&format!("{SCENARIO}{patch}"));
        assert_eq!(after.thresholds.len(), 5);
        let changed = |o: &Outline, metric: Metric, over: bool| {
            let same = |t: &&Threshold| t.metric == metric && t.over.is_some() == over;
            o.thresholds
                .iter()
                .find(same)
                .expect("it is there")
                .max_change
        };
        let p95 = Metric::Latency(Stat::P95);
        assert_eq!(changed(&after, p95, false), Some(Change::Relative(0.2)));
        let p50 = Metric::Latency(Stat::P50);
        assert_eq!(changed(&after, p50, false), Some(Change::Relative(0.05)));
        for (a, b) in after.thresholds.iter_mut().zip(&before.thresholds) {
            a.line = b.line;
            a.max_change = b.max_change;
            assert_eq!(a, b);
        }
    }

    #[test]
    fn values_are_written_with_all_their_digits() {
        for (unit, value, text) in [
            (Unit::Time, 2.5e8, "\"250ms\""),
            (Unit::Time, 3e9, "\"3s\""),
            (Unit::Time, 1500.0, "\"1500ns\""),
            (Unit::Share, 0.001, "\"0.1pp\""),
            (Unit::PerSecond, 12.5, "\"12.5/s\""),
            (Unit::Bytes, 1024.0, "\"1024B\""),
            (Unit::Count, 20.0, "20"),
        ] {
            assert_eq!(exact(unit, value, "pp"), text);
        }
    }
}
