//! Takes each protection away and asks that the test of its promise fails.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use plimsoll::mutant::Mutant;

/// What each file of promises says it would notice: a protection, and the test that fails without.
const KILLS: &[&[(Mutant, &str)]] = &[
    crate::budgets::KILLS,
    crate::crash::KILLS,
    crate::decode::KILLS,
    crate::hostile::KILLS,
    crate::hosts::KILLS,
    crate::ledger::KILLS,
    crate::limits::KILLS,
    crate::plan::KILLS,
    crate::policy::KILLS,
    crate::secrets::KILLS,
    crate::serve::KILLS,
    crate::signals::KILLS,
    crate::sinks::KILLS,
    crate::surface::KILLS,
    crate::suspect::KILLS,
    crate::verdict::KILLS,
];

#[test]
fn every_protection_is_missed_when_it_is_gone() {
    let kills = || KILLS.iter().copied().flatten();
    let noticed: BTreeSet<&str> = kills().map(|(mutant, _)| mutant.name()).collect();
    let all: BTreeSet<&str> = Mutant::ALL.iter().map(|mutant| mutant.name()).collect();
    assert_eq!(noticed, all, "a mutant without a test, or named twice");

    // A test that fails of itself would notice everything.
    let tests: BTreeSet<&str> = kills().map(|(_, test)| *test).collect();
    let broken: Vec<_> = tests.into_iter().filter(|t| !passes(t, None)).collect();
    assert!(broken.is_empty(), "fail with every protection: {broken:?}");
    let survivors: Vec<_> = kills()
        .filter(|(mutant, test)| passes(test, Some(*mutant)))
        .collect();
    assert!(survivors.is_empty(), "nobody noticed: {survivors:?}");
}

/// Whether this test of this file's executable passes, without one protection.
fn passes(test: &str, without: Option<Mutant>) -> bool {
    let mut command = Command::new(std::env::current_exe().expect("a path"));
    command.args([test, "--exact", "--include-ignored"]);
    if let Some(mutant) = without {
        command.env("PLIMSOLL_MUTANT", mutant.name());
    }
    let output = command.stdin(Stdio::null()).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("running 1 test"), "no test `{test}`");
    output.status.success()
}
