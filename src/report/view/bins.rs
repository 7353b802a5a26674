//! Latencies in bins that are equally wide on a logarithmic scale: the rows of a heat map, the bars of
//! a histogram.

use crate::model::Distribution;

/// Bins to a decade, the finest first.
const DENSITIES: [f64; 11] = [48.0, 32.0, 24.0, 16.0, 12.0, 8.0, 6.0, 4.0, 3.0, 2.0, 1.0];

/// Edges of neighbouring bins, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::report) struct Bins {
    /// To a decade.
    density: f64,
    /// Number of the first edge, counted from that at 1 ns.
    first: f64,
    count: usize,
}

impl Bins {
    /// The finest of which at most so many hold all values; None where there is none.
    pub(in crate::report) fn over<'a>(
        distributions: impl IntoIterator<Item = &'a Distribution>,
        most: usize,
    ) -> Option<Self> {
        let filled = distributions.into_iter().filter(|d| !d.is_empty());
        let ends = filled.map(|d| (d.min().0.max(1), d.max().0.max(1)));
        let (low, high) = ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
        let bins = DENSITIES.map(|density| {
            let number = |value: u64| ((value as f64).log10() * density + 1e-9).floor();
            let first = number(low);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "an hour of nanoseconds has thirteen decades"
            )]
            let count = (number(high) - first) as usize + 1;
            Self {
                density,
                first,
                count,
            }
        });
        bins.into_iter()
            .find(|b| b.count <= most)
            .or(bins.last().copied())
    }

    pub(in crate::report) fn count(&self) -> usize {
        self.count
    }

    /// The lower edge of a bin; of the number after the last, the upper edge of the last.
    pub(in crate::report) fn edge(&self, bin: usize) -> f64 {
        10_f64.powf((self.first + bin as f64) / self.density)
    }

    /// The middle of a bin on the logarithmic scale.
    pub(in crate::report) fn middle(&self, bin: usize) -> f64 {
        (self.edge(bin) * self.edge(bin + 1)).sqrt()
    }

    /// Adds how many values lie in each bin.
    pub(in crate::report) fn add(&self, distribution: &Distribution, to: &mut [f64]) {
        let last = to.len().saturating_sub(1);
        for (low, width, n) in distribution.buckets() {
            let middle = (low + width / 2).max(1) as f64;
            let number = (middle.log10() * self.density + 1e-9).floor() - self.first;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a float to integer cast saturates, and below the first bin is the first"
            )]
            let bin = (number.max(0.0) as usize).min(last);
            if let Some(count) = to.get_mut(bin) {
                *count += n as f64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::Nanos;

    fn of(values: &[u64]) -> Distribution {
        let mut distribution = Distribution::default();
        for value in values {
            distribution.record(Nanos(*value));
        }
        distribution
    }

    #[test]
    fn every_value_lies_within_the_edges_of_its_bin() {
        let values = [5_100_000, 6_900_000, 8_200_000, 41_000_000];
        let bins = Bins::over([&of(&values)], 60).expect("values");
        assert!(bins.count() <= 60 && bins.count() > 30, "{bins:?}");
        for value in values {
            let mut counts = vec![0.0; bins.count()];
            bins.add(&of(&[value]), &mut counts);
            let bin = counts.iter().position(|n| *n > 0.5).expect("counted");
            let (from, to) = (bins.edge(bin), bins.edge(bin + 1));
            let value = value as f64;
            assert!(
                from * 0.998 <= value && value <= to * 1.002,
                "{from} {value} {to}"
            );
            assert!(bins.middle(bin) > from && bins.middle(bin) < to);
        }
    }

    #[test]
    fn whatever_the_span_there_are_few() {
        let ends = [0, 1, 2_000, 1_000_000, 3_600_000_000_000];
        for (low, high) in ends.iter().flat_map(|l| ends.map(|h| (*l, h))) {
            let distribution = of(&[low, high]);
            let bins = Bins::over([&distribution], 28).expect("values");
            assert!((1..=28).contains(&bins.count()), "{low} {high}: {bins:?}");
            let mut counts = vec![0.0; bins.count()];
            bins.add(&distribution, &mut counts);
            assert!(
                (counts.iter().sum::<f64>() - 2.0).abs() < 1e-9,
                "nothing is lost"
            );
        }
        assert_eq!(Bins::over([&Distribution::default()], 28), None);
    }
}
