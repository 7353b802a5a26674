//! A server that nobody here wrote: what Plimsoll counts is what nginx logs.
//!
//! Skipped with a message where nginx is not installed.

mod common;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use common::{Workplace, eventually};

/// An nginx of our own in the foreground, stopped by its id.
struct Nginx {
    process: Child,
    port: u16,
    log: PathBuf,
}

impl Nginx {
    /// Serves a small page below `folder`; connections end after so many requests.
    fn start(folder: &Path, keepalive_requests: u32) -> Option<Self> {
        let program = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"]
            .into_iter()
            .find(|path| Path::new(path).is_file())?;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        std::fs::create_dir_all(folder.join("www")).expect("a folder");
        std::fs::write(folder.join("www/index.html"), "hello\n").expect("a page");
        let at = folder.display();
        let config = format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log;\n\
             events {{ worker_connections 512; }}\n\
             http {{ access_log {at}/access.log; keepalive_requests {keepalive_requests};\n\
             client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/fastcgi;\n\
             uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;\n\
             server {{ listen 127.0.0.1:{port}; root {at}/www; }} }}\n"
        );
        std::fs::write(folder.join("nginx.conf"), config).expect("a configuration");
        let process = Command::new(program)
            .arg("-c")
            .arg(folder.join("nginx.conf"))
            .arg("-e")
            .arg(folder.join("error.log"))
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx starts");
        eventually("nginx listens", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Some(Self {
            process,
            port,
            log: folder.join("access.log"),
        })
    }

    fn logged(&self) -> usize {
        std::fs::read_to_string(&self.log).map_or(0, |text| text.lines().count())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        drop(self.process.kill().and_then(|()| self.process.wait()));
    }
}

#[test]
fn every_request_is_in_the_access_log_once() {
    let place = Workplace::new();
    // Connections end every 100 requests, so keep-alive and reconnecting are both in it.
    let Some(nginx) = Nginx::start(&place.path().join("nginx"), 100) else {
        println!("skipped: nginx is not installed");
        return;
    };
    let url = format!("http://127.0.0.1:{}/", nginx.port);
    let json = place
        .run(&["run", &url, "--rate", "500/s", "--for", "2s", "--json"])
        .exits(0)
        .json();
    let now = &json["summary"]["now"];
    assert_eq!(now["due"], 1000, "{json:#}");
    assert_eq!(now["answered"], 1000, "{json:#}");
    assert_eq!(nginx.logged(), 1000);
}

#[test]
fn saturating_counts_the_same_on_both_sides() {
    let place = Workplace::new();
    let Some(nginx) = Nginx::start(&place.path().join("nginx"), 1_000_000) else {
        println!("skipped: nginx is not installed");
        return;
    };
    let url = format!("http://127.0.0.1:{}/", nginx.port);
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
    assert_eq!(nginx.logged() as u64, sent);
}
