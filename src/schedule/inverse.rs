//! The inverse of [`Profile::due`]: when is the u-th request of a phase due?
//!
//! A Poisson process of any rate is one of rate 1 seen through this function (time-change theorem),
//! so spacing is decided in transformed time and only this file knows the shape of the rate.

use crate::scenario::plan::Profile;
use crate::units::Nanos;

/// Answers ascending questions in constant time each.
#[derive(Debug, Clone)]
pub(super) struct Inverse {
    profile: Profile,
    /// Seconds.
    duration: f64,
    /// The current stair and the requests due before it.
    stair: u32,
    before: f64,
}

impl Inverse {
    pub(super) fn new(profile: Profile, duration: Nanos) -> Self {
        Self {
            profile,
            duration: duration.as_secs_f64(),
            stair: 0,
            before: 0.0,
        }
    }

    /// Seconds from the beginning of the phase until `u` requests are due; `u` must not descend.
    pub(super) fn at(&mut self, u: f64) -> f64 {
        let t = match self.profile {
            Profile::Constant(rate) => u / rate.0,
            Profile::Ramp { from, to } => {
                // The root of from·t + (to − from)·t²/2T = u, in the form without cancellation.
                let slope = (to.0 - from.0) / self.duration;
                let root = (from.0 * from.0 + 2.0 * slope * u).max(0.0).sqrt();
                2.0 * u / (from.0 + root)
            }
            Profile::Spike {
                base,
                peak,
                at,
                length,
            } => {
                let (at, length) = (at.as_secs_f64(), length.as_secs_f64());
                let before = base.0 * at;
                let during = peak.0 * length;
                if u < before {
                    u / base.0
                } else if u < before + during {
                    at + (u - before) / peak.0
                } else {
                    at + length + (u - before - during) / base.0
                }
            }
            Profile::Stairs { every, .. } => self.on_stairs(u, every.as_secs_f64()),
        };
        // 0/0 where nothing is due yet is the beginning.
        if t.is_finite() {
            t.clamp(0.0, self.duration)
        } else {
            0.0
        }
    }

    fn on_stairs(&mut self, u: f64, every: f64) -> f64 {
        loop {
            let rate = self.profile.stair(self.stair);
            let start = f64::from(self.stair) * every;
            let on_this = rate * every;
            let last = start + every >= self.duration;
            if u < self.before + on_this || last {
                return start + ((u - self.before) / rate).max(0.0);
            }
            self.before += on_this;
            self.stair += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Rate;

    #[test]
    fn it_inverts_the_cumulative_rate() {
        let duration = Nanos::from_secs(10);
        for profile in [
            Profile::Constant(Rate(70.0)),
            Profile::Ramp {
                from: Rate(0.0),
                to: Rate(90.0),
            },
            Profile::Ramp {
                from: Rate(90.0),
                to: Rate(0.0),
            },
            Profile::Ramp {
                from: Rate(5.0),
                to: Rate(5.0),
            },
            Profile::Spike {
                base: Rate(10.0),
                peak: Rate(300.0),
                at: Nanos::from_secs(4),
                length: Nanos::from_millis(1500),
            },
            Profile::Stairs {
                from: Rate(10.0),
                to: Rate(40.0),
                step: Rate(10.0),
                every: Nanos::from_millis(1500),
            },
            Profile::Stairs {
                from: Rate(40.0),
                to: Rate(5.0),
                step: Rate(7.0),
                every: Nanos::from_millis(900),
            },
        ] {
            let total = profile.due(duration, duration);
            let mut inverse = Inverse::new(profile, duration);
            for i in 0..=100 {
                let u = total * f64::from(i) / 100.0;
                let t = inverse.at(u);
                let back = profile.due(Nanos::from_secs_f64(t), duration);
                assert!(
                    (back - u).abs() < 1e-5 * total,
                    "{profile:?}: {u} → {t} → {back}"
                );
            }
        }
    }
}
