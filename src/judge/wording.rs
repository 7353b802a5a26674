//! Numbers as the judge writes them in headlines and notes.

use crate::model::{Change, Metric};
use crate::units::Unit;

/// `+9.8`, `−0.6`, `+0.05`: a share in percent, or in percentage points, without its unit.
pub(super) fn signed(share: f64) -> String {
    let sign = if share < 0.0 { "−" } else { "+" };
    format!("{sign}{}", percent(share.abs()))
}

/// `13.7` of .137; two more digits where it is small.
pub(super) fn percent(share: f64) -> String {
    let v = share * 100.0;
    if !v.is_finite() {
        "–".to_owned()
    } else if v == 0.0 || v >= 0.1 {
        format!("{v:.1}")
    } else {
        format!("{v:.3}")
    }
}

/// `+10 %`, `−3 %` where higher is better, `+0.1 pp`.
pub(super) fn allowed(change: Change, worse_is_less: bool) -> String {
    let sign = if worse_is_less { "−" } else { "+" };
    let (v, unit) = match change {
        Change::Relative(v) => (v, "%"),
        Change::Points(v) => (v, "pp"),
    };
    let text = Unit::Count.format(v * 100.0);
    format!("{sign}{text} {unit}")
}

/// True when the change of a metric is given in percentage points.
pub(super) fn in_points(metric: Metric, allowed: Option<Change>) -> bool {
    metric.unit() == Unit::Share
        && match allowed {
            Some(Change::Points(_)) => true,
            _ => metric.is_share_of_requests(),
        }
}

/// `0.998`; never `1.000`, which no number of rounds could show.
pub(super) fn confidence(p: f64) -> String {
    if p > 0.999 {
        "> 0.999".to_owned()
    } else {
        format!("{p:.3}")
    }
}

/// `1 round`, `6 rounds`, `1,204 requests`.
pub(super) fn count(n: u64, noun: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{} {noun}{s}", grouped(n))
}

/// `10,000`
pub(super) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(signed(0.098), "+9.8");
        assert_eq!(signed(-0.006), "−0.6");
        assert_eq!(signed(0.0005), "+0.050");
        assert_eq!(allowed(Change::Relative(0.03), true), "−3 %");
        assert_eq!(allowed(Change::Points(0.001), false), "+0.1 pp");
        assert_eq!(confidence(0.99951), "> 0.999");
        assert_eq!(count(10_000, "request"), "10,000 requests");
        assert_eq!(grouped(123), "123");
    }
}
