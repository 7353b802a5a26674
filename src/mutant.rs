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
    /// A comparison of two runs bears the time at which it is made, not that of the run.
    ComparedByTheClock,
    /// A limit on the size of files ends the process by its signal.
    FileSizeLimitKills,
    /// The name of a new file is not made durable.
    FolderWithoutSync,
    /// A run begins whose record will not fit on the disk.
    FullDiskUnforeseen,
    /// A baseline is changed whatever has become of the revision that was looked at.
    LedgerWithoutCompare,
    /// What a killed save left half written stays.
    LedgerWithoutSweep,
    /// Requests are sent on when nothing can be recorded any more.
    LoadOutlivesRecord,
    /// An interval counts as recorded before the disk has it.
    LogWithoutSync,
    /// An entry that could not be made durable stays, though an error was told.
    NewFileStaysAfterError,
    /// A log without its seal is taken for a complete run.
    UnsealedIsComplete,
    /// Whole files are written in place instead of renamed.
    WholeInPlace,
    /// A whole file gets its name before the disk has its bytes.
    WholeWithoutSync,
    /// A connection is read for as long as there is something to read.
    TurnWithoutEnd,
    /// What is no body may be as much as it likes, over HTTP/2.
    Http2ChatterWithoutEnd,
    /// A head may have any size.
    HeadWithoutEnd,
    /// A head may have any number of fields.
    FieldsWithoutEnd,
    /// Any number of interim answers may come before the final one.
    InterimWithoutEnd,
    /// A body that is looked at is kept however long it is.
    BodyIsKeptWhole,
    /// A body may unpack to anything.
    GzipWithoutEnd,
    /// A body is unpacked though nobody asked for gzip.
    GzipUnasked,
    /// A redirect is followed whatever host it names.
    RedirectAnywhere,
    /// A connection on which more came than was asked for is used again.
    SurplusIsForgiven,
    /// A connection may take any time to be made.
    ConnectWithoutEnd,
    /// A handshake may take any time.
    HandshakeWithoutEnd,
    /// The first byte of an answer may take any time.
    SilenceWithoutEnd,
    /// An answer may take any time.
    AnswerWithoutEnd,
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
    /// The checksum of a frame is not compared.
    BrokenFramesBelieved,
    /// A cell of a table may begin a formula.
    CellUnescaped,
    /// Control characters and direction marks are sent as they are.
    ControlsSent,
    /// An entry of a ledger need not have the hash that is its name.
    EntryByAnyName,
    /// JSON may end the script element it stands in.
    JsonForScripts,
    /// The value of a label may leave its quotes.
    LabelUnescaped,
    /// A link may lead what is written out of the project.
    LinksFollowed,
    /// Text in Markdown may be markup.
    MarkdownUnescaped,
    /// Text in XML may be markup.
    MarkupUnescaped,
    /// A name may lead out of its folder.
    NamesUnchecked,
    /// A scenario may be nested as deep as it likes.
    NestedTooDeep,
    /// Files of any schema are read.
    NewerSchemasRead,
    /// Counts and indices that are not plausible are counted with.
    NumbersUnchecked,
    /// Text may be a command to the CI runner that reads our output.
    RunnerCommands,
    /// The hash at the end of a sealed file is not compared.
    SealsUnchecked,
    /// Files are read whatever their size.
    TooLargeFilesRead,
    /// A histogram of others unpacks to any size.
    UnpackedWithoutLimit,
    /// A frame of a run log unpacks to any size.
    BigFramesUnpacked,
}

impl Mutant {
    /// All there are.
    pub const ALL: &[Self] = &[
        Self::LedgerWithoutLock,
        Self::ComparedByTheClock,
        Self::FileSizeLimitKills,
        Self::FolderWithoutSync,
        Self::FullDiskUnforeseen,
        Self::LedgerWithoutCompare,
        Self::LedgerWithoutSweep,
        Self::LoadOutlivesRecord,
        Self::LogWithoutSync,
        Self::NewFileStaysAfterError,
        Self::UnsealedIsComplete,
        Self::WholeInPlace,
        Self::WholeWithoutSync,
        Self::TurnWithoutEnd,
        Self::Http2ChatterWithoutEnd,
        Self::HeadWithoutEnd,
        Self::FieldsWithoutEnd,
        Self::InterimWithoutEnd,
        Self::BodyIsKeptWhole,
        Self::GzipWithoutEnd,
        Self::GzipUnasked,
        Self::RedirectAnywhere,
        Self::SurplusIsForgiven,
        Self::ConnectWithoutEnd,
        Self::HandshakeWithoutEnd,
        Self::SilenceWithoutEnd,
        Self::AnswerWithoutEnd,
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
        Self::BrokenFramesBelieved,
        Self::CellUnescaped,
        Self::ControlsSent,
        Self::EntryByAnyName,
        Self::JsonForScripts,
        Self::LabelUnescaped,
        Self::LinksFollowed,
        Self::MarkdownUnescaped,
        Self::MarkupUnescaped,
        Self::NamesUnchecked,
        Self::NestedTooDeep,
        Self::NewerSchemasRead,
        Self::NumbersUnchecked,
        Self::RunnerCommands,
        Self::SealsUnchecked,
        Self::TooLargeFilesRead,
        Self::UnpackedWithoutLimit,
        Self::BigFramesUnpacked,
    ];

    /// Its name in `PLIMSOLL_MUTANT`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LedgerWithoutLock => "ledger-without-lock",
            Self::ComparedByTheClock => "compared-by-the-clock",
            Self::FileSizeLimitKills => "file-size-limit-kills",
            Self::FolderWithoutSync => "folder-without-sync",
            Self::FullDiskUnforeseen => "full-disk-unforeseen",
            Self::LedgerWithoutCompare => "ledger-without-compare",
            Self::LedgerWithoutSweep => "ledger-without-sweep",
            Self::LoadOutlivesRecord => "load-outlives-record",
            Self::LogWithoutSync => "log-without-sync",
            Self::NewFileStaysAfterError => "new-file-stays-after-error",
            Self::UnsealedIsComplete => "unsealed-is-complete",
            Self::WholeInPlace => "whole-in-place",
            Self::WholeWithoutSync => "whole-without-sync",
            Self::TurnWithoutEnd => "turn-without-end",
            Self::Http2ChatterWithoutEnd => "http2-chatter-without-end",
            Self::HeadWithoutEnd => "head-without-end",
            Self::FieldsWithoutEnd => "fields-without-end",
            Self::InterimWithoutEnd => "interim-without-end",
            Self::BodyIsKeptWhole => "body-is-kept-whole",
            Self::GzipWithoutEnd => "gzip-without-end",
            Self::GzipUnasked => "gzip-unasked",
            Self::RedirectAnywhere => "redirect-anywhere",
            Self::SurplusIsForgiven => "surplus-is-forgiven",
            Self::ConnectWithoutEnd => "connect-without-end",
            Self::HandshakeWithoutEnd => "handshake-without-end",
            Self::SilenceWithoutEnd => "silence-without-end",
            Self::AnswerWithoutEnd => "answer-without-end",
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
            Self::BrokenFramesBelieved => "broken-frames-believed",
            Self::CellUnescaped => "cell-unescaped",
            Self::ControlsSent => "controls-sent",
            Self::EntryByAnyName => "entry-by-any-name",
            Self::JsonForScripts => "json-for-scripts",
            Self::LabelUnescaped => "label-unescaped",
            Self::LinksFollowed => "links-followed",
            Self::MarkdownUnescaped => "markdown-unescaped",
            Self::MarkupUnescaped => "markup-unescaped",
            Self::NamesUnchecked => "names-unchecked",
            Self::NestedTooDeep => "nested-too-deep",
            Self::NewerSchemasRead => "newer-schemas-read",
            Self::NumbersUnchecked => "numbers-unchecked",
            Self::RunnerCommands => "runner-commands",
            Self::SealsUnchecked => "seals-unchecked",
            Self::TooLargeFilesRead => "too-large-files-read",
            Self::UnpackedWithoutLimit => "unpacked-without-limit",
            Self::BigFramesUnpacked => "big-frames-unpacked",
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
