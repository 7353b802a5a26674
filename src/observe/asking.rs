//! Asking the target itself, each second, beside the load: its metrics and its health.
//!
//! Each question has a thread of its own, so that a target which is slow to tell delays neither the
//! samples nor the other questions. What comes back goes into the next sample.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

use super::exposition;
use crate::clock::{Clock, Monotonic};
use crate::model::{Health, Sample, Scraped, SeriesName};
use crate::protocol::{self, Dial, Speech};
use crate::scenario::plan::{HealthProbe, Url};
use crate::units::Nanos;

/// Longest wait for metrics.
const PATIENCE: Nanos = Nanos::SECOND;

/// Most series kept of one answer.
const SERIES: usize = 5_000;

/// Says how many were not.
const LEFT_OUT: &str = "scrape_series_left_out";

/// The formats we read; the older one first, since everything speaks it.
const METRICS: &str =
    "text/plain;version=0.0.4, application/openmetrics-text;version=1.0.0;q=0.5, */*;q=0.1";
const JSON: &str = "application/json, */*;q=0.1";

/// What to ask, and how the target is reached.
#[derive(Debug, Clone)]
pub struct Questions {
    pub dial: Dial,
    pub speech: Speech,
    pub url: Url,
    /// Paths of metrics.
    pub metrics: Vec<String>,
    pub health: Vec<HealthProbe>,
}

/// What the target has said.
#[derive(Debug, PartialEq)]
pub(super) enum Told {
    Metrics { path: String, scraped: Vec<Scraped> },
    Health(Health),
}

/// Threads that ask; dropped, they are stopped.
#[derive(Debug, Default)]
pub(super) struct Asking {
    /// Closed to stop.
    stops: Vec<Sender<()>>,
    threads: Vec<JoinHandle<()>>,
}

impl Asking {
    /// Asks from `epoch` on, and sends on what comes back.
    pub(super) fn start(questions: Questions, epoch: Nanos, told: &Sender<Told>) -> Self {
        let mut asking = Self::default();
        let questions = Arc::new(questions);
        for path in questions.metrics.clone() {
            let questions = Arc::clone(&questions);
            let ask = move || Told::Metrics {
                scraped: questions.scrape(&path),
                path: path.clone(),
            };
            asking.every(Nanos::SECOND, epoch, told.clone(), ask);
        }
        for probe in questions.health.clone() {
            let questions = Arc::clone(&questions);
            let every = probe.every;
            let ask = move || Told::Health(questions.look(&probe));
            asking.every(every, epoch, told.clone(), ask);
        }
        asking
    }

    fn every(
        &mut self,
        every: Nanos,
        epoch: Nanos,
        told: Sender<Told>,
        ask: impl Fn() -> Told + Send + 'static,
    ) {
        let (stop, stopped) = mpsc::channel::<()>();
        let thread = thread::Builder::new()
            .name("asking".to_owned())
            .spawn(move || {
                let mut next = epoch;
                loop {
                    let rest: Duration = (next - Monotonic.now()).into();
                    if stopped.recv_timeout(rest) != Err(RecvTimeoutError::Timeout) {
                        return;
                    }
                    if told.send(ask()).is_err() {
                        return;
                    }
                    // An answer that took too long costs its turn, and is not asked for twice.
                    let now = Monotonic.now();
                    while next <= now {
                        next += every;
                    }
                }
            });
        self.stops.push(stop);
        self.threads.extend(thread.ok());
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.stops.clear();
        for thread in self.threads.drain(..) {
            // Its panic was reported on its own thread.
            let _ = thread.join();
        }
    }
}

impl Questions {
    /// The metrics at a path, and how asking for them went. They never fail as a whole: a scrape that
    /// got nothing says `scrape_up` 0.
    fn scrape(&self, path: &str) -> Vec<Scraped> {
        let begin = Monotonic.now();
        let got = self.fetch(path, METRICS, PATIENCE);
        let took = Monotonic.now() - begin;
        let found = match &got {
            Ok((200..=299, body)) => exposition::read(body, SERIES),
            _ => exposition::Exposition::default(),
        };
        let up = matches!(got, Ok((200..=299, _))) && !found.is_foreign();
        let mut scraped = found.scraped;
        let mut add = |metric: &str, value: f64| {
            let series = SeriesName::new(metric, &[("path", path)]);
            scraped.push(Scraped { series, value });
        };
        add("scrape_up", f64::from(u8::from(up)));
        add("scrape_duration_seconds", took.as_secs_f64());
        if found.left_out > 0 {
            add(LEFT_OUT, found.left_out as f64);
        }
        scraped
    }

    /// Looks at a component once.
    pub fn look(&self, probe: &HealthProbe) -> Health {
        let begin = Monotonic.now();
        let got = self.fetch(&probe.get, JSON, probe.timeout);
        let took = Monotonic.now() - begin;
        let (reason, body) = match got {
            Err(reason) => (Some(reason), String::new()),
            Ok((status, body)) => {
                let good = match probe.status {
                    Some(expected) => status == expected,
                    None => (200..=299).contains(&status),
                };
                ((!good).then(|| format!("answered {status}")), body)
            }
        };
        Health {
            name: probe.name.clone(),
            up: reason.is_none(),
            took,
            reason,
            readings: readings(&body, &probe.read),
        }
    }

    fn fetch(&self, path: &str, accept: &str, patience: Nanos) -> Result<(u16, String), String> {
        let got = protocol::fetch(
            &self.dial,
            &self.speech,
            &self.url,
            (path, accept),
            patience,
        )
        .map_err(|error| match error {
            protocol::ProbeError::TimedOut(time) => format!("timed out after {time}"),
            other => other.to_string(),
        })?;
        let mut body = String::from_utf8_lossy(&got.body).into_owned();
        if !got.whole {
            // The last line is cut off, so its number may be another.
            body.truncate(body.rfind('\n').map_or(0, |end| end + 1));
        }
        Ok((got.status, body))
    }
}

/// How many series a path told in this sample beyond the most that are kept.
pub fn left_out(sample: &Sample) -> Option<f64> {
    let mut series = sample.scraped.iter();
    let found = series.find(|scraped| scraped.series.metric == LEFT_OUT)?;
    Some(found.value)
}

/// Numbers of a JSON text by pointer; `true` is 1 and `false` 0, what is neither is left out.
fn readings(body: &str, pointers: &[String]) -> BTreeMap<String, f64> {
    if pointers.is_empty() {
        return BTreeMap::new();
    }
    let Ok(value) = serde_json::from_str::<Value>(body) else {
        return BTreeMap::new();
    };
    let number = |value: &Value| match value {
        Value::Bool(flag) => Some(f64::from(u8::from(*flag))),
        other => other.as_f64(),
    };
    let found = pointers
        .iter()
        .filter_map(|pointer| Some((pointer.clone(), number(value.pointer(pointer)?)?)));
    found.collect()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// Answers each request by its path, until the test ends; those of `/silent` never.
    fn server(answer: fn(&str) -> Option<(u16, String)>) -> Dial {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let mut silent = Vec::new();
            while let Ok((mut stream, _)) = listener.accept() {
                let mut asked = [0; 1024];
                let n = stream.read(&mut asked).unwrap_or(0);
                let asked = String::from_utf8_lossy(&asked[..n]).into_owned();
                let path = asked.split(' ').nth(1).unwrap_or_default();
                match answer(path) {
                    None => silent.push(stream),
                    Some((status, body)) => {
                        let length = body.len();
                        let head =
                            format!("HTTP/1.1 {status} x\r\ncontent-length: {length}\r\n\r\n");
                        let _ = stream.write_all((head + &body).as_bytes());
                    }
                }
            }
        });
        Dial::to(address)
    }

    fn questions(dial: Dial) -> Questions {
        Questions {
            dial,
            speech: Speech::CLEAR,
            url: Url::http("shop.test", 80),
            metrics: Vec::new(),
            health: Vec::new(),
        }
    }

    fn answers(path: &str) -> Option<(u16, String)> {
        let text = match path {
            "/metrics" => (200, "pool{name=\"a\"} 3\nup NaN\n".to_owned()),
            "/page" => (200, "<html>".to_owned()),
            "/many" => (
                200,
                (0..5003).map(|i| format!("m{{i=\"{i}\"}} 1\n")).collect(),
            ),
            "/large" => (200, format!("a 1\n# {}\nb 12", "x".repeat(5 << 20))),
            "/health" => (
                200,
                r#"{"score":0.75,"db":{"ok":true},"name":"x"}"#.to_owned(),
            ),
            "/sick" => (503, r#"{"score":0.25}"#.to_owned()),
            "/silent" => return None,
            _ => (404, String::new()),
        };
        Some(text)
    }

    fn value(scraped: &[Scraped], name: &str) -> Option<f64> {
        let found = scraped.iter().find(|s| s.series.metric == name);
        found.map(|s| s.value)
    }

    #[test]
    fn a_scrape_says_what_came_and_how_it_went() {
        let questions = questions(server(answers));
        let good = questions.scrape("/metrics");
        assert_eq!(value(&good, "pool"), Some(3.0));
        assert_eq!((value(&good, "up"), good.len()), (None, 3));
        let up = good
            .iter()
            .find(|s| s.series.metric == "scrape_up")
            .unwrap();
        assert_eq!(
            up.series,
            SeriesName::new("scrape_up", &[("path", "/metrics")])
        );
        assert!(value(&good, "scrape_duration_seconds").unwrap() > 0.0);
        for path in ["/page", "/nowhere"] {
            let bad = questions.scrape(path);
            assert_eq!(
                (value(&bad, "scrape_up"), bad.len()),
                (Some(0.0), 2),
                "{path}"
            );
        }
        let many = questions.scrape("/many");
        assert_eq!(
            (value(&many, "scrape_series_left_out"), many.len()),
            (Some(3.0), 5003)
        );
        let sample = |scraped| Sample {
            scraped,
            ..Sample::default()
        };
        assert_eq!(left_out(&sample(many)), Some(3.0));
        assert_eq!(left_out(&sample(good)), None);
        let large = questions.scrape("/large");
        assert_eq!(
            (value(&large, "a"), value(&large, "b")),
            (Some(1.0), None),
            "cut off"
        );
    }

    #[test]
    fn a_component_is_up_when_it_answers_as_it_should() {
        let questions = questions(server(answers));
        let look = |get: &str, status, timeout| {
            questions.look(&HealthProbe {
                name: "database".to_owned(),
                get: get.to_owned(),
                every: Nanos::SECOND,
                status,
                timeout,
                read: ["/score", "/db/ok", "/name", "/none"]
                    .map(str::to_owned)
                    .to_vec(),
            })
        };
        let long = Nanos::from_secs(20);
        let good = look("/health", None, long);
        assert_eq!((good.up, good.reason), (true, None));
        let expect = [("/score".to_owned(), 0.75), ("/db/ok".to_owned(), 1.0)];
        assert_eq!(good.readings, expect.into());
        let sick = look("/sick", None, long);
        assert_eq!(
            (sick.up, sick.reason.as_deref()),
            (false, Some("answered 503"))
        );
        assert_eq!(sick.readings, [("/score".to_owned(), 0.25)].into());
        assert!(look("/sick", Some(503), long).up);
        assert!(!look("/health", Some(204), long).up);
        let silent = look("/silent", None, Nanos::from_millis(20));
        assert_eq!(silent.reason.as_deref(), Some("timed out after 20 ms"));
    }

    #[test]
    fn each_question_is_asked_by_itself_until_the_end() {
        let dial = server(answers);
        let mut questions = questions(dial);
        questions.metrics = vec!["/metrics".to_owned()];
        questions.health = vec![HealthProbe {
            name: "silent".to_owned(),
            get: "/silent".to_owned(),
            every: Nanos::SECOND,
            status: None,
            timeout: Nanos::from_millis(50),
            read: Vec::new(),
        }];
        let (told, tales) = mpsc::channel();
        let asking = Asking::start(questions, Monotonic.now(), &told);
        let mut both = [tales.recv().unwrap(), tales.recv().unwrap()];
        both.sort_by_key(|told| matches!(told, Told::Health(_)));
        let [Told::Metrics { scraped, .. }, Told::Health(health)] = both else {
            panic!("one of each");
        };
        assert_eq!(value(&scraped, "pool"), Some(3.0));
        assert!(!health.up);
        drop(asking);
        drop(told);
        // All threads have ended: nobody can tell anything more.
        while tales.recv().is_ok() {}
    }
}
