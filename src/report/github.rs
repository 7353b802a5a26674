//! GitHub workflow commands: the ten worst things, each at its line of the scenario file.

use crate::model::Verdict;
use crate::untrusted::Untrusted;

use super::view::{Row, Standing, View};

/// GitHub shows ten annotations of a step at most.
const MOST: usize = 10;

/// One command to write.
struct Annotation {
    /// Greater is worse.
    rank: u8,
    level: &'static str,
    line: Option<usize>,
    title: Untrusted,
    message: Untrusted,
}

/// Renders at most ten lines, the worst first.
pub fn github(view: &View) -> String {
    let file = view
        .facts
        .manifest
        .scenario_file
        .as_deref()
        .map(Untrusted::from);
    let mut annotations: Vec<_> = run_level(view)
        .into_iter()
        .chain(view.rows.iter().filter(|r| r.result.gating).filter_map(row))
        .collect();
    annotations.extend(view.warnings().map(|remark| Annotation {
        rank: 4,
        level: "warning",
        line: None,
        title: title(view),
        message: remark.text.clone(),
    }));
    let unevaluated = view.beside.unevaluated.iter().map(|u| Annotation {
        rank: 0,
        level: "notice",
        line: u.line,
        title: Untrusted::new(format!("not evaluated: {}", u.rule)),
        message: Untrusted::new(u.reason.as_str()),
    });
    annotations.sort_by_key(|a| std::cmp::Reverse(a.rank));
    if annotations.is_empty() {
        let message = view.headline.workflow_message();
        let title = title(view).workflow_property();
        let headline = format!("::notice title={title}::{message}\n");
        let rest = unevaluated.take(MOST - 1).map(|a| a.render(file.as_ref()));
        return std::iter::once(headline).chain(rest).collect();
    }
    annotations
        .into_iter()
        .chain(unevaluated)
        .take(MOST)
        .map(|a| a.render(file.as_ref()))
        .collect()
}

fn title(view: &View) -> Untrusted {
    let name = view.facts.scenario.raw();
    Untrusted::new(format!("{name}: {}", view.standing.word()))
}

/// What is wrong with the run as a whole.
fn run_level(view: &View) -> Option<Annotation> {
    let (rank, level) = match view.standing {
        Standing::Judged(Verdict::Invalid | Verdict::Incomparable) | Standing::Partial => {
            (9, "error")
        }
        Standing::Unjudged | Standing::Part => (9, "warning"),
        Standing::MeasuredWithErrors => (5, "warning"),
        Standing::Judged(_) if view.stops().next().is_some() => (9, "error"),
        Standing::Judged(_) | Standing::Measured => return None,
    };
    let mut message = view.headline.raw().to_owned();
    if let Some(remark) = view.remarks.first() {
        message += &format!(": {}", remark.text.raw());
        if let Some(hint) = &remark.hint {
            message += &format!("; hint: {}", hint.raw());
        }
    }
    Some(Annotation {
        rank,
        level,
        line: None,
        title: title(view),
        message: Untrusted::new(message),
    })
}

fn row(row: &Row) -> Option<Annotation> {
    let verdict = row.verdict?;
    let (rank, level) = match verdict {
        Verdict::Invalid | Verdict::Incomparable => (8, "error"),
        Verdict::Regressed => (7, "error"),
        Verdict::Broken => (6, "error"),
        Verdict::Inconclusive => (3, "warning"),
        Verdict::Improved => (1, "notice"),
        Verdict::Unchanged | Verdict::Kept => return None,
    };
    let mut message = row.sentence();
    if !row.note.raw().is_empty() {
        message += &format!("; {}", row.note.raw());
    }
    Some(Annotation {
        rank,
        level,
        line: row.result.line,
        title: Untrusted::new(format!("{} {verdict}", row.label.raw())),
        message: Untrusted::new(message),
    })
}

impl Annotation {
    fn render(&self, file: Option<&Untrusted>) -> String {
        let place = match (file, self.line) {
            (Some(file), Some(line)) => {
                format!("file={},line={line},", file.workflow_property())
            }
            (Some(file), None) => format!("file={},", file.workflow_property()),
            (None, _) => String::new(),
        };
        format!(
            "::{} {place}title={}::{}\n",
            self.level,
            self.title.workflow_property(),
            self.message.workflow_message()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn the_worst_comes_first_at_its_line() {
        insta::assert_snapshot!(github(&View::new(&fixture::run(), None)), @r"
        ::error file=scenarios/checkout.toml,line=41,title=latency.p99 regressed::41 ms → 46.6 ms (+13.7 %25), 95 %25 interval +9.8 … +17.9 %25, allowed +10 %25, confidence 0.998; noise spoiled 1 round now
        ::warning file=scenarios/checkout.toml,title=cpu.per-request inconclusive::1.31 ms → 1.42 ms (+8.2 %25), 95 %25 interval −1.0 … +18.0 %25, allowed +3 %25; 6 more rounds would tell
        ");
    }

    #[test]
    fn a_run_that_tells_nothing_is_an_error() {
        for run in [fixture::partial_run(), fixture::invalid_run()] {
            let text = github(&View::new(&run, None));
            assert!(text.starts_with("::error "), "{text}");
        }
    }

    #[test]
    fn never_more_than_ten_and_never_a_foreign_command() {
        let mut run = fixture::hostile_run();
        let comparison = run.comparison.as_mut().expect("judged");
        let row = comparison.results[1].clone();
        comparison.results = vec![row; 40];
        let text = github(&View::new(&run, None));
        assert_eq!(text.lines().count(), MOST);
        assert!(text.lines().all(|l| l.starts_with("::error file=")));
    }
}
