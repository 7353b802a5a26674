//! `plimsoll explain config`: every setting, its value, and where that comes from.
//!
//! What a flag or a variable says is asked of the same parser that reads the command line, and what a file
//! says of the same reader that a run uses.

use std::path::Path;

use clap::ArgMatches;
use clap::parser::ValueSource;

use crate::cli::exit::{Exit, Failure};
use crate::cli::{Context, command, load};
use crate::diagnostic::{Diagnostic, output};
use crate::report::wrap;
use crate::scenario::{self, PROJECT_FILE, Project, Said, plan::Plan};
use crate::session::Policy;
use crate::untrusted::Untrusted;

/// A setting that a flag, a variable or `plimsoll.toml` may say.
struct Setting {
    verb: &'static str,
    /// Its flag, and its key below the table that is called like the verb.
    name: &'static str,
    /// What holds when nobody says anything.
    usual: &'static str,
}

const fn setting(verb: &'static str, name: &'static str, usual: &'static str) -> Setting {
    Setting { verb, name, usual }
}

const SETTINGS: [Setting; 13] = [
    setting("check", "against", "the scenario's own"),
    setting("check", "max-rounds", "10, or what the budget holds"),
    setting("check", "time-budget", "none"),
    setting("check", "judge", "round-t"),
    setting("check", "strict", "false"),
    setting("check", "allow-missing-baseline", "false"),
    setting("check", "on-inconclusive", "warn"),
    setting("check", "fail-on-alert", "none fails"),
    setting("check", "profile-on-regression", "no"),
    setting("check", "notify", "nobody"),
    setting("run", "rounds", "1"),
    setting("run", "workers", "half the cores"),
    setting("calibrate", "time-budget", "5m"),
];

/// One line of the answer.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    key: String,
    value: String,
    source: String,
}

/// What the settings are read from.
struct Sources<'a> {
    /// Of the gate, by `--policy-from`.
    gate: (&'a Project, String),
    project: &'a Project,
    project_file: String,
}

/// Tells all settings; `words` are a scenario, if any, and flags of `check`.
pub(super) fn tell(context: &Context, words: &[&str]) -> Result<Exit, Failure> {
    let name = words.first().copied().filter(|word| !word.starts_with('-'));
    let flags = &words[usize::from(name.is_some())..];
    let matches = |verb: &str, flags: &[&str]| {
        // A name that no file needs to have: without a scenario only its flags count.
        let call = ["plimsoll", verb, name.unwrap_or("scenario")];
        let all = call.iter().chain(flags);
        let matches = command().try_get_matches_from(all);
        let matches = matches.map_err(|error| not_a_flag(&error))?;
        Ok::<_, Failure>(
            matches
                .subcommand_matches(verb)
                .cloned()
                .unwrap_or_default(),
        )
    };
    let check = matches("check", flags)?;
    let (run, calibrate) = (matches("run", &[])?, matches("calibrate", &[])?);
    let project = context.project()?;
    let policy = policy(context, name, &check)?;
    let file = shown(&context.session.root.join(PROJECT_FILE));
    let gate = match &policy {
        Some(policy) => (
            policy.project(),
            format!(
                "{}:{PROJECT_FILE}",
                Untrusted::new(policy.reference()).terminal()
            ),
        ),
        None => (&project, file.clone()),
    };
    let sources = Sources {
        gate,
        project: &project,
        project_file: file,
    };
    let mut rows: Vec<Row> = SETTINGS
        .iter()
        .map(|setting| {
            let matches = match setting.verb {
                "check" => &check,
                "run" => &run,
                _ => &calibrate,
            };
            setting.row(matches, &sources)
        })
        .collect();
    rows.push(sources.plain("allow-hosts", "loopback alone"));
    rows.push(sources.plain("report.outputs", "none"));
    if let Some(name) = name {
        rows.extend(of_scenario(context, name, &sources)?);
    }
    context
        .terminal
        .tell(&laid_out(&rows, context.terminal.style.width))?;
    Ok(Exit::Passed)
}

/// The policy that a flag among them names.
fn policy(
    context: &Context,
    name: Option<&str>,
    check: &ArgMatches,
) -> Result<Option<Policy>, Failure> {
    let reference = check.get_one::<String>("policy_from");
    let (Some(reference), Some(name)) = (reference, name) else {
        return Ok(None);
    };
    let path = scenario::locate(name, &context.session.root)?;
    Ok(Some(Policy::read(&context.session, reference, &path)?))
}

impl Setting {
    fn row(&self, matches: &ArgMatches, sources: &Sources<'_>) -> Row {
        let key = format!("{}.{}", self.verb, self.name);
        let id = self.name.replace('-', "_");
        let given = || {
            let raw = matches.get_raw(&id)?;
            let words: Vec<_> = raw
                .map(|word| word.to_string_lossy().into_owned())
                .collect();
            Some(Untrusted::new(words.join(", ")).terminal())
        };
        let by_hand = match matches.value_source(&id) {
            Some(ValueSource::CommandLine) => Some(format!("flag --{}", self.name)),
            Some(ValueSource::EnvVariable) => {
                self.variable().map(|name| format!("environment {name}"))
            }
            _ => None,
        };
        // Where a secret may be, its place is enough.
        let value = || {
            if self.name == "notify" {
                Some("set".to_owned())
            } else {
                given()
            }
        };
        if let Some((source, value)) = by_hand.and_then(|source| Some((source, value()?))) {
            return Row { key, value, source };
        }
        sources.said(&key).unwrap_or_else(|| Row {
            value: self.usual.to_owned(),
            source: "default".to_owned(),
            key,
        })
    }

    /// The variable that its flag reads.
    fn variable(&self) -> Option<String> {
        let command = command();
        let verb = command.find_subcommand(self.verb)?;
        let flag = verb
            .get_arguments()
            .find(|a| a.get_long() == Some(self.name))?;
        Some(flag.get_env()?.to_string_lossy().into_owned())
    }
}

impl Sources<'_> {
    /// What `plimsoll.toml` says: that of the policy of what a gate goes by.
    fn said(&self, key: &str) -> Option<Row> {
        let is_gate = key.starts_with("check.") || key == "allow-hosts";
        let (project, file) = if is_gate {
            (self.gate.0, &self.gate.1)
        } else {
            (self.project, &self.project_file)
        };
        project
            .said
            .iter()
            .find(|said| said.key == key)
            .map(|said| row(said, file))
    }

    fn plain(&self, key: &str, usual: &str) -> Row {
        self.said(key).unwrap_or_else(|| by_default(key, usual))
    }
}

fn row(said: &Said, file: &str) -> Row {
    Row {
        key: Untrusted::new(&said.key).terminal(),
        value: Untrusted::new(&said.value).terminal(),
        source: format!("{file}:{}", said.line),
    }
}

fn by_default(key: &str, usual: &str) -> Row {
    Row {
        key: key.to_owned(),
        value: usual.to_owned(),
        source: "default".to_owned(),
    }
}

/// What the scenario says, and what is taken from elsewhere because it does not.
fn of_scenario(context: &Context, name: &str, sources: &Sources<'_>) -> Result<Vec<Row>, Failure> {
    let path = scenario::locate(name, &context.session.root)?;
    let plan = load::read(context, &path)?;
    let said = scenario::said_in(&path)?;
    let file = shown(&path);
    let mut rows: Vec<Row> = said.iter().map(|said| row(said, &file)).collect();
    for (key, usual) in usual_of(&plan) {
        if !said.iter().any(|said| said.key == key) {
            rows.push(sources.plain(key, &usual));
        }
    }
    Ok(rows)
}

/// Keys with a value also when nobody gives them one.
fn usual_of(plan: &Plan) -> [(&'static str, String); 7] {
    let target = &plan.target;
    let timeouts = &target.timeouts;
    [
        ("seed", plan.seed.to_string()),
        ("target.timeouts.connect", timeouts.connect.to_string()),
        (
            "target.timeouts.first-byte",
            timeouts.first_byte.to_string(),
        ),
        ("target.timeouts.tls", timeouts.tls.to_string()),
        ("target.timeouts.total", timeouts.total.to_string()),
        ("target.ready.within", target.ready.within.to_string()),
        (
            "target.http.connections",
            target.http.connections.to_string(),
        ),
    ]
}

fn shown(path: &Path) -> String {
    let path = path.strip_prefix(".").unwrap_or(path);
    Untrusted::new(path.display().to_string()).terminal()
}

fn not_a_flag(error: &clap::Error) -> Failure {
    let text = error.to_string();
    let first = text.lines().next().unwrap_or_default();
    let message = first.trim_start_matches("error: ").to_owned();
    Diagnostic::error(&output::NO_TOPIC, Untrusted::new(message).terminal())
        .because("what follows `config` is a scenario and flags of check")
        .help("plimsoll check --help lists them")
        .into()
}

/// Three columns; where they do not fit, the source stands below.
fn laid_out(rows: &[Row], width: usize) -> String {
    let longest = |of: fn(&Row) -> &str| rows.iter().map(|r| of(r).chars().count()).max();
    let key = longest(|row| &row.key).unwrap_or(0).min(width / 2);
    let value = longest(|row| &row.value).unwrap_or(0).min(width / 3);
    let mut text = String::new();
    for Row {
        key: k,
        value: v,
        source,
    } in rows
    {
        let line = format!("{k:key$}  {v:value$}  {source}");
        if line.chars().count() <= width {
            text.push_str(&line);
            text.push('\n');
            continue;
        }
        text.push_str(k);
        for part in [v, source]
            .iter()
            .flat_map(|part| wrap(part, width.saturating_sub(4)))
        {
            text.push_str("\n    ");
            text.push_str(&part);
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_its_flag_and_those_of_the_file_their_key() {
        let sample = scenario::project_sample();
        let command = command();
        for setting in &SETTINGS {
            let verb = command.find_subcommand(setting.verb).expect("a verb");
            let flag = verb
                .get_arguments()
                .find(|a| a.get_long() == Some(setting.name));
            assert!(flag.is_some(), "{} --{}", setting.verb, setting.name);
            let in_file = sample.contains(&format!("\n#{} = ", setting.name));
            let only_by_hand = ["profile-on-regression", "notify"].contains(&setting.name);
            assert!(in_file != only_by_hand, "{}.{}", setting.verb, setting.name);
        }
    }

    #[test]
    fn what_is_too_long_for_a_line_takes_several() {
        let rows = [
            by_default("run.rounds", "1"),
            Row {
                key: "step.home.body".to_owned(),
                value: "a long text that goes on and on and does not end soon enough".to_owned(),
                source: "scenarios/checkout.toml:12".to_owned(),
            },
        ];
        insta::assert_snapshot!(laid_out(&rows, 60), @"
        run.rounds      1                     default
        step.home.body
            a long text that goes on and on and does not end soon
            enough
            scenarios/checkout.toml:12
        ");
    }
}
