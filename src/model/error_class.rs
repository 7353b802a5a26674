//! Why a request did not succeed: where it broke and what broke, and whose fault it can be.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kind of a failed request. Metric `errors.<class>` counts each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorClass {
    /// The port is closed.
    Refused,
    /// The connection was reset, or broke while being written to.
    Reset,
    /// The connection was closed before the answer was complete.
    Closed,
    TimeoutConnect,
    /// The TLS handshake was not done in time.
    TimeoutTls,
    TimeoutFirstByte,
    TimeoutTotal,
    /// No connection became free in time, so the request was never sent.
    TimeoutWait,
    /// Too many requests were outstanding, so this one was never sent.
    Overflow,
    /// The guard was open, so the request was never sent.
    Withheld,
    /// The target's certificate is not one to trust.
    TlsCertificate,
    /// The TLS handshake failed, or the record layer broke.
    Tls,
    /// The answer is not HTTP, or breaks its own framing.
    Protocol,
    #[serde(rename = "status-429")]
    Status429,
    #[serde(rename = "status-4xx")]
    Status4xx,
    #[serde(rename = "status-5xx")]
    Status5xx,
    /// Another status than the expected one, such as a 302 where 200 was expected.
    StatusOther,
    /// The body is not what the step expects.
    ExpectFailed,
    /// A value that later steps need is not in the answer.
    CaptureFailed,
    /// Redirected too often, or to another host.
    Redirect,
    /// Cut off by the end of the run.
    InFlight,
    /// This process ran out of descriptors: the generator's fault.
    GeneratorDescriptors,
    /// This machine ran out of local ports: the generator's fault.
    GeneratorPorts,
    /// The rows of a data file that may be used once are used up: the scenario's fault.
    GeneratorData,
}

/// What kind of trouble a class points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// May pass by itself.
    Transient,
    /// Will come back with the same request.
    Permanent,
    /// Something ran out.
    Resource,
    /// The answer came and is wrong.
    Logic,
}

impl ErrorClass {
    pub const ALL: [Self; 24] = [
        Self::Refused,
        Self::Reset,
        Self::Closed,
        Self::TimeoutConnect,
        Self::TimeoutTls,
        Self::TimeoutFirstByte,
        Self::TimeoutTotal,
        Self::TimeoutWait,
        Self::Overflow,
        Self::Withheld,
        Self::TlsCertificate,
        Self::Tls,
        Self::Protocol,
        Self::Status429,
        Self::Status4xx,
        Self::Status5xx,
        Self::StatusOther,
        Self::ExpectFailed,
        Self::CaptureFailed,
        Self::Redirect,
        Self::InFlight,
        Self::GeneratorDescriptors,
        Self::GeneratorPorts,
        Self::GeneratorData,
    ];

    /// The name as written in metrics and records.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Closed => "closed",
            Self::TimeoutConnect => "timeout-connect",
            Self::TimeoutTls => "timeout-tls",
            Self::TimeoutFirstByte => "timeout-first-byte",
            Self::TimeoutTotal => "timeout-total",
            Self::TimeoutWait => "timeout-wait",
            Self::Overflow => "overflow",
            Self::Withheld => "withheld",
            Self::TlsCertificate => "tls-certificate",
            Self::Tls => "tls",
            Self::Protocol => "protocol",
            Self::Status429 => "status-429",
            Self::Status4xx => "status-4xx",
            Self::Status5xx => "status-5xx",
            Self::StatusOther => "status-other",
            Self::ExpectFailed => "expect-failed",
            Self::CaptureFailed => "capture-failed",
            Self::Redirect => "redirect",
            Self::InFlight => "in-flight",
            Self::GeneratorDescriptors => "generator-descriptors",
            Self::GeneratorPorts => "generator-ports",
            Self::GeneratorData => "generator-data",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// One sentence for `explain`.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Refused => "The target's port is closed: nothing listens there.",
            Self::Reset => "The connection was reset by the target.",
            Self::Closed => "The connection was closed before the answer was complete.",
            Self::TimeoutConnect => "No connection was made within the time allowed.",
            Self::TimeoutTls => "The TLS handshake was not done within the time allowed.",
            Self::TimeoutFirstByte => "No byte of the answer came within the time allowed.",
            Self::TimeoutTotal => "The answer was not complete within the time allowed.",
            Self::TimeoutWait => {
                "All connections were busy with unanswered requests for so long that the request was given up unsent."
            }
            Self::Overflow => {
                "The request was due while `max-in-flight` others were outstanding, and was never sent."
            }
            Self::Withheld => {
                "The request was due while the guard, or `max-rate`, held the load back."
            }
            Self::TlsCertificate => {
                "The target's certificate is expired, for another host, or signed by nobody that is trusted."
            }
            Self::Tls => "The TLS handshake failed, or what came after it was no TLS.",
            Self::Protocol => "The answer is not HTTP/1.1, or breaks its own framing.",
            Self::Status429 => "The target answered 429 Too Many Requests.",
            Self::Status4xx => {
                "The target answered with a 4xx status that the step does not expect."
            }
            Self::Status5xx => {
                "The target answered with a 5xx status that the step does not expect."
            }
            Self::StatusOther => "The target answered with another status than the step expects.",
            Self::ExpectFailed => "The body of the answer is not what the step expects.",
            Self::CaptureFailed => {
                "A value that later steps of the journey need is not in the answer."
            }
            Self::Redirect => {
                "The target redirected more often than the step allows, or to another host."
            }
            Self::InFlight => {
                "The request was still unanswered when the run was ended by a signal."
            }
            Self::GeneratorDescriptors => {
                "This process ran out of file descriptors: raise `ulimit -n`. Never the target's fault."
            }
            Self::GeneratorPorts => {
                "This machine ran out of local ports: fewer connections, or keep them alive. Never the target's fault."
            }
            Self::GeneratorData => {
                "A data file with `order = \"unique\"` has fewer rows than there were visits. Never the target's fault."
            }
        }
    }

    pub const fn category(self) -> Category {
        match self {
            Self::Refused
            | Self::Reset
            | Self::Closed
            | Self::TimeoutConnect
            | Self::TimeoutTls
            | Self::TimeoutFirstByte
            | Self::TimeoutTotal
            | Self::InFlight => Category::Transient,
            Self::TimeoutWait
            | Self::Overflow
            | Self::Withheld
            | Self::Status429
            | Self::GeneratorDescriptors
            | Self::GeneratorPorts
            | Self::GeneratorData => Category::Resource,
            Self::Status4xx | Self::TlsCertificate => Category::Permanent,
            Self::Tls
            | Self::Protocol
            | Self::Status5xx
            | Self::StatusOther
            | Self::ExpectFailed
            | Self::CaptureFailed
            | Self::Redirect => Category::Logic,
        }
    }

    /// True when the failure says that an answer takes at least so long, and not that it is wrong.
    pub const fn is_censoring(self) -> bool {
        matches!(
            self,
            Self::TimeoutConnect
                | Self::TimeoutTls
                | Self::TimeoutFirstByte
                | Self::TimeoutTotal
                | Self::TimeoutWait
                | Self::Overflow
                | Self::Withheld
                | Self::InFlight
        )
    }

    /// True when the request was given up before it was sent.
    pub const fn is_unsent(self) -> bool {
        matches!(
            self,
            Self::TimeoutWait | Self::Overflow | Self::Withheld | Self::GeneratorData
        )
    }

    /// True when this program or machine is to blame and never the target.
    pub const fn is_generators(self) -> bool {
        matches!(
            self,
            Self::GeneratorDescriptors | Self::GeneratorPorts | Self::GeneratorData
        )
    }

    /// Position in [`Self::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for ErrorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_indices_and_the_stored_form_agree() {
        for (i, class) in ErrorClass::ALL.into_iter().enumerate() {
            assert_eq!(class.index(), i);
            assert_eq!(ErrorClass::from_name(class.name()), Some(class));
            assert_eq!(serde_json::to_value(class).expect("a string"), class.name());
        }
    }
}
