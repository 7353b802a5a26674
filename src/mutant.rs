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
