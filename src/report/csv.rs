//! One row per metric, RFC 4180, values in base units (ns, per second, shares of one, bytes).

use crate::model::{Estimate, Metric, Scope};
use crate::units::Unit;

use super::view::{Row, View};

const HEAD: &str = "metric,phase,step,unit,gating,before,before_kind,now,now_kind,change,low,high,\
                    level,allowed,max,verdict,confidence,note\n";

/// Renders the judged metrics, then every other metric of the whole scenario.
pub fn csv(view: &View) -> String {
    let mut out = HEAD.to_owned();
    for row in &view.rows {
        out += &judged(row);
    }
    for u in &view.beside.unevaluated {
        let mut cells = vec![String::new(); 18];
        cells[0] = text(&u.rule);
        "not evaluated".clone_into(&mut cells[15]);
        cells[17] = text(&u.reason);
        out += &line(&cells);
    }
    for warning in view.warnings() {
        let mut cells = vec![String::new(); 18];
        cells[0] = text(warning.code.as_ref().map_or("", |code| code.raw()));
        "warning".clone_into(&mut cells[15]);
        cells[17] = text(warning.text.raw());
        out += &line(&cells);
    }
    let known = |metric: Metric| {
        view.rows
            .iter()
            .any(|r| r.result.metric == metric && r.result.scope == Scope::default())
    };
    for metric in Metric::all().filter(|&m| !known(m)) {
        let now = view.now.value(metric);
        let before = view.before.as_ref().map(|b| b.value(metric));
        if now == Estimate::Missing && before.is_none_or(|b| b == Estimate::Missing) {
            continue;
        }
        let mut cells = vec![
            metric.name(),
            String::new(),
            String::new(),
            unit(metric.unit()).to_owned(),
            "false".to_owned(),
        ];
        cells.extend(before.map_or([String::new(), String::new()], estimate));
        cells.extend(estimate(now));
        cells.extend(std::iter::repeat_n(String::new(), 9));
        out += &line(&cells);
    }
    out
}

fn judged(row: &Row) -> String {
    let r = &row.result;
    let number = |v: Option<f64>| v.filter(|v| v.is_finite()).map(|v| v.to_string());
    let mut cells = vec![
        r.metric.name(),
        text(r.scope.phase.as_deref().unwrap_or_default()),
        text(r.scope.step.as_deref().unwrap_or_default()),
        unit(r.metric.unit()).to_owned(),
        r.gating.to_string(),
    ];
    let before = r.before.as_ref().map(|b| estimate(b.value));
    cells.extend(before.unwrap_or_default());
    cells.extend(estimate(r.now.value));
    let optional = [
        number(r.change),
        number(r.interval.map(|i| i.0)),
        number(r.interval.map(|i| i.1)),
        number(r.change.map(|_| r.level)),
        number(r.allowed.map(super::words::allowance)),
        number(r.max),
        row.verdict.map(|v| v.name().to_owned()),
        number(r.confidence),
        Some(text(row.note.raw())),
    ];
    cells.extend(optional.into_iter().map(Option::unwrap_or_default));
    line(&cells)
}

fn estimate(e: Estimate) -> [String; 2] {
    let (value, kind) = match e {
        Estimate::Exact(v) => (Some(v), "exact"),
        Estimate::AtLeast(v) => (Some(v), "at-least"),
        Estimate::Undetermined => (None, "undetermined"),
        Estimate::TooFew { .. } => (None, "too-few"),
        Estimate::Missing => (None, "missing"),
    };
    let value = value.filter(|v| v.is_finite());
    [
        value.map(|v| v.to_string()).unwrap_or_default(),
        kind.to_owned(),
    ]
}

const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Time => "ns",
        Unit::PerSecond => "1/s",
        Unit::Share => "share",
        Unit::Bytes => "B",
        Unit::BytesPerSecond => "B/s",
        Unit::Count => "count",
    }
}

/// A foreign text: no control characters, and nothing a spreadsheet would run as a formula.
fn text(raw: &str) -> String {
    crate::untrusted::Untrusted::from(raw).cell()
}

fn line(cells: &[String]) -> String {
    let quoted: Vec<_> = cells
        .iter()
        .map(|c| {
            if c.contains([',', ';', '"', '\n', '\r']) {
                format!("\"{}\"", c.replace('"', "\"\""))
            } else {
                c.clone()
            }
        })
        .collect();
    quoted.join(",") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn every_row_has_as_many_cells_as_the_head() {
        let columns = HEAD.split(',').count();
        for run in [fixture::run(), fixture::plain_run(), fixture::partial_run()] {
            let out = csv(&View::new(&run, None));
            assert!(out.lines().count() > 20);
            for row in out.lines() {
                assert_eq!(row.split(',').count(), columns, "{row}");
            }
        }
    }

    #[test]
    fn a_judged_metric_is_one_row() {
        let out = csv(&View::new(&fixture::run(), None));
        let rows: Vec<_> = out
            .lines()
            .filter(|l| l.starts_with("latency.p99,"))
            .collect();
        insta::assert_snapshot!(rows.join("\n"), @"latency.p99,,,ns,true,41000000,exact,46600000,exact,0.137,0.098,0.179,0.95,0.1,,regressed,0.998,noise cost 1 round now");
    }
}
