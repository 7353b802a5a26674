//! The table of levels, then the changes of level, then what is not in it.

use super::cells::{
    SHIFT_COLUMNS, against, conclusion, footnotes, level_cells, shift_cells, shifts, shown, span,
    tone_of_shift,
};
use super::spark::sparkline;
use crate::model::History;
use crate::report::TextStyle;
use crate::report::table::{Align, Column, Table, width, wrap};
use crate::report::text::Verbosity;
use crate::report::view::Tone;
use crate::report::words;

/// Letters of a sparkline.
const SPARK: usize = 24;
/// Changes of level that are listed unless all are asked for.
const SHOWN: usize = 20;

/// Renders a history as text of the style's width.
pub fn history_text(history: &History, style: TextStyle) -> String {
    let mut lines = vec![headline(history, style)];
    if style.verbosity > Verbosity::Quiet {
        lines.push(String::new());
        lines.extend(levels(history, style));
        lines.extend(changes(history, style));
        lines.extend(notes(history, style));
    }
    lines.join("\n") + "\n"
}

/// Columns below which only the word of a state is shown.
const NARROW: usize = 80;

/// What happened, in one line.
fn headline(history: &History, style: TextStyle) -> String {
    let (tone, said) = conclusion(history);
    let sign = if tone == Tone::Bad { "✘ " } else { "" };
    let said = style.letters(&format!("{sign}{said}"));
    let head = style.letters(&format!("{}: {}: ", shown(&history.name), span(history)));
    if width(&head) + width(&said) <= style.width {
        return style.strong(&head) + &style.tone(tone, &said);
    }
    let below = wrap(&said, style.width - 2);
    let below = below.iter().map(|l| format!("\n  {}", style.tone(tone, l)));
    style.strong(head.trim_end()) + &below.collect::<String>()
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
        tones.push(against(trend).map_or(Tone::Plain, |a| Tone::of(a.verdict)));
        let spark = sparkline(&trend.series.values, SPARK, style.unicode);
        let mut cells = level_cells(trend).to_vec();
        cells.insert(1, spark);
        table.row(cells.iter().map(|cell| style.letters(cell)).collect());
    }
    paint(&table, &tones, style)
}

fn changes(history: &History, style: TextStyle) -> Vec<String> {
    let found = shifts(history);
    if found.is_empty() {
        return vec![String::new(), "no change of level was found".to_owned()];
    }
    let most = if style.verbosity >= Verbosity::Verbose {
        usize::MAX
    } else {
        SHOWN
    };
    let earlier = found.len().saturating_sub(most);
    let [since, commit, version, metric, change, level, state] = SHIFT_COLUMNS;
    let mut table = Table::new(&[
        Column::left(since),
        Column::left(commit).spare(2),
        Column::left(version).spare(4),
        Column::left(metric),
        Column::right(change),
        Column {
            title: level,
            align: Align::Left,
            spare: 1,
        },
        Column::left(state),
    ]);
    let mut tones = Vec::new();
    for (shift, series) in &found[earlier..] {
        tones.push(tone_of_shift(**shift));
        let mut cells = shift_cells(&history.points, **shift, series);
        if shift.candidate && style.width < NARROW {
            "candidate".clone_into(&mut cells[SHIFT_COLUMNS.len() - 1]);
        }
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

fn paint(table: &Table, tones: &[Tone], style: TextStyle) -> Vec<String> {
    table.lay_out(style.width, |row, title, text| match row {
        None => style.faint(&text),
        Some(row) if matches!(title, "change" | "against the accepted level" | " ") => {
            style.tone(tones[row], &text)
        }
        Some(_) => text,
    })
}

fn notes(history: &History, style: TextStyle) -> Vec<String> {
    let notes = footnotes(history);
    if notes.is_empty() {
        return notes;
    }
    let wrapped = notes.iter().flat_map(|note| {
        let lines = crate::report::wrap(&style.letters(note), style.width);
        lines.into_iter().map(|line| style.faint(&line))
    });
    std::iter::once(String::new()).chain(wrapped).collect()
}
