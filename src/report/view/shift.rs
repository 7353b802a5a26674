//! The shift function: how far the percentile curves of both sides lie apart, and how sure that is.
//!
//! Doksum (1974), Annals of Statistics 2, 267. A round has one value of each percentile, and rounds
//! are what is independent: so at each percentile the logarithms of the rounds are compared by
//! Student's t, in pairs where both sides were measured now, across sessions where the reference has
//! enough of them. An interval is that of its percentile alone, at 95 %: the judge, who answers for
//! many metrics and looks, is stricter.

use std::collections::BTreeMap;

use crate::model::{Design, Estimate, Latencies, Metric, Outline, Round, Scope, Stat};
use crate::report::words;
use crate::stats::{Contrast, mean, paired, positioned, sessions as by_session, two_sample};
use crate::units::Unit;

use super::Row;
use super::sides::Sides;
use super::summary::latencies;

/// Percentiles with a name, a mark and a row in the table.
const NAMED: [(f64, &str); 10] = [
    (0.01, "p1"),
    (0.05, "p5"),
    (0.1, "p10"),
    (0.25, "p25"),
    (0.5, "p50"),
    (0.75, "p75"),
    (0.9, "p90"),
    (0.95, "p95"),
    (0.99, "p99"),
    (0.999, "p99.9"),
];

/// Points of the curve from one of them to the next.
const BETWEEN: usize = 4;

/// Relative step of a latency histogram: 1024 buckets to a doubling.
const RESOLUTION: f64 = 0.001;

/// Sessions of a reference from which the spread between them is known.
const SESSIONS: usize = 3;

/// Requests that a percentile needs on either side of it.
const BEYOND: f64 = 10.0;

/// Probability that an interval holds the truth.
const LEVEL: f64 = 0.95;

/// The differences from the lowest to the highest percentile that can be told.
#[derive(Debug, Clone)]
pub(in crate::report) struct ShiftView {
    pub(in crate::report) points: Vec<ShiftPoint>,
    /// Rounds of the reference and of now.
    pub(in crate::report) rounds: [usize; 2],
    /// They were measured in pairs.
    pub(in crate::report) in_pairs: bool,
    /// Too few rounds are clean, so that those which noise has spoiled are in it.
    pub(in crate::report) is_spoiled: bool,
}

/// One percentile.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct ShiftPoint {
    /// Of one: p99 is 0.99.
    pub(in crate::report) q: f64,
    /// Empty between those that have one.
    pub(in crate::report) name: &'static str,
    /// Geometric mean of the rounds of the reference, in nanoseconds.
    pub(in crate::report) before: f64,
    /// The difference as a share of that.
    pub(in crate::report) change: f64,
    /// At 95 %; None where the rounds are too few.
    pub(in crate::report) interval: Option<(f64, f64)>,
    /// The greatest share that a threshold on it allows.
    pub(in crate::report) allowed: Option<f64>,
}

/// What an interval says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Shifted {
    Slower,
    Faster,
    /// Zero is in the interval, or there is none.
    NotShown,
}

impl ShiftPoint {
    pub(in crate::report) fn shifted(&self) -> Shifted {
        match self.interval {
            Some((low, _)) if low > 0.0 => Shifted::Slower,
            Some((_, high)) if high < 0.0 => Shifted::Faster,
            _ => Shifted::NotShown,
        }
    }

    /// `+5.6 ms`
    pub(in crate::report) fn difference_in_words(&self) -> String {
        signed_time(self.before * self.change)
    }

    /// `+4 ms … +7.3 ms`; a dash where there is no interval.
    pub(in crate::report) fn interval_of_difference(&self) -> String {
        let of = |share: f64| signed_time(self.before * share);
        self.interval
            .map_or_else(none, |(low, high)| format!("{} … {}", of(low), of(high)))
    }

    /// `+13.7 %`
    pub(in crate::report) fn change_in_words(&self) -> String {
        words::change(self.change, false)
    }

    /// `+9.8 … +17.9 %`; a dash where there is no interval.
    pub(in crate::report) fn interval_in_words(&self) -> String {
        self.interval
            .map_or_else(none, |interval| words::interval(interval, false))
    }
}

fn none() -> String {
    "–".to_owned()
}

fn signed_time(nanos: f64) -> String {
    let sign = if nanos > 0.0 && nanos.is_finite() {
        "+"
    } else {
        ""
    };
    format!("{sign}{}", Unit::Time.format(nanos))
}

impl ShiftView {
    /// None without a reference, and where no percentile is known of all rounds.
    pub(super) fn new(sides: &Sides<'_>, outline: &Outline, rows: &[Row]) -> Option<Self> {
        let rounds = Compared::of(sides);
        let [before, now] = [&rounds.before, &rounds.now].map(|side| -> Vec<Latencies> {
            let of = |round: &&Round| latencies(round, outline, &Scope::default());
            side.iter().map(of).collect()
        });
        if before.is_empty() || now.is_empty() {
            return None;
        }
        let points: Vec<_> = grid()
            .filter_map(|(q, name)| {
                let point = ShiftPoint::of(q, name, [&before, &now], &rounds)?;
                let allowed = allowed(&point, outline, rows);
                Some(ShiftPoint { allowed, ..point })
            })
            .collect();
        (points.len() > 1).then_some(Self {
            points,
            rounds: [before.len(), now.len()],
            in_pairs: rounds.is_paired(),
            is_spoiled: rounds.are_spoiled(),
        })
    }

    /// Those with a name.
    pub(in crate::report) fn named(&self) -> impl Iterator<Item = &ShiftPoint> {
        self.points.iter().filter(|p| !p.name.is_empty())
    }

    /// Where now is slower or faster beyond chance, and by how much the most.
    pub(in crate::report) fn finding(&self) -> String {
        let spoiled = if self.is_spoiled {
            "Noise has spoiled too many rounds for a verdict. "
        } else {
            ""
        };
        format!("{spoiled}{}", self.difference())
    }

    fn difference(&self) -> String {
        let named: Vec<_> = self.named().collect();
        if named.iter().all(|p| p.interval.is_none()) {
            return self.without_intervals(&named);
        }
        let told = [(Shifted::Slower, "slower"), (Shifted::Faster, "faster")];
        let found: Vec<String> = told
            .into_iter()
            .filter_map(|(shifted, word)| stretches(&named, shifted, word))
            .collect();
        if !found.is_empty() {
            return format!("Now is {}.", found.join("; "));
        }
        let (first, last) = (named.first(), named.last());
        let ends = first.zip(last).map_or_else(String::new, |(first, last)| {
            format!(" from {} to {}", first.name, last.name)
        });
        format!("No percentile{ends} shows a difference: each interval holds zero.")
    }

    fn without_intervals(&self, named: &[&ShiftPoint]) -> String {
        let most = named
            .iter()
            .max_by(|a, b| a.change.abs().total_cmp(&b.change.abs()));
        let told = most.map_or_else(String::new, |p| {
            format!(
                "The sides differ most at {}: {} ({}). ",
                p.name,
                p.difference_in_words(),
                p.change_in_words()
            )
        });
        let [before, now] = self.rounds;
        format!(
            "{told}{before} against {} cannot tell how sure that is.",
            words::plural(now, "round")
        )
    }
}

/// `slower from p90 to p99, the most at p99: +5.6 ms (+13.7 %, 95 % interval +9.8 … +17.9 %)`
fn stretches(named: &[&ShiftPoint], shifted: Shifted, word: &str) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut rest = named;
    while let Some(begin) = rest.iter().position(|p| p.shifted() == shifted) {
        let run = &rest[begin..];
        let length = run
            .iter()
            .position(|p| p.shifted() != shifted)
            .unwrap_or(run.len());
        parts.push(match (run[0].name, run[length - 1].name) {
            (one, last) if one == last => format!("at {one}"),
            (first, last) => format!("from {first} to {last}"),
        });
        rest = &run[length..];
    }
    let most = named
        .iter()
        .filter(|p| p.shifted() == shifted)
        .max_by(|a, b| a.change.abs().total_cmp(&b.change.abs()))?;
    let places = words::listed(&parts);
    let peak = match format!("at {}", most.name) {
        at if at == places => String::new(),
        at => format!(", the most {at}"),
    };
    Some(format!(
        "{word} {places}{peak}: {} ({}, 95 % interval {})",
        most.difference_in_words(),
        most.change_in_words(),
        most.interval_in_words()
    ))
}

/// The named percentiles, and those between them at equal steps of the logit.
fn grid() -> impl Iterator<Item = (f64, &'static str)> {
    let between = |[(from, name), (to, _)]: [(f64, &'static str); 2]| {
        (0..BETWEEN).map(move |i| {
            if i == 0 {
                return (from, name);
            }
            let share = i as f64 / BETWEEN as f64;
            let logit = logit(from) + share * (logit(to) - logit(from));
            (1.0 / (1.0 + (-logit).exp()), "")
        })
    };
    let pairs = NAMED.windows(2).flat_map(move |w| between([w[0], w[1]]));
    pairs.chain(NAMED.last().copied())
}

/// ln q/(1−q): both tails have room.
pub(in crate::report) fn logit(q: f64) -> f64 {
    (q / (1.0 - q)).ln()
}

impl ShiftPoint {
    /// None where any round knows less than the value.
    fn of(
        q: f64,
        name: &'static str,
        [before, now]: [&[Latencies]; 2],
        rounds: &Compared<'_>,
    ) -> Option<Self> {
        let log = |latencies: &Latencies| -> Option<f64> {
            let n = latencies.population() as f64;
            match latencies.quantile(q) {
                Estimate::Exact(v) if v > 0.0 && n * q >= BEYOND - 1e-9 => Some(v.ln()),
                _ => None,
            }
        };
        let logs = |side: &[Latencies]| side.iter().map(log).collect::<Option<Vec<f64>>>();
        let (before, now) = (logs(before)?, logs(now)?);
        let contrast = rounds.contrast(&before, &now);
        let apart = contrast.map_or_else(|| mean(&now) - mean(&before), |c| c.estimate);
        let interval = contrast.map(|c| c.interval(LEVEL));
        let share = f64::exp_m1;
        Some(Self {
            q,
            name,
            before: mean(&before).exp(),
            change: share(apart),
            interval: interval
                .map(|(low, high)| (share(low), share(high)))
                .filter(|(low, high)| low.is_finite() && high.is_finite()),
            allowed: None,
        })
    }
}

/// What a threshold allows at a percentile, on everything measured.
fn allowed(point: &ShiftPoint, outline: &Outline, rows: &[Row]) -> Option<f64> {
    let is_of = |metric: Metric, scope: &Scope| {
        let stat = Stat::ALL.into_iter().find(|s| s.name() == point.name);
        *scope == Scope::default() && stat.is_some_and(|s| metric == Metric::Latency(s))
    };
    let judged = rows.iter().map(|row| &row.result);
    let judged = judged
        .filter(|r| r.gating && r.over.is_none() && is_of(r.metric, &r.scope))
        .find_map(|r| r.allowed)?;
    let floor = outline
        .thresholds
        .iter()
        .find(|t| is_of(t.metric, &t.scope))
        .and_then(|t| t.min_change)
        .unwrap_or(0.0);
    let share = words::allowance(judged).abs().max(floor / point.before);
    share.is_finite().then_some(share)
}

/// So many clean rounds are enough to do without the others; where nothing is repeated one must do.
const fn are_enough(clean: usize, all: usize) -> bool {
    clean >= 2 || clean == all
}

/// The rounds that are compared, and how they belong together.
struct Compared<'a> {
    before: Vec<&'a Round>,
    now: Vec<&'a Round>,
    how: How,
}

/// How the rounds of both sides belong together.
enum How {
    Paired,
    /// Measured at once; of each pair whether now had the second place.
    Duet(Vec<bool>),
    /// Of each round before the session; none where that is not known.
    Apart(Vec<usize>),
}

impl<'a> Compared<'a> {
    fn of(sides: &Sides<'a>) -> Self {
        if !sides.before_is_measured_now {
            return Self::apart(sides);
        }
        let partners: BTreeMap<usize, &Round> = sides.before.iter().map(|r| (r.pair, *r)).collect();
        let now = sides.now.iter().copied();
        let pairs = now.filter_map(|r| Some((*partners.get(&r.pair)?, r)));
        let pairs: Vec<(&Round, &Round)> = pairs.collect();
        let are_clean = |(before, now): &&(&Round, &Round)| before.is_clean() && now.is_clean();
        let clean: Vec<_> = pairs.iter().filter(are_clean).copied().collect();
        let pairs = if are_enough(clean.len(), pairs.len()) {
            clean
        } else {
            pairs
        };
        let how = if sides.design == Some(Design::Duet) {
            let is_second = |(before, now): &(&Round, &Round)| now.index > before.index;
            How::Duet(pairs.iter().map(is_second).collect())
        } else {
            How::Paired
        };
        let (before, now) = pairs.into_iter().unzip();
        Self { before, now, how }
    }

    fn apart(sides: &Sides<'a>) -> Self {
        let clean = |rounds: &[&'a Round]| {
            let clean = rounds.iter().filter(|r| r.is_clean()).count();
            are_enough(clean, rounds.len())
        };
        let (clean_before, clean_now) = (clean(&sides.before), clean(&sides.now));
        let before = sides.before.iter().copied().enumerate();
        let before = before.filter(|(_, r)| r.is_clean() || !clean_before);
        let (places, before): (Vec<usize>, Vec<&Round>) = before.unzip();
        let now = sides.now.iter().copied();
        let session = |place: usize| sides.sessions.get(place).copied();
        Self {
            how: How::Apart(places.into_iter().filter_map(session).collect()),
            now: now
                .filter(|r| r.is_clean() || r.complete && !clean_now)
                .collect(),
            before,
        }
    }

    fn are_spoiled(&self) -> bool {
        let mut all = self.before.iter().chain(&self.now);
        all.any(|r| !r.contamination.is_empty())
    }

    const fn is_paired(&self) -> bool {
        !matches!(self.how, How::Apart(_))
    }

    /// The difference of logarithms; None with too few rounds.
    fn contrast(&self, before: &[f64], now: &[f64]) -> Option<Contrast> {
        match &self.how {
            How::Paired => paired(before, now, RESOLUTION),
            How::Duet(second) => {
                positioned(before, now, second, RESOLUTION).map(|both| both.contrast)
            }
            How::Apart(sessions) => {
                let mut each: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
                for (value, session) in before.iter().zip(sessions) {
                    each.entry(*session).or_default().push(*value);
                }
                if each.len() >= SESSIONS {
                    let each: Vec<Vec<f64>> = each.into_values().collect();
                    return by_session(&each, now, RESOLUTION).map(|across| across.contrast);
                }
                two_sample(before, now, RESOLUTION).map(|two| two.contrast)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Arm, Cell};
    use crate::report::View;
    use crate::report::fixture;
    use crate::units::Nanos;

    #[test]
    fn a_slower_step_shows_where_its_requests_lie_and_nowhere_else() {
        let view = View::new(&fixture::run(), None);
        let shift = view.shift.expect("a reference");
        assert!(shift.in_pairs);
        assert_eq!(
            shift.rounds,
            [4, 4],
            "the pair with a spoiled round is left out"
        );
        let of = |name: &str| shift.named().find(|p| p.name == name).expect("named");
        for slow in ["p75", "p90"] {
            let point = of(slow);
            assert_eq!(point.shifted(), Shifted::Slower, "{point:?}");
            let (low, high) = point.interval.expect("four pairs");
            assert!(low < 0.19 && high > 0.1, "{point:?}");
        }
        // Half of all requests are of the step that did not change.
        assert_eq!(of("p10").shifted(), Shifted::NotShown, "{:?}", of("p10"));
        assert_eq!(
            (of("p50").allowed, of("p99").allowed),
            (Some(0.05), Some(0.10))
        );
        assert_eq!(of("p75").allowed, None);
        insta::assert_snapshot!(shift.finding());
    }

    /// Rounds in which every request took as long as the round says.
    fn rounds(arm: Arm, millis: &[f64]) -> Vec<Round> {
        let round = |(pair, ms): (usize, &f64)| {
            let mut cell = Cell {
                phase: 1,
                ..Cell::default()
            };
            for _ in 0..1000 {
                cell.latency.ok.record(Nanos::from_secs_f64(ms / 1e3));
            }
            let index = 2 * pair + usize::from(arm == Arm::Now);
            let mut round = Round::new(index, arm, pair, String::new());
            round.cells = vec![cell];
            round
        };
        millis.iter().enumerate().map(round).collect()
    }

    fn shift(before: &[f64], now: &[f64], sessions: Vec<usize>, in_pairs: bool) -> ShiftView {
        let (before, now) = (rounds(Arm::Before, before), rounds(Arm::Now, now));
        let sides = Sides {
            before: before.iter().collect(),
            now: now.iter().collect(),
            before_is_measured_now: in_pairs,
            sessions,
            design: None,
        };
        let outline = fixture::run().manifest.outline;
        ShiftView::new(&sides, &outline, &[]).expect("rounds")
    }

    #[test]
    fn intervals_are_those_of_the_rounds() {
        let (before, now) = ([10.0, 10.4, 9.8], [11.0, 11.6, 10.5]);
        let log = |side: [f64; 3]| side.map(|ms: f64| (ms * 1e6).ln());
        let pairs = paired(&log(before), &log(now), RESOLUTION).expect("three pairs");
        let two = two_sample(&log(before), &log(now), RESOLUTION).expect("two samples");
        let sessions: Vec<Vec<f64>> = log(before).iter().map(|v| vec![*v, v + 0.001]).collect();
        let across = by_session(&sessions, &log(now), RESOLUTION).expect("three sessions");
        let of_sessions: Vec<f64> = before.iter().flat_map(|ms| [*ms, ms * 1.001]).collect();
        for (contrast, found) in [
            (pairs, shift(&before, &now, Vec::new(), true)),
            (two.contrast, shift(&before, &now, vec![0, 0, 0], false)),
            (
                across.contrast,
                shift(&of_sessions, &now, vec![0, 0, 1, 1, 2, 2], false),
            ),
        ] {
            let (low, high) = contrast.interval(0.95);
            let p50 = found.named().find(|p| p.name == "p50").expect("a median");
            let (from, to) = p50.interval.expect("rounds enough");
            // A histogram knows a value to a thousandth.
            assert!(
                (from.ln_1p() - low).abs() < 3e-3 + 0.02 * low.abs(),
                "{p50:?} {low}"
            );
            assert!(
                (to.ln_1p() - high).abs() < 3e-3 + 0.02 * high.abs(),
                "{p50:?} {high}"
            );
            assert!(
                (p50.change.ln_1p() - contrast.estimate).abs() < 2e-3,
                "{p50:?}"
            );
        }
    }

    #[test]
    fn what_a_round_does_not_know_is_not_compared() {
        let found = shift(&[10.0], &[11.0], vec![0], false);
        let names: Vec<_> = found.named().map(|p| p.name).collect();
        // A thousand requests have ten beyond p1 and p99, and one beyond p99.9.
        assert_eq!(names.first(), Some(&"p1"));
        assert_eq!(names.last(), Some(&"p99"));
        assert!(found.points.iter().all(|p| p.interval.is_none()));
        let text = found.finding();
        assert!(text.contains("+1 ms (+10.0 %)"), "{text}");
        assert!(
            text.ends_with("1 against 1 round cannot tell how sure that is."),
            "{text}"
        );
    }

    #[test]
    fn where_noise_spoiled_too_many_rounds_all_are_shown_and_that_is_said() {
        let mut run = fixture::run();
        let noise = run.rounds[6].contamination.clone();
        for round in run.rounds.iter_mut().filter(|r| r.pair < 4) {
            round.contamination.clone_from(&noise);
        }
        let shift = View::new(&run, None).shift.expect("a reference");
        assert_eq!(shift.rounds, [5, 5], "one clean pair cannot tell");
        let text = shift.finding();
        assert!(
            text.starts_with("Noise has spoiled too many rounds for a verdict. Now is slower"),
            "{text}"
        );
        let stored = fixture::baseline();
        run.rounds.retain(|r| r.arm == Arm::Now);
        let shift = View::new(&run, Some(&stored)).shift.expect("a reference");
        assert!(shift.is_spoiled && !shift.in_pairs, "{shift:?}");
        assert_eq!(shift.rounds, [5, 5]);
    }

    #[test]
    fn the_finding_says_where_and_how_much() {
        let same = shift(&[10.0, 10.1, 9.9], &[10.02, 10.07, 9.91], Vec::new(), true);
        insta::assert_snapshot!(same.finding(), @"No percentile from p1 to p99 shows a difference: each interval holds zero.");
        let faster = shift(&[10.0, 10.1, 9.9], &[8.0, 8.1, 7.9], Vec::new(), true);
        let text = faster.finding();
        assert!(
            text.starts_with("Now is faster from p1 to p99, the most at "),
            "{text}"
        );
    }
}
