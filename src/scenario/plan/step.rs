//! What is sent and what is expected: journeys, their steps, and texts with gaps.

use std::fmt;
use std::ops::Range;

use regex::bytes::Regex;
use serde::{Serialize, Serializer};

use crate::mutant::{self, Mutant};
use crate::units::Nanos;

/// What one visitor does: steps in sequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Journey {
    pub name: String,
    /// Visits of this journey out of every Σ weights.
    pub weight: u32,
    /// Indices into [`Plan::steps`](super::Plan::steps).
    pub steps: Range<usize>,
    /// Values its steps capture, by number.
    pub variables: usize,
    /// True when cookies that the target sets are sent back in later steps of the same visit.
    pub cookies: bool,
}

/// Rows of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DataSet {
    pub name: String,
    pub columns: Vec<String>,
    /// At least one, each as long as `columns`.
    pub rows: Vec<Vec<String>>,
    pub order: DataOrder,
}

/// Which row a visit is given; a function of the number of the visit, so shards agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DataOrder {
    /// One after the other, again from the beginning after the last.
    Sequential,
    /// Any, by the seed.
    Random,
    /// One after the other, each once in a round; a visit beyond the last fails as
    /// `generator-data`.
    Unique,
}

/// One request of a journey.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    pub name: String,
    pub request: Request,
    pub expect: Expect,
    pub captures: Vec<Capture>,
    /// Pause after the answer, before the next step.
    pub think: Option<Think>,
    pub retry: Option<Retry>,
    /// Most redirects followed, to the target's own address only.
    pub redirects: u8,
    /// True: asks for gzip, and unpacks a body that is looked at.
    pub gzip: bool,
}

impl Step {
    /// A step of its own that expects any 2xx or 3xx.
    pub fn new(name: &str, request: Request) -> Self {
        Self {
            name: name.to_owned(),
            request,
            expect: Expect::default(),
            captures: Vec::new(),
            think: None,
            retry: None,
            redirects: 0,
            gzip: false,
        }
    }

    /// True when the body must be kept to be looked at.
    pub fn needs_body(&self) -> bool {
        self.expect.needs_body()
            || self
                .captures
                .iter()
                .any(|c| matches!(c.find, Find::Json(_) | Find::Regex(_)))
    }

    /// True when the head must be kept to be looked at, for a capture or a redirect.
    pub fn needs_head(&self) -> bool {
        self.redirects > 0
            || self.gzip
            || self
                .captures
                .iter()
                .any(|c| matches!(c.find, Find::Header(_) | Find::Cookie(_)))
    }
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Request {
    pub method: String,
    /// Path and query below the target's base, beginning with `/`.
    pub path: Template,
    /// In the order written; `content-type` of a JSON body included.
    pub headers: Vec<(String, Template)>,
    pub body: Template,
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: Template::fixed(path),
            headers: Vec::new(),
            body: Template::default(),
        }
    }

    /// True when it is the same for every visit.
    pub fn is_constant(&self) -> bool {
        self.path.is_constant()
            && self.body.is_constant()
            && self.headers.iter().all(|(_, value)| value.is_constant())
    }
}

/// A text with gaps that each visit fills.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(transparent)]
pub struct Template {
    pub parts: Vec<Part>,
}

impl Template {
    /// A text without gaps.
    pub fn fixed(text: impl Into<Vec<u8>>) -> Self {
        let text = text.into();
        let parts = if text.is_empty() {
            Vec::new()
        } else {
            vec![Part::Fixed(text)]
        };
        Self { parts }
    }

    /// True when no visit changes it.
    pub fn is_constant(&self) -> bool {
        !self.parts.iter().any(|p| matches!(p, Part::Gap { .. }))
    }

    /// The bytes of a text without gaps; gaps are left out.
    pub fn constant(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in &self.parts {
            match part {
                Part::Fixed(text) => bytes.extend_from_slice(text),
                Part::Secret(secret) => bytes.extend_from_slice(secret.value.as_bytes()),
                Part::Gap { .. } => {}
            }
        }
        bytes
    }
}

impl fmt::Display for Template {
    /// As the scenario writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Fixed(text) => f.write_str(&String::from_utf8_lossy(text))?,
                Part::Secret(Secret { name, .. }) | Part::Gap { name, .. } => {
                    write!(f, "{{{{{name}}}}}")?;
                }
            }
        }
        Ok(())
    }
}

/// A piece of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    Fixed(Vec<u8>),
    /// Already encoded for its place.
    Secret(Secret),
    Gap {
        /// As the scenario writes it, between the braces.
        name: String,
        source: Source,
        encoding: Encoding,
    },
}

/// Where the text of a gap comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A captured value of the visit, by number.
    Variable(usize),
    /// A column of the row that the visit was given.
    Field { data: usize, column: usize },
    /// The number of the visit in the round.
    Visit,
}

/// How the text of a gap is written, so that it stays one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// As it is.
    Plain,
    /// Percent-encoded, for paths, queries and forms.
    Percent,
    /// Inside a JSON string.
    Json,
    /// Without line breaks and controls, for headers.
    Header,
}

/// A text that may appear on the wire and nowhere else.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// How the scenario calls it, such as `env.SHOP_TOKEN`.
    pub name: String,
    pub value: String,
    /// What it is made of, each as it was read, before it was encoded for its place.
    pub plain: Vec<String>,
}

impl Secret {
    /// What it must not be known by: as it is sent, and as it was read.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let plain = self.plain.iter().map(String::as_str);
        plain.chain([self.value.as_str()])
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.name)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if mutant::is_on(Mutant::SecretInHash) {
            return serializer.serialize_str(&self.value);
        }
        serializer.serialize_str(&self.name)
    }
}

/// A value taken from an answer for later steps of the same visit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Capture {
    /// As the scenario names it.
    pub name: String,
    /// Number of the journey's variable it fills.
    pub variable: usize,
    pub find: Find,
}

/// Where a captured value stands in an answer.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Find {
    /// JSON pointer into the body.
    Json(String),
    /// Value of a header.
    Header(String),
    /// First group of the first match in the body, or the whole match.
    #[serde(serialize_with = "pattern")]
    Regex(Regex),
    /// Value of a cookie that the answer sets.
    Cookie(String),
}

fn pattern<S: Serializer>(regex: &Regex, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(regex.as_str())
}

impl PartialEq for Find {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Json(a), Self::Json(b))
            | (Self::Header(a), Self::Header(b))
            | (Self::Cookie(a), Self::Cookie(b)) => a == b,
            (Self::Regex(a), Self::Regex(b)) => a.as_str() == b.as_str(),
            _ => false,
        }
    }
}

impl Eq for Find {}

/// A pause of random length, even between both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Think {
    pub min: Nanos,
    pub max: Nanos,
}

/// When and how often a failed request is tried again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Retry {
    /// Attempts after the first.
    pub max: u32,
    /// Pause before the first of them; each later one is `factor` times as long.
    pub base_delay: Nanos,
    pub factor: f64,
    pub max_delay: Nanos,
    /// True: the pause is random between half of it and all of it.
    pub jitter: bool,
    pub on: Vec<RetryOn>,
}

/// A failure that is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetryOn {
    /// Refused, reset, closed, and what TLS or the protocol breaks.
    Transport,
    /// Any timeout but that of waiting for a connection.
    Timeout,
    Status(u16),
}

/// What a good answer looks like.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Expect {
    /// Allowed status codes; empty: any 2xx or 3xx.
    pub status: Vec<u16>,
    pub body_contains: Option<String>,
    /// JSON pointer → value it must have.
    pub json: Vec<(String, serde_json::Value)>,
}

impl Expect {
    /// True when the body must be kept to be looked at.
    pub fn needs_body(&self) -> bool {
        self.body_contains.is_some() || !self.json.is_empty()
    }

    pub fn allows(&self, status: u16) -> bool {
        if self.status.is_empty() {
            (200..400).contains(&status)
        } else {
            self.status.contains(&status)
        }
    }
}
