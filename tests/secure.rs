//! HTTP/2 and TLS against servers that nobody here wrote: what Plimsoll counts is what they log.
//!
//! Skipped with a message where nginx is not installed, or cannot speak what is asked of it.

mod common;

use std::process::Command;

use common::certificates::{Authority, named};
use common::{Workplace, nginx};

/// An nginx of our own that listens in every manner there is.
struct Nginx {
    server: nginx::Nginx,
    /// HTTP/2 in clear text, HTTP/1.1 or 2 over TLS, HTTP/1.1 alone over TLS.
    http2: u16,
    tls: u16,
    tls_http1: u16,
}

impl Nginx {
    #[expect(clippy::print_stdout, reason = "a test that skips says so")]
    fn start(place: &Workplace) -> Option<Self> {
        let program = nginx::program();
        let built = program.map(|p| Command::new(p).arg("-V").output().expect("nginx says"));
        let able = built.is_some_and(|built| {
            let built = String::from_utf8_lossy(&built.stderr).into_owned();
            built.contains("http_v2_module") && built.contains("http_ssl_module")
        });
        let (Some(program), true) = (program, able) else {
            println!("skipped: there is no nginx with TLS and HTTP/2");
            return None;
        };
        certificates(place);
        let [http2, tls, tls_http1] = nginx::free_ports();
        let at = place.path().display();
        let http = format!(
            "log_format version '$server_protocol'; access_log {at}/access.log version;\n\
             keepalive_requests 1000000;\n\
             ssl_certificate {at}/own.pem; ssl_certificate_key {at}/own.key;\n\
             server {{ listen 127.0.0.1:{http2} http2; }}\n\
             server {{ listen 127.0.0.1:{tls} ssl http2; }}\n\
             server {{ listen 127.0.0.1:{tls_http1} ssl; }}"
        );
        Some(Self {
            server: nginx::Nginx::start(program, place.path(), &http, tls_http1),
            http2,
            tls,
            tls_http1,
        })
    }

    /// The versions of all requests answered.
    fn logged(&self) -> Vec<String> {
        self.server.logged()
    }
}

/// `ca.pem` vouches for `own.pem`, `other.pem` for nobody here.
fn certificates(place: &Workplace) {
    let authority = Authority::new("ours");
    place.write("ca.pem", &authority.pem);
    place.write("other.pem", &Authority::new("theirs").pem);
    let own = authority.signs(&named("127.0.0.1"));
    place.write("own.pem", &own.pem);
    place.write("own.key", &own.key.serialize_pem());
}

/// What a run of a target counts.
fn measured(place: &Workplace, target: &str, load: &str) -> serde_json::Value {
    place.write(
        "load.toml",
        &format!(
            "name = \"load\"\n[target]\n{target}\n\
             [[step]]\nname = \"page\"\nrequest = \"GET /\"\n\
             [[phase]]\nname = \"steady\"\n{load}\n"
        ),
    );
    let json = place
        .run(&["run", "load.toml", "--rounds", "1", "--json"])
        .json();
    json["summary"]["now"].clone()
}

/// A thousand requests are due, answered and logged, all in this version.
fn all_arrive(manner: fn(&Nginx) -> String, version: &str) {
    let place = Workplace::new();
    let Some(nginx) = Nginx::start(&place) else {
        return;
    };
    let load = "rate = \"1000/s\"\nduration = \"1s\"";
    let now = measured(&place, &manner(&nginx), load);
    for count in ["due", "sent", "answered"] {
        assert_eq!(now[count], 1000, "{now:#}");
    }
    assert_eq!(nginx.logged(), vec![version; 1000]);
}

#[test]
fn http_2_in_clear_text_arrives_whole() {
    all_arrive(
        |nginx| {
            let port = nginx.http2;
            format!(
                "url = \"http://127.0.0.1:{port}\"\nhttp = {{ version = \"2\", connections = 2 }}"
            )
        },
        "HTTP/2.0",
    );
}

#[test]
fn the_ready_probe_speaks_what_the_load_will() {
    let place = Workplace::new();
    let Some(nginx) = Nginx::start(&place) else {
        return;
    };
    let load = "rate = \"100/s\"\nduration = \"500ms\"";
    let ready = "ready = { get = \"/\", status = 200 }";
    for (scheme, port, version) in [
        ("http", nginx.http2, "2"),
        ("https", nginx.tls, "auto"),
        ("https", nginx.tls_http1, "1.1"),
    ] {
        let tls = if scheme == "https" {
            "tls = { ca = \"ca.pem\" }"
        } else {
            ""
        };
        let target = format!(
            "url = \"{scheme}://127.0.0.1:{port}\"\n{ready}\n{tls}\nhttp = {{ version = \"{version}\" }}"
        );
        let before = nginx.logged().len();
        let now = measured(&place, &target, load);
        assert_eq!(now["answered"], 50, "{now:#}");
        assert_eq!(
            nginx.logged().len() - before,
            51,
            "one of them was the probe"
        );
    }
}

#[test]
fn http_2_over_tls_arrives_whole() {
    all_arrive(
        |nginx| {
            let port = nginx.tls;
            format!(
                "url = \"https://127.0.0.1:{port}\"\ntls = {{ ca = \"ca.pem\" }}\nhttp = {{ version = \"2\" }}"
            )
        },
        "HTTP/2.0",
    );
}

#[test]
fn http_1_over_tls_arrives_whole() {
    all_arrive(
        |nginx| {
            let port = nginx.tls_http1;
            format!("url = \"https://127.0.0.1:{port}\"\ntls = {{ ca = \"ca.pem\" }}")
        },
        "HTTP/1.1",
    );
}

#[test]
fn the_target_chooses_the_version_where_it_may() {
    let manner = |port: u16| {
        format!(
            "url = \"https://127.0.0.1:{port}\"\ntls = {{ ca = \"ca.pem\" }}\nhttp = {{ version = \"auto\" }}"
        )
    };
    let place = Workplace::new();
    let Some(nginx) = Nginx::start(&place) else {
        return;
    };
    let load = "rate = \"100/s\"\nduration = \"500ms\"";
    for (port, version) in [(nginx.tls, "HTTP/2.0"), (nginx.tls_http1, "HTTP/1.1")] {
        let before = nginx.logged().len();
        let now = measured(&place, &manner(port), load);
        assert_eq!(now["answered"], 50, "{now:#}");
        assert_eq!(nginx.logged()[before..], vec![version; 50]);
    }
}

#[test]
fn many_streams_saturate_and_all_are_logged() {
    let place = Workplace::new();
    let Some(nginx) = Nginx::start(&place) else {
        return;
    };
    let target = format!(
        "url = \"https://127.0.0.1:{}\"\ntls = {{ ca = \"ca.pem\" }}\nhttp = {{ version = \"2\", streams = 20 }}",
        nginx.tls
    );
    let now = measured(&place, &target, "connections = 3\nduration = \"500ms\"");
    let sent = now["sent"].as_u64().expect("a count");
    assert!(sent > 60, "{now:#}");
    assert_eq!(now["answered"], sent, "{now:#}");
    assert_eq!(nginx.logged().len() as u64, sent);
}

#[test]
fn a_certificate_nobody_trusts_fails_every_request() {
    let place = Workplace::new();
    let Some(nginx) = Nginx::start(&place) else {
        return;
    };
    let load = "rate = \"100/s\"\nduration = \"500ms\"";
    for version in ["1.1", "2"] {
        let target = format!(
            "url = \"https://127.0.0.1:{}\"\ntls = {{ ca = \"other.pem\" }}\nhttp = {{ version = \"{version}\" }}",
            nginx.tls
        );
        let now = measured(&place, &target, load);
        assert_eq!(now["due"], 50, "{now:#}");
        assert_eq!(now["answered"], 0, "{now:#}");
        let errors = now.to_string();
        assert!(errors.contains("tls-certificate"), "{now:#}");
    }
    assert!(nginx.logged().is_empty());
}
