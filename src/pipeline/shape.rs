//! The size of a picture before it is decoded.

/// What is known of a picture before it is decoded; for planning memory and checking fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Pixels across.
    pub width: u64,
    /// Pixels down.
    pub height: u64,
    /// Channels, alpha included.
    pub channels: u64,
    /// Bytes a sample.
    pub depth: u64,
}

impl Shape {
    /// Bytes of the pixels.
    pub(crate) fn bytes(self) -> u64 {
        self.width * self.height * self.channels * self.depth
    }
}
