//! What can go wrong with one item, as data: a kind for machines and a message for people.

use std::any::Any;
use std::fmt;

/// Why an item failed. The name is what stands in the manifest's `error_kind` column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The file was there when listed and is gone.
    Vanished,
    /// The file or folder could not be read.
    Unreadable,
    /// A FIFO, socket, device or folder where an image file was expected.
    NotAFile,
    /// The file changed while it was read.
    Changed,
    /// A format, or a variant of one, that is not read.
    Unsupported,
    /// Not an image, or a damaged one.
    Undecodable,
    /// More pixels than `limits.pixels`, or a decompression bomb.
    TooLarge,
    /// More memory than `limits.memory` allows for a single item.
    OverMemory,
    /// The clean picture that it is to be compared with is not there, or does not fit.
    NoReference,
    /// The network could not run on this image.
    Model,
    /// The network ran and its result is not a picture (non-finite, black, shifted).
    BadResult,
    /// The result could not be encoded in the format asked for.
    Encode,
    /// The output's name can't be used: too long, forbidden, or a folder stands there.
    OutputName,
    /// Another input has the output's name.
    Collision,
    /// A file that safelight did not write stands where the output should go.
    Exists,
    /// Somebody changed the output since it was written.
    Edited,
    /// A defect in the program, caught.
    Panic,
}

impl ErrorKind {
    pub(crate) const ALL: [(ErrorKind, &'static str); 17] = [
        (ErrorKind::Vanished, "vanished"),
        (ErrorKind::Unreadable, "unreadable"),
        (ErrorKind::NotAFile, "not_a_file"),
        (ErrorKind::Changed, "changed"),
        (ErrorKind::Unsupported, "unsupported"),
        (ErrorKind::Undecodable, "undecodable"),
        (ErrorKind::TooLarge, "too_large"),
        (ErrorKind::OverMemory, "over_memory"),
        (ErrorKind::NoReference, "no_reference"),
        (ErrorKind::Model, "model"),
        (ErrorKind::BadResult, "bad_result"),
        (ErrorKind::Encode, "encode"),
        (ErrorKind::OutputName, "output_name"),
        (ErrorKind::Collision, "collision"),
        (ErrorKind::Exists, "exists"),
        (ErrorKind::Edited, "edited"),
        (ErrorKind::Panic, "panic"),
    ];

    /// The name used in the ledger and the manifest.
    pub fn name(self) -> &'static str {
        ErrorKind::ALL.iter().find(|(k, _)| *k == self).map_or("unknown", |(_, n)| n)
    }

    /// The kind of a name written by [`ErrorKind::name`].
    pub fn from_name(name: &str) -> Option<ErrorKind> {
        ErrorKind::ALL.iter().find(|(_, n)| *n == name).map(|(k, _)| *k)
    }

    /// True when the cause lies outside the file's bytes (limits, permissions, the disk), so that an
    /// unchanged file may succeed next time.
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            ErrorKind::Vanished
                | ErrorKind::Unreadable
                | ErrorKind::TooLarge
                | ErrorKind::NotAFile
                | ErrorKind::Changed
                | ErrorKind::OverMemory
                | ErrorKind::Collision
                | ErrorKind::Exists
                | ErrorKind::Edited
        )
    }
}

/// The failure of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemError {
    /// What kind of failure.
    pub kind: ErrorKind,
    /// What happened, where, and what to do.
    pub message: String,
}

impl ItemError {
    /// A failure of `kind` with its message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> ItemError {
        ItemError { kind, message: message.into() }
    }

    /// The same failure, saying at which step of the pipeline it happened.
    pub fn at_step(mut self, step: &str) -> ItemError {
        self.message = format!("step `{step}`: {}", self.message);
        self
    }
}

impl fmt::Display for ItemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.message)
    }
}

impl std::error::Error for ItemError {}

/// What panics about threads that can't be started say: that of polars, which starts its own when it reads the first
/// file, that of rayon, and that of the standard library.
const THREADS: [&str; 3] =
    ["could not spawn threads", "The global thread pool has not been initialized", "failed to spawn thread"];

/// Whether a caught panic is the standard library's about a folder that it could not close: an error of the disk.
pub(crate) fn is_about_folders(panic: &(dyn Any + Send)) -> bool {
    panic_text(panic).starts_with("unexpected error during closedir")
}

/// Whether a caught panic is about threads that the system refused: nothing is wrong with what was worked on.
pub(crate) fn is_about_threads(panic: &(dyn Any + Send)) -> bool {
    THREADS.iter().any(|text| panic_text(panic).starts_with(text))
}

/// The message of a caught panic.
pub(crate) fn panic_text(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("panic without a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_read_back() {
        for (kind, name) in ErrorKind::ALL {
            assert_eq!(ErrorKind::from_name(name), Some(kind));
            assert_eq!(kind.name(), name);
        }
    }
}
