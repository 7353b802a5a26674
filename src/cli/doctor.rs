//! `plimsoll doctor`.

use std::fmt::Write as _;

use super::Context;
use super::exit::{Exit, Failure};
use crate::session::{self, Reading, Soundness};

/// Say whether this machine can measure anything today, and why not
///
/// Reads governor, steal, pressure, load, limits and quotas. Exits 0 also when something is
/// wrong: it informs, it is no gate.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) fn run(_: &Args, context: &Context) -> Result<Exit, Failure> {
    let readings = session::examine_machine();
    context.terminal.tell(&show(&readings))?;
    Ok(Exit::Passed)
}

fn show(readings: &[Reading]) -> String {
    let name = readings.iter().map(|r| r.name.len()).max().unwrap_or(0);
    let width = |r: &Reading| r.value.chars().count();
    let value = readings.iter().map(width).max().unwrap_or(0);
    let mut text = String::new();
    for r in readings {
        let sign = match r.verdict {
            Soundness::Ok => "ok  ",
            Soundness::Warn => "warn",
        };
        let cost = r.cost.unwrap_or_default();
        let line = format!("{sign}  {:name$}  {:value$}  {cost}", r.name, r.value);
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", line.trim_end());
        if let Some(hint) = r.hint {
            let _ = writeln!(text, "      {:name$}  help: {hint}", "");
        }
    }
    let wrong = readings
        .iter()
        .filter(|r| r.verdict == Soundness::Warn)
        .count();
    let _ = match wrong {
        0 => writeln!(
            text,
            "\nNothing stands in the way of measuring on this machine just now."
        ),
        n => writeln!(
            text,
            "\n{n} of {} readings cost precision now; cpu.per-request suffers least.",
            readings.len()
        ),
    };
    text
}
