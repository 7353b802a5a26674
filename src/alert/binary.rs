//! Operators between numbers and series.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::syntax::{Binary, Labels, Many, NAME, Operator};
use super::value::{Element, LabelSet, NoValue, Value, distinct, key, shown};

pub(super) fn binary(b: &Binary, left: Value, right: Value) -> Result<Value, NoValue> {
    Ok(match (left, right) {
        (Value::Scalar(left), Value::Scalar(right)) => Value::Scalar(reckon(b, left, right)),
        (Value::Vector(elements), Value::Scalar(right)) => {
            one_sided(b, elements, |value| (value, right))?
        }
        (Value::Scalar(left), Value::Vector(elements)) => {
            one_sided(b, elements, |value| (left, value))?
        }
        (Value::Vector(left), Value::Vector(right)) => Value::Vector(match b.operator {
            Operator::And | Operator::Or | Operator::Unless => set(b, left, right),
            _ => matched(b, left, right)?,
        }),
    })
}

/// Arithmetic, or 1 and 0 for what holds and does not.
fn reckon(b: &Binary, left: f64, right: f64) -> f64 {
    let holds = |it: bool| f64::from(u8::from(it));
    match b.operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide => left / right,
        Operator::Modulo => left % right,
        Operator::Power => left.powf(right),
        _ => holds(compare(b.operator, left, right)),
    }
}

#[expect(clippy::float_cmp, reason = "the language compares exactly")]
fn compare(operator: Operator, left: f64, right: f64) -> bool {
    match operator {
        Operator::Equal => left == right,
        Operator::NotEqual => left != right,
        Operator::Greater => left > right,
        Operator::Less => left < right,
        Operator::GreaterEqual => left >= right,
        _ => left <= right,
    }
}

/// True when the result keeps the values of a side instead of being reckoned.
fn filters(b: &Binary) -> bool {
    b.operator.is_comparison() && !b.as_number
}

fn one_sided(
    b: &Binary,
    elements: Vec<Element>,
    sides: impl Fn(f64) -> (f64, f64),
) -> Result<Value, NoValue> {
    if filters(b) {
        let mut kept = elements;
        kept.retain(|e| {
            let (left, right) = sides(e.value);
            compare(b.operator, left, right)
        });
        return Ok(Value::Vector(kept));
    }
    let reckoned = elements.into_iter().map(|e| {
        let (left, right) = sides(e.value);
        let value = reckon(b, left, right);
        Element { value, ..e }.without_name()
    });
    Ok(Value::Vector(distinct(reckoned.collect())?))
}

fn set(b: &Binary, left: Vec<Element>, right: Vec<Element>) -> Vec<Element> {
    let key = |e: &Element| key(&e.labels, &b.matching.labels);
    if b.operator == Operator::Or {
        let there: BTreeSet<LabelSet> = left.iter().map(key).collect();
        let more = right.into_iter().filter(|e| !there.contains(&key(e)));
        return left.iter().cloned().chain(more).collect();
    }
    let there: BTreeSet<LabelSet> = right.iter().map(key).collect();
    let wanted = b.operator == Operator::And;
    left.into_iter()
        .filter(|e| there.contains(&key(e)) == wanted)
        .collect()
}

fn matched(b: &Binary, left: Vec<Element>, right: Vec<Element>) -> Result<Vec<Element>, NoValue> {
    let key = |e: &Element| key(&e.labels, &b.matching.labels);
    let swapped = b.matching.many == Many::Right;
    let (many, ones) = if swapped {
        (right, left)
    } else {
        (left, right)
    };
    let mut one: BTreeMap<LabelSet, Element> = BTreeMap::new();
    for element in ones {
        let key = key(&element);
        if let Some(other) = one.insert(key.clone(), element) {
            return Err(NoValue(format!(
                "several series on the {} match {}, one of them {}",
                if swapped { "left" } else { "right" },
                shown(&key),
                shown(&other.labels),
            )));
        }
    }
    let mut used: BTreeSet<LabelSet> = BTreeSet::new();
    let mut elements = Vec::new();
    for element in many {
        let key = key(&element);
        let Some(other) = one.get(&key) else { continue };
        let (l, r) = if swapped {
            (other.value, element.value)
        } else {
            (element.value, other.value)
        };
        let value = if filters(b) {
            if !compare(b.operator, l, r) {
                continue;
            }
            l
        } else {
            reckon(b, l, r)
        };
        let labels = result_labels(b, &element, other);
        let single = match b.matching.many {
            Many::None => key,
            _ => labels.clone(),
        };
        if !used.insert(single.clone()) {
            return Err(NoValue(format!(
                "several series on one side match {}; group_left or group_right allows it",
                shown(&single)
            )));
        }
        elements.push(Element { labels, value });
    }
    Ok(elements)
}

fn result_labels(b: &Binary, element: &Element, other: &Element) -> LabelSet {
    let mut labels = element.labels.clone();
    if !filters(b) {
        labels.remove(NAME);
    }
    if b.matching.many == Many::None {
        match &b.matching.labels {
            Labels::Only(only) => labels.retain(|name, _| only.contains(name)),
            Labels::Without(without) => labels.retain(|name, _| !without.contains(name)),
        }
    }
    for name in &b.matching.include {
        match other.labels.get(name) {
            Some(value) => labels.insert(name.clone(), value.clone()),
            None => labels.remove(name),
        };
    }
    labels
}
