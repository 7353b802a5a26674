//! One behaviour against the real program: one connection, then five hundred, in one run.

use std::collections::BTreeMap;
use std::fs::File;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use plimsoll::model::{Cell, Round, Run};
use plimsoll::store::runs;
use plimsoll::units::Nanos;
use rustix::thread::{CpuSet, sched_setaffinity};

use super::behaviour::{Behaviour, Beside, Speech};
use super::secure;
use super::server::Server;
use crate::common::{Workplace, status_of};

/// What a timeout may be exceeded by.
pub(super) const GRACE: Nanos = Nanos::from_millis(250);

/// What is said of a run that does not end, which no busy machine explains.
pub(super) const HANGING: &str = "it hangs: no end";

/// Longer than any run that ends.
const HANGS: Duration = Duration::from_secs(20);

/// Numbers of the two phases.
const ONE: usize = 0;
const MANY: usize = 1;

/// How a run is loaded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// Of each of the two phases.
    pub(super) phase: Nanos,
    /// Requests a second with many connections; five of six are hostile.
    pub(super) rate: u32,
    /// In place of the rate, so many virtual users; 0 for none.
    pub(super) users: usize,
    /// How long the healthy endpoint takes.
    pub(super) service: Duration,
    /// How many times as long as usual a request may take, and each part of it.
    pub(super) patience: u64,
    /// The program has a core of its own, and the server another.
    pub(super) apart: bool,
}

impl Shape {
    /// Limit of each state: to be connected, to have shaken hands, to the first byte.
    const fn limit(self) -> Nanos {
        Nanos::from_millis(750 * self.patience)
    }

    /// Limit of a whole exchange.
    const fn total(self) -> Nanos {
        Nanos::from_millis(1000 * self.patience)
    }
}

/// What a run has shown.
#[derive(Debug)]
pub(super) struct Seen {
    shape: Shape,
    pub(super) run: Run,
    pub(super) code: Option<i32>,
    stderr: String,
    /// High-water mark of the process's memory, in KiB.
    pub(super) peak: u64,
    /// What of it is due to the behaviour.
    pub(super) grown: u64,
    /// From the beginning of the load to the fate of the last request.
    lasted: Nanos,
    /// Requests on connections that had to be destroyed.
    poisoned: usize,
}

/// Runs the program against a behaviour to its end.
///
/// # Errors
/// When it does not end.
pub(super) fn run(behaviour: &Behaviour, shape: Shape) -> Result<Seen, String> {
    // Threads and processes stay on the core of whoever began them.
    if shape.apart {
        stay_on(1);
    }
    let server = (behaviour.start)();
    server.floor.set_service(shape.service);
    let place = Workplace::new();
    place.write("scenarios/ca.pem", &secure::cards().pem);
    place.write(
        "scenarios/hostile.toml",
        &scenario(behaviour, &server, shape),
    );
    let told = |name| File::create(place.path().join(name)).expect("a file");
    if shape.apart {
        stay_on(0);
    }
    let child = place
        .command(&["run", "hostile"])
        .stdin(Stdio::null())
        .stdout(told("stdout"))
        .stderr(told("stderr"))
        .spawn()
        .expect("it starts");
    if shape.apart {
        stay_on(1);
    }
    let (code, peak) = watch(child)?;
    let stderr = std::fs::read_to_string(place.path().join("stderr")).expect("text");
    let folder = place.runs().pop();
    let folder = folder.ok_or_else(|| format!("left no run, exit {code:?}:\n{stderr}"))?;
    Ok(Seen {
        shape,
        run: runs::read(&folder).map_err(|e| e.to_string())?,
        code,
        stderr,
        peak,
        grown: 0,
        lasted: lasted(&folder)?,
        poisoned: server.floor.poisoned(),
    })
}

/// Keeps this thread on a core; where there is no such core it stays wherever it is.
fn stay_on(core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core);
    let _ = sched_setaffinity(None, &cores);
}

/// Waits for the end of a process, and watches its memory.
fn watch(mut child: Child) -> Result<(Option<i32>, u64), String> {
    let since = Instant::now();
    let mut peak = 0;
    loop {
        peak = peak.max(status_of(child.id(), "VmHWM").unwrap_or(0));
        if let Some(status) = child.try_wait().expect("our own child") {
            return Ok((status.code(), peak));
        }
        if since.elapsed() > HANGS {
            drop(child.kill());
            drop(child.wait());
            return Err(format!("{HANGING} after {HANGS:?}"));
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// End of the last interval.
fn lasted(folder: &std::path::Path) -> Result<Nanos, String> {
    let tail = runs::tail(folder, 1 << 20).map_err(|e| e.to_string())?;
    let lines = String::from_utf8_lossy(&tail.intervals).into_owned();
    let last = lines.lines().last().ok_or("no interval")?;
    let json: serde_json::Value = serde_json::from_str(last).map_err(|e| e.to_string())?;
    let part = |name: &str| json["interval"][name].as_u64();
    match (part("start"), part("length")) {
        (Some(start), Some(length)) => Ok(Nanos(start + length)),
        _ => Err(format!("an interval without a time: {last}")),
    }
}

fn scenario(behaviour: &Behaviour, server: &Server, shape: Shape) -> String {
    let (port, limit) = (server.address.port(), shape.limit());
    let (url, version) = match behaviour.speech {
        Speech::Http1 => (format!("http://127.0.0.1:{port}"), "1.1"),
        Speech::Http2 => (format!("http://127.0.0.1:{port}"), "2"),
        Speech::Https1 => (format!("https://localhost:{port}"), "1.1"),
        Speech::Https2 => (format!("https://localhost:{port}"), "2"),
    };
    let (tls, handshake) = match behaviour.speech {
        Speech::Http1 | Speech::Http2 => ("", String::new()),
        Speech::Https1 | Speech::Https2 => {
            ("tls = { ca = \"ca.pem\" }", format!("tls = \"{limit}\", "))
        }
    };
    // Where it is a connection that is bad, each request has to have one of its own.
    let keep_alive = behaviour.beside == Beside::Path;
    let streams = match version {
        "2" => ", streams = 1",
        _ => "",
    };
    let method = match behaviour.speech {
        Speech::Http2 => "POST",
        _ => "GET",
    };
    let step = match behaviour.beside {
        Beside::Path => "step = \"hostile\"",
        Beside::Connection | Beside::Door => "",
    };
    let (phase, more) = (shape.phase, behaviour.step);
    let load = match shape.users {
        0 => format!("rate = \"{}/s\"", shape.rate),
        users => format!("users = {users}"),
    };
    let total = shape.total();
    format!(
        r#"
name = "hostile"

[target]
url = "{url}"
{tls}
http = {{ version = "{version}", connections = 1200, keep-alive = {keep_alive}{streams} }}
timeouts = {{ connect = "{limit}", {handshake}first-byte = "{limit}", total = "{total}" }}

[[step]]
name = "healthy"
request = "GET /healthy"

[[step]]
name = "hostile"
weight = 5
request = "{method} /hostile"
{more}

[[phase]]
name = "one"
connections = 1
duration = "{phase}"

[[phase]]
name = "many"
{load}
duration = "{phase}"

[[threshold]]
metric = "errors.rate"
{step}
max = "10%"
"#
    )
}

impl Seen {
    pub(super) fn round(&self) -> Result<&Round, String> {
        match &self.run.rounds[..] {
            [round] => Ok(round),
            rounds => Err(format!("{} rounds:\n{}", rounds.len(), self.stderr)),
        }
    }

    fn cells(&self, phase: usize) -> Result<[Cell; 2], String> {
        let mut cells = [Cell::default(), Cell::default()];
        for cell in &self.round()?.cells {
            if cell.phase == phase {
                cells[cell.step].merge(cell);
            }
        }
        Ok(cells)
    }

    /// Failures of the hostile endpoint, and of the healthy one; together where a connection decides
    /// which is which.
    fn hostile(&self, behaviour: &Behaviour, phase: usize) -> Result<Cell, String> {
        let [healthy, mut hostile] = self.cells(phase)?;
        if behaviour.beside != Beside::Path {
            hostile.merge(&healthy);
        }
        Ok(hostile)
    }

    /// 99th percentile of what the healthy endpoint took, with many hostile connections beside.
    pub(super) fn healthy_p99(&self, behaviour: &Behaviour) -> Result<Nanos, String> {
        let [mut healthy, hostile] = self.cells(MANY)?;
        // Where a connection decides which is which, whatever was answered is healthy.
        if behaviour.beside != Beside::Path {
            healthy.merge(&hostile);
        }
        let ok = &healthy.latency.ok;
        let rank = (ok.count() * 99).div_ceil(100);
        ok.at_rank(rank)
            .ok_or_else(|| "no healthy answers".to_owned())
    }

    /// The greatest time by which a request was given up later than it should have been.
    pub(super) fn overrun(&self) -> Result<Nanos, String> {
        let (mut most, total) = (Nanos::ZERO, self.shape.total());
        for cell in &self.round()?.cells {
            if let Some(longest) = cell.latency.censored.at_rank(cell.latency.censored.count()) {
                most = most.max(longest - total.min(longest));
            }
        }
        Ok(most)
    }

    /// What the run was to show of a behaviour.
    ///
    /// # Errors
    /// What it has not.
    pub(super) fn judged(&self, behaviour: &Behaviour) -> Result<(), String> {
        let round = self.round()?;
        if !round.trust.conserved || !round.cells.iter().all(|c| c.tally.conserves()) {
            return Err("the books do not conserve".to_owned());
        }
        if self.stderr.contains("panicked") {
            return Err(self.stderr.clone());
        }
        let mut all = BTreeMap::new();
        for phase in [ONE, MANY] {
            let hostile = self.hostile(behaviour, phase)?;
            if hostile.tally.due == 0 {
                return Err(format!("nothing was asked in phase {phase}"));
            }
            for (&class, &n) in &hostile.tally.failures.0 {
                *all.entry(class).or_insert(0) += n;
            }
            let [healthy, _] = self.cells(phase)?;
            let healthy = match behaviour.beside {
                Beside::Path => &healthy,
                Beside::Connection | Beside::Door => &hostile,
            };
            if phase == MANY && healthy.tally.answered == 0 {
                return Err("no healthy answer".to_owned());
            }
            if behaviour.beside == Beside::Path
                && !healthy.tally.failures.is_empty()
                && !behaviour.maybe
            {
                return Err(format!(
                    "healthy requests fail: {:?}",
                    healthy.tally.failures
                ));
            }
        }
        let others: Vec<_> = all
            .keys()
            .filter(|class| !behaviour.fails.contains(class))
            .collect();
        if !others.is_empty() {
            return Err(format!("wrong class: {all:?}"));
        }
        let usual = behaviour.fails.first();
        if usual.is_some() && all.is_empty() && !behaviour.maybe {
            return Err("nothing failed".to_owned());
        }
        if self.poisoned > 0 {
            return Err(format!("{} requests on broken connections", self.poisoned));
        }
        self.in_time()?;
        self.exits(behaviour)
    }

    fn in_time(&self) -> Result<(), String> {
        let shape = self.shape;
        let overrun = self.overrun()?;
        if overrun > GRACE {
            return Err(format!("a request outlived its timeout by {overrun}"));
        }
        let end = shape.phase + shape.phase + shape.total() + GRACE;
        if self.lasted > end {
            return Err(format!("the load went on for {}", self.lasted));
        }
        Ok(())
    }

    fn exits(&self, behaviour: &Behaviour) -> Result<(), String> {
        let right: &[i32] = if behaviour.maybe {
            &[0, 1]
        } else if behaviour.fails.is_empty() {
            &[0]
        } else {
            &[1]
        };
        let contaminated = !self.round()?.contamination.is_empty();
        match self.code {
            Some(code) if right.contains(&code) => Ok(()),
            // The machine was disturbed, and the program says that it was.
            Some(4) if contaminated => Ok(()),
            code => Err(format!("exit {code:?}, not {right:?}:\n{}", self.stderr)),
        }
    }

    /// Fates of hostile requests, as one reads them.
    pub(super) fn fates(&self, behaviour: &Behaviour) -> String {
        let cells = [ONE, MANY].map(|phase| self.hostile(behaviour, phase));
        let each = cells.into_iter().flatten().map(|cell| {
            let failures = &cell.tally.failures.0;
            let fates = failures.iter().map(|(class, n)| format!("{n} {class}"));
            let fates: Vec<_> = fates.collect();
            format!("{} ok {}", cell.tally.answered, fates.join(" "))
        });
        each.collect::<Vec<_>>().join(" | ")
    }
}
