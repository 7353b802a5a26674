//! `plimsoll init`.

mod ci;
mod kind;
mod project;
mod subject;

use std::path::{Path, PathBuf};

use super::Context;
use super::exit::{Exit, Failure};
use super::load;
use crate::diagnostic::{Diagnostic, Severity, SourceFile, output, scenario as codes};
use crate::scenario::{self, Draft, plan::Plan};
use crate::session;
use ci::Forge;
use kind::{Kind, Preset};
use subject::{Server, Subject};

/// Write a scenario you can read
///
/// Writes scenarios/NAME.toml with comments, and plimsoll.toml where there is none; it never overwrites. A server
/// that runs is asked what it is: give its URL. --kind says what the load is to find out, --preset which limits
/// it must keep, --from what it asks, and --ci writes a job for a forge, also for a scenario that is there
/// already.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Args {
    /// Name of the scenario; or a URL or a description of a server, to name it by
    #[arg(value_name = "NAME|URL|FILE", default_value = "quickstart")]
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

const EXAMPLES: &str = "\
Examples:
  plimsoll init http://127.0.0.1:8080/
  plimsoll init checkout --command './shop --port {port}'
  plimsoll init openapi.yaml --url http://127.0.0.1:8080/
  plimsoll init visit.har";

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let (args, server) = args.understood(context)?;
    let root = &context.session.root;
    let root = root.strip_prefix(".").unwrap_or(root);
    let path = root.join("scenarios").join(format!("{}.toml", args.name));
    // The jobs of a scenario that is there already are all that is asked for.
    let written = match args.ci {
        Some(_) if path.exists() => None,
        _ => Some(scenario_file(&args, server.as_ref(), &path)?),
    };
    let jobs = match args.ci {
        Some(forge) => Some(jobs_file(&args, forge, root, &path, written.as_deref())?),
        None => None,
    };
    let strangers: Vec<&str> = server
        .as_ref()
        .and_then(Server::stranger)
        .into_iter()
        .collect();
    let project = project::project_file(root, &strangers);
    let scenario = written.map(|text| (path, text));
    let files: Vec<(PathBuf, String)> = scenario.into_iter().chain(jobs).collect();
    if let Some((path, _)) = files.iter().find(|(path, _)| path.exists()) {
        return Err(
            Diagnostic::error(&output::EXISTS, format!("{} exists", path.display()))
                .because("init never overwrites")
                .help(args.under_another_name())
                .into(),
        );
    }
    for (i, line) in server.iter().flat_map(Server::report).enumerate() {
        let head = if i == 0 { "found" } else { "" };
        context.terminal.tell(&format!("{head:5}  {line}\n"))?;
    }
    for (path, text) in files.iter().chain(&project) {
        session::write_output(path, text.as_bytes())?;
        context
            .terminal
            .tell(&format!("wrote  {}\n", path.display()))?;
    }
    for (path, text) in files.iter().take(usize::from(args.ci.is_none())) {
        doubt_host(context, path, text)?;
    }
    args.lead_on(context);
    Ok(Exit::Passed)
}

/// Warns of a scenario whose host may not be loaded yet, such as one that a description names.
fn doubt_host(context: &Context, path: &Path, text: &str) -> Result<(), Failure> {
    let allowed = scenario::project(&context.session.root)?.allow_hosts;
    let target = parsed(path, text)?.target;
    if let Err(refused) = scenario::check_hosts(&target, &allowed) {
        context.terminal.warn(&[Diagnostic {
            severity: Severity::Warning,
            ..refused
        }]);
    }
    Ok(())
}

/// The scenario, checked as it will be when it is read, before anything is written.
fn scenario_file(args: &Args, server: Option<&Server>, path: &Path) -> Result<String, Failure> {
    let draft = args.from.as_deref().map(learnt).transpose()?;
    let mut target = args.target(draft.as_ref(), server)?;
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
    // Of a target that is only a URL no process is known, unless it was found.
    let observed = !target.starts_with("url") || server.is_some_and(Server::is_observed);
    let limits = args.preset.map_or_else(
        || args.kind.limits(observed),
        |preset| preset.limits(observed),
    );
    let path_of_home = server.map_or("/", Server::path);
    let steps = draft.map_or_else(
        || HOME.replace("@PATH@", path_of_home),
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
    /// The arguments with what their first word stands for in its place, and the server that it names.
    fn understood(&self, context: &Context) -> Result<(Self, Option<Server>), Failure> {
        let mut args = self.clone();
        let twice = |what: &str, flag: &str| {
            Diagnostic::error(&codes::CONFLICT, format!("{what} is named twice"))
                .help(format!("give the scenario a name, or leave {flag} out"))
        };
        let mut named = None;
        match Subject::of(&self.name)? {
            Subject::Name(name) => named = Some(name),
            Subject::Server(_) if args.url.is_some() => {
                return Err(twice("the target", "--url").into());
            }
            Subject::Server(_) if args.command.is_some() => {
                return Err(twice("the target", "--command").into());
            }
            Subject::Server(url) => args.url = Some(url),
            Subject::Description(_) if args.from.is_some() => {
                return Err(twice("the description", "--from").into());
            }
            Subject::Description(path) => {
                let stem = path
                    .file_name()
                    .and_then(|name| name.to_str())
                    .unwrap_or_default();
                let name = scenario::slugged(stem.split('.').next().unwrap_or_default());
                named = (!name.is_empty()).then_some(name);
                args.from = Some(path);
            }
        }
        let server = args.url.as_deref().map(|url| Server::meet(url, context));
        let server = server.transpose()?;
        args.name = named
            .or_else(|| server.as_ref().map(Server::name))
            .unwrap_or_else(|| "quickstart".to_owned());
        Ok((args, server))
    }

    /// How to say the same of another scenario.
    fn under_another_name(&self) -> String {
        match &self.url {
            Some(url) => format!("choose another name: plimsoll init NAME --url {url}"),
            None => "choose another name: plimsoll init NAME".to_owned(),
        }
    }

    /// Says what to do with what was written.
    fn lead_on(&self, context: &Context) {
        let when = match self.ci {
            Some(_) => "read the job, too: how it builds, and what it compares with",
            None => "",
        };
        let command = format!("plimsoll validate {}", self.name);
        context.terminal.next(&command, when);
    }

    /// The `[target]` table.
    fn target(&self, draft: Option<&Draft>, server: Option<&Server>) -> Result<String, Failure> {
        let learnt = draft.and_then(|draft| draft.server.as_ref());
        let url = self
            .url
            .as_ref()
            .or(learnt.filter(|_| self.command.is_none()));
        if let Some(url) = url {
            scenario::parse_url(url)?;
            // Steps that were learnt lie below the URL; of any other the one request is what it names.
            let base = match (draft, server) {
                (None, Some(server)) => server.origin(),
                _ => url.trim_end_matches('/').to_owned(),
            };
            let keys = server.map(Server::keys).unwrap_or_default();
            return Ok(format!("url = {}{keys}", quoted(&base)));
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
request = "GET @PATH@"
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
