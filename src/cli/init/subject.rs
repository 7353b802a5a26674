//! What `init` is about: the first word may be a name, the URL of a server that runs, or a file that describes
//! one. What the server tells of itself is not asked of the user.

use std::path::{Path, PathBuf};

use super::super::Context;
use super::super::exit::Failure;
use crate::diagnostic::{Diagnostic, output, scenario as codes};
use crate::scenario;
use crate::scenario::plan::Url;
use crate::session::{self, METRICS, Survey};
use crate::untrusted::Untrusted;

/// Endings of what describes or recorded a service.
const DESCRIPTIONS: [&str; 4] = ["har", "json", "yaml", "yml"];
/// Programs that run others, whose name says nothing of what they run.
const RUNTIMES: [&str; 12] = [
    "MainThread",
    "beam.smp",
    "bun",
    "deno",
    "dotnet",
    "java",
    "node",
    "perl",
    "php",
    "python",
    "python3",
    "ruby",
];
/// What a scenario is called whose server tells no name.
const NAMELESS: &str = "local";

/// What the first word turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Name(String),
    Server(String),
    Description(PathBuf),
}

impl Subject {
    /// # Errors
    /// When it is meant as a URL and is none, or as a file and is not there.
    pub(super) fn of(word: &str) -> Result<Self, Diagnostic> {
        if word.contains("://") {
            return Ok(Self::Server(word.to_owned()));
        }
        let has_port = word
            .split_once(':')
            .is_some_and(|(_, rest)| rest.starts_with(|c: char| c.is_ascii_digit()));
        if has_port {
            let shown = Untrusted::from(word).terminal();
            return Err(Diagnostic::error(
                &codes::NOT_FOUND,
                format!("`{shown}` is neither a name nor a URL"),
            )
            .help(format!("did you mean `http://{shown}`?")));
        }
        let path = Path::new(word);
        let ending = path.extension().and_then(|ending| ending.to_str());
        let describes =
            ending.is_some_and(|e| DESCRIPTIONS.iter().any(|d| d.eq_ignore_ascii_case(e)));
        if !describes {
            return Ok(Self::Name(word.to_owned()));
        }
        if !path.is_file() {
            let shown = Untrusted::from(word).terminal();
            return Err(Diagnostic::error(
                &output::NOT_LEARNT,
                format!("there is no file {shown}"),
            )
            .help("name an OpenAPI document, a HAR file, a URL, or the scenario"));
        }
        Ok(Self::Description(path.to_owned()))
    }
}

/// A server that runs already, and what it told.
#[derive(Debug)]
pub(super) struct Server {
    url: Url,
    /// None of a host that may not be spoken to.
    told: Option<Survey>,
}

impl Server {
    /// Asks the server at a URL, where it may be asked: this machine, and hosts that the project allows.
    ///
    /// # Errors
    /// When it is no URL, or that of somebody who must never be loaded.
    pub(super) fn meet(text: &str, context: &Context) -> Result<Self, Failure> {
        let url = scenario::parse_url(text)?;
        scenario::check_host(&url, std::slice::from_ref(&url.host))?;
        let hosts = scenario::project(&context.session.root)?.allow_hosts;
        let allowed = scenario::check_host(&url, &hosts).is_ok();
        let mut server = Self { url, told: None };
        if allowed && server.url.port != 0 {
            server.told = Some(session::survey(&server.root(), server.path()));
        }
        Ok(server)
    }

    fn root(&self) -> Url {
        Url {
            base: String::new(),
            ..self.url.clone()
        }
    }

    /// Its URL without a path.
    pub(super) fn origin(&self) -> String {
        self.root().to_string()
    }

    /// The path that its URL names.
    pub(super) fn path(&self) -> &str {
        match self.url.base.as_str() {
            "" => "/",
            path => path,
        }
    }

    fn program(&self) -> Option<&str> {
        self.told.as_ref()?.program.as_deref()
    }

    /// True when its processes can be observed.
    pub(super) fn is_observed(&self) -> bool {
        self.program().is_some()
    }

    /// The host, where it has to be allowed to be loaded.
    pub(super) fn stranger(&self) -> Option<&str> {
        let known = scenario::check_host(&self.url, &[]).is_ok();
        (!known).then_some(&self.url.host)
    }

    /// What a scenario of it may be called: by its host, else by its program.
    pub(super) fn name(&self) -> String {
        let host = &self.url.host;
        let is_address = host.parse::<std::net::IpAddr>().is_ok();
        let label = host.split('.').next().unwrap_or_default();
        let of_host = (!is_address && host != "localhost").then_some(label);
        let of_program = self.program().filter(|name| !RUNTIMES.contains(name));
        let name = of_host.or(of_program).map(scenario::slugged);
        name.filter(|name| !name.is_empty())
            .unwrap_or_else(|| NAMELESS.to_owned())
    }

    /// Keys of `[target]` beside its URL.
    pub(super) fn keys(&self) -> String {
        let process = self.program().map(|program| {
            let program: String = program.chars().filter(|c| !c.is_control()).collect();
            let port = self.url.port;
            format!(
                "\nprocess = {{ port = {port} }}     # {program}: its CPU, memory and descriptors are recorded"
            )
        });
        let has_metrics = self.told.as_ref().is_some_and(|told| told.metrics);
        let metrics =
            has_metrics.then(|| format!("\nmetrics = [\"{METRICS}\"]     # scraped each second"));
        process.into_iter().chain(metrics).collect()
    }

    /// What was found out, as lines for a person.
    pub(super) fn report(&self) -> Vec<String> {
        let url = Untrusted::new(self.url.to_string()).terminal();
        let Some(told) = &self.told else {
            return vec![format!("{url} was not asked: its host is not this machine")];
        };
        let mut lines = vec![match &told.answer {
            Ok(status @ 200..=399) => format!("{url} answers {status}"),
            Ok(status) => format!(
                "{url} answers {status}, which counts as an error: change `request`, or say what you expect \
                 (expect = {{ status = {status} }})"
            ),
            Err(reason) => {
                let reason = Untrusted::from(reason.as_str()).terminal();
                format!("nothing answers at {url} just now: start it before the load ({reason})")
            }
        }];
        if let Some(program) = self.program() {
            let program = Untrusted::from(program).terminal();
            lines.push(format!(
                "{program} listens there: its CPU and memory are recorded too"
            ));
        }
        if told.metrics {
            lines.push(format!("{METRICS} is there, and scraped each second"));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_word_is_told_by_its_form() {
        let name = |n: &str| Ok(Subject::Name(n.to_owned()));
        let of = |word: &str| Subject::of(word).map_err(|d| d.help.unwrap_or_default());
        assert_eq!(of("checkout"), name("checkout"));
        assert_eq!(of("v1.2"), name("v1.2"));
        let url = "http://127.0.0.1:8080/";
        assert_eq!(of(url), Ok(Subject::Server(url.to_owned())));
        let meant = "did you mean `http://localhost:8080`?";
        assert_eq!(of("localhost:8080"), Err(meant.to_owned()));
        assert!(of("not-there.har").is_err());
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/init/shop.har");
        assert_eq!(of(file), Ok(Subject::Description(file.into())));
    }

    #[test]
    fn a_server_is_called_by_its_host_or_by_its_program() {
        let server = |host: &str, program: Option<&str>| Server {
            url: Url::http(host, 80),
            told: Some(Survey {
                answer: Ok(200),
                metrics: false,
                program: program.map(str::to_owned),
            }),
        };
        for (host, program, expect) in [
            ("shop.example", Some("nginx"), "shop"),
            ("127.0.0.1", Some("nginx"), "nginx"),
            ("localhost", Some("java"), "local"),
            ("::1", None, "local"),
            ("127.0.0.1", Some("My Server"), "my-server"),
        ] {
            assert_eq!(server(host, program).name(), expect, "{host} {program:?}");
        }
    }
}
