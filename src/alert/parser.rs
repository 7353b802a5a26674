//! From a text to an expression, by the grammar of `PromQL`.
//!
//! Nothing that is read here can be unknown to the evaluation: what is not supported is refused with
//! its place.

use std::ops::Range;

use regex::RegexBuilder;

use super::functions::{self, Type};
use super::syntax::{
    Aggregation, Binary, Expr, Kind, Labels, Many, Matcher, Matching, NAME, Operator, Selector,
    Summary, Test,
};
use super::token::{Fault, Placed, Token, tokens};

/// Deeper trees are refused, so that walking one never exhausts the stack.
const DEEPEST: usize = 100;

/// Bytes that a compiled pattern may take.
const PATTERN: usize = 1 << 20;

/// What Prometheus has and this does not.
const UNSUPPORTED: [&str; 36] = [
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "cos",
    "cosh",
    "deg",
    "rad",
    "sin",
    "sinh",
    "tan",
    "tanh",
    "pi",
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "hour",
    "minute",
    "month",
    "year",
    "holt_winters",
    "double_exponential_smoothing",
    "mad_over_time",
    "histogram_avg",
    "histogram_count",
    "histogram_sum",
    "histogram_fraction",
    "histogram_stddev",
    "histogram_stdvar",
    "sort_by_label",
    "sort_by_label_desc",
    "info",
    "limit_ratio",
];

pub(super) fn parse(text: &str) -> Result<Expr, Fault> {
    let mut parser = Parser {
        tokens: tokens(text)?,
        at: 0,
        depth: 0,
    };
    let expr = parser.binary(0)?;
    if parser.token() != &Token::End {
        return Err(parser.unexpected("an operator"));
    }
    Ok(expr)
}

struct Parser {
    tokens: Vec<Placed>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn token(&self) -> &Token {
        &self.tokens[self.at].token
    }

    fn span(&self) -> Range<usize> {
        self.tokens[self.at].span.clone()
    }

    /// Of the token before.
    fn end(&self) -> usize {
        self.tokens[self.at.saturating_sub(1)].span.end
    }

    /// Goes on by one; the last token stays.
    fn next(&mut self) -> Placed {
        let placed = self.tokens[self.at].clone();
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        placed
    }

    fn is(&self, symbol: &str) -> bool {
        matches!(self.token(), Token::Symbol(s) if *s == symbol)
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.token(), Token::Name(name) if name.eq_ignore_ascii_case(word))
    }

    fn takes(&mut self, symbol: &str) -> bool {
        let is = self.is(symbol);
        if is {
            self.next();
        }
        is
    }

    fn expect(&mut self, symbol: &'static str) -> Result<(), Fault> {
        if self.takes(symbol) {
            return Ok(());
        }
        Err(self.unexpected(&format!("`{symbol}`")))
    }

    fn unexpected(&self, wanted: &str) -> Fault {
        if self.is_word("atan2") {
            return Fault::unsupported(self.span(), "`atan2`");
        }
        let found = match self.token() {
            Token::End => "the expression ends".to_owned(),
            Token::Number(n) => format!("there is the number {n}"),
            Token::Duration(_) => "there is a duration".to_owned(),
            Token::Name(name) => format!("there is `{name}`"),
            Token::Text(_) => "there is a text".to_owned(),
            Token::Symbol(symbol) => format!("there is `{symbol}`"),
        };
        Fault::new(
            self.span(),
            format!("{found} where {wanted} is expected"),
            "here",
        )
    }

    /// Gives a node its depth, or refuses it.
    fn node(&self, kind: Kind, from: usize) -> Result<Expr, Fault> {
        let below = match &kind {
            Kind::Number(_) | Kind::Text(_) | Kind::Vector(_) | Kind::Range(..) => 0,
            Kind::Call(_, arguments) => arguments.iter().map(|a| a.depth).max().unwrap_or(0),
            Kind::Aggregate(a) => a.of.depth.max(a.parameter.as_ref().map_or(0, |p| p.depth)),
            Kind::Binary(b) => b.left.depth.max(b.right.depth),
            Kind::Negated(of) => of.depth,
        };
        let span = from..self.end();
        if below >= DEEPEST {
            return Err(Self::too_deep(span));
        }
        Ok(Expr {
            kind,
            span,
            depth: below + 1,
        })
    }

    fn too_deep(span: Range<usize>) -> Fault {
        let message = format!("the expression is nested more than {DEEPEST} deep");
        Fault::new(span, message, "too deep")
    }

    /// Operators that bind at least so tight.
    fn binary(&mut self, tightness: u8) -> Result<Expr, Fault> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(Self::too_deep(self.span()));
        }
        let from = self.span().start;
        let mut left = self.unary()?;
        while let Some(operator) = self.operator().filter(|o| o.binds() >= tightness) {
            let at = self.next().span;
            let as_number = self.is_word("bool");
            if as_number {
                let span = self.next().span;
                if !operator.is_comparison() {
                    let message = "`bool` belongs to a comparison";
                    return Err(Fault::new(span, message, "no comparison before it"));
                }
            }
            let matching = self.matching(operator)?;
            // Only a power is reckoned from the right.
            let tighter = match operator {
                Operator::Power => operator.binds(),
                _ => operator.binds() + 1,
            };
            let right = self.binary(tighter)?;
            let binary = Binary {
                operator,
                as_number,
                matching: matching.clone().unwrap_or_default(),
                left,
                right,
            };
            check(&binary, matching.is_some(), &at)?;
            left = self.node(Kind::Binary(Box::new(binary)), from)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    fn operator(&self) -> Option<Operator> {
        match self.token() {
            Token::Symbol(symbol) => Operator::find(symbol),
            Token::Name(name) => Operator::find(&name.to_ascii_lowercase()),
            _ => None,
        }
    }

    fn matching(&mut self, operator: Operator) -> Result<Option<Matching>, Fault> {
        let labels = if self.is_word("on") {
            self.next();
            Labels::Only(self.names()?)
        } else if self.is_word("ignoring") {
            self.next();
            Labels::Without(self.names()?)
        } else {
            return Ok(None);
        };
        let mut matching = Matching {
            labels,
            ..Matching::default()
        };
        let many = [("group_left", Many::Left), ("group_right", Many::Right)];
        if let Some((word, many)) = many.into_iter().find(|(word, _)| self.is_word(word)) {
            let span = self.next().span;
            if operator.is_set() {
                let message = format!("`{word}` has no meaning with and, or and unless");
                return Err(Fault::new(span, message, "all match all there"));
            }
            matching.many = many;
            if self.is("(") {
                matching.include = self.names()?;
            }
            if let Labels::Only(on) = &matching.labels
                && let Some(label) = matching.include.iter().find(|l| on.contains(l))
            {
                let message = format!("`{label}` stands in `on` and in `{word}`");
                return Err(Fault::new(span, message, "both sides have it already"));
            }
        }
        Ok(Some(matching))
    }

    /// `(a, b)`
    fn names(&mut self) -> Result<Vec<String>, Fault> {
        self.expect("(")?;
        let mut names = Vec::new();
        while !self.takes(")") {
            match self.token().clone() {
                Token::Name(name) => names.push(name),
                _ => return Err(self.unexpected("the name of a label")),
            }
            self.next();
            if !self.is(")") {
                self.expect(",")?;
            }
        }
        Ok(names)
    }

    fn unary(&mut self) -> Result<Expr, Fault> {
        let from = self.span().start;
        let negated = self.is("-");
        if !negated && !self.is("+") {
            return self.primary();
        }
        self.next();
        // Looser than a power, tighter than a product.
        let of = self.binary(Operator::Power.binds())?;
        if !matches!(of.gives(), Type::Scalar | Type::Vector) {
            let message = format!("a sign stands before {}", of.gives().words());
            return Err(Fault::new(of.span, message, "has no sign"));
        }
        if negated {
            return self.node(Kind::Negated(Box::new(of)), from);
        }
        Ok(of)
    }

    fn primary(&mut self) -> Result<Expr, Fault> {
        let from = self.span().start;
        let kind = match self.token().clone() {
            Token::Number(number) => {
                self.next();
                Kind::Number(number)
            }
            Token::Text(text) => {
                self.next();
                Kind::Text(text)
            }
            Token::Symbol("(") => {
                self.next();
                let inside = self.binary(0)?;
                self.expect(")")?;
                if self.is("[") {
                    return Err(Fault::unsupported(self.span(), "a subquery"));
                }
                return Ok(inside);
            }
            Token::Symbol("{") => self.selector(None)?,
            Token::Name(name) => {
                let span = self.next().span;
                let grouped = self.is_word("by") || self.is_word("without");
                match Summary::find(&name.to_ascii_lowercase()) {
                    Some(by) if grouped || self.is("(") => self.aggregation(by, &name)?,
                    _ if self.is("(") => self.call(&name, span)?,
                    _ => self.selector(Some(name))?,
                }
            }
            _ => return Err(self.unexpected("a series, a number or a function")),
        };
        if self.is("[") {
            return Err(Fault::unsupported(self.span(), "a subquery")
                .help("a stretch of time stands behind a series: rate(requests_total[1m])"));
        }
        self.node(kind, from)
    }

    /// What may follow a metric's name: labels, a stretch of time, an offset.
    fn selector(&mut self, metric: Option<String>) -> Result<Kind, Fault> {
        let from = self.tokens[self.at.saturating_sub(usize::from(metric.is_some()))]
            .span
            .start;
        let mut matchers = Vec::new();
        if self.takes("{") {
            while !self.takes("}") {
                matchers.push(self.matcher(metric.is_some())?);
                if !self.is("}") {
                    self.expect(",")?;
                }
            }
        }
        if metric.is_none() && matchers.iter().all(|m: &Matcher| m.accepts("")) {
            let message = "a selector needs a name, or a label that may not be empty";
            return Err(Fault::new(
                from..self.end(),
                message,
                "selects every series",
            ));
        }
        let mut range = None;
        if self.takes("[") {
            let span = self.span();
            let Token::Duration(ms) = self.next().token else {
                let message = "a stretch of time is a duration";
                return Err(Fault::new(span, message, "no duration").help("write [30s] or [5m]"));
            };
            if self.is(":") {
                return Err(Fault::unsupported(self.span(), "a subquery"));
            }
            if ms == 0 {
                return Err(Fault::new(span, "a stretch of time has a length", "zero"));
            }
            self.expect("]")?;
            range = Some(ms);
        }
        let mut offset = 0;
        if self.is_word("offset") {
            self.next();
            if self.is("-") {
                return Err(Fault::unsupported(self.span(), "a negative offset")
                    .help("an alert cannot look into the future"));
            }
            let span = self.span();
            let Token::Duration(ms) = self.next().token else {
                return Err(Fault::new(span, "an offset is a duration", "no duration")
                    .help("write offset 30s"));
            };
            offset = ms;
        }
        if self.is("@") {
            return Err(Fault::unsupported(self.span(), "`@`"));
        }
        let selector = Selector {
            metric,
            matchers,
            offset,
        };
        Ok(match range {
            Some(range) => Kind::Range(selector, range),
            None => Kind::Vector(selector),
        })
    }

    fn matcher(&mut self, named: bool) -> Result<Matcher, Fault> {
        let span = self.span();
        let Token::Name(label) = self.token().clone() else {
            return Err(self.unexpected("the name of a label"));
        };
        self.next();
        if named && label == NAME {
            return Err(Fault::new(
                span,
                "the metric has two names",
                "the second one",
            ));
        }
        let operator = match self.token() {
            Token::Symbol(symbol @ ("=" | "!=" | "=~" | "!~")) => *symbol,
            _ => return Err(self.unexpected("one of = != =~ !~")),
        };
        self.next();
        let span = self.span();
        let Token::Text(value) = self.token().clone() else {
            return Err(self.unexpected("a text in quotes"));
        };
        self.next();
        let pattern = || {
            anchored(&value).map_err(|reason| {
                let message = format!("the pattern cannot be used: {reason}");
                Fault::new(span.clone(), message, "no pattern")
            })
        };
        let test = match operator {
            "=" => Test::Equal,
            "!=" => Test::NotEqual,
            "=~" => Test::Matches(pattern()?),
            _ => Test::MatchesNot(pattern()?),
        };
        Ok(Matcher { label, value, test })
    }

    fn aggregation(&mut self, by: Summary, name: &str) -> Result<Kind, Fault> {
        let mut labels = self.grouping()?;
        let open = self.span();
        self.expect("(")?;
        let mut arguments = self.arguments()?;
        if labels.is_none() {
            labels = self.grouping()?;
        }
        let wanted = 1 + usize::from(by.takes_parameter());
        if arguments.len() != wanted {
            let message = format!("`{name}` takes {wanted}, not {}", arguments.len());
            let span = open.start..self.end();
            return Err(Fault::new(span, message, "its arguments"));
        }
        let of = arguments.pop().unwrap_or_else(|| unreachable!("counted"));
        let parameter = arguments.pop();
        typed(name, &of, Type::Vector)?;
        if let Some(parameter) = &parameter {
            typed(name, parameter, Type::Scalar)?;
        }
        Ok(Kind::Aggregate(Box::new(Aggregation {
            by,
            parameter,
            of,
            labels: labels.unwrap_or(Labels::Only(Vec::new())),
        })))
    }

    fn grouping(&mut self) -> Result<Option<Labels>, Fault> {
        if self.is_word("by") {
            self.next();
            return Ok(Some(Labels::Only(self.names()?)));
        }
        if self.is_word("without") {
            self.next();
            return Ok(Some(Labels::Without(self.names()?)));
        }
        Ok(None)
    }

    /// Up to the closing parenthesis, which is taken.
    fn arguments(&mut self) -> Result<Vec<Expr>, Fault> {
        let mut arguments = Vec::new();
        while !self.takes(")") {
            arguments.push(self.binary(0)?);
            if !self.is(")") && !self.takes(",") {
                return Err(self.unexpected("`,` or `)`"));
            }
        }
        Ok(arguments)
    }

    fn call(&mut self, name: &str, span: Range<usize>) -> Result<Kind, Fault> {
        let Some(function) = functions::find(name) else {
            if UNSUPPORTED.contains(&name) || matches!(name, "count_values" | "limitk") {
                return Err(Fault::unsupported(span, &format!("`{name}`")));
            }
            let message = format!("there is no function `{name}`");
            let near = functions::FUNCTIONS
                .iter()
                .map(|f| (strsim::damerau_levenshtein(f.name, name), f.name))
                .min()
                .filter(|(distance, _)| *distance <= 2);
            let fault = Fault::new(span, message, "unknown");
            return Err(match near {
                Some((_, near)) => fault.help(format!("did you mean `{near}`?")),
                None => fault,
            });
        };
        self.expect("(")?;
        let arguments = self.arguments()?;
        if arguments.len() < function.least || arguments.len() > function.takes.len() {
            let wanted = match (function.least, function.takes.len()) {
                (least, most) if least == most => least.to_string(),
                (least, most) => format!("{least} to {most}"),
            };
            let message = format!("`{name}` takes {wanted}, not {}", arguments.len());
            return Err(Fault::new(span, message, "its arguments"));
        }
        for (argument, wanted) in arguments.iter().zip(function.takes) {
            typed(name, argument, *wanted)?;
        }
        if name == "label_replace"
            && let Kind::Text(pattern) = &arguments[4].kind
            && let Err(reason) = anchored(pattern)
        {
            let message = format!("the pattern cannot be used: {reason}");
            return Err(Fault::new(arguments[4].span.clone(), message, "no pattern"));
        }
        if matches!(name, "label_replace" | "label_join")
            && let Kind::Text(label) = &arguments[1].kind
            && !is_label(label)
        {
            let message = format!("`{}` is no name of a label", label.escape_debug());
            return Err(Fault::new(arguments[1].span.clone(), message, "no name"));
        }
        Ok(Kind::Call(function, arguments))
    }
}

/// A pattern that fits the whole of a value.
pub(super) fn anchored(pattern: &str) -> Result<regex::Regex, String> {
    RegexBuilder::new(&format!("^(?:{pattern})$"))
        .dot_matches_new_line(true)
        .size_limit(PATTERN)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "it is too large".to_owned(),
            other => {
                let text = other.to_string();
                let last = text.lines().last().unwrap_or_default();
                last.trim_start_matches("error: ").to_owned()
            }
        })
}

fn is_label(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn typed(name: &str, argument: &Expr, wanted: Type) -> Result<(), Fault> {
    let is = argument.gives();
    if is == wanted {
        return Ok(());
    }
    let message = format!(
        "`{name}` takes {}, and this is {}",
        wanted.words(),
        is.words()
    );
    let fault = Fault::new(argument.span.clone(), message, "of another kind");
    Err(match (wanted, is) {
        (Type::Range, Type::Vector) => fault.help("say over which time: [30s]"),
        _ => fault,
    })
}

/// What operators do not go together with.
fn check(binary: &Binary, matches: bool, at: &Range<usize>) -> Result<(), Fault> {
    let types = [binary.left.gives(), binary.right.gives()];
    for (side, of) in [(&binary.left, types[0]), (&binary.right, types[1])] {
        if !matches!(of, Type::Scalar | Type::Vector) {
            let message = format!("an operator stands beside {}", of.words());
            return Err(Fault::new(
                side.span.clone(),
                message,
                "cannot be reckoned with",
            ));
        }
    }
    let scalars = types.contains(&Type::Scalar);
    if binary.operator.is_set() && scalars {
        let message = "`and`, `or` and `unless` stand between series";
        return Err(Fault::new(at.clone(), message, "a number on a side"));
    }
    if matches && scalars {
        let message = "`on` and `ignoring` stand between series";
        return Err(Fault::new(at.clone(), message, "a number on a side"));
    }
    if binary.operator.is_comparison() && types == [Type::Scalar; 2] && !binary.as_number {
        let message = "two numbers are compared without `bool`";
        return Err(Fault::new(at.clone(), message, "here").help("write == bool, > bool, ..."));
    }
    Ok(())
}
