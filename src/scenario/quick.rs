//! A plan without a file: one URL under one load.

use std::path::PathBuf;

use crate::diagnostic::{Diagnostic, SourceFile, scenario as codes};
use crate::units::{Nanos, Rate};

use super::check::Loaded;
use super::plan::{
    Arrivals, Expect, Load, Phase, Plan, Profile, Request, Scheme, Step, Target, Template,
    Timeouts, Url, Users, Version,
};
use super::shape::short;
use super::{limits, phase, request, target, tls, url};

/// What is said on the command line instead of in a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Quick {
    /// With the path and the query of the request.
    pub url: String,
    pub method: String,
    /// `Name: value`.
    pub headers: Vec<String>,
    pub body: Option<String>,
    /// Empty: any 2xx or 3xx.
    pub expect: Vec<u16>,
    /// Total limit of a request; None: the default.
    pub timeout: Option<Nanos>,
    pub load: QuickLoad,
    pub duration: Nanos,
    /// Most connections open at once under a rate.
    pub connections: usize,
    pub connection: QuickConnection,
}

/// How a quick run connects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuickConnection {
    /// HTTP/2 instead of HTTP/1.1.
    pub http2: bool,
    /// Most requests outstanding at once on one HTTP/2 connection; None: the default.
    pub streams: Option<usize>,
    /// What falls due within so much time leaves together; None: each request at its time.
    pub coalesce: Option<Nanos>,
    /// False: every request opens a connection of its own.
    pub keep_alive: bool,
    /// A socket file to connect to in place of the URL's address.
    pub unix: Option<String>,
    /// A file with the certificates to trust instead of the system's, PEM.
    pub ca: Option<PathBuf>,
    /// True: any certificate is accepted.
    pub insecure: bool,
}

impl Default for QuickConnection {
    fn default() -> Self {
        Self {
            http2: false,
            streams: None,
            coalesce: None,
            keep_alive: true,
            unix: None,
            ca: None,
            insecure: false,
        }
    }
}

/// The load of a quick run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum QuickLoad {
    Rate(Rate),
    Connections(usize),
    Users(usize),
}

/// The plan of a quick run: one step `request`, one phase `load`, no warm-up, no thresholds.
///
/// # Errors
/// Everything that is wrong with it.
pub fn quick(quick: &Quick) -> Result<Loaded, Vec<Diagnostic>> {
    let mut found = Vec::new();
    let split = at("URL", &quick.url, || {
        let split = url::split(&quick.url)?;
        url::never(&split.address)?;
        if split.address.port == 0 {
            return Err(Diagnostic::error(
                &codes::CONFLICT,
                "{port} needs a scenario with a command",
            )
            .help("write the port the target listens on"));
        }
        Ok(split)
    });
    let split = split.map_err(|d| found.push(d)).ok();
    let headers: Vec<_> = quick
        .headers
        .iter()
        .filter_map(|text| {
            at("header", text, || header(text))
                .map_err(|d| found.push(d))
                .ok()
        })
        .collect();
    if headers.len() > limits::HEADERS {
        let message = format!("more than {} headers", limits::HEADERS);
        found
            .push(Diagnostic::error(&codes::TOO_MUCH, message).help("send long lists in the body"));
    }
    let checks = [
        at("method", &quick.method, || request::method(&quick.method)),
        load_limit(quick),
        status(&quick.expect),
    ];
    found.extend(checks.into_iter().filter_map(Result::err));
    let connection = connection(&mut found, quick, split.as_ref());
    let phase = phase_of(quick);
    if found.is_empty() && phase.asked() == Some(0) {
        found.push(
            Diagnostic::error(&codes::NOTHING_MEASURED, "no request would be sent")
                .because("the rate times the duration is less than one request")
                .help("raise the rate or the duration"),
        );
    }
    let Some(split) = split.filter(|_| found.is_empty()) else {
        return Err(found);
    };
    let path = match split.rest.as_str() {
        "" => "/",
        rest => rest,
    };
    let request = Request {
        headers: headers
            .into_iter()
            .map(|(name, value)| (name, Template::fixed(value)))
            .collect(),
        body: Template::fixed(quick.body.clone().unwrap_or_default()),
        ..Request::new(&quick.method, path)
    };
    let step = Step {
        expect: Expect {
            status: quick.expect.clone(),
            ..Expect::default()
        },
        ..Step::new("request", request)
    };
    let target = Target {
        timeouts: timeouts(quick),
        url: split.address,
        ..connection
    };
    let mut plan = Plan::new("quick", target);
    plan.set_steps(vec![(step, 1)]);
    plan.phases = vec![phase];
    let warnings = quick.connection.insecure.then(tls::unverified);
    Ok(Loaded {
        plan,
        warnings: warnings.into_iter().collect(),
    })
}

/// A target that is connected to as asked; its address is not yet that of the URL.
fn connection(found: &mut Vec<Diagnostic>, quick: &Quick, split: Option<&url::Split>) -> Target {
    let asked = &quick.connection;
    let mut target = Target::at(Url::http("localhost", 0));
    target.http.connections = quick.connections;
    target.http.keep_alive = asked.keep_alive;
    if asked.http2 {
        target.http.version = Version::Http2;
    }
    if let Some(streams) = asked.streams {
        found.extend(streams_limit(streams, asked.http2).err());
        target.http.streams = streams;
    }
    if let Some(time) = asked.coalesce {
        found.extend(limits::coalesce(time).err());
        target.http.coalesce = Some(time);
    }
    if let Some(text) = &asked.unix {
        match at("socket", text, || target::socket(text)) {
            Ok(path) => target.unix = Some(path),
            Err(diagnostic) => found.push(diagnostic),
        }
    }
    for (given, option) in [(asked.insecure, "--insecure"), (asked.ca.is_some(), "--ca")] {
        if given && split.is_some_and(|split| split.address.scheme == Scheme::Http) {
            let message = format!("{option} means nothing over http");
            let diagnostic = Diagnostic::error(&codes::CONFLICT, message)
                .because("nothing is encrypted, and the target proves nothing");
            found.push(diagnostic.help("write https://, or leave it out"));
        }
    }
    target.tls.unverified = asked.insecure;
    if let Some(path) = &asked.ca {
        match tls::trusted(path) {
            Ok(bytes) => target.tls.ca = Some(bytes),
            Err(diagnostic) => found.push(diagnostic),
        }
    }
    target
}

fn streams_limit(streams: usize, http2: bool) -> Result<(), Diagnostic> {
    if !http2 {
        return Err(
            Diagnostic::error(&codes::CONFLICT, "--streams means nothing with HTTP/1.1")
                .because("a connection of HTTP/1.1 carries one request at a time")
                .help("add --http2"),
        );
    }
    if !(1..=limits::STREAMS).contains(&(streams as u64)) {
        let message = format!("{streams} is not a number of streams");
        return Err(Diagnostic::error(&codes::BAD_VALUE, message)
            .help(format!("write a number from 1 to {}", limits::STREAMS)));
    }
    Ok(())
}

fn phase_of(quick: &Quick) -> Phase {
    let load = match quick.load {
        QuickLoad::Connections(n) => Load::Connections(n),
        QuickLoad::Users(count) => Load::Users(Users {
            count,
            ramp: Nanos::ZERO,
        }),
        QuickLoad::Rate(rate) => Load::Rate {
            profile: Profile::Constant(rate),
            arrivals: Arrivals::Poisson,
        },
    };
    Phase::new("load", load, quick.duration)
}

/// The one limit that is named should be the one that ends a slow request.
fn timeouts(quick: &Quick) -> Timeouts {
    let usual = Timeouts::default();
    quick.timeout.map_or(usual, |total| Timeouts {
        connect: usual.connect.min(total),
        tls: usual.tls.min(total),
        first_byte: total,
        total,
    })
}

/// Runs a check and points at the whole argument when it fails.
fn at<T>(
    name: &str,
    text: &str,
    check: impl FnOnce() -> Result<T, Diagnostic>,
) -> Result<T, Diagnostic> {
    check().map_err(|diagnostic| {
        let file = SourceFile {
            name: name.to_owned(),
            text: text.into(),
        };
        diagnostic.at(&file, 0..text.len(), "as given")
    })
}

fn header(text: &str) -> Result<(String, String), Diagnostic> {
    let Some((name, value)) = text.split_once(':') else {
        let message = format!("`{}` is not a header", short(text));
        return Err(Diagnostic::error(&codes::BAD_REQUEST, message)
            .help("write the name, a colon and the value: -H 'accept: text/html'"));
    };
    let value = value.trim_matches([' ', '\t']);
    request::header_name(name)?;
    request::header_value(name, value)?;
    Ok((name.to_owned(), value.to_owned()))
}

fn status(expect: &[u16]) -> Result<(), Diagnostic> {
    match expect.iter().find(|status| !(100..600).contains(*status)) {
        None => Ok(()),
        Some(status) => Err(Diagnostic::error(
            &codes::BAD_VALUE,
            format!("{status} is not a status"),
        )
        .help("a status is a number from 100 to 599")),
    }
}

fn load_limit(quick: &Quick) -> Result<(), Diagnostic> {
    let zero = |what: &str, example: &str| {
        Err(
            Diagnostic::error(&codes::BAD_VALUE, format!("{what} cannot be zero"))
                .help(format!("write {what} such as {example}")),
        )
    };
    if quick.duration == Nanos::ZERO {
        return zero("a duration", "10s");
    }
    if quick.timeout == Some(Nanos::ZERO) {
        return zero("a timeout", "3s");
    }
    let connections = match quick.load {
        QuickLoad::Connections(n) => n,
        QuickLoad::Users(n) => {
            phase::users_built()?;
            users_limit(n)?;
            quick.connections
        }
        QuickLoad::Rate(rate) => {
            if rate.0 <= 0.0 {
                return zero("a rate", "200/s");
            }
            limits::check_rate(rate)?;
            quick.connections
        }
    };
    if connections == 0 {
        return zero("a number of connections", "50");
    }
    if connections > limits::CONNECTIONS {
        return Err(Diagnostic::error(
            &codes::TOO_MUCH,
            format!("{connections} connections are more than 10,000"),
        )
        .help("one machine holds at most 10,000 to one target"));
    }
    let asked = match quick.load {
        QuickLoad::Connections(_) | QuickLoad::Users(_) => 0,
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "both are checked to be positive, and the cast saturates"
        )]
        QuickLoad::Rate(rate) => (rate.0 * quick.duration.as_secs_f64()) as u64,
    };
    limits::check_round(quick.duration, asked)
}

fn users_limit(users: usize) -> Result<(), Diagnostic> {
    if (1..=limits::USERS).contains(&users) {
        return Ok(());
    }
    let message = format!("{users} is not a number of users");
    Err(Diagnostic::error(&codes::BAD_VALUE, message)
        .help(format!("write a number from 1 to {}", limits::USERS)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::render;

    fn sound() -> Quick {
        Quick {
            url: "http://127.0.0.1:8080/items?page=1".to_owned(),
            method: "POST".to_owned(),
            headers: vec!["accept:  text/html ".to_owned()],
            body: Some("x".to_owned()),
            expect: vec![201],
            timeout: Some(Nanos::from_secs(3)),
            load: QuickLoad::Rate(Rate(200.0)),
            duration: Nanos::from_secs(10),
            connections: 50,
            connection: QuickConnection::default(),
        }
    }

    #[test]
    fn a_url_and_a_rate_are_a_plan() {
        let plan = quick(&sound()).unwrap().plan;
        assert_eq!(plan.target.url.to_string(), "http://127.0.0.1:8080");
        assert_eq!(plan.target.timeouts.total, Nanos::from_secs(3));
        let request = &plan.steps[0].request;
        assert_eq!(request.path, Template::fixed("/items?page=1"));
        assert_eq!(
            request.headers,
            [("accept".to_owned(), Template::fixed("text/html"))]
        );
        assert_eq!(plan.phases[0].asked(), Some(2000));
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let wrong = Quick {
            url: "127.0.0.1:8080".to_owned(),
            method: "get".to_owned(),
            headers: vec!["accept".to_owned(), "Content-Length: 3".to_owned()],
            expect: vec![20],
            load: QuickLoad::Connections(0),
            ..sound()
        };
        insta::assert_snapshot!(render(&quick(&wrong).unwrap_err(), false), @r#"
        error[PL0118]: `127.0.0.1:8080` is not a target URL
         --> URL:1:1
          |
        1 | 127.0.0.1:8080
          | ^^^^^^^^^^^^^^ as given
          |
          = note: it does not begin with http:// or https://
          = help: did you mean "http://127.0.0.1:8080"?

        error[PL0119]: `accept` is not a header
         --> header:1:1
          |
        1 | accept
          | ^^^^^^ as given
          |
          = help: write the name, a colon and the value: -H 'accept: text/html'

        error[PL0119]: the header `Content-Length` is written by Plimsoll
         --> header:1:1
          |
        1 | Content-Length: 3
          | ^^^^^^^^^^^^^^^^^ as given
          |
          = note: it decides how messages are framed and connections are used
          = help: leave it out

        error[PL0119]: `get` is not a method
         --> method:1:1
          |
        1 | get
          | ^^^ as given
          |
          = note: methods are case-sensitive and written in capitals
          = help: did you mean "GET"?

        error[PL0107]: a number of connections cannot be zero
         |
         = help: write a number of connections such as 50

        error[PL0107]: 20 is not a status
         |
         = help: a status is a number from 100 to 599
        "#);
    }

    #[test]
    fn a_connection_is_made_as_asked() {
        let asked = Quick {
            url: "https://localhost/items".to_owned(),
            connection: QuickConnection {
                http2: true,
                streams: Some(7),
                coalesce: Some(Nanos(500_000)),
                keep_alive: false,
                unix: Some("/run/app.sock".to_owned()),
                ca: None,
                insecure: true,
            },
            ..sound()
        };
        let Loaded { plan, warnings } = quick(&asked).unwrap();
        let target = &plan.target;
        assert_eq!(target.url.to_string(), "https://localhost:443");
        assert_eq!(target.http.version, Version::Http2);
        assert_eq!(target.http.streams, 7);
        assert_eq!(target.http.coalesce, Some(Nanos(500_000)));
        assert!(!target.http.keep_alive);
        assert_eq!(target.unix, Some(PathBuf::from("/run/app.sock")));
        assert!(target.tls.unverified && plan.outline().target.unverified);
        assert_eq!(warnings[0].code.id, "PL0133");
    }

    #[test]
    fn the_certificates_named_are_trusted() {
        let folder = std::path::Path::new("tests/scenarios/valid/certificates");
        let with = |url: &str, ca: &str| {
            let mut asked = sound();
            url.clone_into(&mut asked.url);
            asked.connection.ca = Some(folder.join(ca));
            quick(&asked).map(|loaded| loaded.plan.target.tls.ca)
        };
        let bytes = std::fs::read(folder.join("ca.pem")).unwrap();
        assert_eq!(with("https://localhost", "ca.pem").unwrap(), Some(bytes));
        for (url, ca, message) in [
            ("https://localhost", "client.key", "holds no certificate"),
            ("https://localhost", "none.pem", "cannot be read"),
            ("http://localhost", "ca.pem", "--ca means nothing over http"),
        ] {
            let found = with(url, ca).unwrap_err();
            assert!(found[0].message.contains(message), "{:?}", found[0].message);
        }
    }

    #[test]
    fn connections_that_cannot_be_are_refused() {
        let refused = |change: fn(&mut Quick)| {
            let mut wrong = sound();
            change(&mut wrong);
            quick(&wrong).unwrap_err().remove(0).message
        };
        let found = [
            refused(|q| q.connection.streams = Some(5)),
            refused(|q| {
                q.connection.http2 = true;
                q.connection.streams = Some(5000);
            }),
            refused(|q| q.connection.insecure = true),
            refused(|q| q.connection.unix = Some("app.sock".to_owned())),
        ];
        insta::assert_snapshot!(found.join("\n"), @r"
        --streams means nothing with HTTP/1.1
        5000 is not a number of streams
        --insecure means nothing over http
        `app.sock` is not the path of a socket
        ");
    }

    #[cfg(feature = "users")]
    #[test]
    fn users_are_a_load_of_their_own() {
        let with = |n| {
            quick(&Quick {
                load: QuickLoad::Users(n),
                ..sound()
            })
        };
        let plan = with(50).unwrap().plan;
        assert_eq!(plan.outline().phases[0].load, "50 users");
        for wrong in [0, 10_001] {
            let found = with(wrong).unwrap_err();
            assert!(found[0].message.contains("is not a number of users"));
        }
    }

    #[cfg(not(feature = "users"))]
    #[test]
    fn users_are_refused_where_they_were_left_out() {
        let asked = Quick {
            load: QuickLoad::Users(50),
            ..sound()
        };
        assert_eq!(quick(&asked).unwrap_err()[0].code.id, "PL0127");
    }

    #[test]
    fn numbers_beyond_reason_are_refused() {
        let refused = |change: fn(&mut Quick)| {
            let mut wrong = sound();
            change(&mut wrong);
            quick(&wrong).unwrap_err().remove(0).message
        };
        assert_eq!(
            refused(|q| q.duration = Nanos::ZERO),
            "a duration cannot be zero"
        );
        assert_eq!(
            refused(|q| q.load = QuickLoad::Rate(Rate(0.0))),
            "a rate cannot be zero"
        );
        assert_eq!(
            refused(|q| q.connections = 0),
            "a number of connections cannot be zero"
        );
        assert_eq!(
            refused(|q| q.load = QuickLoad::Rate(Rate(0.01))),
            "no request would be sent"
        );
        assert!(refused(|q| q.load = QuickLoad::Rate(Rate(2e6))).contains("1,000,000"));
        assert!(refused(|q| q.load = QuickLoad::Connections(20_000)).contains("10,000"));
        assert!(refused(|q| q.duration = Nanos::from_secs(8 * 86_400)).contains("seven days"));
    }
}
