//! What a reporter is.

use crate::job::Event;

/// Consumes events.
pub(crate) trait Reporter: Sync {
    /// Tells of one event.
    fn event(&self, event: &Event);
    /// Called once, when no event will follow.
    fn finish(&self) {}
}
