//! What stands here when Plimsoll is built without virtual users.

use super::{Order, UsersError};
use crate::model::Interval;

/// Refuses: there is nobody to run.
///
/// # Errors
/// Always.
pub fn run(_: &Order, _: &mut dyn FnMut(Interval)) -> Result<(), UsersError> {
    Err(UsersError::Absent)
}

/// Does nothing: there is nobody to keep interrupts from.
pub fn keep_interrupts() {}
