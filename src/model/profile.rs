//! Where a target was in one round that was run for that alone: stacks, each with how often it was seen.
//!
//! A profiled round is no measurement. It is never judged, and its numbers stand in no comparison: only
//! the shares of its samples are looked at.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Arm;
use crate::units::Nanos;

/// Most different stacks that are kept.
const MOST_STACKS: usize = 20_000;
/// Most frames of a stack, and letters of a frame.
const MOST_FRAMES: usize = 256;
const MOST_LETTERS: usize = 300;

/// A frame that is known to be one and has no name.
pub const UNKNOWN: &str = "[unknown]";

/// Who looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profiler {
    /// `perf record`: functions of threads that run.
    Perf,
    /// `/proc`: which threads run, and what the others wait for in the kernel.
    Sampling,
}

/// How often each stack was seen. A stack begins with the name of its thread, then come its frames, the
/// outermost first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stacks(BTreeMap<Vec<String>, u64>);

/// How often a function was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Seen {
    /// As the innermost frame.
    pub own: u64,
    /// Anywhere in a stack, once each.
    pub total: u64,
}

/// One profiled round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    pub arm: Arm,
    pub profiler: Profiler,
    /// Why it was not `perf`, where that was wanted first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of_perf: Option<String>,
    /// Looks per second, at each thread or each CPU.
    pub per_second: f64,
    /// Time looked at.
    pub lasted: Nanos,
    /// Samples of stacks beyond those that are kept.
    pub left_out: u64,
    #[serde(skip)]
    pub stacks: Stacks,
}

/// An arm that has no profile, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unprofiled {
    pub arm: Arm,
    pub reason: String,
}

/// What was learned of a run by profiling afterwards.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Profiles {
    pub taken: Vec<Profile>,
    pub missing: Vec<Unprofiled>,
}

impl Profiles {
    pub fn is_empty(&self) -> bool {
        self.taken.is_empty() && self.missing.is_empty()
    }

    pub fn of(&self, arm: Arm) -> Option<&Profile> {
        self.taken.iter().find(|p| p.arm == arm)
    }
}

impl Stacks {
    /// Adds to a stack; false when it is one more than are kept.
    ///
    /// What stands between the frames of a folded stack is replaced within them.
    #[must_use]
    pub fn add(&mut self, frames: impl IntoIterator<Item = String>, samples: u64) -> bool {
        let mut stack: Vec<String> = frames.into_iter().map(|f| tidy(&f)).collect();
        if stack.is_empty() {
            stack.push(UNKNOWN.to_owned());
        }
        if stack.len() > MOST_FRAMES {
            // The thread stays, and what is nearest to the work.
            stack.drain(1..=stack.len() - MOST_FRAMES);
        }
        if self.0.len() >= MOST_STACKS && !self.0.contains_key(&stack) {
            return false;
        }
        let seen = self.0.entry(stack).or_default();
        *seen = seen.saturating_add(samples);
        true
    }

    /// The same with other names of frames; what then looks the same is counted together.
    pub fn renamed(&self, mut name: impl FnMut(&str) -> String) -> Self {
        let mut stacks = BTreeMap::<_, u64>::new();
        for (stack, samples) in &self.0 {
            let stack: Vec<_> = stack.iter().map(|frame| tidy(&name(frame))).collect();
            let seen = stacks.entry(stack).or_default();
            *seen = seen.saturating_add(*samples);
        }
        Self(stacks)
    }

    /// Every stack with its samples, in the order of its frames.
    pub fn iter(&self) -> impl Iterator<Item = (&[String], u64)> {
        self.0.iter().map(|(stack, n)| (stack.as_slice(), *n))
    }

    /// All samples.
    pub fn total(&self) -> u64 {
        self.0.values().fold(0, |sum, n| sum.saturating_add(*n))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How often each function was seen; names of threads are none.
    pub fn functions(&self) -> BTreeMap<&str, Seen> {
        let mut functions: BTreeMap<&str, Seen> = BTreeMap::new();
        for (stack, n) in &self.0 {
            let frames = stack.get(1..).unwrap_or_default();
            let once: BTreeSet<&str> = frames.iter().map(String::as_str).collect();
            for name in once {
                functions.entry(name).or_default().total += n;
            }
            if let Some(innermost) = frames.last() {
                functions.entry(innermost).or_default().own += n;
            }
        }
        functions
    }

    /// The folded form that flame graph tools read: `thread;outer;inner 12`, a line for each stack.
    pub fn folded(&self) -> String {
        let lines = self.0.iter();
        lines
            .map(|(stack, n)| format!("{} {n}\n", stack.join(";")))
            .collect()
    }

    /// Reads the folded form.
    ///
    /// # Errors
    /// The number of the first line that is none, from 1.
    pub fn parse(folded: &str) -> Result<Self, usize> {
        let mut stacks = Self::default();
        for (i, line) in folded.lines().enumerate() {
            let (stack, n) = line.rsplit_once(' ').ok_or(i + 1)?;
            let n: u64 = n.parse().map_err(|_| i + 1)?;
            let frames = stack.split(';').map(str::to_owned);
            if stack.is_empty() || !stacks.add(frames, n) {
                return Err(i + 1);
            }
        }
        Ok(stacks)
    }
}

fn tidy(frame: &str) -> String {
    let letters = frame.chars().map(|c| match c {
        ';' => ':',
        c if c.is_control() => ' ',
        c => c,
    });
    let tidy: String = letters.take(MOST_LETTERS).collect();
    match tidy.trim() {
        "" => UNKNOWN.to_owned(),
        trimmed => trimmed.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stacks(lines: &str) -> Stacks {
        Stacks::parse(lines).expect("folded stacks")
    }

    #[test]
    fn folded_stacks_are_read_as_they_are_written() {
        let mut stacks = Stacks::default();
        for (frames, n) in [
            (vec!["worker-*", "main", "<[u8; 4] as Hash>::hash"], 3),
            (vec!["worker-*", "main"], 2),
            (vec!["worker-*", "main"], 1),
            (vec!["odd\nname", " "], 1),
        ] {
            assert!(stacks.add(frames.into_iter().map(str::to_owned), n));
        }
        let folded = stacks.folded();
        assert_eq!(
            folded,
            "odd name;[unknown] 1\nworker-*;main 3\nworker-*;main;<[u8: 4] as Hash>::hash 3\n"
        );
        assert_eq!(Stacks::parse(&folded), Ok(stacks));
    }

    #[test]
    fn what_is_no_folded_stack_is_named_by_its_line() {
        for (text, line) in [("a;b 1\nc", 2), ("a;b x\n", 1), (" 3\n", 1), ("a -1\n", 1)] {
            assert_eq!(Stacks::parse(text), Err(line), "{text:?}");
        }
        assert!(stacks("").is_empty());
    }

    #[test]
    fn recursion_counts_once_and_threads_are_no_functions() {
        let stacks = stacks("t;main;walk;walk;hash 4\nt;main;walk 1\nt 5\n");
        let functions = stacks.functions();
        let seen = |own, total| Seen { own, total };
        assert_eq!(functions["walk"], seen(1, 5));
        assert_eq!(functions["hash"], seen(4, 4));
        assert_eq!(functions["main"], seen(0, 5));
        assert!(!functions.contains_key("t"));
        assert_eq!(stacks.total(), 10);
    }

    #[test]
    fn there_is_an_end_to_stacks_and_to_their_depth() {
        let mut stacks = Stacks::default();
        let deep = (0..1000).map(|i| i.to_string());
        assert!(stacks.add(deep, 1));
        let (stack, _) = stacks.iter().next().expect("one");
        assert_eq!(stack.len(), MOST_FRAMES);
        assert_eq!((stack[0].as_str(), stack[255].as_str()), ("0", "999"));
        let kept = (0..MOST_STACKS + 10).filter(|i| stacks.add([format!("s{i}")], 1));
        assert_eq!(kept.count(), MOST_STACKS - 1);
        assert!(stacks.add(["s1".to_owned()], 1), "known ones still count");
    }
}
