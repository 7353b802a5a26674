//! The order of the two arms inside each pair of an interleaved check.
//!
//! xoshiro256++ (Blackman & Vigna 2021), one draw a pair, top bit: stable over versions of Plimsoll.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use crate::model::Arm;

/// Which arm goes first in each pair, at random, so that drift of the machine favours neither.
pub fn order(seed: u64, pairs: usize) -> Vec<[Arm; 2]> {
    let mut generator = Xoshiro256PlusPlus::seed_from_u64(seed);
    (0..pairs)
        .map(|_| {
            if generator.next_u64() >> 63 == 0 {
                [Arm::Before, Arm::Now]
            } else {
                [Arm::Now, Arm::Before]
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_order_for_ever() {
        let first: String = order(42, 16)
            .iter()
            .map(|p| if p[0] == Arm::Before { 'b' } else { 'n' })
            .collect();
        insta::assert_snapshot!(first, @"nbnnnnbnbnnnnbbn");
        assert_eq!(order(42, 4)[..], order(42, 16)[..4]);
    }

    #[test]
    fn each_arm_is_first_about_half_the_time() {
        let first = order(7, 1000).iter().filter(|p| p[0] == Arm::Now).count();
        assert!((430..=570).contains(&first), "{first}");
    }
}
