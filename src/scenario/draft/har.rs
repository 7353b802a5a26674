//! HAR 1.2, as browsers save it: one visit, with the pauses that were made.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Draft, LONGEST_BODY, Step, has_placeholder};

/// Headers that change what is answered and say nothing of who asked.
const KEPT: [&str; 2] = ["accept", "x-requested-with"];
/// A pause that nobody made on purpose.
const SHORTEST_PAUSE: f64 = 0.1;
/// Nobody waits longer for a reason that a load should repeat.
const LONGEST_PAUSE: f64 = 10.0;

pub(super) fn draft(document: &Value) -> Result<Draft, String> {
    let entries = document["log"]["entries"]
        .as_array()
        .ok_or("`log.entries` is no list")?;
    let recorded: Vec<Recorded<'_>> = entries.iter().filter_map(Recorded::of).collect();
    let origin = most_frequent(&recorded).ok_or("no entry of it has an http URL")?;
    let mut left_out: BTreeMap<String, usize> = BTreeMap::new();
    let mut steps: Vec<Step> = Vec::new();
    let mut ended: Option<f64> = None;
    for entry in &recorded {
        if let Some(reason) = entry.unfit(&origin) {
            *left_out.entry(reason).or_default() += 1;
            continue;
        }
        if let (Some(last), Some(before), Some(began)) = (steps.last_mut(), ended, entry.began) {
            let pause = began - before;
            last.think = (pause >= SHORTEST_PAUSE).then(|| pause.min(LONGEST_PAUSE));
        }
        let took = entry.value["time"].as_f64().unwrap_or(0.0).max(0.0) / 1e3;
        ended = entry.began.map(|began| began + took);
        steps.push(entry.step());
    }
    let counted = left_out.into_iter().map(|(reason, n)| match n {
        1 => format!("1 request {reason}"),
        n => format!("{n} requests {reason}"),
    });
    Ok(Draft {
        server: Some(origin),
        recorded: true,
        steps,
        left_out: counted.collect(),
    })
}

/// An entry with the parts of its URL.
struct Recorded<'a> {
    value: &'a Value,
    origin: &'a str,
    target: &'a str,
    /// Seconds since 1970.
    began: Option<f64>,
}

impl<'a> Recorded<'a> {
    fn of(value: &'a Value) -> Option<Self> {
        let url = value["request"]["url"].as_str()?;
        let (scheme, rest) = url.split_once("://")?;
        if !matches!(scheme, "http" | "https") {
            return None;
        }
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (origin, target) = url.split_at(scheme.len() + 3 + end);
        let target = target.split('#').next().unwrap_or("");
        let time: Option<jiff::Timestamp> = value["startedDateTime"]
            .as_str()
            .and_then(|t| t.parse().ok());
        Some(Self {
            value,
            origin,
            target,
            began: time.map(|t| t.as_millisecond() as f64 / 1e3),
        })
    }

    /// Why it is no step.
    fn unfit(&self, origin: &str) -> Option<String> {
        if self.origin != origin {
            return Some(format!("to {}", self.origin));
        }
        let kind = self.value["response"]["content"]["mimeType"]
            .as_str()
            .unwrap_or("");
        let asset = ["image/", "font/", "text/css", "audio/", "video/"];
        if asset.iter().any(|prefix| kind.starts_with(prefix)) {
            return Some("for images, fonts, styles or media".to_owned());
        }
        let body = self.value["request"]["postData"]["text"]
            .as_str()
            .unwrap_or("");
        if body.len() > LONGEST_BODY {
            return Some("with a body of more than 64 KiB".to_owned());
        }
        if has_placeholder(self.target) || has_placeholder(body) {
            return Some(
                "with `{{` in it, which a scenario would read as a placeholder".to_owned(),
            );
        }
        match self.value["response"]["status"].as_u64() {
            Some(200..=399) => None,
            Some(0) | None => Some("without an answer".to_owned()),
            Some(status) => Some(format!("answered {status}")),
        }
    }

    fn step(&self) -> Step {
        let request = &self.value["request"];
        let method = request["method"].as_str().unwrap_or("GET").to_uppercase();
        let path = self.target.split('?').next().unwrap_or("");
        let title = match path.trim_matches('/') {
            "" => "home".to_owned(),
            path => format!("{} {path}", method.to_lowercase()),
        };
        let named = |header: &Value| {
            let name = header["name"].as_str()?.to_lowercase();
            let kept = KEPT.contains(&name.as_str());
            let value = header["value"]
                .as_str()
                .filter(|v| kept && !has_placeholder(v))?;
            Some((name, value.to_owned()))
        };
        let headers = request["headers"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let secret = |header: &Value| {
            let name = header["name"].as_str().unwrap_or("");
            name.eq_ignore_ascii_case("authorization")
        };
        let body = request["postData"]["text"]
            .as_str()
            .filter(|text| !text.is_empty());
        let kind = request["postData"]["mimeType"]
            .as_str()
            .unwrap_or("text/plain");
        Step {
            title,
            method,
            target: if self.target.starts_with('/') {
                self.target.to_owned()
            } else {
                format!("/{}", self.target)
            },
            headers: headers.iter().filter_map(named).collect(),
            body: body.map(|text| (kind.to_owned(), text.to_owned())),
            statuses: self.value["response"]["status"]
                .as_u64()
                .and_then(|status| u16::try_from(status).ok())
                .into_iter()
                .collect(),
            secured: headers.iter().any(secret),
            ..Step::default()
        }
    }
}

/// The service that was visited, among all that its pages asked.
fn most_frequent(entries: &[Recorded<'_>]) -> Option<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in entries {
        *counts.entry(entry.origin).or_default() += 1;
    }
    let (origin, _) = counts.into_iter().max_by_key(|(_, n)| *n)?;
    Some(origin.to_owned())
}
