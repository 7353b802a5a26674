//! Which step moved: an indication beside the verdict, made to work on busy machines.
//!
//! The value of a step in a round is the mean of the logarithms of its low service-time quantiles
//! (p10 … p30), which queueing and bursts of noise reach last. What the machine does to a round it
//! does to all steps of the round, so a step's share of the time of all steps is steady, and spoiled
//! rounds can be used as well. Tests are corrected by the number of steps
//! (Bonferroni).

use super::question::Question;
use super::rounds::{Readings, Rounds};
use super::values::Reading;
use crate::model::{Design, Metric, Moved, Scope, Stat};
use crate::stats::{Contrast, mean, paired, pooled};

/// The quantiles whose logarithms are averaged.
const LOW_QUANTILES: [f64; 5] = [0.10, 0.15, 0.20, 0.25, 0.30];

/// Answers in a round below which a step is not looked at.
const LEAST_ANSWERS: u64 = 10;

/// A step stands out only by at least this share.
const LEAST_CONTRAST: f64 = 0.03;

/// Relative step of the histogram.
const RESOLUTION: f64 = 0.001;

/// Level over all steps: one-sided of standing out, two-sided of having moved.
const ALPHA: f64 = 0.05;

/// The values of one step, round by round.
struct Series {
    step: String,
    before: Vec<f64>,
    now: Vec<f64>,
}

/// What kind of movement is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Worse,
    Better,
}

/// The steps that moved, the one most apart from the others first.
///
/// A step is listed when it stands out, or, unless `noisy`, when its own change excludes zero.
pub(super) fn moved(
    q: &Question,
    rounds: &Rounds,
    readings: &mut Readings,
    direction: Direction,
    noisy: bool,
) -> Vec<Moved> {
    if q.design == Design::Absolute {
        return Vec::new();
    }
    let series: Vec<Series> = q
        .outline
        .steps
        .iter()
        .filter_map(|step| {
            let scope = Scope {
                step: Some(step.clone()),
                ..Scope::default()
            };
            readings.read(&scope, rounds, q);
            let (before, now) = readings.of(&scope);
            Some(Series {
                step: step.clone(),
                before: before.iter().map(typical).collect::<Option<_>>()?,
                now: now.iter().map(typical).collect::<Option<_>>()?,
            })
        })
        .collect();
    let mut found = of_parts(q.design, &series, direction, noisy);
    let whole = as_a_whole(q, &series, direction, noisy);
    if let Some((_, steps)) = &whole {
        // Beside steps that stayed each of these stands out, and none of them alone is to blame.
        let of_it = |m: &Moved| steps.iter().any(|s| s.step == m.step);
        found.retain(|m| !(m.stands_out && of_it(m)));
    }
    whole
        .map(|(journey, _)| journey)
        .into_iter()
        .chain(found)
        .collect()
}

/// The journey that stands out from the others and none of whose steps stands out within it, with
/// its steps.
fn as_a_whole<'s>(
    q: &Question,
    series: &'s [Series],
    direction: Direction,
    noisy: bool,
) -> Option<(Moved, &'s [Series])> {
    let journeys = journeys(q, series);
    let moved = of_parts(q.design, &journeys, direction, noisy);
    let moved = moved.into_iter().find(|m| m.stands_out)?;
    let steps = series.get(q.outline.journey(&moved.step)?)?;
    let within = of_parts(q.design, steps, direction, noisy);
    (steps.len() > 1 && !within.iter().any(|m| m.stands_out)).then_some((
        Moved {
            journey: true,
            ..moved
        },
        steps,
    ))
}

/// The journeys of several steps and the steps alone, each with the time of all its steps; empty
/// unless there are two and one of them has several steps.
fn journeys(q: &Question, steps: &[Series]) -> Vec<Series> {
    let outline = q.outline;
    let is_whole = steps.len() == outline.steps.len();
    if outline.journeys.is_empty() || !is_whole {
        return Vec::new();
    }
    let alone = (0..steps.len())
        .filter(|i| !outline.journeys.iter().any(|j| j.steps.contains(i)))
        .map(|i| (outline.steps[i].clone(), i..i + 1));
    let several = outline
        .journeys
        .iter()
        .map(|j| (j.name.clone(), j.steps.clone()));
    let parts: Vec<Series> = several
        .chain(alone)
        .filter_map(|(name, range)| {
            let of = steps.get(range)?;
            Some(Series {
                step: name,
                before: together(of, |s| &s.before)?,
                now: together(of, |s| &s.now)?,
            })
        })
        .collect();
    if parts.len() < 2 { Vec::new() } else { parts }
}

/// Logarithm of the sum of the times, round by round.
fn together(steps: &[Series], of: fn(&Series) -> &[f64]) -> Option<Vec<f64>> {
    let rounds = of(steps.first()?).len();
    let sum = |round: usize| -> f64 { steps.iter().map(|s| of(s)[round].exp()).sum() };
    Some((0..rounds).map(|round| sum(round).ln()).collect())
}

fn of_parts(design: Design, series: &[Series], direction: Direction, noisy: bool) -> Vec<Moved> {
    if series.is_empty() {
        return Vec::new();
    }
    let level = 1.0 - ALPHA / series.len() as f64;
    let apart = apart(design, series).unwrap_or_default();
    let most = most_time_added(series, direction);
    let mut found: Vec<(f64, Moved)> = (0..series.len())
        .filter_map(|i| {
            let own = contrast(design, &series[i].before, &series[i].now)?;
            let apart = *apart.get(i)?;
            let beyond = contrast(
                design,
                &odds(series, i, |s| &s.before),
                &odds(series, i, |s| &s.now),
            )?;
            let (apart, growth) = match direction {
                Direction::Worse => (apart, beyond),
                Direction::Better => (apart.reversed(), beyond.reversed()),
            };
            // Two views of one question, so each has half of the level: the shares tell best where
            // cheap steps are noisy, the ratio where one step has almost all of the time.
            let p = 2.0 * apart.p_greater(0.0).min(growth.p_greater(0.0));
            let stands_out = series.len() > 1
                && most == Some(i)
                && p <= ALPHA / series.len() as f64
                && growth.estimate >= LEAST_CONTRAST.ln_1p();
            let (own_low, own_high) = own.interval(level);
            let by_itself = !noisy && (own_low > 0.0 || own_high < 0.0);
            let shown = if stands_out { beyond } else { own };
            let (low, high) = shown.interval(1.0 - ALPHA);
            (stands_out || by_itself).then(|| {
                let moved = Moved {
                    step: series[i].step.clone(),
                    journey: false,
                    metric: Metric::ServiceTime(Stat::P50),
                    change: shown.estimate.exp_m1(),
                    interval: (low.exp_m1(), high.exp_m1()),
                    stands_out,
                };
                (apart.estimate, moved)
            })
        })
        .filter(|(_, m)| {
            m.change.is_finite() && m.interval.0.is_finite() && m.interval.1.is_finite()
        })
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found.into_iter().map(|(_, moved)| moved).collect()
}

/// The step that gained (or lost) most time. Others that wait behind it gain time as well, and a
/// cheap one may gain a greater share, but never more time than the one they wait for.
fn most_time_added(series: &[Series], direction: Direction) -> Option<usize> {
    let time = |logs: &[f64]| mean(&logs.iter().map(|y| y.exp()).collect::<Vec<_>>());
    let added = |s: &Series| match direction {
        Direction::Worse => time(&s.now) - time(&s.before),
        Direction::Better => time(&s.before) - time(&s.now),
    };
    (0..series.len()).max_by(|&a, &b| added(&series[a]).total_cmp(&added(&series[b])))
}

/// Mean of the logarithms of the low quantiles; None with too few answers.
fn typical(reading: &Reading) -> Option<f64> {
    let service = reading.service();
    if service.count() < LEAST_ANSWERS {
        return None;
    }
    let logs: Vec<f64> = LOW_QUANTILES
        .iter()
        .filter_map(|&q| service.quantile(q))
        .map(|v| (v.0 as f64).ln())
        .collect();
    Some(mean(&logs)).filter(|m| m.is_finite())
}

fn contrast(design: Design, before: &[f64], now: &[f64]) -> Option<Contrast> {
    if before.len() < 2 || now.len() < 2 {
        return None;
    }
    if design.is_paired() {
        paired(before, now, RESOLUTION)
    } else {
        pooled(before, now, RESOLUTION)
    }
}

/// The change of every step's share of the time beyond that of the others; the change of its time
/// when it is alone.
///
/// A round that is slower as a whole leaves the shares as they are, and on the scale of shares a
/// cheap step, whose time is mostly noise, does not drown the others. A two-way layout of steps and
/// rounds (Fisher 1925): what is left after step and round effects gives one variance for all
/// steps, with (steps − 1)·(rounds − 1) degrees of freedom a side.
fn apart(design: Design, series: &[Series]) -> Option<Vec<Contrast>> {
    if let [alone] = series {
        return Some(vec![contrast(design, &alone.before, &alone.now)?]);
    }
    let before = shares(series, |s| &s.before);
    let now = shares(series, |s| &s.now);
    let moved: Vec<f64> = now
        .iter()
        .zip(&before)
        .map(|(b, a)| mean(b) - mean(a))
        .collect();
    let (tables, readings) = if design.is_paired() {
        let differences = |(b, a): (&Vec<f64>, &Vec<f64>)| -> Vec<f64> {
            b.iter().zip(a).map(|(b, a)| b - a).collect()
        };
        (
            vec![now.iter().zip(&before).map(differences).collect()],
            2.0,
        )
    } else {
        (vec![before, now], 1.0)
    };
    let steps = series.len() as f64;
    let rounds: Vec<f64> = tables
        .iter()
        .map(|t: &Vec<Vec<f64>>| t[0].len() as f64)
        .collect();
    if rounds.iter().any(|n| *n < 2.0) {
        return None;
    }
    let df = (steps - 1.0) * rounds.iter().map(|n| n - 1.0).sum::<f64>();
    let squares: f64 = tables.iter().map(|t| residual_squares(t)).sum();
    let variance = squares / df + readings * (RESOLUTION / steps).powi(2) / 12.0;
    let se =
        (variance * steps / (steps - 1.0) * rounds.iter().map(|n| 1.0 / n).sum::<f64>()).sqrt();
    let total: f64 = moved.iter().sum();
    let estimates = moved.iter().map(|m| m - (total - m) / (steps - 1.0));
    Some(
        estimates
            .map(|estimate| Contrast { estimate, se, df })
            .collect(),
    )
}

/// A row a step, a column a round: the step's part of the time of all steps together.
fn shares(series: &[Series], of: fn(&Series) -> &[f64]) -> Vec<Vec<f64>> {
    let rounds = of(&series[0]).len();
    let totals: Vec<f64> = (0..rounds)
        .map(|round| series.iter().map(|s| of(s)[round].exp()).sum())
        .collect();
    let share = |s| -> Vec<f64> {
        of(s)
            .iter()
            .zip(&totals)
            .map(|(y, total)| y.exp() / total)
            .collect()
    };
    series.iter().map(share).collect()
}

/// Sum of squares of a table of steps by rounds without its row and column means.
fn residual_squares(table: &[Vec<f64>]) -> f64 {
    let rows: Vec<f64> = table.iter().map(|row| mean(row)).collect();
    let columns: Vec<f64> = (0..table[0].len())
        .map(|r| mean(&table.iter().map(|row| row[r]).collect::<Vec<_>>()))
        .collect();
    let all = mean(&rows);
    table
        .iter()
        .zip(&rows)
        .flat_map(|(row, of_row)| {
            row.iter()
                .zip(&columns)
                .map(move |(v, of_column)| (v - of_row - of_column + all).powi(2))
        })
        .sum()
}

/// Logarithm of a step's time over that of all others together, round by round; of its own time when
/// it is alone. It stays as it is when the whole target gets slower.
fn odds(series: &[Series], i: usize, of: fn(&Series) -> &[f64]) -> Vec<f64> {
    if series.len() == 1 {
        return of(&series[0]).to_vec();
    }
    shares(series, of)[i]
        .iter()
        .map(|share| (share / (1.0 - share)).ln())
        .collect()
}
