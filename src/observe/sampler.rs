//! The thread that reads target and machine while a round runs.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::asking::{Asking, Questions, Told};
use super::generator::Generator;
use super::host::Host;
use super::members::Subject;
use super::target::Target;
use crate::clock::{self, Clock, Monotonic};
use crate::model::{Outline, Sample};
use crate::units::Nanos;

/// When the target is asked, from the second before: so that what it says of itself is fresh in the
/// sample it comes with.
const ASKED: Nanos = Nanos::from_millis(750);

/// What to read, and when.
#[derive(Debug, Clone)]
pub struct Watch {
    /// Monotonic time at which the round's first phase begins.
    pub epoch: Nanos,
    /// When to read, from there, ascending; see [`sample_times`].
    pub times: Vec<Nanos>,
    /// Whom to read; None for a target whose processes are not known.
    pub subject: Option<Subject>,
    /// What to ask the target itself.
    pub questions: Option<Questions>,
    /// Number of the round, for the samples.
    pub round: usize,
}

/// A sampling thread; dropped, it is stopped.
#[derive(Debug)]
pub struct Sampler {
    /// Closed to stop.
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Each second of the round, and each boundary of a phase.
pub fn sample_times(outline: &Outline) -> Vec<Nanos> {
    let whole = outline.duration();
    let seconds = (0..=whole.0 / Nanos::SECOND.0).map(Nanos::from_secs);
    let boundaries = outline.phases.iter().map(|phase| phase.start);
    let mut times: Vec<_> = seconds.chain(boundaries).chain([whole]).collect();
    times.sort_unstable();
    times.dedup();
    times
}

/// Share of the time `during` in which some task waited for a CPU; None when the kernel does not
/// say. Blocks for that time.
pub fn idle_pressure(during: Nanos) -> Option<f64> {
    let start = Monotonic.now();
    let host = Host::new();
    thread::sleep(during.into());
    let pressure = host.read().cpu_pressure?;
    let wall = Monotonic.now() - start;
    Some((pressure.as_secs_f64() / wall.as_secs_f64()).min(1.0))
}

impl Sampler {
    /// Starts reading; `sink` is called on the sampling thread, and once more when it is stopped.
    ///
    /// Each sample bears the time it was really taken at. When the thread is late for several
    /// times, they share one sample.
    pub fn start(watch: Watch, sink: impl FnMut(Sample) + Send + 'static) -> Self {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::Builder::new()
            .name("sampler".to_owned())
            .spawn(move || observe(watch, &stopped, sink));
        Self {
            stop: Some(stop),
            // Without the thread there are no samples, which every reader of them must bear.
            thread: thread.ok(),
        }
    }

    /// Takes a final sample and waits until it is delivered. To be called while the target runs.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // Its panic was reported on its own thread.
            let _ = thread.join();
        }
    }
}

fn observe(watch: Watch, stopped: &mpsc::Receiver<()>, mut sink: impl FnMut(Sample)) {
    let (told, tales) = mpsc::channel();
    let mut probe = Probe {
        round: watch.round,
        epoch: watch.epoch,
        target: watch.subject.map(Target::new),
        host: Host::new(),
        own_cpu: Nanos::ZERO,
        generator: Generator::new(),
        tales,
    };
    let asking = watch
        .questions
        .map(|questions| Asking::start(questions, watch.epoch + ASKED, &told));
    drop(told);
    let mut stopping = sleep_until(watch.epoch, stopped);
    probe.restart();
    let mut times = watch.times.into_iter().peekable();
    let mut in_detail = false;
    while let Some(time) = times.next_if(|_| !stopping) {
        // Boundaries of phases lie between seconds, too, and need no detail.
        in_detail |= time.0 % Nanos::SECOND.0 == 0;
        stopping = sleep_until(watch.epoch + time, stopped);
        let now = Monotonic.now() - watch.epoch;
        let overdue = times.peek().is_some_and(|next| *next <= now);
        if !stopping && !overdue {
            sink(probe.sample(std::mem::take(&mut in_detail)));
        }
    }
    if !stopping {
        // Nothing is ever sent: this returns when the sender is gone.
        let _ = stopped.recv();
    }
    sink(probe.sample(false));
    drop(asking);
}

/// Sleeps; true when it was ended by a stop.
fn sleep_until(time: Nanos, stopped: &mpsc::Receiver<()>) -> bool {
    let rest: Duration = (time - Monotonic.now()).into();
    stopped.recv_timeout(rest) != Err(RecvTimeoutError::Timeout)
}

/// Everything that is read.
struct Probe {
    round: usize,
    epoch: Nanos,
    target: Option<Target>,
    host: Host,
    /// Of this process, when the round began.
    own_cpu: Nanos,
    generator: Generator,
    tales: mpsc::Receiver<Told>,
}

impl Probe {
    fn restart(&mut self) {
        self.host.restart();
        self.own_cpu = clock::process_cpu();
        self.generator.read();
    }

    fn sample(&mut self, in_detail: bool) -> Sample {
        let mut sample = Sample {
            round: self.round,
            at: Monotonic.now() - self.epoch,
            target: self.target.as_mut().and_then(Target::read),
            host: self.host.read(),
            own_cpu: clock::process_cpu() - self.own_cpu,
            generator: Some(self.generator.read()),
            ..Sample::default()
        };
        if in_detail {
            let detail = self.target.as_mut().and_then(Target::detail);
            sample.detail = detail.map(Box::new);
        }
        // Of a path that was read twice since the last sample, the later reading counts.
        let mut by_path = BTreeMap::new();
        for told in self.tales.try_iter() {
            match told {
                Told::Metrics { path, scraped } => drop(by_path.insert(path, scraped)),
                Told::Health(health) => sample.health.push(health),
            }
        }
        sample.scraped = by_path.into_values().flatten().collect();
        sample
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::PhaseOutline;

    fn phase(start: Nanos, duration: Nanos) -> PhaseOutline {
        PhaseOutline {
            name: String::new(),
            start,
            duration,
            warm_up: false,
            load: String::new(),
            asked: None,
        }
    }

    #[test]
    fn seconds_and_boundaries_are_read_once_each() {
        let ms = Nanos::from_millis;
        let outline = Outline {
            phases: vec![phase(ms(0), ms(1500)), phase(ms(1500), ms(1500))],
            ..Outline::default()
        };
        assert_eq!(
            sample_times(&outline),
            [0, 1000, 1500, 2000, 3000].map(ms).to_vec()
        );
    }

    fn samples(times: &[u64]) -> Vec<Sample> {
        let (tell, told) = mpsc::channel();
        let watch = Watch {
            epoch: Monotonic.now(),
            times: times.iter().copied().map(Nanos::from_millis).collect(),
            subject: Some(Subject::Group(std::process::id())),
            questions: None,
            round: 3,
        };
        let sampler = Sampler::start(watch, move |sample| tell.send(sample).unwrap());
        let mut samples = vec![told.recv().unwrap()];
        sampler.stop();
        samples.extend(told.try_iter());
        samples
    }

    #[test]
    fn samples_come_at_their_times_and_once_more_at_the_end() {
        let samples = samples(&[5, 3_600_000]);
        let [first, last] = samples.as_slice() else {
            panic!("one in time, one at the end: {samples:?}");
        };
        assert!(first.at >= Nanos::from_millis(5));
        assert!(last.at >= first.at && last.at < Nanos::from_secs(3_600));
        assert!(last.own_cpu >= first.own_cpu);
        assert_eq!((first.round, last.round), (3, 3));
    }

    #[test]
    fn times_that_were_missed_share_a_sample() {
        let (tell, told) = mpsc::channel();
        let watch = Watch {
            epoch: Monotonic.now() - Nanos::from_secs(10),
            times: (0..5).map(Nanos::from_secs).collect(),
            subject: None,
            questions: None,
            round: 0,
        };
        let sampler = Sampler::start(watch, move |sample| tell.send(sample).unwrap());
        let first = told.recv().unwrap();
        sampler.stop();
        assert!(first.at >= Nanos::from_secs(10));
        assert_eq!(first.target, None);
        assert_eq!(told.try_iter().count(), 1, "only the final one");
    }

    #[test]
    fn idle_pressure_is_a_share() {
        if let Some(share) = idle_pressure(Nanos::from_millis(5)) {
            assert!((0.0..=1.0).contains(&share));
        }
    }
}
