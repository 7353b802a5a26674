//! What a visitor knows and does: values captured, rows given, cookies kept, pauses and retries.
//!
//! Pure: a visit is a function of plan, seed, its number and the answers it got. The load engine and
//! the virtual users both walk journeys by it.

mod content;
mod encoding;
mod find;
mod jar;
mod location;
mod pause;
mod reply;
mod rows;
mod visit;

pub use content::plain_body;
pub use location::Redirection;
pub use reply::Reply;
pub use visit::Visit;
