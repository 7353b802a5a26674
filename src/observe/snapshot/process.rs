//! The files of one process, its arguments and its descriptors.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use super::super::parse::process::{ProcessStat, descriptor};
use super::super::texts::numbered;
use super::patient::{self, Patient};
use super::{Wanted, take};
use crate::model::{Author, Exhibit, ProcessSeen, Snapshot, Unread};
use crate::units::Bytes;
use crate::untrusted::Untrusted;

/// Taken as they are; nothing in them is the process's own but its name.
const FILES: [(&str, &str); 8] = [
    ("status", "state, memory, identities and switches"),
    ("stat", "the kernel's counters"),
    ("statm", "memory in pages"),
    ("schedstat", "time on a CPU and time waiting for one"),
    ("io", "bytes read and written"),
    ("limits", "what it may use of everything"),
    ("cgroup", "which control groups it is in"),
    ("oom_score", "how soon it would be killed for memory"),
];

/// Descriptors that are listed.
const DESCRIPTORS: usize = 4_096;

/// Bytes of the arguments.
const ARGUMENTS: usize = 64 << 10;

/// Reads a process.
pub(super) fn read(patient: &mut Patient, pid: u32, stat: &ProcessStat, snapshot: &mut Snapshot) {
    let wanted = FILES.map(|(name, tells)| Wanted {
        from: format!("/proc/{pid}/{name}"),
        to: format!("process-{pid}/{name}"),
        tells,
    });
    take(patient, wanted.to_vec(), snapshot);
    let descriptors = descriptors(patient, pid, snapshot);
    let (name, arguments) = named(patient, pid, snapshot);
    let pages = |text: &str| text.split_ascii_whitespace().nth(1)?.parse::<u64>().ok();
    let statm = format!("process-{pid}/statm");
    let statm = snapshot.exhibits.iter().find(|e| e.path == statm);
    let resident = statm.and_then(|e| pages(&String::from_utf8_lossy(&e.bytes)));
    snapshot.processes.push(ProcessSeen {
        pid,
        parent: stat.parent,
        name,
        state: stat.state,
        threads: stat.threads,
        resident: resident.map(|n| Bytes(n * rustix::param::page_size() as u64)),
        descriptors,
        arguments,
    });
}

/// Its name, and its arguments, which take the lock of its memory to be read.
fn named(patient: &mut Patient, pid: u32, snapshot: &mut Snapshot) -> (Untrusted, Vec<Untrusted>) {
    let found = patient.gather(move |tell| {
        for (name, most) in [("comm", 64), ("cmdline", ARGUMENTS)] {
            let path = format!("/proc/{pid}/{name}");
            if tell.send(patient::file(path.as_ref(), most)).is_err() {
                return;
            }
        }
    });
    let mut pieces = found.pieces.into_iter();
    let mut next = || pieces.next().and_then(Result::ok);
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let name = next().map(|read| lossy(&read.bytes)).unwrap_or_default();
    let name = Untrusted::new(name.trim_end_matches('\n'));
    let Some(read) = next() else {
        let why = found
            .end
            .err()
            .map_or("it is gone".to_owned(), |why| why.to_string());
        let what = format!("the arguments of process {pid}");
        snapshot.unread.push(Unread::new(what, why));
        return (name, Vec::new());
    };
    let mut arguments: Vec<&[u8]> = read.bytes.split(|b| *b == 0).collect();
    // After the last one, or what is left of one that was cut off.
    arguments.pop();
    let arguments = arguments
        .into_iter()
        .map(|word| Untrusted::new(lossy(word)));
    (name, arguments.collect())
}

/// Lists what it has open, and says how much that is.
fn descriptors(patient: &mut Patient, pid: u32, snapshot: &mut Snapshot) -> Option<u64> {
    let found = patient.gather(move |tell| {
        let folder = format!("/proc/{pid}/fd");
        if let Err(error) = fs::read_dir(&folder) {
            let _ = tell.send(Err(error));
            return;
        }
        let mut numbers = numbered(&folder);
        numbers.sort_unstable();
        for number in numbers {
            let link = fs::read_link(format!("{folder}/{number}"));
            let link = link.map(|link| link.as_os_str().as_bytes().to_vec());
            if tell.send(Ok((number, link.unwrap_or_default()))).is_err() {
                return;
            }
        }
    });
    let what = format!("/proc/{pid}/fd");
    if let Err(why) = found.end {
        snapshot
            .unread
            .push(Unread::new(what.clone(), why.to_string()));
    }
    let (mut kinds, mut list, mut number) = (BTreeMap::new(), String::new(), 0_usize);
    for piece in found.pieces {
        match piece {
            Err(error) => {
                snapshot
                    .unread
                    .push(Unread::new(what, super::reason(&error)));
                return None;
            }
            Ok((descriptor_number, link)) => {
                *kinds.entry(descriptor(&link).kind()).or_insert(0_u64) += 1;
                if number < DESCRIPTORS {
                    let link = super::one_line(&link);
                    let _ = writeln!(list, "{descriptor_number}\t{link}");
                }
                number += 1;
            }
        }
    }
    let mut text = String::new();
    for (kind, n) in kinds {
        let _ = writeln!(text, "{n} {kind}");
    }
    let _ = write!(text, "\n{list}");
    if number > DESCRIPTORS {
        let _ = writeln!(text, "and {} more", number - DESCRIPTORS);
    }
    let path = format!("process-{pid}/descriptors.txt");
    let tells = "what it has open, by kind and one by one";
    snapshot
        .exhibits
        .push(Exhibit::new(path, tells, text).by(Author::Others));
    Some(number as u64)
}
