//! What is said of a single step beside its numbers.

use crate::model::{Estimate, Metric, Stat, Verdict};
use crate::report::words;
use crate::untrusted::Untrusted;

use super::{Part, Row, Standing, Summary, Tone, View};

/// Steps that are shown one by one; with more the table has the others.
const MOST: usize = 24;

/// A step with its standing.
#[derive(Debug, Clone)]
pub(in crate::report) struct StepView<'a> {
    pub(in crate::report) part: &'a Part,
    pub(in crate::report) tone: Tone,
    /// `✘`; empty where nothing was judged.
    pub(in crate::report) sign: &'static str,
    /// `regressed`, `moved`, `no change shown`; empty where there is no reference.
    pub(in crate::report) word: &'static str,
    /// `latency.p99 +19.0 %`
    pub(in crate::report) why: Untrusted,
    /// `p50 8.2 ms, p99 46 ms; before 8.1 ms and 41 ms`
    pub(in crate::report) times: String,
}

impl View {
    /// The steps one by one in the order of the scenario: all of them, or if they are many those of
    /// which there is most to say.
    pub(in crate::report) fn step_by_step(&self) -> Vec<StepView<'_>> {
        let all: Vec<_> = self.steps.iter().map(|part| self.of_step(part)).collect();
        if all.len() <= MOST {
            return all;
        }
        let weight = |s: &StepView<'_>| {
            let due = s.part.now.tally.due;
            std::cmp::Reverse((!s.why.raw().is_empty(), due))
        };
        let mut order: Vec<usize> = (0..all.len()).collect();
        order.sort_by_key(|&i| weight(&all[i]));
        order.truncate(MOST);
        let kept = |i: &usize| order.contains(i);
        let kept: Vec<bool> = (0..all.len()).map(|i| kept(&i)).collect();
        let steps = all.into_iter().zip(kept);
        steps
            .filter(|(_, kept)| *kept)
            .map(|(step, _)| step)
            .collect()
    }

    fn of_step<'a>(&'a self, part: &'a Part) -> StepView<'a> {
        let name = Some(part.name.raw());
        let of_it = |row: &&Row| {
            let scope = &row.result.scope;
            scope.step.as_deref() == name && (row.result.gating || row.matters())
        };
        let worst = self.rows.iter().filter(of_it).max_by_key(|row| row.verdict);
        let moved = self
            .moved
            .iter()
            .find(|m| !m.moved.journey && Some(m.step.raw()) == name);
        let (tone, sign, word, why) = match (worst, moved) {
            (Some(row), _) => (
                row.tone(),
                row.verdict.map_or("", Verdict::sign),
                row.verdict.map_or("–", Verdict::name),
                Untrusted::new(format!("{} {}", row.result.metric, said(row))),
            ),
            (None, Some(moved)) if moved.moved.change < 0.0 => (
                Tone::Good,
                "",
                "moved",
                Untrusted::new(moved.change.as_str()),
            ),
            (None, Some(moved)) => (
                Tone::Warn,
                "",
                "moved",
                Untrusted::new(moved.change.as_str()),
            ),
            (None, None) if self.is_compared() => {
                (Tone::Plain, "", "no change shown", Untrusted::default())
            }
            (None, None) => (Tone::Plain, "", "", Untrusted::default()),
        };
        StepView {
            part,
            tone,
            sign,
            word,
            why,
            times: times(part),
        }
    }

    /// Steps were looked at for changes.
    fn is_compared(&self) -> bool {
        let Standing::Judged(verdict) = self.standing else {
            return false;
        };
        self.compares() && !matches!(verdict, Verdict::Invalid | Verdict::Incomparable)
    }
}

/// The change, or where there is none the value.
fn said(row: &Row) -> &str {
    if row.change.is_empty() {
        &row.now
    } else {
        &row.change
    }
}

/// Median and tail; the tail is the highest percentile that both sides can tell.
fn times(part: &Part) -> String {
    let sides = [Some(&part.now), part.before.as_ref()];
    let told = |stat: &Stat| {
        let mut sides = sides.into_iter().flatten();
        sides.all(|s| !matches!(s.value(Metric::Latency(*stat)), Estimate::TooFew { .. }))
    };
    let tail = [Stat::P99, Stat::P95, Stat::P90].into_iter().find(told);
    let stats: Vec<Stat> = std::iter::once(Stat::P50).chain(tail).collect();
    let value = |side: &Summary, stat: Stat| {
        let metric = Metric::Latency(stat);
        words::short_estimate(side.value(metric), metric.unit())
    };
    let now = stats
        .iter()
        .map(|stat| format!("{} {}", stat.name(), value(&part.now, *stat)));
    let mut text = now.collect::<Vec<_>>().join(", ");
    if let Some(before) = &part.before {
        let before: Vec<String> = stats.iter().map(|stat| value(before, *stat)).collect();
        text += &format!("; before {}", words::listed(&before));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Scope;
    use crate::report::fixture;

    fn told(view: &View) -> String {
        let steps = view.step_by_step().into_iter();
        let lines = steps.map(|s| {
            let name = s.part.name.raw().to_owned();
            let said = [&name, s.sign, s.word, s.why.raw(), &s.times];
            said.into_iter()
                .filter(|t| !t.is_empty())
                .collect::<Vec<_>>()
                .join(" | ")
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_step_that_moved_says_so_and_one_that_did_not_too() {
        insta::assert_snapshot!(told(&View::new(&fixture::run(), None)));
    }

    #[test]
    fn the_verdict_of_a_step_goes_before_that_it_moved() {
        let mut run = fixture::run();
        let comparison = run.comparison.as_mut().expect("judged");
        comparison.results[1].scope = Scope {
            step: Some("pay".into()),
            ..Scope::default()
        };
        let text = told(&View::new(&run, None));
        assert!(
            text.contains("pay | ✘ | regressed | latency.p99 +13.7 %"),
            "{text}"
        );
    }

    #[test]
    fn without_a_reference_a_step_has_its_times_alone() {
        let text = told(&View::new(&fixture::plain_run(), None));
        assert!(text.starts_with("browse | p50 "), "{text}");
        assert!(
            !text.contains("moved") && !text.contains("no change"),
            "{text}"
        );
    }

    #[test]
    fn of_many_steps_those_are_shown_that_have_something_to_say() {
        let mut run = fixture::run();
        run.manifest
            .outline
            .steps
            .extend((0..60).map(|i| format!("other {i}")));
        run.manifest.outline.steps.rotate_left(2);
        for cell in run.rounds.iter_mut().flat_map(|r| &mut r.cells) {
            cell.step += 60;
        }
        let view = View::new(&run, None);
        let steps = view.step_by_step();
        assert_eq!(steps.len(), MOST);
        let names: Vec<_> = steps.iter().map(|s| s.part.name.raw()).collect();
        assert!(names.ends_with(&["browse", "pay"]), "{names:?}");
    }
}
