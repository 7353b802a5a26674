//! What else happens on the machine now: it may be over in a minute.

use crate::model::{Activity, Contaminant, Hardware, Reading, Topic};
use crate::units::{Bytes, Nanos, Unit};

const TOPIC: Topic = Topic::Now;

/// Beyond these a reading costs precision, where no limit spoils a round.
const BUSY: f64 = 0.5;
const MEMORY_PRESSURE: f64 = 0.01;
const IO_PRESSURE: f64 = 0.2;
const MEMORY: Bytes = Bytes(512 << 20);
/// A request reads the clock about this often; a microsecond for all of them is not felt.
const CLOCK_READING: Nanos = Nanos(250);

pub(super) fn readings(found: &Activity, hardware: &Hardware) -> Vec<Reading> {
    vec![
        steal(found.steal),
        busy(found.busy),
        cpu_pressure(found.cpu_pressure),
        memory_pressure(found.memory_pressure),
        io_pressure(found.io_pressure),
        swap(found.swapped_in),
        lateness(found.lateness),
        clock(found.clock_reading),
        load(found.load, hardware.cpus.len()),
        memory(found.memory_available),
    ]
}

fn shown(share: Option<f64>) -> Option<String> {
    share.map(|share| Unit::Share.format(share))
}

/// Spoils beyond the limit of what contaminates a round, and in its words.
fn held(reading: Reading, by: Contaminant, value: Option<f64>) -> Reading {
    match value {
        Some(value) if value > by.limit() => reading.spoils(
            format!("{}; limit {}", by.costs(), by.unit().format(by.limit())),
            by.mend(),
        ),
        _ => reading,
    }
}

fn steal(share: Option<f64>) -> Reading {
    let reading = Reading::maybe(TOPIC, "steal", shown(share));
    held(reading, Contaminant::Steal, share)
}

fn busy(share: Option<f64>) -> Reading {
    let reading = Reading::maybe(TOPIC, "CPU in use", shown(share));
    match share {
        Some(share) if share > BUSY => reading.costs(
            format!(
                "others use {} of all CPUs, so generator and target wait for one",
                Unit::Share.format(share)
            ),
            "end what else runs (top shows it), or measure later",
        ),
        _ => reading,
    }
}

fn cpu_pressure(share: Option<f64>) -> Reading {
    let reading = Reading::maybe(TOPIC, "CPU pressure", shown(share));
    if share.is_none() {
        return reading.but(
            "tasks that wait for a CPU are not seen, so rounds they spoil are not left out",
            "boot the kernel with psi=1, which brings /proc/pressure",
        );
    }
    held(reading, Contaminant::CpuPressure, share)
}

fn memory_pressure(share: Option<f64>) -> Reading {
    let reading = Reading::maybe(TOPIC, "memory pressure", shown(share));
    match share {
        Some(share) if share > MEMORY_PRESSURE => reading.costs(
            "tasks stand still until memory is freed: pauses in generator or target",
            "end what else uses memory",
        ),
        _ => reading,
    }
}

fn io_pressure(share: Option<f64>) -> Reading {
    let reading = Reading::maybe(TOPIC, "disk pressure", shown(share));
    match share {
        Some(share) if share > IO_PRESSURE => reading.costs(
            "whatever writes or reads a file waits: the record of the run, and a target that does",
            "end what else uses the disk, or keep reports/ on another (--root)",
        ),
        _ => reading,
    }
}

fn swap(pages: Option<f64>) -> Reading {
    let value = pages.map(|pages| Unit::PerSecond.format(pages) + " pages read back");
    let reading = Reading::maybe(TOPIC, "swap", value);
    held(reading, Contaminant::PageFaults, pages)
}

fn lateness(p99: Option<Nanos>) -> Reading {
    let value = p99.map(|p99| format!("{p99} at p99"));
    let reading = Reading::maybe(TOPIC, "wake-up lateness", value);
    held(reading, Contaminant::Lateness, p99.map(|p99| p99.0 as f64))
}

fn clock(each: Option<Nanos>) -> Reading {
    let value = each.map(|each| format!("{each} for each reading"));
    let reading = Reading::maybe(TOPIC, "clock", value);
    match each {
        Some(each) if each > CLOCK_READING => reading.costs(
            format!(
                "a request reads the clock about four times: {} of CPU time and latency each",
                Nanos(4 * each.0)
            ),
            "see the clock source; a debugger, a tracer or an emulator slows it as well",
        ),
        _ => reading,
    }
}

fn load(load: Option<f64>, cpus: usize) -> Reading {
    let value = load.map(|load| format!("{load:.2}"));
    let reading = Reading::maybe(TOPIC, "load over a minute", value);
    match load {
        Some(load) if cpus > 0 && load > BUSY * cpus as f64 => reading.costs(
            "the machine was busy just now and may become so again",
            "wait a minute and look again",
        ),
        _ => reading,
    }
}

fn memory(available: Option<Bytes>) -> Reading {
    let reading = Reading::maybe(TOPIC, "memory available", available);
    match available {
        Some(available) if available < MEMORY => reading.costs(
            "generator or target may be swapped out or killed",
            "end what else uses memory",
        ),
        _ => reading,
    }
}
