//! The keys of `[[threshold]]`.

use crate::diagnostic::scenario as codes;

use super::grammar::{Kind, Rule, Table};
use super::kinds::{LIMIT, optional, required, slug, text, time};

pub(super) static THRESHOLD: Table = Table {
    noun: "a threshold",
    keys: &[
        required(
            "metric",
            Kind::Metric,
            "What is limited, such as latency.p99 or cpu.per-request.",
        ),
        optional("step", slug("browse"), "Only the requests of this step."),
        optional(
            "journey",
            slug("buy"),
            "Only the requests of this journey; a [[step]] is a journey of its own.",
        ),
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
        optional(
            "over",
            time("10s"),
            "The worst stretch of this length is held to the limit, not the whole phase; whole seconds.",
        ),
        optional(
            "abort",
            Kind::Flag,
            "True to end the run as soon as the limit is broken. Default false.",
        ),
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
        Rule::AtMostOne {
            keys: &["step", "journey"],
            help: "a step belongs to one journey: keep `step` for one request, `journey` for all of it",
        },
        Rule::NeedsAny {
            key: "over",
            others: &["max", "min"],
            help: "the worst stretch is held to an absolute limit: add max = ...; a change is judged over whole rounds",
        },
        Rule::NeedsAny {
            key: "abort",
            others: &["max", "min"],
            help: "only an absolute limit can be broken before the end: add max = ...",
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
