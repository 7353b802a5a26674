//! Two branches that both changed a baseline, merged by git.

use std::path::Path;
use std::process::Command;

use plimsoll::store::Ledger;

use crate::common::{Ended, Workplace};
use crate::runs_made::Made;

const SHOP: &str = "shop";

/// A repository with a baseline of one run, and more runs that repeat it.
struct Repository {
    place: Workplace,
}

impl Repository {
    fn new() -> Self {
        let place = Workplace::new();
        for number in 0..6 {
            Made::of(SHOP, number, 8e6).write(place.path());
        }
        let repository = Self { place };
        repository.accepts("save", 0, "main");
        repository.git(&["init", "--quiet", "--initial-branch", "main"]);
        repository.commit("begin");
        repository
    }

    fn git(&self, args: &[&str]) -> Ended {
        let output = Command::new("git")
            .args(args)
            .current_dir(self.place.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .envs(["AUTHOR", "COMMITTER"].iter().flat_map(|who| {
                [
                    (format!("GIT_{who}_NAME"), "tester"),
                    (format!("GIT_{who}_EMAIL"), "tester@example.org"),
                ]
            }))
            .output();
        Ended::from(output.expect("git is there"))
    }

    fn commit(&self, what: &str) {
        self.git(&["add", "baselines"]).exits(0);
        self.git(&["commit", "--quiet", "-m", what]).exits(0);
    }

    /// Accepts a run with a verb, under a label.
    fn accepts(&self, verb: &str, run: u64, label: &str) {
        let id = Made::of(SHOP, run, 8e6).id();
        let run: &[&str] = if verb == "save" {
            &["--run", &id]
        } else {
            &[&id]
        };
        let why = ["--reason", label, "--label", label];
        let args = [&["baseline", verb, SHOP], run, &why].concat();
        self.place.run(&args).exits(0);
    }

    /// Does something on a branch of its own, from where main began.
    fn on_branch(&self, name: &str, work: impl Fn(&Self)) {
        self.git(&["checkout", "--quiet", "-b", name, "main"])
            .exits(0);
        work(self);
        self.commit(name);
    }

    /// Merges the second into the first. HEAD.json may conflict and is derived, so that any of the two
    /// will do.
    fn merge(&self, first: &str, second: &str) {
        self.git(&["checkout", "--quiet", first]).exits(0);
        let merged = self.git(&["merge", "--quiet", "-m", "merge", second]);
        let unmerged = self.git(&["diff", "--name-only", "--diff-filter=U"]).stdout;
        assert!(
            merged.code == Some(0) || unmerged == "baselines/shop/HEAD.json\n",
            "{unmerged}"
        );
        self.commit("merge");
    }

    fn fold(&self, more: &[&str]) -> Ended {
        let why = [
            "baseline",
            "fold",
            SHOP,
            "--reason",
            "both measured the release",
        ];
        self.place.run(&[&why, more].concat())
    }

    /// Labels of what is current, and its revision.
    fn current(&self) -> (u64, Vec<String>) {
        let now = ledger(self.place.path())
            .load()
            .expect("loads")
            .expect("is there");
        let labels = now
            .members
            .iter()
            .map(|(_, a)| a.label.clone().unwrap_or_default());
        (now.revision, labels.collect())
    }

    fn is_in_order(&self) {
        self.place.run(&["baseline", "verify"]).exits(0);
        assert_eq!(ledger(self.place.path()).ends().expect("reads").len(), 1);
        let again = self.fold(&[]).exits(0);
        assert!(again.stdout.contains("nothing to fold"), "{}", again.stdout);
    }
}

fn ledger(root: &Path) -> Ledger {
    Ledger::new(root, SHOP).expect("a good name")
}

fn has_git() -> bool {
    let there = Command::new("git").arg("--version").output().is_ok();
    if !there {
        println!("skipped: git is missing");
    }
    there
}

#[test]
fn branches_that_both_promoted_are_folded_into_one_baseline() {
    if !has_git() {
        return;
    }
    let repository = Repository::new();
    repository.on_branch("left", |r| r.accepts("promote", 1, "left"));
    repository.on_branch("right", |r| {
        r.accepts("promote", 2, "right");
        r.accepts("promote", 3, "right2");
    });
    repository.merge("left", "right");
    let (revision, current) = repository.current();
    assert_eq!(
        (revision, current.len()),
        (4, 4),
        "all are current: {current:?}"
    );
    let shown = repository.place.run(&["baseline", "show", SHOP]).exits(0);
    assert!(
        shown.stderr.contains("baseline fold shop"),
        "{}",
        shown.stderr
    );

    let stale = repository.fold(&["--expect-revision", "3"]).exits(2);
    assert!(stale.stderr.contains("PL0207"), "{}", stale.stderr);
    let folded = repository.fold(&["--by", "a merger"]).exits(0);
    assert!(
        folded.stdout.contains("revision 5: 2 branches folded"),
        "{}",
        folded.stdout
    );
    assert!(folded.stdout.contains("4 rounds"), "{}", folded.stdout);
    let (revision, current) = repository.current();
    assert_eq!((revision, current.len()), (5, 4));
    let history = ledger(repository.place.path()).history().expect("reads");
    let last = &history.last().expect("one").1;
    assert_eq!(last.parents.len(), 4, "it follows all that were current");
    assert_eq!(last.keeps.len(), 3);
    assert_eq!(
        (last.reason.as_str(), last.accepted_by.as_str()),
        ("both measured the release", "a merger")
    );
    repository.is_in_order();
    println!(
        "A3: 2 branches that promoted 1 and 2 runs, merged by git, are one baseline of 4 acceptances"
    );
}

#[test]
fn a_run_that_both_branches_accepted_counts_once() {
    if !has_git() {
        return;
    }
    let repository = Repository::new();
    repository.on_branch("left", |r| r.accepts("promote", 1, "left"));
    repository.on_branch("right", |r| r.accepts("promote", 1, "right"));
    repository.merge("left", "right");
    assert_eq!(
        repository.current().1.len(),
        3,
        "the rounds of a run are there twice"
    );
    let folded = repository.fold(&[]).exits(0);
    assert!(folded.stderr.contains("counts once"), "{}", folded.stderr);
    assert!(folded.stdout.contains("2 rounds"), "{}", folded.stdout);
    assert_eq!(repository.current().1.len(), 2);
    repository.is_in_order();
}

#[test]
fn branches_that_are_no_repetitions_of_each_other_are_refused_until_one_is_chosen() {
    if !has_git() {
        return;
    }
    let repository = Repository::new();
    let other = Made {
        plan_hash: "other".into(),
        ..Made::of(SHOP, 9, 8e6)
    };
    other.write(repository.place.path());
    repository.on_branch("left", |r| r.accepts("promote", 1, "left"));
    repository.on_branch("right", |r| {
        let save = [
            "baseline",
            "save",
            SHOP,
            "--run",
            &other.id(),
            "--reason",
            "anew",
            "--label",
            "right",
        ];
        r.place.run(&save).exits(0);
    });
    repository.merge("left", "right");
    let before = repository.current();
    let refused = repository.fold(&[]).exits(4);
    assert!(refused.stderr.contains("PL0226"), "{}", refused.stderr);
    assert!(refused.stderr.contains("(right)"), "{}", refused.stderr);
    let unknown = repository.fold(&["--only", "main"]).exits(4);
    assert!(
        unknown.stderr.contains("names no end"),
        "{}",
        unknown.stderr
    );
    assert_eq!(repository.current(), before, "nothing has changed");
    repository.fold(&["--only", "right"]).exits(0);
    assert_eq!(repository.current().1, ["right"]);
    repository.is_in_order();
}
