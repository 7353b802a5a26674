//! What a web hook is told: the beginning of the machine summary, which is small however long a run was.

use serde_json::{Value, json as object};

use super::json::{document, laid_out};
use super::view::View;

/// Bytes that no document exceeds by more than its fixed parts.
const ROOM: usize = 64 * 1024;
/// What is taken over from the machine summary, under the same names.
const PARTS: [&str; 4] = ["schema", "tool", "run", "verdict"];
/// Lists that are taken over as far as there is room, those that matter most first.
const LISTS: [&str; 4] = ["metrics", "findings", "moved", "diagnoses"];

/// Renders the document. `text` is the headline, which chat services show.
pub fn notification(view: &View, exit: u8) -> String {
    let mut whole = document(view);
    let mut told = object!({
        "text": format!(
            "{} {}: {}",
            view.facts.scenario.terminal(),
            view.standing.word(),
            view.headline.terminal()
        ),
        "exit": exit,
    });
    for part in PARTS {
        told[part] = whole[part].take();
    }
    let mut used = told.to_string().len();
    let mut left_out = 0;
    for list in LISTS {
        let Value::Array(items) = whole[list].take() else {
            continue;
        };
        let of_interest = items
            .into_iter()
            .filter(|item| list != "metrics" || item["gating"] == true);
        let mut kept = Vec::new();
        for item in of_interest {
            let length = item.to_string().len();
            if used + length > ROOM {
                left_out += 1;
            } else {
                used += length;
                kept.push(item);
            }
        }
        told[list] = Value::Array(kept);
    }
    told["left_out"] = object!(left_out);
    laid_out(&told)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    #[test]
    fn a_hook_is_told_what_decided() {
        let view = View::new(&fixture::run(), None);
        let told: Value = serde_json::from_str(&notification(&view, 1)).expect("JSON");
        let text = told["text"].as_str().expect("a text");
        assert!(
            text.contains("regressed: latency.p99 rose 13.7 %"),
            "{text}"
        );
        assert_eq!(
            (&told["exit"], &told["left_out"]),
            (&object!(1), &object!(0))
        );
        assert_eq!(told["verdict"]["word"], "regressed");
        let metrics = told["metrics"].as_array().expect("metrics");
        assert!(!metrics.is_empty() && metrics.iter().all(|m| m["gating"] == true));
        assert_eq!(told["rounds"], Value::Null, "rounds are in the record");
    }

    #[test]
    fn a_long_run_makes_no_long_document() {
        let mut run = fixture::run();
        let comparison = run.comparison.as_mut().expect("judged");
        let one = comparison.results[0].clone();
        comparison.results = vec![one; 2_000];
        let text = notification(&View::new(&run, None), 1);
        assert!(text.len() < 3 * ROOM, "{} bytes, indented", text.len());
        let told: Value = serde_json::from_str(&text).expect("JSON");
        assert!(told["left_out"].as_u64().expect("a number") > 0);
    }
}
