//! The verbs that change a baseline, and what is seen of it before and after.

use plimsoll::store::{Ledger, levels};

use crate::common::Workplace;
use crate::runs_made::Made;

const SHOP: &str = "shop";

/// Runs that are there, each a repetition of the first.
const RUNS: u64 = 12;

/// A verb that changes a baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Save,
    Promote,
    Prune,
    AcceptLevel,
}

impl Verb {
    pub(super) const ALL: &[Self] = &[Self::Save, Self::Promote, Self::Prune, Self::AcceptLevel];

    /// A place in which each changes something.
    pub(super) fn place() -> Workplace {
        let place = Workplace::new();
        for number in 0..RUNS {
            Made::of(SHOP, number, 8e6).write(place.path());
        }
        for number in 0..3 {
            let run = id(number);
            let save = ["baseline", "save", SHOP, "--run", &run, "--reason", "begin"];
            place.run(&save).exits(0);
        }
        place
    }

    pub(super) fn args(self) -> Vec<&'static str> {
        match self {
            Self::Save => vec!["baseline", "save", SHOP, "--reason", "anew"],
            Self::Promote => vec!["baseline", "promote", SHOP, "--reason", "one more"],
            Self::Prune => vec!["baseline", "prune", SHOP, "--keep", "1", "--apply"],
            Self::AcceptLevel => {
                let metric = ["--metric", "latency.p95"];
                [
                    &["history", "accept", SHOP, "--reason", "right"],
                    &metric[..],
                ]
                .concat()
            }
        }
    }

    /// Whether it said that it is done.
    pub(super) fn told(self, stdout: &str) -> bool {
        stdout.contains(match self {
            Self::AcceptLevel => "accepted the level",
            _ => "is now revision",
        })
    }

    /// How it exits when it was done already.
    pub(super) fn again(self) -> i32 {
        match self {
            // Its rounds are accepted already.
            Self::Promote => 4,
            _ => 0,
        }
    }

    /// Requires that nothing is left half done once it was done again.
    #[track_caller]
    pub(super) fn is_in_order(place: &Workplace, what: &str) {
        let ledger = ledger(place);
        ledger.repair().expect("mends");
        let faults = ledger.verify().expect("reads").faults;
        assert!(faults.is_empty(), "{what}: {faults:?}");
        let left = super::temporary(&place.path().join("baselines"));
        assert_eq!(left, [""; 0], "{what}: half written");
    }
}

fn id(number: u64) -> String {
    Made::of(SHOP, number, 8e6).id()
}

fn ledger(place: &Workplace) -> Ledger {
    Ledger::new(place.path(), SHOP).expect("a good name")
}

/// What can be seen of a baseline, without what differs each time: hashes and the time of day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    revision: u64,
    /// Run and reason.
    current: Vec<(String, String)>,
    ever: Vec<(String, String)>,
    levels: Vec<String>,
}

impl Seen {
    /// Panics when it cannot be read.
    #[track_caller]
    pub(super) fn of(place: &Workplace) -> Self {
        let ledger = ledger(place);
        let now = ledger.load().expect("loads").expect("is there");
        let told =
            |(_, a): &(String, plimsoll::model::Acceptance)| (a.run.clone(), a.reason.clone());
        let levels = levels::accepted(place.path(), SHOP).expect("reads");
        Self {
            revision: now.revision,
            current: now.members.iter().map(told).collect(),
            ever: ledger.history().expect("reads").iter().map(told).collect(),
            levels: levels.into_iter().map(|(_, l)| l.reason).collect(),
        }
    }
}
