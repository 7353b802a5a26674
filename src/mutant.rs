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
    /// A server of ours listens on every address of the machine.
    BindsEverywhere,
    /// Nobody tells the workers what the guard says.
    GuardUnheard,
    /// Any host may be loaded without being asked for.
    HostsUnasked,
    /// The metadata services of clouds are hosts like others.
    MetadataAllowed,
    /// A client looks the name of the target up itself, after its address was found good.
    NameNotPinned,
    /// What a target says back is recorded as it is.
    NoRedaction,
    /// The limits of the checkout judge, whatever `--policy-from` names.
    PolicyFromCheckout,
    /// A redirect is followed to whatever host it names.
    RedirectsAnywhere,
    /// Where a name leads to is not looked at.
    ResolvedUnseen,
    /// The value of a secret is a part of what identifies the plan.
    SecretInHash,
    /// A shard draws arrivals of its own, in place of its share of the common ones.
    ShardsByCount,
    /// A symbolic link in the commit of a policy is read like a file.
    SymlinksFollowed,
    /// Any certificate is accepted.
    UnverifiedTls,
    /// A plan that verifies no certificate is the same plan as one that does.
    UnverifiedUnsaid,
}

impl Mutant {
    /// All there are.
    pub const ALL: &[Self] = &[
        Self::LedgerWithoutLock,
        Self::BindsEverywhere,
        Self::GuardUnheard,
        Self::HostsUnasked,
        Self::MetadataAllowed,
        Self::NameNotPinned,
        Self::NoRedaction,
        Self::PolicyFromCheckout,
        Self::RedirectsAnywhere,
        Self::ResolvedUnseen,
        Self::SecretInHash,
        Self::ShardsByCount,
        Self::SymlinksFollowed,
        Self::UnverifiedTls,
        Self::UnverifiedUnsaid,
    ];

    /// Its name in `PLIMSOLL_MUTANT`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LedgerWithoutLock => "ledger-without-lock",
            Self::BindsEverywhere => "binds-everywhere",
            Self::GuardUnheard => "guard-unheard",
            Self::HostsUnasked => "hosts-unasked",
            Self::MetadataAllowed => "metadata-allowed",
            Self::NameNotPinned => "name-not-pinned",
            Self::NoRedaction => "no-redaction",
            Self::PolicyFromCheckout => "policy-from-checkout",
            Self::RedirectsAnywhere => "redirects-anywhere",
            Self::ResolvedUnseen => "resolved-unseen",
            Self::SecretInHash => "secret-in-hash",
            Self::ShardsByCount => "shards-by-count",
            Self::SymlinksFollowed => "symlinks-followed",
            Self::UnverifiedTls => "unverified-tls",
            Self::UnverifiedUnsaid => "unverified-unsaid",
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
