//! Rectangles as SVG, in the colours of the page.

use super::tree::{Frame, Layout, MOST_ROWS, Node};
use super::{share, shown};
use crate::report::charts::Ink;
use crate::report::charts::change::clipped;
use crate::untrusted::Untrusted;

/// What a colour says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colouring {
    /// Whose code it is.
    Kind,
    /// How the share differs from before.
    Change,
}

/// Size of a drawing, in CSS pixels.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drawing {
    class: &'static str,
    width: f64,
    row: f64,
    letters: f64,
    /// Narrower frames are left out, in shares of the width.
    narrowest: f64,
    /// Frames become fewer until the drawing has that many bytes.
    most_bytes: usize,
}

/// Letters of a name in a tooltip.
const TITLE: usize = 160;
/// Change of a share at which the colour is strongest.
const FULL_CHANGE: f64 = 0.25;
/// Strongest fill on which text can still be read; a test of the palette holds it.
pub(in crate::report::charts) const FULL_FILL: f64 = 0.45;

impl Drawing {
    pub(super) const WIDE: Self = Self {
        class: "wide",
        width: 920.0,
        row: 18.0,
        letters: 11.0,
        narrowest: 0.0015,
        most_bytes: 80_000,
    };
    pub(super) const NARROW: Self = Self {
        class: "narrow",
        width: 360.0,
        row: 18.0,
        letters: 11.0,
        narrowest: 0.006,
        most_bytes: 20_000,
    };

    /// The `<svg>` element, and what is not in it in words.
    pub(super) fn draw(
        self,
        id: &str,
        (title, finding): (&str, &str),
        tree: &Node,
        colouring: Colouring,
    ) -> (String, String) {
        let tree = tree.clone().compact();
        let mut narrowest = self.narrowest;
        loop {
            let layout = tree.layout(narrowest);
            let body: String = layout
                .frames
                .iter()
                .map(|frame| self.frame(frame, layout.rows, colouring))
                .collect();
            if body.len() > self.most_bytes && narrowest < 0.5 {
                narrowest *= 1.5;
                continue;
            }
            let id = format!("{id}-{}", self.class);
            let svg = format!(
                "<svg class=\"{}\" viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\" \
                 font-size=\"{}\"><title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>{body}</svg>",
                self.class,
                self.width,
                self.row * layout.rows as f64,
                self.letters,
                Untrusted::from(title).markup(),
                Untrusted::from(finding).markup(),
            );
            return (svg, left_out(&layout, narrowest));
        }
    }

    fn frame(self, frame: &Frame<'_>, rows: usize, colouring: Colouring) -> String {
        let node = frame.node;
        let x = frame.from * self.width;
        let y = self.row * (rows - 1 - frame.row) as f64;
        // A pixel of the ground separates neighbours.
        let width = (node.now * self.width - 1.0).max(0.5);
        let (ink, opacity) = match colouring {
            _ if !frame.is_function => (Ink::Before, 0.15),
            Colouring::Kind => kind(&node.name),
            Colouring::Change => change(node),
        };
        let label = self.label(&node.name, width);
        let text = if label.is_empty() {
            String::new()
        } else {
            format!(
                "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"var(--{})\">{}</text>",
                x + 3.0,
                y + self.row * 0.72,
                Ink::Text.name(),
                Untrusted::from(label.as_str()).markup()
            )
        };
        format!(
            "<g><title>{}</title><rect x=\"{x:.1}\" y=\"{y}\" width=\"{width:.1}\" height=\"{}\" \
             fill=\"var(--{})\" fill-opacity=\"{opacity:.2}\"/>{text}</g>",
            Untrusted::from(tooltip(node).as_str()).markup(),
            self.row - 1.0,
            ink.name(),
        )
    }

    /// As much of a name as there is room for; its end says more than its beginning.
    fn label(self, name: &str, width: f64) -> String {
        const LEAST: usize = 3;
        let letters = (width - 6.0) / (self.letters * 0.56);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a float to integer cast saturates, and a width is at most a page"
        )]
        let room = letters.max(0.0) as usize;
        if name.chars().count() <= room {
            return name.to_owned();
        }
        if room < LEAST {
            return String::new();
        }
        clipped(last_part(name), room)
    }
}

/// `search::score` of `shop::search::score`: the last two parts of a path, generics apart.
fn last_part(name: &str) -> &str {
    let mut inside = 0_usize;
    let mut cuts = Vec::new();
    for (i, c) in name.char_indices() {
        match c {
            '<' | '(' | '[' | '{' => inside += 1,
            '>' | ')' | ']' | '}' => inside = inside.saturating_sub(1),
            ':' if inside == 0 && name[i..].starts_with("::") => cuts.push(i + 2),
            _ => {}
        }
    }
    match cuts.as_slice() {
        [.., cut, _] => &name[*cut..],
        _ => name,
    }
}

fn tooltip(node: &Node) -> String {
    let name = clipped(&shown(&node.name), TITLE);
    match node.before {
        None => format!("{name}: {} of samples", share(node.now)),
        Some(before) => format!(
            "{name}: {} of samples, before {}",
            share(node.now),
            share(before)
        ),
    }
}

/// Neighbours differ a little, and the same name is the same everywhere.
fn kind(name: &str) -> (Ink, f64) {
    let ink = if name.ends_with("_[k]") {
        Ink::Before
    } else {
        Ink::Warn
    };
    let hash = name
        .bytes()
        .fold(7_u32, |h, b| h.wrapping_mul(31).wrapping_add(u32::from(b)));
    (ink, 0.2 + 0.2 * f64::from(hash % 101) / 100.0)
}

fn change(node: &Node) -> (Ink, f64) {
    let change = node.now - node.before.unwrap_or(0.0);
    let strength = (change.abs() / FULL_CHANGE).min(1.0);
    let ink = if change > 0.0 { Ink::Bad } else { Ink::Now };
    (ink, 0.06 + (FULL_FILL - 0.06) * strength)
}

fn left_out(layout: &Layout<'_>, narrowest: f64) -> String {
    let mut words = String::new();
    if layout.too_narrow > 0 {
        words = format!(
            "Frames of less than {} of the samples are left out.",
            share(narrowest)
        );
    }
    if layout.too_deep > 0.0 {
        words += &format!(
            " {} of the samples go on above the {MOST_ROWS} rows drawn.",
            share(layout.too_deep)
        );
    }
    words.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Stacks;

    fn stacks(folded: &str) -> Stacks {
        Stacks::parse(folded).expect("folded stacks")
    }

    #[test]
    fn a_difference_in_full() {
        let now = stacks(
            "shop;main;parse 20\nshop;main;shop::json::serialize 62\nshop;main;read_[k] 18\n",
        );
        let before = stacks(
            "shop;main;parse 40\nshop;main;shop::json::serialize 24\nshop;main;read_[k] 36\n",
        );
        let (svg, left_out) = Drawing::NARROW.draw(
            "difference",
            (
                "What changed",
                "`serialize` has 62 % of samples, before 24 %.",
            ),
            &Node::of(&now, Some(&before)),
            Colouring::Change,
        );
        assert_eq!(left_out, "");
        roxmltree::Document::parse(&svg).expect("well-formed");
        insta::assert_snapshot!(svg.replace("<g>", "\n<g>"));
    }

    #[test]
    fn a_hostile_name_is_only_text() {
        let stacks = stacks("t;<script>alert('x')</script>\"&\u{202e}\u{1b} 5\n");
        let (svg, _) =
            Drawing::WIDE.draw("x", ("T<", "D&"), &Node::of(&stacks, None), Colouring::Kind);
        let document = roxmltree::Document::parse(&svg).expect("well-formed");
        assert!(document.descendants().all(|n| !n.has_tag_name("script")));
        assert!(!svg.contains(['\u{202e}', '\u{1b}']));
    }

    #[test]
    fn a_drawing_is_bounded_however_many_frames_there_are() {
        let name = "a_rather_long_name_of_a_function".repeat(4);
        let folded: String = (0..3_000)
            .map(|i| format!("t;main;{name}{};{name}{i} {}\n", i % 300, 1 + i % 7))
            .collect();
        let tree = Node::of(&stacks(&folded), None);
        for drawing in [Drawing::WIDE, Drawing::NARROW] {
            let (svg, left_out) = drawing.draw("x", ("T", "D"), &tree, Colouring::Kind);
            assert!(
                svg.len() < drawing.most_bytes + 1_000,
                "{} bytes",
                svg.len()
            );
            assert!(left_out.contains("are left out"), "{left_out}");
            assert!(svg.contains("main: 100 % of samples"));
        }
    }

    #[test]
    fn the_end_of_a_name_is_what_is_kept() {
        assert_eq!(last_part("shop::search::score"), "search::score");
        assert_eq!(last_part("a::b::c::{{closure}}"), "c::{{closure}}");
        assert_eq!(last_part("<a::B as c::D>::hash"), "<a::B as c::D>::hash");
        assert_eq!(last_part("operator()(int)"), "operator()(int)");
        assert_eq!(
            Drawing::WIDE.label("shop::search::score_all", 80.0),
            "search::sco…"
        );
        assert_eq!(Drawing::WIDE.label("main", 10.0), "");
    }
}
