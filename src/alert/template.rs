//! Annotations with gaps: the part of Go's templates that a value and its labels need.
//!
//! `{{ $value }}`, `{{ $labels.pool }}`, `printf` and the `humanize` functions, also as pipelines.
//! Whatever else the templates of Prometheus can do is refused.

use std::collections::BTreeMap;

use super::number;
use super::token::Fault;

/// A text with gaps.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Text(String),
    Gap(Source, Vec<Step>),
}

#[derive(Debug, Clone, PartialEq)]
enum Source {
    Value,
    Label(String),
}

/// What is done to the value of a gap.
#[derive(Debug, Clone, PartialEq)]
enum Step {
    Humanize(Form),
    Fixed(Pattern, usize),
    Scientific(Pattern, usize),
    Plain(Pattern),
}

/// The text around the one gap of a `printf`.
#[derive(Debug, Clone, PartialEq)]
struct Pattern {
    before: String,
    after: String,
}

/// How a number is written for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Thousands,
    Binary,
    Duration,
    Percentage,
}

impl Form {
    fn find(name: &str) -> Option<Self> {
        Some(match name {
            "humanize" => Self::Thousands,
            "humanize1024" => Self::Binary,
            "humanizeDuration" => Self::Duration,
            "humanizePercentage" => Self::Percentage,
            _ => return None,
        })
    }

    fn write(self, value: f64) -> String {
        match self {
            Self::Thousands => number::humanize(value),
            Self::Binary => number::humanize_1024(value),
            Self::Duration => number::humanize_duration(value),
            Self::Percentage => number::humanize_percentage(value),
        }
    }
}

const HELP: &str =
    "{{ $value }}, {{ $labels.NAME }}, {{ $value | humanize }}, {{ printf \"%.2f\" $value }}";

/// Words and quoted texts of a gap.
#[derive(Debug, Clone, PartialEq)]
enum Word {
    Plain(String),
    Quoted(String),
    Pipe,
}

impl Template {
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        let mut pieces = Vec::new();
        let mut at = 0;
        let mut trim = false;
        while let Some(open) = text[at..].find("{{") {
            let open = at + open;
            let Some(close) = text[open..].find("}}") else {
                let message = "`{{` without `}}`";
                return Err(Fault::new(open..open + 2, message, "never closed").help(HELP));
            };
            let close = open + close;
            let mut inside = &text[open + 2..close];
            let mut before = &text[at..open];
            if trim {
                before = before.trim_start();
            }
            if let Some(rest) = inside.strip_prefix("- ") {
                before = before.trim_end();
                inside = rest;
            }
            let trimmed = inside.strip_suffix(" -");
            trim = trimmed.is_some();
            inside = trimmed.unwrap_or(inside);
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(gap(inside).map_err(|message| {
                Fault {
                    unsupported: true,
                    ..Fault::new(open..close + 2, message, "this gap")
                }
                .help(HELP)
            })?);
            at = close + 2;
        }
        let rest = &text[at..];
        pieces.push(Piece::Text(
            if trim { rest.trim_start() } else { rest }.to_owned(),
        ));
        Ok(Self(pieces))
    }

    pub(super) fn render(&self, value: f64, labels: &BTreeMap<String, String>) -> String {
        let mut text = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(plain) => text.push_str(plain),
                Piece::Gap(Source::Value, steps) => text.push_str(&filled(value, steps)),
                Piece::Gap(Source::Label(label), steps) => {
                    let label = labels.get(label).map_or("", String::as_str);
                    let label = steps
                        .iter()
                        .fold(label.to_owned(), |text, step| match step {
                            Step::Plain(pattern) => pattern.around(&text),
                            // No gap with a label has any of these: see `gap`.
                            _ => text,
                        });
                    text.push_str(&label);
                }
            }
        }
        text
    }
}

impl Pattern {
    fn around(&self, text: &str) -> String {
        format!("{}{text}{}", self.before, self.after)
    }
}

/// Only the first step meets the number; the others have its text.
fn filled(value: f64, steps: &[Step]) -> String {
    let Some((first, rest)) = steps.split_first() else {
        return number::shortest(value);
    };
    let text = match first {
        Step::Humanize(form) => form.write(value),
        Step::Fixed(pattern, places) => pattern.around(&number::fixed(value, *places)),
        Step::Scientific(pattern, places) => pattern.around(&number::scientific(value, *places)),
        Step::Plain(pattern) => pattern.around(&number::shortest(value)),
    };
    rest.iter().fold(text, |text, step| match step {
        Step::Plain(pattern) => pattern.around(&text),
        _ => text,
    })
}

fn gap(text: &str) -> Result<Piece, String> {
    let words = words(text)?;
    let mut commands = words.split(|word| *word == Word::Pipe);
    let first = commands.next().unwrap_or_default();
    let (source, mut steps) = match first {
        [Word::Plain(operand)] => (source(operand)?, Vec::new()),
        [call @ .., Word::Plain(operand)] => {
            let source = source(operand)?;
            let is_number = source == Source::Value;
            (source, vec![step(call, is_number)?])
        }
        _ => return Err(refused(first)),
    };
    for command in commands {
        let is_number = source == Source::Value && steps.is_empty();
        steps.push(step(command, is_number)?);
    }
    Ok(Piece::Gap(source, steps))
}

fn source(operand: &str) -> Result<Source, String> {
    if matches!(operand, "$value" | ".Value") {
        return Ok(Source::Value);
    }
    let label = operand
        .strip_prefix("$labels.")
        .or_else(|| operand.strip_prefix(".Labels."));
    match label {
        Some(label)
            if !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '_') =>
        {
            Ok(Source::Label(label.to_owned()))
        }
        _ => Err(format!("`{operand}` is not supported in a template")),
    }
}

/// What a command makes of a number or of a text.
fn step(command: &[Word], is_number: bool) -> Result<Step, String> {
    match command {
        [Word::Plain(name)] => {
            let form = Form::find(name).ok_or_else(|| refused(command))?;
            if !is_number {
                return Err(format!("`{name}` takes a number, and this is a text"));
            }
            Ok(Step::Humanize(form))
        }
        [Word::Plain(name), Word::Quoted(format)] if name == "printf" => printf(format, is_number),
        _ => Err(refused(command)),
    }
}

fn refused(command: &[Word]) -> String {
    match command.first() {
        Some(Word::Plain(name)) => format!("`{name}` is not supported in a template"),
        Some(Word::Quoted(_)) => "a text alone is no gap".to_owned(),
        _ => "there is nothing in this gap".to_owned(),
    }
}

/// A format with one verb: `%f`, `%.2f`, `%e`, `%v`, or `%s` for a text.
fn printf(format: &str, is_number: bool) -> Result<Step, String> {
    let mut parts = [String::new(), String::new()];
    let mut verb = None;
    let mut rest = format;
    while let Some((plain, after)) = rest.split_once('%') {
        let part = usize::from(verb.is_some());
        parts[part].push_str(plain);
        if let Some(after) = after.strip_prefix('%') {
            parts[part].push('%');
            rest = after;
            continue;
        }
        let end = after
            .find(|c: char| c.is_ascii_alphabetic())
            .ok_or_else(|| format!("`{format}` ends within a verb"))?;
        if verb.replace(&after[..=end]).is_some() {
            return Err(format!(
                "`{format}` has several gaps, and there is one value"
            ));
        }
        rest = &after[end + 1..];
    }
    parts[usize::from(verb.is_some())].push_str(rest);
    let verb = verb.ok_or_else(|| format!("`{format}` has no gap"))?;
    let [before, after] = parts;
    let pattern = Pattern { before, after };
    let unknown = || format!("`%{verb}` is not supported in a template");
    let (precision, letter) = verb.split_at(verb.len() - 1);
    let places = match precision {
        "" => 6,
        digits => digits
            .strip_prefix('.')
            .and_then(|d| d.parse().ok())
            .filter(|places| *places <= 20)
            .ok_or_else(unknown)?,
    };
    match letter {
        "f" if is_number => Ok(Step::Fixed(pattern, places)),
        "e" if is_number => Ok(Step::Scientific(pattern, places)),
        "v" if precision.is_empty() => Ok(Step::Plain(pattern)),
        "g" if is_number && precision.is_empty() => Ok(Step::Plain(pattern)),
        "s" if !is_number && precision.is_empty() => Ok(Step::Plain(pattern)),
        _ => Err(unknown()),
    }
}

fn words(text: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if first == '|' {
            words.push(Word::Pipe);
            rest = &rest[1..];
        } else if first == '"' || first == '`' {
            let end = rest[1..].find(first).ok_or("a text in a gap has no end")?;
            let inside = &rest[1..=end];
            if inside.contains('\\') {
                return Err("an escape is not supported in a template".to_owned());
            }
            words.push(Word::Quoted(inside.to_owned()));
            rest = &rest[end + 2..];
        } else {
            let end = rest
                .find(|c: char| c.is_whitespace() || c == '|' || c == '"' || c == '`')
                .unwrap_or(rest.len());
            words.push(Word::Plain(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        rest = rest.trim_start();
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_filled_as_prometheus_fills_them() {
        let labels: BTreeMap<String, String> = [("pool", "main"), ("instance", "a:1")]
            .map(|(k, v)| (k.to_owned(), v.to_owned()))
            .into();
        for (template, text) in [
            ("plain", "plain"),
            ("{{ $value }}", "0.875"),
            ("{{$value}}", "0.875"),
            ("{{ .Value }} of {{ .Labels.pool }}", "0.875 of main"),
            ("{{ $labels.instance }}/{{ $labels.none }}", "a:1/"),
            ("{{ printf \"%.2f\" $value }}", "0.88"),
            ("{{ $value | printf \"at %.1f%%\" }}!", "at 0.9%!"),
            ("{{ $value | humanizePercentage }}", "87.5%"),
            ("{{ humanizeDuration $value }}", "875ms"),
            ("{{ $value | humanize | printf \"<%s>\" }}", "<875m>"),
            ("{{ printf \"%s\" $labels.pool }}", "main"),
            ("a {{- $labels.pool -}} b", "amainb"),
            ("a {{ $labels.pool -}} b", "a mainb"),
            ("a {{- $labels.pool }} b", "amain b"),
        ] {
            let parsed = Template::parse(template).expect(template);
            let filled = parsed.render(0.875, &labels);
            assert_eq!(filled, text, "{template}");
        }
    }

    #[test]
    fn what_is_beyond_a_value_and_its_labels_is_refused() {
        for (template, message) in [
            ("{{ $value", "`{{` without `}}`"),
            ("{{ }}", "there is nothing in this gap"),
            (
                "x {{ query \"up\" | first }}",
                "`query` is not supported in a template",
            ),
            (
                "{{ if gt $value 1.0 }}",
                "`1.0` is not supported in a template",
            ),
            ("{{ end }}", "`end` is not supported in a template"),
            ("{{ $labels }}", "`$labels` is not supported in a template"),
            (
                "{{ $labels.x | humanize }}",
                "`humanize` takes a number, and this is a text",
            ),
            (
                "{{ printf \"%d\" $value }}",
                "`%d` is not supported in a template",
            ),
            (
                "{{ printf \"%f %f\" $value }}",
                "`%f %f` has several gaps, and there is one value",
            ),
        ] {
            let fault = Template::parse(template).expect_err(template);
            assert_eq!(fault.message, message);
        }
    }
}
