//! Quantities that carry their unit: time, rate, share and size.
//!
//! Every number a user writes or reads has a unit, so the types here are the only place where text
//! becomes a quantity (`FromStr`) and a quantity becomes text (`Display`, [`Unit::format`]). A bare
//! number is refused with a hint instead of being guessed at.

use std::fmt;
use std::ops::{Add, AddAssign, Sub};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A span of time, or a point on a monotonic time line, in nanoseconds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Nanos(pub u64);

impl Nanos {
    pub const ZERO: Self = Self(0);
    pub const MILLISECOND: Self = Self(1_000_000);
    pub const SECOND: Self = Self(1_000_000_000);
    pub const MAX: Self = Self(u64::MAX);

    pub const fn from_millis(ms: u64) -> Self {
        Self(ms.saturating_mul(1_000_000))
    }

    pub const fn from_secs(s: u64) -> Self {
        Self(s.saturating_mul(1_000_000_000))
    }

    /// Rounds to the nearest nanosecond; negative and non-finite seconds become zero.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float to integer cast saturates, and zero is the documented floor"
    )]
    pub fn from_secs_f64(s: f64) -> Self {
        Self((s * 1e9).round() as u64)
    }

    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1e9
    }

    pub fn as_millis_f64(self) -> f64 {
        self.0 as f64 / 1e6
    }

    pub const fn is_zero(&self) -> bool {
        self.0 == 0
    }

    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl From<Nanos> for std::time::Duration {
    fn from(n: Nanos) -> Self {
        Self::from_nanos(n.0)
    }
}

impl Add for Nanos {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Nanos {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Nanos {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self.saturating_sub(other)
    }
}

impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&Unit::Time.format(self.0 as f64))
    }
}

/// Events per second.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rate(pub f64);

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&Unit::PerSecond.format(self.0))
    }
}

/// A share of one: `5%` is 0.05.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Share(pub f64);

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&Unit::Share.format(self.0))
    }
}

/// A size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&Unit::Bytes.format(self.0 as f64))
    }
}

/// Why a text is no quantity, and how to write it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct UnitError {
    pub reason: String,
    pub help: String,
}

/// The unit a metric is measured and shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Nanoseconds.
    Time,
    /// Events per second.
    PerSecond,
    /// A share of one, shown as a percentage.
    Share,
    /// Bytes, shown with binary prefixes.
    Bytes,
    /// Bytes per second, of a slope.
    BytesPerSecond,
    /// A plain count.
    Count,
}

impl Unit {
    pub const ALL: [Self; 6] = [
        Self::Time,
        Self::PerSecond,
        Self::Share,
        Self::Bytes,
        Self::BytesPerSecond,
        Self::Count,
    ];

    /// The name as written in records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::PerSecond => "per-second",
            Self::Share => "share",
            Self::Bytes => "bytes",
            Self::BytesPerSecond => "bytes-per-second",
            Self::Count => "count",
        }
    }

    /// What a number without a unit is taken for: the base that reports for machines are written in.
    pub const fn base(self) -> &'static str {
        match self {
            Self::Time => "nanoseconds",
            Self::PerSecond => "events per second",
            Self::Share => "shares of one",
            Self::Bytes => "bytes",
            Self::BytesPerSecond => "bytes per second",
            Self::Count => "plain numbers",
        }
    }

    /// Shows a value with three to four significant digits and the prefix that suits it.
    pub fn format(self, value: f64) -> String {
        if !value.is_finite() {
            return "–".to_owned();
        }
        let sign = if value < 0.0 { "−" } else { "" };
        let v = value.abs();
        match self {
            Self::Time => {
                let (scaled, unit) = if v >= 1e9 {
                    (v / 1e9, "s")
                } else if v >= 1e6 {
                    (v / 1e6, "ms")
                } else if v >= 1e3 {
                    (v / 1e3, "µs")
                } else {
                    (v, "ns")
                };
                format!("{sign}{} {unit}", digits(scaled))
            }
            Self::PerSecond => format!("{sign}{}/s", digits(v)),
            // Of a number as large as any a percentage is none.
            Self::Share if !(v * 100.0).is_finite() => "–".to_owned(),
            Self::Share => format!("{sign}{} %", digits(v * 100.0)),
            Self::Bytes => format!("{sign}{}", bytes(v)),
            Self::BytesPerSecond => format!("{sign}{}/s", bytes(v)),
            // Below what `digits` can tell from zero.
            Self::Count if v > 0.0 && v < 5e-5 => format!("{sign}{v:.2e}"),
            Self::Count => format!("{sign}{}", digits(v)),
        }
    }

    /// Parses a quantity of this unit, the inverse of [`Unit::format`] up to rounding.
    ///
    /// # Errors
    /// When the text is no number with a unit of this kind.
    pub fn parse(self, text: &str) -> Result<f64, UnitError> {
        match self {
            Self::Time => text.parse::<Nanos>().map(|n| n.0 as f64),
            Self::PerSecond => text.parse::<Rate>().map(|r| r.0),
            Self::Share => text.parse::<Share>().map(|s| s.0),
            Self::Bytes => text.parse::<Bytes>().map(|b| b.0 as f64),
            Self::BytesPerSecond => text
                .trim_end()
                .strip_suffix("/s")
                .ok_or_else(|| UnitError {
                    reason: format!("`{text}` is not a size per second"),
                    help: "write a size per second such as \"64KiB/s\"".to_owned(),
                })?
                .parse::<Bytes>()
                .map(|b| b.0 as f64),
            Self::Count => text
                .trim()
                .parse::<f64>()
                .ok()
                .filter(|v| v.is_finite() && *v >= 0.0)
                .ok_or_else(|| UnitError {
                    reason: format!("`{text}` is not a count"),
                    help: "write a count such as \"64\"".to_owned(),
                }),
        }
    }

    /// An example of the notation, for messages.
    pub const fn example(self) -> &'static str {
        match self {
            Self::Time => "250ms",
            Self::PerSecond => "200/s",
            Self::Share => "5%",
            Self::Bytes => "64MiB",
            Self::BytesPerSecond => "64KiB/s",
            Self::Count => "64",
        }
    }
}

/// About three significant digits, without trailing zeros.
fn digits(v: f64) -> String {
    let text = if v == 0.0 {
        return "0".to_owned();
    } else if v >= 1e15 {
        return format!("{v:.3e}");
    } else if v >= 1000.0 {
        return format!("{v:.0}");
    } else if v >= 10.0 {
        format!("{v:.1}")
    } else if v >= 0.01 {
        format!("{v:.2}")
    } else {
        format!("{v:.4}")
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn bytes(v: f64) -> String {
    const PREFIXES: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut scaled = v;
    let mut index = 0;
    while scaled >= 1024.0 && index + 1 < PREFIXES.len() {
        scaled /= 1024.0;
        index += 1;
    }
    format!("{} {}", digits(scaled), PREFIXES[index])
}

/// Splits `"250 ms"` into its number and its unit.
fn number_and_unit(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '_'))
        .unwrap_or(text.len());
    let number: f64 = text[..end].replace('_', "").parse().ok()?;
    Some((number, text[end..].trim()))
}

impl FromStr for Nanos {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let help = "write a time with its unit: \"250ms\", \"10s\", \"2m\", \"1h\"";
        let (number, unit) = number_and_unit(text).ok_or_else(|| UnitError {
            reason: format!("`{text}` is not a time"),
            help: help.to_owned(),
        })?;
        let scale = match unit {
            "ns" => 1.0,
            "us" | "µs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" | "min" => 60e9,
            "h" => 3600e9,
            "" => {
                return Err(UnitError {
                    reason: format!("`{text}` has no unit"),
                    help: format!("did you mean \"{number}s\" or \"{number}ms\"? {help}"),
                });
            }
            other => {
                return Err(UnitError {
                    reason: format!("`{other}` is not a unit of time"),
                    help: help.to_owned(),
                });
            }
        };
        let ns = number * scale;
        if ns > 31_536_000e9 {
            return Err(UnitError {
                reason: format!("`{text}` is longer than a year"),
                help: help.to_owned(),
            });
        }
        Ok(Self::from_secs_f64(ns / 1e9))
    }
}

impl FromStr for Rate {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let help = "write a rate with its unit: \"200/s\", \"500/m\", \"3600/h\"";
        let (number, unit) = number_and_unit(text).ok_or_else(|| UnitError {
            reason: format!("`{text}` is not a rate"),
            help: help.to_owned(),
        })?;
        let seconds = match unit.replace(' ', "").as_str() {
            "/s" => 1.0,
            "/m" | "/min" => 60.0,
            "/h" => 3600.0,
            "" => {
                return Err(UnitError {
                    reason: format!("`{text}` has no unit"),
                    help: format!("did you mean \"{number}/s\"? {help}"),
                });
            }
            other => {
                return Err(UnitError {
                    reason: format!("`{other}` is not a unit of rate"),
                    help: help.to_owned(),
                });
            }
        };
        Ok(Self(number / seconds))
    }
}

impl FromStr for Share {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let help = "write a percentage: \"5%\", \"0.1%\"";
        match number_and_unit(text) {
            Some((number, "%")) => Ok(Self(number / 100.0)),
            Some((number, "")) => Err(UnitError {
                reason: format!("`{text}` has no unit"),
                help: format!("did you mean \"{number}%\"? {help}"),
            }),
            _ => Err(UnitError {
                reason: format!("`{text}` is not a percentage"),
                help: help.to_owned(),
            }),
        }
    }
}

impl FromStr for Bytes {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let help = "write a size with its unit: \"64MiB\", \"1GiB\", \"512KiB\", \"100MB\"";
        let (number, unit) = number_and_unit(text).ok_or_else(|| UnitError {
            reason: format!("`{text}` is not a size"),
            help: help.to_owned(),
        })?;
        let scale: f64 = match unit {
            "B" => 1.0,
            "kB" | "KB" => 1e3,
            "MB" => 1e6,
            "GB" => 1e9,
            "KiB" => 1024.0,
            "MiB" => 1024.0 * 1024.0,
            "GiB" => 1024.0 * 1024.0 * 1024.0,
            "" => {
                return Err(UnitError {
                    reason: format!("`{text}` has no unit"),
                    help: format!("did you mean \"{number}MiB\"? {help}"),
                });
            }
            other => {
                return Err(UnitError {
                    reason: format!("`{other}` is not a unit of size"),
                    help: help.to_owned(),
                });
            }
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the number is not negative and the cast saturates"
        )]
        Ok(Self((number * scale).round() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_read_as_written() {
        assert_eq!("250ms".parse(), Ok(Nanos::from_millis(250)));
        assert_eq!("1.5 s".parse(), Ok(Nanos::from_millis(1500)));
        assert_eq!("2m".parse(), Ok(Nanos::from_secs(120)));
        assert_eq!("600/m".parse(), Ok(Rate(10.0)));
        assert_eq!("5%".parse(), Ok(Share(0.05)));
        assert_eq!("64MiB".parse(), Ok(Bytes(64 << 20)));
    }

    #[test]
    fn bare_numbers_are_refused_with_a_hint() {
        let error = "250".parse::<Nanos>().unwrap_err();
        assert_eq!(error.reason, "`250` has no unit");
        assert!(error.help.contains("\"250ms\""));
        assert!("200".parse::<Rate>().is_err());
        assert!("5".parse::<Share>().is_err());
        assert!("-5ms".parse::<Nanos>().is_err());
        assert!("".parse::<Bytes>().is_err());
    }

    #[test]
    fn values_show_with_the_prefix_that_suits_them() {
        assert_eq!(Unit::Time.format(41_000_000.0), "41 ms");
        assert_eq!(Unit::Time.format(8_140_000.0), "8.14 ms");
        assert_eq!(Unit::Time.format(3e9), "3 s");
        assert_eq!(Unit::PerSecond.format(200.0), "200/s");
        assert_eq!(Unit::Share.format(0.001), "0.1 %");
        assert_eq!(Unit::Bytes.format(1536.0), "1.5 KiB");
        assert_eq!(Unit::Time.format(-1500.0), "−1.5 µs");
    }
}
