//! The keys of `[[alert]]`.

use super::grammar::{Kind, Table};
use super::kinds::{ANY, moment, now, optional, required, text};

pub(super) static ALERT: Table = Table {
    noun: "an alert",
    keys: &[
        required(
            "name",
            text("a name", Some("^[^\\p{Cc}]{1,64}$"), "PoolNearlyFull"),
            "Name of the alert in reports.",
        ),
        required(
            "expr",
            text("an expression", None, "sum(plimsoll_failed_rate) > 5"),
            "In PromQL, over the series of Plimsoll and of the target: active for each series it gives. docs/reference.md says what there is.",
        ),
        optional(
            "for",
            moment("30s"),
            "How long the expression must hold before the alert fires; whole seconds. Default 0s.",
        ),
        optional(
            "severity",
            Kind::Choice(&[now("info"), now("warning"), now("critical")]),
            "What --fail-on-alert goes by.",
        ),
        optional(
            "annotations",
            Kind::Map(&ANY),
            "Texts for the report, by name, such as summary; {{ $value }} and {{ $labels.NAME }} are filled in.",
        ),
    ],
    rules: &[],
};
