//! What a run looks like, symptom by symptom: `plimsoll diagnose`.

use serde_json::json as object;

use super::TextStyle;
use super::json::{SCHEMA, diagnosis, laid_out};
use super::table::wrap;
use super::view::{DiagnosisView, View};

const INDENT: &str = "  ";

/// Every diagnosis with its evidence, causes and remedies.
pub fn diagnosis_text(view: &View, style: TextStyle) -> String {
    let mut page = Page {
        out: String::new(),
        style,
    };
    let scenario = view.facts.scenario.terminal();
    page.line(&format!("{scenario}   run {}", view.facts.manifest.id));
    if view.diagnoses.is_empty() {
        page.line("");
        page.line("Nothing in this run looks like a known symptom.");
        return page.out;
    }
    for (i, d) in view.diagnoses.iter().enumerate() {
        page.line("");
        page.one(i + 1, d);
    }
    page.out
}

/// The same for machines.
pub fn diagnosis_json(view: &View) -> String {
    let whole = object!({
        "schema": SCHEMA,
        "run": view.facts.manifest.id,
        "diagnoses": view.diagnoses.iter().map(diagnosis).collect::<Vec<_>>(),
    });
    laid_out(&whole)
}

struct Page {
    out: String,
    style: TextStyle,
}

impl Page {
    fn line(&mut self, text: &str) {
        let text = self.style.letters(text);
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }

    fn one(&mut self, number: usize, d: &DiagnosisView) {
        self.line(&format!(
            "{number}. {}: {}   score {:.2}   (plimsoll explain {})",
            d.strength.name(),
            d.title,
            d.score,
            d.symptom
        ));
        for evidence in &d.evidence {
            let text = format!(
                "{}   {}, {}",
                evidence.text.terminal(),
                evidence.when(),
                evidence.series.terminal()
            );
            self.labelled("seen", &text);
        }
        for (label, texts) in [
            ("cause", d.causes),
            ("do", d.actions),
            ("not if", d.rules_out),
        ] {
            for text in texts {
                self.labelled(label, text);
            }
        }
    }

    fn labelled(&mut self, label: &str, text: &str) {
        const LABEL: usize = 9;
        let room = self.style.width.max(40) - INDENT.len() - LABEL;
        let text = self.style.letters(text);
        for (i, part) in wrap(&text, room).iter().enumerate() {
            let head = if i == 0 { label } else { "" };
            self.line(&format!("{INDENT}{head:LABEL$}{part}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;
    use crate::model::{Diagnosis, Evidence, Strength};

    fn exhausted() -> Diagnosis {
        Diagnosis {
            symptom: "pool-exhausted",
            title: "connection pool exhausted",
            score: 0.91,
            strength: Strength::Strong,
            evidence: vec![Evidence {
                text: "pool utilisation 41 % → 97 %".to_owned(),
                series: "db_pool_in_use\u{1b}[31m".to_owned(),
                from: 10.0,
                to: 25.0,
            }],
            causes: &["connections that are not given back"],
            actions: &["look for paths that return without releasing a connection"],
            rules_out: &["utilisation below 80 % while latency is up"],
        }
    }

    #[test]
    fn a_diagnosis_reads_like_this() {
        let view = View::new(&fixture::run(), None).explained(&[exhausted()]);
        let text = diagnosis_text(&view, TextStyle::default());
        assert!(!text.contains('\u{1b}'), "{text}");
        insta::assert_snapshot!(text.lines().skip(2).collect::<Vec<_>>().join("\n"));
        let summary = super::super::text(&view, TextStyle::default());
        assert!(
            summary.contains("why       strong: connection pool exhausted"),
            "{summary}"
        );
        let json: serde_json::Value = serde_json::from_str(&diagnosis_json(&view)).expect("JSON");
        assert_eq!(json["diagnoses"][0]["symptom"], "pool-exhausted");
        let page = super::super::html(&view);
        assert!(page.contains("id=\"diagnosis\"") && !page.contains('\u{1b}'));
    }

    #[test]
    fn a_run_without_symptoms_says_so() {
        let view = View::new(&fixture::run(), None);
        assert!(diagnosis_text(&view, TextStyle::default()).contains("Nothing in this run"));
        assert!(!super::super::html(&view).contains("id=\"diagnosis\""));
    }
}
