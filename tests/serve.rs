//! `plimsoll serve` over stored runs and over one that is being measured by another process.

mod common;
#[path = "common/history.rs"]
mod runs_made;
#[path = "common/served.rs"]
mod served;

use std::process::Stdio;

use common::{Manner, Server, Workplace, eventually};
use runs_made::{Made, write_many};
use served::{Running, Served};

#[test]
fn the_list_and_each_report_are_made_when_they_are_asked_for() {
    let place = Workplace::new();
    write_many(place.path(), "checkout", 12);
    let served = Served::start(&place);
    let list = served.gets("");
    assert_eq!(list.status, 200);
    assert_eq!(served.gets("index.html").body, list.body);
    let links: Vec<&str> = list
        .body
        .split("href=\"checkout/")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect();
    assert_eq!(links.len(), 12);
    for link in [links[0], links[11]] {
        let report = served.gets(&format!("checkout/{link}"));
        assert!(report.body.contains("performance report"), "{link}");
        assert!(report.body.contains("<a href=\"../../\">All runs</a>"));
    }
    let newest = Made::of("checkout", 11, 8e6).folder(place.path());
    assert!(
        !newest.join("report.html").exists(),
        "nothing is written for it"
    );
}

#[test]
fn the_list_is_sent_again_when_there_is_another_run() {
    let place = Workplace::new();
    write_many(place.path(), "checkout", 2);
    let served = Served::start(&place);
    let state = |answered: &served::Answered| {
        let rest = answered.head.split("etag: ").nth(1).expect("a state");
        rest.split("\r\n").next().expect("a line").to_owned()
    };
    let before = state(&served.gets(""));
    let known = format!("if-none-match: {before}\r\n");
    assert_eq!(served.asks("GET", &served.path, &known).status, 304);
    Made::of("checkout", 7, 8e6).write(place.path());
    let after = served.asks("GET", &served.path, &known);
    assert_eq!(after.status, 200);
    assert_ne!(state(&after), before);
    assert!(after.body.contains("<b>3 runs</b>"), "{}", after.body);
}

#[test]
fn a_run_is_seen_growing_and_then_its_report_stands_in_its_place() {
    let place = Workplace::new();
    let target = Server::start(Manner::Prompt);
    let served = Served::start(&place);
    let mut command = place.command(&["run", &target.url(), "--rate", "50/s", "--for", "600s"]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut running = Running(command.spawn().expect("it starts"));

    // The list has it, and says that it runs.
    let mut link = String::new();
    eventually("the run stands in the list", || {
        let list = served.gets("").body;
        let href = list.split("href=\"").find(|rest| {
            rest.split('"')
                .next()
                .is_some_and(|h| h.ends_with("/report.html"))
        });
        link = href
            .and_then(|rest| rest.split('"').next())
            .unwrap_or_default()
            .to_owned();
        list.contains("Running now") && !link.is_empty()
    });

    // Its page grows, second by second, and has charts.
    let mut states = Vec::new();
    eventually("its page grows", || {
        let page = served.gets(&link);
        assert_eq!(page.status, 200, "{page:?}");
        assert!(page.body.contains("a run in progress"));
        let state = page
            .head
            .split("etag: ")
            .nth(1)
            .map(|rest| rest.split("\r\n").next().unwrap_or_default().to_owned());
        if states.last() != state.as_ref() {
            states.extend(state);
        }
        states.len() >= 4 && page.body.contains("id=\"latency-time-wide-t\"")
    });
    let known = |state: &str| format!("if-none-match: {state}\r\n");
    let path = format!("{}{link}", served.path);
    let old = served.asks("GET", &path, &known(&states[0]));
    assert_eq!(old.status, 200, "what was seen is not what there is");

    // When it is over, the same address has the report.
    let pid = rustix::process::Pid::from_child(&running.0);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("a signal");
    running.0.wait().expect("it ends");
    let report = served.gets(&link);
    assert!(
        report.body.contains("performance report"),
        "{}",
        report.body
    );
    assert!(report.body.contains("partial"));
    assert!(!served.gets("").body.contains("Running now"));
}
