//! The keys of `[[fault]]`.

use crate::diagnostic::scenario as codes;
use crate::units::Unit;

use super::grammar::{Kind, Rule, Table};
use super::kinds::{moment, optional, required, share, time};

pub(super) static FAULT: Table = Table {
    noun: "a fault",
    keys: &[
        required(
            "at",
            moment("20s"),
            "When it begins, from the beginning of the load.",
        ),
        required("for", time("5s"), "How long it lasts."),
        optional("latency", time("200ms"), "Answers come so much later."),
        optional(
            "jitter",
            time("50ms"),
            "The latency differs from piece to piece by up to this, up or down; their order stays.",
        ),
        optional(
            "bandwidth",
            Kind::Quantity {
                unit: Unit::BytesPerSecond,
                zero: false,
                example: "1MiB/s",
            },
            "All answers together pass at this rate.",
        ),
        optional(
            "drop",
            share("10%"),
            "Share of the connections on which nothing passes, drawn by the seed; it passes when the fault ends.",
        ),
        optional(
            "reset",
            share("5%"),
            "Share of the connections that are reset as soon as something passes, drawn by the seed.",
        ),
        optional(
            "black-hole",
            Kind::Flag,
            "True: connections are accepted and nothing passes, on those that are open too; it passes when the fault ends.",
        ),
        optional(
            "slice",
            Kind::Table(&SLICE),
            "Answers come in small pieces with pauses between them.",
        ),
    ],
    rules: &[
        Rule::AtLeastOne {
            keys: &[
                "latency",
                "bandwidth",
                "drop",
                "reset",
                "black-hole",
                "slice",
            ],
            code: &codes::NO_EFFECT,
            help: "say what it does, such as latency = \"200ms\" or black-hole = true",
        },
        Rule::Needs {
            key: "jitter",
            other: "latency",
            help: "jitter is a part of the latency: add latency = \"200ms\"",
        },
        Rule::AtMostOne {
            keys: &["black-hole", "latency"],
            help: NOTHING_PASSES,
        },
        Rule::AtMostOne {
            keys: &["black-hole", "bandwidth"],
            help: NOTHING_PASSES,
        },
        Rule::AtMostOne {
            keys: &["black-hole", "drop"],
            help: NOTHING_PASSES,
        },
        Rule::AtMostOne {
            keys: &["black-hole", "reset"],
            help: NOTHING_PASSES,
        },
        Rule::AtMostOne {
            keys: &["black-hole", "slice"],
            help: NOTHING_PASSES,
        },
    ],
};

const NOTHING_PASSES: &str =
    "nothing passes a black hole that could be disturbed otherwise: keep one";

static SLICE: Table = Table {
    noun: "slice",
    keys: &[
        required(
            "bytes",
            Kind::Quantity {
                unit: Unit::Bytes,
                zero: false,
                example: "100B",
            },
            "Size of a piece.",
        ),
        required("pause", time("10ms"), "Time between two pieces."),
    ],
    rules: &[],
};
