//! How a model is to be loaded.

use super::axes::Layout;
use super::fast::Engine;
use super::range::Range;

/// What the caller knows better than the file.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// Range of the input and output; read from the file or inferred when none.
    pub range: Option<Range>,
    /// Order of the axes; read from the input's shape when none.
    pub layout: Option<Layout>,
    /// Channels of the input, 1 or 3; needed only where the file leaves them open.
    pub channels: Option<usize>,
    /// What runs it.
    pub engine: Engine,
}
