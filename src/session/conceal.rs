//! What a target says back, without the secrets that it was told.
//!
//! A target may show what it was sent: in what it writes, in the labels of its metrics, in the names of
//! its threads. All of that passes here before it is recorded or shown.

use std::collections::BTreeMap;

use super::SessionError;
use crate::launch::LaunchError;
use crate::model::{Profile, Sample, SeriesName};
use crate::redaction::Redactor;
use crate::untrusted::Untrusted;

/// So much of what a target wrote is kept for messages; more of it has lost its beginning.
const TAIL: usize = 8 << 10;

/// One look at the target.
pub(super) fn sample(redactor: &Redactor, mut sample: Sample) -> Sample {
    if redactor.is_idle() {
        return sample;
    }
    if let Some(detail) = &mut sample.detail {
        let names = std::mem::take(&mut detail.thread_cpu);
        for (name, time) in names {
            *detail.thread_cpu.entry(redactor.text(&name)).or_default() += time;
        }
    }
    for scraped in &mut sample.scraped {
        scraped.series = series(redactor, &scraped.series);
    }
    for health in &mut sample.health {
        health.reason = health.reason.take().map(|reason| redactor.text(&reason));
    }
    sample
}

fn series(redactor: &Redactor, series: &SeriesName) -> SeriesName {
    let labels = series.labels.iter();
    let labels = labels.map(|(name, value)| (redactor.text(name), redactor.text(value)));
    SeriesName {
        metric: redactor.text(&series.metric),
        labels: labels.collect::<BTreeMap<_, _>>(),
    }
}

/// What went wrong, in which the target may have its say.
pub(super) fn error(redactor: &Redactor, error: SessionError) -> SessionError {
    match error {
        SessionError::Launch(error) => SessionError::Launch(launch(redactor, error)),
        SessionError::Unhealthy { name, get, reason } => SessionError::Unhealthy {
            name,
            get,
            reason: redactor.text(&reason),
        },
        other => other,
    }
}

fn launch(redactor: &Redactor, error: LaunchError) -> LaunchError {
    match error {
        LaunchError::ExitedEarly { status, output } => LaunchError::ExitedEarly {
            status,
            output: written(redactor, &output),
        },
        LaunchError::NotReady {
            within,
            last,
            output,
        } => LaunchError::NotReady {
            within,
            last: redactor.text(&last),
            output: output.map(|output| written(redactor, &output)),
        },
        other => other,
    }
}

/// What a target wrote. A line that has lost its beginning goes with it: half a secret would not be known
/// for one.
fn written(redactor: &Redactor, output: &Untrusted) -> Untrusted {
    if redactor.is_idle() {
        return output.clone();
    }
    let whole = match output.raw() {
        text if text.len() < TAIL => text,
        text => text.split_once('\n').map_or("", |(_, whole)| whole),
    };
    Untrusted::new(redactor.text(whole))
}

/// Where it was seen to be.
pub(super) fn profile(redactor: &Redactor, profile: Profile) -> Profile {
    if redactor.is_idle() {
        return profile;
    }
    let mut known = BTreeMap::new();
    let stacks = profile.stacks.renamed(|frame| {
        let clean = known.entry(frame.to_owned());
        clean.or_insert_with(|| redactor.text(frame)).clone()
    });
    Profile { stacks, ..profile }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_secret_at_the_beginning_is_not_shown() {
        let redactor = Redactor::new(["tell-nobody"]);
        let shown = |text: &str| written(&redactor, &Untrusted::from(text)).raw().to_owned();
        assert_eq!(shown("key tell-nobody\n"), "key [redacted]\n");
        let cut = format!("nobody\nend {}", "x".repeat(TAIL));
        assert_eq!(shown(&cut), cut["nobody\n".len()..]);
        assert_eq!(shown(&"nobody ".repeat(TAIL)), "");
    }
}
