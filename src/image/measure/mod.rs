//! What a picture's pixels say about it: noise, blur, compression, tones, naturalness.
//!
//! A measurement is one file here, with its documentation, and one line in the list of the step `measure`. All leave
//! alpha out, hold for any size from 1x1 and are finite: non-finite float samples count as 0. Those of one picture
//! share its luma.

#![expect(
    clippy::needless_range_loop,
    reason = "closures of iterators are not inlined into functions that are compiled for AVX2"
)]

pub mod banding;
pub mod blockiness;
pub mod clipping;
pub mod edge_width;
mod eigen;
mod grid;
pub mod jpeg_quality;
mod lines;
mod moments;
pub mod niqe;
mod noise;
pub mod noise_shape;
pub mod noise_sigma;
mod subject;
pub mod tone;

pub use noise_sigma::noise_sigma;
pub use subject::{Kind, Measurement, Reading, Subject};
