//! An allowed change as it is written: `+10%`, `-3%`, `+0.1pp`.

use crate::diagnostic::{Diagnostic, scenario as codes};
use crate::model::{Better, Change, Metric};
use crate::units::Unit;

use super::shape::short;

/// Reads the change that is allowed of a metric.
///
/// # Errors
/// When it is no change, or none that this metric can have; without a place and help.
pub fn read_change(metric: Metric, text: &str) -> Result<Change, Diagnostic> {
    let is_share = metric.unit() == Unit::Share;
    let refuse =
        |code, message: String, reason: &str| Err(Diagnostic::error(code, message).because(reason));
    let (rising, magnitude) = match text.trim().split_at_checked(1) {
        Some(("+", rest)) => (Some(true), rest.trim()),
        Some(("-", rest)) => (Some(false), rest.trim()),
        _ => (None, text.trim()),
    };
    let (number, points) = match (magnitude.strip_suffix('%'), magnitude.strip_suffix("pp")) {
        (Some(number), _) => (number, false),
        (None, Some(number)) => (number, true),
        (None, None) => ("", false),
    };
    let parsed = Unit::Share.parse(&format!("{}%", number.trim()));
    let Some(value) = parsed.ok().filter(|value| value.is_finite()) else {
        let message = format!("`{}` is not a change", short(text));
        let reason =
            "a change is a percentage of the reference, or for shares percentage points (pp)";
        return refuse(&codes::BAD_QUANTITY, message, reason);
    };
    let worse_is_up = metric.better() == Better::Lower;
    if rising.is_some_and(|rising| rising != worse_is_up) {
        let reason = if worse_is_up {
            "less of it is better, so only a rise needs a limit"
        } else {
            "more of it is better, so only a fall needs a limit"
        };
        let message = format!(
            "`{}` limits {metric} in the direction that is better",
            short(text)
        );
        return refuse(&codes::WRONG_DIRECTION, message, reason);
    }
    if points && !is_share {
        let message = format!("{metric} has no percentage points");
        let reason = "percentage points compare shares, such as errors.rate";
        return refuse(&codes::BAD_QUANTITY, message, reason);
    }
    if !points && metric.is_share_of_requests() {
        let message = format!("a change of {metric} is given in percentage points");
        let reason = if metric == Metric::RetriesRate {
            "a share of retries is often zero, and ten per cent of zero is zero"
        } else {
            "a share of errors is often zero, and ten per cent of zero is zero"
        };
        return refuse(&codes::BAD_QUANTITY, message, reason);
    }
    Ok(if points {
        Change::Points(value)
    } else {
        Change::Relative(value)
    })
}

/// A change that the metric could be allowed, for messages.
pub fn example_change(metric: Metric) -> &'static str {
    match metric {
        Metric::ErrorsRate | Metric::Errors(_) => "+0.1pp",
        Metric::RetriesRate => "+1pp",
        _ if metric.better() == Better::Higher => "-3%",
        _ => "+10%",
    }
}
