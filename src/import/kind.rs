//! Which tool wrote a file.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::measured::{Measured, Reason};
use super::{hlog, hyperfine, jmeter, k6, oha, wrk};
use crate::units::Nanos;

/// A tool whose results can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Criterion,
    Hyperfine,
    K6,
    Wrk,
    Oha,
    Hlog,
    Jmeter,
}

/// What tells JSON files apart. One of oha has `metrics` too.
#[derive(Deserialize)]
struct Keys {
    #[serde(rename = "latencyPercentiles")]
    latency_percentiles: Option<IgnoredAny>,
    metrics: Option<IgnoredAny>,
    results: Option<IgnoredAny>,
}

impl Kind {
    pub const ALL: [Self; 7] = [
        Self::Criterion,
        Self::Hyperfine,
        Self::K6,
        Self::Wrk,
        Self::Oha,
        Self::Hlog,
        Self::Jmeter,
    ];

    /// As written on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Criterion => "criterion",
            Self::Hyperfine => "hyperfine",
            Self::K6 => "k6",
            Self::Wrk => "wrk",
            Self::Oha => "oha",
            Self::Hlog => "hlog",
            Self::Jmeter => "jmeter",
        }
    }

    /// Tells a file by its content.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4096)]);
        let text = text.trim_start_matches('\u{feff}').trim_start();
        if text.starts_with('{') {
            return Self::of_json(bytes);
        }
        let first = text.lines().next().unwrap_or_default();
        if first.starts_with("Running ") && first.contains(" test @ ") {
            Some(Self::Wrk)
        } else if text.starts_with("Summary:") && text.contains("Success rate:") {
            Some(Self::Oha)
        } else if text.contains("HISTFAAA") || text.starts_with("#[") {
            Some(Self::Hlog)
        } else if text.starts_with("<?xml") && text.contains("<testResults")
            || first.contains("timeStamp") && first.contains("elapsed")
        {
            Some(Self::Jmeter)
        } else {
            None
        }
    }

    fn of_json(bytes: &[u8]) -> Option<Self> {
        let keys: Keys = serde_json::from_slice(bytes).ok()?;
        match keys {
            Keys {
                latency_percentiles: Some(IgnoredAny),
                ..
            } => Some(Self::Oha),
            Keys {
                metrics: Some(IgnoredAny),
                ..
            } => Some(Self::K6),
            Keys {
                results: Some(IgnoredAny),
                ..
            } => Some(Self::Hyperfine),
            _ => None,
        }
    }

    /// Reads one file; `unit` is what one count of a histogram log stands for.
    ///
    /// # Errors
    /// Why it is not what the tool writes.
    pub fn parse(self, bytes: &[u8], unit: Nanos) -> Result<Measured, Reason> {
        let measured = match self {
            Self::Criterion => Err("criterion leaves a folder, target/criterion".into()),
            Self::Hyperfine => hyperfine::parse(bytes),
            Self::K6 => k6::parse(bytes),
            Self::Wrk => wrk::parse(bytes),
            Self::Oha => oha::parse(bytes),
            Self::Hlog => hlog::parse(bytes, unit),
            Self::Jmeter => jmeter::parse(bytes),
        }?;
        if measured.is_countable() {
            Ok(measured)
        } else {
            Err("it counts too many requests or bytes".into())
        }
    }
}
