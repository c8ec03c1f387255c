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
    /// What bounds both.
    pub(crate) fn larger(self, other: Shape) -> Shape {
        Shape {
            width: self.width.max(other.width),
            height: self.height.max(other.height),
            channels: self.channels.max(other.channels),
            depth: self.depth.max(other.depth),
        }
    }

    /// Bytes of the pixels.
    pub(crate) fn bytes(self) -> u64 {
        self.width * self.height * self.channels * self.depth
    }
}
