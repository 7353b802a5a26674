//! GitHub workflow commands: the ten worst things, each at its line of the scenario file.
//!
//! The grammar is that of
//! <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>.

use crate::untrusted::Untrusted;

use super::findings::{Finding, Weight, findings, title, unevaluated};
use super::view::View;

/// GitHub shows ten annotations of a step at most.
const MOST: usize = 10;
/// Characters of a title and of a message; the runner cuts a message at 4,096.
const TITLE: usize = 250;
const MESSAGE: usize = 4_000;

/// Renders at most ten lines, the worst first.
pub fn github(view: &View) -> String {
    let file = view.facts.manifest.scenario_file.as_deref();
    // Files are named from the root of the repository.
    let file = file.map(|f| Untrusted::from(f.trim_start_matches("./")));
    let findings = findings(view);
    let mut lines = Vec::new();
    if findings.is_empty() {
        let message = view.headline.clipped(MESSAGE).workflow_message();
        let title = title(view).clipped(TITLE).workflow_property();
        lines.push(format!("::notice title={title}::{message}\n"));
    }
    let all = findings.into_iter().chain(unevaluated(view));
    lines.extend(all.map(|finding| command(&finding, file.as_ref())));
    lines.truncate(MOST);
    lines.concat()
}

fn command(finding: &Finding, file: Option<&Untrusted>) -> String {
    let place = match (file, finding.line) {
        (Some(file), Some(line)) => format!("file={},line={line},", file.workflow_property()),
        (Some(file), None) => format!("file={},", file.workflow_property()),
        (None, _) => String::new(),
    };
    let level = match finding.weight {
        Weight::Error => "error",
        Weight::Warning => "warning",
        Weight::Notice => "notice",
    };
    format!(
        "::{level} {place}title={}::{}\n",
        finding.title.clipped(TITLE).workflow_property(),
        finding.message.clipped(MESSAGE).workflow_message()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn the_worst_comes_first_at_its_line() {
        insta::assert_snapshot!(github(&View::new(&fixture::run(), None)), @r"
        ::error file=scenarios/checkout.toml,line=41,title=latency.p99 regressed::41 ms → 46.6 ms (+13.7 %25), 95 %25 interval +9.8 … +17.9 %25, allowed +10 %25, confidence 0.998; noise cost 1 round now
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
