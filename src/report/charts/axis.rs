//! From values to places, with ticks at round numbers of the unit.

use crate::units::Unit;

/// One axis: a range of values on a range of places.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    logarithmic: bool,
}

impl Axis {
    /// A linear axis; an empty or impossible range becomes a usable one around its value.
    pub(super) fn linear(low: f64, high: f64, (from, to): (f64, f64)) -> Self {
        let (mut low, mut high) = if low.is_finite() && high.is_finite() {
            (low.min(high), low.max(high))
        } else {
            (0.0, 1.0)
        };
        if high - low <= f64::EPSILON * high.abs().max(1.0) {
            let margin = if high == 0.0 { 1.0 } else { high.abs() * 0.1 };
            low -= margin;
            high += margin;
        }
        Self {
            low,
            high,
            from,
            to,
            logarithmic: false,
        }
    }

    /// A logarithmic axis over positive values.
    pub(super) fn logarithmic(low: f64, high: f64, places: (f64, f64)) -> Self {
        let low = if low.is_finite() && low > 0.0 {
            low
        } else {
            1.0
        };
        let high = if high.is_finite() && high > low {
            high
        } else {
            low * 10.0
        };
        Self {
            logarithmic: true,
            ..Self::linear(low, high, places)
        }
    }

    /// The place of a value, kept within the axis; its beginning where the value has none.
    pub(super) fn at(&self, value: f64) -> f64 {
        // Halves and logarithms, whose differences are finite whatever the ends of the axis are.
        let scale = |v: f64| if self.logarithmic { v.ln() } else { v / 2.0 };
        let low = scale(self.low);
        let share = (scale(value) - low) / (scale(self.high) - low);
        let share = if share.is_nan() {
            0.0
        } else {
            share.clamp(0.0, 1.0)
        };
        self.from + share * (self.to - self.from)
    }

    /// About `most` round values with their labels.
    pub(super) fn ticks(&self, unit: Unit, most: usize) -> Vec<(f64, String)> {
        let values = if self.logarithmic {
            self.decades(most)
        } else {
            self.steps(unit, most)
        };
        values.into_iter().map(|v| (v, unit.format(v))).collect()
    }

    /// Round numbers of seconds, as `0`, `30 s`, `2 min`.
    pub(super) fn seconds(&self, most: usize) -> Vec<(f64, String)> {
        const STEPS: [f64; 16] = [
            0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0,
            3600.0, 7200.0,
        ];
        let wanted = (self.high - self.low) / most.max(1) as f64;
        let step = STEPS.into_iter().find(|s| *s >= wanted);
        let label = |v: f64| {
            if v == 0.0 {
                "0".to_owned()
            } else if step.is_some_and(|s| s >= 60.0) {
                format!("{} min", Unit::Count.format(v / 60.0))
            } else {
                format!("{} s", Unit::Count.format(v))
            }
        };
        self.multiples(step.unwrap_or(wanted))
            .into_iter()
            .map(|v| (v, label(v)))
            .collect()
    }

    fn steps(&self, unit: Unit, most: usize) -> Vec<f64> {
        let span = self.high - self.low;
        let base = match unit {
            Unit::Bytes | Unit::BytesPerSecond => {
                1024_f64.powf(self.high.abs().max(1.0).log(1024.0).floor().max(0.0))
            }
            _ => 1.0,
        };
        let wanted = span / base / most.max(1) as f64;
        let magnitude = 10_f64.powf(wanted.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0]
            .into_iter()
            .map(|m| m * magnitude)
            .find(|s| *s >= wanted)
            .unwrap_or(wanted);
        self.multiples(step * base)
    }

    fn multiples(&self, step: f64) -> Vec<f64> {
        let mut values = Vec::new();
        let mut v = (self.low / step - 1e-9).ceil() * step;
        while v <= self.high + step * 1e-6 && values.len() < 50 {
            values.push(if v.abs() < step * 1e-6 { 0.0 } else { v });
            v += step;
        }
        values
    }

    fn decades(&self, most: usize) -> Vec<f64> {
        // Counted by exponents: a decade below the least number is zero, and ten times zero is no next one.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "from -324 to 308, and what is no number becomes zero"
        )]
        let exponent = |v: f64| v.log10().floor().clamp(-324.0, 308.0) as i32;
        let inside = |v: &f64| *v >= self.low * 0.999 && *v <= self.high * 1.001 && v.is_finite();
        for multiples in [&[1.0, 2.0, 5.0][..], &[1.0, 3.0], &[1.0]] {
            let mut values = Vec::new();
            for decade in (exponent(self.low)..=exponent(self.high)).map(|e| 10_f64.powi(e)) {
                values.extend(multiples.iter().map(|m| m * decade).filter(inside));
            }
            if values.len() <= most || multiples.len() == 1 {
                return values;
            }
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_place() {
        let ends = [0.0, 5e-324, 1e-300, 1.0, 1e300, f64::MAX];
        for (low, high) in ends.iter().flat_map(|l| ends.map(|h| (*l, h))) {
            for axis in [
                Axis::linear(-low, high, (0.0, 10.0)),
                Axis::logarithmic(low, high, (0.0, 10.0)),
            ] {
                for value in ends {
                    let at = axis.at(value);
                    assert!((0.0..=10.0).contains(&at), "{value} in {axis:?}: {at}");
                }
            }
        }
    }

    #[test]
    fn decades_end_however_far_apart_they_are() {
        for (low, high) in [
            (0.0, 1.0),
            (5e-324, 1e308),
            (1.0, f64::INFINITY),
            (2.0, 1.0),
        ] {
            let axis = Axis {
                low,
                high,
                logarithmic: true,
                from: 0.0,
                to: 1.0,
            };
            assert!(axis.decades(5).len() < 2_000, "{low} to {high}");
        }
    }

    fn labels(ticks: Vec<(f64, String)>) -> String {
        ticks
            .into_iter()
            .map(|t| t.1)
            .collect::<Vec<_>>()
            .join(" | ")
    }

    #[test]
    fn ticks_are_round_numbers_of_their_unit() {
        let places = (0.0, 100.0);
        let a = Axis::linear(0.0, 47e6, places);
        assert_eq!(
            labels(a.ticks(Unit::Time, 5)),
            "0 ns | 10 ms | 20 ms | 30 ms | 40 ms"
        );
        let a = Axis::linear(0.0, 42.0 * 1_048_576.0, places);
        assert_eq!(
            labels(a.ticks(Unit::Bytes, 5)),
            "0 B | 10 MiB | 20 MiB | 30 MiB | 40 MiB"
        );
        let a = Axis::logarithmic(4e6, 120e6, places);
        assert_eq!(
            labels(a.ticks(Unit::Time, 6)),
            "5 ms | 10 ms | 20 ms | 50 ms | 100 ms"
        );
        let a = Axis::linear(0.0, 600.0, places);
        assert_eq!(
            labels(a.seconds(6)),
            "0 | 2 min | 4 min | 6 min | 8 min | 10 min"
        );
    }

    #[test]
    fn no_range_gives_an_impossible_place() {
        for (low, high) in [
            (0.0, 0.0),
            (f64::NAN, 1.0),
            (5.0, 5.0),
            (f64::INFINITY, 0.0),
        ] {
            for axis in [
                Axis::linear(low, high, (10.0, 20.0)),
                Axis::logarithmic(low, high, (10.0, 20.0)),
            ] {
                let place = axis.at(5.0);
                assert!((10.0..=20.0).contains(&place), "{low} {high}: {place}");
                assert!(axis.ticks(Unit::Time, 5).len() < 20);
            }
        }
    }
}
