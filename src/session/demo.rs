//! The demo: the built-in target, a scenario for it, and a slow-down to be caught.

use std::path::Path;

use crate::diagnostic::{Diagnostic, SourceFile};
use crate::judge::Rule;
use crate::model::Event;
use crate::scenario::{self, plan::Command};

use super::check::{Against, CheckOptions, check};
use super::{ArmTarget, Outcome, Session, SessionError};

pub use crate::demo::truth::{Behaviour, serve as serve_truth};
pub use crate::demo::{
    Ailment, CRASHED, Ended as TargetEnded, Options as TargetOptions, parse_fault,
    serve as serve_target, supervise as supervise_target,
};
pub use crate::launch::{CANNOT_EXECUTE, NOT_FOUND, Watched, exec_guarded, watch as watch_target};

/// The scenario the demo measures.
pub const SCENARIO: &str = include_str!("demo.toml");

/// The step that the demo slows down, and by how much.
pub const SLOWED: (&str, &str) = ("pay", "20%");

/// What the slowed target is compared with.
pub(super) const REFERENCE: &str = "the demo target as it is";

/// Pairs of rounds at most, so that the demo ends within a minute.
const MAX_ROUNDS: usize = 5;

/// Why the demo could not be given.
#[derive(Debug)]
pub enum DemoError {
    Scenario(Vec<Diagnostic>),
    Session(SessionError),
}

/// Measures the demo target as it is against itself with one step slowed, interleaved.
pub fn demo(session: &Session, watcher: &mut dyn FnMut(&Event)) -> Result<Outcome, DemoError> {
    let file = SourceFile {
        name: "demo.toml".into(),
        text: SCENARIO.into(),
    };
    let plan = scenario::parse(&file, Path::new("."), &|_| None)
        .map_err(DemoError::Scenario)?
        .plan;
    let before = ArmTarget::of(&plan);
    let (step, by) = SLOWED;
    let mut now = before.clone();
    if let Some(Command { argv, .. }) = &mut now.command {
        argv.extend(["--fault".to_owned(), format!("slow={step}:{by}")]);
    }
    let options = CheckOptions {
        against: Against::Other {
            target: before,
            named: REFERENCE.to_owned(),
        },
        baselines: None,
        now: Some(now),
        max_rounds: Some(MAX_ROUNDS),
        budget: None,
        duet: false,
        rule: Rule::default(),
        allow_missing: false,
        allow_mismatch: false,
        profiler: None,
    };
    check(session, plan, &options, watcher).map_err(DemoError::Session)
}
