//! Flame graphs: how many samples were in which function, called by which.
//!
//! Drawn by our own hand and not over the canvas of the other charts: each frame bears its words as a
//! tooltip that needs no script. The root is at the bottom, siblings are in the order of their names, so
//! that two graphs can be laid beside each other, and a frame is as wide as its share of the samples.

mod draw;
mod tree;

use crate::model::Stacks;
use crate::report::view::{FunctionRow, ProfileView, SideView};
use crate::untrusted::Untrusted;

use super::Ink;
use super::chart::{Chart, Key};
#[cfg(test)]
pub(super) use draw::FULL_FILL;
use draw::{Colouring, Drawing};
use tree::Node;

/// Rows of the table beside a graph.
const FUNCTIONS: usize = 12;

/// A graph of each side, and where both were profiled what grew and shrank first.
pub(in crate::report) fn flame_graphs(profile: &ProfileView) -> Vec<Chart> {
    let now = profile.now.iter().map(|side| graph("flame-now", side));
    let before = profile
        .before
        .iter()
        .map(|side| graph("flame-before", side));
    let difference = profile
        .compared()
        .map(|(before, now)| difference(profile, before, now));
    difference.into_iter().chain(now).chain(before).collect()
}

fn graph(id: &'static str, side: &SideView) -> Chart {
    let title = format!("Where the time went {}", side.arm.name());
    let rows = side.functions(FUNCTIONS);
    let finding = match rows.first() {
        Some((name, seen)) => format!(
            "Most samples ended in `{}`: {} of {}.",
            name.terminal(),
            share(seen.own),
            side.samples_in_words()
        ),
        None => format!("No function is known of {}.", side.samples_in_words()),
    };
    let tree = Node::of(&side.stacks, None);
    let (drawings, note) = drawn(id, (&title, &finding), &tree, Colouring::Kind);
    Chart {
        id,
        title,
        finding,
        key: vec![
            Key::new(Ink::Warn, "area", "the target's own"),
            Key::new(Ink::Before, "area", "kernel"),
        ],
        drawings,
        head: ["function", "of samples", "itself"]
            .map(String::from)
            .to_vec(),
        rows: rows
            .into_iter()
            .map(|(name, seen)| vec![name.terminal(), share(seen.total), share(seen.own)])
            .collect(),
        places: Vec::new(),
        note,
    }
}

fn difference(profile: &ProfileView, before: &Stacks, now: &Stacks) -> Chart {
    let id = "flame-difference";
    let title = "What changed".to_owned();
    let finding = profile.finding.terminal();
    let tree = Node::of(now, Some(before));
    let (drawings, note) = drawn(id, (&title, &finding), &tree, Colouring::Change);
    Chart {
        id,
        title,
        finding,
        key: vec![
            Key::new(Ink::Bad, "area", "greater share than before"),
            Key::new(Ink::Now, "area", "smaller share"),
        ],
        drawings,
        head: FunctionRow::HEAD.map(String::from).to_vec(),
        rows: profile
            .functions
            .iter()
            .map(|f| f.cells(&f.name.terminal()).to_vec())
            .collect(),
        places: Vec::new(),
        note: format!(
            "Widths are shares of now, colours how they differ from before; what is gone now has no width \
             and is in the numbers. {note}"
        ),
    }
}

fn drawn(
    id: &str,
    words: (&str, &str),
    tree: &Node,
    colouring: Colouring,
) -> (Vec<String>, String) {
    let drawings = [Drawing::WIDE, Drawing::NARROW].map(|d| d.draw(id, words, tree, colouring));
    let note = format!(
        "Point at a frame for its name and shares. {}",
        drawings[0].1
    );
    (drawings.into_iter().map(|(svg, _)| svg).collect(), note)
}

fn share(of: f64) -> String {
    crate::units::Unit::Share.format(of)
}

/// A name of outside in words of ours.
fn shown(name: &str) -> String {
    Untrusted::from(name).terminal()
}
