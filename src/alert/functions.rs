//! The functions an expression may call, and what they take and give.

use super::over_time::{self, Window};

/// What a part of an expression is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Scalar,
    Vector,
    Range,
    Text,
}

impl Type {
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Scalar => "a number",
            Self::Vector => "series",
            Self::Range => "series over a stretch of time, such as requests_total[1m]",
            Self::Text => "a text in quotes",
        }
    }
}

/// A function of the language.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) takes: &'static [Type],
    /// Arguments that must be there.
    pub(super) least: usize,
    pub(super) gives: Type,
    pub(super) does: Does,
}

/// How it is computed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Does {
    /// Value by value.
    Map(fn(f64) -> f64),
    /// Series by series, from a stretch of each.
    Over(fn(&Window<'_>) -> Option<f64>),
    LastOverTime,
    QuantileOverTime,
    PredictLinear,
    Round,
    Clamp,
    ClampMin,
    ClampMax,
    Absent,
    AbsentOverTime,
    Scalar,
    Vector,
    Time,
    Timestamp,
    Sort,
    SortDescending,
    HistogramQuantile,
    LabelReplace,
    LabelJoin,
}

const fn map(name: &'static str, of: fn(f64) -> f64) -> Function {
    vector(name, &[Type::Vector], 1, Does::Map(of))
}

const fn over(name: &'static str, of: fn(&Window<'_>) -> Option<f64>) -> Function {
    vector(name, &[Type::Range], 1, Does::Over(of))
}

const fn vector(name: &'static str, takes: &'static [Type], least: usize, does: Does) -> Function {
    Function {
        name,
        takes,
        least,
        gives: Type::Vector,
        does,
    }
}

const fn scalar(name: &'static str, takes: &'static [Type], does: Does) -> Function {
    Function {
        name,
        takes,
        least: takes.len(),
        gives: Type::Scalar,
        does,
    }
}

const TEXTS: &[Type] = &[
    Type::Vector,
    Type::Text,
    Type::Text,
    Type::Text,
    Type::Text,
    Type::Text,
    Type::Text,
    Type::Text,
];

pub(super) static FUNCTIONS: &[Function] = &[
    over("rate", over_time::rate),
    over("increase", over_time::increase),
    over("irate", over_time::irate),
    over("delta", over_time::delta),
    over("idelta", over_time::idelta),
    over("deriv", over_time::deriv),
    over("avg_over_time", over_time::avg),
    over("min_over_time", over_time::min),
    over("max_over_time", over_time::max),
    over("sum_over_time", over_time::sum),
    over("count_over_time", over_time::count),
    over("stddev_over_time", over_time::stddev),
    over("stdvar_over_time", over_time::stdvar),
    over("present_over_time", over_time::present),
    over("changes", over_time::changes),
    over("resets", over_time::resets),
    vector("last_over_time", &[Type::Range], 1, Does::LastOverTime),
    vector(
        "quantile_over_time",
        &[Type::Scalar, Type::Range],
        2,
        Does::QuantileOverTime,
    ),
    vector(
        "predict_linear",
        &[Type::Range, Type::Scalar],
        2,
        Does::PredictLinear,
    ),
    map("abs", f64::abs),
    map("ceil", f64::ceil),
    map("floor", f64::floor),
    map("exp", f64::exp),
    map("ln", f64::ln),
    map("log2", f64::log2),
    map("log10", f64::log10),
    map("sqrt", f64::sqrt),
    map("sgn", sign),
    vector("round", &[Type::Vector, Type::Scalar], 1, Does::Round),
    vector(
        "clamp",
        &[Type::Vector, Type::Scalar, Type::Scalar],
        3,
        Does::Clamp,
    ),
    vector(
        "clamp_min",
        &[Type::Vector, Type::Scalar],
        2,
        Does::ClampMin,
    ),
    vector(
        "clamp_max",
        &[Type::Vector, Type::Scalar],
        2,
        Does::ClampMax,
    ),
    vector("absent", &[Type::Vector], 1, Does::Absent),
    vector("absent_over_time", &[Type::Range], 1, Does::AbsentOverTime),
    vector("vector", &[Type::Scalar], 1, Does::Vector),
    vector("timestamp", &[Type::Vector], 1, Does::Timestamp),
    vector("sort", &[Type::Vector], 1, Does::Sort),
    vector("sort_desc", &[Type::Vector], 1, Does::SortDescending),
    vector(
        "histogram_quantile",
        &[Type::Scalar, Type::Vector],
        2,
        Does::HistogramQuantile,
    ),
    vector(
        "label_replace",
        &[Type::Vector, Type::Text, Type::Text, Type::Text, Type::Text],
        5,
        Does::LabelReplace,
    ),
    vector("label_join", TEXTS, 3, Does::LabelJoin),
    scalar("scalar", &[Type::Vector], Does::Scalar),
    scalar("time", &[], Does::Time),
];

pub(super) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|f| f.name == name)
}

/// Zero keeps its sign.
fn sign(value: f64) -> f64 {
    if value < 0.0 {
        -1.0
    } else if value > 0.0 {
        1.0
    } else {
        value
    }
}
