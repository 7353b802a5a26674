//! When each source of series was looked at.
//!
//! A series without a point at the latest look of its source is over: it does not stand for what is.

use std::collections::BTreeSet;

/// Where series come from, as far as they are seen at the same moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The load, at the end of each interval.
    Load,
    /// Processes and machine.
    Sample,
    /// The target's own metrics.
    Scrape,
    Health,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Looks {
    /// Seconds, ascending, by source.
    at: [Vec<f64>; 4],
    /// Names of the target's own metrics.
    scraped: BTreeSet<String>,
}

impl Looks {
    pub(super) fn look(&mut self, source: Source, at: f64) {
        let looks = &mut self.at[source as usize];
        let place = looks.partition_point(|look| *look <= at);
        looks.insert(place, at);
    }

    pub(super) fn came_from_scrape(&mut self, metric: &str) {
        if !self.scraped.contains(metric) {
            self.scraped.insert(metric.to_owned());
        }
    }

    pub(super) fn after(&self, metric: &str, at: f64) -> Option<f64> {
        let looks = &self.at[self.source(metric) as usize];
        looks
            .get(looks.partition_point(|look| *look <= at))
            .copied()
    }

    pub(super) fn forget_before(&mut self, at: f64) {
        for looks in &mut self.at {
            looks.drain(..looks.partition_point(|look| *look < at));
        }
    }

    fn source(&self, metric: &str) -> Source {
        if self.scraped.contains(metric) {
            Source::Scrape
        } else if metric == "plimsoll_cpu_seconds_total" {
            Source::Sample
        } else if metric.starts_with("plimsoll_") {
            Source::Load
        } else if metric.starts_with("health_") {
            Source::Health
        } else {
            Source::Sample
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_is_over_when_its_own_source_was_looked_at_again() {
        let mut looks = Looks::default();
        looks.came_from_scrape("target_info");
        for (source, at) in [
            (Source::Load, 1.0),
            (Source::Sample, 1.01),
            (Source::Load, 2.0),
        ] {
            looks.look(source, at);
        }
        assert_eq!(looks.after("plimsoll_latency_seconds", 1.0), Some(2.0));
        assert_eq!(looks.after("plimsoll_cpu_seconds_total", 1.01), None);
        assert_eq!(looks.after("target_up", 0.5), Some(1.01));
        assert_eq!(looks.after("target_info", 0.5), None);
        looks.forget_before(1.005);
        assert_eq!(looks.after("plimsoll_latency_seconds", 0.0), Some(2.0));
    }
}
