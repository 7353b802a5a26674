//! Aggregation: the series of a group become one, or fewer.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::over_time::{quantile, variance};
use super::syntax::{Aggregation, Summary};
use super::value::{Element, LabelSet, key};

pub(super) fn aggregate(
    aggregation: &Aggregation,
    parameter: f64,
    elements: Vec<Element>,
) -> Vec<Element> {
    let mut groups: BTreeMap<LabelSet, Vec<Element>> = BTreeMap::new();
    for element in elements {
        let group = key(&element.labels, &aggregation.labels);
        groups.entry(group).or_default().push(element);
    }
    match aggregation.by {
        Summary::Topk => some(groups, parameter, |a, b| ascending(b, a)),
        Summary::Bottomk => some(groups, parameter, ascending),
        by => groups
            .into_iter()
            .map(|(labels, group)| {
                let values: Vec<f64> = group.iter().map(|e| e.value).collect();
                let value = summary(by, parameter, values);
                Element { labels, value }
            })
            .collect(),
    }
}

/// The first of each group in an order, with their own labels; what is no number comes last.
fn some(
    groups: BTreeMap<LabelSet, Vec<Element>>,
    parameter: f64,
    order: impl Fn(f64, f64) -> Ordering,
) -> Vec<Element> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "of what is negative or no number there are none"
    )]
    let count = parameter as usize;
    let mut chosen = Vec::new();
    for mut group in groups.into_values() {
        group.sort_by(|a, b| {
            let nan = a.value.is_nan().cmp(&b.value.is_nan());
            nan.then_with(|| order(a.value, b.value))
        });
        group.truncate(count);
        chosen.extend(group);
    }
    chosen
}

fn ascending(a: f64, b: f64) -> Ordering {
    a.total_cmp(&b)
}

fn summary(by: Summary, parameter: f64, values: Vec<f64>) -> f64 {
    let n = values.len() as f64;
    let extreme = |pick: fn(f64, f64) -> f64| values.iter().copied().fold(f64::NAN, pick);
    match by {
        Summary::Sum => values.iter().sum(),
        Summary::Avg => values.iter().sum::<f64>() / n,
        Summary::Min => extreme(f64::min),
        Summary::Max => extreme(f64::max),
        Summary::Count => n,
        Summary::Stddev => variance(&values).sqrt(),
        Summary::Stdvar => variance(&values),
        Summary::Quantile => quantile(parameter, values),
        Summary::Group | Summary::Topk | Summary::Bottomk => 1.0,
    }
}
