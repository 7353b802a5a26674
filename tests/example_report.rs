//! The committed example is what the program makes of the committed record, to the byte.

mod common;

use std::path::Path;

use common::Workplace;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/reports/example");

#[test]
fn the_example_report_is_regenerated_from_its_record() {
    let place = Workplace::new();
    place
        .run(&["report", EXAMPLE, "-o", "report.html"])
        .exits(0);
    let rendered = std::fs::read_to_string(place.path().join("report.html")).expect("rendered");
    let committed = Path::new(EXAMPLE).join("report.html");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&committed, &rendered).expect("the example is written");
    }
    let committed = std::fs::read_to_string(committed).unwrap_or_default();
    assert!(
        rendered == committed,
        "reports/example/report.html is out of date: UPDATE_GOLDEN=1 cargo test --test example_report"
    );
}

#[test]
fn the_example_says_what_the_demo_promises() {
    let place = Workplace::new();
    let json = place.run(&["report", EXAMPLE, "--json"]).exits(0).json();
    assert_eq!(json["verdict"]["word"], "regressed", "{json:#}");
    assert_eq!(json["moved"][0]["step"], "pay", "{json:#}");
}
