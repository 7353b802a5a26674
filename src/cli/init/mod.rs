//! `plimsoll init`.

mod kind;

use std::path::PathBuf;

use super::Context;
use super::exit::{Exit, Failure};
use super::load;
use crate::diagnostic::{Diagnostic, SourceFile, output, scenario as codes};
use crate::scenario;
use crate::session;
use kind::{Kind, Preset};

/// Write a scenario you can read
///
/// Writes scenarios/NAME.toml with comments, and never overwrites. --kind says what the load is to find
/// out, and --preset which limits it must keep.
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
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let mut target = args.target()?;
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
    let observed = args.url.is_none();
    let limits = args.preset.map_or_else(
        || args.kind.limits(observed),
        |preset| preset.limits(observed),
    );
    let text = TEMPLATE
        .replace("@NAME@", &args.name)
        .replace("@TARGET@", &target)
        .replace("@PHASES@", args.kind.phases())
        .replace("@LIMITS@", &limits);
    let root = &context.session.root;
    let path = root
        .strip_prefix(".")
        .unwrap_or(root)
        .join("scenarios")
        .join(format!("{}.toml", args.name));
    // The same check that reading it will make, before anything is written.
    let file = SourceFile {
        name: path.display().to_string(),
        text: text.as_str().into(),
    };
    let folder = path.parent().map_or_else(PathBuf::new, PathBuf::from);
    scenario::parse(&file, &folder, &load::environment)?;
    if path.exists() {
        return Err(
            Diagnostic::error(&output::EXISTS, format!("{} exists", path.display()))
                .because("init never overwrites")
                .help("choose another name: plimsoll init NAME")
                .into(),
        );
    }
    session::write_output(&path, text.as_bytes())?;
    let name = &args.name;
    context.terminal.tell(&format!(
        "wrote {}\n\nnext:\n  plimsoll run {name}\n  plimsoll run {name} --rounds 5 && plimsoll baseline save {name} --reason \"first\"\n  plimsoll check {name}\n",
        path.display()
    ))?;
    Ok(Exit::Passed)
}

impl Args {
    /// The `[target]` table.
    fn target(&self) -> Result<String, Failure> {
        if let Some(url) = &self.url {
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

const TEMPLATE: &str = r#"name = "@NAME@"
description = "What this load stands for, and what happens when it gets slow."

[target]
@TARGET@

[[step]]
name = "home"
request = "GET /"
# headers = { accept = "application/json" }
# json = { item = 1 }                           # or: body = "...", body-file = "body.json"
# expect = { status = 200, body-contains = "ok" }

@PHASES@
@LIMITS@"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_of_any_content_stay_strings() {
        assert_eq!(quoted("a\"b\\c\n"), r#""a\"b\\c\n""#);
    }
}
