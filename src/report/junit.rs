//! JUnit XML: one test case for the measurement itself and one for every metric that counts.
//!
//! Inconclusive is `skipped`, never passed; invalid and incomparable are `error`.

use crate::model::Verdict;
use crate::untrusted::Untrusted;

use super::view::{Row, Standing, View};

/// Renders the document.
pub fn junit(view: &View) -> String {
    let rows: Vec<_> = view.rows.iter().filter(|r| r.result.gating).collect();
    let mut cases = vec![measurement(view)];
    cases.extend(rows.iter().map(|row| case(view, row)));
    cases.extend(view.beside.unevaluated.iter().map(|u| {
        let name = Untrusted::new(u.rule.as_str()).markup();
        let reason = Untrusted::new(u.reason.as_str()).markup();
        let body = format!("<skipped message=\"not evaluated: {reason}\"/>");
        element(view, &name, &body)
    }));
    let count = |tag: &str| cases.iter().filter(|c| c.contains(tag)).count();
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\"",
        cases.len(),
        count("<failure "),
        count("<error "),
        count("<skipped ")
    );
    let suite = view.facts.scenario.markup();
    let time = view.now.seconds;
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"plimsoll\" {counts}>\n  \
         <testsuite name=\"{suite}\" {counts} time=\"{time:.3}\" timestamp=\"{}\">\n{}  \
         </testsuite>\n</testsuites>\n",
        Untrusted::from(view.facts.manifest.started_at.as_str()).markup(),
        cases.concat()
    )
}

fn element(view: &View, name: &str, body: &str) -> String {
    let class = view.facts.scenario.markup();
    if body.is_empty() {
        return format!("    <testcase classname=\"{class}\" name=\"{name}\"/>\n");
    }
    format!("    <testcase classname=\"{class}\" name=\"{name}\">\n      {body}\n    </testcase>\n")
}

/// What makes the run as a whole unfit, or a pass.
fn measurement(view: &View) -> String {
    let unfit = match view.standing {
        Standing::Judged(Verdict::Invalid | Verdict::Incomparable)
        | Standing::Partial
        | Standing::Part
        | Standing::Unjudged => true,
        Standing::Judged(_) | Standing::Measured | Standing::MeasuredWithErrors => false,
    };
    if let Some(stop) = view.stops().next().filter(|_| !unfit) {
        let text = stop.text.markup();
        let body = format!("<failure type=\"stopped\" message=\"{text}\"/>");
        return element(view, "measurement", &body);
    }
    if !unfit {
        let warnings: Vec<_> = view.warnings().map(|r| r.text.markup()).collect();
        let body = match warnings.len() {
            0 => String::new(),
            _ => format!("<system-out>{}</system-out>", warnings.join("\n")),
        };
        return element(view, "measurement", &body);
    }
    let text: Vec<_> = view
        .remarks
        .iter()
        .flat_map(|r| [Some(&r.text), r.hint.as_ref()])
        .flatten()
        .map(Untrusted::markup)
        .collect();
    let word = view.standing.word();
    let body = format!(
        "<error type=\"{word}\" message=\"{}\">{}</error>",
        view.headline.markup(),
        text.join("\n")
    );
    element(view, "measurement", &body)
}

fn case(view: &View, row: &Row) -> String {
    let message = Untrusted::new(row.sentence()).markup();
    let note = row.note.markup();
    let body = match row.verdict {
        Some(verdict @ (Verdict::Regressed | Verdict::Broken)) => {
            format!("<failure type=\"{verdict}\" message=\"{message}\">{note}</failure>")
        }
        Some(verdict @ (Verdict::Invalid | Verdict::Incomparable)) => {
            format!("<error type=\"{verdict}\" message=\"{message}\">{note}</error>")
        }
        Some(Verdict::Inconclusive) => {
            let note = if note.is_empty() {
                note
            } else {
                format!("; {note}")
            };
            format!("<skipped message=\"inconclusive: {message}{note}\"/>")
        }
        Some(Verdict::Improved | Verdict::Unchanged | Verdict::Kept)
            if view.standing.passes() || fit(view) =>
        {
            format!("<system-out>{message}</system-out>")
        }
        _ => format!("<skipped message=\"not judged: {message}\"/>"),
    };
    element(view, &row.label.markup(), &body)
}

/// True when the run itself is sound, whatever its rows say.
fn fit(view: &View) -> bool {
    matches!(
        view.standing,
        Standing::Judged(v) if !matches!(v, Verdict::Invalid | Verdict::Incomparable)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn metrics_are_test_cases() {
        insta::assert_snapshot!(junit(&View::new(&fixture::run(), None)));
    }

    #[test]
    fn every_document_is_well_formed_and_hostile_names_are_text() {
        for run in [
            fixture::run(),
            fixture::plain_run(),
            fixture::partial_run(),
            fixture::invalid_run(),
            fixture::hostile_run(),
        ] {
            let xml = junit(&View::new(&run, None));
            let document = roxmltree::Document::parse(&xml).expect("well-formed XML");
            assert!(document.descendants().all(|n| !n.has_tag_name("script")));
        }
    }

    #[test]
    fn an_unfit_run_is_an_error_not_a_pass() {
        for run in [fixture::partial_run(), fixture::invalid_run()] {
            let xml = junit(&View::new(&run, None));
            assert!(xml.contains("errors=\"1\""), "{xml}");
        }
    }

    #[test]
    fn a_run_that_the_guard_held_back_has_a_failed_case() {
        let xml = junit(&View::new(&fixture::guarded_run(), None));
        roxmltree::Document::parse(&xml).expect("well-formed");
        assert!(
            xml.contains("failures=\"1\"") && xml.contains("the guard opened"),
            "{xml}"
        );
        let part = junit(&View::new(&fixture::part_of_run(), None));
        assert!(part.contains("<error type=\"part\""), "{part}");
    }
}
