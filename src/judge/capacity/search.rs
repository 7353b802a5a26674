//! Which level comes next, and when it is enough.
//!
//! The rate doubles from the first until a level fails, then the gap between the highest level that
//! holds and the lowest that fails is halved on a logarithmic scale until its relative width is the
//! precision. Where a failing level fell behind, what it answered meanwhile is the target's ceiling:
//! then the next levels lie on both sides of it, which a halving would reach later.
//!
//! One lucky or unlucky level fixes nothing: both ends are measured again, in turn, before the
//! search ends, and a level that failed below one that held is measured again first.
//!
//! Spoiled rounds are repeated, up to twice the rounds of a level in all, and make no level fail. The
//! exception is a level of which no round holds, most fall behind, and all answer the same number of
//! requests, with a scatter of 2 % at most: what a machine takes varies, and so steady a ceiling is
//! not its doing. The result then
//! says that it was found on a noisy machine, and may not be used to fail anybody.

use super::knee::{self, Tally};
use super::see::Seen;
use crate::model::{Censored, Knee, LevelVerdict, Outcome};
use crate::stats::one_sample;

/// Scatter of throughput (standard deviation by mean) up to which rounds show the same ceiling.
const STEADY: f64 = 0.02;

/// Rounds of a search at most, in rounds of one level.
const MOST_LEVELS: usize = 40;

/// Where to search, and how closely.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// Requests per second, above zero.
    pub from: f64,
    pub to: f64,
    /// Rounds of each level, at least one.
    pub rounds: usize,
    /// Relative width at which the search ends.
    pub precision: f64,
}

/// The most rounds a search over `range` takes.
pub const fn most_rounds(range: &Range) -> usize {
    MOST_LEVELS * range.rounds
}

/// A search under way: is told what each round showed, and says which rate the next one offers.
#[derive(Debug, Clone)]
pub struct Searcher {
    range: Range,
    /// Ascending by rate.
    levels: Vec<Tried>,
}

/// A level and what its rounds showed.
#[derive(Debug, Clone)]
pub(super) struct Tried {
    pub(super) rate: f64,
    /// Rounds that shall say something.
    wanted: usize,
    /// With the index of the round, in the order measured.
    pub(super) seen: Vec<(usize, Seen)>,
}

impl Tried {
    fn count(&self, outcome: Outcome) -> usize {
        let same = self.seen.iter().filter(|(_, s)| s.outcome == outcome);
        same.count()
    }

    fn usable(&self) -> usize {
        self.count(Outcome::Held) + self.count(Outcome::Failed)
    }

    fn is_finished(&self) -> bool {
        self.usable() >= self.wanted
            || self.seen.len() >= 2 * self.wanted
            || (self.seen.len() >= self.wanted && self.is_steadily_behind())
    }

    /// True when no round held, most fell behind, and all show the same ceiling, spoiled or not.
    fn is_steadily_behind(&self) -> bool {
        let may_fail = |s: &Seen| matches!(s.outcome, Outcome::Failed | Outcome::Spoiled);
        let failing = self.seen.iter().filter(|(_, s)| may_fail(s));
        let behind = failing.clone().filter(|(_, s)| s.fell_behind).count();
        let ceilings: Vec<f64> = failing.filter_map(|(_, s)| s.throughput).collect();
        let n = self.seen.len();
        ceilings.len() == n
            && 2 * behind > n
            && one_sample(&ceilings, 0.0)
                .is_some_and(|c| c.se * (n as f64).sqrt() <= STEADY * c.estimate)
    }

    /// True when only its steadiness makes it fail, and not its clean rounds.
    pub(super) fn is_noisy(&self) -> bool {
        self.count(Outcome::Spoiled) > 0 && self.is_steadily_behind()
    }

    pub(super) fn verdict(&self, rounds: usize) -> LevelVerdict {
        let out_of_reach = self.count(Outcome::OutOfReach);
        if self.is_steadily_behind() {
            LevelVerdict::Fails
        } else if 2 * out_of_reach > self.seen.len() {
            LevelVerdict::GeneratorBound
        } else if 2 * self.usable() < rounds {
            LevelVerdict::Unjudged
        } else if self.count(Outcome::Held) > self.count(Outcome::Failed) {
            LevelVerdict::Holds
        } else {
            LevelVerdict::Fails
        }
    }

    fn tally(&self) -> Tally {
        Tally {
            rate: self.rate,
            held: self.count(Outcome::Held),
            failed: if self.is_steadily_behind() {
                self.seen.len()
            } else {
                self.count(Outcome::Failed)
            },
        }
    }

    /// Mean of what was answered per second while it fell behind.
    fn ceiling(&self) -> Option<f64> {
        let behind: Vec<f64> = self
            .seen
            .iter()
            .filter(|(_, s)| s.outcome != Outcome::OutOfReach && s.fell_behind)
            .filter_map(|(_, s)| s.throughput)
            .collect();
        (!behind.is_empty()).then(|| behind.iter().sum::<f64>() / behind.len() as f64)
    }
}

impl Searcher {
    pub const fn new(range: Range) -> Self {
        Self {
            range,
            levels: Vec::new(),
        }
    }

    /// The rate of the next round; None when the search is over.
    pub fn next_rate(&mut self) -> Option<f64> {
        if self.measured() >= most_rounds(&self.range) {
            return None;
        }
        loop {
            if let Some(open) = self.open() {
                return Some(open);
            }
            match self.wants() {
                Wanted::Nothing => return None,
                Wanted::New(rate) => {
                    self.level(rate);
                }
                Wanted::Again(rates) => {
                    for rate in rates {
                        self.level(rate).wanted += self.range.rounds;
                    }
                }
            }
        }
    }

    /// Takes in what a round of this rate showed; true when that finished its level.
    pub fn record(&mut self, rate: f64, round: usize, seen: Seen) -> bool {
        let level = self.level(rate);
        level.seen.push((round, seen));
        level.is_finished()
    }

    /// What is known of the knee by now.
    pub fn knee(&self) -> Knee {
        let verdict = |l: &Tried| l.verdict(self.range.rounds);
        let Bracket { low, barrier } = self.bracket();
        match (low, barrier) {
            (Some(low), Some(high)) => match verdict(high) {
                LevelVerdict::GeneratorBound => at_least(low, Censored::Generator),
                LevelVerdict::Unjudged => at_least(low, Censored::Machine),
                LevelVerdict::Holds | LevelVerdict::Fails => {
                    let tallies: Vec<Tally> = self.levels.iter().map(Tried::tally).collect();
                    Knee::Found(knee::estimate(&tallies))
                }
            },
            (Some(low), None) if low.rate >= self.range.to => at_least(low, Censored::EndOfRange),
            (Some(low), None) => at_least(low, Censored::Stopped),
            (None, Some(high)) if verdict(high) == LevelVerdict::Fails => {
                Knee::Below { rate: high.rate }
            }
            (None, _) => Knee::Unknown,
        }
    }

    /// True when the knee rests on levels that the machine spoiled.
    pub(super) fn is_noisy(&self) -> bool {
        self.bracket().barrier.is_some_and(Tried::is_noisy)
    }

    /// The verdict on a level that has been measured.
    pub fn verdict(&self, rate: f64) -> Option<LevelVerdict> {
        let level = self.levels.iter().find(|l| is_same(l.rate, rate))?;
        (!level.seen.is_empty()).then(|| level.verdict(self.range.rounds))
    }

    /// Rounds of one level as the scenario asks for.
    pub(super) const fn rounds(&self) -> usize {
        self.range.rounds
    }

    pub(super) const fn precision(&self) -> f64 {
        self.range.precision
    }

    /// The levels that have been measured, ascending.
    pub(super) fn levels(&self) -> impl Iterator<Item = &Tried> {
        self.levels.iter().filter(|l| !l.seen.is_empty())
    }

    fn measured(&self) -> usize {
        self.levels.iter().map(|l| l.seen.len()).sum()
    }

    /// A level that wants rounds; of several the one that has had the fewest, so that they take
    /// turns and a drift of the machine meets all.
    fn open(&self) -> Option<f64> {
        let open = self.levels.iter().filter(|l| !l.is_finished());
        open.min_by_key(|l| l.seen.len()).map(|l| l.rate)
    }

    /// What is wanted when every level has had its rounds.
    fn wants(&self) -> Wanted {
        let Range {
            from,
            to,
            rounds,
            precision,
        } = self.range;
        if self.levels.is_empty() {
            return Wanted::New(from);
        }
        let again = |levels: &[&Tried]| -> Wanted {
            let once = levels.iter().filter(|l| l.wanted == rounds);
            let rates: Vec<f64> = once.map(|l| l.rate).collect();
            if rates.is_empty() {
                Wanted::Nothing
            } else {
                Wanted::Again(rates)
            }
        };
        if let Some(doubtful) = self.contradiction().filter(|l| l.wanted == rounds) {
            return again(&[doubtful]);
        }
        let Bracket { low, barrier } = self.bracket();
        match (low, barrier) {
            (Some(low), None) if low.rate >= to => again(&[low]),
            (Some(low), None) => Wanted::New((2.0 * low.rate).min(to)),
            (None, Some(high)) => again(&[high]),
            (None, None) => Wanted::Nothing,
            (Some(low), Some(high)) if high.verdict(rounds) != LevelVerdict::Fails => {
                again(&[low, high])
            }
            (Some(low), Some(high)) => {
                let is_close = high.rate / low.rate - 1.0 <= precision;
                let between = (!is_close).then(|| self.between(low, high)).flatten();
                between.map_or_else(|| again(&[low, high]), Wanted::New)
            }
        }
    }

    /// The lowest level that failed although a higher one held.
    fn contradiction(&self) -> Option<&Tried> {
        let verdict = |l: &Tried| l.verdict(self.range.rounds);
        let highest = self
            .levels
            .iter()
            .rposition(|l| verdict(l) == LevelVerdict::Holds)?;
        self.levels[..highest]
            .iter()
            .find(|l| verdict(l) == LevelVerdict::Fails)
    }

    /// The lowest level that does not hold, and the highest below it.
    fn bracket(&self) -> Bracket<'_> {
        let measured: Vec<&Tried> = self.levels().collect();
        let holds = |l: &&Tried| l.verdict(self.range.rounds) == LevelVerdict::Holds;
        let barrier = measured.iter().position(|l| !holds(l));
        let low = barrier.unwrap_or(measured.len()).checked_sub(1);
        Bracket {
            low: low.map(|i| measured[i]),
            barrier: barrier.map(|i| measured[i]),
        }
    }

    /// A rate inside the bracket that was not tried.
    fn between(&self, low: &Tried, high: &Tried) -> Option<f64> {
        // A third of the precision to either side keeps both within it, however the reading erred.
        let aside = self.range.precision / 3.0;
        let guided = high.ceiling().into_iter().flat_map(|ceiling| {
            let below = (ceiling * (1.0 - aside)).max(low.rate);
            [below, ceiling * (1.0 + aside)]
        });
        let middle = (low.rate * high.rate).sqrt();
        let close = |a: f64, b: f64| (a / b).ln().abs() < aside / 2.0;
        guided
            .chain([middle])
            .map(rounded)
            .find(|&rate| {
                low.rate < rate
                    && rate < high.rate
                    && !close(rate, low.rate)
                    && !close(rate, high.rate)
            })
            .or_else(|| {
                let rate = rounded(middle);
                (low.rate < rate && rate < high.rate).then_some(rate)
            })
    }

    fn level(&mut self, rate: f64) -> &mut Tried {
        let place = self.levels.iter().position(|l| is_same(l.rate, rate));
        let i = place.unwrap_or_else(|| {
            let i = self.levels.partition_point(|l| l.rate < rate);
            let wanted = self.range.rounds;
            let seen = Vec::new();
            self.levels.insert(i, Tried { rate, wanted, seen });
            i
        });
        &mut self.levels[i]
    }
}

/// What a search wants next.
enum Wanted {
    Nothing,
    New(f64),
    /// More rounds of levels that have had theirs.
    Again(Vec<f64>),
}

/// The gap the knee lies in, as far as it is known.
struct Bracket<'a> {
    low: Option<&'a Tried>,
    barrier: Option<&'a Tried>,
}

const fn at_least(low: &Tried, because: Censored) -> Knee {
    Knee::AtLeast {
        rate: low.rate,
        because,
    }
}

fn is_same(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs()
}

/// Four digits: a rate that can be read aloud.
fn rounded(rate: f64) -> f64 {
    let unit = 10_f64.powf(rate.log10().floor() - 3.0);
    // Divided, since the units below one are no binary fractions.
    if unit < 1.0 {
        (rate / unit).round() / (1.0 / unit).round()
    } else {
        (rate / unit).round() * unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RANGE: Range = Range {
        from: 100.0,
        to: 10_000.0,
        rounds: 3,
        precision: 0.05,
    };

    fn seen(outcome: Outcome) -> Seen {
        Seen {
            outcome,
            throughput: None,
            answered: None,
            fell_behind: false,
        }
    }

    /// Searches with a target of this rule; gives the levels in the order they were begun, the
    /// rounds there were, and the knee.
    fn search(range: Range, mut target: impl FnMut(f64, usize) -> Seen) -> (Vec<f64>, usize, Knee) {
        let mut searcher = Searcher::new(range);
        let mut order = Vec::new();
        let mut rounds = 0;
        while let Some(rate) = searcher.next_rate() {
            if !order.contains(&rate) {
                order.push(rate);
            }
            let result = target(rate, rounds);
            searcher.record(rate, rounds, result);
            rounds += 1;
        }
        (order, rounds, searcher.knee())
    }

    fn up_to(capacity: f64) -> impl FnMut(f64, usize) -> Seen {
        move |rate, _| {
            seen(if rate <= capacity {
                Outcome::Held
            } else {
                Outcome::Failed
            })
        }
    }

    #[test]
    fn it_doubles_then_halves_then_measures_both_ends_again() {
        let (order, rounds, knee) = search(RANGE, up_to(500.0));
        assert_eq!(
            order,
            [100.0, 200.0, 400.0, 800.0, 565.7, 475.7, 518.8, 496.8]
        );
        assert_eq!(rounds, 3 * (8 + 2));
        let Knee::Found(knee) = knee else {
            panic!("{knee:?}")
        };
        assert!(knee.low <= 500.0 && 500.0 <= knee.high, "{knee:?}");
        assert!((knee.rate / 500.0 - 1.0).abs() < 0.05, "{knee:?}");
    }

    #[test]
    fn a_level_that_fell_behind_shows_the_ceiling() {
        let (order, rounds, knee) = search(RANGE, |rate, _| Seen {
            throughput: Some(rate.min(500.0)),
            fell_behind: rate > 500.0,
            ..up_to(500.0)(rate, 0)
        });
        assert_eq!(order, [100.0, 200.0, 400.0, 800.0, 491.7, 508.3]);
        assert_eq!(rounds, 3 * (6 + 2));
        assert!(matches!(knee, Knee::Found(k) if k.low < 500.0 && 500.0 < k.high));
    }

    #[test]
    fn nothing_failed_is_a_bound_and_no_knee() {
        let (_, _, knee) = search(RANGE, up_to(1e9));
        let because = Censored::EndOfRange;
        assert_eq!(
            knee,
            Knee::AtLeast {
                rate: 10_000.0,
                because
            }
        );
    }

    #[test]
    fn a_first_level_that_fails_is_measured_again_and_ends_it() {
        let (order, rounds, knee) = search(RANGE, up_to(50.0));
        assert_eq!((order.as_slice(), rounds), (&[100.0][..], 6));
        assert_eq!(knee, Knee::Below { rate: 100.0 });
    }

    #[test]
    fn what_only_the_generator_could_not_reach_is_no_failure() {
        let (order, _, knee) = search(RANGE, |rate, _| {
            seen(if rate < 500.0 {
                Outcome::Held
            } else {
                Outcome::OutOfReach
            })
        });
        assert_eq!(order, [100.0, 200.0, 400.0, 800.0]);
        let because = Censored::Generator;
        assert_eq!(
            knee,
            Knee::AtLeast {
                rate: 400.0,
                because
            }
        );
    }

    #[test]
    fn spoiled_rounds_are_repeated_up_to_a_bound() {
        // Every second round is spoiled: the answer is the same, and takes twice as long.
        let mut odd = false;
        let (_, rounds, knee) = search(RANGE, |rate, _| {
            odd = !odd;
            if odd {
                seen(Outcome::Spoiled)
            } else {
                up_to(500.0)(rate, 0)
            }
        });
        assert!(matches!(knee, Knee::Found(k) if k.low < 500.0 && 500.0 < k.high));
        assert!(rounds <= most_rounds(&RANGE), "{rounds}");
        // All of them above 300/s: no level there is taken for one that failed.
        let (_, _, knee) = search(RANGE, |rate, _| {
            if rate > 300.0 {
                seen(Outcome::Spoiled)
            } else {
                up_to(500.0)(rate, 0)
            }
        });
        let because = Censored::Machine;
        assert_eq!(
            knee,
            Knee::AtLeast {
                rate: 200.0,
                because
            }
        );
    }

    #[test]
    fn a_spoiled_level_fails_only_when_all_its_rounds_show_the_same_ceiling() {
        let noisy = |scatter: f64| {
            search(RANGE, move |rate, round| Seen {
                outcome: if rate <= 500.0 {
                    Outcome::Held
                } else {
                    Outcome::Spoiled
                },
                throughput: Some(rate.min(500.0) * if round % 2 == 0 { 1.0 } else { scatter }),
                answered: None,
                fell_behind: rate > 500.0,
            })
        };
        let (_, _, steady) = noisy(0.99);
        assert!(
            matches!(steady, Knee::Found(k) if k.low < 500.0 && 500.0 < k.high),
            "{steady:?}"
        );
        let because = Censored::Machine;
        let (_, _, scattered) = noisy(0.9);
        assert_eq!(
            scattered,
            Knee::AtLeast {
                rate: 400.0,
                because
            }
        );
    }

    #[test]
    fn an_unlucky_level_is_measured_again_and_does_not_decide() {
        // The first two rounds at 200/s fail by chance.
        let (_, _, knee) = search(RANGE, |rate, round| {
            if (3..5).contains(&round) {
                assert!((rate - 200.0).abs() < 1e-9);
                seen(Outcome::Failed)
            } else {
                up_to(500.0)(rate, 0)
            }
        });
        assert!(
            matches!(knee, Knee::Found(k) if k.low < 500.0 && 500.0 < k.high),
            "{knee:?}"
        );
    }

    #[test]
    fn nothing_judged_is_unknown() {
        let (_, _, knee) = search(RANGE, |_, _| seen(Outcome::Spoiled));
        assert_eq!(knee, Knee::Unknown);
        assert_eq!(Searcher::new(RANGE).knee(), Knee::Unknown);
    }
}
