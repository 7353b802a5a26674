//! Checks `[target]`: address, command, ready probe, timeouts and connections.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, scenario as codes};
use crate::units::Nanos;

use super::plan::{Command, Http, Ready, Target, Timeouts, Url};
use super::problems::Problems;
use super::section::Section;
use super::shape::short;
use super::tree::Value;
use super::{limits, request, url};

const PORT: &str = "{port}";

pub(super) fn check(problems: &mut Problems<'_>, section: &Section<'_>) -> Option<Target> {
    let command = command(problems, section);
    let url = address(problems, section, command.as_ref());
    let ready = ready(problems, section);
    let timeouts = timeouts(problems, section);
    let connections = section
        .section("http")
        .and_then(|http| http.whole("connections"))
        .and_then(|(n, _)| usize::try_from(n).ok())
        .unwrap_or(limits::DEFAULT_CONNECTIONS);
    Some(Target {
        command,
        ready,
        timeouts,
        http: Http {
            connections,
            ..Http::default()
        },
        ..Target::at(url?)
    })
}

fn command(problems: &mut Problems<'_>, section: &Section<'_>) -> Option<Command> {
    let env = environment(problems, section);
    let node = section.node("command")?;
    let Value::List(items) = &node.value else {
        return None;
    };
    let argv: Vec<String> = items
        .iter()
        .filter_map(|item| match &item.value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        })
        .collect();
    if argv.first().is_some_and(String::is_empty) {
        let diagnostic = Diagnostic::error(&codes::BAD_VALUE, "the command names no program").help(
            "the first item is the program: command = [\"./server\", \"--port\", \"{port}\"]",
        );
        problems.add(diagnostic, &items[0].span, "empty");
    }
    for item in items {
        if matches!(&item.value, Value::Text(text) if text.contains('\0')) {
            nul(problems, &item.span);
        }
    }
    if let ([program], [item]) = (&argv[..], &items[..])
        && program.contains(char::is_whitespace)
        && !std::path::Path::new(program).exists()
    {
        let words: Vec<_> = program
            .split_whitespace()
            .map(|word| format!("\"{}\"", short(word)))
            .collect();
        let diagnostic = Diagnostic::error(
            &codes::BAD_VALUE,
            "the command is a list of words, and no shell reads it",
        )
        .help(format!("command = [{}]", words.join(", ")));
        problems.add(
            diagnostic,
            &item.span,
            "one program with spaces in its name",
        );
    }
    (!argv.is_empty()).then_some(Command { argv, env })
}

fn environment(problems: &mut Problems<'_>, section: &Section<'_>) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    for entry in section.map("env") {
        if entry.key.is_empty() || entry.key.contains(['=', '\0']) {
            let diagnostic = Diagnostic::error(
                &codes::BAD_VALUE,
                format!(
                    "`{}` is not a name of an environment variable",
                    short(&entry.key)
                ),
            )
            .help("a name has at least one character, and no `=`");
            problems.add(diagnostic, &entry.key_span, "not a name");
        }
        if let Value::Text(text) = &entry.node.value {
            if text.contains('\0') {
                nul(problems, &entry.node.span);
            }
            env.insert(entry.key.clone(), text.clone());
        }
    }
    env
}

fn nul(problems: &mut Problems<'_>, span: &super::tree::Span) {
    let diagnostic = Diagnostic::error(&codes::BAD_VALUE, "a text for a program holds a NUL")
        .because("the system ends arguments and variables there")
        .help("leave out \\u0000");
    problems.add(diagnostic, span, "holds a NUL");
}

/// The address; its port is 0 when the command is given one.
fn address(
    problems: &mut Problems<'_>,
    section: &Section<'_>,
    command: Option<&Command>,
) -> Option<Url> {
    let takes_port = command.is_some_and(|command| {
        let texts = command.argv.iter().chain(command.env.values());
        texts.into_iter().any(|text| text.contains(PORT))
    });
    let Some((text, span)) = section.text("url") else {
        let (Some(command), None) = (command, section.node("url")) else {
            return None;
        };
        if !takes_port && let Some(node) = section.node("command") {
            let program = command.argv.first().map_or("", String::as_str);
            let diagnostic = Diagnostic::error(
                &codes::CONFLICT,
                "nobody knows the port: there is no `url`, and the command has no {port}",
            )
            .help(format!(
                "pass the port on: command = [\"{}\", \"--port\", \"{{port}}\"], or add the url it listens on",
                short(program)
            ));
            problems.add(diagnostic, &node.span, "no {port} in it");
        }
        return Some(Url::http("127.0.0.1", 0));
    };
    let parsed = url::parse_url(text).and_then(|url| url::never(&url).map(|()| url));
    let mut url = match parsed {
        Ok(url) => url,
        Err(diagnostic) => {
            problems.add(diagnostic, span, "not a target");
            return None;
        }
    };
    if takes_port {
        url.port = 0;
    } else if url.port == 0 {
        let diagnostic = match section.node("command") {
            Some(_) => Diagnostic::error(
                &codes::CONFLICT,
                "the url has a {port} that the command is never told",
            )
            .help(
                "pass it on: command = [..., \"--port\", \"{port}\"], or write the port in the url",
            ),
            None => Diagnostic::error(&codes::CONFLICT, "{port} means nothing without `command`")
                .help("write the port the target listens on: \"http://127.0.0.1:8080\""),
        };
        problems.add(diagnostic, span, "which port?");
    }
    Some(url)
}

fn ready(problems: &mut Problems<'_>, section: &Section<'_>) -> Ready {
    let ready = section.section("ready");
    let get = ready.as_ref().and_then(|ready| {
        let (path, span) = ready.text("get")?;
        if let Err(diagnostic) = request::path(path) {
            problems.add(diagnostic, span, "not a path");
        }
        let status = ready.whole("status").map_or(200, |(status, _)| status);
        Some((path.to_owned(), u16::try_from(status).unwrap_or(200)))
    });
    let within = ready.as_ref().and_then(|ready| ready.time("within"));
    Ready {
        get,
        within: within.map_or(Ready::default().within, |(within, _)| within),
    }
}

fn timeouts(problems: &mut Problems<'_>, section: &Section<'_>) -> Timeouts {
    let usual = Timeouts::default();
    let Some(section) = section.section("timeouts") else {
        return usual;
    };
    let total = section
        .time("total")
        .map_or(usual.total, |(total, _)| total);
    let mut within_total = |key: &str, default: Nanos| match section.time(key) {
        Some((time, span)) => {
            if time > total {
                let message =
                    format!("the {key} timeout of {time} is longer than the total of {total}");
                let diagnostic = Diagnostic::error(&codes::CONFLICT, message)
                    .because("it could never be reached")
                    .help(format!(
                        "write at most \"{}\", or raise `total`",
                        total.to_string().replace(' ', "")
                    ));
                problems.add(diagnostic, span, "never reached");
            }
            time
        }
        None => default.min(total),
    };
    Timeouts {
        tls: usual.tls.min(total),
        connect: within_total("connect", usual.connect),
        first_byte: within_total("first-byte", usual.first_byte),
        total,
    }
}
