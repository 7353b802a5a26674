//! Lanes: how one plan is divided among workers without changing it.
//!
//! Arrival k belongs to lane k mod 840. 840 is divisible by every number up to 8, so few workers
//! get equal shares. Whoever owns a lane sends its arrivals; any deal of all lanes is the whole plan.

/// Number of lanes.
pub const LANES: u64 = 840;

/// Some of the lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lanes {
    index: u64,
    of: u64,
}

impl Lanes {
    pub const fn all() -> Self {
        Self { index: 0, of: 1 }
    }

    /// The lanes of worker `index` of `of`: lane l belongs to worker l mod `of`.
    ///
    /// # Panics
    /// When `index` is not below `of`.
    pub const fn share(index: usize, of: usize) -> Self {
        assert!(index < of, "a share is counted from 0");
        Self {
            index: index as u64,
            of: of as u64,
        }
    }

    /// True when arrival `number` belongs to these lanes.
    pub const fn contains(self, number: u64) -> bool {
        (number % LANES) % self.of == self.index
    }
}
