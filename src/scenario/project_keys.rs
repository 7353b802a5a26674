//! The keys of `plimsoll.toml`.
//!
//! Each has a flag or a key of a scenario of the same name, which goes before it.

use super::grammar::{Kind, Table};
use super::kinds::{now, optional, text, time, whole};
use super::target_keys::TIMEOUTS;

pub(super) static PROJECT: Table = Table {
    noun: "plimsoll.toml",
    keys: &[
        optional(
            "allow-hosts",
            Kind::List(&HOST),
            "Hosts beyond loopback that the scenarios of this project may load: `host` or `host:port`.",
        ),
        optional(
            "check",
            Kind::Table(&CHECK),
            "How `plimsoll check` goes about it.",
        ),
        optional(
            "run",
            Kind::Table(&RUN),
            "How `plimsoll run` goes about it.",
        ),
        optional(
            "calibrate",
            Kind::Table(&CALIBRATE),
            "How `plimsoll calibrate` goes about it.",
        ),
        optional(
            "report",
            Kind::Table(&REPORT),
            "What `plimsoll run` and `plimsoll check` write.",
        ),
        optional(
            "target",
            Kind::Table(&TARGET),
            "What holds for the targets of all scenarios that do not say otherwise.",
        ),
    ],
    rules: &[],
};

const HOST: Kind = text("a host", None, "shop.example");

static CHECK: Table = Table {
    noun: "check",
    keys: &[
        optional(
            "against",
            text("a baseline", Some("^@?[a-z0-9][a-z0-9._-]{0,63}$"), "@main"),
            "The stored baseline to compare with (--against). Default: the scenario's own.",
        ),
        optional(
            "max-rounds",
            whole(1, 50, 10),
            "Rounds per side at most (--max-rounds). Default 10, or as many as the budget holds.",
        ),
        optional(
            "time-budget",
            time("5m"),
            "No round begins that cannot end within this time (--time-budget). Default: none. A search for capacity has its own `max-duration`.",
        ),
        optional(
            "judge",
            Kind::Choice(&[now("round-t"), now("baseline-p95"), now("mann-whitney")]),
            "Who decides about changes (--judge). Default round-t.",
        ),
        optional(
            "strict",
            Kind::Flag,
            "True to fail only when a change exceeds what is allowed beyond doubt (--strict). Default false.",
        ),
        optional(
            "allow-missing-baseline",
            Kind::Flag,
            "True to judge absolute limits only where there is no baseline, instead of exit 3 (--allow-missing-baseline). Default false.",
        ),
        optional(
            "on-inconclusive",
            Kind::Choice(&[now("fail"), now("warn")]),
            "What an inconclusive result does: exit 3, or pass with a warning (--on-inconclusive). Default warn.",
        ),
        optional(
            "fail-on-alert",
            Kind::Choice(&[now("critical"), now("warning"), now("any")]),
            "Fail when an alert of this severity or above fires, in scenarios that have alerts (--fail-on-alert). Default: none fails.",
        ),
    ],
    rules: &[],
};

static RUN: Table = Table {
    noun: "run",
    keys: &[
        optional(
            "rounds",
            whole(1, 1000, 5),
            "Repetitions, each against a fresh target (--rounds). Default 1.",
        ),
        optional(
            "workers",
            whole(1, 64, 2),
            "Worker threads of the load engine (--workers). Default: half the cores.",
        ),
    ],
    rules: &[],
};

static CALIBRATE: Table = Table {
    noun: "calibrate",
    keys: &[optional(
        "time-budget",
        time("5m"),
        "How long a calibration may take (--time-budget). Default 5m.",
    )],
    rules: &[],
};

static REPORT: Table = Table {
    noun: "report",
    keys: &[optional(
        "outputs",
        Kind::List(&OUTPUT),
        "What is written beside the run folder, as by -o, below this folder. Any -o takes the place of all of them.",
    )],
    rules: &[],
};

const OUTPUT: Kind = text("a report's name", None, "report.html");

static TARGET: Table = Table {
    noun: "target",
    keys: &[optional(
        "timeouts",
        Kind::Table(&TIMEOUTS),
        "Longest times of the parts of a request, each unless the scenario has its own.",
    )],
    rules: &[],
};
