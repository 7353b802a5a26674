//! `plimsoll doctor`.

use std::fmt::Write as _;

use super::exit::{Exit, Failure};
use super::voice::Voice;
use super::{Context, load, signals};
use crate::report;
use crate::session;
use crate::session::instrument::{Effort, Instrument, Value, instrument};
use crate::units::{Nanos, Rate, Share, Unit};

/// Say whether this machine can measure anything today, and why not
///
/// Looks at how the machine is set up, what else happens on it, its limits and the disk of the reports,
/// for about a second: each with what it costs a measurement and how to mend it. With --instrument it also
/// measures built-in targets whose latencies are known in advance, and shows how far off its own numbers
/// are here. Exits 0 also when something is wrong: it informs, it is no gate.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Measure targets of known truth and show the instrument's own error; takes about a minute
    #[arg(long)]
    instrument: bool,
    /// Repetitions of which the medians are shown
    #[arg(long, value_name = "N", default_value_t = 1, requires = "instrument", value_parser = clap::value_parser!(u16).range(1..=100))]
    repeat: u16,
    /// How long each target is measured; p99.9 needs ten seconds
    #[arg(long = "for", value_name = "TIME", default_value = "10s", requires = "instrument", value_parser = load::quantity::<Nanos>)]
    duration: Nanos,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, context: &Context) -> Result<Exit, Failure> {
    let checkup = session::examine(&context.session);
    if !args.json {
        let text = report::checkup_text(&checkup, context.terminal.style);
        context.terminal.out(&text)?;
    }
    let mut found = None;
    if args.instrument {
        found = measured(args, context)?;
        if found.is_none() {
            return Ok(Exit::Interrupted);
        }
    }
    if args.json {
        let found = found.map(|found| serde_json::json!(found));
        context
            .terminal
            .out(&report::checkup_json(&checkup, found))?;
    } else if let Some(found) = &found {
        context.terminal.tell(&show_instrument(found))?;
    }
    Ok(Exit::Passed)
}

/// The instrument's own error; None when it was stopped.
fn measured(args: &Args, context: &Context) -> Result<Option<Instrument>, Failure> {
    signals::listen(&context.session.stop, &Voice::alone(context.terminal))?;
    let effort = Effort {
        duration: args.duration.max(SHORTEST),
        repetitions: args.repeat.into(),
    };
    let mut progress = |next: &str| context.terminal.say(&format!("instrument: {next}"));
    Ok(instrument(&context.session, effort, &mut progress)?)
}

/// Below this a stall would be shorter than the answers that it holds.
const SHORTEST: Nanos = Nanos::from_millis(500);

fn show_instrument(instrument: &Instrument) -> String {
    let time = |ns: f64| Unit::Time.format(ns);
    let value = |v: Value| format!("{}{}", if v.at_least { "≥ " } else { "" }, time(v.ns));
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "–".to_owned());
    let mut text = format!(
        "\n{:8}  {:10}  {:>10}  {:>10}  {:>10}  {:>8}\n",
        "target", "percentile", "truth", "measured", "error", ""
    );
    // Writing to a String cannot fail.
    for target in &instrument.targets {
        for (i, row) in target.rows.iter().enumerate() {
            let _ = writeln!(
                text,
                "{:8}  {:10}  {:>10}  {:>10}  {:>10}  {:>8}  {}",
                if i == 0 { target.target } else { "" },
                row.percentile,
                value(row.truth),
                or_none(row.measured.map(value)),
                or_none(row.error_ns.map(time)),
                or_none(row.error_share.map(|share| Share(share).to_string())),
                match (row.within, row.masked) {
                    (true, _) => "within",
                    (false, true) => "masked",
                    (false, false) => "beyond",
                },
            );
        }
    }
    let ceiling = instrument.ceiling;
    let _ = writeln!(
        text,
        "\nceiling    {} over {} connections, at {} µs of CPU each",
        Rate(ceiling.requests_per_second),
        ceiling.connections,
        Unit::Count.format(ceiling.cpu_us_per_request),
    );
    for lateness in &instrument.lateness {
        let _ = writeln!(
            text,
            "lateness   p99 {} at {}",
            or_none(lateness.p99_ns.map(time)),
            Rate(lateness.per_second),
        );
    }
    let away = instrument.away;
    let _ = writeln!(
        text,
        "away       {} of the time for more than 50 µs at once, {} at most\n\
         steal      {} at most\n\n\
         The way through the kernel and the waking of the target count as error too.",
        Share(away.share),
        time(away.longest_ns),
        Share(instrument.steal)
    );
    let all = instrument.targets.iter().flat_map(|t| &t.rows);
    if all.clone().any(|row| row.masked && !row.within) {
        let _ = writeln!(
            text,
            "Masked: the cores were away (taken by the hypervisor, by interrupts or by others) for a\n\
             greater share of the time than lies beyond that percentile, so nothing here can be exact."
        );
    }
    let beyond = all.clone().filter(|row| !row.within).count();
    let _ = match beyond {
        0 => writeln!(
            text,
            "The instrument is within 1 % or 50 µs of the truth on this machine just now."
        ),
        n => writeln!(
            text,
            "{n} of {} percentiles are further from the truth than 1 % and 50 µs on this machine just now.",
            all.count()
        ),
    };
    text
}
