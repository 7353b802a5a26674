//! The keys of a scenario file.
//!
//! A key exists because it stands here.

use crate::diagnostic::scenario as codes;

use super::alert_keys::ALERT;
use super::fault_keys::FAULT;
use super::grammar::{Kind, Rule, Table};
use super::kinds::{
    ANY, MOST_CONNECTIONS, MOST_USERS, now, optional, rate, required, slug, text, time, whole,
};
use super::phase_keys::{BURSTS, CHANGING_RATE, GUARD, SEARCH, SPIKE, USERS};
use super::target_keys::{HEALTH, TARGET};
use super::threshold_keys::THRESHOLD;
use super::visit_keys::{DATA, JOURNEY, REPLAY, STEP};

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
        optional(
            "step",
            Kind::Tables(&STEP),
            "Requests that are sent one by one, mixed by weight with each other and with journeys.",
        ),
        optional(
            "journey",
            Kind::Tables(&JOURNEY),
            "What one visitor does: steps in sequence.",
        ),
        optional(
            "data",
            Kind::Map(&Kind::Table(&DATA)),
            "Files with rows, by name: each visit gets a row, and {{NAME.COLUMN}} is a value of it.",
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
        optional(
            "health",
            Kind::Tables(&HEALTH),
            "Components of the target that are asked whether they are well: an unhealthy one before a round ends the run.",
        ),
        optional(
            "guard",
            Kind::Table(&GUARD),
            "A circuit breaker: what happens to the load when too many requests fail.",
        ),
        optional(
            "alert",
            Kind::Tables(&ALERT),
            "Expressions over series, evaluated each second of a round.",
        ),
        optional(
            "fault",
            Kind::Tables(&FAULT),
            "What is done to the traffic between the load and the target, for a stretch of the round.",
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
        optional(
            "duration",
            time("60s"),
            "How long it lasts. Of a replay: the length of the recording when nothing is said.",
        ),
        optional(
            "rate",
            Kind::Either(&[
                rate("200/s", false),
                Kind::Table(&CHANGING_RATE),
                Kind::Table(&SPIKE),
            ]),
            "Open model: requests per second whatever the target does; constant, a ramp, stairs or a spike.",
        ),
        optional(
            "connections",
            whole(1, MOST_CONNECTIONS, 50),
            "Closed model: so many connections, each sends as soon as it is answered.",
        ),
        optional(
            "arrivals",
            Kind::Either(&[
                Kind::Choice(&[now("poisson"), now("constant")]),
                Kind::Table(&BURSTS),
            ]),
            "How requests are spaced: at random as from many users, evenly, or { burst = 20 } at once. Default poisson.",
        ),
        optional(
            "warm-up",
            Kind::Flag,
            "True to exclude the phase from every number. Default false.",
        ),
        optional(
            "users",
            Kind::Either(&[whole(1, MOST_USERS, 50), Kind::Table(&USERS)]),
            "Closed model: so many virtual users, each with its own journey and think time.",
        ),
        optional(
            "replay",
            Kind::Either(&[
                text("a file name", None, "access.csv"),
                Kind::Table(&REPLAY),
            ]),
            "Open model: the requests of a recording at their times. A file name, or a table.",
        ),
        optional(
            "search",
            Kind::Table(&SEARCH),
            "Open model at one rate after the other, to find the highest that holds; `duration` is one round of one rate.",
        ),
        optional(
            "start-after",
            time("5s"),
            "Pause before the phase, without load.",
        ),
        optional(
            "cooldown",
            time("5s"),
            "Pause after the phase, without load.",
        ),
    ],
    rules: &[
        Rule::AtLeastOne {
            keys: &["duration", "replay"],
            code: &codes::MISSING_KEY,
            help: "say how long: duration = \"60s\"",
        },
        Rule::AtLeastOne {
            keys: &["rate", "connections", "users", "search", "replay"],
            code: &codes::MISSING_KEY,
            help: "say how much load: rate = \"200/s\" (open), users = 50 (closed, with think time), or connections = 50 (closed, as fast as it answers)",
        },
        Rule::AtMostOne {
            keys: &["rate", "connections", "users", "search", "replay"],
            help: "a phase has one load model; the connections of a rate phase are http = { connections = 50 } of [target]",
        },
        Rule::NeedsAny {
            key: "arrivals",
            others: &["rate", "search"],
            help: "only a rate has arrivals; with `connections` and `users` the target decides when the next request leaves",
        },
    ],
};

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
                Rule::NeedsAny { key, others, .. } => [&[*key], *others].concat(),
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
        check(&crate::scenario::project_keys::PROJECT);
    }
}
