//! The tables of `ARCHITECTURE.md`, read as the rules they are.

use std::collections::BTreeSet;

/// Which module may import which, as the layer table says.
pub(crate) struct LayerTable {
    rows: Vec<Row>,
}

struct Row {
    layer: String,
    modules: Vec<String>,
    grants: Vec<Grant>,
}

/// One clause of a `may import` cell: `ground, facts` for every module of the row, or
/// `` `engine` → `protocol` `` for the modules before the arrow.
struct Grant {
    to: Vec<String>,
    layers: Vec<String>,
    paths: Vec<Vec<String>>,
}

impl LayerTable {
    /// Reads the table with the header `| layer | modules | job | may import |`.
    pub(crate) fn parse(markdown: &str) -> Self {
        let rows = table(markdown, &["layer", "modules", "job", "may import"])
            .into_iter()
            .map(|cells| {
                let modules = quoted(&cells[1]);
                let grants = cells[3].split(';').map(|c| Grant::parse(c, &modules));
                Row {
                    layer: cells[0].clone(),
                    grants: grants.collect(),
                    modules,
                }
            })
            .collect();
        Self { rows }
    }

    pub(crate) fn modules(&self) -> BTreeSet<&str> {
        let all = self.rows.iter().flat_map(|r| &r.modules);
        all.map(String::as_str).collect()
    }

    /// True when module `from` may name `path`, a path from the crate root.
    pub(crate) fn allows(&self, from: &str, path: &[String]) -> bool {
        let Some(row) = self
            .rows
            .iter()
            .find(|r| r.modules.iter().any(|m| m == from))
        else {
            return false;
        };
        let grants = row.grants.iter().filter(|g| g.to.iter().any(|m| m == from));
        let mut granted = grants.flat_map(|g| {
            let of_layers = self.rows.iter().filter(|r| g.layers.contains(&r.layer));
            let whole = of_layers.flat_map(|r| r.modules.iter().map(|m| vec![m.clone()]));
            whole.chain(g.paths.iter().cloned()).collect::<Vec<_>>()
        });
        granted.any(|g| path.starts_with(&g))
    }

    /// Grants that name no layer or module of the table, or one below the row they stand in.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (i, row) in self.rows.iter().enumerate() {
            let above = &self.rows[..=i];
            for grant in &row.grants {
                for layer in &grant.layers {
                    if !above.iter().any(|r| r.layer == *layer) {
                        faults.push(format!("row `{}`: no layer `{layer}` above it", row.layer));
                    }
                }
                for path in &grant.paths {
                    if !above.iter().any(|r| r.modules.contains(&path[0])) {
                        let module = path.join("::");
                        faults.push(format!(
                            "row `{}`: no module `{module}` above it",
                            row.layer
                        ));
                    }
                }
                for module in &grant.to {
                    if !row.modules.contains(module) {
                        faults.push(format!("row `{}`: `{module}` is not in it", row.layer));
                    }
                }
            }
        }
        faults
    }
}

impl Grant {
    fn parse(clause: &str, row_modules: &[String]) -> Self {
        let (to, what) = match clause.split_once('→') {
            Some((to, what)) => (quoted(to), what),
            None => (row_modules.to_vec(), clause),
        };
        let paths = quoted(what);
        let words = what.split([',', ' ']).map(str::trim);
        Self {
            to,
            layers: words
                .filter(|w| w.chars().all(char::is_alphabetic) && !w.is_empty())
                .map(str::to_owned)
                .collect(),
            paths: paths
                .iter()
                .map(|p| p.split("::").map(str::to_owned).collect())
                .collect(),
        }
    }
}

/// Libraries with one home: (crate, modules that may name it).
pub(crate) fn crate_homes(markdown: &str) -> Vec<(String, Vec<String>)> {
    table(markdown, &["library", "named only in"])
        .into_iter()
        .map(|cells| (quoted(&cells[0]).concat(), quoted(&cells[1])))
        .collect()
}

/// The rows of the Markdown table with this header, cell by cell; panics when there is none.
fn table(markdown: &str, header: &[&str]) -> Vec<Vec<String>> {
    let cells = |line: &str| -> Vec<String> {
        let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
        inner.split('|').map(|c| c.trim().to_owned()).collect()
    };
    let rows: Vec<Vec<String>> = markdown
        .lines()
        .skip_while(|line| cells(line) != header)
        .skip(2)
        .take_while(|line| line.trim_start().starts_with('|'))
        .map(cells)
        .collect();
    assert!(!rows.is_empty(), "ARCHITECTURE.md has a table {header:?}");
    for row in &rows {
        assert_eq!(row.len(), header.len(), "cells of {row:?}");
    }
    rows
}

/// The names between backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}
