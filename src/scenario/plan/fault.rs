//! Disturbances between the load and the target, each for a stretch of the round.

use std::fmt;

use serde::Serialize;

use crate::units::{Nanos, Share, Unit};

/// What is done to the traffic, and when.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Fault {
    /// From the beginning of the load.
    pub at: Nanos,
    pub length: Nanos,
    pub effect: Effect,
}

impl Fault {
    pub fn end(&self) -> Nanos {
        self.at + self.length
    }
}

/// What is done to the traffic.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum Effect {
    /// Connections are accepted, and nothing passes in either direction; what is held passes at the end.
    BlackHole,
    Impaired(Impairment),
}

/// A network that still carries something. All of it acts on the way to the client, so that an exchange
/// meets it once.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Impairment {
    /// By which answers come later.
    pub latency: Nanos,
    /// By which that differs from piece to piece, up or down; at most the latency.
    pub jitter: Nanos,
    /// Bytes per second of all answers together.
    pub bandwidth: Option<f64>,
    /// Share of the connections on which nothing passes.
    pub drop: f64,
    /// Share of the connections that are reset as soon as something passes.
    pub reset: f64,
    pub slice: Option<Slice>,
}

/// Answers in small pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Slice {
    /// At least 1.
    pub bytes: u64,
    /// Between two pieces of a connection.
    pub pause: Nanos,
}

impl fmt::Display for Effect {
    /// `200 ms latency ± 50 ms, 10 % of connections stalled`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let impairment = match self {
            Self::BlackHole => return f.write_str("black hole"),
            Self::Impaired(impairment) => impairment,
        };
        let mut said = Vec::new();
        if impairment.latency > Nanos::ZERO {
            let jitter = match impairment.jitter {
                Nanos::ZERO => String::new(),
                jitter => format!(" ± {jitter}"),
            };
            said.push(format!("{} latency{jitter}", impairment.latency));
        }
        if let Some(bandwidth) = impairment.bandwidth {
            said.push(format!(
                "{} bandwidth",
                Unit::BytesPerSecond.format(bandwidth)
            ));
        }
        for (share, what) in [(impairment.drop, "stalled"), (impairment.reset, "reset")] {
            if share > 0.0 {
                said.push(format!("{} of connections {what}", Share(share)));
            }
        }
        if let Some(slice) = impairment.slice {
            let bytes = Unit::Bytes.format(slice.bytes as f64);
            said.push(format!("slices of {bytes} every {}", slice.pause));
        }
        f.write_str(&said.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_effect_says_all_it_does() {
        let effect = Effect::Impaired(Impairment {
            latency: Nanos::from_millis(200),
            jitter: Nanos::from_millis(50),
            bandwidth: Some(65536.0),
            drop: 0.1,
            reset: 0.05,
            slice: Some(Slice {
                bytes: 100,
                pause: Nanos::from_millis(10),
            }),
        });
        insta::assert_snapshot!(effect, @"200 ms latency ± 50 ms, 64 KiB/s bandwidth, 10 % of connections stalled, 5 % of connections reset, slices of 100 B every 10 ms");
        assert_eq!(Effect::BlackHole.to_string(), "black hole");
    }
}
