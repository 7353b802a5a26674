//! Exponentially distributed numbers by the ziggurat method (Marsaglia and Tsang 2000), exactly.
//!
//! The area under e⁻ˣ is cut into 256 layers of equal area, of which all but the lowest are
//! rectangles. A point in a layer counts when it lies under the curve, which 98.9 % do without a
//! look at it. Unlike the original, the layer and the place in it come from different bits of the
//! random word, so they are independent, and places have 53 bits instead of 32.

use crate::random::Uniform;

const LAYERS: usize = 256;

/// Where the lowest layer turns into the tail, and the area of each layer (for 256 of them).
const TAIL: f64 = 7.697_117_470_131_05;
const AREA: f64 = 0.003_949_659_822_581_572;

/// The edges of the layers.
#[derive(Debug, Clone)]
pub(super) struct Exponential {
    /// Right edges, from the lowest layer up: descending, the last one 0.
    edges: Box<[f64; LAYERS + 1]>,
    /// e⁻ˣ at the edges, except the first.
    heights: Box<[f64; LAYERS + 1]>,
}

impl Exponential {
    pub(super) fn new() -> Self {
        let mut edges = Box::new([0.0; LAYERS + 1]);
        // The lowest layer is as wide as a rectangle of its area and height would be.
        edges[0] = AREA * TAIL.exp();
        edges[1] = TAIL;
        for i in 2..LAYERS {
            edges[i] = -(AREA / edges[i - 1] + (-edges[i - 1]).exp()).ln();
        }
        let heights = Box::new(edges.map(|x| (-x).exp()));
        Self { edges, heights }
    }

    /// The next number, of mean 1.
    #[inline]
    pub(super) fn next(&self, uniform: &mut Uniform) -> f64 {
        let (layer, place) = uniform.draw_in_layer();
        let layer = usize::from(layer);
        let x = place * self.edges[layer];
        if x < self.edges[layer + 1] {
            return x;
        }
        self.at_the_edge(layer, x, uniform)
    }

    /// What becomes of a point that may lie above the curve.
    #[cold]
    fn at_the_edge(&self, layer: usize, x: f64, uniform: &mut Uniform) -> f64 {
        if layer == 0 {
            // Beyond any point the distribution is itself again.
            return TAIL - uniform.draw().ln();
        }
        let (low, high) = (self.heights[layer], self.heights[layer + 1]);
        let y = low + uniform.draw() * (high - low);
        if y < (-x).exp() {
            return x;
        }
        self.next(uniform)
    }
}

/// 1 − e⁻ˣ for x ≥ 0, to the last bits also where x is small.
#[inline]
pub(super) fn share_passed(x: f64) -> f64 {
    // Of the series, the first term left out is the share x⁴/120 < 2⁻⁶⁰ of the whole below 2⁻¹⁴.
    if x < 6.103_515_625e-5 {
        x * (1.0 - x * (0.5 - x * (1.0 / 6.0 - x * (1.0 / 24.0))))
    } else {
        -(-x).exp_m1()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(n: usize) -> Vec<f64> {
        let (exponential, mut uniform) = (Exponential::new(), Uniform::new(11, 0));
        (0..n).map(|_| exponential.next(&mut uniform)).collect()
    }

    /// Chi-squared of how often each of `cells` equally probable cells was hit, as a number of
    /// standard deviations from its mean.
    fn misfit(shares: impl Iterator<Item = f64>, cells: usize) -> f64 {
        let mut counts = vec![0.0; cells];
        let mut n = 0.0;
        for share in shares {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a share lies in 0…1"
            )]
            let cell = (share * cells as f64) as usize;
            counts[cell.min(cells - 1)] += 1.0;
            n += 1.0;
        }
        let expected = n / cells as f64;
        let squares: f64 = counts.iter().map(|c: &f64| (c - expected).powi(2)).sum();
        let free = cells as f64 - 1.0;
        (squares / expected - free) / (2.0 * free).sqrt()
    }

    #[test]
    fn the_layers_have_equal_areas_and_end_at_the_top() {
        let Exponential { edges, heights } = Exponential::new();
        assert!(edges.is_sorted_by(|a, b| a > b));
        for i in 1..LAYERS {
            let area = edges[i] * (heights[i + 1] - heights[i]);
            assert!((area - AREA).abs() < 1e-13, "layer {i}: {area}");
        }
        let lowest = TAIL * heights[1] + (-TAIL).exp();
        assert!((lowest - AREA).abs() < 1e-15, "{lowest}");
    }

    /// 1024 cells between the quantiles: within 4 standard deviations of what chance gives, from
    /// above and from below.
    #[test]
    fn the_numbers_fit_the_exponential_distribution() {
        let all = draw(1_000_000);
        let misfit = misfit(all.iter().map(|x| 1.0 - (-x).exp()), 1024);
        assert!(misfit.abs() < 4.0, "{misfit}");
        let n = all.len() as f64;
        let mean = all.iter().sum::<f64>() / n;
        assert!((mean - 1.0).abs() < 4.0 / n.sqrt(), "{mean}");
    }

    /// Below the curve's flat end the layers are few and the wedges are a large part of each; the
    /// tail has a branch of its own. Both are too rare to show among all numbers.
    #[test]
    fn the_wedges_and_the_tail_fit_too() {
        let all = draw(2_000_000);
        for (from, cells) in [(4.0, 256), (TAIL, 16)] {
            let beyond: Vec<_> = all.iter().filter(|x| **x >= from).collect();
            let expected = (-from).exp() * all.len() as f64;
            let off = (beyond.len() as f64 - expected) / expected.sqrt();
            assert!(off.abs() < 4.0, "{} beyond {from}", beyond.len());
            let misfit = misfit(beyond.iter().map(|x| 1.0 - (from - **x).exp()), cells);
            assert!(misfit.abs() < 4.0, "beyond {from}: {misfit}");
        }
    }

    #[test]
    fn the_share_passed_is_exact_on_both_sides_of_the_switch() {
        for x in [
            0.0,
            1e-300,
            1e-12,
            6.1e-5,
            6.103_515e-5,
            6.2e-5,
            0.5,
            3.0,
            40.0,
        ] {
            let (got, wanted) = (share_passed(x), -(-x).exp_m1());
            assert!(
                (got - wanted).abs() <= wanted * 3e-16,
                "{x}: {got} {wanted}"
            );
        }
    }
}
