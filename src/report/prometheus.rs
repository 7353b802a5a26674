//! Prometheus text: the figures of a run as gauges, for GitLab's metrics report, a push gateway or the
//! text-file collector.
//!
//! A merge request shows every digit that differs as a change. So a figure has as many digits as its
//! interval justifies: down to the second of its half-width where it was judged, three in all where it was not.

use crate::model::{Estimate, Metric, Scope};
use crate::units::Unit;
use crate::untrusted::Untrusted;

use super::view::View;

/// Significant digits of a figure whose interval is not known.
const DIGITS: f64 = 3.0;

/// Renders `# HELP` and `# TYPE` lines and gauges in base units (seconds, bytes, shares of one), `# EOF` last.
pub fn prometheus(view: &View) -> String {
    let mut gauges: Vec<Gauge> = view
        .rows
        .iter()
        .filter_map(|row| {
            let r = &row.result;
            let value = figure(r.now.value, r.metric.unit())?;
            let width = r.interval.map(|(low, high)| (high - low) / 2.0);
            let relative = width.filter(|_| !super::words::is_points(r.metric, r.allowed));
            let over = r.over.map(|over| over.to_string());
            let mut labels = scope(&r.scope);
            labels.extend(over.as_deref().map(|over| ("over", over)));
            Some(Gauge::new(view, r.metric, &labels, value, relative))
        })
        .collect();
    for metric in Metric::all() {
        let known = |g: &Gauge| g.metric == metric && g.whole;
        if gauges.iter().any(known) {
            continue;
        }
        if let Some(value) = figure(view.now.value(metric), metric.unit()) {
            gauges.push(Gauge::new(view, metric, &[], value, None));
        }
    }
    gauges.sort_by(|a, b| (&a.name, &a.labels).cmp(&(&b.name, &b.labels)));
    // A series that stands twice is none to whoever reads it.
    gauges.dedup_by(|b, a| (&a.name, &a.labels) == (&b.name, &b.labels));
    let mut out = String::new();
    let mut last = "";
    for gauge in &gauges {
        if gauge.name != last {
            let (name, help) = (&gauge.name, gauge.metric.describe());
            out += &format!("# HELP {name} {help}\n# TYPE {name} gauge\n");
            last = &gauge.name;
        }
        out += &format!("{}{{{}}} {}\n", gauge.name, gauge.labels, gauge.value);
    }
    out + "# EOF\n"
}

struct Gauge {
    metric: Metric,
    /// Of the whole scenario.
    whole: bool,
    name: String,
    labels: String,
    value: f64,
}

impl Gauge {
    fn new(
        view: &View,
        metric: Metric,
        scope: &[(&str, &str)],
        value: f64,
        relative: Option<f64>,
    ) -> Self {
        let scenario = view.facts.scenario.raw();
        let labels = [("scenario", scenario)]
            .into_iter()
            .chain(scope.iter().copied());
        // GitLab takes all behind a `#` for a comment, within quotes too.
        let fit = |v: &str| Untrusted::new(v.replace('#', "\u{ff03}")).label();
        let written = |(k, v)| format!("{k}=\"{}\"", fit(v));
        Self {
            metric,
            whole: scope.is_empty(),
            name: name(metric),
            labels: labels.map(written).collect::<Vec<_>>().join(","),
            value: rounded(value, relative),
        }
    }
}

fn scope(scope: &Scope) -> Vec<(&'static str, &str)> {
    let parts = [
        ("phase", &scope.phase),
        ("journey", &scope.journey),
        ("step", &scope.step),
    ];
    parts
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_deref()?)))
        .collect()
}

/// The value in Prometheus' base units; a lower bound counts as the value, nothing else does.
fn figure(estimate: Estimate, unit: Unit) -> Option<f64> {
    let value = estimate.lower_bound()?;
    Some(match unit {
        Unit::Time => value / 1e9,
        _ => value,
    })
}

/// `latency.p99` is `plimsoll_latency_p99_seconds`.
fn name(metric: Metric) -> String {
    let plain: String = metric
        .name()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    let unit = match metric.unit() {
        Unit::Time => "_seconds",
        Unit::Bytes => "_bytes",
        Unit::Share => "_ratio",
        _ => "",
    };
    format!("plimsoll_{plain}{unit}")
}

/// Rounded to the second digit of a relative half-width, or to three digits in all.
fn rounded(value: f64, relative: Option<f64>) -> f64 {
    let half = relative
        .map(|r| (r * value).abs())
        .filter(|h| *h > 0.0 && h.is_finite());
    let digits = match half {
        Some(half) => value.abs().log10().floor() - half.log10().floor() + 2.0,
        None => DIGITS,
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from one to seventeen"
    )]
    let after_first = (digits - 1.0).clamp(0.0, 16.0) as usize;
    // A text of so many digits is the nearest number to what is meant; a product is not.
    let shorter = format!("{value:.after_first$e}").parse().ok();
    shorter.filter(|v: &f64| v.is_finite()).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_figure_has_the_digits_that_its_interval_justifies() {
        for (value, relative, expect) in [
            (0.046_583_2, Some(0.04), 0.0466),
            (0.046_583_2, Some(0.000_4), 0.046_583),
            (0.046_583_2, None, 0.046_6),
            (1234.567, Some(0.2), 1230.0),
            (1234.567, None, 1230.0),
            (0.0, Some(0.1), 0.0),
        ] {
            let got = rounded(value, relative);
            assert!(
                (got - expect).abs() < 1e-12,
                "{value} ± {relative:?}: {got}"
            );
        }
    }

    #[test]
    fn gauges_are_in_base_units_and_of_one_type_line_each() {
        let text = prometheus(&View::new(&fixture::run(), None));
        assert!(
            text.contains("plimsoll_latency_p99_seconds{scenario=\"checkout\"} 0.0466\n"),
            "{text}"
        );
        let types: Vec<_> = text.lines().filter(|l| l.starts_with("# TYPE")).collect();
        let mut unique = types.clone();
        unique.dedup();
        assert_eq!(types, unique);
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn a_hostile_name_stays_in_its_label() {
        let text = prometheus(&View::new(&fixture::hostile_run(), None));
        for line in text.lines().filter(|l| !l.starts_with('#')) {
            let (_, value) = line.rsplit_once("} ").expect("labels, then a number");
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
}
