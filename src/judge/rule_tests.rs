//! Who decides, what a duet takes out, what could be seen, and what was not looked at.

use super::builder::{Build, outline, question, rounds};
use super::calibration::Random;
use super::*;
use crate::model::{
    Alarm, Arm, Change, Comparison, Design, JourneyOutline, Judge, Metric, MetricResult, Outline,
    Round, Stat, Threshold, Verdict,
};
use crate::units::Bytes;

const P50: Metric = Metric::Latency(Stat::P50);

/// Small scatter of rounds, the same every time.
const SCATTER: [f64; 10] = [
    1.000, 1.008, 0.994, 1.003, 0.997, 1.005, 0.992, 1.001, 0.999, 1.006,
];

fn side(n: usize, ms: f64) -> Vec<Round> {
    rounds((0..n).map(|i| Build::of(i, ms * SCATTER[i % 10]).cpu(100.0 * SCATTER[9 - i % 10])))
}

fn ask(
    o: &Outline,
    design: Design,
    before: &[Round],
    now: &[Round],
    change: impl FnOnce(&mut Question<'_>),
) -> Comparison {
    let (before, now): (Vec<&Round>, Vec<&Round>) = (before.iter().collect(), now.iter().collect());
    let mut q = question(o, design, &before, &now);
    change(&mut q);
    judge(&q)
}

fn row(c: &Comparison, metric: Metric) -> &MetricResult {
    c.results
        .iter()
        .find(|r| r.metric == metric)
        .expect("the row is there")
}

fn by(judge: Judge) -> impl FnOnce(&mut Question<'_>) {
    move |q| q.rule.judge = judge
}

#[test]
fn the_detector_is_shown_beside_and_decides_only_when_asked() {
    let o = outline(&["pay"], vec![]);
    let (before, now) = (side(10, 5.0), side(5, 5.3));
    let c = ask(&o, Design::Unpaired, &before, &now, |_| {});
    let p50 = row(&c, P50);
    assert_eq!(p50.verdict, Some(Verdict::Regressed), "6 % by t");
    let detection = p50.detection.as_ref().expect("ten rounds before");
    assert_eq!(detection.alarm, Alarm::Degraded, "over the p95 by 5.2 %");

    // 5.5 % over the mean is less than 5 % over the 95th percentile.
    let now = side(5, 5.27);
    let c = ask(&o, Design::Unpaired, &before, &now, |_| {});
    assert_eq!(row(&c, P50).verdict, Some(Verdict::Regressed));
    let c = ask(&o, Design::Unpaired, &before, &now, by(Judge::BaselineP95));
    assert_eq!(row(&c, P50).verdict, Some(Verdict::Unchanged));
    assert_eq!(row(&c, P50).confidence, None, "it knows no probability");
    assert_eq!(c.judge, Judge::BaselineP95);
    assert!(c.findings.iter().any(|f| f.text.contains("baseline-p95")));

    let few = ask(
        &o,
        Design::Unpaired,
        &before[..9],
        &now,
        by(Judge::BaselineP95),
    );
    assert_eq!(row(&few, P50).verdict, Some(Verdict::Inconclusive));
    insta::assert_snapshot!(
        row(&few, P50).note.as_deref().unwrap_or_default(),
        @"baseline-p95: needs 10 rounds of the reference; here 9"
    );
}

#[test]
fn ranks_decide_when_asked_and_need_four_rounds() {
    let o = outline(&["pay"], vec![]);
    let verdict = |n: usize, ms: f64| {
        let c = ask(
            &o,
            Design::Unpaired,
            &side(n, 5.0),
            &side(n, ms),
            by(Judge::MannWhitney),
        );
        (row(&c, P50).verdict, row(&c, P50).note.clone())
    };
    assert_eq!(verdict(5, 5.4).0, Some(Verdict::Regressed));
    assert_eq!(verdict(5, 5.0).0, Some(Verdict::Unchanged));
    assert_eq!(verdict(5, 4.6).0, Some(Verdict::Improved));
    let (few, note) = verdict(3, 5.4);
    assert_eq!(few, Some(Verdict::Inconclusive));
    assert_eq!(
        note.as_deref(),
        Some("ranks need 4 rounds a side; here 3 against 3")
    );
}

#[test]
fn strictly_the_whole_interval_must_exceed_what_is_allowed() {
    let o = outline(&["pay"], vec![]);
    let verdict = |ms: f64, strict: bool| {
        let c = ask(&o, Design::Unpaired, &side(5, 5.0), &side(5, ms), |q| {
            q.rule.strict = strict;
        });
        row(&c, P50).verdict
    };
    // 5.4 % with an interval of about ±0.9 %.
    assert_eq!(verdict(5.27, false), Some(Verdict::Regressed));
    assert_eq!(verdict(5.27, true), Some(Verdict::Inconclusive));
    assert_eq!(verdict(5.5, true), Some(Verdict::Regressed));
}

/// Pairs of a duet: the second place costs, and now is `by` as slow.
fn duet(random: &mut Random, pairs: usize, place: f64, by: f64) -> (Vec<Round>, Vec<Round>) {
    let order = balanced_order(7, pairs);
    let mut sides = (Vec::new(), Vec::new());
    for (pair, arms) in order.into_iter().enumerate() {
        // What the machine does meets both.
        let machine = 0.2 * random.normal();
        for (at, arm) in arms.into_iter().enumerate() {
            let slower = if arm == Arm::Now { by } else { 0.0 };
            let y = machine + 0.01 * random.normal() + place * at as f64 + slower;
            let mut round = Build::of(2 * pair + at, 5.0 * y.exp()).cpu(100.0).0;
            round.pair = pair;
            round.arm = arm;
            let side = match arm {
                Arm::Before => &mut sides.0,
                Arm::Now => &mut sides.1,
            };
            side.push(round);
        }
    }
    sides
}

#[test]
fn the_place_in_a_duet_is_no_change_of_the_target() {
    let mut o = outline(&["pay"], vec![]);
    o.thresholds = vec![Threshold {
        max_change: Some(Change::Relative(0.0)),
        ..Threshold::on(P50)
    }];
    let mut random = Random::new(11);
    let trials = 400;
    let mut interval_excludes = |place: f64, by: f64| {
        (0..trials)
            .filter(|_| {
                let (before, now) = duet(&mut random, 8, place, by);
                let c = ask(&o, Design::Duet, &before, &now, |_| {});
                let (low, high) = row(&c, P50).interval.expect("eight pairs");
                low > 0.0 || high < 0.0
            })
            .count() as f64
            / f64::from(trials)
    };
    let alarms = interval_excludes(0.05, 0.0);
    let power = interval_excludes(0.05, 0.03);
    eprintln!("duet of identical code with a place of 5 %: {alarms:.3}; 3 % found in {power:.3}");
    // Four standard errors of 400 trials at .05 are 4.4 points.
    assert!(alarms <= 0.05 + 0.044, "{alarms}");
    assert!(power >= 0.95, "{power}");
}

#[test]
fn a_duet_names_the_place_and_leaves_out_what_it_disturbs() {
    let limit = |metric, max, change| Threshold {
        max,
        max_change: change,
        ..Threshold::on(metric)
    };
    let o = outline(
        &["pay"],
        vec![
            limit(P50, Some(50e6), Some(Change::Relative(0.05))),
            limit(Metric::CpuPerRequest, None, Some(Change::Relative(0.03))),
        ],
    );
    let (before, now) = duet(&mut Random::new(5), 10, 0.05, 0.0);
    let c = ask(&o, Design::Duet, &before, &now, |_| {});
    assert_eq!(row(&c, P50).verdict, Some(Verdict::Unchanged), "{c:#?}");
    let cpu = row(&c, Metric::CpuPerRequest);
    assert_eq!((cpu.verdict, cpu.gating), (None, false));
    assert!(
        c.findings
            .iter()
            .any(|f| f.text.starts_with("the second place of the duet"))
    );
    let rules: Vec<&str> = c.unevaluated.iter().map(|u| &*u.rule).collect();
    assert_eq!(rules, ["latency.p50: limit", "cpu.per-request: change"]);

    let (before, now) = duet(&mut Random::new(6), 10, 0.05, 0.10);
    let c = ask(&o, Design::Duet, &before, &now, |_| {});
    assert_eq!(c.decision.verdict, Verdict::Regressed);
}

#[test]
fn every_rule_that_was_not_evaluated_is_listed_with_its_reason() {
    let threshold = |metric, change| Threshold {
        max: Some(1e9),
        max_change: change,
        line: Some(12),
        ..Threshold::on(metric)
    };
    let change = Some(Change::Relative(0.05));
    let o = outline(
        &["pay"],
        vec![
            threshold(P50, change),
            threshold(Metric::Latency(Stat::P999), change),
            threshold(Metric::RssPeak, None),
        ],
    );
    let bare = |n| rounds((0..n).map(|i| Build::of(i, 5.0 * SCATTER[i])));
    let listed = |c: &Comparison| -> String {
        let lines = c
            .unevaluated
            .iter()
            .map(|u| format!("{} ({})", u.rule, u.reason));
        lines.collect::<Vec<_>>().join("\n")
    };
    let c = ask(&o, Design::Absolute, &[], &bare(5), |_| {});
    insta::assert_snapshot!(listed(&c), @"
    latency.p99.9: limit 1 s (latency.p99.9 needs 10,000 requests a round; here 2,000)
    memory.rss.peak: limit 953.7 MiB (not measured: the target's process was not observed)
    latency.p50: change (there is no reference to compare with)
    latency.p99.9: change (there is no reference to compare with)
    ");
    let c = ask(&o, Design::Unpaired, &bare(5), &bare(5), |_| {});
    insta::assert_snapshot!(listed(&c), @"
    latency.p99.9: change +5 % (latency.p99.9 needs 10,000 requests a round; here 2,000)
    latency.p99.9: limit 1 s (latency.p99.9 needs 10,000 requests a round; here 2,000)
    memory.rss.peak: limit 953.7 MiB (not measured: the target's process was not observed)
    ");
    assert!(c.unevaluated.iter().all(|u| u.line == Some(12)));
    let advice = ask(&o, Design::Unpaired, &bare(5), &bare(5), |q| {
        q.environment.hard = vec!["cores: 8 → 2".to_owned()];
        q.environment.allow_mismatch = true;
    });
    assert!(listed(&advice).contains("advice only"));
}

#[test]
fn what_is_foreseen_is_what_is_seen_when_the_spread_stays() {
    let o = outline(&["pay"], vec![]);
    let (before, now) = (side(10, 5.0), side(10, 5.0));
    let (b, n): (Vec<&Round>, Vec<&Round>) = (before.iter().collect(), now.iter().collect());
    let q = question(&o, Design::Unpaired, &b, &n);
    let foreseen = foresee(
        &question(&o, Design::Unpaired, &b, &[]),
        Noise::Side(&b),
        10,
    );
    let seen = judge(&q);
    let of = |name: &str| {
        foreseen
            .iter()
            .find(|s| s.metric == name)
            .expect("gates")
            .change
    };
    for metric in [P50, Metric::CpuPerRequest] {
        let seen = row(&seen, metric).detectable.expect("ten a side");
        let foreseen = of(&metric.name());
        assert!(
            (foreseen / seen - 1.0).abs() < 0.02,
            "{metric}: {foreseen} {seen}"
        );
    }
    let more = foresee(
        &question(&o, Design::Unpaired, &b, &[]),
        Noise::Side(&b),
        40,
    );
    assert!(more[0].change < foreseen[0].change);
    let two = &b[..2];
    assert!(
        foresee(
            &question(&o, Design::Unpaired, two, &[]),
            Noise::Side(two),
            10
        )
        .is_empty()
    );
}

#[test]
fn a_spoiled_round_of_three_still_tells_a_spread() {
    let o = outline(&["pay"], vec![]);
    let before = rounds((0..3).map(|i| {
        let round = Build::of(i, 5.0 * SCATTER[i]).cpu(100.0 * SCATTER[i]);
        if i == 1 { round.stolen(0.3) } else { round }
    }));
    let b: Vec<&Round> = before.iter().collect();
    let q = question(&o, Design::Unpaired, &b, &[]);
    let foreseen = foresee(&q, Noise::Side(&b), 5);
    assert!(foreseen.iter().any(|s| s.metric == "cpu.per-request"));
}

#[test]
fn the_spread_of_pairs_is_less_than_that_of_rounds_that_drift_together() {
    let o = outline(&["pay"], vec![]);
    let drift = [1.0, 1.3, 0.8, 1.1, 0.9];
    let of = |shift: usize| {
        rounds((0..5).map(|i| Build::of(i, 5.0 * drift[i] * SCATTER[(i + shift) % 10])))
    };
    let (before, now) = (of(0), of(3));
    let (b, n): (Vec<&Round>, Vec<&Round>) = (before.iter().collect(), now.iter().collect());
    let q = question(&o, Design::Paired, &[], &[]);
    let p50 = |noise| foresee(&q, noise, 5)[0].change;
    assert!(p50(Noise::Pairs(&b, &n)) < 0.05);
    assert!(p50(Noise::Side(&b)) > 0.5);
}

/// Rounds in which memory grows by so many bytes a second, of a hundred MiB in ten seconds.
fn growing(n: usize, slope: f64) -> Vec<Round> {
    let mut side = side(n, 5.0);
    for (i, round) in side.iter_mut().enumerate() {
        round.usage[0].rss_slope = Some(slope * SCATTER[i] + 1000.0 * (SCATTER[9 - i] - 1.0));
        round.usage[0].rss_peak = Bytes(100 << 20);
    }
    side
}

#[test]
fn memory_that_grows_more_than_it_did_is_found() {
    let o = outline(&["pay"], vec![]);
    let said = |c: Comparison| {
        let told = c.findings.into_iter().map(|f| f.text);
        told.filter(|t| t.starts_with("memory grows"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let alone = ask(&o, Design::Absolute, &[], &growing(5, 1e6), |_| {});
    insta::assert_snapshot!(said(alone), @"memory grows under load: 977 KiB/s (95 % interval 970.4 KiB/s to 983.5 KiB/s)");
    let more = ask(
        &o,
        Design::Unpaired,
        &growing(5, 2e5),
        &growing(5, 1e6),
        |_| {},
    );
    insta::assert_snapshot!(said(more), @"memory grows under load: 977 KiB/s (95 % interval 970.4 KiB/s to 983.5 KiB/s), 781.6 KiB/s more than before");
    let as_before = ask(
        &o,
        Design::Unpaired,
        &growing(5, 1e6),
        &growing(5, 1e6),
        |_| {},
    );
    assert!(said(as_before).is_empty());
    let hardly = ask(&o, Design::Absolute, &[], &growing(5, 2e3), |_| {});
    assert!(said(hardly).is_empty(), "20 kB of 100 MiB");
}

#[test]
fn a_limit_of_zero_on_the_slope_is_a_test_over_rounds() {
    let o = outline(
        &["pay"],
        vec![Threshold {
            max: Some(0.0),
            ..Threshold::on(Metric::RssSlope)
        }],
    );
    let limit = |now: &[Round]| {
        row(
            &ask(&o, Design::Absolute, &[], now, |_| {}),
            Metric::RssSlope,
        )
        .limit
    };
    assert_eq!(limit(&growing(5, 1e6)), Some(Verdict::Broken));
    let mut around_zero = growing(5, 0.0);
    around_zero[0].usage[0].rss_slope = Some(900.0);
    assert_eq!(
        limit(&around_zero),
        Some(Verdict::Inconclusive),
        "one round above zero is chance"
    );
    assert_eq!(limit(&growing(5, -1e6)), Some(Verdict::Kept));
}

#[test]
fn a_journey_that_moved_as_a_whole_is_named() {
    let mut o = outline(&["look", "choose", "cart", "pay"], vec![]);
    o.journeys = vec![
        JourneyOutline {
            name: "browse".into(),
            steps: 0..2,
        },
        JourneyOutline {
            name: "buy".into(),
            steps: 2..4,
        },
    ];
    let side = |by: f64| {
        rounds((0..5).map(|i| {
            let s = |k: usize| SCATTER[(i + k) % 10];
            Build::of(i, 4.0 * s(0))
                .step(1, 4.0 * s(2))
                .step(2, 4.0 * by * s(4))
                .step(3, 4.0 * by * s(6))
        }))
    };
    let c = ask(&o, Design::Unpaired, &side(1.0), &side(1.3), |_| {});
    assert_eq!(c.decision.verdict, Verdict::Regressed);
    let first = c.moved.first().expect("something moved");
    assert!(first.journey && first.stands_out, "{:?}", c.moved);
    assert_eq!(first.step, "buy");
    assert!(
        c.decision.headline.contains("journey `buy` stands out"),
        "{}",
        c.decision.headline
    );
}
