//! What the end-to-end tests share: the binary in an empty folder, and a server of known behaviour.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

pub mod certificates;
pub mod listener;
pub mod machine;
pub mod nginx;

/// A folder of its own for one test, with the binary run in it under a cleared environment.
pub struct Workplace {
    dir: tempfile::TempDir,
}

impl Workplace {
    pub fn new() -> Self {
        Self {
            dir: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    /// In memory, where there is such a place: what other tests write to the disk delays nothing in it.
    pub fn in_memory() -> Self {
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        Self {
            dir: dir.expect("a temporary folder"),
        }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file below the folder.
    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        std::fs::write(&path, text).expect("a file");
        path
    }

    /// The binary, not yet started.
    pub fn command(&self, args: &[&str]) -> Command {
        self.command_behind(&[], args)
    }

    /// The binary behind other programs, which start it.
    pub fn command_behind(&self, others: &[&str], args: &[&str]) -> Command {
        let mut words = others.to_vec();
        words.push(env!("CARGO_BIN_EXE_plimsoll"));
        words.extend(args);
        let mut command = Command::new(words[0]);
        command
            .args(&words[1..])
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LANG", "C.UTF-8")
            .env("USER", "tester");
        if let Some(mutant) = std::env::var_os("PLIMSOLL_MUTANT") {
            command.env("PLIMSOLL_MUTANT", mutant);
        }
        command
    }

    /// Runs to the end.
    pub fn run(&self, args: &[&str]) -> Ended {
        Ended::from(self.command(args).output().expect("the binary starts"))
    }

    /// The folders of all stored runs.
    pub fn runs(&self) -> Vec<PathBuf> {
        let mut runs = Vec::new();
        for scenario in entries(&self.path().join("reports")) {
            runs.extend(
                entries(&scenario)
                    .into_iter()
                    .filter(|p| p.join("run.plog").exists()),
            );
        }
        runs.sort();
        runs
    }
}

fn entries(dir: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(dir)
        .map(|all| all.flatten().map(|e| e.path()).collect())
        .unwrap_or_default()
}

/// Puts a folder with all that is in it into another, which may be there.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a readable folder") {
        let from = entry.expect("a readable entry").path();
        let to = to.join(from.file_name().expect("a name"));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(&from, &to).expect("a copied file");
        }
    }
}

/// The same on one line, as a message is where it is not broken.
pub fn unbroken(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Measures with every output there is, and gives each with its name: what was said, and what was written.
pub fn every_output(place: &Workplace, args: &[&str], code: i32) -> Vec<(&'static str, String)> {
    const FILES: [(&str, &str); 6] = [
        ("page", "out.html"),
        ("comment", "out.md"),
        ("summary", "out.json"),
        ("JUnit", "out.xml"),
        ("table", "out.csv"),
        ("annotations", "github:out.txt"),
    ];
    let mut args = args.to_vec();
    args.extend(FILES.iter().flat_map(|(_, file)| ["-o", *file]));
    let ended = place.run(&args).exits(code);
    let files = FILES.map(|(name, file)| {
        let path = place.path().join(file.trim_start_matches("github:"));
        (name, std::fs::read_to_string(path).expect("an output"))
    });
    let said = [("stdout", ended.stdout), ("stderr", ended.stderr)];
    said.into_iter().chain(files).collect()
}

/// A process that is ended with the test.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill().and_then(|()| self.0.wait()));
    }
}

/// A process that ended.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ended {
    /// Asserts the exit code, showing what was said when it is another.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// The machine summary.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|e| panic!("{e}\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr))
    }
}

/// How a [`Server`] answers.
#[derive(Debug, Clone, Copy)]
pub enum Manner {
    /// At once.
    Prompt,
    /// At once, but from `at` after the first request for `lasts` all answers wait for the end.
    Freezing { at: Duration, lasts: Duration },
    /// Every n-th request never.
    Hanging { every: u64 },
}

/// A real HTTP/1.1 server on loopback, a thread per connection, which counts what it got.
pub struct Server {
    address: SocketAddr,
    requests: Arc<AtomicU64>,
}

impl Server {
    pub fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&requests);
        let first = Arc::new(std::sync::OnceLock::new());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (counter, first) = (Arc::clone(&counter), Arc::clone(&first));
                // A client that goes away ends its connection's thread.
                std::thread::spawn(move || drop(serve(&stream, manner, &counter, &first)));
            }
        });
        Self { address, requests }
    }

    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// Requests received so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }
}

fn serve(
    stream: &TcpStream,
    manner: Manner,
    counter: &AtomicU64,
    first: &std::sync::OnceLock<Instant>,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream.try_clone()?;
    loop {
        let mut length = 0;
        let mut lines = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if line == "\r\n" {
                break;
            }
            lines += 1;
        }
        if lines == 0 {
            return Ok(());
        }
        std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink())?;
        let number = counter.fetch_add(1, Ordering::SeqCst) + 1;
        let since = first.get_or_init(Instant::now).elapsed();
        match manner {
            Manner::Freezing { at, lasts } => {
                if since >= at {
                    std::thread::sleep((at + lasts).saturating_sub(since));
                }
            }
            Manner::Hanging { every } if number.is_multiple_of(every) => {
                std::thread::sleep(Duration::from_secs(60));
                return Ok(());
            }
            Manner::Prompt | Manner::Hanging { .. } => {}
        }
        writer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")?;
    }
}

/// True while a process of this id exists.
pub fn alive(pid: u32) -> bool {
    // A zombie that nobody reaped yet is gone for our purposes.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit(')')
            .next()
            .unwrap_or("")
            .trim_start()
            .starts_with('Z')
    })
}

/// A number of the kernel's about a process: descriptors it has room for (`FDSize`), or KiB (`VmHWM`).
pub fn status_of(pid: u32, field: &str) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = text.lines().find(|line| line.starts_with(field))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Processes started by a process, and those they started.
pub fn descendants(pid: u32) -> Vec<u32> {
    let mut found = children(pid);
    let mut looked = 0;
    while let Some(child) = found.get(looked).copied() {
        found.extend(children(child));
        looked += 1;
    }
    found
}

/// Processes started by any thread of a process.
fn children(pid: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task"));
    let threads = threads.into_iter().flatten().flatten();
    let lists =
        threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    let all: Vec<String> = lists.collect();
    let ids = all.iter().flat_map(|list| list.split_whitespace());
    ids.filter_map(|id| id.parse().ok()).collect()
}

/// Polls until `done`, for at most a generous time.
pub fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < deadline, "{what} never came true");
        std::thread::sleep(Duration::from_millis(10));
    }
}
