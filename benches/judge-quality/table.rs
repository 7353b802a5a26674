//! Sections of measures beside their bounds, printed as Markdown tables.

use std::fmt::Write as _;

/// What a number is, for printing.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// A share, shown in percent.
    Share,
    /// A number with so many decimals.
    Number(usize),
}

impl Kind {
    fn show(self, v: f64) -> String {
        match self {
            _ if v.is_nan() => "–".to_owned(),
            _ if v.is_infinite() => "never".to_owned(),
            Self::Share => format!("{:.1} %", 100.0 * v),
            Self::Number(decimals) => format!("{v:.decimals$}"),
        }
    }

    /// Two decimals of a percent where a bound has them.
    fn show_bound(self, v: f64) -> String {
        match self {
            Self::Share => format!("{} %", (1000.0 * v).round() / 10.0),
            Self::Number(_) => format!("{v}"),
        }
    }
}

/// What a measure of ours must be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Must {
    AtMost(f64),
    AtLeast(f64),
    /// Shown for information.
    Anything,
}

impl Must {
    /// False for NaN: what could not be measured is not met.
    fn is_met(self, v: f64) -> bool {
        match self {
            Self::AtMost(bound) => v <= bound,
            Self::AtLeast(bound) => v >= bound,
            Self::Anything => true,
        }
    }
}

/// A measure: ours first, then the rules beside it; NaN where a rule has no such thing.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) measure: String,
    pub(crate) kind: Kind,
    pub(crate) must: Must,
    pub(crate) values: Vec<f64>,
}

impl Row {
    pub(crate) fn share(measure: impl Into<String>, must: Must, values: Vec<f64>) -> Self {
        Self::of(measure, Kind::Share, must, values)
    }

    pub(crate) fn number(
        measure: impl Into<String>,
        decimals: usize,
        must: Must,
        values: Vec<f64>,
    ) -> Self {
        Self::of(measure, Kind::Number(decimals), must, values)
    }

    fn of(measure: impl Into<String>, kind: Kind, must: Must, values: Vec<f64>) -> Self {
        Self {
            measure: measure.into(),
            kind,
            must,
            values,
        }
    }

    fn is_met(&self) -> bool {
        self.values.first().is_some_and(|v| self.must.is_met(*v))
    }

    fn cells(&self, columns: usize) -> Vec<String> {
        let must = match self.must {
            Must::AtMost(b) => format!("≤ {}", self.kind.show_bound(b)),
            Must::AtLeast(b) => format!("≥ {}", self.kind.show_bound(b)),
            Must::Anything => String::new(),
        };
        let met = match self.must {
            Must::Anything => "",
            _ if self.is_met() => "yes",
            _ => "NO",
        };
        let mut cells = vec![self.measure.clone(), must, met.to_owned()];
        let shown = |i: usize| self.values.get(i).map_or(f64::NAN, |v| *v);
        cells.extend((0..columns).map(|i| self.kind.show(shown(i))));
        cells
    }
}

/// A table with the data it was measured on.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) title: String,
    /// Names of the rules, ours first.
    pub(crate) columns: Vec<&'static str>,
    pub(crate) rows: Vec<Row>,
}

impl Section {
    /// Measures of ours that miss their bound.
    pub(crate) fn missed(&self) -> Vec<&str> {
        self.rows
            .iter()
            .filter(|r| !r.is_met())
            .map(|r| r.measure.as_str())
            .collect()
    }

    pub(crate) fn show(&self) -> String {
        let mut head = vec!["measure".to_owned(), "must".to_owned(), "met".to_owned()];
        head.extend(self.columns.iter().map(ToString::to_string));
        let mut lines = vec![head];
        lines.extend(self.rows.iter().map(|r| r.cells(self.columns.len())));
        let widths: Vec<usize> = (0..lines[0].len())
            .map(|i| {
                lines
                    .iter()
                    .map(|l| l[i].chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let mut text = format!("{}\n\n", self.title);
        for (i, line) in lines.iter().enumerate() {
            text.push('|');
            for (cell, width) in line.iter().zip(&widths) {
                let _ = write!(text, " {cell:<width$} |");
            }
            text.push('\n');
            if i == 0 {
                for width in &widths {
                    let _ = write!(text, "|{}", "-".repeat(width + 2));
                }
                text.push_str("|\n");
            }
        }
        text
    }
}

pub(crate) fn share(hits: usize, of: usize) -> f64 {
    hits as f64 / of as f64
}
