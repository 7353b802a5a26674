//! Scenario files: from text to a checked [`Plan`](plan::Plan), or to all that is wrong with it.
//!
//! Text becomes a tree with places (`tree`), the tree is held to the table of keys (`keys`,
//! `shape`), and what the values mean together is checked part by part (`check` and its siblings).
//! Nothing stops at the first problem. Invariant: a [`Plan`](plan::Plan) is returned only when there
//! was no error, and an error list is never empty.

mod alert;
mod alert_keys;
mod beside;
mod body;
mod change;
mod check;
mod data;
mod doubts;
mod draft;
mod expression;
mod fault;
mod fault_keys;
mod file;
mod follow;
mod grammar;
mod guard;
mod health;
mod http;
mod journey;
mod keys;
mod kinds;
mod limits;
mod name;
mod phase;
mod phase_keys;
pub mod plan;
mod problems;
mod profile;
mod project;
mod project_keys;
mod quick;
mod reach;
mod recording;
mod replay;
mod request;
mod said;
mod sample;
mod schema;
mod search;
mod section;
mod shape;
mod step;
mod suggest;
mod target;
mod target_keys;
mod template;
mod text;
mod threshold;
mod threshold_keys;
mod tls;
mod tree;
mod url;
mod visit_keys;

pub use change::{example_change, read_change};
pub use check::{Loaded, parse};
pub use draft::{Draft, draft};
pub use expression::{is_threshold, read_threshold};
pub use file::{load, load_in, locate, said_in};
pub use limits::DEFAULT_CONNECTIONS;
pub use name::slugged;
pub use project::{Gate, Inconclusive, Outputs, PROJECT_FILE, Project, parse_project, project};
pub use quick::{Quick, QuickConnection, QuickLoad, quick};
pub use said::Said;
pub use sample::project_sample;
pub use schema::{project_schema, project_schema_text, schema, schema_text};
pub use template::{Disclosed, Environment, disclosed};
pub use url::{Astray, check_address, check_host, check_hosts, parse_url};
