//! Each ailment, over a real connection: what a client and the target's own metrics see of it.
//!
//! Those that harm the whole process are in `tests/demo_target.rs`.

use std::thread;
use std::time::{Duration, Instant};

use super::Options;
use super::harness::{Client, Demo};

/// So many requests at once, each on a connection of its own; the answers.
fn at_once(demo: &Demo, n: usize, path: &str) -> Vec<String> {
    thread::scope(|scope| {
        let asking: Vec<_> = (0..n)
            .map(|_| {
                let mut client = demo.client();
                scope.spawn(move || client.ask("GET", path, "").unwrap())
            })
            .collect();
        asking.into_iter().map(|a| a.join().unwrap()).collect()
    })
}

fn one_by_one(client: &mut Client, n: usize, path: &str) -> Vec<String> {
    (0..n)
        .map(|_| client.ask("GET", path, "").unwrap())
        .collect()
}

fn with_status(answers: &[String], status: &str) -> usize {
    answers.iter().filter(|a| a.contains(status)).count()
}

#[test]
fn a_healthy_target_says_so() {
    let demo = Demo::start(Options::default());
    let mut client = demo.client();
    for path in ["/", "/items", "/search?q=buoy", "/nothing"] {
        one_by_one(&mut client, 5, path);
    }
    client.ask("POST", "/pay", "{}").unwrap();
    for (series, value) in [
        (r#"http_requests_total{path="/items",status="200"}"#, 5.0),
        (r#"http_requests_total{path="/pay",status="201"}"#, 1.0),
        (r#"http_requests_total{path="other",status="404"}"#, 5.0),
        (r#"http_request_duration_seconds_count{path="/"}"#, 5.0),
        ("http_requests_in_flight", 0.0),
        ("db_pool_size", 64.0),
        ("db_pool_in_use", 0.0),
        ("db_pool_acquire_timeouts_total", 0.0),
        ("db_query_duration_seconds_count", 6.0),
        ("cache_hits_total", 5.0),
        ("cache_misses_total", 0.0),
        ("consumer_lag", 0.0),
        ("queue_published_total", 21.0),
        ("retries_total", 0.0),
    ] {
        let seen = client.metric(series);
        assert!((seen - value).abs() < 1e-9, "{series} {seen}");
    }
    for part in ["database", "cache", "pool", "queue"] {
        let said = client.ask("GET", &format!("/health/{part}"), "").unwrap();
        assert!(said.starts_with("HTTP/1.1 200"), "{said}");
        assert!(said.contains(r#""score":"#), "{said}");
    }
}

#[test]
fn an_exhausted_pool_lets_waits_end_in_time() {
    let demo = Demo::with("pool-exhausted");
    let mut client = demo.client();
    // It begins with the first request, and connections are lost when that is answered.
    one_by_one(&mut client, 1, "/");
    while client.metric("db_pool_in_use") < 63.0 {}
    let answers = at_once(&demo, 16, "/search");
    let refused = with_status(&answers, "503");
    assert!((4..16).contains(&refused), "{answers:?}");
    let timeouts = client.metric("db_pool_acquire_timeouts_total");
    assert!((timeouts - refused as f64).abs() < 1e-9, "{timeouts}");
    let said = client.ask("GET", "/health/pool", "").unwrap();
    assert!(said.starts_with("HTTP/1.1 503"), "{said}");
}

#[test]
fn a_deadlock_answers_nothing_but_probes() {
    let demo = Demo::with("deadlock");
    let mut waiting = [demo.client(), demo.client(), demo.client()];
    for client in &mut waiting {
        assert!(client.is_left_waiting("GET", "/", Duration::from_millis(30)));
    }
    let mut client = demo.client();
    client.ask("GET", "/health", "").unwrap();
    let in_flight = client.metric("http_requests_in_flight");
    assert!((in_flight - 3.0).abs() < 1e-9, "{in_flight}");
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let stuck = threads
        .filter_map(|t| std::fs::read_to_string(t.ok()?.path().join("comm")).ok())
        .filter(|name| name.trim() == "demo-transfer")
        .count();
    assert_eq!(stuck, 2);
}

#[test]
fn a_quota_stops_the_process_in_each_period() {
    let demo = Demo::with("throttle");
    let mut client = demo.client();
    one_by_one(&mut client, 1, "/");
    let mut longest = Duration::ZERO;
    let start = Instant::now();
    while start.elapsed() < Duration::from_millis(500) {
        let asked = Instant::now();
        client.ask("GET", "/", "").unwrap();
        longest = longest.max(asked.elapsed());
    }
    assert!(longest > Duration::from_millis(30), "{longest:?}");
    assert!(client.metric("container_cpu_cfs_throttled_periods_total") >= 2.0);
    assert!(client.metric("container_cpu_cfs_throttled_seconds_total") >= 0.05);
}

#[test]
fn a_slow_dependency_is_seen_in_its_own_durations() {
    let demo = Demo::with("slow-dependency");
    let mut client = demo.client();
    at_once(&demo, 4, "/search");
    assert!(client.metric("db_query_duration_seconds_sum") >= 4.0 * 0.15);
    assert!(client.metric(r#"db_query_duration_seconds_bucket{le="0.1"}"#) < 1.0);
    assert!(client.metric("db_pool_in_use") < 1.0);
}

#[test]
fn a_cold_cache_misses() {
    let demo = Demo::with("cold-cache:strength=1");
    let mut client = demo.client();
    one_by_one(&mut client, 1, "/");
    while client.metric("cache_evictions_total") < 100.0 {}
    one_by_one(&mut client, 10, "/items");
    assert!(client.metric("cache_misses_total") >= 9.0);
    assert!(client.metric("cache_evictions_total") >= 108.0);
    assert!(client.metric("db_query_duration_seconds_count") >= 9.0);
}

#[test]
fn a_rate_limit_says_when_to_come_again() {
    let demo = Demo::with("rate-limit:strength=0.3");
    let answers = one_by_one(&mut demo.client(), 20, "/");
    let refused = with_status(&answers, "429 Too Many Requests (retry after 1 s)");
    assert_eq!(refused, 6, "{answers:?}");
    assert_eq!(with_status(&answers, "200 OK"), 14);
}

#[test]
fn a_retry_storm_multiplies_calls_and_fails_in_the_end() {
    let demo = Demo::with("retry-storm:strength=1");
    let mut client = demo.client();
    let answers = one_by_one(&mut client, 3, "/search");
    assert_eq!(with_status(&answers, "503"), 3, "{answers:?}");
    assert!((client.metric("retries_total") - 12.0).abs() < 1e-9);
    assert!((client.metric("db_query_errors_total") - 15.0).abs() < 1e-9);
    assert!((client.metric("db_query_duration_seconds_count") - 15.0).abs() < 1e-9);
}

#[test]
fn a_contended_lock_lets_one_through_at_a_time() {
    let demo = Demo::with("lock-contention:strength=0.25");
    let start = Instant::now();
    let answers = at_once(&demo, 10, "/");
    assert_eq!(with_status(&answers, "200 OK"), 10);
    // Four milliseconds each, one after the other.
    assert!(start.elapsed() >= Duration::from_millis(40));
}

#[test]
fn pauses_hold_every_answer() {
    let demo = Demo::with("pauses:strength=1");
    let mut client = demo.client();
    let start = Instant::now();
    let mut longest = Duration::ZERO;
    while longest < Duration::from_millis(300) {
        assert!(start.elapsed() < Duration::from_secs(20), "{longest:?}");
        let asked = Instant::now();
        client.ask("GET", "/", "").unwrap();
        longest = longest.max(asked.elapsed());
    }
}

#[test]
fn a_lagging_consumer_leaves_messages() {
    let demo = Demo::with("consumer-lag:strength=1");
    let mut client = demo.client();
    one_by_one(&mut client, 150, "/nothing");
    assert!(client.metric("consumer_lag") >= 149.0);
    let said = client.ask("GET", "/health/queue", "").unwrap();
    assert!(said.starts_with("HTTP/1.1 503"), "{said}");
}

#[test]
fn a_fault_that_is_over_leaves_a_healthy_target() {
    let demo = Demo::with("consumer-lag:for=50ms,strength=1");
    let mut client = demo.client();
    let start = Instant::now();
    one_by_one(&mut client, 20, "/nothing");
    while client.metric("consumer_lag") > 0.0 {
        assert!(start.elapsed() < Duration::from_secs(20));
        one_by_one(&mut client, 1, "/nothing");
    }
}

#[test]
fn a_saturated_core_is_worked_on_for_each_request() {
    let demo = Demo::with("cpu-saturation:strength=0.25");
    let start = Instant::now();
    at_once(&demo, 4, "/search");
    assert!(start.elapsed() >= Duration::from_millis(60));
    // Who waits for the core holds no connection meanwhile.
    assert!(demo.client().metric("db_pool_in_use") < 1.0);
}
