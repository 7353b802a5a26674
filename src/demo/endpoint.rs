//! What the demo target serves, and how much work each answer is.

use std::hint::black_box;

use http::{Method, StatusCode};

use crate::clock;
use crate::units::Nanos;

/// A part of the target that says how it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Component {
    Database,
    Cache,
    Pool,
    Queue,
}

impl Component {
    pub(super) const ALL: [Self; 4] = [Self::Database, Self::Cache, Self::Pool, Self::Queue];
}

/// A path that is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `GET /health`: no work; never hangs, and does not start the clock of a fault.
    Health,
    /// `GET /health/database` and so on: how one part is; 503 when it is unwell.
    Component(Component),
    /// `GET /metrics`: what the target counts, for Prometheus.
    Metrics,
    /// `GET /`: 50 µs of CPU.
    Home,
    /// `GET /items`: 300 µs of CPU.
    Items,
    /// `GET /search`: 500 µs of CPU, then 1 ms of waiting.
    Search,
    /// `POST /pay`: 1.5 ms of CPU, then 1 ms of waiting; answers 201.
    Pay,
    /// `GET /wait?ms=N`: N milliseconds of waiting, at most a minute.
    Wait(Nanos),
    /// `GET /slot?ms=N`: one of the workers, in the order of arrival, for N milliseconds, at most a
    /// minute. So many workers by N milliseconds is the greatest rate it can answer.
    Slot(Nanos),
}

/// The cost of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Work {
    pub(super) cpu: Nanos,
    pub(super) wait: Nanos,
}

impl Endpoint {
    /// The endpoints that use CPU, which can therefore be made slower.
    pub const SLOWABLE: [Self; 4] = [Self::Home, Self::Items, Self::Search, Self::Pay];

    /// The name in a fault: `home`, `items`, `search`, `pay`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Health | Self::Component(_) => "health",
            Self::Metrics => "metrics",
            Self::Home => "home",
            Self::Items => "items",
            Self::Search => "search",
            Self::Pay => "pay",
            Self::Wait(_) => "wait",
            Self::Slot(_) => "slot",
        }
    }

    /// Whether it asks how the target is and is no work for it.
    pub(super) const fn is_probe(self) -> bool {
        matches!(self, Self::Health | Self::Component(_) | Self::Metrics)
    }

    /// The path, as a label of metrics.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Health | Self::Component(_) => "/health",
            Self::Metrics => "/metrics",
            Self::Home => "/",
            Self::Items => "/items",
            Self::Search => "/search",
            Self::Pay => "/pay",
            Self::Wait(_) => "/wait",
            Self::Slot(_) => "/slot",
        }
    }

    /// Finds the endpoint of a request.
    ///
    /// # Errors
    /// The status to refuse it with: 404 for an unknown path, 405 for another method, 400 for a
    /// wait without a number.
    pub(super) fn route(
        method: &Method,
        path: &str,
        query: Option<&str>,
    ) -> Result<Self, StatusCode> {
        let (allowed, endpoint) = match path {
            "/health" => (Method::GET, Self::Health),
            "/health/database" => (Method::GET, Self::Component(Component::Database)),
            "/health/cache" => (Method::GET, Self::Component(Component::Cache)),
            "/health/pool" => (Method::GET, Self::Component(Component::Pool)),
            "/health/queue" => (Method::GET, Self::Component(Component::Queue)),
            "/metrics" => (Method::GET, Self::Metrics),
            "/" => (Method::GET, Self::Home),
            "/items" => (Method::GET, Self::Items),
            "/search" => (Method::GET, Self::Search),
            "/pay" => (Method::POST, Self::Pay),
            "/wait" => (Method::GET, Self::Wait(milliseconds(query)?)),
            "/slot" => (Method::GET, Self::Slot(milliseconds(query)?)),
            _ => return Err(StatusCode::NOT_FOUND),
        };
        if *method == allowed {
            Ok(endpoint)
        } else {
            Err(StatusCode::METHOD_NOT_ALLOWED)
        }
    }

    pub(super) fn work(self) -> Work {
        let (cpu_us, wait) = match self {
            // A slot is held until a worker is done with it, which the server knows.
            Self::Health | Self::Component(_) | Self::Metrics | Self::Slot(_) => (0, Nanos::ZERO),
            Self::Home => (50, Nanos::ZERO),
            Self::Items => (300, Nanos::ZERO),
            Self::Search => (500, Nanos::from_millis(1)),
            Self::Pay => (1500, Nanos::from_millis(1)),
            Self::Wait(wait) => (0, wait),
        };
        Work {
            cpu: Nanos(cpu_us * 1_000),
            wait,
        }
    }

    /// What is answered when the work is done.
    pub(super) const fn answer(self) -> (StatusCode, &'static str) {
        match self {
            Self::Health | Self::Component(_) | Self::Metrics => (StatusCode::OK, ""),
            Self::Home => (StatusCode::OK, r#"{"shop":"plimsoll demo"}"#),
            Self::Items => (
                StatusCode::OK,
                r#"{"items":[{"id":1,"name":"anchor"},{"id":2,"name":"buoy"},{"id":3,"name":"compass"}]}"#,
            ),
            Self::Search => (
                StatusCode::OK,
                r#"{"found":[{"id":2,"name":"buoy"}],"total":1}"#,
            ),
            Self::Pay => (StatusCode::CREATED, r#"{"ok":true}"#),
            Self::Wait(_) => (StatusCode::OK, r#"{"waited":true}"#),
            Self::Slot(_) => (StatusCode::OK, r#"{"served":true}"#),
        }
    }
}

/// `ms=N` of a query, at most a minute.
fn milliseconds(query: Option<&str>) -> Result<Nanos, StatusCode> {
    let ms = query
        .and_then(|q| q.split('&').find_map(|pair| pair.strip_prefix("ms=")))
        .and_then(|ms| ms.parse::<u64>().ok())
        .ok_or(StatusCode::BAD_REQUEST)?;
    Ok(Nanos::from_millis(ms.min(60_000)))
}

/// Uses this much CPU time of the calling thread.
pub(super) fn spin(cpu: Nanos) {
    let start = clock::thread_cpu();
    while clock::thread_cpu() - start < cpu {
        // Reading the CPU clock is a system call: between two readings work is done in user space,
        // as an ordinary server does it, for about a microsecond.
        for i in 0..500_u32 {
            black_box(i);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spin_uses_at_least_the_cpu_time_asked_for() {
        let before = clock::thread_cpu();
        spin(Nanos::from_millis(2));
        assert!(clock::thread_cpu() - before >= Nanos::from_millis(2));
    }

    #[test]
    fn requests_find_their_endpoint_or_a_reason() {
        let route = |method: &Method, path, query| Endpoint::route(method, path, query);
        assert_eq!(route(&Method::POST, "/pay", None), Ok(Endpoint::Pay));
        assert_eq!(
            route(&Method::GET, "/wait", Some("a=1&ms=7")),
            Ok(Endpoint::Wait(Nanos::from_millis(7)))
        );
        assert_eq!(
            route(&Method::GET, "/slot", Some("ms=20")),
            Ok(Endpoint::Slot(Nanos::from_millis(20)))
        );
        assert_eq!(
            route(&Method::GET, "/pay", None),
            Err(StatusCode::METHOD_NOT_ALLOWED)
        );
        assert_eq!(
            route(&Method::GET, "/wait", Some("ms=x")),
            Err(StatusCode::BAD_REQUEST)
        );
        assert_eq!(route(&Method::GET, "/x", None), Err(StatusCode::NOT_FOUND));
        assert_eq!(
            route(&Method::GET, "/health/pool", None),
            Ok(Endpoint::Component(Component::Pool))
        );
        assert_eq!(
            route(&Method::GET, "/health/x", None),
            Err(StatusCode::NOT_FOUND)
        );
    }

    #[test]
    fn every_slowable_endpoint_has_cpu_work() {
        for endpoint in Endpoint::SLOWABLE {
            assert!(endpoint.work().cpu > Nanos::ZERO, "{}", endpoint.name());
        }
    }
}
