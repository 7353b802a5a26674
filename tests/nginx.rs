//! A server that nobody here wrote: what Plimsoll counts is what nginx logs.
//!
//! Skipped with a message where nginx is not installed.

mod common;

use common::nginx::{self, Nginx};
use common::{Ended, Workplace};

/// An nginx that serves a small page, and its port; connections end after so many requests.
#[expect(clippy::print_stdout, reason = "a test that skips says so")]
fn start(place: &Workplace, keepalive_requests: u32) -> Option<(Nginx, u16)> {
    let Some(program) = nginx::program() else {
        println!("skipped: nginx is not installed");
        return None;
    };
    let [port] = nginx::free_ports();
    let folder = place.path().join("nginx");
    let http = format!(
        "access_log {}/access.log; keepalive_requests {keepalive_requests};\n\
         server {{ listen 127.0.0.1:{port}; }}",
        folder.display()
    );
    Some((Nginx::start(program, &folder, &http, port), port))
}

#[test]
fn every_request_is_in_the_access_log_once() {
    let place = Workplace::new();
    // Connections end every 100 requests, so keep-alive and reconnecting are both in it.
    let Some((nginx, port)) = start(&place, 100) else {
        return;
    };
    let url = format!("http://127.0.0.1:{port}/");
    let json = place
        .run(&["run", &url, "--rate", "500/s", "--for", "2s", "--json"])
        .exits(0)
        .json();
    let now = &json["summary"]["now"];
    assert_eq!(now["due"], 1000, "{json:#}");
    assert_eq!(now["answered"], 1000, "{json:#}");
    assert_eq!(nginx.logged().len(), 1000);
}

#[test]
fn saturating_counts_the_same_on_both_sides() {
    let place = Workplace::new();
    let Some((nginx, port)) = start(&place, 1_000_000) else {
        return;
    };
    let url = format!("http://127.0.0.1:{port}/");
    let json = place
        .run(&[
            "run",
            &url,
            "--connections",
            "8",
            "--for",
            "500ms",
            "--json",
        ])
        .exits(0)
        .json();
    let sent = json["summary"]["now"]["sent"].as_u64().expect("a count");
    assert!(sent > 0, "{json:#}");
    assert_eq!(nginx.logged().len() as u64, sent);
}

/// What was typed and what came of it.
struct Walk<'a> {
    place: &'a Workplace,
    typed: Vec<String>,
}

impl Walk<'_> {
    /// Types a command as it was printed.
    fn types(&mut self, command: &str) -> Ended {
        let words = shlex::split(command).expect("a command line");
        assert_eq!(words[0], "plimsoll", "{command}");
        let words: Vec<&str> = words[1..].iter().map(String::as_str).collect();
        self.typed.push(command.to_owned());
        self.place.run(&words)
    }

    /// Types the command that what was said leads on to.
    fn follows(&mut self, said: &Ended) -> Ended {
        let command = next(said).unwrap_or_else(|| panic!("nothing leads on: {said:?}"));
        self.types(&command)
    }
}

/// The command that is said to be next, without when it is: the last where there are several.
fn next(said: &Ended) -> Option<String> {
    let both = format!("{}{}", said.stdout, said.stderr);
    let lines = both.lines().map(str::trim_start);
    let below = lines.skip_while(|line| !line.starts_with("next"));
    let commands = below.map(|line| {
        let line = line.trim_start_matches("next").trim_start_matches(':');
        line.trim_start()
            .split("   ")
            .next()
            .unwrap_or_default()
            .trim()
    });
    let commands = commands.filter(|line| line.starts_with("plimsoll "));
    commands.last().map(str::to_owned)
}

/// A stranger with a server types five commands, each printed by the one before, and has a first check.
#[test]
fn the_first_check_is_the_fifth_command_and_each_is_printed_by_the_one_before() {
    let place = Workplace::new();
    let Some((_nginx, port)) = start(&place, 1_000_000) else {
        return;
    };
    let mut walk = Walk {
        place: &place,
        typed: Vec::new(),
    };
    let said = walk.types(&format!("plimsoll init http://127.0.0.1:{port}/"));
    let said = said.exits(0);
    for found in [
        "answers 200",
        "nginx listens there",
        "scenarios/nginx.toml",
        "plimsoll.toml",
    ] {
        assert!(said.stdout.contains(found), "{found}: {}", said.stdout);
    }
    // As a stranger would who has no minute.
    let file = place.path().join("scenarios/nginx.toml");
    let text = std::fs::read_to_string(&file).expect("a scenario");
    let short = text
        .replace("100/s", "400/s")
        .replace("\"2s\"", "\"200ms\"");
    let short = short.replace("\"10s\"", "\"700ms\"");
    assert_ne!(short, text);
    std::fs::write(&file, short).expect("a shorter one");

    let said = walk.follows(&said).exits(0);
    assert!(said.stdout.contains("280 requests"), "{}", said.stdout);
    let said = walk.follows(&said).exits(0);
    // Its process was found, so what it needs is known.
    assert!(said.stdout.contains("per request"), "{}", said.stdout);
    let said = walk.follows(&said).exits(0);
    assert!(said.stdout.contains("revision 1"), "{}", said.stdout);
    let said = walk.follows(&said);
    assert_eq!(walk.typed.len(), 5);
    assert_eq!(walk.typed[4], "plimsoll check nginx");
    // Whatever the machine does to the numbers, they were compared.
    assert!(matches!(said.code, Some(0 | 1)), "{said:?}");
    assert!(said.stdout.contains("against @nginx"), "{}", said.stdout);
}

#[test]
fn a_run_of_a_url_leads_to_a_scenario_of_it() {
    let place = Workplace::new();
    let Some((_nginx, port)) = start(&place, 1_000_000) else {
        return;
    };
    let mut walk = Walk {
        place: &place,
        typed: Vec::new(),
    };
    let said = walk.types(&format!(
        "plimsoll run http://127.0.0.1:{port}/ --for 300ms"
    ));
    let said = walk.follows(&said.exits(0)).exits(0);
    assert_eq!(
        walk.typed[1],
        format!("plimsoll init http://127.0.0.1:{port}")
    );
    walk.follows(&said).exits(0);
}
