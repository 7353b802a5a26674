//! The keys of a scenario file.
//!
//! A key exists because it stands here. Keys of the design that this version cannot honour are
//! listed as [`Kind::Later`]: they get an error of their own and are absent from the schema.

use crate::diagnostic::scenario as codes;
use crate::units::Unit;

use super::grammar::{Choice, Key, Kind, Rule, Table, Text};

pub(super) static SCENARIO: Table = Table {
    noun: "a scenario",
    keys: &[
        required(
            "name",
            slug("checkout"),
            "Name of the scenario, and of its folder of runs and baselines: small letters, digits, `-`, `_`, `.`.",
        ),
        optional(
            "description",
            ANY,
            "What the scenario is for, in a sentence; shown in every report.",
        ),
        optional(
            "seed",
            whole(0, i64::MAX.cast_unsigned(), 42),
            "Decides arrivals, the order of steps and of rounds: same seed, same plan. Default 42.",
        ),
        required("target", Kind::Table(&TARGET), "What is put under load."),
        required(
            "step",
            Kind::Tables(&STEP),
            "The requests that are sent, mixed by weight.",
        ),
        required(
            "phase",
            Kind::Tables(&PHASE),
            "Stretches of time, one after the other, each with one load model.",
        ),
        optional(
            "threshold",
            Kind::Tables(&THRESHOLD),
            "Limits that decide the exit code.",
        ),
        later(
            "journey",
            "write its requests as [[step]] tables; they are mixed by weight, not in sequence",
        ),
        later("data", "write fixed values in the requests"),
        later("health", "use `ready` of [target] to probe before the load"),
        later(
            "guard",
            "interrupt the run by Ctrl-C: the report is still written",
        ),
        later(
            "alert",
            "use [[threshold]] tables on Plimsoll's own metrics",
        ),
    ],
    rules: &[],
};

static TARGET: Table = Table {
    noun: "the target",
    keys: &[
        optional(
            "url",
            text(
                "a URL",
                Some("^http://[^/?#@ ]+(/[^?# ]*)?$"),
                "http://127.0.0.1:8080",
            ),
            "Address and base path, http://HOST:PORT/BASE. With a command it may be left out: http://127.0.0.1:{port} is meant.",
        ),
        optional(
            "command",
            Kind::List(&WORD),
            "Program and arguments, started afresh for every round and stopped after it. `{port}` becomes a free port, in place of the one in `url`.",
        ),
        optional(
            "env",
            Kind::Map(&ANY),
            "Environment of the command, added to Plimsoll's own; `{port}` is replaced.",
        ),
        optional(
            "ready",
            Kind::Table(&READY),
            "How to know that the target can be loaded. Default: it accepts a connection within 10s.",
        ),
        optional(
            "timeouts",
            Kind::Table(&TIMEOUTS),
            "When a request is given up. It then counts as an error and, in the latency, as at least that long.",
        ),
        optional(
            "http",
            Kind::Table(&HTTP),
            "Version of HTTP and number of connections.",
        ),
        later(
            "metrics",
            "only the metrics Plimsoll measures by itself are recorded",
        ),
        later(
            "process",
            "give `command`: the process that Plimsoll starts is observed",
        ),
    ],
    rules: &[
        Rule::AtLeastOne {
            keys: &["url", "command"],
            code: &codes::MISSING_KEY,
            help: "add url = \"http://127.0.0.1:8080\", or command = [\"./server\", \"--port\", \"{port}\"] to have it started",
        },
        Rule::Needs {
            key: "env",
            other: "command",
            help: "only a program that Plimsoll starts gets an environment from it: add command = [...], or leave `env` out",
        },
    ],
};

static READY: Table = Table {
    noun: "ready",
    keys: &[
        optional(
            "get",
            PATH,
            "Path to GET, below the base of the URL, until it answers `status`.",
        ),
        optional("status", STATUS, "Status that means ready. Default 200."),
        optional("within", time("10s"), "How long to wait. Default 10s."),
    ],
    rules: &[Rule::Needs {
        key: "status",
        other: "get",
        help: "say what to ask: ready = { get = \"/health\", status = 200 }",
    }],
};

static TIMEOUTS: Table = Table {
    noun: "timeouts",
    keys: &[
        optional(
            "connect",
            time("1s"),
            "To establish a connection. Default 1s.",
        ),
        optional(
            "first-byte",
            time("5s"),
            "From the send to the first byte of the answer. Default 5s.",
        ),
        optional(
            "total",
            time("10s"),
            "From the start to the last byte of the answer, and the longest wait for a free connection. Default 10s.",
        ),
        later("tls", "only http:// targets are supported; leave it out"),
    ],
    rules: &[],
};

static HTTP: Table = Table {
    noun: "http",
    keys: &[
        optional(
            "version",
            Kind::Choice(&[now("1.1"), not_now("2"), not_now("3"), not_now("auto")]),
            "Version of HTTP. Default 1.1.",
        ),
        optional(
            "connections",
            whole(1, MOST_CONNECTIONS, 50),
            "Most connections open at once in a `rate` phase. Default 50.",
        ),
    ],
    rules: &[],
};

static STEP: Table = Table {
    noun: "a step",
    keys: &[
        required(
            "name",
            slug("browse"),
            "Name of the step in reports and thresholds.",
        ),
        optional(
            "weight",
            whole(1, super::limits::WEIGHT, 3),
            "Its share of the requests, relative to the other steps. Default 1.",
        ),
        required(
            "request",
            text(
                "a method and a path",
                Some("^[A-Z][A-Z0-9!#$%&'*+.^_`|~-]* +/[!\"$-~]*$"),
                "GET /items?page=1",
            ),
            "Method and path: \"GET /items?page=1\".",
        ),
        optional(
            "headers",
            Kind::Map(&HEADER_VALUE),
            "Headers to send, besides those Plimsoll writes (host, content-length).",
        ),
        optional(
            "query",
            Kind::Map(&QUERY_VALUE),
            "Query parameters, percent-encoded and added to the path.",
        ),
        optional(
            "json",
            Kind::Json,
            "Body as a TOML value, sent as JSON with its content type.",
        ),
        optional("body", ANY, "Body, sent as it stands."),
        optional(
            "body-file",
            text("a file name", None, "order.json"),
            "File with the body, in the folder of the scenario or below.",
        ),
        optional(
            "expect",
            Kind::Table(&EXPECT),
            "What a good answer looks like. Default: any status 2xx or 3xx.",
        ),
        later("capture", "write fixed values in the requests"),
        later("think", "use `rate` of the phase to space the requests"),
        later(
            "retry",
            "every failed request counts as an error; nothing is retried",
        ),
    ],
    rules: &[Rule::AtMostOne {
        keys: &["json", "body", "body-file"],
        help: "a request has one body: keep the one you mean",
    }],
};

const HEADER_VALUE: Kind = text(
    "a text of one line",
    Some("^([!-~]([\\t -~]*[!-~])?)?$"),
    "application/json",
);
const QUERY_SCALAR: [Kind; 3] = [ANY, Kind::Number, Kind::Flag];
const QUERY_VALUE: Kind = Kind::Either(&[
    ANY,
    Kind::Number,
    Kind::Flag,
    Kind::List(&Kind::Either(&QUERY_SCALAR)),
]);

static EXPECT: Table = Table {
    noun: "expect",
    keys: &[
        optional(
            "status",
            Kind::Either(&[STATUS, Kind::List(&STATUS)]),
            "Allowed status, or a list of them.",
        ),
        optional(
            "body-contains",
            text("a text", Some("[\\s\\S]"), "ok"),
            "Text that the body must contain.",
        ),
        optional(
            "json",
            Kind::Map(&Kind::Json),
            "JSON pointers and the value each must have: { \"/ok\" = true }.",
        ),
    ],
    rules: &[],
};

static PHASE: Table = Table {
    noun: "a phase",
    keys: &[
        required(
            "name",
            slug("steady"),
            "Name of the phase in reports and thresholds.",
        ),
        required("duration", time("60s"), "How long it lasts."),
        optional(
            "rate",
            Kind::Either(&[rate("200/s", false), Kind::Table(&CHANGING_RATE)]),
            "Open model: requests per second whatever the target does; constant, a ramp or stairs.",
        ),
        optional(
            "connections",
            whole(1, MOST_CONNECTIONS, 50),
            "Closed model: so many connections, each sends as soon as it is answered.",
        ),
        optional(
            "arrivals",
            Kind::Choice(&[now("poisson"), now("constant")]),
            "How requests are spaced: at random as from many users, or evenly. Default poisson.",
        ),
        optional(
            "warm-up",
            Kind::Flag,
            "True to exclude the phase from every number. Default false.",
        ),
        later(
            "users",
            "use `connections` for a closed load, or `rate` for an open one",
        ),
        later("replay", "use `rate` with the mean rate of the recording"),
        later(
            "search",
            "use stairs: rate = { from = \"50/s\", to = \"400/s\", step = \"50/s\", every = \"20s\" }",
        ),
    ],
    rules: &[
        Rule::AtLeastOne {
            keys: &["rate", "connections"],
            code: &codes::MISSING_KEY,
            help: "say how much load: rate = \"200/s\" (open), or connections = 50 (closed, as fast as it answers)",
        },
        Rule::AtMostOne {
            keys: &["rate", "connections"],
            help: "a phase has one load model; the connections of a rate phase are http = { connections = 50 } of [target]",
        },
        Rule::Needs {
            key: "arrivals",
            other: "rate",
            help: "only a rate has arrivals; with `connections` the target decides when the next request leaves",
        },
    ],
};

static CHANGING_RATE: Table = Table {
    noun: "rate",
    keys: &[
        required("from", rate("50/s", true), "Rate at the beginning."),
        required("to", rate("400/s", true), "Rate at the end."),
        optional(
            "step",
            rate("50/s", false),
            "Height of a stair; without it the rate changes evenly.",
        ),
        optional("every", time("20s"), "Length of a stair."),
    ],
    rules: &[
        Rule::Needs {
            key: "step",
            other: "every",
            help: "say how long a stair is: every = \"20s\"",
        },
        Rule::Needs {
            key: "every",
            other: "step",
            help: "say how high a stair is: step = \"50/s\"",
        },
    ],
};

static THRESHOLD: Table = Table {
    noun: "a threshold",
    keys: &[
        required(
            "metric",
            Kind::Metric,
            "What is limited, such as latency.p99 or cpu.per-request.",
        ),
        optional("step", slug("browse"), "Only the requests of this step."),
        optional("phase", slug("steady"), "Only the requests of this phase."),
        optional(
            "max",
            LIMIT,
            "Greatest allowed value, in the unit of the metric; for metrics of which less is better.",
        ),
        optional(
            "min",
            LIMIT,
            "Least allowed value, in the unit of the metric; for throughput, of which more is better.",
        ),
        optional(
            "max-change",
            text("a change", Some("^ *[+-]?[0-9._]+ *(%|pp) *$"), "+10%"),
            "Allowed change against the reference, in the direction that is worse: \"+10%\", \"-3%\" for throughput, \"+0.1pp\" for shares.",
        ),
        optional(
            "min-change",
            LIMIT_OR_POINTS,
            "A change smaller than this, in the unit of the metric, never counts: \"2ms\".",
        ),
        later(
            "over",
            "the whole of the phase is judged; write a phase of its own for a shorter stretch",
        ),
        later("abort", "the run goes to its end and is judged then"),
    ],
    rules: &[
        Rule::AtLeastOne {
            keys: &["max", "min", "max-change"],
            code: &codes::NO_LIMIT,
            help: "add max = ... for an absolute limit, or max-change = \"+5%\" for one against the reference",
        },
        Rule::AtMostOne {
            keys: &["max", "min"],
            help: "`min` is for metrics of which more is better (throughput), `max` for all others",
        },
        Rule::Needs {
            key: "min-change",
            other: "max-change",
            help: "`min-change` is the floor below which `max-change` does not count; add max-change = \"+5%\"",
        },
    ],
};

const LIMIT_OR_POINTS: Kind = Kind::Either(&[
    text(
        "a change in the unit of the metric",
        Some(
            "^ *[0-9._]+ *(ns|us|µs|ms|s|m|min|h|/ *s|/ *m|/ *min|/ *h|%|pp|B|kB|KB|MB|GB|KiB|MiB|GiB|(B|kB|KB|MB|GB|KiB|MiB|GiB)/s)? *$",
        ),
        "2ms",
    ),
    Kind::Number,
]);

const fn required(name: &'static str, kind: Kind, describe: &'static str) -> Key {
    Key {
        name,
        kind,
        required: true,
        describe,
    }
}

const fn optional(name: &'static str, kind: Kind, describe: &'static str) -> Key {
    Key {
        name,
        kind,
        required: false,
        describe,
    }
}

const fn later(name: &'static str, instead: &'static str) -> Key {
    optional(name, Kind::Later, instead)
}

const fn text(noun: &'static str, pattern: Option<&'static str>, example: &'static str) -> Kind {
    Kind::Text(Text {
        noun,
        pattern,
        example,
    })
}

const fn time(example: &'static str) -> Kind {
    Kind::Quantity {
        unit: Unit::Time,
        zero: false,
        example,
    }
}

const fn rate(example: &'static str, zero: bool) -> Kind {
    Kind::Quantity {
        unit: Unit::PerSecond,
        zero,
        example,
    }
}

const fn whole(min: u64, max: u64, example: u64) -> Kind {
    Kind::Whole { min, max, example }
}

/// A name that can be a folder.
const fn slug(example: &'static str) -> Kind {
    text("a name", Some("^[a-z0-9][a-z0-9._-]{0,63}$"), example)
}

const fn now(word: &'static str) -> Choice {
    Choice { word, later: false }
}

const fn not_now(word: &'static str) -> Choice {
    Choice { word, later: true }
}

const ANY: Kind = text("a text", None, "text");
const PATH: Kind = text("a path", Some(r#"^/[!"$-~]*$"#), "/health");
const STATUS: Kind = whole(100, 599, 200);
const WORD: Kind = text("a word", None, "./server");
/// A number with the unit of the metric, or a bare one for counts.
const LIMIT: Kind = Kind::Either(&[
    text(
        "a limit with the unit of the metric",
        Some(
            "^ *[0-9._]+ *(ns|us|µs|ms|s|m|min|h|/ *s|/ *m|/ *min|/ *h|%|B|kB|KB|MB|GB|KiB|MiB|GiB|(B|kB|KB|MB|GB|KiB|MiB|GiB)/s)? *$",
        ),
        "250ms",
    ),
    Kind::Number,
]);
const MOST_CONNECTIONS: u64 = super::limits::CONNECTIONS as u64;

#[cfg(test)]
mod tests {
    use super::*;

    fn check(table: &Table) {
        let mut names: Vec<_> = table.keys.iter().map(|key| key.name).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all, "{}: a key stands twice", table.noun);
        for key in table.keys {
            assert!(!key.describe.is_empty(), "{} is described", key.name);
            check_kind(&key.kind);
        }
        for rule in table.rules {
            let keys = match rule {
                Rule::AtMostOne { keys, .. } | Rule::AtLeastOne { keys, .. } => keys.to_vec(),
                Rule::Needs { key, other, .. } => vec![*key, *other],
            };
            for key in keys {
                assert!(table.key(key).is_some(), "{}: rule on {key}", table.noun);
            }
        }
    }

    fn check_kind(kind: &Kind) {
        match kind {
            Kind::Table(table) | Kind::Tables(table) => check(table),
            Kind::List(kind) | Kind::Map(kind) => check_kind(kind),
            Kind::Either(kinds) => kinds.iter().for_each(check_kind),
            _ => {}
        }
    }

    #[test]
    fn every_key_stands_once_and_is_described_and_rules_name_keys() {
        check(&SCENARIO);
    }
}
