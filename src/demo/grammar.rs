//! How a fault of the demo target is written.

use std::ops::Range;

use super::fault::{Fault, Injection, Stall};
use super::{Ailment, Endpoint, Span};
use crate::diagnostic::{Diagnostic, SourceFile, target};
use crate::units::{Share, UnitError};

/// Faults with a grammar of their own.
const OWN: [&str; 3] = ["slow", "stall", "hang"];

/// Reads a fault: `slow=pay:20%` (20 % more CPU work), `stall=5s:2s` (at 5 s, for 2 s), `hang=2%` (of
/// the requests, evenly spaced), or the name of an ailment, alone or as in
/// `leak:at=10s,for=20s,strength=0.8`.
///
/// # Errors
/// PL0405, with the place in the text.
pub fn parse_fault(spec: &str) -> Result<Fault, Box<Diagnostic>> {
    let text = Spec(spec);
    let end = spec.find(['=', ':']).unwrap_or(spec.len());
    let kind = 0..end;
    if OWN.contains(&&spec[kind.clone()]) {
        return own(&text, kind);
    }
    let Some(ailment) = Ailment::named(&spec[kind.clone()]) else {
        return Err(text.unknown(kind));
    };
    match spec[end..].chars().next() {
        None => text.injection(ailment, None),
        Some(':') => text.injection(ailment, Some(end + 1..spec.len())),
        Some(_) => Err(text.wrong(
            end..spec.len(),
            "not after a name",
            format!(
                "write `{}:at=10s,for=20s,strength=0.8`",
                ailment.traits().name
            ),
        )),
    }
}

fn own(text: &Spec<'_>, kind: Range<usize>) -> Result<Fault, Box<Diagnostic>> {
    let spec = text.0;
    let value = match spec[kind.end..].strip_prefix('=') {
        Some(_) => kind.end + 1..spec.len(),
        None => {
            return Err(text.wrong(
                0..spec.len(),
                "`=` is missing",
                "write `slow=pay:20%`, `stall=5s:2s` or `hang=2%`",
            ));
        }
    };
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
        _ => {
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
    }
}

/// The text of a fault, to point into.
struct Spec<'a>(&'a str);

impl Spec<'_> {
    fn split(&self, part: Range<usize>, separator: char) -> Option<(Range<usize>, Range<usize>)> {
        let middle = part.start + self.0[part.clone()].find(separator)?;
        Some((part.start..middle, middle + separator.len_utf8()..part.end))
    }

    /// What follows the name of an ailment: `at=10s,for=20s,strength=0.8`, each or none of them.
    fn injection(
        &self,
        ailment: Ailment,
        rest: Option<Range<usize>>,
    ) -> Result<Fault, Box<Diagnostic>> {
        let traits = ailment.traits();
        let mut injection = Injection {
            ailment,
            span: Span::default(),
            strength: traits.strength,
        };
        let mut next = rest;
        while let Some(part) = next {
            let (setting, others) = match self.split(part.clone(), ',') {
                Some((setting, others)) => (setting, Some(others)),
                None => (part, None),
            };
            next = others;
            let (key, value) = self.split(setting.clone(), '=').ok_or_else(|| {
                self.wrong(
                    setting,
                    "`=` is missing",
                    format!("write `{}:at=10s,for=20s,strength=0.8`", traits.name),
                )
            })?;
            match &self.0[key.clone()] {
                "at" => injection.span.at = self.quantity(value)?,
                "for" if !traits.ends => {
                    return Err(self.wrong(
                        key,
                        format!("a {} does not end by itself", traits.name),
                        "leave `for` out",
                    ));
                }
                "for" => injection.span.lasts = Some(self.quantity(value)?),
                "strength" => injection.strength = self.strength(value)?,
                _ => {
                    return Err(self.wrong(key, "unknown setting", "one of at, for, strength"));
                }
            }
        }
        Ok(Fault::Ailing(injection))
    }

    fn strength(&self, part: Range<usize>) -> Result<f64, Box<Diagnostic>> {
        self.0[part.clone()]
            .parse()
            .ok()
            .filter(|strength| (0.0..=1.0).contains(strength))
            .ok_or_else(|| {
                self.wrong(
                    part,
                    "not a number from 0 to 1",
                    "write it as in `strength=0.8`",
                )
            })
    }

    fn unknown(&self, kind: Range<usize>) -> Box<Diagnostic> {
        let known = || OWN.into_iter().chain(Ailment::ALL.map(|a| a.traits().name));
        let near = known()
            .map(|name| (strsim::jaro_winkler(name, &self.0[kind.clone()]), name))
            .filter(|(likeness, _)| *likeness > 0.8)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let help = match near {
            Some((_, name)) => format!("did you mean `{name}`?"),
            None => format!("one of {}", known().collect::<Vec<_>>().join(", ")),
        };
        self.wrong(kind, "unknown kind of fault", help)
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
    use crate::units::Nanos;

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
    fn an_ailment_has_a_time_and_a_strength_or_its_own() {
        let leak = Injection {
            ailment: Ailment::Leak,
            span: Span::default(),
            strength: Ailment::Leak.traits().strength,
        };
        assert_eq!(parse_fault("leak").unwrap(), Fault::Ailing(leak));
        let span = Span {
            at: Nanos::from_secs(10),
            lasts: Some(Nanos::from_millis(1500)),
        };
        let all = Injection {
            span,
            strength: 0.25,
            ..leak
        };
        assert_eq!(
            parse_fault("leak:strength=0.25,at=10s,for=1500ms").unwrap(),
            Fault::Ailing(all)
        );
    }

    #[test]
    fn a_wrong_fault_says_where_and_what() {
        let wrong = |spec: &str| {
            let diagnostic = parse_fault(spec).unwrap_err();
            let (_, label) = diagnostic.place.unwrap();
            format!(
                "{} | {} | {}",
                &spec[label.span],
                label.text,
                diagnostic.help.as_deref().unwrap_or("-")
            )
        };
        let all = [
            "slow",
            "slwo=1",
            "slow=pay",
            "slow=pax:20%",
            "slow=pay:20",
            "stall=5s:2",
            "hang=0%",
            "deadlok",
            "leaks:at=1s",
            "",
            "leak=3",
            "leak:",
            "leak:at",
            "leak:at=1",
            "leak:at=1s,form=2s",
            "leak:strength=1.5",
            "deadlock:at=1s,for=2s",
        ]
        .map(wrong)
        .join("\n");
        insta::assert_snapshot!(all, @r#"
        slow | `=` is missing | write `slow=pay:20%`, `stall=5s:2s` or `hang=2%`
        slwo | unknown kind of fault | did you mean `slow`?
        pay | `:` is missing | write it as in `slow=pay:20%`
        pax | no endpoint that uses CPU has this name | one of home, items, search, pay
        20 | `20` has no unit | did you mean "20%"? write a percentage: "5%", "0.1%"
        2 | `2` has no unit | did you mean "2s" or "2ms"? write a time with its unit: "250ms", "10s", "2m", "1h"
        0% | not above 0 % and at most 100 % | write a share of all requests: `hang=2%`
        deadlok | unknown kind of fault | did you mean `deadlock`?
        leaks | unknown kind of fault | did you mean `leak`?
         | unknown kind of fault | one of slow, stall, hang, pool-exhausted, deadlock, leak, throttle, slow-dependency, cold-cache, rate-limit, retry-storm, lock-contention, pauses, descriptor-exhaustion, crash-loop, consumer-lag, cpu-saturation
        =3 | not after a name | write `leak:at=10s,for=20s,strength=0.8`
         | `=` is missing | write `leak:at=10s,for=20s,strength=0.8`
        at | `=` is missing | write `leak:at=10s,for=20s,strength=0.8`
        1 | `1` has no unit | did you mean "1s" or "1ms"? write a time with its unit: "250ms", "10s", "2m", "1h"
        form | unknown setting | one of at, for, strength
        1.5 | not a number from 0 to 1 | write it as in `strength=0.8`
        for | a deadlock does not end by itself | leave `for` out
        "#);
    }
}
