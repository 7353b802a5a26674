//! The same runs give the same verdict, byte by byte, wherever and however they are compared.

use std::collections::BTreeMap;
use std::path::Path;

use plimsoll::mutant::Mutant;

use crate::common::{Ended, Workplace};
use crate::runs_made::Made;

#[cfg_attr(
    not(feature = "mutants"),
    expect(dead_code, reason = "read by mutants")
)]
pub(crate) const KILLS: &[(Mutant, &str)] = &[(
    Mutant::ComparedByTheClock,
    "verdict::a_comparison_is_the_same_bytes_everywhere",
)];

/// Every format that goes to a file.
const FILES: [&str; 5] = ["a.json", "a.html", "a.md", "a.csv", "a.xml"];

/// With letters beyond ASCII, then without.
const LOCALES: [&[&str]; 2] = [
    &["C.UTF-8", "de_DE.UTF-8", "ja_JP.utf8", "tr_TR.UTF-8", ""],
    &["C", "POSIX", "de_DE.ISO-8859-1"],
];
const ZONES: [&str; 6] = [
    "UTC",
    "Asia/Kathmandu",
    "America/St_Johns",
    "Pacific/Kiritimati",
    "XXX+23:59",
    ":nowhere",
];

/// Two runs of some rounds, of which the second is slower.
fn place() -> Workplace {
    let place = Workplace::new();
    for (number, latency) in [(0, 8e6), (1, 8.4e6)] {
        Made {
            rounds: 6,
            ..Made::of("shop", number, latency)
        }
        .write(place.path());
    }
    place
}

/// How one comparison is made.
struct Way {
    locale: &'static str,
    zone: &'static str,
    threads: usize,
    elsewhere: bool,
}

impl Way {
    fn of(turn: usize, locales: &[&'static str]) -> Self {
        Self {
            locale: locales[turn % locales.len()],
            zone: ZONES[turn % ZONES.len()],
            threads: 1 + turn % 8,
            elsewhere: turn % 3 == 2,
        }
    }

    /// What is said, and what is written to files.
    fn compare(&self, place: &Workplace) -> BTreeMap<String, Vec<u8>> {
        let out = Workplace::new();
        let threads = self.threads.to_string();
        let root = place.path().to_string_lossy().into_owned();
        let [before, now] = [0, 1].map(|number| Made::of("shop", number, 8e6).id());
        let mut args = vec!["compare", &before, &now];
        let files = FILES.map(|name| out.path().join(name).to_string_lossy().into_owned());
        for file in &files {
            args.extend(["-o", file]);
        }
        if self.elsewhere {
            args.extend(["--root", &root]);
        }
        let mut command = place.command(&args);
        let output = command
            .current_dir(if self.elsewhere {
                Path::new("/")
            } else {
                place.path()
            })
            .envs(["LANG", "LC_ALL", "LC_NUMERIC", "LC_TIME"].map(|name| (name, self.locale)))
            .envs(
                [
                    "RAYON_NUM_THREADS",
                    "TOKIO_WORKER_THREADS",
                    "OMP_NUM_THREADS",
                ]
                .map(|name| (name, &threads)),
            )
            .env("TZ", self.zone)
            .output();
        let ended = Ended::from(output.expect("starts")).exits(1);
        let mut said: BTreeMap<String, Vec<u8>> = FILES
            .iter()
            .map(|name| {
                let bytes = std::fs::read(out.path().join(name));
                ((*name).to_owned(), bytes.expect("it is written"))
            })
            .collect();
        said.insert("text".to_owned(), ended.stdout.into_bytes());
        said
    }
}

#[test]
fn a_comparison_is_the_same_bytes_everywhere() {
    const TIMES: usize = 50;
    let place = place();
    let [letters, ascii] = LOCALES.map(|locales| {
        let first = Way::of(0, locales).compare(&place);
        for turn in 1..TIMES {
            let other = Way::of(turn, locales).compare(&place);
            for (what, bytes) in &first {
                assert!(bytes == &other[what], "turn {turn}: {what} is another");
            }
        }
        first
    });
    // On a terminal without letters beyond ASCII they are written otherwise; files are the same.
    assert!(ascii["text"].is_ascii() && !letters["text"].is_ascii());
    for name in FILES {
        assert!(letters[name] == ascii[name], "{name} is another");
    }
    println!(
        "A12: {} comparisons over locales, time zones, threads and folders: one byte string for each of JSON, HTML, Markdown, CSV and JUnit, and one for each alphabet of a terminal",
        2 * TIMES
    );
}
