//! GitLab's code quality report: an array of findings, which a merge request shows at their lines.
//!
//! A finding keeps its fingerprint as long as it is about the same thing of the same scenario, so that
//! GitLab can tell a new one from one that the target branch has too. Of two with the same it shows one,
//! so the second of a kind is counted. The form is that of
//! <https://docs.gitlab.com/ci/testing/code_quality/>.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::findings::{Finding, Weight, findings, unevaluated};
use super::view::View;

/// Renders the document; an empty array says that nothing is wrong.
pub fn codequality(view: &View) -> String {
    let all = findings(view).into_iter().chain(unevaluated(view));
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let issues: Vec<Value> = all
        .map(|finding| {
            let earlier = seen.entry(finding.about.raw().to_owned()).or_default();
            *earlier += 1;
            issue(view, &finding, *earlier)
        })
        .collect();
    format!("{:#}\n", Value::from(issues))
}

/// `number`: from 1, among those that are about the same.
fn issue(view: &View, finding: &Finding, number: usize) -> Value {
    let file = view.facts.manifest.scenario_file.as_deref();
    let scenario = view.facts.scenario.raw();
    // GitLab drops a finding without a place; a run without a file has its scenario's name for one.
    let path = file.map_or(scenario, |f| f.trim_start_matches("./"));
    let path = if path.is_empty() { "plimsoll" } else { path };
    let title = finding.title.terminal();
    let severity = match finding.weight {
        Weight::Error => "major",
        Weight::Warning => "minor",
        Weight::Notice => "info",
    };
    json!({
        "description": format!("{title}: {}", finding.message.terminal()),
        "check_name": format!("plimsoll/{}", finding.about.terminal()),
        "fingerprint": fingerprint(scenario, finding.about.raw(), number),
        "severity": severity,
        "location": { "path": path, "lines": { "begin": finding.line.unwrap_or(1).max(1) } },
    })
}

fn fingerprint(scenario: &str, about: &str, number: usize) -> String {
    let number = match number {
        1 => String::new(),
        n => format!("\0{n}"),
    };
    let digest = Sha256::digest(format!("plimsoll\0{scenario}\0{about}{number}"));
    digest[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_regression_is_a_major_finding_at_its_threshold() {
        let text = codequality(&View::new(&fixture::run(), None));
        let issues: Vec<Value> = serde_json::from_str(&text).expect("JSON");
        assert_eq!(issues[0]["severity"], "major");
        assert_eq!(issues[0]["location"]["path"], "scenarios/checkout.toml");
        assert_eq!(issues[0]["location"]["lines"]["begin"], 41);
        let prints: std::collections::BTreeSet<_> = issues
            .iter()
            .map(|i| i["fingerprint"].to_string())
            .collect();
        assert_eq!(prints.len(), issues.len(), "one each");
    }

    #[test]
    fn another_run_of_the_same_regression_is_the_same_finding() {
        let mut later = fixture::run();
        later.manifest.id = "20991231T000000Z-00000000".into();
        let comparison = later.comparison.as_mut().expect("judged");
        for result in &mut comparison.results {
            result.change = result.change.map(|c| c * 1.3);
        }
        let prints = |run| {
            let text = codequality(&View::new(run, None));
            let issues: Vec<Value> = serde_json::from_str(&text).expect("JSON");
            issues
                .into_iter()
                .map(|i| i["fingerprint"].clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(prints(&fixture::run()), prints(&later));
    }

    #[test]
    fn two_findings_about_the_same_are_two() {
        let mut run = fixture::run();
        let comparison = run.comparison.as_mut().expect("judged");
        let again = comparison.results.clone();
        comparison.results.extend(again);
        let text = codequality(&View::new(&run, None));
        let issues: Vec<Value> = serde_json::from_str(&text).expect("JSON");
        let prints: std::collections::BTreeSet<_> = issues
            .iter()
            .map(|i| i["fingerprint"].to_string())
            .collect();
        assert_eq!(prints.len(), issues.len());
    }

    #[test]
    fn what_broke_is_said_and_hostile_names_are_text() {
        for run in [
            fixture::partial_run(),
            fixture::invalid_run(),
            fixture::hostile_run(),
        ] {
            let text = codequality(&View::new(&run, None));
            let issues: Vec<Value> = serde_json::from_str(&text).expect("JSON");
            assert_eq!(issues[0]["severity"], "major", "{text}");
            let description = issues[0]["description"].as_str().expect("text");
            assert!(!description.contains(['\u{1b}', '\n']), "{description:?}");
        }
    }
}
