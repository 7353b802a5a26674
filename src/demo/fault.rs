//! What can be made wrong with the demo target, and how that is written.

use std::ops::Range;

use super::Endpoint;
use crate::diagnostic::{Diagnostic, SourceFile, target};
use crate::units::{Nanos, Share, UnitError};

/// How the demo target behaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// On 127.0.0.1; 0 for any free port.
    pub port: u16,
    /// Workers that `GET /slot` is served by, at least one.
    pub workers: usize,
    /// Multiplies all work, CPU and waits, except the wait that a request asks for itself.
    pub scale: f64,
    /// Factor on the CPU work of an endpoint: 1.2 is 20 % more.
    pub slow: Vec<(Endpoint, f64)>,
    pub stall: Option<Stall>,
    /// Every n-th request other than `/health` is never answered.
    pub hang_every: Option<u64>,
}

/// A stretch of time in which no answer leaves; all leave at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stall {
    /// From the first request other than `/health`, so that the time line of the load decides.
    pub at: Nanos,
    pub lasts: Nanos,
}

/// One thing that is wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    Slow(Endpoint, f64),
    Stall(Stall),
    Hang(u64),
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            workers: 4,
            scale: 1.0,
            slow: Vec::new(),
            stall: None,
            hang_every: None,
        }
    }
}

impl Options {
    /// Adds a fault; of two stalls or two hangs the later counts.
    pub fn with(mut self, fault: Fault) -> Self {
        match fault {
            Fault::Slow(endpoint, factor) => self.slow.push((endpoint, factor)),
            Fault::Stall(stall) => self.stall = Some(stall),
            Fault::Hang(every) => self.hang_every = Some(every),
        }
        self
    }
}

/// Reads a fault: `slow=pay:20%` (20 % more CPU work), `stall=5s:2s` (at 5 s, for 2 s) or `hang=2%`
/// (of the requests, evenly spaced).
///
/// # Errors
/// PL0405, with the place in the text.
pub fn parse_fault(spec: &str) -> Result<Fault, Box<Diagnostic>> {
    let text = Spec(spec);
    let (kind, value) = text.split(0..spec.len(), '=').ok_or_else(|| {
        text.wrong(
            0..spec.len(),
            "`=` is missing",
            "write `slow=pay:20%`, `stall=5s:2s` or `hang=2%`",
        )
    })?;
    match &spec[kind.clone()] {
        "slow" => {
            let (name, share) = text.pair(value, "slow=pay:20%")?;
            let endpoint = Endpoint::SLOWABLE
                .into_iter()
                .find(|e| e.name() == &spec[name.clone()])
                .ok_or_else(|| {
                    text.wrong(
                        name,
                        "no endpoint that uses CPU has this name",
                        "one of home, items, search, pay",
                    )
                })?;
            let more: Share = text.quantity(share)?;
            Ok(Fault::Slow(endpoint, 1.0 + more.0))
        }
        "stall" => {
            let (at, lasts) = text.pair(value, "stall=5s:2s")?;
            Ok(Fault::Stall(Stall {
                at: text.quantity(at)?,
                lasts: text.quantity(lasts)?,
            }))
        }
        "hang" => {
            let share: Share = text.quantity(value.clone())?;
            if !(share.0 > 0.0 && share.0 <= 1.0) {
                return Err(text.wrong(
                    value,
                    "not above 0 % and at most 100 %",
                    "write a share of all requests: `hang=2%`",
                ));
            }
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "the inverse of a share is at least one, and the cast saturates"
            )]
            let every = (1.0 / share.0).round() as u64;
            Ok(Fault::Hang(every))
        }
        _ => Err(text.wrong(kind, "unknown kind of fault", "one of slow, stall, hang")),
    }
}

/// The text of a fault, to point into.
struct Spec<'a>(&'a str);

impl Spec<'_> {
    fn split(&self, part: Range<usize>, separator: char) -> Option<(Range<usize>, Range<usize>)> {
        let middle = part.start + self.0[part.clone()].find(separator)?;
        Some((part.start..middle, middle + separator.len_utf8()..part.end))
    }

    fn pair(
        &self,
        part: Range<usize>,
        example: &str,
    ) -> Result<(Range<usize>, Range<usize>), Box<Diagnostic>> {
        self.split(part.clone(), ':').ok_or_else(|| {
            self.wrong(
                part,
                "`:` is missing",
                format!("write it as in `{example}`"),
            )
        })
    }

    fn quantity<T: std::str::FromStr<Err = UnitError>>(
        &self,
        part: Range<usize>,
    ) -> Result<T, Box<Diagnostic>> {
        self.0[part.clone()]
            .parse()
            .map_err(|error: UnitError| self.wrong(part, error.reason, error.help))
    }

    fn wrong(
        &self,
        part: Range<usize>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) -> Box<Diagnostic> {
        let file = SourceFile {
            name: "--fault".to_owned(),
            text: self.0.into(),
        };
        let message = format!("`{}` is not a fault of the demo target", self.0);
        let diagnostic = Diagnostic::error(&target::BAD_FAULT, message)
            .at(&file, part, label)
            .help(help);
        Box::new(diagnostic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_with_their_units() {
        assert_eq!(
            parse_fault("slow=pay:20%").unwrap(),
            Fault::Slow(Endpoint::Pay, 1.2)
        );
        assert_eq!(
            parse_fault("stall=5s:2s").unwrap(),
            Fault::Stall(Stall {
                at: Nanos::from_secs(5),
                lasts: Nanos::from_secs(2)
            })
        );
        assert_eq!(parse_fault("hang=2%").unwrap(), Fault::Hang(50));
    }

    #[test]
    fn faults_add_up_to_options() {
        let options = Options::default()
            .with(Fault::Slow(Endpoint::Pay, 1.2))
            .with(Fault::Slow(Endpoint::Home, 2.0))
            .with(Fault::Hang(50));
        assert_eq!(options.slow.len(), 2);
        assert_eq!(options.hang_every, Some(50));
        assert_eq!(options.stall, None);
    }

    #[test]
    fn a_wrong_fault_says_where_and_what() {
        let wrong = |spec: &str| {
            let diagnostic = parse_fault(spec).unwrap_err();
            let (_, label) = diagnostic.place.unwrap();
            format!("{} | {}", &spec[label.span], label.text)
        };
        let all = [
            "slow",
            "slwo=1",
            "slow=pay",
            "slow=pax:20%",
            "slow=pay:20",
            "stall=5s:2",
            "hang=0%",
        ]
        .map(wrong)
        .join("\n");
        insta::assert_snapshot!(all, @r"
        slow | `=` is missing
        slwo | unknown kind of fault
        pay | `:` is missing
        pax | no endpoint that uses CPU has this name
        20 | `20` has no unit
        2 | `2` has no unit
        0% | not above 0 % and at most 100 %
        ");
    }
}
