//! Exit codes, as `--help` promises them.

/// All done.
pub(super) const OK: u8 = 0;
/// A failure that has no code of its own, such as an output that does not verify.
pub(super) const FAILURE: u8 = 1;
/// A command that does not fit what it is asked of.
pub(super) const USAGE: u8 = 2;
/// Finished, some items failed that had not failed so before.
pub(super) const ITEMS_FAILED: u8 = 10;
/// Stopped at `max_failures`.
pub(super) const TOO_MANY_FAILURES: u8 = 11;
/// Finished; nothing new failed, but failures known before stand.
pub(super) const KNOWN_FAILURES: u8 = 12;
/// The input is not the one that is known, or too much of it is gone; nothing has changed.
pub(super) const OTHER_INPUT: u8 = 13;
/// Training ended worse than where it began; a better model was kept.
pub(super) const DIVERGED: u8 = 14;
/// Interrupted, resumable.
pub(super) const INTERRUPTED: u8 = 20;
/// The output could not be written, or the input could not be listed.
pub(super) const STORAGE: u8 = 30;
/// Invalid pipeline.
pub(super) const INVALID: u8 = 78;
