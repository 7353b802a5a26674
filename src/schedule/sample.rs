//! A small plan for tests: one step, one phase, to be changed at will.

use crate::scenario::plan::{
    Arrivals, Expect, Load, Phase, Plan, Profile, Ready, Request, Step, Target, Timeouts, Url,
};
use crate::units::{Nanos, Rate};

/// `GET /` at 100/s, evenly, for one second, over ten connections.
pub(crate) fn plan() -> Plan {
    Plan {
        name: "sample".to_owned(),
        description: String::new(),
        seed: 42,
        target: Target {
            url: Url {
                host: "127.0.0.1".to_owned(),
                port: 80,
                base: String::new(),
            },
            command: None,
            ready: Ready {
                get: None,
                within: Nanos::SECOND,
            },
            timeouts: Timeouts {
                connect: Nanos::from_secs(5),
                first_byte: Nanos::from_secs(5),
                total: Nanos::from_secs(5),
            },
            connections: 10,
        },
        steps: vec![Step {
            name: "root".to_owned(),
            weight: 1,
            request: Request {
                method: "GET".to_owned(),
                path: "/".to_owned(),
                headers: Vec::new(),
                body: Vec::new(),
            },
            expect: Expect {
                status: Vec::new(),
                body_contains: None,
                json: Vec::new(),
            },
        }],
        phases: vec![Phase {
            name: "steady".to_owned(),
            load: Load::Rate {
                profile: Profile::Constant(Rate(100.0)),
                arrivals: Arrivals::Constant,
            },
            duration: Nanos::SECOND,
            warm_up: false,
        }],
        thresholds: Vec::new(),
        source: String::new(),
        file: None,
    }
}
