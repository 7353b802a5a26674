//! The ledger under concurrency, crashes, damage and merges by git.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::files::HEAD;
use super::*;
use crate::model::{Acceptance, Pruning};
use crate::store::StoreError;
use crate::store::sample;

fn empty() -> (tempfile::TempDir, Ledger) {
    let root = tempfile::tempdir().expect("a folder");
    let ledger = Ledger::new(root.path(), "checkout").expect("a good name");
    (root, ledger)
}

fn save(ledger: &Ledger, reason: &str, expect: Expect) -> Result<Saved, StoreError> {
    ledger.save(sample::acceptance(reason), expect)
}

fn current(ledger: &Ledger) -> (u64, Vec<String>) {
    let baseline = ledger.load().expect("loads").expect("is there");
    let reasons = baseline.members.into_iter().map(|(_, a)| a.reason);
    (baseline.revision, reasons.collect())
}

#[test]
fn a_save_follows_the_one_before_and_history_keeps_both() {
    let (root, ledger) = empty();
    assert_eq!(ledger.load().expect("loads"), None);
    assert!(ledger.history().expect("reads").is_empty());
    let first = save(&ledger, "first", Expect::Revision(0)).expect("saves");
    let second = save(&ledger, "second", Expect::Any).expect("saves");
    assert_eq!((first.revision, second.revision), (1, 2));
    assert_eq!(current(&ledger), (2, vec!["second".into()]));
    let history = ledger.history().expect("reads");
    assert_eq!(history[0].0, first.hash);
    assert_eq!(history[1].1.parents, [first.hash]);
    assert_eq!(history[1].1.rounds, [sample::round(0)]);
    let listed = Ledger::list(root.path()).expect("lists");
    assert_eq!(listed, [ledger.load().expect("loads").expect("is there")]);
}

#[test]
fn who_saw_an_old_revision_is_told_and_changes_nothing() {
    let (_root, ledger) = empty();
    save(&ledger, "first", Expect::Revision(0)).expect("saves");
    let error = save(&ledger, "late", Expect::Revision(0)).expect_err("a conflict");
    assert!(matches!(
        error,
        StoreError::Conflict {
            expected: 0,
            found: 1,
            ..
        }
    ));
    assert_eq!(error.diagnostic().code.id, "PL0207");
    assert_eq!(current(&ledger), (1, vec!["first".into()]));
    assert_eq!(ledger.history().expect("reads").len(), 1);
}

#[test]
fn of_many_saves_at_once_each_is_recorded_or_told_conflict() {
    const WRITERS: u64 = 6;
    const SAVES: u64 = 15;
    let (_root, ledger) = empty();
    let mut saved = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|w| {
                let ledger = &ledger;
                scope.spawn(move || {
                    let mut saved = Vec::new();
                    for i in 0..SAVES {
                        let reason = format!("{w}-{i}");
                        let expect = if w % 2 == 0 {
                            Expect::Any
                        } else {
                            let seen = ledger.load().expect("loads");
                            Expect::Revision(seen.map_or(0, |b| b.revision))
                        };
                        match save(ledger, &reason, expect) {
                            Ok(s) => saved.push((s.revision, s.hash, reason)),
                            Err(StoreError::Conflict { .. }) => {
                                assert_ne!(expect, Expect::Any);
                            }
                            Err(other) => panic!("{other}"),
                        }
                    }
                    saved
                })
            })
            .collect();
        writers
            .into_iter()
            .flat_map(|w| w.join().expect("no panic"))
            .collect::<Vec<_>>()
    });
    saved.sort();
    let revisions: Vec<_> = saved.iter().map(|s| s.0).collect();
    assert_eq!(revisions, (1..=saved.len() as u64).collect::<Vec<_>>());
    assert!(saved.len() as u64 >= SAVES * WRITERS / 2);
    let history: BTreeSet<_> = ledger
        .history()
        .expect("reads")
        .into_iter()
        .map(|(hash, a)| (hash, a.reason))
        .collect();
    let told: BTreeSet<_> = saved.iter().map(|s| (s.1.clone(), s.2.clone())).collect();
    assert_eq!(history, told);
    let last = saved.last().expect("some").clone();
    assert_eq!(current(&ledger), (last.0, vec![last.2]));
}

#[test]
fn a_lost_or_broken_head_is_worked_out_from_the_files() {
    let (_root, ledger) = empty();
    for reason in ["first", "second", "third"] {
        save(&ledger, reason, Expect::Any).expect("saves");
    }
    let head = ledger.folder.dir.join(HEAD);
    fs::remove_file(&head).expect("removes");
    assert_eq!(current(&ledger), (3, vec!["third".into()]));
    fs::write(&head, "<<<<<<< ours\n{").expect("writes");
    assert_eq!(current(&ledger), (3, vec!["third".into()]));
    let saved = save(&ledger, "fourth", Expect::Revision(3)).expect("saves");
    assert_eq!(saved.revision, 4);
    assert_eq!(
        ledger
            .folder
            .stored_head()
            .expect("reads")
            .expect("valid")
            .revision,
        4
    );
}

#[test]
fn a_save_cut_off_before_the_head_is_complete() {
    let (_root, ledger) = empty();
    save(&ledger, "first", Expect::Any).expect("saves");
    let head = fs::read(ledger.folder.dir.join(HEAD)).expect("reads");
    save(&ledger, "second", Expect::Any).expect("saves");
    fs::write(ledger.folder.dir.join(HEAD), head).expect("writes");
    assert_eq!(current(&ledger), (2, vec!["second".into()]));
    let error = save(&ledger, "late", Expect::Revision(1)).expect_err("a conflict");
    assert!(matches!(error, StoreError::Conflict { found: 2, .. }));
}

#[test]
fn what_a_killed_save_left_half_written_is_swept_away() {
    let (_root, ledger) = empty();
    save(&ledger, "first", Expect::Any).expect("saves");
    let left = ledger.folder.dir.join(".write-a1b2c3.tmp");
    fs::write(&left, "{").expect("writes");
    assert_eq!(current(&ledger), (1, vec!["first".into()]));
    save(&ledger, "second", Expect::Revision(1)).expect("saves");
    assert!(!left.exists());
}

#[test]
fn two_branches_that_git_merged_are_both_current() {
    let (_root, ours) = empty();
    save(&ours, "common", Expect::Any).expect("saves");
    let (_root, theirs) = empty();
    save(&theirs, "common", Expect::Any).expect("saves");
    save(&ours, "ours", Expect::Any).expect("saves");
    let saved = save(&theirs, "theirs", Expect::Any).expect("saves");
    fs::copy(
        theirs.folder.path_of(&saved.hash),
        ours.folder.path_of(&saved.hash),
    )
    .expect("copies");
    let (revision, mut reasons) = current(&ours);
    reasons.sort();
    assert_eq!(
        (revision, reasons),
        (3, vec!["ours".into(), "theirs".into()])
    );
    save(&ours, "joined", Expect::Revision(3)).expect("saves");
    assert_eq!(current(&ours), (4, vec!["joined".into()]));
    assert_eq!(ours.history().expect("reads")[3].1.parents.len(), 2);
}

#[test]
fn a_missing_acceptance_is_never_replaced_by_an_older_one() {
    let (_root, ledger) = empty();
    let first = save(&ledger, "first", Expect::Any).expect("saves");
    let second = save(&ledger, "second", Expect::Any).expect("saves");
    fs::remove_file(ledger.folder.path_of(&second.hash)).expect("removes");
    let error = ledger.load().expect_err("missing");
    assert!(
        error
            .to_string()
            .ends_with("HEAD.json counts 2 acceptances, and 1 are there")
    );
    save(&ledger, "third", Expect::Any).expect_err("missing");

    let (_root, ledger) = empty();
    save(&ledger, "first", Expect::Any).expect("saves");
    save(&ledger, "second", Expect::Any).expect("saves");
    fs::remove_file(ledger.folder.path_of(&first.hash)).expect("removes");
    fs::remove_file(ledger.folder.dir.join(HEAD)).expect("removes");
    let error = ledger.load().expect_err("missing");
    assert!(matches!(error, StoreError::Missing { .. }), "{error}");
}

#[test]
fn no_flipped_bit_and_no_cut_is_accepted() {
    let (_root, ledger) = empty();
    let saved = save(&ledger, "first", Expect::Any).expect("saves");
    let path = ledger.folder.path_of(&saved.hash);
    let good = fs::read(&path).expect("reads");
    let mut damaged = good.clone();
    for bit in 0..good.len() * 8 {
        // One bit of each byte: the hash does not care which.
        if bit % 8 != bit / 8 % 8 {
            continue;
        }
        damaged[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &damaged).expect("writes");
        let error = ledger.load().expect_err("damaged");
        assert!(matches!(&error, StoreError::Damaged { path: p, .. } if *p == path));
        damaged[bit / 8] ^= 1 << (bit % 8);
    }
    for length in (0..good.len()).step_by(7) {
        fs::write(&path, &good[..length]).expect("writes");
        assert!(matches!(ledger.load(), Err(StoreError::Damaged { .. })));
    }
}

#[test]
fn no_flipped_bit_of_the_head_changes_what_is_current() {
    let (_root, ledger) = empty();
    save(&ledger, "first", Expect::Any).expect("saves");
    save(&ledger, "second", Expect::Any).expect("saves");
    let path = ledger.folder.dir.join(HEAD);
    let good = fs::read(&path).expect("reads");
    for bit in 0..good.len() * 8 {
        let mut damaged = good.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        fs::write(&path, &damaged).expect("writes");
        match ledger.load() {
            Ok(_) => assert_eq!(current(&ledger), (2, vec!["second".into()]), "bit {bit}"),
            Err(StoreError::Missing { .. } | StoreError::Newer { .. }) => {}
            Err(other) => panic!("bit {bit}: {other}"),
        }
    }
}

#[test]
fn what_could_not_be_read_back_is_not_saved() {
    let (_root, ledger) = empty();
    let mut acceptance = sample::acceptance("endless");
    acceptance.rounds[0].trust.own_cpu = f64::NAN;
    let error = ledger.save(acceptance, Expect::Any).expect_err("unfit");
    assert!(matches!(error, StoreError::Unfit { .. }));
    assert_eq!(ledger.load().expect("loads"), None);
    assert!(Ledger::new(Path::new("."), "../x").is_err());
}

#[test]
fn schema_one_is_read_for_ever() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/store/v1");
    let ledger = Ledger::new(&root, "checkout").expect("a good name");
    assert_eq!(current(&ledger), (2, vec!["the second".into()]));
    let history = ledger.history().expect("reads");
    assert_eq!(history[0].1, sample::acceptance("the first"));
    assert_eq!(history[1].1.parents, [history[0].0.clone()]);
}

/// An acceptance that was measured in a boot of its own.
fn in_session(boot: &str, reason: &str) -> Acceptance {
    let mut acceptance = sample::acceptance(reason);
    acceptance.fingerprint.boot_id = boot.to_owned();
    acceptance.run = format!("run-{boot}-{reason}");
    acceptance
}

fn pruning() -> Pruning {
    Pruning {
        schema: 0,
        scenario: String::new(),
        reason: "it is old".into(),
        pruned_by: "a tester".into(),
        pruned_at: "2026-11-25T09:00:00Z".into(),
        pruned: Vec::new(),
    }
}

/// Codes of what `verify` finds, sorted.
fn faults(ledger: &Ledger) -> Vec<&'static str> {
    let found = ledger.verify().expect("lists").faults;
    let mut codes: Vec<_> = found.iter().map(|f| f.error.diagnostic().code.id).collect();
    codes.sort_unstable();
    codes
}

#[test]
fn a_promotion_adds_and_a_save_begins_anew() {
    let (_root, ledger) = empty();
    save(&ledger, "first", Expect::Any).expect("saves");
    for boot in ["b", "c"] {
        let saved = ledger.promote(in_session(boot, boot), Expect::Any);
        saved.expect("promotes");
    }
    assert_eq!(
        current(&ledger),
        (3, vec!["first".into(), "b".into(), "c".into()])
    );
    let baseline = ledger.load().expect("loads").expect("is there");
    assert_eq!(
        (baseline.sessions(), baseline.session_of_rounds()),
        (3, vec![0, 1, 2])
    );
    fs::remove_file(ledger.folder.dir.join(HEAD)).expect("removes");
    assert_eq!(
        ledger.load().expect("loads"),
        Some(baseline),
        "HEAD is derived"
    );
    save(&ledger, "anew", Expect::Revision(3)).expect("saves");
    assert_eq!(current(&ledger), (4, vec!["anew".into()]));
    assert_eq!(ledger.history().expect("reads").len(), 4);
}

#[test]
fn of_two_promoters_at_once_both_are_kept_or_one_is_told() {
    const EACH: usize = 50;
    let (_root, ledger) = empty();
    save(&ledger, "first", Expect::Any).expect("saves");
    let told: Vec<String> = std::thread::scope(|scope| {
        let promoters: Vec<_> = ["a", "b"]
            .into_iter()
            .map(|who| {
                let ledger = &ledger;
                scope.spawn(move || {
                    let mut kept = Vec::new();
                    for i in 0..EACH {
                        let reason = format!("{who}{i}");
                        let seen = ledger.load().expect("loads").expect("is there").revision;
                        match ledger.promote(in_session(who, &reason), Expect::Revision(seen)) {
                            Ok(_) => kept.push(reason),
                            Err(StoreError::Conflict { .. }) => {}
                            Err(other) => panic!("{other}"),
                        }
                    }
                    kept
                })
            })
            .collect();
        let kept = promoters
            .into_iter()
            .flat_map(|p| p.join().expect("no panic"));
        kept.collect()
    });
    assert!(told.len() >= EACH, "one of two succeeds each time");
    let (revision, mut reasons) = current(&ledger);
    assert_eq!(revision, 1 + told.len() as u64);
    assert_eq!(reasons.remove(0), "first");
    let all: BTreeSet<String> = reasons.into_iter().collect();
    assert_eq!(all, told.into_iter().collect());
    assert!(faults(&ledger).is_empty());
}

#[test]
fn promotions_on_two_branches_are_both_current_after_git_merged_them() {
    let (_root, ours) = empty();
    let (_other, theirs) = empty();
    for ledger in [&ours, &theirs] {
        save(ledger, "common", Expect::Any).expect("saves");
    }
    ours.promote(in_session("b", "ours"), Expect::Any)
        .expect("promotes");
    let saved = theirs
        .promote(in_session("c", "theirs"), Expect::Any)
        .expect("promotes");
    fs::copy(
        theirs.folder.path_of(&saved.hash),
        ours.folder.path_of(&saved.hash),
    )
    .expect("copies");
    let (revision, reasons) = current(&ours);
    let reasons: BTreeSet<_> = reasons.iter().map(String::as_str).collect();
    assert_eq!(
        (revision, reasons),
        (3, ["common", "ours", "theirs"].into())
    );
    assert_eq!(faults(&ours), ["PL0220"], "HEAD is behind");
    let mended = ours.repair().expect("repairs");
    assert_eq!(mended.len(), 1);
    assert!(faults(&ours).is_empty());
}

#[test]
fn a_pruning_keeps_the_newest_sessions_and_is_recorded() {
    let (_root, ledger) = empty();
    save(&ledger, "replaced", Expect::Any).expect("saves");
    save(&ledger, "first", Expect::Any).expect("saves");
    for (boot, reason) in [("b", "second"), ("c", "third"), ("c", "fourth")] {
        ledger
            .promote(in_session(boot, reason), Expect::Any)
            .expect("promotes");
    }
    let reasons = |all: &[(String, Acceptance)]| -> Vec<String> {
        all.iter().map(|(_, a)| a.reason.clone()).collect()
    };
    let found = ledger.prunable(2).expect("reads");
    assert_eq!(reasons(&found.kept), ["second", "third", "fourth"]);
    assert_eq!(reasons(&found.removed), ["replaced", "first"]);
    assert_eq!(current(&ledger).0, 5, "nothing was done yet");
    let error = ledger
        .prune(2, pruning(), Expect::Revision(4))
        .expect_err("a conflict");
    assert!(matches!(error, StoreError::Conflict { .. }));
    let saved = ledger
        .prune(2, pruning(), Expect::Revision(5))
        .expect("prunes");
    assert_eq!(saved.map(|s| s.revision), Some(6));
    let kept = (6, vec!["second".into(), "third".into(), "fourth".into()]);
    assert_eq!(current(&ledger), kept);
    assert_eq!(ledger.history().expect("reads").len(), 3);
    assert!(faults(&ledger).is_empty());
    assert_eq!(ledger.verify().expect("reads").pruned, 2);
    fs::remove_file(ledger.folder.dir.join(HEAD)).expect("removes");
    assert_eq!(current(&ledger), kept, "HEAD is derived");
    ledger.repair().expect("repairs");
    // However little is to stay, the newest session does.
    ledger.prune(0, pruning(), Expect::Any).expect("prunes");
    assert_eq!(current(&ledger), (7, vec!["third".into(), "fourth".into()]));
    let again = ledger.prune(1, pruning(), Expect::Any).expect("reads");
    assert!(again.is_none());
    ledger
        .promote(in_session("d", "fifth"), Expect::Revision(7))
        .expect("promotes");
    assert_eq!(current(&ledger).0, 8);
    assert!(faults(&ledger).is_empty());
}

#[test]
fn a_pruning_that_was_cut_off_leaves_nothing_that_counts() {
    let (_root, ledger) = empty();
    let first = save(&ledger, "first", Expect::Any).expect("saves");
    save(&ledger, "second", Expect::Any).expect("saves");
    let path = ledger.folder.path_of(&first.hash);
    let bytes = fs::read(&path).expect("reads");
    ledger.prune(1, pruning(), Expect::Any).expect("prunes");
    fs::write(&path, bytes).expect("as if it had not been removed yet");
    assert_eq!(current(&ledger), (3, vec!["second".into()]));
    assert_eq!(ledger.history().expect("reads").len(), 1);
    assert_eq!(faults(&ledger), ["PL0221"]);
    ledger.repair().expect("repairs");
    assert!(faults(&ledger).is_empty() && !path.exists());
}

#[test]
fn verify_names_each_fault_by_its_code_and_repairs_only_what_is_derived() {
    let (root, ledger) = empty();
    let first = save(&ledger, "first", Expect::Any).expect("saves");
    let second = save(&ledger, "second", Expect::Any).expect("saves");
    assert!(faults(&ledger).is_empty());
    let (first, second) = (
        ledger.folder.path_of(&first.hash),
        ledger.folder.path_of(&second.hash),
    );
    let good = fs::read(&second).expect("reads");

    let mut damaged = good.clone();
    damaged[99] ^= 1;
    fs::write(&second, &damaged).expect("writes");
    assert_eq!(faults(&ledger), ["PL0204"]);
    assert!(ledger.repair().expect("reads").is_empty());
    assert_eq!(faults(&ledger), ["PL0204"], "what is damaged stays so");
    fs::write(&second, &good).expect("writes");

    let moved = first.with_extension("old");
    fs::rename(&first, &moved).expect("moves");
    assert_eq!(faults(&ledger), ["PL0209"], "its child names it");
    assert!(ledger.repair().expect("reads").is_empty());
    fs::rename(&moved, &first).expect("moves");

    fs::write(ledger.folder.dir.join("copy.json"), "{}").expect("writes");
    assert_eq!(faults(&ledger), ["PL0221"]);
    fs::remove_file(ledger.folder.dir.join("copy.json")).expect("removes");

    let other = Ledger::new(root.path(), "other").expect("a good name");
    let strange = other
        .save(sample::acceptance("strange"), Expect::Any)
        .expect("saves");
    let here = ledger.folder.path_of(&strange.hash);
    fs::copy(other.folder.path_of(&strange.hash), &here).expect("copies");
    assert_eq!(faults(&ledger), ["PL0221"], "it is of another scenario");
    fs::remove_file(&here).expect("removes");

    let head = ledger.folder.dir.join(HEAD);
    fs::write(&head, "<<<<<<< ours").expect("writes");
    assert_eq!(faults(&ledger), ["PL0220"]);
    assert_eq!(ledger.repair().expect("repairs").len(), 1);
    assert!(faults(&ledger).is_empty());
    let text = fs::read_to_string(&head).expect("reads");
    fs::write(&head, text.replace("\"revision\": 2", "\"revision\": 3")).expect("writes");
    assert_eq!(faults(&ledger), ["PL0209"], "HEAD knew of one that is gone");
    fs::write(&head, text.replace("\"schema\": 2", "\"schema\": 9")).expect("writes");
    assert_eq!(faults(&ledger), ["PL0205"]);
}

#[test]
fn an_acceptance_keeps_only_what_it_follows() {
    let (_root, ledger) = empty();
    let mut acceptance = sample::acceptance("strange");
    acceptance.keeps = vec!["0".repeat(64)];
    let saved = ledger
        .save(acceptance, Expect::Any)
        .expect("what is current is filled in");
    let path = ledger.folder.path_of(&saved.hash);
    let text = fs::read_to_string(&path).expect("reads");
    assert!(!text.contains("keeps"), "{text}");
}
