//! A first scenario from what describes or recorded a service: an OpenAPI document, or a HAR file.
//!
//! What comes out is text to read and change, not a plan: it goes through the same check as a scenario
//! written by hand. Credentials are never copied, whatever a recording holds.

mod har;
mod openapi;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use crate::diagnostic::{Diagnostic, SourceFile, output};

use super::check::parse;
use super::name::slugged;
use super::url::parse_url;

/// Steps of a draft; what goes beyond is left out and said so.
const MOST: usize = 100;
/// What a scenario needs beside its steps.
const LOAD: &str = "[[phase]]\nname = \"steady\"\nrate = \"1/s\"\nduration = \"1s\"\n";
/// A longer text of a body is left out.
const LONGEST_BODY: usize = 64 * 1024;

/// What was learnt.
#[derive(Debug, Default)]
pub struct Draft {
    /// `http://127.0.0.1:8080/api`: where the service was.
    pub server: Option<String>,
    /// True when the steps are one visit, in this order.
    recorded: bool,
    steps: Vec<Step>,
    /// What is no step, each with its reason.
    pub left_out: Vec<String>,
}

#[derive(Debug, Default)]
struct Step {
    /// What it is called; made a name that tells it from the others.
    title: String,
    method: String,
    /// Path and query.
    target: String,
    headers: Vec<(String, String)>,
    /// Content type and text.
    body: Option<(String, String)>,
    /// That mean success; empty: any 2xx.
    statuses: Vec<u16>,
    /// Seconds until the next step.
    think: Option<f64>,
    /// Why it is written as comments only.
    withheld: Option<&'static str>,
    /// It wants a credential, which has to be named.
    secured: bool,
}

/// Reads an OpenAPI document (JSON or YAML, 3.x or Swagger 2.0) or a HAR file (1.2), whichever it is.
///
/// # Errors
/// When it is neither, or describes no request.
pub fn draft(name: &str, text: &str) -> Result<Draft, Diagnostic> {
    let read = match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) if value.get("log").is_some() => har::draft(&value),
        Ok(value) => openapi::draft(&value),
        // What begins like JSON and is none is better told about as JSON than as YAML.
        Err(json) if text.trim_start().starts_with('{') => Err(json.to_string()),
        Err(_) => openapi::value_of_yaml(text).and_then(|value| openapi::draft(&value)),
    };
    let unreadable = |reason: String| {
        Diagnostic::error(
            &output::NOT_LEARNT,
            format!("{name} describes no requests that a scenario could make"),
        )
        .because(reason)
        .help("give an OpenAPI document (JSON or YAML) or a HAR file that a browser saved")
    };
    let mut draft = read.map_err(unreadable)?;
    draft.server = draft.server.filter(|url| parse_url(url).is_ok());
    draft.keep_what_can_be_read();
    if draft.steps.iter().all(|step| step.withheld.is_some()) {
        return Err(unreadable(
            "no operation in it can be sent as it is".to_owned(),
        ));
    }
    if draft.steps.len() > MOST {
        let rest = draft.steps.split_off(MOST).len();
        draft.left_out.push(format!(
            "{rest} more requests: a scenario of {MOST} is long enough"
        ));
    }
    Ok(draft)
}

impl Draft {
    /// Lets go of the steps that the grammar of scenarios refuses, with its reasons.
    fn keep_what_can_be_read(&mut self) {
        let steps = std::mem::take(&mut self.steps);
        for step in steps {
            let Err(problems) = step.parsed() else {
                self.steps.push(step);
                continue;
            };
            let reason = problems.first().map_or("refused", |d| d.message.as_str());
            let what = format!("{} {}: {reason}", step.method, step.target);
            self.left_out.push(what);
        }
    }

    /// Puts every step below a path, such as that of the server when another takes its place.
    pub fn below(&mut self, path: &str) {
        for step in &mut self.steps {
            step.target.insert_str(0, path.trim_end_matches('/'));
        }
    }

    /// The path of the server, without the slash at its end; empty at a root.
    pub fn base(&self) -> &str {
        let rest = self.server.as_deref().and_then(|url| url.split_once("://"));
        let path = rest.and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..]));
        path.unwrap_or("").trim_end_matches('/')
    }

    /// The tables of its steps, with comments.
    pub fn tables(&self) -> String {
        let mut out = String::new();
        for line in &self.left_out {
            let _ = writeln!(out, "# left out: {}", one_line(line));
        }
        if !self.left_out.is_empty() {
            out.push('\n');
        }
        let table = if self.recorded {
            out += "[[journey]]\nname = \"recorded\"\n\n";
            "[[journey.step]]"
        } else {
            "[[step]]"
        };
        let mut names = BTreeSet::new();
        let last = self.steps.len().saturating_sub(1);
        for (i, step) in self.steps.iter().enumerate() {
            let name = unique(&step.title, &mut names);
            let text = step.table(table, &name, i < last);
            match step.withheld {
                None => out += &text,
                Some(reason) => {
                    let _ = writeln!(out, "# {reason}:");
                    out.extend(text.lines().map(|l| format!("# {l}\n")));
                }
            }
            out.push('\n');
        }
        out
    }
}

impl Step {
    /// Reads it as the only step of a scenario, within a journey, where it may say all that it can.
    fn parsed(&self) -> Result<(), Vec<Diagnostic>> {
        let table = self.table("[[journey]]\nname = \"x\"\n[[journey.step]]", "step", true);
        let text = format!("name = \"x\"\n[target]\nurl = \"http://127.0.0.1:1\"\n{table}{LOAD}");
        let file = SourceFile {
            name: String::new(),
            text: text.as_str().into(),
        };
        parse(&file, Path::new(""), &|_| None).map(drop)
    }

    fn table(&self, table: &str, name: &str, has_next: bool) -> String {
        let mut out = format!("{table}\nname = \"{name}\"\n");
        let request = format!("{} {}", self.method, self.target);
        let _ = writeln!(out, "request = {}", quoted(&request));
        let content_type = self
            .body
            .iter()
            .map(|(kind, _)| ("content-type", kind.as_str()));
        let headers = self.headers.iter().map(|(k, v)| (k.as_str(), v.as_str()));
        let headers: Vec<String> = content_type
            .chain(headers)
            .map(|(k, v)| format!("{} = {}", key(k), quoted(v)))
            .collect();
        if self.secured {
            out += "# headers = { authorization = \"Bearer {{env.TOKEN}}\" }   # it wants a credential\n";
        }
        if !headers.is_empty() {
            let _ = writeln!(out, "headers = {{ {} }}", headers.join(", "));
        }
        if let Some((_, body)) = &self.body {
            let _ = writeln!(out, "body = {}", quoted(body));
        }
        if !self.statuses.is_empty() {
            let all: Vec<String> = self.statuses.iter().map(u16::to_string).collect();
            let _ = writeln!(out, "expect = {{ status = [{}] }}", all.join(", "));
        }
        if let Some(seconds) = self.think.filter(|_| has_next) {
            let _ = writeln!(out, "think = \"{:.0}ms\"", seconds * 1e3);
        }
        out
    }
}

/// A name of small letters and digits that is not yet taken.
fn unique(title: &str, taken: &mut BTreeSet<String>) -> String {
    let short: String = slugged(title).chars().take(48).collect();
    let base = match short.trim_end_matches(['-', '_', '.']) {
        "" => "step",
        base => base,
    };
    let numbered = (2..).map(|n| format!("{base}-{n}"));
    let free = std::iter::once(base.to_owned())
        .chain(numbered)
        .find(|n| !taken.contains(n));
    let name = free.unwrap_or_default();
    taken.insert(name.clone());
    name
}

/// Whether a text would be read as a placeholder where it is written into a scenario.
fn has_placeholder(text: &str) -> bool {
    text.contains("{{")
}

/// A TOML basic string; JSON's escapes are a subset of TOML's, but for DEL.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text)
        .to_string()
        .replace('\u{7f}', "\\u007f")
}

/// A key, bare where TOML allows it.
fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !name.is_empty() && name.chars().all(bare) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests;
