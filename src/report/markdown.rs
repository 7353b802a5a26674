//! A pull request comment: the first line says whether anybody must read on.

use crate::model::{Metric, Stat};
use crate::untrusted::Untrusted;

use super::view::{
    DETECTOR_COLUMNS, FaultView, FunctionRow, LEVEL_COLUMNS, Part, Row, STATE_COLUMNS, Tone, View,
};
use super::words;

/// GitHub refuses longer comments (65,536 characters); what is above this is left out and said so.
const ROOM: usize = 60_000;

/// Renders the comment.
pub fn markdown(view: &View) -> String {
    let mut page = Page {
        out: String::new(),
        left_out: 0,
    };
    page.lead(view);
    page.rows(view);
    if let Some(whereabouts) = view.whereabouts() {
        page.paragraph(&format!("**Where:** {}", whereabouts.markdown()));
    }
    for diagnosis in view.telling_diagnoses() {
        page.paragraph(&format!("**Why:** {}", diagnosis.in_short().markdown()));
    }
    page.profile(view);
    page.capacity(view);
    page.remarks(view);
    page.faults(view);
    page.alerts(view);
    page.noise(view);
    page.beside(view);
    page.summary(view);
    page.parts("Steps", &view.steps);
    page.parts("Phases", &view.phases);
    page.trust(view);
    page.foot(view);
    page.out
}

struct Page {
    out: String,
    /// Pieces there was no room for.
    left_out: usize,
}

impl Page {
    fn push(&mut self, text: &str) {
        if self.out.len() + text.len() > ROOM {
            self.left_out += 1;
        } else {
            self.out.push_str(text);
        }
    }

    fn paragraph(&mut self, text: &str) {
        self.push(&format!("{text}\n\n"));
    }

    fn lead(&mut self, view: &View) {
        let lead = if view.standing.needs_attention() {
            "Please read"
        } else {
            "No action needed"
        };
        let headline = clipped(&view.headline, 2_000);
        let standing = view.standing;
        self.paragraph(&format!(
            "{lead}: {} **{}** {headline}",
            standing.sign(),
            standing.word()
        ));
        let mut about = format!(
            "{} · {} · {}",
            clipped(&view.facts.scenario, 300),
            clipped(&view.facts.target, 300),
            clipped(&view.facts.load, 300)
        );
        if let Some(reference) = &view.reference {
            about += &format!(" · against {}", clipped(reference, 300));
        }
        self.paragraph(&about);
    }

    fn profile(&mut self, view: &View) {
        let Some(profile) = &view.profile else {
            return;
        };
        let finding = clipped(&profile.finding, 1_000);
        self.paragraph(&format!("**Profile:** {finding}"));
        let mut body = String::new();
        if !profile.functions.is_empty() {
            body = format!(
                "| {} |\n|:--|--:|--:|--:|--:|\n",
                FunctionRow::HEAD.join(" | ")
            );
            for function in &profile.functions {
                let cells = function.cells(&clipped(&function.name, 300));
                body += &format!("| {} |\n", cells.join(" | "));
            }
            body += "\n";
        }
        for about in &profile.about {
            body += &format!("{}\n\n", clipped(about, 1_000));
        }
        self.details("Functions by share of samples", &body);
    }

    fn capacity(&mut self, view: &View) {
        let Some(capacity) = &view.capacity else {
            return;
        };
        self.paragraph(&format!(
            "**Knee:** {}, with {}. Scalability law: {}.",
            capacity.knee, capacity.limit, capacity.law
        ));
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let mut table = line(&LEVEL_COLUMNS.map(str::to_owned));
        table.push_str("|--:|--:|--:|--:|--:|--:|:--|\n");
        for row in capacity.rows() {
            table.push_str(&line(&row));
        }
        self.push(&table);
        self.push("\n");
        if let Some(shown) = &capacity.shown {
            self.paragraph(&format!("Of the search, {shown}."));
        }
    }

    fn rows(&mut self, view: &View) {
        let rows = view.leading_rows();
        if rows.is_empty() {
            return;
        }
        let compares = view.compares();
        let head = if compares {
            "| metric | before | now | change | 95 % interval | allowed | verdict |\n\
             |:--|--:|--:|--:|--:|--:|:--|\n"
        } else {
            "| metric | now | allowed | verdict |\n|:--|--:|--:|:--|\n"
        };
        let mut table = head.to_owned();
        let mut cut = 0;
        for row in &rows {
            let line = line(row, compares);
            if table.len() + line.len() > ROOM / 3 {
                cut += 1;
            } else {
                table.push_str(&line);
            }
        }
        self.push(&table);
        self.push("\n");
        if cut > 0 {
            let more = words::plural(cut, "more row");
            self.paragraph(&format!("{more}: see the HTML report."));
        }
        let quiet = view.rows.len() - rows.len();
        if quiet > 0 {
            self.paragraph(&format!(
                "{} for information: see the HTML report.",
                words::plural(quiet, "more metric")
            ));
        }
    }

    fn remarks(&mut self, view: &View) {
        for remark in view.remarks.iter().take(20) {
            let mut lines = Vec::new();
            if !remark.repeats {
                lines.push(clipped(&remark.text, 1_000));
            }
            lines.extend(
                remark
                    .hint
                    .as_ref()
                    .map(|h| format!("hint: {}", clipped(h, 1_000))),
            );
            let mut text = format!("> {}", lines.join("\\\n> "));
            if let Some(code) = &remark.code {
                text += &format!(" (`plimsoll explain {}`)", clipped(code, 20));
            }
            self.paragraph(&text);
        }
    }

    fn faults(&mut self, view: &View) {
        if view.faults.is_empty() {
            return;
        }
        let mut text = format!(
            "| {} |\n|---|---|---:|---:|---:|---:|\n",
            STATE_COLUMNS.join(" | ")
        );
        for row in view.faults.iter().flat_map(FaultView::rows) {
            text += &format!("| {} |\n", row.join(" | "));
        }
        self.push(&text);
        self.push("\n");
        for fault in &view.faults {
            let title = clipped(&fault.title, 200);
            self.paragraph(&format!("{title}: {}.", fault.recovery()));
        }
    }

    fn alerts(&mut self, view: &View) {
        const MOST: usize = 20;
        let told: Vec<_> = view.alerts.iter().filter(|a| a.tells()).collect();
        if told.is_empty() {
            return;
        }
        let mut text =
            "| alert | state | when | value | summary |\n|---|---|---|---:|---|\n".to_owned();
        for alert in told.iter().take(MOST) {
            let summary = alert.summary.as_ref().map(|s| clipped(s, 300));
            text += &format!(
                "| {} | {} | {} | {} | {} |\n",
                clipped(&alert.name, 200),
                alert.state.name(),
                alert.when,
                alert.value,
                summary.unwrap_or_default()
            );
        }
        self.push(&text);
        self.push("\n");
        if told.len() > MOST {
            let more = words::plural(told.len() - MOST, "more alert");
            self.paragraph(&format!("{more}: see the HTML report."));
        }
    }

    fn noise(&mut self, view: &View) {
        if view.noise_is_told() {
            return;
        }
        let trust = &view.trust;
        let rows: Vec<_> = trust
            .spoiled_rows
            .iter()
            .take(8)
            .map(|r| clipped(r, 200))
            .collect();
        let touched = if rows.is_empty() {
            String::new()
        } else {
            format!("; it touches {}", rows.join(", "))
        };
        self.paragraph(&format!("**Noise:** {}{touched}", trust.rounds_in_words()));
    }

    /// What could be seen, what was not looked at, and the detector of the guide.
    fn beside(&mut self, view: &View) {
        let beside = &view.beside;
        if let Some(foreseen) = &beside.foreseen {
            self.paragraph(&format!("**Foreseen:** {}", clipped(foreseen, 1_000)));
        }
        if let Some(seen) = &beside.seen {
            self.paragraph(&format!("**Seen:** {}", clipped(seen, 1_000)));
        }
        for unjudged in beside.unjudged().iter().take(20) {
            self.paragraph(&format!("**Not evaluated:** {}", clipped(unjudged, 1_000)));
        }
        if beside.detector.is_empty() {
            return;
        }
        let mut table = format!(
            "| {} |\n|:--|--:|--:|--:|:--|\n",
            DETECTOR_COLUMNS.join(" | ")
        );
        for row in beside.detector.iter().take(50) {
            table += &format!(
                "| {} | {} |\n",
                clipped(row.label(), 200),
                row.cells().join(" | ")
            );
        }
        self.details(
            "Beside: the detector baseline-p95, which decides nothing",
            &table,
        );
    }

    fn summary(&mut self, view: &View) {
        if view.trust.origin.is_some() && view.now.tally.due == 0 {
            return;
        }
        let mut table = String::from("| | latency | service time |\n|:--|--:|--:|\n");
        for stat in Stat::ALL {
            let show = |m: Metric| words::estimate(view.now.value(m), m.unit());
            table += &format!(
                "| {} | {} | {} |\n",
                stat.name(),
                show(Metric::Latency(stat)),
                show(Metric::ServiceTime(stat))
            );
        }
        let t = &view.now.tally;
        let counts = format!(
            "{} due, {} sent, {} answered, {} failed",
            words::count(t.due),
            words::count(t.sent),
            words::count(t.answered),
            words::count(t.failures.total())
        );
        let mut errors = String::new();
        for (class, &n) in &t.failures.0 {
            errors += &format!("- {} {class}\n", words::count(n));
        }
        if !errors.is_empty() {
            errors.push('\n');
        }
        self.details("All latencies", &format!("{counts}\n\n{errors}{table}"));
    }

    fn parts(&mut self, title: &str, parts: &[Part]) {
        if parts.len() < 2 {
            return;
        }
        let mut table =
            String::from("| | requests | errors | p50 | p99 |\n|:--|--:|--:|--:|--:|\n");
        for part in parts.iter().take(50) {
            let show = |m: Metric| words::estimate(part.now.value(m), m.unit());
            table += &format!(
                "| {} | {} | {} | {} | {} |\n",
                clipped(&part.name, 200),
                words::count(part.now.tally.due),
                show(Metric::ErrorsRate),
                show(Metric::Latency(Stat::P50)),
                show(Metric::Latency(Stat::P99))
            );
        }
        self.details(title, &table);
    }

    fn trust(&mut self, view: &View) {
        let list: Vec<_> = view
            .trust
            .readings()
            .iter()
            .map(|(what, reading)| format!("- {what}: {reading}"))
            .collect();
        self.details("Can these numbers be trusted?", &list.join("\n"));
    }

    fn details(&mut self, title: &str, body: &str) {
        self.push(&format!(
            "<details><summary>{title}</summary>\n\n{}\n\n</details>\n\n",
            body.trim_end()
        ));
    }

    fn foot(&mut self, view: &View) {
        let manifest = &view.facts.manifest;
        let mut foot = format!(
            "<sub>plimsoll {} · run {} · seed {}",
            clipped(&Untrusted::from(manifest.version.as_str()), 40),
            clipped(&Untrusted::from(manifest.id.as_str()), 80),
            manifest.seed
        );
        if self.left_out > 0 {
            foot += " · parts were left out for length, the HTML report has them";
        }
        self.out += &format!("{foot}</sub>\n\n<!-- plimsoll:{} -->\n", marker(view));
    }
}

/// By which whoever posts the comment finds the one it posted before: the scenario, as far as it can
/// stand in a comment of HTML.
fn marker(view: &View) -> String {
    let plain = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name = view.facts.scenario.raw().chars();
    name.filter(plain).take(100).collect()
}

fn line(row: &Row, compares: bool) -> String {
    let verdict = match row.tone() {
        Tone::Bad => format!("**{}**", row.verdict_words()),
        _ => row.verdict_words(),
    };
    let note = match clipped(&row.note, 300) {
        empty if empty.is_empty() => empty,
        note => format!(" · {note}"),
    };
    let label = clipped(&row.label, 300);
    if compares {
        format!(
            "| {label} | {} | {} | {} | {} | {} | {verdict}{note} |\n",
            row.before, row.now, row.change, row.interval, row.allowed
        )
    } else {
        format!(
            "| {label} | {} | {} | {verdict}{note} |\n",
            row.now, row.allowed
        )
    }
}

/// The text for Markdown, cut to so many characters before escaping.
fn clipped(text: &Untrusted, most: usize) -> String {
    text.clipped(most).markdown()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Failures;
    use crate::report::fixture;

    #[test]
    fn the_first_line_says_whether_to_read_on() {
        let first = |run: &crate::model::Run| {
            let page = markdown(&View::new(run, None));
            page.lines().next().unwrap_or_default().to_owned()
        };
        assert!(first(&fixture::run()).starts_with("Please read: ✘ **regressed** latency"));
        let mut calm = fixture::plain_run();
        assert!(first(&calm).starts_with("Please read: ! **measured** 11,760 of 12,000"));
        for cell in calm.rounds.iter_mut().flat_map(|r| &mut r.cells) {
            cell.tally.failures = Failures::default();
        }
        assert!(first(&calm).starts_with("No action needed: ✔ **measured**"));
        assert!(first(&fixture::partial_run()).starts_with("Please read: ! **partial**"));
        assert!(first(&fixture::invalid_run()).starts_with("Please read: ! **invalid**"));
    }

    #[test]
    fn a_comment_reads_like_this() {
        insta::assert_snapshot!(markdown(&View::new(&fixture::run(), None)));
    }

    #[test]
    fn a_comment_is_never_too_long() {
        let mut run = fixture::hostile_run();
        let comparison = run.comparison.as_mut().expect("judged");
        comparison.decision.headline = "|".repeat(100_000);
        let row = comparison.results[1].clone();
        comparison.results = vec![row; 1_000];
        run.manifest.outline.steps = (0..500)
            .map(|i| format!("{i}{}", "_".repeat(900)))
            .collect();
        let page = markdown(&View::new(&run, None));
        assert!(page.len() <= 65_536, "{}", page.len());
        assert!(page.contains("more rows: see the HTML report"));
        let opened = page.matches("<details>").count();
        assert_eq!(opened, page.matches("</details>").count());
    }
}
