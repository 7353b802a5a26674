//! `doctor`: is this machine fit to measure on?

use crate::fitness;
use crate::model::{Checkup, Survey};
use crate::observe::{self, Machine};
use crate::store;

use super::Session;

/// Looks at the machine for about a second, and at what was measured on it before.
pub fn examine(session: &Session) -> Checkup {
    let machine = Machine::here();
    let kind = observe::fingerprint(env!("CARGO_PKG_VERSION")).machine();
    fitness::judge(&Survey {
        hardware: machine.hardware(),
        // Before the disk is written to, which would be seen.
        activity: machine.activity(),
        limits: machine.limits(),
        disk: store::disk_delay(&session.root),
        instrument: store::instrument::kept(&session.root, &kind),
    })
}
