//! A process that is killed, and a disk that fails, at any call: nothing that was acknowledged is lost,
//! and the state is the one before or the one after.

#![expect(clippy::print_stdout, reason = "a promise prints its figures")]

mod faults;
mod kills;
mod ledger_state;
mod order;
mod random_kills;
mod record;
mod strace;

use std::path::Path;

use plimsoll::mutant::Mutant;

#[cfg_attr(
    not(feature = "mutants"),
    expect(dead_code, reason = "read by mutants")
)]
pub(crate) const KILLS: &[(Mutant, &str)] = &[
    (
        Mutant::FileSizeLimitKills,
        "crash::faults::a_limit_on_the_size_of_files_is_an_error_and_no_death",
    ),
    (
        Mutant::FolderWithoutSync,
        "crash::order::what_is_told_is_on_the_disk",
    ),
    (
        Mutant::FullDiskUnforeseen,
        "crash::faults::a_run_that_would_not_fit_is_not_begun",
    ),
    (
        Mutant::LedgerWithoutSweep,
        "crash::kills::what_a_killed_promotion_left_half_written_is_gone_after_the_next",
    ),
    (
        Mutant::LoadOutlivesRecord,
        "crash::faults::what_cannot_be_recorded_is_not_sent",
    ),
    (
        Mutant::LogWithoutSync,
        "crash::order::what_is_told_is_on_the_disk",
    ),
    (
        Mutant::NewFileStaysAfterError,
        "crash::faults::who_is_told_of_an_error_finds_the_baseline_as_it_was",
    ),
    (
        Mutant::UnsealedIsComplete,
        "crash::kills::a_run_without_its_seal_never_passes",
    ),
    (
        Mutant::WholeInPlace,
        "crash::order::what_is_told_is_on_the_disk",
    ),
    (
        Mutant::WholeWithoutSync,
        "crash::order::what_is_told_is_on_the_disk",
    ),
];

/// Names of files below a folder that were not written to their end.
fn temporary(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            found.extend(temporary(&entry.path()));
        } else if name.starts_with(".write-") {
            found.push(name);
        }
    }
    found
}
