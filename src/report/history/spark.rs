//! A series in one line of a terminal.

/// From low to high.
const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const ASCII: [char; 5] = ['_', '.', '-', '=', '#'];

/// A sparkline of at most `width` letters from least to greatest value; each letter is the mean of
/// the runs it stands for, a blank where none has a value.
pub(super) fn sparkline(values: &[f64], width: usize, unicode: bool) -> String {
    let letters: &[char] = if unicode { &BLOCKS } else { &ASCII };
    let bins = means(values, width);
    let known = || bins.iter().copied().filter(|v| v.is_finite());
    let (low, high) = known().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
        (low.min(v), high.max(v))
    });
    bins.iter()
        .map(|v| {
            if !v.is_finite() {
                return ' ';
            }
            // A series that never moved lies in the middle, not at its own extreme.
            let share = if high > low {
                (v - low) / (high - low)
            } else {
                0.5
            };
            letters[step(share, letters.len())]
        })
        .collect()
}

/// Which of `steps` equal parts of 0..=1 a share lies in.
fn step(share: f64, steps: usize) -> usize {
    (1..steps)
        .take_while(|&s| share >= s as f64 / steps as f64)
        .count()
}

/// At most `width` means of neighbouring values; NaN where there are none.
pub(in crate::report) fn means(values: &[f64], width: usize) -> Vec<f64> {
    let bins = values.len().min(width);
    (0..bins)
        .map(|i| {
            let part = &values[i * values.len() / bins..(i + 1) * values.len() / bins];
            let known: Vec<f64> = part.iter().copied().filter(|v| v.is_finite()).collect();
            known.iter().sum::<f64>() / known.len() as f64
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_is_low_the_greatest_high_and_a_gap_is_blank() {
        let values = [1.0, 2.0, f64::NAN, 8.0, 5.0];
        assert_eq!(sparkline(&values, 9, true), "▁▂ █▅");
        assert_eq!(sparkline(&values, 9, false), "__ #-");
        assert_eq!(sparkline(&[3.0; 4], 9, true), "▅▅▅▅");
        assert_eq!(sparkline(&[], 9, true), "");
        let long: Vec<f64> = (0..100).map(f64::from).collect();
        assert_eq!(sparkline(&long, 8, true), "▁▂▃▄▅▆▇█");
    }
}
