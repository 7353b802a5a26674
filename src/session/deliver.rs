//! Hands a document to a web hook or a receiver of metrics, once everything is stored.

use std::time::Duration;

use crate::protocol;
use crate::scenario::plan::Url;
use crate::units::Nanos;

use super::way::Way;

/// Longest time for one attempt.
const TIMEOUT: Nanos = Nanos::from_secs(5);
/// Pauses before the attempts after the first.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(1)];

/// Posts a document with these headers; what may pass is tried again.
///
/// # Errors
/// Why nobody took it, in words that do not hold the path of the URL: it may be a secret.
pub fn deliver(url: &Url, headers: &[(&str, &str)], body: &[u8]) -> Result<(), String> {
    let mut pauses = PAUSES.into_iter();
    loop {
        match attempt(url, headers, body) {
            Ok(200..=299) => return Ok(()),
            // Whoever says that it is wrong will say so again.
            Ok(status @ (300..=428 | 430..=499)) => return Err(answered(status)),
            Ok(status) => match pauses.next() {
                Some(pause) => std::thread::sleep(pause),
                None => return Err(answered(status)),
            },
            Err(reason) => match pauses.next() {
                Some(pause) => std::thread::sleep(pause),
                None => return Err(reason),
            },
        }
    }
}

fn answered(status: u16) -> String {
    format!("it answered {status}")
}

fn attempt(url: &Url, headers: &[(&str, &str)], body: &[u8]) -> Result<u16, String> {
    let way = Way::to(url)?;
    protocol::post(&way.dial, &way.speech, url, (headers, body), TIMEOUT)
        .map_err(|error| error.to_string())
}
