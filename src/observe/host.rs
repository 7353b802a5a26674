//! The machine's own counters: CPU time by kind, and pressure.

use std::fs::File;
use std::os::unix::fs::FileExt;

use super::parse::machine::{self as parse, CpuTicks};
use crate::model::HostSample;
use crate::units::Nanos;

/// Length of the tick that the kernel counts CPU time in, 10 ms nearly everywhere.
pub(super) fn tick() -> Nanos {
    Nanos(1_000_000_000 / rustix::param::clock_ticks_per_second().max(1))
}

/// Reads the counters again and again; files are opened once.
#[derive(Debug)]
pub(super) struct Host {
    stat: Option<File>,
    pressure: Option<File>,
    first: Counters,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counters {
    cpu: CpuTicks,
    pressure: Option<Nanos>,
}

impl Host {
    /// Counts from now.
    pub(super) fn new() -> Self {
        let mut host = Self {
            stat: File::open("/proc/stat").ok(),
            pressure: File::open("/proc/pressure/cpu").ok(),
            first: Counters::default(),
        };
        host.restart();
        host
    }

    /// Counts from now on.
    pub(super) fn restart(&mut self) {
        self.first = self.counters();
    }

    pub(super) fn read(&self) -> HostSample {
        difference(self.first, self.counters(), tick())
    }

    fn counters(&self) -> Counters {
        let stat = self.stat.as_ref().and_then(again);
        let pressure = self.pressure.as_ref().and_then(again);
        Counters {
            cpu: stat
                .and_then(|text| parse::cpu_ticks(&text))
                .unwrap_or_default(),
            pressure: pressure.and_then(|text| parse::some_pressure(&text)),
        }
    }
}

fn difference(first: Counters, now: Counters, tick: Nanos) -> HostSample {
    let since = |first: u64, now: u64| Nanos(now.saturating_sub(first) * tick.0);
    HostSample {
        cores: now.cpu.cores,
        cpu_pressure: first
            .pressure
            .zip(now.pressure)
            .map(|(first, now)| now - first),
        steal: since(first.cpu.steal, now.cpu.steal),
        busy: since(first.cpu.busy, now.cpu.busy),
    }
}

/// Reads a file of `/proc` from its beginning: each reading is made afresh by the kernel.
pub(super) fn again(file: &File) -> Option<String> {
    let mut text = Vec::with_capacity(4096);
    let mut buffer = [0; 4096];
    loop {
        match file.read_at(&mut buffer, text.len() as u64) {
            Ok(0) => break,
            Ok(n) => text.extend_from_slice(&buffer[..n]),
            Err(_) => return None,
        }
    }
    String::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_told_from_the_beginning_in_nanoseconds() {
        let counters = |busy, steal, pressure: Option<u64>| Counters {
            cpu: CpuTicks {
                cores: 4,
                busy,
                steal,
            },
            pressure: pressure.map(Nanos),
        };
        let tick = Nanos::from_millis(10);
        assert_eq!(
            difference(counters(100, 7, Some(50)), counters(130, 8, Some(90)), tick),
            HostSample {
                cores: 4,
                cpu_pressure: Some(Nanos(40)),
                steal: Nanos::from_millis(10),
                busy: Nanos::from_millis(300),
            }
        );
        let blind = difference(counters(100, 7, None), counters(90, 8, Some(90)), tick);
        assert_eq!((blind.cpu_pressure, blind.busy), (None, Nanos::ZERO));
    }

    #[test]
    fn this_machine_has_cores_and_was_busy() {
        let host = Host::new();
        assert!(host.read().cores > 0);
        assert!(host.counters().cpu.busy > 0);
    }
}
