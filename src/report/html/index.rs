//! The list of all runs, by scenario, with what became of each metric.

use std::collections::BTreeSet;

use minijinja::context;
use serde::Serialize;

use crate::model::{History, ListedRun, ListedState, Overview, Point, ScenarioRuns, Shift, Trend};
use crate::report::charts::{Ink, Spark, spark};
use crate::report::history::{
    against, commit, level_cells, not_compared, shift_cells, shown, tone_of_shift,
};
use crate::report::view::Tone;
use crate::report::words;

use super::shell::{Shell, fill};

const TEMPLATE: &str = include_str!("index.html");
pub(super) const STYLE: &str = include_str!("index.css");
const FILTER: &str = include_str!("index.js");
/// Looks for the page again.
pub(super) const LIVE: &str = include_str!("live.js");

/// Rows that are shown before one asks for more.
const RECENT: usize = 50;
/// Seconds after which a served list is looked for again.
const EVERY: u32 = 5;

/// Where a list is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexPlace<'a> {
    /// From a file. The path leads from its folder to `reports/`, with a slash at its end; empty when it
    /// is there. Links lead to the reports there are.
    File(&'a str),
    /// Served from `reports/`, where each run that can be read has a report.
    Served,
}

/// Renders the list.
pub fn index(overview: &Overview, place: IndexPlace<'_>) -> String {
    let shell = Shell {
        title: "Runs".to_owned(),
        what: "all runs",
        footer: footer(place),
        style: STYLE,
        main: fill(("index.html", TEMPLATE), main(overview, place)),
        ..Shell::default()
    };
    match place {
        IndexPlace::File(_) => Shell {
            script: FILTER,
            ..shell
        }
        .page(),
        IndexPlace::Served => Shell {
            script: &format!("{FILTER}{LIVE}"),
            every: Some(EVERY),
            ..shell
        }
        .page(),
    }
}

fn footer(place: IndexPlace<'_>) -> String {
    let version = env!("CARGO_PKG_VERSION");
    match place {
        IndexPlace::File(_) => format!(
            "Written by plimsoll {version}. This page is complete in itself: it loads nothing and sends nothing. Its links lead to the reports beside the runs."
        ),
        IndexPlace::Served => super::shell::served(version),
    }
}

/// A row of the list.
#[derive(Debug, Clone, Serialize)]
struct Row {
    scenario: String,
    id: String,
    href: Option<String>,
    began: String,
    #[serde(flatten)]
    state: State,
    note: String,
    commit: String,
    version: String,
    rounds: String,
    numbers: Vec<String>,
}

/// What became of a run: never told by colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct State {
    sign: &'static str,
    word: &'static str,
    tone: &'static str,
}

/// What became of a metric.
#[derive(Debug, Serialize)]
struct TrendView {
    name: String,
    level: String,
    tone: &'static str,
    standing: String,
    finding: String,
    drawing: String,
}

#[derive(Debug, Serialize)]
struct Section {
    name: String,
    count: String,
    latest: Option<State>,
    trends: Vec<TrendView>,
    notes: Vec<String>,
    head: Vec<String>,
    recent: Vec<Row>,
    earlier: Vec<Row>,
    earlier_count: String,
}

fn main(overview: &Overview, place: IndexPlace<'_>) -> minijinja::Value {
    let mut trends = 0;
    let sections: Vec<Section> = overview
        .scenarios
        .iter()
        .map(|scenario| section(scenario, place, &mut trends))
        .collect();
    let rows = || {
        sections
            .iter()
            .flat_map(|s| s.recent.iter().chain(&s.earlier))
    };
    let words: BTreeSet<&str> = rows().map(|r| r.state.word).collect();
    let running: Vec<Row> = rows()
        .filter(|r| r.state == state_of(ListedState::Running))
        .cloned()
        .collect();
    let newest = sections.first().and_then(|s| s.recent.first());
    context! {
        count => words::plural(rows().count(), "run"),
        newest => newest.map(|r| r.began.clone()),
        words => words.into_iter().collect::<Vec<_>>(),
        running => minijinja::Value::from(minijinja::value::Serde(running)),
        scenarios => minijinja::Value::from(minijinja::value::Serde(&sections)),
    }
}

fn section(scenario: &ScenarioRuns, place: IndexPlace<'_>, trends: &mut usize) -> Section {
    let rows = scenario.runs.iter().map(|run| row(scenario, run, place));
    let mut recent: Vec<Row> = rows.collect();
    let earlier = recent.split_off(recent.len().min(RECENT));
    let followed = scenario.history.iter().flat_map(|history| {
        let of = move |t| (history, t);
        history.trends.iter().map(of)
    });
    Section {
        name: shown(&scenario.name),
        count: words::plural(scenario.runs.len(), "run"),
        latest: recent.first().map(|r| r.state),
        trends: followed
            .filter_map(|(history, trend)| {
                *trends += 1;
                trend_view(history, trend, *trends)
            })
            .collect(),
        notes: scenario
            .history
            .as_ref()
            .map(not_compared)
            .unwrap_or_default(),
        head: scenario.measures.iter().map(|m| shown(&m.name)).collect(),
        earlier_count: words::plural(earlier.len(), "earlier run"),
        recent,
        earlier,
    }
}

fn row(scenario: &ScenarioRuns, run: &ListedRun, place: IndexPlace<'_>) -> Row {
    let (base, is_linked) = match place {
        IndexPlace::File(base) => (encoded(base), run.has_report),
        IndexPlace::Served => (String::new(), run.state != ListedState::Unreadable),
    };
    let measured = scenario.measures.iter().zip(&run.values);
    Row {
        scenario: shown(&scenario.name),
        id: shown(&run.point.run),
        href: is_linked.then(|| {
            let [scenario, id] = [&scenario.name, &run.point.run].map(|name| encoded(name));
            format!("{base}{scenario}/{id}/report.html")
        }),
        began: began(&run.point),
        state: state_of(run.state),
        note: match run.state {
            ListedState::Unreadable => shown(run.left_out.as_deref().unwrap_or_default()),
            _ => String::new(),
        },
        commit: commit(&run.point),
        version: shown(&run.point.version),
        rounds: run.rounds.to_string(),
        numbers: measured
            .map(|(measure, value)| {
                if value.is_finite() {
                    measure.unit.format(*value)
                } else {
                    "–".to_owned()
                }
            })
            .collect(),
    }
}

fn state_of(state: ListedState) -> State {
    match state {
        ListedState::Running => State {
            sign: "…",
            word: "running",
            tone: Tone::Plain.class(),
        },
        ListedState::Ended(standing) => State {
            sign: standing.sign(),
            word: standing.word(),
            tone: standing.tone().class(),
        },
        ListedState::Unreadable => State {
            sign: "!",
            word: "unreadable",
            tone: Tone::Bad.class(),
        },
    }
}

fn trend_view(history: &History, trend: &Trend, number: usize) -> Option<TrendView> {
    let [name, level, .., standing] = level_cells(trend);
    let finding = finding(history, trend);
    let drawing = spark(&Spark {
        id: format!("trend-{number}"),
        title: format!("{} over its runs: {name}", shown(&history.name)),
        finding: &finding,
        values: &trend.series.values,
        shifts: trend.shifts.iter().map(|s| (s.at, ink(*s))).collect(),
        accepted: against(trend).map(|a| a.level),
    })?;
    Some(TrendView {
        name,
        level,
        tone: against(trend)
            .map_or(Tone::Plain, |a| Tone::of(a.verdict))
            .class(),
        standing,
        finding,
        drawing,
    })
}

const fn ink(shift: Shift) -> Ink {
    match tone_of_shift(shift) {
        Tone::Bad => Ink::Bad,
        Tone::Good => Ink::Good,
        Tone::Warn | Tone::Plain => Ink::Warn,
    }
}

/// The latest change of level in a sentence, or why there is none.
fn finding(history: &History, trend: &Trend) -> String {
    let runs = words::plural(
        trend.series.values.iter().filter(|v| v.is_finite()).count(),
        "run",
    );
    let Some(shift) = trend.shifts.last() else {
        return match &trend.note {
            Some(note) => format!("{runs}; {note}."),
            None => format!("{runs}, no change of level."),
        };
    };
    let [since, commit, _, _, change, levels, state] =
        shift_cells(&history.points, *shift, &trend.series);
    let commit = match commit.as_str() {
        "" => String::new(),
        commit => format!(", commit {commit}"),
    };
    format!("{change} since {since}{commit}: {levels}; {state}.")
}

/// `2026-11-22 09:00`; the id where nothing says when.
fn began(point: &Point) -> String {
    match (point.at.get(..10), point.at.get(11..16)) {
        (Some(day), Some(time)) => shown(&format!("{day} {time}")),
        _ => shown(&point.run),
    }
}

/// A path as a relative reference: nothing in it is a scheme, a query or a fragment.
fn encoded(path: &str) -> String {
    path.bytes()
        .map(|byte| match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Standing, Verdict};
    use crate::report::fixture::HOSTILE;
    use crate::report::history::tests::history;

    const STATES: [ListedState; 6] = [
        ListedState::Ended(Standing::Judged(Verdict::Regressed)),
        ListedState::Ended(Standing::Judged(Verdict::Kept)),
        ListedState::Ended(Standing::MeasuredWithErrors),
        ListedState::Ended(Standing::Partial),
        ListedState::Running,
        ListedState::Unreadable,
    ];

    /// The runs of a history, the newest of which ended in every way there is.
    fn scenario(name: &str) -> ScenarioRuns {
        let history = history();
        let measures: Vec<_> = history
            .trends
            .iter()
            .map(|t| t.series.measure.clone())
            .collect();
        let runs = history.points.iter().enumerate().rev().map(|(at, point)| {
            let age = history.points.len() - 1 - at;
            let state = STATES.get(STATES.len().wrapping_sub(age + 1));
            let state = *state.unwrap_or(&STATES[1]);
            ListedRun {
                point: point.clone(),
                state,
                rounds: 5,
                left_out: (state == ListedState::Unreadable)
                    .then(|| "its record cannot be read".to_owned()),
                values: history.trends.iter().map(|t| t.series.values[at]).collect(),
                has_report: matches!(state, ListedState::Ended(_)),
            }
        });
        ScenarioRuns {
            name: name.to_owned(),
            runs: runs.collect(),
            measures,
            history: Some(history),
        }
    }

    fn overview() -> Overview {
        let mut few = scenario("search.v2");
        few.runs.truncate(2);
        few.history = None;
        few.measures.clear();
        Overview {
            scenarios: vec![scenario("checkout"), few],
        }
    }

    /// What stands in the page, one text a line, without what is drawn.
    fn told(page: &str) -> String {
        let document = parse(page);
        let main = document.descendants().find(|n| n.has_tag_name("main"));
        let texts = main.expect("a main").descendants().filter(|n| {
            let is_drawn = n.ancestors().any(|a| a.has_tag_name("svg"));
            let is_choice = n.ancestors().any(|a| a.has_tag_name("select"));
            n.is_text() && !is_drawn && !is_choice
        });
        let mut told = String::new();
        for text in texts {
            let is_row = text.ancestors().any(|a| a.has_tag_name("tr"));
            let begins = text.parent().is_some_and(|p| {
                p.has_tag_name("th") || p.parent_element().is_some_and(|t| t.has_tag_name("th"))
            });
            match text.text().unwrap_or_default().trim() {
                "" => {}
                cell if is_row && !begins => told += &format!(" | {cell}"),
                text => told += &format!("\n{text}"),
            }
        }
        told
    }

    fn parse(page: &str) -> roxmltree::Document<'_> {
        let options = roxmltree::ParsingOptions {
            allow_dtd: true,
            ..roxmltree::ParsingOptions::default()
        };
        roxmltree::Document::parse_with_options(page, options).expect("a well-formed page")
    }

    fn links(page: &str) -> Vec<String> {
        let document = parse(page);
        let hrefs = document.descendants().filter_map(|n| n.attribute("href"));
        let lead = hrefs.filter(|h| !h.starts_with('#') && *h != "data:,");
        lead.map(str::to_owned).collect()
    }

    #[test]
    fn the_list_says_what_became_of_each_run_and_metric() {
        insta::assert_snapshot!(told(&index(&overview(), IndexPlace::File(""))));
    }

    #[test]
    fn links_lead_from_where_the_list_is_to_reports_that_are_there() {
        let overview = overview();
        let of = |place| links(&index(&overview, place));
        let there = of(IndexPlace::File(""));
        let with_report = |s: &ScenarioRuns| s.runs.iter().filter(|r| r.has_report).count();
        assert_eq!(
            there.len(),
            overview.scenarios.iter().map(with_report).sum::<usize>()
        );
        let first = "checkout/20261122T090000Z-00000015/report.html";
        assert!(there.iter().any(|l| l == first), "{there:?}");
        let elsewhere = of(IndexPlace::File("../a b:c/reports/"));
        assert!(
            elsewhere
                .iter()
                .any(|l| *l == format!("../a%20b%3Ac/reports/{first}")),
            "{elsewhere:?}"
        );
        let served = of(IndexPlace::Served);
        let unreadable = 2;
        // What runs is linked twice.
        assert_eq!(served.len(), 26 - unreadable + 2, "{served:?}");
    }

    #[test]
    fn a_page_is_sound_and_asks_for_nothing_unless_it_is_served() {
        for (place, asks) in [(IndexPlace::File(""), false), (IndexPlace::Served, true)] {
            let page = index(&overview(), place);
            assert_eq!(page.contains("connect-src 'self'"), asks);
            assert_eq!(page.contains("fetch("), asks);
            assert_eq!(page.contains("http-equiv=\"refresh\""), asks);
            let document = parse(&page);
            let mut ids = BTreeSet::new();
            for id in document.descendants().filter_map(|n| n.attribute("id")) {
                assert!(ids.insert(id), "{id} twice");
            }
            for node in document.descendants() {
                let labels = node.attribute("aria-labelledby").unwrap_or_default();
                for label in labels.split_whitespace() {
                    assert!(ids.contains(label), "{label}");
                }
                for attribute in node.attributes() {
                    let key = attribute.name();
                    assert!(!matches!(key, "src" | "srcset" | "action"), "{key}");
                    assert!(!key.starts_with("on"), "{key}");
                }
            }
            for drawing in document.descendants().filter(|n| n.has_tag_name("svg")) {
                let is_mark = drawing.attribute("aria-hidden").is_some();
                let words = drawing.children().find(|n| n.has_tag_name("desc"));
                assert!(is_mark || words.and_then(|n| n.text()).is_some());
            }
            for tag in ["main", "header", "footer", "h1", "nav"] {
                let n = document.descendants().filter(|n| n.has_tag_name(tag));
                assert_eq!(n.count(), 1, "{tag}");
            }
        }
    }

    #[test]
    fn a_list_of_nothing_says_how_to_begin() {
        let page = index(&Overview::default(), IndexPlace::File(""));
        assert!(
            told(&page).contains("plimsoll run http://"),
            "{}",
            told(&page)
        );
        assert_eq!(links(&page), [""; 0]);
    }

    #[test]
    fn hostile_texts_of_runs_are_only_text() {
        let mut overview = overview();
        for scenario in &mut overview.scenarios {
            if let Some(history) = &mut scenario.history {
                HOSTILE.clone_into(&mut history.name);
                HOSTILE.clone_into(&mut history.others[0].differs[0]);
                HOSTILE.clone_into(&mut history.others[0].until);
                for trend in &mut history.trends {
                    HOSTILE.clone_into(&mut trend.series.measure.name);
                }
                for point in &mut history.points {
                    point.revision = HOSTILE.into();
                    HOSTILE.clone_into(&mut point.at);
                }
            }
            for measure in &mut scenario.measures {
                HOSTILE.clone_into(&mut measure.name);
            }
            for run in &mut scenario.runs {
                HOSTILE.clone_into(&mut run.point.run);
                HOSTILE.clone_into(&mut run.point.at);
                run.point.version = HOSTILE.into();
                run.point.revision = HOSTILE.into();
            }
        }
        for place in [IndexPlace::File(HOSTILE), IndexPlace::Served] {
            let page = index(&overview, place);
            let document = parse(&page);
            let scripts = document.descendants().filter(|n| n.has_tag_name("script"));
            assert_eq!(scripts.count(), 1);
            assert!(!page.contains(['\u{202e}', '\u{1b}']));
            assert!(!page.contains("<script>alert") && !page.contains("<img"));
            let plain = |c: char| c.is_ascii_alphanumeric() || "/-._~%".contains(c);
            for link in links(&page) {
                assert!(link.chars().all(plain), "{link}");
            }
        }
    }

    #[test]
    fn two_thousand_runs_are_a_page_of_a_megabyte_at_most() {
        let mut scenario = scenario("checkout");
        let runs = scenario.runs.clone();
        scenario.runs = runs.iter().cycle().take(2_000).cloned().collect();
        let history = scenario.history.as_mut().expect("a history");
        for trend in &mut history.trends {
            let values = trend.series.values.clone();
            trend.series.values = values.iter().copied().cycle().take(2_000).collect();
        }
        let overview = Overview {
            scenarios: vec![scenario],
        };
        let page = index(&overview, IndexPlace::File(""));
        assert!(page.len() < 1_000_000, "{} bytes", page.len());
        let rows = page.matches("<tr data-v=").count();
        assert_eq!(rows, 2_000, "all of them are there without a script");
        assert!(page.contains("<summary>1,950 earlier runs</summary>"));
    }

    #[test]
    fn the_same_runs_give_the_same_bytes() {
        let place = IndexPlace::File("");
        assert_eq!(index(&overview(), place), index(&overview(), place));
    }
}
