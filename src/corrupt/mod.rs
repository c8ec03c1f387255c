//! Corruptions: what goes wrong with pictures, made on purpose. One file each, registered in [`CORRUPTIONS`].
//!
//! Every one works on a [`Frame`] of any size from 1x1, gray or colour, and draws only from the [`Context`]'s
//! generator. Transcendental functions come from `libm`, so that the bytes are the same on every machine.

mod compose;
mod contour;
mod drawn;
mod filter;
mod frame;
mod ink;
mod kernels;
mod motion;
mod plasma;
mod recipe;
mod resample;

mod anisotropic_blur;
mod banding;
mod brightness;
mod camera_noise;
mod colour_fade;
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
mod scratches;
mod shot_noise;
mod sinc_blur;
mod snow;
mod spatter;
mod speckle_noise;
mod stains;
mod unsharp_mask;
mod webp_compression;
mod zoom_blur;

pub use drawn::Values;
use drawn::drawn;
pub use frame::Frame;
pub use recipe::{Applied, Context, Recipe};

use crate::spec::{Descriptor, Fallback, Kind, Param};

/// A registered corruption.
#[derive(Debug)]
pub struct Corruption {
    /// Name, documentation and parameters, of `drawn!`.
    pub descriptor: &'static Descriptor,
    /// The reference's constants at severities 1 to 5: one column for each number without a default, in order. Empty
    /// where there are none.
    pub severities: &'static [&'static [f64]],
    /// What it does.
    pub apply: fn(&mut Frame, &Values, &mut Context) -> Result<(), String>,
}

/// The parameter `severity`, first of every corruption that has severities.
pub(crate) const SEVERITY: Param = Param {
    name: "severity",
    kind: Kind::Span(&Kind::Int { min: 1, max: 5 }),
    fallback: Fallback::Unset,
    doc: "ImageNet-C severity, whose constants hold for every parameter below that is not given; 1 to 5 at \
          random when absent.",
};

/// Every corruption there is: ImageNet-C's 19 in its order, then others. A new one is a file beside this and a
/// line here.
pub static CORRUPTIONS: &[&Corruption] = &[
    &gaussian_noise::CORRUPTION,
    &shot_noise::CORRUPTION,
    &impulse_noise::CORRUPTION,
    &defocus_blur::CORRUPTION,
    &glass_blur::CORRUPTION,
    &motion_blur::CORRUPTION,
    &zoom_blur::CORRUPTION,
    &snow::CORRUPTION,
    &frost::CORRUPTION,
    &fog::CORRUPTION,
    &brightness::CORRUPTION,
    &contrast::CORRUPTION,
    &elastic_transform::CORRUPTION,
    &pixelate::CORRUPTION,
    &jpeg_compression::CORRUPTION,
    &speckle_noise::CORRUPTION,
    &gaussian_blur::CORRUPTION,
    &spatter::CORRUPTION,
    &saturate::CORRUPTION,
    &camera_noise::CORRUPTION,
    &gray_noise::CORRUPTION,
    &poisson_noise::CORRUPTION,
    &salt_pepper::CORRUPTION,
    &film_grain::CORRUPTION,
    &anisotropic_blur::CORRUPTION,
    &sinc_blur::CORRUPTION,
    &unsharp_mask::CORRUPTION,
    &rescale::CORRUPTION,
    &downscale::CORRUPTION,
    &webp_compression::CORRUPTION,
    &banding::CORRUPTION,
    &colour_fade::CORRUPTION,
    &dust::CORRUPTION,
    &scratches::CORRUPTION,
    &stains::CORRUPTION,
];

/// The descriptors of all corruptions and compositions, for the parser.
pub fn descriptors() -> Vec<&'static Descriptor> {
    let compositions = compose::COMPOSITIONS.iter().map(|c| c.descriptor);
    CORRUPTIONS.iter().map(|c| c.descriptor).chain(compositions).collect()
}

/// The kind of a parameter that takes a list of corruptions.
pub const RECIPE: Kind = Kind::Steps { noun: "corruption", registry: descriptors };

#[cfg(test)]
mod tests;
