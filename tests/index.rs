//! `plimsoll report --index` over stored runs: what a reader finds in the page, and where its links lead.

mod common;
#[path = "common/history.rs"]
mod runs_made;

use std::fs;
use std::path::Path;

use common::Workplace;
use runs_made::{Ending, Made, scatter};

/// Twelve runs of a scenario, slower by a tenth from the middle on, and what may lie beside them.
fn seeded() -> Workplace {
    let place = Workplace::new();
    for number in 0..24 {
        let level = if number < 12 { 8e6 } else { 8.8e6 };
        Made::of("checkout", number, level * scatter(number)).write(place.path());
    }
    let other = Made::of("search", 30, 3e6);
    for (number, ending) in [(31, Ending::Interrupted), (32, Ending::Killed)] {
        Made {
            number,
            ending,
            ..other.clone()
        }
        .write(place.path());
    }
    other.write(place.path());
    place.write("reports/bundles/bundle-x.tar.gz", "no run");
    place
}

fn page(path: &Path) -> String {
    fs::read_to_string(path).expect("a page")
}

/// The addresses of a page that lead out of it.
fn links(page: &str) -> Vec<&str> {
    let hrefs = page.split("href=\"").skip(1);
    let hrefs = hrefs.filter_map(|rest| rest.split('"').next());
    hrefs
        .filter(|h| !h.starts_with('#') && *h != "data:,")
        .collect()
}

#[test]
fn the_list_stands_beside_the_runs_and_each_link_leads_to_a_report() {
    let place = seeded();
    let ended = place.run(&["report", "--index"]).exits(0);
    assert_eq!(ended.stdout, "reports/index.html\n");
    assert!(ended.stderr.contains("plimsoll serve"), "{}", ended.stderr);
    let list = page(&place.path().join("reports/index.html"));
    let links = links(&list);
    assert_eq!(links.len(), 27, "{links:?}");
    for link in &links {
        let report = page(&place.path().join("reports").join(link));
        assert!(report.contains("<title>"), "{link}");
    }
    let order: Vec<usize> = ["id=\"s-search\"", "id=\"s-checkout\""]
        .iter()
        .map(|at| list.find(at).expect("its scenario"))
        .collect();
    assert!(order[0] < order[1], "the one that was run last comes first");
    assert!(!list.contains("bundles"));
    for told in [
        "<b>27 runs</b> of 2 scenarios",
        "! partial",
        "✔ measured",
        // The scenario limits this one, so no other is followed.
        "latency.p95",
        "confirmed.",
        "left out: 1 run, interrupted",
    ] {
        assert!(list.contains(told), "{told}\n{list}");
    }
    assert!(!list.contains("latency.p50</h3>"));
    let again = place.run(&["report", "--index"]).exits(0);
    assert_eq!(again.stdout, ended.stdout);
    assert_eq!(page(&place.path().join("reports/index.html")), list);
}

#[test]
fn elsewhere_its_links_lead_back() {
    let place = seeded();
    place.write("pages/keep", "");
    let file = "pages/all/runs.html";
    let ended = place.run(&["report", "--index", "-o", file]).exits(0);
    assert_eq!(ended.stdout, format!("{file}\n"));
    let list = page(&place.path().join(file));
    for link in links(&list) {
        let target = place.path().join("pages/all").join(link);
        assert!(
            link.starts_with("../../reports/") && target.is_file(),
            "{link}"
        );
    }
    assert!(!place.path().join("reports/index.html").exists());
}

#[test]
fn a_run_that_cannot_be_read_is_listed_and_keeps_no_other_out() {
    let place = seeded();
    let broken = Made::of("checkout", 5, 0.0).folder(place.path());
    let mut log = fs::read(broken.join("run.plog")).expect("a log");
    log[60] ^= 1;
    fs::write(broken.join("run.plog"), log).expect("damages");
    place.run(&["report", "--index"]).exits(0);
    let list = page(&place.path().join("reports/index.html"));
    assert!(list.contains("! unreadable"), "{list}");
    assert!(list.contains("its record cannot be read"));
    assert_eq!(links(&list).len(), 26);
}

#[test]
fn without_a_run_the_page_says_how_to_begin() {
    let place = Workplace::new();
    place.run(&["report", "--index"]).exits(0);
    let list = page(&place.path().join("reports/index.html"));
    assert!(list.contains("No run is stored"));
    assert_eq!(links(&list), [""; 0]);
}

#[test]
fn what_is_no_page_is_refused() {
    let place = seeded();
    for args in [
        &["report", "--index", "-o", "runs.json"][..],
        &["report", "--index", "-o", "a.html", "-o", "b.html"],
        &["report", "--index", "-o", "html:-"],
    ] {
        let ended = place.run(args).exits(2);
        assert!(ended.stderr.contains("PL0501"), "{}", ended.stderr);
        assert!(ended.stderr.contains("-o index.html"), "{}", ended.stderr);
    }
    place.run(&["report", "--index", "last"]).exits(2);
    place.run(&["report", "--index", "--json"]).exits(2);
}
