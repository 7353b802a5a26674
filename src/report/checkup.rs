//! A checkup of the machine in words, and as JSON.

use serde_json::{Value, json};

use crate::model::{Checkup, Fitness, Readiness, Reading, Topic};
use crate::untrusted::Untrusted;

use super::TextStyle;
use super::table::{width, wrap};
use super::view::Tone;
use super::words::plural;

const INDENT: &str = "  ";
/// Before what is said about a reading.
const DEEPER: &str = "      ";
const LABEL: usize = 7;

/// The verdict first, then every reading, and under each that is not fine what it costs and how to mend it.
pub fn checkup_text(checkup: &Checkup, style: TextStyle) -> String {
    let mut text = verdict(checkup, style);
    for topic in Topic::ALL {
        let of_topic: Vec<&Reading> = checkup
            .readings
            .iter()
            .filter(|r| r.topic == topic)
            .collect();
        if of_topic.is_empty() {
            continue;
        }
        text.push_str(&format!("\n{}\n", style.strong(topic.heading())));
        for reading in &of_topic {
            text.push_str(&lines(reading, checkup, style));
        }
    }
    text
}

/// The same for programs: `instrument` is what was measured in the same call, if anything was.
pub fn checkup_json(checkup: &Checkup, instrument: Option<Value>) -> String {
    let mut document = json!(checkup);
    document["instrument"] = instrument.unwrap_or(Value::Null);
    crate::untrusted::json(&format!("{document:#}")) + "\n"
}

fn verdict(checkup: &Checkup, style: TextStyle) -> String {
    let spoil: Vec<&str> = checkup
        .those_that(Fitness::Spoils)
        .map(|r| r.name)
        .collect();
    let cost = checkup.those_that(Fitness::Costs).count();
    let sentence = match (checkup.verdict, spoil.len()) {
        (Readiness::Fit, _) => "nothing stands in the way of measuring here just now".to_owned(),
        (Readiness::Costly, _) => format!(
            "{} precision; cpu.per-request suffers least",
            verb(cost, "costs", "cost")
        ),
        (Readiness::Unfit, n) => {
            let precision = match cost {
                0 => String::new(),
                _ => format!(", and {} precision", verb(cost, "costs", "cost")),
            };
            format!(
                "{} rounds just now ({}){precision}; times measured now are left out of comparisons, \
                 cpu.per-request suffers least",
                verb(n, "spoils", "spoil"),
                spoil.join(", ")
            )
        }
    };
    let head = format!(
        "{} {}",
        checkup.verdict.sign(),
        checkup.verdict.word().to_uppercase()
    );
    let head = style.letters(&head);
    let hanging = " ".repeat(width(&head) + 3);
    let room = style.width.saturating_sub(hanging.len());
    let parts = wrap(&style.letters(&sentence), room);
    let head = style.tone(tone(checkup.verdict), &head);
    format!("{head}   {}\n", parts.join(&format!("\n{hanging}")))
}

/// `1 reading costs`, `3 readings cost`
fn verb(n: usize, one: &str, many: &str) -> String {
    format!(
        "{} {}",
        plural(n, "reading"),
        if n == 1 { one } else { many }
    )
}

const fn tone(readiness: Readiness) -> Tone {
    match readiness {
        Readiness::Fit => Tone::Good,
        Readiness::Costly => Tone::Warn,
        Readiness::Unfit => Tone::Bad,
    }
}

const fn tone_of(fitness: Fitness) -> Tone {
    match fitness {
        Fitness::Fine => Tone::Good,
        Fitness::NotTold => Tone::Plain,
        Fitness::Costs => Tone::Warn,
        Fitness::Spoils => Tone::Bad,
    }
}

fn lines(reading: &Reading, checkup: &Checkup, style: TextStyle) -> String {
    let signs = [
        Fitness::Fine,
        Fitness::NotTold,
        Fitness::Costs,
        Fitness::Spoils,
    ];
    let sign_width = signs
        .map(|f| width(&style.letters(f.sign())))
        .into_iter()
        .max();
    let name_width = checkup
        .readings
        .iter()
        .map(|r| r.name.len())
        .max()
        .unwrap_or(0);
    let sign = style.letters(reading.verdict.sign());
    let blank = " ".repeat(sign_width.unwrap_or(1) - width(&sign));
    let sign = style.tone(tone_of(reading.verdict), &sign);
    let head = INDENT.len() + sign_width.unwrap_or(1) + 1 + name_width + 2;
    // Names of CPUs come from the machine.
    let value = style.letters(&Untrusted::new(&reading.value).terminal());
    let parts = wrap(&value, style.width.saturating_sub(head));
    let value = parts.join(&format!("\n{}", " ".repeat(head)));
    let mut text = format!(
        "{INDENT}{sign}{blank} {:name_width$}  {value}\n",
        reading.name
    );
    for (label, said) in [("costs", &reading.costs), ("mend", &reading.mend)] {
        let Some(said) = said else { continue };
        let said = style.letters(&Untrusted::new(said).terminal());
        let parts = wrap(&said, style.width.saturating_sub(DEEPER.len() + LABEL));
        let hanging = format!("\n{DEEPER}{}", " ".repeat(LABEL));
        let label = style.faint(&format!("{label:LABEL$}"));
        text.push_str(&format!("{DEEPER}{label}{}\n", parts.join(&hanging)));
    }
    text
}
