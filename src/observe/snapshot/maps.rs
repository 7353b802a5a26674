//! The memory of a process, summed by what is mapped; never what is in it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::patient::{self, Patient};
use crate::model::{Author, Exhibit, Snapshot, Unread};

/// Bytes that are read of it.
const MOST: usize = 16 << 20;

/// Mappings that are shown, the largest.
const SHOWN: usize = 200;

/// Kibibytes of one thing that is mapped, over all its mappings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Mapped {
    mappings: u64,
    size: u64,
    resident: u64,
    swapped: u64,
}

/// Reads the mappings of a process.
pub(super) fn read(patient: &mut Patient, pid: u32, snapshot: &mut Snapshot) {
    let found = patient.gather(move |tell| {
        let _ = tell.send(patient::file(format!("/proc/{pid}/smaps").as_ref(), MOST));
    });
    let what = format!("/proc/{pid}/smaps");
    let read = match (found.pieces.into_iter().next(), found.end) {
        (Some(Ok(read)), _) => read,
        (Some(Err(error)), _) => {
            snapshot
                .unread
                .push(Unread::new(what, super::reason(&error)));
            return;
        }
        (None, end) => {
            let why = end
                .err()
                .map_or("it is gone".to_owned(), |why| why.to_string());
            snapshot.unread.push(Unread::new(what, why));
            return;
        }
    };
    let mapped = summed(&String::from_utf8_lossy(&read.bytes));
    let path = format!("process-{pid}/memory-map.txt");
    let tells = "its memory by what is mapped: number, size, resident and swapped";
    let mut exhibit = Exhibit::new(path, tells, table(&mapped)).by(Author::Quoted);
    exhibit.cut = read.cut;
    snapshot.exhibits.push(exhibit);
}

fn summed(text: &str) -> BTreeMap<String, Mapped> {
    let mut all: BTreeMap<String, Mapped> = BTreeMap::new();
    let mut name = String::new();
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let first = words.next().unwrap_or_default();
        if let Some(key) = first.strip_suffix(':') {
            let kib = words.next().and_then(|n| n.parse::<u64>().ok());
            if let (Some(mapped), Some(kib)) = (all.get_mut(&name), kib) {
                match key {
                    "Size" => mapped.size += kib,
                    "Rss" => mapped.resident += kib,
                    "Swap" => mapped.swapped += kib,
                    _ => {}
                }
            }
        } else if first.contains('-') {
            // Address, rights, offset, device and inode come before the path.
            let path = words.skip(4).collect::<Vec<_>>().join(" ");
            name = if path.is_empty() {
                "anonymous".to_owned()
            } else {
                path
            };
            all.entry(name.clone()).or_default().mappings += 1;
        }
    }
    all
}

fn table(mapped: &BTreeMap<String, Mapped>) -> String {
    let mut rows: Vec<_> = mapped.iter().collect();
    rows.sort_by_key(|(_, m)| std::cmp::Reverse((m.resident, m.size)));
    let mut text = "mappings\tsize KiB\tresident KiB\tswapped KiB\twhat\n".to_owned();
    for (name, m) in rows.iter().take(SHOWN) {
        let name = super::one_line(name.as_bytes());
        let _ = writeln!(
            text,
            "{}\t{}\t{}\t{}\t{name}",
            m.mappings, m.size, m.resident, m.swapped
        );
    }
    if rows.len() > SHOWN {
        let _ = writeln!(text, "and {} smaller ones", rows.len() - SHOWN);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mappings_of_one_file_are_summed() {
        let text = "55d0-55d1 r--p 00000000 08:01 42 /usr/bin/my shop\nSize:  8 kB\nRss:  4 kB\nSwap:  0 kB\nVmFlags: rd mr\n\
                    55d1-55d2 r-xp 00001000 08:01 42 /usr/bin/my shop\nSize:  16 kB\nRss:  16 kB\nSwap:  2 kB\n\
                    7f00-7f01 rw-p 00000000 00:00 0 \nSize:  100 kB\nRss:  60 kB\nSwap:  0 kB\n";
        let mapped = summed(text);
        let shop = Mapped {
            mappings: 2,
            size: 24,
            resident: 20,
            swapped: 2,
        };
        assert_eq!(mapped["/usr/bin/my shop"], shop);
        let table = table(&mapped);
        assert_eq!(table.lines().nth(1), Some("1\t100\t60\t0\tanonymous"));
    }
}
