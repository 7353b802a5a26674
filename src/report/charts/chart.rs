//! A chart as the page takes it.

use serde::Serialize;

use super::Ink;
use super::canvas::{Canvas, Sheet};

/// A figure: two drawings, the finding in words, the key, the numbers.
#[derive(Debug, Clone, Serialize)]
pub(in crate::report) struct Chart {
    pub(in crate::report) id: &'static str,
    pub(in crate::report) title: String,
    /// What the drawing shows, in a sentence.
    pub(in crate::report) finding: String,
    pub(in crate::report) key: Vec<Key>,
    /// Markup, safe to insert.
    pub(in crate::report) drawings: Vec<String>,
    pub(in crate::report) head: Vec<String>,
    pub(in crate::report) rows: Vec<Vec<String>>,
    /// Where across the plot each row lies, from 0 at its left end to 1: what is told on pointing at it.
    /// Empty where rows do not lie across.
    pub(in crate::report) places: Vec<String>,
    /// How to read it; empty when it needs no words.
    pub(in crate::report) note: String,
}

/// One entry of the key.
#[derive(Debug, Clone, Serialize)]
pub(in crate::report) struct Key {
    pub(in crate::report) ink: &'static str,
    /// `line`, `dashed`, `dot`, `ring` or `area`.
    pub(in crate::report) shape: &'static str,
    pub(in crate::report) label: String,
}

impl Key {
    pub(in crate::report) fn new(ink: Ink, shape: &'static str, label: impl Into<String>) -> Self {
        Self {
            ink: ink.name(),
            shape,
            label: label.into(),
        }
    }
}

impl Chart {
    /// Places as the page takes them.
    pub(super) fn places(shares: impl IntoIterator<Item = f64>) -> Vec<String> {
        let shares = shares.into_iter();
        shares.map(|share| format!("{share:.4}")).collect()
    }

    /// Draws for the page and for a phone, each with its height in CSS pixels.
    pub(super) fn draw(&mut self, heights: [f64; 2], paint: impl Fn(&Canvas<'_>)) {
        self.drawings = Sheet::both(heights)
            .into_iter()
            .map(|sheet| Canvas::draw(sheet, self.id, (&self.title, &self.finding), &paint))
            .collect();
    }
}
