//! What was read of a target for a diagnostic bundle, before anything is taken out of it or shown.

use serde::Serialize;

use crate::units::Bytes;
use crate::untrusted::Untrusted;

/// One look at a target and its machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snapshot {
    pub processes: Vec<ProcessSeen>,
    pub threads: Vec<ThreadSeen>,
    /// In no particular order.
    pub exhibits: Vec<Exhibit>,
    pub unread: Vec<Unread>,
}

/// A process of the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessSeen {
    pub pid: u32,
    pub parent: u32,
    pub name: Untrusted,
    /// The kernel's letter: `R`, `S`, `D`, `T`, `Z`.
    pub state: char,
    pub threads: u64,
    pub resident: Option<Bytes>,
    pub descriptors: Option<u64>,
    /// As it was started, nothing taken out yet.
    pub arguments: Vec<Untrusted>,
}

/// A thread at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadSeen {
    pub pid: u32,
    pub tid: u32,
    pub name: Untrusted,
    /// What threads of its purpose are called: `worker-*`.
    pub pool: Untrusted,
    /// The kernel's letter.
    pub state: char,
    /// Ticks on a CPU.
    pub ticks: u64,
    /// Function of the kernel that it waits in; None where the kernel does not say.
    pub channel: Option<String>,
    /// System call that it is in.
    pub syscall: Option<String>,
    /// The address that a futex call waits for: threads of one address wait for one lock.
    pub address: Option<String>,
    /// Functions of the kernel, the innermost first; empty where the kernel does not say.
    pub stack: Vec<String>,
}

/// A text that goes into a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exhibit {
    /// Below the bundle's folder, of our own choice: nothing in it comes from outside.
    pub path: String,
    /// What a reader learns from it.
    pub tells: String,
    pub bytes: Vec<u8>,
    /// True when there was more of it than is kept.
    pub cut: bool,
    pub author: Author,
}

/// Whose words a text is made of, which decides what secrets it may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Author {
    /// The kernel's or ours.
    Us,
    /// Ours, with texts of the target in it.
    Quoted,
    /// Somebody else's, who may write secrets that we were never told.
    Others,
}

impl Exhibit {
    /// A whole text in the words of the kernel or of ours.
    pub fn new(
        path: impl Into<String>,
        tells: impl Into<String>,
        text: impl Into<Vec<u8>>,
    ) -> Self {
        Self {
            path: path.into(),
            tells: tells.into(),
            bytes: text.into(),
            cut: false,
            author: Author::Us,
        }
    }

    /// The same in the words of somebody else.
    pub fn by(self, author: Author) -> Self {
        Self { author, ..self }
    }
}

/// Something that a bundle does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unread {
    pub what: String,
    pub why: String,
}

impl Unread {
    pub fn new(what: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            why: why.into(),
        }
    }
}

/// A bundle that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleTaken {
    pub path: String,
    pub why: String,
}
