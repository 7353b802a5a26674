//! Series of the target's processes, of what it says of itself, and of the machine.

use std::collections::BTreeMap;

use super::{Source, Table};
use crate::model::{CgroupDetail, Health, HostSample, Sample, TargetDetail, TargetSample};

pub(super) fn add(table: &mut Table, sample: &Sample) {
    let at = sample.at.as_secs_f64();
    table.look(Source::Sample, at);
    host(table, at, &sample.host);
    let up = f64::from(u8::from(sample.target.is_some()));
    table.put("target_up", &[], at, up);
    if let Some(target) = &sample.target {
        processes(table, at, target);
    }
    if let Some(detail) = &sample.detail {
        in_detail(table, at, detail);
    }
    if !sample.scraped.is_empty() {
        table.look(Source::Scrape, at);
    }
    for scraped in &sample.scraped {
        table.add_scraped(&scraped.series, at, scraped.value);
    }
    if !sample.health.is_empty() {
        table.look(Source::Health, at);
    }
    for health in &sample.health {
        component(table, at, health);
    }
}

fn host(table: &mut Table, at: f64, host: &HostSample) {
    table.put("host_cores", &[], at, host.cores as f64);
    table.put(
        "host_steal_seconds_total",
        &[],
        at,
        host.steal.as_secs_f64(),
    );
    table.put("host_busy_seconds_total", &[], at, host.busy.as_secs_f64());
    if let Some(pressure) = host.cpu_pressure {
        let seconds = pressure.as_secs_f64();
        table.put("host_cpu_pressure_seconds_total", &[], at, seconds);
    }
}

fn processes(table: &mut Table, at: f64, target: &TargetSample) {
    for (metric, value) in [
        ("target_cpu_seconds_total", target.cpu.as_secs_f64()),
        ("target_resident_memory_bytes", target.rss.0 as f64),
        ("target_open_fds", target.fds as f64),
        ("target_threads", target.threads as f64),
        ("target_processes", target.processes as f64),
    ] {
        table.put(metric, &[], at, value);
    }
}

fn in_detail(table: &mut Table, at: f64, detail: &TargetDetail) {
    for (mode, time) in [("user", detail.user), ("system", detail.system)] {
        let labels = [("mode", mode)];
        table.put(
            "target_cpu_mode_seconds_total",
            &labels,
            at,
            time.as_secs_f64(),
        );
    }
    for (thread, time) in &detail.thread_cpu {
        let labels = [("thread", thread.as_str())];
        table.put(
            "target_thread_cpu_seconds_total",
            &labels,
            at,
            time.as_secs_f64(),
        );
    }
    for (kind, n) in [
        ("minor", detail.minor_faults),
        ("major", detail.major_faults),
    ] {
        table.put("target_page_faults_total", &[("kind", kind)], at, n as f64);
    }
    for (kind, n) in [
        ("voluntary", detail.voluntary_switches),
        ("involuntary", detail.involuntary_switches),
    ] {
        let labels = [("kind", kind)];
        table.put("target_context_switches_total", &labels, at, n as f64);
    }
    by(table, at, "target_fds", "kind", &detail.descriptors);
    by(
        table,
        at,
        "target_thread_states",
        "state",
        &detail.thread_states,
    );
    by(
        table,
        at,
        "target_threads_waiting",
        "channel",
        &detail.waiting,
    );
    by(table, at, "target_sockets", "state", &detail.sockets);
    if let Some(memory) = detail.memory {
        for (kind, bytes) in [
            ("anonymous", memory.anonymous),
            ("file", memory.file),
            ("shared", memory.shared),
            ("swapped", memory.swapped),
        ] {
            let labels = [("kind", kind)];
            table.put("target_memory_bytes", &labels, at, bytes.0 as f64);
        }
    }
    let known = [
        ("target_max_fds", detail.descriptor_limit),
        ("target_accept_queue", detail.accept_queue),
        ("target_read_bytes_total", detail.read.map(|b| b.0)),
        ("target_written_bytes_total", detail.written.map(|b| b.0)),
    ];
    for (metric, value) in known {
        if let Some(value) = value {
            table.put(metric, &[], at, value as f64);
        }
    }
    if let Some(group) = &detail.cgroup {
        control_group(table, at, group);
    }
}

fn control_group(table: &mut Table, at: f64, group: &CgroupDetail) {
    let counts = [
        ("target_cgroup_periods_total", Some(group.periods)),
        (
            "target_cgroup_throttled_periods_total",
            Some(group.throttled_periods),
        ),
        ("target_cgroup_oom_kills_total", Some(group.oom_kills)),
        ("target_cgroup_memory_bytes", group.memory.map(|b| b.0)),
        (
            "target_cgroup_memory_limit_bytes",
            group.memory_limit.map(|b| b.0),
        ),
    ];
    for (metric, value) in counts {
        if let Some(value) = value {
            table.put(metric, &[], at, value as f64);
        }
    }
    let throttled = group.throttled.as_secs_f64();
    table.put("target_cgroup_throttled_seconds_total", &[], at, throttled);
    if let Some(thousandths) = group.quota_millicores {
        table.put("target_cgroup_cores", &[], at, thousandths as f64 / 1000.0);
    }
}

fn by(table: &mut Table, at: f64, metric: &str, label: &str, counts: &BTreeMap<String, u64>) {
    for (name, n) in counts {
        table.put(metric, &[(label, name)], at, *n as f64);
    }
}

fn component(table: &mut Table, at: f64, health: &Health) {
    let labels = [("name", health.name.as_str())];
    let up = f64::from(u8::from(health.up));
    table.put("health_up", &labels, at, up);
    table.put(
        "health_duration_seconds",
        &labels,
        at,
        health.took.as_secs_f64(),
    );
    for (pointer, value) in &health.readings {
        let labels = [("name", health.name.as_str()), ("pointer", pointer)];
        table.put("health_reading", &labels, at, *value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Scraped, SeriesName};
    use crate::units::{Bytes, Nanos};

    #[test]
    fn each_part_of_a_sample_has_its_series() {
        let sample = Sample {
            at: Nanos::from_secs(2),
            target: Some(TargetSample {
                rss: Bytes(1024),
                ..TargetSample::default()
            }),
            detail: Some(Box::new(TargetDetail {
                waiting: [("futex_wait_queue".to_owned(), 7)].into(),
                ..TargetDetail::default()
            })),
            scraped: vec![Scraped {
                series: SeriesName::new("pool_in_use", &[("pool", "main")]),
                value: 9.0,
            }],
            health: vec![Health {
                name: "database".to_owned(),
                up: true,
                readings: [("/score".to_owned(), 0.9)].into(),
                ..Health::default()
            }],
            ..Sample::default()
        };
        let mut table = Table::default();
        add(&mut table, &sample);
        let last = |metric: &str, labels: &[(&str, &str)]| {
            table
                .get(metric, labels)
                .and_then(super::super::Series::last)
        };
        assert_eq!(last("target_resident_memory_bytes", &[]), Some(1024.0));
        let channel = [("channel", "futex_wait_queue")];
        assert_eq!(last("target_threads_waiting", &channel), Some(7.0));
        assert_eq!(last("pool_in_use", &[("pool", "main")]), Some(9.0));
        let pointer = [("name", "database"), ("pointer", "/score")];
        assert_eq!(last("health_reading", &pointer), Some(0.9));
        assert_eq!(last("target_up", &[]), Some(1.0));
        assert_eq!(last("target_max_fds", &[]), None);
    }
}
