//! What the reader must know besides the verdicts, and which of it every format has to say.

use super::{Summary, View};
use crate::diagnostic::scenario::UNVERIFIED;
use crate::diagnostic::store::POLICY_DEPARTS;
use crate::diagnostic::validity::{ALERT_FIRED, GUARD_OPENED, LIMIT_ENDED, NOISY_MACHINE};
use crate::model::Run;
use crate::units::Unit;
use crate::untrusted::Untrusted;

/// A finding of the judge.
#[derive(Debug, Clone)]
pub(in crate::report) struct Remark {
    pub(in crate::report) code: Option<Untrusted>,
    pub(in crate::report) text: Untrusted,
    pub(in crate::report) hint: Option<Untrusted>,
    /// The headline says it already: what is left to show is the hint.
    pub(in crate::report) repeats: bool,
}

impl Remark {
    /// What was measured of a round that never was finished.
    pub(super) fn of_part(run: &Run, now: &Summary) -> Self {
        let whole = run.manifest.outline.measured();
        let text = if now.tally.due == 0 {
            "until then nothing was measured".to_owned()
        } else {
            let lasted = Unit::Time.format(now.seconds * 1e9);
            let seen = now.in_short();
            format!("until then {lasted} of {whole} were measured: {seen}")
        };
        Self {
            code: None,
            text: Untrusted::new(text),
            hint: None,
            repeats: false,
        }
    }
}

impl View {
    /// The findings without which a pass could be taken for more than it is.
    pub(in crate::report) fn warnings(&self) -> impl Iterator<Item = &Remark> {
        let of = [UNVERIFIED.id, POLICY_DEPARTS.id];
        let warns = move |code: &Untrusted| of.contains(&code.raw());
        self.remarks
            .iter()
            .filter(move |remark| remark.code.as_ref().is_some_and(warns))
    }

    /// The findings that say what held the load back, ended the run or failed it from outside the rows.
    pub(in crate::report) fn stops(&self) -> impl Iterator<Item = &Remark> {
        let codes = [GUARD_OPENED.id, LIMIT_ENDED.id];
        self.remarks.iter().filter(move |r| {
            let code = r.code.as_ref().map(Untrusted::raw);
            let led_by_alert = r.repeats && code == Some(ALERT_FIRED.id);
            led_by_alert || code.is_some_and(|code| codes.contains(&code))
        })
    }

    /// True when a finding says what the machine spoiled, so that nothing else needs to.
    pub(in crate::report) fn noise_is_told(&self) -> bool {
        let told = |r: &Remark| r.code.as_ref().is_some_and(|c| c.raw() == NOISY_MACHINE.id);
        self.trust.spoiled_rounds == 0 || self.remarks.iter().any(told)
    }
}
