//! `merge`: the parts of a plan, measured at the same time by several processes, become one run.

use std::collections::BTreeSet;

use crate::judge::{self, Aftermath, Live};
use crate::model::{Finding, Fingerprint, Manifest, Mode, Outline, Profiles, Run, RunState, Shard};
use crate::recorder::{self, Merged};
use crate::store::runs::{self, Begin, Frame, RunWriter};

use super::weigh::{Weighing, weigh};
use super::{Outcome, Session, SessionError};

/// Puts the named runs together into a new run, judged as if one machine had measured it.
pub fn merge(session: &Session, names: &[String]) -> Result<Outcome, SessionError> {
    let mut parts = names
        .iter()
        .map(|name| Ok(runs::read(&runs::find(&session.root, name)?)?))
        .collect::<Result<Vec<Run>, SessionError>>()?;
    fitting(&mut parts)?;
    let manifest = manifest(&parts);
    let mut merged = recorder::merge(&parts);
    judge_rounds(&manifest, &mut merged);
    let mut comparison = weigh(&Weighing::absolute(&manifest.outline), &merged.rounds);
    comparison.findings.push(Finding {
        code: None,
        text: format!(
            "put together from {} parts: {}",
            parts.len(),
            manifest.parts.join(", ")
        ),
        hint: None,
    });
    let mut writer = RunWriter::create(&session.root, &manifest)?;
    let dir = writer.dir().to_owned();
    write(&mut writer, &merged)?;
    writer.write_comparison(&comparison)?;
    writer.seal(false)?;
    Ok(Outcome {
        run: Run {
            manifest,
            state: RunState::Complete,
            rounds: merged.rounds,
            intervals: merged.intervals,
            samples: merged.samples,
            comparison: Some(comparison),
        },
        dir,
        baseline: None,
        profiles: Profiles::default(),
    })
}

/// Fills what a round owes to the judge.
fn judge_rounds(manifest: &Manifest, merged: &mut Merged) {
    for round in &mut merged.rounds {
        let mut live = Live::new(&manifest.outline);
        let mut aftermath = Aftermath::new(&manifest.outline);
        for interval in merged.intervals.iter().filter(|i| i.round == round.index) {
            live.feed(interval);
            aftermath.feed(interval);
        }
        round.windows = live.finish();
        round.impacts = aftermath.finish();
        round.contamination = judge::contamination(&round.trust);
    }
}

/// Round by round, as it would have been written while measuring.
fn write(writer: &mut RunWriter, merged: &Merged) -> Result<(), SessionError> {
    for round in &merged.rounds {
        writer.append(&Frame::Begin(Begin {
            index: round.index,
            arm: round.arm,
            pair: round.pair,
            started_at: round.started_at.clone(),
            level: round.level,
        }))?;
        for sample in merged.samples.iter().filter(|s| s.round == round.index) {
            writer.append(&Frame::Sample(sample.clone()))?;
        }
        for interval in merged.intervals.iter().filter(|i| i.round == round.index) {
            writer.append(&Frame::Interval(interval.clone()))?;
        }
        writer.append(&Frame::Round(Box::new(round.clone())))?;
    }
    Ok(writer.sync()?)
}

/// Sorts the parts, and refuses what is not the whole of one measurement.
fn fitting(parts: &mut [Run]) -> Result<(), SessionError> {
    let refuse = |reason: String| Err(SessionError::NotMergeable { reason });
    let Some(first) = parts.first().map(|p| p.manifest.clone()) else {
        return refuse("no run is named".to_owned());
    };
    let mut present = BTreeSet::new();
    let of = first.shard.map_or(1, Shard::of);
    for part in parts.iter() {
        let (m, id) = (&part.manifest, &part.manifest.id);
        let Some(shard) = m.shard else {
            return refuse(format!("run {id} is no part: it measured the whole plan"));
        };
        let differs = [
            ("scenario", m.outline.name != first.outline.name),
            (
                "plan",
                m.plan_hash != first.plan_hash || !same_outline(m, &first),
            ),
            ("seed", m.seed != first.seed),
            ("start", m.start_at != first.start_at),
            ("number of parts", shard.of() != of),
        ];
        if let Some((what, _)) = differs.iter().find(|(_, differs)| *differs) {
            return refuse(format!("run {id} has another {what} than run {}", first.id));
        }
        if part.state != RunState::Complete || part.rounds.iter().any(|r| !r.complete) {
            return refuse(format!("part {shard} (run {id}) is not complete"));
        }
        if !present.insert(shard.index()) {
            return refuse(format!("part {shard} is there twice"));
        }
    }
    let missing: Vec<String> = (0..of)
        .filter(|index| !present.contains(index))
        .map(|index| format!("{}/{of}", index + 1))
        .collect();
    if !missing.is_empty() {
        return refuse(format!("missing: part {}", missing.join(", ")));
    }
    let rounds = parts[0].rounds.len();
    if let Some(other) = parts.iter().find(|p| p.rounds.len() != rounds) {
        return refuse(format!(
            "run {} has {} rounds and run {} has {rounds}",
            other.manifest.id,
            other.rounds.len(),
            first.id
        ));
    }
    parts.sort_by_key(|p| p.manifest.shard.map_or(0, Shard::index));
    Ok(())
}

/// Machines may reach the target by different names.
fn same_outline(a: &Manifest, b: &Manifest) -> bool {
    let target = b.outline.target.clone();
    let a = Outline {
        target,
        ..a.outline.clone()
    };
    a == b.outline
}

fn manifest(parts: &[Run]) -> Manifest {
    let all = || parts.iter().map(|p| &p.manifest);
    let first = &parts[0].manifest;
    let same = |of: fn(&Manifest) -> &Option<String>| {
        all()
            .all(|m| of(m) == of(first))
            .then(|| of(first).clone())
            .flatten()
    };
    Manifest {
        id: runs::new_id(),
        mode: Mode::Measure,
        started_at: all()
            .map(|m| m.started_at.clone())
            .min()
            .unwrap_or_default(),
        fingerprint: together(&all().map(|m| &m.fingerprint)),
        // Of several machines there is none.
        instrument: None,
        revision: same(|m| &m.revision),
        shard: None,
        parts: all().map(|m| m.id.clone()).collect(),
        ..first.clone()
    }
}

/// The machines as one environment: what they have in common, and every value where they differ, so
/// that only a run of the same machines is comparable.
fn together<'a>(machines: &(impl Iterator<Item = &'a Fingerprint> + Clone)) -> Fingerprint {
    let texts = |of: fn(&Fingerprint) -> &String| -> String {
        let distinct: BTreeSet<&String> = machines.clone().map(of).collect();
        let distinct: Vec<&str> = distinct.into_iter().map(String::as_str).collect();
        distinct.join(" + ")
    };
    Fingerprint {
        cpu_model: texts(|f| &f.cpu_model),
        cores: machines.clone().map(|f| f.cores).max().unwrap_or(0),
        architecture: texts(|f| &f.architecture),
        cpu_quota: texts(|f| &f.cpu_quota),
        kernel: texts(|f| &f.kernel),
        governor: texts(|f| &f.governor),
        memory_mib: machines.clone().map(|f| f.memory_mib).max().unwrap_or(0),
        boot_id: texts(|f| &f.boot_id),
        tool_version: texts(|f| &f.tool_version),
    }
}
