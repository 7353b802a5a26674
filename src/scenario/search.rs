//! Checks `search` of `[[phase]]`: what must hold, and between which rates to look.

use crate::diagnostic::{Diagnostic, scenario as codes};
use crate::model::Metric;
use crate::units::{Nanos, Rate, Share};

use super::limits;
use super::plan::{Arrivals, Search};
use super::problems::Problems;
use super::profile::bounded;
use super::section::{Placed, Section};
use super::{doubts, threshold};

/// Rounds of a level, and width at which the search ends, when nothing is said.
const ROUNDS: usize = 3;
const PRECISION: f64 = 0.05;

/// The question; `duration` is that of the phase, one round of one level.
pub(super) fn check(
    problems: &mut Problems<'_>,
    section: &Section<'_>,
    duration: Option<Placed<'_, Nanos>>,
    arrivals: Arrivals,
) -> Option<Search> {
    let metric = metric(problems, section);
    let under = metric.and_then(|metric| under(problems, section, metric));
    let from = section.rate("from").map(|rate| bounded(problems, rate));
    let to = section.rate("to").map(|rate| bounded(problems, rate));
    let precision = precision(problems, section);
    let max_duration = max_duration(problems, section, duration);
    let (from, to) = (from?, to?);
    if from >= to {
        let message = format!("there is nothing to search between {from} and {to}");
        let diagnostic = Diagnostic::error(&codes::BAD_VALUE, message)
            .because("`from` is the lowest rate and `to` the highest")
            .help("write a rate that holds for sure, and one that cannot: from = \"100/s\", to = \"20000/s\"");
        problems.add(diagnostic, &section.span, "nothing between them");
    }
    if let Some(duration) = duration {
        carried(problems, to, duration);
        enough(problems, metric, from, duration);
    }
    Some(Search {
        metric: metric?,
        under: under?,
        from,
        to,
        arrivals,
        rounds: section
            .whole("rounds")
            .and_then(|(n, _)| usize::try_from(n).ok())
            .unwrap_or(ROUNDS),
        precision,
        max_duration,
    })
}

/// A metric that says how well requests are served.
fn metric(problems: &mut Problems<'_>, section: &Section<'_>) -> Option<Metric> {
    let (metric, span) = threshold::metric(problems, section)?;
    if doubts::stat(metric).is_some() || metric == Metric::ErrorsRate {
        return Some(metric);
    }
    let message = format!("{metric} does not say whether a rate holds");
    let diagnostic = Diagnostic::error(&codes::UNKNOWN_METRIC, message)
        .because("a rate holds while requests are answered in time and without errors")
        .help("search by latency.p99, another time of requests, or errors.rate");
    problems.add(diagnostic, span, "not a metric to search by");
    None
}

fn under(problems: &mut Problems<'_>, section: &Section<'_>, metric: Metric) -> Option<f64> {
    let under = threshold::quantity(problems, section, "under", metric)?;
    if under > 0.0 {
        return Some(under);
    }
    let diagnostic = Diagnostic::error(
        &codes::BAD_VALUE,
        format!("{metric} is never under {}", metric.unit().format(under)),
    )
    .because("no rate would hold")
    .help(format!("write under = \"{}\"", metric.unit().example()));
    let span = section
        .node("under")
        .map_or(&section.span, |node| &node.span);
    problems.add(diagnostic, span, "nothing is under this");
    None
}

fn precision(problems: &mut Problems<'_>, section: &Section<'_>) -> f64 {
    let Some((precision, span)) = section.share("precision") else {
        return PRECISION;
    };
    if !(0.001..=0.5).contains(&precision) {
        let message = format!("a precision of {} is of no use", Share(precision));
        let diagnostic = Diagnostic::error(&codes::BAD_VALUE, message)
            .because("below 0.1 % the noise of the rounds decides, above 50 % nothing is found")
            .help("write a share from \"0.1%\" to \"50%\", such as \"5%\"");
        problems.add(diagnostic, span, "too fine or too coarse");
    }
    precision
}

fn max_duration(
    problems: &mut Problems<'_>,
    section: &Section<'_>,
    duration: Option<Placed<'_, Nanos>>,
) -> Option<Nanos> {
    let (most, span) = section.time("max-duration")?;
    if let Some((duration, _)) = duration
        && most < duration
    {
        let message = format!("the search ends after {most}, its first round after {duration}");
        let diagnostic = Diagnostic::error(&codes::CONFLICT, message)
            .because("not one rate could be tried")
            .help("allow more time, or make the rounds shorter");
        problems.add(diagnostic, span, "shorter than one round");
    }
    Some(most)
}

/// Refuses a round of the highest rate that sends too much.
fn carried(problems: &mut Problems<'_>, to: Rate, (duration, span): Placed<'_, Nanos>) {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "neither is negative, and the cast saturates"
    )]
    let sent = (to.0 * duration.as_secs_f64()) as u64;
    // A length that is too great by itself has its own message.
    if let Err(diagnostic) = limits::check_round(Nanos::ZERO, sent) {
        problems.add(diagnostic, span, "at the highest rate");
    }
}

/// Refuses rounds of the lowest rate that send nothing, and warns of those that send too few for
/// the percentile.
fn enough(
    problems: &mut Problems<'_>,
    metric: Option<Metric>,
    from: Rate,
    (duration, span): Placed<'_, Nanos>,
) {
    let sent = (from.0 * duration.as_secs_f64()).round();
    if sent < 1.0 {
        let message = format!("a round at {from} sends no request");
        let diagnostic = Diagnostic::error(&codes::NOTHING_MEASURED, message)
            .because("the lowest rate times the duration is less than one request")
            .help("raise `from` or the duration");
        problems.add(diagnostic, span, "too short for the lowest rate");
        return;
    }
    let Some((metric, q)) = metric.and_then(|m| Some((m, doubts::stat(m)?.quantile()?))) else {
        return;
    };
    if let Some(needed) = doubts::lacking(sent, q) {
        let message = format!(
            "{metric} needs {needed} requests; a round at {from} sends {}",
            doubts::grouped(sent)
        );
        let diagnostic = Diagnostic::warning(&codes::TOO_FEW_SAMPLES, message)
            .because("a percentile with fewer than ten requests beyond it is chance, and stays undetermined")
            .help("make the rounds longer, begin at a higher rate, or search by a lower percentile");
        problems.add(diagnostic, span, "too short for the lowest rate");
    }
}
