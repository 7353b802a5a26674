//! The levels of a search put together, with the law fitted to them.

use super::search::{Searcher, Tried};
use super::see::Asked;
use crate::judge::values::Reading;
use crate::model::{
    Capacity, Estimate, Level, LevelRound, LevelVerdict, Metric, Outcome, Outline, Round,
    ScalabilityLaw, Scope,
};
use crate::stats::{mean, usl};
use crate::units::Unit;

/// Puts together what a search has found so far. `outline` is that of its levels.
pub fn capacity(
    metric: Metric,
    under: f64,
    searcher: &Searcher,
    rounds: &[Round],
    outline: &Outline,
) -> Capacity {
    let levels: Vec<Level> = searcher
        .levels()
        .map(|tried| {
            let asked = Asked {
                metric,
                under,
                rate: tried.rate,
            };
            level(&asked, tried, searcher, rounds, outline)
        })
        .collect();
    Capacity {
        metric,
        under,
        precision: searcher.precision(),
        knee: searcher.knee(),
        noisy: searcher.is_noisy(),
        law: law(&levels),
        levels,
    }
}

fn level(
    asked: &Asked,
    tried: &Tried,
    searcher: &Searcher,
    rounds: &[Round],
    outline: &Outline,
) -> Level {
    let counts = |outcome| matches!(outcome, Outcome::Held | Outcome::Failed);
    let any = tried.seen.iter().any(|(_, s)| counts(s.outcome));
    // Where nothing counts, what there is is shown.
    let counting: Vec<_> = tried
        .seen
        .iter()
        .filter(|(_, s)| !any || counts(s.outcome))
        .collect();
    let of_level: Vec<&Round> = counting
        .iter()
        .filter_map(|(index, _)| rounds.iter().find(|r| r.index == *index))
        .collect();
    let known = |values: Vec<f64>| (!values.is_empty()).then(|| mean(&values));
    let throughput = known(counting.iter().filter_map(|(_, s)| s.throughput).collect());
    let together = together(&of_level, outline);
    let service = together.as_ref().and_then(|t| t.service().mean());
    Level {
        rate: tried.rate,
        verdict: tried.verdict(searcher.rounds()),
        rounds: tried
            .seen
            .iter()
            .map(|&(round, seen)| LevelRound {
                round,
                outcome: seen.outcome,
            })
            .collect(),
        value: if asked.metric.unit() == Unit::PerSecond {
            mean_value(asked.metric, &of_level, outline)
        } else {
            together.map_or(Estimate::Missing, |t| t.value(asked.metric))
        },
        answered: known(counting.iter().filter_map(|(_, s)| s.answered).collect()),
        throughput: throughput.unwrap_or(0.0),
        concurrency: throughput.zip(service).map(|(x, s)| x * s / 1e9),
    }
}

/// The rounds of one level as one population.
fn together(rounds: &[&Round], outline: &Outline) -> Option<Reading> {
    let mut all = (*rounds.first()?).clone();
    for round in rounds.iter().skip(1) {
        all.cells.extend(round.cells.iter().cloned());
        all.usage.extend(&round.usage);
    }
    Some(Reading::of(&Scope::default(), &all, outline))
}

/// A rate per second is that of a round: rounds follow each other.
fn mean_value(metric: Metric, rounds: &[&Round], outline: &Outline) -> Estimate {
    let values: Option<Vec<f64>> = rounds
        .iter()
        .map(|r| {
            Reading::of(&Scope::default(), r, outline)
                .value(metric)
                .exact()
        })
        .collect();
    match values {
        Some(values) if !values.is_empty() => Estimate::Exact(mean(&values)),
        _ => Estimate::Missing,
    }
}

/// The universal scalability law over the levels whose rounds count.
fn law(levels: &[Level]) -> Option<ScalabilityLaw> {
    let points: Vec<(f64, f64)> = levels
        .iter()
        .filter(|l| matches!(l.verdict, LevelVerdict::Holds | LevelVerdict::Fails))
        .filter_map(|l| Some((l.concurrency?, l.throughput)))
        .collect();
    let fit = usl(&points)?;
    Some(ScalabilityLaw {
        lambda: fit.lambda,
        sigma: fit.sigma,
        kappa: fit.kappa,
        peak: fit.peak(),
        r_squared: fit.r_squared,
    })
}
