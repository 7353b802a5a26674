//! The checked plan: after this nothing can be wrong, so nothing re-checks.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::model::{Outline, PhaseOutline, TargetOutline, Threshold};
use crate::units::{Nanos, Rate};

/// What to do, completely.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub name: String,
    pub description: String,
    pub seed: u64,
    pub target: Target,
    /// At least one.
    pub steps: Vec<Step>,
    /// At least one that is no warm-up.
    pub phases: Vec<Phase>,
    pub thresholds: Vec<Threshold>,
    /// The scenario file as read; empty for a quick run.
    pub source: String,
    /// Where it was read from.
    pub file: Option<String>,
}

/// Where the load goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    pub url: Url,
    pub command: Option<Command>,
    pub ready: Ready,
    pub timeouts: Timeouts,
    /// Most connections open at once in a `rate` phase.
    pub connections: usize,
}

/// `http://host:port/base`, the host resolved when needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Url {
    pub host: String,
    /// 0 when the command is given a free port for every round; it takes this one's place.
    pub port: u16,
    /// Prefix of every request path, without a trailing slash; empty for none.
    pub base: String,
}

impl Url {
    /// `host:port`, with brackets around an IPv6 address.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// The address to connect to, by the system's resolver, IPv4 first.
    ///
    /// # Errors
    /// When the name does not resolve.
    pub fn resolve(&self) -> std::io::Result<SocketAddr> {
        use std::net::ToSocketAddrs;
        let mut addresses: Vec<_> = (self.host.as_str(), self.port).to_socket_addrs()?.collect();
        addresses.sort_by_key(SocketAddr::is_ipv6);
        addresses.into_iter().next().ok_or_else(|| {
            std::io::Error::new(
                std::io::ErrorKind::NotFound,
                format!("`{}` has no address", self.host),
            )
        })
    }
}

impl std::fmt::Display for Url {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let authority = self.authority();
        match authority.strip_suffix(":0") {
            Some(host) => write!(f, "http://{host}:{{port}}{}", self.base),
            None => write!(f, "http://{authority}{}", self.base),
        }
    }
}

/// A program started afresh for every round; `{port}` in its arguments and environment is replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    pub argv: Vec<String>,
    pub env: BTreeMap<String, String>,
}

/// How to know that the target can be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// Path to GET and the status it must answer; None: accepting a connection is enough.
    pub get: Option<(String, u16)>,
    pub within: Nanos,
}

/// Limits by state of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Timeouts {
    pub connect: Nanos,
    pub first_byte: Nanos,
    /// From the actual start to the last byte; also the longest wait for a connection.
    pub total: Nanos,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    pub name: String,
    /// Requests of this step out of every Σ weights.
    pub weight: u32,
    pub request: Request,
    pub expect: Expect,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Request {
    pub method: String,
    /// Path and query below the target's base, beginning with `/`.
    pub path: String,
    /// In the order written; `content-type` of a JSON body included.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// What a good answer looks like.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Expect {
    /// Allowed status codes; empty: any 2xx or 3xx.
    pub status: Vec<u16>,
    pub body_contains: Option<String>,
    /// JSON pointer → value it must have.
    pub json: Vec<(String, serde_json::Value)>,
}

impl Expect {
    /// True when the body must be kept to be looked at.
    pub fn needs_body(&self) -> bool {
        self.body_contains.is_some() || !self.json.is_empty()
    }

    pub fn allows(&self, status: u16) -> bool {
        if self.status.is_empty() {
            (200..400).contains(&status)
        } else {
            self.status.contains(&status)
        }
    }
}

/// A stretch of time with one load model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Phase {
    pub name: String,
    pub load: Load,
    pub duration: Nanos,
    /// Excluded from every number.
    pub warm_up: bool,
}

/// Who decides when the next request leaves.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub enum Load {
    /// Open model: the plan decides.
    Rate {
        profile: Profile,
        arrivals: Arrivals,
    },
    /// Closed model: so many connections, each sends as soon as it is answered.
    Connections(usize),
}

/// The rate over a phase.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum Profile {
    Constant(Rate),
    /// Linear from the beginning to the end of the phase.
    Ramp {
        from: Rate,
        to: Rate,
    },
    /// Begins at `from`, changes by `step` every `every`, never beyond `to`.
    Stairs {
        from: Rate,
        to: Rate,
        step: Rate,
        every: Nanos,
    },
}

/// How arrivals are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Arrivals {
    /// Random and independent, as from many users; their number is exact.
    Poisson,
    /// Evenly spaced.
    Constant,
}

impl Profile {
    /// Requests due from the beginning of the phase up to `t` of `duration`.
    pub fn due(&self, t: Nanos, duration: Nanos) -> f64 {
        let t = t.min(duration).as_secs_f64();
        match *self {
            Self::Constant(rate) => rate.0 * t,
            Self::Ramp { from, to } => {
                from.0 * t + (to.0 - from.0) * t * t / (2.0 * duration.as_secs_f64())
            }
            Self::Stairs { every, .. } => {
                let every = every.as_secs_f64();
                let whole = (t / every).floor();
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "the number of stairs of a phase is small and not negative"
                )]
                let stairs = whole as u32;
                let climbed: f64 = (0..stairs).map(|i| self.stair(i) * every).sum();
                climbed + self.stair(stairs) * (t - whole * every)
            }
        }
    }

    /// Rate of the i-th stair, or the rate itself.
    pub fn stair(&self, i: u32) -> f64 {
        match *self {
            Self::Constant(rate) => rate.0,
            Self::Ramp { from, .. } => from.0,
            Self::Stairs { from, to, step, .. } => {
                if to.0 >= from.0 {
                    (from.0 + step.0 * f64::from(i)).min(to.0)
                } else {
                    (from.0 - step.0 * f64::from(i)).max(to.0)
                }
            }
        }
    }
}

impl Phase {
    /// Requests the phase asks for, rounded to a whole number; None when the target decides.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rates and durations are not negative and checked against limits when parsed"
    )]
    pub fn asked(&self) -> Option<u64> {
        match &self.load {
            Load::Rate { profile, .. } => {
                Some(profile.due(self.duration, self.duration).round() as u64)
            }
            Load::Connections(_) => None,
        }
    }

    fn describe_load(&self) -> String {
        match &self.load {
            Load::Rate { profile, arrivals } => {
                let shape = match profile {
                    Profile::Constant(rate) => rate.to_string(),
                    Profile::Ramp { from, to } => format!("{from} → {to}"),
                    Profile::Stairs {
                        from,
                        to,
                        step,
                        every,
                    } => {
                        format!("{from} → {to} by {step} every {every}")
                    }
                };
                let spacing = match arrivals {
                    Arrivals::Poisson => "poisson",
                    Arrivals::Constant => "even",
                };
                format!("{shape} {spacing}")
            }
            Load::Connections(n) => format!("{n} connections, saturated"),
        }
    }
}

impl Plan {
    /// The plan as a record keeps it.
    pub fn outline(&self) -> Outline {
        let mut start = Nanos::ZERO;
        let phases = self
            .phases
            .iter()
            .map(|phase| {
                let outline = PhaseOutline {
                    name: phase.name.clone(),
                    start,
                    duration: phase.duration,
                    warm_up: phase.warm_up,
                    load: phase.describe_load(),
                    asked: phase.asked(),
                };
                start += phase.duration;
                outline
            })
            .collect();
        Outline {
            name: self.name.clone(),
            description: self.description.clone(),
            target: TargetOutline {
                url: self.target.url.to_string(),
                command: self.target.command.as_ref().map(|c| c.argv.clone()),
            },
            steps: self.steps.iter().map(|s| s.name.clone()).collect(),
            phases,
            thresholds: self.thresholds.clone(),
        }
    }

    /// SHA-256 over everything that decides the load, in hexadecimal: steps, phases, connections,
    /// timeouts and seed. The address, the command and thresholds are left out, so that another
    /// build of the same service compares.
    pub fn hash(&self) -> String {
        let load = serde_json::json!({
            "seed": self.seed,
            "steps": self.steps,
            "phases": self.phases,
            "connections": self.target.connections,
            "timeouts": self.target.timeouts,
            "base": self.target.url.base,
        });
        let digest = Sha256::digest(load.to_string().as_bytes());
        digest
            .iter()
            .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
    }
}
