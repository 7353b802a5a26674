//! What `run`, `check` and `validate` share: from arguments to a plan that may be carried out.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::diagnostic::{Diagnostic, scenario as codes};
use crate::model::{Better, Change, FaultOutline, TargetOutline};
use crate::scenario;
use crate::scenario::plan::{GuardAction, Plan, Version};
use crate::session::{ArmTarget, Policy};
use crate::units::{Nanos, Rate, Share, Unit, UnitError};
use crate::untrusted::Untrusted;

use super::Context;
use super::exit::Failure;

/// Options for putting a URL under load without a scenario file.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Quick run of a URL")]
pub(super) struct QuickArgs {
    /// Requests per second, such as 500/s [default: 100/s]
    #[arg(long, value_name = "RATE", conflicts_with_all = ["connections", "users"], value_parser = quantity::<Rate>)]
    rate: Option<Rate>,
    /// Instead of a rate: so many connections, each as fast as it is answered
    #[arg(long, value_name = "N", conflicts_with = "users")]
    connections: Option<usize>,
    /// Instead of a rate: so many virtual users, one request after the other
    #[arg(long, value_name = "N")]
    users: Option<usize>,
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
    #[command(flatten)]
    connection: ConnectionArgs,
}

/// How a quick run connects.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Connections of a quick run")]
struct ConnectionArgs {
    /// Speak HTTP/2: with prior knowledge over http, by ALPN over https
    #[arg(long)]
    http2: bool,
    /// Most requests outstanding at once on one HTTP/2 connection [default: 100]
    #[arg(long, value_name = "N")]
    streams: Option<usize>,
    /// What falls due within so much time leaves together: cheaper, and so much less precise
    #[arg(long, value_name = "TIME", value_parser = quantity::<Nanos>)]
    coalesce: Option<Nanos>,
    /// Open a connection for every request
    #[arg(long)]
    no_keep_alive: bool,
    /// Connect to this socket file instead of the URL's address
    #[arg(long, value_name = "PATH")]
    unix: Option<String>,
    /// Trust the certificates in this PEM file instead of the system's
    #[arg(long, value_name = "FILE", conflicts_with = "insecure")]
    ca: Option<PathBuf>,
    /// Accept any certificate; every report then says so
    #[arg(long)]
    insecure: bool,
}

/// Reads a quantity, and says how to write one.
pub(super) fn quantity<Q: FromStr<Err = UnitError>>(text: &str) -> Result<Q, String> {
    text.parse()
        .map_err(|error: UnitError| format!("{}; {}", error.reason, error.help))
}

/// Hosts beyond loopback that may be loaded.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct HostArgs {
    /// Allow load on this host, beside those in plimsoll.toml; loopback is always allowed, repeatable
    #[arg(long = "allow-host", value_name = "HOST")]
    allow: Vec<String>,
}

impl HostArgs {
    /// Hosts that may be loaded: those named here, and those of the project, or of the policy in its
    /// place.
    pub(super) fn allowed(
        &self,
        context: &Context,
        policy: Option<&Policy>,
    ) -> Result<Vec<String>, Failure> {
        let listed = match policy {
            Some(policy) => policy.project().allow_hosts.clone(),
            None => context.project()?.allow_hosts,
        };
        Ok(self.allow.iter().cloned().chain(listed).collect())
    }
}

/// Reads the plan that `name` stands for: a URL, a file, or a scenario's name.
pub(super) fn plan(
    context: &Context,
    name: &str,
    quick: Option<&QuickArgs>,
    allowed: &[String],
) -> Result<Plan, Failure> {
    let plan = if name.starts_with("http://") || name.starts_with("https://") {
        let quick = quick.ok_or_else(|| {
            Diagnostic::error(&codes::NOT_FOUND, "a URL has no scenario file")
                .help(format!("plimsoll run {name}"))
        })?;
        let loaded = scenario::quick(&quick.of(name))?;
        context.terminal.warn(&loaded.warnings);
        loaded.plan
    } else {
        self::scenario(context, name)?
    };
    scenario::check_hosts(&plan.target, allowed)?;
    Ok(plan)
}

/// Reads the scenario of a name, or in a file.
pub(super) fn scenario(context: &Context, name: &str) -> Result<Plan, Failure> {
    let path = scenario::locate(name, &context.session.root)?;
    read(context, &path)
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

/// A variable of the environment, for the secrets of a scenario.
pub(super) fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Reads a scenario file, showing its warnings.
pub(super) fn read(context: &Context, path: &Path) -> Result<Plan, Failure> {
    let loaded = scenario::load_in(&context.project()?, path, &environment)?;
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
            load: match (self.connections, self.users, self.rate) {
                (Some(n), _, _) => scenario::QuickLoad::Connections(n),
                (None, Some(n), _) => scenario::QuickLoad::Users(n),
                (None, None, rate) => scenario::QuickLoad::Rate(rate.unwrap_or(Rate(100.0))),
            },
            duration: self.duration,
            connections: self.pool,
            connection: scenario::QuickConnection {
                http2: self.connection.http2,
                streams: self.connection.streams,
                coalesce: self.connection.coalesce,
                keep_alive: !self.connection.no_keep_alive,
                unix: self.connection.unix.clone(),
                ca: self.connection.ca.clone(),
                insecure: self.connection.insecure,
            },
        }
    }
}

/// The plan in words, for `--dry-run` and `validate`.
pub(super) fn describe(plan: &Plan, target: &ArmTarget, rounds: usize) -> String {
    let outline = plan.outline();
    let loaded = target.outline(plan);
    let mut text = format!("{}\n  target     {}\n", outline.name, loaded.name());
    connections(&mut text, plan);
    target_marks(&mut text, &loaded);
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
    let visited = plan.journeys.last().map_or(0, |journey| journey.steps.end);
    for step in &plan.steps[visited..] {
        let (name, request) = (&step.name, &step.request);
        let _ = writeln!(
            text,
            "  step       {name}  {} {}  recorded",
            request.method, request.path
        );
    }
    for set in &plan.data {
        let _ = writeln!(text, "  data       {}  {} rows", set.name, set.rows.len());
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
        let over = t
            .over
            .map_or_else(String::new, |over| format!("  in any {over}"));
        let abort = if t.abort { "  ends the run" } else { "" };
        let _ = writeln!(
            text,
            "  threshold  {}{}{max}{change}{over}{abort}",
            t.metric, t.scope
        );
    }
    faults(&mut text, &outline.faults);
    if let Some(guard) = &plan.guard {
        let action = match guard.action {
            GuardAction::Stop => format!("nothing is sent for {}", guard.rest),
            GuardAction::SlowDown => "every second request is withheld".to_owned(),
        };
        let _ = writeln!(
            text,
            "  guard      {action} when {} of requests fail within {}",
            Share(guard.errors_over),
            guard.within
        );
    }
    let each = outline.duration();
    let all = Nanos(each.0.saturating_mul(rounds as u64));
    let _ = match rounds {
        1 => writeln!(text, "  time       1 round of {each}"),
        n => writeln!(text, "  time       up to {n} rounds of {each}: {all}"),
    };
    Untrusted::lines(&text)
}

/// What must be known of a target beside its name.
fn target_marks(text: &mut String, target: &TargetOutline) {
    if !target.limits.is_none() {
        let _ = writeln!(text, "  limits     {}, each process", target.limits);
    }
    if target.unverified {
        text.push_str("  tls        the certificate is NOT verified\n");
    }
}

fn faults(text: &mut String, faults: &[FaultOutline]) {
    for fault in faults {
        let (what, at, duration) = (&fault.what, fault.at, fault.duration);
        let _ = writeln!(text, "  fault      {what}  at {at} for {duration}");
    }
}

/// How connections are made, where it is not as usual.
fn connections(text: &mut String, plan: &Plan) {
    let http = &plan.target.http;
    let version = match http.version {
        Version::Http1 => None,
        Version::Http2 => Some(format!("HTTP/2, {} streams", http.streams)),
        Version::Auto => Some("the version of HTTP that the target prefers".to_owned()),
    };
    let place = match (&plan.target.unix, &http.connect_to) {
        (Some(socket), _) => Some(format!("to {}", socket.display())),
        (None, Some((host, port))) => Some(format!("to {host} port {port}")),
        (None, None) => None,
    };
    let kept = (!http.keep_alive).then(|| "a connection for every request".to_owned());
    let said: Vec<_> = [version, place, kept].into_iter().flatten().collect();
    if !said.is_empty() {
        let _ = writeln!(text, "  connects   {}", said.join(", "));
    }
}
