//! Targets that are there already: found, asked for their metrics and health, and recorded.

mod common;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use common::Workplace;
use plimsoll::model::{Estimate, Metric, Run, SeriesName, Verdict};
use plimsoll::{series, store};

/// A service of this test's own process, with metrics and health.
struct Service {
    port: u16,
    healthy: Arc<AtomicBool>,
    items: Arc<AtomicU64>,
}

impl Service {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let service = Self {
            port: listener.local_addr().expect("an address").port(),
            healthy: Arc::new(AtomicBool::new(true)),
            items: Arc::new(AtomicU64::new(0)),
        };
        let (healthy, items) = (Arc::clone(&service.healthy), Arc::clone(&service.items));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (healthy, items) = (Arc::clone(&healthy), Arc::clone(&items));
                // A client that goes away ends its connection's thread.
                thread::spawn(move || drop(serve(&stream, &healthy, &items)));
            }
        });
        service
    }

    /// A scenario for it; `more` are keys of the target.
    fn scenario(&self, more: &str) -> String {
        format!(
            r#"
name = "shop"

[target]
url = "http://127.0.0.1:{port}"
metrics = ["/metrics", "/nowhere"]
{more}

[[health]]
name = "database"
get = "/health/database"
every = "1s"
read = ["/overall_score", "/ready"]

[[step]]
name = "items"
request = "GET /items"

[[phase]]
name = "steady"
rate = "50/s"
duration = "3s"

[[threshold]]
metric = "fds.peak"
max = 1000000

[[threshold]]
metric = "health.score"
min = "99%"
"#,
            port = self.port
        )
    }
}

fn serve(stream: &TcpStream, healthy: &AtomicBool, items: &AtomicU64) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream.try_clone()?;
    let mut line = String::new();
    let mut path = String::new();
    while reader.read_line(&mut line)? > 0 {
        if let Some(rest) = line.strip_prefix("GET ") {
            rest.split(' ')
                .next()
                .unwrap_or_default()
                .clone_into(&mut path);
        }
        if line == "\r\n" {
            let (status, body) = match path.as_str() {
                "/items" => {
                    items.fetch_add(1, Ordering::SeqCst);
                    (200, "[]".to_owned())
                }
                "/metrics" => {
                    let n = items.load(Ordering::SeqCst);
                    let pool = "# TYPE pool_in_use gauge\npool_in_use{pool=\"main\"} 3\n";
                    (200, format!("{pool}items_served_total {n}\nidle NaN\n"))
                }
                "/health/database" if healthy.load(Ordering::SeqCst) => {
                    (200, r#"{"overall_score":0.9,"ready":true}"#.to_owned())
                }
                "/health/database" => (503, String::new()),
                _ => (404, String::new()),
            };
            let length = body.len();
            let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\n\r\n");
            writer.write_all((head + &body).as_bytes())?;
        }
        line.clear();
    }
    Ok(())
}

fn only_run(place: &Workplace) -> Run {
    let runs = place.runs();
    assert_eq!(runs.len(), 1);
    store::runs::read(&runs[0]).expect("a run")
}

#[test]
fn a_service_that_runs_already_is_observed_by_its_port() {
    let service = Service::start();
    let place = Workplace::new();
    let process = format!("process = {{ port = {} }}", service.port);
    place.write("scenarios/shop.toml", &service.scenario(&process));
    place.run(&["run", "shop"]).exits(0);
    let run = only_run(&place);
    let details: Vec<_> = run
        .samples
        .iter()
        .filter_map(|s| s.detail.as_deref())
        .collect();
    assert!(!details.is_empty(), "each second, unless it is dear");
    // Of many sockets on a machine those of a target are read more seldom, but always at first.
    assert!(details[0].sockets["listen"] >= 1, "{:?}", details[0]);
    assert!(details[0].descriptors["socket"] >= 1, "{:?}", details[0]);
    for detail in &details {
        assert!(detail.memory.is_some() && detail.descriptor_limit.is_some());
    }
    let of_counter = |i: usize| details[i].user.0 + details[i].system.0;
    assert!(of_counter(details.len() - 1) >= of_counter(0));
    // Other tests of this process have children, and those are members too.
    let first = run.samples.first().and_then(|s| s.target);
    assert!(first.is_some_and(|t| t.processes >= 1), "{first:?}");
    let table = series::of_round(0, &run.manifest.outline, &run.intervals, &run.samples);
    let last = |metric: &str, labels: &[(&str, &str)]| {
        let found = table.get(metric, labels);
        found
            .and_then(series::Series::last)
            .unwrap_or_else(|| panic!("no {metric}"))
    };
    let exactly = |value: f64, expected: f64| assert!((value - expected).abs() < 1e-9, "{value}");
    exactly(last("pool_in_use", &[("pool", "main")]), 3.0);
    exactly(last("scrape_up", &[("path", "/metrics")]), 1.0);
    exactly(last("scrape_up", &[("path", "/nowhere")]), 0.0);
    exactly(last("health_up", &[("name", "database")]), 1.0);
    let pointer = |p: &'static str| [("name", "database"), ("pointer", p)];
    exactly(last("health_reading", &pointer("/overall_score")), 0.9);
    exactly(last("health_reading", &pointer("/ready")), 1.0);
    exactly(last("target_up", &[]), 1.0);
    assert!(last("scrape_duration_seconds", &[("path", "/metrics")]) > 0.0);
    let results = &run.comparison.as_ref().expect("judged").results;
    let score = results.iter().find(|r| r.metric == Metric::HealthScore);
    let score = score.map(|r| (r.now.value, r.limit));
    assert_eq!(score, Some((Estimate::Exact(1.0), Some(Verdict::Kept))));
    // The counter of the target is on the axis of the load: it grows while that lasts.
    let counter = table.get("items_served_total", &[]).expect("a counter");
    assert!(counter.last() > counter.values().next(), "{counter:?}");
    let idle = SeriesName::new("idle", &[]);
    assert!(table.iter().all(|(name, _)| *name != idle), "not finite");
}

#[test]
fn a_target_that_is_not_well_is_not_loaded() {
    let service = Service::start();
    service.healthy.store(false, Ordering::SeqCst);
    let place = Workplace::new();
    place.write("scenarios/shop.toml", &service.scenario(""));
    let ended = place.run(&["run", "shop"]).exits(2);
    assert!(ended.stderr.contains("PL0412"), "{}", ended.stderr);
    let reason = "`database` is not healthy: answered 503";
    assert!(ended.stderr.contains(reason), "{}", ended.stderr);
    assert_eq!(service.items.load(Ordering::SeqCst), 0, "no load was sent");
}

#[test]
fn a_rule_that_finds_nobody_ends_the_run_before_the_load() {
    let service = Service::start();
    let place = Workplace::new();
    let process = "process = { name = \"no-such-service\" }";
    place.write("scenarios/shop.toml", &service.scenario(process));
    let ended = place.run(&["run", "shop"]).exits(2);
    assert!(ended.stderr.contains("PL0411"), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("name = \"no-such-service\""),
        "{}",
        ended.stderr
    );
    assert_eq!(service.items.load(Ordering::SeqCst), 0, "no load was sent");
}

/// A process that burns CPU in user and kernel mode and holds 64 MiB; ended with the value.
struct Busy(std::process::Child);

impl Busy {
    fn start() -> Self {
        let mut command = std::process::Command::new("dd");
        let endless = ["if=/dev/zero", "of=/dev/null", "bs=64M", "status=none"];
        Self(command.args(endless).spawn().expect("dd is everywhere"))
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(pid, signal).expect("it is there");
    }

    fn read(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.0.id())).expect("it is there")
    }

    /// State, and CPU time in seconds: what `ps`, `top` and `pidstat` read.
    fn stat(&self) -> (String, f64) {
        let stat = self.read("stat");
        let fields: Vec<&str> = stat[stat.rfind(')').expect("a name") + 2..]
            .split(' ')
            .collect();
        let ticks = |field: usize| fields[field - 3].parse::<f64>().expect("a number");
        let per_second = rustix::param::clock_ticks_per_second() as f64;
        (fields[0].to_owned(), (ticks(14) + ticks(15)) / per_second)
    }
}

/// What was compared, for whoever runs it with `--nocapture`.
fn say(text: &str) {
    writeln!(std::io::stderr(), "{text}").expect("an output");
}

/// CPU seconds since its start, as the tool of sysstat says, where that is installed.
fn pidstat(pid: u32) -> Option<f64> {
    let arguments = ["-T", "CHILD", "-u", "-h", "-p", &pid.to_string()];
    let said = std::process::Command::new("pidstat")
        .args(arguments)
        .output()
        .ok()?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let names: Vec<&str> = said
        .lines()
        .find(|l| l.contains("usr-ms"))?
        .trim_start_matches('#')
        .split_whitespace()
        .collect();
    let values: Vec<&str> = said.lines().last()?.split_whitespace().collect();
    // The time of day may be of one word or of two: what follows is counted from the end.
    let of = |name: &str| -> Option<f64> {
        let from_end = names.len() - names.iter().position(|n| *n == name)?;
        values
            .get(values.len().checked_sub(from_end)?)?
            .parse()
            .ok()
    };
    Some((of("usr-ms")? + of("system-ms")?) / 1000.0)
}

impl Drop for Busy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Between bursts the process is stopped, so that both readings are of the same state, however busy
/// the machine is.
#[test]
fn samples_agree_with_what_is_read_independently() {
    use plimsoll::clock::{Clock, Monotonic};
    use plimsoll::observe::{Sampler, Subject, Watch};
    use rustix::process::Signal;

    /// Burnt in one burst, and in all.
    const BURST: f64 = 0.4;
    const BURSTS: u32 = 4;
    let busy = Busy::start();
    let page = rustix::param::page_size() as u64;
    for burst in 1..=BURSTS {
        busy.signal(Signal::CONT);
        let enough = BURST * f64::from(burst);
        common::eventually("a burst", || busy.stat().1 >= enough);
        busy.signal(Signal::STOP);
        common::eventually("its end", || busy.stat().0 == "T");
        let (tell, told) = std::sync::mpsc::channel();
        let watch = Watch {
            epoch: Monotonic.now(),
            times: Vec::new(),
            subject: Some(Subject::Process(busy.0.id())),
            questions: None,
            round: 0,
        };
        Sampler::start(watch, move |sample| drop(tell.send(sample))).stop();
        let sample = told.recv().expect("one at the end");
        let target = sample.target.expect("it is there");
        let (_, cpu) = busy.stat();
        let ours = target.cpu.as_secs_f64();
        let tick = 1.0 / rustix::param::clock_ticks_per_second() as f64;
        let allowed = (0.02 * cpu).max(tick);
        assert!(
            (ours - cpu).abs() <= allowed,
            "{ours} s of CPU, read {cpu} s"
        );
        let statm = busy.read("statm");
        let pages: u64 = statm
            .split(' ')
            .nth(1)
            .expect("a field")
            .parse()
            .expect("a number");
        assert_eq!(target.rss.0, pages * page, "to the page");
        let status = busy.read("status");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = resident
            .and_then(|r| r.trim().strip_suffix(" kB"))
            .expect("a line");
        assert_eq!(target.rss.0, kib.parse::<u64>().expect("a number") * 1024);
        assert!(target.rss.0 >= 64 << 20, "it holds its buffer");
        match pidstat(busy.0.id()) {
            None => say("pidstat is not there: compared with /proc alone"),
            Some(theirs) => {
                assert!(
                    (ours - theirs).abs() <= allowed,
                    "{ours} s of CPU, pidstat {theirs} s"
                );
                let off = (ours / theirs - 1.0) * 100.0;
                say(&format!(
                    "CPU {ours:.4} s sampled, {theirs:.4} s by pidstat ({off:+.2} %)"
                ));
            }
        }
        let off = (ours / cpu - 1.0) * 100.0;
        say(&format!(
            "CPU {ours:.4} s sampled, {cpu:.4} s read ({off:+.2} %)"
        ));
    }
}
