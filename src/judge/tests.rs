//! What the judge must say in the cases that matter.

use super::builder::{Build, around, outline, question, rounds};
use super::*;
use crate::model::{
    Arm, Better, Change, Comparison, Custom, Design, Estimate, Metric, MetricResult, Outline,
    Round, Scope, Stat, Threshold, Trust, Values, Verdict,
};
use crate::units::{Nanos, Unit};

/// Small scatter of rounds, the same every time.
const SCATTER: [f64; 10] = [
    1.000, 1.008, 0.994, 1.003, 0.997, 1.005, 0.992, 1.001, 0.999, 1.006,
];

fn scattered(n: usize, ms: f64, cpu: f64) -> Vec<Round> {
    rounds((0..n).map(|i| Build::of(i, ms * SCATTER[i]).cpu(cpu * SCATTER[9 - i])))
}

fn ask(outline: &Outline, design: Design, before: &[Round], now: &[Round]) -> Comparison {
    ask_with(outline, design, before, now, |_| {})
}

fn ask_with(
    outline: &Outline,
    design: Design,
    before: &[Round],
    now: &[Round],
    change: impl FnOnce(&mut Question<'_>),
) -> Comparison {
    let before: Vec<&Round> = before.iter().collect();
    let now: Vec<&Round> = now.iter().collect();
    let mut q = question(outline, design, &before, &now);
    change(&mut q);
    let c = judge(&q);
    assert!(
        serde_json::to_string(&c).is_ok_and(|text| !text.contains("null,null")),
        "a comparison is plain numbers"
    );
    c
}

fn row(c: &Comparison, metric: Metric) -> &MetricResult {
    c.results
        .iter()
        .find(|r| r.metric == metric)
        .unwrap_or_else(|| panic!("no row {metric}"))
}

fn threshold(metric: Metric) -> Threshold {
    Threshold {
        line: Some(9),
        ..Threshold::on(metric)
    }
}

fn limit(metric: Metric, max: f64) -> Vec<Threshold> {
    vec![Threshold {
        max: Some(max),
        ..threshold(metric)
    }]
}

const P50: Metric = Metric::Latency(Stat::P50);
const P99: Metric = Metric::Latency(Stat::P99);

#[test]
fn a_slower_target_has_regressed_and_the_headline_says_by_how_much() {
    let o = outline(&["pay"], vec![]);
    let c = ask(
        &o,
        Design::Unpaired,
        &scattered(5, 5.0, 100.0),
        &scattered(5, 6.0, 100.0),
    );
    assert_eq!(c.decision.verdict, Verdict::Regressed);
    insta::assert_snapshot!(c.decision.headline, @"latency.p50 rose 20.0 % (95 % interval +19.1 to +20.9 %, allowed +5 %), confidence > 0.999; also latency.p99");
}

#[test]
fn ranks_stand_beside_every_compared_row_and_decide_nothing() {
    let o = outline(&["pay"], vec![]);
    for design in [Design::Unpaired, Design::Paired] {
        for n in [3, 4] {
            let (a, b) = (scattered(n, 5.0, 100.0), scattered(n, 6.0, 100.0));
            let c = ask(&o, design, &a, &b);
            let ranks = row(&c, P50).ranks.expect("ranks");
            // All of four rounds above all of four: 2 of 70 orders are as extreme.
            let p = (n >= 4).then_some(2.0 / 70.0);
            assert!(
                ranks
                    .p
                    .zip(p)
                    .map_or(ranks.p == p, |(p, q)| (p - q).abs() < 1e-12)
            );
            assert!(
                (ranks.change.expect("a ratio") - 0.2).abs() < 0.01,
                "{ranks:?}"
            );
            assert!((ranks.worse - 1.0).abs() < 1e-12);
            assert_eq!(row(&c, P50).verdict, Some(Verdict::Regressed));
        }
    }
    let one_side = ask(&o, Design::Absolute, &[], &scattered(4, 5.0, 100.0));
    assert!(one_side.results.iter().all(|r| r.ranks.is_none()));
}

#[test]
fn a_regression_does_not_hide_a_broken_limit() {
    let o = outline(&["pay"], limit(P99, 13e6));
    let (a, b) = (scattered(5, 5.0, 100.0), scattered(5, 6.0, 100.0));
    let c = ask(&o, Design::Unpaired, &a, &b);
    let p99 = row(&c, P99);
    assert_eq!(p99.verdict, Some(Verdict::Regressed));
    assert_eq!(p99.limit, Some(Verdict::Broken));
    assert!(c.decision.headline.ends_with("over its limit of 13 ms"));
}

#[test]
fn the_value_of_one_round_is_shown_as_it_was_measured() {
    let o = outline(&["pay"], vec![]);
    for ms in [0.378_496, 1.1, 3.7, 123.456_789] {
        let round = rounds([Build::of(0, ms).cpu(ms * 100.0)]);
        let c = ask(&o, Design::Absolute, &[], &round);
        for r in &c.results {
            let of_round = value(r.metric, &Scope::default(), &round[0], &o);
            assert_eq!(r.now.value, of_round, "{}", r.metric);
        }
    }
}

#[test]
fn equal_targets_are_unchanged_in_both_designs() {
    let o = outline(&["pay"], vec![]);
    let mut other = scattered(10, 5.0, 100.0);
    other.rotate_left(3);
    other.iter_mut().enumerate().for_each(|(i, r)| r.pair = i);
    for design in [Design::Unpaired, Design::Paired] {
        let c = ask(&o, design, &scattered(10, 5.0, 100.0), &other);
        assert_eq!(c.decision.verdict, Verdict::Unchanged, "{c:#?}");
        assert_eq!(
            c.decision.headline,
            "no change beyond what is allowed in 5 gating metrics"
        );
    }
}

#[test]
fn too_great_a_gain_is_suspicious_until_other_rounds_confirm_it() {
    let o = outline(&["pay"], vec![]);
    let judged = |suspected: &[String]| {
        let (before, now) = (scattered(5, 5.0, 100.0), scattered(5, 2.0, 100.0));
        let (before, now): (Vec<&Round>, Vec<&Round>) =
            (before.iter().collect(), now.iter().collect());
        let mut q = question(&o, Design::Unpaired, &before, &now);
        q.suspected = suspected;
        judge(&q)
    };
    let c = judged(&[]);
    let p50 = row(&c, P50);
    assert_eq!(
        (p50.verdict, p50.suspicious),
        (Some(Verdict::Inconclusive), true)
    );
    insta::assert_snapshot!(
        p50.note.as_deref().unwrap_or_default(),
        @"suspiciously better: −60.0 %; another round must confirm it"
    );
    assert!(c.findings.iter().any(|f| f.text.starts_with("suspicious")));
    assert_eq!(c.decision.verdict, Verdict::Inconclusive);
    assert!(undecided(&c).contains(&"latency.p50".to_owned()));

    let all: Vec<String> = c.results.iter().map(MetricResult::name).collect();
    let c = judged(&all);
    let p50 = row(&c, P50);
    assert_eq!(
        (p50.verdict, p50.suspicious),
        (Some(Verdict::Improved), false)
    );
    assert_eq!(c.decision.verdict, Verdict::Unchanged);
    assert!(c.decision.headline.contains("latency.p50 fell 60.0 %"));
}

#[test]
fn two_percent_of_errors_are_a_regression() {
    let o = outline(&["pay"], vec![]);
    let before = rounds((0..3).map(|i| Build::of(i, 5.0)));
    let now = rounds((0..3).map(|i| Build::of(i, 5.0).failing(38 + i as u64)));
    for design in [Design::Unpaired, Design::Paired] {
        let c = ask(&o, design, &before, &now);
        assert_eq!(
            row(&c, Metric::ErrorsRate).verdict,
            Some(Verdict::Regressed)
        );
        assert_eq!(c.decision.verdict, Verdict::Regressed);
    }
}

#[test]
fn no_errors_on_either_side_is_unchanged_with_a_bound() {
    let o = outline(&["pay"], vec![]);
    let c = ask(
        &o,
        Design::Unpaired,
        &scattered(5, 5.0, 100.0),
        &scattered(5, 5.0, 100.0),
    );
    let errors = row(&c, Metric::ErrorsRate);
    assert_eq!(errors.verdict, Some(Verdict::Unchanged));
    assert_eq!(
        errors.note.as_deref(),
        Some("no error on either side: below 0.03 % now")
    );
}

#[test]
fn on_a_noisy_machine_latency_is_silent_and_cpu_decides() {
    let o = outline(&["browse", "pay"], vec![]);
    let noise = [1.9, 0.7, 1.2, 1.6, 0.8];
    let side = |pay: f64, cpu: f64, shift: usize| {
        rounds((0..5).map(|i| {
            let machine = noise[(i + shift) % 5];
            Build::of(i, 4.0 * machine)
                .step(1, pay * machine * SCATTER[i])
                .cpu(cpu * SCATTER[i + shift])
                .stolen(0.31)
        }))
    };
    let (before, now) = (side(5.0, 100.0, 0), side(6.0, 110.0, 2));
    for design in [Design::Unpaired, Design::Paired] {
        let c = ask(&o, design, &before, &now);
        assert_eq!(c.decision.verdict, Verdict::Regressed);
        let p50 = row(&c, P50);
        assert_eq!(p50.verdict, Some(Verdict::Inconclusive));
        assert_eq!(
            p50.note.as_deref(),
            Some("the machine is too noisy (steal 31 %)")
        );
        assert_eq!(p50.now.spoiled, 5);
        let moved: Vec<&str> = c.moved.iter().map(|m| m.step.as_str()).collect();
        assert_eq!(moved, ["pay"], "{:#?}", c.moved);
        assert!(c.moved[0].stands_out);
        assert!(c.decision.headline.contains("step `pay` stands out"));
        assert!(c.decision.headline.starts_with("cpu.per-request rose"));
        assert!(
            c.findings
                .iter()
                .any(|f| f.code.as_deref() == Some("PL0312") && f.text.contains("latency.p50")),
            "{:#?}",
            c.findings
        );
    }
}

#[test]
fn a_metric_that_nobody_observed_is_no_advice() {
    let o = outline(&["pay"], vec![]);
    for observed in [true, false] {
        let side = rounds((0..3).map(|i| {
            let round = Build::of(i, 5.0).stolen(0.31);
            if observed { round.cpu(100.0) } else { round }
        }));
        let c = ask(&o, Design::Unpaired, &side, &side);
        let noise = c
            .findings
            .iter()
            .find(|f| f.code.as_deref() == Some("PL0312"));
        let hint = noise.and_then(|f| f.hint.as_deref()).expect("a hint");
        assert_eq!(hint.ends_with("is steady here"), observed, "{hint}");
        assert_eq!(undecided(&c), [""; 0], "more rounds would be spoiled too");
    }
}

#[test]
fn a_baseline_that_is_too_small_is_said_to_be() {
    let o = outline(&["pay"], vec![]);
    let wild = |n: usize, shift: usize, ms: f64| {
        rounds(
            (0..n).map(move |i| Build::of(i, ms * [1.0, 1.04, 0.97][(i + shift) % 3]).cpu(100.0)),
        )
    };
    let note = |stored: usize| {
        let c = ask(
            &o,
            Design::Unpaired,
            &wild(stored, 0, 5.0),
            &wild(3, 1, 5.1),
        );
        row(&c, P50).note.clone().unwrap_or_default()
    };
    insta::assert_snapshot!(note(3), @"the baseline's 3 rounds are too few: 10 a side would tell");
    insta::assert_snapshot!(note(9), @"5 more rounds would tell");
}

#[test]
fn a_few_spoiled_rounds_are_left_out_and_counted() {
    let o = outline(&["pay"], vec![]);
    let mut now = scattered(5, 5.0, 100.0);
    now[2] = rounds([Build::of(2, 50.0).cpu(100.0).stolen(0.2)]).remove(0);
    now[2].pair = 2;
    let c = ask(&o, Design::Paired, &scattered(5, 5.0, 100.0), &now);
    let p50 = row(&c, P50);
    assert_eq!(p50.verdict, Some(Verdict::Unchanged));
    assert_eq!((p50.now.spoiled, p50.now.rounds.len()), (1, 4));
    let cpu = row(&c, Metric::CpuPerRequest);
    assert_eq!((cpu.now.spoiled, cpu.now.rounds.len()), (0, 5));
}

#[test]
fn timeouts_now_can_only_regress() {
    let o = outline(&["pay"], vec![]);
    let now = rounds((0..5).map(|i| Build::of(i, 5.0).cpu(100.0).timing_out(60, 3000.0)));
    let c = ask(&o, Design::Unpaired, &scattered(5, 5.0, 100.0), &now);
    let p99 = row(&c, P99);
    assert!(matches!(p99.now.value, Estimate::AtLeast(v) if v > 2.9e9));
    assert_eq!(p99.verdict, Some(Verdict::Regressed));
    assert_eq!(p99.interval, None);
    // A bound below the reference says nothing, and never that it improved.
    let short = rounds((0..5).map(|i| Build::of(i, 1.0).cpu(100.0).timing_out(60, 4.0)));
    let c = ask(&o, Design::Unpaired, &scattered(5, 5.0, 100.0), &short);
    assert_eq!(row(&c, P99).verdict, Some(Verdict::Inconclusive));
}

#[test]
fn timeouts_of_the_reference_leave_nothing_to_compare_with() {
    let o = outline(&["pay"], vec![]);
    let before = rounds((0..5).map(|i| Build::of(i, 5.0).cpu(100.0).timing_out(60, 3000.0)));
    let c = ask(&o, Design::Unpaired, &before, &scattered(5, 5.0, 100.0));
    assert_eq!(row(&c, P99).verdict, Some(Verdict::Inconclusive));
}

#[test]
fn too_few_samples_are_inconclusive_and_say_how_many_it_takes() {
    let metric = Metric::Latency(Stat::P999);
    let t = Threshold {
        max_change: Some(Change::Relative(0.1)),
        ..threshold(metric)
    };
    let o = outline(&["pay"], vec![t]);
    let side = scattered(5, 5.0, 100.0);
    let c = ask(&o, Design::Unpaired, &side, &side);
    let r = row(&c, metric);
    assert_eq!(r.verdict, Some(Verdict::Inconclusive));
    assert_eq!(
        r.note.as_deref(),
        Some("latency.p99.9 needs 10,000 requests a round; here 2,000")
    );
    assert_eq!(
        undecided(&c),
        [""; 0],
        "more rounds do not make a round longer"
    );
}

#[test]
fn a_threshold_on_what_was_not_measured_fails_closed() {
    let t = Threshold {
        max_change: Some(Change::Relative(0.1)),
        ..threshold(Metric::CpuPerRequest)
    };
    let side = rounds((0..5).map(|i| Build::of(i, 5.0)));
    let o = outline(&["pay"], vec![t]);
    let c = ask(&o, Design::Unpaired, &side, &side);
    assert_eq!(c.decision.verdict, Verdict::Invalid);
    let o = outline(&["pay"], limit(Metric::CpuPerRequest, 1e6));
    let c = ask(&o, Design::Absolute, &[], &side);
    assert_eq!(c.decision.verdict, Verdict::Invalid);
    assert_eq!(c.findings[0].code.as_deref(), Some("PL0304"));
}

#[test]
fn one_round_is_judged_on_its_value() {
    for (now, expect) in [
        (Build::of(0, 5.0), Verdict::Kept),
        (Build::of(0, 50.0), Verdict::Broken),
        (Build::of(0, 50.0).stolen(0.3), Verdict::Broken),
        // p99 is at least 3 s: over a limit of 100 ms.
        (Build::of(0, 5.0).timing_out(60, 3000.0), Verdict::Broken),
        // p99 is at least 50 ms: nobody knows.
        (
            Build::of(0, 5.0).timing_out(60, 50.0),
            Verdict::Inconclusive,
        ),
        (Build::of(0, 5.0).failing(60), Verdict::Broken),
    ] {
        let o = outline(&["pay"], limit(P99, 100e6));
        let c = ask(&o, Design::Absolute, &[], &rounds([now]));
        assert_eq!(c.decision.verdict, expect, "{}", c.decision.headline);
        assert_eq!(row(&c, P99).verdict, None);
    }
}

#[test]
fn several_rounds_need_the_interval_on_one_side_of_the_limit() {
    for (ms, expect) in [
        (10.0, Verdict::Broken),
        (5.0, Verdict::Kept),
        (8.0, Verdict::Inconclusive),
    ] {
        // p50 scatters by ± 10 % about `ms`; the limit is 8 ms.
        let now = rounds((0..5).map(|i| Build::of(i, ms * (0.9 + 0.05 * i as f64))));
        let o = outline(&["pay"], limit(P50, 8e6));
        let c = ask(&o, Design::Absolute, &[], &now);
        assert_eq!(c.decision.verdict, expect, "{}", c.decision.headline);
    }
}

#[test]
fn noise_silences_a_limit_but_not_answers_that_never_came() {
    let o = outline(&["pay"], limit(P99, 100e6));
    let slow = rounds((0..5).map(|i| Build::of(i, 80.0).stolen(0.3)));
    let c = ask(&o, Design::Absolute, &[], &slow);
    assert_eq!(c.decision.verdict, Verdict::Inconclusive);
    let hanging = rounds((0..5).map(|i| Build::of(i, 5.0).timing_out(60, 3000.0).stolen(0.3)));
    let c = ask(&o, Design::Absolute, &[], &hanging);
    assert_eq!(c.decision.verdict, Verdict::Broken);
    insta::assert_snapshot!(c.decision.headline, @"latency.p99 is ≥ 3 s, over its limit of 100 ms");
}

#[test]
fn a_least_throughput_is_a_limit_too() {
    for (max, expect) in [(150.0, Verdict::Kept), (250.0, Verdict::Broken)] {
        let o = outline(&["pay"], limit(Metric::ThroughputOk, max));
        let c = ask(&o, Design::Absolute, &[], &scattered(5, 5.0, 100.0));
        assert_eq!(c.decision.verdict, expect);
    }
}

#[test]
fn no_error_at_all_allowed_means_none() {
    let o = outline(&["pay"], limit(Metric::ErrorsRate, 0.0));
    let mut now = scattered(5, 5.0, 100.0);
    assert_eq!(
        ask(&o, Design::Absolute, &[], &now).decision.verdict,
        Verdict::Kept
    );
    now[3] = rounds([Build::of(0, 5.0).failing(1)]).remove(0);
    assert_eq!(
        ask(&o, Design::Absolute, &[], &now).decision.verdict,
        Verdict::Broken
    );
}

#[test]
fn an_unsound_measurement_is_invalid() {
    let o = outline(&["pay"], vec![]);
    let late = Trust {
        late_share: 0.03,
        worker_cpu: 0.92,
        conserved: true,
        ..Trust::default()
    };
    let with = |trust: Trust| {
        let mut side = scattered(3, 5.0, 100.0);
        for r in &mut side {
            r.trust = trust;
            r.contamination = contamination(&trust);
        }
        side
    };
    for (now, expect) in [
        (with(Trust::default()), Some("PL0301")),
        (with(late), Some("PL0310")),
        (
            with(Trust {
                generator_errors: 20,
                conserved: true,
                ..Trust::default()
            }),
            Some("PL0311"),
        ),
        // The machine made it late: contamination, and no reason to call it invalid.
        (with(Trust { steal: 0.3, ..late }), None),
        (vec![], Some("PL0302")),
    ] {
        let c = ask(&o, Design::Unpaired, &scattered(3, 5.0, 100.0), &now);
        let invalid = c.decision.verdict == Verdict::Invalid;
        assert_eq!(invalid, expect.is_some(), "{}", c.decision.headline);
        if let Some(code) = expect {
            assert_eq!(c.findings[0].code.as_deref(), Some(code));
            assert!(
                c.results
                    .iter()
                    .all(|r| r.verdict.is_none_or(|v| v == Verdict::Invalid))
            );
        }
    }
}

#[test]
fn a_step_that_was_never_sent_is_invalid() {
    let o = outline(&["browse", "pay"], vec![]);
    let side = scattered(5, 5.0, 100.0);
    let c = ask(&o, Design::Unpaired, &side, &side);
    assert_eq!(c.decision.verdict, Verdict::Invalid);
    insta::assert_snapshot!(c.decision.headline, @"step `pay` had no request in a measured phase (now)");
}

#[test]
fn warm_up_never_counts() {
    let mut o = outline(&["pay"], vec![]);
    let mut warm_up = o.phases[0].clone();
    warm_up.name = "warm-up".to_owned();
    warm_up.warm_up = true;
    o.phases.push(warm_up);
    let mut round = Build::of(0, 5.0).step(0, 500.0).0;
    round.cells[1].phase = 1;
    let v = |scope: &Scope| value(P99, scope, &round, &o).exact();
    assert!(v(&Scope::default()).is_some_and(|v| v < 20e6));
    let phase = |name: &str| Scope {
        phase: Some(name.to_owned()),
        ..Scope::default()
    };
    assert_eq!(v(&phase("steady")), v(&Scope::default()));
    assert_eq!(value(P99, &phase("warm-up"), &round, &o), Estimate::Missing);
}

#[test]
fn another_machine_is_incomparable_unless_asked_for() {
    let o = outline(&["pay"], vec![]);
    let (a, b) = (scattered(5, 5.0, 100.0), scattered(5, 6.0, 100.0));
    let mismatch = |allow| {
        ask_with(&o, Design::Unpaired, &a, &b, |q| {
            q.environment.hard = vec!["cores: 8 → 2".to_owned()];
            q.environment.allow_mismatch = allow;
        })
    };
    let c = mismatch(false);
    assert_eq!(c.decision.verdict, Verdict::Incomparable);
    insta::assert_snapshot!(c.decision.headline, @"not comparable with the reference: cores: 8 → 2");
    let c = mismatch(true);
    assert_eq!(c.decision.verdict, Verdict::Regressed);
    assert!(c.findings.iter().any(|f| f.text.contains("as advice")));
}

#[test]
fn a_rate_that_was_not_offered_is_incomparable() {
    let mut o = outline(&["pay"], vec![]);
    o.phases[0].asked = Some(2500);
    let side = scattered(5, 5.0, 100.0);
    let c = ask(&o, Design::Unpaired, &side, &side);
    assert_eq!(c.decision.verdict, Verdict::Incomparable);
    assert_eq!(
        ask(&o, Design::Absolute, &[], &side).decision.verdict,
        Verdict::Invalid
    );
}

#[test]
fn a_round_in_which_nothing_was_sent_breaks_the_rate_too() {
    let mut o = outline(&["pay"], vec![]);
    o.phases[0].asked = Some(2000);
    let mut side = scattered(3, 5.0, 100.0);
    side[1].cells.clear();
    let c = ask(&o, Design::Absolute, &[], &side);
    assert_eq!(c.decision.verdict, Verdict::Invalid);
    assert!(c.decision.headline.contains("0 of 2,000"), "{c:#?}");
}

#[test]
fn a_fall_of_what_should_be_high_counts_from_the_share_that_is_allowed() {
    let metric = Metric::ThroughputOk;
    let t = Threshold {
        max_change: Some(Change::Relative(0.03)),
        ..threshold(metric)
    };
    let o = outline(&["pay"], vec![t]);
    let side = |lost: u64| rounds((0..5).map(|i| Build::of(i, 5.0).failing(lost)));
    // 59 of 2000 are 2.95 %: less than what is allowed, though −ln(.9705) is over ln(1.03).
    for (lost, regressed) in [(59, false), (61, true)] {
        let c = ask(&o, Design::Unpaired, &side(0), &side(lost));
        let r = row(&c, metric);
        assert_eq!(r.verdict == Some(Verdict::Regressed), regressed, "{r:#?}");
    }
}

#[test]
fn each_side_is_read_by_its_own_plan() {
    // The reference had a warm-up that the plan of now has not, and its steps in another order.
    let mut theirs = outline(&["pay", "browse"], vec![]);
    let mut warm_up = theirs.phases[0].clone();
    warm_up.warm_up = true;
    warm_up.name = "warm-up".to_owned();
    theirs.phases.insert(0, warm_up);
    let threshold = Threshold {
        max_change: Some(Change::Relative(0.05)),
        scope: Scope {
            step: Some("pay".to_owned()),
            ..Scope::default()
        },
        ..threshold(P50)
    };
    let ours = outline(&["browse", "pay"], vec![threshold]);
    let before = rounds((0..5).map(|i| {
        let mut build = Build::empty(i)
            .step(0, 500.0)
            .step(1, 500.0)
            .step(0, 5.0 * SCATTER[i])
            .step(1, 50.0);
        build.0.cells[2].phase = 1;
        build.0.cells[3].phase = 1;
        build
    }));
    let now = rounds((0..5).map(|i| Build::empty(i).step(0, 50.0).step(1, 5.0 * SCATTER[9 - i])));
    let (before, now): (Vec<&Round>, Vec<&Round>) = (before.iter().collect(), now.iter().collect());
    let mut q = question(&ours, Design::Unpaired, &before, &now);
    q.environment.plan_differs = true;
    q.environment.allow_mismatch = true;
    q.before_outline = &theirs;
    let c = judge(&q);
    assert_eq!(row(&c, P50).verdict, Some(Verdict::Unchanged), "{c:#?}");
}

#[test]
fn a_young_baseline_caps_confidence_and_says_so() {
    let o = outline(&["pay"], vec![]);
    let c = ask_with(
        &o,
        Design::Unpaired,
        &scattered(5, 5.0, 100.0),
        &scattered(5, 6.0, 100.0),
        |q| q.sessions = &[0; 5],
    );
    assert_eq!(c.decision.verdict, Verdict::Regressed);
    assert_eq!(row(&c, P50).confidence, Some(0.95));
    assert!(c.findings.iter().any(|f| f.text.contains("1 session")));
}

#[test]
fn a_floor_keeps_tiny_changes_from_counting() {
    let t = |min_change| Threshold {
        max_change: Some(Change::Relative(0.05)),
        min_change,
        ..threshold(P50)
    };
    for (floor, expect) in [(None, Verdict::Regressed), (Some(2e6), Verdict::Unchanged)] {
        let o = outline(&["pay"], vec![t(floor)]);
        let c = ask(
            &o,
            Design::Unpaired,
            &scattered(5, 5.0, 100.0),
            &scattered(5, 5.5, 100.0),
        );
        assert_eq!(row(&c, P50).verdict, Some(expect));
    }
}

#[test]
fn one_round_against_many_is_only_suspect() {
    let o = outline(&["pay"], vec![]);
    let c = ask(
        &o,
        Design::Unpaired,
        &scattered(5, 5.0, 100.0),
        &scattered(1, 9.0, 100.0),
    );
    assert_eq!(row(&c, P50).verdict, Some(Verdict::Inconclusive));
    assert!(row(&c, P50).interval.is_some());
    insta::assert_snapshot!(
        row(&c, P50).note.as_deref().unwrap_or_default(),
        @"suspect: worse than one more round of the reference would be; at least 2 are needed to tell"
    );
    assert_eq!(row(&c, P50).confidence, None);
    assert_eq!(c.decision.verdict, Verdict::Inconclusive);
}

#[test]
fn inconclusive_says_what_would_help() {
    let o = outline(&["pay"], vec![]);
    let wild = |shift: usize, ms: f64| {
        rounds(
            (0..3).map(move |i| Build::of(i, ms * [1.0, 1.08, 0.93][(i + shift) % 3]).cpu(100.0)),
        )
    };
    let c = ask_with(&o, Design::Unpaired, &wild(0, 5.0), &wild(1, 5.1), |q| {
        q.looks = Looks::Sequential(4);
        q.final_look = false;
    });
    assert_eq!(c.decision.verdict, Verdict::Inconclusive);
    insta::assert_snapshot!(c.decision.headline, @"no answer yet for 2 of 5 gating metrics: latency.p50: the baseline's 3 rounds are too few: 50 a side would tell; latency.p99: the baseline's 3 rounds are too few: 14 a side would tell");
    assert!(row(&c, P50).rounds_needed.is_some());
    assert!(row(&c, P50).detectable.is_some_and(|d| d > 0.05));
    assert_eq!(undecided(&c), ["latency.p50", "latency.p99"]);
}

#[test]
fn a_change_everywhere_blames_no_step() {
    let o = outline(&["browse", "pay"], vec![]);
    let side = |by: f64| {
        rounds(
            (0..5).map(|i| Build::of(i, 4.0 * by * SCATTER[i]).step(1, 6.0 * by * SCATTER[i + 3])),
        )
    };
    let c = ask(&o, Design::Unpaired, &side(1.0), &side(1.2));
    assert_eq!(c.decision.verdict, Verdict::Regressed);
    assert_eq!(c.moved.len(), 2);
    assert!(c.moved.iter().all(|m| !m.stands_out));
}

#[test]
fn limits_of_hygiene_are_those_documented() {
    let quiet = Trust {
        lateness_p99: Nanos::from_millis(1),
        steal: 0.02,
        cpu_pressure: Some(0.35),
        idle_cpu_pressure: Some(0.15),
        worker_cpu: 0.8,
        ..Trust::default()
    };
    assert_eq!(contamination(&quiet), []);
    let busy = Trust {
        lateness_p99: Nanos(1_000_001),
        steal: 0.31,
        cpu_pressure: Some(0.36),
        worker_cpu: 0.81,
        ..quiet
    };
    let said: Vec<String> = contamination(&busy)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        said,
        [
            "steal 31 %",
            "CPU pressure 36 %",
            "lateness 1 ms",
            "generator CPU 81 %"
        ]
    );
}

#[test]
fn a_target_that_answers_nothing_never_passes() {
    let o = outline(&["pay"], vec![]);
    let dead = rounds((0..3).map(|i| Build::of(i, 5.0).dead()));
    for (design, before) in [(Design::Absolute, &[][..]), (Design::Unpaired, &dead[..])] {
        let c = ask(&o, design, before, &dead);
        assert_eq!(
            c.decision.verdict,
            Verdict::Invalid,
            "{}",
            c.decision.headline
        );
        assert_eq!(c.findings[0].code.as_deref(), Some("PL0302"));
    }
    let c = ask(&o, Design::Unpaired, &scattered(3, 5.0, 100.0), &dead);
    assert_eq!(
        c.decision.verdict,
        Verdict::Regressed,
        "{}",
        c.decision.headline
    );
}

#[test]
fn another_plan_is_incomparable_even_where_its_steps_are_missing() {
    let o = outline(&["pay", "new"], vec![]);
    let now = rounds((0..5).map(|i| Build::of(i, 5.0).step(1, 3.0).cpu(100.0)));
    let c = ask_with(&o, Design::Unpaired, &scattered(5, 5.0, 100.0), &now, |q| {
        q.environment.plan_differs = true;
    });
    assert_eq!(c.decision.verdict, Verdict::Incomparable);
}

#[test]
fn a_wait_that_was_zero_has_no_ratio_and_still_regresses() {
    let metric = Metric::Wait(Stat::P50);
    let t = Threshold {
        max_change: Some(Change::Relative(0.1)),
        min_change: Some(1e6),
        ..threshold(metric)
    };
    let o = outline(&["pay"], vec![t]);
    let side = |ms: u64| {
        let mut side = scattered(5, 5.0, 100.0);
        for r in &mut side {
            for _ in 0..100 {
                r.cells[0].wait.record(Nanos::from_millis(ms));
            }
        }
        side
    };
    let c = ask(&o, Design::Unpaired, &side(0), &side(0));
    assert_eq!(row(&c, metric).verdict, Some(Verdict::Unchanged));
    let c = ask(&o, Design::Unpaired, &side(0), &side(4));
    assert_eq!(row(&c, metric).verdict, Some(Verdict::Regressed));
    assert_eq!(c.decision.headline, "wait.p50 went from 0 ns to 4 ms");
}

#[test]
fn pairs_are_matched_by_number_and_the_rest_left_out() {
    let o = outline(&["pay"], vec![]);
    // The machine's speed differs from pair to pair by far more than the change.
    let speed = [1.0, 3.0, 0.5, 2.0, 1.5];
    let side = |by: f64| rounds((0..5).map(|i| Build::of(i, by * speed[i] * SCATTER[i])));
    let (mut before, now) = (side(5.0), side(6.0));
    before.reverse();
    let c = ask(&o, Design::Paired, &before, &now);
    assert_eq!(row(&c, P50).verdict, Some(Verdict::Regressed));
    before.pop();
    assert_eq!(ask(&o, Design::Paired, &before, &now).now_rounds, 4);
}

#[test]
fn few_requests_without_an_error_prove_nothing_and_hold_nothing_up() {
    let o = outline(&["pay"], vec![]);
    let side = || {
        rounds((0..3).map(|i| {
            Build::empty(i)
                .with(0, around(400, 5e6 * SCATTER[i]))
                .cpu(100.0)
        }))
    };
    let c = ask(&o, Design::Paired, &side(), &side());
    let errors = row(&c, Metric::ErrorsRate);
    assert_eq!(errors.verdict, Some(Verdict::Inconclusive));
    assert!(!errors.gating, "nobody asked for it");
    insta::assert_snapshot!(
        errors.note.as_deref().unwrap_or_default(),
        @"no error on either side: below 0.25 % now; 3000 requests would tell"
    );
}

/// A column of values for each metric, in two files of five rounds.
fn values(columns: &[(Metric, [f64; 5])]) -> Values {
    Values {
        metrics: columns.iter().map(|(metric, _)| *metric).collect(),
        rows: (0..5)
            .map(|row| columns.iter().map(|(_, values)| values[row]).collect())
            .collect(),
    }
}

fn judged_values(design: Design, before: &Values, now: &Values) -> Comparison {
    let outline = now.outline("values", &[]);
    let before = before.rounds(Arm::Before);
    let now = now.rounds(Arm::Now);
    ask(&outline, design, &before, &now)
}

#[test]
fn bare_values_are_judged_as_rounds_that_were_measured() {
    let p50 = [10e6, 10.1e6, 9.9e6, 10.05e6, 10.02e6];
    let slower = p50.map(|v| v * 1.2);
    let side = |values: [f64; 5]| -> Vec<Round> { rounds(values.map(|v| Build::of(0, v / 1e6))) };
    for design in [Design::Unpaired, Design::Paired] {
        let metric = Metric::Latency(Stat::P50);
        let given = judged_values(
            design,
            &values(&[(metric, p50)]),
            &values(&[(metric, slower)]),
        );
        let threshold = Threshold {
            max_change: Some(Change::Relative(0.05)),
            ..Threshold::on(metric)
        };
        let outline = outline(&["home"], vec![threshold]);
        let measured = ask(&outline, design, &side(p50), &side(slower));
        let (a, b) = (row(&given, metric), row(&measured, metric));
        assert_eq!(a.verdict, Some(Verdict::Regressed));
        assert_eq!(a.verdict, b.verdict);
        // The histogram that was read back is coarser than the value that was given.
        let close = |a: Option<f64>, b: Option<f64>| (a.expect("a") - b.expect("b")).abs() < 2e-3;
        assert!(close(a.change, b.change) && close(a.confidence, b.confidence));
        assert_eq!(given.decision.verdict, Verdict::Regressed);
        assert!(given.findings.is_empty(), "{:?}", given.findings);
    }
}

#[test]
fn values_have_their_own_direction_and_none_is_passed_over() {
    let custom =
        |name, better| Metric::Custom(Custom::new(name, Unit::Count, better).expect("a name"));
    let (cost, jobs) = (
        custom("cost", Better::Lower),
        custom("jobs", Better::Higher),
    );
    let base = [100.0, 101.0, 99.0, 100.5, 100.0];
    let before = values(&[(cost, base), (jobs, base)]);
    let now = values(&[(cost, base), (jobs, base.map(|v| v * 0.8))]);
    let c = judged_values(Design::Unpaired, &before, &now);
    assert_eq!(row(&c, cost).verdict, Some(Verdict::Unchanged));
    assert_eq!(row(&c, jobs).verdict, Some(Verdict::Regressed));
    let missing = judged_values(Design::Unpaired, &values(&[(cost, base)]), &now);
    assert_eq!(missing.decision.verdict, Verdict::Incomparable);
    let nothing = judged_values(Design::Unpaired, &before, &Values::default());
    assert_eq!(nothing.decision.verdict, Verdict::Invalid);
}

#[test]
fn a_share_of_errors_that_was_given_is_compared_in_points() {
    let share = |v: f64| values(&[(Metric::ErrorsRate, [v, v, v, v, v])]);
    let c = judged_values(Design::Unpaired, &share(0.0), &share(0.02));
    assert_eq!(
        row(&c, Metric::ErrorsRate).verdict,
        Some(Verdict::Regressed)
    );
    let c = judged_values(Design::Unpaired, &share(0.0), &share(0.0));
    assert_eq!(
        row(&c, Metric::ErrorsRate).verdict,
        Some(Verdict::Unchanged)
    );
}
