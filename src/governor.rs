//! How much of the load is let through, while a round runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// How much of the load is let through; clones share one state, read by every worker once a turn.
#[derive(Debug, Clone)]
pub struct Governor(Arc<AtomicU32>);

impl Governor {
    /// Every how many-th arrival is sent: 1 all, 0 none. The others are withheld.
    pub fn admit_every(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    pub fn set(&self, admit_every: u32) {
        self.0.store(admit_every, Ordering::Relaxed);
    }
}

impl Default for Governor {
    fn default() -> Self {
        Self(Arc::new(AtomicU32::new(1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_governor_lets_everything_through_until_told_otherwise() {
        let governor = Governor::default();
        assert_eq!(governor.admit_every(), 1);
        governor.clone().set(0);
        assert_eq!(governor.admit_every(), 0);
    }
}
