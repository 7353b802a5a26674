//! What a machine is fit for, reading by reading, as `doctor` tells it.

use serde::Serialize;

/// Version of the JSON form.
pub const CHECKUP_SCHEMA: u32 = 1;

/// All readings of a machine, and what they come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checkup {
    pub schema: u32,
    pub verdict: Readiness,
    pub readings: Vec<Reading>,
}

/// Whether latencies can be measured on a machine now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Readiness {
    /// Nothing stands in the way.
    Fit,
    /// Something makes numbers less precise than they could be.
    Costly,
    /// Rounds would be contaminated, and left out of comparisons of times.
    Unfit,
}

/// What one reading means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fitness {
    Fine,
    /// The machine does not say.
    NotTold,
    /// It costs precision.
    Costs,
    /// It breaks a limit beyond which a round is contaminated.
    Spoils,
}

/// What a reading is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// How the machine is built and set up.
    Machine,
    /// What else happens on it now.
    Now,
    /// What a heavy load may run into.
    Limits,
    /// What the measuring itself adds.
    Instrument,
}

/// One property of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reading {
    pub topic: Topic,
    pub name: &'static str,
    /// With its unit.
    pub value: String,
    pub verdict: Fitness,
    /// Which numbers suffer, and by how much where that is known.
    pub costs: Option<String>,
    /// What to do about it, with the command where there is one.
    pub mend: Option<String>,
}

impl Checkup {
    /// Sums the readings up: the worst of them decides.
    pub fn of(readings: Vec<Reading>) -> Self {
        let worst = readings.iter().map(|reading| reading.verdict).max();
        Self {
            schema: CHECKUP_SCHEMA,
            verdict: match worst {
                None | Some(Fitness::Fine | Fitness::NotTold) => Readiness::Fit,
                Some(Fitness::Costs) => Readiness::Costly,
                Some(Fitness::Spoils) => Readiness::Unfit,
            },
            readings,
        }
    }

    /// The readings of one verdict.
    pub fn those_that(&self, verdict: Fitness) -> impl Iterator<Item = &Reading> {
        self.readings.iter().filter(move |r| r.verdict == verdict)
    }
}

impl Readiness {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fit => "fit",
            Self::Costly => "costly",
            Self::Unfit => "unfit",
        }
    }

    pub const fn sign(self) -> &'static str {
        match self {
            Self::Fit => Fitness::Fine.sign(),
            Self::Costly => Fitness::Costs.sign(),
            Self::Unfit => Fitness::Spoils.sign(),
        }
    }
}

impl Fitness {
    pub const fn word(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::NotTold => "not told",
            Self::Costs => "costs",
            Self::Spoils => "spoils",
        }
    }

    pub const fn sign(self) -> &'static str {
        match self {
            Self::Fine => "✔",
            Self::NotTold => "?",
            Self::Costs => "!",
            Self::Spoils => "✘",
        }
    }
}

impl Topic {
    pub const ALL: [Self; 4] = [Self::Machine, Self::Now, Self::Limits, Self::Instrument];

    /// The heading above its readings.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::Machine => "the machine",
            Self::Now => "what else happens on it now",
            Self::Limits => "what a heavy load may run into",
            Self::Instrument => "what the measuring itself adds",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_reading_decides_and_what_is_not_told_does_not() {
        let reading = |verdict| Reading {
            topic: Topic::Now,
            name: "steal",
            value: "1 %".to_owned(),
            verdict,
            costs: None,
            mend: None,
        };
        for (verdicts, expected) in [
            (&[][..], Readiness::Fit),
            (&[Fitness::Fine, Fitness::NotTold], Readiness::Fit),
            (&[Fitness::Costs, Fitness::NotTold], Readiness::Costly),
            (
                &[Fitness::Costs, Fitness::Spoils, Fitness::Fine],
                Readiness::Unfit,
            ),
        ] {
            let checkup = Checkup::of(verdicts.iter().copied().map(reading).collect());
            assert_eq!(checkup.verdict, expected, "{verdicts:?}");
        }
    }
}
