//! A trained network as an ONNX file.
//!
//! Pictures are `[batch][channel][row][column]` there, where the training's are `[row][column][channel]`: the
//! weights of dense layers that read or make pictures are put in the other order, so that the file needs no
//! transposition. Networks that take any size get an input of open height and width.

mod facts;
mod onnx;
mod shape;
mod start;
mod verify;

pub use facts::{Facts, Words, facts, receptive_field};
pub use onnx::{onnx, rounded, unscaled};
pub use shape::{takes_any_size, takes_vectors};
pub use start::{StartError, start};
#[cfg(test)]
pub(in crate::train) use verify::planar;
pub use verify::{Reference, TOLERANCE, VerifyError, verify};
