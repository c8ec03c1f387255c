//! What one invocation chooses.

use super::resume::Selection;
use std::sync::atomic::AtomicBool;

/// Choices of one invocation that do not change results.
#[derive(Debug)]
pub(crate) struct Options<'a> {
    /// Which items.
    pub selection: Selection,
    /// Remove outputs of inputs that vanished and of earlier settings.
    pub prune: bool,
    /// Go on although the input is another one than before, or much of it is gone.
    pub accept_input: bool,
    /// Replace outputs that somebody edited since they were written.
    pub replace_edited: bool,
    /// Set by a signal handler: finish what is under way and stop.
    pub stop: &'a AtomicBool,
    /// Planted fault, for tests.
    pub fault: Option<String>,
}
