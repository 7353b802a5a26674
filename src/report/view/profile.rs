//! What rounds showed that were run again under a profiler, ready to be told.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Arm, Profile, Profiler, Profiles, Seen, Stacks};
use crate::report::words;
use crate::units::Unit;
use crate::untrusted::Untrusted;

/// Functions that are told.
const FUNCTIONS: usize = 15;
/// A share of stacks with a single function from which on it is said that callers are not known.
const MOSTLY: f64 = 0.5;

/// Standard errors by which a share must have grown to be spoken of: among hundreds of functions some
/// differ by two for no reason.
const BEYOND_CHANCE: f64 = 3.0;

/// One side that was profiled.
#[derive(Debug, Clone)]
pub(in crate::report) struct SideView {
    pub(in crate::report) arm: Arm,
    profiler: Profiler,
    samples: u64,
    per_second: f64,
    seconds: f64,
    left_out: u64,
    instead_of_perf: Option<Untrusted>,
    pub(in crate::report) stacks: Stacks,
}

/// Shares of a function on one side.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(in crate::report) struct Shares {
    pub(in crate::report) total: f64,
    pub(in crate::report) own: f64,
}

/// A function on both sides.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::report) struct FunctionRow {
    pub(in crate::report) name: Untrusted,
    pub(in crate::report) now: Shares,
    /// None where only one side was profiled.
    pub(in crate::report) before: Option<Shares>,
    /// What each share has grown by at least, chance taken off; negative where it may be chance.
    grown: Shares,
}

/// All that is told of profiles.
#[derive(Debug, Clone)]
pub(in crate::report) struct ProfileView {
    pub(in crate::report) now: Option<SideView>,
    pub(in crate::report) before: Option<SideView>,
    /// Those whose share has grown most first; of one side alone those with the greatest.
    pub(in crate::report) functions: Vec<FunctionRow>,
    /// `` `serialize` has 31 % of samples, before 12 %. ``
    pub(in crate::report) finding: Untrusted,
    /// How it was looked, what that can tell and what not.
    pub(in crate::report) about: Vec<Untrusted>,
}

impl ProfileView {
    /// None when nothing was to be profiled.
    pub(super) fn new(profiles: &Profiles) -> Option<Self> {
        if profiles.is_empty() {
            return None;
        }
        let side = |arm| profiles.of(arm).map(SideView::new);
        let mut view = Self {
            now: side(Arm::Now),
            before: side(Arm::Before),
            functions: Vec::new(),
            finding: Untrusted::default(),
            about: Vec::new(),
        };
        view.functions = view.rows();
        view.finding = Untrusted::new(view.found());
        let sides = [&view.now, &view.before];
        let mut about: Vec<String> = sides.into_iter().flatten().map(SideView::about).collect();
        about.extend(view.used_more());
        if let Some(side) = view.now.as_ref().or(view.before.as_ref()) {
            about.push(side.limits());
        }
        let missing = profiles.missing.iter();
        about.extend(missing.map(|m| format!("No profile of `{}`: {}.", m.arm.name(), m.reason)));
        view.about = about.into_iter().map(Untrusted::new).collect();
        Some(view)
    }

    /// Before and now, where the same was looked at on both sides.
    pub(in crate::report) fn compared(&self) -> Option<(&Stacks, &Stacks)> {
        let (before, now) = (self.before.as_ref()?, self.now.as_ref()?);
        (before.profiler == now.profiler).then_some((&before.stacks, &now.stacks))
    }

    fn rows(&self) -> Vec<FunctionRow> {
        let Some(now) = self.now.as_ref().or(self.before.as_ref()) else {
            return Vec::new();
        };
        let Some((before, now)) = self.compared() else {
            let rows = now.functions(FUNCTIONS).into_iter();
            return rows
                .map(|(name, now)| FunctionRow {
                    name,
                    now,
                    before: None,
                    grown: now,
                })
                .collect();
        };
        let sides = [before, now].map(|side| (side.functions(), side.total()));
        let names: BTreeSet<&str> = sides.iter().flat_map(|(f, _)| f.keys().copied()).collect();
        let mut rows: Vec<FunctionRow> = names
            .into_iter()
            .map(|name| {
                let seen = |(functions, all): &(BTreeMap<&str, Seen>, u64)| {
                    (functions.get(name).copied().unwrap_or_default(), *all)
                };
                FunctionRow::of(name, seen(&sides[0]), seen(&sides[1]))
            })
            .collect();
        rows.sort_by(|a, b| b.growth().total_cmp(&a.growth()));
        rows.truncate(FUNCTIONS);
        rows
    }

    fn found(&self) -> String {
        let told = |row: &FunctionRow, what: &str, of: fn(&Shares) -> f64| {
            let before = row
                .before
                .map(|b| format!(", before {}", Unit::Share.format(of(&b))));
            format!(
                "`{}`{what} has {} of samples{}.",
                row.name.raw(),
                Unit::Share.format(of(&row.now)),
                before.unwrap_or_default()
            )
        };
        let total = self.functions.iter().find(|row| row.grown.total > 0.0);
        let own = self.functions.iter().find(|row| row.grown.own > 0.0);
        match (total, own) {
            (Some(row), _) => told(row, "", |s| s.total),
            (None, Some(row)) => told(row, " itself", |s| s.own),
            (None, None) if self.functions.is_empty() => "No function is known.".to_owned(),
            (None, None) => {
                "No function has gained a share of the samples beyond chance.".to_owned()
            }
        }
    }

    /// Samples of perf are CPU time, which compares under the same load.
    fn used_more(&self) -> Option<String> {
        let (before, now) = (self.before.as_ref()?, self.now.as_ref()?);
        self.compared().filter(|_| now.profiler == Profiler::Perf)?;
        let rate = |side: &SideView| side.samples as f64 / side.seconds;
        let ratio = rate(now) / rate(before).max(1e-9) - 1.0;
        let word = if ratio < 0.0 { "less" } else { "more" };
        Some(format!(
            "Under the same load the target used {} {word} CPU time than before.",
            Unit::Share.format(ratio.abs())
        ))
    }
}

impl SideView {
    fn new(profile: &Profile) -> Self {
        Self {
            arm: profile.arm,
            profiler: profile.profiler,
            samples: profile.stacks.total(),
            per_second: profile.per_second,
            seconds: profile.lasted.as_secs_f64().max(1e-3),
            left_out: profile.left_out,
            instead_of_perf: profile.instead_of_perf.as_deref().map(Untrusted::new),
            stacks: profile.stacks.clone(),
        }
    }

    /// The functions with the greatest shares, those that were innermost most often first.
    pub(in crate::report) fn functions(&self, most: usize) -> Vec<(Untrusted, Shares)> {
        let all = self.samples.max(1) as f64;
        let mut functions: Vec<_> = self
            .stacks
            .functions()
            .into_iter()
            .map(|(name, seen)| {
                let shares = Shares {
                    total: seen.total as f64 / all,
                    own: seen.own as f64 / all,
                };
                (Untrusted::new(name), shares)
            })
            .collect();
        functions.sort_by(|(_, a), (_, b)| {
            let by = |s: &Shares| (s.own, s.total);
            by(b)
                .partial_cmp(&by(a))
                .unwrap_or(std::cmp::Ordering::Equal)
        });
        functions.truncate(most);
        functions
    }

    /// `1,234 samples`
    pub(in crate::report) fn samples_in_words(&self) -> String {
        format!("{} samples", words::count(self.samples))
    }

    fn about(&self) -> String {
        let seconds = Unit::Time.format(self.seconds * 1e9);
        let rate = Unit::Count.format(self.per_second.round());
        let how = match self.profiler {
            Profiler::Perf => format!("perf, {rate} samples in a second of CPU time"),
            Profiler::Sampling => format!("/proc, {rate} looks a second at each thread"),
        };
        let mut text = format!(
            "`{}` was run once more for {seconds}, not judged: {how}, {}.",
            self.arm.name(),
            self.samples_in_words()
        );
        if self.left_out > 0 {
            text += &format!(
                " {} more were of stacks that are not kept.",
                words::count(self.left_out)
            );
        }
        text
    }

    fn limits(&self) -> String {
        match self.profiler {
            Profiler::Perf if self.lacks_callers() => {
                "It tells which functions ran, and not what waited. Most stacks have a single \
                 function: the program has neither frame pointers nor unwinding tables."
                    .to_owned()
            }
            Profiler::Perf => {
                "It tells which functions ran, and from where they were called; what waited is not in it."
                    .to_owned()
            }
            Profiler::Sampling => {
                let why = match &self.instead_of_perf {
                    Some(reason) => format!(": {}", reason.raw()),
                    None => String::new(),
                };
                format!(
                    "It tells which threads ran, and what the others waited for in the kernel. It \
                     cannot tell which functions ran{why}. A thread that waits for a CPU counts as \
                     running."
                )
            }
        }
    }

    fn lacks_callers(&self) -> bool {
        let user = |frame: &&String| !frame.ends_with("_[k]");
        let stacks = self.stacks.iter();
        let single: u64 = stacks
            .filter(|(stack, _)| stack.iter().filter(user).count() <= 2)
            .map(|(_, n)| n)
            .sum();
        single as f64 > MOSTLY * self.samples as f64
    }
}

impl FunctionRow {
    pub(in crate::report) const HEAD: [&'static str; 5] =
        ["function", "before", "now", "itself before", "itself now"];

    /// The name as an output shows it, then the shares as the heading names them.
    pub(in crate::report) fn cells(&self, name: &str) -> [String; 5] {
        let before = |of: fn(&Shares) -> f64| {
            self.before
                .as_ref()
                .map_or_else(|| "–".to_owned(), |b| Unit::Share.format(of(b)))
        };
        [
            name.to_owned(),
            before(|s| s.total),
            Unit::Share.format(self.now.total),
            before(|s| s.own),
            Unit::Share.format(self.now.own),
        ]
    }

    /// The end of the name, which says more than its beginning.
    pub(in crate::report) fn ending(&self, most: usize) -> String {
        let name = self.name.terminal();
        match name.chars().count().checked_sub(most) {
            None | Some(0) => name,
            Some(beyond) => format!("…{}", name.chars().skip(beyond + 1).collect::<String>()),
        }
    }

    /// A function as it was seen before and now, each with all samples of its side.
    fn of(name: &str, before: (Seen, u64), now: (Seen, u64)) -> Self {
        let shares = |(seen, all): (Seen, u64)| {
            let all = all.max(1) as f64;
            Shares {
                total: seen.total as f64 / all,
                own: seen.own as f64 / all,
            }
        };
        let counts = |of: fn(&Seen) -> u64| [(of(&before.0), before.1), (of(&now.0), now.1)];
        Self {
            name: Untrusted::new(name),
            now: shares(now),
            before: Some(shares(before)),
            grown: Shares {
                total: grown(counts(|s| s.total)),
                own: grown(counts(|s| s.own)),
            },
        }
    }

    /// What it has gained beyond chance, itself and with all it calls: a function that itself takes
    /// more stands before those that call it.
    fn growth(&self) -> f64 {
        self.grown.total + self.grown.own
    }
}

/// What a share has grown by at least, from so many of all before to so many of all now.
fn grown(counts: [(u64, u64); 2]) -> f64 {
    // One more of either kind, so that none of a few samples is not certainly none of all (Agresti
    // and Caffo, 2000).
    let side = counts.map(|(n, all)| {
        let (n, all) = (n as f64 + 1.0, all as f64 + 2.0);
        let share = n / all;
        (share, share * (1.0 - share) / all)
    });
    let [(before, variance_before), (now, variance_now)] = side;
    now - before - BEYOND_CHANCE * (variance_before + variance_now).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture;

    fn names(view: &ProfileView) -> Vec<&str> {
        view.functions.iter().map(|f| f.name.raw()).collect()
    }

    #[test]
    fn what_grew_leads_and_the_finding_says_so() {
        let view = ProfileView::new(&fixture::profiles()).expect("a profile");
        assert_eq!(
            names(&view),
            ["serialize", "handle", "main", "read_[k]", "parse"]
        );
        assert_eq!(
            view.finding.raw(),
            "`serialize` has 62 % of samples, before 24 %."
        );
        let about: Vec<_> = view.about.iter().map(Untrusted::raw).collect();
        insta::assert_snapshot!(about.join("\n"));
    }

    #[test]
    fn one_side_alone_is_told_by_its_greatest() {
        let mut profiles = fixture::profiles();
        profiles.taken.retain(|p| p.arm == Arm::Now);
        profiles.taken[0].profiler = Profiler::Sampling;
        profiles.taken[0].instead_of_perf = Some("perf is not installed".to_owned());
        let view = ProfileView::new(&profiles).expect("a profile");
        assert!(view.compared().is_none());
        assert_eq!(view.finding.raw(), "`serialize` has 62 % of samples.");
        let about = view.about.iter().map(Untrusted::raw).collect::<String>();
        assert!(
            about.contains("cannot tell which functions ran: perf is not installed."),
            "{about}"
        );
    }

    #[test]
    fn nothing_is_told_of_what_was_not_asked_for() {
        assert!(ProfileView::new(&Profiles::default()).is_none());
        let mut profiles = fixture::profiles();
        profiles.taken[0].stacks = profiles.taken[1].stacks.clone();
        let view = ProfileView::new(&profiles).expect("a profile");
        assert_eq!(
            view.finding.raw(),
            "No function has gained a share of the samples beyond chance."
        );
    }

    #[test]
    fn a_handful_of_samples_is_no_finding() {
        let at_least = |before, now| grown([before, now]);
        assert!(at_least((0, 60), (5, 102)) < 0.0, "as chance would have it");
        assert!(at_least((24, 100), (62, 100)) > 0.15);
        assert!(
            at_least((240, 1_000), (300, 1_000)) > 0.0,
            "more samples tell more"
        );
        assert!(at_least((0, 0), (0, 0)) < 0.0);
    }
}
