//! Before a run: do the limits of this machine bear what the plan needs? Its descriptors are reserved.
//!
//! What a plan surely needs and cannot have ends it before anything is sent. What it may need at most
//! is warned of: should it be missed, the requests that miss it count as errors of the generator.

use crate::diagnostic::{Diagnostic, environment};
use crate::engine;
use crate::model::Shard;
use crate::mutant::{self, Mutant};
use crate::observe::{Limits, reserve_descriptors};
use crate::scenario::plan::{Load, Plan};

/// Descriptors of the record, the sampler, its questions and the like, beyond those open already.
const OWN: u64 = 24;

/// Descriptors of a worker: its readiness queue and its timers.
const PER_WORKER: u64 = 4;

/// Descriptors of a connection through the fault proxy: its own, and both sides of the proxy.
const PER_PROXIED: u64 = 3;

/// A limit that a plan surely exceeds.
#[derive(Debug, thiserror::Error)]
#[error("{limit} {what} are allowed and {need} are needed")]
pub struct LimitError {
    what: &'static str,
    limit: u64,
    need: u64,
    connections: u64,
    help: String,
}

impl LimitError {
    /// The error as the user sees it.
    pub(super) fn diagnostic(&self) -> Diagnostic {
        Diagnostic::error(&environment::LIMIT, self.to_string())
            .because(format!(
                "the plan keeps {} connections open at once, and those that cannot be opened would \
                 say nothing of the target",
                self.connections
            ))
            .help(self.help.clone())
    }
}

/// What a plan needs of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Needs {
    /// Connections that are surely open at once.
    surely: u64,
    /// Connections that may be open at once.
    at_most: u64,
    per_connection: u64,
    workers: u64,
    /// A connection takes a local port.
    takes_ports: bool,
    /// The target runs here, within the same limits.
    starts_target: bool,
}

impl Needs {
    fn of(plan: &Plan, shard: Shard, workers: Option<usize>) -> Self {
        let share = |n: usize| shard.share(n) as u64;
        let connections = plan.target.http.connections;
        let surely = plan.phases.iter().map(|phase| match &phase.load {
            Load::Connections(n) => share(*n),
            Load::Users(users) => share(users.count),
            Load::Rate { .. } | Load::Replay(_) | Load::Search(_) => 0,
        });
        let surely = surely.max().unwrap_or(0);
        let is_open = |load: &Load| !matches!(load, Load::Connections(_) | Load::Users(_));
        let open = plan.phases.iter().any(|phase| is_open(&phase.load));
        let at_most = if open { share(connections) } else { 0 };
        Self {
            surely,
            at_most: at_most.max(surely),
            per_connection: if plan.faults.is_empty() {
                1
            } else {
                PER_PROXIED
            },
            workers: workers.unwrap_or_else(|| engine::default_workers(connections)) as u64,
            takes_ports: plan.target.unix.is_none(),
            starts_target: plan.target.command.is_some(),
        }
    }

    fn own_descriptors(&self, open: u64) -> u64 {
        open + OWN + PER_WORKER * self.workers
    }

    /// With so many connections, beside `open` files.
    fn descriptors(&self, connections: u64, open: u64) -> u64 {
        connections * self.per_connection + self.own_descriptors(open)
    }
}

/// Looks at the limits before anything is sent, and reserves what may be needed within them; returns
/// what should be known of them.
///
/// # Errors
/// When the plan surely needs more than there is.
pub(super) fn preflight(
    plan: &Plan,
    shard: Option<Shard>,
    workers: Option<usize>,
) -> Result<Vec<String>, LimitError> {
    let needs = Needs::of(plan, shard.unwrap_or_else(Shard::whole), workers);
    let limits = Limits::read();
    let remarks = if mutant::is_on(Mutant::LimitsUnforeseen) {
        Vec::new()
    } else {
        judge(needs, &limits)?
    };
    if !mutant::is_on(Mutant::DescriptorsUnreserved) {
        reserve_descriptors(needs.descriptors(needs.at_most, limits.open));
    }
    Ok(remarks)
}

fn judge(needs: Needs, limits: &Limits) -> Result<Vec<String>, LimitError> {
    let said = [descriptors(needs, limits)?, ports(needs, limits)?];
    let said = said.into_iter().flatten().chain(quota(needs, limits));
    Ok(said.collect())
}

fn descriptors(needs: Needs, limits: &Limits) -> Result<Option<String>, LimitError> {
    let Some(limit) = limits.descriptors else {
        return Ok(None);
    };
    let own = needs.own_descriptors(limits.open);
    let need = |connections: u64| needs.descriptors(connections, limits.open);
    let holds = limit.saturating_sub(own) / needs.per_connection;
    let fix = |need: u64| {
        let hard = limits.descriptors_at_most.filter(|hard| *hard < need);
        let raise = format!("ulimit -n {}", need.next_power_of_two());
        hard.map_or(raise.clone(), |hard| {
            format!("{raise}, for which the hard limit of {hard} must be raised too")
        })
    };
    if need(needs.surely) > limit {
        return Err(LimitError {
            what: "open files",
            limit,
            need: need(needs.surely),
            connections: needs.surely,
            help: format!(
                "{}; or use at most {holds} connections",
                fix(need(needs.surely))
            ),
        });
    }
    let most = need(needs.at_most);
    Ok((most > limit).then(|| {
        format!(
            "{limit} open files are allowed and up to {most} may be needed, for {} connections and \
             Plimsoll's own; requests beyond them fail by the generator's fault; help: {}",
            needs.at_most,
            fix(most)
        )
    }))
}

fn ports(needs: Needs, limits: &Limits) -> Result<Option<String>, LimitError> {
    let Some(limit) = limits.ports.filter(|_| needs.takes_ports) else {
        return Ok(None);
    };
    let help = |need: u64| {
        format!(
            "sysctl -w net.ipv4.ip_local_port_range='10000 65000', or use at most {limit} \
             connections instead of {need}"
        )
    };
    if needs.surely > limit {
        return Err(LimitError {
            what: "local ports",
            limit,
            need: needs.surely,
            connections: needs.surely,
            help: help(needs.surely),
        });
    }
    Ok((needs.at_most > limit).then(|| {
        format!(
            "{limit} local ports are there and up to {} may be needed, one for each connection; \
             requests beyond them fail by the generator's fault; help: {}",
            needs.at_most,
            help(needs.at_most)
        )
    }))
}

/// A quota halts all threads at once, so it must hold the busiest moment of all of them.
fn quota(needs: Needs, limits: &Limits) -> Option<String> {
    let quota = limits.quota?;
    let wanted = needs.workers + u64::from(needs.starts_target);
    let needed = limits.cores.map_or(wanted, |cores| wanted.min(cores));
    let who = if needs.starts_target {
        "the load threads and the target"
    } else {
        "the load threads"
    };
    (quota < needed as f64).then(|| {
        format!(
            "the control group may use {quota:.2} cores and {needed} may be needed, for {who}; when \
             its quota is used up everything halts, and the round is spoiled; help: lift the CPU \
             limit of the container to {needed}"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::plan::Phase;
    use crate::schedule::sample;
    use crate::units::Nanos;

    const ROOMY: Limits = Limits {
        descriptors: Some(20_000),
        descriptors_at_most: Some(20_000),
        open: 10,
        ports: Some(28_232),
        quota: None,
        cores: Some(2),
    };

    fn needs(load: Load) -> Needs {
        let mut plan = sample::plan();
        plan.target.http.connections = 400;
        plan.phases = vec![Phase::new("p", load, Nanos::SECOND)];
        Needs::of(&plan, Shard::whole(), Some(1))
    }

    fn closed() -> Needs {
        needs(Load::Connections(400))
    }

    fn open() -> Needs {
        let load = sample::plan().phases[0].load.clone();
        assert!(matches!(load, Load::Rate { .. }));
        needs(load)
    }

    #[test]
    fn enough_is_nothing_to_speak_of() {
        assert_eq!(judge(closed(), &ROOMY).expect("bears it"), [""; 0]);
        assert_eq!(judge(open(), &ROOMY).expect("bears it"), [""; 0]);
    }

    #[test]
    fn what_is_surely_missing_ends_it_and_names_limit_need_and_fix() {
        let few = Limits {
            descriptors: Some(64),
            ..ROOMY
        };
        let error = judge(closed(), &few).expect_err("too few").diagnostic();
        assert_eq!(error.code.id, "PL0607");
        insta::assert_snapshot!(error.message, @"64 open files are allowed and 438 are needed");
        insta::assert_snapshot!(error.help.expect("help"), @"ulimit -n 512; or use at most 26 connections");
        let few = Limits {
            ports: Some(200),
            ..ROOMY
        };
        let error = judge(closed(), &few).expect_err("too few").diagnostic();
        insta::assert_snapshot!(error.message, @"200 local ports are allowed and 400 are needed");
    }

    #[test]
    fn what_may_be_missing_is_warned_of() {
        let few = Limits {
            descriptors: Some(64),
            descriptors_at_most: Some(128),
            ports: Some(200),
            quota: Some(0.5),
            ..ROOMY
        };
        let said = judge(open(), &few).expect("goes on").join("\n");
        insta::assert_snapshot!(said, @r"
        64 open files are allowed and up to 438 may be needed, for 400 connections and Plimsoll's own; requests beyond them fail by the generator's fault; help: ulimit -n 512, for which the hard limit of 128 must be raised too
        200 local ports are there and up to 400 may be needed, one for each connection; requests beyond them fail by the generator's fault; help: sysctl -w net.ipv4.ip_local_port_range='10000 65000', or use at most 200 connections instead of 400
        the control group may use 0.50 cores and 1 may be needed, for the load threads; when its quota is used up everything halts, and the round is spoiled; help: lift the CPU limit of the container to 1
        ");
    }

    #[test]
    fn a_proxied_connection_needs_three_descriptors_and_a_socket_file_no_port() {
        let mut needs = closed();
        needs.per_connection = PER_PROXIED;
        let limits = Limits {
            descriptors: Some(1000),
            ..ROOMY
        };
        assert!(judge(needs, &limits).is_err());
        assert!(judge(closed(), &limits).is_ok());
        needs = closed();
        needs.takes_ports = false;
        let none = Limits {
            ports: Some(0),
            ..ROOMY
        };
        assert!(judge(needs, &none).is_ok());
    }
}
