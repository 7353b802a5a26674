//! What an expression says, checked: types fit, and nothing in it is unknown.

use std::ops::Range;

use regex::Regex;

use super::functions::{Function, Type};

/// The label that holds a metric's name.
pub(super) const NAME: &str = "__name__";

/// How far back the last value of a series counts, in milliseconds.
pub(super) const LOOKBACK: i64 = 300_000;

#[derive(Debug, Clone)]
pub(super) struct Expr {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
    /// Of the tree below it, itself included.
    pub(super) depth: usize,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Number(f64),
    Text(String),
    Vector(Selector),
    Range(Selector, i64),
    Call(&'static Function, Vec<Expr>),
    Aggregate(Box<Aggregation>),
    Binary(Box<Binary>),
    Negated(Box<Expr>),
}

/// Which series, and when.
#[derive(Debug, Clone)]
pub(super) struct Selector {
    /// Where it is written before the braces.
    pub(super) metric: Option<String>,
    pub(super) matchers: Vec<Matcher>,
    /// Milliseconds before the moment asked for.
    pub(super) offset: i64,
}

#[derive(Debug, Clone)]
pub(super) struct Matcher {
    pub(super) label: String,
    pub(super) value: String,
    pub(super) test: Test,
}

#[derive(Debug, Clone)]
pub(super) enum Test {
    Equal,
    NotEqual,
    Matches(Regex),
    MatchesNot(Regex),
}

impl Matcher {
    /// Of a label that a series does not have, the value is empty.
    pub(super) fn accepts(&self, value: &str) -> bool {
        match &self.test {
            Test::Equal => self.value == value,
            Test::NotEqual => self.value != value,
            Test::Matches(regex) => regex.is_match(value),
            Test::MatchesNot(regex) => !regex.is_match(value),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Aggregation {
    pub(super) by: Summary,
    pub(super) parameter: Option<Expr>,
    pub(super) of: Expr,
    pub(super) labels: Labels,
}

/// How the series of a group become one, or fewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Summary {
    Sum,
    Min,
    Max,
    Avg,
    Count,
    Group,
    Stddev,
    Stdvar,
    Topk,
    Bottomk,
    Quantile,
}

impl Summary {
    pub(super) fn find(name: &str) -> Option<Self> {
        Some(match name {
            "sum" => Self::Sum,
            "min" => Self::Min,
            "max" => Self::Max,
            "avg" => Self::Avg,
            "count" => Self::Count,
            "group" => Self::Group,
            "stddev" => Self::Stddev,
            "stdvar" => Self::Stdvar,
            "topk" => Self::Topk,
            "bottomk" => Self::Bottomk,
            "quantile" => Self::Quantile,
            _ => return None,
        })
    }

    pub(super) const fn takes_parameter(self) -> bool {
        matches!(self, Self::Topk | Self::Bottomk | Self::Quantile)
    }
}

/// Labels that are kept, or those that are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Labels {
    Only(Vec<String>),
    Without(Vec<String>),
}

#[derive(Debug, Clone)]
pub(super) struct Binary {
    pub(super) operator: Operator,
    /// A comparison says 0 or 1 instead of leaving out what it does not hold for.
    pub(super) as_number: bool,
    pub(super) matching: Matching,
    pub(super) left: Expr,
    pub(super) right: Expr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    And,
    Or,
    Unless,
}

impl Operator {
    pub(super) fn find(word: &str) -> Option<Self> {
        Some(match word {
            "+" => Self::Add,
            "-" => Self::Subtract,
            "*" => Self::Multiply,
            "/" => Self::Divide,
            "%" => Self::Modulo,
            "^" => Self::Power,
            "==" => Self::Equal,
            "!=" => Self::NotEqual,
            ">" => Self::Greater,
            "<" => Self::Less,
            ">=" => Self::GreaterEqual,
            "<=" => Self::LessEqual,
            "and" => Self::And,
            "or" => Self::Or,
            "unless" => Self::Unless,
            _ => return None,
        })
    }

    /// The greater, the tighter.
    pub(super) const fn binds(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And | Self::Unless => 2,
            Self::Equal
            | Self::NotEqual
            | Self::Greater
            | Self::Less
            | Self::GreaterEqual
            | Self::LessEqual => 3,
            Self::Add | Self::Subtract => 4,
            Self::Multiply | Self::Divide | Self::Modulo => 5,
            Self::Power => 6,
        }
    }

    pub(super) const fn is_comparison(self) -> bool {
        self.binds() == 3
    }

    pub(super) const fn is_set(self) -> bool {
        self.binds() < 3
    }
}

/// Which series of both sides belong together.
#[derive(Debug, Clone)]
pub(super) struct Matching {
    pub(super) labels: Labels,
    pub(super) many: Many,
    /// Labels taken over from the side of one.
    pub(super) include: Vec<String>,
}

impl Default for Matching {
    fn default() -> Self {
        Self {
            labels: Labels::Without(Vec::new()),
            many: Many::None,
            include: Vec::new(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Many {
    None,
    Left,
    Right,
}

impl Expr {
    pub(super) fn gives(&self) -> Type {
        match &self.kind {
            Kind::Number(_) => Type::Scalar,
            Kind::Text(_) => Type::Text,
            Kind::Vector(_) | Kind::Aggregate(_) => Type::Vector,
            Kind::Range(..) => Type::Range,
            Kind::Call(function, _) => function.gives,
            Kind::Negated(of) => of.gives(),
            Kind::Binary(binary) => match (binary.left.gives(), binary.right.gives()) {
                (Type::Scalar, Type::Scalar) => Type::Scalar,
                _ => Type::Vector,
            },
        }
    }

    /// Milliseconds before a moment that it looks at, at most.
    pub(super) fn reach(&self) -> i64 {
        match &self.kind {
            Kind::Number(_) | Kind::Text(_) => 0,
            Kind::Vector(selector) => LOOKBACK + selector.offset,
            Kind::Range(selector, range) => range + selector.offset,
            Kind::Call(_, arguments) => arguments.iter().map(Self::reach).max().unwrap_or(0),
            Kind::Aggregate(a) => {
                let parameter = a.parameter.as_ref().map_or(0, Self::reach);
                parameter.max(a.of.reach())
            }
            Kind::Binary(b) => b.left.reach().max(b.right.reach()),
            Kind::Negated(of) => of.reach(),
        }
    }
}
