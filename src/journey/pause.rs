//! How long a visitor waits: to think, and before trying again.
//!
//! Random by a hash of seed, visit, step and attempt, so a repeated run waits the same.

use super::rows::share_of;
use crate::model::ErrorClass;
use crate::random::mix;
use crate::scenario::plan::{Plan, Retry, RetryOn};
use crate::units::Nanos;

/// Set the hashes here apart from those of other purposes.
const THINK: u64 = u64::MAX - 3;
const RETRY: u64 = u64::MAX - 4;

/// Pause of visit `number` after a step; zero when none is asked for.
pub(super) fn think(plan: &Plan, step: usize, number: u64) -> Nanos {
    plan.steps[step].think.map_or(Nanos::ZERO, |think| {
        let hash = mix(mix(mix(plan.seed, THINK), number), step as u64);
        let width = (think.max - think.min).0.saturating_add(1);
        think.min + Nanos(share_of(hash, width))
    })
}

/// Pause of visit `number` before attempt `attempt`, the first retry being 1; None when the failure
/// is not tried again.
pub(super) fn retry(
    plan: &Plan,
    step: usize,
    number: u64,
    attempt: u32,
    failure: (ErrorClass, Option<u16>),
) -> Option<Nanos> {
    let retry = plan.steps[step].retry.as_ref()?;
    if attempt > retry.max || !retry.on.iter().any(|on| matches(*on, failure)) {
        return None;
    }
    let whole = backoff(retry, attempt);
    if !retry.jitter {
        return Some(whole);
    }
    let key = mix(mix(mix(plan.seed, RETRY), number), step as u64);
    let half = Nanos(whole.0 / 2);
    let width = (whole - half).0.saturating_add(1);
    Some(half + Nanos(share_of(mix(key, attempt.into()), width)))
}

fn backoff(retry: &Retry, attempt: u32) -> Nanos {
    let steps = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
    let delay = retry.base_delay.as_secs_f64() * retry.factor.powi(steps);
    Nanos::from_secs_f64(delay).min(retry.max_delay)
}

fn matches(on: RetryOn, (class, status): (ErrorClass, Option<u16>)) -> bool {
    match class {
        ErrorClass::Refused
        | ErrorClass::Reset
        | ErrorClass::Closed
        | ErrorClass::Tls
        | ErrorClass::TlsCertificate
        | ErrorClass::Protocol => on == RetryOn::Transport,
        ErrorClass::TimeoutConnect
        | ErrorClass::TimeoutTls
        | ErrorClass::TimeoutFirstByte
        | ErrorClass::TimeoutTotal => on == RetryOn::Timeout,
        ErrorClass::Status429
        | ErrorClass::Status4xx
        | ErrorClass::Status5xx
        | ErrorClass::StatusOther => status.is_some_and(|s| on == RetryOn::Status(s)),
        // Held back or cut off by ourselves, or an answer that says what is not expected.
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::plan::Think;
    use crate::schedule::sample;

    fn thinking(min: u64, max: u64) -> Plan {
        let mut plan = sample::plan();
        plan.steps[0].think = Some(Think {
            min: Nanos(min),
            max: Nanos(max),
        });
        plan
    }

    fn retrying(on: &[RetryOn]) -> Plan {
        let mut plan = sample::plan();
        plan.steps[0].retry = Some(Retry {
            max: 4,
            base_delay: Nanos(100),
            factor: 2.0,
            max_delay: Nanos(350),
            jitter: false,
            on: on.to_vec(),
        });
        plan
    }

    #[test]
    fn thinking_takes_every_time_between_its_ends_and_the_same_each_run() {
        let plan = thinking(10, 14);
        let of = |plan: &Plan| -> Vec<u64> { (0..500).map(|n| think(plan, 0, n).0).collect() };
        let pauses = of(&plan);
        for pause in 10..=14 {
            let n = pauses.iter().filter(|p| **p == pause).count();
            assert!((60..140).contains(&n), "{pause}: {n}");
        }
        assert!(pauses.iter().all(|p| (10..=14).contains(p)));
        assert_eq!(pauses, of(&plan));
        let mut other = thinking(10, 14);
        other.seed += 1;
        assert_ne!(pauses, of(&other));
        assert_eq!(think(&thinking(7, 7), 0, 3), Nanos(7));
        assert_eq!(think(&sample::plan(), 0, 3), Nanos::ZERO);
    }

    #[test]
    fn each_retry_waits_longer_up_to_a_limit_and_a_number() {
        let plan = retrying(&[RetryOn::Transport]);
        let pauses: Vec<_> = (1..=5)
            .map(|attempt| retry(&plan, 0, 9, attempt, (ErrorClass::Reset, None)))
            .collect();
        let expected = [100, 200, 350, 350].map(|n| Some(Nanos(n)));
        assert_eq!(pauses, [&expected[..], &[None]].concat());
        let none = retry(&sample::plan(), 0, 9, 1, (ErrorClass::Reset, None));
        assert_eq!(none, None);
    }

    #[test]
    fn jitter_lies_between_half_and_all_of_the_pause() {
        let mut plan = retrying(&[RetryOn::Transport]);
        if let Some(retry) = &mut plan.steps[0].retry {
            retry.jitter = true;
        }
        let pauses: Vec<u64> = (0..200)
            .filter_map(|n| retry(&plan, 0, n, 1, (ErrorClass::Refused, None)))
            .map(|pause| pause.0)
            .collect();
        assert_eq!(pauses.len(), 200);
        assert!(pauses.iter().all(|p| (50..=100).contains(p)));
        assert!(pauses.iter().any(|p| *p < 60) && pauses.iter().any(|p| *p > 90));
    }

    #[test]
    fn only_what_the_step_names_is_tried_again() {
        use ErrorClass as E;
        let tried = |on: RetryOn| -> Vec<ErrorClass> {
            let plan = retrying(&[on]);
            let again = |class| retry(&plan, 0, 0, 1, (class, Some(503))).is_some();
            ErrorClass::ALL.into_iter().filter(|c| again(*c)).collect()
        };
        assert_eq!(
            tried(RetryOn::Transport),
            [
                E::Refused,
                E::Reset,
                E::Closed,
                E::TlsCertificate,
                E::Tls,
                E::Protocol
            ]
        );
        assert_eq!(
            tried(RetryOn::Timeout),
            [
                E::TimeoutConnect,
                E::TimeoutTls,
                E::TimeoutFirstByte,
                E::TimeoutTotal
            ]
        );
        assert_eq!(
            tried(RetryOn::Status(503)),
            [E::Status429, E::Status4xx, E::Status5xx, E::StatusOther]
        );
        assert_eq!(tried(RetryOn::Status(500)), []);
    }
}
