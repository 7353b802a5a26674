//! A run as far as it has come, while whatever process measures it.
//!
//! It is read from its log, so that whoever looks on takes nothing from the load but the reading. What
//! is held does not grow with the length of a round: stretches of time are put together, two and two.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::model::{Arm, Cell, Interval, Manifest, Round, Run, RunState, Sample};
use crate::recorder::{End, Recorder};
use crate::store::runs::{self, Begin, Follow, Frame};
use crate::units::Nanos;

use super::{Session, SessionError};

/// Stretches of time that are held.
const MOST: usize = 480;

/// Follows one run.
#[derive(Debug)]
pub struct Following {
    log: Follow,
    dir: PathBuf,
    held: Held,
    seen: usize,
}

/// What is held of it.
#[derive(Debug, Default)]
struct Held {
    finished: Vec<Round>,
    /// Rounds that have begun, by index: one, or both of a duet.
    open: BTreeMap<usize, Recorder>,
    /// Of those, or of the last that ended.
    intervals: Vec<Interval>,
    samples: Vec<Sample>,
}

impl Following {
    /// Of the run with these names, if it is being measured now.
    pub fn begin(
        session: &Session,
        scenario: &str,
        id: &str,
    ) -> Result<Option<Self>, SessionError> {
        let dir = runs::exact(&session.root, scenario, id);
        let Some(dir) = dir.filter(|dir| runs::is_running(dir)) else {
            return Ok(None);
        };
        Ok(Some(Self {
            log: Follow::open(&dir)?,
            dir,
            held: Held::default(),
            seen: 0,
        }))
    }

    /// Takes in what has come since the last look; false when the run is not being measured any more.
    pub fn look(&mut self) -> Result<bool, SessionError> {
        let running = runs::is_running(&self.dir);
        let (held, manifest) = (&mut self.held, self.log.manifest().clone());
        self.seen += self
            .log
            .catch_up(&mut |frame| held.take(frame, &manifest))?;
        Ok(running)
    }

    /// Frames that were taken in so far: another number is another state.
    pub const fn seen(&self) -> usize {
        self.seen
    }

    /// The run so far: rounds that are over, and those that are not as not complete. Intervals and
    /// samples are those of the latest.
    pub fn run(&self) -> Run {
        let open = self.held.open.values().map(|recorder| {
            recorder.clone().finish(End {
                worker_cpu: 0.0,
                idle_cpu_pressure: None,
                record_delay: Nanos::ZERO,
                complete: false,
            })
        });
        Run {
            manifest: self.log.manifest().clone(),
            state: RunState::Partial,
            rounds: self.held.finished.iter().cloned().chain(open).collect(),
            intervals: self.held.intervals.clone(),
            samples: self.held.samples.clone(),
            comparison: None,
        }
    }
}

impl Held {
    fn take(&mut self, frame: Frame, manifest: &Manifest) {
        match frame {
            Frame::Begin(begin) => self.begin(begin, manifest),
            Frame::Interval(interval) => self.interval(&interval, manifest),
            Frame::Sample(sample) => self.sample(&sample),
            Frame::Round(round) => {
                self.open.remove(&round.index);
                self.finished.push(*round);
            }
        }
    }

    fn begin(&mut self, begin: Begin, manifest: &Manifest) {
        if self.open.is_empty() {
            self.intervals.clear();
            self.samples.clear();
        }
        let outline = &manifest.outline;
        let recorder = Recorder::new(
            outline,
            begin.index,
            begin.arm,
            begin.pair,
            begin.started_at,
        );
        self.open.insert(begin.index, recorder);
    }

    fn interval(&mut self, interval: &Interval, manifest: &Manifest) {
        let unannounced = || Begin {
            index: interval.round,
            arm: Arm::Now,
            pair: interval.round,
            started_at: manifest.started_at.clone(),
            level: None,
        };
        if !self.open.contains_key(&interval.round) {
            self.begin(unannounced(), manifest);
        }
        if let Some(recorder) = self.open.get_mut(&interval.round) {
            recorder.interval(interval);
        }
        self.intervals.push(slim(interval));
        if self.intervals.len() > MOST {
            self.intervals = halved(&self.intervals);
        }
    }

    fn sample(&mut self, sample: &Sample) {
        self.samples.push(Sample {
            round: sample.round,
            at: sample.at,
            target: sample.target,
            host: sample.host,
            own_cpu: sample.own_cpu,
            ..Sample::default()
        });
        if self.samples.len() > 2 * MOST {
            let mut place = 0;
            self.samples.retain(|_| {
                place += 1;
                place % 2 == 1
            });
        }
    }
}

/// Counts and latencies by phase, over all steps.
fn slim(interval: &Interval) -> Interval {
    let mut slim = Interval {
        cells: Vec::new(),
        ..interval.clone()
    };
    for cell in &interval.cells {
        add(&mut slim.cells, cell);
    }
    slim
}

/// Adds to the cell of the same phase.
fn add(cells: &mut Vec<Cell>, cell: &Cell) {
    let place = cells.iter().position(|c| c.phase == cell.phase);
    let place = place.unwrap_or_else(|| {
        cells.push(Cell {
            phase: cell.phase,
            ..Cell::default()
        });
        cells.len() - 1
    });
    cells[place].tally.merge(&cell.tally);
    cells[place].latency.merge(&cell.latency);
}

/// Neighbours of one round put together.
fn halved(intervals: &[Interval]) -> Vec<Interval> {
    let mut halved: Vec<Interval> = Vec::with_capacity(intervals.len() / 2 + 1);
    // Of each round the one that waits for its neighbour, by its place.
    let mut waiting: BTreeMap<usize, usize> = BTreeMap::new();
    for interval in intervals {
        if let Some(place) = waiting.remove(&interval.round) {
            let first = &mut halved[place];
            first.length += interval.length;
            first.in_flight = interval.in_flight;
            for cell in &interval.cells {
                add(&mut first.cells, cell);
            }
        } else {
            waiting.insert(interval.round, halved.len());
            halved.push(interval.clone());
        }
    }
    halved
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Tally;

    fn interval(round: usize, second: u64, step: usize) -> Interval {
        let mut cell = Cell {
            step,
            tally: Tally {
                due: 1,
                sent: 1,
                answered: 1,
                ..Tally::default()
            },
            ..Cell::default()
        };
        cell.latency.ok.record(Nanos::from_millis(5));
        Interval {
            round,
            start: Nanos::from_secs(second),
            length: Nanos::SECOND,
            cells: vec![cell.clone(), Cell { step: 1, ..cell }],
            ..Interval::default()
        }
    }

    fn answered(intervals: &[Interval]) -> u64 {
        let cells = intervals.iter().flat_map(|i| &i.cells);
        cells.map(|c| c.tally.answered).sum()
    }

    #[test]
    fn what_is_put_together_loses_no_request_and_no_time() {
        let fine: Vec<Interval> = (0..7)
            .flat_map(|second| [interval(0, second, 0), interval(1, second, 0)])
            .map(|i| slim(&i))
            .collect();
        let coarse = halved(&fine);
        assert_eq!(coarse.len(), 8);
        assert_eq!(answered(&coarse), answered(&fine));
        assert_eq!(coarse[0].length, Nanos::from_secs(2));
        let time = |i: &[Interval]| i.iter().map(|i| i.length.0).sum::<u64>();
        assert_eq!(time(&coarse), time(&fine));
    }

    #[test]
    fn a_round_of_days_is_held_in_the_room_of_one_of_minutes() {
        let manifest = crate::report::fixture::run().manifest;
        let mut held = Held::default();
        for second in 0..20_000 {
            held.take(Frame::Interval(interval(0, second, 0)), &manifest);
            held.take(
                Frame::Sample(Sample {
                    at: Nanos::from_secs(second),
                    ..Sample::default()
                }),
                &manifest,
            );
        }
        assert!(held.intervals.len() <= MOST && held.samples.len() <= 2 * MOST);
        assert_eq!(answered(&held.intervals), 40_000);
        let mut neighbours = held.intervals.windows(2);
        assert!(neighbours.all(|pair| pair[0].start + pair[0].length == pair[1].start));
    }

    #[test]
    fn the_next_round_begins_with_nothing() {
        let manifest = crate::report::fixture::run().manifest;
        let mut held = Held::default();
        held.take(Frame::Interval(interval(0, 0, 0)), &manifest);
        let over = Round::new(0, Arm::Now, 0, String::new());
        held.take(Frame::Round(Box::new(over)), &manifest);
        assert_eq!(held.intervals.len(), 1, "the last one stays to be seen");
        held.take(Frame::Interval(interval(1, 0, 0)), &manifest);
        assert_eq!(held.intervals[0].round, 1);
        assert_eq!((held.finished.len(), held.open.len()), (1, 1));
    }
}
