//! A small plan for tests: one step, one phase, to be changed at will.

use crate::scenario::plan::{
    Arrivals, Http, Load, Phase, Plan, Profile, Ready, Request, Step, Target, Timeouts, Url,
};
use crate::units::{Nanos, Rate};

/// `GET /` at 100/s, evenly, for one second, over ten connections.
pub(crate) fn plan() -> Plan {
    let five = Nanos::from_secs(5);
    let target = Target {
        ready: Ready {
            get: None,
            within: Nanos::SECOND,
        },
        timeouts: Timeouts {
            connect: five,
            tls: five,
            first_byte: five,
            total: five,
        },
        http: Http {
            connections: 10,
            ..Http::default()
        },
        ..Target::at(Url::http("127.0.0.1", 80))
    };
    let load = Load::Rate {
        profile: Profile::Constant(Rate(100.0)),
        arrivals: Arrivals::Constant,
    };
    let mut plan = Plan::new("sample", target);
    plan.set_steps(vec![(Step::new("root", Request::new("GET", "/")), 1)]);
    plan.phases = vec![Phase::new("steady", load, Nanos::SECOND)];
    plan
}
