//! Protections that a test can take away, to show that it would notice their absence.
//!
//! A promise that is only tested on a program that keeps it may be tested by nothing. So each
//! protection asks here whether it is switched off, and `tests/promises` runs the test of its
//! promise once more without it: the test must fail. Only a build with the feature `mutants` can
//! switch anything off, by the variable `PLIMSOLL_MUTANT`; in every other build [`is_on`] is
//! `false` at compile time and leaves nothing behind.

/// A protection that is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// Two who promote at once do not wait for each other.
    LedgerWithoutLock,
    /// Tasks that wait for a core spoil no round.
    CpuPressureUnsuspected,
    /// A load thread that waits for a core spoils no round.
    StarvedUnsuspected,
    /// A generator that stood still spoils no round.
    StandstillUnsuspected,
    /// A CPU quota spoils no round.
    ThrottledUnsuspected,
    /// A clock that was set spoils no round.
    ClockStepUnsuspected,
    /// Memory that was given away spoils no round.
    PageFaultsUnsuspected,
    /// A record that falls behind spoils no round.
    RecordDelayUnsuspected,
    /// Descriptors or ports that ran out spoil no round.
    ExhaustedUnsuspected,
    /// A run begins that the limits of this machine cannot bear.
    LimitsUnforeseen,
    /// The first signal does not end a run.
    FirstSignalUnheard,
    /// The second signal does not end it at once.
    SecondSignalUnheard,
    /// Nobody ends the target of a Plimsoll that was killed.
    TargetUnwatched,
}

impl Mutant {
    /// All there are.
    pub const ALL: &[Self] = &[
        Self::LedgerWithoutLock,
        Self::CpuPressureUnsuspected,
        Self::StarvedUnsuspected,
        Self::StandstillUnsuspected,
        Self::ThrottledUnsuspected,
        Self::ClockStepUnsuspected,
        Self::PageFaultsUnsuspected,
        Self::RecordDelayUnsuspected,
        Self::ExhaustedUnsuspected,
        Self::LimitsUnforeseen,
        Self::FirstSignalUnheard,
        Self::SecondSignalUnheard,
        Self::TargetUnwatched,
    ];

    /// Its name in `PLIMSOLL_MUTANT`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LedgerWithoutLock => "ledger-without-lock",
            Self::CpuPressureUnsuspected => "cpu-pressure-unsuspected",
            Self::StarvedUnsuspected => "starved-unsuspected",
            Self::StandstillUnsuspected => "standstill-unsuspected",
            Self::ThrottledUnsuspected => "throttled-unsuspected",
            Self::ClockStepUnsuspected => "clock-step-unsuspected",
            Self::PageFaultsUnsuspected => "page-faults-unsuspected",
            Self::RecordDelayUnsuspected => "record-delay-unsuspected",
            Self::ExhaustedUnsuspected => "exhausted-unsuspected",
            Self::LimitsUnforeseen => "limits-unforeseen",
            Self::FirstSignalUnheard => "first-signal-unheard",
            Self::SecondSignalUnheard => "second-signal-unheard",
            Self::TargetUnwatched => "target-unwatched",
        }
    }
}

/// Whether this protection is taken away in this process.
#[cfg(not(feature = "mutants"))]
#[inline]
pub const fn is_on(_: Mutant) -> bool {
    false
}

/// Whether this protection is taken away in this process.
#[cfg(feature = "mutants")]
pub fn is_on(mutant: Mutant) -> bool {
    static CHOSEN: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let chosen = CHOSEN.get_or_init(|| std::env::var("PLIMSOLL_MUTANT").ok());
    chosen.as_deref() == Some(mutant.name())
}
