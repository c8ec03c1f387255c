//! Corruptions: what goes wrong with pictures, made on purpose. One file each, registered in [`CORRUPTIONS`].
//!
//! Every one works on a [`Frame`] of any size from 1x1, gray or colour, and draws only from the [`Context`]'s
//! generator. Transcendental functions come from `libm`, so that the bytes are the same on every machine.

mod compose;
mod contour;
mod corruption;
mod demosaic;
mod drawn;
mod error;
mod filter;
mod frame;
mod ink;
mod jpeg_blocks;
mod jpeg_colour;
mod kernels;
mod light;
mod motion;
mod op;
mod plasma;
mod recipe;
mod registry;
mod resample;

mod anisotropic_blur;
mod banding;
mod brightness;
mod camera_noise;
mod colour_fade;
mod colour_grain;
mod contrast;
mod defocus_blur;
mod downscale;
mod dust;
mod elastic_transform;
mod film_grain;
mod fog;
mod frost;
mod gaussian_blur;
mod gaussian_noise;
mod glass_blur;
mod gray_noise;
mod impulse_noise;
mod jpeg_compression;
mod motion_blur;
mod pixelate;
mod poisson_noise;
mod rescale;
mod salt_pepper;
mod saturate;
mod scan_noise;
mod scratches;
mod sensor_noise;
mod shot_noise;
mod sinc_blur;
mod snow;
mod spatter;
mod speckle_noise;
mod stains;
mod unsharp_mask;
mod webp_compression;
mod zoom_blur;

pub use compose::{RECIPE, descriptors};
pub use corruption::{Context, Corruption};
pub use drawn::Values;
use drawn::drawn;
pub use error::{CorruptError, RecipeError};
pub use frame::Frame;
pub use op::Applied;
pub use recipe::Recipe;
pub use registry::CORRUPTIONS;

#[cfg(test)]
mod tests;

/// The example of `docs/extending.md`.
#[cfg(test)]
#[path = "../../docs/extending/vignette.rs"]
mod vignette;
