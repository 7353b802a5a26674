//! `import`: what another tool measured becomes a run, to be shown and compared.

use std::path::PathBuf;

use crate::clock::wall_rfc3339;
use crate::diagnostic::Diagnostic;
use crate::import::{self, Imported, Kind, Rounds};
use crate::model::{
    Event, Fingerprint, Manifest, Mode, Origin, Profiles, RUN_SCHEMA, Run, RunState,
};
use crate::store::runs::{self, Begin, Frame, RunWriter};
use crate::units::Nanos;

use super::weigh::{Weighing, weigh};
use super::{Outcome, Session, SessionError, Watcher};

/// What is to be imported.
#[derive(Debug)]
pub struct ImportRequest<'a> {
    /// None: told by content.
    pub kind: Option<Kind>,
    /// One for each round, in order.
    pub paths: &'a [PathBuf],
    /// Name of the runs; None: that of the tool.
    pub scenario: Option<&'a str>,
    /// Version of the tool, which few files say.
    pub version: Option<&'a str>,
    /// What one count of a histogram log stands for.
    pub unit: Nanos,
}

/// Stores the files as the rounds of one run, judged by nothing yet.
///
/// # Errors
/// When a file is not what its tool writes, or the run cannot be stored.
pub fn import(
    session: &Session,
    request: &ImportRequest<'_>,
    watcher: &mut Watcher<'_>,
) -> Result<Outcome, Vec<Diagnostic>> {
    let of = request.paths.len();
    let mut reading = |done| {
        let what = "files read";
        watcher(&Event::Analysed { what, done, of });
    };
    let read = import::read(request.kind, request.paths, request.unit, &mut reading);
    let Rounds { kind, rounds } = read?;
    let scenario = request.scenario.unwrap_or(kind.name());
    let now = wall_rfc3339();
    let imported = import::assemble(&rounds, scenario, &now).map_err(|d| vec![d])?;
    store(session, request, imported, now).map_err(|e| vec![e.diagnostic()])
}

fn store(
    session: &Session,
    request: &ImportRequest<'_>,
    imported: Imported,
    now: String,
) -> Result<Outcome, SessionError> {
    let version = request.version.map(str::to_owned);
    let origin = Origin::Tool {
        name: imported.tool.to_owned(),
        version,
    };
    let manifest = Manifest {
        schema: RUN_SCHEMA,
        id: runs::new_id(),
        mode: Mode::Imported,
        started_at: imported.started_at.unwrap_or(now),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: 0,
        plan_hash: imported.plan_hash,
        outline: imported.outline,
        scenario: String::new(),
        scenario_file: None,
        // Where it was measured is not known; by what is.
        fingerprint: Fingerprint {
            tool_version: origin.to_string(),
            ..Fingerprint::default()
        },
        instrument: None,
        revision: None,
        reference: None,
        baseline: None,
        shard: None,
        start_at: None,
        parts: Vec::new(),
        origin: Some(origin),
    };
    let comparison = weigh(&Weighing::absolute(&manifest.outline), &imported.rounds);
    let mut writer = RunWriter::create(&session.root, &manifest)?;
    let dir = writer.dir().to_owned();
    for round in &imported.rounds {
        writer.append(&Frame::Begin(Begin {
            index: round.index,
            arm: round.arm,
            pair: round.pair,
            started_at: round.started_at.clone(),
            level: None,
        }))?;
        writer.append(&Frame::Round(Box::new(round.clone())))?;
    }
    writer.write_comparison(&comparison)?;
    writer.seal(false)?;
    Ok(Outcome {
        run: Run {
            manifest,
            state: RunState::Complete,
            rounds: imported.rounds,
            intervals: Vec::new(),
            samples: Vec::new(),
            comparison: Some(comparison),
        },
        dir,
        baseline: None,
        profiles: Profiles::default(),
    })
}
