//! `doctor` on machines that are made up, at every width, and on this one.

#![expect(clippy::print_stderr, reason = "a test that skips says so")]

mod common;

use std::fs;
use std::path::Path;

use common::Workplace;
use plimsoll::fitness;
use plimsoll::model::{Activity, Checkup, DiskDelay, Survey};
use plimsoll::observe::{Counters, Machine};
use plimsoll::report::{TextStyle, Verbosity, checkup_json, checkup_text};
use plimsoll::units::Nanos;

/// Files of a machine, by their paths.
type Files<'a> = &'a [(&'a str, &'a str)];

const LAPTOP: Files<'_> = &[
    (
        "proc/cpuinfo",
        "processor\t: 0\nmodel name\t: Made-up Core 5\nflags\t\t: fpu tsc aperfmperf\n",
    ),
    (
        "proc/self/status",
        "Name:\tplimsoll\nCpus_allowed_list:\t0-3\n",
    ),
    (
        "proc/self/limits",
        "Limit          Soft Limit  Hard Limit  Units\nMax open files 1024        1048576     files\n",
    ),
    ("proc/self/cgroup", "0::/user.slice/session.scope\n"),
    ("proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n"),
    ("proc/sys/net/core/somaxconn", "4096\n"),
    (
        "proc/meminfo",
        "MemTotal:  16384000 kB\nMemAvailable:  9216000 kB\n",
    ),
    ("proc/loadavg", "0.31 0.20 0.10 1/400 4242\n"),
    ("sys/devices/system/cpu/online", "0-3\n"),
    ("sys/devices/system/cpu/isolated", "\n"),
    (
        "sys/devices/system/cpu/cpu0/topology/thread_siblings_list",
        "0,2\n",
    ),
    (
        "sys/devices/system/cpu/cpu1/topology/thread_siblings_list",
        "1,3\n",
    ),
    (
        "sys/devices/system/cpu/cpu2/topology/thread_siblings_list",
        "0,2\n",
    ),
    (
        "sys/devices/system/cpu/cpu3/topology/thread_siblings_list",
        "1,3\n",
    ),
    (
        "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
        "powersave\n",
    ),
    (
        "sys/devices/system/cpu/cpu1/cpufreq/scaling_governor",
        "powersave\n",
    ),
    (
        "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_min_freq",
        "400000\n",
    ),
    (
        "sys/devices/system/cpu/cpu0/cpufreq/base_frequency",
        "2400000\n",
    ),
    (
        "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq",
        "4200000\n",
    ),
    ("sys/devices/system/cpu/intel_pstate/no_turbo", "0\n"),
    (
        "sys/devices/system/clocksource/clocksource0/current_clocksource",
        "tsc\n",
    ),
    (
        "sys/kernel/mm/transparent_hugepage/enabled",
        "[always] madvise never\n",
    ),
    (
        "sys/kernel/mm/transparent_hugepage/defrag",
        "always defer defer+madvise [madvise] never\n",
    ),
];

const CONTAINER: Files<'_> = &[
    (
        "proc/cpuinfo",
        "processor\t: 0\nmodel name\t: Made-up Server CPU\nflags\t\t: fpu tsc hypervisor\n",
    ),
    ("proc/self/status", "Cpus_allowed_list:\t0-1\n"),
    (
        "proc/self/limits",
        "Max open files            1048576              1048576              files\n",
    ),
    ("proc/self/cgroup", "0::/\n"),
    ("sys/fs/cgroup/cpu.max", "150000 100000\n"),
    (
        "sys/fs/cgroup/cpu.stat",
        "usage_usec 812345\nnr_periods 40\nnr_throttled 7\nthrottled_usec 350000\n",
    ),
    ("sys/fs/cgroup/memory.max", "268435456\n"),
    ("proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n"),
    ("proc/sys/net/core/somaxconn", "128\n"),
    ("sys/devices/system/cpu/online", "0-1\n"),
    (
        "sys/class/dmi/id/product_name",
        "Standard PC (Q35), QEMU \u{1b}[31m\n",
    ),
    (
        "sys/devices/system/clocksource/clocksource0/current_clocksource",
        "kvm-clock\n",
    ),
];

/// Counters of two moments, in ticks of a hundredth of a second and in microseconds.
const BEFORE: Files<'_> = &[
    (
        "proc/stat",
        "cpu  100 0 100 9000 0 0 0 50 0 0\ncpu0 1 0 1 1 0 0 0 0 0 0\ncpu1 1 0 1 1 0 0 0 0 0 0\n",
    ),
    (
        "proc/pressure/cpu",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=1000000\n",
    ),
    (
        "proc/pressure/memory",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
    ),
    (
        "proc/pressure/io",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=5000\n",
    ),
    ("proc/vmstat", "pgpgin 1\npswpin 0\npswpout 0\n"),
];
const QUIET: Files<'_> = &[
    (
        "proc/stat",
        "cpu  102 0 101 9190 0 0 0 50 0 0\ncpu0 1 0 1 1 0 0 0 0 0 0\ncpu1 1 0 1 1 0 0 0 0 0 0\n",
    ),
    (
        "proc/pressure/cpu",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=1010000\n",
    ),
    (
        "proc/pressure/memory",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
    ),
    (
        "proc/pressure/io",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=15000\n",
    ),
    ("proc/vmstat", "pgpgin 1\npswpin 0\npswpout 0\n"),
];
const BUSY: Files<'_> = &[
    (
        "proc/stat",
        "cpu  190 0 130 9020 0 0 0 110 0 0\ncpu0 1 0 1 1 0 0 0 0 0 0\ncpu1 1 0 1 1 0 0 0 0 0 0\n",
    ),
    (
        "proc/pressure/cpu",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=1900000\n",
    ),
    (
        "proc/pressure/memory",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=50000\n",
    ),
    (
        "proc/pressure/io",
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=15000\n",
    ),
    ("proc/vmstat", "pgpgin 1\npswpin 900\npswpout 900\n"),
];

fn write(root: &Path, files: Files<'_>) {
    for (name, text) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        fs::write(path, text).expect("a file");
    }
}

/// The machine of some files, after a second in which its counters grew.
fn checkup(files: Files<'_>, later: Files<'_>, lateness: Nanos) -> Checkup {
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), files);
    write(root.path(), BEFORE);
    let machine = Machine::below(root.path());
    let first = Counters::read(&machine);
    write(root.path(), later);
    let activity = Counters::read(&machine).since(&first, Nanos::SECOND);
    fitness::judge(&Survey {
        hardware: machine.hardware(),
        activity: Activity {
            lateness: Some(lateness),
            clock_reading: Some(Nanos(28)),
            ..activity
        },
        limits: machine.limits(),
        disk: Some(DiskDelay {
            median: Nanos(410_000),
            worst: Nanos::from_millis(3),
            writes: 20,
        }),
        instrument: None,
    })
}

/// The page at three widths, and with fewer letters.
fn pages(checkup: &Checkup) -> String {
    let style = |width, unicode| TextStyle {
        width,
        colour: false,
        unicode,
        verbosity: Verbosity::Normal,
    };
    let styles = [
        style(60, true),
        style(80, true),
        style(120, true),
        style(80, false),
    ];
    let page = |style: TextStyle| {
        let text = checkup_text(checkup, style);
        for line in text.lines() {
            assert!(
                line.chars().count() <= style.width,
                "{} columns: {line}",
                style.width
            );
            assert_eq!(line, line.trim_end());
        }
        assert!(!text.contains('\u{1b}'), "{text}");
        assert!(style.unicode || text.is_ascii(), "{text}");
        let letters = if style.unicode { "" } else { ", ASCII" };
        format!("── {} columns{letters}\n{text}", style.width)
    };
    styles.map(page).join("\n")
}

/// Ticks are of a hundredth of a second nearly everywhere.
fn usual_ticks() -> bool {
    let usual = rustix::param::clock_ticks_per_second() == 100;
    if !usual {
        eprintln!("skipped: this kernel counts CPU time in other ticks");
    }
    usual
}

#[test]
fn a_laptop_is_costly_by_how_it_is_set_up() {
    if usual_ticks() {
        insta::assert_snapshot!(pages(&checkup(LAPTOP, QUIET, Nanos(70_000))));
    }
}

#[test]
fn a_busy_container_is_unfit_just_now() {
    if usual_ticks() {
        insta::assert_snapshot!(pages(&checkup(CONTAINER, BUSY, Nanos::from_millis(7))));
    }
}

#[test]
fn a_machine_without_sys_and_pressure_says_what_it_does_not_tell() {
    let root = tempfile::tempdir().expect("a folder");
    let machine = Machine::below(root.path());
    let first = Counters::read(&machine);
    let checkup = fitness::judge(&Survey {
        hardware: machine.hardware(),
        activity: Counters::read(&machine).since(&first, Nanos::SECOND),
        limits: machine.limits(),
        disk: None,
        instrument: None,
    });
    insta::assert_snapshot!(pages(&checkup));
}

#[test]
fn colour_changes_nothing_but_colour() {
    let checkup = checkup(CONTAINER, BUSY, Nanos::from_millis(7));
    let style = TextStyle {
        colour: true,
        ..TextStyle::default()
    };
    let coloured = checkup_text(&checkup, style);
    assert!(coloured.contains("\u{1b}["));
    let bare = anstream::adapter::strip_str(&coloured).to_string();
    assert_eq!(bare, checkup_text(&checkup, TextStyle::default()));
}

#[test]
fn the_json_form_has_every_reading_and_a_version() {
    let checkup = checkup(LAPTOP, QUIET, Nanos(70_000));
    let json: serde_json::Value =
        serde_json::from_str(&checkup_json(&checkup, None)).expect("JSON");
    assert_eq!(json["schema"], 1);
    assert_eq!(json["verdict"], "costly");
    assert_eq!(json["instrument"], serde_json::Value::Null);
    let readings = json["readings"].as_array().expect("a list");
    assert_eq!(readings.len(), checkup.readings.len());
    let governor = readings
        .iter()
        .find(|r| r["name"] == "governor")
        .expect("a reading");
    assert_eq!(governor["topic"], "machine");
    assert_eq!(governor["verdict"], "costs");
    assert_eq!(governor["mend"], "cpupower frequency-set -g performance");
}

#[test]
fn this_machine_is_told_and_the_exit_code_is_no_gate() {
    let place = Workplace::new();
    let shown = place.run(&["doctor"]).exits(0).stdout;
    for part in [
        "the machine",
        "governor",
        "steal",
        "open files",
        "disk of reports/",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let json = place.run(&["doctor", "--json"]).exits(0).json();
    assert!(["fit", "costly", "unfit"].contains(&json["verdict"].as_str().expect("a word")));
    assert!(place.runs().is_empty() && !place.path().join("reports").exists());
}
