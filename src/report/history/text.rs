//! The table of levels, then the changes of level, then what is not in it.

use super::spark::sparkline;
use crate::model::{AgainstAccepted, History, Point, Series, Shift, Trend, Verdict};
use crate::report::TextStyle;
use crate::report::table::{Align, Column, Table, width, wrap};
use crate::report::text::Verbosity;
use crate::report::view::Tone;
use crate::report::words;
use crate::untrusted::Untrusted;

/// Letters of a sparkline.
const SPARK: usize = 24;
/// Changes of level that are listed unless all are asked for.
const SHOWN: usize = 20;
/// Letters of a commit.
const COMMIT: usize = 10;

/// Renders a history as text of the style's width.
pub fn history_text(history: &History, style: TextStyle) -> String {
    let mut lines = vec![headline(history, style)];
    if style.verbosity > Verbosity::Quiet {
        lines.push(String::new());
        lines.extend(levels(history, style));
        lines.extend(shifts(history, style));
        lines.extend(footnotes(history, style));
    }
    lines.join("\n") + "\n"
}

fn shown(text: &str) -> String {
    Untrusted::new(text).terminal()
}

/// What happened, in one line.
fn headline(history: &History, style: TextStyle) -> String {
    let name = shown(&history.name);
    let runs = words::plural(history.points.len(), "run");
    let span = match (history.points.first(), history.points.last()) {
        (Some(first), Some(last)) if !first.at.is_empty() && !last.at.is_empty() => {
            format!(", {} … {}", day(&first.at), day(&last.at))
        }
        _ => String::new(),
    };
    let worse: Vec<String> = history
        .trends
        .iter()
        .filter(|t| t.is_worse())
        .map(|t| shown(&t.series.measure.name))
        .collect();
    let (tone, said) = if worse.is_empty() {
        (Tone::Plain, "nothing got worse".to_owned())
    } else {
        let verb = if worse.len() == 1 { "is" } else { "are" };
        (
            Tone::Bad,
            format!("✘ {} {verb} worse", words::listed(&worse)),
        )
    };
    let said = style.letters(&said);
    let head = style.letters(&format!("{name}: {runs}{span}: "));
    if width(&head) + width(&said) <= style.width {
        return style.strong(&head) + &style.tone(tone, &said);
    }
    let below = wrap(&said, style.width - 2);
    let below = below.iter().map(|l| format!("\n  {}", style.tone(tone, l)));
    style.strong(head.trim_end()) + &below.collect::<String>()
}

/// The day of a date; all of it where it is no date.
fn day(at: &str) -> String {
    shown(at.get(..10).unwrap_or(at))
}

fn levels(history: &History, style: TextStyle) -> Vec<String> {
    let mut table = Table::new(&[
        Column::left("metric"),
        Column::left("runs").spare(3),
        Column::right("level"),
        Column::right("accepted").spare(1),
        Column::right("change"),
        Column::right("95 %").spare(2),
        Column::left("against the accepted level"),
    ]);
    let mut tones = Vec::new();
    for trend in &history.trends {
        let unit = trend.series.measure.unit;
        let against = trend.present.as_ref().and_then(|p| p.against.as_ref());
        tones.push(against.map_or(Tone::Plain, |a| Tone::of(a.verdict)));
        let cells = [
            shown(&trend.series.measure.name),
            sparkline(&trend.series.values, SPARK, style.unicode),
            trend
                .present
                .as_ref()
                .map_or("–".to_owned(), |p| unit.format(p.level)),
            against.map_or(String::new(), |a| unit.format(a.level)),
            against.map_or(String::new(), |a| words::change(a.change, a.is_points)),
            against
                .and_then(|a| Some(words::interval(a.interval?, a.is_points)))
                .unwrap_or_default(),
            standing(trend, against),
        ];
        table.row(cells.map(|cell| style.letters(&cell)).to_vec());
    }
    paint(&table, &tones, style)
}

/// A sign and a word; what is not accepted has neither.
fn standing(trend: &Trend, against: Option<&AgainstAccepted>) -> String {
    let Some(against) = against else {
        return "none accepted".to_owned();
    };
    let by = trend.series.accepted.as_ref().map_or(String::new(), |a| {
        let how = if a.is_baseline {
            "baseline"
        } else {
            "accepted"
        };
        format!(", {how} {}", day(&a.at))
    });
    format!("{} {}{by}", against.verdict.sign(), against.verdict)
}

fn shifts(history: &History, style: TextStyle) -> Vec<String> {
    let mut found: Vec<(&Shift, &Series)> = history
        .trends
        .iter()
        .flat_map(|t| t.shifts.iter().map(move |s| (s, &t.series)))
        .collect();
    if found.is_empty() {
        return vec![String::new(), "no change of level was found".to_owned()];
    }
    found.sort_by_key(|(s, _)| s.at);
    let most = if style.verbosity >= Verbosity::Verbose {
        usize::MAX
    } else {
        SHOWN
    };
    let earlier = found.len().saturating_sub(most);
    let mut table = Table::new(&[
        Column::left("since"),
        Column::left("commit").spare(2),
        Column::left("version").spare(4),
        Column::left("metric"),
        Column::right("change"),
        Column {
            title: "level",
            align: Align::Left,
            spare: 1,
        },
        Column::left(" "),
    ]);
    let mut tones = Vec::new();
    for (shift, series) in &found[earlier..] {
        let unit = series.measure.unit;
        let (tone, verdict) = if shift.is_worse {
            (Tone::Bad, Verdict::Regressed)
        } else {
            (Tone::Good, Verdict::Improved)
        };
        tones.push(if shift.candidate { Tone::Warn } else { tone });
        let point = &history.points[shift.at];
        let cells = [
            since(point),
            shown(point.revision.get(..COMMIT).unwrap_or(&point.revision)),
            shown(&point.version),
            shown(&series.measure.name),
            format!(
                "{} {}",
                verdict.sign(),
                words::change(shift.change(), false)
            ),
            format!(
                "{} → {}",
                unit.format(shift.before),
                unit.format(shift.after)
            ),
            state(**shift, style).to_owned(),
        ];
        table.row(cells.map(|cell| style.letters(&cell)).to_vec());
    }
    let mut lines = vec![String::new()];
    if earlier > 0 {
        let said = words::plural(earlier, "earlier change");
        lines.push(format!("{said} of level: --verbose shows all"));
    }
    lines.extend(paint(&table, &tones, style));
    lines
}

/// The date of a point, or else its name.
fn since(point: &Point) -> String {
    if point.at.is_empty() {
        shown(&point.run)
    } else {
        day(&point.at)
    }
}

const fn state(shift: Shift, style: TextStyle) -> &'static str {
    match (shift.candidate, shift.accepted) {
        (true, _) if style.width < 80 => "candidate",
        (true, _) => "candidate: fewer than 5 runs yet",
        (false, true) => "accepted",
        (false, false) => "confirmed",
    }
}

fn paint(table: &Table, tones: &[Tone], style: TextStyle) -> Vec<String> {
    table.lay_out(style.width, |row, title, text| match row {
        None => style.faint(&text),
        Some(row) if matches!(title, "change" | "against the accepted level" | " ") => {
            style.tone(tones[row], &text)
        }
        Some(_) => text,
    })
}

/// What was not compared, and why there may be less than a reader looks for.
fn footnotes(history: &History, style: TextStyle) -> Vec<String> {
    let mut notes = Vec::new();
    for trend in &history.trends {
        if let Some(note) = &trend.note {
            notes.push(format!("{}: {note}", shown(&trend.series.measure.name)));
        }
    }
    for other in &history.others {
        notes.push(format!(
            "a new series began: {} until {} not compared ({})",
            words::plural(other.runs, "run"),
            day(&other.until),
            shown(&other.differs.join(", "))
        ));
    }
    for (why, n) in &history.left_out {
        notes.push(format!("left out: {}, {why}", words::plural(*n, "run")));
    }
    if notes.is_empty() {
        return notes;
    }
    let wrapped = notes.iter().flat_map(|note| {
        let lines = crate::report::wrap(&style.letters(note), style.width);
        lines.into_iter().map(|line| style.faint(&line))
    });
    std::iter::once(String::new()).chain(wrapped).collect()
}
