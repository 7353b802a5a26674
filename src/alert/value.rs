//! What an expression is worth at a moment.

use std::collections::BTreeMap;
use std::fmt;

use super::syntax::{Labels, NAME};

/// Name and labels of a series, the name as the label `__name__`.
pub(super) type LabelSet = BTreeMap<String, String>;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Element {
    pub(super) labels: LabelSet,
    pub(super) value: f64,
}

impl Element {
    pub(super) fn without_name(mut self) -> Self {
        self.labels.remove(NAME);
        self
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Scalar(f64),
    Vector(Vec<Element>),
}

/// Why an expression has no value at a moment: it depends on which series there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoValue(pub(super) String);

impl fmt::Display for NoValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Refuses series that cannot be told apart, such as after their names were dropped.
pub(super) fn distinct(elements: Vec<Element>) -> Result<Vec<Element>, NoValue> {
    let mut seen: Vec<&LabelSet> = elements.iter().map(|e| &e.labels).collect();
    seen.sort_unstable();
    if let Some(twice) = seen.windows(2).find(|w| w[0] == w[1]) {
        return Err(NoValue(format!(
            "two series of the result have the labels {}",
            shown(twice[0])
        )));
    }
    Ok(elements)
}

/// The labels by which series are grouped or matched.
pub(super) fn key(labels: &LabelSet, by: &Labels) -> LabelSet {
    let kept = labels.iter().filter(|(name, _)| match by {
        Labels::Only(only) => only.contains(name),
        Labels::Without(without) => *name != NAME && !without.contains(name),
    });
    kept.map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// `{a="b"}`
pub(super) fn shown(labels: &LabelSet) -> String {
    let labels = labels
        .iter()
        .map(|(name, value)| format!("{name}={value:?}"));
    format!("{{{}}}", labels.collect::<Vec<_>>().join(", "))
}
