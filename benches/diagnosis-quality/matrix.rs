//! What was injected against what was named.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::load::{Case, Told};

/// Shares of runs that must be right.
const RIGHT: f64 = 0.95;
const QUIET: f64 = 0.99;
const BOTH: f64 = 0.90;

/// Counts of one kind of case.
#[derive(Default)]
struct Row {
    runs: usize,
    right: usize,
    /// What was named first.
    first: BTreeMap<String, usize>,
}

pub(crate) struct Matrix(Vec<(String, f64, Row)>);

impl Matrix {
    pub(crate) fn of(cases: &[Case], told: &[Told], faults: &[(&str, &str)]) -> Self {
        let symptom = |fault: &str| {
            let entry = faults.iter().find(|(name, _)| *name == fault);
            entry.map_or(fault.to_owned(), |(_, symptom)| (*symptom).to_owned())
        };
        let mut rows: Vec<(String, f64, Row)> = Vec::new();
        for (case, told) in cases.iter().zip(told) {
            let (name, bound) = match case.faults.as_slice() {
                [] => ("healthy".to_owned(), QUIET),
                [one] => ((*one).to_owned(), RIGHT),
                _ => ("two at once".to_owned(), BOTH),
            };
            let at = rows.iter().position(|r| r.0 == name).unwrap_or_else(|| {
                rows.push((name, bound, Row::default()));
                rows.len() - 1
            });
            let row = &mut rows[at].2;
            row.runs += 1;
            let named: &[(String, String)] = match told {
                Told::Named(named) => named,
                Told::Broken(_) => {
                    *row.first.entry("(no run)".to_owned()).or_default() += 1;
                    continue;
                }
            };
            let loud = named.iter().filter(|(_, strength)| strength != "weak");
            let first = loud.clone().next().map_or("nothing", |(name, _)| name);
            let among = |fault: &&str| {
                named
                    .iter()
                    .take(3)
                    .any(|(name, _)| *name == symptom(fault))
            };
            let right = match case.faults.as_slice() {
                [] => loud.count() == 0,
                [one] => first == symptom(one),
                several => several.iter().all(among),
            };
            row.right += usize::from(right);
            *row.first.entry(first.to_owned()).or_default() += 1;
        }
        Self(rows)
    }

    pub(crate) fn is_within_bounds(&self) -> bool {
        self.0
            .iter()
            .all(|(_, bound, row)| row.right as f64 >= bound * row.runs as f64)
    }

    pub(crate) fn table(&self) -> String {
        let mut text = format!(
            "{:22} {:>9} {:>6}  named first\n",
            "injected", "right", "bound"
        );
        for (name, bound, row) in &self.0 {
            let mut first: Vec<_> = row.first.iter().collect();
            first.sort_by(|a, b| b.1.cmp(a.1));
            let first = first.iter().map(|(name, n)| format!("{name} {n}"));
            let first = first.collect::<Vec<_>>().join(", ");
            let right = format!("{}/{}", row.right, row.runs);
            let _ = writeln!(
                text,
                "{name:22} {right:>9} {:>5.0}%  {first}",
                bound * 100.0
            );
        }
        text
    }
}
