//! What an expression is worth: over a table of series, at a moment.
//!
//! The semantics are those of Prometheus 2.42, on whose answers `tests/alert.rs` is built: the last
//! value of a series counts for five minutes, unless its source was looked at since and no longer had
//! it; a stretch of time has both its ends.

use std::collections::BTreeMap;

use super::aggregate;
use super::binary;
use super::functions::{Does, Function};
use super::histogram;
use super::over_time::{self, Point, Window};
use super::parser::anchored;
use super::syntax::{Expr, Kind, LOOKBACK, NAME, Selector, Test};
use super::value::{Element, LabelSet, NoValue, Value, distinct};
use crate::model::SeriesName;
use crate::series::{Series, Table};

/// A table at a moment, in milliseconds from the round's beginning.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment<'a> {
    pub(super) table: &'a Table,
    pub(super) at: i64,
}

/// Milliseconds, such that a point counts at the first of them that is not before it.
pub(super) fn milliseconds(seconds: f64) -> i64 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a round is no million years"
    )]
    let ms = (seconds * 1000.0 - 1e-6).ceil() as i64;
    ms
}

impl Moment<'_> {
    pub(super) fn value(&self, expr: &Expr) -> Result<Value, NoValue> {
        Ok(match &expr.kind {
            Kind::Number(number) => Value::Scalar(*number),
            Kind::Vector(selector) => Value::Vector(self.instant(selector)),
            Kind::Call(function, arguments) => self.call(function, arguments)?,
            Kind::Aggregate(aggregation) => {
                let parameter = match &aggregation.parameter {
                    Some(parameter) => self.scalar(parameter)?,
                    None => f64::NAN,
                };
                let elements = self.vector(&aggregation.of)?;
                Value::Vector(aggregate::aggregate(aggregation, parameter, elements))
            }
            Kind::Binary(b) => binary::binary(b, self.value(&b.left)?, self.value(&b.right)?)?,
            Kind::Negated(of) => match self.value(of)? {
                Value::Scalar(value) => Value::Scalar(-value),
                Value::Vector(elements) => mapped(elements, |v| -v)?,
            },
            // The parser has let neither through to a place where it has a value of its own.
            Kind::Text(_) | Kind::Range(..) => Value::Vector(Vec::new()),
        })
    }

    fn vector(&self, expr: &Expr) -> Result<Vec<Element>, NoValue> {
        Ok(match self.value(expr)? {
            Value::Vector(elements) => elements,
            Value::Scalar(value) => vec![Element {
                labels: LabelSet::new(),
                value,
            }],
        })
    }

    fn scalar(&self, expr: &Expr) -> Result<f64, NoValue> {
        Ok(match self.value(expr)? {
            Value::Scalar(value) => value,
            Value::Vector(_) => f64::NAN,
        })
    }

    /// The last values that still count.
    fn instant(&self, selector: &Selector) -> Vec<Element> {
        let at = self.at - selector.offset;
        let mut elements = Vec::new();
        for (name, series) in selected(self.table, selector) {
            let upto = series.0.partition_point(|p| milliseconds(p.at) <= at);
            let Some(last) = series.0[..upto].last() else {
                continue;
            };
            let since = self.table.looked_after(name, last.at);
            let stale = since.is_some_and(|look| milliseconds(look) <= at);
            if milliseconds(last.at) >= at - LOOKBACK && !stale {
                elements.push(Element {
                    labels: labels(name),
                    value: last.value,
                });
            }
        }
        elements
    }

    /// For each series its points in the stretch, where there are any, and what a function makes of
    /// them.
    fn over(&self, expr: &Expr, function: impl Fn(&Window<'_>) -> Option<f64>) -> Vec<Element> {
        let Kind::Range(selector, range) = &expr.kind else {
            return Vec::new();
        };
        let end = self.at - selector.offset;
        let start = end - range;
        let mut elements = Vec::new();
        for (name, series) in selected(self.table, selector) {
            let from = series.0.partition_point(|p| milliseconds(p.at) < start);
            let upto = series.0.partition_point(|p| milliseconds(p.at) <= end);
            let points: Vec<Point> = series.0[from..upto.max(from)]
                .iter()
                .map(|p| (milliseconds(p.at), p.value))
                .collect();
            if points.is_empty() {
                continue;
            }
            let window = Window {
                points: &points,
                start,
                end,
            };
            if let Some(value) = function(&window).filter(|_| end > start) {
                elements.push(Element {
                    labels: labels(name),
                    value,
                });
            }
        }
        elements
    }

    fn call(&self, function: &Function, arguments: &[Expr]) -> Result<Value, NoValue> {
        let number = |i: usize| self.scalar(&arguments[i]);
        let series = |i: usize| self.vector(&arguments[i]);
        Ok(match function.does {
            Does::Time => Value::Scalar(self.at as f64 / 1000.0),
            Does::Scalar => Value::Scalar(match series(0)?.as_slice() {
                [only] => only.value,
                _ => f64::NAN,
            }),
            Does::Vector => Value::Vector(vec![Element {
                labels: LabelSet::new(),
                value: number(0)?,
            }]),
            Does::Map(of) => mapped(series(0)?, of)?,
            Does::Over(of) => nameless(self.over(&arguments[0], of))?,
            Does::LastOverTime => Value::Vector(self.over(&arguments[0], over_time::last)),
            Does::QuantileOverTime => {
                let q = number(0)?;
                nameless(self.over(&arguments[1], |w| {
                    let values = w.points.iter().map(|p| p.1).collect();
                    Some(over_time::quantile(q, values))
                }))?
            }
            Does::PredictLinear => {
                let ahead = number(1)?;
                nameless(self.over(&arguments[0], |w| over_time::predict(w, self.at, ahead)))?
            }
            Does::Round => {
                let to = match arguments.len() {
                    1 => 1.0,
                    _ => number(1)?,
                };
                let inverse = 1.0 / to;
                mapped(series(0)?, |v| (v * inverse + 0.5).floor() / inverse)?
            }
            Does::Clamp => {
                let (low, high) = (number(1)?, number(2)?);
                if low > high {
                    return Ok(Value::Vector(Vec::new()));
                }
                mapped(series(0)?, |v| at_least(at_most(v, high), low))?
            }
            Does::ClampMin => {
                let low = number(1)?;
                mapped(series(0)?, |v| at_least(v, low))?
            }
            Does::ClampMax => {
                let high = number(1)?;
                mapped(series(0)?, |v| at_most(v, high))?
            }
            Does::Absent => absent(&arguments[0], series(0)?.is_empty()),
            Does::AbsentOverTime => {
                let none = self.over(&arguments[0], over_time::present).is_empty();
                absent(&arguments[0], none)
            }
            Does::Timestamp => nameless(self.timestamps(&arguments[0])?)?,
            Does::Sort => sorted(series(0)?, f64::total_cmp),
            Does::SortDescending => sorted(series(0)?, |a, b| b.total_cmp(a)),
            Does::HistogramQuantile => Value::Vector(histogram::quantiles(number(0)?, series(1)?)),
            Does::LabelReplace => Value::Vector(replaced(series(0)?, arguments)?),
            Does::LabelJoin => Value::Vector(joined(series(0)?, arguments)?),
        })
    }

    /// When the values were seen, where the series are plainly selected; else, now.
    fn timestamps(&self, expr: &Expr) -> Result<Vec<Element>, NoValue> {
        let mut elements = self.vector(expr)?;
        let Kind::Vector(selector) = &expr.kind else {
            let now = self.at as f64 / 1000.0;
            for element in &mut elements {
                element.value = now;
            }
            return Ok(elements);
        };
        let at = self.at - selector.offset;
        let seen: BTreeMap<LabelSet, f64> = selected(self.table, selector)
            .filter_map(|(name, series)| {
                let upto = series.0.partition_point(|p| milliseconds(p.at) <= at);
                let last = series.0[..upto].last()?;
                Some((labels(name), milliseconds(last.at) as f64 / 1000.0))
            })
            .collect();
        for element in &mut elements {
            element.value = seen.get(&element.labels).copied().unwrap_or(f64::NAN);
        }
        Ok(elements)
    }
}

fn selected<'a>(
    table: &'a Table,
    selector: &'a Selector,
) -> impl Iterator<Item = (&'a SeriesName, &'a Series)> {
    let candidates: Box<dyn Iterator<Item = _>> = match &selector.metric {
        Some(metric) => Box::new(table.of(metric)),
        None => Box::new(table.iter()),
    };
    candidates.filter(|(name, _)| {
        selector.matchers.iter().all(|matcher| {
            let value = match matcher.label.as_str() {
                NAME => name.metric.as_str(),
                label => name.labels.get(label).map_or("", String::as_str),
            };
            matcher.accepts(value)
        })
    })
}

/// A label that is empty is none.
fn labels(name: &SeriesName) -> LabelSet {
    let labels = name.labels.iter().filter(|(_, value)| !value.is_empty());
    labels
        .map(|(label, value)| (label.clone(), value.clone()))
        .chain([(NAME.to_owned(), name.metric.clone())])
        .collect()
}

fn mapped(mut elements: Vec<Element>, of: impl Fn(f64) -> f64) -> Result<Value, NoValue> {
    for element in &mut elements {
        element.value = of(element.value);
    }
    nameless(elements)
}

fn nameless(elements: Vec<Element>) -> Result<Value, NoValue> {
    let elements = elements.into_iter().map(Element::without_name).collect();
    Ok(Value::Vector(distinct(elements)?))
}

/// As Go's: what is no number stays none.
fn at_least(value: f64, low: f64) -> f64 {
    if value.is_nan() || low.is_nan() {
        return f64::NAN;
    }
    value.max(low)
}

fn at_most(value: f64, high: f64) -> f64 {
    if value.is_nan() || high.is_nan() {
        return f64::NAN;
    }
    value.min(high)
}

fn sorted(mut elements: Vec<Element>, order: impl Fn(&f64, &f64) -> std::cmp::Ordering) -> Value {
    elements.sort_by(|a, b| order(&a.value, &b.value));
    Value::Vector(elements)
}

/// One, with the labels that the selector demands, when nothing is there.
fn absent(of: &Expr, none: bool) -> Value {
    if !none {
        return Value::Vector(Vec::new());
    }
    let mut labels = LabelSet::new();
    if let Kind::Vector(selector) | Kind::Range(selector, _) = &of.kind {
        for matcher in &selector.matchers {
            let same = selector
                .matchers
                .iter()
                .filter(|m| m.label == matcher.label);
            let demanded = matches!(matcher.test, Test::Equal) && same.count() == 1;
            if demanded && matcher.label != NAME && !matcher.value.is_empty() {
                labels.insert(matcher.label.clone(), matcher.value.clone());
            }
        }
    }
    Value::Vector(vec![Element { labels, value: 1.0 }])
}

fn text(argument: &Expr) -> &str {
    match &argument.kind {
        Kind::Text(text) => text,
        _ => "",
    }
}

fn replaced(mut elements: Vec<Element>, arguments: &[Expr]) -> Result<Vec<Element>, NoValue> {
    let [target, replacement, source] = [1, 2, 3].map(|i| text(&arguments[i]));
    let pattern = anchored(text(&arguments[4])).map_err(NoValue)?;
    for element in &mut elements {
        let value = element.labels.get(source).map_or("", String::as_str);
        if let Some(captures) = pattern.captures(value) {
            let mut new = String::new();
            captures.expand(replacement, &mut new);
            set(&mut element.labels, target, new);
        }
    }
    distinct(elements)
}

fn joined(mut elements: Vec<Element>, arguments: &[Expr]) -> Result<Vec<Element>, NoValue> {
    let [target, separator] = [1, 2].map(|i| text(&arguments[i]));
    for element in &mut elements {
        let parts: Vec<&str> = arguments[3..]
            .iter()
            .map(|a| element.labels.get(text(a)).map_or("", String::as_str))
            .collect();
        let new = parts.join(separator);
        set(&mut element.labels, target, new);
    }
    distinct(elements)
}

fn set(labels: &mut LabelSet, label: &str, value: String) {
    if value.is_empty() {
        labels.remove(label);
    } else {
        labels.insert(label.to_owned(), value);
    }
}
