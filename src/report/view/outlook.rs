//! The overall standing of a run, and what a reader can do next.

use crate::model::{Mode, Origin, Run, Standing, Verdict};

use super::Summary;

/// Rounds from which a baseline sees small changes.
const BASELINE_ROUNDS: usize = 5;

/// The feeling of a standing or a row, for colour beside sign and word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Good,
    Plain,
    Warn,
    Bad,
}

impl Tone {
    pub(in crate::report) const fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Improved | Verdict::Unchanged | Verdict::Kept => Self::Good,
            Verdict::Inconclusive => Self::Warn,
            Verdict::Broken | Verdict::Regressed | Verdict::Incomparable | Verdict::Invalid => {
                Self::Bad
            }
        }
    }

    /// Class of an HTML element.
    pub(in crate::report) const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Plain => "plain",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

impl Standing {
    /// True unless nobody needs to do or know anything.
    pub(in crate::report) const fn needs_attention(self) -> bool {
        !self.passes() || matches!(self, Self::MeasuredWithErrors)
    }

    pub(in crate::report) const fn tone(self) -> Tone {
        match self {
            Self::Judged(verdict) => Tone::of(verdict),
            Self::Measured | Self::Part => Tone::Plain,
            Self::MeasuredWithErrors | Self::Partial | Self::Unjudged => Tone::Warn,
        }
    }
}

/// A command worth typing now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::report) struct Next {
    pub(in crate::report) command: String,
    /// When it is the right one; empty when it always is.
    pub(in crate::report) when: &'static str,
}

/// The commands that suit the standing, most useful first.
pub(super) fn next(standing: Standing, run: &Run, now: &Summary) -> Vec<Next> {
    let mut next = Vec::new();
    let mut add = |command: String, when| next.push(Next { command, when });
    let manifest = &run.manifest;
    // Values that were compared are not stored, so there is nothing to report again.
    if manifest.origin != Some(Origin::Values) {
        add("plimsoll report last -o report.html".to_owned(), "");
    }
    // A name that a shell would read as more than a word is not put into a command.
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let scenario = &manifest.outline.name;
    let name = if !scenario.is_empty() && scenario.chars().all(plain) {
        scenario
    } else {
        "NAME"
    };
    let accept = |reason| format!("plimsoll baseline save {name} --reason \"{reason}\"");
    let save = accept("...");
    let failure = now.most_frequent_failure();
    // A search measures as many rounds as it needs.
    let is_search = run.rounds.iter().any(|r| r.level.is_some());
    match standing {
        Standing::Judged(Verdict::Regressed | Verdict::Broken) if manifest.mode == Mode::Check => {
            add(save, "if this was intended");
        }
        Standing::Judged(Verdict::Improved) if manifest.mode == Mode::Check => {
            add(save, "to hold the new level");
        }
        Standing::Judged(Verdict::Incomparable) => {
            // Of two stored runs neither is a baseline.
            if manifest.mode == Mode::Check {
                add(save, "to accept this machine and plan as the new reference");
            }
            add("plimsoll explain incomparable".to_owned(), "");
        }
        Standing::Part => add(
            "plimsoll merge RUN RUN ...".to_owned(),
            "once all parts are here",
        ),
        Standing::MeasuredWithErrors if manifest.origin.is_none() => {
            if let Some(class) = failure {
                add(format!("plimsoll explain {class}"), "");
            }
        }
        Standing::Measured | Standing::Judged(Verdict::Kept) if manifest.mode == Mode::Measure => {
            if manifest.scenario_file.is_none() {
                add(
                    format!("plimsoll init {}", address(run)),
                    "a scenario file can be kept, checked and compared",
                );
            } else if now.rounds < BASELINE_ROUNDS && !is_search {
                add(
                    format!("plimsoll run {name} --rounds {BASELINE_ROUNDS}"),
                    "enough rounds for a baseline",
                );
            } else {
                add(accept("first"), "to compare later runs with this one");
            }
        }
        Standing::Measured | Standing::MeasuredWithErrors if manifest.mode == Mode::Imported => {
            add(
                "plimsoll compare last~1 last".to_owned(),
                "once another one is imported",
            );
        }
        Standing::Judged(Verdict::Invalid) if manifest.origin.is_some() => {}
        Standing::Judged(Verdict::Invalid) => match failure {
            // No machine is to blame for answers that nobody expected.
            Some(class) if now.tally.answered == 0 => {
                add(format!("plimsoll explain {class}"), "");
            }
            _ => add(
                "plimsoll doctor".to_owned(),
                "to see whether this machine can measure",
            ),
        },
        Standing::Judged(Verdict::Inconclusive) => {
            add("plimsoll explain inconclusive".to_owned(), "");
            // The rounds are a reference all the same: what spoiled them is kept with them.
            if manifest.mode == Mode::Measure && now.rounds >= BASELINE_ROUNDS && !is_search {
                add(accept("first"), "to compare later runs with this one");
            }
        }
        _ => {}
    }
    next
}

/// The URL of a target, where a shell would read it as one word.
fn address(run: &Run) -> &str {
    let url = &run.manifest.outline.target.url;
    let plain = |c: char| c.is_ascii_alphanumeric() || ":/.-_".contains(c);
    if !url.is_empty() && url.chars().all(plain) {
        url
    } else {
        "URL"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ErrorClass;
    use crate::report::fixture;

    #[test]
    fn what_is_not_a_verdict_for_it_does_not_pass() {
        for standing in [
            Standing::Partial,
            Standing::Unjudged,
            Standing::Part,
            Standing::Judged(Verdict::Inconclusive),
            Standing::Judged(Verdict::Invalid),
        ] {
            assert!(!standing.passes(), "{standing:?}");
        }
        assert!(Standing::Judged(Verdict::Unchanged).passes());
    }

    #[test]
    fn a_hostile_name_never_becomes_a_command() {
        let mut run = fixture::run();
        run.manifest.mode = Mode::Check;
        run.manifest.outline.name = "x; rm -rf ~".into();
        let standing = Standing::Judged(Verdict::Regressed);
        let next = next(standing, &run, &Summary::default());
        assert!(next.iter().all(|n| !n.command.contains("rm -rf")));
        assert!(next.iter().any(|n| n.command.contains("save NAME")));
    }

    #[test]
    fn what_comes_next_can_be_done() {
        let last = |run: &Run, standing, now: &Summary| {
            let next = next(standing, run, now);
            next.last().map(|n| n.command.clone()).unwrap_or_default()
        };
        let invalid = Standing::Judged(Verdict::Invalid);
        let mut run = fixture::plain_run();
        let mut now = Summary::default();
        assert_eq!(last(&run, invalid, &now), "plimsoll doctor");
        now.tally.failures.add(ErrorClass::Status4xx, 200);
        assert_eq!(last(&run, invalid, &now), "plimsoll explain status-4xx");
        assert!(last(&run, Standing::Measured, &now).ends_with("--rounds 5"));
        run.manifest.scenario_file = None;
        // A quick run has no scenario that `check` could find.
        let init = "plimsoll init http://127.0.0.1:8080";
        assert_eq!(last(&run, Standing::Measured, &now), init);
        run.manifest.outline.target.url = "http://[::1]:80/; reboot".into();
        assert_eq!(last(&run, Standing::Measured, &now), "plimsoll init URL");
    }
}
