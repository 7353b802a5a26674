//! The control groups of the target: limits, and what they have cost.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::super::parse::cgroup::{self, Cgroup};
use super::patient::{self, Patient};
use crate::model::{Author, Exhibit, Snapshot, Unread};

/// What groups of either version tell.
const FILES: [&str; 27] = [
    "cpu.stat",
    "cpu.max",
    "cpu.weight",
    "cpu.pressure",
    "cpu.cfs_quota_us",
    "cpu.cfs_period_us",
    "io.stat",
    "io.pressure",
    "memory.current",
    "memory.peak",
    "memory.high",
    "memory.max",
    "memory.events",
    "memory.stat",
    "memory.pressure",
    "memory.swap.current",
    "memory.swap.max",
    "memory.usage_in_bytes",
    "memory.limit_in_bytes",
    "memory.max_usage_in_bytes",
    "memory.failcnt",
    "memory.oom_control",
    "pids.current",
    "pids.max",
    "pids.events",
    "cgroup.events",
    "cgroup.stat",
];

/// Groups that are looked at.
const GROUPS: usize = 8;

/// Reads the groups that these processes are in.
pub(super) fn read(
    patient: &mut Patient,
    members: impl Iterator<Item = u32>,
    snapshot: &mut Snapshot,
) {
    let members: Vec<u32> = members.collect();
    let found = patient.gather(move |tell| {
        let mut groups: BTreeMap<Vec<PathBuf>, Vec<u32>> = BTreeMap::new();
        for pid in members {
            if let Ok(text) = patient::text(format!("/proc/{pid}/cgroup"), patient::USUAL) {
                let folders = folders(&cgroup::cgroup(&text));
                groups.entry(folders).or_default().push(pid);
            }
        }
        for (folders, pids) in groups.into_iter().take(GROUPS) {
            for folder in folders {
                let files = FILES.into_iter().filter_map(|name| {
                    let read = patient::text(folder.join(name), patient::USUAL).ok()?;
                    Some((name, read))
                });
                if tell
                    .send((folder.clone(), pids.clone(), files.collect::<Vec<_>>()))
                    .is_err()
                {
                    return;
                }
            }
        }
    });
    if let Err(why) = found.end {
        let why = why.to_string();
        snapshot
            .unread
            .push(Unread::new("the control groups of the target", why));
    }
    let told: Vec<_> = found
        .pieces
        .into_iter()
        .filter(|(_, _, files)| !files.is_empty())
        .collect();
    if told.is_empty() {
        let why = "the kernel tells nothing of them here";
        snapshot
            .unread
            .push(Unread::new("the control groups of the target", why));
    }
    for (number, (folder, pids, files)) in told.into_iter().enumerate() {
        let pids: Vec<_> = pids.iter().map(u32::to_string).collect();
        let mut text = format!("{}\nprocesses {}\n", folder.display(), pids.join(" "));
        for (name, content) in files {
            let _ = write!(text, "\n[{name}]\n{}\n", content.trim_end());
        }
        let path = format!("control-group-{}.txt", number + 1);
        let tells = "limits of CPU time, memory and processes, and what they have cost";
        snapshot
            .exhibits
            .push(Exhibit::new(path, tells, text).by(Author::Quoted));
    }
}

/// Where the kernel may show these groups, those that are there.
fn folders(groups: &Cgroup) -> Vec<PathBuf> {
    let root = Path::new("/sys/fs/cgroup");
    let places = [
        ("", &groups.unified),
        ("unified", &groups.unified),
        ("cpu", &groups.cpu),
        ("memory", &groups.memory),
    ];
    let mut folders: Vec<PathBuf> = places
        .into_iter()
        .filter_map(|(hierarchy, path)| {
            let below = path.as_deref()?.trim_start_matches('/');
            Some(root.join(hierarchy).join(below))
        })
        .filter(|folder| folder.join("cgroup.procs").is_file())
        .collect();
    folders.dedup();
    folders
}
