//! What a behaviour of a target is: its name, what it does, and what is to come of it.

use plimsoll::model::ErrorClass;

use super::server::Server;
use super::{bodies, doors, follows, frames, heads, secure};

/// A way in which a target may misbehave.
#[derive(Debug, Clone, Copy)]
pub(super) struct Behaviour {
    pub(super) name: &'static str,
    /// What the server does, for readers.
    pub(super) does: &'static str,
    /// Classes under which requests may fail, the usual first; empty: they must all succeed.
    pub(super) fails: &'static [ErrorClass],
    /// Where its healthy neighbours are.
    pub(super) beside: Beside,
    /// True when it may as well come to nothing, since two things happen at once.
    pub(super) maybe: bool,
    /// What the scenario says more of the hostile step.
    pub(super) step: &'static str,
    /// What is spoken.
    pub(super) speech: Speech,
    pub(super) start: fn() -> Server,
    /// A target without a fault whose hostile path takes up as many connections, where that is more
    /// than a prompt answer does: so many are opened for healthy requests too, whoever is at fault.
    pub(super) control: Option<fn() -> Server>,
}

/// Where the healthy endpoint is that is asked in the same run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beside {
    /// Another path of the same server.
    Path,
    /// Other connections to the same server, since the behaviour comes before any path is known.
    Connection,
    /// The same, and they wait at the same door.
    Door,
}

/// What a scenario speaks with its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Speech {
    Http1,
    Http2,
    Https1,
    Https2,
}

impl Behaviour {
    /// A behaviour of one path, over HTTP/1.1 in clear text.
    pub(super) const fn of_path(
        name: &'static str,
        does: &'static str,
        fails: &'static [ErrorClass],
        start: fn() -> Server,
    ) -> Self {
        Self {
            name,
            does,
            fails,
            beside: Beside::Path,
            maybe: false,
            step: "",
            speech: Speech::Http1,
            start,
            control: None,
        }
    }

    /// A behaviour of some connections.
    pub(super) const fn of_connections(
        name: &'static str,
        does: &'static str,
        fails: &'static [ErrorClass],
        start: fn() -> Server,
    ) -> Self {
        Self {
            beside: Beside::Connection,
            ..Self::of_path(name, does, fails, start)
        }
    }

    /// A behaviour at the door, which lets some connections in.
    pub(super) const fn of_door(
        name: &'static str,
        does: &'static str,
        fails: &'static [ErrorClass],
        start: fn() -> Server,
    ) -> Self {
        Self {
            beside: Beside::Door,
            ..Self::of_path(name, does, fails, start)
        }
    }

    pub(super) const fn perhaps(self) -> Self {
        Self {
            maybe: true,
            ..self
        }
    }

    pub(super) const fn speaking(self, speech: Speech) -> Self {
        Self { speech, ..self }
    }

    pub(super) const fn asking(self, step: &'static str) -> Self {
        Self { step, ..self }
    }

    pub(super) const fn like(self, control: fn() -> Server) -> Self {
        Self {
            control: Some(control),
            ..self
        }
    }

    /// What a healthy endpoint is measured beside for comparison: no fault, and as many connections.
    pub(super) fn without_fault(&self) -> Self {
        let well = self.speech.well();
        Self {
            start: self.control.unwrap_or(well.start),
            step: self.step,
            ..*well
        }
    }
}

/// A target without any fault, over each speech: what memory is measured against.
pub(super) static WELL: [Behaviour; 4] = [
    Behaviour::of_path("well", "answers", &[], heads::well),
    Behaviour::of_path("well, HTTP/2", "answers", &[], frames::well).speaking(Speech::Http2),
    Behaviour::of_connections("well, TLS", "answers", &[], secure::well).speaking(Speech::Https1),
    Behaviour::of_connections("well, TLS and HTTP/2", "answers", &[], secure::well_http2)
        .speaking(Speech::Https2),
];

impl Speech {
    /// A target without any fault that is spoken to in the same way.
    pub(super) fn well(self) -> &'static Behaviour {
        let all = WELL.iter();
        let mut of_it = all.filter(|behaviour| behaviour.speech == self);
        of_it.next().expect("one for each speech")
    }
}

/// Those with these names.
pub(super) fn named(names: &[&str]) -> Vec<Behaviour> {
    let found: Vec<_> = all()
        .into_iter()
        .filter(|behaviour| names.contains(&behaviour.name))
        .collect();
    assert_eq!(found.len(), names.len(), "{names:?}");
    found
}

/// All that are tried by runs of their own; those that need names are beside them in `names`.
pub(super) fn all() -> Vec<Behaviour> {
    [
        doors::ALL,
        secure::ALL,
        heads::ALL,
        bodies::ALL,
        follows::ALL,
        frames::ALL,
    ]
    .concat()
}
