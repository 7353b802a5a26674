//! From a tree to a plan: what the parts of a scenario mean together.
//!
//! Every check runs even when others have failed, so that one look at the file finds everything. A
//! plan comes out only when none has.

use std::path::Path;

use crate::diagnostic::{Diagnostic, Severity, SourceFile, scenario as codes};

use super::keys::SCENARIO;
use super::plan::{Phase, Plan, Step};
use super::problems::Problems;
use super::section::{self, Placed, Section};
use super::shape::{self, short};
use super::{guard, phase, step, target, threshold, tree};

/// A plan, and what its author should know all the same.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub plan: Plan,
    pub warnings: Vec<Diagnostic>,
}

/// Reads a scenario; `base` is the folder that body files are taken from and must stay in.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file, warnings last.
pub fn parse(file: &SourceFile, base: &Path) -> Result<Loaded, Vec<Diagnostic>> {
    let tree = tree::parse(file)?;
    let mut problems = Problems::new(file);
    // What the whole file lacks is said at its beginning.
    shape::table(&mut problems, &SCENARIO, &tree, &(0..0));
    let root = Section::new(&SCENARIO, &tree, &(0..0));
    let plan = check(&mut problems, &root, file, base);
    let found = problems.finish();
    match plan {
        Some(plan) if found.iter().all(|d| d.severity == Severity::Warning) => Ok(Loaded {
            plan,
            warnings: found,
        }),
        _ => Err(found),
    }
}

fn check(
    problems: &mut Problems<'_>,
    root: &Section<'_>,
    file: &SourceFile,
    base: &Path,
) -> Option<Plan> {
    let name = slug(problems, root, "name");
    let (seed, _) = root.whole("seed").unwrap_or((42, &(0..0)));
    let target = root
        .section("target")
        .and_then(|section| target::check(problems, &section, base));
    let steps = steps(problems, root, base);
    let phases = phases(problems, root);
    let guard = guard::check(problems, root);
    let known = threshold::Known {
        root,
        phases: &phases,
        observed: root
            .section("target")
            .is_none_or(|target| target.node("command").is_some()),
    };
    let thresholds = threshold::check(problems, &known);
    let mut plan = Plan {
        description: root
            .text("description")
            .map_or_else(String::new, |(text, _)| text.to_owned()),
        seed,
        phases: phases.into_iter().collect::<Option<_>>()?,
        thresholds: thresholds?,
        guard,
        source: file.text.to_string(),
        file: Some(file.name.clone()),
        ..Plan::new(name?, target?)
    };
    plan.set_steps(steps.into_iter().collect::<Option<_>>()?);
    Some(plan)
}

/// The steps, None where one is wrong.
fn steps(problems: &mut Problems<'_>, root: &Section<'_>, base: &Path) -> Vec<Option<(Step, u32)>> {
    let sections = root.sections("step");
    names(problems, &sections, "step");
    sections
        .iter()
        .map(|section| step::check(problems, section, base))
        .collect()
}

/// The phases, None where one is wrong.
fn phases(problems: &mut Problems<'_>, root: &Section<'_>) -> Vec<Option<Phase>> {
    let sections = root.sections("phase");
    names(problems, &sections, "phase");
    let phases: Vec<_> = sections
        .iter()
        .map(|section| phase::check(problems, section))
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

/// Checks that names can be told apart and written in a path, and that there are not too many.
fn names(problems: &mut Problems<'_>, sections: &[Section<'_>], noun: &str) {
    let mut seen = std::collections::BTreeSet::new();
    for section in sections {
        let Some((name, span)) = slug_placed(problems, section, "name") else {
            continue;
        };
        if !seen.insert(name) {
            let diagnostic =
                Diagnostic::error(&codes::DUPLICATE, format!("two {noun}s are named `{name}`"))
                    .because(format!("results and thresholds name their {noun}"))
                    .help("give each a name of its own");
            problems.add(diagnostic, span, "named before");
        }
    }
    section::count(problems, sections, noun);
}

fn slug<'a>(problems: &mut Problems<'_>, section: &Section<'a>, key: &str) -> Option<&'a str> {
    slug_placed(problems, section, key).map(|(name, _)| name)
}

/// A name that can be a folder, a column and a word on a command line.
fn slug_placed<'a>(
    problems: &mut Problems<'_>,
    section: &Section<'a>,
    key: &str,
) -> Option<Placed<'a, &'a str>> {
    let (name, span) = section.text(key)?;
    if is_slug(name) {
        return Some((name, span));
    }
    let better = slugged(name);
    let help = if better.is_empty() {
        "a name is small letters, digits, `-`, `_` and `.`, at most 64, a letter or digit first"
            .to_owned()
    } else {
        format!("did you mean \"{better}\"?")
    };
    let message = if name.is_empty() {
        "the name is empty".to_owned()
    } else {
        format!("`{}` is not a name", short(name))
    };
    let diagnostic = Diagnostic::error(&codes::BAD_VALUE, message)
        .because("a name becomes a folder and a word on the command line")
        .help(help);
    problems.add(diagnostic, span, "not small letters, digits, `-`, `_`, `.`");
    None
}

/// True for a name that can be a folder.
pub(super) fn is_slug(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=64).contains(&name.len())
        && allowed(name.as_bytes()[0])
        && name.bytes().all(|b| allowed(b) || b"-_.".contains(&b))
}

/// The name nearest to a text; empty when nothing of it can be kept.
fn slugged(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().take(64) {
        let c = c.to_ascii_lowercase();
        if c.is_ascii_lowercase() || c.is_ascii_digit() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push(if c == '_' || c == '.' { c } else { '-' });
        }
    }
    out.trim_end_matches('-').to_owned()
}
