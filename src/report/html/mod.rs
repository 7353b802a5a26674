//! The HTML report and the list of runs, each one offline file, complete without JavaScript; and the run
//! that is being measured.
//!
//! A page is well-formed XML as well as HTML. A file asks for nothing, and its content security policy
//! forbids it to, and names style and script by their hashes; what is served asks for itself again. Names
//! are stripped of control characters here and escaped by the template.

mod figures;
mod index;
mod live;
mod page;
mod past;
mod raw;
mod shell;
mod tables;

pub use index::{IndexPlace, index};
pub use live::live;
pub use page::{html, html_served};
