//! What must not be in a bundle: all that a scenario calls a secret, or that its place tells is one.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::telling;
use crate::scenario::plan::{Command, DataSet, Plan, Request, Secret};
use crate::untrusted::Untrusted;

/// More are not looked for: then nothing that others wrote goes into a bundle.
const MOST: usize = 5_000;

/// Headers whose values are no secrets; those of all others are.
const HARMLESS: [&str; 14] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "content-encoding",
    "content-language",
    "content-type",
    "if-modified-since",
    "origin",
    "pragma",
    "referer",
    "user-agent",
    "x-requested-with",
];

/// What is shorter says too little, and stands everywhere.
const LEAST_LITERAL: usize = 4;

/// Fixed texts of a header beside what varies.
const LEAST_AROUND: usize = 12;

/// Values of a target's environment that are shorter are words such as `debug`, unless their names
/// tell otherwise.
const LEAST_OF_ENVIRONMENT: usize = 6;

/// Texts to be taken out.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    values: BTreeSet<String>,
    /// True when not all of them are known.
    partial: bool,
}

impl Secrets {
    /// All of a plan: what came from the environment and from files, and of what is written in it the
    /// values of headers, of telling names in queries, bodies, data and arguments, of the target's
    /// environment, and keys.
    pub fn of(plan: &Plan) -> Self {
        let mut secrets = Self::default();
        plan.secrets()
            .into_iter()
            .for_each(|text| secrets.add(text));
        for step in &plan.steps {
            secrets.request(&step.request);
        }
        for set in &plan.data {
            secrets.data(set);
        }
        if let Some(command) = &plan.target.command {
            secrets.command(command);
        }
        if let Some(certificate) = &plan.target.tls.certificate {
            let key = String::from_utf8_lossy(&certificate.key);
            let lines = key.lines().filter(|line| !line.starts_with('-'));
            lines.for_each(|line| secrets.add(line));
        }
        secrets
    }

    /// Adds those of a command that is started.
    pub fn command(&mut self, command: &Command) {
        let told = command.secrets.iter().flat_map(Secret::texts);
        told.for_each(|text| self.add(text));
        let words: Vec<&str> = command.argv.iter().map(String::as_str).collect();
        self.extend(telling::arguments(&words));
        for (name, value) in &command.env {
            self.extend(telling::told(value));
            let is_path = value.starts_with(['/', '.']) || value.contains("{port}");
            let is_long = value.len() >= LEAST_OF_ENVIRONMENT;
            if telling::is_telling(name) || is_long && !is_path {
                self.add(value);
            }
        }
    }

    /// Adds those among the arguments of a process.
    pub(super) fn arguments(&mut self, words: &[Untrusted]) {
        let words: Vec<&str> = words.iter().map(Untrusted::raw).collect();
        self.extend(telling::arguments(&words));
    }

    /// Says that there are others, which cannot be looked for.
    pub fn more_unknown(&mut self) {
        self.partial = true;
    }

    /// True when a text of others may hold a secret that is not known.
    pub fn is_partial(&self) -> bool {
        self.partial
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(String::as_str)
    }

    fn add(&mut self, value: &str) {
        for value in [value, value.trim()] {
            // Ours, in the place of one.
            let stands_for_one = value.starts_with("{{") && value.ends_with("}}");
            if value.is_empty() || value == "[redacted]" || stands_for_one {
                continue;
            }
            if self.values.len() >= MOST {
                self.partial = true;
                return;
            }
            self.values.insert(value.to_owned());
        }
    }

    /// Adds what only its place tells to be one: hardly, if it is a word like `1` or `on`.
    fn add_literal(&mut self, value: &str) {
        if value.trim().len() >= LEAST_LITERAL {
            self.add(value);
        }
    }

    fn extend(&mut self, values: impl IntoIterator<Item = String>) {
        values
            .into_iter()
            .for_each(|value| self.add_literal(&value));
    }

    fn request(&mut self, request: &Request) {
        let path = String::from_utf8_lossy(&request.path.constant()).into_owned();
        if let Some((_, query)) = path.split_once('?') {
            self.pairs(query);
        }
        let body = String::from_utf8_lossy(&request.body.constant()).into_owned();
        if let Ok(value) = serde_json::from_str::<Value>(&body) {
            self.json(&value, false);
        } else {
            self.pairs(&body);
            self.extend(telling::told(&body));
        }
        for (name, value) in &request.headers {
            let name = name.to_ascii_lowercase();
            let fixed = String::from_utf8_lossy(&value.constant()).into_owned();
            // What stands around a value that each visit fills is seldom one, and then long.
            let is_value = value.is_constant() || fixed.len() >= LEAST_AROUND;
            if is_value && !HARMLESS.contains(&name.as_str()) {
                self.header(&fixed);
            }
        }
    }

    /// The value of a header and what it is made of: the words after a scheme, the pair in base64, the
    /// values of cookies.
    fn header(&mut self, value: &str) {
        self.add_literal(value);
        let credentials = value.split_once(' ').map_or(value, |(_, rest)| rest);
        self.add_literal(credentials);
        if let Ok(pair) = STANDARD.decode(credentials.trim())
            && let Ok(pair) = String::from_utf8(pair)
            && let Some((_, password)) = pair.split_once(':')
        {
            self.add(password);
            self.add_literal(&pair);
        }
        for piece in value.split([';', ',']) {
            if let Some((_, value)) = piece.split_once('=') {
                self.add_literal(value.trim_matches('"'));
            }
        }
    }

    /// `name=value` pairs of a query or a form, percent-encoded.
    fn pairs(&mut self, text: &str) {
        use crate::redaction::{Decoded, Escape};
        let decoded = |text: &str| {
            let plain = Decoded::plain(text.as_bytes());
            let decoded = plain.undo(Escape::Form).unwrap_or(plain);
            String::from_utf8_lossy(&decoded.bytes).into_owned()
        };
        for pair in text.split('&') {
            if let Some((name, value)) = pair.split_once('=')
                && telling::is_telling(&decoded(name))
            {
                self.add_literal(&decoded(value));
            }
        }
    }

    fn json(&mut self, value: &Value, told: bool) {
        match value {
            Value::String(text) if told => self.add_literal(text),
            Value::Number(number) if told => self.add_literal(&number.to_string()),
            Value::Array(items) => items.iter().for_each(|item| self.json(item, told)),
            Value::Object(entries) => {
                for (name, value) in entries {
                    self.json(value, told || telling::is_telling(name));
                }
            }
            _ => {}
        }
    }

    fn data(&mut self, set: &DataSet) {
        for (column, name) in set.columns.iter().enumerate() {
            if telling::is_telling(name) {
                for row in &set.rows {
                    row.get(column).into_iter().for_each(|v| self.add(v));
                }
            }
        }
    }
}
