//! How values, changes, intervals and allowances are worded, the same in every format.

use crate::model::{Better, Change, Estimate, Metric, MetricResult};
use crate::units::Unit;

/// `1,000`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// What the interval of a latency is that was not compared.
pub(super) const OF_ONE_RUN: &str =
    "by how the seconds of this run differ; rounds and runs can differ by more";

/// `1 round`, `2 rounds`.
pub fn plural(n: usize, noun: &str) -> String {
    let n = n as u64;
    if n == 1 {
        format!("1 {noun}")
    } else {
        format!("{} {noun}s", count(n))
    }
}

/// `a, b and c`.
pub(super) fn listed(names: &[String]) -> String {
    match names.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// A value, or in words why there is none.
pub(super) fn estimate(value: Estimate, unit: Unit) -> String {
    match value {
        Estimate::Exact(v) => unit.format(v),
        Estimate::AtLeast(v) => format!("≥ {}", unit.format(v)),
        Estimate::Undetermined => "undetermined".to_owned(),
        Estimate::TooFew { have, need } => {
            format!("too few ({} of {})", count(have), count(need))
        }
        Estimate::Missing => "–".to_owned(),
    }
}

/// A value for a narrow column: too few samples are a word, their number is in the footnote.
pub(super) fn short_estimate(value: Estimate, unit: Unit) -> String {
    match value {
        Estimate::TooFew { .. } => "too few".to_owned(),
        other => estimate(other, unit),
    }
}

/// Whether a change is a difference in percentage points, not a ratio: as the judge has it.
pub(super) fn is_points(metric: Metric, allowed: Option<Change>) -> bool {
    metric.unit() == Unit::Share
        && (matches!(allowed, Some(Change::Points(_)))
            || matches!(metric.default_change(), Change::Points(_)))
}

const fn suffix(points: bool) -> &'static str {
    if points { " pp" } else { " %" }
}

fn signed(share: f64, points: bool) -> String {
    let v = share * 100.0;
    let sign = if v < 0.0 { "−" } else { "+" };
    let magnitude = v.abs();
    let text = if magnitude >= 1e15 {
        format!("{magnitude:.3e}")
    } else if points && magnitude < 1.0 {
        format!("{magnitude:.2}")
    } else if magnitude >= 1000.0 {
        format!("{magnitude:.0}")
    } else {
        format!("{magnitude:.1}")
    };
    if text.chars().all(|c| c == '0' || c == '.') {
        text
    } else {
        format!("{sign}{text}")
    }
}

/// True for what is finite as a percentage too.
const fn is_sayable(share: f64) -> bool {
    (share * 100.0).is_finite()
}

/// `+13.7 %`, `−0.02 pp`.
pub(super) fn change(share: f64, points: bool) -> String {
    if !is_sayable(share) {
        return "–".to_owned();
    }
    signed(share, points) + suffix(points)
}

/// `+9.8 … +17.9 %`.
pub(super) fn interval((low, high): (f64, f64), points: bool) -> String {
    if !is_sayable(low) || !is_sayable(high) {
        return "–".to_owned();
    }
    format!(
        "{} … {}{}",
        signed(low, points),
        signed(high, points),
        suffix(points)
    )
}

/// The greatest change for the worse as a share (relative) or difference (points).
pub(super) const fn allowance(change: Change) -> f64 {
    match change {
        Change::Relative(v) | Change::Points(v) => v,
    }
}

/// `+10 %, ≤ 250 ms`; empty when nothing limits the metric.
pub(super) fn allowed(result: &MetricResult) -> String {
    let higher_is_better = result.metric.better() == Better::Higher;
    let change = result.allowed.map(|allowed| {
        let sign = if higher_is_better { "−" } else { "+" };
        let unit = match allowed {
            Change::Relative(_) => " %",
            Change::Points(_) => " pp",
        };
        let text = Unit::Count.format(allowance(allowed).abs() * 100.0);
        format!("{sign}{text}{unit}")
    });
    let max = result.max.map(|max| {
        let sign = if higher_is_better { "≥" } else { "≤" };
        format!("{sign} {}", result.metric.unit().format(max))
    });
    [change, max]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
}

/// A probability without false certainty: `0.998`, `> 0.999`.
pub(super) fn probability(p: f64) -> String {
    if p > 0.999 {
        "> 0.999".to_owned()
    } else {
        format!("{p:.3}")
    }
}

/// Replaces what an ASCII terminal cannot show; a foreign letter becomes `?`.
pub(super) fn ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_ascii() => out.push(c),
            '✔' => out.push_str("ok"),
            '✘' => out.push_str("FAIL"),
            '▲' => out.push('^'),
            '≠' => out.push_str("!="),
            '−' | '–' | '─' | '▃' | '▄' => out.push('-'),
            '…' => out.push_str(".."),
            '≥' => out.push_str(">="),
            '≤' => out.push_str("<="),
            '×' => out.push('x'),
            '→' => out.push_str("->"),
            '▶' => out.push('>'),
            'µ' => out.push('u'),
            '±' => out.push_str("+/-"),
            '·' => out.push(','),
            '▏' => out.push('|'),
            '░' | '▁' => out.push('.'),
            '▂' => out.push(':'),
            '▅' => out.push('='),
            '▆' => out.push('+'),
            '▇' => out.push('*'),
            '█' => out.push('#'),
            _ => out.push('?'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Stat;

    #[test]
    fn an_unknown_value_says_why() {
        let show = |e| estimate(e, Unit::Time);
        assert_eq!(show(Estimate::Exact(41e6)), "41 ms");
        assert_eq!(show(Estimate::AtLeast(3e9)), "≥ 3 s");
        assert_eq!(show(Estimate::Undetermined), "undetermined");
        let few = Estimate::TooFew {
            have: 500,
            need: 1000,
        };
        assert_eq!(show(few), "too few (500 of 1,000)");
        assert_eq!(show(Estimate::Missing), "–");
    }

    #[test]
    fn a_change_has_a_sign_unless_it_rounds_to_nothing() {
        assert_eq!(change(0.137, false), "+13.7 %");
        assert_eq!(change(-0.006, false), "−0.6 %");
        assert_eq!(change(-0.0001, false), "0.0 %");
        assert_eq!(change(f64::NAN, false), "–");
        assert_eq!(change(0.0012, true), "+0.12 pp");
        assert_eq!(interval((0.098, 0.179), false), "+9.8 … +17.9 %");
        assert!(is_points(Metric::ErrorsRate, None));
        assert!(!is_points(Metric::CpuUtilisation, None));
        assert!(is_points(
            Metric::CpuUtilisation,
            Some(Change::Points(0.05))
        ));
        let p99 = Metric::Latency(Stat::P99);
        assert!(!is_points(p99, Some(Change::Relative(0.1))));
    }

    #[test]
    fn ascii_keeps_the_meaning_of_every_sign() {
        assert_eq!(ascii("✘ ≥ 3 µs −2 … +4 % é"), "FAIL >= 3 us -2 .. +4 % ?");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(plural(1, "round"), "1 round");
    }
}
