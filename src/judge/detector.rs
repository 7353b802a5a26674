//! The detector `baseline-p95`: simple, well known, and shown beside the verdict.
//!
//! degradation = (mean(now) − p95(before)) / p95(before), an alarm over a threshold, and "critical"
//! over a half; the steadiness of now is 1 / (1 + coefficient of variation). By itself it finds a rise
//! of 10 % about once in five times, since the 95th percentile lies above most rounds; what it calls
//! steady is no probability. Where higher is better it is mirrored at the 5th percentile.

use super::asks::Ask;
use super::evidence::Row;
use crate::model::{Alarm, Better, Change, Detection, Estimate, Metric, MetricResult, Verdict};
use crate::stats::mean;

/// Rounds of the reference it needs.
pub(super) const LEAST_SAMPLES: usize = 10;

/// An alarm where nothing else is allowed.
const THRESHOLD: f64 = 0.10;

/// "Critical" beyond this.
const CRITICAL: f64 = 0.50;

/// Steadiness of too few values, and of values around zero.
const UNKNOWN_STABILITY: f64 = 0.5;

/// Values below which steadiness is not worked out.
const LEAST_FOR_STABILITY: usize = 3;

/// What it says of a row; None without a reference.
pub(super) fn detect(row: &Row) -> Option<Detection> {
    let before = row.before.as_ref()?;
    let exact = |rounds: &[Estimate]| rounds.iter().map(|e| e.exact()).collect::<Option<Vec<_>>>();
    let threshold = threshold(&row.ask);
    let (Some(before), Some(now)) = (exact(&before.rounds), exact(&row.now.rounds)) else {
        return Some(silent(
            threshold,
            UNKNOWN_STABILITY,
            "some rounds have no exact value".to_owned(),
        ));
    };
    Some(weigh(row.ask.metric, &before, &now, threshold))
}

fn threshold(ask: &Ask) -> f64 {
    match ask.allowed {
        Some(Change::Relative(share)) => share,
        Some(Change::Points(_)) | None => THRESHOLD,
    }
}

fn weigh(metric: Metric, before: &[f64], now: &[f64], threshold: f64) -> Detection {
    let stability = stability(now);
    let silent = |why: String| silent(threshold, stability, why);
    if before.len() < LEAST_SAMPLES {
        return silent(format!(
            "needs {LEAST_SAMPLES} rounds of the reference; here {}",
            before.len()
        ));
    }
    if now.is_empty() || before.iter().chain(now).any(|v| !v.is_finite()) {
        return silent("some rounds have no value".to_owned());
    }
    let (reference, sign) = match metric.better() {
        Better::Lower => (nearest_rank(before, 0.95), 1.0),
        Better::Higher => (nearest_rank(before, 0.05), -1.0),
    };
    if reference <= 0.0 {
        return silent("the reference is zero or below, so there is no ratio".to_owned());
    }
    let degradation = sign * (mean(now) - reference) / reference;
    let alarm = if degradation > CRITICAL {
        Alarm::Critical
    } else if degradation > threshold {
        Alarm::Degraded
    } else {
        Alarm::Quiet
    };
    Detection {
        degradation: Some(degradation),
        threshold,
        stability,
        alarm,
        advice: match alarm {
            Alarm::Critical => format!("critical, investigate at once: {}", advice(metric)),
            Alarm::Degraded => advice(metric).to_owned(),
            Alarm::Quiet | Alarm::NotEvaluated => String::new(),
        },
    }
}

const fn silent(threshold: f64, stability: f64, why: String) -> Detection {
    Detection {
        degradation: None,
        threshold,
        stability,
        alarm: Alarm::NotEvaluated,
        advice: why,
    }
}

/// 1 / (1 + CV), with the standard deviation of the sample.
fn stability(values: &[f64]) -> f64 {
    let m = mean(values);
    if values.len() < LEAST_FOR_STABILITY || m == 0.0 || !m.is_finite() {
        return UNKNOWN_STABILITY;
    }
    let squares: f64 = values.iter().map(|v| (v - m).powi(2)).sum();
    let sd = (squares / (values.len() as f64 - 1.0)).sqrt();
    1.0 / (1.0 + sd / m.abs())
}

/// The smallest value that so large a share does not exceed.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a length"
)]
fn nearest_rank(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    // A product such as 0.95 · 20 is a little over the whole number it stands for.
    let rank = (q * sorted.len() as f64 - 1e-9).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1]
}

/// Where to look first.
const fn advice(metric: Metric) -> &'static str {
    match metric {
        Metric::Latency(_) | Metric::ServiceTime(_) => {
            "look at slow queries, locks, caches that turned cold, and calls to other services"
        }
        Metric::Wait(_) => "connections are busy: look at service time and at the size of the pool",
        Metric::Lateness(_) => "the generator is late: give it cores of its own or lower the rate",
        Metric::ThroughputAsked
        | Metric::ThroughputSent
        | Metric::ThroughputOk
        | Metric::CapacityKnee => {
            "look for what saturates first: cores, connections, a lock, or a service behind"
        }
        Metric::ErrorsRate | Metric::Errors(_) => {
            "look at the error classes of the report and at the target's log"
        }
        Metric::RecoveryTime => {
            "look at timeouts, retries and queues: what keeps work alive that nobody waits for any more"
        }
        Metric::HealthScore => {
            "look at which component was not well, and when: `health_up` by name"
        }
        Metric::RetriesRate => {
            "look at what fails and is tried again: retries add load when the target can bear it least"
        }
        Metric::CpuPerRequest | Metric::CpuUtilisation => {
            "profile the target: some code does more work for each request"
        }
        Metric::RssPeak | Metric::RssEnd | Metric::RssSlope => {
            "look for memory that is kept: caches without a bound, buffers, leaks"
        }
        Metric::Custom(_) => "look at what this value measures",
        Metric::FdsPeak => "look for files and connections that are never closed",
        Metric::ThreadsPeak => "look for threads that are started and never end",
        Metric::BytesIn | Metric::BytesOut => {
            "look at what is sent: larger bodies, lost compression, more headers"
        }
    }
}

/// Lets the detector decide about a row that was evaluated.
pub(super) fn decide(result: &mut MetricResult) {
    let Some(detection) = &result.detection else {
        return;
    };
    let shown = |d: f64| super::wording::signed(d);
    let (verdict, note) = match (detection.alarm, detection.degradation) {
        (Alarm::Degraded | Alarm::Critical, Some(d)) => (
            Verdict::Regressed,
            format!(
                "{} % over the p95 of the reference; {}",
                shown(d),
                detection.advice
            ),
        ),
        (Alarm::Quiet, Some(d)) => (
            Verdict::Unchanged,
            format!("{} % from the p95 of the reference", shown(d)),
        ),
        _ => (
            Verdict::Inconclusive,
            format!("baseline-p95: {}", detection.advice),
        ),
    };
    result.verdict = Some(verdict);
    result.note = Some(note);
    result.confidence = None;
    result.rounds_needed = None;
    result.suspicious = false;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Stat;

    const P50: Metric = Metric::Latency(Stat::P50);

    fn ten() -> Vec<f64> {
        (1..=10).map(|i| 100.0 + f64::from(i)).collect()
    }

    #[test]
    fn its_formulas_are_those_of_the_guide() {
        // The nearest rank of .95 among ten is the tenth: 110.
        let d = weigh(P50, &ten(), &[121.0, 132.0, 143.0], 0.10);
        assert!((d.degradation.expect("evaluated") - 0.2).abs() < 1e-12);
        assert_eq!(d.alarm, Alarm::Degraded);
        assert!((d.stability - 1.0 / (1.0 + 11.0 / 132.0)).abs() < 1e-12);
        let d = weigh(P50, &ten(), &[170.0; 3], 0.10);
        assert_eq!(d.alarm, Alarm::Critical);
        assert!(d.advice.starts_with("critical, investigate at once"));
        assert!((d.stability - 1.0).abs() < 1e-12);
        let d = weigh(P50, &ten(), &[115.0, 116.0], 0.10);
        assert_eq!(d.alarm, Alarm::Quiet);
        assert!((d.stability - 0.5).abs() < 1e-12, "two values");
    }

    #[test]
    fn where_higher_is_better_it_looks_the_other_way() {
        let d = weigh(Metric::ThroughputOk, &ten(), &[80.8; 3], 0.10);
        assert!(
            (d.degradation.expect("evaluated") - 0.2).abs() < 1e-12,
            "of 101"
        );
        let better = weigh(Metric::ThroughputOk, &ten(), &[200.0; 3], 0.10);
        assert_eq!(better.alarm, Alarm::Quiet);
    }

    #[test]
    fn what_it_cannot_know_is_not_evaluated() {
        for (before, now) in [
            (&ten()[..9], &[200.0; 3][..]),
            (&[0.0; 10][..], &[1.0; 3][..]),
            (&[-1.0; 10][..], &[1.0; 3][..]),
            (&ten()[..], &[f64::NAN, 1.0][..]),
            (&ten()[..], &[][..]),
        ] {
            let d = weigh(P50, before, now, 0.10);
            assert_eq!(d.alarm, Alarm::NotEvaluated, "{before:?} {now:?}");
            assert!(d.degradation.is_none() && d.stability.is_finite() && !d.advice.is_empty());
        }
        assert!(
            (stability(&[-1.0, 0.0, 1.0]) - 0.5).abs() < 1e-12,
            "mean zero"
        );
    }
}
