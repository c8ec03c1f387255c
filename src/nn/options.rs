//! How a model is to be loaded, and how pictures are to be restored.

use super::axes::Layout;
use super::fast::Engine;
use super::onnxruntime::{Library, LibraryError};
use super::range::Range;
use std::path::PathBuf;

/// What the caller knows better than the file.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// Range of the input and output; read from the file or inferred when none.
    pub range: Option<Range>,
    /// Order of the axes; read from the input's shape when none.
    pub layout: Option<Layout>,
    /// Channels of the input; needed only where the file leaves them open.
    pub channels: Option<usize>,
    /// Height and width that all pictures will have, for networks that leave them open.
    pub size: Option<(usize, usize)>,
    /// What runs it.
    pub engine: Engine,
    /// The library of [`Engine::Onnxruntime`]; looked for in the usual places when none.
    pub library: Option<PathBuf>,
}

impl LoadOptions {
    /// The same with the library that runs it, which is loaded into this process, for good: all others know it by this path.
    ///
    /// # Errors
    /// When there is none that can be used.
    pub(super) fn located(&self) -> Result<LoadOptions, LibraryError> {
        let mut options = self.clone();
        if let Engine::Onnxruntime(device) = self.engine {
            options.library = Some(Library::open(self.library.as_deref(), device)?.path().to_path_buf());
        }
        Ok(options)
    }
}

/// How a network is applied to pictures with another number of channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colour {
    /// Gray networks work on luma and keep the chroma; colour networks get gray pictures threefold.
    #[default]
    Auto,
    /// As `Auto`, for gray networks only.
    Luma,
    /// Gray networks work on red, green and blue one after another.
    Each,
    /// As `Auto`, for colour networks only.
    Rgb,
}

/// How to restore.
#[derive(Clone, Debug, Default)]
pub struct RestoreOptions {
    /// How colour is handled.
    pub colour: Colour,
    /// Whether the network's channel behind the colours is the picture's alpha; by default where its output has as
    /// many channels. Else it is a level.
    pub alpha: Option<bool>,
    /// Largest tile length in input pixels, overlap included (which lengthens tiles that would be mostly
    /// overlap); chosen by cost when none. Networks of
    /// fixed size ignore it. It doesn't change the result beyond float rounding, unless tiles must be
    /// blended.
    pub tile: Option<usize>,
    /// Accept every finite result, clamped to the range, also one that can't be a restored picture.
    pub any_finite: bool,
    /// How much of the fine structure that was taken away is given back, 0 to 1. Flat areas get nothing back.
    /// Networks that make the picture larger ignore it.
    pub texture: f32,
    /// What is done where detail was taken away. Networks that make the picture larger ignore it.
    pub guard: Guard,
}

/// What is done with a result when what was taken away lies where the picture has structure, as detail does and
/// noise does not (`docs/no-harm.md`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Guard {
    /// Nothing; it isn't looked at.
    #[default]
    Off,
    /// The strength is lowered.
    Lower,
    /// The picture is left as it was.
    Leave,
}
