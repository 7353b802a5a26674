//! Text tables aligned by display width, which give up columns rather than wrap.

use unicode_width::UnicodeWidthStr;

/// Which edge the cells of a column share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// A column; the one with the greatest `spare` goes first when space is short, 0 never goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Column {
    pub(super) title: &'static str,
    pub(super) align: Align,
    pub(super) spare: u8,
}

impl Column {
    pub(super) const fn left(title: &'static str) -> Self {
        Self {
            title,
            align: Align::Left,
            spare: 0,
        }
    }

    pub(super) const fn right(title: &'static str) -> Self {
        Self {
            title,
            align: Align::Right,
            spare: 0,
        }
    }

    pub(super) const fn spare(mut self, spare: u8) -> Self {
        self.spare = spare;
        self
    }
}

/// Rows of plain cells, laid out by [`Table::lay_out`].
#[derive(Debug, Clone)]
pub(super) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
}

/// Two blanks between columns.
const GAP: usize = 2;

/// Columns a text takes in a terminal.
pub fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

impl Table {
    pub(super) fn new(columns: &[Column]) -> Self {
        Self {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    pub(super) fn row(&mut self, cells: Vec<String>) {
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells);
    }

    /// True when no column would have to go.
    pub(super) fn fits(&self, limit: usize) -> bool {
        self.columns_that_fit(usize::MAX) == self.columns_that_fit(limit)
            && self
                .columns_that_fit(limit)
                .iter()
                .map(|&c| self.width_of(c) + GAP)
                .sum::<usize>()
                <= limit + GAP
    }

    /// The lines, heading first, each at most `width` columns if dropping spare columns can do it.
    /// `paint` styles a padded cell: (row, column title, text).
    pub(super) fn lay_out(
        &self,
        limit: usize,
        paint: impl Fn(Option<usize>, &str, String) -> String,
    ) -> Vec<String> {
        let kept = self.columns_that_fit(limit);
        let line = |row: Option<usize>, cell: &dyn Fn(usize) -> String| {
            // Nothing is painted behind the last text: blanks with colour cannot be trimmed.
            let last = kept.iter().copied().rfind(|&c| !cell(c).trim().is_empty());
            let cells: Vec<_> = kept
                .iter()
                .take_while(|&&c| last.is_some_and(|last| c <= last))
                .map(|&c| {
                    let text = cell(c);
                    let blank = " ".repeat(self.width_of(c).saturating_sub(width(&text)));
                    let padded = match self.columns[c].align {
                        Align::Right => blank + &text,
                        Align::Left if Some(c) == last => text,
                        Align::Left => text + &blank,
                    };
                    paint(row, self.columns[c].title, padded)
                })
                .collect();
            cells.join(&" ".repeat(GAP)).trim_end().to_owned()
        };
        let head = line(None, &|c| self.columns[c].title.to_owned());
        std::iter::once(head)
            .chain((0..self.rows.len()).map(|r| line(Some(r), &|c| self.rows[r][c].clone())))
            .collect()
    }

    fn width_of(&self, column: usize) -> usize {
        self.rows
            .iter()
            .map(|r| width(&r[column]))
            .fold(width(self.columns[column].title), usize::max)
    }

    fn columns_that_fit(&self, limit: usize) -> Vec<usize> {
        let said = |c: &usize| {
            self.columns[*c].title.starts_with(' ') || self.rows.iter().any(|r| !r[*c].is_empty())
        };
        let mut kept: Vec<usize> = (0..self.columns.len()).filter(said).collect();
        loop {
            let widths: usize = kept.iter().map(|&c| self.width_of(c) + GAP).sum();
            if widths.saturating_sub(GAP) <= limit {
                return kept;
            }
            let spare = |&i: &usize| self.columns[kept[i]].spare;
            match (0..kept.len()).filter(|i| spare(i) > 0).max_by_key(spare) {
                Some(i) => kept.remove(i),
                None => return kept,
            };
        }
    }
}

/// Breaks a text at blanks into lines of at most `limit` columns; a longer word stands alone, and
/// a number stays with its unit.
pub fn wrap(text: &str, limit: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in words(text) {
        if !line.is_empty() && width(&line) + 1 + width(&word) > limit {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    lines.push(line);
    lines
}

/// Breaks the lines of a text that are wider than `limit`. What is left of a line stands below its second
/// column where it has columns, otherwise below its beginning; a word is never broken.
pub fn fold(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let bare = line.trim_end_matches('\n');
        if width(bare) <= limit {
            out.push_str(line);
            continue;
        }
        let (head, rest) = bare.split_at(hang(bare, limit));
        let blank = " ".repeat(width(head));
        let parts = wrap(rest, limit.saturating_sub(width(head)));
        for (i, part) in parts.iter().enumerate() {
            if i > 0 {
                out.push('\n');
            }
            let line = match i {
                0 => format!("{head}{part}"),
                _ => format!("{blank}{}", part.trim_start()),
            };
            out.push_str(line.trim_end());
        }
        out.push_str(&line[bare.len()..]);
    }
    out
}

/// Bytes of a line that stand before what may be broken.
fn hang(line: &str, limit: usize) -> usize {
    let indent = line.len() - line.trim_start_matches(' ').len();
    let columns = line[indent..].find("  ").map(|gap| {
        let after = &line[indent + gap..];
        line.len() - after.trim_start_matches(' ').len()
    });
    columns
        .filter(|at| width(&line[..*at]) <= limit / 2)
        .unwrap_or(indent)
}

fn words(text: &str) -> Vec<String> {
    let is_unit = |word: &str| {
        let bare = word.trim_end_matches([',', ';', ')', ':', '.']);
        matches!(
            bare,
            "%" | "pp" | "ns" | "us" | "µs" | "ms" | "s" | "KiB" | "MiB" | "cores"
        )
    };
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match words.last_mut() {
            Some(last) if is_unit(word) && last.ends_with(|c: char| c.is_ascii_digit()) => {
                last.push(' ');
                last.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(_: Option<usize>, _: &str, text: String) -> String {
        text
    }

    #[test]
    fn columns_align_by_width_and_spare_ones_go_first() {
        let mut t = Table::new(&[
            Column::left("step"),
            Column::right("p50").spare(1),
            Column::right("p99"),
        ]);
        t.row(vec!["支払い".into(), "8 ms".into(), "41 ms".into()]);
        t.row(vec!["browse".into(), "12 ms".into(), "9 ms".into()]);
        insta::assert_snapshot!(t.lay_out(40, plain).join("\n"), @r"
        step      p50    p99
        支払い   8 ms  41 ms
        browse  12 ms   9 ms
        ");
        insta::assert_snapshot!(t.lay_out(15, plain).join("\n"), @r"
        step      p99
        支払い  41 ms
        browse   9 ms
        ");
    }

    #[test]
    fn a_wide_line_goes_on_below_its_second_column() {
        let text = "name\n  target     one two three four\nwithout columns it is only broken\n\
                    endlessincomprehensibletext\n";
        let expect = "name\n  target     one two three\n             four\nwithout columns it is only\n\
                      broken\nendlessincomprehensibletext\n";
        assert_eq!(fold(text, 26), expect);
        assert_eq!(fold("a b", 2), "a\nb");
    }

    #[test]
    fn text_wraps_at_blanks() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("it took 98 % of", 11), ["it took", "98 % of"]);
        assert_eq!(
            wrap("incomprehensible it is", 5),
            ["incomprehensible", "it is"]
        );
    }
}
