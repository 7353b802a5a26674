//! Checks `[guard]`: the circuit breaker on the load itself.

use crate::diagnostic::{Diagnostic, scenario as codes};
use crate::units::{Nanos, Share};

use super::plan::{Guard, GuardAction};
use super::problems::Problems;
use super::section::Section;

/// Time over which errors are counted, and how long the load rests, when nothing is said.
const WITHIN: Nanos = Nanos::from_secs(10);
const REST: Nanos = Nanos::from_secs(5);
const OPENINGS: u32 = 3;

/// The guard; None when it is wrong or there is none.
pub(super) fn check(problems: &mut Problems<'_>, root: &Section<'_>) -> Option<Guard> {
    let section = root.section("guard")?;
    let errors_over = section.share("errors-over").filter(|(share, span)| {
        let possible = *share <= 1.0;
        if !possible {
            let message = format!("{} of all requests can never fail", Share(*share));
            let diagnostic = Diagnostic::error(&codes::BAD_VALUE, message)
                .because("the guard would never open")
                .help("write at most \"100%\", such as errors-over = \"50%\"");
            problems.add(diagnostic, span, "more than all");
        }
        possible
    });
    let within = section.time("within").map_or(WITHIN, |(within, span)| {
        if within < Nanos::SECOND {
            let message = format!("{within} is too short to tell a share of errors");
            let diagnostic = Diagnostic::error(&codes::BAD_VALUE, message)
                .because("a single failed request could open the guard")
                .help("write at least \"1s\"");
            problems.add(diagnostic, span, "too short");
        }
        within
    });
    Some(Guard {
        errors_over: errors_over?.0,
        within,
        action: match section.text("action") {
            Some(("slow-down", _)) => GuardAction::SlowDown,
            _ => GuardAction::Stop,
        },
        rest: section.time("rest").map_or(REST, |(rest, _)| rest),
        openings: section
            .whole("openings")
            .and_then(|(n, _)| u32::try_from(n).ok())
            .unwrap_or(OPENINGS),
    })
}
