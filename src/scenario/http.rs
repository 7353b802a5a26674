//! Checks `http` of `[target]`: how connections are made and used.

use std::net::IpAddr;

use crate::diagnostic::{Diagnostic, scenario as codes};

use super::limits;
use super::plan::{Http, MostRate, Overflow, Url, Version};
use super::problems::Problems;
use super::section::Section;
use super::shape::short;
use super::url;
use crate::units::Nanos;

/// How HTTP is spoken; `unix` when a socket file is connected to.
pub(super) fn check(problems: &mut Problems<'_>, target: &Section<'_>, unix: bool) -> Http {
    let usual = Http::default();
    let Some(section) = target.section("http") else {
        return usual;
    };
    let whole = |key: &str| {
        let (n, _) = section.whole(key)?;
        usize::try_from(n).ok()
    };
    let version = match section.text("version") {
        Some(("2", _)) => Version::Http2,
        Some(("auto", _)) => Version::Auto,
        _ => Version::Http1,
    };
    agree(problems, &section, version, unix);
    Http {
        version,
        connections: whole("connections").unwrap_or(usual.connections),
        streams: whole("streams").unwrap_or(usual.streams),
        keep_alive: section.flag_unless("keep-alive"),
        requests_per_connection: section.whole("requests-per-connection").map(|(n, _)| n),
        lifetime: section.time("lifetime").map(|(time, _)| time),
        nodelay: section.flag_unless("nodelay"),
        coalesce: coalesce(problems, &section),
        source: source(problems, &section),
        connect_to: connect_to(problems, &section),
        max_in_flight: whole("max-in-flight"),
        overflow: match section.text("overflow") {
            Some(("drop", _)) => Overflow::Drop,
            Some(("fail", _)) => Overflow::Fail,
            _ => Overflow::Queue,
        },
        max_rate: section.rate("max-rate").map(|(rate, _)| MostRate {
            rate,
            burst: section.whole("burst").map_or(1, |(n, _)| n),
        }),
    }
}

/// Refuses keys that can have no effect beside the others.
fn agree(problems: &mut Problems<'_>, section: &Section<'_>, version: Version, unix: bool) {
    let mut refuse = |key: &str, message: &str, reason: &str, help: &str| {
        if let Some(node) = section.node(key) {
            let diagnostic = Diagnostic::error(&codes::CONFLICT, message)
                .because(reason)
                .help(help);
            problems.add(diagnostic, &node.span, "has no effect");
        }
    };
    if version == Version::Http1 {
        refuse(
            "streams",
            "`streams` means nothing with HTTP/1.1",
            "a connection of HTTP/1.1 carries one request at a time",
            "write version = \"2\", or leave `streams` out",
        );
    }
    if !section.flag_unless("keep-alive") {
        for key in ["requests-per-connection", "lifetime"] {
            refuse(
                key,
                &format!("`{key}` means nothing with `keep-alive = false`"),
                "every connection is closed after its first request",
                "keep the one you mean",
            );
        }
    }
    if unix {
        for key in ["source", "connect-to"] {
            refuse(
                key,
                &format!("`{key}` means nothing with `unix`"),
                "a socket file is connected to, not an address",
                "keep the one you mean",
            );
        }
    }
}

fn coalesce(problems: &mut Problems<'_>, section: &Section<'_>) -> Option<Nanos> {
    let (time, span) = section.time("coalesce")?;
    limits::coalesce(time)
        .map_err(|diagnostic| problems.add(diagnostic, span, "too long"))
        .ok()
}

fn source(problems: &mut Problems<'_>, section: &Section<'_>) -> Option<IpAddr> {
    let (text, span) = section.text("source")?;
    let address = text.parse().ok();
    if address.is_none() {
        let message = format!("`{}` is not an IP address", short(text));
        let diagnostic = Diagnostic::error(&codes::BAD_VALUE, message)
            .because("a connection is made from an address of this machine")
            .help("write one, without a port: source = \"127.0.0.2\"");
        problems.add(diagnostic, span, "not an address");
    }
    address
}

fn connect_to(problems: &mut Problems<'_>, section: &Section<'_>) -> Option<(String, u16)> {
    let (text, span) = section.text("connect-to")?;
    let place = url::host_port(text).and_then(|(host, port)| {
        url::never(&Url::http(&host, port))?;
        Ok((host, port))
    });
    place
        .map_err(|diagnostic| problems.add(diagnostic, span, "not a place to connect to"))
        .ok()
}
