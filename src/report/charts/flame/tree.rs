//! Stacks as a tree, and the tree as rectangles.

use std::collections::BTreeMap;

use crate::model::Stacks;

/// Frames on top of each other that are drawn.
pub(super) const MOST_ROWS: usize = 48;

/// A frame with all that was called from it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Node {
    pub(super) name: String,
    /// Share of the samples in it or below it.
    pub(super) now: f64,
    /// The same of the other side; None when there is none.
    pub(super) before: Option<f64>,
    children: Vec<Node>,
}

/// A node at its place.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Frame<'a> {
    pub(super) node: &'a Node,
    /// 0 is the root.
    pub(super) row: usize,
    /// In shares of the whole width.
    pub(super) from: f64,
    /// The name of a thread, or the root.
    pub(super) is_function: bool,
}

/// What is drawn, and what is not.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Layout<'a> {
    pub(super) frames: Vec<Frame<'a>>,
    pub(super) rows: usize,
    /// Frames that are too narrow, without those above them.
    pub(super) too_narrow: usize,
    /// Share of the samples that go on above the last row.
    pub(super) too_deep: f64,
}

/// A tree while it grows.
#[derive(Default)]
struct Growing<'s> {
    now: u64,
    before: u64,
    children: BTreeMap<&'s str, Growing<'s>>,
}

impl Node {
    /// The tree of one side, beside the other where there is one. Shares are those of each side's own
    /// samples, so that sides of different length compare.
    pub(super) fn of(now: &Stacks, before: Option<&Stacks>) -> Self {
        let mut root = Growing::default();
        for (stack, n) in now.iter() {
            root.add(stack, n, 0);
        }
        for (stack, n) in before.iter().flat_map(|b| b.iter()) {
            root.add(stack, 0, n);
        }
        let whole = |n: u64| (n.max(1)) as f64;
        let (all_now, all_before) = (whole(root.now), whole(root.before));
        root.grown("all", all_now, before.map(|_| all_before))
    }

    /// Places what is at least `narrowest` wide.
    pub(super) fn layout(&self, narrowest: f64) -> Layout<'_> {
        let mut layout = Layout::default();
        self.place(0, 0.0, narrowest, &mut layout);
        layout.rows = layout.frames.iter().map(|f| f.row + 1).max().unwrap_or(0);
        layout
    }

    fn place<'a>(&'a self, row: usize, from: f64, narrowest: f64, layout: &mut Layout<'a>) {
        if self.now <= 0.0 {
            return;
        }
        if self.now < narrowest {
            layout.too_narrow += 1;
            return;
        }
        if row >= MOST_ROWS {
            layout.too_deep += self.now;
            return;
        }
        layout.frames.push(Frame {
            node: self,
            row,
            from,
            is_function: row > 1,
        });
        let mut from = from;
        for child in &self.children {
            child.place(row + 1, from, narrowest, layout);
            from += child.now;
        }
    }

    fn depth(&self) -> usize {
        1 + self.children.iter().map(Self::depth).max().unwrap_or(0)
    }

    /// The same with frames in one that only ever come together, where the tree is too deep to be drawn.
    pub(super) fn compact(self) -> Self {
        if self.depth() <= MOST_ROWS {
            return self;
        }
        let Self { children, .. } = self;
        Self {
            // The root and the names of threads stay.
            children: children
                .into_iter()
                .map(|thread| Self {
                    children: thread.children.into_iter().map(Self::joined).collect(),
                    ..thread
                })
                .collect(),
            ..self
        }
    }

    fn joined(mut self) -> Self {
        let first = self.name.clone();
        let mut together = 1;
        while let [only] = self.children.as_slice()
            && same(only.now, self.now)
            && same(only.before.unwrap_or(0.0), self.before.unwrap_or(0.0))
        {
            let only = self.children.remove(0);
            together += 1;
            self.name = only.name;
            self.children = only.children;
        }
        if together > 1 {
            self.name = format!("{first} … {} ({together} frames)", self.name);
        }
        self.children = self.children.into_iter().map(Self::joined).collect();
        self
    }
}

fn same(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

impl<'s> Growing<'s> {
    fn add(&mut self, stack: &'s [String], now: u64, before: u64) {
        self.now += now;
        self.before += before;
        if let Some((first, rest)) = stack.split_first() {
            let child = self.children.entry(first).or_default();
            child.add(rest, now, before);
        }
    }

    fn grown(self, name: &str, all_now: f64, all_before: Option<f64>) -> Node {
        let children = self.children.into_iter();
        Node {
            name: name.to_owned(),
            now: self.now as f64 / all_now,
            before: all_before.map(|all| self.before as f64 / all),
            children: children
                .map(|(name, child)| child.grown(name, all_now, all_before))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stacks(folded: &str) -> Stacks {
        Stacks::parse(folded).expect("folded stacks")
    }

    fn shown(layout: &Layout<'_>) -> String {
        let frames = layout.frames.iter().map(|f| {
            let before = f
                .node
                .before
                .map_or(String::new(), |b| format!(" ({b:.2})"));
            format!(
                "{} {:.2}+{:.2}{before} {}\n",
                f.row, f.from, f.node.now, f.node.name
            )
        });
        frames.collect()
    }

    #[test]
    fn siblings_stand_in_order_and_widths_are_shares_of_now() {
        let now = stacks("t;main;b 3\nt;main;a 6\nt;main 1\n");
        let before = stacks("t;main;b 10\nt;main;a 5\nt;main;gone 5\n");
        let tree = Node::of(&now, Some(&before));
        assert_eq!(
            shown(&tree.layout(0.0)),
            "0 0.00+1.00 (1.00) all\n\
             1 0.00+1.00 (1.00) t\n\
             2 0.00+1.00 (1.00) main\n\
             3 0.00+0.60 (0.25) a\n\
             3 0.60+0.30 (0.50) b\n"
        );
        let narrow = tree.layout(0.4);
        assert_eq!(
            (narrow.frames.len(), narrow.too_narrow, narrow.rows),
            (4, 1, 4)
        );
    }

    #[test]
    fn a_side_without_samples_has_no_shares() {
        let tree = Node::of(&Stacks::default(), None);
        assert!(tree.layout(0.0).frames.is_empty());
        let tree = Node::of(&stacks("t;f 1\n"), Some(&Stacks::default()));
        assert_eq!(tree.before, Some(0.0));
    }

    #[test]
    fn frames_that_only_come_together_are_one_when_there_are_too_many() {
        let chain: Vec<String> = (0..60).map(|i| format!("f{i}")).collect();
        let chain = chain.join(";");
        let folded = format!("t;{chain};a;x 2\nt;{chain};b 1\n");
        let tree = Node::of(&stacks(&folded), None);
        assert!(tree.layout(0.0).too_deep > 0.99);
        let tree = tree.compact();
        assert_eq!(
            shown(&tree.layout(0.0)),
            "0 0.00+1.00 all\n1 0.00+1.00 t\n2 0.00+1.00 f0 … f59 (60 frames)\n\
             3 0.00+0.67 a … x (2 frames)\n3 0.67+0.33 b\n"
        );
        let short = Node::of(&stacks("t;a;b 1\n"), None);
        assert_eq!(short.clone().compact(), short, "it can be drawn as it is");
    }
}
