//! Which journey a visit is: exact proportions, in an order that no worker or lane can favour.
//!
//! Visits come in blocks of Σ weights. A block visits every position of the weights once, by a
//! stride coprime to the length near the golden section, which spreads each journey evenly; where it
//! begins differs from block to block by a seeded hash.

use crate::random::mix;
use crate::scenario::plan::Plan;

/// Blocks up to this length have a table of their journeys.
const LONGEST_TABLE: u64 = 1 << 16;

/// A pure function from the number of a visit to its journey.
#[derive(Debug, Clone)]
pub struct Mix {
    /// Σ weights up to and including each journey.
    ends: Vec<u64>,
    /// The journey at each position of a block; empty for a long block.
    table: Vec<u32>,
    block: u64,
    stride: u64,
    seed: u64,
}

impl Mix {
    pub fn new(plan: &Plan) -> Self {
        let common = plan
            .journeys
            .iter()
            .fold(0, |d, j| gcd(d, j.weight.into()))
            .max(1);
        let ends: Vec<u64> = plan
            .journeys
            .iter()
            .scan(0, |end, journey| {
                *end += u64::from(journey.weight) / common;
                Some(*end)
            })
            .collect();
        let block = ends.last().copied().unwrap_or(1).max(1);
        // 144/233 is the golden section to five digits, in integers.
        let mut stride = (block / 233 * 144 + block % 233 * 144 / 233).max(1);
        while gcd(stride, block) != 1 {
            stride += 1;
        }
        let mut table = Vec::new();
        if block <= LONGEST_TABLE {
            for (journey, end) in (0..).zip(&ends) {
                table.resize(usize::try_from(*end).unwrap_or(0), journey);
            }
        }
        Self {
            ends,
            table,
            block,
            stride,
            seed: mix(plan.seed, u64::MAX - 1),
        }
    }

    /// Index of the journey of visit `number`.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the remainder of a division by 64 bits has 64 bits"
    )]
    pub fn journey_of(&self, number: u64) -> usize {
        if self.ends.len() == 1 {
            return 0;
        }
        let (block, place) = (number / self.block, number % self.block);
        let walked = u128::from(place) * u128::from(self.stride) + u128::from(self.begin(block));
        // Where the block is short, as it nearly always is, the sum fits into 64 bits, which
        // divide several times faster.
        let position = match u64::try_from(walked) {
            Ok(walked) => walked % self.block,
            Err(_) => (walked % u128::from(self.block)) as u64,
        };
        self.journey_at(position)
    }

    /// The position at which a block begins.
    fn begin(&self, block: u64) -> u64 {
        mix(self.seed, block) % self.block
    }

    /// The journey at a position of a block.
    fn journey_at(&self, position: u64) -> usize {
        match usize::try_from(position)
            .ok()
            .and_then(|p| self.table.get(p))
        {
            Some(journey) => *journey as usize,
            None => self.ends.partition_point(|&end| end <= position),
        }
    }
}

/// Visits one after another, from the first: what [`Mix::journey_of`] says, without its divisions.
#[derive(Debug, Clone)]
pub(super) struct Walk {
    mix: Mix,
    /// Position of the next visit.
    position: u64,
    /// The block of the next visit, and what is left of it, the visit included.
    block: u64,
    left: u64,
}

impl Walk {
    pub(super) fn new(mix: Mix) -> Self {
        Self {
            position: mix.begin(0),
            block: 0,
            left: mix.block,
            mix,
        }
    }

    /// Position of the next visit in its block.
    #[inline]
    pub(super) fn step(&mut self) -> u64 {
        let position = self.position;
        if self.mix.block == 1 {
            return position;
        }
        self.left -= 1;
        if self.left == 0 {
            self.block += 1;
            self.left = self.mix.block;
            self.position = self.mix.begin(self.block);
        } else {
            // Below 2 · block, and blocks are sums of 32-bit weights.
            let next = position + self.mix.stride;
            self.position = next
                - if next < self.mix.block {
                    0
                } else {
                    self.mix.block
                };
        }
        position
    }

    /// The journey at a position given by [`step`](Self::step).
    #[inline]
    pub(super) fn journey_at(&self, position: u64) -> usize {
        self.mix.journey_at(position)
    }
}

const fn gcd(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::schedule::sample;

    fn weights() -> impl Strategy<Value = Vec<u32>> {
        prop_oneof![
            prop::collection::vec(1..9_u32, 1..5),
            prop::collection::vec(1..3000_u32, 1..5),
            prop::collection::vec(1..=u32::MAX, 1..5),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_walk_meets_the_journeys_that_the_numbers_have(weights in weights(), seed: u64) {
            let mut plan = sample::plan();
            plan.seed = seed;
            let step = plan.steps[0].clone();
            plan.set_steps(weights.iter().map(|w| (step.clone(), *w)).collect());
            let mix = Mix::new(&plan);
            let mut walk = Walk::new(mix.clone());
            for number in 0..3000 {
                let position = walk.step();
                prop_assert_eq!(walk.journey_at(position), mix.journey_of(number));
            }
        }
    }
}
