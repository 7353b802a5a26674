//! What a heavy load may run into: descriptors, ports, the queue of a listener, the disk of the record.

use crate::model::{Contaminant, DiskDelay, LimitsFound, Reading, Topic};
use crate::units::{Nanos, Rate};

const TOPIC: Topic = Topic::Limits;

const DESCRIPTORS: u64 = 4096;
/// Of Plimsoll itself, beside the connections.
const OWN_DESCRIPTORS: u64 = 64;
const PORTS: u64 = 10_000;
/// A closed connection keeps its port for so long.
const TIME_WAIT: f64 = 60.0;
const BACKLOG: u64 = 1024;
/// The record of a second is made durable before the next; an interval later it has fallen behind.
const DISK: Nanos = Nanos::from_millis(100);

pub(super) fn readings(found: &LimitsFound, disk: Option<DiskDelay>) -> Vec<Reading> {
    vec![
        descriptors(found),
        ports(found.ports),
        backlog(found.backlog),
        delay(disk),
    ]
}

fn descriptors(found: &LimitsFound) -> Reading {
    let name = "open files";
    let Some(limit) = found.descriptors else {
        return Reading::untold(TOPIC, name);
    };
    let at_most = found.descriptors_at_most.unwrap_or(limit);
    let shown = |limit: u64| match limit {
        u64::MAX => "no limit".to_owned(),
        n => n.to_string(),
    };
    let more = if at_most > limit {
        format!(", {} after ulimit -n", shown(at_most))
    } else {
        String::new()
    };
    let reading = Reading::new(TOPIC, name, format!("{}{more}", shown(limit)));
    if limit >= DESCRIPTORS {
        return reading;
    }
    let connections = limit.saturating_sub(OWN_DESCRIPTORS);
    let wanted = 65_536.min(at_most);
    let mend = if wanted > limit {
        format!("ulimit -n {wanted}")
    } else {
        "raise the hard limit: nofile in /etc/security/limits.conf, LimitNOFILE= of a service"
            .to_owned()
    };
    let costs =
        format!("beyond some {connections} connections requests fail by the generator's fault");
    reading.costs(costs, mend)
}

fn ports(ports: Option<u64>) -> Reading {
    let reading = Reading::maybe(TOPIC, "local ports", ports);
    match ports {
        Some(ports) if ports < PORTS => reading.costs(
            format!(
                "a closed connection keeps its port for a minute: without keep-alive {} to one address, \
                 and then there are none",
                Rate((ports as f64 / TIME_WAIT).floor())
            ),
            "sysctl -w net.ipv4.ip_local_port_range='10000 65000'",
        ),
        _ => reading,
    }
}

fn backlog(backlog: Option<u64>) -> Reading {
    let reading = Reading::maybe(TOPIC, "accept queue", backlog);
    match backlog {
        Some(backlog) if backlog < BACKLOG => reading.costs(
            format!(
                "of more than {backlog} connections that open at once the rest waits 1 s and longer to be \
                 asked again, which looks like a slow target"
            ),
            "sysctl -w net.core.somaxconn=4096",
        ),
        _ => reading,
    }
}

fn delay(disk: Option<DiskDelay>) -> Reading {
    let name = "disk of reports/";
    let Some(DiskDelay {
        median,
        worst,
        writes,
    }) = disk
    else {
        return Reading {
            value: "not told: nothing may be written there".to_owned(),
            ..Reading::untold(TOPIC, name)
        };
    };
    let value = format!("{median} until a write is durable, {worst} at worst of {writes}");
    let reading = Reading::new(TOPIC, name, value);
    let by = Contaminant::RecordDelay;
    if worst.0 as f64 > by.limit() {
        reading.spoils(by.costs(), by.mend())
    } else if worst > DISK {
        reading.costs(
            "each second is reported when it is durable, so guard, limits and alerts are late by that much",
            by.mend(),
        )
    } else {
        reading
    }
}
