//! The way from the load to the target: straight, or through the fault proxy where the plan has faults.
//!
//! Only the load takes it. Ready probes, health probes and the reading of metrics go straight.

use crate::protocol::{Dial, Endpoint};
use crate::proxy::{Proxy, ProxyError, Setting};
use crate::random::mix;
use crate::scenario::plan::Plan;
use crate::units::Nanos;

use super::SessionError;

/// How the load of a round connects.
#[derive(Debug)]
pub(super) struct Road {
    pub(super) dial: Dial,
    proxy: Option<Proxy>,
}

impl Road {
    /// Builds the road to a target for a round that begins at `epoch`. `part` tells pairs of
    /// rounds, and those who share a round, apart: they draw by chance of their own. Both rounds of a pair
    /// draw the same.
    ///
    /// # Errors
    /// When the proxy cannot be started.
    pub(super) fn build(
        plan: &Plan,
        dial: &Dial,
        epoch: Nanos,
        part: [usize; 2],
    ) -> Result<Self, SessionError> {
        if plan.faults.is_empty() {
            return Ok(Self {
                dial: dial.clone(),
                proxy: None,
            });
        }
        let seed = part.iter().fold(plan.seed, |seed, &n| mix(seed, n as u64));
        let proxy = Proxy::start(Setting {
            dial: dial.clone(),
            faults: plan.faults.clone(),
            epoch,
            seed,
        })?;
        // The local address is one to reach the target from.
        let dial = Dial {
            endpoint: Endpoint::Tcp(proxy.address()),
            source: None,
            ..dial.clone()
        };
        Ok(Self {
            dial,
            proxy: Some(proxy),
        })
    }

    /// Ends it, after the load.
    ///
    /// # Errors
    /// When the proxy could not do its work to the end.
    pub(super) fn close(self) -> Result<(), ProxyError> {
        self.proxy.map_or(Ok(()), Proxy::stop)
    }
}
