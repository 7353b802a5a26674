//! Who may see what `plimsoll serve` shows, and what they may take of it: S11 for a server with data.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use plimsoll::mutant::Mutant;

use crate::common::Workplace;
use crate::runs_made::Made;
use crate::served::Served;

#[cfg_attr(
    not(feature = "mutants"),
    expect(dead_code, reason = "read by mutants")
)]
pub(crate) const KILLS: &[(Mutant, &str)] = &[
    (
        Mutant::TokenUnasked,
        "serve::nobody_sees_a_run_without_the_token",
    ),
    (
        Mutant::AnyHostServed,
        "serve::a_name_that_was_led_here_sees_nothing",
    ),
    (
        Mutant::AnyOriginServed,
        "serve::a_page_of_somebody_else_sees_nothing",
    ),
    (
        Mutant::SlowSendersServed,
        "serve::who_does_not_send_is_closed",
    ),
];

/// More than a sender is given, and less than a whole request is.
const LONGER_THAN_A_HEAD: Duration = Duration::from_secs(20);

fn place() -> Workplace {
    let place = Workplace::new();
    Made::of("checkout", 0, 8e6).write(place.path());
    place.write("secret.txt", "the crown jewels");
    place
}

#[test]
fn nobody_sees_a_run_without_the_token() {
    let place = place();
    let served = Served::start(&place);
    let token = served.path.trim_matches('/');
    assert_eq!(token.len(), 32, "128 bits");
    let report = format!("checkout/{}/report.html", Made::of("checkout", 0, 8e6).id());
    for path in [
        "/".to_owned(),
        "/index.html".to_owned(),
        format!("/{report}"),
        format!("/{}/{report}", "0".repeat(32)),
        format!("/{}/", &token[..31]),
        format!("/{token}0/"),
        format!("/{}/", token.to_uppercase()),
        format!("/?token={token}"),
        format!("//{token}/"),
    ] {
        // A token of digits alone has no other case.
        if path == served.path {
            continue;
        }
        for method in ["GET", "HEAD", "POST"] {
            let answered = served.asks(method, &path, "");
            assert_eq!(answered.status, 403, "{method} {path}");
            assert!(!answered.body.contains("checkout"), "{path}");
        }
    }
    assert!(served.gets("").body.contains("checkout"));
    assert_eq!(served.gets(&report).status, 200);
    assert_ne!(
        Served::start(&place).path,
        served.path,
        "a new one each time"
    );
}

#[test]
fn a_name_that_was_led_here_sees_nothing() {
    let served = Served::start(&place());
    let port = served.port;
    for host in [
        format!("evil.example:{port}"),
        format!("127.0.0.1.evil.example:{port}"),
        "127.0.0.1".to_owned(),
        format!("127.0.0.1:{}", port.wrapping_add(1)),
        format!("0.0.0.0:{port}"),
    ] {
        let answered = served.asks("GET", &served.path, &format!("host: {host}\r\n"));
        assert_eq!(answered.status, 421, "{host}");
        assert!(!answered.body.contains("checkout"), "{host}");
    }
    let none = served.says(
        format!("GET {} HTTP/1.0\r\n\r\n", served.path).as_bytes(),
        LONGER_THAN_A_HEAD,
    );
    assert!(!none.contains("checkout"), "{none}");
    let own = format!("host: localhost:{port}\r\n");
    assert_eq!(served.asks("GET", &served.path, &own).status, 200);
}

#[test]
fn a_page_of_somebody_else_sees_nothing() {
    let served = Served::start(&place());
    for fields in [
        "origin: http://evil.example\r\n".to_owned(),
        "origin: null\r\n".to_owned(),
        format!(
            "origin: http://127.0.0.1:{}\r\n",
            served.port.wrapping_add(1)
        ),
        "sec-fetch-site: cross-site\r\nsec-fetch-mode: no-cors\r\nsec-fetch-dest: image\r\n"
            .to_owned(),
        "sec-fetch-site: same-site\r\nsec-fetch-mode: navigate\r\nsec-fetch-dest: iframe\r\n"
            .to_owned(),
    ] {
        let answered = served.asks("GET", &served.path, &fields);
        assert_eq!(answered.status, 403, "{fields}");
        assert!(!answered.body.contains("checkout"), "{fields}");
        assert!(!answered.head.contains("access-control"), "{fields}");
    }
    let own = format!("origin: http://127.0.0.1:{}\r\n", served.port);
    let answered = served.asks("GET", &served.path, &own);
    assert_eq!(answered.status, 200);
    assert!(answered.head.contains("frame-ancestors 'none'"));
    assert!(!answered.head.contains("access-control"));
}

#[test]
fn it_reads_runs_and_nothing_else() {
    let place = place();
    let served = Served::start(&place);
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"] {
        let answered = served.asks(method, &served.path, "content-length: 0\r\n");
        assert_eq!(answered.status, 405, "{method}");
        assert!(answered.head.contains("allow: get, head"), "{method}");
    }
    let head = served.asks("HEAD", &served.path, "");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    let id = Made::of("checkout", 0, 8e6).id();
    for path in [
        "secret.txt".to_owned(),
        "../secret.txt".to_owned(),
        "../../../../../../etc/passwd".to_owned(),
        "..%2f..%2fsecret.txt".to_owned(),
        "%2e%2e/%2e%2e/secret.txt".to_owned(),
        "..\\secret.txt".to_owned(),
        "/etc/passwd".to_owned(),
        format!("checkout/{id}/manifest.json"),
        format!("checkout/{id}/run.plog"),
        format!("checkout/{id}/../{id}/report.html"),
        format!("checkout/../checkout/{id}/report.html"),
        format!("./checkout/{id}/report.html"),
        format!("checkout/{}/report.html", &id[..8]),
        "checkout/last/report.html".to_owned(),
        format!("checkout/{id}/report.html/"),
        format!("checkout/{id}/report.html%00"),
        "checkout/../../report.html".to_owned(),
        "baselines/x/report.html".to_owned(),
    ] {
        let answered = served.gets(&path);
        assert!(matches!(answered.status, 404 | 400), "{path}: {answered:?}");
        assert!(!answered.body.contains("jewels") && !answered.body.contains("root:"));
    }
    let report = served.gets(&format!("checkout/{id}/report.html"));
    assert!(report.body.contains("<title>checkout"), "{}", report.body);
}

#[test]
fn what_is_too_large_is_not_read() {
    let served = Served::start(&place());
    let long = format!("x: {}\r\n", "a".repeat(256 << 10));
    let many = (0..200)
        .map(|i| format!("x-{i}: a\r\n"))
        .collect::<String>();
    for fields in [long, many] {
        let answered = served.asks("GET", &served.path, &fields);
        assert!(matches!(answered.status, 0 | 400 | 431), "{answered:?}");
    }
    assert_eq!(served.gets("").status, 200, "it goes on");
}

#[test]
fn who_does_not_send_is_closed() {
    let served = Served::start(&place());
    let begun = format!("GET {} HTTP/1.1\r\nhost: 127.0.0.1:", served.path);
    // The connection is closed by them, not by our patience, which would panic.
    let told = served.says(begun.as_bytes(), LONGER_THAN_A_HEAD);
    assert!(!told.contains("checkout"));
    let held: Vec<TcpStream> = (0..200)
        .filter_map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", served.port)).ok()?;
            stream.write_all(b"G").ok()?;
            Some(stream)
        })
        .collect();
    crate::common::eventually("there is room again", || served.gets("").status == 200);
    drop(held);
}

#[test]
fn it_ends_at_the_first_signal_with_all_connections_open() {
    let mut served = Served::start(&place());
    let held = TcpStream::connect(("127.0.0.1", served.port)).expect("it listens");
    let pid = rustix::process::Pid::from_child(&served.process.0);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("a signal");
    let mut status = None;
    crate::common::eventually("it ends", || {
        status = served.process.0.try_wait().expect("a child");
        status.is_some()
    });
    assert_eq!(status.and_then(|s| s.code()), Some(0));
    drop(held);
}
