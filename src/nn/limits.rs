//! The most that a model file may declare.

/// Most bytes of a model file, weights in separate files apart.
pub(super) const MAX_FILE: u64 = 2 << 30;
/// Most elements that one tensor may declare (2 GiB of floats).
pub(super) const MAX_ELEMENTS: u64 = 1 << 29;
