//! From a snapshot to the files of a bundle.

use std::fmt::Write as _;

use serde_json::json;

use super::page::{self, Listed, Page};
use super::secrets::Secrets;
use super::telling;
use super::waiting::{Waiting, waiting};
use crate::model::{Author, Exhibit, Snapshot, ThreadSeen, Unread};
use crate::redaction::Redactor;
use crate::untrusted::Untrusted;

/// Layout of `summary.json`.
const SCHEMA: u32 = 1;

/// Bytes of all texts together; what is beyond is left out.
const MOST: usize = 32 << 20;

/// Why, when and of whom a bundle is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occasion {
    /// RFC 3339, UTC.
    pub taken_at: String,
    pub why: String,
    /// Whom it is about.
    pub subject: String,
    /// Of Plimsoll.
    pub version: String,
}

/// A file of a bundle: its path below the bundle's folder, and what is in it.
pub type File = (String, Vec<u8>);

/// The files of a bundle, its page first. No secret is in them.
pub fn assemble(occasion: &Occasion, snapshot: Snapshot, mut secrets: Secrets) -> Vec<File> {
    for process in &snapshot.processes {
        secrets.arguments(&process.arguments);
    }
    let redactor = Redactor::new(secrets.values());
    let occasion = &Occasion {
        why: redactor.text(&occasion.why),
        subject: redactor.text(&occasion.subject),
        ..occasion.clone()
    };
    let snapshot = unsecret(snapshot, &redactor);
    let groups = waiting(&snapshot.threads);
    let mut exhibits = own_exhibits(&snapshot, &groups);
    let Snapshot {
        processes,
        exhibits: read,
        mut unread,
        ..
    } = snapshot;
    exhibits.extend(read);
    exhibits.sort_by(|a, b| a.path.cmp(&b.path));
    let mut kept = Kept {
        redactor: &redactor,
        partial: secrets.is_partial(),
        files: Vec::new(),
        listed: Vec::new(),
        size: 0,
    };
    for exhibit in exhibits {
        unread.extend(kept.take(exhibit));
    }
    let Kept { files, listed, .. } = kept;
    let page = Page {
        occasion,
        processes: &processes,
        groups: &groups,
        listed: &listed,
        unread: &unread,
        secrets: secrets.len(),
        partial: secrets.is_partial(),
    };
    let summary = summary(&page);
    let first = [("index.html", page::html(&page)), ("summary.json", summary)];
    let first = first.map(|(name, text)| (name.to_owned(), redactor.text(&text).into_bytes()));
    first.into_iter().chain(files).collect()
}

/// Frees the texts that are shown in our own words: how a text is made harmless to show is no escape
/// that could be undone again, so nothing would be found in it afterwards.
fn unsecret(mut snapshot: Snapshot, redactor: &Redactor) -> Snapshot {
    let free = |text: &mut Untrusted| *text = Untrusted::new(redactor.text(text.raw()));
    for process in &mut snapshot.processes {
        free(&mut process.name);
        process.arguments.iter_mut().for_each(free);
    }
    for thread in &mut snapshot.threads {
        free(&mut thread.name);
        free(&mut thread.pool);
    }
    for unread in &mut snapshot.unread {
        unread.what = redactor.text(&unread.what);
        unread.why = redactor.text(&unread.why);
    }
    snapshot
}

/// What goes into a bundle, as it grows.
struct Kept<'a> {
    redactor: &'a Redactor,
    /// True when secrets are not all known.
    partial: bool,
    files: Vec<File>,
    listed: Vec<Listed>,
    size: usize,
}

impl Kept<'_> {
    /// Takes it in, or says why it is left out.
    fn take(&mut self, exhibit: Exhibit) -> Option<Unread> {
        let left_out = |why: &str| Some(Unread::new(exhibit.path.clone(), why));
        if exhibit.author != Author::Us && self.partial {
            return left_out("it may hold a secret that is not known here");
        }
        if self.size + exhibit.bytes.len() > MOST {
            return left_out("the bundle is large enough without it");
        }
        let whole = ended(&exhibit);
        let text = if exhibit.author == Author::Others {
            telling::without_told(whole)
        } else {
            whole.to_vec()
        };
        let Some(clean) = self.redactor.scrub(&text) else {
            return left_out("a secret in it could not be taken out");
        };
        self.size += clean.bytes.len();
        self.listed.push(Listed {
            path: exhibit.path.clone(),
            tells: exhibit.tells,
            bytes: clean.bytes.len(),
            cut: exhibit.cut,
            redacted: clean.places,
        });
        self.files.push((exhibit.path, clean.bytes));
        None
    }
}

/// A text that was cut off, up to the end of its last line: a secret that was cut in two would not be
/// known again.
fn ended(exhibit: &Exhibit) -> &[u8] {
    if !exhibit.cut {
        return &exhibit.bytes;
    }
    let end = exhibit.bytes.iter().rposition(|b| matches!(b, b'\n' | 0));
    &exhibit.bytes[..end.map_or(0, |end| end + 1)]
}

/// What is written of processes and threads in our own words.
fn own_exhibits(snapshot: &Snapshot, groups: &[Waiting]) -> Vec<Exhibit> {
    let mut exhibits = Vec::new();
    if !snapshot.threads.is_empty() {
        exhibits.push(Exhibit::new(
            "threads.txt",
            "what all threads wait for, counted together",
            of_groups(groups),
        ));
    }
    for process in &snapshot.processes {
        let folder = format!("process-{}", process.pid);
        exhibits.push(
            Exhibit::new(
                format!("{folder}/command-line.txt"),
                "how it was started, secrets taken out",
                telling::command_line(&process.arguments),
            )
            .by(Author::Others),
        );
        let threads = snapshot.threads.iter().filter(|t| t.pid == process.pid);
        let table = of_threads(threads);
        if !table.is_empty() {
            exhibits.push(Exhibit::new(
                format!("{folder}/threads.txt"),
                "each thread: name, state, wait channel, system call, CPU time, kernel stack",
                table,
            ));
        }
    }
    exhibits
}

fn of_groups(groups: &[Waiting]) -> String {
    let mut text = String::new();
    for group in groups {
        let _ = writeln!(text, "{}", group.sentence());
        for (address, n) in &group.addresses {
            let _ = writeln!(text, "    {n} for the lock at {address}");
        }
        for function in &group.stack {
            let _ = writeln!(text, "    {function}");
        }
        let ids: Vec<_> = group.ids.iter().map(u32::to_string).collect();
        let more = group.threads - group.ids.len();
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        let _ = writeln!(text, "    threads {}{more}\n", ids.join(" "));
    }
    text
}

fn of_threads<'a>(threads: impl Iterator<Item = &'a ThreadSeen>) -> String {
    let mut text = String::new();
    for thread in threads {
        if text.is_empty() {
            text.push_str("id\tname\tstate\twaits in\tsystem call\taddress\tticks of CPU\n");
        }
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let _ = writeln!(
            text,
            "{}\t{}\t{}\t{}\t{}\t{}\t{}",
            thread.tid,
            thread.name.terminal(),
            thread.state,
            or_none(&thread.channel),
            or_none(&thread.syscall),
            or_none(&thread.address),
            thread.ticks,
        );
        for function in &thread.stack {
            let _ = writeln!(text, "\t{function}");
        }
    }
    text
}

fn summary(page: &Page<'_>) -> String {
    let Page {
        occasion,
        processes,
        groups,
        listed,
        unread,
        ..
    } = page;
    let processes: Vec<_> = processes
        .iter()
        .map(|p| {
            json!({
                "pid": p.pid,
                "parent": p.parent,
                "name": p.name,
                "state": p.state,
                "threads": p.threads,
                "resident_bytes": p.resident.map(|b| b.0),
                "descriptors": p.descriptors,
            })
        })
        .collect();
    let waiting: Vec<_> = groups
        .iter()
        .map(|group| {
            let mut value = json!(group);
            value["sentence"] = json!(group.sentence());
            value
        })
        .collect();
    let summary = json!({
        "schema": SCHEMA,
        "taken_at": occasion.taken_at,
        "why": occasion.why,
        "subject": occasion.subject,
        "version": occasion.version,
        "processes": processes,
        "waiting": waiting,
        "files": listed,
        "left_out": unread,
        "secrets_looked_for": page.secrets,
        "secrets_all_known": !page.partial,
    });
    format!("{summary:#}\n")
}
