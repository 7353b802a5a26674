//! The gate of another commit: what judges is taken from there, and what is measured from the checkout.
//!
//! A change that is judged by its own thresholds can pass by loosening them. So thresholds, alerts,
//! allow-hosts, the gate of `plimsoll.toml` and baselines may come from a commit that the change cannot reach; where the checkout says
//! otherwise is listed in every report, and not followed.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use crate::diagnostic::{Diagnostic, store as codes};
use crate::model::{Baseline, BaselineId, Change, Finding, Outline, Threshold};
use crate::mutant::{self, Mutant};
use crate::scenario::plan::{self, Plan};
use crate::scenario::{self, PROJECT_FILE, Project, Said};
use crate::store::{Committed, CommittedKind, Ledger, Listed};
use crate::units::{Share, Unit};

use super::Session;

/// What judges, as a commit has it.
#[derive(Debug)]
pub struct Policy {
    reference: String,
    files: Committed,
    plan: Plan,
    project: Project,
}

impl Policy {
    /// Reads what a commit says of a scenario, which is named by its path in the checkout.
    ///
    /// # Errors
    /// When the commit, or the scenario in it, cannot be read.
    pub fn read(
        session: &Session,
        reference: &str,
        scenario: &Path,
    ) -> Result<Self, Vec<Diagnostic>> {
        let files = Committed::open(&session.root, reference).map_err(|e| vec![e.diagnostic()])?;
        let from = Source {
            reference,
            files: &files,
        };
        let name = below(&session.root, scenario).ok_or_else(|| {
            let message = format!("{} lies outside the project", scenario.display());
            vec![
                Diagnostic::error(&codes::NO_POLICY, message)
                    .because("what is not in the repository has no policy there")
                    .help("name a scenario below the folder that --root names"),
            ]
        })?;
        let project = from.project()?;
        let plan = from.plan(&name, &project)?;
        Ok(Self {
            reference: reference.to_owned(),
            files,
            plan,
            project,
        })
    }

    /// `plimsoll.toml`, whose hosts may be loaded and whose gate decides.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// The commit as the user names it.
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// The name of the scenario, and of its baseline.
    pub fn name(&self) -> &str {
        &self.plan.name
    }

    /// Puts the limits of the policy in the place of the plan's own.
    ///
    /// # Errors
    /// When one of them is about what the plan does not have.
    pub fn rule(&self, session: &Session, plan: &mut Plan) -> Result<(), Vec<Diagnostic>> {
        let thresholds: Vec<Threshold> = self.plan.thresholds.iter().map(unplaced).collect();
        let outline = plan.outline();
        let lost: Vec<_> = thresholds
            .iter()
            .filter_map(|t| self.lost(t, &outline))
            .collect();
        if !lost.is_empty() {
            return Err(lost);
        }
        let here = scenario::project(&session.root)?;
        let mut departures = departures(plan, &self.plan);
        departures.extend(hosts(&here.allow_hosts, &self.project.allow_hosts));
        departures.extend(gates(&here.said, &self.project.said));
        if !mutant::is_on(Mutant::PolicyFromCheckout) {
            plan.thresholds = thresholds;
            plan.alerts.clone_from(&self.plan.alerts);
        }
        plan.policy = Some(plan::Policy {
            reference: self.reference.clone(),
            commit: self.files.commit().to_owned(),
            departures,
        });
        Ok(())
    }

    /// The folder whose baselines are those of the policy, and says where the checkout has others.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn baselines(
        &self,
        session: &Session,
        name: &str,
        plan: &mut Plan,
    ) -> Result<PathBuf, Vec<Diagnostic>> {
        let failed = |e: &crate::store::StoreError| vec![e.diagnostic()];
        let here = Ledger::new(&session.root, name).map_err(|e| failed(&e))?;
        let listed = self
            .files
            .list(&format!("baselines/{name}"))
            .map_err(|e| failed(&e))?;
        self.files.take(listed.iter()).map_err(|e| failed(&e))?;
        let root = self.files.root().to_owned();
        let there = Ledger::new(&root, name).and_then(|ledger| ledger.load());
        let there = there.map_err(|e| failed(&e))?.as_ref().map(Baseline::id);
        // What cannot be read here judges nothing, and is another one all the same.
        let same = here
            .load()
            .is_ok_and(|b| b.as_ref().map(Baseline::id) == there);
        if let (false, Some(policy)) = (same, &mut plan.policy) {
            policy.departures.push(other_baseline(name, there.as_ref()));
        }
        Ok(root)
    }

    /// What a threshold is about and the plan has not.
    fn lost(&self, threshold: &Threshold, outline: &Outline) -> Option<Diagnostic> {
        let scope = &threshold.scope;
        let phase = |name: &str| {
            let phase = outline.phase_index(name).map(|i| &outline.phases[i]);
            phase.is_some_and(|phase| !phase.warm_up)
        };
        let gone = |what: &str, name: &Option<String>, is_there: &dyn Fn(&str) -> bool| {
            let name = name.as_deref()?;
            (!is_there(name)).then(|| format!("{what} `{name}`"))
        };
        let what = gone("step", &scope.step, &|name| {
            outline.step_index(name).is_some()
        })
        .or_else(|| {
            gone("journey", &scope.journey, &|name| {
                outline.journey(name).is_some()
            })
        })
        .or_else(|| gone("measured phase", &scope.phase, &phase))?;
        let message = format!(
            "`{}` limits {}{scope}, and this checkout has no such {what}",
            self.reference, threshold.metric
        );
        Some(
            Diagnostic::error(&codes::NO_POLICY, message)
                .because("what a change takes away would be what it is not judged by")
                .help(
                    "change the thresholds first, in a change of their own that is reviewed as one",
                ),
        )
    }
}

/// A commit that is read from.
struct Source<'a> {
    reference: &'a str,
    files: &'a Committed,
}

impl Source<'_> {
    fn project(&self) -> Result<Project, Vec<Diagnostic>> {
        let listed = self.list(PROJECT_FILE)?;
        if let Some(entry) = listed.iter().find(|entry| entry.path == PROJECT_FILE) {
            self.regular(entry)?;
            self.take(&mut listed.iter())?;
        }
        scenario::project(self.files.root()).map_err(|found| self.named(found))
    }

    /// The whole scenario, so that its thresholds are read as they are there. It is never run.
    fn plan(&self, name: &str, project: &Project) -> Result<Plan, Vec<Diagnostic>> {
        let (folder, _) = name.rsplit_once('/').unwrap_or(("", name));
        let listed = self.list(folder)?;
        let Some(entry) = listed.iter().find(|entry| entry.path == name) else {
            let message = format!("`{}` has no {name}", self.reference);
            return Err(vec![Diagnostic::error(&codes::NO_POLICY, message)
                .because("a scenario that nobody has accepted yet would be judged by nothing")
                .help("bring the scenario in by a change of its own, checked without --policy-from")]);
        };
        self.regular(entry)?;
        self.take(&mut std::iter::once(entry))?;
        let path = self.files.root().join(name);
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let within = |entry: &&Listed| {
            let prefix = if folder.is_empty() {
                0
            } else {
                folder.len() + 1
            };
            let named = entry.path.get(prefix..).unwrap_or_default();
            entry.path != name && !named.is_empty() && text.contains(named)
        };
        self.take(&mut listed.iter().filter(within))?;
        self.stand_in(folder, &text)?;
        // Secrets are not part of a plan's identity, and nothing is sent by this one.
        let loaded = scenario::load_in(project, &path, &|_| Some(OsString::from("of-no-account")));
        loaded.map(|l| l.plan).map_err(|found| self.named(found))
    }

    /// Lays down something for each secret that is a file: those are not committed.
    fn stand_in(&self, folder: &str, text: &str) -> Result<(), Vec<Diagnostic>> {
        let names = text.split("{{").skip(1).filter_map(|after| {
            let (inner, _) = after.split_once("}}")?;
            inner.trim().strip_prefix("file.")
        });
        for name in names {
            let is_below = Path::new(name)
                .components()
                .all(|part| matches!(part, Component::Normal(_)));
            let path = self.files.root().join(folder).join(name);
            if is_below && !path.exists() {
                crate::store::write_whole(&path, b"of-no-account")
                    .map_err(|e| vec![e.diagnostic()])?;
            }
        }
        Ok(())
    }

    fn list(&self, path: &str) -> Result<Vec<Listed>, Vec<Diagnostic>> {
        self.files.list(path).map_err(|e| vec![e.diagnostic()])
    }

    fn take(&self, files: &mut dyn Iterator<Item = &Listed>) -> Result<(), Vec<Diagnostic>> {
        self.files.take(files).map_err(|e| vec![e.diagnostic()])
    }

    fn regular(&self, entry: &Listed) -> Result<(), Vec<Diagnostic>> {
        if entry.kind == CommittedKind::File || mutant::is_on(Mutant::SymlinksFollowed) {
            return Ok(());
        }
        let message = format!("{} is no regular file in `{}`", entry.path, self.reference);
        Err(vec![
            Diagnostic::error(&codes::NO_POLICY, message)
                .because("a link or a submodule leads to what was not committed there")
                .help("commit the file itself"),
        ])
    }

    /// The diagnostics with the commit in the place of the folder that its files were laid down in.
    fn named(&self, mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let folder = format!("{}/", self.files.root().display());
        let commit = format!("{}:", self.reference);
        for diagnostic in &mut found {
            let texts = [&mut diagnostic.help, &mut diagnostic.reason];
            for text in texts.into_iter().flatten() {
                *text = text.replace(&folder, &commit);
            }
            diagnostic.message = diagnostic.message.replace(&folder, &commit);
            if let Some((file, _)) = &mut diagnostic.place {
                file.name = file.name.replace(&folder, &commit);
            }
        }
        found
    }
}

/// What reports say of the policy that a plan was judged by.
pub(super) fn findings(plan: &Plan) -> Vec<Finding> {
    let Some(policy) = &plan.policy else {
        return Vec::new();
    };
    let short = policy.commit.get(..12).unwrap_or(&policy.commit);
    let judged = Finding {
        code: None,
        text: format!(
            "judged by the policy of `{}`, commit {short}: thresholds, alerts, allow-hosts and baselines are from there",
            policy.reference
        ),
        hint: None,
    };
    let departs = policy.departures.iter().map(|departure| Finding {
        code: Some(codes::POLICY_DEPARTS.id.to_owned()),
        text: format!("this checkout departs from the policy: {departure}"),
        hint: None,
    });
    std::iter::once(judged).chain(departs).collect()
}

/// A path below a root as git writes it, by names alone: a link in the checkout may not choose which file
/// of the commit is meant.
fn below(root: &Path, path: &Path) -> Option<String> {
    let whole = |path: &Path| std::path::absolute(path).ok();
    let (root, path) = (whole(root)?, whole(path)?);
    let parts = path.strip_prefix(root).ok()?.components();
    let names: Option<Vec<&str>> = parts
        .map(|part| match part {
            Component::Normal(name) => name.to_str(),
            _ => None,
        })
        .collect();
    names.filter(|names| !names.is_empty()).map(|n| n.join("/"))
}

/// Lines of another version of the file say nothing.
fn unplaced(threshold: &Threshold) -> Threshold {
    Threshold {
        line: None,
        ..threshold.clone()
    }
}

/// Where the checkout says other than the policy.
fn departures(here: &Plan, there: &Plan) -> Vec<String> {
    let mut found = Vec::new();
    if here.name != there.name {
        found.push(format!(
            "the scenario is called `{}` here and `{}` there",
            here.name, there.name
        ));
    }
    let same =
        |a: &Threshold, b: &Threshold| (a.metric, &a.scope, a.over) == (b.metric, &b.scope, b.over);
    for theirs in &there.thresholds {
        match here.thresholds.iter().find(|ours| same(ours, theirs)) {
            None => found.push(format!(
                "{} has no threshold here any more, and is held to {}",
                subject(theirs),
                terms(theirs)
            )),
            Some(ours) if terms(ours) != terms(theirs) => found.push(format!(
                "{}: {} here, and {} judges",
                subject(theirs),
                terms(ours),
                terms(theirs)
            )),
            Some(_) => {}
        }
    }
    for ours in &here.thresholds {
        if !there.thresholds.iter().any(|theirs| same(ours, theirs)) {
            found.push(format!(
                "{} has a threshold here alone, {}, which does not judge yet",
                subject(ours),
                terms(ours)
            ));
        }
    }
    for (differ, what) in [
        (
            here.alerts != there.alerts,
            "the alerts differ; those of the policy are evaluated",
        ),
        (
            here.hash() != there.hash(),
            "the load differs (steps, data, phases, connections, guard or limits of the target); that of this checkout was measured",
        ),
        (
            here.target.command != there.target.command || here.target.url != there.target.url,
            "the target is started or addressed otherwise; that of this checkout was measured",
        ),
        (
            here.health != there.health,
            "the health probes differ; those of this checkout were asked",
        ),
    ] {
        if differ {
            found.push(what.to_owned());
        }
    }
    found
}

fn hosts(here: &[String], there: &[String]) -> Vec<String> {
    let only = |of: &[String], other: &[String]| -> Vec<String> {
        let mut only: Vec<_> = of.iter().filter(|h| !other.contains(h)).cloned().collect();
        only.sort();
        only
    };
    let mut found = Vec::new();
    for host in only(here, there) {
        found.push(format!(
            "`{host}` is in allow-hosts here alone, and may not be loaded"
        ));
    }
    for host in only(there, here) {
        found.push(format!(
            "`{host}` is not in allow-hosts here, and may be loaded"
        ));
    }
    found
}

/// Where the gates of the two `plimsoll.toml` differ.
fn gates(here: &[Said], there: &[Said]) -> Vec<String> {
    let gate = |of: &[Said]| -> BTreeMap<String, String> {
        let gate = of.iter().filter(|said| said.key.starts_with("check."));
        gate.map(|said| (said.key.clone(), said.value.clone()))
            .collect()
    };
    let (here, there) = (gate(here), gate(there));
    let keys: BTreeSet<&String> = here.keys().chain(there.keys()).collect();
    let shown = |value: Option<&String>| value.map_or("not set".to_owned(), |v| format!("`{v}`"));
    keys.into_iter()
        .filter(|key| here.get(*key) != there.get(*key))
        .map(|key| {
            format!(
                "{key} of plimsoll.toml is {} here, and {} there, which holds",
                shown(here.get(key)),
                shown(there.get(key))
            )
        })
        .collect()
}

fn other_baseline(name: &str, there: Option<&BaselineId>) -> String {
    match there {
        Some(id) => format!(
            "baselines/{name} is another one here; revision {} of the policy is compared with",
            id.revision
        ),
        None => format!("baselines/{name} is there only here, and is not compared with"),
    }
}

fn subject(threshold: &Threshold) -> String {
    let over = threshold
        .over
        .map_or_else(String::new, |over| format!(" over {over}"));
    format!("{}{}{over}", threshold.metric, threshold.scope)
}

/// What is allowed, in words that differ when it does.
fn terms(threshold: &Threshold) -> String {
    let unit = threshold.metric.unit();
    let limit = threshold
        .max
        .map(|max| format!("limit {}", unit.format(max)));
    let change = threshold.max_change.map(|change| match change {
        Change::Relative(share) => format!("change {}", Share(share)),
        Change::Points(points) => format!("change {} pp", Unit::Count.format(points * 100.0)),
    });
    let floor = threshold
        .min_change
        .map(|min| format!("from {} on", unit.format(min)));
    let abort = threshold.abort.then(|| "ends the run".to_owned());
    let terms: Vec<_> = [limit, change, floor, abort]
        .into_iter()
        .flatten()
        .collect();
    if terms.is_empty() {
        "no limit".to_owned()
    } else {
        terms.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Metric;
    use crate::schedule::sample;

    #[test]
    fn a_path_is_below_the_root_by_its_names_alone() {
        let of = |root: &str, path: &str| below(Path::new(root), Path::new(path));
        assert_eq!(
            of("/p", "/p/scenarios/a.toml").as_deref(),
            Some("scenarios/a.toml")
        );
        assert_eq!(
            of(".", "./scenarios/a.toml").as_deref(),
            Some("scenarios/a.toml")
        );
        assert_eq!(of("/p", "/p/../q/a.toml"), None);
        assert_eq!(of("/p", "/q/a.toml"), None);
        assert_eq!(of("/p", "/p"), None);
    }

    #[test]
    fn every_departure_is_named() {
        let limit = |metric, max| Threshold {
            max: Some(max),
            ..Threshold::on(metric)
        };
        let mut there = sample::plan();
        there.thresholds = vec![
            limit(Metric::ErrorsRate, 0.01),
            limit(Metric::HealthScore, 0.5),
        ];
        let mut here = sample::plan();
        assert_eq!(departures(&there, &there.clone()), Vec::<String>::new());
        here.thresholds = vec![limit(Metric::ErrorsRate, 0.5), limit(Metric::RssPeak, 1e6)];
        here.seed += 1;
        insta::assert_snapshot!(departures(&here, &there).join("\n"), @"
        errors.rate: limit 50 % here, and limit 1 % judges
        health.score has no threshold here any more, and is held to limit 50 %
        memory.rss.peak has a threshold here alone, limit 976.6 KiB, which does not judge yet
        the load differs (steps, data, phases, connections, guard or limits of the target); that of this checkout was measured
        ");
        let hosts = hosts(&["a".to_owned()], &["b".to_owned()]);
        insta::assert_snapshot!(hosts.join("\n"), @"
        `a` is in allow-hosts here alone, and may not be loaded
        `b` is not in allow-hosts here, and may be loaded
        ");
        let said = |key: &str, value: &str| Said {
            key: key.to_owned(),
            value: value.to_owned(),
            line: 1,
        };
        let here = [
            said("check.on-inconclusive", "warn"),
            said("run.rounds", "2"),
        ];
        let there = [
            said("check.on-inconclusive", "fail"),
            said("check.strict", "false"),
        ];
        insta::assert_snapshot!(gates(&here, &there).join("\n"), @"
        check.on-inconclusive of plimsoll.toml is `warn` here, and `fail` there, which holds
        check.strict of plimsoll.toml is not set here, and `false` there, which holds
        ");
        assert_eq!(gates(&there, &there), Vec::<String>::new());
    }
}
