//! A small made-up picture archive for trying the program out, and the clean scenes it is made of.
//!
//! Everything follows from a seed through [`rng::SplitMix64`], so that the same seed gives the same
//! bytes; only the last digits of the platform's `sin`, `exp` and `powf` may differ between machines.

mod archive;
mod degrade;
mod draw;
mod march;
mod noise;
pub(crate) mod rng;
mod scenes;

pub use archive::{SampleError, archive};
pub use degrade::{camera_noise, film_grain};
pub use rng::SplitMix64;
pub use scenes::{Scene, scene};
