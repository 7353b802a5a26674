//! A server that nobody here wrote.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Running, eventually};

/// An nginx of our own in the foreground, ended when dropped.
pub struct Nginx {
    _process: Running,
    log: PathBuf,
}

/// Where nginx is installed, if it is.
pub fn program() -> Option<&'static str> {
    let known = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"];
    known.into_iter().find(|path| Path::new(path).is_file())
}

/// Ports that differ, since all are held until all are known.
pub fn free_ports<const N: usize>() -> [u16; N] {
    let held = [(); N].map(|()| std::net::TcpListener::bind("127.0.0.1:0").expect("a free port"));
    held.map(|listener| listener.local_addr().expect("an address").port())
}

impl Nginx {
    /// Serves the folder `www` below `folder` by these directives of `http`, and listens on a port of them.
    pub fn start(program: &str, folder: &Path, http: &str, port: u16) -> Self {
        std::fs::create_dir_all(folder.join("www")).expect("a folder");
        std::fs::write(folder.join("www/index.html"), "hello\n").expect("a page");
        let at = folder.display();
        let config = format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log;\n\
             events {{ worker_connections 512; }}\n\
             http {{ root {at}/www;\n\
             client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/fastcgi;\n\
             uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;\n\
             {http} }}\n"
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, config).expect("a configuration");
        let process = Command::new(program)
            .arg("-c")
            .arg(file)
            .arg("-e")
            .arg(folder.join("error.log"))
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx starts");
        let process = Running(process);
        eventually("nginx listens", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        Self {
            _process: process,
            log: folder.join("access.log"),
        }
    }

    /// The lines of its access log.
    pub fn logged(&self) -> Vec<String> {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }
}
