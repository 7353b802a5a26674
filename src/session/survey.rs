//! What a server that runs already tells of itself, before a scenario is written for it.

use crate::observe::{program_on, read_metrics};
use crate::protocol::{self, Fetched, ProbeError};
use crate::scenario::plan::Url;
use crate::units::Nanos;

use super::way::Way;

/// Where metrics are by custom.
pub const METRICS: &str = "/metrics";
/// How long a question may take to be answered.
const PATIENCE: Nanos = Nanos::from_secs(2);
/// They listen for others, who do the work.
const GATEWAYS: [&str; 5] = ["docker-proxy", "rootlessport", "kubectl", "ssh", "sshd"];

/// What was found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// The status of the path that was asked for, or why there is none.
    pub answer: Result<u16, String>,
    /// [`METRICS`] is there, in the text format of Prometheus.
    pub metrics: bool,
    /// The program that does the work, where it runs on this machine and may be seen.
    pub program: Option<String>,
}

/// Asks a server twice at most, and this machine who it is.
pub fn survey(url: &Url, path: &str) -> Survey {
    let nothing = |reason| Survey {
        answer: Err(reason),
        metrics: false,
        program: None,
    };
    let way = match Way::to(url) {
        Ok(way) => way,
        Err(reason) => return nothing(reason),
    };
    let ask = |path: &str, accept: &str| -> Result<Fetched, ProbeError> {
        protocol::fetch(&way.dial, &way.speech, url, (path, accept), PATIENCE)
    };
    let status = match ask(path, "*/*") {
        Ok(answer) => answer.status,
        Err(error) => return nothing(error.to_string()),
    };
    let here = way.address.ip().is_loopback();
    let program = here.then(|| program_on(url.port)).flatten();
    Survey {
        answer: Ok(status),
        metrics: ask(METRICS, "text/plain").is_ok_and(|answer| are_metrics(&answer)),
        program: program.filter(|name| !GATEWAYS.contains(&name.as_str())),
    }
}

fn are_metrics(answer: &Fetched) -> bool {
    let text = String::from_utf8_lossy(&answer.body);
    let read = read_metrics(&text, 1);
    answer.status == 200 && read.strange == 0 && !read.scraped.is_empty()
}
