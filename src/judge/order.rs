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

/// The same with as many pairs of either order, in every two pairs that follow each other.
pub fn balanced_order(seed: u64, pairs: usize) -> Vec<[Arm; 2]> {
    order(seed, pairs.div_ceil(2))
        .into_iter()
        .flat_map(|[first, second]| [[first, second], [second, first]])
        .take(pairs)
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
    fn every_two_pairs_of_a_balanced_order_have_both() {
        let order = balanced_order(42, 9);
        assert_eq!(order.len(), 9);
        for two in order.chunks_exact(2) {
            assert_ne!(two[0][0], two[1][0]);
        }
        assert_ne!(order[0], order[2], "by chance, and the same for ever");
    }

    #[test]
    fn each_arm_is_first_about_half_the_time() {
        let first = order(7, 1000).iter().filter(|p| p[0] == Arm::Now).count();
        assert!((430..=570).contains(&first), "{first}");
    }
}
