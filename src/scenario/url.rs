//! Target URLs, and which hosts may be put under load.
//!
//! Names are judged by their text alone: nothing is resolved here. Spellings of addresses that only
//! the resolver understands (`127.1`, `0x7f000001`) are refused, so an address cannot hide.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::diagnostic::{Diagnostic, scenario as codes};
use crate::mutant::{self, Mutant};

use super::plan::{Scheme, Target, Url};
use super::request;
use super::shape::short;

/// A URL split into the address and what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Split {
    /// Without base; port 0 when `{port}` is written.
    pub address: Url,
    /// Path and query, beginning with `/`; empty when there is none.
    pub rest: String,
}

/// Reads the URL of a target: an address and a base path.
///
/// # Errors
/// What is wrong with it, without a place.
pub fn parse_url(text: &str) -> Result<Url, Diagnostic> {
    let Split { address, rest } = split(text)?;
    if rest.contains('?') {
        return Err(bad(text, "the URL of a target has no query")
            .help("write the query in the requests: request = \"GET /items?page=1\""));
    }
    let base = rest.trim_end_matches('/').to_owned();
    Ok(Url { base, ..address })
}

fn bad(text: &str, reason: &str) -> Diagnostic {
    Diagnostic::error(
        &codes::BAD_URL,
        format!("`{}` is not a target URL", short(text)),
    )
    .because(reason)
}

/// Splits a URL behind its port.
///
/// # Errors
/// What is wrong with it, without a place.
pub(super) fn split(text: &str) -> Result<Split, Diagnostic> {
    let form = "write http://HOST:PORT/BASE, such as \"http://127.0.0.1:8080\"";
    let (scheme, after) = match text.split_once("://") {
        Some(("http", after)) => (Scheme::Http, after),
        Some(("https", after)) => (Scheme::Https, after),
        Some((scheme, _)) => {
            let reason = format!("`{}` is neither http nor https", short(scheme));
            return Err(bad(text, &reason).help(form));
        }
        None => {
            return Err(bad(text, "it does not begin with http:// or https://")
                .help(format!("did you mean \"http://{}\"?", short(text))));
        }
    };
    if after.contains('#') {
        return Err(bad(text, "a fragment is never sent").help("leave out everything from the #"));
    }
    let (authority, rest) = match after.find(['/', '?']) {
        Some(at) => after.split_at(at),
        None => (after, ""),
    };
    if authority.contains('@') {
        return Err(bad(
            text,
            "it contains credentials, which would end up in reports",
        )
        .help("send them as a header: headers = { authorization = \"...\" }"));
    }
    let (host, port) = host_and_port(text, authority)?;
    let address = Url {
        scheme,
        ..Url::http(&host, port.unwrap_or(scheme.port()))
    };
    let rest = match rest.strip_prefix('?') {
        Some(query) => format!("/?{query}"),
        None => rest.to_owned(),
    };
    if !rest.is_empty() {
        request::path(&rest)?;
    }
    Ok(Split { address, rest })
}

/// Reads `HOST:PORT`, as something to connect to.
///
/// # Errors
/// What is wrong with it, without a place.
pub(super) fn host_port(text: &str) -> Result<(String, u16), Diagnostic> {
    let bad = |reason: String| {
        let message = format!("`{}` is not a host with a port", short(text));
        Diagnostic::error(&codes::BAD_URL, message)
            .because(reason)
            .help("write both: \"127.0.0.1:8443\", or \"[::1]:8443\"")
    };
    if text.contains("://") {
        return Err(bad("it is a URL".to_owned()));
    }
    match host_and_port(text, text) {
        Ok((_, None)) => Err(bad("it names no port".to_owned())),
        Ok((_, Some(0))) => Err(bad("`{port}` stands for the target's own port".to_owned())),
        Ok((host, Some(port))) => Ok((host, port)),
        Err(wrong) => Err(bad(wrong.reason.unwrap_or(wrong.message))),
    }
}

/// Reads a name that a certificate may be asked for.
///
/// # Errors
/// What is wrong with it, without a place.
pub(super) fn server_name(text: &str) -> Result<String, Diagnostic> {
    host_name(text, text).map_err(|_| {
        let message = format!("`{}` is not a host name", short(text));
        Diagnostic::error(&codes::BAD_VALUE, message)
            .because("a name in a certificate is letters, digits, `-` and `.`")
            .help("write it without scheme and port: server-name = \"shop.test\"")
    })
}

const V6: &str = "write an IPv6 address in brackets: \"http://[::1]:8080\"";

/// The port is 0 when `{port}` is written.
fn host_and_port(text: &str, authority: &str) -> Result<(String, Option<u16>), Diagnostic> {
    let (host, port) = if let Some(bracketed) = authority.strip_prefix('[') {
        let (host, port) = bracketed
            .split_once(']')
            .ok_or_else(|| bad(text, "the bracket of the address is not closed").help(V6))?;
        let address: Ipv6Addr = host
            .parse()
            .map_err(|_| bad(text, "in the brackets is no IPv6 address").help(V6))?;
        (address.to_string(), port)
    } else {
        let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
        (host_name(text, host)?, port)
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => return Ok((host, None)),
        None => return Err(bad(text, "after the bracket comes a port or nothing").help(V6)),
        Some("{port}") => 0,
        Some(digits) => digits
            .parse()
            .ok()
            .filter(|&port| port != 0 && digits.bytes().all(|b| b.is_ascii_digit()))
            .ok_or_else(|| {
                bad(text, &format!("`{}` is not a port", short(digits)))
                    .help("a port is a number from 1 to 65535")
            })?,
    };
    Ok((host, Some(port)))
}

fn host_name(text: &str, host: &str) -> Result<String, Diagnostic> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if host.is_empty() {
        return Err(bad(text, "it names no host").help("name one: \"http://127.0.0.1:8080\""));
    }
    let labels_hold = host.len() <= 253
        && host.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        });
    if !labels_hold {
        return Err(
            bad(text, &format!("`{}` is not a host name", short(&host))).help(
                "a host is an address, [::1] for IPv6, or a name of letters, digits, `-` and `.`",
            ),
        );
    }
    let last = host.rsplit('.').next().unwrap_or_default();
    let numeric = last.bytes().all(|b| b.is_ascii_digit()) || last.starts_with("0x");
    if numeric && host.parse::<Ipv4Addr>().is_err() {
        return Err(bad(
            text,
            "it looks like an IPv4 address, but is none in the usual form",
        )
        .help("write four numbers from 0 to 255: \"http://127.0.0.1:8080\""));
    }
    Ok(host)
}

/// Allows the hosts that a target leads to: that of its URL, and the one connected to in its place.
///
/// # Errors
/// Why one of them may not be put under load, without a place.
pub fn check_hosts(target: &Target, allowed: &[String]) -> Result<(), Diagnostic> {
    check_host(&target.url, allowed)?;
    match &target.http.connect_to {
        Some((host, port)) => check_host(&Url::http(host, *port), allowed),
        None => Ok(()),
    }
}

/// Allows loopback always, metadata services never, and other hosts when `allowed` lists them as
/// `host` or `host:port`.
///
/// # Errors
/// Why the host may not be put under load, without a place.
pub fn check_host(url: &Url, allowed: &[String]) -> Result<(), Diagnostic> {
    never(url)?;
    let loopback = match url.host.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => url.host == "localhost",
    };
    let listed = || {
        allowed.iter().any(|entry| {
            let entry = entry.trim().trim_end_matches('.');
            [&url.host, &url.authority()]
                .into_iter()
                .any(|name| name.eq_ignore_ascii_case(entry))
        })
    };
    if loopback || listed() || mutant::is_on(Mutant::HostsUnasked) {
        return Ok(());
    }
    let host = &url.host;
    Err(Diagnostic::error(
        &codes::HOST_NOT_ALLOWED,
        format!("`{host}` may not be put under load"),
    )
    .because("only this machine may be loaded without being asked for by name")
    .help(format!(
        "if the host is yours: --allow-host {host}, or allow-hosts = [\"{host}\"] in plimsoll.toml"
    )))
}

/// Why an address that a name was resolved to may not be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Astray {
    /// It is a metadata service.
    Metadata,
    /// The name was free to be loaded as one of this machine, and is not.
    Elsewhere,
}

/// Looks at where a name leads to, which may be anywhere, before a connection is made to exactly there.
///
/// # Errors
/// Why nobody may connect to it.
pub fn check_address(host: &str, address: IpAddr) -> Result<(), Astray> {
    if mutant::is_on(Mutant::ResolvedUnseen) {
        Ok(())
    } else if is_forbidden_address(address) {
        Err(Astray::Metadata)
    } else if host.eq_ignore_ascii_case("localhost") && !address.to_canonical().is_loopback() {
        Err(Astray::Elsewhere)
    } else {
        Ok(())
    }
}

/// True for the addresses of cloud metadata services, in every form of IPv6 that leads to one of IPv4.
fn is_forbidden_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => matches!(
            address.octets(),
            [169, 254, 169, 254 | 253]
                | [169, 254, 170, 2]
                | [100, 100, 100, 200]
                | [168, 63, 129, 16]
                | [192, 0, 0, 192]
        ),
        IpAddr::V6(address) => {
            let own = matches!(
                address.segments(),
                [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254 | 0x253 | 0x23]
                    | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254]
            );
            own || carried(address).is_some_and(|v4| is_forbidden_address(IpAddr::V4(v4)))
        }
    }
}

/// The IPv4 address that an IPv6 one stands for: mapped, compatible, translated (NAT64), 6to4, ISATAP.
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let halves = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        | [_, _, _, _, 0 | 0x200, 0x5efe, high, low]
        | [0x2002, high, low, ..] => halves(high, low),
        _ => None,
    }
}

/// Refuses what no list can allow.
pub(super) fn never(url: &Url) -> Result<(), Diagnostic> {
    const NAMES: [&str; 4] = [
        "metadata.google.internal",
        "metadata.goog",
        "instance-data",
        "instance-data.ec2.internal",
    ];
    if mutant::is_on(Mutant::MetadataAllowed) {
        return Ok(());
    }
    let by_name = NAMES.contains(&url.host.as_str());
    if by_name || url.host.parse().is_ok_and(is_forbidden_address) {
        return Err(Diagnostic::error(
            &codes::HOST_FORBIDDEN,
            format!("`{}` is never put under load", url.host),
        )
        .because("it is the metadata service of a cloud provider, which hands out credentials")
        .help("name the service you want to measure, such as \"http://127.0.0.1:8080\""));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_read_as_written() {
        let url = parse_url("http://127.0.0.1:8080/api/").unwrap();
        assert_eq!(url.to_string(), "http://127.0.0.1:8080/api");
        assert_eq!(parse_url("http://[::1]").unwrap().authority(), "[::1]:80");
        let url = parse_url("https://localhost/api").unwrap();
        assert_eq!(url.to_string(), "https://localhost:443/api");
        assert_eq!(parse_url("https://[::1]:8443").unwrap().port, 8443);
        assert_eq!(parse_url("http://127.0.0.1:{port}").unwrap().port, 0);
        let quick = split("http://LOCALHOST?q=1").unwrap();
        assert_eq!(
            (quick.address.host.as_str(), quick.rest.as_str()),
            ("localhost", "/?q=1")
        );
    }

    #[test]
    fn the_place_connected_to_needs_permission_as_well() {
        let mut target = Target::at(parse_url("https://localhost").unwrap());
        target.http.connect_to = Some(host_port("10.0.0.1:8443").unwrap());
        let allowed = |hosts: &[&str]| {
            let hosts: Vec<_> = hosts.iter().map(|&host| host.to_owned()).collect();
            check_hosts(&target, &hosts).map_err(|d| d.code.id)
        };
        assert_eq!(allowed(&[]), Err("PL0120"));
        assert_eq!(allowed(&["10.0.0.1"]), Ok(()));
    }

    #[test]
    fn a_host_with_a_port_is_both() {
        assert_eq!(host_port("[::1]:80").unwrap(), ("::1".to_owned(), 80));
        assert_eq!(
            host_port("Shop.Test.:8443").unwrap(),
            ("shop.test".to_owned(), 8443)
        );
        for (text, reason) in [
            ("127.0.0.1", "names no port"),
            ("[::1]", "names no port"),
            ("127.0.0.1:{port}", "target's own port"),
            ("http://127.0.0.1:80", "is a URL"),
            ("::1:80", "names no host"),
            (":80", "names no host"),
            ("a/b:80", "is not a host name"),
        ] {
            let found = host_port(text).unwrap_err().reason.unwrap_or_default();
            assert!(found.contains(reason), "{text}: {found}");
        }
    }

    #[test]
    fn what_is_no_target_is_refused_with_its_reason() {
        for (text, reason) in [
            ("127.0.0.1:8080", "does not begin with http://"),
            ("ftp://x", "`ftp` is neither http nor https"),
            ("http://", "names no host"),
            ("http://user:pass@host", "credentials"),
            ("http://host/#top", "fragment"),
            ("http://host/?q=1", "no query"),
            ("http://host:0", "`0` is not a port"),
            ("http://host:+80", "is not a port"),
            ("http://host:65536", "is not a port"),
            ("http://127.1", "looks like an IPv4 address"),
            ("http://2852039166", "looks like an IPv4 address"),
            ("http://0xA9FEA9FE", "looks like an IPv4 address"),
            ("http://a b", "is not a host name"),
            ("http://[::1", "not closed"),
            ("http://[::x]", "no IPv6 address"),
            ("http://[::1]x", "after the bracket"),
        ] {
            let error = parse_url(text).unwrap_err();
            let found = error.reason.unwrap_or_default();
            assert!(found.contains(reason), "{text}: {found}");
        }
    }

    #[test]
    fn only_loopback_needs_no_permission_and_metadata_gets_none() {
        let check = |text: &str, allowed: &[&str]| {
            let allowed: Vec<_> = allowed.iter().map(|&s| s.to_owned()).collect();
            check_host(&parse_url(text).unwrap(), &allowed).map_err(|d| d.code.id)
        };
        for own in [
            "127.0.0.1",
            "127.9.9.9:1",
            "[::1]:80",
            "localhost",
            "LocalHost.",
            "[::ffff:127.0.0.1]",
        ] {
            assert_eq!(check(&format!("http://{own}"), &[]), Ok(()), "{own}");
        }
        for other in [
            "shop.example",
            "10.0.0.1",
            "0.0.0.0",
            "localhost.example",
            "127.0.0.1.example",
        ] {
            let url = format!("http://{other}:8080");
            assert_eq!(check(&url, &[]), Err("PL0120"), "{other}");
            assert_eq!(check(&url, &[other]), Ok(()));
            assert_eq!(check(&url, &[&format!("{other}:8080")]), Ok(()));
            assert_eq!(check(&url, &[&format!("{other}:8081")]), Err("PL0120"));
        }
        for never in [
            "169.254.169.254",
            "[::ffff:169.254.169.254]",
            "[fd00:ec2::254]",
            "metadata.google.internal.",
            "Metadata.Google.Internal",
            "100.100.100.200",
        ] {
            let host = never.trim_matches(['[', ']']);
            assert_eq!(
                check(&format!("http://{never}"), &[host, never]),
                Err("PL0121"),
                "{never}"
            );
        }
    }
}
