//! Protections that a test can take away, to show that it would notice their absence.
//!
//! A promise that is only tested on a program that keeps it may be tested by nothing. So each
//! protection asks here whether it is switched off, and `tests/promises` runs the test of its
//! promise once more without it: the test must fail. Only a build with the feature `mutants` can
//! switch anything off, by the variable `PLIMSOLL_MUTANT`; in every other build [`is_on`] is
//! `false` at compile time and leaves nothing behind.

macro_rules! mutants {
    ($($(#[$what:meta])+ $name:ident = $text:literal,)+) => {
        /// A protection that is taken away.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Mutant {
            $($(#[$what])+ $name,)+
        }

        impl Mutant {
            /// All there are.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// Its name in `PLIMSOLL_MUTANT`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)+
                }
            }
        }
    };
}

mutants! {
    /// Two who promote at once do not wait for each other.
    LedgerWithoutLock = "ledger-without-lock",
    /// A comparison of two runs bears the time at which it is made, not that of the run.
    ComparedByTheClock = "compared-by-the-clock",
    /// A limit on the size of files ends the process by its signal.
    FileSizeLimitKills = "file-size-limit-kills",
    /// The name of a new file is not made durable.
    FolderWithoutSync = "folder-without-sync",
    /// A run begins whose record will not fit on the disk.
    FullDiskUnforeseen = "full-disk-unforeseen",
    /// A baseline is changed whatever has become of the revision that was looked at.
    LedgerWithoutCompare = "ledger-without-compare",
    /// What a killed save left half written stays.
    LedgerWithoutSweep = "ledger-without-sweep",
    /// Requests are sent on when nothing can be recorded any more.
    LoadOutlivesRecord = "load-outlives-record",
    /// An interval counts as recorded before the disk has it.
    LogWithoutSync = "log-without-sync",
    /// An entry that could not be made durable stays, though an error was told.
    NewFileStaysAfterError = "new-file-stays-after-error",
    /// A log without its seal is taken for a complete run.
    UnsealedIsComplete = "unsealed-is-complete",
    /// Whole files are written in place instead of renamed.
    WholeInPlace = "whole-in-place",
    /// A whole file gets its name before the disk has its bytes.
    WholeWithoutSync = "whole-without-sync",
    /// A connection is read for as long as there is something to read.
    TurnWithoutEnd = "turn-without-end",
    /// What is no body may be as much as it likes, over HTTP/2.
    Http2ChatterWithoutEnd = "http2-chatter-without-end",
    /// A head may have any size.
    HeadWithoutEnd = "head-without-end",
    /// A head may have any number of fields.
    FieldsWithoutEnd = "fields-without-end",
    /// Any number of interim answers may come before the final one.
    InterimWithoutEnd = "interim-without-end",
    /// A body that is looked at is kept however long it is.
    BodyIsKeptWhole = "body-is-kept-whole",
    /// A body may unpack to anything.
    GzipWithoutEnd = "gzip-without-end",
    /// A body is unpacked though nobody asked for gzip.
    GzipUnasked = "gzip-unasked",
    /// A redirect is followed whatever host it names.
    RedirectAnywhere = "redirect-anywhere",
    /// A connection on which more came than was asked for is used again.
    SurplusIsForgiven = "surplus-is-forgiven",
    /// A connection may take any time to be made.
    ConnectWithoutEnd = "connect-without-end",
    /// A handshake may take any time.
    HandshakeWithoutEnd = "handshake-without-end",
    /// The first byte of an answer may take any time.
    SilenceWithoutEnd = "silence-without-end",
    /// An answer may take any time.
    AnswerWithoutEnd = "answer-without-end",
    /// Tasks that wait for a core spoil no round.
    CpuPressureUnsuspected = "cpu-pressure-unsuspected",
    /// A load thread that waits for a core spoils no round.
    StarvedUnsuspected = "starved-unsuspected",
    /// A generator that stood still spoils no round.
    StandstillUnsuspected = "standstill-unsuspected",
    /// A CPU quota spoils no round.
    ThrottledUnsuspected = "throttled-unsuspected",
    /// A clock that was set spoils no round.
    ClockStepUnsuspected = "clock-step-unsuspected",
    /// Memory that was given away spoils no round.
    PageFaultsUnsuspected = "page-faults-unsuspected",
    /// A record that falls behind spoils no round.
    RecordDelayUnsuspected = "record-delay-unsuspected",
    /// Descriptors or ports that ran out spoil no round.
    ExhaustedUnsuspected = "exhausted-unsuspected",
    /// A run begins that the limits of this machine cannot bear.
    LimitsUnforeseen = "limits-unforeseen",
    /// The table of descriptors grows while requests are sent.
    DescriptorsUnreserved = "descriptors-unreserved",
    /// The first signal does not end a run.
    FirstSignalUnheard = "first-signal-unheard",
    /// The second signal does not end it at once.
    SecondSignalUnheard = "second-signal-unheard",
    /// Nobody ends the target of a Plimsoll that was killed.
    TargetUnwatched = "target-unwatched",
    /// The checksum of a frame is not compared.
    BrokenFramesBelieved = "broken-frames-believed",
    /// A cell of a table may begin a formula.
    CellUnescaped = "cell-unescaped",
    /// Control characters and direction marks are sent as they are.
    ControlsSent = "controls-sent",
    /// An entry of a ledger need not have the hash that is its name.
    EntryByAnyName = "entry-by-any-name",
    /// JSON may end the script element it stands in.
    JsonForScripts = "json-for-scripts",
    /// The value of a label may leave its quotes.
    LabelUnescaped = "label-unescaped",
    /// A link may lead what is written out of the project.
    LinksFollowed = "links-followed",
    /// Text in Markdown may be markup.
    MarkdownUnescaped = "markdown-unescaped",
    /// Text in XML may be markup.
    MarkupUnescaped = "markup-unescaped",
    /// A name may lead out of its folder.
    NamesUnchecked = "names-unchecked",
    /// A scenario may be nested as deep as it likes.
    NestedTooDeep = "nested-too-deep",
    /// Files of any schema are read.
    NewerSchemasRead = "newer-schemas-read",
    /// Counts and indices that are not plausible are counted with.
    NumbersUnchecked = "numbers-unchecked",
    /// Text may be a command to the CI runner that reads our output.
    RunnerCommands = "runner-commands",
    /// The hash at the end of a sealed file is not compared.
    SealsUnchecked = "seals-unchecked",
    /// Files are read whatever their size.
    TooLargeFilesRead = "too-large-files-read",
    /// A histogram of others unpacks to any size.
    UnpackedWithoutLimit = "unpacked-without-limit",
    /// A frame of a run log unpacks to any size.
    BigFramesUnpacked = "big-frames-unpacked",
    /// Pages are shown under any name that leads to this machine.
    AnyHostServed = "any-host-served",
    /// Pages are shown to the pages of others.
    AnyOriginServed = "any-origin-served",
    /// Pages are shown to whoever asks.
    TokenUnasked = "token-unasked",
    /// A request may take as long to come as it likes.
    SlowSendersServed = "slow-senders-served",
    /// A server of ours listens on every address of the machine.
    BindsEverywhere = "binds-everywhere",
    /// Nobody tells the workers what the guard says.
    GuardUnheard = "guard-unheard",
    /// Any host may be loaded without being asked for.
    HostsUnasked = "hosts-unasked",
    /// The metadata services of clouds are hosts like others.
    MetadataAllowed = "metadata-allowed",
    /// A client looks the name of the target up itself, after its address was found good.
    NameNotPinned = "name-not-pinned",
    /// What a target says back is recorded as it is.
    NoRedaction = "no-redaction",
    /// The limits of the checkout judge, whatever `--policy-from` names.
    PolicyFromCheckout = "policy-from-checkout",
    /// Where a name leads to is not looked at.
    ResolvedUnseen = "resolved-unseen",
    /// The value of a secret is a part of what identifies the plan.
    SecretInHash = "secret-in-hash",
    /// A shard draws arrivals of its own, in place of its share of the common ones.
    ShardsByCount = "shards-by-count",
    /// A symbolic link in the commit of a policy is read like a file.
    SymlinksFollowed = "symlinks-followed",
    /// Any certificate is accepted.
    UnverifiedTls = "unverified-tls",
    /// A plan that verifies no certificate is the same plan as one that does.
    UnverifiedUnsaid = "unverified-unsaid",
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
