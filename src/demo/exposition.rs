//! Metrics in the Prometheus text format 0.0.4.

use std::fmt::Write as _;

use crate::units::Nanos;

pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper bounds of all histograms, in seconds.
const BOUNDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Durations by size.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    /// How many are within each bound and not within the one before; last, those beyond all.
    counts: [u64; BOUNDS.len() + 1],
    sum: f64,
}

impl Histogram {
    pub(super) fn record(&mut self, took: Nanos) {
        let seconds = took.as_secs_f64();
        self.counts[BOUNDS.partition_point(|bound| *bound < seconds)] += 1;
        self.sum += seconds;
    }
}

/// A page of metrics, written family by family.
#[derive(Debug, Default)]
pub(super) struct Exposition(String);

impl Exposition {
    /// Begins a family, of which samples follow.
    pub(super) fn family(&mut self, name: &str, kind: &str, help: &str) {
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        // Writing to memory cannot fail, here and below.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.0.push_str(name);
        for (i, (label, text)) in labels.iter().enumerate() {
            let text = text
                .replace('\\', "\\\\")
                .replace('"', "\\\"")
                .replace('\n', "\\n");
            let before = if i == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{before}{label}=\"{text}\"");
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {}", number(value));
    }

    /// A family of one sample without labels.
    pub(super) fn one(&mut self, name: &str, kind: &str, help: &str, value: f64) {
        self.family(name, kind, help);
        self.sample(name, &[], value);
    }

    /// The samples of a histogram: each bucket holds all below it.
    pub(super) fn histogram(&mut self, name: &str, labels: &[(&str, &str)], of: &Histogram) {
        let bucket = format!("{name}_bucket");
        let mut below = 0;
        for (i, n) in of.counts.iter().enumerate() {
            below += n;
            let bound = number(BOUNDS.get(i).copied().unwrap_or(f64::INFINITY));
            let labels = [labels, &[("le", bound.as_str())]].concat();
            self.sample(&bucket, &labels, below as f64);
        }
        self.sample(&format!("{name}_sum"), labels, of.sum);
        self.sample(&format!("{name}_count"), labels, below as f64);
    }

    pub(super) fn text(self) -> String {
        self.0
    }
}

fn number(value: f64) -> String {
    if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        value.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_escaped_and_buckets_add_up() {
        let mut durations = Histogram::default();
        for ms in [1, 3, 20_000] {
            durations.record(Nanos::from_millis(ms));
        }
        let mut page = Exposition::default();
        page.one("hits_total", "counter", "A \\ and\nmore.", 3.0);
        page.family("odd", "gauge", "Odd.");
        page.sample("odd", &[("a", "x\\y\"z\n"), ("b", "")], f64::NEG_INFINITY);
        page.family("took_seconds", "histogram", "Durations.");
        page.histogram("took_seconds", &[("path", "/")], &durations);
        insta::assert_snapshot!(page.text(), @r#"
        # HELP hits_total A \\ and\nmore.
        # TYPE hits_total counter
        hits_total 3
        # HELP odd Odd.
        # TYPE odd gauge
        odd{a="x\\y\"z\n",b=""} -Inf
        # HELP took_seconds Durations.
        # TYPE took_seconds histogram
        took_seconds_bucket{path="/",le="0.0005"} 0
        took_seconds_bucket{path="/",le="0.001"} 1
        took_seconds_bucket{path="/",le="0.0025"} 1
        took_seconds_bucket{path="/",le="0.005"} 2
        took_seconds_bucket{path="/",le="0.01"} 2
        took_seconds_bucket{path="/",le="0.025"} 2
        took_seconds_bucket{path="/",le="0.05"} 2
        took_seconds_bucket{path="/",le="0.1"} 2
        took_seconds_bucket{path="/",le="0.25"} 2
        took_seconds_bucket{path="/",le="0.5"} 2
        took_seconds_bucket{path="/",le="1"} 2
        took_seconds_bucket{path="/",le="2.5"} 2
        took_seconds_bucket{path="/",le="5"} 2
        took_seconds_bucket{path="/",le="10"} 2
        took_seconds_bucket{path="/",le="+Inf"} 3
        took_seconds_sum{path="/"} 20.004
        took_seconds_count{path="/"} 3
        "#);
    }
}
