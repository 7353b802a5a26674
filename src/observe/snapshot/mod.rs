//! One look at everything that can be read of a target and its machine, for a diagnostic bundle.
//!
//! Reading may hang: some files take a lock that a target in trouble holds. So all of it happens on a
//! thread that is left behind when it takes too long (`patient`), every file is bounded, and what is
//! missing is said. The environment of a process is never read.

mod groups;
mod host;
mod maps;
mod patient;
mod process;
mod sockets;
mod syscalls;
mod threads;

use std::collections::BTreeMap;

use super::members::{Members, Subject};
use super::parse::process::ProcessStat;
use crate::model::{Exhibit, Snapshot, Unread};
use crate::units::Nanos;
use patient::Patient;

/// The longest that all of it takes.
const WITHIN: Nanos = Nanos::from_secs(6);

/// Processes that are looked at; of a target with more, those with the smallest ids.
const PROCESSES: usize = 64;

/// Looks at a target now. Takes some seconds at most, whatever the target does.
pub fn snapshot(subject: &Subject) -> Snapshot {
    let mut patient = Patient::until(WITHIN);
    let mut snapshot = Snapshot::default();
    let members = members(&mut patient, subject, &mut snapshot);
    // What changes fastest comes first.
    for (&pid, stat) in &members {
        threads::read(&mut patient, pid, stat, &mut snapshot);
    }
    for (&pid, stat) in &members {
        process::read(&mut patient, pid, stat, &mut snapshot);
        maps::read(&mut patient, pid, &mut snapshot);
        sockets::read(&mut patient, pid, &mut snapshot);
    }
    groups::read(&mut patient, members.keys().copied(), &mut snapshot);
    host::read(&mut patient, &mut snapshot);
    snapshot
}

fn members(
    patient: &mut Patient,
    subject: &Subject,
    snapshot: &mut Snapshot,
) -> BTreeMap<u32, ProcessStat> {
    let owned = subject.clone();
    let found = patient.gather(move |tell| {
        let _ = tell.send(Members::new(owned).living());
    });
    if let Err(why) = &found.end {
        snapshot
            .unread
            .push(Unread::new("who the target is", why.to_string()));
    }
    let mut members = found.pieces.into_iter().next().unwrap_or_default();
    if members.is_empty() {
        let what = format!("the processes of {subject}");
        snapshot
            .unread
            .push(Unread::new(what, "there are none now"));
    }
    if members.len() > PROCESSES {
        let more = members.len() - PROCESSES;
        let what = format!("{more} more processes");
        let why = format!("{PROCESSES} are looked at, and there are more");
        snapshot.unread.push(Unread::new(what, why));
        members = members.into_iter().take(PROCESSES).collect();
    }
    members
}

/// A file that is to be read: where it is, what it becomes, and what it tells.
#[derive(Debug, Clone)]
struct Wanted {
    from: String,
    to: String,
    tells: &'static str,
}

/// Takes all of these in, those that cannot be read with the reason.
fn take(patient: &mut Patient, wanted: Vec<Wanted>, snapshot: &mut Snapshot) {
    let mut left: Vec<Wanted> = wanted.clone();
    let found = patient.gather(move |tell| {
        for want in wanted {
            let read = patient::file(want.from.as_ref(), patient::USUAL);
            if tell.send((want, read)).is_err() {
                return;
            }
        }
    });
    for (want, read) in found.pieces {
        left.retain(|l| l.from != want.from);
        match read {
            Ok(read) => {
                let mut exhibit = Exhibit::new(want.to, want.tells, read.bytes);
                exhibit.cut = read.cut;
                snapshot.exhibits.push(exhibit);
            }
            Err(error) => snapshot.unread.push(Unread::new(want.from, reason(&error))),
        }
    }
    if let Err(why) = found.end {
        let missing = left
            .into_iter()
            .map(|l| Unread::new(l.from, why.to_string()));
        snapshot.unread.extend(missing);
    }
}

/// A text in one line, its control characters as escapes that can be undone: what is a secret in it is
/// still found.
fn one_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let quoted = serde_json::Value::from(text.as_ref()).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// An error of the system in its own words, without its number.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_lowercase(),
        None => text,
    }
}

#[cfg(test)]
mod tests;
