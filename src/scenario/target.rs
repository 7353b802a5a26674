//! Checks `[target]`: address, command, ready probe and timeouts.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::diagnostic::{Diagnostic, scenario as codes};
use crate::model::ResourceLimits;
use crate::units::Nanos;

use super::plan::{Command, Ready, Scheme, Secret, Target, Timeouts, Url};
use super::problems::Problems;
use super::section::Section;
use super::shape::short;
use super::template::Sources;
use super::tree::Value;
use super::{health, http, limits, request, tls, url};

const PORT: &str = "{port}";

/// The target; certificates and secrets are taken from `sources`, and timeouts that it does not say from
/// the `usual` ones.
pub(super) fn check(
    problems: &mut Problems<'_>,
    section: &Section<'_>,
    sources: &Sources<'_>,
    usual: Timeouts,
) -> Option<Target> {
    let command = command(problems, section, sources);
    let unix = unix(problems, section);
    let url = address(problems, section, command.as_ref());
    let ready = ready(problems, section);
    let timeouts = timeouts(problems, section, url.as_ref(), usual);
    let http = http::check(problems, section, unix.is_some());
    let tls = tls::check(problems, section, sources.base, url.as_ref());
    Some(Target {
        url: url?,
        unix,
        command,
        ready,
        timeouts,
        http,
        tls,
        process: health::process(problems, section),
        metrics: health::metrics(problems, section),
    })
}

/// The socket file to connect to.
fn unix(problems: &mut Problems<'_>, section: &Section<'_>) -> Option<PathBuf> {
    let (text, span) = section.text("unix")?;
    match socket(text) {
        Ok(path) => Some(path),
        Err(diagnostic) => {
            problems.add(diagnostic, span, "not a socket");
            None
        }
    }
}

/// Reads the path of a socket.
///
/// # Errors
/// Why it cannot be one, without a place.
pub(super) fn socket(text: &str) -> Result<PathBuf, Diagnostic> {
    let reason = if !text.starts_with('/') {
        "it does not begin with /, and would depend on where Plimsoll is started"
    } else if text.contains('\0') {
        "it holds a NUL, where the system ends a path"
    } else if text.len() > limits::SOCKET_PATH {
        "the system knows no socket whose path is longer than 107 bytes"
    } else {
        return Ok(PathBuf::from(text));
    };
    let message = format!("`{}` is not the path of a socket", short(text));
    Err(Diagnostic::error(&codes::BAD_VALUE, message)
        .because(reason)
        .help("write a whole path: unix = \"/run/app.sock\""))
}

fn command(
    problems: &mut Problems<'_>,
    section: &Section<'_>,
    sources: &Sources<'_>,
) -> Option<Command> {
    let mut secrets = Vec::new();
    let env = environment(problems, section, sources, &mut secrets);
    let node = section.node("command")?;
    let Value::List(items) = &node.value else {
        return None;
    };
    let argv: Vec<String> = items
        .iter()
        .filter_map(|item| match &item.value {
            Value::Text(text) => Some(sources.told(problems, text, &item.span, &mut secrets)),
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
    let limits = resource_limits(section);
    (!argv.is_empty()).then_some(Command {
        argv,
        env,
        limits,
        secrets,
    })
}

fn resource_limits(target: &Section<'_>) -> ResourceLimits {
    let Some(section) = target.section("limits") else {
        return ResourceLimits::default();
    };
    let memory = section.text("memory");
    ResourceLimits {
        memory: memory.and_then(|(text, _)| text.parse().ok()),
        open_files: section.whole("open-files").map(|(most, _)| most),
    }
}

fn environment(
    problems: &mut Problems<'_>,
    section: &Section<'_>,
    sources: &Sources<'_>,
    secrets: &mut Vec<Secret>,
) -> BTreeMap<String, String> {
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
            let text = sources.told(problems, text, &entry.node.span, secrets);
            env.insert(entry.key.clone(), text);
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
        if section.node("url").is_some() {
            return None;
        }
        if section.node("unix").is_some() && !takes_port {
            return Some(Url::http("localhost", Scheme::Http.port()));
        }
        let command = command?;
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

/// The timeouts of a `[target]`; one that it does not say is the usual one, within the total.
pub(super) fn timeouts(
    problems: &mut Problems<'_>,
    target: &Section<'_>,
    url: Option<&Url>,
    usual: Timeouts,
) -> Timeouts {
    let Some(section) = target.section("timeouts") else {
        return usual;
    };
    if let (Some((_, span)), Some(Scheme::Http)) = (section.time("tls"), url.map(|url| url.scheme))
    {
        let message = "the tls timeout means nothing over http";
        let diagnostic = Diagnostic::error(&codes::CONFLICT, message)
            .because("no handshake is made, so it could never be reached")
            .help(tls::https(target));
        problems.add(diagnostic, span, "the url is not https");
    }
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
        connect: within_total("connect", usual.connect),
        tls: within_total("tls", usual.tls),
        first_byte: within_total("first-byte", usual.first_byte),
        total,
    }
}
