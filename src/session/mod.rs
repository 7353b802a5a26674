//! The use cases: measure, check, compare, import, calibrate, keep a baseline, follow a history.
//!
//! Everything that the verbs of the command line do is a function here, over the modules below and
//! without a terminal: events go out to whoever watches, results come back as [`Outcome`]s, and
//! whatever goes wrong is a [`SessionError`].

mod accept;
mod alarm;
mod alerts;
mod between;
mod budget;
mod bundles;
mod calibrate;
mod check;
mod compare;
mod conceal;
mod deliver;
pub mod demo;
mod doubts;
mod duet;
mod error;
mod examine;
mod faults;
mod floor;
mod fold;
mod follow;
mod history;
mod import;
pub mod instrument;
mod ledger;
mod load;
mod measure;
mod merge;
mod overseer;
mod overview;
mod planner;
mod policy;
mod preflight;
mod profile;
mod promote;
mod round;
mod search;
mod series;
mod shard;
mod survey;
#[cfg(test)]
mod tests;
mod values;
mod way;
mod weigh;

use std::path::{Path, PathBuf};

use crate::model::{Baseline, Event, Profiles, Run};

pub use crate::diagnose::{CATALOGUE as SYMPTOMS, Symptom, diagnose};
pub use crate::engine::Stop;
pub use crate::export::Export;
pub use crate::import::Kind as ImportKind;
pub use crate::judge::{Rule, SESSIONS};
pub use crate::observe::{ProfilerChoice, Subject};
pub use crate::scenario::plan::{Command, ProcessRule};
pub use crate::store::runs::REPORT;
pub use crate::users::keep_interrupts;
pub use crate::web::{Answer, Asked, Page, serve as serve_pages};
pub use accept::{Acceptance, Accepted, Provenance, accept};
pub use alerts::{alert_rules, evaluate_alerts, gate_on_alerts};
pub use bundles::{bundle_of_run, bundle_of_target};
pub use calibrate::{CalibrateOptions, Calibrated, calibrate};
pub use check::{Against, CheckOptions, LEAST_OF_DUET, MOST_ROUNDS, USUAL_ROUNDS, check};
pub use compare::{compare, reread, reread_exactly};
pub use deliver::deliver;
pub use doubts::doubts;
pub use error::SessionError;
pub use examine::examine;
pub use fold::{FoldOptions, Folded, fold};
pub use follow::Following;
pub use history::{
    AcceptedNow, Excerpt, LevelClaim, accept_level, history, history_until, history_watched,
};
pub use import::{ImportRequest, import};
pub use ledger::{
    Described, Difference, Prunable, PruneOptions, Pruned, Verified, baselines, difference,
    doubtful_lock, ends, ledger_history, prunable, prune, verify,
};
pub use measure::{measure, measure_part};
pub use merge::merge;
pub use overview::{overview, state_of_runs};
pub use policy::Policy;
pub use preflight::LimitError;
pub use promote::{PromoteOptions, Promoted, promote};
pub use round::ArmTarget;
pub use series::{history_of, is_date};
pub use shard::Part;
pub use survey::{METRICS, Survey, survey};
pub use values::{ValuesQuestion, compare_values};

/// What every use case needs to know about where it runs.
#[derive(Debug, Clone)]
pub struct Session {
    /// The folder that holds `reports/` and `baselines/`.
    pub root: PathBuf,
    /// Our own executable: starts targets so that they die with us.
    pub executable: Option<PathBuf>,
    /// Asks a run to end early.
    pub stop: Stop,
    /// Worker threads of the load engine; None: chosen from cores and connections.
    pub workers: Option<usize>,
}

/// Writes a report where the user wants it, whole or not at all; missing folders are made.
pub fn write_output(path: &Path, bytes: &[u8]) -> Result<(), SessionError> {
    Ok(crate::store::write_whole(path, bytes)?)
}

/// The same for a path below the root of a project, which no link may lead out of it.
pub fn write_below(root: &Path, path: &Path, bytes: &[u8]) -> Result<(), SessionError> {
    Ok(crate::store::write_below(root, path, bytes)?)
}

/// Writes a rendered report into the folder of a run, beside its record.
pub fn write_report(dir: &Path, name: &str, text: &str) -> Result<PathBuf, SessionError> {
    Ok(crate::store::runs::write_report(
        dir,
        name,
        text.as_bytes(),
    )?)
}

/// The folder of all runs, whether it is there or not.
pub fn reports(session: &Session) -> PathBuf {
    crate::store::runs::reports(&session.root)
}

/// Writes the list of all runs, `reports/index.html`, and returns its path.
pub fn write_index(session: &Session, text: &str) -> Result<PathBuf, SessionError> {
    Ok(crate::store::runs::write_index(
        &session.root,
        text.as_bytes(),
    )?)
}

/// Receives what happens while it happens.
pub type Watcher<'a> = dyn FnMut(&Event) + 'a;

/// A measured and judged run, where it is stored, and what it was compared with.
#[derive(Debug)]
pub struct Outcome {
    pub run: Run,
    pub dir: PathBuf,
    pub baseline: Option<Baseline>,
    /// What rounds showed that were run again under a profiler.
    pub profiles: Profiles,
}
