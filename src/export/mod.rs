//! A run for other tools to read: every second of it, under names and in forms that they know.
//!
//! A report says what a run means; an export says what was seen, and leaves the meaning to whoever
//! reads it. All exports but the logs of HdrHistogram are made of the series that alerts and
//! diagnosis look at, so that a number has one name wherever it is met.

mod exposed;
mod hlog;
mod lines;
mod openmetrics;
mod otlp;
mod remote_write;

use crate::model::Run;

/// A form that other tools read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Export {
    /// HdrHistogram interval log 1.3: a line for each second and step.
    Hlog,
    /// A JSON object a line: the run, its rounds, each second of each step, each look at the machine.
    JsonLines,
    /// OpenMetrics text with timestamps, as `promtool tsdb create-blocks-from openmetrics` takes it.
    OpenMetrics,
    /// OTLP/HTTP metrics in JSON.
    Otlp,
    /// Prometheus remote-write 1.0: protocol buffers under Snappy.
    RemoteWrite,
}

impl Export {
    /// All there are, with the names they are asked for by.
    pub const ALL: [(&str, Self); 6] = [
        ("hlog", Self::Hlog),
        ("jsonl", Self::JsonLines),
        ("ndjson", Self::JsonLines),
        ("openmetrics", Self::OpenMetrics),
        ("otlp", Self::Otlp),
        ("remote-write", Self::RemoteWrite),
    ];

    /// The headers that a receiver wants beside the body, in the case that those who compare it expect.
    pub const fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Hlog => &[("Content-Type", "text/plain")],
            Self::JsonLines => &[("Content-Type", "application/x-ndjson")],
            Self::OpenMetrics => &[(
                "Content-Type",
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
            )],
            Self::Otlp => &[("Content-Type", "application/json")],
            Self::RemoteWrite => &[
                ("Content-Type", "application/x-protobuf"),
                ("Content-Encoding", "snappy"),
                ("X-Prometheus-Remote-Write-Version", "0.1.0"),
            ],
        }
    }

    /// The run in this form. A receiver limits what it takes at once, so there may be several
    /// documents; of the forms that are files there is one.
    pub fn documents(self, run: &Run) -> Vec<Vec<u8>> {
        match self {
            Self::Hlog => vec![hlog::log(run)],
            Self::JsonLines => vec![lines::lines(run).into_bytes()],
            Self::OpenMetrics => vec![openmetrics::text(run).into_bytes()],
            Self::Otlp => otlp::documents(run),
            Self::RemoteWrite => remote_write::documents(run),
        }
    }
}

#[cfg(test)]
mod tests;
