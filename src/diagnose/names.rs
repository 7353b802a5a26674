//! What services call the things that symptoms show in.
//!
//! There is no common vocabulary, so a series is recognised by the words in its name; of several that
//! fit, the one that tells most is taken.

use std::collections::BTreeSet;

use crate::model::SeriesName;
use crate::series::{Series, Table};

/// A series and what it was read or worked out from, as in an expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told {
    pub(super) from: String,
    pub(super) series: Series,
}

/// Utilisation of pools from 0 to 1, the fullest pool at each time; from the one that was fullest.
pub(super) fn pool_utilisation(table: &Table) -> Option<Told> {
    let told = table.iter().filter(|(name, _)| {
        has(name, &["pool"]) && any(name, &["utilization", "utilisation", "usage_ratio"])
    });
    // Some say percent.
    let told = told.map(|(name, s)| {
        let scale = if s.max() > Some(1.5) { 100.0 } else { 1.0 };
        Told {
            from: name.to_string(),
            series: s.map(|v| v / scale),
        }
    });
    let worked_out = table.iter().filter_map(|(name, used)| {
        let counts = has(name, &["pool"]) && any(name, &["in_use", "active", "used", "busy"]);
        let (size, limit) =
            counts.then(|| table.iter().find(|(other, _)| is_size_of(other, name)))??;
        Some(Told {
            from: format!("{name} / {size}"),
            series: ratio(used, limit),
        })
    });
    told.chain(worked_out).reduce(|a, b| Told {
        series: greatest(&a.series, &b.series),
        from: if b.series.max() > a.series.max() {
            b.from
        } else {
            a.from
        },
    })
}

/// `db_pool_size` belongs to `db_pool_in_use`: the same labels, and the same words up to `pool`.
fn is_size_of(size: &SeriesName, used: &SeriesName) -> bool {
    let prefix = |name: &SeriesName| name.metric.split("pool").next().map(str::to_owned);
    has(size, &["pool"])
        && any(size, &["size", "max", "limit", "capacity"])
        && !any(
            size,
            &[
                "in_use", "active", "used", "busy", "total", "seconds", "min",
            ],
        )
        && size.labels == used.labels
        && prefix(size) == prefix(used)
}

/// Waits for a pool that were given up, a counter.
pub(super) fn pool_timeouts(table: &Table) -> Option<Told> {
    counters(table, |name| {
        any(name, &["pool", "acquire", "checkout"]) && has(name, &["timeout"])
    })
}

/// Mean duration of calls to what the target depends on, seconds.
pub(super) fn dependency_duration(table: &Table) -> Option<Told> {
    let calls = |name: &SeriesName| {
        any(
            name,
            &[
                "query",
                "db_",
                "database",
                "dependency",
                "upstream",
                "redis",
                "sql",
            ],
        ) && any(name, &["duration", "latency", "time"])
    };
    let sums = counters(table, |n| calls(n) && n.metric.ends_with("_sum"))?;
    let counts = counters(table, |n| calls(n) && n.metric.ends_with("_count"))?;
    each_second(
        &sums.series.rate(),
        &counts.series.rate(),
        format!("{} / {}", sums.from, counts.from),
    )
}

/// Share of cache lookups that were hits, each second.
pub(super) fn cache_hits(table: &Table) -> Option<Told> {
    let hits = counters(table, |n| has(n, &["cache", "hit"]) && is_counter(n))?;
    let misses = counters(table, |n| has(n, &["cache", "miss"]) && is_counter(n))?;
    let rate = hits.series.rate();
    each_second(
        &rate,
        &rate.plus(&misses.series.rate()),
        format!("{} / ({} + {})", hits.from, hits.from, misses.from),
    )
}

pub(super) fn cache_evictions(table: &Table) -> Option<Told> {
    counters(table, |n| has(n, &["evict"]) && is_counter(n))
}

/// Periods of the CPU quota: of the target's control group, or as cAdvisor tells them.
pub(super) fn quota_periods(table: &Table) -> Option<Told> {
    counters(table, |n| {
        n.metric == "target_cgroup_periods_total" || n.metric.ends_with("_cfs_periods_total")
    })
}

/// Those of them in which it was stopped.
pub(super) fn throttled_periods(table: &Table) -> Option<Told> {
    counters(table, |n| {
        n.metric == "target_cgroup_throttled_periods_total"
            || n.metric.ends_with("_cfs_throttled_periods_total")
    })
}

/// Attempts that the target made again, a counter.
pub(super) fn retries(table: &Table) -> Option<Told> {
    counters(table, |n| {
        any(n, &["retries", "retry"]) && is_counter(n) && !n.metric.starts_with("plimsoll_")
    })
}

/// What consumers have not worked off yet.
pub(super) fn lag(table: &Table) -> Option<Told> {
    let lags = table.iter().filter(|(n, _)| {
        any(n, &["lag", "queue_depth", "queue_length", "backlog"]) && !n.metric.ends_with("_bucket")
    });
    let growth = |s: &Series| s.last().unwrap_or(0.0) - s.0.first().map_or(0.0, |p| p.value);
    lags.map(|(n, s)| Told {
        from: n.to_string(),
        series: s.clone(),
    })
    .max_by(|a, b| growth(&a.series).total_cmp(&growth(&b.series)))
}

fn is_counter(name: &SeriesName) -> bool {
    name.metric.ends_with("_total") || name.metric.ends_with("_count")
}

/// The sum of all series of a kind, at the times of each.
fn counters(table: &Table, is_one: impl Fn(&SeriesName) -> bool) -> Option<Told> {
    let found = || {
        let all = table.iter();
        all.filter(|(n, _)| is_one(n) && !n.metric.ends_with("_bucket"))
    };
    let series = found().map(|(_, s)| s.clone()).reduce(|a, b| a.plus(&b))?;
    let metrics: BTreeSet<&str> = found().map(|(n, _)| n.metric.as_str()).collect();
    let from = metrics.into_iter().collect::<Vec<_>>().join(" + ");
    Some(Told { from, series })
}

/// A ratio of rates, where there is any.
fn each_second(above: &Series, below: &Series, from: String) -> Option<Told> {
    let series = ratio(above, below);
    (!series.0.is_empty()).then_some(Told { from, series })
}

fn has(name: &SeriesName, words: &[&str]) -> bool {
    words.iter().all(|word| name.metric.contains(word))
}

fn any(name: &SeriesName, words: &[&str]) -> bool {
    words.iter().any(|word| name.metric.contains(word))
}

/// At the times that both have.
fn ratio(above: &Series, below: &Series) -> Series {
    above.with(below, |a, b| (b > 0.0).then(|| a / b))
}

fn greatest(a: &Series, b: &Series) -> Series {
    let both = a.with(b, |a, b| Some(a.max(b)));
    // Of two pools that were never seen together, either tells.
    if both.0.is_empty() { a.clone() } else { both }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(series: &[(&str, &[f64])]) -> Table {
        let mut table = Table::default();
        for (name, values) in series {
            for (at, value) in (0_u32..).zip(*values) {
                table.add(SeriesName::new(name, &[]), f64::from(at), *value);
            }
        }
        table
    }

    fn values(told: Option<Told>) -> Vec<f64> {
        told.map(|t| t.series.values().collect())
            .unwrap_or_default()
    }

    fn from(told: Option<Told>) -> String {
        told.map(|t| t.from).unwrap_or_default()
    }

    #[test]
    fn a_pool_is_recognised_by_its_parts_or_by_its_utilisation() {
        let parts = table(&[
            ("db_pool_in_use", &[8.0, 16.0]),
            ("db_pool_size", &[32.0, 32.0]),
        ]);
        assert_eq!(values(pool_utilisation(&parts)), [0.25, 0.5]);
        assert_eq!(
            from(pool_utilisation(&parts)),
            "db_pool_in_use / db_pool_size"
        );
        let told = table(&[("connection_pool_utilization", &[41.0, 97.0])]);
        assert_eq!(values(pool_utilisation(&told)), [0.41, 0.97]);
        // The size of another pool tells nothing.
        let other = table(&[("db_pool_in_use", &[8.0]), ("http_pool_size", &[32.0])]);
        assert_eq!(values(pool_utilisation(&other)), [0.0; 0]);
    }

    #[test]
    fn shares_and_means_are_of_each_second() {
        let cache = table(&[
            ("cache_hits_total", &[0.0, 9.0, 10.0]),
            ("cache_misses_total", &[0.0, 1.0, 10.0]),
        ]);
        assert_eq!(values(cache_hits(&cache)), [0.9, 0.1]);
        assert_eq!(
            from(cache_hits(&cache)),
            "cache_hits_total / (cache_hits_total + cache_misses_total)"
        );
        let calls = table(&[
            ("db_query_duration_seconds_sum", &[0.0, 1.0, 3.0]),
            ("db_query_duration_seconds_count", &[0.0, 10.0, 20.0]),
        ]);
        assert_eq!(values(dependency_duration(&calls)), [0.1, 0.2]);
        assert_eq!(values(retries(&cache)), [0.0; 0]);
    }

    #[test]
    fn of_several_queues_the_growing_one_is_the_lag() {
        let queues = table(&[
            ("a_queue_depth", &[5.0, 5.0]),
            ("consumer_lag", &[0.0, 40.0]),
        ]);
        assert_eq!(from(lag(&queues)), "consumer_lag");
    }
}
