//! JUnit XML: one test case for the measurement itself and one for every metric that counts.
//!
//! Inconclusive is `skipped`, never passed; invalid and incomparable are `error`. The form is what both
//! schemas in use allow, that of Ant's `JUnitReport` and that of Jenkins' xUnit plug-in: every case has a
//! time, and what a case that passes has to say stands in the output of the suite.

use jiff::Timestamp;

use crate::model::{Unevaluated, Verdict};
use crate::untrusted::Untrusted;

use super::view::{Row, Standing, View};

/// Renders the document.
pub fn junit(view: &View) -> String {
    let rows = view.rows.iter().filter(|r| r.result.gating);
    let mut cases = vec![measurement(view)];
    cases.extend(rows.map(|row| case(view, row)));
    cases.extend(view.beside.unevaluated.iter().map(unevaluated));
    let count = |tag: &str| cases.iter().filter(|c| c.ended.tag() == Some(tag)).count();
    let manifest = &view.facts.manifest;
    let name = named(view.facts.scenario.markup(), "plimsoll");
    let elements: String = cases.iter().map(|case| case.element(&name)).collect();
    let said: Vec<&str> = cases.iter().filter_map(Case::said).collect();
    let warnings: Vec<String> = view.warnings().map(|r| r.text.markup()).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites>\n  \
         <testsuite name=\"{name}\" package=\"plimsoll\" id=\"0\" hostname=\"localhost\" timestamp=\"{}\" \
         tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3}\">\n{}{elements}    \
         <system-out>{}</system-out>\n    \
         <system-err>{}</system-err>\n  \
         </testsuite>\n</testsuites>\n",
        moment(&manifest.started_at),
        cases.len(),
        count("failure"),
        count("error"),
        count("skipped"),
        view.now.seconds,
        properties(view),
        said.join("\n"),
        warnings.join("\n"),
    )
}

/// A name, or another: suites and cases have to be called something.
fn named(name: String, otherwise: &str) -> String {
    if name.trim().is_empty() {
        otherwise.to_owned()
    } else {
        name
    }
}

/// A moment without its zone, which is UTC: a suite may not name one.
fn moment(text: &str) -> String {
    let parsed: Option<Timestamp> = text.parse().ok();
    let moment = parsed.unwrap_or_default();
    // Of years the form has four digits.
    let year = moment.strftime("%Y").to_string();
    let is_number = year.bytes().all(|b| b.is_ascii_digit());
    if is_number && year.len() == 4 && year != "0000" {
        moment.strftime("%Y-%m-%dT%H:%M:%S").to_string()
    } else {
        "1970-01-01T00:00:00".to_owned()
    }
}

fn properties(view: &View) -> String {
    let manifest = &view.facts.manifest;
    let facts = [
        ("verdict", view.standing.word()),
        ("headline", view.headline.raw()),
        ("run", manifest.id.as_str()),
        ("version", manifest.version.as_str()),
    ];
    let all = facts.map(|(name, value)| {
        let value = Untrusted::from(value).markup();
        format!("      <property name=\"{name}\" value=\"{value}\"/>\n")
    });
    format!("    <properties>\n{}    </properties>\n", all.concat())
}

/// One test case, its texts escaped.
struct Case {
    name: String,
    ended: Ended,
    seconds: f64,
}

enum Ended {
    /// With what there is to say, if anything.
    Passed(String),
    Skipped(String),
    Failed(Trouble),
    Unfit(Trouble),
}

struct Trouble {
    kind: &'static str,
    message: String,
    text: String,
}

impl Ended {
    const fn tag(&self) -> Option<&'static str> {
        match self {
            Self::Passed(_) => None,
            Self::Skipped(_) => Some("skipped"),
            Self::Failed(_) => Some("failure"),
            Self::Unfit(_) => Some("error"),
        }
    }
}

impl Case {
    fn new(name: String, ended: Ended) -> Self {
        Self {
            name: named(name, "rule"),
            ended,
            seconds: 0.0,
        }
    }

    /// What a case that passed adds to the output.
    fn said(&self) -> Option<&str> {
        match &self.ended {
            Ended::Passed(said) if !said.is_empty() => Some(said),
            _ => None,
        }
    }

    fn element(&self, class: &str) -> String {
        let (name, seconds) = (&self.name, self.seconds);
        let open =
            format!("    <testcase name=\"{name}\" classname=\"{class}\" time=\"{seconds:.3}\"");
        let tag = self.ended.tag().unwrap_or_default();
        let body = match &self.ended {
            Ended::Passed(_) => return format!("{open}/>\n"),
            Ended::Skipped(message) => format!("<{tag} message=\"{message}\"/>"),
            Ended::Failed(t) | Ended::Unfit(t) => format!(
                "<{tag} type=\"{}\" message=\"{}\">{}</{tag}>",
                t.kind, t.message, t.text
            ),
        };
        format!("{open}>\n      {body}\n    </testcase>\n")
    }
}

/// What makes the run as a whole unfit, or a pass.
fn measurement(view: &View) -> Case {
    let unfit = match view.standing {
        Standing::Judged(Verdict::Invalid | Verdict::Incomparable)
        | Standing::Partial
        | Standing::Part
        | Standing::Unjudged => true,
        Standing::Judged(_) | Standing::Measured | Standing::MeasuredWithErrors => false,
    };
    let ended = if unfit {
        let remarks = view.remarks.iter();
        let text: Vec<_> = remarks
            .flat_map(|r| [Some(&r.text), r.hint.as_ref()])
            .flatten()
            .map(Untrusted::markup)
            .collect();
        Ended::Unfit(Trouble {
            kind: view.standing.word(),
            message: view.headline.markup(),
            text: text.join("\n"),
        })
    } else if let Some(stop) = view.stops().next() {
        Ended::Failed(Trouble {
            kind: "stopped",
            message: stop.text.markup(),
            text: String::new(),
        })
    } else {
        Ended::Passed(String::new())
    };
    Case {
        seconds: view.now.seconds,
        ..Case::new("measurement".to_owned(), ended)
    }
}

fn case(view: &View, row: &Row) -> Case {
    let message = Untrusted::new(row.sentence()).markup();
    let note = row.note.markup();
    let trouble = |verdict: Verdict| Trouble {
        kind: verdict.name(),
        message: message.clone(),
        text: note.clone(),
    };
    let ended = match row.verdict {
        Some(verdict @ (Verdict::Regressed | Verdict::Broken)) => Ended::Failed(trouble(verdict)),
        Some(verdict @ (Verdict::Invalid | Verdict::Incomparable)) => {
            Ended::Unfit(trouble(verdict))
        }
        Some(Verdict::Inconclusive) if note.is_empty() => {
            Ended::Skipped(format!("inconclusive: {message}"))
        }
        Some(Verdict::Inconclusive) => Ended::Skipped(format!("inconclusive: {message}; {note}")),
        Some(verdict @ (Verdict::Improved | Verdict::Unchanged | Verdict::Kept))
            if view.standing.passes() || fit(view) =>
        {
            Ended::Passed(format!("{} {verdict}: {message}", row.label.markup()))
        }
        _ => Ended::Skipped(format!("not judged: {message}")),
    };
    Case::new(row.label.markup(), ended)
}

fn unevaluated(rule: &Unevaluated) -> Case {
    let [name, reason] = [&rule.rule, &rule.reason].map(|t| Untrusted::from(t.as_str()).markup());
    Case::new(name, Ended::Skipped(format!("not evaluated: {reason}")))
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

    #[test]
    fn a_moment_has_no_zone_and_is_always_one() {
        for (text, expect) in [
            ("2026-11-22T09:15:00Z", "2026-11-22T09:15:00"),
            ("2026-11-22T09:15:00.25+02:00", "2026-11-22T07:15:00"),
            ("<yesterday>", "1970-01-01T00:00:00"),
            ("-000044-03-15T12:00:00Z", "1970-01-01T00:00:00"),
        ] {
            assert_eq!(moment(text), expect, "{text}");
        }
    }
}
