//! The parts of the page, written line by line.

use crate::report::table::{Column, Table, width, wrap};
use crate::report::view::{
    AlertView, DETECTOR_COLUMNS, FunctionRow, LEVEL_COLUMNS, Row, STATE_COLUMNS, Standing, View,
};
use crate::report::words;
use crate::untrusted::Untrusted;

use super::{TextStyle, Verbosity};

/// Blanks before every line of the body.
const INDENT: &str = "  ";

/// A text growing line by line.
pub(super) struct Page {
    pub(super) style: TextStyle,
    out: String,
}

impl Page {
    pub(super) fn new(style: TextStyle) -> Self {
        Self {
            style,
            out: String::new(),
        }
    }

    /// The text so far.
    pub(super) fn finish(self) -> String {
        self.out
    }

    pub(super) fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    pub(super) fn blank(&mut self) {
        self.out.push('\n');
    }

    pub(super) fn letters(&self, text: &str) -> String {
        self.style.letters(text)
    }

    /// Columns left for the body.
    pub(super) fn room(&self) -> usize {
        self.style.width.max(40) - INDENT.len()
    }

    /// A labelled line: `where   step pay alone`, wrapped under its text.
    pub(super) fn labelled(&mut self, label: &str, text: &str) {
        const LABEL: usize = 10;
        let text = self.letters(text);
        for (i, part) in wrap(&text, self.room() - LABEL).iter().enumerate() {
            let head = format!("{:LABEL$}", if i == 0 { label } else { "" });
            let line = format!("{INDENT}{}{part}", self.style.faint(&head));
            self.line(line.trim_end());
        }
    }

    /// A table of plain cells in the body.
    pub(super) fn table(&mut self, table: &Table) {
        let style = self.style;
        let lines = table.lay_out(self.room(), |row, _, text| match row {
            None => style.faint(&text),
            Some(_) => text,
        });
        for line in lines {
            self.line(&format!("{INDENT}{line}"));
        }
    }

    pub(super) fn title(&mut self, view: &View) {
        let mut parts = vec![
            self.style
                .strong(&self.letters(&view.facts.scenario.terminal())),
            self.letters(&view.facts.target.terminal()),
            self.letters(&view.facts.load.terminal()),
        ];
        if let Some(reference) = &view.reference {
            parts.push(self.letters(&format!("against {}", reference.terminal())));
        }
        let mut line = String::new();
        let mut used = 0;
        for (i, part) in parts.iter().enumerate() {
            let bare = if i == 0 {
                width(&self.letters(&view.facts.scenario.terminal()))
            } else {
                width(part)
            };
            if used > 0 && used + 3 + bare > self.style.width {
                self.line(&line);
                line.clear();
                line.push_str(INDENT);
                used = INDENT.len();
            } else if used > 0 {
                line.push_str("   ");
                used += 3;
            }
            line.push_str(part);
            used += bare;
        }
        self.line(&line);
    }

    pub(super) fn headline(&mut self, view: &View) {
        let standing = view.standing;
        let verdict = self.letters(&format!(
            "{} {}",
            standing.sign(),
            standing.word().to_uppercase()
        ));
        let text = self.letters(&view.headline.terminal());
        let beside = self.style.width.saturating_sub(width(&verdict) + 3);
        let painted = self.style.tone(standing.tone(), &verdict);
        if width(&text) <= beside {
            self.line(format!("{painted}   {text}").trim_end());
        } else {
            self.line(&painted);
            for part in wrap(&text, self.room()) {
                self.line(&format!("{INDENT}{part}"));
            }
        }
    }

    pub(super) fn remarks(&mut self, view: &View) {
        for remark in &view.remarks {
            let mut parts = Vec::new();
            if !remark.repeats {
                parts.push(remark.text.terminal());
            }
            let mut hint = remark.hint.as_ref().map(Untrusted::terminal);
            if let Some(code) = &remark.code {
                let explain = format!("(plimsoll explain {})", code.terminal());
                hint = Some(hint.map_or_else(|| explain.clone(), |h| format!("{h} {explain}")));
            }
            parts.extend(hint.map(|h| format!("hint: {h}")));
            for part in parts {
                for line in wrap(&self.letters(&part), self.room()) {
                    self.line(&format!("{INDENT}{line}"));
                }
            }
        }
    }

    /// The state before, during and after each fault.
    pub(super) fn faults(&mut self, view: &View) {
        for fault in &view.faults {
            self.blank();
            self.labelled("fault", &fault.title.terminal());
            let [_, heads @ ..] = STATE_COLUMNS;
            let heads = heads.iter().enumerate().map(|(i, head)| {
                if i == 0 {
                    Column::left("")
                } else {
                    Column::right(head)
                }
            });
            let mut table = Table::new(&heads.collect::<Vec<_>>());
            for row in fault.rows() {
                table.row(row[1..].iter().map(|c| self.letters(c)).collect());
            }
            self.table(&table);
            self.labelled("", &fault.recovery());
        }
    }

    /// What fired and what could not be evaluated; the page is no place for more than a few.
    pub(super) fn alerts(&mut self, view: &View) {
        const MOST: usize = 8;
        let told: Vec<&AlertView> = view.alerts.iter().filter(|a| a.tells()).collect();
        if told.is_empty() {
            return;
        }
        self.blank();
        for (i, alert) in told.iter().take(MOST).enumerate() {
            let mut line = format!(
                "{} {} ({})",
                alert.name.terminal(),
                alert.state.name(),
                alert.when
            );
            if let Some(summary) = &alert.summary {
                line += &format!(": {}", summary.terminal());
            }
            self.labelled(if i == 0 { "alerts" } else { "" }, &line);
        }
        if let Some(more) = told.len().checked_sub(MOST).filter(|more| *more > 0) {
            let line = format!(
                "and {} more: see the HTML report",
                words::count(more as u64)
            );
            self.labelled("", &line);
        }
    }

    pub(super) fn rows(&mut self, view: &View) {
        let rows: Vec<&Row> = if self.style.verbosity == Verbosity::Verbose {
            view.rows.iter().collect()
        } else {
            view.leading_rows()
        };
        // Without a verdict on any row the summary says the same, and more.
        if rows.is_empty() || rows.iter().all(|r| r.verdict.is_none()) {
            return;
        }
        self.blank();
        let with_notes = self.row_table(&rows, true);
        let notes_fit = with_notes.fits(self.room());
        let table = if notes_fit {
            with_notes
        } else {
            self.row_table(&rows, false)
        };
        let style = self.style;
        let lines = table.lay_out(self.room(), |row, column, text| match (row, column) {
            (None, _) => style.faint(&text),
            (Some(r), "verdict") => style.tone(rows[r].tone(), &text),
            _ => text,
        });
        for line in lines {
            self.line(&format!("{INDENT}{line}"));
        }
        if self.style.verbosity == Verbosity::Verbose {
            self.ranks(&rows);
        }
        if !notes_fit {
            self.blank();
            for (note, labels) in notes(&rows) {
                let note = format!("{}: {note}", words::listed(&labels));
                for line in wrap(&self.letters(&note), self.room()) {
                    self.line(&format!("{INDENT}{line}"));
                }
            }
        }
    }

    /// A line for each threshold: what was found, and of what.
    pub(super) fn verdicts(&mut self, view: &View) {
        let is_told = |row: &&Row| row.result.gating && row.verdict.is_some();
        let rows: Vec<&Row> = view.rows.iter().filter(is_told).collect();
        let mut table = Table::new(&[
            Column::left("verdict"),
            Column::left("metric"),
            Column::right("now"),
            Column::right("change").spare(1),
            Column::left("allowed").spare(2),
        ]);
        for row in &rows {
            let allowed = format!("allowed {}", row.allowed);
            let cells = [
                row.verdict_words(),
                row.label.terminal(),
                row.now_in_short(),
                row.change.clone(),
                allowed,
            ];
            table.row(cells.iter().map(|c| self.letters(c)).collect());
        }
        let style = self.style;
        let lines = table.lay_out(self.room(), |row, column, text| match (row, column) {
            (Some(r), "verdict") => style.tone(rows[r].tone(), &text),
            _ => text,
        });
        // Each line is read on its own, so there is none of titles.
        for line in &lines[1..] {
            self.line(&format!("{INDENT}{line}"));
        }
    }

    /// What ranks say of each row; no verdict rests on it.
    fn ranks(&mut self, rows: &[&Row]) {
        let told = rows.iter().filter(|r| !r.ranks().is_empty());
        let lines: Vec<String> = told
            .map(|r| format!("{}: {}", r.label.terminal(), r.ranks()))
            .collect();
        if lines.is_empty() {
            return;
        }
        self.blank();
        for (i, line) in lines.iter().enumerate() {
            self.labelled(if i == 0 { "ranks" } else { "" }, line);
        }
    }

    fn row_table(&self, rows: &[&Row], notes: bool) -> Table {
        let mut table = Table::new(&[
            Column::left("metric"),
            Column::right("before").spare(2),
            Column::right("now"),
            Column::right("change"),
            Column::right("95 % interval").spare(1),
            Column::right("allowed").spare(3),
            Column::left("verdict"),
            Column::left(""),
        ]);
        for row in rows {
            // Where there is no room for notes there is none for numbers of samples.
            let (note, before, now) = if notes {
                (row.note.terminal(), row.before.clone(), row.now.clone())
            } else {
                (String::new(), row.before_in_short(), row.now_in_short())
            };
            let cells = [
                row.label.terminal(),
                before,
                now,
                row.change.clone(),
                row.interval.clone(),
                row.allowed.clone(),
                row.verdict_words(),
                note,
            ];
            table.row(cells.iter().map(|c| self.letters(c)).collect());
        }
        table
    }

    /// The levels of a search, the knee and the law behind them.
    pub(super) fn capacity(&mut self, view: &View) {
        let Some(capacity) = &view.capacity else {
            return;
        };
        self.blank();
        let columns: Vec<Column> = LEVEL_COLUMNS
            .into_iter()
            .enumerate()
            .map(|(i, name)| match i {
                4 => Column::right(name).spare(2),
                5 => Column::right(name).spare(1),
                6 => Column::left(name),
                _ => Column::right(name),
            })
            .collect();
        let mut table = Table::new(&columns);
        for row in capacity.rows() {
            table.row(row.iter().map(|c| self.letters(c)).collect());
        }
        self.table(&table);
        self.blank();
        self.labelled("limit", &capacity.limit);
        self.labelled("knee", &capacity.knee);
        self.labelled("law", &capacity.law);
        if let Some(shown) = &capacity.shown {
            self.labelled("", shown);
        }
    }

    /// Where the time went, in rounds that were run again for that.
    pub(super) fn profile(&mut self, view: &View) {
        const FEW: usize = 5;
        const LETTERS: usize = 60;
        let Some(profile) = &view.profile else {
            return;
        };
        self.blank();
        self.labelled("profile", &profile.finding.terminal());
        for about in &profile.about {
            self.labelled("", &about.terminal());
        }
        if profile.functions.is_empty() {
            return;
        }
        let shown = match self.style.verbosity {
            Verbosity::Verbose => profile.functions.len(),
            _ => FEW,
        };
        let [name, before, now, own_before, own_now] = FunctionRow::HEAD;
        let mut table = Table::new(&[
            Column::left(name),
            Column::right(before),
            Column::right(now),
            Column::right(own_before).spare(2),
            Column::right(own_now).spare(1),
        ]);
        for function in profile.functions.iter().take(shown) {
            let cells = function.cells(&function.ending(LETTERS));
            table.row(cells.iter().map(|c| self.letters(c)).collect());
        }
        self.blank();
        self.table(&table);
    }

    /// The detector of the guide, for whoever asks for everything.
    pub(super) fn detector(&mut self, view: &View) {
        if view.beside.detector.is_empty() {
            return;
        }
        let mut table = Table::new(&DETECTOR_COLUMNS.map(|name| match name {
            "metric" | "baseline-p95" => Column::left(name),
            name => Column::right(name).spare(1),
        }));
        for row in &view.beside.detector {
            let cells = std::iter::once(row.label().terminal()).chain(row.cells());
            table.row(cells.map(|c| self.letters(&c)).collect());
        }
        self.blank();
        if table.fits(self.room()) {
            self.table(&table);
            return;
        }
        for row in &view.beside.detector {
            let [degradation, allowed, stability, word] = row.cells();
            let text = format!(
                "{}: {degradation}, allowed {allowed}, stability {stability}, {word}",
                row.label().terminal()
            );
            self.labelled("p95", &text);
        }
    }

    /// What could be seen, and what was not looked at.
    fn beside(&mut self, view: &View) {
        let beside = &view.beside;
        if let Some(foreseen) = &beside.foreseen {
            self.labelled("foreseen", &foreseen.terminal());
        }
        let shows_seen = beside.foreseen.is_some() || self.style.verbosity == Verbosity::Verbose;
        if let Some(seen) = beside.seen.as_ref().filter(|_| shows_seen) {
            self.labelled("seen", &seen.terminal());
        }
        for (i, unjudged) in beside.unjudged().iter().enumerate() {
            let label = if i == 0 { "unjudged" } else { "" };
            self.labelled(label, &unjudged.terminal());
        }
    }

    pub(super) fn last_lines(&mut self, view: &View) {
        if let Some(whereabouts) = view.whereabouts() {
            self.labelled("where", &whereabouts.terminal());
        }
        for (i, diagnosis) in view.telling_diagnoses().enumerate() {
            let label = if i == 0 { "why" } else { "" };
            self.labelled(label, &diagnosis.in_short().terminal());
        }
        self.noise(view);
        self.suspects(view);
        self.beside(view);
        if view.compares() && self.style.verbosity < Verbosity::Verbose {
            let label = if view.trust.origin.is_some() {
                "trust"
            } else {
                "lateness"
            };
            self.labelled(label, &view.trust.lateness());
        }
        if matches!(
            view.standing,
            Standing::Partial | Standing::Unjudged | Standing::Part
        ) {
            self.labelled("gate", "not passed: only a complete, judged run can pass");
        }
        let longest = view
            .next
            .iter()
            .map(|n| n.command.len())
            .max()
            .unwrap_or_default();
        for (i, next) in view.next.iter().enumerate() {
            let label = if i == 0 { "next" } else { "" };
            let aligned = format!("{:longest$}   {}", next.command, next.when);
            // A command is never broken over lines: it is there to be copied.
            let head = self.style.faint(&format!("{label:10}"));
            if aligned.len() + 12 <= self.style.width || next.when.is_empty() {
                self.line(&format!("{INDENT}{head}{}", aligned.trim_end()));
            } else {
                self.line(&format!("{INDENT}{head}{}", next.command));
                self.labelled("", &format!("  {}", next.when));
            }
        }
    }

    fn noise(&mut self, view: &View) {
        if view.noise_is_told() && self.style.verbosity < Verbosity::Verbose {
            return;
        }
        let trust = &view.trust;
        if trust.spoiled_rounds == 0 {
            return;
        }
        let mut text = trust.rounds_in_words();
        if !trust.spoiled_rows.is_empty() {
            let rows: Vec<_> = trust
                .spoiled_rows
                .iter()
                .take(6)
                .map(Untrusted::terminal)
                .collect();
            text += &format!("; it touches {}", rows.join(", "));
            if trust.spoiled_rows.len() > rows.len() {
                let more = trust.spoiled_rows.len() - rows.len();
                text += &format!(" and {}", words::plural(more, "more row"));
            }
        }
        self.labelled("noise", &text);
    }

    /// What disturbed single seconds; in short, unless asked, and only what spoiled no round.
    fn suspects(&mut self, view: &View) {
        let trust = &view.trust;
        if self.style.verbosity == Verbosity::Verbose {
            for text in trust.suspects() {
                self.labelled("suspect", &text);
            }
        } else if let Some(text) = trust.harmless_suspects() {
            self.labelled("suspect", &text);
        }
    }
}

/// Notes below a table, each once, with the rows it is about.
fn notes(rows: &[&Row]) -> Vec<(String, Vec<String>)> {
    let mut notes: Vec<(String, Vec<String>)> = Vec::new();
    for row in rows.iter().filter(|r| !r.note.raw().is_empty()) {
        let label = row.label.terminal();
        let note = row.note.terminal();
        match notes.iter_mut().find(|(said, _)| *said == note) {
            Some((_, labels)) => labels.push(label),
            None => notes.push((note, vec![label])),
        }
    }
    notes
}
