//! Which row of a data set a visit is given.

use crate::random::mix;
use crate::scenario::plan::{DataOrder, Part, Plan, Request, Source, Template};

/// Sets the hashes here apart from those of other purposes.
const SALT: u64 = u64::MAX - 2;

/// The row of data set `data` for visit `number`; None when a `unique` set is used up.
pub(super) fn row(plan: &Plan, data: usize, number: u64) -> Option<&[String]> {
    let set = &plan.data[data];
    let rows = set.rows.len() as u64;
    let index = match set.order {
        DataOrder::Unique => number,
        DataOrder::Sequential => number % rows.max(1),
        DataOrder::Random => {
            let hash = mix(mix(mix(plan.seed, SALT), data as u64), number);
            share_of(hash, rows)
        }
    };
    let row = usize::try_from(index).ok().and_then(|i| set.rows.get(i));
    row.map(Vec::as_slice)
}

/// The part of `n` at which `hash` stands in the range of its type: below `n` unless that is 0.
pub(super) fn share_of(hash: u64, n: u64) -> u64 {
    let product = u128::from(hash) * u128::from(n);
    // The upper half of 128 bits fits into 64.
    u64::try_from(product >> 64).unwrap_or(u64::MAX)
}

/// True when every data set that a journey refers to has a row for visit `number`.
pub(super) fn has_rows(plan: &Plan, journey: usize, number: u64) -> bool {
    let is_used_up = |data: usize| row(plan, data, number).is_none();
    // The templates are looked through only once some set has run out.
    (0..plan.data.len())
        .filter(|&data| is_used_up(data))
        .all(|data| {
            let steps = plan.journeys[journey].steps.clone();
            !plan.steps[steps].iter().any(|s| uses(&s.request, data))
        })
}

fn uses(request: &Request, data: usize) -> bool {
    let of_template = |template: &Template| {
        template.parts.iter().any(|part| {
            matches!(part, Part::Gap { source: Source::Field { data: d, .. }, .. } if *d == data)
        })
    };
    of_template(&request.path)
        || of_template(&request.body)
        || request.headers.iter().any(|(_, value)| of_template(value))
}
