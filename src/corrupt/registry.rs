//! Every corruption there is.

use super::corruption::Corruption;

/// Every corruption there is: ImageNet-C's 19 in its order, then others. A new one is a file beside this and a
/// line here.
pub static CORRUPTIONS: &[&Corruption] = &[
    &super::gaussian_noise::CORRUPTION,
    &super::shot_noise::CORRUPTION,
    &super::impulse_noise::CORRUPTION,
    &super::defocus_blur::CORRUPTION,
    &super::glass_blur::CORRUPTION,
    &super::motion_blur::CORRUPTION,
    &super::zoom_blur::CORRUPTION,
    &super::snow::CORRUPTION,
    &super::frost::CORRUPTION,
    &super::fog::CORRUPTION,
    &super::brightness::CORRUPTION,
    &super::contrast::CORRUPTION,
    &super::elastic_transform::CORRUPTION,
    &super::pixelate::CORRUPTION,
    &super::jpeg_compression::CORRUPTION,
    &super::speckle_noise::CORRUPTION,
    &super::gaussian_blur::CORRUPTION,
    &super::spatter::CORRUPTION,
    &super::saturate::CORRUPTION,
    &super::camera_noise::CORRUPTION,
    &super::gray_noise::CORRUPTION,
    &super::poisson_noise::CORRUPTION,
    &super::salt_pepper::CORRUPTION,
    &super::film_grain::CORRUPTION,
    &super::anisotropic_blur::CORRUPTION,
    &super::sinc_blur::CORRUPTION,
    &super::unsharp_mask::CORRUPTION,
    &super::rescale::CORRUPTION,
    &super::downscale::CORRUPTION,
    &super::webp_compression::CORRUPTION,
    &super::banding::CORRUPTION,
    &super::colour_fade::CORRUPTION,
    &super::dust::CORRUPTION,
    &super::scratches::CORRUPTION,
    &super::stains::CORRUPTION,
];
