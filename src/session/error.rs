//! Why a use case could not be done: what was tried, on what, and what stands in the way.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use crate::diagnostic::{
    Diagnostic, environment as environment_codes, scenario as scenario_codes, store as store_codes,
    target as target_codes,
};
use crate::engine::EngineError;
use crate::launch::LaunchError;
use crate::protocol::TlsSetupError;
use crate::store::StoreError;

/// A use case that ended without a result.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Launch(#[from] LaunchError),
    #[error(transparent)]
    Engine(#[from] EngineError),
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
    #[error("run {id} is {state}, and only complete runs can be {purpose}")]
    NotComplete {
        id: String,
        state: &'static str,
        purpose: &'static str,
        dir: PathBuf,
    },
    #[error("run {id} has no valid result: {reason}")]
    NotAcceptable { id: String, reason: String },
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
            Self::Tls(_) => Diagnostic::error(&target_codes::NO_TLS, message)
                .help("name PEM files in `tls = { ca = ..., certificate = ..., key = ... }`, the certificate before those that vouch for it"),
            Self::NoPort(_) => Diagnostic::error(&target_codes::NO_PORT, message)
                .help("close what holds local ports, or widen net.ipv4.ip_local_port_range"),
            Self::Unresolved { .. } => Diagnostic::error(&target_codes::UNRESOLVED, message)
                .help("check the host name in `url`; loopback is 127.0.0.1 or [::1]"),
            Self::Forbidden { .. } => Diagnostic::error(&scenario_codes::HOST_FORBIDDEN, message)
                .because("it is the metadata service of a cloud provider, which hands out credentials")
                .help("name the service you want to measure, such as \"http://127.0.0.1:8080\""),
            Self::PortTaken { .. } => Diagnostic::error(&target_codes::PORT_TAKEN, message)
                .because("the load would go to a process that is already there, and not to the one started by `command`")
                .help("stop that process, or write {port} in `command` to be given a free port every round"),
            Self::InRound {
                number,
                of,
                record,
                source,
            } => in_round(source.diagnostic(), *number, *of, record.as_deref()),
            Self::NeverRun { scenario } => Diagnostic::error(&store_codes::NO_RUN, message)
                .help(format!("plimsoll run {scenario} --rounds 5")),
            Self::NoBaseline { scenario } => {
                Diagnostic::error(&store_codes::NO_BASELINE, message)
                    .because("a gate without a reference would always be green, so this is no pass (exit 3)")
                    .help(format!(
                        "plimsoll run {scenario} --rounds 5, then plimsoll baseline save {scenario} --reason \"...\"; \
                         or measure the other build now with --against-command; or pass --allow-missing-baseline once"
                    ))
            }
            Self::NotComplete { dir, .. } => {
                Diagnostic::error(&store_codes::NOT_COMPLETE, message)
                    .because("an unfinished run has seen only part of the plan, so it can be shown but never judged")
                    .help(format!("plimsoll report {} shows what there is", dir.display()))
            }
            Self::NotAcceptable { .. } => Diagnostic::error(&store_codes::NOT_ACCEPTABLE, message)
                .help("mend the cause and measure again; plimsoll report last shows the findings"),
        }
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
