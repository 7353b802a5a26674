//! The HTML report: one offline file, complete without JavaScript.
//!
//! The page is well-formed XML as well as HTML, asks for nothing, and its content security policy
//! forbids it to, and names style and script by their hashes. Names are stripped of control characters here and escaped by the template.

mod figures;
mod page;
mod past;
mod raw;
mod tables;

pub use page::html;
