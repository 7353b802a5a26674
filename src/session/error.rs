//! Why a use case could not be done: what was tried, on what, and what stands in the way.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::clock::Moment;
use crate::diagnostic::{
    Diagnostic, environment as environment_codes, output as output_codes,
    scenario as scenario_codes, store as store_codes, target as target_codes,
    validity as validity_codes,
};
use crate::engine::EngineError;
use crate::launch::LaunchError;
use crate::model::Shard;
use crate::observe::Subject;
use crate::protocol::TlsSetupError;
use crate::proxy::ProxyError;
use crate::store::StoreError;
use crate::units::Nanos;
use crate::users::UsersError;

use super::preflight::LimitError;

/// A use case that ended without a result.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Launch(#[from] LaunchError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("no folder for what is measured in passing: {0}")]
    NoScratch(std::io::Error),
    #[error(transparent)]
    Users(#[from] UsersError),
    #[error(transparent)]
    Faults(#[from] ProxyError),
    #[error("no TLS can be spoken: {0}")]
    Tls(#[from] TlsSetupError),
    #[error("no free local port: {0}")]
    NoPort(std::io::Error),
    #[error("the host `{host}` has no address: {source}")]
    Unresolved {
        host: String,
        source: std::io::Error,
    },
    #[error("`{host}` is {address}, which is never put under load")]
    Forbidden { host: String, address: IpAddr },
    #[error("`{host}` is {address}, which is not this machine")]
    Elsewhere { host: String, address: IpAddr },
    #[error("no process of the target was found by {rule}")]
    NoProcess { rule: Subject },
    #[error("`{name}` is not healthy: {reason}")]
    Unhealthy {
        name: String,
        /// The path that was asked.
        get: String,
        reason: String,
    },
    #[error(transparent)]
    Limit(#[from] LimitError),
    #[error("{address} answers before the target was started")]
    PortTaken { address: SocketAddr },
    #[error("round {number}: {source}")]
    InRound {
        /// From 1.
        number: usize,
        /// The most rounds there could be.
        of: usize,
        /// The folder of the run, when it holds anything worth reading.
        record: Option<PathBuf>,
        source: Box<Self>,
    },
    #[error("there is no run of `{scenario}` to accept")]
    NeverRun { scenario: String },
    #[error("no baseline for `{scenario}`")]
    NoBaseline { scenario: String },
    #[error("a search for capacity cannot be measured in turn with {named}")]
    OneSided { named: String },
    #[error("a search for capacity measures as many rounds as it needs, whatever the budget")]
    SearchInBudget,
    #[error("{budget} are too short: {needed} of about {step} are needed")]
    BudgetTooShort {
        budget: Nanos,
        /// Length of a round, or of a pair.
        step: Nanos,
        needed: String,
    },
    #[error("run {id} is {state}, and only complete runs can be {purpose}")]
    NotComplete {
        id: String,
        state: &'static str,
        purpose: &'static str,
        dir: PathBuf,
    },
    #[error("run {id} has no valid result: {reason}")]
    NotAcceptable { id: String, reason: String },
    #[error("run {id} cannot be added to the baseline: {reason}")]
    NotPromotable { id: String, reason: String },
    #[error("the acceptances of `{scenario}` cannot be folded into one baseline: {reason}")]
    NotFoldable {
        scenario: String,
        reason: String,
        /// The acceptances that none follows, as they can be named.
        ends: Vec<String>,
    },
    #[error("run {id} is better than the baseline, and {why}: {}", better.join(", "))]
    Unconfirmed {
        id: String,
        scenario: String,
        better: Vec<String>,
        why: String,
    },
    #[error("run {id} is worse than the baseline: {}", worse.join(", "))]
    ReasonNeeded { id: String, worse: Vec<String> },
    #[error("no acceptance `{name}`")]
    NoAcceptance { name: String, known: Vec<String> },
    #[error("a search for capacity cannot be calibrated")]
    NoCalibration,
    #[error("a target that is started by `command` cannot be measured in parts")]
    ShardOfCommand,
    #[error("{have} {what} cannot be divided among {of} parts")]
    TooManyShards {
        of: usize,
        have: usize,
        what: &'static str,
    },
    #[error("the start at {start_at} is not in the future: it is {now}")]
    StartIsPast { start_at: Moment, now: Moment },
    #[error("it was not ready when it was to begin, at {begins}")]
    RoundIsLate { begins: Moment },
    #[error("run {id} is part {shard} of its plan, and only the whole can be {purpose}")]
    OnlyAPart {
        id: String,
        shard: Shard,
        purpose: &'static str,
    },
    #[error("there is no run of `{scenario}` to make a history of")]
    NoHistory {
        scenario: String,
        /// Runs that there are and that do not enter: reason and number.
        left_out: Vec<(String, usize)>,
    },
    #[error("no run of `{scenario}` has the metric `{metric}`")]
    NotFollowed {
        scenario: String,
        metric: String,
        known: Vec<String>,
    },
    #[error("`{metric}` has no level to accept in the present runs of `{scenario}`")]
    NoLevel { scenario: String, metric: String },
    #[error("these runs are not the parts of one measurement: {reason}")]
    NotMergeable { reason: String },
}

impl SessionError {
    /// The error as the user sees it.
    pub fn diagnostic(&self) -> Diagnostic {
        let message = self.to_string();
        match self {
            Self::Store(e) => e.diagnostic(),
            Self::Launch(e) => e.diagnostic(),
            Self::Engine(_) => Diagnostic::error(&environment_codes::NO_ENGINE, message)
                .help("check `ulimit -n` and `ulimit -u`"),
            Self::NoScratch(_) => Diagnostic::error(&output_codes::UNWRITABLE, message)
                .help("make room in the folder for temporary files, or name another in TMPDIR"),
            Self::Users(e) => users(e, message),
            Self::Tls(_) => Diagnostic::error(&target_codes::NO_TLS, message)
                .help("name PEM files in `tls = { ca = ..., certificate = ..., key = ... }`, the certificate before those that vouch for it"),
            Self::Faults(_) => no_faults(message),
            Self::NoPort(_) => Diagnostic::error(&target_codes::NO_PORT, message)
                .help("close what holds local ports, or widen net.ipv4.ip_local_port_range"),
            Self::Unresolved { .. } => Diagnostic::error(&target_codes::UNRESOLVED, message)
                .help("check the host name in `url`; loopback is 127.0.0.1 or [::1]"),
            Self::Forbidden { .. } => forbidden(message),
            Self::Elsewhere { .. } => elsewhere(message),
            Self::PortTaken { .. } => port_taken(message),
            Self::NoProcess { .. } => no_process(message),
            Self::Limit(e) => e.diagnostic(),
            Self::Unhealthy { get, .. } => unhealthy(get, message),
            Self::InRound {
                number,
                of,
                record,
                source,
            } => in_round(source.diagnostic(), *number, *of, record.as_deref()),
            Self::NeverRun { scenario } => Diagnostic::error(&store_codes::NO_RUN, message)
                .help(format!("plimsoll run {scenario} --rounds 5")),
            Self::NoBaseline { scenario } => no_baseline(scenario, message),
            Self::OneSided { .. } => Diagnostic::error(&validity_codes::ONE_SIDED, message)
                .because("which level comes next follows from the answers of one target, so the two sides would be under different loads")
                .help("compare with a stored baseline: plimsoll baseline save, then plimsoll check"),
            Self::SearchInBudget => Diagnostic::error(&validity_codes::BUDGET, message)
                .because("how many levels it takes follows from what the target answers")
                .help("leave out --time-budget; a shorter phase or a wider `precision` makes a search shorter"),
            Self::BudgetTooShort { .. } => Diagnostic::error(&validity_codes::BUDGET, message)
                .because("a check that cannot measure enough to tell anything is not begun")
                .help("give it more time, or shorten the phases of the scenario"),
            Self::NotComplete { dir, .. } => {
                Diagnostic::error(&store_codes::NOT_COMPLETE, message)
                    .because("an unfinished run has seen only part of the plan, so it can be shown but never judged")
                    .help(format!("plimsoll report {} shows what there is", dir.display()))
            }
            Self::NotAcceptable { .. } => Diagnostic::error(&store_codes::NOT_ACCEPTABLE, message)
                .help("mend the cause and measure again; plimsoll report last shows the findings"),
            Self::NotPromotable { .. } => Diagnostic::error(&store_codes::NOT_PROMOTABLE, message)
                .because("the rounds of a baseline are repetitions of one measurement")
                .help("plimsoll baseline save accepts it as the beginning of a new baseline"),
            Self::NotFoldable { scenario, ends, .. } => not_foldable(scenario, ends, message),
            Self::Unconfirmed { scenario, .. } => Diagnostic::error(&store_codes::UNCONFIRMED, message)
                .because("one lucky run would make every later one look worse")
                .help(format!(
                    "measure again (plimsoll run {scenario} --rounds 5), then promote with --confirmed-by RUN; \
                     or take it as it is with --accept-improvement --reason \"...\""
                )),
            Self::ReasonNeeded { .. } => Diagnostic::error(&store_codes::REASON_NEEDED, message)
                .because("with these rounds in it, the baseline would hide the same regression from now on")
                .help("say why this is right: --reason \"...\""),
            Self::NoAcceptance { known, .. } => Diagnostic::error(&store_codes::NO_ACCEPTANCE, message)
                .help(format!(
                    "name the beginning of a content hash, a label, `current`, or a run; the latest acceptances are {}",
                    known.join(", ")
                )),
            Self::NoCalibration => Diagnostic::error(&validity_codes::ONE_SIDED, message)
                .because("its rounds have different loads, so they are no repetitions of each other")
                .help("calibrate a scenario with the load that you gate on"),
            Self::ShardOfCommand => Diagnostic::error(&scenario_codes::NO_SHARD, message)
                .because("every part would start a target of its own, and none would bear the whole load")
                .help("start the target once, and write its address as `url` without `command`"),
            Self::TooManyShards { have, what, .. } => Diagnostic::error(&scenario_codes::NO_SHARD, message)
                .because("every part, or side of a duet, needs at least one of each")
                .help(format!("use at most {have} parts, or more {what}")),
            Self::StartIsPast { .. } => Diagnostic::error(&scenario_codes::START_PAST, message)
                .because("all parts begin at the same moment, and this one must be prepared before it")
                .help("name a moment some seconds ahead, the same for every part"),
            Self::RoundIsLate { .. } => Diagnostic::error(&scenario_codes::START_PAST, message)
                .because("the other parts began without this one, so the load was not the planned one")
                .help("measure all parts again; see whether the target answers its ready probe at once"),
            Self::OnlyAPart { .. } => Diagnostic::error(&store_codes::ONLY_A_PART, message)
                .because("a part has seen only its share of the load")
                .help("plimsoll merge RUN RUN ... puts all parts together"),
            Self::NoHistory { scenario, left_out } => {
                let d = no_history(left_out, message);
                d.help(format!("plimsoll run {scenario} --rounds 5"))
            }
            Self::NotFollowed { known, .. } => {
                Diagnostic::error(&store_codes::NOT_FOLLOWED, message)
                    .help(format!("there is {}", known.join(", ")))
            }
            Self::NoLevel { .. } => Diagnostic::error(&store_codes::NO_LEVEL, message)
                .because("the latest runs do not have it, and an older level is not the present one")
                .help("name the metrics to accept with --metric"),
            Self::NotMergeable { .. } => Diagnostic::error(&store_codes::NOT_MERGEABLE, message)
                .because("only all parts of one plan, begun at the same moment, add up to its load")
                .help("name each part exactly once, by its folder or the beginning of its id"),
        }
    }
}

fn forbidden(message: String) -> Diagnostic {
    Diagnostic::error(&scenario_codes::HOST_FORBIDDEN, message)
        .because("it is the metadata service of a cloud provider, which hands out credentials")
        .help("name the service you want to measure, such as \"http://127.0.0.1:8080\"")
}

fn port_taken(message: String) -> Diagnostic {
    Diagnostic::error(&target_codes::PORT_TAKEN, message)
        .because("the load would go to a process that is already there, and not to the one started by `command`")
        .help("stop that process, or write {port} in `command` to be given a free port every round")
}

fn elsewhere(message: String) -> Diagnostic {
    Diagnostic::error(&scenario_codes::HOST_NOT_ALLOWED, message)
        .because("only this machine may be loaded without being asked for by name")
        .help("see what the name is in /etc/hosts, or write the address that is meant")
}

fn no_faults(message: String) -> Diagnostic {
    Diagnostic::error(&environment_codes::NO_FAULTS, message)
        .because("what was measured from then on is not what the scenario says")
        .help("raise the limit on open files (ulimit -n): each connection through the proxy needs three")
}

fn no_process(message: String) -> Diagnostic {
    Diagnostic::error(&target_codes::NO_PROCESS, message)
        .because("its CPU, memory and descriptors would be missing from every report")
        .help("see who there is (`ss -ltnp`, `ps -A`), run Plimsoll as the same user, or leave `process` out")
}

fn unhealthy(get: &str, message: String) -> Diagnostic {
    Diagnostic::error(&target_codes::UNHEALTHY, message)
        .because("a target that is ill before the load would be measured ill")
        .help(format!(
            "mend it and see GET {get}, or leave this [[health]] out"
        ))
}

fn no_baseline(scenario: &str, message: String) -> Diagnostic {
    Diagnostic::error(&store_codes::NO_BASELINE, message)
        .because("a gate without a reference would always be green, so this is no pass (exit 3)")
        .help(format!(
            "plimsoll run {scenario} --rounds 5, then plimsoll baseline save {scenario} --reason \"...\"; \
             or measure the other build now with --against-command; or pass --allow-missing-baseline once"
        ))
}

fn not_foldable(scenario: &str, ends: &[String], message: String) -> Diagnostic {
    Diagnostic::error(&store_codes::NOT_FOLDABLE, message)
        .because("the rounds of a baseline are repetitions of one measurement")
        .help(format!(
            "plimsoll baseline fold {scenario} --only NAME keeps what one branch had; the last of each are {}",
            ends.join(", ")
        ))
}

fn no_history(left_out: &[(String, usize)], message: String) -> Diagnostic {
    let d = Diagnostic::error(&store_codes::NO_HISTORY, message);
    if left_out.is_empty() {
        return d;
    }
    let counted: Vec<_> = left_out
        .iter()
        .map(|(why, n)| format!("{n} {why}"))
        .collect();
    d.because(format!(
        "all there are do not count: {}",
        counted.join("; ")
    ))
}

fn users(error: &UsersError, message: String) -> Diagnostic {
    let refused = Diagnostic::error(&environment_codes::NO_USERS, message);
    match error {
        UsersError::Absent => {
            refused.help("build it with the feature `users`, or use a `rate` phase")
        }
        UsersError::Tls(_) => refused.help("give PEM certificates and keys that belong together"),
        UsersError::Unsupported(_) => refused.help("use a `rate` or `connections` phase for that"),
        UsersError::Client(_)
        | UsersError::Start(_)
        | UsersError::Launch(_)
        | UsersError::Panicked => refused.help("check `ulimit -n` and `ulimit -u`"),
    }
}

/// Adds to an error in which round it came and what is left of the run.
fn in_round(
    mut diagnostic: Diagnostic,
    number: usize,
    of: usize,
    record: Option<&Path>,
) -> Diagnostic {
    if of > 1 {
        diagnostic.message = format!("round {number}: {}", diagnostic.message);
    }
    let Some(record) = record else {
        return diagnostic;
    };
    let kept = format!(
        "plimsoll report {} shows what was measured until then",
        record.display()
    );
    let help = match diagnostic.help.take() {
        Some(help) => format!("{help}; {kept}"),
        None => kept,
    };
    diagnostic.help(help)
}
