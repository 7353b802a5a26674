//! What `perf script` prints, folded: a line for the thread, a line for each frame, an empty line.
//!
//! ```text
//! worker-1 4711
//!          17afe97 shop::search::score (/srv/shop)
//!     ffffffff821ed511 do_syscall_64 ([kernel.kallsyms])
//! ```

use super::super::parse::process::pool_name;
use super::Taken;
use crate::model::{Stacks, UNKNOWN};

/// Stacks of which some lines were read.
#[derive(Debug, Default)]
pub(super) struct Folding {
    stacks: Stacks,
    left_out: u64,
    thread: Option<String>,
    /// The innermost first, as they are printed.
    frames: Vec<String>,
}

impl Folding {
    /// Takes in the next line, without its end.
    pub(super) fn line(&mut self, line: &str) {
        if line.trim().is_empty() {
            self.end_stack();
            return;
        }
        match frame(line) {
            Some(Frame::Function(name)) if !is_repeated(&self.frames, &name) => {
                self.frames.push(name);
            }
            Some(_) => {}
            None => {
                self.end_stack();
                self.thread = Some(thread(line));
            }
        }
    }

    pub(super) fn finish(mut self) -> Taken {
        self.end_stack();
        Taken {
            stacks: self.stacks,
            left_out: self.left_out,
            looks: None,
        }
    }

    fn end_stack(&mut self) {
        let mut frames = std::mem::take(&mut self.frames);
        let Some(thread) = self.thread.take() else {
            return;
        };
        // Where unwinding ended in nothing, nothing is told.
        while frames.len() > 1 && frames.last().is_some_and(|f| f == UNKNOWN) {
            frames.pop();
        }
        let stack = [thread].into_iter().chain(frames.into_iter().rev());
        if !self.stacks.add(stack, 1) {
            self.left_out += 1;
        }
    }
}

/// A place without a name that follows another says no more than one.
fn is_repeated(frames: &[String], frame: &String) -> bool {
    frame.starts_with('[') && frames.last() == Some(frame)
}

/// `worker-1 4711`: threads of one pool have one name.
fn thread(line: &str) -> String {
    let line = line.trim();
    let name = match line.rsplit_once(' ') {
        Some((name, id)) if id.bytes().all(|b| b.is_ascii_digit() || b == b'/') => name,
        _ => line,
    };
    pool_name(name.trim())
}

/// What a line tells of a stack.
enum Frame {
    Function(String),
    /// Unwinding came to no caller.
    End,
}

/// None for a line that tells of no frame.
fn frame(line: &str) -> Option<Frame> {
    let rest = line.strip_prefix([' ', '\t'])?.trim();
    let (address, rest) = rest.split_once(' ')?;
    let address = u64::from_str_radix(address, 16).ok()?;
    let rest = rest.strip_suffix(')')?;
    let rest = rest.strip_suffix(" (deleted)").unwrap_or(rest);
    // Symbols and paths may hold parentheses; a path begins at the root, and a mark in brackets.
    let paths = rest.split_once(" (/").map(|(symbol, _)| symbol.len());
    let (symbol, object) = match paths {
        Some(end) => (&rest[..end], &rest[end + 2..]),
        None => rest.rsplit_once(" (")?,
    };
    if address == u64::MAX {
        return Some(Frame::End);
    }
    let in_kernel = address >> 63 == 1;
    let name = match (symbol, object) {
        (UNKNOWN, UNKNOWN) => UNKNOWN.to_owned(),
        (UNKNOWN, object) => {
            let file = object.rsplit('/').next().unwrap_or(object);
            format!("[{}]", file.trim_matches(['[', ']']))
        }
        (symbol, _) => without_hash(symbol).to_owned(),
    };
    Some(Frame::Function(if in_kernel {
        name + KERNEL
    } else {
        name
    }))
}

/// Marks a function of the kernel, as other tools do.
pub(super) const KERNEL: &str = "_[k]";

/// Without what tells two builds of one Rust function apart: `::h0123456789abcdef`.
fn without_hash(symbol: &str) -> &str {
    const DIGITS: usize = 16;
    match symbol.rsplit_once("::h") {
        Some((path, hash))
            if hash.len() == DIGITS && hash.bytes().all(|b| b.is_ascii_hexdigit()) =>
        {
            path
        }
        _ => symbol,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(script: &str) -> String {
        let mut folding = Folding::default();
        script.lines().for_each(|line| folding.line(line));
        let taken = folding.finish();
        assert_eq!(taken.left_out, 0);
        taken.stacks.folded()
    }

    #[test]
    fn what_perf_printed_of_the_demo_target() {
        insta::assert_snapshot!(folded(include_str!(
            "../../../tests/data/profile/demo.script"
        )));
    }

    #[test]
    fn what_perf_printed_of_python() {
        insta::assert_snapshot!(folded(include_str!(
            "../../../tests/data/profile/python.script"
        )));
    }

    #[test]
    fn names_of_threads_and_places_may_be_anything() {
        let script = "Web Content 12 4711 \n\
                      \t   17afe97 operator()(int, char (*)[3]) (/srv/a (b)/shop (deleted))\n\
                      \t   17afe98 core::hash::h0123456789abcdef (/srv/shop)\n\
                      \t       be5 [unknown] ([vdso])\n\
                      \t       be6 [unknown] ([vdso])\n\
                      \tffffffffffffffff [unknown] ([unknown])\n\
                      \n\
                      :-1 -1 \n\
                      \tffffffff81000130 [unknown] ([nf_tables])\n";
        assert_eq!(
            folded(script),
            ":-1 -*;[nf_tables]_[k] 1\n\
             Web Content *;[vdso];core::hash;operator()(int, char (*)[3]) 1\n"
        );
    }

    #[test]
    fn what_is_cut_anywhere_is_still_read() {
        let whole = include_str!("../../../tests/data/profile/demo.script");
        for end in (0..whole.len()).step_by(97) {
            if let Some(part) = whole.get(..end) {
                let mut folding = Folding::default();
                part.lines().for_each(|line| folding.line(line));
                let heads = part.lines().filter(|l| l.starts_with("plimsoll")).count();
                assert!(folding.finish().stacks.total() <= heads as u64 + 1);
            }
        }
    }
}
