//! A run that is being measured: the seconds of its latest round, and the rounds that are over.

use std::collections::BTreeSet;

use minijinja::context;
use serde::Serialize;

use crate::model::{Arm, Manifest, Mode, Outline, Round, Run};
use crate::report::charts::Chart;
use crate::report::view::View;
use crate::report::words;
use crate::untrusted::Untrusted;

use super::index::{LIVE, STYLE};
use super::shell::{LIST, Shell, fill, served};
use super::tables::Grid;
use super::{figures, tables};

const TEMPLATE: &str = include_str!("live.html");
/// Seconds after which it is looked for again.
const EVERY: u32 = 2;

/// A part of the page.
#[derive(Debug, Serialize)]
struct Section {
    id: &'static str,
    title: &'static str,
    charts: Vec<Chart>,
    grid: Grid,
    class: &'static str,
}

/// Renders what there is of a run so far. Its intervals and samples are those of the latest round, or of
/// both rounds of a duet.
pub fn live(run: &Run) -> String {
    let shell = Shell {
        title: format!("{}: running", shown(&run.manifest.outline.name)),
        what: "a run in progress",
        footer: served(env!("CARGO_PKG_VERSION")),
        style: STYLE,
        script: LIVE,
        every: Some(EVERY),
        list: Some(LIST),
        main: fill(("live.html", TEMPLATE), main(run)),
    };
    shell.page()
}

fn main(run: &Run) -> minijinja::Value {
    let latest = latest(run);
    let view = View::new(&latest, None);
    let over = Run {
        rounds: run.rounds.iter().filter(|r| r.complete).cloned().collect(),
        intervals: Vec::new(),
        samples: Vec::new(),
        ..latest.clone()
    };
    let outline = &run.manifest.outline;
    let elapsed = latest
        .intervals
        .iter()
        .map(|i| (i.start + i.length).as_secs_f64())
        .fold(0.0, f64::max);
    let facts = &view.facts;
    context! {
        scenario => facts.scenario.terminal(),
        description => facts.description.terminal(),
        target => facts.target.terminal(),
        load => shown(&load(outline)),
        reference => run.manifest.reference.as_deref().map(shown),
        begun => shown(&run.manifest.started_at),
        headline => headline(run, &latest, elapsed),
        planned => (!latest.intervals.is_empty()).then(|| outline.duration().as_secs_f64()),
        elapsed => elapsed.min(outline.duration().as_secs_f64()),
        tiles => of(tables::tiles(&view)),
        sections => of(sections(&view, &View::new(&over, None))),
    }
}

/// The run with the latest round alone; of a duet, that of the side under test.
fn latest(run: &Run) -> Run {
    let seen: BTreeSet<usize> = run.intervals.iter().map(|i| i.round).collect();
    let of = |arm: Arm| -> Vec<Round> {
        let rounds = run.rounds.iter();
        let latest = rounds.filter(|r| r.arm == arm && seen.contains(&r.index));
        latest.cloned().collect()
    };
    let mut rounds = of(Arm::Now);
    if rounds.is_empty() {
        rounds = of(Arm::Before);
        for round in &mut rounds {
            // It is what is shown, whichever side it is of.
            round.arm = Arm::Now;
        }
    }
    let is_shown = |index: usize| rounds.iter().any(|r| r.index == index);
    Run {
        manifest: Manifest {
            mode: Mode::Measure,
            ..run.manifest.clone()
        },
        intervals: run
            .intervals
            .iter()
            .filter(|i| is_shown(i.round))
            .cloned()
            .collect(),
        samples: run
            .samples
            .iter()
            .filter(|s| is_shown(s.round))
            .cloned()
            .collect(),
        rounds,
        state: run.state,
        comparison: None,
    }
}

/// `200/s poisson, 60 s a round`
fn load(outline: &Outline) -> String {
    let mut measured = outline.phases.iter().filter(|p| !p.warm_up);
    let first = measured
        .next()
        .map_or("no load", |phase| phase.load.as_str());
    let load = match measured.count() {
        0 => first.to_owned(),
        more => words::plural(more + 1, "phase"),
    };
    format!("{load}, {} a round", outline.duration())
}

/// Which round, which side, which phase, and how far.
fn headline(run: &Run, latest: &Run, elapsed: f64) -> String {
    let Some(shown_round) = latest.rounds.last() else {
        return "Nothing is measured yet: the target is being made ready.".to_owned();
    };
    let outline = &run.manifest.outline;
    let own = run.rounds.iter().find(|r| r.index == shown_round.index);
    let side = match own.map(|r| r.arm) {
        Some(arm) if run.rounds.iter().any(|r| r.arm == Arm::Before) => {
            format!(", {}", arm.name())
        }
        _ => String::new(),
    };
    let number = shown_round.index + 1;
    if shown_round.complete {
        return format!("Round {number}{side} is over.");
    }
    let phase = outline
        .phases
        .iter()
        .find(|p| elapsed < (p.start + p.duration).as_secs_f64())
        .or(outline.phases.last());
    let name = phase.map_or(String::new(), |p| format!(", phase {}", shown(&p.name)));
    let whole = outline.duration();
    format!("Round {number}{side}{name}: {elapsed:.0} s of {whole}")
}

fn sections(view: &View, over: &View) -> Vec<Section> {
    let grid = |rows: usize, grid: fn(&View) -> Grid, of: &View| match rows {
        0 => Grid::default(),
        _ => grid(of),
    };
    let section = |id, title, charts, grid| Section {
        id,
        title,
        charts,
        grid,
        class: "",
    };
    let all = [
        section(
            "latency",
            "Latency",
            figures::latency(view).into_iter().collect(),
            Grid::default(),
        ),
        section(
            "load",
            "Load",
            figures::throughput(view).into_iter().collect(),
            Grid::default(),
        ),
        section(
            "errors",
            "Errors",
            figures::errors(view).into_iter().collect(),
            tables::error_classes(view),
        ),
        section(
            "resources",
            "Resources",
            figures::resources(view),
            Grid::default(),
        ),
        section(
            "steps",
            "Steps",
            Vec::new(),
            grid(view.rounds.len(), |v| tables::parts(&v.steps, "step"), view),
        ),
        Section {
            class: "rounds",
            ..section(
                "rounds",
                "Rounds that are over",
                Vec::new(),
                grid(over.rounds.len(), tables::rounds, over),
            )
        },
    ];
    let is_told = |s: &Section| !s.charts.is_empty() || !s.grid.rows.is_empty();
    all.into_iter().filter(is_told).collect()
}

fn of(value: impl Serialize) -> minijinja::Value {
    minijinja::Value::from(minijinja::value::Serde(value))
}

fn shown(text: &str) -> String {
    Untrusted::new(text).terminal()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RunState;
    use crate::report::fixture;

    /// The first rounds of a run, the last of which is being measured.
    fn so_far(mut run: Run, rounds: usize) -> Run {
        run.rounds.truncate(rounds);
        run.state = RunState::Partial;
        run.comparison = None;
        let latest = run.rounds.last().map(|r| r.index);
        run.intervals.retain(|i| Some(i.round) == latest);
        run.samples.retain(|s| Some(s.round) == latest);
        if let Some(round) = run.rounds.last_mut() {
            round.complete = false;
            round.usage.clear();
            let half = run.manifest.outline.duration().as_secs_f64() / 2.0;
            run.intervals.retain(|i| i.start.as_secs_f64() < half);
        }
        run
    }

    fn parse(page: &str) -> roxmltree::Document<'_> {
        let options = roxmltree::ParsingOptions {
            allow_dtd: true,
            ..roxmltree::ParsingOptions::default()
        };
        roxmltree::Document::parse_with_options(page, options).expect("a well-formed page")
    }

    fn text_of(page: &str, class: &str) -> String {
        let document = parse(page);
        let found = document
            .descendants()
            .find(|n| n.attribute("class") == Some(class));
        found.and_then(|n| n.text()).unwrap_or_default().to_owned()
    }

    #[test]
    fn the_latest_round_is_drawn_and_those_before_stand_in_a_table() {
        let mut run = fixture::run();
        run.rounds.retain(|r| r.arm == Arm::Now);
        let run = so_far(run, 2);
        let page = live(&run);
        let document = parse(&page);
        let headline = text_of(&page, "headline");
        let begins = format!("Round {}, phase ", run.rounds[1].index + 1);
        assert!(headline.starts_with(&begins), "{headline}");
        let figures = document.descendants().filter(|n| n.has_tag_name("figure"));
        assert!(figures.count() >= 3);
        let rounds = document
            .descendants()
            .find(|n| n.attribute("id") == Some("rounds"));
        let rows = rounds.expect("rounds").descendants();
        assert_eq!(rows.filter(|n| n.has_tag_name("tr")).count(), 2);
        assert!(page.contains("data-every=\"2\"") && page.contains("fetch("));
        assert!(page.contains("<progress max="));
        assert!(page.contains("href=\"../../\""));
    }

    #[test]
    fn both_sides_of_an_interleaved_check_are_shown_in_turn() {
        for (rounds, side) in [(1, "Round 1, "), (2, "Round 2, ")] {
            let run = so_far(fixture::run(), rounds);
            let arm = run.rounds[rounds - 1].arm.name();
            let others = run.rounds.iter().any(|r| r.arm == Arm::Before);
            let page = live(&run);
            let headline = text_of(&page, "headline");
            let expected = if others {
                format!("{side}{arm}, phase")
            } else {
                side.to_owned()
            };
            assert!(headline.starts_with(&expected), "{headline}");
            assert!(page.contains("id=\"latency\""), "{side}");
        }
    }

    #[test]
    fn before_the_first_second_there_is_only_the_plan() {
        let page = live(&so_far(fixture::plain_run(), 0));
        let headline = text_of(&page, "headline");
        assert_eq!(
            headline,
            "Nothing is measured yet: the target is being made ready."
        );
        assert!(!page.contains("<figure>") && !page.contains("<progress"));
    }

    #[test]
    fn hostile_texts_are_only_text_and_ids_are_unique() {
        let run = fixture::hostile_run();
        let rounds = run.rounds.len();
        let page = live(&so_far(run, rounds));
        let document = parse(&page);
        let scripts = document.descendants().filter(|n| n.has_tag_name("script"));
        assert_eq!(scripts.count(), 1);
        assert!(!page.contains(['\u{202e}', '\u{1b}']) && !page.contains("<script>alert"));
        let mut ids = BTreeSet::new();
        for id in document.descendants().filter_map(|n| n.attribute("id")) {
            assert!(ids.insert(id), "{id} twice");
        }
    }
}
