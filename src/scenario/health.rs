//! Checks what is observed of a target: `process` and `metrics` of `[target]`, and `[[health]]`.

use crate::diagnostic::{Diagnostic, scenario as codes};
use crate::units::Nanos;

use super::plan::{HealthProbe, ProcessRule};
use super::problems::Problems;
use super::section::Section;
use super::shape::short;
use super::tree::{Span, Value};
use super::{limits, name, request};

/// How the processes of a target are found; None when nothing is said, or it is wrong.
pub(super) fn process(problems: &mut Problems<'_>, target: &Section<'_>) -> Option<ProcessRule> {
    let section = target.section("process")?;
    let mut text = |key: &str, wrong: fn(&str) -> Option<&'static str>, help: &str| {
        let (text, span) = section.text(key)?;
        let Some(why) = wrong(text) else {
            return Some(text.to_owned());
        };
        let message = format!("`{}` cannot be a {key}", short(text));
        let diagnostic = Diagnostic::error(&codes::BAD_VALUE, message)
            .because(why)
            .help(help);
        problems.add(diagnostic, span, format!("not a {key}"));
        None
    };
    let pid_file = text(
        "pid-file",
        |text| (text.is_empty() || text.contains('\0')).then_some("no file has such a name"),
        "write a path: pid-file = \"/run/nginx.pid\"",
    );
    let called = text(
        "name",
        |text| {
            (text.is_empty() || text.contains(['/', '\0']))
                .then_some("a process is called by the last part of its path, without `/`")
        },
        "write the name that `ps -A` shows: name = \"nginx\"",
    );
    let cgroup = text(
        "cgroup",
        |text| {
            let leaves = text.split('/').any(|part| part == "..");
            (leaves || text.contains('\0') || text.trim_matches('/').is_empty())
                .then_some("it is the path of a group below /sys/fs/cgroup, not of all of them")
        },
        "write the path that `systemctl status` shows: cgroup = \"system.slice/shop.service\"",
    );
    let port = section
        .whole("port")
        .and_then(|(port, _)| u16::try_from(port).ok());
    pid_file
        .map(|path| ProcessRule::PidFile(path.into()))
        .or(port.map(ProcessRule::Port))
        .or(called.map(ProcessRule::Name))
        .or(cgroup.map(ProcessRule::Cgroup))
}

/// Paths of metrics.
pub(super) fn metrics(problems: &mut Problems<'_>, target: &Section<'_>) -> Vec<String> {
    let items = target.items("metrics");
    if let Some(beyond) = items.get(limits::QUESTIONS) {
        too_many(problems, "paths of metrics", &beyond.span);
    }
    let mut paths = Vec::<String>::new();
    for item in items {
        let Value::Text(path) = &item.value else {
            continue;
        };
        if let Err(diagnostic) = request::path(path) {
            problems.add(diagnostic, &item.span, "not a path");
        }
        if paths.contains(path) {
            let message = format!("the metrics at `{}` are read twice", short(path));
            let diagnostic =
                Diagnostic::error(&codes::DUPLICATE, message).help("leave out one of them");
            problems.add(diagnostic, &item.span, "the second one");
        }
        paths.push(path.clone());
    }
    paths
}

/// The probes of `[[health]]`; None when one is wrong.
pub(super) fn probes(problems: &mut Problems<'_>, root: &Section<'_>) -> Option<Vec<HealthProbe>> {
    let sections = root.sections("health");
    name::check(problems, &sections, "health probe");
    if let Some(beyond) = sections.get(limits::QUESTIONS) {
        too_many(problems, "health probes", &beyond.span);
    }
    sections
        .iter()
        .map(|section| probe(problems, section))
        .collect()
}

fn probe(problems: &mut Problems<'_>, section: &Section<'_>) -> Option<HealthProbe> {
    let get = section.text("get");
    if let Some((path, span)) = get
        && let Err(diagnostic) = request::path(path)
    {
        problems.add(diagnostic, span, "not a path");
    }
    let every = section.time("every");
    if let Some((every, span)) = every
        && every < Nanos::SECOND
    {
        let message = format!("a component cannot be probed every {every}");
        let diagnostic = Diagnostic::error(&codes::BAD_VALUE, message)
            .because("probes are seen once a second, and more of them would be a load of their own")
            .help("write at least \"1s\"");
        problems.add(diagnostic, span, "too often");
    }
    let timeout = section.time("timeout");
    if let Some((timeout, span)) = timeout
        && timeout > limits::PROBE
    {
        let message = format!("a probe cannot wait for {timeout}");
        let diagnostic = Diagnostic::error(&codes::BAD_VALUE, message)
            .because("the end of a round waits for the probes that are under way")
            .help(format!("write at most \"{}\"", limits::PROBE).replace(" s", "s"));
        problems.add(diagnostic, span, "too long");
    }
    let mut read = Vec::new();
    for item in section.items("read") {
        let Value::Text(pointer) = &item.value else {
            continue;
        };
        if !pointer.starts_with('/') {
            let message = format!("`{}` is not a JSON pointer", short(pointer));
            let diagnostic = Diagnostic::error(&codes::BAD_VALUE, message)
                .because("a pointer names the way from the top of the answer, each part after a /")
                .help(format!("did you mean \"/{}\"?", short(pointer)));
            problems.add(diagnostic, &item.span, "does not begin with /");
        }
        read.push(pointer.clone());
    }
    Some(HealthProbe {
        name: section.text("name")?.0.to_owned(),
        get: get?.0.to_owned(),
        every: every.map_or(HealthProbe::EVERY, |(every, _)| every),
        status: section
            .whole("status")
            .and_then(|(status, _)| u16::try_from(status).ok()),
        timeout: timeout.map_or(HealthProbe::TIMEOUT, |(timeout, _)| timeout),
        read,
    })
}

fn too_many(problems: &mut Problems<'_>, what: &str, span: &Span) {
    let message = format!("more than {} {what}", limits::QUESTIONS);
    let diagnostic = Diagnostic::error(&codes::TOO_MUCH, message)
        .because("each is asked by a thread of its own, beside the load")
        .help("leave out those that say the least");
    problems.add(diagnostic, span, "one too many");
}
