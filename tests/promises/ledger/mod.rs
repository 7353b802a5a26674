//! No baseline update is lost, however many update at once.

#![expect(clippy::print_stdout, reason = "a promise prints its figures")]

mod branches;
mod processes;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::thread;

use plimsoll::model::Acceptance;
use plimsoll::mutant::Mutant;
use plimsoll::store::{Expect, Ledger};

use crate::common::Workplace;
use crate::runs_made::Made;

#[cfg_attr(
    not(feature = "mutants"),
    expect(dead_code, reason = "read by mutants")
)]
pub(crate) const KILLS: &[(Mutant, &str)] = &[
    (
        Mutant::LedgerWithoutCompare,
        "ledger::who_has_seen_an_older_revision_is_told",
    ),
    (
        Mutant::LedgerWithoutLock,
        "ledger::who_promotes_at_once_with_others_is_in_the_ledger_once",
    ),
];

/// An acceptance as a ledger of the first schema holds it.
fn acceptance() -> Acceptance {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/store/v1/baselines/checkout");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the golden ledger")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| !path.ends_with("HEAD.json"))
        .collect();
    files.sort();
    let text = std::fs::read_to_string(&files[0]).expect("a file");
    serde_json::from_str(&text).expect("an acceptance")
}

#[test]
fn who_has_seen_an_older_revision_is_told() {
    let place = Workplace::new();
    for number in 0..3 {
        Made::of("shop", number, 8e6).write(place.path());
    }
    let run = |number| Made::of("shop", number, 8e6).id();
    let save = [
        "baseline",
        "save",
        "shop",
        "--run",
        &run(0),
        "--reason",
        "begin",
    ];
    place.run(&save).exits(0);
    let promote = |number: u64, revision: &str| {
        let expect = ["--reason", "more", "--expect-revision", revision];
        place.run(&[&["baseline", "promote", "shop", &run(number)], &expect[..]].concat())
    };
    promote(1, "1").exits(0);
    let late = promote(2, "1").exits(2);
    assert!(late.stderr.contains("PL0207"), "{}", late.stderr);
    let ledger = Ledger::new(place.path(), "shop").expect("a good name");
    assert_eq!(ledger.load().expect("loads").expect("is there").revision, 2);
}

#[test]
fn who_promotes_at_once_with_others_is_in_the_ledger_once() {
    const AT_ONCE: usize = 8;
    const EACH: usize = 10;
    let root = tempfile::tempdir().expect("a folder");
    let like = acceptance();
    let promote = |who: usize| {
        let ledger = Ledger::new(root.path(), "checkout").expect("a good name");
        for turn in 0..EACH {
            let mut acceptance = like.clone();
            acceptance.reason = format!("{who}.{turn}");
            ledger
                .promote(acceptance, Expect::Any)
                .expect("is accepted");
        }
    };
    thread::scope(|scope| {
        for who in 0..AT_ONCE {
            let promote = &promote;
            scope.spawn(move || promote(who));
        }
    });
    let ledger = Ledger::new(root.path(), "checkout").expect("a good name");
    let now = ledger.load().expect("loads").expect("is there");
    let reasons: BTreeSet<_> = now.members.iter().map(|(_, a)| a.reason.clone()).collect();
    assert_eq!((now.revision, reasons.len()), (80, AT_ONCE * EACH));
}
