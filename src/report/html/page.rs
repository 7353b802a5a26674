//! Fills the template.

use minijinja::context;

use crate::report::charts::{change_plot, component_panels, flame_graphs, round_plot, step_panels};
use crate::report::view::View;
use crate::report::words;

use super::shell::{LIST, Shell, fill};
use super::{figures, past, raw, tables};

const TEMPLATE: &str = include_str!("report.html");
/// Values of what is pointed at, and tables that can be searched.
const SCRIPT: &str = include_str!("report.js");

/// Renders the page as a file, which may lie anywhere.
pub fn html(view: &View) -> String {
    shown(view, None)
}

/// Renders it beside the list of runs that is served.
pub fn html_served(view: &View) -> String {
    shown(view, Some(LIST))
}

fn shown(view: &View, list: Option<&str>) -> String {
    let facts = &view.facts;
    let version = crate::untrusted::Untrusted::from(facts.manifest.version.as_str()).terminal();
    let shell = Shell {
        title: format!("{}: {}", facts.scenario.terminal(), view.standing.word()),
        what: "performance report",
        footer: format!(
            "Written by plimsoll {version}. This page is complete in itself: it loads nothing and sends nothing."
        ),
        script: SCRIPT,
        list,
        main: fill(("report.html", TEMPLATE), page(view)),
        ..Shell::default()
    };
    shell.page()
}

fn page(view: &View) -> minijinja::Value {
    let facts = &view.facts;
    let leading = view.leading_rows();
    let quiet: Vec<_> = view
        .rows
        .iter()
        .filter(|r| !leading.iter().any(|l| std::ptr::eq(*l, *r)))
        .collect();
    let remarks: Vec<_> = view
        .remarks
        .iter()
        .map(|r| {
            let text = |u: &Option<crate::untrusted::Untrusted>| {
                u.as_ref().map(crate::untrusted::Untrusted::terminal)
            };
            context! { text => (!r.repeats).then(|| r.text.terminal()), hint => text(&r.hint), code => text(&r.code) }
        })
        .collect();
    let next: Vec<_> = view
        .next
        .iter()
        .map(|n| context! { command => n.command.as_str(), when => n.when })
        .collect();
    let spoiled: Vec<_> = view
        .trust
        .spoiled_rows
        .iter()
        .map(crate::untrusted::Untrusted::terminal)
        .collect();
    let times = tables::times(view);
    context! {
        scenario => facts.scenario.terminal(),
        description => facts.description.terminal(),
        target => facts.target.terminal(),
        load => facts.load.terminal(),
        begun => crate::untrusted::Untrusted::from(facts.manifest.started_at.as_str()).terminal(),
        reference => view.reference.as_ref().map(crate::untrusted::Untrusted::terminal),
        tone => view.standing.tone().class(),
        sign => view.standing.sign(),
        word => view.standing.word(),
        headline => unbroken(&view.headline.terminal()),
        whereabouts => view.whereabouts().map(|w| w.terminal()),
        why => view.telling_diagnoses().map(|d| d.in_short().terminal()).collect::<Vec<_>>(),
        diagnoses => of(tables::diagnoses(view)),
        profile => of(view.profile.as_ref().map(tables::profile)),
        flames => of(view.profile.as_ref().map(flame_graphs)),
        remarks => remarks,
        next => next,
        tiles => of(tables::tiles(view)),
        compares => view.compares(),
        rows => of(tables::verdict_rows(leading.iter().copied())),
        quiet_rows => of(tables::verdict_rows(quiet)),
        change => of(change_plot(&leading)),
        latencies => of(figures::latencies(view)),
        times => of(&times),
        intervals => times.head.contains(&tables::INTERVAL).then_some(words::OF_ONE_RUN),
        breakdown => of(tables::breakdown(view)),
        capacity => of(figures::capacity(view)),
        capacity_text => view.capacity.as_ref().map(tables::capacity_text),
        levels => of(tables::levels(view)),
        throughput => of(figures::throughput(view)),
        errors => of(figures::errors(view)),
        faults => of(tables::faults(view)),
        recoveries => tables::recoveries(view),
        alerts => of(tables::alerts(view)),
        error_classes => of(tables::error_classes(view)),
        resources => of(figures::resources(view)),
        components => of(component_panels(&view.components)),
        panels => of(step_panels(&view.step_by_step())),
        steps => of(tables::parts(&view.steps, "step")),
        phases => of(tables::parts(&view.phases, "phase")),
        round_plot => of(round_plot(&view.strips)),
        rounds => of(tables::rounds(view)),
        history => of(view.history.as_ref().map(past::history)),
        raw => of(raw::raw(view)),
        detector => of(tables::detector(view)),
        foreseen => view.beside.foreseen.as_ref().map(crate::untrusted::Untrusted::terminal),
        seen => view.beside.seen.as_ref().map(crate::untrusted::Untrusted::terminal),
        unjudged => view.beside.unjudged().iter().map(crate::untrusted::Untrusted::terminal).collect::<Vec<_>>(),
        trust => of(tables::trust(view)),
        spoiled_rows => spoiled,
        noise_is_told => view.noise_is_told(),
        facts => of(tables::facts(view)),
    }
}

/// A number and its unit stay on one line.
fn unbroken(text: &str) -> String {
    [" %", " pp", " ms", " µs", " s,", " s)", " MiB"]
        .iter()
        .fold(text.to_owned(), |text, unit| {
            text.replace(unit, &unit.replace(' ', "\u{a0}"))
        })
}

fn of(value: impl serde::Serialize) -> minijinja::Value {
    minijinja::Value::from(minijinja::value::Serde(value))
}

#[cfg(test)]
mod tests {
    use super::super::shell::{THEME, hash};
    use super::*;
    use crate::report::fixture;

    /// Renders, and keeps the page for whoever wants to look at it:
    /// `PLIMSOLL_PAGES=target/tmp cargo test --lib report::html`.
    fn rendered(name: &str, run: &crate::model::Run, with_baseline: bool) -> String {
        let baseline = with_baseline.then(fixture::baseline);
        kept(name, html(&View::new(run, baseline.as_ref())))
    }

    fn kept(name: &str, page: String) -> String {
        if let Some(folder) = std::env::var_os("PLIMSOLL_PAGES") {
            let path = std::path::Path::new(&folder).join(format!("report-{name}.html"));
            std::fs::write(path, &page).expect("the folder exists");
        }
        page
    }

    /// Every kind of page, rendered once.
    fn pages() -> Vec<(&'static str, String)> {
        static PAGES: std::sync::LazyLock<Vec<(&str, String)>> =
            std::sync::LazyLock::new(every_page);
        PAGES.clone()
    }

    fn every_page() -> Vec<(&'static str, String)> {
        let mut stored = fixture::run();
        stored.rounds.retain(|r| r.arm == crate::model::Arm::Now);
        vec![
            ("check", rendered("check", &fixture::run(), false)),
            ("stored", rendered("stored", &stored, true)),
            ("plain", rendered("plain", &fixture::plain_run(), false)),
            (
                "partial",
                rendered("partial", &fixture::partial_run(), false),
            ),
            (
                "invalid",
                rendered("invalid", &fixture::invalid_run(), false),
            ),
            (
                "hostile",
                rendered("hostile", &fixture::hostile_run(), false),
            ),
            ("long", rendered("long", &fixture::long_run(), false)),
            ("search", rendered("search", &fixture::search_run(), false)),
            ("steps", followed("steps", &fixture::run_of_many_steps(10))),
            ("followed", followed("followed", &fixture::run())),
            ("profiled", profiled(&fixture::profiles())),
            ("hostile profile", profiled(&hostile_profiles())),
        ]
    }

    fn followed(name: &str, run: &crate::model::Run) -> String {
        let view = View::new(run, None).followed(fixture::history());
        kept(name, html(&view))
    }

    fn profiled(profiles: &crate::model::Profiles) -> String {
        let view = View::new(&fixture::run(), None).profiled(profiles);
        kept("profiled", html(&view))
    }

    fn hostile_profiles() -> crate::model::Profiles {
        let mut profiles = fixture::profiles();
        let hostile = format!("t;{0};{0} 7\n", fixture::HOSTILE.replace(['\n', ';'], " "));
        for profile in &mut profiles.taken {
            profile.stacks = crate::model::Stacks::parse(&hostile).expect("folded stacks");
        }
        profiles
    }

    #[test]
    fn what_was_profiled_is_drawn_with_its_words() {
        let page = profiled(&fixture::profiles());
        for told in [
            "href=\"#profile\"",
            "<code>serialize</code> has 62 % of samples, before 24 %.",
            "serialize: 62 % of samples, before 24 %</title>",
            "Under the same load the target used 0 % more CPU time than before.",
        ] {
            let page = page.replace('\u{a0}', " ");
            assert!(page.contains(told), "{told}");
        }
        let plain = html(&View::new(&fixture::run(), None));
        assert!(!plain.contains("id=\"profile\""));
    }

    fn parse(page: &str) -> roxmltree::Document<'_> {
        let options = roxmltree::ParsingOptions {
            allow_dtd: true,
            ..roxmltree::ParsingOptions::default()
        };
        roxmltree::Document::parse_with_options(page, options).expect("a well-formed page")
    }

    #[test]
    fn every_page_is_well_formed_small_and_asks_for_nothing() {
        for (name, page) in pages() {
            let document = parse(&page);
            assert!(page.len() < 500_000, "{name}: {} bytes", page.len());
            for element in document.descendants().filter(roxmltree::Node::is_element) {
                for attribute in element.attributes() {
                    let (key, value) = (attribute.name(), attribute.value());
                    if key == "href" {
                        assert!(
                            value.starts_with('#') || value == "data:,",
                            "{name}: {value}"
                        );
                    }
                    // A style attribute is no part of what the policy allows.
                    let forbidden = ["src", "srcset", "action", "style"];
                    assert!(!forbidden.contains(&key), "{name}: {key}");
                    assert!(!key.starts_with("on"), "{name}: {key}");
                }
            }
            assert!(
                !page.contains("url(") && !page.contains("@import"),
                "{name}"
            );
            assert!(page.contains("default-src 'none'"));
        }
    }

    #[test]
    fn every_figure_has_a_finding_drawings_with_words_and_its_numbers() {
        for (name, page) in pages() {
            let document = parse(&page);
            let mut figures = 0;
            for figure in document.descendants().filter(|n| n.has_tag_name("figure")) {
                figures += 1;
                let drawings: Vec<_> = figure
                    .descendants()
                    .filter(|n| n.has_tag_name("svg"))
                    .collect();
                // The panel of a step is small enough for both, and its numbers are in the table of steps.
                let is_panel = figure.attribute("class") == Some("step");
                let wanted = if is_panel { 1 } else { 2 };
                assert_eq!(
                    drawings.len(),
                    wanted,
                    "{name}: one for a page, one for a phone"
                );
                for drawing in drawings {
                    let text = |tag: &str| {
                        drawing
                            .children()
                            .find(|n| n.has_tag_name(tag))
                            .and_then(|n| n.text())
                            .unwrap_or_default()
                    };
                    assert!(text("title").len() > 5 && text("desc").len() > 10, "{name}");
                }
                let rows = figure
                    .descendants()
                    .filter(|n| n.has_tag_name("tr"))
                    .count();
                assert!(rows > 1 || is_panel, "{name}: a table");
            }
            let at_least = if name == "partial" { 5 } else { 6 };
            assert!(figures >= at_least, "{name}: {figures} figures");
            let tags = ["main", "nav", "header", "footer", "h1"];
            for tag in tags {
                let n = document
                    .descendants()
                    .filter(|n| n.has_tag_name(tag))
                    .count();
                assert_eq!(n, 1, "{name}: {tag}");
            }
        }
    }

    #[test]
    fn ids_are_unique_and_every_link_and_label_has_its_end() {
        for (name, page) in pages() {
            let document = parse(&page);
            let mut ids = std::collections::BTreeSet::new();
            for id in document.descendants().filter_map(|n| n.attribute("id")) {
                assert!(ids.insert(id), "{name}: {id} twice");
            }
            for node in document.descendants() {
                let labels = node.attribute("aria-labelledby").unwrap_or_default();
                for label in labels.split_whitespace() {
                    assert!(ids.contains(label), "{name}: {label}");
                }
                if let Some(end) = node.attribute("href").and_then(|h| h.strip_prefix('#')) {
                    assert!(ids.contains(end), "{name}: #{end}");
                }
            }
        }
    }

    #[test]
    fn no_impossible_number_is_shown() {
        let mut run = fixture::run();
        let comparison = run.comparison.as_mut().expect("judged");
        for (i, r) in comparison.results.iter_mut().enumerate() {
            let bad = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][i % 3];
            r.change = Some(bad);
            r.interval = Some((bad, bad));
            r.now.value = crate::model::Estimate::Exact(bad);
            r.detectable = Some(bad);
        }
        let mut pages = pages();
        pages.push(("impossible", html(&View::new(&run, None))));
        for (name, page) in pages {
            let text: String = parse(&page)
                .descendants()
                .filter(|n| n.is_text() && !n.ancestors().any(|a| a.has_tag_name("script")))
                .filter_map(|n| n.text())
                .collect();
            assert!(!text.contains("NaN"), "{name}");
            assert!(
                !text
                    .split(|c: char| !c.is_alphanumeric())
                    .any(|w| w == "inf"),
                "{name}"
            );
        }
    }

    #[test]
    fn a_hostile_name_is_only_text() {
        let page = rendered("hostile", &fixture::hostile_run(), false);
        let document = parse(&page);
        let scripts: Vec<_> = document
            .descendants()
            .filter(|n| n.has_tag_name("script"))
            .collect();
        assert_eq!(scripts.len(), 1);
        assert_eq!(scripts[0].text(), Some(format!("{THEME}{SCRIPT}").as_str()));
        for page in [page, profiled(&hostile_profiles())] {
            assert!(!page.contains(['\u{202e}', '\u{1b}']));
            assert!(!page.contains("<script>alert"));
        }
    }

    #[test]
    fn the_policy_names_style_and_script() {
        // echo -n abc | openssl dgst -sha256 -binary | base64
        assert_eq!(hash("abc"), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
        let page = rendered("check", &fixture::run(), false);
        let document = parse(&page);
        let text = |tag: &str| {
            let element = document.descendants().find(|n| n.has_tag_name(tag));
            element.and_then(|n| n.text()).unwrap_or_default()
        };
        for (source, tag) in [("style-src", "style"), ("script-src", "script")] {
            assert!(page.contains(&format!("{source} 'sha256-{}'", hash(text(tag)))));
        }
        assert!(!page.contains("unsafe-inline"));
    }

    #[test]
    fn sections_stand_in_the_order_a_reader_asks() {
        let mut run = fixture::run();
        let now = run.intervals.iter_mut().filter(|i| i.round % 2 == 0);
        for cell in now.flat_map(|i| &mut i.cells) {
            cell.tally
                .failures
                .add(crate::model::ErrorClass::Refused, 1);
        }
        for cell in run.rounds.iter_mut().flat_map(|r| &mut r.cells) {
            cell.tally
                .failures
                .add(crate::model::ErrorClass::Refused, 1);
        }
        let view = View::new(&run, None)
            .followed(fixture::history())
            .profiled(&fixture::profiles());
        let page = html(&view);
        let document = parse(&page);
        let titles = document.descendants().filter(|n| {
            let class = n.parent().and_then(|p| p.attribute("class"));
            n.has_tag_name("h2") || n.has_tag_name("h3") && class != Some("card")
        });
        let titles: Vec<_> = titles.filter_map(|n| n.text()).collect();
        insta::assert_snapshot!(titles.join("\n"));
    }

    #[test]
    fn what_is_pointed_at_has_a_row() {
        let page = followed("followed", &fixture::run());
        let document = parse(&page);
        let mut pointed = 0;
        for figure in document.descendants().filter(|n| n.has_tag_name("figure")) {
            let spans = figure
                .descendants()
                .filter(|n| n.has_attribute("data-span"));
            let places: Vec<f64> = figure
                .descendants()
                .filter_map(|n| n.attribute("data-at")?.parse().ok())
                .collect();
            let is_panel = figure.attribute("class") == Some("step");
            if spans.count() == 0 || is_panel {
                continue;
            }
            pointed += 1;
            let title = figure.descendants().find(|n| n.has_tag_name("h3"));
            let title = title.and_then(|t| t.text());
            assert!(places.len() > 3, "{title:?}");
            assert!(
                places.iter().all(|at| (0.0..=1.0).contains(at)),
                "{title:?}: {places:?}"
            );
            let rows = figure
                .descendants()
                .filter(|n| n.has_tag_name("td"))
                .count();
            assert!(rows >= places.len(), "{title:?}");
        }
        assert!(pointed >= 9, "{pointed} charts can be pointed at");
    }

    #[test]
    fn ten_minutes_of_ten_steps_are_a_small_page() {
        let pages = pages();
        let (_, page) = pages
            .iter()
            .find(|(name, _)| *name == "steps")
            .expect("rendered");
        assert!(page.len() <= 500_000, "{} bytes", page.len());
        let document = parse(page);
        let panels = document
            .descendants()
            .filter(|n| n.attribute("class") == Some("step"));
        assert_eq!(panels.count(), 10);
        let cells = document.descendants().filter(|n| {
            let stroke = n.attribute("stroke").unwrap_or_default();
            n.has_tag_name("path") && stroke.starts_with("var(--heat-")
        });
        assert!(
            cells.count() > 12,
            "a map of both sides, for a page and for a phone"
        );
    }

    #[test]
    fn the_same_run_gives_the_same_bytes() {
        let run = fixture::plain_run();
        assert_eq!(html(&View::new(&run, None)), html(&View::new(&run, None)));
    }
}
