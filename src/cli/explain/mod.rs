//! `plimsoll explain`.

mod config;
mod threshold;

use std::fmt::Write as _;

use super::Context;
use super::exit::{Exit, Failure};
use crate::diagnostic::{Code, Diagnostic, output};
use crate::model::{Better, Change, ErrorClass, Judge, Metric, NoiseClass, Verdict};
use crate::session::{SYMPTOMS, Symptom};
use crate::{report, scenario};

/// Topics that list others.
const TOPICS: [&str; 9] = [
    "exit-codes",
    "thresholds",
    "metrics",
    "verdicts",
    "judges",
    "errors",
    "history",
    "symptoms",
    "codes",
];

/// The words of `plimsoll history`.
const HISTORY: &str = "\
The words of plimsoll history

series
  The runs of one plan on one kind of machine. Another plan or machine begins a new series, so that it is never taken for a change of the target.

change of level
  A place where the mean of the runs before and after differs beyond chance, and by 1 % at least. It is confirmed with five runs on each side.

candidate
  A change with fewer than five runs after it: it may turn out to be a few wild runs.

level
  The mean of the latest runs since the last change, ten at most.

accepted level
  What `history accept` or `baseline save` recorded last, whichever is later. Comparing with it, and not with the run before, makes slow drift add up.
";

/// Explain a code, a metric, a verdict, a symptom, a threshold, the exit codes, or where settings come from
///
/// A threshold is written on one line: its metric, then its keys with their values. `config` lists every
/// setting of `run`, `check` and `calibrate` with its value and where that comes from: a flag, a variable of
/// the environment, the scenario, plimsoll.toml, or the default. Flags of `check` may follow it.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// What to explain; without it, everything that can be
    #[arg(allow_hyphen_values = true)]
    topic: Vec<String>,
}

const EXAMPLES: &str = "\
Examples:
  plimsoll explain PL0310
  plimsoll explain latency.p99
  plimsoll explain 'latency.p99 max-change +10% min-change 2ms'
  plimsoll explain config checkout --max-rounds 5";

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let words: Vec<&str> = args.topic.iter().map(String::as_str).collect();
    let text = match words.as_slice() {
        [] => contents(),
        ["config", rest @ ..] => return config::tell(context, rest),
        words => about(&words.join(" "))?,
    };
    let text = report::fold(&text, context.terminal.style.width);
    context.terminal.tell(&text)?;
    Ok(Exit::Passed)
}

fn about(topic: &str) -> Result<String, Failure> {
    if let Some(text) = explain(&topic.to_ascii_lowercase()) {
        return Ok(text);
    }
    if scenario::is_threshold(topic) {
        return Ok(threshold::words(&scenario::read_threshold(topic)?));
    }
    Err(unknown(topic).into())
}

fn explain(topic: &str) -> Option<String> {
    match topic {
        "exit-codes" => return Some(exit_codes()),
        "thresholds" => return Some(threshold::KEYS.to_owned()),
        "metrics" => return Some(metrics()),
        "verdicts" => return Some(verdicts()),
        "judges" => return Some(judges()),
        "errors" => return Some(errors()),
        "history" => return Some(HISTORY.to_owned()),
        "symptoms" => return Some(symptoms()),
        "codes" => return Some(codes()),
        _ => {}
    }
    if let Some(code) = Code::find(topic) {
        return Some(format!(
            "{}  {}\n\n{}\n\nExample:\n{}\n",
            code.id,
            code.title,
            code.explanation,
            indent(code.example)
        ));
    }
    if let Ok(metric) = topic.parse::<Metric>() {
        return Some(describe(metric));
    }
    if let Some(verdict) = Verdict::ALL.into_iter().find(|v| v.name() == topic) {
        return Some(format!(
            "{} {}\n\n{}\n",
            verdict.sign(),
            verdict,
            verdict.describe()
        ));
    }
    if let Some(judge) = Judge::ALL.into_iter().find(|j| j.name() == topic) {
        return Some(format!("{judge}\n\n{}\n", judge.describe()));
    }
    if let Some(symptom) = SYMPTOMS.iter().find(|s| s.name == topic) {
        return Some(describe_symptom(symptom));
    }
    ErrorClass::from_name(topic.trim_start_matches("errors.")).map(|class| {
        format!(
            "errors.{class}\n\n{} Category: {:?}.\n",
            class.describe(),
            class.category()
        )
    })
}

fn describe(metric: Metric) -> String {
    let better = match metric.better() {
        Better::Lower => "lower is better",
        Better::Higher => "higher is better",
    };
    let allowed = match metric.default_change() {
        Change::Relative(share) => format!("{:.0} %", share * 100.0),
        Change::Points(points) => format!("{:.1} percentage points", points * 100.0),
    };
    let noise = match metric.noise_class() {
        NoiseClass::Timing => {
            "A busy machine spoils it: rounds with steal, CPU pressure or lateness beyond the limits are measured again or left out."
        }
        NoiseClass::Resource => "It stays usable on a busy machine.",
    };
    format!(
        "{metric}\n\n{}\n{noise}\n\nUnit: such as {}; {better}. Allowed change unless a threshold says otherwise: {allowed}.\n",
        metric.describe(),
        metric.unit().example(),
    )
}

fn exit_codes() -> String {
    let mut text = String::from("Exit codes\n\n");
    for exit in Exit::ALL {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:>5}  {}", exit.code(), exit.meaning());
    }
    text.push_str("\nNo samples, an unknown metric, a missing baseline or a broken measurement never exit 0.\n");
    text
}

/// One line for each family, since all its members mean the same.
fn metrics() -> String {
    let mut families: Vec<(String, Vec<String>, &str)> = Vec::new();
    for metric in Metric::all().filter(|m| !matches!(m, Metric::Errors(_))) {
        let name = metric.name();
        let sentence = metric.describe();
        let first = sentence.split_inclusive('.').next().unwrap_or(sentence);
        match families.last_mut() {
            Some((_, names, said)) if *said == first => names.push(name),
            _ => {
                let family = name.split('.').next().unwrap_or_default().to_owned();
                families.push((family, vec![name], first));
            }
        }
    }
    let mut text = String::from("Metrics\n");
    for (family, names, sentence) in families {
        let name = match names.as_slice() {
            [one] => one.clone(),
            many => {
                let stats: Vec<_> = many.iter().map(|n| &n[family.len() + 1..]).collect();
                format!("{family}.{{{}}}", stats.join(","))
            }
        };
        let _ = write!(text, "\n{name}\n  {sentence}\n");
    }
    text.push_str("\nerrors.CLASS\n  Share of due requests that failed in this way: see plimsoll explain errors.\n");
    text
}

fn verdicts() -> String {
    let mut text = String::from("Verdicts, from best to worst\n");
    for verdict in Verdict::ALL {
        let _ = write!(
            text,
            "\n{} {verdict}\n  {}\n",
            verdict.sign(),
            verdict.describe()
        );
    }
    text
}

fn judges() -> String {
    let mut text = String::from("Judges, for `check --judge`\n");
    for judge in Judge::ALL {
        let _ = write!(text, "\n{judge}\n  {}\n", judge.describe());
    }
    text
}

fn errors() -> String {
    let mut text = String::from("Error classes: each is the metric errors.CLASS\n");
    for class in ErrorClass::ALL {
        let _ = write!(text, "\n{class}\n  {}\n", class.describe());
    }
    text
}

fn symptoms() -> String {
    let mut text = String::from("Symptoms that plimsoll diagnose knows\n");
    for symptom in &SYMPTOMS {
        let _ = write!(text, "\n{}\n  {}\n", symptom.name, symptom.signals);
    }
    text
}

fn describe_symptom(symptom: &Symptom) -> String {
    let mut text = format!(
        "{}: {}\n\n{}\n",
        symptom.name, symptom.title, symptom.signals
    );
    for (head, lines) in [
        ("Likely causes", symptom.causes),
        ("What to do", symptom.actions),
        ("What would rule it out", symptom.rules_out),
    ] {
        let _ = write!(text, "\n{head}\n");
        for line in lines {
            let _ = writeln!(text, "  - {line}.");
        }
    }
    text
}

fn codes() -> String {
    let mut text = String::from("Codes\n\n");
    for code in Code::all() {
        let _ = writeln!(text, "  {}  {}", code.id, code.title);
    }
    text
}

fn contents() -> String {
    format!(
        "plimsoll explain TOPIC, where TOPIC is one of\n\n\
         \x20 exit-codes, metrics, thresholds, verdicts, judges, errors, history, symptoms, codes\n\n\
         or one of these\n\n\
         config [SCENARIO]: every setting, and where its value comes from\n\
         a threshold: latency.p99 max-change +10% min-change 2ms, and the like\n\
         metrics: latency.p99 and the like; plimsoll explain metrics lists them\n\
         verdicts: {}\n\
         errors: {}\n\
         symptoms: {}\n\n{}",
        Verdict::ALL.map(Verdict::name).join(", "),
        ErrorClass::ALL.map(ErrorClass::name).join(", "),
        SYMPTOMS.map(|s| s.name).join(", "),
        codes()
    )
}

fn unknown(topic: &str) -> Diagnostic {
    let names = Metric::all()
        .map(Metric::name)
        .chain(Code::all().map(|c| c.id.to_owned()))
        .chain(Verdict::ALL.map(|v| v.name().to_owned()))
        .chain(Judge::ALL.map(|j| j.name().to_owned()))
        .chain(SYMPTOMS.map(|s| s.name.to_owned()))
        .chain(TOPICS.map(str::to_owned));
    let within: Vec<_> = ErrorClass::ALL
        .into_iter()
        .map(ErrorClass::name)
        .filter(|name| name.contains(topic) && topic.len() > 2)
        .collect();
    let near = names
        .map(|name| (strsim::jaro_winkler(&name, topic), name))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let d = Diagnostic::error(
        &output::NO_TOPIC,
        format!("nothing is known about `{topic}`"),
    );
    match near {
        _ if !within.is_empty() => d.help(format!("there is {}", within.join(", "))),
        Some((_, name)) => d.help(format!(
            "did you mean `{name}`? plimsoll explain lists all topics"
        )),
        None => d.help("plimsoll explain lists all topics"),
    }
}

fn indent(text: &str) -> String {
    text.lines()
        .map(|line| format!("  {line}\n"))
        .collect::<String>()
        .trim_end()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_in_the_table_of_contents_is_explained() {
        let topics = Code::all()
            .map(|c| c.id.to_owned())
            .chain(Metric::all().map(Metric::name))
            .chain(Verdict::ALL.map(|v| v.name().to_owned()))
            .chain(ErrorClass::ALL.map(|c| c.name().to_owned()))
            .chain(SYMPTOMS.map(|s| s.name.to_owned()));
        for topic in topics {
            assert!(
                explain(&topic).is_some_and(|text| text.len() > 60),
                "{topic}"
            );
        }
        for topic in TOPICS {
            assert!(
                explain(topic).is_some_and(|text| text.len() > 60),
                "{topic}"
            );
        }
        assert!(
            unknown("timeout")
                .help
                .is_some_and(|h| h.contains("timeout-total"))
        );
        assert!(explain("latency.p98").is_none());
        assert!(about("latency.p99 max 250ms").is_ok());
        assert!(about("max of all").is_err() && about("two words").is_err());
        assert!(
            unknown("latency.p98")
                .help
                .is_some_and(|h| h.contains("latency.p9"))
        );
    }
}
