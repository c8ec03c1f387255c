//! The order of a tensor's axes.

/// Order of a tensor's axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Layout {
    /// Batch, channels, height, width (PyTorch).
    Nchw,
    /// Batch, height, width, channels (Keras).
    Nhwc,
}

impl Layout {
    /// A shape for one picture.
    pub(super) fn shape(self, channels: usize, height: usize, width: usize) -> [usize; 4] {
        match self {
            Layout::Nchw => [1, channels, height, width],
            Layout::Nhwc => [1, height, width, channels],
        }
    }

    /// The axes of height and width.
    pub(super) fn spatial_axes(self) -> (usize, usize) {
        match self {
            Layout::Nchw => (2, 3),
            Layout::Nhwc => (1, 2),
        }
    }

    /// Channels, height and width of a 4-D shape.
    pub(super) fn split(self, shape: &[usize]) -> Option<(usize, usize, usize)> {
        match (self, shape) {
            (Layout::Nchw, &[_, c, h, w]) | (Layout::Nhwc, &[_, h, w, c]) => Some((c, h, w)),
            _ => None,
        }
    }
}
