//! What the terminal can show: width, colour, letters; and how much the reader wants.

use anstyle::{AnsiColor, Style};

use crate::report::view::Tone;
use crate::report::words;

/// How much to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// The headline only.
    Quiet,
    Normal,
    /// Every row, the summary of both sides, the environment.
    Verbose,
}

/// The terminal, as the caller knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextStyle {
    /// Columns.
    pub width: usize,
    pub colour: bool,
    /// False: ASCII only.
    pub unicode: bool,
    pub verbosity: Verbosity,
}

impl Default for TextStyle {
    /// For files: 100 columns, no colour.
    fn default() -> Self {
        Self {
            width: 100,
            colour: false,
            unicode: true,
            verbosity: Verbosity::Normal,
        }
    }
}

impl TextStyle {
    /// The text in the letters the terminal has; before any alignment, as its width may change.
    pub fn letters(self, text: &str) -> String {
        if self.unicode {
            text.to_owned()
        } else {
            words::ascii(text)
        }
    }

    fn wear(self, style: Style, text: &str) -> String {
        if self.colour && !text.trim().is_empty() {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }

    /// Colours a text by its tone, beside the sign and the word that are always there.
    pub fn tone(self, tone: Tone, text: &str) -> String {
        let colour = match tone {
            Tone::Good => AnsiColor::Green,
            Tone::Warn => AnsiColor::Yellow,
            Tone::Bad => AnsiColor::Red,
            Tone::Plain => return text.to_owned(),
        };
        self.wear(colour.on_default(), text)
    }

    /// Makes a text stand out.
    pub fn strong(self, text: &str) -> String {
        self.wear(Style::new().bold(), text)
    }

    /// Has a text stand back.
    pub fn faint(self, text: &str) -> String {
        self.wear(Style::new().dimmed(), text)
    }
}
