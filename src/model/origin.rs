//! Who measured a run that Plimsoll did not measure itself.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where the numbers of a run come from when they were not measured here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// A file of round values.
    Values,
    /// Another tool.
    Tool {
        name: String,
        /// None where its files do not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<String>,
    },
}

impl fmt::Display for Origin {
    /// `wrk 4.1.0`, `whoever wrote the file of values`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Values => f.write_str("whoever wrote the file of values"),
            Self::Tool {
                name,
                version: Some(version),
            } => write!(f, "{name} {version}"),
            Self::Tool {
                name,
                version: None,
            } => f.write_str(name),
        }
    }
}
