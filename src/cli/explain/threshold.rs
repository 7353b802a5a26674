//! What a threshold means, in words.

use std::fmt::Write as _;

use crate::model::{Better, Change, Metric, NoiseClass, Threshold};
use crate::units::{Share, Unit};
use crate::untrusted::Untrusted;

/// The keys, for those who ask about thresholds at large.
pub(super) const KEYS: &str = "\
Thresholds

A threshold limits one metric, absolutely, by its change against a reference, or both. Written on one line it can be asked about: plimsoll explain 'latency.p99 max-change +10% min-change 2ms'.

max, min
  The greatest allowed value, or the least where more is better. It holds in `run` and `check`, without a reference.

max-change
  The change that is allowed against the reference of `check`, in the direction that is worse: +10%, -3% for throughput, +0.1pp for shares.

min-change
  A floor under max-change, in the unit of the metric: a smaller change never counts.

step, journey, phase
  Only the requests of this part of the scenario.

over
  The worst stretch of this length is held to max or min, instead of the whole phase.

abort
  The run ends as soon as max or min is broken.
";

/// All that it says: what is limited, by how much, and when a run fails by it.
pub(super) fn words(t: &Threshold) -> String {
    let metric = t.metric;
    let mut text = format!("{metric}{}\n\n{}\n", part(t), metric.describe());
    // Writing to a String cannot fail.
    if let Some(max) = t.max {
        let _ = write!(text, "\n{}\n", absolute(t, max));
    }
    if let Some(change) = t.max_change {
        let _ = write!(text, "\n{}\n", relative(t, change));
    }
    let _ = write!(text, "\n{}\n", noise(metric));
    let _ = write!(text, "\nAs a table of a scenario:\n\n{}", table(t));
    text
}

fn part(t: &Threshold) -> String {
    let named = [
        ("step", &t.scope.step),
        ("journey", &t.scope.journey),
        ("phase", &t.scope.phase),
    ];
    let parts: Vec<String> = named
        .into_iter()
        .filter_map(|(what, name)| {
            Some(format!(
                "{what} {}",
                Untrusted::new(name.as_ref()?).terminal()
            ))
        })
        .collect();
    if parts.is_empty() {
        ", of all measured requests".to_owned()
    } else {
        format!(", of {}", parts.join(" in "))
    }
}

fn absolute(t: &Threshold, max: f64) -> String {
    let limit = t.metric.unit().format(max);
    let (bound, broken) = match t.metric.better() {
        Better::Lower => (format!("at most {limit}"), "above"),
        Better::Higher => (format!("at least {limit}"), "below"),
    };
    let whole = match t.over {
        None => "over the measured phases".to_owned(),
        Some(over) => format!("in each stretch of {over}, the worst of which decides"),
    };
    let ends = if t.abort {
        " The run ends as soon as it is broken, without waiting for the rest."
    } else {
        ""
    };
    format!(
        "Absolute: {bound} {whole}, whatever it was before. With three rounds or more it is broken (exit 1) \
         when the mean over the rounds lies {broken} the limit beyond chance; with fewer the values speak \
         for themselves. It needs no reference.{ends}"
    )
}

fn relative(t: &Threshold, change: Change) -> String {
    let verb = match t.metric.better() {
        Better::Lower => "rise",
        Better::Higher => "fall",
    };
    let by = match change {
        Change::Relative(share) => Share(share).to_string(),
        Change::Points(points) => {
            format!("{} percentage points", Unit::Count.format(points * 100.0))
        }
    };
    let unit = t.metric.unit();
    let floor = match (t.min_change, change) {
        (None, _) => String::new(),
        (Some(floor), Change::Relative(share)) if share > 0.0 => format!(
            " A {verb} of less than {} never counts, which is more than {by} of values below {}.",
            unit.format(floor),
            unit.format(floor / share)
        ),
        (Some(floor), _) => format!(
            " A {verb} of less than {} never counts.",
            unit.format(floor)
        ),
    };
    let example = example(t, change).map_or_else(String::new, |example| format!(" {example}"));
    format!(
        "Against the reference of `check`: it may {verb} by {by}.{floor}{example}\n\n\
         Regressed (exit 1) is a {verb} of at least that whose 95 % interval excludes zero, with all gating \
         metrics taken together; with --strict the whole interval must lie beyond it.\n\n\
         Unchanged is an interval that lies within ±{by}: it has to be shown. Anything else is inconclusive, or an \
         improvement."
    )
}

/// What is allowed of two values, one on either side of the floor.
fn example(t: &Threshold, change: Change) -> Option<String> {
    let Change::Relative(share) = change else {
        return None;
    };
    if t.metric.unit() != Unit::Time || share <= 0.0 {
        return None;
    }
    let time = |ns: f64| Unit::Time.format(ns);
    let allowed = |value: f64| value + (value * share).max(t.min_change.unwrap_or(0.0));
    let large = t.min_change.map_or(100e6, |floor| 5.0 * floor / share);
    let small = t.min_change.map(|floor| floor / share / 5.0);
    let of = |value: f64| format!("{} may become {}", time(value), time(allowed(value)));
    Some(match small {
        None => format!("So {}.", of(large)),
        Some(small) => format!("So {}, and {}.", of(large), of(small)),
    })
}

fn noise(metric: Metric) -> &'static str {
    match metric.noise_class() {
        NoiseClass::Timing => {
            "A busy machine spoils it: such rounds are measured again or left out, by limits that never look at the value itself."
        }
        NoiseClass::Resource => "It stays usable on a busy machine.",
    }
}

fn table(t: &Threshold) -> String {
    let unit = t.metric.unit();
    let bare = |text: String| text.replace([' ', ','], "").replace('µ', "u");
    let quantity = |value: f64| match unit {
        Unit::Count => format!("{value}"),
        _ => format!("\"{}\"", bare(unit.format(value))),
    };
    let limit = match t.metric.better() {
        Better::Lower => "max",
        Better::Higher => "min",
    };
    let sign = match t.metric.better() {
        Better::Lower => '+',
        Better::Higher => '-',
    };
    let name = |name: &Option<String>| {
        name.as_ref()
            .map(|name| format!("\"{}\"", Untrusted::new(name).terminal()))
    };
    let change = t.max_change.map(|change| match change {
        Change::Relative(share) => format!("\"{sign}{}\"", bare(Share(share).to_string())),
        Change::Points(points) => format!("\"{sign}{}pp\"", Unit::Count.format(points * 100.0)),
    });
    let keys = [
        ("metric", Some(format!("\"{}\"", t.metric))),
        ("step", name(&t.scope.step)),
        ("journey", name(&t.scope.journey)),
        ("phase", name(&t.scope.phase)),
        (limit, t.max.map(quantity)),
        ("max-change", change),
        ("min-change", t.min_change.map(quantity)),
        (
            "over",
            t.over.map(|over| format!("\"{}\"", bare(over.to_string()))),
        ),
        ("abort", t.abort.then(|| "true".to_owned())),
    ];
    let mut text = "  [[threshold]]\n".to_owned();
    for (key, value) in keys {
        if let Some(value) = value {
            let _ = writeln!(text, "  {key} = {value}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::read_threshold;

    fn said(line: &str) -> String {
        words(&read_threshold(line).expect("a threshold"))
    }

    #[test]
    fn each_kind_of_limit_is_told_in_words() {
        let all = [
            "latency.p99 max-change +10% min-change 2ms",
            "latency.p50 max 250ms max-change +5% step pay phase steady",
            "throughput.ok min 190/s max-change -3%",
            "errors.rate max 1% max-change +0.1pp over 10s abort",
        ];
        insta::assert_snapshot!(all.map(said).join("\n────\n"));
    }

    #[test]
    fn the_table_that_is_shown_means_the_same() {
        for line in [
            "latency.p99 max-change +10% min-change 2ms step pay",
            "throughput.ok min 190/s max-change -3%",
            "errors.rate max 1% max-change +0.1pp over 10s abort",
            "memory.rss.peak max 256MiB min-change 1MiB max-change +5%",
            "fds.peak max 64",
        ] {
            let asked = read_threshold(line).expect(line);
            let shown = table(&asked);
            let again: String = shown.lines().skip(1).map(|l| l.to_owned() + " ").collect();
            assert_eq!(read_threshold(&again).expect(&again), asked, "{line}");
        }
    }
}
