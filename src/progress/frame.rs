//! The few lines that a terminal shows, redrawn in place: a pure function of what is known, the terminal
//! and the time.

use crate::model::{ErrorClass, GuardState, PhaseOutline};
use crate::report::{TextStyle, count};
use crate::units::{Nanos, Unit};
use crate::untrusted::Untrusted;

use super::live::{Analysis, Progress};
use super::pieces::{Ink, Line, bar, cut, row};
use super::round::{RoundSoFar, Second, StepSoFar, told};

/// Columns of a bar, where there is room.
const BAR: usize = 40;

/// Columns of a value in front of its row.
const VALUE: usize = 12;

/// Columns of a name.
const NAME: usize = 20;

/// Steps that are shown at once.
const MOST_STEPS: usize = 12;

/// Seconds are awaited so long before the clock of a round stands still.
const OVERDUE: Nanos = Nanos::from_secs(2);

/// What the user wants to see, and what the keys have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wants {
    pub steps: bool,
    pub keys: bool,
    pub next: Next,
    pub hands: Hands,
}

/// What was wished of the round that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Next {
    #[default]
    Begins,
    Waits,
    /// There is none.
    Never,
}

/// What the keys reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Hands {
    /// Nobody is at a keyboard.
    #[default]
    None,
    /// What is shown.
    View,
    /// What is shown, and what comes after a round.
    Rounds,
}

impl Hands {
    /// The keys and what they do.
    const fn keys(self) -> &'static [(&'static str, &'static str)] {
        const ALL: &[(&str, &str)] = &[
            ("p", "pause after this round; again to go on"),
            (
                "s",
                "stop after this round and judge; again to take it back",
            ),
            ("t", "a line for each step"),
            ("?", "these keys"),
            (
                "Ctrl-C",
                "stop now: the part of a round is reported, and passes nothing",
            ),
        ];
        match self {
            Self::None => &[],
            Self::View => ALL.split_at(2).1,
            Self::Rounds => ALL,
        }
    }
}

impl Progress {
    /// The lines to show at `now`, none wider than the terminal.
    pub fn frame(&self, style: TextStyle, now: Nanos, wants: Wants) -> Vec<String> {
        if let Some(analysis) = self.analysis {
            return vec![analysed(style, analysis)];
        }
        let Some(round) = self.round() else {
            let mut line = Line::new(style);
            line.put(Ink::Faint, &self.status());
            return vec![line.finish()];
        };
        let mut lines = vec![
            self.head(style, round, now, wants),
            self.phase(style, round, now),
        ];
        let (requests, is_all_told) = requests(style, round);
        lines.push(requests);
        lines.extend(percentiles(style, round));
        lines.push(errors(style, round, !is_all_told));
        lines.push(target(style, round));
        lines.extend(self.undecided(style));
        if wants.steps {
            lines.extend(self.steps(style, round));
        }
        if wants.keys {
            lines.extend(
                wants
                    .hands
                    .keys()
                    .iter()
                    .enumerate()
                    .map(|(i, (key, does))| {
                        let mut line = Line::labelled(style, if i == 0 { "keys" } else { "" });
                        line.column(Ink::Strong, key, 8);
                        line.put(Ink::Plain, does);
                        line.finish()
                    }),
            );
        }
        lines
    }

    /// `checkout  round 3 of 10, before             at most 12:30 left  ? keys`
    fn head(&self, style: TextStyle, round: &RoundSoFar, now: Nanos, wants: Wants) -> String {
        let mut line = Line::new(style);
        let name = Untrusted::from(self.outline.name.as_str()).terminal();
        line.put(Ink::Strong, &cut(&name, 2 * NAME));
        let arm = if self.is_interleaved() {
            format!(", {}", round.arm.name())
        } else {
            String::new()
        };
        line.add(Ink::Plain, &format!("{}{arm}", round.place()));
        let held = round.guard.filter(|state| *state != GuardState::Closed);
        if let Some(state) = held {
            line.add(Ink::Warn, &state.to_string());
        }
        let wish = match (self.stopping, wants.next) {
            (true, _) => Some("stopping"),
            (false, Next::Never) => Some("stops after this round"),
            (false, Next::Waits) if self.paused => Some("paused: p goes on"),
            (false, Next::Waits) => Some("pauses after this round"),
            (false, Next::Begins) => None,
        };
        if let Some(wish) = wish {
            line.add(Ink::Warn, wish);
        }
        let left = self.left(round, now);
        let keys = (wants.hands != Hands::None && !wants.keys).then_some("? keys");
        let said = |parts: &[Option<&str>]| {
            let parts: Vec<&str> = parts.iter().copied().flatten().collect();
            parts.join("  ")
        };
        let left = left.as_deref();
        // What matters most stays longest.
        for parts in [&[left, keys][..], &[left], &[keys]] {
            if line.right(Ink::Faint, &said(parts)) {
                break;
            }
        }
        line.finish()
    }

    /// Until everything that may come is over; None in a search, which does not know.
    fn left(&self, round: &RoundSoFar, now: Nanos) -> Option<String> {
        if round.level.is_some() {
            return None;
        }
        let whole = self.outline.duration();
        let this = whole - moment(round, now);
        let to_come = round.of.saturating_sub(round.index + 1) as u64;
        // In a duet two are measured at once.
        let others = Nanos(whole.0.saturating_mul(to_come) / self.at_once() as u64);
        let most = if others > Nanos::ZERO { "at most " } else { "" };
        Some(format!("{most}{} left", clock(this + others)))
    }

    /// `phase     steady  ████████░░░░░░░░  24/60 s`
    fn phase(&self, style: TextStyle, round: &RoundSoFar, now: Nanos) -> String {
        let mut line = Line::labelled(style, "phase");
        let doing = if self.paused {
            Some("between two rounds: nothing is sent")
        } else if round.ended {
            Some("the round is over")
        } else if round.latest.is_some() {
            None
        } else if round.ready {
            Some("the load begins")
        } else {
            Some("waits until the target is ready")
        };
        let at = moment(round, now);
        let (Some(phase), None) = (self.phase_of(at), doing) else {
            line.add(Ink::Plain, doing.unwrap_or("–"));
            return line.finish();
        };
        let name = Untrusted::from(phase.name.as_str()).terminal();
        line.add(Ink::Plain, &cut(&name, NAME));
        let into = at.saturating_sub(phase.start).min(phase.duration);
        let warm_up = if phase.warm_up { "  warm-up" } else { "" };
        let tail = format!("{:.0}/{}{warm_up}", into.as_secs_f64(), phase.duration);
        let columns = line.room().saturating_sub(tail.len() + 4).min(BAR);
        let (full, empty) = bar(into.as_secs_f64() / phase.duration.as_secs_f64(), columns);
        if line.add(Ink::Plain, &full) {
            line.put(Ink::Faint, &empty);
        }
        line.add(Ink::Plain, &tail);
        line.finish()
    }

    fn phase_of(&self, at: Nanos) -> Option<&PhaseOutline> {
        let phases = &self.outline.phases;
        let is_on = |p: &&PhaseOutline| at < p.start + p.duration;
        phases.iter().find(is_on).or(phases.last())
    }

    /// What more rounds may decide, after the first look.
    fn undecided(&self, style: TextStyle) -> Option<String> {
        let undecided = self.undecided.as_ref()?;
        let mut line = Line::labelled(style, "undecided");
        if undecided.is_empty() {
            line.put(
                Ink::Plain,
                "nothing: more rounds would not change the answer",
            );
            return Some(line.finish());
        }
        for (i, name) in undecided.iter().enumerate() {
            let name = Untrusted::from(name.as_str()).terminal();
            let more = undecided.len() - i;
            let note = format!("and {more} more");
            // The last may take the place of the note.
            let fits = more == 1 || line.room() > name.len() + note.len() + 4;
            if !fits || !line.add(Ink::Warn, &name) {
                line.add(Ink::Plain, &note);
                break;
            }
        }
        Some(line.finish())
    }

    /// `browse            100/s  p50 6.1 ms  p99 12 ms  0 failed`
    fn steps(&self, style: TextStyle, round: &RoundSoFar) -> Vec<String> {
        let all = self.outline.steps.iter().enumerate();
        let none = StepSoFar::default();
        let mut lines: Vec<String> = all
            .take(MOST_STEPS)
            .map(|(i, name)| {
                let step = round.steps.get(i).unwrap_or(&none);
                let mut line = Line::labelled(style, if i == 0 { "steps" } else { "" });
                let name = Untrusted::from(name.as_str()).terminal();
                line.column(Ink::Plain, &cut(&name, NAME - 2), NAME);
                line.column(Ink::Plain, &Unit::PerSecond.format(step.answered), 10);
                for (name, q) in [("p50", 0.5), ("p99", 0.99)] {
                    let value = told(step.latency.quantile(q)).unwrap_or_else(|| "–".to_owned());
                    line.column(Ink::Plain, &format!("{name} {value}"), VALUE + 2);
                }
                if step.failed > 0 {
                    line.add(Ink::Warn, &format!("{} failed", count(step.failed)));
                }
                line.finish()
            })
            .collect();
        let more = self.outline.steps.len().saturating_sub(MOST_STEPS);
        lines.extend((more > 0).then(|| {
            let mut line = Line::labelled(style, "");
            line.put(Ink::Faint, &format!("and {more} more"));
            line.finish()
        }));
        lines
    }
}

/// Where in its round the load is: told by the latest second, and by the clock since.
fn moment(round: &RoundSoFar, now: Nanos) -> Nanos {
    round.latest.map_or(Nanos::ZERO, |latest| {
        let since = if round.ended {
            Nanos::ZERO
        } else {
            now.saturating_sub(latest.heard).min(OVERDUE)
        };
        latest.at + since
    })
}

/// `requests  200/s asked  200/s sent  199/s answered  12 in flight`, and whether all of it fitted.
fn requests(style: TextStyle, round: &RoundSoFar) -> (String, bool) {
    let mut line = Line::labelled(style, "requests");
    let Some(latest) = round.latest else {
        line.put(Ink::Plain, "–");
        return (line.finish(), true);
    };
    for (rate, what) in [
        (latest.asked, "asked"),
        (latest.sent, "sent"),
        (latest.answered, "answered"),
    ] {
        line.add(
            Ink::Plain,
            &format!("{} {what}", Unit::PerSecond.format(rate)),
        );
    }
    let fits = line.add(Ink::Plain, &in_flight(round));
    (line.finish(), fits)
}

fn in_flight(round: &RoundSoFar) -> String {
    let in_flight = round.latest.map_or(0, |latest| latest.in_flight);
    format!("{} in flight", count(in_flight))
}

/// The percentiles of the round so far, each with what it was in the last seconds.
fn percentiles(style: TextStyle, round: &RoundSoFar) -> [String; 2] {
    let line = |name: &str, q: f64, of: fn(&Second) -> Option<Nanos>| {
        let mut line = Line::labelled(style, name);
        let value = told(round.latency.quantile(q)).unwrap_or_else(|| "–".to_owned());
        line.column(Ink::Plain, &value, VALUE);
        let seconds = round.seconds.iter();
        let values = seconds.map(|s| (of(s).map(|v| v.0 as f64), s.is_dead));
        line.put(Ink::Plain, &row(values, line.room()));
        line.finish()
    };
    [line("p50", 0.5, |s| s.p50), line("p99", 0.99, |s| s.p99)]
}

/// `errors    6 of 1,200 (0.5 %)  timeout-total 4  refused 2`
fn errors(style: TextStyle, round: &RoundSoFar, with_in_flight: bool) -> String {
    let mut line = Line::labelled(style, "errors");
    let failed = round.failures.total();
    if failed == 0 {
        line.add(Ink::Plain, "none");
    } else {
        let share = failed as f64 / round.due.max(failed) as f64;
        let text = format!(
            "{} of {} ({})",
            count(failed),
            count(round.due),
            Unit::Share.format(share)
        );
        line.add(Ink::Bad, &text);
    }
    if with_in_flight {
        line.add(Ink::Plain, &in_flight(round));
    }
    let mut classes: Vec<(&ErrorClass, &u64)> = round.failures.0.iter().collect();
    classes.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
    for (class, &n) in classes {
        if !line.add(Ink::Plain, &format!("{class} {}", count(n))) {
            break;
        }
    }
    line.finish()
}

/// `target    CPU 0.42 cores  RSS 41 MiB  lateness 61 µs (p99)`; the lateness is the generator's own.
fn target(style: TextStyle, round: &RoundSoFar) -> String {
    let mut line = Line::labelled(style, "target");
    match round.usage {
        None => {
            let is_known = round.latest.is_some();
            line.add(Ink::Plain, if is_known { "not watched" } else { "–" });
        }
        Some(usage) => {
            let cores = usage.cores.map(|cores| Unit::Count.format(cores));
            let cores = cores.unwrap_or_else(|| "–".to_owned());
            line.add(Ink::Plain, &format!("CPU {cores} cores"));
            line.add(
                Ink::Plain,
                &format!("RSS {}", Unit::Bytes.format(usage.rss())),
            );
        }
    }
    if let Some(late) = told(round.lateness.quantile(0.99)) {
        line.add(Ink::Plain, &format!("lateness {late} (p99)"));
    }
    line.finish()
}

/// `runs read  ████████░░░░  1,200 of 5,000`
fn analysed(style: TextStyle, Analysis { what, done, of }: Analysis) -> String {
    let mut line = Line::new(style);
    line.put(Ink::Plain, what);
    let tail = format!("{} of {}", count(done as u64), count(of as u64));
    let columns = line.room().saturating_sub(tail.len() + 4).min(BAR);
    let (full, empty) = bar(done as f64 / of.max(1) as f64, columns);
    if line.add(Ink::Plain, &full) {
        line.put(Ink::Faint, &empty);
    }
    line.add(Ink::Plain, &tail);
    line.finish()
}

/// `0:36`, `12:30`, `1:02:03`; a second that has begun counts.
fn clock(time: Nanos) -> String {
    let seconds = time.0.div_ceil(Nanos::SECOND.0);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::super::live::tests::phases;
    use super::*;
    use crate::clock::{Clock, Manual};
    use crate::model::{Arm, Cell, Event, GuardChange, Interval, Outline, TargetSample};
    use crate::report::width;
    use crate::units::Bytes;

    /// A run under watch, and the time.
    struct Watched {
        progress: Progress,
        clock: Manual,
    }

    impl Watched {
        /// Of a check that may have ten rounds of three phases and 70 s.
        fn new() -> Self {
            let mut watched = Self {
                progress: Progress::new(),
                clock: Manual::default(),
            };
            watched.hear(&Event::Started {
                outline: Outline {
                    name: "check\u{1b}[31mout".into(),
                    steps: vec!["browse".into(), "pay\u{202e}".into()],
                    phases: phases(),
                    ..Outline::default()
                },
                rounds: 10,
            });
            watched
        }

        fn hear(&mut self, event: &Event) {
            self.progress.line(event, self.clock.now());
        }

        fn begin(&mut self, index: usize, arm: Arm) {
            self.hear(&Event::RoundStarted {
                index,
                arm,
                of: 10,
                level: None,
            });
        }

        /// Lets one second of 1,200 requests pass; the slower the greater `ms` is.
        fn second(&mut self, index: usize, start: u64, ms: u64, failed: u64) {
            self.clock.advance(Nanos::SECOND);
            let phase = usize::from(start >= 10);
            let cells = (0..2).map(|step| {
                let mut cell = Cell {
                    phase,
                    step,
                    ..Cell::default()
                };
                let answered = 600 - failed;
                cell.tally.due = 600;
                cell.tally.sent = 600 - failed / 2;
                cell.tally.unsent = failed / 2;
                cell.tally.answered = answered;
                cell.tally.failures.add(ErrorClass::TimeoutWait, failed / 2);
                cell.tally
                    .failures
                    .add(ErrorClass::Refused, failed - failed / 2);
                cell.latency.failed = failed;
                for i in 0..answered {
                    let tail = if i % 50 == 0 { 3 } else { 1 };
                    cell.latency.ok.record(Nanos::from_millis(ms * tail));
                    cell.lateness.record(Nanos(61_000));
                }
                cell
            });
            let interval = Interval {
                round: index,
                start: Nanos::from_secs(start),
                length: Nanos::SECOND,
                cells: cells.collect(),
                in_flight: 12,
                standstill: Nanos::ZERO,
            };
            self.hear(&Event::Interval(Box::new(interval)));
            self.hear(&Event::Sampled {
                round: index,
                at: Nanos::from_secs(start + 1),
                target: TargetSample {
                    cpu: Nanos::from_millis(420 * start),
                    rss: Bytes(41 << 20),
                    ..TargetSample::default()
                },
            });
        }

        /// In the third round, after its 34th second and before the 35th is heard of.
        fn midway() -> Self {
            let mut watched = Self::new();
            watched.begin(2, Arm::Before);
            watched.hear(&Event::Ready {
                after: Nanos::from_millis(80),
            });
            for start in 0..34 {
                let ms = 8 + start % 7 + if start == 20 { 30 } else { 0 };
                watched.second(2, start, ms, if start == 25 { 6 } else { 0 });
            }
            watched.clock.advance(Nanos::from_millis(250));
            watched.hear(&Event::Looked {
                rounds: 1,
                undecided: vec!["latency.p99 [step pay]".into(), "cpu.per-request".into()],
            });
            watched
        }

        fn frame(&self, width: usize, wants: Wants) -> Vec<String> {
            let style = TextStyle {
                width,
                ..TextStyle::default()
            };
            self.progress.frame(style, self.clock.now(), wants)
        }

        fn styled(&self, style: TextStyle) -> String {
            let lines = self.progress.frame(style, self.clock.now(), ROUNDS);
            lines.join("\n")
        }
    }

    const ROUNDS: Wants = Wants {
        steps: false,
        keys: false,
        next: Next::Begins,
        hands: Hands::Rounds,
    };

    #[test]
    fn a_round_at_60_columns() {
        insta::assert_snapshot!(Watched::midway().frame(60, ROUNDS).join("\n"));
    }

    #[test]
    fn a_round_at_80_columns() {
        insta::assert_snapshot!(Watched::midway().frame(80, ROUNDS).join("\n"));
    }

    #[test]
    fn a_round_at_120_columns() {
        insta::assert_snapshot!(Watched::midway().frame(120, ROUNDS).join("\n"));
    }

    #[test]
    fn a_round_in_ascii() {
        let frame = Watched::midway().styled(TextStyle {
            width: 80,
            unicode: false,
            ..TextStyle::default()
        });
        assert!(frame.is_ascii(), "{frame}");
        insta::assert_snapshot!(frame);
    }

    #[test]
    fn a_round_in_colour() {
        let style = TextStyle {
            width: 80,
            ..TextStyle::default()
        };
        let watched = Watched::midway();
        let coloured = watched.styled(TextStyle {
            colour: true,
            ..style
        });
        assert_eq!(
            anstream::adapter::strip_str(&coloured).to_string(),
            watched.styled(style),
            "colour changes nothing but colour"
        );
        insta::assert_snapshot!(coloured.replace('\u{1b}', "␛"));
    }

    #[test]
    fn the_keys_and_a_line_for_each_step() {
        let all = Wants {
            steps: true,
            keys: true,
            ..ROUNDS
        };
        insta::assert_snapshot!(Watched::midway().frame(80, all).join("\n"));
        let watching = Wants {
            hands: Hands::View,
            ..all
        };
        let frame = Watched::midway().frame(80, watching).join("\n");
        assert!(!frame.contains("pause after"), "{frame}");
        assert!(frame.contains("a line for each step"), "{frame}");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_there_are_few() {
        let watched = Watched::midway();
        let all = Wants {
            steps: true,
            keys: true,
            next: Next::Never,
            ..ROUNDS
        };
        for columns in 1..140 {
            for line in watched.frame(columns, all) {
                assert!(width(&line) <= columns, "{columns}: {line}");
            }
            let usual = watched.frame(columns, ROUNDS).len();
            assert!((4..=8).contains(&usual), "{columns}: {usual} lines");
        }
    }

    #[test]
    fn the_clock_goes_on_between_two_seconds_and_stands_when_none_comes() {
        let mut watched = Watched::new();
        watched.begin(9, Arm::Now);
        watched.second(9, 0, 8, 0);
        let left = |watched: &Watched| {
            let head = watched.frame(80, Wants::default()).remove(0);
            head.split_whitespace().rev().nth(1).map(str::to_owned)
        };
        assert_eq!(left(&watched).as_deref(), Some("1:09"));
        watched.clock.advance(Nanos::from_millis(1_500));
        assert_eq!(left(&watched).as_deref(), Some("1:08"));
        watched.clock.advance(Nanos::from_secs(30));
        assert_eq!(
            left(&watched).as_deref(),
            Some("1:07"),
            "the seconds are overdue"
        );
    }

    #[test]
    fn what_was_wished_stands_in_the_first_line() {
        let mut watched = Watched::midway();
        let head = |watched: &Watched, next| watched.frame(100, Wants { next, ..ROUNDS }).remove(0);
        assert!(head(&watched, Next::Waits).contains("pauses after this round"));
        assert!(head(&watched, Next::Never).contains("stops after this round"));
        watched.hear(&Event::Paused);
        assert!(head(&watched, Next::Waits).contains("paused: p goes on"));
        let phase = watched.frame(80, ROUNDS).remove(1);
        assert_eq!(phase, "phase     between two rounds: nothing is sent");
        watched.hear(&Event::Resumed);
        watched.hear(&Event::Guard(GuardChange {
            at: Nanos::SECOND,
            state: GuardState::Open,
            failed: 0,
            settled: 0,
            within: Nanos::ZERO,
        }));
        watched.hear(&Event::Stopping);
        let head = head(&watched, Next::Begins);
        assert!(head.contains("guard open  stopping"), "{head}");
    }

    #[test]
    fn before_there_is_anything_to_show_it_says_what_is_awaited() {
        let mut watched = Watched::new();
        assert_eq!(watched.frame(80, ROUNDS), ["starting"]);
        watched.begin(0, Arm::Now);
        insta::assert_snapshot!(watched.frame(80, ROUNDS).join("\n"));
        watched.hear(&Event::Analysed {
            what: "runs read",
            done: 1_200,
            of: 5_000,
        });
        let frame = watched.frame(60, ROUNDS);
        assert_eq!(frame.len(), 1);
        assert!(frame[0].ends_with("1,200 of 5,000"), "{frame:?}");
    }

    #[test]
    fn a_rest_of_time_reads_like_a_clock() {
        let told = [0, 1, 59_001, 750_000, 3_723_000].map(|ms| clock(Nanos::from_millis(ms)));
        assert_eq!(told, ["0:00", "0:01", "1:00", "12:30", "1:02:03"]);
    }
}
