//! wrk: what it prints. Figures only; percentiles where it was run with `--latency`.

use super::measured::{Measured, Part, Reason, figure, whole};
use crate::model::{ErrorClass, Metric, Stat};
use crate::units::Nanos;

/// Reads a printout.
pub(super) fn parse(bytes: &[u8]) -> Result<Measured, Reason> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not text")?;
    if text.contains("Recorded Latency") {
        return Err("it is of wrk2, whose latencies are corrected ones".into());
    }
    let line = |start: &str| {
        let lines = text.lines().map(str::trim);
        lines
            .into_iter()
            .find_map(|l| l.strip_prefix(start))
            .map(str::trim)
    };
    let head = line("Running ").ok_or("it has no line `Running ... test @ ...`")?;
    let (length, target) = head
        .split_once(" test @ ")
        .ok_or("its first line names no target")?;
    let load = text
        .lines()
        .map(str::trim)
        .find(|l| l.contains(" threads and ") && l.ends_with(" connections"))
        .ok_or("it has no line of threads and connections")?;
    let counted = text
        .lines()
        .map(str::trim)
        .find(|l| l.contains(" requests in "));
    let counted = counted.ok_or("it has no line `... requests in ...`")?;
    let (requests, rest) = counted.split_once(" requests in ").unwrap_or_default();
    let (lasted, read) = rest
        .split_once(", ")
        .ok_or("its line of requests is cut off")?;
    let requests = whole(
        number(requests, "the number of requests")?,
        "the number of requests",
    )?;
    let per_second = line("Requests/sec:").ok_or("it has no line `Requests/sec:`")?;
    let per_second = figure(number(per_second, "Requests/sec")?, "Requests/sec")?;
    let failures = failures(&line)?;
    // A response that took longer than its timeout is among the requests, as is one of a wrong status.
    let of_answers: u64 = failures.answers.iter().map(|(_, n)| n).sum();
    let answered = requests
        .checked_sub(of_answers)
        .ok_or("more requests failed than were made")?;
    let all = [failures.answers, failures.sockets].concat();
    let mut given = Vec::new();
    if requests > 0 {
        given = times(text)?;
    }
    if answered > 0 {
        let bytes = size(read.strip_suffix(" read").unwrap_or(read))?;
        given.push((Metric::BytesIn, bytes / answered as f64));
    }
    let share = answered as f64 / requests.max(1) as f64;
    given.push((Metric::ThroughputOk, per_second * share));
    let has = |stat| given.iter().any(|(m, _)| *m == Metric::ServiceTime(stat));
    let judged: &[Stat] = if has(Stat::P50) {
        &[Stat::P50, Stat::P99]
    } else {
        &[Stat::Mean]
    };
    let mut gates: Vec<Metric> = judged.iter().map(|s| Metric::ServiceTime(*s)).collect();
    gates.push(Metric::ThroughputOk);
    Ok(Measured {
        tool: "wrk",
        target: target.to_owned(),
        load: format!("{load} for {length}"),
        duration: time(lasted)?,
        given,
        gates,
        parts: vec![Part::counted("requests", answered, &all)?],
        ..Measured::default()
    })
}

/// Failures among the answers, and of connections.
struct Failed {
    answers: Vec<(ErrorClass, u64)>,
    sockets: Vec<(ErrorClass, u64)>,
}

fn failures<'t>(line: &impl Fn(&str) -> Option<&'t str>) -> Result<Failed, Reason> {
    let count = |text: &str| whole(number(text, "a number of errors")?, "a number of errors");
    let mut failed = Failed {
        answers: Vec::new(),
        sockets: Vec::new(),
    };
    if let Some(n) = line("Non-2xx or 3xx responses:") {
        failed.answers.push((ErrorClass::StatusOther, count(n)?));
    }
    // `connect 0, read 12, write 0, timeout 3`
    for part in line("Socket errors:").unwrap_or_default().split(", ") {
        let Some((what, n)) = part.split_once(' ') else {
            continue;
        };
        let n = count(n)?;
        match what {
            "connect" => failed.sockets.push((ErrorClass::Refused, n)),
            "read" => failed.sockets.push((ErrorClass::Closed, n)),
            "write" => failed.sockets.push((ErrorClass::Reset, n)),
            "timeout" => failed.answers.push((ErrorClass::TimeoutTotal, n)),
            other => return Err(format!("`{other}` is no socket error of wrk").into()),
        }
    }
    Ok(failed)
}

/// Mean and greatest of the thread statistics, percentiles of the distribution.
fn times(text: &str) -> Result<Vec<(Metric, f64)>, Reason> {
    let mut given = Vec::new();
    let mut give = |stat, text: &str| -> Result<(), Reason> {
        given.push((Metric::ServiceTime(stat), time(text)?.0 as f64));
        Ok(())
    };
    let stats = text.lines().map(str::trim).find_map(|l| {
        let rest = l.strip_prefix("Latency ")?;
        rest.ends_with('%').then_some(rest)
    });
    let mut stats = stats
        .ok_or("it has no line of latency statistics")?
        .split_whitespace();
    let (Some(mean), Some(_deviation), Some(greatest)) = (stats.next(), stats.next(), stats.next())
    else {
        return Err("its latency statistics are cut off".into());
    };
    give(Stat::Mean, mean)?;
    for line in text
        .lines()
        .skip_while(|l| l.trim() != "Latency Distribution")
    {
        let stat = match line.split_whitespace().next() {
            Some("50%") => Stat::P50,
            Some("90%") => Stat::P90,
            Some("99%") => Stat::P99,
            _ => continue,
        };
        give(stat, line.split_whitespace().nth(1).unwrap_or_default())?;
    }
    give(Stat::Max, greatest)?;
    Ok(given)
}

fn number(text: &str, what: &str) -> Result<f64, Reason> {
    let parsed = text.trim().parse();
    parsed.map_err(|_| format!("{what} is no number: `{}`", text.escape_debug()).into())
}

/// `635.20us`, `1.21ms`, `2.00s`, `1.50m`
fn time(text: &str) -> Result<Nanos, Reason> {
    let text = text.trim();
    let unit = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (value, unit) = text.split_at(unit);
    let seconds = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("`{}` is no time", text.escape_debug()).into()),
    };
    let value = figure(number(value, "a time")?, "a time")?;
    Ok(Nanos::from_secs_f64(value * seconds))
}

/// `12.34MB`: powers of 1024.
fn size(text: &str) -> Result<f64, Reason> {
    let text = text.trim();
    let unit = text
        .find(|c: char| c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let (value, unit) = text.split_at(unit);
    let scale = match unit {
        "B" => 0,
        "KB" => 1,
        "MB" => 2,
        "GB" => 3,
        "TB" => 4,
        _ => return Err(format!("`{}` is no size", text.escape_debug()).into()),
    };
    Ok(figure(number(value, "a size")?, "a size")? * 1024_f64.powi(scale))
}
