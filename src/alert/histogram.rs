//! Quantiles of classic histograms, as Prometheus estimates them: evenly spread within a bucket.

use std::collections::BTreeMap;

use super::syntax::NAME;
use super::value::{Element, LabelSet};

/// An upper bound, and how many lie at or below it.
type Bucket = (f64, f64);

/// Series of the label `le` become one for each set of the other labels.
pub(super) fn quantiles(q: f64, elements: Vec<Element>) -> Vec<Element> {
    let mut histograms: BTreeMap<LabelSet, Vec<Bucket>> = BTreeMap::new();
    for mut element in elements {
        element.labels.remove(NAME);
        let bound = element.labels.remove("le");
        // What has no bound is no bucket.
        if let Some(Ok(bound)) = bound.map(|le| le.parse::<f64>()) {
            let buckets = histograms.entry(element.labels).or_default();
            buckets.push((bound, element.value));
        }
    }
    histograms
        .into_iter()
        .map(|(labels, buckets)| Element {
            labels,
            value: quantile(q, buckets),
        })
        .collect()
}

#[expect(clippy::float_cmp, reason = "bounds are labels: the same or not")]
fn quantile(q: f64, mut buckets: Vec<Bucket>) -> f64 {
    if q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    if buckets.last().is_none_or(|b| b.0 != f64::INFINITY) {
        return f64::NAN;
    }
    let mut joined: Vec<Bucket> = Vec::new();
    for bucket in buckets {
        match joined.last_mut() {
            Some(last) if last.0 == bucket.0 => last.1 += bucket.1,
            _ => joined.push(bucket),
        }
    }
    // Counts taken at slightly different moments may fall; no bucket holds less than those below it.
    let mut most = f64::NEG_INFINITY;
    for bucket in &mut joined {
        most = most.max(bucket.1);
        bucket.1 = most;
    }
    let last = joined.len() - 1;
    let all = joined[last].1;
    if last == 0 || all == 0.0 || all.is_nan() {
        return f64::NAN;
    }
    let mut rank = q * all;
    let found = joined[..last].partition_point(|b| b.1 < rank);
    if found == last {
        return joined[last - 1].0;
    }
    let (end, mut count) = joined[found];
    if found == 0 && end <= 0.0 {
        return end;
    }
    let mut start = 0.0;
    if found > 0 {
        let (below, fewer) = joined[found - 1];
        start = below;
        count -= fewer;
        rank -= fewer;
    }
    start + (end - start) * (rank / count)
}
