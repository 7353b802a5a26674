//! The history for other programs: values in base units, as in the summary of a run.

use serde_json::{Value, json as object};

use crate::model::{AgainstAccepted, Better, History, Point, Shift, Trend};

/// Version of the structure; grows only when a reader must change.
pub const SCHEMA: u32 = 1;

/// Renders pretty-printed JSON with a final line feed.
pub fn history_json(history: &History) -> String {
    let whole = object!({
        "schema": SCHEMA,
        "name": history.name,
        "points": history.points.iter().map(point).collect::<Vec<_>>(),
        "metrics": history.trends.iter().map(|t| metric(t, &history.points)).collect::<Vec<_>>(),
        "other_series": history.others.iter().map(|o| object!({
            "runs": o.runs, "until": o.until, "differs": o.differs,
        })).collect::<Vec<_>>(),
        "left_out": history.left_out.iter().map(|(why, n)| object!({
            "reason": why, "runs": n,
        })).collect::<Vec<_>>(),
    });
    format!("{whole:#}\n")
}

fn point(point: &Point) -> Value {
    object!({
        "run": point.run,
        "at": known(&point.at),
        "version": known(&point.version),
        "commit": known(&point.revision),
    })
}

fn known(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

fn metric(trend: &Trend, points: &[Point]) -> Value {
    let series = &trend.series;
    let present = trend.present.as_ref();
    object!({
        "metric": series.measure.name,
        "unit": series.measure.unit,
        "better": match series.measure.better {
            Better::Lower => "lower",
            Better::Higher => "higher",
        },
        "worse": trend.is_worse(),
        "level": present.map(|p| object!({ "value": p.level, "runs": p.values.len() })),
        "accepted": series.accepted.as_ref().map(|a| object!({
            "value": present.and_then(|p| p.against.as_ref()).map(|against| against.level),
            "at": a.at,
            "by": a.by,
            "reason": a.reason,
            "run": a.run,
            "with": if a.is_baseline { "baseline" } else { "history" },
        })),
        "against_accepted": present.and_then(|p| p.against.as_ref()).map(against),
        "changes": trend.shifts.iter().map(|s| shift(s, &points[s.at])).collect::<Vec<_>>(),
        "note": trend.note,
        // Not a number becomes null.
        "values": series.values,
    })
}

fn against(a: &AgainstAccepted) -> Value {
    object!({
        "change": a.change,
        "kind": if a.is_points { "points" } else { "relative" },
        "interval": a.interval.map(|(low, high)| [low, high]),
        "level": 0.95,
        "verdict": a.verdict,
    })
}

fn shift(shift: &Shift, point: &Point) -> Value {
    object!({
        "index": shift.at,
        "run": point.run,
        "at": known(&point.at),
        "version": known(&point.version),
        "commit": known(&point.revision),
        "before": shift.before,
        "after": shift.after,
        "change": shift.change(),
        "worse": shift.is_worse,
        "p": shift.p,
        "candidate": shift.candidate,
        "accepted": shift.accepted,
    })
}
