//! Killed at any moment: what was acknowledged is there, the rest is as before or as after.

use super::ledger_state::{Seen, Verb};
use super::record::{self, Fate, Logged};
use super::strace::{self, Blow, Point};
use crate::common::{Manner, Server, Workplace};

/// A run of ten intervals, of which each is a round of its own.
const ROUNDS: &[&str] = &["--rate", "50/s", "--for", "60ms", "--rounds", "10"];

/// A run of ten intervals of a second.
const SECONDS: &[&str] = &["--rate", "20/s", "--for", "10s"];

/// Kills a run at so many calls of each name, and looks at what is left. Returns how many of the
/// images were partial.
fn kill_a_run(how: &[&str], most: usize, promise: &str) -> usize {
    let run = |point: Option<Point>| {
        let (place, server) = (Workplace::new(), Server::start(Manner::Prompt));
        let url = server.url();
        let traced = strace::trace(&place, &[&["run", &url], how].concat(), point);
        (place, server, traced)
    };
    let (place, server, whole) = run(None);
    let logged = Logged::of(&whole.calls);
    let ended = record::is_what_was_written(&place, &logged, &server, "not killed");
    assert_eq!(ended.0, Fate::Complete);
    assert!(ended.1 >= 10, "{ended:?}");
    let points = strace::points(&whole.calls, Blow::Kill, most);
    let images = strace::at_once(&points, |point| {
        let what = format!("{point:?}");
        let (place, server, traced) = run(Some(*point));
        let logged = Logged::of(&traced.calls);
        let (fate, intervals) = record::is_what_was_written(&place, &logged, &server, &what);
        if fate == Fate::Partial {
            record::is_shown_and_never_passes(&place, &what);
        }
        // Fewer samples may have been taken this time, and the point not be reached.
        let killed = traced.ended.code.is_none();
        assert!(
            killed || fate == Fate::Complete,
            "{what}: {:?}",
            traced.ended
        );
        (killed, fate, intervals, logged.synced.intervals)
    });
    let killed = images.iter().filter(|i| i.0).count();
    let partial = images.iter().filter(|i| i.1 == Fate::Partial).count();
    let acknowledged: usize = images.iter().map(|i| i.3).sum();
    println!(
        "{promise}: killed at {killed} of {} calls of a run, 0 of {acknowledged} acknowledged intervals lost, 0 of {partial} partial runs passed",
        points.len()
    );
    assert!(
        killed * 4 >= points.len() * 3,
        "{killed} of {}",
        points.len()
    );
    partial
}

#[test]
fn a_killed_run_keeps_what_it_acknowledged_and_never_passes() {
    if strace::is_possible() {
        let partial = kill_a_run(ROUNDS, 4, "A1, A2");
        assert!(partial > 0);
    }
}

#[test]
#[ignore = "minutes: just promises-long"]
fn a_killed_run_keeps_what_it_acknowledged_and_never_passes_at_every_call() {
    if strace::is_possible() {
        let partial = kill_a_run(ROUNDS, usize::MAX, "A1, A2 (rounds)");
        assert!(partial > 10);
        let partial = kill_a_run(SECONDS, usize::MAX, "A1, A2 (seconds)");
        assert!(partial > 10);
    }
}

#[test]
fn a_run_without_its_seal_never_passes() {
    if !strace::is_possible() {
        return;
    }
    let (place, server) = (Workplace::new(), Server::start(Manner::Prompt));
    let url = server.url();
    // The last sync of a log is that of its seal.
    let point = Point {
        call: "fdatasync",
        number: 3,
        blow: Blow::Kill,
    };
    let args = [
        "run", &url, "--rate", "50/s", "--for", "60ms", "--rounds", "3",
    ];
    let traced = strace::trace(&place, &args, Some(point));
    assert_eq!(traced.ended.code, None);
    record::is_shown_and_never_passes(&place, "two rounds of three");
}

/// Kills what changes a ledger at so many calls of each name. Returns at how many.
fn kill_a_change(verb: Verb, most: usize) -> usize {
    let before = Verb::place();
    let old = Seen::of(&before);
    let after = strace::copy_of(&before);
    let whole = strace::trace(&after, &verb.args(), None);
    assert_eq!(whole.ended.code, Some(0), "{:?}", whole.ended);
    let new = Seen::of(&after);
    assert_ne!(old, new, "{verb:?} changes nothing");
    let points = strace::points(&whole.calls, Blow::Kill, most);
    let killed = strace::at_once(&points, |point| {
        let what = format!("{verb:?} {point:?}");
        let place = strace::copy_of(&before);
        let traced = strace::trace(&place, &verb.args(), Some(*point));
        let seen = Seen::of(&place);
        assert!(
            seen == old || seen == new,
            "{what}: a third state: {seen:?}"
        );
        let told = verb.told(&traced.ended.stdout);
        assert!(!told || seen == new, "{what}: told and not there");
        // Who comes next finds the lock free, and finishes what was begun.
        let again = place.run(&verb.args());
        let expected = if seen == new { verb.again() } else { 0 };
        assert_eq!(again.code, Some(expected), "{what}: {}", again.stderr);
        Verb::is_in_order(&place, &what);
        traced.ended.code.is_none()
    });
    killed.iter().filter(|k| **k).count()
}

fn kill_changes(most: usize) {
    if !strace::is_possible() {
        return;
    }
    for verb in Verb::ALL {
        let killed = kill_a_change(*verb, most);
        println!("A1: {verb:?} killed at {killed} calls: the state before or after each time");
        assert!(killed >= 4, "{verb:?}: {killed}");
    }
}

#[test]
fn a_killed_change_of_a_baseline_is_there_or_not() {
    kill_changes(3);
}

#[test]
#[ignore = "minutes: just promises-long"]
fn a_killed_change_of_a_baseline_is_there_or_not_at_every_call() {
    kill_changes(usize::MAX);
}

#[test]
fn what_a_killed_promotion_left_half_written_is_gone_after_the_next() {
    if !strace::is_possible() {
        return;
    }
    let place = Verb::place();
    let point = Point {
        call: "renameat",
        number: 1,
        blow: Blow::Kill,
    };
    let traced = strace::trace(&place, &Verb::Promote.args(), Some(point));
    assert_eq!(traced.ended.code, None);
    assert_eq!(super::temporary(place.path()).len(), 1, "killed in between");
    place.run(&Verb::Promote.args()).exits(0);
    assert_eq!(super::temporary(place.path()), [""; 0]);
}
