//! A line put together from pieces and never wider than its terminal; bars, and rows of small columns.

use crate::report::{TextStyle, Tone, width};

/// Columns of a label at the beginning of a line.
const LABEL: usize = 10;

/// Between two pieces.
const GAP: &str = "  ";

/// How a piece looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    Strong,
    Faint,
    Warn,
    Bad,
}

/// A line that grows from the left.
#[derive(Debug, Clone)]
pub(super) struct Line {
    style: TextStyle,
    text: String,
    used: usize,
    /// The next piece stands apart from the last one.
    apart: bool,
}

impl Line {
    pub(super) fn new(style: TextStyle) -> Self {
        Self {
            style,
            text: String::new(),
            used: 0,
            apart: false,
        }
    }

    /// A line that begins with a label in a column of its own.
    pub(super) fn labelled(style: TextStyle, label: &str) -> Self {
        let mut line = Self::new(style);
        line.column(Ink::Faint, label, LABEL);
        line
    }

    /// Columns that are left.
    pub(super) fn room(&self) -> usize {
        self.style.width.saturating_sub(self.used)
    }

    /// Adds a piece, as much of it as fits.
    pub(super) fn put(&mut self, ink: Ink, text: &str) {
        let text = cut(&self.style.letters(text), self.room());
        self.used += width(&text);
        self.apart = true;
        self.text.push_str(&match ink {
            Ink::Plain => text,
            Ink::Strong => self.style.strong(&text),
            Ink::Faint => self.style.faint(&text),
            Ink::Warn => self.style.tone(Tone::Warn, &text),
            Ink::Bad => self.style.tone(Tone::Bad, &text),
        });
    }

    /// Adds a piece after a gap if the whole of it fits, and tells whether it did.
    pub(super) fn add(&mut self, ink: Ink, text: &str) -> bool {
        let gap = if self.apart { GAP } else { "" };
        let fits = width(&self.style.letters(text)) + gap.len() <= self.room();
        if fits {
            self.put(Ink::Plain, gap);
            self.put(ink, text);
        }
        fits
    }

    /// Adds a piece in a column of its own.
    pub(super) fn column(&mut self, ink: Ink, text: &str, columns: usize) {
        self.put(ink, &fill(&self.style.letters(text), columns));
        self.apart = false;
    }

    /// Adds a piece at the right edge if the whole of it fits, and tells whether it did.
    pub(super) fn right(&mut self, ink: Ink, text: &str) -> bool {
        let wide = width(&self.style.letters(text));
        let fits = wide + GAP.len() <= self.room();
        if fits {
            self.put(Ink::Plain, &" ".repeat(self.room() - wide));
            self.put(ink, text);
        }
        fits
    }

    pub(super) fn finish(self) -> String {
        self.text.trim_end().to_owned()
    }
}

/// The text with blanks up to so many columns.
fn fill(text: &str, columns: usize) -> String {
    let blanks = columns.saturating_sub(width(text));
    text.to_owned() + &" ".repeat(blanks)
}

/// As much of the text as so many columns hold.
pub(super) fn cut(text: &str, columns: usize) -> String {
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let wide = width(c.encode_utf8(&mut [0; 4]));
        if used + wide > columns {
            break;
        }
        used += wide;
        out.push(c);
    }
    out
}

/// A bar of so many columns, a share of it full.
pub(super) fn bar(share: f64, columns: usize) -> (String, String) {
    let full = whole(share.clamp(0.0, 1.0) * columns as f64).min(columns);
    ("█".repeat(full), "░".repeat(columns - full))
}

/// Values as columns of one letter, the latest at the right end, against the greatest that is shown:
/// `×` where there is none and something failed, a blank where there was nothing.
pub(super) fn row(
    values: impl DoubleEndedIterator<Item = (Option<f64>, bool)>,
    columns: usize,
) -> String {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let mut shown: Vec<_> = values.rev().take(columns).collect();
    shown.reverse();
    let greatest = shown.iter().filter_map(|(v, _)| *v).fold(0.0, f64::max);
    let letter = |&(value, is_dead): &(Option<f64>, bool)| match value {
        Some(v) if greatest > 0.0 => {
            let level = whole((v / greatest * LEVELS.len() as f64).ceil());
            LEVELS[level.clamp(1, LEVELS.len()) - 1]
        }
        Some(_) => LEVELS[0],
        None if is_dead => '×',
        None => ' ',
    };
    shown.iter().map(letter).collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "columns of a terminal, and a float to integer cast saturates"
)]
fn whole(v: f64) -> usize {
    v as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(width: usize, unicode: bool) -> TextStyle {
        TextStyle {
            width,
            unicode,
            ..TextStyle::default()
        }
    }

    #[test]
    fn a_line_is_cut_at_its_width_and_leaves_out_what_does_not_fit() {
        let mut line = Line::labelled(style(23, true), "errors");
        assert!(line.add(Ink::Plain, "6 of 1,200"));
        assert!(!line.add(Ink::Bad, "refused"));
        line.put(Ink::Plain, " 支払い");
        assert_eq!(line.finish(), "errors    6 of 1,200 支");
    }

    #[test]
    fn what_stands_at_the_right_edge_ends_there() {
        let mut line = Line::new(style(20, false));
        line.put(Ink::Plain, "≥ 1");
        assert!(line.right(Ink::Faint, "0:36"));
        assert!(!line.right(Ink::Faint, "x"), "there is no room left");
        assert_eq!(line.finish(), ">= 1            0:36");
    }

    #[test]
    fn a_bar_is_as_full_as_its_share() {
        let bar = |share| {
            let (full, empty) = bar(share, 4);
            full + &empty
        };
        assert_eq!(
            [bar(0.0), bar(0.5), bar(0.99), bar(7.0)].join(" "),
            "░░░░ ██░░ ███░ ████"
        );
    }

    #[test]
    fn a_row_is_scaled_to_the_greatest_that_is_shown() {
        let row = |values: &[f64], columns| {
            let values = values
                .iter()
                .map(|v| (v.is_finite().then_some(*v), v.is_nan()));
            row(values, columns)
        };
        assert_eq!(row(&[1.0, 2.0, 4.0, 8.0], 9), "▁▂▄█");
        assert_eq!(row(&[100.0, 1.0, 2.0, 4.0, 8.0], 4), "▁▂▄█");
        assert_eq!(row(&[0.0, f64::NAN, f64::INFINITY, 3.0], 9), "▁× █");
        assert_eq!(row(&[0.0, 0.0], 9), "▁▁");
    }
}
