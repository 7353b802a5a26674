//! What a new scenario can be for: its phases and its limits, with the reasons beside them.

/// The question a load answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Kind {
    /// Is it as fast as it was, at the usual rate?
    #[default]
    Load,
    /// Where does it leave the ground, stair by stair?
    Stress,
    /// Does it keep up for half an hour?
    Soak,
    /// Does it survive a burst, and recover?
    Spike,
    /// How does it bear many clients at once?
    Concurrency,
    /// What becomes of it with little memory and few descriptors?
    Constrained,
}

/// Limits to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Preset {
    /// p95 under 500 ms, errors under 0.1 %, memory under 256 MiB, CPU under 70 % of a core
    ServiceSlo,
}

impl Kind {
    /// The phases, and what guards them.
    pub(super) const fn phases(self) -> &'static str {
        match self {
            Self::Load => LOAD,
            Self::Stress => STRESS,
            Self::Soak => SOAK,
            Self::Spike => SPIKE,
            Self::Concurrency => CONCURRENCY,
            Self::Constrained => CONSTRAINED,
        }
    }

    /// What its target is held to, as keys of `[target]`; only a program that is started can be.
    pub(super) const fn of_target(self) -> Option<&'static str> {
        match self {
            Self::Constrained => Some(CONSTRAINTS),
            _ => None,
        }
    }

    /// The limits that suit it; `observed`: the target's process can be read.
    pub(super) fn limits(self, observed: bool) -> String {
        let own = match self {
            Self::Load | Self::Spike => CHANGES,
            Self::Stress | Self::Constrained => STAIRS,
            Self::Soak => DECAY,
            Self::Concurrency => THROUGHPUT,
        };
        match (self, observed) {
            (Self::Soak, true) => format!("{own}{LEAKS}"),
            _ => own.to_owned(),
        }
    }
}

impl Preset {
    pub(super) fn limits(self, observed: bool) -> String {
        let Self::ServiceSlo = self;
        if observed {
            format!("{SLO}{SLO_OF_PROCESS}")
        } else {
            SLO.to_owned()
        }
    }
}

const LOAD: &str = r#"[[phase]]
name = "warm-up"
rate = "100/s"
duration = "2s"
warm-up = true                                  # excluded from every number

[[phase]]
name = "steady"
rate = "100/s"                                  # open model: the plan decides when a request leaves
duration = "10s"
"#;

const STRESS: &str = r#"[[phase]]
name = "warm-up"
rate = "50/s"
duration = "2s"
warm-up = true                                  # excluded from every number

# Look at the report for the stair where latency leaves the ground.
[[phase]]
name = "stairs"
rate = { from = "50/s", to = "500/s", step = "50/s", every = "5s" }
duration = "50s"

# A target that answers with errors alone is not pressed further.
[guard]
errors-over = "50%"
within = "5s"
"#;

const CONSTRAINTS: &str = r#"
# Each process of it, by the kernel: beyond the first an allocation fails, beyond the second accepting does.
limits = { memory = "256MiB", open-files = 128 }
http = { connections = 200 }                    # more than it can hold"#;

const CONSTRAINED: &str = r#"[[phase]]
name = "warm-up"
rate = "50/s"
duration = "2s"
warm-up = true                                  # excluded from every number

[[phase]]
name = "steady"
rate = "100/s"
duration = "10s"

# More clients than descriptors: what is turned away, and does it come back?
[[phase]]
name = "crowd"
connections = 200
duration = "5s"

[[phase]]
name = "afterwards"
rate = "100/s"
duration = "10s"
"#;

const SOAK: &str = r#"# Caches fill and pools open here; what grows after that is a leak.
[[phase]]
name = "warm-up"
rate = { from = "10/s", to = "50/s" }
duration = "30s"
warm-up = true

[[phase]]
name = "steady"
rate = "50/s"
duration = "30m"

[guard]
errors-over = "50%"
within = "10s"
"#;

const SPIKE: &str = r#"[[phase]]
name = "warm-up"
rate = "50/s"
duration = "2s"
warm-up = true                                  # excluded from every number

# Ten seconds as usual, five at ten times the rate, fifteen to recover.
[[phase]]
name = "spike"
rate = { base = "50/s", peak = "500/s", at = "10s", for = "5s" }
duration = "30s"
"#;

const CONCURRENCY: &str = r#"# Each connection sends as soon as it is answered: the most that so many clients can do. It hides how
# long visitors would have waited; that is what a rate is for.
[[phase]]
name = "few"
connections = 8
duration = "10s"

[[phase]]
name = "many"
connections = 64
duration = "10s"

[[phase]]
name = "very-many"
connections = 256
duration = "10s"
"#;

const CHANGES: &str = r#"# A limit on the number itself: an SLO.
[[threshold]]
metric = "latency.p95"
max = "250ms"
max-change = "+10%"                             # and on its change against the reference

[[threshold]]
metric = "latency.p50"
max-change = "+5%"
"#;

const STAIRS: &str = r#"# Over all stairs together; the report shows each second.
[[threshold]]
metric = "latency.p50"
max-change = "+5%"

[[threshold]]
metric = "errors.rate"
max = "1%"
"#;

const DECAY: &str = r#"[[threshold]]
metric = "latency.p99"
max = "500ms"

[[threshold]]
metric = "errors.rate"
max = "0.1%"
"#;

const LEAKS: &str = r#"
[[threshold]]
metric = "memory.rss.slope"
max = "16KiB/s"                                 # about 56 MiB an hour

[[threshold]]
metric = "fds.peak"
max = 256
"#;

const THROUGHPUT: &str = r#"# Of throughput more is better, so its limits are the other way round.
[[threshold]]
metric = "throughput.ok"
phase = "many"
max-change = "-5%"

[[threshold]]
metric = "errors.rate"
max = "0.1%"
"#;

const SLO: &str = r#"[[threshold]]
metric = "latency.p95"
max = "500ms"

[[threshold]]
metric = "errors.rate"
max = "0.1%"
"#;

const SLO_OF_PROCESS: &str = r#"
[[threshold]]
metric = "memory.rss.peak"
max = "256MiB"

[[threshold]]
metric = "cpu.utilisation"
max = "70%"                                     # of one core
"#;
