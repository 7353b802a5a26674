//! The charts of the page, from the view.

use crate::model::{AlertState, Arm, Knee, Level};
use crate::report::charts::{
    Across, Band, BandKind, Chart, HeatPlot, Ink, LinePlot, Series, heat_map, histogram, line_plot,
    percentile_curve, shift_plot,
};
use crate::report::view::{Held, Point, Summary, Timeline, View};
use crate::report::words;
use crate::units::Unit;

/// One line of a timeline: label, ink, dashed, reading.
type Line<'a> = (&'a [Point], String, Ink, bool, fn(&Point) -> Option<f64>);

fn series((points, label, ink, dashed, read): Line<'_>) -> Series {
    Series {
        label,
        ink,
        dashed,
        points: points.iter().map(|p| (p.at, read(p))).collect(),
    }
}

fn bands(view: &View) -> Vec<Band> {
    let phases = view.facts.manifest.outline.phases.iter();
    let phases = phases.map(|p| Band {
        from: p.start.as_secs_f64(),
        to: (p.start + p.duration).as_secs_f64(),
        name: crate::untrusted::Untrusted::from(p.name.as_str()).terminal(),
        kind: if p.warm_up {
            BandKind::WarmUp
        } else {
            BandKind::Phase
        },
    });
    let held = view.timeline.held.iter().map(|h| Band {
        from: h.from,
        to: h.to,
        name: h.what.clone(),
        kind: BandKind::Held,
    });
    let faults = view.faults.iter().map(|f| Band {
        from: f.outline.at.as_secs_f64(),
        to: f.outline.end().as_secs_f64(),
        name: crate::untrusted::Untrusted::from(f.outline.what.as_str()).terminal(),
        kind: BandKind::Fault,
    });
    phases
        .chain(faults)
        .chain(held)
        .chain(alerts(view))
        .collect()
}

/// When alerts fired, in any of the rounds that are laid over each other, until they were over.
fn alerts(view: &View) -> Vec<Band> {
    const MOST: usize = 20;
    let end = view.facts.manifest.outline.duration().as_secs_f64();
    let now = || view.alerts.iter().filter(|a| a.arm == Arm::Now);
    let fired = now().filter(|a| a.state == AlertState::Firing).take(MOST);
    fired
        .map(|alert| {
            let at = alert.event.at;
            let over = now().find(|later| {
                later.round == alert.round
                    && later.state == AlertState::Resolved
                    && later.event.alert == alert.event.alert
                    && later.event.labels == alert.event.labels
                    && later.event.at >= at
            });
            Band {
                from: at.as_secs_f64(),
                to: over.map_or(end, |later| later.event.at.as_secs_f64()),
                name: alert.name.terminal(),
                kind: BandKind::Alert,
            }
        })
        .collect()
}

/// ` Guard open from 12 s to 17 s.`; nothing where nothing was held back.
fn held_back(held: &[Held]) -> String {
    let told: Vec<String> = held
        .iter()
        .map(|h| {
            let second = |at: f64| Unit::Count.format(at.round());
            format!("{} from {} s to {} s", h.what, second(h.from), second(h.to))
        })
        .collect();
    let mut text = told.join(", ");
    if let Some(first) = text.get(..1) {
        text = format!(" {}{}.", first.to_uppercase(), &text[1..]);
    }
    text
}

/// Points of the phases that count.
fn measured<'a>(view: &'a View, points: &'a [Point]) -> impl Iterator<Item = &'a Point> {
    points.iter().filter(|p| {
        let outline = &view.facts.manifest.outline;
        !outline.phases.iter().any(|phase| {
            let from = phase.start.as_secs_f64();
            phase.warm_up && p.at >= from && p.at < from + phase.duration.as_secs_f64()
        })
    })
}

/// How many rounds lie over each other, and how long a point is.
fn overlay(timeline: &Timeline) -> String {
    let bucket = Unit::Count.format(timeline.latency_bucket);
    match timeline.rounds {
        0 | 1 => format!("A point stands for {bucket} s."),
        n => format!("A point stands for {bucket} s of {n} rounds laid over each other."),
    }
}

/// The charts of latency, from the whole to the moment and back.
pub(super) fn latencies(view: &View) -> Vec<Chart> {
    let before = view.before.as_ref().map(|b| &b.latency);
    [
        percentile_curve(&view.now.latency, before),
        view.shift.as_ref().map(shift_plot),
        latency(view),
        heat(view),
        histogram(&view.now.latency, before),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Every latency over time.
fn heat(view: &View) -> Option<Chart> {
    let now = view.heat.as_ref()?;
    let column = Unit::Count.format(now.column);
    let laid = match now.rounds {
        0 | 1 => String::new(),
        n => format!(", of {n} rounds laid over each other"),
    };
    Some(heat_map(&HeatPlot {
        now,
        before: view.heat_before.as_ref(),
        finding: spread(view),
        note: format!(
            "A cell is {column} s wide{laid}; the more requests per second in it, the stronger its colour. \
             Requests that were given up stand where they were given up."
        ),
        bands: bands(view),
    }))
}

/// `Nine of ten requests took 6.1 ms to 21 ms; before, 6.1 ms to 18 ms. Nothing was answered from 20 s to 25 s.`
fn spread(view: &View) -> String {
    let of = |side: &Summary| {
        let at = |q| words::estimate(side.latency.quantile(q), Unit::Time);
        format!("{} to {}", at(0.05), at(0.95))
    };
    let now = format!("Nine of ten requests took {}", of(&view.now));
    let before = view.before.as_ref().filter(|_| view.heat_before.is_some());
    let before = before.map_or_else(String::new, |b| format!("; before, {}", of(b)));
    let silent: Vec<String> = silences(view)
        .into_iter()
        .map(|(from, to)| {
            let second = |at: f64| Unit::Count.format(at);
            format!("from {} s to {} s", second(from), second(to))
        })
        .collect();
    let silent = match silent.as_slice() {
        [] => String::new(),
        few if few.len() <= 3 => format!(" Nothing was answered {}.", words::listed(few)),
        [first, rest @ ..] => format!(
            " Nothing was answered {first}, and {} later.",
            words::plural(rest.len(), "time")
        ),
    };
    format!("{now}{before}.{silent}")
}

/// Stretches of the phases that count in which requests were asked for and none was answered, in seconds.
fn silences(view: &View) -> Vec<(f64, f64)> {
    let points = &view.timeline.points;
    let Some(half) = points
        .windows(2)
        .map(|w| (w[1].at - w[0].at) / 2.0)
        .reduce(f64::min)
    else {
        return Vec::new();
    };
    let silent = measured(view, points).filter(|p| p.asked >= 1.0 && p.answered <= 0.0);
    let mut found: Vec<(f64, f64)> = Vec::new();
    for point in silent {
        let (from, to) = (point.at - half, point.at + half);
        match found.last_mut() {
            Some(last) if from - last.1 < half => last.1 = to,
            _ => found.push((from, to)),
        }
    }
    found
}

/// Latency percentiles over time.
pub(super) fn latency(view: &View) -> Option<Chart> {
    let timeline = &view.timeline;
    let tail_name = timeline.tail.map_or("tail", crate::model::Stat::name);
    let mut lines: Vec<Line<'_>> = Vec::new();
    if let Some(before) = &view.timeline_before {
        let name = before.tail.map_or("tail", crate::model::Stat::name);
        lines.push((&before.latency, "p50 before".into(), Ink::Now, true, |p| {
            p.p50
        }));
        if before.tail.is_some() && before.tail == timeline.tail {
            lines.push((
                &before.latency,
                format!("{name} before"),
                Ink::Tail,
                true,
                |p| p.tail,
            ));
        }
    }
    lines.push((&timeline.latency, "p50 now".into(), Ink::Now, false, |p| {
        p.p50
    }));
    if timeline.tail.is_some() {
        lines.push((
            &timeline.latency,
            format!("{tail_name} now"),
            Ink::Tail,
            false,
            |p| p.tail,
        ));
    }
    let worst = measured(view, &timeline.latency)
        .filter_map(|p| p.tail.or(p.p50).map(|v| (p.at, v, p.bounded)))
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    line_plot(&LinePlot {
        id: "latency-time",
        title: "Latency over time",
        finding: format!(
            "The worst {} of a moment is {}{}, {} s into the round.{}",
            if timeline.tail.is_some() {
                tail_name
            } else {
                "p50"
            },
            if worst.2 { "at least " } else { "" },
            Unit::Time.format(worst.1),
            Unit::Count.format(worst.0.round()),
            held_back(&timeline.held)
        ),
        note: overlay(timeline),
        unit: Unit::Time,
        across: Across::Time,
        series: lines.into_iter().map(series).collect(),
        bands: bands(view),
    })
}

/// Requests asked for, sent and answered per second.
pub(super) fn throughput(view: &View) -> Option<Chart> {
    let timeline = &view.timeline;
    if timeline.is_empty() {
        return None;
    }
    let least = measured(view, &timeline.points)
        .min_by(|a, b| (a.answered - a.asked).total_cmp(&(b.answered - b.asked)))?;
    let lines: [Line<'_>; 3] = [
        (&timeline.points, "asked".into(), Ink::Before, true, |p| {
            Some(p.asked)
        }),
        (&timeline.points, "sent".into(), Ink::Tail, false, |p| {
            Some(p.sent)
        }),
        (&timeline.points, "answered".into(), Ink::Now, false, |p| {
            Some(p.answered)
        }),
    ];
    line_plot(&LinePlot {
        id: "throughput-time",
        title: "Requests asked for, sent and answered",
        finding: kept_up(least),
        note: "Asked and answered differ by chance where arrivals are random: an answer may come \
               in the second after its request."
            .to_owned(),
        unit: Unit::PerSecond,
        across: Across::Time,
        series: lines.into_iter().map(series).collect(),
        bands: bands(view),
    })
}

/// What the worst moment says about the target keeping up.
fn kept_up(least: &Point) -> String {
    if least.answered > least.asked * 0.98 {
        return "At every moment as many requests were answered as were asked for.".to_owned();
    }
    format!(
        "Answers fell behind the most {} s into the round: {} of {} asked for.",
        Unit::Count.format(least.at.round()),
        Unit::PerSecond.format(least.answered),
        Unit::PerSecond.format(least.asked)
    )
}

/// Failed requests per second; None when none failed.
pub(super) fn errors(view: &View) -> Option<Chart> {
    let timeline = &view.timeline;
    let worst = timeline
        .points
        .iter()
        .filter(|p| p.failed > 0.0)
        .max_by(|a, b| a.failed.total_cmp(&b.failed))?;
    line_plot(&LinePlot {
        id: "errors-time",
        title: "Failed requests",
        finding: format!(
            "Failures reach {} {} s into the round.",
            Unit::PerSecond.format(worst.failed),
            Unit::Count.format(worst.at.round())
        ),
        note: String::new(),
        unit: Unit::PerSecond,
        across: Across::Time,
        series: vec![series((
            &timeline.points,
            "failed".into(),
            Ink::Bad,
            false,
            |p| Some(p.failed),
        ))],
        bands: bands(view),
    })
}

/// Throughput, and the metric of the limit, against the rates of a search.
pub(super) fn capacity(view: &View) -> Vec<Chart> {
    let Some(capacity) = &view.capacity else {
        return Vec::new();
    };
    let found = &capacity.found;
    let line = |label: &str, ink, dashed, read: fn(&Level) -> Option<f64>| Series {
        label: label.to_owned(),
        ink,
        dashed,
        points: found.levels.iter().map(|l| (l.rate, read(l))).collect(),
    };
    let knee: Vec<Band> = match &found.knee {
        Knee::Found(knee) => vec![Band {
            from: knee.low,
            to: knee.high,
            name: "knee".to_owned(),
            kind: BandKind::Knee,
        }],
        _ => Vec::new(),
    };
    let throughput = line_plot(&LinePlot {
        id: "capacity-throughput",
        title: "Answered against asked",
        finding: capacity.finding(),
        note: "Where answers leave the line of what is asked, the target is at its ceiling."
            .to_owned(),
        unit: Unit::PerSecond,
        across: Across::Rate,
        series: vec![
            line("asked", Ink::Before, true, |l| Some(l.rate)),
            line("answered", Ink::Now, false, |l| {
                (l.throughput > 0.0).then_some(l.throughput)
            }),
        ],
        bands: knee.clone(),
    });
    let name = found.metric.name();
    let mut lines = vec![line(&name, Ink::Tail, false, |l| l.value.lower_bound())];
    lines.push(Series {
        label: "limit".to_owned(),
        ink: Ink::Bad,
        dashed: true,
        points: found
            .levels
            .iter()
            .map(|l| (l.rate, Some(found.under)))
            .collect(),
    });
    let limit = line_plot(&LinePlot {
        id: "capacity-limit",
        title: "The limit of the search",
        finding: format!("Each level had to keep {}.", capacity.limit),
        note: String::new(),
        unit: found.metric.unit(),
        across: Across::Rate,
        series: lines,
        bands: knee,
    });
    throughput.into_iter().chain(limit).collect()
}

/// CPU, memory, descriptors and threads of the target, where it was observed.
pub(super) fn resources(view: &View) -> Vec<Chart> {
    let both = |read: fn(&Point) -> Option<f64>| -> Vec<Series> {
        let before = view.timeline_before.iter().map(|t| {
            series((
                t.points.as_slice(),
                "before".into(),
                Ink::Before,
                true,
                read,
            ))
        });
        let now = series((
            view.timeline.points.as_slice(),
            "now".into(),
            Ink::Now,
            false,
            read,
        ));
        before.chain([now]).collect()
    };
    let greatest = |read: fn(&Point) -> Option<f64>| {
        measured(view, &view.timeline.points)
            .filter_map(read)
            .fold(0.0, f64::max)
    };
    let cpu = line_plot(&LinePlot {
        id: "cpu-time",
        title: "CPU of the target",
        finding: format!(
            "At most {} of one core.",
            Unit::Share.format(greatest(|p| p.cpu))
        ),
        note: "100 % is one core.".to_owned(),
        unit: Unit::Share,
        across: Across::Time,
        series: both(|p| p.cpu),
        bands: bands(view),
    });
    let memory = line_plot(&LinePlot {
        id: "memory-time",
        title: "Memory of the target",
        finding: format!(
            "At most {} resident.",
            Unit::Bytes.format(greatest(|p| p.rss))
        ),
        note: String::new(),
        unit: Unit::Bytes,
        across: Across::Time,
        series: both(|p| p.rss),
        bands: bands(view),
    });
    let counts = line_plot(&LinePlot {
        id: "counts-time",
        title: "Descriptors and threads of the target",
        finding: format!(
            "At most {} and {}.",
            counted(greatest(|p| p.fds), "descriptor"),
            counted(greatest(|p| p.threads), "thread")
        ),
        note: String::new(),
        unit: Unit::Count,
        across: Across::Time,
        series: vec![
            series((
                &view.timeline.points,
                "descriptors".into(),
                Ink::Now,
                false,
                |p| p.fds,
            )),
            series((
                &view.timeline.points,
                "threads".into(),
                Ink::Tail,
                false,
                |p| p.threads,
            )),
        ],
        bands: bands(view),
    });
    cpu.into_iter().chain(memory).chain(counts).collect()
}

/// A number of things that was read from a chart.
fn counted(n: f64, noun: &str) -> String {
    let n = Unit::Count.format(n.round());
    let plural = if n == "1" { "" } else { "s" };
    format!("{n} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::AlertEvent;
    use crate::report::fixture;
    use crate::units::Nanos;

    #[test]
    fn what_the_guard_did_stands_on_the_time_axis() {
        let view = View::new(&fixture::guarded_run(), None);
        let chart = latency(&view).expect("a chart");
        insta::assert_snapshot!(held_back(&view.timeline.held), @" Guard open from 12 s to 17 s, guard probing from 17 s to 20 s.");
        let finding = " Guard open from 12 s to 17 s, guard probing from 17 s to 20 s.";
        assert!(chart.finding.ends_with(finding), "{}", chart.finding);
        let bands = bands(&view);
        let held: Vec<_> = bands.iter().filter(|b| b.kind == BandKind::Held).collect();
        assert_eq!(held.len(), 2);
        assert!(throughput(&view).is_some());
    }

    #[test]
    fn a_stretch_without_an_answer_is_told() {
        let mut run = fixture::plain_run();
        for interval in &mut run.intervals[30..35] {
            for cell in &mut interval.cells {
                cell.tally.answered = 0;
                cell.latency = crate::model::Latencies::default();
            }
        }
        let text = spread(&View::new(&run, None));
        assert!(text.starts_with("Nine of ten requests took "), "{text}");
        assert!(
            text.ends_with(" Nothing was answered from 30 s to 35 s."),
            "{text}"
        );
        let quiet = spread(&View::new(&fixture::run(), None));
        assert!(
            quiet.contains("; before, ") && !quiet.contains("Nothing"),
            "{quiet}"
        );
    }

    #[test]
    fn alerts_that_fire_are_marked_until_they_are_over() {
        let mut run = fixture::run();
        let round = run.rounds.iter_mut().find(|r| r.arm == Arm::Now);
        let round = round.expect("a round");
        let event = |at, state| AlertEvent {
            at: Nanos::from_secs(at),
            alert: "Slow".to_owned(),
            state,
            labels: std::collections::BTreeMap::new(),
            value: None,
            annotations: std::collections::BTreeMap::new(),
        };
        round.alerts = vec![
            event(2, AlertState::Pending),
            event(5, AlertState::Firing),
            event(9, AlertState::Resolved),
            event(12, AlertState::Firing),
        ];
        let end = run.manifest.outline.duration().as_secs_f64();
        let bands = bands(&View::new(&run, None));
        let marked = bands.iter().filter(|b| b.kind == BandKind::Alert);
        let marked: Vec<_> = marked.map(|b| (b.from, b.to)).collect();
        assert_eq!(marked, [(5.0, 9.0), (12.0, end)]);
    }
}
