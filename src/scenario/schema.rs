//! The table of keys as JSON Schema (draft-07), for editors.

use serde_json::{Map, Value, json};

use crate::model::Metric;
use crate::units::Unit;

use super::grammar::{Kind, Rule, Table};
use super::keys::SCENARIO;
use super::limits;
use super::project_keys::PROJECT;

/// The schema of scenario files, committed as `schemas/scenario.schema.json`.
pub fn schema() -> Value {
    titled(
        &SCENARIO,
        "Plimsoll scenario",
        "What to load, how hard, and what counts as too slow.",
    )
}

/// The schema of `plimsoll.toml`, committed as `schemas/project.schema.json`.
pub fn project_schema() -> Value {
    titled(
        &PROJECT,
        "Plimsoll project",
        "What holds for all scenarios of a project, unless they, a variable or a flag say otherwise.",
    )
}

/// The schema as committed: pretty JSON with a line end.
pub fn schema_text() -> String {
    format!("{:#}\n", schema())
}

/// That of `plimsoll.toml`.
pub fn project_schema_text() -> String {
    format!("{:#}\n", project_schema())
}

fn titled(root: &'static Table, title: &str, description: &str) -> Value {
    let mut schema = table(root);
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!(title);
    schema["description"] = json!(description);
    schema
}

fn table(table: &'static Table) -> Value {
    let keys = || table.keys.iter().filter(|key| key.is_taken());
    let properties: Map<String, Value> = keys()
        .map(|key| {
            let mut schema = kind(&key.kind);
            schema["description"] = json!(key.describe);
            (key.name.to_owned(), schema)
        })
        .collect();
    let required: Vec<_> = keys().filter(|k| k.required).map(|k| k.name).collect();
    let mut schema = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    let rules: Vec<_> = table.rules.iter().flat_map(rule).collect();
    if !rules.is_empty() {
        schema["allOf"] = json!(rules);
    }
    schema
}

fn rule(rule: &Rule) -> Vec<Value> {
    match rule {
        Rule::AtLeastOne { keys, .. } => {
            let each: Vec<_> = keys
                .iter()
                .map(|key| json!({ "required": [key] }))
                .collect();
            vec![json!({ "anyOf": each })]
        }
        Rule::AtMostOne { keys, .. } => keys
            .iter()
            .enumerate()
            .flat_map(|(i, first)| {
                keys[i + 1..]
                    .iter()
                    .map(move |second| json!({ "not": { "required": [first, second] } }))
            })
            .collect(),
        Rule::Needs { key, other, .. } => {
            vec![json!({ "dependencies": { (*key): [other] } })]
        }
        Rule::NeedsAny { key, others, .. } => {
            let each: Vec<_> = others
                .iter()
                .map(|other| json!({ "required": [other] }))
                .collect();
            vec![json!({ "dependencies": { (*key): { "anyOf": each } } })]
        }
    }
}

fn kind(wanted: &'static Kind) -> Value {
    match wanted {
        Kind::Text(text) => {
            let mut schema = json!({ "type": "string" });
            if let Some(pattern) = text.pattern {
                schema["pattern"] = json!(pattern);
                schema["examples"] = json!([text.example]);
            }
            schema
        }
        Kind::Whole { min, max, .. } => {
            json!({ "type": "integer", "minimum": min, "maximum": max })
        }
        Kind::Metric => json!({ "enum": Metric::all().map(Metric::name).collect::<Vec<_>>() }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Number => json!({ "type": "number" }),
        Kind::Quantity {
            unit,
            zero,
            example,
        } => json!({
            "type": "string",
            "pattern": quantity(*unit, *zero),
            "examples": [example],
        }),
        Kind::Choice(choices) => {
            let words: Vec<_> = choices
                .iter()
                .filter(|c| !c.later)
                .map(|c| c.word)
                .collect();
            json!({ "enum": words })
        }
        Kind::List(item) => json!({ "type": "array", "minItems": 1, "items": kind(item) }),
        Kind::Table(grammar) => table(grammar),
        Kind::Tables(grammar) => json!({
            "type": "array",
            "minItems": 1,
            "maxItems": limits::TABLES,
            "items": table(grammar),
        }),
        Kind::Map(item) => json!({ "type": "object", "additionalProperties": kind(item) }),
        Kind::Json => json!({}),
        Kind::Either(kinds) => {
            let each: Vec<_> = kinds.iter().map(kind).collect();
            json!({ "anyOf": each })
        }
        Kind::Elsewhere => json!(false),
    }
}

/// A number, above zero unless zero is allowed, and one of the units.
fn quantity(unit: Unit, zero: bool) -> String {
    let units = match unit {
        Unit::Time => "(ns|us|µs|ms|s|m|min|h)",
        Unit::PerSecond => "/ *(s|m|min|h)",
        Unit::Share => "%",
        Unit::Bytes => "(B|kB|KB|MB|GB|KiB|MiB|GiB)",
        Unit::BytesPerSecond => "(B|kB|KB|MB|GB|KiB|MiB|GiB)/s",
        Unit::Count => "",
    };
    let above_zero = if zero { "" } else { "(?=[0._ ]*[1-9])" };
    format!("^{above_zero} *[0-9._]+ *{units} *$")
}
