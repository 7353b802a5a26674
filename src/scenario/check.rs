//! From a tree to a plan: what the parts of a scenario mean together.
//!
//! Every check runs even when others have failed, so that one look at the file finds everything. A
//! plan comes out only when none has.

use std::path::Path;

use crate::diagnostic::{Diagnostic, Severity, SourceFile, scenario as codes};

use super::keys::SCENARIO;
use super::plan::{Phase, Plan};
use super::problems::Problems;
use super::project::Project;
use super::reach::Known;
use super::replay::Recorded;
use super::section::{self, Section};
use super::template::{Environment, Sources};
use super::{
    alert, data, doubts, fault, guard, health, journey, name, phase, shape, target, threshold, tree,
};

/// A plan, and what its author should know all the same.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub plan: Plan,
    pub warnings: Vec<Diagnostic>,
}

/// Reads a scenario. `base` is the folder that the files it names are taken from and must stay in,
/// `environment` looks up the variables its secrets are read from.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file, warnings last.
pub fn parse(
    file: &SourceFile,
    base: &Path,
    environment: Environment<'_>,
) -> Result<Loaded, Vec<Diagnostic>> {
    parse_in(&Project::default(), file, base, environment)
}

/// The same in a project, which has defaults for what the scenario does not say.
pub(super) fn parse_in(
    project: &Project,
    file: &SourceFile,
    base: &Path,
    environment: Environment<'_>,
) -> Result<Loaded, Vec<Diagnostic>> {
    let tree = tree::parse(file)?;
    let mut problems = Problems::new(file);
    // What the whole file lacks is said at its beginning.
    shape::table(&mut problems, &SCENARIO, &tree, &(0..0));
    let root = Section::new(&SCENARIO, &tree, &(0..0));
    let within = Within {
        file,
        base,
        environment,
        project,
    };
    let plan = check(&mut problems, &root, &within);
    let found = problems.finish();
    match plan {
        Some(plan) if found.iter().all(|d| d.severity == Severity::Warning) => Ok(Loaded {
            plan,
            warnings: found,
        }),
        _ => Err(found),
    }
}

/// What a scenario lies in.
struct Within<'a> {
    file: &'a SourceFile,
    base: &'a Path,
    environment: Environment<'a>,
    project: &'a Project,
}

fn check(problems: &mut Problems<'_>, root: &Section<'_>, within: &Within<'_>) -> Option<Plan> {
    let &Within {
        file,
        base,
        environment,
        project,
    } = within;
    let name = name::slug(problems, root, "name");
    let (seed, _) = root.whole("seed").unwrap_or((42, &(0..0)));
    let data = data::check(problems, root, base);
    let sources = Sources {
        base,
        environment,
        data: data::columns(&data),
    };
    let target = root
        .section("target")
        .and_then(|section| target::check(problems, &section, &sources, project.timeouts));
    let visits = journey::check(problems, root, &sources);
    let mut recorded = Recorded::new(base, visits.names());
    let phases = phases(problems, root, &mut recorded);
    recorded.check(problems, root, &phases);
    let recorded = recorded.into_steps();
    let guard = guard::check(problems, root);
    let health = health::probes(problems, root);
    let faults = fault::check(problems, root, &phases);
    let alerts = alert::check(problems, root);
    let known = Known {
        root,
        recorded: &recorded,
        phases: &phases,
        observed: root.section("target").is_none_or(|target| {
            ["command", "process"]
                .iter()
                .any(|k| target.node(k).is_some())
        }),
    };
    let thresholds = threshold::check(problems, &known);
    doubts::rare(problems, &known);
    let mut plan = Plan {
        description: root
            .text("description")
            .map_or_else(String::new, |(text, _)| text.to_owned()),
        seed,
        data: data
            .into_iter()
            .map(|(_, set)| set)
            .collect::<Option<_>>()?,
        phases: phases.into_iter().collect::<Option<_>>()?,
        thresholds: thresholds?,
        faults: faults?,
        guard,
        health: health?,
        alerts: alerts?,
        source: file.text.to_string(),
        file: Some(file.name.clone()),
        ..Plan::new(name?, target?)
    };
    visits.into_plan(&mut plan)?;
    plan.steps.extend(recorded);
    Some(plan)
}

/// The phases, None where one is wrong.
fn phases(
    problems: &mut Problems<'_>,
    root: &Section<'_>,
    recorded: &mut Recorded<'_>,
) -> Vec<Option<Phase>> {
    let sections = root.sections("phase");
    name::check(problems, &sections, "phase");
    section::count(problems, &sections, "phase");
    let phases: Vec<_> = sections
        .iter()
        .map(|section| phase::check(problems, section, recorded))
        .collect();
    if let (Some(last), true) = (sections.last(), sections.iter().all(|s| s.flag("warm-up"))) {
        let diagnostic =
            Diagnostic::error(&codes::NOTHING_MEASURED, "all phases are warm-up phases")
                .because("a warm-up is excluded from every number, so nothing would be measured")
                .help("add a [[phase]] without `warm-up = true`");
        problems.add(diagnostic, &last.span, "the last phase");
    }
    if let Some(section) = sections.last() {
        phase::check_sum(problems, section, &phases);
        phase::check_search(problems, &sections);
    }
    phases
}
