//! Neural networks in ONNX and weights files: loading, inspecting, and running them on pictures, whole or in
//! tiles. The only part of the program that knows tract. What [`crate::kernels`] can run is taken out of
//! tract's graph by `fast`. Where it is asked for, `onnxruntime` runs the file by a library of the user's instead.

mod attribute;
mod axes;
mod branch;
mod budget;
mod candidates;
mod choice;
mod conformance;
mod cost;
mod door;
mod embed;
mod error;
mod exported;
mod fast;
mod file;
mod finish;
mod graph;
mod grid;
mod growth;
mod guard;
mod info;
mod inspect;
mod least;
mod limits;
mod load;
mod local;
mod masks;
mod normalise;
mod onnxruntime;
mod options;
mod passed;
mod picture;
mod pixels;
mod places;
mod plan;
mod preprocess;
mod probe;
mod proto;
mod random;
mod range;
mod range_trial;
mod reach;
mod receptive;
mod restore;
mod rows;
mod samples;
mod sanity;
mod sizes;
mod speed;
mod test_picture;
mod tile;
mod tiled;
mod trial;
mod wiring;

pub use axes::Layout;
pub use branch::LeftOut;
pub use budget::ModelBudget;
pub use candidates::Bottleneck;
pub use choice::{Choice, Why};
pub use door::{COMMAND, Door, Inspection, Model, Purpose, Told, inspect};
pub use embed::{EmbedOptions, Embedder, Fit, Pool};
pub use error::{EmbedError, ModelError, RestoreError};
pub use fast::Engine;
pub use finish::Restored;
pub use grid::Grid;
pub use info::{ModelInfo, Receptive, TensorInfo};
pub use load::Network;
pub use onnxruntime::{Device, Library, LibraryError};
pub use options::{Colour, Guard, LoadOptions, RestoreOptions};
pub use places::Places;
pub use preprocess::{
    Fault as PreprocessFault, PRESETS, Preprocess, beside as preprocess_beside, preset,
    read as read_preprocess,
};
pub use proto::Weights;
pub use range::{Range, RangeOrigin};
pub use restore::Restorer;
pub use rows::{Rows, RowsInfo};
pub use trial::{Comparison, Outside, Trial, compare};

pub use crate::weights::WeightsError;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_harm;
#[cfg(test)]
mod tests_hostile;
