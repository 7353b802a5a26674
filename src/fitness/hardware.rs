//! How the machine is built and set up: what it costs every measurement, today and tomorrow.

use crate::model::{CpuQuota, Frequency, Hardware, HugePages, Reading, Topic, Turbo, TurboSwitch};
use crate::units::{Bytes, Nanos};

const TOPIC: Topic = Topic::Machine;

/// Less memory than this is too little for generator, target and the kernel's buffers.
const MEMORY: Bytes = Bytes(512 << 20);

/// Clock sources that are read by asking a slow device, or that only step with a timer.
const SLOW_CLOCKS: [&str; 4] = ["hpet", "acpi_pm", "jiffies", "refined-jiffies"];

pub(super) fn readings(found: &Hardware) -> Vec<Reading> {
    vec![
        cpu(found),
        cores(found),
        threads(found),
        governor(found),
        turbo(found.turbo, found.frequency),
        quota(found.quota, found.cpus.len()),
        memory(found.memory_limit),
        clock(found.clock_source.as_deref()),
        huge_pages(found.huge_pages.as_ref()),
    ]
}

fn cpu(found: &Hardware) -> Reading {
    let Some(model) = &found.model else {
        return Reading::untold(TOPIC, "CPU");
    };
    let within = found.hypervisor.as_ref();
    let within = within.map_or_else(String::new, |name| format!(", virtual ({name})"));
    Reading::new(
        TOPIC,
        "CPU",
        format!("{} × {model}{within}", found.cpus.len()),
    )
}

fn cores(found: &Hardware) -> Reading {
    let name = "CPUs allowed";
    if found.allowed.is_empty() {
        return Reading::untold(TOPIC, name);
    }
    let set_apart = if found.isolated.is_empty() {
        String::new()
    } else {
        format!(", {} isolated", list(&found.isolated))
    };
    let value = format!("{} of {}{set_apart}", found.allowed.len(), found.cpus.len());
    let reading = Reading::new(TOPIC, name, value);
    let unused = |cpu: &&u32| !found.allowed.contains(cpu);
    if found.allowed.len() < 2 {
        reading.costs(
            "generator and target share a CPU, and each slows the other",
            "use a machine with two CPUs or more, and lift limits of taskset and cpuset",
        )
    } else if !found.isolated.is_empty() && found.isolated.iter().all(|cpu| unused(&cpu)) {
        reading.but(
            "nothing: the CPUs set apart for quiet are not used",
            format!("taskset -c {} plimsoll …", list(&found.isolated)),
        )
    } else {
        reading
    }
}

/// Two threads of one core are no two CPUs.
fn threads(found: &Hardware) -> Reading {
    let name = "threads of a core";
    let allowed = |core: &&Vec<u32>| {
        core.iter()
            .filter(|cpu| found.allowed.contains(cpu))
            .count()
            > 1
    };
    let shared: Vec<&Vec<u32>> = found.siblings.iter().filter(allowed).collect();
    let Some(most) = found.siblings.iter().map(Vec::len).max() else {
        return match found.cpus.as_slice() {
            [] => Reading::untold(TOPIC, name),
            _ => Reading::new(TOPIC, name, "1"),
        };
    };
    let reading = Reading::new(TOPIC, name, most.to_string());
    if shared.is_empty() {
        return reading;
    }
    let is_second = |cpu: &&u32| shared.iter().any(|core| core[1..].contains(cpu));
    let firsts: Vec<u32> = found
        .allowed
        .iter()
        .filter(|c| !is_second(c))
        .copied()
        .collect();
    let mend = if firsts.len() > 1 {
        format!(
            "taskset -c {} plimsoll …: one thread of each core",
            list(&firsts)
        )
    } else {
        "use a machine with two cores or more".to_owned()
    };
    reading.costs(
        "beside a busy sibling a thread runs at roughly two thirds of its speed: times and CPU per \
         request depend on where the scheduler puts generator and target",
        mend,
    )
}

fn governor(found: &Hardware) -> Reading {
    let name = "governor";
    if found.governors.is_empty() {
        return Reading {
            value: "not told here: decided outside, or fixed".to_owned(),
            ..Reading::untold(TOPIC, name)
        };
    }
    let reading = Reading::new(TOPIC, name, found.governors.join(", "));
    if found
        .governors
        .iter()
        .all(|governor| governor == "performance")
    {
        return reading;
    }
    let by = found.frequency.map_or_else(String::new, |f| {
        let factor = ratio(f.most, f.least);
        format!(
            " ({} to {}: by up to a factor of {factor:.1})",
            ghz(f.least),
            ghz(f.most)
        )
    });
    reading.costs(
        format!("the clock follows the load{by}, and CPU per request and latency follow the clock"),
        "cpupower frequency-set -g performance",
    )
}

fn turbo(turbo: Option<Turbo>, frequency: Option<Frequency>) -> Reading {
    let name = "turbo";
    let Some(Turbo { on, switch }) = turbo else {
        return Reading::untold(TOPIC, name);
    };
    let reading = Reading::new(TOPIC, name, if on { "on" } else { "off" });
    if !on {
        return reading;
    }
    let above = frequency.and_then(|f| Some((ghz(f.base?), ratio(f.most, f.base?))));
    let by = above.map_or_else(String::new, |(base, factor)| {
        format!(", by up to {:.0} % above {base}", (factor - 1.0) * 100.0)
    });
    reading.costs(
        format!("how fast a CPU runs depends on its heat and on how many others are busy{by}"),
        match switch {
            TurboSwitch::IntelPstate => "echo 1 > /sys/devices/system/cpu/intel_pstate/no_turbo",
            TurboSwitch::Boost => "echo 0 > /sys/devices/system/cpu/cpufreq/boost",
        },
    )
}

fn quota(quota: Option<CpuQuota>, cpus: usize) -> Reading {
    let name = "CPU quota";
    let Some(quota) = quota else {
        return Reading::new(TOPIC, name, "none");
    };
    let cores = quota.time.as_secs_f64() / quota.period.as_secs_f64().max(1e-9);
    let throttled = match quota.throttled {
        None | Some(0) => String::new(),
        Some(n) => format!(", used up {n} times so far"),
    };
    let reading = Reading::new(TOPIC, name, format!("{cores:.1} CPUs{throttled}"));
    let longest = quota
        .period
        .saturating_sub(Nanos(quota.time.0 / cpus.max(1) as u64));
    if longest.is_zero() {
        return reading;
    }
    reading.costs(
        format!("when it is used up all processes halt until the next period, for up to {longest}"),
        "lift the CPU limit of the container; requests and reservations do no harm",
    )
}

fn memory(limit: Option<Bytes>) -> Reading {
    let name = "memory limit";
    let Some(limit) = limit else {
        return Reading::new(TOPIC, name, "none");
    };
    let reading = Reading::new(TOPIC, name, limit.to_string());
    if limit >= MEMORY {
        return reading;
    }
    reading.costs(
        "generator or target may be killed, or wait until memory is freed",
        format!("raise the memory limit of the container to {MEMORY} or more"),
    )
}

fn clock(source: Option<&str>) -> Reading {
    let reading = Reading::maybe(TOPIC, "clock source", source);
    match source {
        Some(source) if SLOW_CLOCKS.contains(&source) => reading.costs(
            "a reading of the clock asks a slow device or is coarse, and each request takes several",
            "boot with clocksource=tsc where the hardware allows it",
        ),
        _ => reading,
    }
}

/// With `always` and direct reclaim an allocation may wait for memory to be moved together.
fn huge_pages(found: Option<&HugePages>) -> Reading {
    let name = "huge pages";
    let Some(HugePages { enabled, defrag }) = found else {
        return Reading::untold(TOPIC, name);
    };
    let defrag_shown = defrag
        .as_ref()
        .map_or_else(String::new, |d| format!(", defrag {d}"));
    let reading = Reading::new(TOPIC, name, format!("{enabled}{defrag_shown}"));
    if enabled == "always" && defrag.as_deref() == Some("always") {
        return reading.costs(
            "an allocation may wait while memory is moved together, and memory.rss.* grows in steps of 2 MiB",
            "echo madvise > /sys/kernel/mm/transparent_hugepage/defrag",
        );
    }
    reading
}

fn ratio(most: u64, least: u64) -> f64 {
    most as f64 / least.max(1) as f64
}

/// Of kHz.
fn ghz(khz: u64) -> String {
    format!("{:.1} GHz", khz as f64 / 1e6)
}

/// Numbers as the kernel and taskset write them: `0-3,8`.
fn list(cpus: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for cpu in cpus {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *cpu => *last = *cpu,
            _ => ranges.push((*cpu, *cpu)),
        }
    }
    let shown: Vec<String> = ranges
        .iter()
        .map(|(first, last)| match last - first {
            0 => first.to_string(),
            _ => format!("{first}-{last}"),
        })
        .collect();
    shown.join(",")
}
