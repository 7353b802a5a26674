//! Series of the load: requests by fate, latencies, what is outstanding.

use std::collections::BTreeMap;

use super::{Source, Table};
use crate::model::{Interval, Latencies, Tally};
use crate::units::Nanos;

/// Quantiles that each second has a gauge of.
const QUANTILES: [(&str, f64); 4] = [("0.5", 0.5), ("0.9", 0.9), ("0.95", 0.95), ("0.99", 0.99)];

/// Upper bounds of the latency histogram in seconds, 1-2-5 from 100 µs to 60 s.
const BOUNDS: [f64; 18] = [
    0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0,
    10.0, 30.0, 60.0,
];

/// The counters of a round as far as it was followed.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Running {
    totals: BTreeMap<usize, Tally>,
    buckets: [u64; BOUNDS.len() + 1],
    sum: f64,
}

impl Running {
    /// Adds an interval: counters from the beginning of the round, and gauges of its second.
    pub(super) fn add(&mut self, table: &mut Table, steps: &[String], interval: &Interval) {
        let at = (interval.start + interval.length).as_secs_f64();
        table.look(Source::Load, at);
        let mut second = Second::default();
        for cell in &interval.cells {
            self.totals.entry(cell.step).or_default().merge(&cell.tally);
            second.tally.merge(&cell.tally);
            second.latency.merge(&cell.latency);
            second.lateness = second
                .lateness
                .max(cell.lateness.quantile(0.99).unwrap_or_default());
            if let Some(mean) = cell.service.mean() {
                let n = cell.service.count() as f64;
                second.service += mean * n;
                second.served += n;
            }
        }
        count_latencies(&second.latency, &mut self.buckets, &mut self.sum);
        for (&step, tally) in &self.totals {
            let step = steps.get(step).map_or("", String::as_str);
            counters(table, at, step, tally);
        }
        gauges(table, at, interval, &second);
        histogram(table, at, &self.buckets, self.sum);
    }
}

/// All steps and phases of one interval.
#[derive(Default)]
struct Second {
    tally: Tally,
    latency: Latencies,
    lateness: Nanos,
    /// Nanoseconds of service, in all, and the number of answers.
    service: f64,
    served: f64,
}

fn counters(table: &mut Table, at: f64, step: &str, tally: &Tally) {
    let labels = [("step", step)];
    for (metric, n) in [
        ("plimsoll_due_total", tally.due),
        ("plimsoll_sent_total", tally.sent),
        ("plimsoll_answered_total", tally.answered),
        ("plimsoll_unsent_total", tally.unsent),
        ("plimsoll_failed_total", tally.failures.total()),
        ("plimsoll_retried_total", tally.retried.total()),
        ("plimsoll_received_bytes_total", tally.bytes_in.0),
        ("plimsoll_sent_bytes_total", tally.bytes_out.0),
    ] {
        table.put(metric, &labels, at, n as f64);
    }
    for (what, failures) in [
        ("plimsoll_errors_total", &tally.failures),
        ("plimsoll_retries_total", &tally.retried),
    ] {
        for (class, &n) in &failures.0 {
            let labels = [("class", class.name()), ("step", step)];
            table.put(what, &labels, at, n as f64);
        }
    }
}

fn gauges(table: &mut Table, at: f64, interval: &Interval, second: &Second) {
    table.put("plimsoll_in_flight", &[], at, interval.in_flight as f64);
    let seconds = |ns: f64| ns / 1e9;
    for (label, q) in QUANTILES {
        // A bound from below is the best there is of a second in which requests got no answer.
        if let Some(ns) = second.latency.quantile(q).lower_bound() {
            let labels = [("quantile", label)];
            table.put("plimsoll_latency_seconds", &labels, at, seconds(ns));
        }
    }
    if let Some(ns) = second.latency.mean().lower_bound() {
        table.put("plimsoll_latency_mean_seconds", &[], at, seconds(ns));
    }
    if second.served > 0.0 {
        let mean = second.service / second.served;
        table.put("plimsoll_service_seconds", &[], at, seconds(mean));
    }
    let lateness = second.lateness.as_secs_f64();
    table.put(
        "plimsoll_lateness_seconds",
        &[("quantile", "0.99")],
        at,
        lateness,
    );
    let standstill = interval.standstill.as_secs_f64();
    table.put("plimsoll_standstill_seconds", &[], at, standstill);
    let ended = second.tally.answered + second.tally.failures.total();
    if ended > 0 {
        let failed = second.tally.failures.total() as f64;
        table.put("plimsoll_error_ratio", &[], at, failed / ended as f64);
    }
    let length = interval.length.as_secs_f64();
    if length > 0.0 {
        for (metric, n) in [
            ("plimsoll_due_rate", second.tally.due),
            ("plimsoll_sent_rate", second.tally.sent),
            ("plimsoll_answered_rate", second.tally.answered),
            ("plimsoll_failed_rate", second.tally.failures.total()),
            ("plimsoll_retried_rate", second.tally.retried.total()),
        ] {
            table.put(metric, &[], at, n as f64 / length);
        }
        for (class, &n) in &second.tally.failures.0 {
            let labels = [("class", class.name())];
            table.put("plimsoll_errors_rate", &labels, at, n as f64 / length);
        }
    }
}

/// Adds the latencies of one interval to the buckets; beyond the last bound, and with them all that
/// have no latency, is the last bucket.
fn count_latencies(latency: &Latencies, buckets: &mut [u64], sum: &mut f64) {
    for distribution in [&latency.ok, &latency.censored] {
        for (low, width, n) in distribution.buckets() {
            let middle = (low + width / 2) as f64 / 1e9;
            let bucket = BOUNDS.partition_point(|bound| *bound < middle);
            buckets[bucket] += n;
            *sum += middle * n as f64;
        }
    }
    buckets[BOUNDS.len()] += latency.failed;
}

/// As Prometheus counts: each bucket with all below it.
fn histogram(table: &mut Table, at: f64, buckets: &[u64], sum: f64) {
    let mut below = 0;
    for (i, n) in buckets.iter().enumerate() {
        below += n;
        let bound = BOUNDS.get(i).map_or("+Inf".to_owned(), f64::to_string);
        let labels = [("le", bound.as_str())];
        table.put("plimsoll_latency_seconds_bucket", &labels, at, below as f64);
    }
    table.put("plimsoll_latency_seconds_count", &[], at, below as f64);
    table.put("plimsoll_latency_seconds_sum", &[], at, sum);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Cell, Distribution, ErrorClass};

    fn second(start: u64, latency_ms: u64, answered: u64, refused: u64) -> Interval {
        let mut ok = Distribution::default();
        for _ in 0..answered {
            ok.record(Nanos::from_millis(latency_ms));
        }
        let mut tally = Tally {
            due: answered + refused,
            sent: answered + refused,
            answered,
            ..Tally::default()
        };
        tally.failures.add(ErrorClass::Refused, refused);
        Interval {
            start: Nanos::from_secs(start),
            length: Nanos::SECOND,
            in_flight: 3,
            cells: vec![Cell {
                tally,
                latency: Latencies {
                    ok,
                    failed: refused,
                    ..Latencies::default()
                },
                ..Cell::default()
            }],
            ..Interval::default()
        }
    }

    #[test]
    fn counters_go_on_and_gauges_are_of_their_second() {
        let steps = ["home".to_owned()];
        let mut table = Table::default();
        let intervals = [second(0, 3, 100, 0), second(1, 30, 50, 50)];
        let mut running = Running::default();
        for interval in &intervals {
            running.add(&mut table, &steps, interval);
        }
        let values = |metric: &str| table.sum(metric).values().collect::<Vec<_>>();
        assert_eq!(values("plimsoll_due_total"), [100.0, 200.0]);
        assert_eq!(values("plimsoll_errors_total"), [50.0]);
        assert_eq!(values("plimsoll_error_ratio"), [0.0, 0.5]);
        assert_eq!(values("plimsoll_answered_rate"), [100.0, 50.0]);
        let below_5ms = table
            .get("plimsoll_latency_seconds_bucket", &[("le", "0.005")])
            .expect("it is there");
        assert_eq!(below_5ms.values().collect::<Vec<_>>(), [100.0, 100.0]);
        let all = table
            .get("plimsoll_latency_seconds_bucket", &[("le", "+Inf")])
            .expect("it is there");
        assert_eq!(all.values().collect::<Vec<_>>(), [100.0, 200.0]);
    }
}
