//! How often verdicts that state a confidence are right on this machine.
//!
//! The rounds of calibrations have no change in them, so that the truth of any split is known:
//! none, or what is added to one side. Many random splits of five against five rounds are judged as
//! a comparison would be, half of them without a change, a quarter each with twice the allowed
//! change for the worse and for the better. What was stated is then set against what was true, made
//! monotone by pooling adjacent violators (Ayer et al. 1955). Splits of the same rounds are not
//! independent, and they know nothing of the spread between sessions: the map describes the rounds,
//! not the years.

use crate::model::{Reliability, ReliabilityPoint};
use crate::random::Uniform;
use crate::stats::{Contrast, isotonic, two_sample};

use super::evidence::RESOLUTION;

/// Rounds it takes: enough for splits that share few rounds.
const NEEDED: usize = 20;

/// Rounds per side of a split.
const SIDE: usize = 5;

/// Splits of each metric.
const SPLITS: usize = 600;

/// Upper ends of the classes of stated confidence that are shown.
const CLASSES: [f64; 6] = [0.5, 0.8, 0.9, 0.95, 0.99, 1.0];

/// Reads the logarithms of each metric with the margin of what is allowed.
pub(super) fn reliability(metrics: &[(Vec<f64>, f64)]) -> Reliability {
    let mut found = Reliability {
        rounds: metrics
            .iter()
            .map(|(logs, _)| logs.len())
            .max()
            .unwrap_or(0),
        needed: NEEDED,
        ..Reliability::default()
    };
    let mut stated: Vec<(f64, bool)> = metrics
        .iter()
        .enumerate()
        .filter(|(_, (logs, _))| logs.len() >= NEEDED)
        .flat_map(|(i, (logs, margin))| splits(logs, *margin, i as u64))
        .collect();
    if stated.is_empty() {
        return found;
    }
    stated.sort_by(|a, b| a.0.total_cmp(&b.0));
    let right: Vec<(f64, f64)> = stated.iter().map(|(_, is)| (f64::from(*is), 1.0)).collect();
    let observed = isotonic(&right);
    let squares = stated
        .iter()
        .zip(&right)
        .map(|((p, _), (r, _))| (p - r).powi(2));
    found.brier = Some(squares.sum::<f64>() / right.len() as f64);
    let mut from = 0;
    for end in CLASSES {
        let until = stated.partition_point(|(p, _)| *p <= end);
        let n = until - from;
        if n > 0 {
            let average = |sum: f64| sum / n as f64;
            found.points.push(ReliabilityPoint {
                stated: average(stated[from..until].iter().map(|(p, _)| p).sum()),
                observed: average(observed[from..until].iter().sum()),
                verdicts: n,
            });
        }
        from = until;
    }
    found
}

/// What random splits state, and whether it is so.
fn splits(logs: &[f64], margin: f64, stream: u64) -> Vec<(f64, bool)> {
    let mut random = Uniform::new(SPLITS as u64, stream);
    let mut logs = logs.to_vec();
    let injected = [0.0, 2.0 * margin, 0.0, -2.0 * margin];
    (0..SPLITS)
        .filter_map(|split| {
            shuffle(&mut logs, &mut random);
            let truth = injected[split % injected.len()];
            let now: Vec<f64> = logs[SIDE..2 * SIDE].iter().map(|y| y + truth).collect();
            let contrast = two_sample(&logs[..SIDE], &now, RESOLUTION)?.contrast;
            Some(statement(&contrast, margin, truth))
        })
        .collect()
}

/// The confidence of the verdict that the estimate points to, and whether it is right.
fn statement(contrast: &Contrast, margin: f64, truth: f64) -> (f64, bool) {
    if contrast.estimate >= margin {
        (1.0 - contrast.p_greater(0.0), truth > 0.0)
    } else if contrast.estimate <= -margin {
        (1.0 - contrast.p_less(0.0), truth < 0.0)
    } else {
        let same = contrast.probability_between(-margin, margin);
        (same, truth.abs() < margin)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an index drawn from (0, 1] times a length"
)]
fn shuffle(items: &mut [f64], random: &mut Uniform) {
    for i in (1..items.len()).rev() {
        let j = (random.draw() * (i + 1) as f64) as usize;
        items.swap(i, j.min(i));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::normal_quantile;

    fn noise(n: usize, sd: f64) -> Vec<f64> {
        let mut random = Uniform::new(11, 0);
        (0..n)
            .map(|_| sd * normal_quantile(random.draw().min(0.999_999)))
            .collect()
    }

    #[test]
    fn too_few_rounds_give_no_map_and_say_how_many_it_takes() {
        let r = reliability(&[(noise(NEEDED - 1, 0.02), 0.05)]);
        assert!(r.points.is_empty() && r.brier.is_none());
        assert_eq!((r.rounds, r.needed), (19, 20));
    }

    #[test]
    fn on_plain_noise_what_is_stated_is_about_what_is_observed() {
        let r = reliability(&[(noise(60, 0.03), 0.05)]);
        assert!(r.points.len() >= 3, "{r:?}");
        for pair in r.points.windows(2) {
            assert!(pair[0].observed <= pair[1].observed + 1e-12, "{r:?}");
        }
        for point in r.points.iter().filter(|p| p.verdicts >= 50) {
            assert!((point.stated - point.observed).abs() < 0.12, "{point:?}");
        }
        let sure = r.points.last().expect("a point");
        assert!(sure.stated > 0.99 && sure.observed > 0.95, "{sure:?}");
        assert!(r.brier.is_some_and(|b| b < 0.1), "{r:?}");
        assert_eq!(r, reliability(&[(noise(60, 0.03), 0.05)]));
    }
}
