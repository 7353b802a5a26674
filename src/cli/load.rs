//! What `run`, `check` and `validate` share: from arguments to a plan that may be carried out.

use std::fmt::Write as _;
use std::path::Path;
use std::str::FromStr;

use crate::diagnostic::{Diagnostic, scenario as codes};
use crate::model::{Better, Change};
use crate::scenario::{self, plan::Plan};
use crate::session::ArmTarget;
use crate::units::{Nanos, Rate, Share, Unit, UnitError};
use crate::untrusted::Untrusted;

use super::Context;
use super::exit::Failure;

/// Options for putting a URL under load without a scenario file.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Quick run of a URL")]
pub(super) struct QuickArgs {
    /// Requests per second, such as 500/s [default: 100/s]
    #[arg(long, value_name = "RATE", conflicts_with = "connections", value_parser = quantity::<Rate>)]
    rate: Option<Rate>,
    /// Instead of a rate: so many connections, each as fast as it is answered
    #[arg(long, value_name = "N")]
    connections: Option<usize>,
    /// Most connections open at once under a rate
    #[arg(long, value_name = "N", default_value_t = scenario::DEFAULT_CONNECTIONS)]
    pool: usize,
    /// How long
    #[arg(long = "for", value_name = "TIME", default_value = "10s", value_parser = quantity::<Nanos>)]
    duration: Nanos,
    /// HTTP method
    #[arg(long, value_name = "METHOD", default_value = "GET")]
    method: String,
    /// A header, `Name: value`; repeatable
    #[arg(short = 'H', long = "header", value_name = "HEADER")]
    headers: Vec<String>,
    /// The body to send
    #[arg(long, value_name = "TEXT")]
    body: Option<String>,
    /// Expected status; repeatable [default: any 2xx or 3xx]
    #[arg(long, value_name = "STATUS")]
    expect: Vec<u16>,
    /// Longest time for one request
    #[arg(long, value_name = "TIME", value_parser = quantity::<Nanos>)]
    timeout: Option<Nanos>,
}

/// Reads a quantity, and says how to write one.
pub(super) fn quantity<Q: FromStr<Err = UnitError>>(text: &str) -> Result<Q, String> {
    text.parse()
        .map_err(|error: UnitError| format!("{}; {}", error.reason, error.help))
}

/// Hosts beyond loopback that may be loaded.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct HostArgs {
    /// Allow load on this host; loopback is always allowed, repeatable
    #[arg(long = "allow-host", value_name = "HOST")]
    pub allow: Vec<String>,
}

/// Reads the plan that `name` stands for: a URL, a file, or a scenario's name.
pub(super) fn plan(
    context: &Context,
    name: &str,
    quick: Option<&QuickArgs>,
    hosts: &HostArgs,
) -> Result<Plan, Failure> {
    let plan = if name.starts_with("http://") || name.starts_with("https://") {
        let quick = quick.ok_or_else(|| {
            Diagnostic::error(&codes::NOT_FOUND, "a URL has no scenario file")
                .help(format!("plimsoll run {name}"))
        })?;
        scenario::quick(&quick.of(name))?
    } else {
        let path = scenario::locate(name, &context.session.root)?;
        read(context, &path)?
    };
    scenario::check_host(&plan.target.url, &hosts.allow)?;
    Ok(plan)
}

/// The words of a command line, as a shell would split it.
pub(super) fn command_line(line: &str) -> Result<Vec<String>, Failure> {
    let words = shlex::split(line).filter(|words| !words.is_empty());
    words.ok_or_else(|| {
        Diagnostic::error(&codes::BAD_COMMAND, format!("`{line}` is no command line"))
            .help("quote it as in a shell: 'target/release/shop --port {port}'")
            .into()
    })
}

/// Reads a scenario file, showing its warnings.
pub(super) fn read(context: &Context, path: &Path) -> Result<Plan, Failure> {
    let loaded = scenario::load(path)?;
    context.terminal.warn(&loaded.warnings);
    Ok(loaded.plan)
}

impl QuickArgs {
    fn of(&self, url: &str) -> scenario::Quick {
        scenario::Quick {
            url: url.to_owned(),
            method: self.method.clone(),
            headers: self.headers.clone(),
            body: self.body.clone(),
            expect: self.expect.clone(),
            timeout: self.timeout,
            load: match (self.connections, self.rate) {
                (Some(n), _) => scenario::QuickLoad::Connections(n),
                (None, rate) => scenario::QuickLoad::Rate(rate.unwrap_or(Rate(100.0))),
            },
            duration: self.duration,
            connections: self.pool,
        }
    }
}

/// The plan in words, for `--dry-run` and `validate`.
pub(super) fn describe(plan: &Plan, target: &ArmTarget, rounds: usize) -> String {
    let outline = plan.outline();
    let mut text = format!(
        "{}\n  target     {}\n",
        outline.name,
        target.outline().name()
    );
    let weights: u32 = plan.journeys.iter().map(|j| j.weight).sum();
    for journey in &plan.journeys {
        let steps = &plan.steps[journey.steps.clone()];
        let mut share = format!("{} of {weights}", journey.weight);
        if steps.len() > 1 {
            let _ = writeln!(text, "  journey    {}  {share}", journey.name);
            share = String::new();
        }
        for step in steps {
            let line = format!(
                "  step       {}  {} {}  {share}",
                step.name, step.request.method, step.request.path
            );
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }
    for phase in &outline.phases {
        let asked = phase
            .asked
            .map_or_else(String::new, |n| format!("  {n} requests"));
        let note = if phase.warm_up {
            "  warm-up, not counted"
        } else {
            ""
        };
        let _ = writeln!(
            text,
            "  phase      {}  {}  {}{asked}{note}",
            phase.name, phase.load, phase.duration
        );
    }
    for t in &outline.thresholds {
        let (limit, worse) = match t.metric.better() {
            Better::Lower => ("≤", "+"),
            Better::Higher => ("≥", "−"),
        };
        let max = t.max.map_or_else(String::new, |m| {
            format!("  limit {limit} {}", t.metric.unit().format(m))
        });
        let change = match t.max_change {
            Some(Change::Relative(share)) => format!("  change {worse}{}", Share(share)),
            Some(Change::Points(points)) => {
                format!("  change {worse}{} pp", Unit::Count.format(points * 100.0))
            }
            None => String::new(),
        };
        let _ = writeln!(text, "  threshold  {}{}{max}{change}", t.metric, t.scope);
    }
    let each = outline.duration();
    let all = Nanos(each.0.saturating_mul(rounds as u64));
    let _ = match rounds {
        1 => writeln!(text, "  time       1 round of {each}"),
        n => writeln!(text, "  time       up to {n} rounds of {each}: {all}"),
    };
    Untrusted::lines(&text)
}
