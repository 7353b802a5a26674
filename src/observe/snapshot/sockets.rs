//! The sockets that a process has open, by state and one by one.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use super::super::parse::process::{Descriptor, descriptor};
use super::super::parse::sockets::{self, Connection, LISTEN};
use super::super::texts::numbered;
use super::patient::{self, Patient};
use crate::model::{Exhibit, Snapshot, Unread};

/// Bytes of a table of sockets, which has those of the whole network namespace.
const MOST: usize = 8 << 20;

/// Sockets that are listed.
const LISTED: usize = 2_000;

/// What is found, in the order in which it is read.
enum Found {
    Own(HashSet<u64>),
    Table(&'static str, Result<String, String>),
}

/// Reads the sockets of a process.
pub(super) fn read(patient: &mut Patient, pid: u32, snapshot: &mut Snapshot) {
    let found = patient.gather(move |tell| {
        let _ = tell.send(Found::Own(inodes(pid)));
        for table in ["tcp", "tcp6", "udp", "udp6", "unix"] {
            let text = patient::text(format!("/proc/{pid}/net/{table}"), MOST);
            let text = text.map_err(|error| super::reason(&error));
            if tell.send(Found::Table(table, text)).is_err() {
                return;
            }
        }
    });
    if let Err(why) = found.end {
        let what = format!("the sockets of process {pid}");
        snapshot.unread.push(Unread::new(what, why.to_string()));
    }
    let mut own = HashSet::new();
    let (mut counts, mut list) = (BTreeMap::new(), Vec::new());
    for piece in found.pieces {
        match piece {
            Found::Own(inodes) => own = inodes,
            Found::Table(table, Err(why)) => {
                let what = format!("/proc/{pid}/net/{table}");
                snapshot.unread.push(Unread::new(what, why));
            }
            Found::Table("unix", Ok(text)) => {
                let n = of_unix(&text, &own);
                if n > 0 {
                    counts.insert("unix".to_owned(), n);
                }
            }
            Found::Table(table, Ok(text)) => {
                let mine = sockets::connections(&text).filter(|c| own.contains(&c.socket.inode));
                for connection in mine {
                    let state = sockets::state(connection.socket.state);
                    *counts.entry(format!("{table} {state}")).or_insert(0) += 1;
                    list.push(line(table, &connection));
                }
            }
        }
    }
    if counts.is_empty() {
        return;
    }
    let mut text = String::new();
    for (kind, n) in counts {
        let _ = writeln!(text, "{n} {kind}");
    }
    text.push('\n');
    text.extend(list.iter().take(LISTED).map(String::as_str));
    if list.len() > LISTED {
        let _ = writeln!(text, "and {} more", list.len() - LISTED);
    }
    let path = format!("process-{pid}/sockets.txt");
    let tells = "its sockets, by state and one by one, with what waits in their queues";
    snapshot.exhibits.push(Exhibit::new(path, tells, text));
}

fn line(table: &str, connection: &Connection) -> String {
    let Connection {
        socket,
        local,
        remote,
        sent,
    } = connection;
    let state = sockets::state(socket.state);
    if socket.state == LISTEN {
        let waiting = socket.received;
        return format!("{table} {state} {local}, {waiting} wait to be accepted\n");
    }
    let unread = socket.received;
    format!("{table} {state} {local} {remote}, {unread} B not read, {sent} B not acknowledged\n")
}

/// Numbers by which the descriptors of a process name sockets.
fn inodes(pid: u32) -> HashSet<u64> {
    let folder = format!("/proc/{pid}/fd");
    let links = numbered(&folder).into_iter();
    let links = links.filter_map(|number| fs::read_link(format!("{folder}/{number}")).ok());
    let inodes = links.filter_map(|link| match descriptor(link.as_os_str().as_bytes()) {
        Descriptor::Socket { inode } => Some(inode),
        _ => None,
    });
    inodes.collect()
}

/// Of a table of local sockets: number, reference count, protocol, flags, type, state, inode, path.
fn of_unix(text: &str, own: &HashSet<u64>) -> u64 {
    let inodes = text.lines().skip(1).filter_map(|line| {
        let inode = line.split_ascii_whitespace().nth(6)?;
        inode.parse::<u64>().ok()
    });
    inodes.filter(|inode| own.contains(inode)).count() as u64
}
