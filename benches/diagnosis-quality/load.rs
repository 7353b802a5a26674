//! One run of the demo target, and what was named.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};

/// Seconds of load, and when the fault begins.
const LASTS: u64 = 14;
const BEGINS: u64 = 5;

/// What is wrong in one run.
pub(crate) struct Case {
    run: usize,
    pub(crate) faults: Vec<&'static str>,
}

/// Symptoms as named, the first first, with their strengths; or why there are none.
pub(crate) enum Told {
    Named(Vec<(String, String)>),
    Broken(String),
}

impl Case {
    pub(crate) fn new(run: usize, faults: Vec<&'static str>) -> Self {
        Self { run, faults }
    }

    /// Every run has its own seed and rate.
    fn rate(&self) -> u64 {
        let step = 7 * self.run as u64 % 50;
        if self.faults.is_empty() {
            20 + 2 * step
        } else {
            50 + step
        }
    }

    fn scenario(&self) -> String {
        let faults: String = self
            .faults
            .iter()
            .map(|fault| format!(r#", "--fault", "{fault}:at={BEGINS}s""#))
            .collect();
        format!(
            r#"
name = "diagnosis"
seed = {seed}

[target]
command = ["plimsoll", "demo-target", "--port", "{{port}}"{faults}]
ready = {{ get = "/health", status = 200, within = "10s" }}
metrics = ["/metrics"]
timeouts = {{ connect = "1s", first-byte = "3s", total = "3s" }}

[[step]]
name = "items"
weight = 2
request = "GET /items"

[[step]]
name = "search"
weight = 2
request = "GET /search"

[[step]]
name = "pay"
request = "POST /pay"
json = {{ item = 1 }}
expect = {{ status = 201 }}

[[phase]]
name = "steady"
rate = "{rate}/s"
duration = "{LASTS}s"
"#,
            seed = self.run + 1,
            rate = self.rate(),
        )
    }

    /// Runs it in a folder of its own.
    pub(crate) fn run(&self) -> Told {
        let place = tempfile::tempdir().expect("a folder");
        let file = place.path().join("diagnosis.toml");
        std::fs::write(&file, self.scenario()).expect("written");
        let ran = plimsoll(place.path(), &["run", &file.to_string_lossy()]);
        let said = plimsoll(place.path(), &["diagnose", "last", "--json"]);
        let json: serde_json::Value = match serde_json::from_slice(&said.stdout) {
            Ok(json) => json,
            Err(_) => return Told::Broken(last_line(&ran.stderr)),
        };
        let text = |d: &serde_json::Value, key: &str| d[key].as_str().unwrap_or("?").to_owned();
        let named = json["diagnoses"].as_array().into_iter().flatten();
        Told::Named(
            named
                .map(|d| (text(d, "symptom"), text(d, "strength")))
                .collect(),
        )
    }
}

fn plimsoll(root: &Path, words: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .args(words)
        .arg("--root")
        .arg(root)
        .stdin(Stdio::null())
        .output()
        .expect("plimsoll starts")
}

fn last_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.lines().last().unwrap_or("nothing was said").to_owned()
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.faults.as_slice() {
            [] => write!(f, "healthy at {}/s", self.rate()),
            faults => write!(f, "{} at {}/s", faults.join(" and "), self.rate()),
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(why) => write!(f, "no run: {why}"),
            Self::Named(named) if named.is_empty() => f.write_str("nothing"),
            Self::Named(named) => {
                let named = named
                    .iter()
                    .map(|(name, strength)| format!("{strength} {name}"));
                f.write_str(&named.collect::<Vec<_>>().join(", "))
            }
        }
    }
}
