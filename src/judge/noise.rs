//! How much the numbers of a scenario scatter on a machine when nothing changed, and what follows.
//!
//! The rounds of a calibration measure one target on both arms, in pairs. The scatter of the
//! logarithms from round to round is the noise floor of a comparison with a stored baseline, the
//! scatter of the differences within pairs that of an interleaved one. From either follows the
//! smallest change that so many rounds would show (see [`minimal_detectable`]).

use super::asks::{self, Ask};
use super::evidence::{RESOLUTION, Scale, few_note, not_measured, scale_of, too_few};
use super::looks::{LOOKS, Looks};
use super::question::{Environment, Question, Rule};
use super::reliability;
use super::rounds::{Readings, Rounds};
use super::values::Reading;
use crate::model::{
    Arm, Better, Calibration, Change, Comparison, Design, Detectable, Estimate, Finding, Metric,
    MetricResult, NoiseClass, NoiseFloor, Outline, Round, Trust, Verdict,
};
use crate::stats::{chi_square_quantile, mean, minimal_detectable, one_sample, t_quantile};
use crate::units::Unit;

/// Rounds per side of the table.
const TABLE: [usize; 4] = [3, 5, 10, 20];

/// A change that only more than this would show is no gate.
const HOPELESS: f64 = 0.5;

/// Fewer rounds than this say nothing about their scatter.
const LEAST: usize = 4;

/// Takes the noise floor from rounds of the same target on both arms.
///
/// `pool` has the rounds of all calibrations of the same plan on the same machine, these included:
/// the more there are, the better it is known how often a stated confidence is right.
pub fn calibrate(
    outline: &Outline,
    measured_at: &str,
    rounds: &[Round],
    pool: &[&Round],
) -> Calibration {
    let arm = |arm| -> Vec<&Round> { rounds.iter().filter(|r| r.arm == arm).collect() };
    let (before, now) = (arm(Arm::Before), arm(Arm::Now));
    let q = Question {
        outline,
        before_outline: outline,
        design: Design::Paired,
        reference: None,
        before: &before,
        now: &now,
        looks: Looks::Fixed,
        final_look: true,
        environment: Environment::default(),
        sessions: &[],
        rule: Rule::default(),
        suspected: &[],
    };
    let pairs = Rounds::of(&q);
    let mut readings = Readings::default();
    let asks = asks::asked(&q, &pairs, &mut readings);
    let mut floors = Vec::new();
    let mut without = Vec::new();
    for ask in &asks {
        match Scatter::of(ask, &pairs, &readings) {
            Ok(scatter) => floors.push(scatter.floor(ask)),
            Err(why) => without.push((ask.name(), why)),
        }
    }
    let rounds_proposed = enough(&floors);
    for floor in &mut floors {
        floor.proposed = proposal(floor, rounds_proposed);
    }
    let complete = || rounds.iter().filter(|r| r.complete);
    Calibration {
        scenario: outline.name.clone(),
        measured_at: measured_at.to_owned(),
        rounds: complete().count(),
        spoiled: complete().filter(|r| !r.is_clean()).count(),
        idle_pressure: median(
            complete()
                .filter_map(|r| r.trust.idle_cpu_pressure)
                .collect(),
        ),
        steal: steal(complete().map(|r| &r.trust)),
        reliability: reliability::reliability(&pooled_logs(&floors, outline, pool)),
        floors,
        without,
        rounds_proposed,
    }
}

/// The logarithms of one metric over the rounds that count for it.
struct Scatter {
    logs: Vec<f64>,
    differences: Vec<f64>,
    noisy: bool,
}

impl Scatter {
    fn of(ask: &Ask, pairs: &Rounds, readings: &Readings) -> Result<Self, String> {
        let (before, now) = readings.of(&ask.scope);
        let timing = ask.metric.noise_class() == NoiseClass::Timing;
        let usable = |rounds: &[&Round], i: usize| !timing || rounds[i].is_clean();
        let all = before.len() + now.len();
        let clean = (0..before.len())
            .filter(|&i| usable(&pairs.before, i))
            .count()
            + (0..now.len()).filter(|&i| usable(&pairs.now, i)).count();
        let noisy = clean < LEAST || 2 * clean < all;
        let mut scatter = Self {
            logs: Vec::new(),
            differences: Vec::new(),
            noisy,
        };
        for (i, (b, n)) in before.iter().zip(now).enumerate() {
            let both = [(b, &pairs.before), (n, &pairs.now)];
            let mut logs = Vec::new();
            for (reading, rounds) in both {
                if noisy || usable(rounds, i) {
                    logs.push(log(ask, reading)?);
                }
            }
            if let [b, n] = logs[..] {
                scatter.differences.push(n - b);
            }
            scatter.logs.extend(logs);
        }
        if scatter.logs.len() < LEAST {
            return Err(format!("fewer than {LEAST} rounds"));
        }
        Ok(scatter)
    }

    fn floor(&self, ask: &Ask) -> NoiseFloor {
        let n = self.logs.len() as f64;
        let sd = one_sample(&self.logs, RESOLUTION).map_or(f64::NAN, |c| c.se * n.sqrt());
        let df = n - 1.0;
        let bound = |p| sd * (df / chi_square_quantile(p, df)).sqrt();
        let pairs = self.differences.len() as f64;
        let pair_sd = one_sample(&self.differences, RESOLUTION * std::f64::consts::SQRT_2)
            .filter(|_| self.differences.len() >= LEAST / 2)
            .map(|c| c.se * pairs.sqrt());
        let mut floor = NoiseFloor {
            metric: ask.metric,
            scope: ask.scope.clone(),
            over: ask.over,
            gating: ask.gating && ask.wants_change(),
            rounds: self.logs.len(),
            noisy: self.noisy,
            typical: mean(&self.logs).exp(),
            sd,
            sd_interval: (bound(0.975), bound(0.025)),
            pair_sd,
            detectable: Vec::new(),
            allowed: ask.allowed.unwrap_or_else(|| ask.metric.default_change()),
            proposed: None,
        };
        let alpha = Looks::Fixed.alpha();
        floor.detectable = TABLE
            .into_iter()
            .map(|rounds| Detectable {
                rounds,
                stored: stored(&floor, rounds, alpha),
                interleaved: interleaved(&floor, rounds, alpha),
            })
            .collect();
        floor
    }
}

/// The logarithm of a value that is known exactly; or why there is none.
fn log(ask: &Ask, reading: &Reading) -> Result<f64, String> {
    let value = reading.value(ask.quantity());
    if let Some((have, need)) = too_few(&value) {
        return Err(few_note(ask, have, need));
    }
    match value {
        Estimate::Exact(v) if scale_of(ask.metric, ask.allowed, &[v]) == Scale::Log => Ok(v.ln()),
        Estimate::Exact(_) => Err("compared by difference, not by ratio".to_owned()),
        Estimate::Missing => Err(not_measured(ask.metric)),
        _ => Err("some requests never got an answer".to_owned()),
    }
}

/// The smallest change that shows against a stored baseline of as many rounds.
fn stored(floor: &NoiseFloor, rounds: usize, alpha: f64) -> f64 {
    let n = rounds as f64;
    let theta = minimal_detectable(floor.sd * (2.0 / n).sqrt(), 2.0 * (n - 1.0), alpha);
    share(floor.metric, theta)
}

/// The smallest change that shows in so many interleaved pairs.
fn interleaved(floor: &NoiseFloor, rounds: usize, alpha: f64) -> Option<f64> {
    let n = rounds as f64;
    let theta = minimal_detectable(floor.pair_sd? / n.sqrt(), n - 1.0, alpha);
    Some(share(floor.metric, theta))
}

/// A change for the worse as a share of the value before.
fn share(metric: Metric, theta: f64) -> f64 {
    match metric.better() {
        Better::Lower => theta.exp_m1(),
        Better::Higher => -(-theta).exp_m1(),
    }
}

/// The fewest rounds, of those after which a check looks, that show what is allowed.
fn enough(floors: &[NoiseFloor]) -> usize {
    let alpha = Looks::Sequential(LOOKS.len()).alpha();
    let most = LOOKS[LOOKS.len() - 1];
    let gates = || {
        let gating = floors.iter().filter(|f| f.gating);
        gating.filter(|f| stored(f, most, alpha) <= HOPELESS)
    };
    let shows = |f: &NoiseFloor, n| match f.allowed {
        Change::Relative(allowed) => stored(f, n, alpha) <= allowed,
        Change::Points(_) => true,
    };
    let enough = LOOKS.into_iter().find(|&n| gates().all(|f| shows(f, n)));
    enough.unwrap_or(most)
}

/// What is allowed now, or where that is finer than the noise, what so many rounds can show.
fn proposal(floor: &NoiseFloor, rounds: usize) -> Option<f64> {
    let Change::Relative(allowed) = floor.allowed else {
        return None;
    };
    let seen = stored(floor, rounds, Looks::Sequential(LOOKS.len()).alpha());
    (floor.gating && seen <= HOPELESS).then(|| allowed.max(rounded_up(seen)))
}

/// To a number that somebody would write: steps of ½ % below 2 %, 1 % below 10 %, else 5 %.
fn rounded_up(share: f64) -> f64 {
    let percent = share * 100.0;
    let step = match percent {
        p if p <= 2.0 => 0.5,
        p if p <= 10.0 => 1.0,
        _ => 5.0,
    };
    // Less than a billionth of a step is the rounding of the machine.
    (percent / step - 1e-9).ceil() * step / 100.0
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn steal<'a>(trust: impl Iterator<Item = &'a Trust>) -> (f64, f64) {
    let all: Vec<f64> = trust.map(|t| t.steal).collect();
    let most = all.iter().copied().fold(0.0, f64::max);
    (median(all).unwrap_or(0.0), most)
}

/// The logarithms of each gating metric over all rounds of the pool, with its margin.
fn pooled_logs(floors: &[NoiseFloor], outline: &Outline, pool: &[&Round]) -> Vec<(Vec<f64>, f64)> {
    let gating = floors.iter().filter(|f| f.gating);
    gating
        .filter_map(|f| {
            let Change::Relative(allowed) = f.allowed else {
                return None;
            };
            let spoils = f.metric.noise_class() == NoiseClass::Timing && !f.noisy;
            let logs = pool
                .iter()
                .filter(|r| r.complete && (!spoils || r.is_clean()))
                .filter_map(|r| Reading::of(&f.scope, r, outline).value(f.metric).exact())
                .filter(|v| *v > 0.0)
                .map(f64::ln);
            Some((logs.collect(), allowed.ln_1p()))
        })
        .collect()
}

/// Remarks on changes that are smaller than what the same target showed by chance, when this
/// machine was calibrated.
pub fn note_floor(comparison: &mut Comparison, calibration: &Calibration) {
    let floor_of = |r: &MetricResult| {
        let same = |f: &&NoiseFloor| f.metric == r.metric && f.scope == r.scope && f.over == r.over;
        calibration.floors.iter().find(same)
    };
    let design = comparison.design;
    let below: Vec<String> = comparison
        .results
        .iter()
        .filter(|r| r.gating && matches!(r.verdict, Some(Verdict::Regressed | Verdict::Improved)))
        .filter_map(|r| {
            let reach = reach(floor_of(r)?, r, design)?;
            let is_below = r.change?.ln_1p().abs() < reach;
            is_below.then(|| format!("{} (± {})", r.name(), Unit::Share.format(reach.exp_m1())))
        })
        .collect();
    if below.is_empty() {
        return;
    }
    let day = calibration.measured_at.get(..10).unwrap_or_default();
    comparison.findings.push(Finding {
        code: None,
        text: format!(
            "below the noise floor measured on {day}: {}",
            below.join(", ")
        ),
        hint: Some(
            "these rounds scattered less than the same target does here; measure again before acting on it"
                .to_owned(),
        ),
    });
}

/// How far the logarithms of two equal sides come apart by chance in 95 of 100 comparisons.
fn reach(floor: &NoiseFloor, r: &MetricResult, design: Design) -> Option<f64> {
    let before = r.before.as_ref()?.rounds.len() as f64;
    let now = r.now.rounds.len() as f64;
    let t = t_quantile(0.975, floor.rounds as f64 - 1.0);
    match design {
        // Two targets at once disturb each other otherwise than one after the other.
        Design::Absolute | Design::Duet => None,
        Design::Unpaired => Some(t * floor.sd * (1.0 / before + 1.0 / now).sqrt()),
        Design::Paired => {
            let pairs = (floor.rounds / 2) as f64;
            Some(t_quantile(0.975, pairs - 1.0) * floor.pair_sd? / now.sqrt())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::builder::{Build, outline, question};
    use crate::judge::judge;
    use crate::model::{Stat, Threshold};
    use crate::random::Uniform;
    use crate::stats::normal_quantile;

    const P50: Metric = Metric::Latency(Stat::P50);

    /// Pairs of rounds of about 5 ms; half of the scatter is common to both of a pair.
    fn pairs(n: usize, sd: f64) -> Vec<Round> {
        let mut random = Uniform::new(5, 0);
        let mut normal = || normal_quantile(random.draw().min(1.0 - 1e-12));
        let mut rounds = Vec::new();
        for pair in 0..n {
            let common = normal() * sd * 0.5_f64.sqrt();
            for (place, arm) in [Arm::Before, Arm::Now].into_iter().enumerate() {
                let own = normal() * sd * 0.5_f64.sqrt();
                let mut round = Build::of(2 * pair + place, 5.0 * (common + own).exp()).0;
                round.arm = arm;
                round.pair = pair;
                rounds.push(round);
            }
        }
        rounds
    }

    fn found(o: &Outline, rounds: &[Round]) -> Calibration {
        let pool: Vec<&Round> = rounds.iter().collect();
        calibrate(o, "2026-11-25T09:00:00Z", rounds, &pool)
    }

    fn floor(c: &Calibration, metric: Metric) -> &NoiseFloor {
        let floor = c.floors.iter().find(|f| f.metric == metric);
        floor.expect("it has a floor")
    }

    #[test]
    fn the_floor_is_the_scatter_of_the_rounds_and_less_within_pairs() {
        let c = found(&outline(&["op"], vec![]), &pairs(40, 0.03));
        assert_eq!((c.rounds, c.spoiled), (80, 0));
        let p50 = floor(&c, P50);
        assert!(p50.gating && !p50.noisy && p50.rounds == 80);
        let (low, high) = p50.sd_interval;
        assert!(low < 0.03 && 0.03 < high && high - low < 0.02, "{p50:?}");
        // The difference of two has twice the variance of what is not common.
        let pair_sd = p50.pair_sd.expect("pairs");
        assert!((pair_sd - 0.03).abs() < 0.012, "{pair_sd}");
        assert!((p50.typical / 5e6 - 1.0).abs() < 0.03);
        // Five against five: (t(.975, 8) + t(.8, 8)) · s · √(2/5).
        let five = p50.detectable[1];
        let by_hand = ((2.306 + 0.889) * p50.sd * 0.4_f64.sqrt()).exp_m1();
        assert_eq!(five.rounds, 5);
        assert!((five.stored - by_hand).abs() < 1e-4, "{five:?} {by_hand}");
        assert!(p50.detectable.windows(2).all(|w| w[1].stored < w[0].stored));
        assert!(
            c.without.iter().any(|(name, _)| name == "errors.rate"),
            "{:?}",
            c.without
        );
        assert!(!c.reliability.points.is_empty());
    }

    #[test]
    fn what_is_allowed_is_proposed_unless_the_noise_is_greater() {
        let threshold = Threshold {
            max_change: Some(Change::Relative(0.05)),
            ..Threshold::on(P50)
        };
        let o = outline(&["op"], vec![threshold]);
        let quiet = found(&o, &pairs(10, 0.004));
        assert_eq!(floor(&quiet, P50).proposed, Some(0.05));
        assert_eq!(quiet.rounds_proposed, 3);
        let noisy = found(&o, &pairs(10, 0.06));
        let proposed = floor(&noisy, P50).proposed.expect("still a gate");
        assert!(proposed > 0.05 && noisy.rounds_proposed == 10, "{proposed}");
        let seen = stored(
            floor(&noisy, P50),
            10,
            Looks::Sequential(LOOKS.len()).alpha(),
        );
        assert!(
            proposed >= seen && proposed < seen + 0.05,
            "{proposed} {seen}"
        );
        let hopeless = found(&o, &pairs(10, 0.5));
        assert_eq!(floor(&hopeless, P50).proposed, None);
    }

    #[test]
    fn rounds_that_the_machine_spoiled_count_only_where_there_are_no_others() {
        let o = outline(&["op"], vec![]);
        let mut rounds = pairs(10, 0.02);
        let spoil = |r: &mut Round| *r = Build(r.clone()).stolen(0.3).0;
        rounds.iter_mut().take(4).for_each(spoil);
        let some = found(&o, &rounds);
        assert_eq!((floor(&some, P50).rounds, some.spoiled), (16, 4));
        assert!(!floor(&some, P50).noisy);
        rounds.iter_mut().skip(4).for_each(spoil);
        let all = found(&o, &rounds);
        assert!(floor(&all, P50).noisy && floor(&all, P50).rounds == 20);
        assert!((all.steal.1 - 0.3).abs() < 1e-12);
    }

    #[test]
    fn a_change_below_the_floor_is_remarked_on_and_one_above_is_not() {
        let o = outline(&["op"], vec![]);
        let calibration = found(&o, &pairs(20, 0.06));
        let compared = |by: f64| {
            let steady = [0.999, 1.0, 1.001, 1.0005, 0.9995];
            let side = |ms: f64| -> Vec<Round> {
                let side = steady.iter().enumerate().map(|(i, s)| Build::of(i, ms * s));
                crate::judge::builder::rounds(side)
            };
            let (a, b) = (side(5.0), side(5.0 * by));
            let (a, b): (Vec<&Round>, Vec<&Round>) = (a.iter().collect(), b.iter().collect());
            let mut c = judge(&question(&o, Design::Unpaired, &a, &b));
            assert_eq!(c.decision.verdict, Verdict::Regressed);
            note_floor(&mut c, &calibration);
            let noted = c.findings.iter().find(|f| f.text.contains("noise floor"));
            noted.map(|f| f.text.clone())
        };
        let below = compared(1.055).expect("a remark");
        assert!(
            below.starts_with("below the noise floor measured on 2026-11-25: latency.p50 (± "),
            "{below}"
        );
        assert_eq!(compared(1.5), None);
    }

    #[test]
    fn proposals_are_numbers_that_somebody_would_write() {
        for (share, written) in [(0.011, 0.015), (0.034, 0.04), (0.101, 0.15), (0.07, 0.07)] {
            assert!((rounded_up(share) - written).abs() < 1e-9, "{share}");
        }
    }
}
