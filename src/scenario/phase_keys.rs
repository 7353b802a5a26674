//! The keys of the load models of `[[phase]]`, and of `[guard]`.

use super::grammar::{Kind, Rule, Table};
use super::kinds::{LIMIT, moment, now, optional, rate, required, share, time, whole};
use super::limits;

pub(super) static CHANGING_RATE: Table = Table {
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

pub(super) static SPIKE: Table = Table {
    noun: "rate",
    keys: &[
        required(
            "base",
            rate("100/s", true),
            "Rate before and after the spike.",
        ),
        required("peak", rate("1000/s", false), "Rate during the spike."),
        required(
            "at",
            moment("20s"),
            "When the spike begins, from the beginning of the phase.",
        ),
        required("for", time("5s"), "How long the spike lasts."),
    ],
    rules: &[],
};

pub(super) static BURSTS: Table = Table {
    noun: "arrivals",
    keys: &[required(
        "burst",
        whole(2, limits::BURST, 20),
        "So many requests at once; the bursts are evenly spaced, so that the rate is kept.",
    )],
    rules: &[],
};

pub(super) static USERS: Table = Table {
    noun: "users",
    keys: &[
        required(
            "count",
            whole(1, limits::USERS as u64, 50),
            "How many there are.",
        ),
        optional(
            "ramp",
            time("10s"),
            "Time until all are there, evenly. Default: all at once.",
        ),
    ],
    rules: &[],
};

pub(super) static SEARCH: Table = Table {
    noun: "search",
    keys: &[
        required(
            "metric",
            Kind::Metric,
            "What must hold at a rate: a latency, service time, wait or lateness, or errors.rate.",
        ),
        required(
            "under",
            LIMIT,
            "A rate holds while the metric stays below this, in its unit: \"250ms\".",
        ),
        required("from", rate("100/s", false), "Lowest rate; it should hold."),
        required("to", rate("20000/s", false), "Highest rate."),
        optional(
            "rounds",
            whole(1, limits::SEARCH_ROUNDS, 3),
            "Rounds of each rate. Default 3.",
        ),
        optional(
            "precision",
            share("5%"),
            "The search ends when the highest rate that held and the lowest that did not are this close. Default 5%.",
        ),
        optional(
            "max-duration",
            time("30m"),
            "No further rate is tried after this time. Default: the search takes as long as it needs.",
        ),
    ],
    rules: &[],
};

pub(super) static GUARD: Table = Table {
    noun: "the guard",
    keys: &[
        required(
            "errors-over",
            share("50%"),
            "Share of failed requests at which the guard opens.",
        ),
        optional(
            "within",
            time("10s"),
            "Time over which the share is taken, at least 1s. Default 10s.",
        ),
        optional(
            "action",
            Kind::Choice(&[now("stop"), now("slow-down")]),
            "stop: nothing is sent while it is open; slow-down: every second request is withheld. Default stop.",
        ),
        optional(
            "rest",
            time("5s"),
            "How long it stays open before a few requests probe the target. Default 5s.",
        ),
        optional(
            "openings",
            whole(1, 1000, 3),
            "Times it may open before the run ends. Default 3.",
        ),
    ],
    rules: &[],
};
