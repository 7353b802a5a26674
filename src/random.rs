//! Random numbers that mean the same in every version: own seeding and own conversion to a float.
//!
//! The generator is xoshiro256++ (Blackman and Vigna, 2019), mixing is the finaliser of `SplitMix64`
//! (Steele, Lea and Flood, 2014).

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// A well mixed function of two numbers.
pub const fn mix(a: u64, b: u64) -> u64 {
    let mut z = a.wrapping_add(b.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The upper 53 bits, plus a half, over 2^53.
fn unit(word: u64) -> f64 {
    /// 2⁻⁵³.
    const STEP: f64 = 1.0 / 9_007_199_254_740_992.0;
    ((word >> 11) as f64 + 0.5) * STEP
}

/// A stream of uniform numbers that depends on the seed of the plan and the phase only.
#[derive(Debug, Clone)]
pub struct Uniform(Xoshiro256PlusPlus);

impl Uniform {
    pub fn new(seed: u64, phase: u64) -> Self {
        let key = mix(seed, phase);
        let mut state = [0; 32];
        for (i, word) in state.chunks_exact_mut(8).enumerate() {
            word.copy_from_slice(&mix(key, i as u64).to_le_bytes());
        }
        Self(Xoshiro256PlusPlus::from_seed(state))
    }

    /// The next number in (0, 1].
    pub fn draw(&mut self) -> f64 {
        unit(self.0.next_u64())
    }

    /// One of 256 layers, and an independent number in (0, 1], of one random word.
    pub fn draw_in_layer(&mut self) -> (u8, f64) {
        let word = self.0.next_u64();
        (word.to_le_bytes()[0], unit(word))
    }
}
