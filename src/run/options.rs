//! What one invocation chooses.

use super::error::RunError;
use super::resume::Selection;
use std::fmt;
use std::sync::atomic::AtomicBool;

/// Choices of one invocation that do not change results.
#[derive(Clone, Debug)]
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
    /// Asked before anything is recorded: fails where the work is no longer this process's.
    pub hold: Hold<'a>,
}

/// Whether the work is still this process's.
#[derive(Clone, Copy, Default)]
pub(crate) struct Hold<'a>(pub Option<&'a (dyn Fn() -> Result<(), RunError> + Sync)>);

impl Hold<'_> {
    /// Fails where it is not.
    pub(crate) fn check(self) -> Result<(), RunError> {
        self.0.map_or(Ok(()), |check| check())
    }
}

impl fmt::Debug for Hold<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hold({})", self.0.is_some())
    }
}
