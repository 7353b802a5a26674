//! `plimsoll init`.

mod ci;
mod kind;

use std::path::{Path, PathBuf};

use super::Context;
use super::exit::{Exit, Failure};
use super::load;
use crate::diagnostic::{Diagnostic, SourceFile, output, scenario as codes};
use crate::scenario::{self, Draft, PROJECT_FILE, plan::Plan};
use crate::session;
use ci::Forge;
use kind::{Kind, Preset};

/// Write a scenario you can read
///
/// Writes scenarios/NAME.toml with comments, beside it a plimsoll.toml where there is none, and never
/// overwrites. --kind says what the load is to find
/// out, --preset which limits it must keep, --from what it asks, and --ci writes a job for a forge, also for a scenario that
/// is there already.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of the scenario
    #[arg(default_value = "quickstart")]
    name: String,
    /// The target that is already running
    #[arg(long, value_name = "URL", conflicts_with = "command")]
    url: Option<String>,
    /// The target to start for every round: a command line with {port} [default: the demo target]
    #[arg(long, value_name = "COMMAND")]
    command: Option<String>,
    /// What the load is to find out
    #[arg(long, value_enum, default_value_t)]
    kind: Kind,
    /// Limits instead of those that the kind suggests
    #[arg(long, value_enum)]
    preset: Option<Preset>,
    /// Take the steps from an OpenAPI document (JSON or YAML) or a HAR file
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Write a job that measures every change against its base, too
    #[arg(long, value_enum, value_name = "FORGE")]
    ci: Option<Forge>,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let root = &context.session.root;
    let root = root.strip_prefix(".").unwrap_or(root);
    let path = root.join("scenarios").join(format!("{}.toml", args.name));
    // The jobs of a scenario that is there already are all that is asked for.
    let written = match args.ci {
        Some(_) if path.exists() => None,
        _ => Some(scenario_file(args, &path)?),
    };
    let jobs = match args.ci {
        Some(forge) => Some(jobs_file(args, forge, root, &path, written.as_deref())?),
        None => None,
    };
    let scenario = written.map(|text| (path, text));
    let project = root.join(PROJECT_FILE);
    let project = (!project.exists()).then(|| (project, scenario::project_sample()));
    let files: Vec<(PathBuf, String)> = scenario.into_iter().chain(project).chain(jobs).collect();
    if let Some((path, _)) = files.iter().find(|(path, _)| path.exists()) {
        return Err(
            Diagnostic::error(&output::EXISTS, format!("{} exists", path.display()))
                .because("init never overwrites")
                .help("choose another name: plimsoll init NAME")
                .into(),
        );
    }
    for (path, text) in &files {
        session::write_output(path, text.as_bytes())?;
        context
            .terminal
            .tell(&format!("wrote {}\n", path.display()))?;
    }
    context.terminal.tell(&format!("\n{}", args.next()))?;
    Ok(Exit::Passed)
}

/// The scenario, checked as it will be when it is read, before anything is written.
fn scenario_file(args: &Args, path: &Path) -> Result<String, Failure> {
    let draft = args.from.as_deref().map(learnt).transpose()?;
    let mut target = args.target(draft.as_ref())?;
    if let Some(limits) = args.kind.of_target() {
        if args.url.is_some() {
            return Err(Diagnostic::error(
                &codes::CONFLICT,
                "only a target that Plimsoll starts can be constrained",
            )
            .because("the limits are set on the way to the program")
            .help("name the command that starts it: --command './shop --port {port}'")
            .into());
        }
        target += limits;
    }
    // Of a target that is only a URL no process is known.
    let observed = !target.starts_with("url");
    let limits = args.preset.map_or_else(
        || args.kind.limits(observed),
        |preset| preset.limits(observed),
    );
    let steps = draft.map_or_else(
        || HOME.to_owned(),
        |mut draft| {
            // A server of one's own is where the other was.
            if args.url.is_some() || args.command.is_some() {
                let base = draft.base().to_owned();
                draft.below(&base);
            }
            draft.tables().trim_end().to_owned() + "\n"
        },
    );
    let text = TEMPLATE
        .replace("@STEPS@", &steps)
        .replace("@NAME@", &args.name)
        .replace("@TARGET@", &target)
        .replace("@PHASES@", args.kind.phases())
        .replace("@LIMITS@", &limits);
    parsed(path, &text)?;
    Ok(text)
}

fn parsed(path: &Path, text: &str) -> Result<Plan, Failure> {
    let file = SourceFile {
        name: path.display().to_string(),
        text: text.into(),
    };
    let folder = path.parent().map_or_else(PathBuf::new, PathBuf::from);
    Ok(scenario::parse(&file, &folder, &load::environment)?.plan)
}

/// What a description or a recording says of a service.
fn learnt(path: &Path) -> Result<Draft, Failure> {
    let name = path.display().to_string();
    let unreadable = |reason: String| {
        Diagnostic::error(&output::NOT_LEARNT, format!("{name} cannot be read")).because(reason)
    };
    let size = std::fs::metadata(path)
        .map_err(|e| unreadable(e.to_string()))?
        .len();
    if size > LARGEST {
        return Err(unreadable(format!("it has {size} bytes; {LARGEST} are read")).into());
    }
    let text = std::fs::read_to_string(path).map_err(|e| unreadable(e.to_string()))?;
    Ok(scenario::draft(&name, &text)?)
}

/// The jobs for a scenario that is there, or about to be.
fn jobs_file(
    args: &Args,
    forge: Forge,
    root: &Path,
    path: &Path,
    written: Option<&str>,
) -> Result<(PathBuf, String), Failure> {
    let plan = match written {
        Some(text) => parsed(path, text)?,
        None => scenario::load(path, &load::environment)?.plan,
    };
    let jobs = forge.jobs(&args.name, plan.target.command.as_ref(), root)?;
    Ok((root.join(forge.path()), jobs))
}

impl Args {
    /// What to do with what was written, as commands that can be copied.
    fn next(&self) -> String {
        let name = &self.name;
        match self.ci {
            Some(_) => format!(
                "next:\n  plimsoll validate scenarios/{name}.toml\n  \
                 read the job: how it builds, and what it compares with; then commit it\n"
            ),
            None => format!(
                "next:\n  plimsoll run {name}\n  plimsoll run {name} --rounds 5 && \
                 plimsoll baseline save {name} --reason \"first\"\n  plimsoll check {name}\n"
            ),
        }
    }

    /// The `[target]` table.
    fn target(&self, draft: Option<&Draft>) -> Result<String, Failure> {
        let learnt = draft.and_then(|draft| draft.server.as_ref());
        let url = self
            .url
            .as_ref()
            .or(learnt.filter(|_| self.command.is_none()));
        if let Some(url) = url {
            scenario::parse_url(url)?;
            let base = url.trim_end_matches('/');
            return Ok(format!("url = {}", quoted(base)));
        }
        let line = self
            .command
            .as_deref()
            .unwrap_or("plimsoll demo-target --port {port}");
        let argv = load::command_line(line)?;
        let words: Vec<String> = argv.iter().map(|word| quoted(word)).collect();
        Ok(format!(
            "command = [{}]     # started afresh for every round",
            words.join(", ")
        ))
    }
}

/// A TOML basic string; JSON's escapes are a subset of TOML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Recordings of browsers hold every answer.
const LARGEST: u64 = 256 << 20;

const TEMPLATE: &str = r#"name = "@NAME@"
description = "What this load stands for, and what happens when it gets slow."

[target]
@TARGET@

@STEPS@
@PHASES@
@LIMITS@"#;

const HOME: &str = r#"[[step]]
name = "home"
request = "GET /"
# headers = { accept = "application/json" }
# json = { item = 1 }                           # or: body = "...", body-file = "body.json"
# expect = { status = 200, body-contains = "ok" }
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_any_content_stay_strings() {
        assert_eq!(quoted("a\"b\\c\n"), r#""a\"b\\c\n""#);
    }
}
