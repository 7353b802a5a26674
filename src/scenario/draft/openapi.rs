//! OpenAPI 3.x and Swagger 2.0: every operation is a step, with the examples of the document.
//!
//! Where there is no example, the schema gives a value: its default, the first it enumerates, or one
//! that its type and format allow. References are followed within the document.

use std::fmt::Write;

use serde_json::{Map, Value, json};

use super::{Draft, Step, has_placeholder};
use crate::yaml::{self, Content, Node};

/// References that lead to references.
const DEEPEST: usize = 12;
/// Schemas within schemas; one that holds itself ends there.
const DEEPEST_SCHEMA: usize = 5;
const DEEPEST_YAML: usize = 64;
const METHODS: [&str; 7] = ["get", "head", "options", "post", "put", "patch", "delete"];

pub(super) fn draft(document: &Value) -> Result<Draft, String> {
    let is_openapi = document.get("openapi").is_some() || document.get("swagger").is_some();
    let paths = document["paths"].as_object();
    let paths = paths
        .filter(|_| is_openapi)
        .ok_or("it has no `openapi` with `paths`")?;
    let mut draft = Draft {
        server: server(document),
        ..Draft::default()
    };
    let reader = Reader { document };
    for (path, item) in paths {
        let item = reader.resolved(item);
        for method in METHODS {
            let Some(operation) = item.get(method) else {
                continue;
            };
            match reader.step(path, method, item, operation) {
                Ok(step) => draft.steps.push(step),
                Err(reason) => {
                    let method = method.to_uppercase();
                    draft.left_out.push(format!("{method} {path}: {reason}"));
                }
            }
        }
    }
    Ok(draft)
}

/// The first server that is a whole URL, without the gaps of a template.
fn server(document: &Value) -> Option<String> {
    let servers = document["servers"].as_array();
    let urls = servers
        .into_iter()
        .flatten()
        .filter_map(|s| s["url"].as_str());
    let mut whole = urls.filter(|url| url.starts_with("http") && !url.contains('{'));
    if let Some(url) = whole.next() {
        return Some(url.trim_end_matches('/').to_owned());
    }
    let host = document["host"].as_str()?;
    let base = document["basePath"]
        .as_str()
        .unwrap_or("")
        .trim_end_matches('/');
    let scheme = document["schemes"][0].as_str().unwrap_or("http");
    Some(format!("{scheme}://{host}{base}"))
}

struct Reader<'a> {
    document: &'a Value,
}

impl<'a> Reader<'a> {
    /// What a reference within the document leads to.
    fn resolved(&self, value: &'a Value) -> &'a Value {
        let mut value = value;
        for _ in 0..DEEPEST {
            let pointer = value["$ref"].as_str().and_then(|r| r.strip_prefix('#'));
            match pointer.and_then(|pointer| self.document.pointer(pointer)) {
                Some(target) => value = target,
                None => break,
            }
        }
        value
    }

    fn step(
        &self,
        path: &str,
        method: &str,
        item: &'a Value,
        operation: &'a Value,
    ) -> Result<Step, String> {
        let mut target = path.to_owned();
        let (mut query, mut headers, mut form) = (Vec::new(), Vec::new(), Vec::new());
        let mut body = None;
        let lists = [&item["parameters"], &operation["parameters"]];
        for parameter in lists.into_iter().filter_map(Value::as_array).flatten() {
            let parameter = self.resolved(parameter);
            let name = parameter["name"].as_str().unwrap_or_default();
            let needed = parameter["required"].as_bool() == Some(true);
            match (parameter["in"].as_str(), needed) {
                (Some("path"), _) => {
                    let value = encoded(&plain(&self.example(parameter)));
                    target = target.replace(&format!("{{{name}}}"), &value);
                }
                (Some("query"), true) => {
                    let value = encoded(&plain(&self.example(parameter)));
                    query.push(format!("{}={value}", encoded(name)));
                }
                (Some("header"), true) if !name.eq_ignore_ascii_case("authorization") => {
                    headers.push((name.to_lowercase(), plain(&self.example(parameter))));
                }
                (Some("formData"), true) => {
                    let value = encoded(&plain(&self.example(parameter)));
                    form.push(format!("{}={value}", encoded(name)));
                }
                (Some("body"), _) => {
                    let value = self.example(parameter);
                    body = Some(("application/json".to_owned(), value.to_string()));
                }
                _ => {}
            }
        }
        if target.contains('{') {
            return Err("its path has a gap that no parameter fills".to_owned());
        }
        if !form.is_empty() {
            let kind = "application/x-www-form-urlencoded".to_owned();
            body = Some((kind, form.join("&")));
        }
        if let Some(described) = operation.get("requestBody") {
            body = self.body(self.resolved(described))?;
        }
        if !query.is_empty() {
            target = format!("{target}?{}", query.join("&"));
        }
        let texts = headers
            .iter()
            .map(|(_, v)| v)
            .chain(body.iter().map(|(_, b)| b));
        if has_placeholder(&target) || texts.into_iter().any(|text| has_placeholder(text)) {
            return Err("`{{` in it would be read as a placeholder".to_owned());
        }
        let title = operation["operationId"].as_str().map(words);
        Ok(Step {
            title: title.unwrap_or_else(|| format!("{method} {}", path.replace(['{', '}'], ""))),
            method: method.to_uppercase(),
            target,
            headers,
            body,
            statuses: statuses(operation),
            withheld: (method == "delete").then_some("it destroys something: yours to allow"),
            secured: self.is_secured(operation),
            think: None,
        })
    }

    /// Content type and text; None of an optional body without an example.
    fn body(&self, described: &'a Value) -> Result<Option<(String, String)>, String> {
        let content = described["content"].as_object();
        let mut kinds = content.into_iter().flatten();
        let json = kinds.clone().find(|(kind, _)| kind.contains("json"));
        let Some((kind, media)) = json.or_else(|| kinds.next()) else {
            return Ok(None);
        };
        let value = self.example(media);
        if kind.contains("json") {
            return Ok(Some((kind.clone(), value.to_string())));
        }
        if kind == "application/x-www-form-urlencoded" {
            let fields = value.as_object().into_iter().flatten();
            let pairs = fields.map(|(k, v)| format!("{}={}", encoded(k), encoded(&plain(v))));
            return Ok(Some((kind.clone(), pairs.collect::<Vec<_>>().join("&"))));
        }
        if kind.starts_with("text/") {
            return Ok(Some((kind.clone(), plain(&value))));
        }
        match described["required"].as_bool() {
            Some(true) => Err(format!("a body of {kind} cannot be made up")),
            _ => Ok(None),
        }
    }

    fn is_secured(&self, operation: &Value) -> bool {
        let own = operation
            .get("security")
            .or_else(|| self.document.get("security"));
        own.and_then(Value::as_array).is_some_and(|all| {
            !all.is_empty()
                && all
                    .iter()
                    .all(|o| o.as_object().is_some_and(|o| !o.is_empty()))
        })
    }

    /// The value of a parameter or of a media type.
    fn example(&self, described: &'a Value) -> Value {
        if let Some(example) = described.get("example") {
            return example.clone();
        }
        let examples = described["examples"].as_object();
        if let Some((_, example)) = examples.and_then(|all| all.iter().next()) {
            let example = self.resolved(example);
            return example.get("value").unwrap_or(example).clone();
        }
        // In Swagger 2.0 a parameter is its own schema.
        self.value_of(described.get("schema").unwrap_or(described), DEEPEST_SCHEMA)
    }

    /// A value that a schema allows.
    fn value_of(&self, schema: &'a Value, depth: usize) -> Value {
        let schema = self.resolved(schema);
        for key in ["example", "default", "const"] {
            if let Some(value) = schema.get(key) {
                return value.clone();
            }
        }
        for key in ["examples", "enum"] {
            if let Some(value) = schema[key].get(0) {
                return value.clone();
            }
        }
        if depth == 0 {
            return Value::Null;
        }
        if let Some(all) = schema["allOf"].as_array() {
            let parts = all.iter().map(|part| self.value_of(part, depth - 1));
            return parts.fold(json!({}), merged);
        }
        for key in ["oneOf", "anyOf"] {
            if let Some(first) = schema[key].get(0) {
                return self.value_of(first, depth - 1);
            }
        }
        let kind = schema["type"]
            .as_str()
            .or_else(|| schema["type"][0].as_str());
        match kind {
            Some("object") => self.object(schema, depth),
            None if schema.get("properties").is_some() => self.object(schema, depth),
            Some("array") => json!([self.value_of(&schema["items"], depth - 1)]),
            Some("integer") => json!(number(schema, "minimum").map_or(1, whole)),
            Some("number") => json!(number(schema, "minimum").unwrap_or(1.0)),
            Some("boolean") => json!(true),
            _ => json!(text_of(schema)),
        }
    }

    /// What it must have; all it may have where nothing is said.
    fn object(&self, schema: &'a Value, depth: usize) -> Value {
        let required = schema["required"].as_array();
        let wanted = |name: &str| required.is_none_or(|all| all.iter().any(|r| r == name));
        let properties = schema["properties"].as_object();
        let fields: Map<String, Value> = properties
            .into_iter()
            .flatten()
            .filter(|(name, property)| wanted(name) && property["readOnly"] != json!(true))
            .map(|(name, property)| (name.clone(), self.value_of(property, depth - 1)))
            .collect();
        Value::Object(fields)
    }
}

fn merged(mut all: Value, part: Value) -> Value {
    match (&mut all, part) {
        (Value::Object(all), Value::Object(part)) => all.extend(part),
        (_, part) => return part,
    }
    all
}

/// A bound of a schema; in YAML it was read as a text.
fn number(schema: &Value, key: &str) -> Option<f64> {
    let value = schema.get(key)?;
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "an example, not a measurement"
)]
fn whole(value: f64) -> i64 {
    value.ceil() as i64
}

fn text_of(schema: &Value) -> String {
    let text = match schema["format"].as_str() {
        Some("date") => "2026-01-31",
        Some("date-time") => "2026-01-31T12:00:00Z",
        Some("uuid") => "00000000-0000-4000-8000-000000000000",
        Some("email") => "somebody@example.com",
        Some("uri" | "url") => "https://example.com/",
        Some("ipv4") => "192.0.2.1",
        Some("byte") => "AAAA",
        _ => "text",
    };
    let least = number(schema, "minLength").map_or(0, |n| usize::try_from(whole(n)).unwrap_or(0));
    let most = number(schema, "maxLength").map_or(usize::MAX, |n| {
        usize::try_from(whole(n)).unwrap_or(usize::MAX)
    });
    let padded = format!(
        "{text}{}",
        "x".repeat(least.min(256).saturating_sub(text.len()))
    );
    padded.chars().take(most).collect()
}

/// The statuses of success that an operation declares.
fn statuses(operation: &Value) -> Vec<u16> {
    let declared = operation["responses"].as_object().into_iter().flatten();
    let codes = declared.filter_map(|(code, _)| code.parse::<u16>().ok());
    codes.filter(|code| (200..400).contains(code)).collect()
}

/// `listPetsByTag` as `list Pets By Tag`.
fn words(id: &str) -> String {
    let mut out = String::new();
    for c in id.chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push(' ');
        }
        out.push(c);
    }
    out
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// A document in YAML. Plain texts that are numbers, booleans or null become what they look like, as
/// examples need it.
pub(super) fn value_of_yaml(text: &str) -> Result<Value, String> {
    let node = yaml::parse_within(text, DEEPEST_YAML).map_err(|unread| unread.message)?;
    Ok(node
        .as_ref()
        .map_or(Value::Null, |node| value_of(node, text)))
}

fn value_of(node: &Node, source: &str) -> Value {
    match &node.content {
        Content::List(items) => items.iter().map(|item| value_of(item, source)).collect(),
        Content::Map(entries) => {
            let fields = entries
                .iter()
                .map(|e| (e.key.clone(), value_of(&e.node, source)));
            Value::Object(fields.collect())
        }
        Content::Text(text) => {
            // What stands in quotes is a text, whatever it looks like.
            let written = source.get(node.span.clone()).unwrap_or("");
            if written.starts_with(['"', '\'', '|', '>']) {
                return Value::from(text.as_str());
            }
            match text.as_str() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                "null" | "~" | "" => Value::Null,
                number => serde_json::from_str::<serde_json::Number>(number)
                    .map_or_else(|_| Value::from(number), Value::Number),
            }
        }
    }
}
