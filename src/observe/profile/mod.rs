//! Where the threads of a target are, in a round that is run for that alone: functions under `perf`, or
//! what `/proc` tells of threads where there is no `perf`.

mod glimpse;
mod perf;
mod sampling;
mod script;

use crate::clock::{Clock, Monotonic};
use crate::model::{Arm, Profile, Profiler, Stacks};
use crate::units::Nanos;

use super::members::{Members, Subject};
use perf::Perf;
use sampling::Sampling;

/// Which profiler may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProfilerChoice {
    /// `perf` where it can be, and what `/proc` tells where not.
    #[default]
    Auto,
    Perf,
    Sampling,
}

/// A profiler that is known to work on a target.
#[derive(Debug)]
pub struct ReadyProfiler {
    subject: Subject,
    perf: Result<perf::Tried, String>,
    wanted: bool,
}

/// A profiler at work.
#[derive(Debug)]
pub struct Profiling {
    how: How,
    per_second: f64,
    instead_of_perf: Option<String>,
    begin: Nanos,
}

#[derive(Debug)]
enum How {
    Perf(Perf),
    Sampling(Sampling),
}

/// What a profiler brings home.
#[derive(Debug, Default)]
struct Taken {
    stacks: Stacks,
    left_out: u64,
    /// Looks at all threads; None where the kernel takes them.
    looks: Option<u64>,
}

impl ReadyProfiler {
    /// Tries which profiler works on a target that is running.
    ///
    /// # Errors
    /// Why none does.
    pub fn find(choice: ProfilerChoice, subject: &Subject) -> Result<Self, String> {
        let pids: Vec<u32> = Members::new(subject.clone()).living().into_keys().collect();
        if pids.is_empty() {
            return Err("no process of the target is there".to_owned());
        }
        let perf = match choice {
            ProfilerChoice::Sampling => Err(String::new()),
            ProfilerChoice::Auto | ProfilerChoice::Perf => Perf::attempt(&pids),
        };
        match (choice, &perf) {
            (ProfilerChoice::Perf, Err(reason)) => Err(reason.clone()),
            _ => Ok(Self {
                subject: subject.clone(),
                perf,
                wanted: choice != ProfilerChoice::Sampling,
            }),
        }
    }

    /// Looks from `begin` (monotonic) until it is finished, for `longest` at most.
    ///
    /// # Errors
    /// When a profiler that worked a moment ago cannot be started.
    pub fn start(self, begin: Nanos, longest: Nanos) -> Result<Profiling, String> {
        let wanted = self.wanted;
        match self.perf {
            Ok(tried) => Ok(Profiling {
                how: How::Perf(tried.start(begin - Monotonic.now(), longest)?),
                per_second: f64::from(perf::HERTZ),
                instead_of_perf: None,
                begin,
            }),
            Err(reason) => Ok(Profiling {
                how: How::Sampling(Sampling::start(self.subject, begin)?),
                per_second: 0.0,
                instead_of_perf: wanted.then_some(reason),
                begin,
            }),
        }
    }
}

impl Profiling {
    /// Ends it, while the target still runs, and understands what was seen.
    ///
    /// # Errors
    /// When nothing was seen, or it cannot be read.
    pub fn finish(self, arm: Arm) -> Result<Profile, String> {
        let lasted = Monotonic.now() - self.begin;
        let (profiler, taken) = match self.how {
            How::Perf(perf) => (Profiler::Perf, perf.finish()?),
            How::Sampling(sampling) => (Profiler::Sampling, sampling.finish()?),
        };
        if taken.stacks.is_empty() {
            return Err("the profiler saw no thread of the target".to_owned());
        }
        let seconds = lasted.as_secs_f64().max(1e-3);
        Ok(Profile {
            arm,
            profiler,
            instead_of_perf: self.instead_of_perf,
            per_second: taken
                .looks
                .map_or(self.per_second, |looks| looks as f64 / seconds),
            lasted,
            left_out: taken.left_out,
            stacks: taken.stacks,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};

    use super::super::running::Running;
    use super::*;

    /// A process with one thread that works and one that sleeps.
    fn busy() -> Running {
        let mut running = Running::shell("sleep 60 & echo up; while :; do :; done");
        let mut line = String::new();
        let stdout = running.0.stdout.as_mut().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        running
    }

    fn profile(choice: ProfilerChoice, running: &Running) -> Result<Profile, String> {
        let subject = Subject::Group(running.0.id());
        let ready = ReadyProfiler::find(choice, &subject)?;
        let profiling = ready.start(Monotonic.now(), Nanos::from_secs(60))?;
        // However late a thread runs on a busy machine, the profiler looks until it is told to stop.
        std::thread::sleep(std::time::Duration::from_millis(700));
        profiling.finish(Arm::Now)
    }

    #[test]
    fn without_perf_it_is_told_who_runs_and_who_waits_in_what() {
        let running = busy();
        let profile = profile(ProfilerChoice::Sampling, &running).expect("a profile");
        assert_eq!(profile.profiler, Profiler::Sampling);
        assert_eq!(profile.instead_of_perf, None, "nobody wanted perf");
        assert!(profile.per_second > 0.0);
        let seen: Vec<_> = profile.stacks.iter().map(|(s, _)| s.join(";")).collect();
        assert!(seen.iter().any(|s| s.starts_with("sh;running")), "{seen:?}");
        let sleeps = |s: &&String| s.starts_with("sleep;waiting") && s.contains("nanosleep");
        assert!(seen.iter().any(|s| sleeps(&s)), "{seen:?}");
    }

    #[test]
    fn perf_names_what_runs_where_it_is_permitted() {
        let running = busy();
        match profile(ProfilerChoice::Perf, &running) {
            Ok(profile) => {
                assert_eq!(profile.profiler, Profiler::Perf);
                let first = profile.stacks.iter().next().expect("a stack").0;
                assert_eq!(first[0], "sh");
                assert!(first.len() > 1, "{first:?}");
            }
            Err(reason) => {
                assert!(reason.contains("perf"), "{reason}");
                println!("skipped: {reason}");
            }
        }
    }

    #[test]
    fn a_target_that_is_gone_is_said() {
        let subject = Subject::Group(u32::MAX >> 2);
        let error = ReadyProfiler::find(ProfilerChoice::Auto, &subject).expect_err("nobody");
        assert_eq!(error, "no process of the target is there");
    }
}
