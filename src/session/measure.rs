//! `run`: measure one target for some rounds, judge its absolute limits.

use std::sync::Arc;

use crate::clock::wall_rfc3339;
use crate::guard::Breaker;
use crate::model::{Arm, Comparison, Event, Manifest, Mode, Profiles, RUN_SCHEMA, Run, RunState};
use crate::observe;
use crate::redaction::Redactor;
use crate::scenario::plan::Plan;
use crate::store::instrument::kept;
use crate::store::runs::{self, RunWriter};
use crate::store::space;

use super::alerts;
use super::bundles::Bundles;
use super::floor;
use super::policy;
use super::preflight::preflight;
use super::round::{Measurer, Slot};
use super::search::searched;
use super::shard::{InStep, Part, judged_alone};
use super::weigh::{Weighing, weigh, weigh_capacity};
use super::{ArmTarget, Outcome, Session, SessionError, Watcher};

/// Measures `rounds` rounds of the plan's own target and judges the limits that need no reference.
///
/// A plan that searches for capacity says itself how many rounds each level has.
pub fn measure(
    session: &Session,
    plan: Plan,
    rounds: usize,
    watcher: &mut Watcher<'_>,
) -> Result<Outcome, SessionError> {
    let manifest = manifest(session, &plan, Mode::Measure, None);
    if let Some(search) = searched(&plan) {
        let target = ArmTarget::of(&plan);
        let mut measurer = begin(session, plan, &manifest, search.most_rounds(), watcher)?;
        let capacity = search.measure(&mut measurer, &target)?;
        let weighing = Weighing::absolute(&manifest.outline);
        let comparison = weigh_capacity(&weighing, &measurer.rounds, &capacity, Vec::new());
        return conclude(measurer, manifest, comparison);
    }
    let measurer = begin(session, plan, &manifest, rounds, watcher)?;
    all_rounds(measurer, manifest, rounds)
}

/// Measures a part of the plan while others measure the rest; judges nothing but its soundness.
pub fn measure_part(
    session: &Session,
    plan: Plan,
    rounds: usize,
    part: Part,
    watcher: &mut Watcher<'_>,
) -> Result<Outcome, SessionError> {
    let in_step = InStep::new(part, &plan)?;
    let manifest = Manifest {
        shard: Some(part.shard),
        start_at: Some(part.start_at.to_string()),
        ..manifest(session, &plan, Mode::Measure, None)
    };
    let mut measurer = begin(session, plan, &manifest, rounds, watcher)?;
    measurer.judged = judged_alone(&measurer.outline);
    measurer.in_step = Some(in_step);
    all_rounds(measurer, manifest, rounds)
}

fn all_rounds(
    mut measurer: Measurer<'_, '_>,
    manifest: Manifest,
    rounds: usize,
) -> Result<Outcome, SessionError> {
    let target = ArmTarget::of(&measurer.plan);
    for index in 0..rounds {
        if index > 0 && !measurer.goes_on() {
            break;
        }
        measurer.round(
            Slot {
                index,
                arm: Arm::Now,
                pair: index,
                level: None,
                of: rounds,
            },
            &target,
        )?;
    }
    let comparison = weigh(&Weighing::absolute(&measurer.judged), &measurer.rounds);
    conclude(measurer, manifest, comparison)
}

/// Describes a run that is about to begin.
pub(super) fn manifest(
    session: &Session,
    plan: &Plan,
    mode: Mode,
    reference: Option<String>,
) -> Manifest {
    let version = env!("CARGO_PKG_VERSION");
    let fingerprint = observe::fingerprint(version);
    Manifest {
        schema: RUN_SCHEMA,
        id: runs::new_id(),
        mode,
        started_at: wall_rfc3339(),
        version: version.to_owned(),
        seed: plan.seed,
        plan_hash: plan.hash(),
        outline: plan.outline(),
        scenario: plan.source.clone(),
        scenario_file: plan.file.clone(),
        instrument: kept(&session.root, &fingerprint.machine()),
        fingerprint,
        revision: observe::revision(),
        reference,
        baseline: None,
        shard: None,
        start_at: None,
        parts: Vec::new(),
        origin: None,
    }
}

/// Opens the record, before the first request is sent.
pub(super) fn begin<'a, 'w>(
    session: &'a Session,
    plan: Plan,
    manifest: &Manifest,
    most_rounds: usize,
    watcher: &'a mut Watcher<'w>,
) -> Result<Measurer<'a, 'w>, SessionError> {
    space::check(&session.root, &manifest.outline, most_rounds)?;
    let remarks = preflight(&plan, manifest.shard, session.workers)?;
    let writer = RunWriter::create(&session.root, manifest)?;
    let outline = manifest.outline.clone();
    watcher(&Event::Started {
        outline: outline.clone(),
        rounds: most_rounds,
    });
    for remark in remarks {
        watcher(&Event::Warning(remark));
    }
    Ok(Measurer {
        session,
        stop: session.stop.branch(),
        breaker: plan.guard.map(Breaker::new),
        bundles: Bundles::new(&session.root, writer.dir(), &plan),
        redactor: Redactor::new(plan.secrets()),
        plan: Arc::new(plan),
        judged: outline.clone(),
        in_step: None,
        outline,
        writer,
        watcher,
        rounds: Vec::new(),
        intervals: Vec::new(),
        keeps_intervals: false,
        recorded: false,
        left_out: false,
        ended_after: None,
    })
}

/// Seals the record and hands the run over.
pub(super) fn conclude(
    measurer: Measurer<'_, '_>,
    manifest: Manifest,
    mut comparison: Comparison,
) -> Result<Outcome, SessionError> {
    floor::remark(measurer.session, &manifest, &mut comparison);
    alerts::conclude(
        &mut comparison,
        &measurer.rounds,
        measurer.plan.fail_on_alert,
    );
    comparison.findings.extend(policy::findings(&measurer.plan));
    comparison.findings.extend(measurer.bundles.findings());
    comparison.findings.extend(measurer.cut_off());
    let interrupted = measurer.interrupted();
    let dir = measurer.writer.dir().to_owned();
    let mut writer = measurer.writer;
    writer.write_comparison(&comparison)?;
    writer.seal(interrupted)?;
    let Run {
        intervals, samples, ..
    } = runs::read(&dir)?;
    let run = Run {
        manifest,
        state: if interrupted {
            RunState::Interrupted
        } else {
            RunState::Complete
        },
        rounds: measurer.rounds,
        intervals,
        samples,
        comparison: Some(comparison),
    };
    Ok(Outcome {
        run,
        dir,
        baseline: None,
        profiles: Profiles::default(),
    })
}
